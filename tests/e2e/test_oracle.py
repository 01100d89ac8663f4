"""Nothing missed: the system calls that change the map, as the trace has them and as strace reports them.

Two comparisons for each program:

* The same run: strace watches procmap-trace and the program that it runs. Call by call, with every address and
  result, the trace has what strace saw that thread do through libc.
* Without procmap-trace: strace watches the program alone. The program did the same calls as in the traced run, in the
  same order, with the same lengths, protections, flags and errors. Addresses of mmap differ (the tracer's memory is in
  the way); those of brk do not.

So with the calls of ld.so, from where the tracing has begun: when the program's libraries are loaded.
"""

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

import strace
from invariants import Map, Region
from tracing import FOLLOW, MMAP, TOOL, run, trace

pytestmark = pytest.mark.skipif(not strace.works(), reason="strace cannot trace processes here")

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

# No authorities: reading them is 400,000 events more of malloc, nothing new.
PYTHON = """
import collections, json, sqlite3, ssl, struct, zlib
ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
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

THREADS = """
import json, threading
done = []
def work(number):
    for i in range(50):
        text = json.dumps([{"number": number, "text": "x" * (i * 100)} for _ in range(100)])
        big = bytearray(200_000 + i * 10_000)
        done.append(len(json.loads(text)) + len(big))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(done))
"""

FOREIGN = {
    "sqlite3": ("sqlite3", [":memory:", SQL], {}),
    "python3": ("python3", ["-c", PYTHON], {"PYTHONHASHSEED": "0"}),
    "perl": ("perl", ["-e", PERL], {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}),
    "busybox sort": ("busybox", ["sort", "-r", "WORDS"], {}),
    "busybox awk": ("busybox", ["awk", "{ n[$1 % 1000] = n[$1 % 1000] $0 } NR == 1000 { exit } END { print length(n) }", "WORDS"], {}),
    "busybox sha256sum": ("busybox", ["sha256sum", "WORDS"], {}),
    "sort": ("sort", ["--parallel=1", "WORDS"], {}),
    "ls": ("ls", ["-l", "/usr/bin"], {}),
    "cat": ("cat", ["WORDS"], {}),
}


# Programs that start others (with --follow), each in a folder that is prepared by these commands.
REPOSITORY = """
git init -q .
for i in 1 2 3 4 5; do
    seq $i 200 >file$i && git add . && git commit -q -m "commit $i"
done
git repack -adq
"""  # repacked once: the next time finds what the one before has left
FAMILIES = {
    "git log": ("git", ["log", "--stat", "-p"], REPOSITORY),
    "git repack": ("git", ["-c", "pack.threads=1", "repack", "-adq"], REPOSITORY),
    "gcc": (None, ["gcc", "-O1", "-c", "file.c"], "echo 'int f(int x) { return x * 3; }' >file.c"),
    "sh": (None, ["sh", "-c", "ls -l | cat; (echo 1; exec echo 2); exec echo end"], ""),
}
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
       "GIT_COMMITTER_EMAIL": "a@b", "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"}


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
    that it has taken over. Those of ld.so, too, are made there when it has."""
    return ranges(traced, *(["[vdso]"] if traced.process["class"] == 32 else ["libc.so.6", "libprocmap-trace.so"]))


def tracers_own(traced):
    """Tells the calls by which procmap-trace works on its own memory (it makes some of it unlike the program's, so as
    not to merge), and those by which it changes the code of libc and ld.so."""
    own, code = Map(), Map()
    for event in traced.of("snapshot"):
        for region in map(Region, event["regions"]):
            if region["owner"] == "tracer" and event["reason"] in ("start", "tracer"):
                own.erase(region.start, region.end)
                own.paint(region)
            elif region["kind"] == "lib_code" and not code.at(region.start):
                code.paint(region)

    def is_own(call):
        if call.call in MMAP and call.args[3] == PIECE:  # its memory grows
            return True
        place = call.result if call.call in MMAP else call.args[0]
        return own.at(place) is not None or (call.call == "mprotect" and call.args[2] & EXEC and code.at(place) is not None)
    return is_own


