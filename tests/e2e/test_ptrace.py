"""The ptrace source: programs that cannot be preloaded, and running ones."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

import strace
from bulk_schema import read_trace
from invariants import check_invariants
from programs import NO_32_BIT, PROGRAMS32
from running import looked_at, state, wait_until
from tracing import BUILD, ENVIRONMENT, HANGS, ROOT, TOOL, run, trace, untraced

pytestmark = pytest.mark.skipif(not strace.works(), reason="processes cannot be traced here")

PTRACE = ("--backend=ptrace",)
LABS = ["map1", "map3", "lib_cos", "mmap_file", "brk_direct", "mprotect_split", "mremap_grow", "shared_memory"]
WORD_SIZES = [pytest.param(32, marks=pytest.mark.skipif(not PROGRAMS32.run_here, reason=NO_32_BIT)), 64]


def built(source, bits, *flags):
    """A program of the tests, compiled as it is wanted here. The name says how."""
    path = BUILD / "ptrace" / "-".join([Path(source).stem, str(bits), *(flag.strip("-") for flag in flags)])
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_mtime < (ROOT / source).stat().st_mtime:
        new = path.with_suffix(f".{os.getpid()}")  # another worker may want it at the same time, or run it already
        subprocess.run(["gcc", f"-m{bits}", "-g", "-O0", "-std=gnu11", "-D_GNU_SOURCE", "-pthread", *flags, ROOT / source,
                        "-o", new, "-lm"], check=True, timeout=HANGS)
        new.replace(path)
    return path


def lab(name, bits, *flags):
    return built(f"tests/labs/{name}.c", bits, *flags)


def victim(bits, *flags):
    return built("tests/victims/ptraced.c", bits, *flags)


def images(traced):
    """{image: (process event, exit event)}"""
    ends = {event["image"]: event for event in traced.of("exit")}
    return {event["image"]: (event, ends[event["image"]]) for event in traced.of("process")}


def kernel_calls(traced, tid):
    """The calls that changed something, or tried to, as strace.Call has them."""
    calls = []
    for event in traced.of("kernel", tid=tid):
        if event["call"] != "brk" or int(event["args"][0], 16) != 0:
            calls.append(event)
    return calls


def shape(call, args, result, errno):
    """What two runs have in common: addresses of mmap and of what lies there may differ."""
    lengths = {"mmap": (1, 2, 3), "mmap2": (1, 2, 3), "munmap": (1,), "mprotect": (1, 2), "mremap": (1, 2, 3), "madvise": (1, 2)}
    return call, tuple(args[index] for index in lengths.get(call, ())), errno if result is None else None


def number(word):
    return int(word, 0) if isinstance(word, str) else word


def of_trace(traced, tid):
    calls = []
    for event in kernel_calls(traced, tid):
        args = [number(word) for word in event["args"]]
        failed = "errno" in event
        calls.append(shape(event["call"], args, None if failed else 0, event.get("errno")))
    return calls


def of_strace(calls):
    return [shape(call.call, call.args, None if call.errno else 0, call.errno) for call in calls if call.is_change()]


# --- the same calls as strace sees ---

@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",), ("-static", "-s")], ids=["dynamic", "static", "stripped"])
@pytest.mark.parametrize("name", LABS)
def test_same_calls_as_strace(name, bits, linking):
    program = lab(name, bits, *linking)
    traced = trace(program, tool_options=PTRACE)
    alone, pid, logs = strace.witness(program)
    calls = logs[pid][-1]
    assert traced.status == alone.status
    assert traced.process["backend"] == "ptrace" and traced.process["class"] == bits
    wanted = of_strace(calls)
    assert wanted, "strace saw nothing"
    assert of_trace(traced, traced.process["pid"]) == wanted
    assert traced.process["allocator_calls"] == ("unseen" if "-s" in linking else "seen")


def test_comparison_can_fail():
    """The comparison with strace sees a call that one of them has not."""
    program = lab("mremap_grow", 64, "-static")
    traced = trace(program, tool_options=PTRACE)
    _, pid, logs = strace.witness(program)
    calls = logs[pid][-1]
    assert of_trace(traced, traced.process["pid"])[:-1] != of_strace(calls)


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_text_and_query_agree(bits):
    program = lab("mprotect_split", bits, "-static")
    query = trace(program, tool_options=PTRACE)
    text = trace(program, tool_options=PTRACE, env={"PROCMAP_TRACE_SNAPSHOTS": "text"})

    def told(traced):
        return [(event["change"], event["delta"], event["cause"]["call"]) for event in traced.of("region")]

    assert told(query) == told(text) and told(query)
    assert text.process["snapshots"] == "text"


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_dynamic_loader_at_work(bits):
    """Seen call by call, it ends with the regions that the preloaded shim finds at its start; and each step is explained."""
    def totals(traced):
        return {row["kind"]: (row["regions"], row["bytes"]) for row in traced.exit["totals"] if row["kind"].startswith("lib_")}

    program = lab("lib_cos", bits)
    traced = trace(program, tool_options=PTRACE)
    assert totals(traced) == totals(trace(program, tool_options=("--backend=preload",)))
    assert "lib_bss" in totals(traced)
    added = traced.changes(change="added")
    assert ["mapped_file"] == [event["after"]["kind"] for event in added if event["after"].get("path") == "/etc/ld.so.cache"]
    libc = [event["why"] for event in traced.changes() if (event["after"] or event["before"]).get("path", "").endswith("/libc.so.6")]
    for words in ("loads the library", "code: may be executed", "variables: pages that are written", "RELRO"):
        assert any(words in why for why in libc), words
    assert re.search(r"the dynamic loader +ld-linux\S*\.so\.2\n +-> mmap\(length \w+\) = 0x\w+\n\+ added ", run(TOOL, *PTRACE, program).stderr)
    # what the program maps itself is not the loader's
    own = trace(lab("mmap_file", bits), tool_options=PTRACE)
    mapped = [event for event in own.changes(change="added") if own.line(event["cause"]) and event["cause"]["call"].startswith("mmap")]
    assert mapped and not any("loader" in event["why"] for event in mapped)


# --- the allocator ---

@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_every_malloc_is_seen(bits, linking):
    traced = trace(lab("many_mallocs", bits, *linking), "500", tool_options=PTRACE)
    assert traced.status == 0
    main = [event for event in traced.of("alloc") if traced.line(event)]
    calls = Counter(event["call"] for event in main)
    assert calls["free"] == 500 and calls["malloc"] in (500, 501)  # one may be of printf
    assert {event["placement"] for event in main} == {"heap"}


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_backends_agree_on_allocations(bits):
    """Of a dynamic program both sources see the same calls, sizes and results' kinds."""
    def told(options):
        traced = trace(lab("lib_cos", bits), tool_options=options)
        return [(event["call"], event.get("size"), event.get("placement")) for event in traced.of("alloc")]

    assert told(PTRACE) and told(PTRACE) == told(("--backend=preload",))


