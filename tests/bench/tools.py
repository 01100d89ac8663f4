"""What traces: procmap-trace in its ways, and the peers, each with the commands that its own manual gives.

A tool says for which workloads it is of use, whether it is installed, and how much smaller a count has to be for it."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Callable

from workloads import BUILD

TOOL = BUILD / "bin" / "procmap-trace"
LIBMEMUSAGE = {32: ("/usr/lib/i386-linux-gnu", "/usr/lib32", "/usr/lib"), 64: ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")}
VALGRIND = ("/usr/libexec/valgrind", "/usr/lib/valgrind", "/usr/lib/x86_64-linux-gnu/valgrind")


@dataclass(frozen=True)
class Tool:
    """`prefix`: (scratch folder, workload) -> the words before the traced command. `env` likewise -> variables for it.
    What it writes into the scratch folder is its trace. Of a slow tool less is asked: `at_most` so many repetitions of a loop
    (by what it looks at, and bits), a part of a whole program's work (`divisor`, by bits)."""
    key: str
    title: str
    prefix: Callable
    looks: tuple = ("heap",)
    env: Callable = lambda scratch, workload: {}
    at_most: dict = field(default_factory=dict)
    divisor: dict = field(default_factory=dict)
    missing: Callable = lambda bits: ""  # why it cannot be used for programs of this word size
    own: bool = False
    version: Callable = lambda: ""

    def of_use(self, workload):
        return workload.looks in self.looks and (self.own or not workload.own_only)

    def count(self, workload):
        return workload.scaled(self.at_most.get((workload.looks, workload.bits)), self.divisor.get(workload.bits, 1))


def limits(heap32, heap64, in_map=None):
    return {("heap", 32): heap32, ("heap", 64): heap64, ("map", 32): in_map, ("map", 64): in_map}


def first_line(*command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0].strip()


# ---- procmap-trace ----

@cache
def usage():
    return subprocess.run([TOOL, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout


def own_ways():
    """The columns of this build: --stacks and --backend are used where they are there."""
    everything = ("heap", "map", "system call")

    def way(key, title, *options, looks=everything, at_most=None, output="timeline"):
        def prefix(scratch, _workload):
            outputs = {"timeline": ["-o", scratch / "timeline"], "json": ["-q", f"--json={scratch / 'trace.jsonl'}"],
                       "none": ["-q"]}
            return [TOOL, *outputs[output], *options]
        return Tool(key, title, prefix, looks, at_most=at_most or {}, own=True, version=lambda: first_line(TOOL, "--version"))

    in_json = limits(200000, 200000)  # every event is written
    if "--stacks" in usage():
        yield way("all", "timeline, all stacks", "--stacks=all")
        yield way("changes", "timeline, stacks of changes", "--stacks=changes")
        yield way("none", "timeline, no stacks", "--stacks=none", looks=("heap", "map"))
        yield way("json", "JSON, all stacks", "--stacks=all", looks=("heap", "map"), at_most=in_json, output="json")
        yield way("json-none", "JSON, no stacks", "--stacks=none", looks=("heap", "map"), at_most=in_json, output="json")
        yield way("quiet", "-q, all stacks", "--stacks=all", looks=("heap", "map"), output="none")
    else:
        yield way("changes", "timeline, stacks of changes")
        yield way("json", "JSON, stacks of changes", looks=("heap", "map"), at_most=in_json, output="json")
        yield way("quiet", "-q, stacks of changes", looks=("heap", "map"), output="none")
    if "--backend" in usage():
        yield way("ptrace", "timeline, by ptrace", "--backend=ptrace", looks=("map", "system call"))


# ---- peers ----

def heaptrack_of(bits):
    """heaptrack's script finds its libraries beside itself; the 32-bit one lies where peers.sh has put it."""
    return shutil.which("heaptrack") if bits == 64 else shutil.which(str(BUILD / "peers" / "root32" / "usr/bin/heaptrack"))


def heaptrack():
    def missing(bits):
        return "" if heaptrack_of(bits) else f"no {bits}-bit heaptrack"

    return Tool("heaptrack", "heaptrack", lambda scratch, w: [heaptrack_of(w.bits), "-o", scratch / "heaptrack"],
                at_most=limits(60000, 500000), divisor={32: 10, 64: 2}, missing=missing, version=lambda: first_line("heaptrack", "--version"))


def valgrind(name, at_most, divisor, options_of=lambda workload: []):
    def missing(bits):
        if not shutil.which("valgrind"):
            return "no valgrind"
        arch = {32: "x86", 64: "amd64"}[bits]
        found = any((Path(folder) / f"{name}-{arch}-linux").exists() for folder in VALGRIND)
        return "" if found else f"valgrind has no {name} for {bits}-bit programs"

    def prefix(scratch, workload):
        return ["valgrind", "-q", f"--tool={name}", f"--{name}-out-file={scratch / name}", *options_of(workload)]
    return Tool(name, name, prefix, looks=("heap", "map") if name == "massif" else ("heap",),
                at_most=limits(at_most, at_most, 300), divisor={32: divisor, 64: divisor}, missing=missing,
                version=lambda: first_line("valgrind", "--version"))


def ltrace():
    calls = {"heap": "malloc@*+free@*+realloc@*+calloc@*", "map": "mmap@*+munmap@*"}

    return Tool("ltrace", "ltrace", lambda scratch, w: ["ltrace", "-f", "-e", calls[w.looks], "-o", scratch / "ltrace"],
                looks=("heap", "map"), at_most=limits(1000, 1000, 100), divisor={32: 50, 64: 50},
                missing=lambda bits: "" if shutil.which("ltrace") else "no ltrace",
                version=lambda: first_line("ltrace", "--version"))


def strace():
    return Tool("strace", "strace", lambda scratch, w: ["strace", "--seccomp-bpf", "-f", "-e", "trace=memory", "-o",
                                                       scratch / "strace"],
                looks=("heap", "map", "system call"), missing=lambda bits: "" if shutil.which("strace") else "no strace",
                version=lambda: first_line("strace", "-V"))


def memusage():
    """As the script memusage does with -d FILE, and -m for the map; the script itself knows one word size only."""
    def library(bits):
        return next((path for folder in LIBMEMUSAGE[bits] if (path := Path(folder) / "libmemusage.so").exists()), None)

    def env(scratch, workload):
        more = {"MEMUSAGE_TRACE_MMAP": "yes"} if workload.looks == "map" else {}
        return {"LD_PRELOAD": str(library(workload.bits)), "MEMUSAGE_OUTPUT": str(scratch / "memusage"), **more}
    return Tool("memusage", "memusage", lambda scratch, w: [], looks=("heap", "map"), env=env,
                at_most=limits(500000, 500000),
                missing=lambda bits: "" if library(bits) else f"no {bits}-bit libmemusage.so",
                version=lambda: re.sub(r".*?([0-9.]+)$", r"glibc \1", first_line("ldd", "--version")))


def all_tools():
    return [*own_ways(), heaptrack(), valgrind("massif", 200000, 5, lambda w: ["--pages-as-heap=yes"] if w.looks == "map" else []),
            valgrind("dhat", 100000, 10), memusage(), ltrace(), strace()]
