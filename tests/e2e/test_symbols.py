"""Names of functions, inlined ones among them, against what the victims print and against addr2line(1)."""

import json
import os
import random
import re
import resource
import shutil
import subprocess

import pytest

import schema_check
from tracing import ROOT, TOOL, run, trace

BASE = 0x10000000  # where a made-up trace has its only region
PAGE = 4096


def chain(frame):
    """[(function, file without folders, line)] of a frame, innermost first."""
    return [(part.get("function"), part.get("file", "").rpartition("/")[2], part.get("line"))
            for part in (frame, *frame.get("inlined_into", []))]


def own_chain(traced, size):
    """The functions of the program itself that led to malloc(size), and the cause of the change."""
    change = next(event for event in traced.changes("malloc") if event["cause"]["size"] == size)
    frames = [frame for frame in traced.stacks[change["cause"]["stack_id"]]
              if frame.get("module") == traced.process["exe"]]
    return [part for frame in frames for part in chain(frame)], change["cause"]


# ---- what the victims print ----

def expected_chains(traced):
    for size, *functions in traced.said("chain"):
        yield int(size), [(name, "inlined.c", int(line)) for name, line in (word.split(":") for word in functions)]


def check_chains(traced):
    checked = 0
    for size, expected in expected_chains(traced):
        found, _ = own_chain(traced, size)
        assert found[:len(expected)] == expected
        checked += 1
    assert checked == 3


def test_inlined_functions(programs):
    traced = trace(programs.victims / "inlined")
    check_chains(traced)
    lines = {size: [line for _, _, line in expected] for size, expected in expected_chains(traced)}
    callers = {size: own_chain(traced, size)[1]["caller"] for size in lines}
    assert callers == {150000: f"take (inlined in build) inlined.c:{lines[150000][0]}",
                       160000: f"take (inlined in build) inlined.c:{lines[160000][0]}",
                       170000: f"build inlined.c:{lines[170000][0]}"}


def test_names_of_cxx(programs):
    traced = trace(programs.victims / "cxx_names")
    said = traced.said("name")
    assert len(said) == 7
    for size, line, *name in said:
        found, cause = own_chain(traced, int(size))
        name, place = " ".join(name), f" cxx_names.cpp:{line}"
        assert cause["caller"].startswith(name) and place in cause["caller"], (cause, name)
        own = next(part for part in found if part[1] == "cxx_names.cpp")
        assert own[0].replace("lambda()", "lambda").startswith(name) and own[2] == int(line), (own, name)
    stack = own_chain(traced, 160000)[0]
    assert stack[0][0] == f"lab::Stack<long>::push(long, unsigned {'int' if programs.bits == 32 else 'long'})"
    vector = own_chain(traced, 200000)[1]["caller"]
    assert vector.endswith(" -> std::vector<...>::vector"), vector


@pytest.mark.parametrize("victim", ["inlined", "cxx_names"])
def test_replay_agrees(programs, victim, tmp_path):
    """A recorded trace brings its names along: the files need not be there any more."""
    program = tmp_path / victim
    shutil.copy(programs.victims / victim, program)
    recorded, timeline = tmp_path / "trace.jsonl", tmp_path / "timeline"
    done = run(TOOL, f"--json={recorded}", f"--timeline={timeline}", program)
    assert done.status == 0, done.stderr
    program.unlink()
    assert run(TOOL, "show", "--json", recorded).stdout == recorded.read_text()
    shown = run(TOOL, "show", "--timeline", recorded).stdout
    assert shown.splitlines()[1:] == timeline.read_text().splitlines()[1:]


# ---- where the debug information is ----

def objcopy(*words):
    if not shutil.which("objcopy"):
        pytest.skip("no objcopy")
    subprocess.run(["objcopy", *words], check=True)


@pytest.mark.parametrize("folder", ["", ".debug"])
def test_separate_debug_file(programs, tmp_path, folder):
    program, debug = tmp_path / "stripped", tmp_path / folder / "stripped.debug"
    debug.parent.mkdir(exist_ok=True)
    objcopy("--only-keep-debug", programs.victims / "inlined", debug)
    objcopy("--strip-all", f"--add-gnu-debuglink={debug}", programs.victims / "inlined", program)
    check_chains(trace(program))


def test_stripped_program(programs, tmp_path):
    program = tmp_path / "stripped"
    objcopy("--strip-all", programs.victims / "inlined", program)
    traced = trace(program)
    found, cause = own_chain(traced, 150000)
    assert found[0] == (None, "", None)
    assert re.fullmatch(r"stripped\+0x[0-9a-f]+", cause["caller"])


