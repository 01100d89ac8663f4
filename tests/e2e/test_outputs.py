"""What comes out, besides the events themselves: `show` against the live run, the shim without a runner, texts of help
and manual, colours and width on a terminal, harmless characters, and queries with jq."""

import copy
import fcntl
import json
import os
import pty
import re
import resource
import shutil
import struct
import termios
import threading

import pytest

import layout
from programs import SHIM
from running import (OWN_FAILURE, ROOT, TOOL, assert_calls_traced, environment,
                     read_events, run, start, trace, trace_options, without_addresses)

PAGE = 4096
SGR = re.compile(r"\033\[[0-9;]*m")
RESULTS = [  # programs that are the same in every run but for addresses and times
    *([f"labs/{name}"] for name in ("map1", "map2", "lib_cos", "mmap_file", "shared_memory", "brk_direct", "mprotect_split",
                                 "mremap_grow", "dlopen_lib", "crash")),
    ["labs/map3", "100"], ["labs/map3", "40000"],
]
PROGRAMS = [
    *RESULTS, ["labs/threads"], ["labs/many_mallocs", "1500"],
    *([f"victims/{name}"] for name in ("early", "errno_kept", "fds", "no_glibc_malloc", "own_syscalls", "pool",
                                    "stack_growth", "threshold")),
    *(["victims/ending", mode] for mode in ("abort", "exec", "exec_fail", "exit7", "exit_in_thread")),
    ["victims/many_regions", "300", "20"], ["victims/signals", "20"],
]


def said_mallocs(out):
    """The sizes that a program printed."""
    return [int(size) for size in re.findall(rb"^@ malloc (\d+) ", out, re.M)]


def label(command):
    return " ".join([command[0].rpartition("/")[2], *command[1:]])


# ---- show ----

@pytest.mark.parametrize("command", PROGRAMS, ids=label)
def test_show_is_identical_to_the_live_run(tmp_path, command, programs):
    for columns, options in (("80", []), ("140", ["--all"])):
        env = environment(COLUMNS=columns)
        live = run(TOOL, *trace_options(tmp_path), *options, *programs.command(command), env=env, cwd=tmp_path)
        assert live.status < OWN_FAILURE
        assert read_events(tmp_path / "trace.jsonl")[-1]["type"] == "exit"
        shown = run(TOOL, "show", *options, tmp_path / "trace.jsonl", env=env)
        assert (shown.status, shown.err) == (0, b"")
        assert shown.out == (tmp_path / "timeline").read_bytes()
    again = run(TOOL, "show", "--json", tmp_path / "trace.jsonl")
    assert (again.status, again.err) == (0, b"")
    assert again.out == (tmp_path / "trace.jsonl").read_bytes()


def test_show_into_files(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "map3")
    done = run(TOOL, "show", f"--json={tmp_path / 'again.jsonl'}", "-o", tmp_path / "again", traced.trace)
    assert (done.status, done.out, done.err) == (0, b"", b"")
    assert (tmp_path / "again.jsonl").read_bytes() == traced.trace.read_bytes()
    assert (tmp_path / "again").read_text() == traced.timeline


def test_show_to_a_closed_pipe(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "many_mallocs", "2000")
    with start(TOOL, "show", "--json", traced.trace) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == OWN_FAILURE
    assert err == b"procmap-trace: cannot write the output: Broken pipe\n"


def test_show_to_a_full_disk(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "map3")
    for option in ("--output=/dev/full", "--json=/dev/full"):
        done = run(TOOL, "show", option, traced.trace)
        assert done.status == OWN_FAILURE
        assert done.err == b"procmap-trace: cannot write the output: No space left on device\n"


