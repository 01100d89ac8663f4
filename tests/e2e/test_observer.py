"""The observer does not disturb: programs do the same with and without procmap-trace, without address space
randomisation, and what each victim's header asks of a tracer holds."""

import re
from collections import Counter

import pytest

from test_labs import parse_maps, systems
from tracing import MMAP, trace, untraced

PAGE = 4096
BOOKS_OF_LOADER = {("", pages * PAGE, "rw-p", 0) for pages in (2, 3)}
HELPER_STACK = ("", 9 * PAGE, "rw-p", 0)  # of system(): it may or may not be there while cat prints the map


def normalised(text):
    """Addresses of mmap and of the stack differ, as the tracer's memory and environment are in the way; addresses in
    the program and its heap (0x56..., 0x555...) must not."""
    text = re.sub(r"0x(f[0-9a-f]{7}|7ff[0-9a-f]{9})\b", "ADDRESS", text)
    return re.sub(r"/proc/\d+", "/proc/PID", text)


def both(*command, **options):
    """The same command traced and untraced."""
    checks = {name: options.pop(name) for name in ("lost", "unexplained") if name in options}
    return trace(*command, aslr=False, **checks, **options), untraced(*command, **options)


def assert_same(traced, alone):
    assert normalised(traced.stdout) == normalised(alone.stdout)
    assert traced.stderr == alone.stderr
    assert traced.status == alone.status


# ---- the map ----

def own_regions(traced, snapshots, printed):
    """The printed regions of a traced program without the tracer's: the model knows whose they are."""
    for seq in snapshots:
        memory = traced.map_at(seq)
        if memory.identities() == printed:
            return [region.identity() for region in memory if region["owner"] == "program"]
    raise AssertionError("the printed map is not the model's")


def is_fixed(region):
    """The kernel puts these where they are before any library is loaded, or brk grows them in place."""
    start, _, _, _, _, _, _, path = region
    return is_low(start) or path == "[stack]" or path.startswith("[v") or "ld-linux" in path


def fixed(regions):
    """Where they are must be the same. But the stack begins lower by what the tracer's variables have on it."""
    return [region for region in regions if is_fixed(region) and region[7] != "[stack]"]


def stack_of(regions):
    """Where the stack has grown to."""
    return next(region[0] for region in regions if region[7] == "[stack]")


def is_low(address):
    """In the program or its heap, as they lie without address space randomisation."""
    return address < 0x60000000 or address >> 36 == 0x555


def movable(regions):
    """Libraries and anonymous memory: what, how large, with which permissions, but not where."""
    return Counter((path, end - start, perms, offset) for start, end, perms, offset, _, _, _, path in regions
                   if not is_fixed((start, end, perms, offset, 0, 0, 0, path)))


def without_helper(counter, other):
    """The helper stack left out of a map if only this one has it."""
    if counter[HELPER_STACK] > other[HELPER_STACK]:
        counter = counter - Counter([HELPER_STACK])
    return counter


def without_books_of_loader(ours, theirs, start):
    """ld.so keeps its list of libraries and the first thread's own data in memory that it maps two pages at a time,
    or three where the rest of the two before does not do. One library more, and it may need them one time more, or in
    other sizes, long before the program starts. Whose memory that is cannot be told apart."""
    mine, real, first = (Counter({book: counter[book] for book in BOOKS_OF_LOADER}) for counter in (ours, theirs, start))
    if mine <= first and 0 <= mine.total() - real.total() <= 1:
        return ours - mine, theirs - real
    return ours, theirs


def are_alike(ours, theirs):
    """The same regions; but what merges with its neighbour in one map may have the tracer's memory beside it in the
    other: of anonymous memory that is not region by region the same, the sums by permissions must be."""
    def rest(counter):
        named, sums = Counter(), Counter()
        for (path, size, perms, offset), count in counter.items():
            if path:
                named[path, size, perms, offset] = count
            else:
                sums[perms] += size * count
        return named, sums

    return rest(ours - theirs) == rest(theirs - ours)


@pytest.mark.parametrize("program", [["map1"], ["map2"], ["map3"], ["map3", "10000"], ["map3", "40000"], ["lib_cos"]],
                         ids=" ".join)
