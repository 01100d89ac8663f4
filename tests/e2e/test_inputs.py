"""Bad input: programs that cannot be traced, wrong options, damaged traces. Each has its own message, with the name and what to
do, and its own status; never a crash and never a silent empty trace."""

import copy
import itertools
import json
import os
import re
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from programs import PROGRAMS32
from running import (CANNOT_EXECUTE, NOT_FOUND, OWN_FAILURE, ROOT, TOOL, assert_calls_traced,
                     assert_no_crash, environment, messages, run, sanitized_tool, trace)

INTERPRETER = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    void *block = malloc(4711);
    printf("@ malloc 4711 %p line 6\n", block);
    for (int i = 1; i < argc; i++)
        printf("@ arg %d %s\n", i, argv[i]);
    return 42;
}
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory, programs):
    """A 32-bit program that can stand in the first line of a script."""
    return programs.compile(tmp_path_factory.mktemp("interpreter") / "interpreter", INTERPRETER)


def executable(path, content):
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def assert_refused(done, status, *words):
    """The tool ended with the status, printed nothing on stdout, and one message with all the words."""
    assert done.status == status, done.err
    assert done.out == b""
    said = [line for line in messages(done.err) if all(word in line for word in words)]
    assert len(said) == 1, done.err
    assert len(messages(done.err)) == 1, done.err


def assert_wrong_usage(done, *words):
    """The same for a command line, where the usage follows."""
    assert_refused(done, OWN_FAILURE, *words)
    assert b"\nUsage: procmap-trace " in done.err and done.err.endswith(b"Try 'procmap-trace --help'.\n")


# ---- programs ----

@pytest.mark.parametrize("name", ["./nothere", "nothere", "/no/such/folder/program", "map3/program", ""])
def test_no_such_program(name, programs):
    done = run(TOOL, name, cwd=programs.labs)
    if name == "map3/program":
        assert_refused(done, CANNOT_EXECUTE, name, "Not a directory")
    else:
        assert_refused(done, NOT_FOUND, f"{name}: no such program")


def test_not_executable(tmp_path, programs):
    program = tmp_path / "map3"
    shutil.copy(programs.labs / "map3", program)
    program.chmod(0o644)
    assert_refused(run(TOOL, program), CANNOT_EXECUTE, f"{program}: Permission denied")


def test_directory(tmp_path):
    assert_refused(run(TOOL, tmp_path), CANNOT_EXECUTE, f"{tmp_path}: Is a directory")


@pytest.mark.parametrize("content, words", [
    (b"", ["empty file"]),
    (b"Just some text.\n", ["not an ELF program", 'the first bytes are "Just som"']),
    (b"\033[31m\0\xff\n", ["not an ELF program", r"\x1b[31m\x00\xff"]),
    (b"#!\n", ["names no interpreter"]),
    (b"\x7fELF", ["damaged ELF file"]),
    (b"\x7fELF" + bytes(60), ["damaged ELF file"]),
    (b"MZ" + bytes(100), ["not an ELF program"]),
], ids=["empty", "text", "bytes", "no-interpreter", "magic-only", "zeros", "exe"])
def test_not_a_program(tmp_path, content, words):
    program = executable(tmp_path / "program", content)
    assert_refused(run(TOOL, program), CANNOT_EXECUTE, str(program), *words)


@pytest.mark.parametrize("size", [16, 52, 60, 200, 1000])
def test_truncated_program(tmp_path, size, programs):
    program = executable(tmp_path / "program", (programs.labs / "map3").read_bytes()[:size])
    done = run(sanitized_tool(), program)
    assert_no_crash(done)
    assert_refused(done, CANNOT_EXECUTE, str(program))


def test_object_file(tmp_path, programs):
    program = programs.compile(tmp_path / "map3.o", "int main(void) { return 0; }", "-c")
    program.chmod(0o755)
    assert_refused(run(TOOL, program), CANNOT_EXECUTE, "an object file, not a program")