def test_common_debug_information(programs, tmp_path):
    """dwz moves what two files have in common to a third one."""
    if not shutil.which("dwz"):
        pytest.skip("no dwz")
    for name in ("one", "two"):
        shutil.copy(programs.victims / "inlined", tmp_path / name)
    done = subprocess.run(["dwz", "-m", "common.debug", "-r", "one", "two"], cwd=tmp_path)
    assert done.returncode == 0
    check_chains(trace(tmp_path / "one"))
    (tmp_path / "common.debug").write_bytes(b"\x7fELF is not enough")
    assert trace(tmp_path / "two").status == 0


def test_program_that_replaces_itself(programs, tmp_path):
    """Its file is another one, of no format, when somebody wants to know names."""
    program = programs.compile(tmp_path / "replaced", r"""
        #include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) {
            char name[4096];
            snprintf(name, sizeof name, "%s.new", argv[0]);
            FILE *out = fopen(name, "w");
            for (int i = 0; out && i < 1000; i++)
                fputs("\177ELF\2\1\1 but nothing else", out);
            if (!out || fclose(out) || rename(name, argv[0]))
                return argc;
            free(malloc(200000));
            return 7;
        }""")
    done = run(TOOL, program)
    assert done.status == 7
    assert re.search(r"malloc\(200000\) = 0x[0-9a-f]+ +\S+", done.stderr)


# ---- against addr2line ----

@pytest.mark.parametrize("instead", [os.mkfifo, lambda path: path.symlink_to("/dev/tty"), os.mkdir],
                         ids=["fifo", "device", "folder"])
def test_what_is_no_file_is_not_opened(programs, tmp_path, instead):
    """libdw opens .dwo files by the names in the program."""
    part = programs.compile(tmp_path / "prog.o", "#include <stdlib.h>\nint main(void) { free(malloc(200000)); }", "-gsplit-dwarf",
                            "-fno-builtin", "-c")
    subprocess.run(["gcc", f"-m{programs.bits}", part, "-o", tmp_path / "prog"], check=True)
    (tmp_path / "prog.dwo").unlink(missing_ok=True)
    instead(tmp_path / "prog.dwo")
    traced = trace(tmp_path / "prog")
    assert traced.status == 0


def test_little_stack(programs, tmp_path):
    """Names are looked up all the same, by the tool and by `show`."""
    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (128 << 10, 128 << 10))
    timeline = tmp_path / "timeline"
    done = run(TOOL, "-o", timeline, programs.labs / "map3", preexec_fn=limit)
    assert done.status == 0, done.err
    assert "map3.c:" in timeline.read_text()


def code_of(path):
    """(offset in the file, address, size) of the segment with the code."""
    for line in subprocess.run(["readelf", "-lW", path], stdout=subprocess.PIPE, text=True).stdout.splitlines():
        words = line.split()
        if words and words[0] == "LOAD" and "E" in "".join(words[6:-1]):
            return int(words[1], 16), int(words[2], 16), int(words[4], 16)
    raise AssertionError(f"no code in {path}")