def test_show_to_a_full_disk_whatever_the_length(tmp_path, programs):
    """Also where a page is full just before the end, and nothing is left to be written when the stream is closed."""
    events, other, sizes = trace(tmp_path, programs.labs / "crash").events, tmp_path / "other.jsonl", []

    def size_with(regions, argument_length):
        """Of the timeline, when the program has so many regions instead of its libraries, and an argument."""
        low = [{**events[1]["regions"][0], "start": hex(start), "end": hex(start + PAGE), "size": PAGE, "path": "/x"}
               for start in range(0x10000, 0x10000 + regions * 2 * PAGE, 2 * PAGE)]
        with open(other, "w", encoding="utf-8") as file:
            for event in copy.deepcopy(events):
                if event["type"] == "process":
                    event["argv"] = ["x" * argument_length]
                elif event["type"] == "snapshot":
                    own = [region for region in event["regions"] if ".so" not in region["path"]]
                    event["regions"] = (low if event["lo"] == "0x0" else []) + own
                file.write(json.dumps(event, separators=(",", ":")) + "\n")
        return len(run(TOOL, "show", other).out)

    row = size_with(2, 1) - size_with(1, 1)
    near = next(regions for regions in range(200) if size_with(regions, 1) + row >= PAGE)
    fits = PAGE - size_with(near, 1) + 1
    for length in range(max(fits - 2, 1), fits + 4):
        sizes.append(size_with(near, length))
        done = run(TOOL, "show", "--output=/dev/full", other)
        assert (done.status, done.err[-24:]) == (OWN_FAILURE, b"No space left on device\n"), sizes
    assert PAGE + 1 in sizes


def test_json_on_stdout_moves_the_output_of_the_program(tmp_path, programs):
    done = run(TOOL, "--json", "--no-aslr", programs.labs / "map3")
    assert done.status == 0
    (tmp_path / "t.jsonl").write_bytes(done.out)
    events = read_events(tmp_path / "t.jsonl")
    assert_calls_traced(done.err, events)
    assert b" START " not in done.err and b" EXIT " not in done.err  # no timeline


def test_quiet(programs):
    done = run(TOOL, "-q", programs.labs / "map3")
    assert (done.status, done.err) == (0, b"")


# ---- the shim alone ----

def alone(output, *command, env=(), **options):
    """Runs a program with the shim and without a runner; env(1) sets the variables, so that only the program has them."""
    variables = [f"LD_PRELOAD={layout.preload(SHIM)}", f"PROCMAP_TRACE_OUTPUT={output}", *env]
    return run("setarch", "-R", "env", *variables, *command, **options)


def told(timeline):
    """A timeline without what differs between two runs: times, process ids, addresses (of mappings: the tracer's own are
    not the same with and without a runner), and the tracer's memory."""
    timeline = re.sub(r"(?m)^ +\d+\.\d{3} m?s ", "TIME ", timeline)
    timeline = re.sub(r"until \d+\.\d{3} ms", "until TIME", timeline)
    timeline = re.sub(r"\bpid \d+", "pid PID", timeline)
    timeline = re.sub(r"/proc/\d+", "/proc/PID", timeline)
    timeline = re.sub(r"shmat\(id \d+\)", "shmat(id ID)", timeline)
    timeline = re.sub(r"/(mmap_file\.)\w{6}\b|(memory-)\d+\b", r"/\1\2NAME", timeline)
    timeline = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8}([0-9a-f]{4}){0,2}\b", "ADDRESS", timeline)
    return re.sub(r" +", " ", timeline)


@pytest.mark.parametrize("command", RESULTS, ids=label)
def test_shim_alone_tells_the_same_story(tmp_path, command, programs):
    live = trace(tmp_path, *programs.command(command), options=["--no-aslr"], cwd=tmp_path)
    done = alone(tmp_path / "alone.jsonl", *programs.command(command), cwd=tmp_path)
    assert (done.status, done.err) == (live.status, live.err)
    events = read_events(tmp_path / "alone.jsonl")
    assert "region" not in {event["type"] for event in events}
    if said_mallocs(done.out):
        assert_calls_traced(done.out, events)
    shown = run(TOOL, "show", tmp_path / "alone.jsonl")
    assert (shown.status, shown.err) == (0, b"")
    ours, theirs = told(shown.out.decode()), told(live.timeline)
    if live.status < 0:  # nobody is left to write how it ended
        assert "the trace ends here, without an exit of the program" in ours
        ours, theirs = ours.split(" the trace ends here")[0].rstrip(), theirs.split("\nTIME KILLED")[0].rstrip()
    assert ours == theirs


