"""What a program tells when a signal ends it: which signal, which access to which address, where in the program; and that it
ends as without the tracer."""

import re
import signal
from pathlib import Path

import pytest
from tracing import FOLLOW, TOOL, run, trace

ENDS = {  # kind of tests/victims/last_words.c: signal
    "read": signal.SIGSEGV, "write": signal.SIGSEGV, "null_call": signal.SIGSEGV, "no_execute": signal.SIGSEGV,
    "bus": signal.SIGBUS, "thread": signal.SIGSEGV, "handler": signal.SIGSEGV, "fpe": signal.SIGFPE, "ill": signal.SIGILL,
    "abort": signal.SIGABRT, "raise": signal.SIGSEGV, "kill": signal.SIGBUS, "double_free": signal.SIGABRT,
}


def stack_of(traced, event):
    """The frames of an event's stack."""
    [stack] = traced.of("stack", id=event["stack_id"])
    return stack["frames"]


def assert_told(traced, said):
    """The fatal event says what the program has said before it died."""
    name, access, address, line = said
    [fatal] = traced.of("fatal")
    assert fatal["signal"] == name == traced.images[-1].exit.get("signal", name)
    assert fatal.get("access", "none") == access
    if access != "none":
        assert fatal["addr"] == address and "sender" not in fatal
    own = [frame for frame in stack_of(traced, fatal) if frame.get("file", "").endswith("last_words.c")]
    assert own[0]["line"] == int(line)
    return fatal


@pytest.fixture(params=["--backend=preload", "--backend=ptrace"])
def backend(request):
    return [request.param]


@pytest.mark.parametrize("kind", ENDS)
def test_signal_is_told(kind, backend, programs):
    victim = programs.victims / "last_words"
    plain, traced = run(victim, kind), trace(victim, kind, tool_options=backend)
    assert traced.status == plain.status == -ENDS[kind]
    [said] = traced.said("fatal")
    fatal = assert_told(traced, said)
    if kind in ("abort", "raise", "kill", "double_free"):
        assert fatal["sender"] == traced.process["pid"] and fatal["code"] <= 0
    assert ("double free" in fatal.get("message", "")) == (kind == "double_free")
    if kind == "double_free":
        first, second = traced.of("alloc", call="free", addr=fatal["freed_before"]["addr"])[-2:]
        [made] = traced.of("alloc", call="malloc", addr=first["addr"], size=100)[-1:]
        assert first["seq"] < second["seq"] and fatal["freed_before"] == {
            "addr": first["addr"], "size": 100, "caller": made["caller"], "freed_ns": first["t_ns"], "freed_by": first["caller"]}
        assert [event["reason"]["code"] for event in traced.of("region")][-1] == "abort_message"
    assert ("freed_before" in fatal) == (kind == "double_free")
    index = traced.events.index(fatal)
    assert {event["type"] for event in traced.events[index + 1:]} <= {"exit", "snapshot", "thread"}
    before = [event for event in traced.events[:index] if event["type"] in ("snapshot", "kernel", "alloc")]
    assert (before[-1]["type"], before[-1]["reason"], before[-1]["whole"]) == ("snapshot", "exit", True)


@pytest.mark.parametrize("kind", ["overflow", "big_frame", "thread_overflow"])
def test_overflow_is_told(kind, backend, programs):
    """The address lies below the stack as the last look has it, and the whole recursion is in the call stack."""
    victim = programs.victims / "last_words"
    plain, traced = run(victim, kind), trace(victim, kind, tool_options=backend)
    assert traced.status == plain.status == -signal.SIGSEGV
    [fatal] = traced.of("fatal")
    address, sp = int(fatal["addr"], 16), int(fatal["sp"], 16)
    assert fatal["access"] == "write" and abs(address - sp) < 65 << 20
    stacks = {"thread_stack"} if kind == "thread_overflow" else {"stack"}
    last = traced.of("snapshot", reason="exit")[-1]
    stack = next(region for region in last["regions"] if region["kind"] in stacks)
    assert address < int(stack["start"], 16)
    functions = [frame.get("function") for frame in stack_of(traced, fatal)]
    assert functions[:2] == (["big_frame", "of_memory"] if kind == "big_frame" else ["overflow", "overflow"])
    assert len(functions) >= 4