def test_same_map(program, programs):
    traced, alone = both(programs.labs / program[0], *program[1:])
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr) == (0, "")
    theirs, ours = alone.printed_maps(), traced.printed_maps()
    assert list(ours) == list(theirs)
    for (label, lines), snapshots in zip(ours.items(), systems(traced)):
        mine = own_regions(traced, snapshots, parse_maps(lines))
        real = parse_maps(theirs[label])
        assert fixed(mine) == fixed(real), label
        assert abs(stack_of(mine) - stack_of(real)) <= PAGE, label
        start = movable(r.identity() for r in traced.map_at_start())
        a, b = movable(mine), movable(real)
        a, b = without_helper(a, b), without_helper(b, a)
        assert are_alike(a, b) or are_alike(*without_books_of_loader(a, b, start)), (label, a - b, b - a)


@pytest.mark.parametrize("program", [["map1"], ["map3", "100"], ["map3", "30000"], ["map3", "40000"]], ids=" ".join)
def test_same_heap(program, programs):
    traced, alone = both(programs.labs / program[0], *program[1:])

    def heaps(run):
        return {label: [r[:2] for r in parse_maps(lines) if r[7] == "[heap]"] for label, lines in
                run.printed_maps().items()}

    assert heaps(traced) == heaps(alone)
    assert all(len(heap) == 1 for heap in heaps(alone).values())


def test_comparison_of_maps_can_fail(programs):
    lines = untraced(programs.labs / "map1").printed_maps()["main"]
    regions = parse_maps(lines)
    library = next(i for i, region in enumerate(regions) if "libc" in region[7])
    assert movable(regions) != movable(regions[:library] + regions[library + 1:])
    start, end, *rest = regions[library]
    assert movable(regions) != movable(regions[:library] + [(start, end + PAGE, *rest)] + regions[library + 1:])


# ---- what the programs print, and how they end ----

@pytest.mark.parametrize("mode", ["plain", "close-all", "stdin"])
def test_descriptors(mode, programs):
    """The program gets the descriptor numbers that it would get."""
    traced, alone = both(programs.victims / "fds", mode)
    assert_same(traced, alone)
    assert traced.said("end") == [[]]
    blocks = [event["size"] for event in traced.of("alloc", call="malloc")]
    rounds = {"plain": 1, "close-all": 3, "stdin": 2}[mode]
    assert blocks.count(60000) == blocks.count(500000) == rounds


def test_no_descriptor_to_be_had(programs):
    """Without any descriptor the map cannot be read: events are lost, counted, and the program undisturbed."""
    traced, alone = both(programs.victims / "fds", "exhaust", lost=True)
    assert_same(traced, alone)
    assert traced.said("end") == [[]]
    assert [event["size"] for event in traced.of("alloc", call="malloc")].count(500000) == 2
    assert {event["reason"] for event in traced.of("loss")} <= {"snapshot"}


def assert_same_arguments(traced, alone):
    """The same but for the number of entries of the auxiliary vector: AT_IGNORE fills the place of the tracer's
    variables."""
    for run in (traced, alone):
        run.stdout = re.sub(r"^@ auxv entries \d+$", "@ auxv", run.stdout, flags=re.M)
    assert_same(traced, alone)
    assert "no" not in [words[-1] for words in traced.said() if words[-1:] and words[0] not in ("arg", "env")]


def test_arguments_and_environment(programs):
    traced, alone = both(programs.victims / "env_args", "a b", "", "--help", "-q",
                         env={"SOMETHING": "x=y z", "EMPTY": "", "LD_PRELOAD": None})
    assert_same_arguments(traced, alone)
    assert "LD_PRELOAD" not in traced.stdout and "PROCMAP" not in traced.stdout


def test_own_preload_stays(programs):
    """A LD_PRELOAD of the user's comes to the program as it was."""
    traced, alone = both(programs.victims / "env_args", env={"LD_PRELOAD": "libm.so.6"})
    assert_same_arguments(traced, alone)
    assert ["LD_PRELOAD=libm.so.6"] in [words[1:] for words in traced.said("env")]
    libraries = {region["path"].rsplit("/", 1)[-1] for region in traced.map_at_start() if region["owner"] == "program"}
    assert any(name.startswith("libm.so") or name.startswith("libm-") for name in libraries)


@pytest.mark.parametrize("victim", ["errno_kept", "pool", "cxx_throw", "early", "no_glibc_malloc", "threshold",
                                    "stack_growth"])