@pytest.mark.parametrize("command", RESULTS, ids=label)
def test_shim_alone_has_all_raw_events(tmp_path, command, programs):
    def raw(events):
        return [(event["type"], event["call"], event.get("size"), event.get("placement"), event.get("within"))
                for event in events if event["type"] in ("alloc", "kernel")]

    live = trace(tmp_path, *programs.command(command), options=["--no-aslr"], cwd=tmp_path)
    alone(tmp_path / "alone.jsonl", *programs.command(command), cwd=tmp_path)
    pid = re.compile(r"/proc/\d+")
    assert pid.sub("", str(raw(read_events(tmp_path / "alone.jsonl")))) == pid.sub("", str(raw(live.events)))


@pytest.mark.parametrize("mode, status", [("exit7", 7), ("_exit", 9), ("quick_exit", 8), ("exit_in_thread", 5), ("exec_fail", 6),
                                          ("pthread_exit_main", 0), ("return", 0)])
def test_shim_alone_writes_the_exit(tmp_path, mode, status, programs):
    done = alone(tmp_path / "t.jsonl", programs.victims / "ending", mode)
    assert (done.status, done.err) == (status, b"")
    events = read_events(tmp_path / "t.jsonl")
    assert_calls_traced(done.out, events)
    assert (events[-1]["type"], events[-1]["status"]) == ("exit", status)
    assert (tmp_path / "t.jsonl").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("mode", ["abort", "segv", "sigkill", "exec"])
def test_shim_alone_when_the_program_is_gone(tmp_path, mode, programs):
    """The rest of the last window is blank lines, and all that happened before is there."""
    plain = run(programs.victims / "ending", mode, cwd=tmp_path)
    done = alone(tmp_path / "t.jsonl", programs.victims / "ending", mode, cwd=tmp_path)
    assert (done.status, without_addresses(done.out)) == (plain.status, without_addresses(plain.out))
    events = read_events(tmp_path / "t.jsonl")
    assert_calls_traced(done.out, events)
    assert not (tmp_path / "t.jsonl").read_bytes().rpartition(b"}\n")[2].strip(b"\n")
    shown = run(TOOL, "show", tmp_path / "t.jsonl")
    assert (shown.status, shown.err) == (0, b"")
    if mode != "exec":
        assert b"the trace ends here, without an exit of the program" in shown.out


WANDERER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) /* wanderer N FOLDER */
{
    int n = atoi(argv[1]);
    if (chdir(argv[2]) != 0)
        return 1;
    for (int i = 0; i < n; i++)
        free(malloc(i % 100 + 1));
    printf("@ end %d\n", n);
    return 3;
}
"""


@pytest.fixture(scope="module")
def wanderer(tmp_path_factory, programs):
    return programs.compile(tmp_path_factory.mktemp("wanderer") / "wanderer", WANDERER)


def test_shim_alone_with_a_relative_path(tmp_path, wanderer):
    """The program changes its folder, and the trace is longer than one window of the file."""
    other = tmp_path / "other"
    other.mkdir()
    done = alone("t.jsonl", wanderer, "5000", other, cwd=tmp_path)
    assert (done.status, done.out, done.err) == (3, b"@ end 5000\n", b"")
    assert list(other.iterdir()) == []
    assert (tmp_path / "t.jsonl").stat().st_size > 1 << 20
    events = read_events(tmp_path / "t.jsonl")
    mallocs = [event for event in events if event["type"] == "alloc" and event["call"] == "malloc"]
    assert len(mallocs) == 5001  # and stdout's buffer
    assert "loss" not in {event["type"] for event in events}
    shown = run(TOOL, "show", tmp_path / "t.jsonl").out.decode()
    assert "mapped_file" not in shown and "all explained" in shown
    (tmp_path / "t.jsonl").unlink()


def test_shim_alone_replaces_an_older_file(tmp_path, programs):
    (tmp_path / "t.jsonl").write_bytes(b"of an older trace\n" * 200_000)
    assert alone(tmp_path / "t.jsonl", programs.labs / "map1").status == 0
    assert read_events(tmp_path / "t.jsonl")[-1]["type"] == "exit"
    assert b"of an older trace" not in (tmp_path / "t.jsonl").read_bytes()


@pytest.mark.parametrize("output", ["{}/no/such/folder/t.jsonl", "{}", "/dev/full", "/dev/null", "{}/fifo", "",
                                    "{}/" + "x" * 5000])
def test_shim_alone_that_cannot_write(tmp_path, wanderer, output):
    os.mkfifo(tmp_path / "fifo")
    done = alone(output.format(tmp_path), wanderer, "5000", "/")
    assert (done.status, done.out, done.err) == (3, b"@ end 5000\n", b"")


def test_shim_alone_on_a_full_disk(tmp_path, wanderer):
    if os.geteuid() != 0 or run("unshare", "--mount", "true").status != 0:
        pytest.skip("only root can mount a small file system")
    script = 'mount -t tmpfs -o size=1500k tmpfs "$1"; shift; "$@"; status=$?; cp "$OUTPUT" "$KEPT"; exit $status'
    small, kept = tmp_path / "small", tmp_path / "kept"
    small.mkdir()
    env = environment(OUTPUT=f"{small}/t.jsonl", KEPT=str(kept))
    done = run("unshare", "--mount", "sh", "-c", script, "sh", small, "env", f"LD_PRELOAD={SHIM}",
               f"PROCMAP_TRACE_OUTPUT={small}/t.jsonl", wanderer, "5000", "/", env=env)
    assert (done.status, done.out, done.err) == (3, b"@ end 5000\n", b"")
    events = read_events(kept)
    assert len(events) > 1000
    assert sum(event["count"] for event in events if event["type"] == "loss" and event["reason"] == "output") > 1000
    done = run(TOOL, "show", kept)
    assert done.status == 0 and b"LOST" in done.out, done.err


FILLER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) /* makes room on the disk when half of its blocks have been had */
{
    for (int i = 0; i < 20000; i++) {
        void *volatile block = malloc(argc + 10);
        free(block);
        if (i == 10000) {
            unlink(argv[1]);
            usleep(200000);
        }
    }
    return 3;
}
"""