# What sets malloc up, and what does not: see schemas/glibc.c.
SETTINGS = {"MALLOC_MMAP_THRESHOLD_": "777", "GLIBC_TUNABLES":
            "xglibc.malloc.mmap_threshold=1:glibc.malloc.mmap_threshold=65536:glibc.malloc.mmap_threshold=0X8000:"
            "glibc.malloc.trim_threshold= 99999"}


def assert_has_settings(process):
    found = process["thresholds"]
    assert (found["mmap"], found["trim"], found["dynamic"]) == (0x8000, 99999, False)


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("backend", ["preload", "ptrace"])
def test_settings_of_malloc(bits, backend):
    traced = trace(lab("map1", bits), env=SETTINGS, tool_options=[f"--backend={backend}"])
    assert_has_settings(traced.process)


# --- threads ---

@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_threads_at_once(bits, linking):
    count = 6
    traced = trace(victim(bits, *linking), "threads", count, tool_options=PTRACE)
    assert traced.status == 0 and traced.said("threads") == [[str(count)]]
    starts, ends = traced.of("thread", event="start"), traced.of("thread", event="end")
    assert len(starts) == len(ends) == count
    assert {event["creator"] for event in starts} == {traced.process["pid"]}
    for event in starts:
        assert traced.map_at(event["seq"]).at(int(event["stack"]["address"], 16)), "its stack is mapped"
        mapped = [e for e in traced.of("kernel", tid=event["tid"]) if e["call"].startswith("mmap") and "within" not in e]
        assert len([e for e in mapped if number(e["args"][1]) in range(8192, 28672)]) >= 100
        calls = Counter(e["call"] for e in traced.of("alloc", tid=event["tid"]) if traced.line(e))
        assert calls == {"malloc": 100, "free": 100}