def test_library(tmp_path, programs):
    program = programs.compile(tmp_path / "libx.so", "int x(void) { return 0; }", "-shared", "-fPIC", "-nostdlib")
    program.chmod(0o755)
    assert_refused(run(TOOL, program), CANNOT_EXECUTE, "a shared library, not a program")


def test_static_program(programs):
    program = programs.labs / "lib_cos_static"
    assert_refused(run(TOOL, "--backend=preload", program), OWN_FAILURE, f"{program}: statically linked: the shim cannot be loaded")


@pytest.mark.skipif(PROGRAMS32.run_here, reason="this kernel runs 32-bit programs")
@pytest.mark.parametrize("options", [[], ["--backend=ptrace"]], ids=["auto", "ptrace"])
def test_32_bit_program_where_the_kernel_runs_none(options):
    program = PROGRAMS32.labs / "map3"
    assert_refused(run(TOOL, *options, program), CANNOT_EXECUTE, f"{program}: a 32-bit program, and this kernel runs none", "-m32")


@pytest.mark.parametrize("bit, word", [(stat.S_ISUID, "setuid"), (stat.S_ISGID, "setgid")])
def test_setuid_program(tmp_path, bit, word, programs):
    if os.geteuid() != 0:
        pytest.skip("only root can make a program that belongs to somebody else")
    program = tmp_path / "map3"
    shutil.copy(programs.labs / "map3", program)
    os.chown(program, 65534, 65534)
    program.chmod(0o755 | bit)
    assert_refused(run(TOOL, "--backend=preload", program), OWN_FAILURE, str(program), word, "LD_PRELOAD")


LOADERS = {32: "/lib/ld-linux.so.2", 64: "/lib64/ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("options", [[], ["--library-path", "/nonexistent"]], ids=["plain", "options"])
def test_the_loader_as_a_program(tmp_path, programs, interpreter, options):
    """ld-linux.so.2 PROGRAM runs it, as ld.so(8) says."""
    words = [LOADERS[programs.bits], *options, interpreter, "x"]
    plain = run("setarch", "-R", *words)
    traced = trace(tmp_path, *words, options=["--no-aslr"])
    assert (traced.status, traced.out.splitlines()[1:], traced.err) == (42, plain.out.splitlines()[1:], plain.err)
    assert traced.events[0]["backend"] == "preload"
    assert 4711 in {event["size"] for event in traced.of_type("alloc") if event["call"] == "malloc"}


@pytest.mark.parametrize("words", [["--list"], ["--verify"], ["--version"], []], ids=" ".join)
def test_the_loader_asked_for_something_else(tmp_path, programs, interpreter, words):
    command = [LOADERS[programs.bits], *words, *([interpreter] if words else [])]
    plain, traced = run("setarch", "-R", *command), run(TOOL, "-q", "--no-aslr", *command)
    assert (traced.status, traced.out, traced.err) == (plain.status, plain.out, plain.err)


def test_the_loader_as_a_child(programs, interpreter):
    script = f"{LOADERS[programs.bits]} {interpreter} x; {LOADERS[programs.bits]} --verify {interpreter}"
    plain = run("setarch", "-R", "sh", "-c", script)
    traced = run(TOOL, "-f", "--json", "--no-aslr", "sh", "-c", script)
    assert traced.status == plain.status
    events = [json.loads(line) for line in traced.out.splitlines()]
    assert 4711 in {event["size"] for event in events if event["type"] == "alloc" and event["call"] == "malloc"}


def deep_folder(path):
    """A folder whose name is too long for any system call, made the current one in a child."""
    os.chdir(path)
    for _ in range(25):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)


