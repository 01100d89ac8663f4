"""The lab programs say with "@" lines what they did; the trace says the same (tests/labs/README.md has the lines)."""

import re

import pytest

from invariants import Map, Region
from tracing import MMAP, trace

STACK = {"local", "local_uninitialised", "parameter", "local_of_f", "big_first", "big_last", "local_of_main"}
CODE = {"main", "f", "f2"}


def numbers(*words):
    return [int(word, 0) for word in words]


def line_of(words):
    """N of the words "... line N"."""
    assert words[-2] == "line", words
    return int(words[-1])


def find(events, wanted, what):
    """The first of the events that fits, and the rest behind it: so the order is the program's."""
    for index, event in enumerate(events):
        if wanted(event):
            return event, events[index + 1:]
    raise AssertionError(f"not in the trace, or not in this order: {what}")


def at_line(traced, event, line):
    """The call was made by the program at this line."""
    return "stack_id" in event and traced.line(event) == line


# ---- allocator calls ----

def check_allocations(traced, ordered=True):
    """Each "@ malloc SIZE ADDR line N" and "@ free ADDR line N" is an event with that size, address and line.
    Not `ordered`: several threads print."""
    said = [line.split()[1:] for line in traced.stdout.splitlines() if re.match("@ (malloc|free) ", line)]
    assert said
    rest = traced.of("alloc")
    for call, *words in said:
        line = line_of(words)
        size, address = numbers(*words[:2]) if call == "malloc" else (None, int(words[0], 0))
        event, behind = find(rest, lambda e: e["call"] == call and e.get("size") == size and e["addr"]
                             and int(e["addr"], 16) == address and at_line(traced, e, line), (call, *words))
        rest = behind if ordered else rest
    return said


@pytest.mark.parametrize("program", [["map3"], ["map3", "40000"], ["crash"], ["many_mallocs", "400", "verbose"]],
                         ids=" ".join)
def test_allocations(program, programs):
    traced = trace(programs.labs / program[0], *program[1:])
    check_allocations(traced)
    own = [event for event in traced.of("alloc") if traced.calls_itself(event)]
    said = [line for line in traced.stdout.splitlines() if re.match("@ (malloc|free) ", line)]
    assert len(own) == len(said), "calls of the program itself that it did not print"


def test_crash_keeps_what_was(programs):
    traced = trace(programs.labs / "crash")
    assert traced.status == -11
    assert traced.exit["status"] is None and traced.exit["signal"] == "SIGSEGV"
    assert {100, 50000, 300000} <= {event["size"] for event in traced.of("alloc", call="malloc")}
    assert traced.map_at_exit().at(0) is None


def test_many_mallocs_counts(programs):
    traced = trace(programs.labs / "many_mallocs", "20000")
    [(_, mallocs, _, frees, _, size, _, big)] = traced.said("total")
    own = {call: [event for event in traced.of("alloc", call=call) if traced.calls_itself(event)]
           for call in ("malloc", "free")}
    assert len(own["malloc"]) == int(mallocs)
    assert sum(event["size"] for event in own["malloc"]) == int(size)
    assert sum(event["size"] >= 128 * 1024 for event in own["malloc"]) == int(big)
    assert len([event for event in own["free"] if event["addr"]]) == int(frees)
    assert {traced.program_frame(event)["function"] for event in own["malloc"]} == {"innermost"}


# ---- changes of the map by system calls ----

def kernel_event(traced, rest, calls, args, result, line, what):
    """The kernel event of one of the calls with these first arguments (None: any), result and line."""
    def fits(event):
        return (event["call"] in calls and at_line(traced, event, line)
                and all(a is None or int(b, 16) == a for a, b in zip(args, event["args"]))
                and (result is None or int(event.get("result", "0x0"), 16) == result))
    return find(rest, fits, what)


def changes_of(traced, kernel, cause, line):
    """The region changes of a system call, each with its cause complete."""
    events = [event for event in traced.changes() if event["cause"].get("seq") == kernel["seq"]]
    assert events, f"no region event for {kernel}"
    for event in events:
        assert event["cause"]["call"] in cause
        assert event["cause"]["kernel"] == kernel["call"]
        assert re.search(rf" \w+\.[ch]:{line}\b", event["cause"]["caller"]), event["cause"]
    return events


def maps_around(traced, kernel, changes):
    """The map before a system call and after its changes."""
    return traced.map_at(kernel["seq"]), traced.map_at(changes[-1]["seq"])