# --- children ---

@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_children_that_are_not_followed_live_as_ever(bits, linking):
    traced = trace(victim(bits, *linking), "children", 3, tool_options=PTRACE)
    assert traced.status == 0
    assert [words[1] for words in traced.said("child")] == ["3"] * 3
    assert traced.said("system") == [["6"]]
    assert len(images(traced)) == 1


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_children_that_are_followed(bits, linking):
    traced = trace(victim(bits, *linking), "children", 3, tool_options=(*PTRACE, "--follow"))
    assert traced.status == 0 and traced.said("system") == [["6"]]
    forked = [pair for pair in images(traced).values() if pair[0]["origin"] == "fork"]
    assert [str(start["pid"]) for start, _ in forked] == [words[0] for words in traced.said("child")]
    for start, end in forked:
        assert start["ppid"] == traced.process["pid"] and end["status"] == 3
        mapped = [event for event in traced.of("kernel", image=start["image"]) if event["call"] in ("mmap", "mmap2")]
        assert 40960 in [number(event["args"][1]) for event in mapped]
        assert [event["size"] for event in traced.of("alloc", image=start["image"], call="malloc")] == [1 << 20]
    shells = [start for start, _ in images(traced).values() if start["origin"] == "exec"]
    assert len(shells) == 1 and "exit 6" in shells[0]["argv"]


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["alone", "followed"])
def test_children_hidden_from_tracers(bits, linking, follow):
    """CLONE_UNTRACED: they have neither filter nor breakpoints without a tracer, and the program sees its own flags."""
    program = victim(bits, *linking)
    traced = trace(program, "untraced", tool_options=(*PTRACE, *follow))
    assert traced.stdout == untraced(program, "untraced").stdout
    assert traced.said("clone") == [["768", "1"]] and traced.said("clone3") == [["768", "1"]] * 2
    assert len([pair for pair in images(traced).values() if pair[0]["origin"] == "fork"]) == (3 if follow else 0)