@pytest.mark.parametrize("kind", ["blocked", "ignored", "vfork", "fork"])
def test_not_told(kind, programs):
    """The kernel ends a process at once if the signal is blocked or ignored; children are not traced. (By ptrace the former
    is told, too.)"""
    victim = programs.victims / "last_words"
    plain, traced = run(victim, kind), trace(victim, kind)
    assert traced.status == plain.status
    assert traced.said("child") == plain.said("child")
    assert not traced.of("fatal")


def test_child_is_told(programs):
    """With --follow a child has last words, too."""
    traced = trace(programs.victims / "last_words", "fork", tool_options=FOLLOW)
    assert traced.status == 0 and traced.said("child") == [["11"]]
    [said] = traced.said("fatal")
    assert_told(traced.images[1], said)
    assert not traced.images[0].of("fatal")


@pytest.mark.parametrize("mode", [[], ["old"]])
@pytest.mark.parametrize("options", [[], FOLLOW, ["--last-words=no"]])
def test_program_sees_its_own_dispositions(mode, options, programs):
    """Handlers, flags, masks, alternate stacks: all that it asks for is as without the tracer, children's, too."""
    victim = programs.victims / "dispositions"
    plain, traced = run(victim, *mode), trace(victim, *mode, tool_options=options)
    assert (plain.status, traced.status) == (0, 0)
    assert traced.stdout == plain.stdout and "SOMETHING" not in plain.stdout
    assert traced.stderr == plain.stderr == ""


def test_off(programs):
    """--last-words=no: the kernel knows of no handler."""
    command = "sed", "-n", "/SigCgt/p", "/proc/self/status"
    assert trace(*command, tool_options=["--last-words=no"]).stdout == run(*command).stdout
    assert trace(*command).stdout != run(*command).stdout
    victim = programs.victims / "last_words"
    traced = trace(victim, "read", tool_options=["--last-words=no"])
    assert traced.status == -signal.SIGSEGV and not traced.of("fatal")


def test_core_is_the_same(tmp_path, programs):
    """What a debugger reads of the core file: signal, address, instruction."""
    victim = programs.victims / "last_words"
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if not pattern or pattern[0] in "|/":
        pytest.skip(f"cores go to {pattern}")
    said = []
    for number, prefix in enumerate([[], [TOOL, "-q", "--"]]):
        folder = tmp_path / str(number)
        folder.mkdir()
        run("sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", *prefix, victim, "write", cwd=folder)
        [core] = folder.glob("core*")
        commands = ["-ex", "p $_siginfo.si_signo", "-ex", "p $_siginfo.si_code", "-ex", "p (char*)$_siginfo._sifields._sigfault.si_addr - constant",
                    "-ex", "x/i $pc", "-ex", "bt"]
        said.append(re.sub(r"0x[0-9a-f]+", "0x", run("gdb", "-q", "-batch", *commands, victim, core).stdout.partition("$1")[2]))
    assert said[0] == said[1] and "of_memory" in said[0]


