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
          "mlock2", "remap_file_pages", "shmat", "shmdt", "pkey_mprotect", "mbind", "io_setup", "io_destroy")
RAW = ",".join(name for name in MEMORY if name not in ("shmat", "shmdt"))  # raw, those are of the form of ipc(2)
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
    """A Call of a line of `strace -i -e raw=...`; None for signals and ends, also that of a call never finished."""
    match = LINE.match(line)
    if not match or match["result"] == "?":
        assert match or re.search(r"\+\+\+|---|runs in \d+ bit mode|unfinished|\?\?\?\(\) += \?", line), line
        return None
    ip, call, words = int(match["ip"].strip("?") or "0", 16), match["call"], match["args"]
    result = 0 if match["error"] else int(match["result"], 0)
    if call not in MEMORY:
        return Call(ip, call, (words,), result, match["error"])
    args = [0 if word == "NULL" else int(word, 0) for word in words.split(", ")]
    if call == "mmap2":
        args[5] *= 4096  # the trace has the offset in bytes
    return Call(ip, call, tuple(args), result, match["error"])


def command(directory):
    """strace and its options, to stand before a command; the logs go into a directory."""
    names = ",".join(MEMORY)
    return ["strace", "-i", "-ff", "-q", "-o", Path(directory) / "log", "-e", "signal=none",
            "-e", f"trace={names},execve,clone,clone3,?fork,?vfork,?ugetrlimit,prlimit64", "-e", f"raw={RAW}"]


def logs(directory):
    """{process or thread id: its calls behind the last execve that worked}"""
    return {tid: programs[-1] for tid, programs in all_logs(directory).items()}


def all_logs(directory):
    """{process or thread id: [calls before the first execve that worked, behind the first, ...]}"""
    return {int(path.suffix[1:]): split_log(path.read_text(errors="replace").splitlines())
            for path in Path(directory).iterdir()}


def split_log(lines):
    programs = [[]]
    for call in filter(None, map(parse_line, lines)):
        programs[-1].append(call)
        if call.call == "execve" and not call.errno:
            programs.append([])
    return programs


def children(calls):
    """The ids of the processes that these calls made."""
    return [call.result for call in calls if not call.errno and call.result > 0
            and (call.call in ("fork", "vfork") or call.call.startswith("clone") and "CLONE_THREAD" not in call.args[0])]


def descendants(logs, pid):
    """A process and all that it made, and they made, in the order of their making."""
    pids = [pid]
    for one in pids:
        threads_of_it = threads({tid: [call for calls in programs for call in calls] for tid, programs in logs.items()}, one)
        pids += [child for tid in threads_of_it for calls in logs.get(tid, ()) for child in children(calls)]
    return sorted(pids)


def threads(calls, pid):
    """The ids of a process's threads, its own first."""
    ids = [pid]
    for tid in ids:
        ids += [call.result for call in calls.get(tid, ()) if call.call.startswith("clone")
                and "CLONE_THREAD" in call.args[0] and not call.errno]
    return ids


def witness(*program, **options):
    """Runs a program with nothing but strace, without address space randomisation: its Run, process id, all_logs()."""
    with tempfile.TemporaryDirectory(prefix="procmap-trace-strace-") as directory:
        done = run(*command(directory), "setarch", "-R", *program, **options)
        first = [path for path in Path(directory).iterdir() if "/setarch" in path.read_text(errors="replace")[:200]]
        assert len(first) == 1, "which log is the program's?"
        found = all_logs(directory)
        pid = int(first[0].suffix[1:])
        found[pid] = found[pid][1:]  # without setarch's
        return done, pid, found


def works():
    """Whether processes can be traced here (a container may forbid it)."""
    return subprocess.run(["strace", "-o", "/dev/null", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0