def test_shim_alone_on_a_disk_that_was_full(tmp_path, programs):
    """As soon as there is room the trace goes on, and says what is missing."""
    if os.geteuid() != 0 or run("unshare", "--mount", "true").status != 0:
        pytest.skip("only root can mount a small file system")
    filler = programs.compile(tmp_path / "filler", FILLER)
    script = ('mount -t tmpfs -o size=12m tmpfs "$1"; head -c 10500k /dev/zero >"$1/room"; shift; "$@"; status=$?; '
              'cp "$OUTPUT" "$KEPT"; exit $status')
    small, kept = tmp_path / "small", tmp_path / "kept"
    small.mkdir()
    env = environment(OUTPUT=f"{small}/t.jsonl", KEPT=str(kept))
    done = run("unshare", "--mount", "sh", "-c", script, "sh", small, "env", f"LD_PRELOAD={SHIM}",
               f"PROCMAP_TRACE_OUTPUT={small}/t.jsonl", filler, small / "room", env=env)
    assert (done.status, done.out, done.err) == (3, b"", b"")
    events = read_events(kept)
    losses = [event for event in events if event["type"] == "loss"]
    assert {event["reason"] for event in losses} == {"output"}
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    calls = sum(event["type"] == "alloc" for event in events)
    assert calls + sum(event["count"] for event in losses) >= 40000 and calls > 10000
    assert events[-1]["type"] == "exit"


@pytest.mark.parametrize("size", [4096, 100 << 10, 1500 << 10])
def test_shim_alone_with_a_file_size_limit(tmp_path, wanderer, size):
    """The program gets no SIGXFSZ that it would not have got."""
    done = alone(tmp_path / "t.jsonl", wanderer, "5000", "/",
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    assert (done.status, done.out, done.err) == (3, b"@ end 5000\n", b"")


def test_shim_alone_without_a_wish(programs):
    """Preloaded, but neither a runner nor a file asks for a trace; or the runner is no more."""
    for variables in ([], ["PROCMAP_TRACE_SOCKET=procmap-trace.1.none"]):
        done = run("env", f"LD_PRELOAD={SHIM}", *variables, programs.victims / "ending", "exit7")
        assert (done.status, done.err) == (7, b"")


# ---- help and manual ----

def options_in(text):
    """The options that a text mentions."""
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-[A-Za-z])(?![\w-])", text))


def test_version():
    done = run(TOOL, "--version")
    assert (done.status, done.err) == (0, b"")
    assert re.fullmatch(rb"procmap-trace \d+\.\d+(\.\d+)?\n", done.out)
    assert run(TOOL, "-V") == run(TOOL, "show", "--version") == done