@pytest.mark.parametrize("options", [[], ["-f"], ["--backend=ptrace"]], ids=" ".join)
def test_a_very_deep_folder(tmp_path, interpreter, options):
    program = ["sh", "-c", 'cp "$1" here; shift; "$@" ./here', "sh", interpreter]
    plain = run(*program, "setarch", "-R", preexec_fn=lambda: deep_folder(tmp_path))
    (tmp_path / "again").mkdir()
    done = run(*program, TOOL, "--no-aslr", "-q", "--json=t.jsonl", *options, preexec_fn=lambda: deep_folder(tmp_path / "again"))
    assert (plain.status, done.status, done.err) == (42, 42, b"")


def test_missing_loader(tmp_path, programs):
    program = programs.compile(tmp_path / "program", "int main(void) { return 0; }", "-Wl,--dynamic-linker=/nonexistent")
    assert_refused(run(TOOL, program), CANNOT_EXECUTE, str(program), "/nonexistent", "missing", f"libc6:{programs.package_arch}")


def test_hostile_loader_name(tmp_path, programs):
    """What stands in a file goes to the terminal as plain text."""
    program = programs.compile(tmp_path / "program", "int main(void) { return 0; }", "-Wl,--dynamic-linker=/\033[31m\007x")
    for name in (b"/\033[31m\007x", b"/\x9b31m\xc2\x8dx", b"/\xc2\x9b31mx"):
        data = program.read_bytes()
        executable(tmp_path / "other", data.replace(b"/\033[31m\007x\0", name.ljust(8, b"y") + b"\0"))
        done = run(TOOL, tmp_path / "other")
        assert_refused(done, CANNOT_EXECUTE, "missing")
        assert not re.search(rb"[^\n -~]", done.err)


def test_hostile_value_of_an_option():
    done = run(TOOL, b"--color=\xc2\x9b31m\x9b\033", "true")
    assert done.status == OWN_FAILURE
    assert not re.search(rb"[^\n -~]", done.err)


def test_hostile_program_name():
    done = run(TOOL, b"./\033]0;gotcha\007\n\xff")
    assert_refused(done, NOT_FOUND, r"\x1b]0;gotcha\x07\x0a\xff: no such program")


# ---- scripts ----

def test_script_is_traced_through(tmp_path, interpreter):
    script = executable(tmp_path / "script", f"#!{interpreter} -x\nnot read\n".encode())
    traced = trace(tmp_path, script, "one", "--json")
    assert traced.status == 42
    assert_calls_traced(traced.out, traced.events)
    arguments = [line.split(b" ", 3)[3].decode() for line in traced.out.splitlines() if line.startswith(b"@ arg")]
    assert arguments == ["-x", str(script), "one", "--json"]
    assert traced.events[0]["exe"] == str(interpreter)
    assert traced.events[0]["argv"] == [str(interpreter), *arguments]


def test_script_run_by_a_script(tmp_path, interpreter):
    inner = executable(tmp_path / "inner", f"#!{interpreter}\n".encode())
    outer = executable(tmp_path / "outer", f"#!{inner}\n".encode())
    traced = trace(tmp_path, outer)
    assert (traced.status, traced.events[0]["exe"]) == (42, str(interpreter))


def test_script_that_runs_itself(tmp_path):
    script = tmp_path / "script"
    executable(script, f"#!{script}\n".encode())
    assert_refused(run(TOOL, script), CANNOT_EXECUTE, str(script), "a script run by a script")


def test_script_run_by_the_systems_shell(tmp_path):
    """Whatever word size that has."""
    script = executable(tmp_path / "script", b"#!/bin/sh\nexit 3\n")
    traced = trace(tmp_path, script)
    assert traced.status == 3
    assert traced.events[0]["argv"] == ["/bin/sh", str(script)]


def test_script_with_missing_interpreter(tmp_path):
    script = executable(tmp_path / "script", b"#!/no/such/interpreter\n")
    assert_refused(run(TOOL, script), CANNOT_EXECUTE, str(script), "/no/such/interpreter", "cannot be executed")


