"""Children and exec: with --follow each process image is in the trace, with a map of its own; without it children run
untouched. Exec in the same process is followed in both."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import running
from test_observer import normalised
from tracing import FOLLOW, trace, untraced

COPIES = ["fork", "clone", "threads"]  # the child has a copy of the parent's map
OTHERS = ["vfork", "posix_spawn", "system", "popen"]  # the child executes a program
BOTH_WAYS = pytest.mark.parametrize("options", [[], FOLLOW], ids=["alone", "follow"])


def without_pids(text):
    return re.sub(r"(?m)^(@ child \S+) \d+$", r"\1 PID", normalised(text))


def assert_as_untraced(traced, alone):
    """Threads and processes may print in any order. The heap of one thread begins where its thread block ends, which is
    larger with a library more."""
    def lines(run):
        return sorted(re.sub(r"0x5(5555)?[0-9a-f]{7}\b", "HEAP", without_pids(run.stdout)).splitlines())

    assert lines(traced) == lines(alone)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)


def family(programs, kind, options):
    """The traced run of a way to make children, its children as said, their images."""
    traced = trace(programs.victims / "children", kind, aslr=False, tool_options=options)
    assert_as_untraced(traced, untraced(programs.victims / "children", kind))
    said = {int(pid) for _, pid in traced.said("child")}
    assert said
    return traced, said, [image for image in traced.images if image.process["pid"] in said]


def assert_all_there(image, kind):
    """The child's own allocation, its change of the map, and its end."""
    blocks = {event["size"] for event in image.of("alloc", call="malloc")}
    assert 70000 + len(kind) in blocks and not blocks & {4000, 6000}
    shared = [event for event in image.changes() if (event["after"] or event["before"])["perms"] == "r--s"]
    assert [event["change"] for event in shared] == ["added", "removed"]
    assert [event["delta"] for event in shared] == [7 * 4096, -7 * 4096]
    assert (image.exit["end"], image.exit["status"]) == ("exit", 21)
    assert (image.exit["ledger"]["unexplained"], image.exit["ledger"]["lost"]) == (0, 0)


def own(memory):
    return [region.identity() for region in memory if region["owner"] == "program"]


@pytest.mark.parametrize("kind", COPIES)
def test_copies(programs, kind):
    traced, said, images = family(programs, kind, FOLLOW)
    parent = traced.images[0]
    assert {image.process["pid"] for image in images} == said
    assert len(traced.images) == 1 + len(said)
    for image in images:
        assert_all_there(image, kind)
        process = image.process
        assert (process["origin"], process["ppid"]) == ("fork", parent.process["pid"])
        assert process["class"] == programs.bits and process["exe"] == parent.process["exe"]
        if kind == "fork":
            [fork] = parent.of("fork", fork_id=process["fork_id"])
            assert own(image.map_at_start()) == own(parent.map_at(fork["seq"]))
    if kind != "clone":
        assert sorted(e["fork_id"] for e in parent.of("fork")) == sorted(i.process["fork_id"] for i in images)


@pytest.mark.parametrize("kind", OTHERS)
def test_others(programs, kind):
    traced, said, images = family(programs, kind, FOLLOW)
    child = images[-1]
    assert_all_there(child, kind)
    assert child.process["origin"] == "exec" and child.process["exe"] == str(programs.victims / "children")
    shells = [image for image in traced.images[1:] if image.process["exe"] != child.process["exe"]]
    assert [image.process["exe"] for image in shells] == \
        ([str(Path("/bin/sh").resolve())] if kind in ("system", "popen") else [])
    assert traced.images[0].exit["status"] == 0


def test_a_child_in_our_memory(programs):
    """clone with CLONE_VM: no image of its own, as it has no map of its own."""
    traced, said, images = family(programs, "clone-vm", FOLLOW)
    assert images == [] and len(traced.images) == 1


@pytest.mark.parametrize("kind", [*COPIES, *OTHERS, "clone-vm"])
def test_without_follow_children_are_not_there(programs, kind):
    traced, said, images = family(programs, kind, [])
    assert images == [] and len(traced.images) == 1
    assert not [event for event in traced.of("alloc", call="malloc") if event["size"] == 70000 + len(kind)]


