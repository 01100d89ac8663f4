"""Nothing missed: the system calls that change the map, as the trace has them and as strace reports them.

Two comparisons for each program:

* The same run: strace watches procmap-trace and the program that it runs. Call by call, with every address and
  result, the trace has what strace saw that thread do through libc.
* Without procmap-trace: strace watches the program alone. The program did the same calls as in the traced run, in the
  same order, with the same lengths, protections, flags and errors. Addresses of mmap differ (the tracer's memory is in
  the way); those of brk do not.

ld.so makes its calls itself, where no trace of procmap-trace has them one by one: loading a library is one look at the
map behind dlopen. There the comparison is by size: what ld.so mapped and unmapped since the start-up ended.
"""

import tempfile
from pathlib import Path

import pytest

import strace
from invariants import Map, Region
from tracing import MMAP, trace

pytestmark = pytest.mark.skipif(not strace.works(), reason="strace cannot trace processes here")

LOADER_CAUSES = {"dlopen", "dlmopen", "dlclose", "ld.so"}

LAB_PROGRAMS = [["map1"], ["map2"], ["map3"], ["map3", "40000"], ["lib_cos"], ["mmap_file"], ["shared_memory"],
                ["brk_direct"], ["mprotect_split"], ["mremap_grow"], ["dlopen_lib"], ["crash"], ["many_mallocs", "20000"]]
THREADED = [["labs/threads"], ["victims/threads_stress", "4", "200"], ["victims/cxx_throw"]]
VICTIM_PROGRAMS = [["pool"], ["threshold"], ["stack_growth"], ["errno_kept"], ["early"], ["many_regions", "100", "20"]]

# A table of 100,000 rows. (Made by a recursive query, each row costs two mallocs: 200,000 events more, nothing new.)
SQL = """
create table t(i integer primary key, n integer, s text);
insert into t values (1, 7919, 'first');
""" + "insert into t select i + (select max(i) from t), i * 7919 % 65536, 'row' from t;" * 17 + """
delete from t where i > 100000;
create index n on t(n);
select count(*), sum(i) from t;
select count(*) from (select distinct n from t);
select n, count(*) from t group by n order by 2 desc, 1 limit 3;
select length(group_concat(hex(i), '')) from (select i from t order by n, i limit 3000);
"""

PYTHON = """
import collections, json, sqlite3, struct, zlib
rows = [{"i": i, "text": "x" * (i % 300)} for i in range(4000)]
text = json.dumps(rows)
assert json.loads(text) == rows
big = bytearray(3_000_000)
big.extend(b"y" * 1_000_000)
counts = collections.Counter(len(row["text"]) for row in rows)
packed = zlib.compress(text.encode())
base = sqlite3.connect(":memory:")
base.execute("create table t(a)")
base.executemany("insert into t values (?)", [(i,) for i in range(1000)])
print(len(text), len(big), len(counts), len(packed), struct.calcsize("P"))
"""

PERL = r"""
my %h;
for my $i (1 .. 4000) { $h{"key $i"} = "x" x ($i % 700); }
my @keys = sort { $a cmp $b } grep { /7/ } keys %h;
my $text = join ",", @keys;
my $found = () = $text =~ /(\d+)7/g;
my $big = "ab" x 300000;
$big =~ s/a/ccc/g;
print scalar(@keys), " $found ", length($big), "\n";
"""

FOREIGN = {
    "sqlite3": ("sqlite3", [":memory:", SQL], {}),
    "python3": ("python3", ["-c", PYTHON], {"PYTHONHASHSEED": "0"}),
    "perl": ("perl", ["-e", PERL], {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}),
    "busybox sort": ("busybox", ["sort", "-r", "WORDS"], {}),
    "busybox awk": ("busybox", ["awk", "{ n[$1 % 1000] = n[$1 % 1000] $0 } NR == 3000 { exit } END { print length(n) }", "WORDS"], {}),
    "busybox sha256sum": ("busybox", ["sha256sum", "WORDS"], {}),
    "sort": ("sort", ["--parallel=1", "WORDS"], {}),
    "ls": ("ls", ["-l", "/usr/bin"], {}),
    "cat": ("cat", ["WORDS"], {}),
}


@pytest.fixture(scope="module", name="words")
def words_file():
    with tempfile.TemporaryDirectory(prefix="procmap-trace-words-") as directory:
        path = Path(directory) / "words"
        path.write_text("".join(f"{i * 7919 % 20011} word {i}\n" for i in range(20000)))
        yield path


