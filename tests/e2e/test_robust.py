"""Whatever happens to the tool, the program is not disturbed; whatever the program does to the tool, the tool ends by itself and
says what is missing."""

import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from running import (HANGS, NOT_FOUND, OWN_FAILURE, TOOL, assert_calls_traced, assert_no_crash, child_of, collect,
                     environment, exists, messages, read_events, read_until, run, sanitized_tool, start,
                     trace, trace_options, wait_until, without_addresses)

WORKER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void say(const char *what, unsigned long number)
{
    char line[64];
    if (write(1, line, snprintf(line, sizeof line, "@ %s %lu\n", what, number)) < 0)
        _exit(99);
}
int main(int argc, char **argv) /* worker N: waits for a byte, then N blocks; a second byte, or the end of the file */
{
    unsigned long n = strtoul(argv[argc > 1], 0, 10), sum = 0;
    char byte;
    void *volatile block = malloc(300000);
    say("ready", n);
    (void)!read(0, &byte, 1);
    for (unsigned long i = 0; i < n; i++) {
        block = malloc(i % 1000 + 1);
        sum += i % 1000 + 1;
        free(block);
        if (i == n / 2)
            say("half", i);
    }
    block = malloc(400000);
    say("sum", sum);
    (void)!read(0, &byte, 1);
    say("end", n);
    return 7;
}
"""

FAMILY = r"""
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
extern const char *loaded_libraries(void) __attribute__((weak));
static void tell(const char *who)
{
    printf("@ %s libraries %s\n", who, loaded_libraries ? loaded_libraries() : "none");
    for (char **at = environ; *at; at++)
        printf("@ %s env %s\n", who, *at);
    fflush(stdout);
}
int main(int argc, char **argv)
{
    char *arguments[] = {argv[0], "posix_spawn", NULL};
    char command[4200];
    pid_t child;
    int status;
    tell(argc > 1 ? argv[1] : "program");
    if (argc > 1)
        return 0;
    if (posix_spawn(&child, argv[0], NULL, NULL, arguments, environ) == 0)
        waitpid(child, &status, 0);
    snprintf(command, sizeof command, "env; '%s' system", argv[0]);
    if (system(command) != 0)
        return 1;
    if (fork() == 0) {
        execl(argv[0], argv[0], "exec", NULL);
        _exit(1);
    }
    wait(&status);
    return status != 0;
}
"""

LIBRARY = r"""
#include <stdlib.h>
static const char *name = "NAME";
const char *loaded_libraries(void) { return name; }
__attribute__((constructor)) static void start(void) { free(malloc(987)); }
"""

DESCRIPTORS = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) /* descriptors FILE: what is open, and what open() gives next */
{
    int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_RDONLY);
    struct stat state;
    free(malloc(1000000));
    FILE *out = fopen(argv[argc > 1], "w");
    fprintf(out, "%d %d\n", first, second);
    for (int i = 0; i < 20; i++)
        if (fstat(i, &state) == 0 && i != first && i != second && i != fileno(out))
            fprintf(out, "open %d\n", i);
    printf("hello\n");
    return fclose(out) != 0;
}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, programs):
    folder = tmp_path_factory.mktemp("programs")
    sources = {"worker": WORKER, "family": FAMILY, "descriptors": DESCRIPTORS}
    built = {name: programs.compile(folder / name, source) for name, source in sources.items()}
    for name in ("libone.so", "libtwo.so"):
        built[name] = programs.compile(folder / name, LIBRARY.replace("NAME", name), "-shared", "-fPIC")
    return built


@pytest.fixture(params=["plain", "sanitized"])
def tool(request):
    return TOOL if request.param == "plain" else sanitized_tool()


# ---- the runner dies or does not look ----

@pytest.fixture
def orphans():
    """This process becomes the parent of programs whose runner dies, so that it can ask how they ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    PR_SET_CHILD_SUBREAPER = 36
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


