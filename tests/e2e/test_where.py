"""--where: the addresses and values that the program prints itself are those of the events; and the screen."""

import re
import shutil
import subprocess

import pytest

import running
from tracing import ROOT, TOOL, run, trace

SOURCE = ROOT / "tests" / "victims" / "where.c"


def variables(traced):
    return {(e.get("function", ""), e["name"]): e for e in traced.of("variable")}


def said(out):
    """{(function, name): (address, value)} that the program prints."""
    found = {}
    for name, address, value in re.findall(r"^@ (\S+) (0x[0-9a-f]+) (.*)$", out, re.M):
        function, _, variable = name.rpartition(":")
        found[function, variable] = address, value
    return found


def looked_at(program, *options, **more):
    return trace(program, tool_options=["--where", *options], **more)


def region_at(traced, address):
    [start] = [g["kind"] for e in traced.of("snapshot") if e["reason"] == "exit" for g in e["regions"]
               if int(g["start"], 16) <= int(address, 16) < int(g["end"], 16)][-1:]
    return start


def check(traced, has_all=True):
    """Each variable that the program tells of is where it says, in the region that the map at the end has there."""
    found, told = variables(traced), said(traced.stdout)
    assert len(told) > 20
    missing = [key for key in told if key not in found]
    assert not missing or not has_all, missing
    for key, (address, value) in told.items():
        event = found.get(key)
        if not event or event["place"] not in ("memory", "thread"):
            assert not has_all, (key, event)
            continue
        assert event["addr"] == address, (key, event)
        assert event["region"]["kind"] == region_at(traced, address) or event["region"]["kind"] == "thread_stack"
        if "value" in event and (has_all or not key[0]):
            assert str(event["value"]) == value, (key, event)
        else:
            assert "value" in event or not has_all, (key, event)
    return found


def test_where_and_what(programs):
    """As gcc -O0 has it; with and without a frame that is aligned anew, which is what i386's main is."""
    found = check(looked_at(programs.victims / "where"))
    assert found["", "of_thread"]["place"] == "thread" and found["never", "unused"]["place"] == "uncalled"
    assert {name for (_, name), e in found.items() if e["kind"] == "function"} == {
        "main", "recursive", "leaves", "thread", "on_signal", "never", "counter", "ends", "say_fixed"} | {
            name for (_, name), e in found.items() if e["kind"] == "function" and e.get("file", "").endswith("victim.h")}
    types = {key: found[key]["c_type"] for key in found if key[0] in ("", "main")}
    assert types["", "grid"] == "int[3][4]" and types["", "handler"] == "void (*)()" and types["main", "argv"] == "char **"
    assert types["", "text"] == "const char *" and types["", "colour"] == "enum colour"
    assert types["", "huge"] == "unsigned long long" and types["", "of_file"] == "short"
    assert found["leaves", "inside"].get("value", 1) == 1, "longjmp has left its frame, which others have got since"
    assert found["leaves", "number"]["value"] == 1


def test_what_pointers_point_to(programs):
    traced = looked_at(programs.victims / "where")
    found = variables(traced)
    mallocs = [e for e in traced.of("alloc") if e.get("caller", "").startswith("main where.c")]
    block, gone, mapped = (next(e for e in mallocs if e["size"] == size) for size in (100, 20000, 40000000))
    assert found["main", "block"]["points_to"] == {
        "region": found["main", "block"]["points_to"]["region"],
        "block": {"addr": block["addr"], "size": 100, "caller": block["caller"]}}
    assert found["main", "middle"]["points_to"]["block"]["addr"] == block["addr"]
    freed, unmapped = found["main", "gone"]["points_to"], found["main", "mapped"]["points_to"]
    assert freed["freed"]["addr"] == gone["addr"] and freed["freed"]["freed_by"].startswith("main where.c")
    assert unmapped["region"] is None and unmapped["freed"]["addr"] == mapped["addr"]
    assert found["", "text"]["text"] == "a constant" and found["", "text"]["points_to"]["region"]["kind"] == "rodata"
    assert found["", "handler"]["points_to"]["function"] == "on_signal"
    across = found["", "across"]
    assert (across["region"]["kind"], across["ends_in"]["kind"]) == ("data", "bss")


@pytest.mark.parametrize("compiler, flags", [("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O1"), ("gcc", "-O0 -gdwarf-4"),
                                             ("gcc", "-O0 -fomit-frame-pointer"), ("gcc", "-O0 -no-pie"), ("gcc", "-O0 -static"),
                                             ("gcc", "-O0 -gsplit-dwarf"), ("gcc", "-Og")])