@pytest.fixture(name="foreign_command", params=FOREIGN)
def foreign_program(request, foreign, words):
    """([program, arguments], environment)"""
    name, arguments, more = FOREIGN[request.param]
    path, environment = foreign[name]
    return [path, *(words if word == "WORDS" else word for word in arguments)], {**environment, **more}


# ---- the calls of a run, as each witness has them ----

def ranges(traced, *paths):
    """Where the start map has code of this name, as a test of an address."""
    regions = [r for r in traced.map_at_start() if r["path"].rsplit("/", 1)[-1] in paths and "x" in r["perms"]]
    assert regions, paths
    return lambda address: any(region.start <= address < region.end for region in regions)


LOADERS = ("ld-linux.so.2", "ld-linux-x86-64.so.2")


def made_by_libc(traced):
    """Where the system calls of libc are made: on i386 in the vdso; on x86-64 in libc itself, and in the shim for those
    that it has taken over."""
    return ranges(traced, *(["[vdso]"] if traced.process["class"] == 32 else ["libc.so.6", "libprocmap-trace.so"]))


def tracers_own(traced):
    """Tells the calls by which procmap-trace works on its own memory (it makes some of it unlike the program's, so as
    not to merge), and those by which it changes the code of libc."""
    own, code = Map(), Map()
    for event in traced.of("snapshot"):
        for region in map(Region, event["regions"]):
            if region["owner"] == "tracer":
                own.erase(region.start, region.end)
                own.paint(region)
            elif region["kind"] == "lib_code" and not code.at(region.start):
                code.paint(region)
    shim = ranges(traced, "libprocmap-trace.so")

    def is_own(call):
        place = call.result if call.call in MMAP else call.args[0]
        return own.at(place) is not None or (shim(call.ip) and call.call == "mprotect" and code.at(place) is not None)
    return is_own


def from_strace(calls, where):
    return [call for call in calls if call.is_change() and where(call.ip)]


def from_trace(traced, tid):
    """The kernel events of a thread in strace's form."""
    calls = []
    for event in traced.of("kernel", tid=tid):
        args = tuple(int(arg, 16) for arg in event["args"])
        call = strace.Call(0, event["call"], args, int(event.get("result", "0x0"), 16), event.get("errno"))
        if call.is_change():
            calls.append(call)
    return calls


def exact(call):
    return call.call, call.args, call.result, call.errno


# Arguments that do not depend on where the kernel puts things.
COMPARABLE = {"brk": [0], "mmap": [1, 2, 3, 4, 5], "mmap2": [1, 2, 3, 4, 5], "munmap": [1], "mremap": [1, 2, 3], "mprotect": [1, 2],
              "madvise": [1, 2], "shmat": [2], "shmdt": []}


def placeless(call):
    return call.call, tuple(call.args[index] for index in COMPARABLE[call.call]), call.errno


def difference(ours, theirs):
    """The first place where two lists differ, readable."""
    for index, (a, b) in enumerate(zip(ours + [None] * len(theirs), theirs + [None] * len(ours))):
        if a != b:
            return f"call {index}: trace has {a}, strace has {b}; {len(ours)} and {len(theirs)} calls"
    return None


STACK_LIMIT = ("ugetrlimit", "prlimit64")  # of i386, of x86-64


def start_up(calls, loader):
    """How many calls belong to start-up. Its end: __libc_early_init asks for the limit of the stack; then ld.so
    unmaps ld.so.cache, if it had opened it, and enters the program."""
    index = next(i for i, call in enumerate(calls) if call.call in STACK_LIMIT) + 1
    if index < len(calls) and calls[index].call == "munmap" and loader(calls[index].ip):
        index += 1
    return index


def pages_of_loader(calls, loader):
    """Bytes that ld.so's calls have added to the map in all."""
    memory = set()
    for call in calls:
        if not loader(call.ip) or call.errno:
            continue
        if call.call in MMAP:
            memory |= set(range(call.result, call.result + call.args[1], 4096))
        elif call.call == "munmap":
            memory -= set(range(call.args[0], call.args[0] + call.args[1], 4096))
    return 4096 * len(memory)


# ---- the comparisons ----