def test_same_output(victim, programs):
    traced, alone = both(programs.victims / victim)
    assert_same(traced, alone)
    assert traced.said("end") == [[]]


@pytest.mark.parametrize("arguments", [["100"], ["100", "altstack"]], ids=" ".join)
def test_signals(arguments, programs):
    """No deadlock, no event of a handler lost. How many handlers come depends on the timer, here as there."""
    traced = trace(programs.victims / "signals", *arguments)
    assert traced.status == 0 and traced.stderr == "" and traced.said("end") == [[]]
    assert traced.said("rounds") == [["some"]]
    [[_, mallocs, _, reallocs, _, frees]] = traced.said("in-handlers")
    counts = {call: len([e for e in traced.of("alloc", call=call) if in_function(traced, e, "on_timer")])
              for call in ("malloc", "realloc", "free")}
    assert counts == {"malloc": int(mallocs), "realloc": int(reallocs), "free": int(frees)}


def in_function(traced, event, *names):
    frame = traced.program_frame(event) if "stack_id" in event else None
    return frame is not None and frame.get("function") in names


def test_threads_stress(programs):
    """Exactly the calls that the program counts, and those of one address in their order."""
    traced = trace(programs.victims / "threads_stress", "6", "1500")
    assert traced.status == 0 and traced.stderr == "" and traced.said("end") == [[]]
    assert traced.said("cancelled") == [["yes"]]
    [[_, mallocs, _, reallocs, _, frees]] = traced.said("total")
    counts = {call: len([e for e in traced.of("alloc", call=call) if in_function(traced, e, f"counted_{call}")])
              for call in ("malloc", "realloc", "free")}
    assert counts == {"malloc": int(mallocs), "realloc": int(reallocs), "free": int(frees)}
    live = set()
    # realloc gives the old block back before its event is written: another thread may have got it meanwhile
    given_back = Counter(event["old_addr"] for event in traced.of("alloc") if event.get("old_addr"))
    for event in traced.of("alloc"):
        if event["call"] == "free":
            assert event["addr"] is None or event["addr"] in live, event
            live.discard(event["addr"])
            continue
        if event.get("old_addr"):
            live.discard(event["old_addr"])
            given_back[event["old_addr"]] -= 1
        assert event["addr"] not in live or given_back[event["addr"]] > 0, f"given out twice: {event}"
        live.add(event["addr"])


def test_children(programs):
    """No event of a child, whichever way it was made; the children are not disturbed."""
    traced, alone = both(programs.victims / "fork_child")
    # A thread's block with the places of its libraries' variables (dtv) is 8 bytes larger, so later blocks lie higher.
    for run in (traced, alone):
        run.stdout = re.sub(r"0x5(5555)?[0-9a-f]{7}\b", "HEAP", run.stdout)
    assert_same(traced, alone)
    assert traced.said("end") == [[]]
    kinds = {"fork", "vfork", "posix_spawn", "popen", "system", "clone", "fork-busy"}
    assert {words[0] for words in traced.said("child")} == kinds
    assert {event["pid"] for event in traced.events} == {traced.process["pid"]}
    assert not [event for event in traced.of("alloc", call="malloc") if in_function(traced, event, "child_work")]


@pytest.mark.parametrize("program", ["map1", "map3"])
def test_no_message_of_the_loader(program, programs):
    """system("cat ...") starts 64-bit children: the 32-bit shim is not for them, and nobody says so."""
    assert trace(programs.labs / program).stderr == ""


# ---- what the headers of the victims ask for ----

def said_calls(run):
    """("malloc", size, address) and ("free", None, address) of the program's "@" lines."""
    found = re.findall(r"^@ (?:malloc (\d+)|free) (0x[0-9a-f]+) line", run.stdout, re.M)
    return [("malloc", int(size), address) if size else ("free", None, address) for size, address in found]


def test_early_and_late_calls(programs):
    traced = trace(programs.victims / "early")
    phases = {"preinit", "library-constructor", "program-constructor", "main", "atexit", "program-destructor",
              "library-destructor"}
    assert {words[0] for words in traced.said("phase")} == phases
    rest = iter(traced.of("alloc"))
    for wanted in said_calls(traced):
        assert any((e["call"], e.get("size"), e["addr"]) == wanted for e in rest), f"{wanted} is not in the trace"