def check_mmap(traced, rest, words):
    length, address = numbers(*words[:2])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, set(MMAP), [None, length], address, line, words)
    changes = changes_of(traced, kernel, {"mmap"}, line)
    before, after = maps_around(traced, kernel, changes)
    assert before.at(address) is None and before.at(address + length - 1) is None
    assert after.at(address) is after.at(address + length - 1) is not None
    assert sum(event["delta"] for event in changes) == length
    return rest


def check_munmap(traced, rest, words):
    address, length = numbers(*words[:2])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"munmap"}, [address, length], 0, line, words)
    changes = changes_of(traced, kernel, {"munmap"}, line)
    before, after = maps_around(traced, kernel, changes)
    assert before.at(address) and after.at(address) is None and after.at(address + length - 1) is None
    assert sum(event["delta"] for event in changes) == -length
    return rest


def check_brk(traced, rest, words):
    old, new = numbers(*words[:2])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"brk"}, [new], new, line, words)
    assert int(kernel["old_brk"], 16) == old
    [change] = changes_of(traced, kernel, {"brk", "sbrk"}, line)
    assert change["change"] == ("grown" if new > old else "shrunk")
    assert change["delta"] == new - old
    assert change["after"]["kind"] == "heap" and int(change["after"]["end"], 16) == new
    return rest


def check_mprotect(traced, rest, words):
    address, length, protection = numbers(*words[:3])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"mprotect"}, [address, length, protection], 0, line, words)
    changes = changes_of(traced, kernel, {"mprotect"}, line)
    _, after = maps_around(traced, kernel, changes)
    perms = "".join(letter if protection & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4)))
    assert after.at(address)["perms"] == perms + "p"
    assert sum(event["delta"] for event in changes) == 0
    return rest


def check_mremap(traced, rest, words):
    old, old_length, new, new_length = numbers(*words[:4])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"mremap"}, [old, old_length, new_length], new, line, words)
    changes = changes_of(traced, kernel, {"mremap"}, line)
    _, after = maps_around(traced, kernel, changes)
    assert after.at(new) is after.at(new + new_length - 1) is not None
    if old != new:
        assert after.at(old) is None
    assert sum(event["delta"] for event in changes) == new_length - old_length
    return rest


def check_shmat(traced, rest, words):
    length, address = numbers(*words[:2])
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"shmat"}, [], address, line, words)
    [change] = changes_of(traced, kernel, {"shmat"}, line)
    assert change["change"] == "added" and change["delta"] == length
    assert change["after"]["kind"] == "shared_memory" and change["after"]["path"].startswith("/SYSV")
    return rest


def check_shmdt(traced, rest, words):
    line = line_of(words)
    kernel, rest = kernel_event(traced, rest, {"shmdt"}, numbers(words[0]), 0, line, words)
    [change] = changes_of(traced, kernel, {"shmdt"}, line)
    assert change["change"] == "removed"
    return rest


SYSTEM_CALLS = {"mmap": check_mmap, "munmap": check_munmap, "brk": check_brk, "mprotect": check_mprotect,
                "mremap": check_mremap, "shmat": check_shmat, "shmdt": check_shmdt}


@pytest.mark.parametrize("program", ["mmap_file", "shared_memory", "brk_direct", "mprotect_split", "mremap_grow"])
def test_system_calls(program, programs):
    traced = trace(programs.labs / program)
    assert traced.status == 0
    rest, seen = traced.of("kernel"), 0
    for line in traced.stdout.splitlines():
        at, *words = line.split() or [""]
        if at == "@" and words[0] in SYSTEM_CALLS:
            rest = SYSTEM_CALLS[words[0]](traced, rest, words[1:])
            seen += 1
    assert seen >= 4


def test_mapped_file_kind(programs):
    traced = trace(programs.labs / "mmap_file")
    [[name]] = traced.said("file")
    added = [event["after"] for event in traced.changes("mmap", "added")]
    assert [(region["path"], region["perms"], region["offset"], region["kind"]) for region in added] == [
        (name, "rw-s", 0, "mapped_file"), (name, "r--p", 4096, "mapped_file"), (name, "rw-p", 0, "mapped_file")]


def test_shared_memory_kind(programs):
    traced = trace(programs.labs / "shared_memory")
    added = [event["after"] for event in traced.changes(change="added") if event["after"]["kind"] == "shared_memory"]
    assert [region["perms"] for region in added] == ["rw-s"] * 3
    assert len({region["path"].split("-")[0] for region in added}) == 3


