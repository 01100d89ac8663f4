"""What strace says of a program's memory: the independent witness.

strace -i prints where each system call was made. On i386 that tells apart: ld.so has `int $0x80` of its own, calls of
libc go through the vdso, and anything else is the program's own machine code (or the shim's).
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tracing import run

MEMORY = ("brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mlock", "munlock", "mlockall", "munlockall",
          "mlock2", "remap_file_pages", "shmat", "shmdt", "pkey_mprotect")
ARGUMENTS = {"brk": 1, "mmap2": 6, "munmap": 2, "mremap": 5, "mprotect": 3, "madvise": 3, "shmat": 3, "shmdt": 1}
CLONE_THREAD = 0x10000
LINE = re.compile(r"\[(?P<ip>[0-9a-f?]+)\] (?P<call>\w+)\((?P<args>.*)\) += (?P<result>\S+)(?: (?P<error>E\w+))?")


@dataclass(frozen=True)
class Call:
    """One system call: arguments and result as numbers, with errno a name if it failed."""
    ip: int
    call: str
    args: tuple
    result: int
    errno: str

    def is_change(self):
        """brk(0) asks, it changes nothing."""
        return self.call in MEMORY and not (self.call == "brk" and self.args[0] == 0)


def parse_line(line):
    """A Call of a line of `strace -i -e raw=...`, None for signals and ends."""
    match = LINE.match(line)
    if not match:
        assert "(" not in line.split("]", 1)[1][:12] or "+++" in line or "---" in line, line
        return None
    call, words = match["call"], match["args"]
    if call not in MEMORY:
        return Call(int(match["ip"], 16), call, (words,), 0, match["error"])
    args = [int(word, 0) for word in words.split(", ")]
    if call == "mmap2":
        args[5] *= 4096  # the trace has the offset in bytes
    result = 0 if match["error"] else int(match["result"], 0)
    return Call(int(match["ip"], 16), call, tuple(args), result, match["error"])


def witness(*command, **options):
    """Runs a command under strace. Returns its Run and {process or thread id: [Call]}, first come first."""
    names = ",".join(MEMORY)
    with tempfile.TemporaryDirectory(prefix="procmap-trace-strace-") as directory:
        prefix = Path(directory) / "log"
        done = run("strace", "-i", "-ff", "-q", "-o", prefix, "-e", "signal=none",
                   "-e", f"trace={names},execve,clone,clone3,fork,vfork,prlimit64", "-e", f"raw={names}", *command,
                   **options)
        logs = sorted(Path(directory).iterdir(), key=lambda path: int(path.suffix[1:]))
        calls = {int(path.suffix[1:]): parse_log(path) for path in logs}
    return done, calls


def parse_log(path):
    """The calls behind the last execve that worked, or all of a thread or forked process."""
    calls = [call for call in map(parse_line, path.read_text(errors="replace").splitlines()) if call]
    starts = [index for index, call in enumerate(calls) if call.call == "execve" and not call.errno]
    return calls[starts[-1] + 1:] if starts else calls


def works():
    """Whether processes can be traced here (a container may forbid it)."""
    return subprocess.run(["strace", "-o", "/dev/null", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0