def test_other_allocator(programs):
    traced = trace(programs.victims / "no_glibc_malloc")
    assert traced.of("alloc") == [], "calls of an allocator that is not ours to see"
    assert traced.process["thresholds"] is None
    [[chunks]] = traced.said("chunks")
    mapped = [event for event in traced.of("kernel") if event["call"] in MMAP and int(event["args"][1], 16) == 1 << 20]
    assert len(mapped) == int(chunks)
    assert not {"malloc_mmap", "malloc_arena"} & {region["kind"] for region in traced.map_at_exit()}


def test_placement_around_the_threshold(programs):
    traced = trace(programs.victims / "threshold")
    said = re.findall(r"^@ malloc (\d+) (\S+) line \d+\n@ placement \S+ (\w+)", traced.stdout, re.M)
    rest = iter(traced.of("alloc", call="malloc"))
    for size, address, placement in said:
        event = next(e for e in rest if (e["size"], e["addr"]) == (int(size), address))
        assert event["placement"] == placement, event
    assert len(said) > 20 and {placement for *_, placement in said} == {"heap", "mmap"}
    assert [(e["param"], e["value"], e["result"]) for e in traced.of("mallopt")] == [(-3, 65536, 1), (-4, 0, 1)]


def test_own_system_calls(programs):
    """Nobody sees the calls. A change is found by any look at its place, at the latest by the whole one at exit.
    Whether there is a look at the first region while it is there depends on what the kernel puts beside it."""
    traced, alone = both(programs.victims / "own_syscalls", unexplained=range(1, 4))
    assert_same(traced, alone)
    unattributed = traced.changes("unattributed")
    _, length, address, *_ = traced.said("unattributed")[-1]
    left = next(e for e in unattributed if int(e["after"]["start"], 16) == int(address, 16))
    assert left["change"] == "added" and left["delta"] == int(length)
    assert traced.exit["ledger"]["unexplained"] == len(unattributed)
    windows = [(int(s["lo"], 16), int(s["hi"], 16)) for s in traced.of("snapshot", reason="kernel")]
    first = int(traced.said("unattributed")[0][2], 16)
    seen = len(unattributed) > 1
    assert seen or not any(lo <= first < hi for lo, hi in windows), "looked at it, and did not say so"


def test_depth_of_the_stack(programs):
    """At the first allocation after each step the trace knows how deep the stack is."""
    traced = trace(programs.victims / "stack_growth")
    steps = re.findall(r"^@ stack (\S+) (\S+)\n@ malloc (\d+) (\S+) ", traced.stdout, re.M)
    assert len(steps) == 15
    rest = iter(traced.events)
    for name, lowest, size, address in steps:
        event = next(e for e in rest if e["type"] == "alloc" and e["call"] == "malloc"
                     and (e["size"], e["addr"]) == (int(size), address))
        region = traced.map_at(event["seq"]).at(int(lowest, 16))
        assert region and region["kind"] == "stack", f"{name}: {lowest} is not in a stack region at seq {event['seq']}"
    assert {event["change"] for event in traced.changes("page fault")} == {"grown"}


MOST_OF_THE_STACK = 600  # bytes that a call of the shim may use of the program's stack


def used(run):
    """{call: the most bytes of the stack that it used}, without the first round, in which ld.so binds the functions."""
    depths = {}
    words = run.said("used")
    for call, depth in words[len(words) // 3:]:
        depths[call] = max(depths.get(call, 0), int(depth))
    return depths


@pytest.mark.parametrize("stacks", ["all", "none"])
def test_use_of_the_stack(stacks, programs):
    program = programs.victims / "stack_use"
    alone = used(untraced(program))
    traced = used(trace(program, tool_options=[f"--stacks={stacks}"]))
    assert len(alone) >= 20
    more = {call: traced[call] - alone[call] for call in alone}
    assert max(more.values()) <= MOST_OF_THE_STACK, more


def test_small_signal_stack(programs):
    """What suffices without the tracer, and what it may use, suffices."""
    program = programs.victims / "small_altstack"
    [[needed]] = untraced(program, "65536").said("used")
    traced = trace(program, str(int(needed) + MOST_OF_THE_STACK))
    assert traced.status == 0 and traced.stderr == ""


def test_unaligned_stack(programs):
    traced = trace(programs.victims / "unaligned")
    assert (traced.status, traced.stdout, traced.stderr) == (0, "win\n", "")