def test_script_with_static_interpreter(tmp_path, programs):
    script = executable(tmp_path / "script", f"#!{programs.labs / 'lib_cos_static'}\n".encode())
    assert_refused(run(TOOL, "--backend=preload", script), OWN_FAILURE, str(script), "is statically linked: the shim cannot be loaded")


def test_script_with_static_interpreter_by_ptrace(tmp_path, programs):
    script = executable(tmp_path / "script", f"#!{programs.labs / 'lib_cos_static'}\n".encode())
    traced = trace(tmp_path, script)
    assert traced.status == 0
    assert (traced.events[0]["backend"], traced.events[0]["exe"]) == ("ptrace", str(programs.labs / "lib_cos_static"))


def test_script_with_text_interpreter(tmp_path):
    text = executable(tmp_path / "text", b"text\n")
    script = executable(tmp_path / "script", f"#!{text}\n".encode())
    assert_refused(run(TOOL, script), CANNOT_EXECUTE, str(script), "is not a program")


# ---- the command line ----

@pytest.mark.parametrize("arguments, words", [
    (["--nonsense", "./map3"], ["--nonsense"]),
    (["-Z", "./map3"], ["'Z'"]),
    (["--color=bad", "./map3"], ["--color", "auto, always or never", "bad"]),
    (["--color"], ["--color"]),
    (["-o"], ["'o'"]),
    ([], ["which program"]),
    (["--"], ["which program"]),
    (["-q"], ["which program"]),
    (["show"], ["which trace"]),
    (["show", "a", "b"], ["one trace", "b"]),
    (["show", "--no-such", "a"], ["--no-such"]),
])
def test_wrong_usage(arguments, words, programs):
    assert_wrong_usage(run(TOOL, *arguments, cwd=programs.labs), *words)


@pytest.mark.parametrize("option", ["--json={}", "-o{}", "--output={}", "--timeline={}"])
@pytest.mark.parametrize("place, reason", [("no/such/folder/file", "No such file or directory"), (".", "Is a directory")])
def test_unwritable_output(tmp_path, option, place, reason, programs):
    """The program does not run: what it does could not be seen."""
    file = tmp_path / place
    assert_refused(run(TOOL, option.format(file), programs.labs / "map3"), OWN_FAILURE, str(file), "cannot write", reason)


def test_an_output_that_may_not_be_written(tmp_path, programs):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o555)
    assert_refused(run(TOOL, f"--json={tmp_path / 'file'}", programs.labs / "map3"), OWN_FAILURE, "Permission denied")


@pytest.mark.parametrize("option", ["--json={}", "-o{}"])
def test_an_output_in_a_folder_where_everybody_may_write(tmp_path, option, programs):
    """As in /tmp, whatever fs.protected_symlinks is: what others have put there is not written to. A new file is ours alone."""
    if os.geteuid() != 0:
        pytest.skip("only root can act for somebody else")
    folder, victim = tmp_path / "tmp", tmp_path / "victim"
    folder.mkdir()
    folder.chmod(0o1777)
    victim.write_text("kept")
    for name in ("trap", "file"):
        (folder / name).symlink_to(victim) if name == "trap" else (folder / name).write_text("")
        os.chown(folder / name, 65534, 65534, follow_symlinks=False)
        done = run(TOOL, "-q", option.format(folder / name), programs.labs / "map3")
        assert_refused(done, OWN_FAILURE, str(folder / name), "cannot write: Permission denied")
    assert victim.read_text() == "kept" and (folder / "file").read_text() == ""
    assert run(TOOL, option.format(folder / "new"), programs.labs / "map3").status == 0
    assert (folder / "new").stat().st_mode & 0o777 == 0o600


def arguments_seen(*words, **options):
    done = run(TOOL, "-q", *words, **options)
    assert done.status == 0, done.err
    return [line.split(b" ", 3)[3] for line in done.out.splitlines() if line.startswith(b"@ arg ")]