def test_mprotect_splits_and_merges(programs):
    changes = trace(programs.labs / "mprotect_split").changes("mprotect")
    split = next(event for event in changes if event["change"] == "split")
    assert [part["perms"] for part in split["parts"]] == ["rw-p", "r--p", "rw-p"]
    merged = next(event for event in changes if event["change"] == "merged")
    assert [part["perms"] for part in merged["parts"]] == ["rw-p", "r--p", "rw-p"]
    assert merged["delta"] == split["delta"] == 0


def test_dlopen(programs):
    traced = trace(programs.labs / "dlopen_lib")
    [[name, *opened]], [[_, *closed]] = traced.said("dlopen"), traced.said("dlclose")
    loading, removed = traced.changes("dlopen"), traced.changes("dlclose")
    [library, unloaded] = traced.of("library")
    assert library["change"] == "loaded" and unloaded["change"] == "unloaded" and library["bytes"] == unloaded["bytes"]
    assert {region["kind"] for region in library["regions"]} >= {"lib_code", "lib_rodata", "lib_data"}
    assert all(event["cause"]["name"] == name for event in loading)
    assert {event["change"] for event in removed} == {"removed"}
    assert sum(event["delta"] for event in loading + removed) == 0
    for events, words in ((loading, opened), (removed, closed)):
        for event in events:
            assert event["cause"]["caller"].startswith(f"main dlopen_lib.c:{line_of(words)}")
    [[_, address]] = [words for words in traced.said("addr") if words[0] == "cos"]
    loaded = traced.map_at(loading[-1]["seq"]).at(int(address, 16))
    assert loaded["kind"] == "lib_code" and "libm" in loaded["path"]


def test_threads(programs):
    traced = trace(programs.labs / "threads")
    check_allocations(traced, ordered=False)
    memory = traced.map_at_exit()
    gone = Map(Region(event["before"]) for event in traced.changes(change="removed"))  # glibc keeps up to 40M of stacks
    for name, address in traced.said("addr"):
        region = memory.at(int(address, 16)) or gone.at(int(address, 16))
        assert region["kind"] == ("stack" if name == "local_of_main" else "thread_stack"), (name, str(region))
    lines = {line_of(words) for words in traced.said("thread")}
    created = traced.changes("pthread_create")
    assert {event["cause"]["caller"].split(" -> ")[0] for event in created} == {f"main threads.c:{n}" for n in lines}
    assert {"thread_stack", "guard"} <= {event["after"]["kind"] for event in created}
    tids = {event["tid"] for event in traced.of("alloc", call="malloc", placement="arena")}
    assert len(tids) == 3 and traced.process["pid"] not in tids


# ---- the map that the program prints itself ----

def parse_maps(lines):
    """Lines of /proc/PID/maps as (start, end, perms, offset, dev_major, dev_minor, inode, path)."""
    regions = []
    for line in lines:
        match = re.fullmatch(r"(\w+)-(\w+) (\S+) (\w+) (\w+):(\w+) (\d+) *(.*)", line)
        if match:
            start, end, perms, offset, major, minor, inode, path = match.groups()
            regions.append((int(start, 16), int(end, 16), perms, int(offset, 16), int(major, 16), int(minor, 16),
                            int(inode), path))
    return regions


def systems(traced):
    """For each call of system(): the seq of the snapshots in it, those of a grown stack among them. In between the child
    prints the map."""
    calls = []
    for event in traced.of("snapshot"):
        if event["reason"] in ("kernel", "stack") and event.get("within", {}).get("call") == "system":
            before = traced.events[event["seq"] - 2]
            if event["reason"] == "kernel":
                assert before["type"] == "kernel" and before["tid"] == event["tid"]
                if before["call"] in MMAP:
                    calls.append([])
            calls[-1].append(event["seq"])
    return calls


def without_growth(identities):
    """The regions without where the stack begins, and that."""
    begins = [identity[0] for identity in identities if identity[-1] == "[stack]"]
    return [(None, *identity[1:]) if identity[-1] == "[stack]" else identity for identity in identities], begins