def check_same_run(*command, **options):
    """The trace and strace of one and the same run."""
    with tempfile.TemporaryDirectory(prefix="procmap-trace-strace-") as directory:
        traced = trace(*command, prefix=strace.command(directory), **options)
        calls = strace.logs(directory)
    libc, loader = made_by_libc(traced), ranges(traced, *LOADERS)
    shim = ranges(traced, "libprocmap-trace.so")
    on_tracer = tracers_own(traced)
    pid = traced.process["pid"]
    assert loader(calls[pid][0].ip), "the first call is ld.so's: else the addresses mean something else"
    found = 0
    for tid in strace.threads(calls, pid):
        theirs = [exact(call) for call in from_strace(calls[tid], libc) if not on_tracer(call)]
        assert difference([exact(call) for call in from_trace(traced, tid)], theirs) is None, f"thread {tid}"
        others = from_strace(calls[tid], lambda ip: not (libc(ip) or loader(ip) or shim(ip)))
        assert not others, "calls past libc, which this comparison does not cover"
        found += len(theirs)
    assert found > 0
    assert {event["tid"] for event in traced.of("kernel")} <= set(strace.threads(calls, pid))
    return traced


def check_without(*command, **options):
    """The trace, and strace of the program alone."""
    traced = trace(*command, **options)
    alone, calls = strace.witness(*command, **options)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    libc, loader = made_by_libc(traced), ranges(traced, *LOADERS)
    assert loader(calls[0].ip)
    pid = traced.process["pid"]
    ours = [placeless(call) for call in from_trace(traced, pid)]
    theirs = [placeless(call) for call in from_strace(calls, libc)]
    assert theirs and difference(ours, theirs) is None
    loaded = pages_of_loader(calls[start_up(calls, loader):], loader)
    changes = [event for event in traced.changes() if event["cause"]["call"] in LOADER_CAUSES]
    assert sum(event["delta"] for event in changes) == loaded
    return traced


# Where a block that is aligned to more than a page starts in its mapping depends on where the mapping is, and so does
# the length that realloc asks mremap for.
PLACE_MATTERS = [["pool"]]


def ids(programs):
    return [" ".join(str(word).rsplit("/", 1)[-1] for word in program) for program in programs]


@pytest.mark.parametrize("program", LAB_PROGRAMS, ids=ids(LAB_PROGRAMS))
def test_labs_same_run(program, programs):
    check_same_run(programs.labs / program[0], *program[1:])


@pytest.mark.parametrize("program", THREADED, ids=ids(THREADED))
def test_threads_same_run(program, programs):
    check_same_run(*programs.command(program))


@pytest.mark.parametrize("program", VICTIM_PROGRAMS, ids=ids(VICTIM_PROGRAMS))
def test_victims_same_run(program, programs):
    check_same_run(programs.victims / program[0], *program[1:])


@pytest.mark.parametrize("program", LAB_PROGRAMS, ids=ids(LAB_PROGRAMS))
def test_labs_without(program, programs):
    check_without(programs.labs / program[0], *program[1:])


@pytest.mark.parametrize("program", [p for p in VICTIM_PROGRAMS if p not in PLACE_MATTERS], ids=" ".join)
def test_victims_without(program, programs):
    check_without(programs.victims / program[0], *program[1:])


def test_foreign_same_run(foreign_command):
    command, environment = foreign_command
    traced = check_same_run(*command, env=environment)
    assert traced.status == 0 and traced.stdout
    if command[1] == ":memory:":
        assert traced.stdout.startswith("100000|5000050000\n")


def test_foreign_without(foreign_command):
    command, environment = foreign_command
    traced = check_without(*command, env=environment)
    assert traced.status == 0 and traced.stdout


def test_dlopen_is_grouped(programs):
    """dlopen_lib: ld.so's calls are no kernel events, its regions are there with cause dlopen."""
    traced = check_same_run(programs.labs / "dlopen_lib")
    library = {event["after"]["path"] for event in traced.changes("dlopen", "added") if event["after"]["path"]}
    assert len(library) == 1 and "libm" in library.pop()
    mapped = {int(event["result"], 16) for event in traced.of("kernel") if event["call"] in MMAP and "result" in event}
    assert not mapped & {int(event["after"]["start"], 16) for event in traced.changes("dlopen", "added")}


def test_comparison_can_fail(programs):
    """The oracle notices a call that is missing, and one with another length."""
    traced = trace(programs.labs / "map3", "40000")
    calls = from_trace(traced, traced.process["pid"])
    assert len(calls) > 5 and difference(calls, calls) is None
    assert difference(calls[:3] + calls[4:], calls)
    longer = calls[:]
    longer[2] = strace.Call(0, calls[2].call, (*calls[2].args[:-1], calls[2].args[-1] + 4096), calls[2].result, None)
    assert difference([placeless(c) for c in longer], [placeless(c) for c in calls])
    assert difference(calls, calls[:-1])