def test_help():
    done = run(TOOL, "--help")
    assert (done.status, done.err) == (0, b"")
    assert done.out.startswith(b"Usage: procmap-trace ")
    assert max(map(len, done.out.splitlines())) <= 80
    assert run(TOOL, "-h") == run(TOOL, "show", "--help") == done


def test_manual_and_help_have_the_same_options():
    manual = (ROOT / "runner" / "procmap-trace.1").read_text().replace("\\-", "-")
    manual = re.sub(r"\\f[BIRP]|\\f\([A-Z]{2}", "", manual)
    section = re.search(r'(?ms)^\.SH "?OPTIONS"?\n(.*?)^\.SH', manual)[1]
    assert options_in(section) == options_in(run(TOOL, "--help").out.decode())
    for status in ("125", "126", "127"):
        assert status in manual
    for variable in ("NO_COLOR", "COLUMNS", "PROCMAP_TRACE_OUTPUT"):
        assert variable in manual


def test_help_to_a_full_disk():
    with open("/dev/full", "wb") as full:
        assert run(TOOL, "--help", stdout=full).status == OWN_FAILURE


# ---- terminals ----

def on_terminal(*command, columns=100, **env):
    """Runs a command with its standard error on a terminal of that width; (status, what the terminal got)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST  # line ends as they are
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    got = []

    def read():
        try:
            while chunk := os.read(master, 65536):
                got.append(chunk)
        except OSError:  # EIO: nobody has it open any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    done = run(*command, stderr=slave, env=environment(**{"COLUMNS": None, **env}))
    os.close(slave)
    reader.join()
    os.close(master)
    return done.status, b"".join(got).decode("utf-8")


@pytest.mark.parametrize("options, env, colored", [
    ([], {}, True),
    ([], {"NO_COLOR": "1"}, False),
    ([], {"NO_COLOR": ""}, True),
    ([], {"TERM": "dumb"}, False),
    (["--color=never"], {}, False),
    (["--color=always"], {"NO_COLOR": "1"}, True),
    (["--color=auto"], {}, True),
])
def test_color_on_a_terminal(options, env, colored, programs):
    status, text = on_terminal(TOOL, *options, programs.labs / "map3", **env)
    assert status == 0 and " EXIT 0 " in SGR.sub("", text)
    assert ("\033" in text) == colored


@pytest.mark.parametrize("options, colored", [([], False), (["--color=auto"], False), (["--color=always"], True)])
def test_color_in_a_pipe(options, colored, programs):
    done = run(TOOL, *options, programs.labs / "map3")
    assert (b"\033" in done.err) == colored


def test_color_changes_nothing_else(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "map3", "40000")
    colored = run(TOOL, "show", "--color=always", traced.trace).out.decode()
    assert SGR.sub("", colored) == traced.timeline
    for line in colored.splitlines():
        codes = SGR.findall(line)
        assert not codes or codes[-1] == "\033[0m", "a colour that does not end with its line"


def too_long(text, columns):
    return [line for line in SGR.sub("", text).splitlines() if len(line) > columns]


@pytest.mark.parametrize("columns", [80, 100, 140])
@pytest.mark.parametrize("command", [*RESULTS, ["labs/threads"], ["labs/many_mallocs", "3000"], ["victims/pool"],
                                     ["victims/ending", "exec_fail"], ["victims/cxx_throw"]], ids=label)
def test_width_of_the_terminal(tmp_path, command, columns, programs):
    _, text = on_terminal(TOOL, *programs.command(command), columns=columns)
    assert too_long(text, columns) == []


@pytest.mark.parametrize("columns", [80, 140])
def test_width_with_long_names(tmp_path, columns, programs):
    folder = tmp_path / ("a_folder_with_a_long_name_" * 5) / ("and_one_more_" * 10)
    folder.mkdir(parents=True)
    shutil.copy(programs.labs / "map3", folder / ("program_" * 12))
    status, text = on_terminal(TOOL, folder / ("program_" * 12), "100", "an argument " * 30, columns=columns)
    assert status == 0
    assert too_long(text, columns) == []


def test_width_of_columns(tmp_path, programs):
    for columns in ("80", "140"):
        done = run(TOOL, programs.labs / "map3", "40000", env=environment(COLUMNS=columns))
        assert too_long(done.err.decode(), int(columns)) == []


@pytest.mark.parametrize("columns", ["1", "20", "0", "-5", "99999999999999999999", "x", ""])
def test_odd_widths(columns, programs):
    done = run(TOOL, programs.labs / "map3", env=environment(COLUMNS=columns))
    assert done.status == 0 and b" EXIT 0 " in done.err


# ---- hostile names ----

CONTROLS = {*range(0x00, 0x20), 0x7f}
OBEYED = {*CONTROLS, *range(0x80, 0xa0), 0x200e, 0x200f, *range(0x202a, 0x202f), *range(0x2066, 0x206a)}


def assert_harmless(path, sgr=False, characters=OBEYED):
    """UTF-8 without a character that a terminal would obey, but for newlines (and colours)."""
    text = path.read_bytes().decode("utf-8")
    if sgr:
        text = SGR.sub("", text)
    assert {hex(ord(character)) for character in text if ord(character) in characters} <= {"0xa"}


HOSTILE = [b"\033[31mred\033[0m", b"\033]0;title\007", b"new\nline\rreturn", b"\xff\xfe\x80", b"\xc3", b"\xc2\x9b31m",
           b"\xed\xa0\x80", b"\xe2\x80\xae bidi", b"\"'\\`$(true)", b"\x7f\b\a\t", b"\xf0\x9f\x98\x80 \xc3\xa9", b"x" * 3000]


@pytest.mark.parametrize("color", ["never", "always"])
def test_hostile_arguments(tmp_path, color, programs):
    program = os.fsencode(programs.victims / "env_args")
    traced = trace(tmp_path, program, *HOSTILE, options=[f"--color={color}"])
    assert traced.status == 0
    assert_harmless(tmp_path / "timeline", color == "always")
    assert_harmless(traced.trace, characters=CONTROLS)
    expected = [word.decode("utf-8", "backslashreplace") for word in HOSTILE]
    assert traced.events[0]["argv"][1:] == expected
    shown = run(TOOL, "show", f"--color={color}", traced.trace)
    assert shown.out == (tmp_path / "timeline").read_bytes()


@pytest.mark.parametrize("color", ["never", "always"])
def test_hostile_file_names(tmp_path, color, programs):
    folder = tmp_path / "files"
    folder.mkdir()
    traced = trace(tmp_path, programs.victims / "weird_names", folder, options=[f"--color={color}", "--all"])
    assert traced.status == 0 and traced.out.endswith(b"\n@ end\n")
    assert_harmless(tmp_path / "timeline", color == "always")
    assert_harmless(traced.trace, characters=CONTROLS)
    names = re.findall(rb"^@ name ([0-9a-f]+)\n@ mmap 4096 (0x[0-9a-f]+)", traced.out, re.M)
    added = [event["after"] for event in traced.of_type("region")
             if event["change"] == "added" and event["cause"]["call"] == "mmap" and event["after"]["inode"]]
    assert [region["start"] for region in added] == [address.decode() for _, address in names]
    for region, (name, _) in zip(added, names):
        expected = bytes.fromhex(name.decode()).decode("utf-8", "backslashreplace")
        # the kernel writes a newline of a name as the four characters \012
        assert region["path"].replace("\\012", "\n") == f"{folder}/{expected}".replace("\\012", "\n")
    shown = run(TOOL, "show", f"--color={color}", "--all", traced.trace)
    assert shown.out == (tmp_path / "timeline").read_bytes()


HOSTILE_CALLS = r"""
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    if (system(": '\033[31m\a\xff\xc2\x9b\n'; exit 0") != 0)
        return 1;
    dlopen("/no/\033]0;x\007\xfe.so", RTLD_NOW);
    execl("/no/\033[2J\n\xff", "x", (char *)0);
    return 0;
}
"""


def test_hostile_names_in_calls(tmp_path, programs):
    folder = tmp_path / "\033[31m\n"
    folder.mkdir()
    program = programs.compile(folder / "prog\007", HOSTILE_CALLS)
    traced = trace(tmp_path, program)
    assert traced.status == 0
    assert_harmless(tmp_path / "timeline")
    assert_harmless(traced.trace, characters=CONTROLS)


# ---- jq, as in the README ----

def jq(path, query, *options):
    done = run("jq", "-c", *options, query, path)
    assert (done.status, done.err) == (0, b"")
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture(scope="module")
def map3(tmp_path_factory, programs):
    return trace(tmp_path_factory.mktemp("map3"), programs.labs / "map3", "40000")


@pytest.fixture(scope="module")
def many(tmp_path_factory, programs):
    return trace(tmp_path_factory.mktemp("many"), programs.labs / "many_mallocs", "4000", "verbose")


def test_jq_sizes_and_placements(map3, many):
    query = 'select(.call=="malloc") | {size, placement}'
    assert {"size": 160000, "placement": "mmap"} in jq(map3.trace, query)
    rows = jq(many.trace, query)
    buffer = 4096  # of stdout, by the first printf
    assert [row["size"] for row in rows if row["size"] != buffer] == [size for size in said_mallocs(many.out) if size != buffer]
    assert {row["placement"] for row in rows} == {"heap", "mmap"}
    assert all(row["size"] >= 128 * 1024 for row in rows if row["placement"] == "mmap")


def test_jq_mallocs_that_changed_the_map(map3, many, programs):
    query = 'select(.type=="region" and .cause.call=="malloc") | [.after.kind, .cause.size, .delta]'
    assert ["malloc_mmap", 160000, programs.mmapped_size(160000)] in jq(map3.trace, query)
    rows = jq(many.trace, query)
    own = [(size, delta) for kind, size, delta in rows if kind == "malloc_mmap"]
    assert own and all(delta == programs.mmapped_size(size) for size, delta in own)
    mapped = jq(many.trace, 'select(.type=="alloc" and .call=="malloc" and .placement=="mmap") | .size')
    assert [size for size, _ in own] == mapped
    assert all(delta > 0 for _, _, delta in rows)


def test_jq_the_heap_adds_up(map3, many):
    for traced in (map3, many):
        grown = jq(traced.trace, 'select(.type=="region" and (.after // .before).kind=="heap") | .delta')
        total = jq(traced.trace, 'select(.type=="exit") | .totals[] | select(.kind=="heap") | .bytes')
        assert [sum(grown)] == total


def test_jq_totals_at_exit(map3):
    totals = jq(map3.trace, 'select(.type=="exit") | .totals | map({(.kind): .bytes}) | add')[0]
    last = jq(map3.trace, 'select(.type=="snapshot" and .reason=="exit") | .regions[]')
    assert totals["heap"] == sum(region["size"] for region in last if region["path"] == "[heap]")
    assert totals["stack"] == sum(region["size"] for region in last if region["path"] == "[stack]")
    sizes = {}
    for region in last:
        sizes[region["kind"]] = sizes.get(region["kind"], 0) + region["size"]
    assert totals == sizes


@pytest.mark.parametrize("count, placement", [(100, "heap"), (1000, "heap"), (10000, "heap"), (20000, "heap"), (30000, "heap"),
                                              (32768, "room"), (34000, "mmap"), (40000, "mmap")])
def test_jq_heap_or_mmap(tmp_path, count, placement, programs):
    """malloc looks at the threshold only when the heap has no room. For 32768 ints, 128 KiB, it has on 32 bits, as the
    start of the heap is not aligned there: it has to be moved by one more page."""
    if placement == "room":
        placement = {32: "heap", 64: "mmap"}[programs.bits]
    traced = trace(tmp_path, programs.labs / "map3", str(count))
    query = '.thresholds.mmap as $t | first(inputs | select(.call=="malloc" and .size==$size)) | [.placement, .size >= $t]'
    rows = jq(traced.trace, query, "--argjson", "size", str(count * 4))
    assert rows == [[placement, count * 4 >= 128 * 1024]]


def test_jq_all_of_one_file_at_once(many):
    """The comparison of the README: how many blocks there are in each place, and how large."""
    query = '[.[] | select(.call=="malloc")] | group_by(.placement) | map({(.[0].placement): [length, (map(.size) | max)]}) | add'
    found = jq(many.trace, query, "--slurp")[0]
    said = said_mallocs(many.out)
    mallocs = [event for event in many.of_type("alloc") if event["call"] == "malloc"]
    assert found["heap"][0] + found["mmap"][0] == len(mallocs) >= len(said)
    assert found["mmap"][1] == max(event["size"] for event in mallocs if event["placement"] == "mmap")