class Working:
    """A traced worker that is ready: its runner, its process id."""

    def __init__(self, folder, program, count, *options):
        arguments = options or [f"--output={folder / 'timeline'}"]
        self.runner = start(TOOL, *arguments, program, str(count), stdin=subprocess.PIPE, start_new_session=True)
        self.count = count
        self.out = read_until(self.runner.stdout, b"@ ready")
        self.program = child_of(self.runner.pid)

    def step(self):
        """One of the two bytes that the worker waits for."""
        self.runner.stdin.write(b"x")
        self.runner.stdin.flush()

    def read_until(self, wanted):
        self.out += read_until(self.runner.stdout, wanted)

    def assert_said_all(self):
        full, rest = divmod(self.count, 1000)
        total = full * 500500 + rest * (rest + 1) // 2
        said = [line.split(None, 1)[1] for line in self.out.splitlines()]
        assert said == [f"ready {self.count}".encode(), f"half {self.count // 2}".encode(),
                        f"sum {total}".encode(), f"end {self.count}".encode()]

    def assert_program_ends(self):
        """After the death of the runner: the rest of the output, and the program's own status."""
        self.read_until(b"@ end")
        assert os.waitstatus_to_exitcode(os.waitpid(self.program, 0)[1]) == 7
        self.assert_said_all()

    def assert_runner_ends(self):
        self.read_until(b"@ end")
        _, err = self.runner.communicate(timeout=HANGS)
        assert (self.runner.returncode, err) == (7, b"")
        self.assert_said_all()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        try:
            os.killpg(self.runner.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for stream in (self.runner.stdin, self.runner.stdout, self.runner.stderr):
            stream.close()
        self.runner.wait(HANGS)


MANY = 3_000_000  # events of these fill the ring many times


@pytest.mark.usefixtures("orphans")
class TestRunnerKilled:
    def test_while_the_program_is_busy(self, tmp_path, compiled):
        with Working(tmp_path, compiled["worker"], MANY) as working:
            working.step()
            working.read_until(b"@ half")
            working.runner.kill()
            working.runner.wait(HANGS)
            working.step()
            working.assert_program_ends()

    def test_while_the_program_is_idle(self, tmp_path, compiled):
        with Working(tmp_path, compiled["worker"], MANY) as working:
            working.runner.kill()
            working.runner.wait(HANGS)
            assert exists(working.program)
            working.step()
            working.step()
            working.assert_program_ends()

    def test_and_nobody_has_waited_for_it(self, tmp_path, compiled):
        """The process id of the runner still exists."""
        with Working(tmp_path, compiled["worker"], MANY) as working:
            working.runner.kill()
            working.step()
            working.step()
            working.assert_program_ends()

    def test_while_the_program_waits_for_room(self, tmp_path, compiled):
        with Working(tmp_path, compiled["worker"], MANY) as working:
            working.runner.send_signal(signal.SIGSTOP)
            working.step()
            wait_until(lambda: state_of(working.program) == "S", "a program that waits for room in the ring")
            working.runner.kill()
            working.runner.wait(HANGS)
            working.step()
            working.assert_program_ends()


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def count_of(timeline, what):
    """The numbers in front of a word in the summary of a timeline."""
    return [int(number) for number in re.findall(rf"(\d+) {what}", timeline)]


def assert_lossless(folder, count):
    timeline = (folder / "timeline").read_text()
    assert "LOST" not in timeline
    assert f"{count + 2} allocations, {count} frees; not freed: 2 blocks" in timeline
    assert "all explained" in timeline


def test_program_stopped_for_a_while(tmp_path, compiled):
    with Working(tmp_path, compiled["worker"], 100_000) as working:
        os.kill(working.program, signal.SIGSTOP)
        wait_until(lambda: state_of(working.program) == "T", "a stopped program")
        working.step()
        with pytest.raises(subprocess.TimeoutExpired):
            working.runner.wait(0.3)
        os.kill(working.program, signal.SIGCONT)
        working.step()
        working.assert_runner_ends()
    assert_lossless(tmp_path, 100_000)


def test_runner_stopped_for_a_while(tmp_path, compiled):
    """The program waits for room in the ring, and nothing is lost."""
    with Working(tmp_path, compiled["worker"], MANY) as working:
        working.runner.send_signal(signal.SIGSTOP)
        working.step()
        wait_until(lambda: state_of(working.program) == "S", "a program that waits for room in the ring")
        working.runner.send_signal(signal.SIGCONT)
        working.step()
        working.assert_runner_ends()
    assert_lossless(tmp_path, MANY)


def test_runner_stopped_for_good(tmp_path, compiled):
    """The program goes on without being traced; the loss is counted when the runner comes back."""
    with Working(tmp_path, compiled["worker"], MANY) as working:
        working.runner.send_signal(signal.SIGSTOP)
        working.step()
        working.read_until(b"@ sum")
        working.runner.send_signal(signal.SIGCONT)
        working.step()
        working.assert_runner_ends()
    timeline = (tmp_path / "timeline").read_text()
    seen = count_of(timeline, "allocations,")[0] + count_of(timeline, "frees;")[0]
    stuck = count_of(timeline, "events: runner stuck")
    assert " EXIT 7 " in timeline and len(stuck) == 1
    assert seen + stuck[0] >= 2 * MANY + 2


STRANGERS = r"""
import os, resource, socket, sys, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
silent, told = [], False
while True:  # until somebody ends it
    with open("/proc/net/unix") as file:
        names = [line.split()[-1] for line in file if f"@procmap-trace.{sys.argv[1]}." in line]
    for name in names[:1]:
        for i in range(300):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            one.setblocking(False)
            try:
                one.connect("\0" + name[1:])
            except OSError:
                one.close()
                break
            silent = silent[-2000:] + [one]
        if not told and silent:
            told = True
            print("connected", flush=True)
"""


def test_strangers(tmp_path, compiled):
    """Another user connects again and again, and says nothing: nothing is lost, and children get their rings all the same."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    with Working(tmp_path, compiled["worker"], MANY) as working:
        others = [start(sys.executable, "-c", STRANGERS, str(working.runner.pid)) for _ in range(2)]
        try:
            for other in others:
                assert other.stdout.readline() == b"connected\n"
            working.step()
            working.step()
            working.assert_runner_ends()
            assert_lossless(tmp_path, MANY)
        finally:
            for other in others:
                other.kill()
                other.communicate()


def test_strangers_and_children(tmp_path, compiled):
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    script = f'read x; for i in 1 2 3; do echo xx | {compiled["worker"]} 10 & done; wait'
    with start(TOOL, "-f", *trace_options(tmp_path), "sh", "-c", script, stdin=subprocess.PIPE) as runner:
        other = start(sys.executable, "-c", STRANGERS, str(runner.pid))
        try:
            assert other.stdout.readline() == b"connected\n"
            out, err = runner.communicate(b"go\n", timeout=HANGS)
        finally:
            other.kill()
            other.communicate()
    assert (runner.returncode, err, out.count(b"@ end")) == (0, b"", 3)
    traced = collect(tmp_path, 0)
    assert len(traced.of_type("process")) == 1 + 3 * 3  # of each pipe: two forks, one of which executes the worker
    assert not traced.of_type("loss")


def said(out):
    """The lines that a program prints for tests, addresses aside."""
    return [line for line in without_addresses(out).splitlines() if line.startswith(b"@ ")]


# ---- the output cannot be written ----

@pytest.mark.parametrize("options", [["--json=/dev/full"], ["-q", "--json=/dev/full"], ["-o", "/dev/full"],
                                     ["--timeline=/dev/full", "--json=/dev/null"]], ids=" ".join)
@pytest.mark.parametrize("command", [["map3", "40000"], ["many_mallocs", "20000"], ["crash"]], ids=" ".join)
def test_full_disk(tmp_path, tool, options, command, programs):
    program = [programs.labs / command[0], *command[1:]]
    plain = run("setarch", "-R", *program, cwd=tmp_path)
    done = run(tool, "--no-aslr", *options, *program, cwd=tmp_path)
    assert_no_crash(done)
    assert done.status == OWN_FAILURE
    assert messages(done.err)[-1:] == ["cannot write the output: No space left on device; the program was not disturbed"]
    assert said(done.out) == said(plain.out)


def test_full_file_system(tmp_path, tool, programs):
    """A disk that has room at first. What has been written is the beginning of the trace."""
    if os.geteuid() != 0 or run("unshare", "--mount", "true").status != 0:
        pytest.skip("only root can mount a small file system")
    small, kept = tmp_path / "small", tmp_path / "kept"
    small.mkdir()
    script = 'mount -t tmpfs -o size=100k tmpfs "$1" && cd "$1" && shift && "$@"; status=$?; cp t.jsonl "$KEPT"; exit $status'
    done = run("unshare", "--mount", "sh", "-c", script, "sh", small, tool, "-q", "--json=t.jsonl", programs.labs / "many_mallocs",
               "20000", env=environment(KEPT=str(kept)))
    assert_no_crash(done)
    assert done.status == OWN_FAILURE
    assert "No space left on device" in messages(done.err)[-1]
    assert done.out == run(programs.labs / "many_mallocs", "20000").out
    assert 50_000 < kept.stat().st_size <= 102_400
    shown = run(tool, "show", kept)
    assert_no_crash(shown)
    assert b"the trace ends here, without an exit" in shown.out


def test_closed_pipe_for_json(tool, programs):
    """procmap-trace --json PROGRAM | head -1"""
    with start(tool, "--json", programs.labs / "many_mallocs", "20000") as process:
        others = []
        reader = threading.Thread(target=lambda: others.append(process.stderr.read()))
        reader.start()
        assert process.stdout.readline().startswith(b'{"type":"process",')
        process.stdout.close()
        reader.join(HANGS)
        process.wait(HANGS)
    assert process.returncode == OWN_FAILURE
    plain = run(programs.labs / "many_mallocs", "20000")
    assert others[0].startswith(plain.out)
    assert others[0][len(plain.out):].startswith(b"procmap-trace: cannot write the output: Broken pipe")


def test_closed_pipe_for_the_timeline(tool, programs):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(tool, f"--output=/dev/fd/{writing}", programs.labs / "many_mallocs", "20000", pass_fds=[writing])
    finally:
        os.close(writing)
    assert_no_crash(done)
    assert done.status == OWN_FAILURE
    assert done.out == run(programs.labs / "many_mallocs", "20000").out
    assert "cannot write the output: Broken pipe" in messages(done.err)[-1]


def test_closed_standard_error_for_the_timeline(tool, programs):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(tool, programs.labs / "many_mallocs", "20000", stderr=writing)
    os.close(writing)
    assert done.status == OWN_FAILURE
    assert done.out == run(programs.labs / "many_mallocs", "20000").out


# ---- the program overwrites the ring ----

@pytest.mark.parametrize("mode", ["all", "headers"])
@pytest.mark.parametrize("attempt", range(3))
def test_corrupted_ring(tmp_path, tool, mode, attempt, programs):
    done = run(tool, *trace_options(tmp_path), programs.victims / "scribble", mode, "procmap-trace-ring")
    assert_no_crash(done)
    assert done.out.endswith(b"\n@ end\n")
    timeline = (tmp_path / "timeline").read_text()
    if done.status == OWN_FAILURE:  # it was overwritten before the runner had read anything
        assert timeline == "" and (tmp_path / "trace.jsonl").read_bytes() == b""
        assert "nothing could be traced: the program has overwritten" in messages(done.err)[-1], done.err
        return
    assert done.status == 0
    traced = collect(tmp_path, done.status, done.out, done.err, lost=True)
    lost = traced.of_type("loss")
    assert lost and "LOST" in timeline
    assert traced.exit["status"] == 0
    assert traced.exit["ledger"]["lost"] == sum(event["count"] for event in lost)
    assert sum(event["count"] for event in lost) < 1000  # the program has only a few events


@pytest.mark.parametrize("mode", ["all", "headers"])
def test_corrupted_memory_of_the_shim(tmp_path, tool, mode, programs):
    """All of the tracer's shared memory: what becomes of the program is open, but the runner ends by itself."""
    done = run(tool, *trace_options(tmp_path), programs.victims / "scribble", mode, cwd=tmp_path)
    assert done.status in (0, OWN_FAILURE) or done.status < 0
    assert b"Sanitizer" not in done.err
    if (tmp_path / "trace.jsonl").stat().st_size:
        read_events(tmp_path / "trace.jsonl")


# ---- programs that try a tracer ----

def test_children_are_not_disturbed(tmp_path, programs):
    """Every child maps 7 shared pages; the program itself maps none."""
    plain = run(programs.victims / "fork_child")
    done = run(TOOL, f"--output={tmp_path / 'timeline'}", programs.victims / "fork_child")
    timeline = (tmp_path / "timeline").read_text()
    assert done.status == plain.status == 0
    assert done.err == plain.err == b""
    assert sorted(without_addresses(done.out).splitlines()) == sorted(without_addresses(plain.out).splitlines())
    assert done.out.count(b"@ child") >= 6 and done.out.endswith(b"\n@ end\n")
    assert "shared_memory" not in timeline and "LOST" not in timeline
    assert timeline.count(" START ") == timeline.count(" EXIT ") == 1
    assert "all explained" in timeline


def test_many_threads(tmp_path, programs):
    done = run(TOOL, f"--output={tmp_path / 'timeline'}", programs.victims / "threads_stress", "64", "100",
               preexec_fn=limit((resource.RLIMIT_STACK, 8 << 20)))  # of each thread's stack, too: 64 of them have room in 32 bits
    assert (done.status, done.err) == (0, b"") and done.out.endswith(b"\n@ end\n")
    timeline = (tmp_path / "timeline").read_text()
    malloc, realloc, free = map(int, re.search(rb"@ total malloc (\d+) realloc (\d+) free (\d+)", done.out).groups())
    assert count_of(timeline, "allocations,")[0] >= malloc + realloc  # libc allocates for its threads, too
    assert count_of(timeline, "frees;")[0] >= free
    assert "LOST" not in timeline and "all explained" in timeline


@pytest.mark.parametrize("mode", ["plain", "close-all", "stdin", "exhaust"])
def test_descriptors_of_the_program(tmp_path, mode, programs):
    plain = run(programs.victims / "fds", mode)
    no_descriptor = mode == "exhaust"  # then the map cannot be read, which is a loss
    traced = trace(tmp_path, programs.victims / "fds", mode, lost=no_descriptor)
    assert {event["reason"] for event in traced.of_type("loss")} == ({"snapshot"} if no_descriptor else set())
    assert traced.status == plain.status == 0
    assert without_addresses(traced.out) == without_addresses(plain.out)
    assert_calls_traced(traced.out, traced.events)


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]], ids=str)
def test_standard_descriptors_closed(tmp_path, compiled, closed):
    """No file of the tool takes the place of a standard stream, neither in the program nor for its own messages."""
    def close_them():
        for descriptor in closed:
            os.close(descriptor)

    plain = run(compiled["descriptors"], tmp_path / "plain", preexec_fn=close_them)
    done = run(TOOL, *trace_options(tmp_path), compiled["descriptors"], tmp_path / "traced", preexec_fn=close_them)
    assert (done.status, done.out, done.err) == (plain.status, plain.out, plain.err) == (0, plain.out, b"")
    assert (tmp_path / "traced").read_text() == (tmp_path / "plain").read_text()
    traced = collect(tmp_path, done.status)
    assert traced.timeline.startswith("\nprocmap-trace") and "EXIT 0" in traced.timeline