# ---- exec in the same process ----

@pytest.fixture
def script(tmp_path, programs):
    path = tmp_path / "script"
    path.write_text(f"#!/bin/sh\nx=$(echo 1000)\nexec {programs.labs / 'map3'} $x\n")
    path.chmod(0o755)
    return path


WRAPPERS = {"env": ["env", "A=1"], "nice": ["nice", "-n", "1"], "setarch": ["setarch", "-R"], "nohup": ["nohup"],
            "sh": ["sh", "-c", 'exec "$0" "$@"'], "twice": ["env", "A=1", "nice", "env", "B=2"]}


@BOTH_WAYS
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers(programs, wrapper, options):
    command = [*WRAPPERS[wrapper], programs.labs / "map3", "1000"]
    traced, alone = trace(*command, tool_options=options), untraced(*command)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    chain = [image for image in traced.images if image.process["pid"] == traced.process["pid"]]
    assert_chain(chain, programs.labs / "map3")
    assert 4000 in {event["size"] for event in chain[-1].of("alloc", call="malloc")}


def assert_chain(images, last):
    """Each image was replaced by the next, in the same process, until the last ended by itself."""
    assert len(images) > 1
    assert [image.process["origin"] for image in images] == ["start", *["exec"] * (len(images) - 1)]
    assert [image.exit["end"] for image in images] == [*["exec"] * (len(images) - 1), "exit"]
    assert images[-1].process["exe"] == str(last)
    assert all("errno" not in image.of("exec")[-1] for image in images[:-1])


@BOTH_WAYS
def test_a_script_that_executes(programs, script, options):
    traced, alone = trace(script, tool_options=options), untraced(script)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr) == (0, "")
    chain = [image for image in traced.images if image.process["pid"] == traced.process["pid"]]
    assert_chain(chain, programs.labs / "map3")


def test_a_program_that_cannot_be_traced_after_exec(programs):
    """The trace says where it ends; the program goes on."""
    traced = trace("env", programs.labs / "lib_cos_static", "0")
    assert traced.status == 0 and "cos(0) = 1.000000" in traced.stdout
    assert traced.images[0].exit["end"] in ("exec", "untraced")


# ---- both word sizes in one family ----

@BOTH_WAYS
def test_mixed_word_sizes(programs, options):
    """map1 has the system's cat print its map; sh runs map1. Nobody's loader says a word."""
    traced = trace("sh", "-c", f"{programs.labs / 'map1'}; true", tool_options=options)
    assert (traced.status, traced.stderr) == (0, "")
    classes = {Path(image.process["exe"]).name: image.process["class"] for image in traced.images}
    if options:
        assert classes["map1"] == programs.bits and classes["cat"] == elf_bits("cat")
    else:
        assert set(classes) == {Path("/bin/sh").resolve().name}


def elf_bits(name):
    with open(shutil.which(name), "rb") as file:
        return {1: 32, 2: 64}[file.read(5)[4]]


# ---- the environment ----

@BOTH_WAYS
@pytest.mark.parametrize("preload", [None, "libm.so.6"])
@pytest.mark.parametrize("command", [["env"], ["env", "A=1", "env"], ["sh", "-c", "env"], ["sh", "-c", "env; true"],
                                     ["sh", "-c", "exec env -i X=y env"]], ids=" ".join)
def test_environment(command, preload, options):
    """Programs that are executed, in this process or in a child, get the environment that they would get."""
    env = {"SOME": "thing", "EMPTY": "", **({"LD_PRELOAD": preload} if preload else {})}
    traced, alone = trace(*command, env=env, tool_options=options), untraced(*command, env=env)
    assert sorted(traced.stdout.splitlines()) == sorted(alone.stdout.splitlines())
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    assert "PROCMAP" not in traced.stdout