EXEC = 4  # PROT_EXEC
PIECE = 0x4002  # MAP_PRIVATE | MAP_NORESERVE, of a file: nobody else maps so


def without_search(calls, on_tracer):
    """Without the tracer's own calls; and without the mapping of ld.so.cache around those that load a library for it."""
    own = {index for index, call in enumerate(calls) if on_tracer(call)}
    for index, call in enumerate(calls):
        if call.call in MMAP and index + 1 in own:
            end = next(i for i in range(index + 1, len(calls) + 1) if i not in own)
            if end < len(calls) and calls[end].call == "munmap" and calls[end].args == (call.result, call.args[1]):
                own |= {index, end}
    return [call for index, call in enumerate(calls) if index not in own]


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


# ---- the comparisons ----

def programs_of(images, logs):
    """[(image of the trace, its calls)]. A pid's last images are what it executed last; before its first execve it is a
    copy of its parent, or no image: a child of vfork has its parent's memory."""
    by_pid = {}
    for image in images:
        by_pid.setdefault(image.process["pid"], []).append(image)
    pairs = []
    for pid, own in by_pid.items():
        assert len(own) <= len(logs[pid]), f"process {pid} executed fewer programs than the trace has"
        pairs += zip(own, logs[pid][-len(own):])
    return pairs


def check_processes(images, logs, pid, follow):
    """Every process that strace saw, and that executed a program or is a copy of one, is in the trace."""
    traced = {image.process["pid"] for image in images}
    assert pid in traced
    if follow:
        forked = {image.process["pid"] for image in images if image.process.get("origin") == "fork"}
        seen = {one for one in strace.descendants(logs, pid) if len(logs[one]) > 1 or one in forked | {pid}}
        assert traced == seen
    else:
        assert traced == {pid}


def check_calls(image, calls, others):
    """The trace and strace of one image. `others`: the calls of all other threads and processes, by their ids."""
    libc, loader, shim = made_by_libc(image), ranges(image, *LOADERS), ranges(image, "libprocmap-trace.so")
    on_tracer = tracers_own(image)
    pid = image.process["pid"]
    by_thread = {**others, pid: calls}
    if image.process.get("origin") != "fork":
        assert loader(calls[0].ip), "the first call is ld.so's: else the addresses mean something else"
    found = 0
    for tid in strace.threads(by_thread, pid):
        theirs = [exact(call) for call in without_search(from_strace(by_thread[tid], libc), on_tracer)]
        assert difference([exact(call) for call in from_trace(image, tid)], theirs) is None, f"thread {tid}"
        past = from_strace(by_thread[tid], lambda ip: not (libc(ip) or loader(ip) or shim(ip)))
        assert not past, "calls past libc, which this comparison does not cover"
        found += len(theirs)
    assert {event["tid"] for event in image.of("kernel")} <= set(strace.threads(by_thread, pid))
    return found


def check_same_run(*command, **options):
    """The trace and strace of one and the same run."""
    with tempfile.TemporaryDirectory(prefix="procmap-trace-strace-") as directory:
        traced = trace(*command, prefix=strace.command(directory), **options)
        logs = strace.all_logs(directory)
    check_processes(traced.images, logs, traced.process["pid"], "tool_options" in options)
    last = {tid: programs[-1] for tid, programs in logs.items()}
    assert sum(check_calls(image, calls, last) for image, calls in programs_of(traced.images, logs)) > 0
    return traced


def check_alike(image, calls, ordered=True):
    """The trace of an image, and strace of the same program in another run. Not `ordered`: the program goes by the
    addresses that mmap has given it (Python's sets do), which are not the same in both runs: its calls come in another
    order, and some blocks of malloc fit where they did not. There must be about as many of each."""
    libc, loader = made_by_libc(image), ranges(image, *LOADERS)
    ours = [placeless(call) for call in from_trace(image, image.process["pid"])]
    start = 0 if image.process.get("origin") == "fork" else start_up(calls, loader)
    theirs = [placeless(call) for call in from_strace(calls[:start], libc)]
    theirs += [placeless(call) for call in from_strace(calls[start:], lambda ip: libc(ip) or loader(ip))]
    if ordered:
        assert difference(ours, theirs) is None, image.process["exe"]
    else:
        counts = [Counter(name for name, _, _ in calls) for calls in (ours, theirs)]
        for name in counts[0] | counts[1]:
            assert abs(counts[0][name] - counts[1][name]) <= 3 + counts[1][name] // 8, (name, counts)
    return len(theirs)