@pytest.mark.parametrize("closed", [[2], [0, 1, 2]], ids=str)
def test_failure_with_standard_descriptors_closed(tmp_path, closed):
    """A message that nobody can read goes nowhere, and not into the trace."""
    def close_them():
        for descriptor in closed:
            os.close(descriptor)

    done = run(TOOL, *trace_options(tmp_path), "--", "/no/such/program", preexec_fn=close_them)
    assert (done.status, done.out, done.err) == (NOT_FOUND, b"", b"")
    for file in ("trace.jsonl", "timeline"):
        assert not (tmp_path / file).exists() or (tmp_path / file).read_bytes() == b""


# ---- LD_PRELOAD of the user's own ----

def environment_without_noise(out):
    """The lines of family, without those that the shell changes from run to run."""
    return [line for line in out.splitlines() if not re.match(rb"(@ \w+ env )?_=", line)]


@pytest.mark.parametrize("preload, loaded", [
    (None, b"none"),
    ("{one}", b"libone.so"),
    ("{one}:{two}", b"libone.so"),
    ("{two} {one}", b"libtwo.so"),
    (":{one}:", b"libone.so"),
    ("", b"none"),
])
def test_own_preloaded_libraries_are_kept(tmp_path, compiled, preload, loaded):
    """The program and its children have the environment and the libraries that they would have."""
    value = preload if preload is None else preload.format(one=compiled["libone.so"], two=compiled["libtwo.so"])
    env = environment(LD_PRELOAD=value, SOME="thing")
    plain = run(compiled["family"], env=env)
    traced = trace_with_library(tmp_path, compiled["family"], env)
    assert plain.status == traced.status == 0
    assert plain.out.count(b" libraries " + loaded) == 4
    assert environment_without_noise(traced.out) == environment_without_noise(plain.out)
    assert traced.err == plain.err  # ld.so may complain in the 64-bit shell, in both
    assert b"PROCMAP_TRACE" not in traced.out
    assert (987 in {event.get("size") for event in traced.of_type("alloc")}) == (loaded != b"none")