def test_compiled_otherwise(tmp_path, programs, compiler, flags):
    """Where the compiler keeps something elsewhere it is said; nothing that is said is wrong."""
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    subprocess.run([compiler, f"-m{programs.bits}", "-g", *flags.split(), "-w", "-pthread", SOURCE, "-o", "where"],
                   check=True, cwd=tmp_path)
    found = check(looked_at(tmp_path / "where"), has_all="-O0" in flags)
    assert found["", "global"]["value"] == -5


def test_recorded(tmp_path, programs):
    """`show` of the trace has the same screen, and its events again are the same."""
    file, again = tmp_path / "trace.jsonl", tmp_path / "again.jsonl"
    live = run(TOOL, "--where", f"--json={file}", programs.victims / "where")
    assert live.status == 0
    shown = run(TOOL, "show", "--where", f"--json={again}", file)
    assert shown.status == 0 and shown.stdout == live.stderr
    assert again.read_text() == file.read_text()


def test_some(programs):
    """NAME,NAME: variables, or all of functions."""
    found = variables(looked_at(programs.victims / "where", "--where=global,recursive"))
    assert {e["name"] for e in found.values()} == {"global", "recursive", "depth", "from", "here", "sum"}
    screen = run(TOOL, "--where=global", programs.victims / "where").stderr
    assert re.search(r"^global +int +global +-5 +[0-9a-f]+ data$", screen, re.M) and "recursive" not in screen


def test_without_debug_information(tmp_path, programs):
    for flags in ["-g0"], ["-g0", "-s"]:
        subprocess.run(["gcc", f"-m{programs.bits}", *flags, "-w", "-pthread", SOURCE, "-o", "where"], check=True, cwd=tmp_path)
        done = run(TOOL, "--where", tmp_path / "where")
        assert done.status == 0 and "ompile with -g" in " ".join(done.stderr.split())
        told = said(done.stdout)
        row = re.search(r"^global +global +(\w+) data$", done.stderr, re.M)
        assert bool(row) == (flags == ["-g0"]) and (not row or int(row[1], 16) == int(told["", "global"][0], 16))


@pytest.mark.parametrize("lab", ["map1", "map2", "map3", "lib_cos", "lib_cos_static"])
def test_the_lab(programs, lab):
    """Each address that the lab's programs print is that of the variable; the screen fits in 80 columns."""
    traced = looked_at(programs.labs / lab)
    found = {e["name"]: e for e in traced.of("variable")}
    for name, address in re.findall(r"^@ addr (\w+) (0x[0-9a-f]+)$", traced.stdout, re.M):
        event = found.get(name)
        if event and event["place"] == "memory":
            assert event["addr"] == address
    screen = run(TOOL, "--where", programs.labs / lab, env={"COLUMNS": "80"}).stderr
    assert "holds main" in screen and max(map(len, screen.splitlines())) <= 80


def test_threads_at_the_same_function(tmp_path, programs):
    """Several threads run into one breakpoint at the same time; nothing is lost, and all of them get through."""
    program = programs.compile(tmp_path / "many", """
        #include <pthread.h>
        #include <stdio.h>
        static int sum(int n) { int all = 0; for (int i = 0; i < n; i++) all += i; return all; }
        static void *work(void *arg) { long n = 0; for (int i = 0; i < 2000; i++) n += sum(i % 10); return (void *)n; }
        int main(void)
        {
            pthread_t t[8];
            for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, work, 0);
            long total = 0;
            void *n;
            for (int i = 0; i < 8; i++) { pthread_join(t[i], &n); total += (long)n; }
            printf("%ld\\n", total);
            return 0;
        }""", "-pthread")
    for _ in range(5):
        traced = looked_at(program)
        assert traced.status == 0 and traced.stdout == f"{8 * 200 * sum(k * (k - 1) // 2 for k in range(10))}\n"
        assert variables(traced)["sum", "n"]["place"] == "memory"


def test_a_running_process(tmp_path, programs):
    """-p: what is called from now on; nothing is left behind in its code."""
    program = programs.compile(tmp_path / "runs", """
        #include <stdio.h>
        #include <unistd.h>
        int turns;
        static int turn(int number) { int twice = 2 * number; turns++; return twice; }
        int main(void)
        {
            int all = 0;
            for (int i = 0; i < 300; i++) { all += turn(i); usleep(10000); if (i == 0) puts("runs"), fflush(stdout); }
            printf("%d %d\\n", all, turns);
            return 0;
        }""")
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "runs\n"
    file = tmp_path / "trace.jsonl"
    tracer = subprocess.Popen([TOOL, "-q", "--where", f"--json={file}", "-p", str(process.pid)], stderr=subprocess.PIPE)
    running.wait_until(lambda: file.exists() and '"type":"variable"' in file.read_text(), "its variables")
    tracer.terminate()
    tracer.communicate(timeout=60)
    assert process.communicate(timeout=60)[0] == f"{2 * sum(range(300))} 300\n" and process.returncode == 0