@pytest.mark.parametrize("arguments", [["--json"], ["-q", "--help", "-V"], ["--", "-o", "x"], ["show"], ["", "a b", "\\"]])
@pytest.mark.parametrize("separator", [[], ["--"]])
def test_options_of_the_program_are_its_own(arguments, separator, programs):
    program = str(programs.victims / "env_args")
    seen = arguments_seen(*separator, program, *arguments)
    assert seen == [os.fsencode(word) for word in [program, *arguments]]


def test_arguments_are_bytes(programs):
    program = os.fsencode(programs.victims / "env_args")
    hostile = [b"\033[31m", b"\xff\xfe", b"'\"$(true)`", b"\xf0\x9f\x98\x80"]
    assert arguments_seen(program, *hostile) == [program, *hostile]


@pytest.mark.parametrize("name", ["show", "--json", "-q", "-"])
def test_a_program_named_like_an_option(tmp_path, name, programs):
    shutil.copy(programs.victims / "env_args", tmp_path / name)
    assert arguments_seen("--", name, env=environment(PATH=tmp_path))[0] == name.encode()


def test_program_found_by_path(tmp_path, programs):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for folder in (first, second, third):
        folder.mkdir()
    (first / "tool").write_text("not executable")
    (second / "tool").mkdir()
    shutil.copy(programs.victims / "env_args", third / "tool")
    traced = trace(tmp_path, "tool", "x", env=environment(PATH=f"{first}:/no/such:{second}:{third}"))
    assert traced.status == 0
    assert traced.events[0]["exe"] == str(third / "tool")
    assert traced.events[0]["argv"] == ["tool", "x"]
    alone = run(TOOL, "tool", env=environment(PATH=f"{first}"))
    assert_refused(alone, CANNOT_EXECUTE, "tool: Permission denied")


@pytest.mark.parametrize("path", ["", ":/no/such", "/no/such:", "/no/such::/none"])
def test_an_empty_entry_of_path_is_the_current_folder(tmp_path, path, programs):
    shutil.copy(programs.victims / "env_args", tmp_path / "prog")
    assert arguments_seen("prog", cwd=tmp_path, env=environment(PATH=path)) == [b"prog"]


# ---- traces ----

def show(path, *options):
    done = run(sanitized_tool(), "show", *options, path)
    assert_no_crash(done)
    return done


def assert_bad_trace(done, place, *words):
    """Status 125 and one message that begins with the place; what came before the error may have been shown."""
    assert done.status == OWN_FAILURE, done.err
    said = messages(done.err)
    assert len(said) == 1 and said[0].startswith(f"{place}: "), done.err
    assert all(word in said[0] for word in words), said
    assert done.err.count(b"\n") == 1
    assert not set(done.err) & (set(range(32)) - {10} | {127}), "control characters in a message"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, programs):
    """A trace with all kinds of events that one run has."""
    folder = tmp_path_factory.mktemp("recorded")
    traced = trace(folder, programs.victims / "ending", "exec_fail")
    return traced.trace.read_bytes()


def test_missing_trace(tmp_path):
    path = tmp_path / "none.jsonl"
    assert_bad_trace(show(path), path, "No such file or directory")


def test_trace_that_is_a_folder(tmp_path):
    assert_bad_trace(show(tmp_path), tmp_path, "Is a directory")


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n  \n", bytes(5000)], ids=["empty", "newline", "blank", "zeros"])
def test_trace_without_events(tmp_path, content):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    assert_bad_trace(show(path), path, "no event")


