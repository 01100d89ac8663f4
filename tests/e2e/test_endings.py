"""How programs end: everything up to that point is in the trace, the timeline says how it ended, and the exit status is
passed on as env(1) and timeout(1) do, a fatal signal as the same signal."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from running import (CANNOT_EXECUTE, HANGS, NOT_FOUND, OWN_FAILURE, TOOL, assert_calls_traced, child_of, collect,
                     read_until, run, start, trace, trace_options, without_addresses)

ENDINGS = {  # mode of tests/victims/ending.c: (status, how the timeline says it)
    "return": (0, "EXIT 0"),
    "exit0": (0, "EXIT 0"),
    "exit7": (7, "EXIT 7"),
    "_exit": (9, "EXIT 9"),
    "quick_exit": (8, "EXIT 8"),
    "abort": (-signal.SIGABRT, "KILLED by SIGABRT"),
    "segv": (-signal.SIGSEGV, "KILLED by SIGSEGV"),
    "stack-overflow": (-signal.SIGSEGV, "KILLED by SIGSEGV"),
    "sigterm": (-signal.SIGTERM, "KILLED by SIGTERM"),
    "sigkill": (-signal.SIGKILL, "KILLED by SIGKILL"),
    "exec": (0, "EXIT 0"),
    "exec_fail": (6, "EXIT 6"),
    "exec_in_thread": (0, "EXIT 0"),
    "exit_in_thread": (5, "EXIT 5"),
    "pthread_exit_main": (0, "EXIT 0"),
}

ANY_END = r"""
#include <signal.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int how = argc > 1 ? atoi(argv[1]) : 0; /* a status, or the negative number of a signal */
    if (how < 0)
        raise(-how);
    exit(how);
}
"""

WAITER = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void on_signal(int number) { _exit(100 + number); }
int main(int argc, char **argv) /* waiter (handle|ignore) SIGNAL ... */
{
    for (int i = 1; i + 1 < argc; i += 2)
        signal(atoi(argv[i + 1]), strcmp(argv[i], "ignore") ? on_signal : SIG_IGN);
    free(malloc(4242));
    write(1, "@ ready\n", 8);
    for (;;)
        pause();
}
"""

