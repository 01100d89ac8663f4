"""Runs a command untraced and traced, and says what is not the same."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from command_lists import HERE
from masks import difference

from bulk_schema import read_trace
from invariants import check_invariants
from programs import BUILD

TOOL = BUILD / "bin" / "procmap-trace"
BACKENDS = {"auto": [], "-f": ["-f"], "ptrace": ["--backend=ptrace"]}
HANGS = 120  # seconds
# What starts a command, traced or not: so that it never leads its process group, which setsid and shells take notice of.
STARTER = ["timeout", "--foreground", "0"]
UNTRACED_MOST = 8  # runs, where two do not yet show all that varies
EPOCH = 1_000_000_000  # when all files were last written


@dataclass(frozen=True)
class Result:
    """Of one command with one backend."""
    backend: str
    differences: dict  # {what: how}, empty if all is the same


class Scratch:
    """The folder in which a command runs: the same path, with the same files, each time."""

    def __init__(self, top):
        self.work, self.own = Path(top) / "work", Path(top) / "own"

    def prepare(self):
        for folder in (self.work, self.own):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE / "scratch", self.work)
        self.own.mkdir()
        for path in (*self.work.rglob("*"), self.work):
            os.utime(path, (EPOCH, EPOCH))

    def files(self):
        """A line for each file that is there, with a digest of what is in it."""
        lines = []
        for path in sorted(self.work.rglob("*")):
            what = "folder"
            if path.is_symlink():
                what = f"link to {os.readlink(path)}"
            elif path.is_file():
                what = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{path.relative_to(self.work)} {path.lstat().st_mode:o} {what}".encode(errors="surrogateescape"))
        return b"\n".join(lines)


def run(command, scratch, tool=()):
    """{what: bytes} of a run of a command, in a folder that is made anew."""
    scratch.prepare()
    with open(scratch.work / "words.txt", "rb") as words, \
         subprocess.Popen([*STARTER, *tool, *command.words], stdin=words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=scratch.work, env={**command.environment(), "HOME": str(scratch.work)},
                          start_new_session=True) as process:
        hangs = False
        try:
            out, err = process.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired:
            hangs = True
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
    status = "hangs" if hangs else str(process.returncode)
    return {"stdout": out, "stderr": err, "status": status.encode(), "files": scratch.files()}


def trace(command, scratch, options):
    """A traced run, and what is wrong with its trace as {what: how}."""
    path = scratch.own / "trace.jsonl"
    done = run(command, scratch, [TOOL, f"--json={path}", f"--output={scratch.own / 'timeline'}", *options, "--"])
    if not path.exists():
        return done, {"trace": "there is none"}
    events, invalid = read_trace(path)
    if invalid:
        return done, {"schema": "\n".join(invalid[:3])}
    wrong = check_invariants(events)
    return done, {"ledger": "\n".join([*wrong[:3], *not_explained(events)[:5]])} if wrong else {}


def not_explained(events):
    """A line for each change without a cause and for each loss."""
    lines = []
    for event in events:
        if event["type"] == "loss":
            lines.append(f"lost: {event['reason']}")
        elif event["type"] == "region" and event["cause"]["call"] == "unattributed":
            region = event["after"] or event["before"]
            lines.append(f"seq {event['seq']}: unattributed: {event['change']} {region['kind']} {region['path']}")
    return lines


def compare(command, backends=tuple(BACKENDS)):
    """The Results of a command. Where a traced run differs from two untraced ones, further untraced ones show whether they
    do that by themselves (half of a random address can be the same twice)."""
    with tempfile.TemporaryDirectory(prefix="differential-") as top:
        scratch = Scratch(top)
        untraced = [run(command, scratch) for _ in range(2)]
        for backend in backends if command.by_ptrace else [name for name in backends if name != "ptrace"]:
            traced, wrong = trace(command, scratch, BACKENDS[backend])
            for what in traced:
                how = difference([done[what] for done in untraced], traced[what])
                while how and len(untraced) < UNTRACED_MOST:
                    untraced.append(run(command, scratch))
                    how = difference([done[what] for done in untraced], traced[what])
                if how:
                    wrong[what] = how
            yield Result(backend, wrong)