def made_up_trace(path, addresses):
    """A trace of a program that is `path` and has these addresses in its stacks, as return addresses."""
    offset, start, size = code_of(path)
    common = {"t_ns": 0, "pid": 1, "image": 1, "tid": 1}
    first = offset // PAGE * PAGE
    end = BASE + (offset - first + size + PAGE - 1) // PAGE * PAGE
    region = {"start": hex(BASE), "end": hex(end), "size": end - BASE, "perms": "r-xp", "offset": first, "dev_major": 8,
              "dev_minor": 1, "inode": 1, "path": str(path)}
    yield {"type": "process", **common, "schema": 1, "origin": "start", "ppid": 0, "exe": str(path), "argv": ["x"],
           "class": 64, "machine": "x86-64", "linking": "dynamic", "pie": True, "libc": "", "page_size": PAGE,
           "backend": "ptrace", "allocator_calls": "unseen", "snapshots": "text", "thresholds": None, "brk": "0x0",
           "stack_end": "0x0", "tracer": ["0x0"] * 3, "wall_time_ns": 0}
    yield {"type": "snapshot", **common, "reason": "start", "lo": "0x0", "hi": hex(2**64 - 1), "whole": True,
           "last": True, "regions": [region]}
    for index in range(0, len(addresses), 64):
        ips = [BASE + address - start + offset - first + 1 for address in addresses[index:index + 64]]
        yield {"type": "stack", **common, "id": index // 64 + 1, "frames": [{"ip": hex(ip)} for ip in ips]}


def resolve(path, addresses, tmp_path):
    made_up = tmp_path / "made-up.jsonl"
    events = (json.dumps({**event, "seq": seq}) for seq, event in enumerate(made_up_trace(path, addresses), 1))
    made_up.write_text("\n".join(events) + "\n")
    done = run(TOOL, "show", "--json", made_up)
    assert done.status == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        if event["type"] == "stack":
            assert schema_check.validators()["stack"].is_valid(event)
    return [chain(frame) for event in events if event["type"] == "stack" for frame in event["frames"]]


def addr2line(path, addresses):
    """The same from addr2line; None where it does not know function or line."""
    done = subprocess.run(["addr2line", "-aifC", "-e", path], input="\n".join(map(hex, addresses)) + "\n",
                          stdout=subprocess.PIPE, text=True, check=True)
    chains, lines = [], iter(done.stdout.splitlines())
    for line in lines:
        if re.fullmatch("0x[0-9a-f]+", line):
            chains.append([])
            continue
        file, _, number = next(lines).partition(" (discriminator")[0].rpartition(":")
        known = line != "??" and number.isdigit() and number != "0" and "artificial" not in file
        chains[-1].append((line, file.rpartition("/")[2], int(number)) if known else None)
    return [None if None in found else found for found in chains]


def compare(path, tmp_path, count=3000):
    """Compares what both know of random addresses: lines and inlined functions. The name of the outermost function
    is another question: of a function's symbols addr2line takes the first, and the tool the one that people write.
    So are files: addr2line of binutils 2.40 says "say() at cxx_names.cpp:20", which is a line of victim.h."""
    if not shutil.which("addr2line"):
        pytest.skip("no addr2line")
    _, start, size = code_of(path)
    generator = random.Random(4)
    addresses = sorted(generator.sample(range(start, start + size), min(count, size)))
    found, expected = resolve(path, addresses, tmp_path), addr2line(path, addresses)
    assert len(found) == len(expected) == len(addresses)
    both = [(address, a, b) for address, a, b in zip(addresses, found, expected) if b and a[0][2]]
    different = [(hex(address), a, b) for address, a, b in both
                 if [part[2] for part in a] != [part[2] for part in b]
                 or [part[0] for part in a[:-1]] != [part[0] for part in b[:-1]]]
    known = sum(1 for chain in expected if chain)
    return both, different, known


def test_victims_against_addr2line(programs, tmp_path):
    for victim in ("inlined", "cxx_names"):
        path = programs.victims / victim
        both, different, known = compare(path, tmp_path)
        assert both and len(both) >= 0.9 * known
        assert different == [], victim
        for address, a, b in both:
            assert a[-1][0].partition(" [clone")[0] == b[-1][0].partition(" [clone")[0], hex(address)


def test_tool_against_addr2line(tmp_path):
    """Of the tool itself, optimised as one program. addr2line errs a little there."""
    both, different, known = compare(TOOL, tmp_path)
    assert len(both) >= 0.9 * known and known > 1000
    assert len(different) <= 0.01 * len(both), different[:10]


def test_libc_against_addr2line(programs, tmp_path):
    """Of the C library, whose debug information is in a separate file, if that is installed."""
    folder = {"i386": "i386-linux-gnu", "amd64": "x86_64-linux-gnu"}[programs.package_arch]
    path = f"/usr/lib/{folder}/libc.so.6"
    both, different, known = compare(path, tmp_path)
    if not known:
        pytest.skip(f"no debug information of {path} (libc6-dbg)")
    assert len(both) >= 0.9 * known
    assert len(different) <= 0.01 * len(both), different[:10]


@pytest.mark.parametrize("flags", [["-O1", "-gdwarf-4"], ["-O3", "-gdwarf-5"], ["-Og", "-g3", "-gz"],
                                   ["-O2", "-g", "-gsplit-dwarf"]], ids=" ".join)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compilers_against_addr2line(programs, tmp_path, compiler, flags):
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    source = ROOT / "tests" / "victims" / "inlined.c"
    program = tmp_path / "program"
    done = subprocess.run([compiler, f"-m{programs.bits}", "-std=gnu11", *flags, source, "-o", program], cwd=tmp_path,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pytest.skip(f"{compiler} cannot: {done.stderr[-200:]}")
    check_chains(trace(program))
    if "-gsplit-dwarf" not in flags:  # addr2line of binutils 2.40 does not read that
        both, different, _ = compare(program, tmp_path)
        assert both and different == []