@pytest.mark.parametrize("aslr", [False, True], ids=["no-aslr", "aslr"])
@pytest.mark.parametrize("program", [["map1"], ["map2"], ["map3"], ["map3", "40000"], ["lib_cos"]], ids=" ".join)
def test_printed_maps(program, aslr, programs):
    """While cat prints the map, the child's helper stack goes away: the map is the one before or after that. The stack
    may grow before or after it is printed, at no call at all, and is seen at the next look."""
    traced = trace(programs.labs / program[0], *program[1:], aslr=aslr)
    printed, calls = traced.printed_maps(), systems(traced)
    assert len(printed) == len(calls) > 0
    for (label, lines), snapshots in zip(printed.items(), calls):
        regions, printed_begin = without_growth(parse_maps(lines))
        assert len(regions) > 15
        candidates, begins = zip(*[without_growth(traced.map_at(seq).identities()) for seq in snapshots])
        assert regions in candidates, (label, set(regions) ^ set(candidates[-1]))
        assert printed_begin in begins


@pytest.mark.parametrize("program", ["map1", "map2", "lib_cos"])
def test_kinds_of_addresses(program, programs):
    traced = trace(programs.labs / program)
    memory = traced.map_at_exit()
    said = dict(traced.said("addr"))
    assert len(said) >= 3
    for name, address in said.items():
        kind = memory.at(int(address, 16))["kind"]
        if name in STACK:
            assert kind == "stack", name
        elif name in CODE:
            assert kind == "code", name
        elif name in ("cos", "printf"):
            assert kind == "lib_code", name
        else:
            assert kind in {"data"} if name == "initialised" else {"data", "bss"}, name
    if program != "lib_cos":
        assert memory.at(int(said["uninitialised_last"], 16))["kind"] == "bss"


def test_stack_growth(programs):
    """The array has 4 MiB, of which some lie in what the stack has in reserve: the kernel's map says how much."""
    traced = trace(programs.labs / "map2")
    grown = [event for event in traced.changes("page fault") if event["after"]["kind"] == "stack"]
    assert grown and {event["change"] for event in grown} == {"grown"}
    first = int(dict(traced.said("addr"))["big_first"], 16)
    big = next(event for event in grown if int(event["after"]["start"], 16) <= first)
    assert int(big["before"]["start"], 16) > first
    assert big["delta"] >= 4 * 1024 * 1024 - big["before"]["size"]
    assert big["seq"] < systems(traced)[1][-1], "seen only after the program had printed the map"
    stack = {label: total(parse_maps(lines), lambda region: region[7] == "[stack]")
             for label, lines in traced.printed_maps().items()}
    assert stack["in-f2"] - stack["before-f2"] == sum(event["delta"] for event in grown) > 0
    assert stack["after-f2"] == stack["in-f2"], "the stack never shrinks"


# ---- map3: where does malloc find room? ----

def total(regions, wanted):
    return sum(region[1] - region[0] for region in regions if wanted(region))


@pytest.mark.parametrize("count", [100, 1000, 10000, 20000, 30000, 40000])
def test_map3_placement(count, programs):
    traced = trace(programs.labs / "map3", count)
    printed = {label: parse_maps(lines) for label, lines in traced.printed_maps().items()}
    [[size, address, *_]] = traced.said("malloc")
    size, address = numbers(size, address)
    malloc = next(e for e in traced.of("alloc", call="malloc", size=size) if int(e["addr"], 16) == address)
    free = next(e for e in traced.of("alloc", call="free") if e["seq"] > malloc["seq"] and e["addr"] == malloc["addr"])

    home = next(region for region in printed["after-malloc"] if region[0] <= address < region[1])
    in_heap = home[7] == "[heap]"
    assert malloc["placement"] == ("heap" if in_heap else "mmap")
    assert in_heap == (count < 40000)  # 128 KiB are 32768 ints, less two words of malloc's own
    assert home == traced.map_at(malloc["seq"]).at(address).identity()

    def heap(label):
        return total(printed[label], lambda region: region[7] == "[heap]")

    def told(cause, kinds):
        return sum(e["delta"] for e in traced.changes() if e["cause"].get("seq") == cause["seq"]
                   and (e["after"] or e["before"])["kind"] in kinds)

    assert told(malloc, {"heap"}) == heap("after-malloc") - heap("before-malloc")
    assert told(free, {"heap"}) == heap("after-free") - heap("after-malloc")
    own = {"malloc_mmap", "anonymous"}
    assert told(malloc, own) == (0 if in_heap else programs.mmapped_size(size))
    assert told(free, own) == -told(malloc, own)
    if not in_heap:
        assert not [region for region in printed["after-free"] if region[0] <= address < region[1]]
