"""What traces: procmap-trace in its ways, and the peers, each with the commands that its own manual gives.

A tool says for which workloads it is of use, whether it is installed, and how much smaller a count has to be for it."""

import re
import shutil
import subprocess
from dataclasses import dataclass
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
    What it writes into the scratch folder is its trace. `slower`: a divisor of the count."""
    key: str
    title: str
    prefix: Callable
    looks: tuple = ("heap",)
    env: Callable = lambda scratch, workload: {}
    slower: Callable = lambda workload: 1
    missing: Callable = lambda bits: ""  # why it cannot be used for programs of this word size
    own: bool = False
    version: Callable = lambda: ""

    def of_use(self, workload):
        return workload.looks in self.looks and (self.own or not workload.own_only)


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

    def way(key, title, *options, looks=everything, slower=lambda workload: 1, output="timeline"):
        def prefix(scratch, _workload):
            outputs = {"timeline": ["-o", scratch / "timeline"], "json": ["-q", f"--json={scratch / 'trace.jsonl'}"],
                       "none": ["-q"]}
            return [TOOL, *outputs[output], *options]
        return Tool(key, title, prefix, looks, slower=slower, own=True, version=lambda: first_line(TOOL, "--version"))

    # every event is written: slower where there are many
    def in_json(workload):
        return {"heap": 10 if workload.is_loop else 1, "map": 1}[workload.looks]

    if "--stacks" in usage():
        yield way("all", "timeline, all stacks", "--stacks=all")
        yield way("changes", "timeline, stacks of changes", "--stacks=changes")
        yield way("none", "timeline, no stacks", "--stacks=none", looks=("heap", "map"))
        yield way("json", "JSON, all stacks", "--stacks=all", looks=("heap", "map"), slower=in_json, output="json")
        yield way("json-none", "JSON, no stacks", "--stacks=none", looks=("heap", "map"), slower=in_json, output="json")
        yield way("quiet", "-q, all stacks", "--stacks=all", looks=("heap", "map"), output="none")
    else:
        yield way("changes", "timeline, stacks of changes")
        yield way("json", "JSON, stacks of changes", looks=("heap", "map"), slower=in_json, output="json")
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

    def slower(workload):
        if workload.is_loop:
            return 20 if workload.bits == 32 else 4
        return 5 if workload.bits == 32 and workload.count > 100 else 1
    return Tool("heaptrack", "heaptrack", lambda scratch, w: [heaptrack_of(w.bits), "-o", scratch / "heaptrack"],
                slower=slower, missing=missing, version=lambda: first_line("heaptrack", "--version"))


def valgrind(name, options_of):
    def missing(bits):
        if not shutil.which("valgrind"):
            return "no valgrind"
        arch = {32: "x86", 64: "amd64"}[bits]
        found = any((Path(folder) / f"{name}-{arch}-linux").exists() for folder in VALGRIND)
        return "" if found else f"valgrind has no {name} for {bits}-bit programs"

    def prefix(scratch, workload):
        return ["valgrind", "-q", f"--tool={name}", f"--{name}-out-file={scratch / name}", *options_of(workload)]
    return Tool(name, name, prefix, looks=("heap", "map") if name == "massif" else ("heap",),
                slower=lambda w: 1 if w.looks == "map" or w.count <= 100 else 10 if w.is_loop else 5, missing=missing,
                version=lambda: first_line("valgrind", "--version"))


def ltrace():
    calls = {"heap": "malloc@*+free@*+realloc@*+calloc@*", "map": "mmap@*+munmap@*"}

    def slower(workload):
        if workload.looks == "map":
            return 4
        return 1000 if workload.is_loop else 100 if workload.count > 100 else 1
    return Tool("ltrace", "ltrace", lambda scratch, w: ["ltrace", "-f", "-e", calls[w.looks], "-o", scratch / "ltrace"],
                looks=("heap", "map"), slower=slower, missing=lambda bits: "" if shutil.which("ltrace") else "no ltrace",
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
                slower=lambda w: 4 if w.is_loop and w.looks == "heap" else 1,
                missing=lambda bits: "" if library(bits) else f"no {bits}-bit libmemusage.so",
                version=lambda: re.sub(r".*?([0-9.]+)$", r"glibc \1", first_line("ldd", "--version")))


def all_tools():
    return [*own_ways(), heaptrack(), valgrind("massif", lambda w: ["--pages-as-heap=yes"] if w.looks == "map" else []),
            valgrind("dhat", lambda w: []), memusage(), ltrace(), strace()]