def test_daemon_that_is_not_followed_outlives_the_tool(tmp_path):
    sign = tmp_path / "go on"
    with subprocess.Popen([TOOL, *PTRACE, "-q", victim(64, "-static"), "daemon", sign], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as tool:
        assert tool.wait(timeout=HANGS) == 5
    sign.touch()
    wait_until(lambda: not sign.exists(), "the daemon takes the sign away, after it has changed its map")


# --- exec ---

@pytest.mark.parametrize("bits", WORD_SIZES)
def test_exec_is_followed(bits):
    program = lab("map1", bits, "-static")
    traced = trace("env", "A=1", program, tool_options=PTRACE)
    (_, first), (second, last) = images(traced).values()
    assert first["end"] == "exec" and last["end"] == "exit"
    assert second["exe"] == str(program) and second["pid"] == traced.process["pid"] and second["origin"] == "exec"


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_exec_from_a_thread(bits):
    program = lab("map1", bits, "-static")
    other = 96 - bits if PROGRAMS32.run_here else bits
    traced = trace(victim(other, "-static"), "exec", program, tool_options=PTRACE)
    assert traced.status == untraced(program).status
    (first, end), (second, _) = images(traced).values()
    assert end["end"] == "exec" and (first["class"], second["class"]) == (other, bits)


def test_program_that_cannot_be_executed(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" + bytes(100))
    program.chmod(0o755)
    done = run(TOOL, *PTRACE, program)
    assert done.status == 126 and "cannot be executed" in done.stderr


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_breakpoint_that_is_stepped_over(bits):
    """The tool's own timer comes while it waits for the step to end, some of the 20000 times."""
    traced = trace(built("tests/victims/stepped.c", bits), tool_options=(*PTRACE, "--stacks=none"))
    assert traced.status == 7
    assert traced.exit["allocations"]["calls"] == traced.exit["allocations"]["frees"] == 10000


# --- signals ---

@pytest.mark.parametrize("bits", WORD_SIZES)
def test_signals_reach_the_program(bits):
    traced = trace(victim(bits, "-static"), "signals", 20, tool_options=PTRACE)
    assert traced.status == -signal.SIGTERM and traced.exit["signal"] == "SIGTERM"
    assert traced.said("enough") == [["signals"]]


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["alone", "followed"])
def test_sigtrap_is_the_programs(bits, linking, follow):
    """Ignored, blocked, waiting: it stays as it was, whatever breakpoints there are in malloc."""
    traced = trace(victim(bits, *linking), "traps", tool_options=(*PTRACE, *follow))
    assert traced.stdout == untraced(victim(bits, *linking), "traps").stdout
    for line in ("ignored 1", f"in a handler of {signal.SIGUSR1:d} blocked 1", "behind it 0", "blocked 1 waits 1 handled 1",
                 f"in a handler of {signal.SIGTRAP:d} blocked 1", "received 2, blocked 0", "child 3"):
        assert f"@ {line}\n" in traced.stdout


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGTRAP", "SIGABRT"])
def test_fatal_signals(name):
    traced = trace("sh", "-c", f"kill -{name[3:]} $$", tool_options=PTRACE, unexplained=range(100))
    assert traced.status == -getattr(signal, name) and traced.exit["signal"] == name


@contextlib.contextmanager
def busy_program(program, env=None):
    """Runs the victim that is busy until SIGTERM; it does not outlive a test that fails."""
    with subprocess.Popen([program, "busy"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env={**ENVIRONMENT, **(env or {})}, text=True) as process:
        try:
            assert process.stdout.readline() == "@ ready\n"
            yield process
        finally:
            process.kill()


def test_stop_and_continue():
    """Job control works: a stopped program stays stopped until SIGCONT."""
    with subprocess.Popen([TOOL, *PTRACE, "-q", victim(64), "busy"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=ENVIRONMENT, text=True) as tool:
        assert tool.stdout.readline() == "@ ready\n"
        pid = int(Path(f"/proc/{tool.pid}/task/{tool.pid}/children").read_text().split()[0])
        pid = next_program(pid)
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: state(pid) in "tT", "the program is stopped")
        os.kill(pid, signal.SIGUSR1)
        os.kill(pid, signal.SIGCONT)
        assert tool.stdout.readline() == "@ received 1\n"
        os.kill(pid, signal.SIGTERM)
        assert tool.wait(timeout=HANGS) == 5


def next_program(pid):
    """The traced program: the process below the tool's that is not the tool."""
    while os.readlink(f"/proc/{pid}/exe") == str(TOOL):
        pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return pid


# --- running processes ---

def attach(pid, path):
    """Looks at a process, sends it SIGUSR1 meanwhile, and lets go of it. Returns the events."""
    with subprocess.Popen([TOOL, f"--json={path}", "-q", "-p", str(pid)], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env=ENVIRONMENT, text=True) as tool:
        wait_until(lambda: tool.poll() is not None or looked_at(path), "the first look")
        assert tool.poll() is None, tool.stderr.read()
        os.kill(pid, signal.SIGUSR1)
        tool.send_signal(signal.SIGINT)
        assert tool.wait(timeout=HANGS) == 0, tool.stderr.read()
    events, errors = read_trace(path)
    path.unlink()
    assert not errors, "\n".join(errors)
    return events


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_attach_and_detach_often(bits, linking, tmp_path):
    with busy_program(victim(bits, *linking)) as program:
        for time in range(1, 26):
            events = attach(program.pid, tmp_path / "trace")
            assert events[-1]["end"] == "detached" and events[0]["class"] == bits
            if time == 1:  # what a busy program does in a few milliseconds takes long to check
                errors = [error for error in check_invariants(events, unexplained=range(1 << 30))
                          if "said to be in arena" not in error]  # made before: its region looks like any other
                assert not errors, "\n".join(errors[:20])
            assert program.stdout.readline() == f"@ received {time}\n"
            assert "TracerPid:\t0\n" in Path(f"/proc/{program.pid}/status").read_text()
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=HANGS) == 5


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_attach_where_sigtrap_is_blocked_and_waits(bits, linking, tmp_path):
    def signals():
        return re.findall(r"^(?:Sig|Shd).*", Path(f"/proc/{program.pid}/status").read_text(), re.M)[1:]  # the first is a count

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTRAP})
    try:
        with busy_program(victim(bits, *linking)) as program:
            program.send_signal(signal.SIGTRAP)
            before = signals()
            for time in range(1, 6):
                attach(program.pid, tmp_path / "trace")
                assert program.stdout.readline() == f"@ received {time}\n"
                assert signals() == before
            program.send_signal(signal.SIGTERM)
            assert program.wait(timeout=HANGS) == 5
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTRAP})


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_settings_of_malloc_in_a_running_program(bits, tmp_path):
    with busy_program(victim(bits), SETTINGS) as program:
        assert_has_settings(attach(program.pid, tmp_path / "trace")[0])