@BOTH_WAYS
def test_environment_is_in_order(programs, options):
    """Byte by byte, in the same order, with argv, behind an exec."""
    command = ["nice", programs.victims / "env_args", "a b", ""]
    traced, alone = trace(*command, tool_options=options), untraced(*command)
    for run in (traced, alone):
        run.stdout = re.sub(r"(?m)^@ auxv entries \d+$", "@ auxv", run.stdout)
    assert traced.stdout == alone.stdout


# ---- daemons ----

class Daemon:
    """A daemon whose parents have ended, under a tracer that waits for it."""

    def __init__(self, folder, programs):
        self.folder = folder
        command = [running.TOOL, *running.trace_options(folder), "--follow", programs.victims / "children", "daemon"]
        self.tool = running.start(*command, stdin=subprocess.PIPE, start_new_session=True)
        self.out = running.read_until(self.tool.stdout, b"@ end")
        if b"@ child daemon" not in self.out:
            self.out += running.read_until(self.tool.stdout, b"@ child daemon")
        self.pid = int(re.search(rb"@ child daemon (\d+)", self.out)[1])
        self.said = running.read_until(self.tool.stderr, b"procmap-trace: the program has ended; still tracing")

    def events(self):
        return [event for event in running.read_events(self.folder / "trace.jsonl") if event["pid"] == self.pid]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for stream in (self.tool.stdin, self.tool.stdout, self.tool.stderr):
            stream.close()  # the end of its standard input ends the daemon
        try:
            os.killpg(self.tool.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.tool.wait(running.HANGS)


def test_a_daemon_is_waited_for(tmp_path, programs):
    with Daemon(tmp_path, programs) as daemon:
        assert str(daemon.pid).encode() in daemon.said
        daemon.tool.stdin.close()
        assert running.read_until(daemon.tool.stdout, b"@ daemon-end")
        assert daemon.tool.wait(running.HANGS) == 0
        events = daemon.events()
        assert 80000 in {event.get("size") for event in events if event["type"] == "alloc"}
        assert (events[-1]["type"], events[-1]["end"]) == ("exit", "exit")


def test_ctrl_c_ends_the_tracing_and_not_the_daemon(tmp_path, programs):
    with Daemon(tmp_path, programs) as daemon:
        daemon.tool.send_signal(signal.SIGINT)
        assert daemon.tool.wait(running.HANGS) == 0
        assert running.exists(daemon.pid)
        daemon.tool.stdin.close()
        assert running.read_until(daemon.tool.stdout, b"@ daemon-end")
        events = daemon.events()
        assert (events[-1]["type"], events[-1]["end"]) == ("exit", "detached")
        assert 80000 not in {event.get("size") for event in events if event["type"] == "alloc"}


# ---- children that are heard of late, when their parents have ended long since ----

HEARD_OF_LATE = b"procmap-trace: the program has ended; waiting for a child"


def follow(folder, *command, **options):
    """A running tool that follows, with standard input and both outputs in pipes."""
    return running.start(running.TOOL, *running.trace_options(folder), "--follow", *command, stdin=subprocess.PIPE,
                         start_new_session=True, **options)


def late_child(folder, exe):
    """The events of the only child, which did child_work(); the exit of the tool was well."""
    events = running.read_events(folder / "trace.jsonl")
    process, = (event for event in events if event["type"] == "process" and event["seq"] > 1)
    assert Path(process["exe"]).name == exe
    own = [event for event in events if event["image"] == process["image"]]
    assert (own[-1]["type"], own[-1]["end"], own[-1]["status"]) == ("exit", "exit", 21)
    return process, own


def test_a_child_that_nobody_saw_is_waited_for(tmp_path, programs):
    """It has made no call that the shim sees when its parent has ended."""
    with follow(tmp_path, programs.victims / "children", "unseen") as tool:
        running.read_until(tool.stderr, HEARD_OF_LATE)
        tool.stdin.close()
        assert tool.wait(running.HANGS) == 0
    process, own = late_child(tmp_path, "children")
    assert process["origin"] == "fork"
    assert 70006 in {event.get("size") for event in own if event["type"] == "alloc"}


def test_ctrl_c_ends_the_waiting_for_a_child_that_nobody_saw(tmp_path, programs):
    with follow(tmp_path, programs.victims / "children", "unseen") as tool:
        running.read_until(tool.stderr, HEARD_OF_LATE)
        tool.send_signal(signal.SIGINT)
        assert tool.wait(running.HANGS) == 0
        tool.stdin.close()
        assert running.read_until(tool.stdout, b"@ child unseen")
    assert {event["image"] for event in running.read_events(tmp_path / "trace.jsonl")} == {1}


def test_a_spawned_child_is_waited_for(tmp_path, programs):
    """Its parent ends while ld.so is still looking at the first library: a FIFO that nobody writes to."""
    fifo = tmp_path / "library"
    os.mkfifo(fifo)
    spawn = f"""import os
os.posix_spawn({str(programs.victims / "children")!r}, ["children", "child", "spawned"],
               {{**os.environ, "LD_PRELOAD": {str(fifo)!r}}})
os._exit(0)"""
    with follow(tmp_path, "/usr/bin/python3", "-S", "-c", spawn) as tool:
        running.read_until(tool.stderr, HEARD_OF_LATE)
        with open(fifo, "wb"):
            pass  # ld.so finds it empty, and goes on without
        assert b"ignored" in running.read_until(tool.stderr, b"ERROR: ld.so")
        assert tool.wait(running.HANGS) == 0
    process, own = late_child(tmp_path, "children")
    assert process["origin"] == "exec"
    assert 70007 in {event.get("size") for event in own if event["type"] == "alloc"}


def test_a_child_that_cannot_be_traced_is_not_waited_for(tmp_path):
    """It may not open a descriptor, and so cannot ask for a ring."""
    program = """import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
if os.fork() == 0:
    while os.read(0, 1):
        pass
    os.write(1, b"@ end\\n")
os._exit(0)"""
    with follow(tmp_path, "/usr/bin/python3", "-S", "-c", program) as tool:
        assert tool.wait(running.HANGS) == 0
        tool.stdin.close()
        assert running.read_until(tool.stdout, b"@ end")


# ---- what cannot be executed, or only just ----

@BOTH_WAYS
@pytest.mark.parametrize("arguments", [["bad"], ["most"], ["spawn", "/bin/true"]], ids=" ".join)
def test_odd_executions(tmp_path, programs, arguments, options):
    """A FIFO is not waited for; near the limit of arguments a program runs, if not with the shim."""
    command = [programs.victims / "exec_odd", *arguments]
    alone = untraced(*command, cwd=tmp_path)
    traced = trace(*command, aslr=False, tool_options=options, cwd=tmp_path)
    assert (traced.status, traced.stdout, traced.stderr) == (alone.status, alone.stdout, alone.stderr)
    if arguments == ["spawn", "/bin/true"]:
        assert len(traced.images) == (4 if options else 1)


@pytest.mark.parametrize("count", [0, 1, 60, 150, 1000, 3000])
def test_a_long_list_of_libraries(programs, count):
    """Whatever LD_PRELOAD the user has, children have it, too."""
    preload = ":".join(f"/nonexistent/lib{i}.so" for i in range(count)) or None
    command = [programs.victims / "exec_odd", "spawn", "/usr/bin/env"]
    alone = untraced(*command, env={"LD_PRELOAD": preload})
    traced = trace(*command, aslr=False, tool_options=FOLLOW, env={"LD_PRELOAD": preload})
    assert (traced.status, traced.stdout, traced.stderr) == (alone.status, alone.stdout, alone.stderr)


# ---- children that are not followed ----

UNFOLLOWED = r"""
#define _GNU_SOURCE
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) /* unfollowed setuid|seteuid|network [PROGRAM] */
{
    char *const arguments[] = {argv[argc - 1], NULL};
    pid_t child;
    int status, error = 0;
    if (strcmp(argv[1], "setuid") == 0)
        error = setuid(65534);
    else if (strcmp(argv[1], "seteuid") == 0)
        error = seteuid(65534);
    else if (strcmp(argv[1], "network") == 0)
        error = unshare(CLONE_NEWNET);
    if (error)
        return 77;
    free(malloc(300000));
    if (argc > 2) {
        if (posix_spawn(&child, argv[2], NULL, NULL, arguments, environ) != 0)
            return 1;
    } else if ((child = fork()) == 0) {
        free(malloc(400000));
        _exit(5);
    }
    waitpid(child, &status, 0);
    free(malloc(500000));
    printf("%d %d\n", (int)child, WEXITSTATUS(status));
    return 0;
}
"""


def assert_told(traced, reason, path):
    child = int(traced.stdout.split()[0])
    [event] = traced.of("unfollowed")
    assert (event["child"], event["reason"], event.get("path")) == (child, reason, path)
    assert traced.exit["ledger"]["unfollowed"] == 1
    assert {500000} <= {event["size"] for event in traced.of("alloc", call="malloc")}
    assert child not in {image.process["pid"] for image in traced.images}


@pytest.mark.parametrize("path", [None, "/bin/true"])
@pytest.mark.parametrize("way", ["setuid", "seteuid", "network"])
def test_a_child_that_cannot_reach_the_tool(tmp_path, programs, way, path):
    program = programs.compile(tmp_path / "unfollowed", UNFOLLOWED)
    # a library of the layout is not found by name where the user ids differ, and ld.so says so
    traced = trace(program, way, *[path] * bool(path), env={"LD_PRELOAD": ""},
                   tool_options=[*FOLLOW, f"--timeline={tmp_path / 'timeline'}"])
    if traced.status == 77:
        pytest.skip("only root can become somebody else")
    assert_told(traced, "unreachable", path)
    timeline = (tmp_path / "timeline").read_text()
    assert "NOT FOLLOWED: process " in timeline and "1 child NOT FOLLOWED" in timeline
    assert traced.stderr == ""


@BOTH_WAYS
def test_a_spawned_program_that_is_static(tmp_path, programs, options):
    program = programs.compile(tmp_path / "unfollowed", UNFOLLOWED)
    static = programs.labs / "lib_cos_static"
    traced = trace(program, "spawn", static, tool_options=options)
    traced.stdout = traced.stdout.splitlines()[-1]
    if options:
        assert_told(traced, "program", str(static)[:112])
    else:
        assert not traced.of("unfollowed") and "unfollowed" not in traced.exit["ledger"]


def test_a_spawned_program_without_room_in_its_environment(tmp_path, programs):
    program = programs.compile(tmp_path / "unfollowed", UNFOLLOWED)
    preload = ":".join(f"/nonexistent/lib{i}.so" for i in range(1000))
    assert_told(trace(program, "spawn", "/bin/true", tool_options=FOLLOW, env={"LD_PRELOAD": preload}), "environment", "/bin/true")


# ---- while a child asks for its ring ----

def child_of(pid):
    """The only child, once there is one."""
    running.wait_until(lambda: running.child_of(pid), "a child")
    return running.child_of(pid)


def test_stopped_while_it_asks(tmp_path):
    """By signal(7) that interrupts a read of a socket that has a timeout."""
    with follow(tmp_path, "/bin/sh", "-c", "read line; (read line; exit 21); exit 3") as tool:
        shell = child_of(tool.pid)
        running.wait_until(lambda: running.looked_at(tmp_path / "trace.jsonl"), "the shell's first look")
        tool.send_signal(signal.SIGSTOP)
        running.wait_until(lambda: running.state(tool.pid) == "T", "the tool is stopped")
        tool.stdin.write(b"\n")
        tool.stdin.flush()
        child = child_of(shell)
        running.wait_until(lambda: running.state(child) == "S", "the child waits for the answer")
        os.kill(child, signal.SIGSTOP)
        running.wait_until(lambda: running.state(child) == "T", "the child is stopped")
        os.kill(child, signal.SIGCONT)
        running.wait_until(lambda: running.state(child) == "S", "the child waits again")
        tool.send_signal(signal.SIGCONT)
        tool.stdin.close()
        assert tool.wait(running.HANGS) == 3
    process, _ = late_child(tmp_path, Path("/bin/sh").resolve().name)
    assert process["pid"] == child