def check_without(*command, tool_options=(), ordered=True, **options):
    """The trace, and strace of the program alone. Processes are made in the same order in both."""
    traced = trace(*command, aslr=False, tool_options=tool_options, **options)
    alone, pid, logs = strace.witness(*command, **options)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    ours = sorted({image.process["pid"] for image in traced.images})
    theirs = [one for one in strace.descendants(logs, pid) if len(logs[one]) > 1 or one == pid] if tool_options else [pid]
    assert len(ours) == len(theirs), "another number of processes"
    pairs = programs_of(traced.images, {own: logs[other] for own, other in zip(ours, theirs)})
    assert sum(check_alike(image, calls, ordered) for image, calls in pairs) > 0
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
    traced = check_without(*command, env=environment, ordered="python" not in str(command[0]))
    assert traced.status == 0 and traced.stdout


@pytest.fixture(name="family", params=FAMILIES)
def family_program(request, foreign, programs, tmp_path):
    """([program, arguments], options): a program that starts others, in a folder with what it works on."""
    name, arguments, preparation = FAMILIES[request.param]
    if name is None and programs.bits != machine_bits(arguments[0]):
        pytest.skip("this machine's own programs have another word size")
    path, environment = foreign[name] if name else ("/usr/bin/env", {})
    environment = {**environment, **GIT}
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "git").symlink_to(path)
    setup = run("sh", "-ec", preparation, cwd=work, env={**environment, "PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert setup.status == 0, setup.stderr
    return [path, *arguments], {"env": environment, "cwd": work, "tool_options": FOLLOW}


def machine_bits(name):
    with open(shutil.which(name), "rb") as file:
        return {1: 32, 2: 64}[file.read(5)[4]]


def test_family_same_run(family):
    command, options = family
    traced = check_same_run(*command, **options)
    assert traced.status == 0
    assert all(image.exit["ledger"]["unexplained"] == 0 for image in traced.images)


def test_family_without(family):
    command, options = family
    if "gcc" in command:
        pytest.skip("how much cc1 allocates depends on addresses: it hashes pointers")
    assert check_without(*command, **options).status == 0


def test_python_with_threads_same_run(foreign):
    path, environment = foreign["python3"]
    traced = check_same_run(path, "-c", THREADS, env=environment)
    assert traced.status == 0 and len({event["tid"] for event in traced.of("kernel")}) == 9


def test_run_time_same_run(foreign):
    """Hundreds of regions, reservations of many GiB, code made at run time."""
    name = next((name for name in ("node", "java") if name in foreign), None)
    if not name:
        pytest.skip("there is none of this word size")
    path, environment = foreign[name]
    arguments = {"node": ["-e", "console.log(JSON.stringify({a: [1, 2, 3]}))"], "java": ["-Xshare:auto", "-version"]}
    traced = check_same_run(path, *arguments[name], env=environment)
    assert traced.status == 0 and len(list(traced.map_at_exit())) > 50


# ---- programs that no library can be loaded into: traced by ptrace, where strace cannot watch at the same time ----

MUSL = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(void)
{
    void *block[20];
    for (int i = 0; i < 20; i++)
        block[i] = malloc(1000 << i % 10);
    for (int i = 0; i < 20; i++)
        free(block[i]);
    char *area = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area + 4096, 4096, PROT_READ);
    munmap(area, 12288);
    puts("@ end");
    return 0;
}
"""


@pytest.fixture(scope="session", name="ptrace")
def ptrace_backend():
    if "--backend" not in run(TOOL, "--help").stdout:
        pytest.skip("this procmap-trace has no ptrace backend")


def musl_program(folder, programs, foreign, *, static):
    """A program with musl as its C library: unpacked, so the compiler is told where everything is."""
    loader = Path(foreign["musl"][0])
    root = loader.parents[2]
    [start] = root.glob("usr/lib/*-linux-musl/crt1.o")
    [include] = root.glob("usr/include/*-linux-musl")
    files = [start, start.with_name("crti.o")]
    library = [start.with_name("libc.a")] if static else [loader, f"-Wl,--dynamic-linker={loader}"]
    flags = ["-nostdinc", "-isystem", include, "-nostdlib", "-no-pie", "-fno-pie", "-fno-stack-protector"]
    return programs.compile(folder / "program", MUSL, *flags, *(["-static"] if static else []), "-x", "none", *files, *library,
                            "-lgcc", start.with_name("crtn.o"))


def without_segment(call):
    """As exact(), but the number of a System V segment counts up."""
    return exact(call) if call.call != "shmat" else (call.call, call.args[1:], call.result, call.errno)


def printed(run):
    """How many lines (names of files and processes differ). Not those of a map that a child printed: it may have been
    faster than its parent, which unmaps the child's first stack when it has executed its program (posix_spawn(3))."""
    return sum(not re.match(r"[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] ", line) for line in run.stdout.splitlines())


def witnessed(traced, *command, **options):
    """The calls of strace's run of the program alone, which must have ended as the traced one."""
    alone, pid, logs = strace.witness(*command, **options)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    assert printed(traced) == printed(alone)
    tids = strace.threads({tid: programs[-1] for tid, programs in logs.items()}, pid)
    return [call for tid in tids for call in logs[tid][-1] if call.is_change()]


def by_ptrace(*command, tool_options=(), **options):
    """The trace by ptrace, and its calls that change the map."""
    traced = trace(*command, aslr=False, tool_options=tool_options, **options)
    assert traced.process["backend"] == "ptrace" and traced.exit["ledger"]["unexplained"] == 0
    return traced, [call for tid in sorted({event["tid"] for event in traced.of("kernel")}) for call in from_trace(traced, tid)]


def check_by_ptrace(*command, **options):
    """The trace by ptrace, and strace of the program alone: here the trace has ld.so's calls, too, and nothing of the
    tracer's is in the way, so everything is the same."""
    traced, ours = by_ptrace(*command, **options)
    options.pop("tool_options", None)
    theirs = witnessed(traced, *command, **options)
    assert theirs and difference(list(map(without_segment, ours)), list(map(without_segment, theirs))) is None
    return traced


STATIC = {
    "busybox sort": ("busybox-static", ["sort", "-r", "WORDS"]),
    "busybox sh": ("busybox-static", ["sh", "-c", "x=1; for i in 1 2 3; do x=$x$x; done; echo $x"]),
}


@pytest.mark.usefixtures("ptrace")
@pytest.mark.parametrize("program", STATIC)
def test_static_busybox(foreign, words, program):
    name, arguments = STATIC[program]
    path, environment = foreign[name]
    check_by_ptrace(path, *(words if word == "WORDS" else word for word in arguments), env=environment)


@pytest.mark.usefixtures("ptrace")
def test_static_go(foreign):
    """How many threads the run time starts, and which of them asks for memory first, is up to chance: strace is asked
    until its run is such a one."""
    path, environment = foreign["gosu"]
    options = {"env": {**environment, "GOGC": "off", "GOMAXPROCS": "1"}}
    traced, ours = by_ptrace(path, "--version", **options)
    assert len(ours) > 5
    runs = (sorted(map(str, map(placeless, witnessed(traced, path, "--version", **options)))) for _ in range(100))
    assert any(theirs == sorted(map(str, map(placeless, ours))) for theirs in runs)


@pytest.mark.usefixtures("ptrace")
@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_musl(tmp_path, programs, foreign, static):
    check_by_ptrace(musl_program(tmp_path, programs, foreign, static=static))


@pytest.mark.usefixtures("ptrace")
@pytest.mark.parametrize("program", LAB_PROGRAMS, ids=" ".join)
def test_labs_by_ptrace(program, programs):
    check_by_ptrace(programs.labs / program[0], *program[1:], tool_options=["--backend=ptrace"])


@pytest.mark.usefixtures("ptrace")
def test_static_lab(programs):
    check_by_ptrace(programs.labs / "lib_cos_static")


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