def test_attached_program_ends(tmp_path):
    with busy_program(victim(64)) as program:
        path = tmp_path / "trace"
        with subprocess.Popen([TOOL, f"--json={path}", "-q", f"--pid={program.pid}"], env=ENVIRONMENT) as tool:
            wait_until(lambda: tool.poll() is not None or looked_at(path), "the first look")
            assert tool.poll() is None
            program.send_signal(signal.SIGTERM)
            assert tool.wait(timeout=HANGS) == 0
        assert program.wait(timeout=HANGS) == 5
    events, _ = read_trace(path)
    assert events[-1]["end"] == "exit" and events[-1]["status"] == 5


# --- what cannot be traced ---

def test_no_such_process():
    done = run(TOOL, "-p", str(2 ** 22 + 1))
    assert done.status == 125 and "no such process" in done.stderr


def tracers(pid):
    """Of the threads of a process that makes none meanwhile."""
    return {re.search(r"TracerPid:\t(\d+)", path.read_text())[1] for path in Path(f"/proc/{pid}/task").glob("*/status")}


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["tool", "group"])
def test_tool_that_is_killed_while_it_looks(bits, linking, kill, tmp_path):
    """A busy program, which has breakpoints in its code, goes on."""
    with busy_program(victim(bits, *linking)) as program:
        for time in range(1, 6):
            path = tmp_path / f"trace{time}"
            with subprocess.Popen([TOOL, f"--json={path}", "-q", "-p", str(program.pid)], env=ENVIRONMENT, process_group=0) as tool:
                wait_until(lambda: tool.poll() is not None or looked_at(path), "the first look")
                kill(tool.pid, signal.SIGKILL)
                assert tool.wait(timeout=HANGS) == -signal.SIGKILL
            wait_until(lambda: tracers(program.pid) == {"0"}, "it is let go of")
            program.send_signal(signal.SIGUSR1)
            assert program.stdout.readline() == f"@ received {time}\n"
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=HANGS) == 5


