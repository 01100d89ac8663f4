"""Runs programs with and without procmap-trace; every trace is checked (schema, invariants) before a test sees it."""

import functools
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import layout
from bulk_schema import read_trace
from invariants import Map, Region, check_invariants
from programs import BUILD, PROGRAMS, ROOT  # noqa: F401  (for those who import from here)

TOOL = BUILD / "bin" / "procmap-trace"
LABS = PROGRAMS.labs  # where one word size is enough
MMAP = ("mmap", "mmap2")  # the system call behind mmap(3), on x86-64 and on i386
FOLLOW = ["--follow"]  # as options of the tool
HANGS = 300  # seconds: no test measures time, but a hanging program must end

# Short and the same for all: what the environment has is on the stack of every program.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TMPDIR": tempfile.gettempdir(), **layout.PRELOAD}


@dataclass
class Run:
    """A program that has ended. A negative status is the signal that killed it."""
    status: int
    stdout: str
    stderr: str

    def said(self, *words):
        """The lines "@ WORDS ..." of a lab program or victim, each as the list of what follows the words."""
        lines = [line[2:].split() for line in self.stdout.splitlines() if line.startswith("@ ")]
        return [line[len(words):] for line in lines if line[:len(words)] == list(words)]

    def printed_maps(self):
        """{label: text between "@ map-begin LABEL" and "@ map-end LABEL"}"""
        maps, label = {}, None
        for line in self.stdout.splitlines():
            if line.startswith("@ map-begin "):
                label = line.split()[2]
                maps[label] = []
            elif line.startswith("@ map-end "):
                label = None
            elif label:
                maps[label].append(line)
        return maps


@dataclass
class Trace(Run):
    """A run under procmap-trace and its events."""
    events: list = field(repr=False, default_factory=list)

    def of(self, kind, **fields):
        """The events of a type whose fields have these values."""
        return [event for event in self.events if event["type"] == kind
                and all(event.get(name) == value for name, value in fields.items())]

    @property
    def process(self):
        """The process event of the (first) image."""
        return self.events[0]

    @property
    def exit(self):
        assert self.events[-1]["type"] == "exit"
        return self.events[-1]

    @functools.cached_property
    def images(self):
        """The trace of each process image, in the order of their beginnings. Output and status are the program's."""
        found = {}
        for event in self.events:
            found.setdefault(event.get("image", 1), []).append(event)
        return [Trace(self.status, self.stdout, self.stderr, found[number]) for number in sorted(found)]

    def changes(self, cause=None, change=None, owner="program"):
        """The region events of an owner, of one cause (or any), of one change (or any)."""
        return [event for event in self.of("region")
                if (event["after"] or event["before"])["owner"] == owner
                and cause in (None, event["cause"]["call"]) and change in (None, event["change"])]

    def map_at(self, seq):
        """The map (of both owners) as the snapshots up to event number `seq` have it."""
        memory = Map()
        for event in self.events:
            if event["type"] == "snapshot" and event["seq"] <= seq:
                memory.erase(int(event["lo"], 16), int(event["hi"], 16))
                for region in event["regions"]:
                    memory.paint(Region(region))
        return memory

    def map_at_exit(self):
        return self.map_at(self.exit["seq"])

    def map_at_start(self):
        whole = next(event for event in self.of("snapshot", reason="start") if event["last"])
        return self.map_at(whole["seq"])

    @functools.cached_property
    def stacks(self):
        return {event["id"]: event["frames"] for event in self.of("stack")}

    def program_frame(self, holder):
        """The innermost frame in the program's own executable, of an event or a cause with a stack."""
        frames = self.stacks[holder["stack_id"]]
        return next((frame for frame in frames if frame.get("module") == self.process["exe"]), None)

    def calls_itself(self, event):
        """Whether the program's own code made the call, and no library for it."""
        return "stack_id" in event and self.stacks[event["stack_id"]][0].get("module") == self.process["exe"]

    def line(self, holder):
        frame = self.program_frame(holder)
        return frame and frame.get("line")


def run(*command, env=None, **options):
    """Runs a command to its end; its output is text, bytes that are not UTF-8 are kept as surrogates. A variable that is
    None is taken out of the environment."""
    env = {name: value for name, value in {**ENVIRONMENT, **(env or {})}.items() if value is not None}
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env, encoding="utf-8",
                          errors="surrogateescape", start_new_session=True, **options) as process:
        try:
            out, err = process.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"{command} hangs; so far: {out[-2000:]!r} {err[-2000:]!r}") from None
    return Run(process.returncode, out, err)


def untraced(*command, aslr=False, **options):
    """Runs a program by itself."""
    return run(*([] if aslr else ["setarch", "-R"]), *command, **options)


def trace(*command, aslr=layout.ASLR, unexplained=0, lost=False, prefix=(), tool_options=(), **options):
    """Runs a program under procmap-trace, checks the trace and returns it. `prefix`: words before the command."""
    with tempfile.TemporaryDirectory(prefix="procmap-trace-test-") as directory:
        path = Path(directory) / "trace.jsonl"
        tool = [TOOL, f"--json={path}", "-q", *([] if aslr else ["--no-aslr"]), *tool_options]
        done = run(*prefix, *tool, "--", *command, **options)
        assert path.exists(), f"no trace; status {done.status}, {done.stderr}"
        events, errors = read_trace(path)
    assert not errors, "\n".join(errors)
    errors = check_invariants(events, unexplained, lost)
    assert not errors, "\n".join(errors[:20])
    return Trace(done.status, done.stdout, done.stderr, events)
