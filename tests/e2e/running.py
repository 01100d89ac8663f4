"""Runs procmap-trace as its user does, and says what came out: bytes, timeline, messages. Beside tracing.py, which is about
the events: for the tests of endings, bad input, robustness and outputs.

PROCMAP_TRACE_ASAN names a build of the tool with AddressSanitizer and UBSan, the shim where the tool
expects it; without it sanitized_tool() makes one in build/asan.
"""

import fcntl
import functools
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import layout
import schema_check
from invariants import check_invariants
from tracing import BUILD, HANGS, ROOT, TOOL

OWN_FAILURE, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127  # exit statuses, as those of env(1)


def environment(**changes):
    """An environment in which nothing of the user's changes what is shown. None takes a variable out."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8", "TERM": "xterm", "COLUMNS": "100", **layout.PRELOAD}
    env |= {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:verify_asan_link_order=0", "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99"}
    env |= changes
    return {name: value for name, value in env.items() if value is not None}


@dataclass
class Run:
    """What a command did; a negative status is the signal that ended it."""
    status: int
    out: bytes
    err: bytes


def run(*command, input=None, timeout=HANGS, **options):
    """Runs a command to its end, in a session of its own. Options are those of subprocess.Popen."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with start(*command, start_new_session=True, **options) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the traced program, too, which has the pipes
            out, err = process.communicate()
            raise AssertionError(f"{command} hangs; so far: {out!r} {err!r}") from None
    return Run(process.returncode, out, err)


def start(*command, **options):
    """Starts a command. Options are those of subprocess.Popen."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "env": environment(), **options}
    return subprocess.Popen(command, **options)


@dataclass
class Traced(Run):
    """A traced run; err is the tool's and the program's standard error, without the timeline."""
    trace: Path
    timeline: str
    events: list = field(repr=False)

    def of_type(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def exit(self):
        """The last event, which must be the end of the program."""
        assert self.events[-1]["type"] == "exit"
        return self.events[-1]


def trace_options(folder):
    """Options that write trace and timeline into a folder, where collect() finds them."""
    return [f"--json={folder / 'trace.jsonl'}", f"--output={folder / 'timeline'}"]


def collect(folder, status, out=b"", err=b"", lost=False):
    """The Traced of a run with trace_options(folder); the trace is checked. `lost`: whether events may be lost."""
    path = folder / "trace.jsonl"
    traced = Traced(status, out, err, path, (folder / "timeline").read_text(), read_events(path))
    errors = [] if lost else check_invariants(traced.events)
    assert not errors, "\n".join(errors[:20])
    return traced


def trace(folder, *command, tool=TOOL, options=(), lost=False, **popen):
    """Traces a program, with trace and timeline in files of `folder`. `lost`: whether events may be lost."""
    done = run(tool, *trace_options(folder), *options, "--", *command, **popen)
    return collect(folder, done.status, done.out, done.err, lost)


def read_events(path):
    """The events of a trace that must be valid."""
    errors = schema_check.validate_file(path)
    assert not errors, "\n".join(errors[:20])
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def said_calls(out):
    """[(call, size or None, address)] of the lines "@ malloc ..." and "@ free ..." of a program."""
    pattern = rb"^@ (?:malloc (\d+)|free) (0x[0-9a-f]+) line"
    found = re.findall(pattern, out, re.M)
    return [("malloc", int(size), addr.decode()) if size else ("free", None, addr.decode()) for size, addr in found]


def assert_calls_traced(out, events):
    """Every call that the program printed is in the trace, in the program's order."""
    traced = ((e["call"], e.get("size"), e["addr"]) for e in events if e["type"] == "alloc")
    said = said_calls(out)
    assert said, "the program printed no call"
    for call in said:
        assert any(call == other for other in traced), f"{call} is not in the trace, or not in this order"


def without_addresses(out):
    """Output of a program (bytes) with its addresses and process ids replaced, to compare two runs."""
    out = re.sub(rb"0x[0-9a-f]+", b"ADDRESS", out)
    return re.sub(rb"/proc/\d+", b"/proc/PID", out)


def messages(err):
    """The lines of the tool itself in a standard error (bytes), without their "procmap-trace: "."""
    lines = err.decode("utf-8", "backslashreplace").splitlines()
    return [line.removeprefix("procmap-trace: ") for line in lines if line.startswith("procmap-trace: ")]


def wait_until(condition, what):
    """Waits until condition() is true, at most HANGS seconds."""
    end = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(0.01)


def state(pid):
    """Of a process, as proc(5) has it: "R", "S", "T" ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def looked_at(path):
    """Whether a trace that is being written has a look at the map."""
    return path.exists() and '"snapshot"' in path.read_text()


def read_until(stream, wanted):
    """Reads lines of a pipe until one that starts with `wanted`; all that was read, or fails at the end."""
    read = b""
    for line in iter(stream.readline, b""):
        read += line
        if line.startswith(wanted):
            return read
    raise AssertionError(f"{wanted!r} was not printed: {read!r}")


def is_tool(pid):
    """Whether a process is the tool itself, as what it forks for a moment is; or has just ended."""
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith("/procmap-trace")
    except (FileNotFoundError, ProcessLookupError):
        return True


def child_of(pid):
    """Process id of the only child of a process that is a program, 0 if it has none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    children = [int(child) for child in children if not is_tool(child)]
    assert len(children) <= 1
    return children[0] if children else 0


def exists(pid):
    """Whether a process is there and runs, zombies excluded."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@functools.cache
def sanitized_tool():
    """Path of the tool with sanitizers (the shim, which lives in other programs, has none)."""
    named = os.environ.get("PROCMAP_TRACE_ASAN")
    if named:
        return Path(named)
    make = ["make", "-s", "-C", ROOT, "BUILD=build/asan"]
    flags = "CFLAGS=-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    tree = ROOT / "build" / "asan"
    tree.mkdir(parents=True, exist_ok=True)
    with open(tree / "lock", "w") as lock:  # several workers may want it at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([*make, flags, "build/asan/bin/procmap-trace"], check=True)
        (tree / "lib").mkdir(exist_ok=True)
        if not (tree / "lib" / "procmap-trace").exists():
            (tree / "lib" / "procmap-trace").symlink_to(BUILD / "lib" / "procmap-trace")
    return tree / "bin" / "procmap-trace"


def assert_no_crash(done):
    """A run of the tool ended by itself, with no sanitizer's report."""
    assert 0 <= done.status and done.status != 99, done.err.decode(errors="replace")[-3000:]
    assert b"Sanitizer" not in done.err and b"runtime error" not in done.err, done.err.decode(errors="replace")[-3000:]