def test_program_ends_with_the_tool_that_is_killed():
    """It could not change its map any more; the manual says so."""
    with subprocess.Popen([TOOL, *PTRACE, "-q", victim(64), "busy"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=ENVIRONMENT, text=True) as tool:
        assert tool.stdout.readline() == "@ ready\n"
        tool.kill()
        assert tool.stdout.read() == "", "the program has ended"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_signals_that_end_looking(number, tmp_path):
    with busy_program(victim(64)) as program:
        path = tmp_path / "trace"
        with subprocess.Popen([TOOL, f"--json={path}", "-q", "-p", str(program.pid)], env=ENVIRONMENT) as tool:
            wait_until(lambda: tool.poll() is not None or looked_at(path), "the first look")
            tool.send_signal(number)
            assert tool.wait(timeout=HANGS) == 0
        assert read_trace(path)[0][-1]["end"] == "detached"
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=HANGS) == 5


@contextlib.contextmanager
def traced_thread(pid):
    """One thread of a busy process, but not the first, is traced by strace, whose process id this is."""
    threads = {int(name) for name in os.listdir(f"/proc/{pid}/task")} - {pid}
    with subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(max(threads))], stderr=subprocess.DEVNULL, env=ENVIRONMENT) as other:
        wait_until(lambda: f"TracerPid:\t{other.pid}\n" in Path(f"/proc/{max(threads)}/status").read_text(), "strace traces")
        try:
            yield other.pid
        finally:
            other.terminate()


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_process_of_which_a_thread_is_traced(bits):
    """What was seized by then is let go of, at once."""
    with busy_program(victim(bits)) as program:
        with traced_thread(program.pid) as other:
            done = run(TOOL, "-p", str(program.pid))
            assert done.status == 125 and f"is traced by process {other} already" in done.stderr, done.stderr
            assert "TracerPid:\t0\n" in Path(f"/proc/{program.pid}/status").read_text()
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=HANGS) == 5


@pytest.mark.parametrize("outer", [["strace", "-f", "-o", "/dev/null"], [TOOL, *PTRACE, "-q"], [TOOL, *PTRACE, "-q", "-f"]],
                         ids=["strace", "not followed", "followed"])
def test_tracer_under_a_tracer(outer):
    done = run(*outer, TOOL, *PTRACE, "true")
    assert done.status == 125
    assert re.search(r"true: is traced by process \d+ already", done.stderr), done.stderr


@pytest.mark.parametrize("bits", WORD_SIZES)
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_children_of_a_process_that_is_let_go_of(bits, linking, tmp_path):
    """None has breakpoints without a tracer, whenever it began."""
    out = tmp_path / "out"
    with open(out, "w") as file, subprocess.Popen([victim(bits, *linking), "children", "1000000"], stdin=subprocess.DEVNULL,
                                                  stdout=file, env=ENVIRONMENT) as program:
        try:
            for _ in range(10):
                with subprocess.Popen([TOOL, f"--json={tmp_path / 'trace'}", "-q", "-p", str(program.pid)], env=ENVIRONMENT) as tool:
                    wait_until(lambda: tool.poll() is not None or looked_at(tmp_path / "trace"), "the first look")
                    tool.send_signal(signal.SIGINT)
                    assert tool.wait(timeout=HANGS) == 0
                (tmp_path / "trace").unlink()
            size = out.stat().st_size
            wait_until(lambda: out.stat().st_size > size + 1000, "further children")
        finally:
            program.kill()
    assert {line.split()[-1] for line in out.read_text().splitlines()[:-1]} == {"3"}


def traced_by(tracer):
    """The process below the tracer that executes sleep and is traced by it; strace tries ptrace out on others first."""
    for pid in Path(f"/proc/{tracer}/task/{tracer}/children").read_text().split():
        try:
            if "Name:\tsleep\n" in (text := Path(f"/proc/{pid}/status").read_text()) and f"TracerPid:\t{tracer}\n" in text:
                return pid
        except FileNotFoundError:
            pass
    return None


def test_process_that_is_traced_already():
    with subprocess.Popen(["strace", "-o", "/dev/null", "sleep", "1000"], env=ENVIRONMENT) as other:
        wait_until(lambda: traced_by(other.pid), "strace traces")
        pid = traced_by(other.pid)
        done = run(TOOL, "-p", pid)
        os.kill(int(pid), signal.SIGKILL)
    assert done.status == 125 and f"process {other.pid}" in done.stderr, done.stderr
