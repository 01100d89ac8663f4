"""What is traced: each workload in both word sizes, with the number of its repetitions as a parameter."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD
HERE = Path(__file__).resolve().parent
BITS = (32, 64)

SQL = """create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
insert into t select i, 'name ' || (i * 7919 % 100003), i / 3.0 from n where {rows} > 0;
create index by_name on t(name);
select 'rows', count(*) from t;
select count(*), sum(value), max(name) from t where name like 'name 1%';
select a.name, b.value from t a join t b on b.id = a.id + 1 order by a.name limit 20;
"""


@dataclass(frozen=True)
class Workload:
    """`looks`: which calls it is about, and so which tools have something to say: heap, map or system call.
    `figure`: what the program prints of itself (a regular expression); without it the whole command is timed."""
    key: str
    bits: int
    title: str
    unit: str
    count: int
    command: Callable  # count -> list of words
    expected: Callable  # count -> regular expression that its output must match
    looks: str = "heap"
    figure: str | None = None
    stdin: Callable = lambda count: ""
    env: dict = field(default_factory=dict)
    own_only: bool = False  # no peers: a measurement of procmap-trace for itself
    missing: str = ""  # why it cannot run here

    @property
    def is_loop(self):
        """Its unit is one repetition, so runs of different counts compare; otherwise one whole program."""
        return self.figure is not None

    def scaled(self, at_most, divisor):
        """A count for a slow tool: of a loop's repetitions at most so many, of a whole program's work a part."""
        if self.is_loop:
            return min(self.count, at_most or self.count)
        return max(self.count // divisor, 1)


def foreign(bits, name):
    """Path and environment of a program that tests/setup/foreign.sh has unpacked; None where it is not there."""
    table = BUILD / "foreign" / ("programs.tsv" if bits == 32 else "programs64.tsv")
    for line in table.read_text().splitlines() if table.exists() else ():
        program, path, *settings = line.split("\t")
        if program == name:
            return Path(path), dict(setting.split("=", 1) for setting in settings)
    return None


def compiler(bits):
    """The C compiler proper, without its driver: path and environment, or None."""
    if bits == 64:
        path = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        return (path, {}) if os.path.isabs(path) and shutil.which(path) else None
    root = BUILD / "peers" / "root32"
    found = sorted(root.glob("usr/lib/gcc/*/*/cc1"))
    libraries = f"{root}/usr/lib/i386-linux-gnu:{root}/lib/i386-linux-gnu"
    return (found[0], {"LD_LIBRARY_PATH": libraries}) if found else None


def c_source(functions):
    """A C file with so many functions, each with a loop, a switch and floating point; written once."""
    path = BUILD / "bench" / f"functions-{functions}.c"
    if not path.exists():
        text = "".join(
            f"struct s{i} {{ int n; struct s{i} *next; double v[3]; }};\n"
            f"double f{i}(struct s{i} *p, int k)\n{{\n    double t = 0;\n    for (; p; p = p->next)\n"
            f"        switch (p->n % 5) {{\n        case 0: t += p->v[k % 3]; break;\n"
            f"        case 1: t -= p->v[0] * k; break;\n        default: t *= 1.5;\n        }}\n    return t;\n}}\n"
            for i in range(functions))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "int the_end;\n")
    return path


def loops(bits):
    """The programs that measure themselves."""
    here = BUILD / f"bench{bits}"
    victims = BUILD / ("victims" if bits == 32 else "victims64")

    def pairs(key, title, threads=1, depth=1, count=2000000, **more):
        return Workload(key, bits, title, "ns/pair", count,
                        lambda n: [here / "malloc_free", str(n), str(threads), str(depth)],
                        lambda n: rf"@ pairs {n // threads * threads}\n", figure=r"@ ns-per-pair ([0-9.]+)", **more)

    def regions(number, key, title, rounds=1000, **more):
        return Workload(key, bits, title, "ns/round", rounds,
                        lambda n: [victims / "many_regions", str(number), str(n)],
                        lambda n: rf"@ regions {number}\n", looks="map", figure=r"@ ns-per-round ([0-9.]+)", **more)

    yield pairs("malloc-free", "malloc+free loop")
    yield pairs("malloc-free-deep", "malloc+free, 12 calls deep", depth=12)
    yield Workload("realloc", bits, "realloc growth, 32 B to 64 KiB", "ns/call", 100000,
                   lambda n: [here / "realloc_growth", str(n)], lambda n: rf"@ calls {n}\n",
                   figure=r"@ ns-per-call ([0-9.]+)")
    yield pairs("threads-8", "malloc+free, 8 threads", threads=8, count=4000000)
    for threads in (1, 2, 4):
        yield pairs(f"threads-{threads}", f"malloc+free, {threads} thread{'s' * (threads > 1)}", threads=threads,
                    count=4000000, own_only=True)
    yield regions(20, "map-20", "mmap+munmap, 20 regions")
    yield regions(2000, "map-2000", "mmap+munmap, 2,000 regions")
    yield regions(20000, "map-20000", "mmap+munmap, 20,000 regions")
    yield Workload("getpid", bits, "getpid, no call of the map", "ns/call", 500000,
                   lambda n: [victims / "getpid_loop", str(n)], lambda n: rf"@ calls {n}\n", looks="system call",
                   figure=r"@ ns-per-call ([0-9.]+)")


def whole_programs(bits):
    """The programs that nobody here wrote: elapsed time of the whole command, start-up and end included."""
    arch = {32: "i386", 64: "amd64"}[bits]

    def program(key, title, found, count, arguments, expected, **more):
        path, env = found or ("", {})
        why = "" if found else f"no {arch} program for it here: run make bench-deps"
        return Workload(key, bits, title, "ms", count, lambda n: [path, *arguments(n)], expected, env=env, missing=why,
                        **more)

    cat = foreign(bits, "cat")  # `true` comes from the same package
    yield program("sqlite3", "sqlite3, a table of 100,000 rows", foreign(bits, "sqlite3"), 100000, lambda n: [":memory:"],
                  lambda n: rf"rows\|{n}\n", stdin=lambda n: SQL.format(rows=n))
    yield program("python", "Python, words of 10,000 lines", foreign(bits, "python3"), 10000,
                  lambda n: [HERE / "words.py", str(n)], lambda n: f"{n} lines, {4 * n} words\n")
    yield program("perl", "Perl, words of 15,000 lines", foreign(bits, "perl"), 15000,
                  lambda n: [HERE / "words.pl", str(n)], lambda n: f"{n} lines, {4 * n} words\n")
    yield program("compile", "cc1 -O1, 20 functions", compiler(bits), 20,
                  lambda n: ["-quiet", "-O1", c_source(n), "-o", "-"], lambda n: r"\bthe_end\b")
    yield program("true", "start and end of true", cat and (cat[0].parent / "true", cat[1]), 1,
                  lambda n: [], lambda n: r"\A\Z")


@cache
def why_not(bits):
    """Why programs of that word size cannot run here; "" where they can."""
    script = ROOT / "tests" / "setup" / "kernel-runs-i386.sh"
    return "" if bits == 64 or subprocess.run([script], check=False).returncode == 0 else "this kernel runs no 32-bit programs"


def all_workloads():
    return [replace(workload, missing=workload.missing or why_not(bits))
            for bits in BITS for make in (loops, whole_programs) for workload in make(bits)]