SIGNAL_STATE = r"""
#include <stdio.h>
#include <string.h>
int main(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        if (!strncmp(line, "Sig", 3) || !strncmp(line, "ShdPnd", 6))
            fputs(line, stdout);
    return 0;
}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, programs):
    folder = tmp_path_factory.mktemp("programs")
    sources = {"any_end": ANY_END, "waiter": WAITER, "signal_state": SIGNAL_STATE}
    return {name: programs.compile(folder / name, source) for name, source in sources.items()}


def ends_of(timeline):
    """The lines of the timeline that say how the program ended."""
    return [line for line in timeline.splitlines() if " EXIT " in line or " KILLED " in line]


def assert_ended(traced, status, end):
    """Exit status, exit event and timeline say the same, and the map is explained to the end."""
    assert traced.status == status
    if status < 0:
        assert traced.exit["status"] is None
        assert traced.exit["signal"] == end.removeprefix("KILLED by ")
    else:
        assert traced.exit["status"] == status
    ledger = traced.exit["ledger"]
    assert (ledger["unexplained"], ledger["lost"]) == (0, 0)
    assert len(ends_of(traced.timeline)) == 1 and f" {end} " in ends_of(traced.timeline)[0]
    assert "all explained" in traced.timeline.split(end)[1]
    assert traced.timeline.endswith("\n")


@pytest.mark.parametrize("mode", ENDINGS)
def test_everything_up_to_the_end_is_there(tmp_path, mode, programs):
    status, end = ENDINGS[mode]
    plain = run(programs.victims / "ending", mode, cwd=tmp_path)
    traced = trace(tmp_path, programs.victims / "ending", mode, cwd=tmp_path)
    assert plain.status == status
    assert without_addresses(traced.out) == without_addresses(plain.out)
    assert traced.err == plain.err == b""
    assert_calls_traced(traced.out, traced.events)
    assert_ended(traced, status, end)


@pytest.mark.parametrize("mode", ["exec", "exec_in_thread"])
def test_exec(tmp_path, mode, programs):
    """The other program is followed: it is the next image of the process."""
    traced = trace(tmp_path, programs.victims / "ending", mode)
    execs = traced.of_type("exec")
    assert [event["path"] for event in execs] == ["/bin/echo"]
    assert "errno" not in execs[0]
    before, after = traced.of_type("process")
    assert (after["origin"], after["pid"], Path(after["exe"]).name) == ("exec", before["pid"], "echo")
    assert [(event["image"], event["end"]) for event in traced.of_type("exit")] == [(1, "exec"), (2, "exit")]
    assert traced.timeline.count("/bin/echo") >= 1
    assert traced.out.endswith(b"\n@ echo\n")


def test_failed_exec(tmp_path, programs):
    """The program is still there, and still traced; nothing says that another one runs."""
    traced = trace(tmp_path, programs.victims / "ending", "exec_fail")
    failed = [event for event in traced.of_type("exec") if "errno" in event]
    assert [(event["path"], event["errno"]) for event in failed] == [("/does/not/exist", "ENOENT")]
    later = traced.events[traced.events.index(failed[0]):]
    assert {6666, 1234} <= {event.get("size") for event in later if event["type"] == "alloc"}
    assert re.findall(r" EXEC .*", traced.timeline) == [" EXEC /does/not/exist failed: ENOENT"]
    assert "another program" not in traced.timeline


def test_the_map_is_there_when_the_main_thread_is_gone(tmp_path, programs):
    """/proc/PID/maps is empty as soon as the main thread has ended, while other threads go on."""
    traced = trace(tmp_path, programs.victims / "ending", "pthread_exit_main")
    kinds = {total["kind"] for total in traced.exit["totals"]}
    assert {"code", "heap", "stack", "lib_code", "malloc_mmap"} <= kinds
    removed = {event["before"]["kind"] for event in traced.of_type("region") if event["change"] == "removed"}
    assert removed.isdisjoint({"code", "heap", "stack", "lib_code", "vdso"})
    assert "0 regions" not in ends_of(traced.timeline)[0]


def test_stack_overflow_shows_the_stack_as_last_seen(tmp_path, programs):
    traced = trace(tmp_path, programs.victims / "ending", "stack-overflow", cwd=tmp_path)
    assert [total["regions"] for total in traced.exit["totals"] if total["kind"] == "stack"] == [1]


def test_lab_crash(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "crash", cwd=tmp_path)
    assert_calls_traced(traced.out, traced.events)
    assert_ended(traced, -signal.SIGSEGV, "KILLED by SIGSEGV")
    assert traced.exit["allocations"]["live_bytes"] >= 100 + 50000 + 300000
    assert b"never printed" not in traced.out


@pytest.mark.parametrize("status", [0, 1, 2, 124, 125, 126, 127, 128, 255])
def test_statuses_are_passed_on(tmp_path, compiled, status):
    assert_ended(trace(tmp_path, compiled["any_end"], str(status)), status, f"EXIT {status}")


def test_only_the_low_byte_of_a_status_counts(tmp_path, compiled):
    assert trace(tmp_path, compiled["any_end"], str(0x1203)).status == 3


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGBUS", "SIGFPE", "SIGUSR1", "SIGPIPE",
                                  "SIGALRM", "SIGXCPU", "SIGSYS"])
def test_signals_are_raised_again(tmp_path, compiled, name):
    number = getattr(signal, name)
    traced = trace(tmp_path, compiled["any_end"], str(-number), cwd=tmp_path)
    assert_ended(traced, -number, f"KILLED by {name}")


@pytest.mark.parametrize("number", [signal.SIGRTMIN, signal.SIGRTMIN + 1, signal.SIGRTMAX])
def test_real_time_signals_are_raised_again(tmp_path, compiled, number):
    traced = trace(tmp_path, compiled["any_end"], str(-int(number)))
    assert traced.status == -number
    assert traced.exit["status"] is None
    assert "KILLED by " in traced.timeline


@pytest.mark.parametrize("arguments, status", [
    (["--no-such-option"], OWN_FAILURE),
    ([], OWN_FAILURE),
    (["/"], CANNOT_EXECUTE),
    (["/no/such/program"], NOT_FOUND),
])
def test_own_failures(arguments, status):
    done = run(TOOL, *arguments)
    assert (done.status, done.out) == (status, b"")
    assert done.err.startswith(b"procmap-trace: ")


# ---- signals from outside ----

class Waiting:
    """A traced waiter that is ready, in a process group of its own."""

    def __init__(self, folder, program, *arguments, **options):
        self.folder = folder
        self.process = start(TOOL, *trace_options(folder), program, *map(str, arguments), start_new_session=True, **options)
        read_until(self.process.stdout, b"@ ready")

    def end(self):
        out, err = self.process.communicate(timeout=HANGS)
        return collect(self.folder, self.process.returncode, out, err)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(HANGS)


FORWARDED = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]


@pytest.mark.parametrize("number", FORWARDED, ids=lambda number: number.name)
def test_a_signal_to_the_tool_reaches_the_program(tmp_path, compiled, number):
    with Waiting(tmp_path, compiled["waiter"], "handle", int(number)) as waiting:
        waiting.process.send_signal(number)
        assert_ended(waiting.end(), 100 + number, f"EXIT {100 + number}")


@pytest.mark.parametrize("number", FORWARDED, ids=lambda number: number.name)
def test_a_signal_to_the_tool_ends_the_program_and_then_the_tool(tmp_path, compiled, number):
    with Waiting(tmp_path, compiled["waiter"]) as waiting:
        waiting.process.send_signal(number)
        assert_ended(waiting.end(), -number, f"KILLED by {number.name}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
class TestKeyboard:
    """Ctrl-C and Ctrl-\\ go to the whole process group: what they do is the program's choice."""

    def test_the_program_handles_it(self, tmp_path, compiled, number):
        with Waiting(tmp_path, compiled["waiter"], "handle", int(number)) as waiting:
            os.killpg(waiting.process.pid, number)
            assert_ended(waiting.end(), 100 + number, f"EXIT {100 + number}")

    def test_the_program_dies_of_it(self, tmp_path, compiled, number):
        with Waiting(tmp_path, compiled["waiter"], cwd=tmp_path) as waiting:
            os.killpg(waiting.process.pid, number)
            assert_ended(waiting.end(), -number, f"KILLED by {number.name}")

    def test_the_program_ignores_it(self, tmp_path, compiled, number):
        with Waiting(tmp_path, compiled["waiter"], "ignore", int(number), "handle", 10) as waiting:
            os.killpg(waiting.process.pid, number)
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.process.wait(0.2)
            waiting.process.send_signal(signal.SIGUSR1)
            assert_ended(waiting.end(), 110, "EXIT 110")