GARBAGE = {
    "text": b"Hello\n",
    "number": b"17\n",
    "list": b"[]\n",
    "string": b'"x"\n',
    "open": b"{\n",
    "no-type": b"{}\n",
    "unknown-type": b'{"type":"nonsense"}\n',
    "hostile-type": b'{"type":"\\u001b[31m\\u0007"}\n',
    "no-seq": b'{"type":"exit"}\n',
    "duplicate": b'{"type":"exit","type":"exit"}\n',
    "not-utf8": b'{"type":"\xff\xfe"}\n',
    "escape": b"\033[31mred\033[0m\n",
    "nul": b'{"type":"ex\\u0000it"}\n',
    "nan": b'{"type":"exit","status":NaN}\n',
    "huge-number": b'{"type":"exit","status":1e999}\n',
    "long-number": b'{"type":"exit","status":' + b"9" * 5000 + b"}\n",
    "deep": b"[" * 200_000 + b"\n",
    "deep-object": b'{"a":' * 200_000 + b"\n",
    "elf": b"\x7fELF\x01\x01\x01\0\0\0\n\0\n",
    "random": bytes((i * i * 2654435761 >> 13) & 255 for i in range(1, 20000)),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["timeline", "json"])
def test_garbage(tmp_path, content, options):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    assert_bad_trace(show(path, *options), path if content.startswith(b"\x7fELF") else f"{path}:1")


def test_garbage_in_the_middle(tmp_path, recorded):
    path = tmp_path / "t.jsonl"
    lines = recorded.splitlines(keepends=True)
    for number in (2, 7, len(lines)):
        path.write_bytes(b"".join([*lines[:number - 1], b"\n\nrubbish\n", *lines[number - 1:]]))
        done = show(path)
        assert_bad_trace(done, f"{path}:{number + 2}", "not JSON")
        assert b"procmap-trace" in done.out  # what is before it


def test_binary_file(programs):
    program = programs.labs / "map3"
    assert_bad_trace(show(program), program, "it is a program, not a trace")


def test_a_very_long_line(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"type":"' + b"x" * (20 << 20) + b'"}\n')
    assert_bad_trace(show(path), f"{path}:1")
    path.unlink()


def test_a_trace_of_another_schema(tmp_path, recorded):
    path = tmp_path / "t.jsonl"
    path.write_bytes(recorded.replace(b'"schema":1,', b'"schema":2,'))
    assert_bad_trace(show(path), f"{path}:1", "schema")


def test_a_trace_without_its_start(tmp_path, recorded):
    path = tmp_path / "t.jsonl"
    path.write_bytes(recorded.split(b"\n", 1)[1])
    assert_bad_trace(show(path), f"{path}:1", "process")


def test_a_trace_whose_windows_overlap():
    """The second window of a look says of the same addresses something else than the first."""
    path = ROOT / "tests/fuzz/corpus/replay/overlapping_windows.jsonl"
    done = show(path)
    assert_bad_trace(done, f"{path}:6", "window")
    assert_bad_trace(show(path, "--json"), f"{path}:6", "window")


def test_hostile_name_of_a_trace(tmp_path):
    path = os.fsencode(tmp_path) + b"/\033[31m\n\xff"
    with open(path, "wb") as file:
        file.write(b"rubbish\n")
    done = show(path)
    assert done.status == OWN_FAILURE
    assert b"\033" not in done.err and done.err.count(b"\n") == 1
    done.err.decode("utf-8")


def test_the_standard_input(recorded):
    shown = run(sanitized_tool(), "show", "--json", "-", input=recorded)
    assert (shown.status, shown.out) == (0, recorded)
    broken = run(sanitized_tool(), "show", "-", input=recorded[:-20])
    assert_no_crash(broken)
    assert broken.status == OWN_FAILURE
    assert f":{recorded.count(10)}: " in messages(broken.err)[0]