def trace_with_library(folder, program, env):
    """The tool is a 64-bit program: ld.so complains that it cannot load a 32-bit library into it."""
    done = run(TOOL, *trace_options(folder), "--", program, env=env)
    return collect(folder, done.status, done.out, without_loaders_complaints(done.err))


def without_loaders_complaints(err):
    """Without the first third of the complaints: there are those about the tool, and about sh and env in system()."""
    lines = err.splitlines(keepends=True)
    assert len(lines) % 3 == 0
    return b"".join(lines[len(lines) // 3:])


def test_variables_of_a_tracer_around_the_tracer_are_not_passed_on(tmp_path, compiled):
    env = environment(PROCMAP_TRACE_OUTPUT=str(tmp_path / "none.jsonl"), PROCMAP_TRACE_SOCKET="nonsense")
    traced = trace(tmp_path, compiled["family"], env=env)
    assert traced.status == 0
    assert b"PROCMAP_TRACE" not in traced.out
    assert not (tmp_path / "none.jsonl").exists()


def test_empty_environment(tmp_path, programs):
    def without_count(out):
        return [line for line in out.splitlines() if b" auxv entries " not in line]  # those to be ignored count

    plain = run(programs.victims / "env_args", env={})
    traced = trace(tmp_path, programs.victims / "env_args", env={})
    assert traced.status == 0
    assert without_count(traced.out) == without_count(plain.out)


# ---- limits ----

def limit(*limits):
    def set_them():
        for what, value in limits:
            resource.setrlimit(what, (value, value))
    return set_them


LIMITS = {
    "address-space": (resource.RLIMIT_AS, 256 << 20),
    "open-files": (resource.RLIMIT_NOFILE, 16),
    "stack": (resource.RLIMIT_STACK, 1 << 20),
    "core": (resource.RLIMIT_CORE, 0),
    "data": (resource.RLIMIT_DATA, 64 << 20),
    "locked": (resource.RLIMIT_MEMLOCK, 0),
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("lab", [["map3", "40000"], ["threads"], ["dlopen_lib"]], ids=" ".join)
def test_limits(tmp_path, name, lab, programs):
    program = [programs.labs / lab[0], *lab[1:]]
    plain = run(*program, preexec_fn=limit(LIMITS[name]))
    traced = trace(tmp_path, *program, preexec_fn=limit(LIMITS[name]))
    assert traced.status == plain.status
    assert sorted(said(traced.out)) == sorted(said(plain.out))


TIGHT = [(resource.RLIMIT_AS, size << 20) for size in (4, 8, 16, 24, 32, 48)] + \
    [(resource.RLIMIT_NOFILE, count) for count in (3, 4, 5, 6, 7, 8, 9)] + \
    [(resource.RLIMIT_DATA, size << 20) for size in (1, 4, 16)]


@pytest.mark.parametrize("what, value", TIGHT)
def test_tight_limits(tmp_path, what, value, programs):
    """Where the tool itself finds no room it says so; the program either does not run or runs to its end."""
    done = run(TOOL, *trace_options(tmp_path), programs.labs / "many_mallocs", "2000", preexec_fn=limit((what, value)))
    assert done.status >= 0, done.err
    if done.status == 127:  # not even the loader of the tool could start
        assert b"error while loading shared libraries" in done.err
        return
    assert done.status in (0, OWN_FAILURE), done.err
    if done.status == OWN_FAILURE:
        assert len(messages(done.err)) >= 1
    if done.status == 0 or done.out:
        assert done.out == run(programs.labs / "many_mallocs", "2000", preexec_fn=limit((what, value))).out


@pytest.mark.parametrize("size", [4096, 100 << 10, 3 << 20, 5 << 20])
def test_file_size_limit(tmp_path, size, programs):
    """The limit is for files, but the kernel counts shared memory, too: nobody gets SIGXFSZ because of the tool."""
    plain = run(programs.labs / "many_mallocs", "20000", preexec_fn=limit((resource.RLIMIT_FSIZE, size)))
    done = run(TOOL, *trace_options(tmp_path), programs.labs / "many_mallocs", "20000",
               preexec_fn=limit((resource.RLIMIT_FSIZE, size)))
    assert plain.status == 0
    assert done.status in (0, OWN_FAILURE), done
    if done.status == OWN_FAILURE:
        assert len(messages(done.err)) >= 1
    assert done.out in (plain.out, b"")
    shutil.rmtree(tmp_path)