def test_a_kill_of_the_program_is_no_mystery(tmp_path, compiled):
    """As the kernel does when memory runs out: SIGKILL to the program, not to the tool."""
    with Waiting(tmp_path, compiled["waiter"]) as waiting:
        os.kill(child_of(waiting.process.pid), signal.SIGKILL)
        assert_ended(waiting.end(), -signal.SIGKILL, "KILLED by SIGKILL")


def ignore_some():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])


def ignore_all():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("options", [[], ["--backend=ptrace"]], ids=["preload", "ptrace"])
@pytest.mark.parametrize("before", [None, ignore_some, ignore_all])
def test_the_program_starts_with_the_signals_that_it_would_have(tmp_path, compiled, before, options):
    """Which are ignored and blocked is inherited, as under nohup(1). Without last words nothing handles signals, either."""
    if not options:
        options = ["--last-words=no"]
    plain = run(compiled["signal_state"], preexec_fn=before)
    traced = trace(tmp_path, compiled["signal_state"], options=options, preexec_fn=before)
    assert plain.status == traced.status == 0
    assert traced.out.splitlines()[1:] == plain.out.splitlines()[1:]  # the first is SigQ, a count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_after_the_end_of_the_program(tmp_path, compiled, number):
    """It ends the tracing of the child that goes on, and goes to nobody else."""
    script = f'{compiled["waiter"]} handle {int(number)} & exit 3'
    with start(TOOL, "-f", *trace_options(tmp_path), "sh", "-c", script, start_new_session=True) as tool:
        read_until(tool.stdout, b"@ ready")
        read_until(tool.stderr, b"procmap-trace: the program has ended; still tracing process")
        tool.send_signal(number)
        assert tool.wait(HANGS) == 3
        traced = collect(tmp_path, 3)
        os.killpg(tool.pid, signal.SIGKILL)
    assert traced.exit["end"] == "detached"


def test_a_tool_that_ignores_hangups_still_forwards_terminations(tmp_path, compiled):
    with Waiting(tmp_path, compiled["waiter"], "handle", 15, preexec_fn=ignore_some) as waiting:
        waiting.process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.process.wait(0.2)
        waiting.process.send_signal(signal.SIGTERM)
        assert_ended(waiting.end(), 115, "EXIT 115")