def truncations(data):
    """Lengths to cut a trace to: about 60 over the whole, and each place in and around two line ends."""
    ends = list(itertools.accumulate(len(line) for line in data.splitlines(keepends=True)))
    sample = set(range(1, len(data), len(data) // 60))
    for end in (ends[0], ends[-2]):
        sample |= set(range(end - 3, end + 3))
    return sorted(sample)


def test_truncated_trace(tmp_path, recorded):
    """Cut in an event: an error that names the line. Cut between two: the timeline says that the end is missing."""
    def check(length):
        path = tmp_path / f"t{length}.jsonl"
        path.write_bytes(recorded[:length])
        number = recorded.count(10, 0, length) + 1
        done = show(path)
        line = recorded[:length].rpartition(b"\n")[2]
        if line == b"" or recorded[length:length + 1] == b"\n":
            assert (done.status, done.err) == (0, b""), length
            whole = length >= len(recorded) - 1  # but for the last newline
            assert (b"the trace ends here, without an exit of the program" not in done.out) == whole, length
        else:
            assert_bad_trace(done, f"{path}:{number}")
        return True

    sanitized_tool()
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(check, truncations(recorded)))


def places(value, path=()):
    """Paths of all values inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(event, path, new):
    """A copy of the event with another value at the path; without it if new is `places` (a value that JSON has not)."""
    event = copy.deepcopy(event)
    holder = event
    for key in path[:-1]:
        holder = holder[key]
    if new is places:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return event


WRONG = [None, True, -1, 2**63, 2**64, 1.5, "", "0x", "0x" + "f" * 17, "\u0000\u001b[31m", "x" * 70000, [], [[]], {},
         {"call": "malloc"}, [None] * 100]


def wrong_traces(lines):
    """(number of the line, trace) with one value changed: each value of the first event of each type, by turns to each wrong
    one, or left out."""
    turns = itertools.cycle(WRONG)
    seen = set()
    for index, line in enumerate(lines):
        event = json.loads(line)
        if event["type"] in seen:
            continue
        seen.add(event["type"])
        for path in places(event):
            if len(path) > 1 and isinstance(path[1], int) and path[1] > 0:
                continue  # one element of each array is enough
            for new in (places, next(turns)):
                broken = json.dumps(changed(event, path, new)).encode() + b"\n"
                yield index + 1, path, new, b"".join([*lines[:index], broken, *lines[index + 1:]])


REQUIRED = {  # raw fields without which an event cannot be understood
    "process": {"schema", "pid", "exe", "argv", "class", "page_size"},
    "alloc": {"call", "addr", "tid"},
    "kernel": {"call", "args"},
    "snapshot": {"lo", "hi", "regions", "reason"},
    "stack": {"id", "frames"},
    "exec": {"path"},
    "exit": {"status"},
}


def test_values_of_wrong_type(tmp_path, recorded):
    lines = recorded.splitlines(keepends=True)

    def check(number, path, new, content):
        file = tmp_path / f"t{abs(hash((number, path, repr(new)))):x}.jsonl"
        file.write_bytes(content)
        done = show(file)
        what = f"line {number}, {path} is {'missing' if new is places else repr(new)[:50]}: {done.err}"
        assert done.status in (0, OWN_FAILURE), what
        if done.status == OWN_FAILURE:
            assert len(messages(done.err)) == 1, what
            # a value may be right by itself and wrong for what comes later
            assert messages(done.err)[0].startswith(f"{file}:"), what
        kind = json.loads(lines[number - 1])["type"]
        if new in (places, None, [], {}) and len(path) == 1 and path[0] in REQUIRED.get(kind, ()) and \
                not (path[0] in ("addr", "status") and new is None) and \
                not (path[0] in ("args", "frames", "regions", "argv") and new == []):
            assert_bad_trace(done, f"{file}:{number}", path[0])
        assert not set(done.out) & (set(range(32)) - {10} | {127}), what
        file.unlink()
        return True

    cases = list(wrong_traces(lines))
    assert len(cases) > 200
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda case: check(*case), cases))


def test_tools_own_sources_are_no_trace():
    assert_bad_trace(show(ROOT / "Makefile"), f"{ROOT / 'Makefile'}:1", "not JSON")