PLACES = {  # kind: (what is there, kind of the region)
    "read": ("null", None), "write": ("region", "rodata"), "null_call": ("null", None), "no_execute": ("region", "data"),
    "bus": ("file end", "mapped_file"), "overflow": ("stack limit", "stack"), "big_frame": ("stack limit", "stack"),
    "thread_overflow": ("region", "guard"), "unmapped": ("removed", "anonymous"), "freed": ("removed", "malloc_mmap"),
    "behind_heap": ("behind", "heap"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_lies_there(kind, backend, programs):
    """tests/e2e/invariants.py derives it again; here is what the program has done."""
    traced = trace(programs.victims / "last_words", kind, tool_options=backend)
    [fatal] = traced.of("fatal")
    place = fatal["place"]
    is_joined = kind == "freed" and place["region"]["kind"] in ("anonymous", "lib_bss")  # by the kernel, with a neighbour
    assert (place["is"], place.get("region", {}).get("kind")) == PLACES[kind] or is_joined
    if kind == "write":
        assert fatal["content"] == {"text": "hello", "at": 1}
    if kind == "freed":
        [made, freed] = (traced.said(word)[0] for word in ("malloc", "free"))  # SIZE ADDRESS line LINE; ADDRESS line LINE
        block = place["block"]
        assert [str(block["size"]), block["addr"]] == made[:2] and block["addr"] == freed[0]
        assert block["caller"].endswith(f":{made[3]}") and block["freed_by"].endswith(f":{freed[2]}")
        assert block["freed_ns"] <= place["removed_ns"]
    if kind == "behind_heap":
        assert place["distance"] == 0
        [made] = traced.said("malloc")
        assert place["block"]["addr"] == made[1]


TOLD = {  # kind: what the timeline says, among other things
    "read": ["read from 0x8", "a null pointer, and 8 bytes on"],
    "write": ['there is the constant "hello", in rodata', "must not be written", "in of_memory", "main last_words.c"],
    "null_call": ["jump to 0x0", "a null pointer"],
    "bus": ["ends before that page"],
    "overflow": ["below the stack", "its limit, 8M (ulimit -s)", "overflow last_words.c:", "(63 times)"],
    "big_frame": ["below the stack", "in big_frame last_words.c"],
    "thread_overflow": ["the guard below the stack of thread", "in thread"],
    "fpe": ["divided by zero"], "ill": ["__builtin_trap"],
    "double_free": ["free(): double free detected", "in free (libc.so.6)", "of 100 bytes, of ", "was freed before: by "],
    "raise": ["the program has sent it to itself"],
    "freed": ["there lay the block", "bytes, of of_blocks last_words.c:", "freed by of_blocks last_words.c:"],
    "behind_heap": ["the first byte behind heap", "the last block before it"],
}


@pytest.mark.parametrize("kind", TOLD)
def test_timeline(kind, programs):
    shell = 'ulimit -s 8192; exec "$@"'
    done = run("sh", "-c", shell, "sh", TOOL, "--color=never", "--", programs.victims / "last_words", kind, env={"COLUMNS": "1000"})
    told = done.stderr.partition("  SIG")[2]
    assert told and [part for part in TOLD[kind] if part not in told] == []
    assert "KILLED" in told


def test_replay_tells_the_same(tmp_path, programs):
    for kind in ("write", "freed", "double_free"):
        live = run(TOOL, f"--json={tmp_path / kind}", "-o", tmp_path / f"{kind}.txt", "--", programs.victims / "last_words", kind)
        assert live.status < 0
        shown = run(TOOL, "show", "-o", tmp_path / "shown.txt", tmp_path / kind)
        assert shown.status == 0
        assert (tmp_path / "shown.txt").read_text() == (tmp_path / f"{kind}.txt").read_text()


@pytest.mark.parametrize("kind", ["write", "overflow", "null_call", "double_free", "fpe"])
def test_static_program(tmp_path, kind, programs):
    """It is looked at from outside, and told in the same words."""
    victims = Path(__file__).resolve().parents[1] / "victims"
    program = programs.compile(tmp_path / "last_words", (victims / "last_words.c").read_text(), f"-I{victims}", "-static", "-pthread")
    shell = 'ulimit -s 8192; exec "$@"'
    done = run("sh", "-c", shell, "sh", TOOL, "--color=never", "--", program, kind, env={"COLUMNS": "1000"})
    assert done.status == run(program, kind).status
    told = done.stderr.partition("  SIG")[2]
    wanted = [part.replace("last_words.c", "<stdin>").replace("libc.so.6", "last_words") for part in TOLD[kind]]
    assert told and [part for part in wanted if part not in told.replace("last_words.c", "<stdin>")] == []


def test_without_last_words_is_said(programs):
    for kind, is_said in ("blocked", True), ("read", False):
        done = run(TOOL, "--color=never", "--", programs.victims / "last_words", kind)
        assert ("without last words" in done.stderr) == is_said
