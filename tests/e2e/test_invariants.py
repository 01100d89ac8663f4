"""The checks that every trace goes through can fail: each finds the damage done here to a good trace."""

import copy

import pytest

import bulk_schema
import schema_check
from invariants import check_invariants
from tracing import LABS, trace


@pytest.fixture(scope="module", name="good")
def good_events():
    """With libunwind, so that there is something of the tracer that comes later."""
    return trace(LABS / "map3", "40000", tool_options=["--verify-stacks"]).events


def first(events, kind, wanted=lambda event: True):
    return next(event for event in events if event["type"] == kind and wanted(event))


def drop(kind, wanted=lambda event: True):
    """Takes an event out and numbers the rest anew."""
    def damage(events):
        events.remove(first(events, kind, wanted))
        for number, event in enumerate(events, 1):
            event["seq"] = number
    return damage


def change(kind, field, value, wanted=lambda event: True):
    """Gives a field another value; of the value before, if `value` is a function."""
    def damage(events):
        event = first(events, kind, wanted)
        event[field] = value(event.get(field)) if callable(value) else value
    return damage


def caused(call):
    return lambda event: event["cause"]["call"] == call


def move_end(region):
    return {**region, "end": hex(int(region["end"], 16) + 4096), "size": region["size"] + 4096}


def test_other_names(programs, tmp_path):
    """A mapped file may be renamed and deleted: no change of the map."""
    traced = trace(programs.victims / "renamed", tmp_path / "file", unexplained=0)
    changes = [event["change"] for event in traced.of("region")
               for region in (event["after"], event["before"]) if region and str(tmp_path) in region.get("path", "")]
    assert changes == ["added"] and traced.status == 0


def test_a_region_that_holds_two_things(programs):
    """A block of malloc's mmap right behind the .bss of a library; then it moves away. The checks know such a region."""
    traced = trace(programs.victims / "joined")
    [[bss_end]], [joined, alone] = traced.said("bss-end"), traced.said("region")
    assert int(joined[0], 16) < int(bss_end, 16) < int(joined[1], 16)
    [malloc] = traced.of("alloc", call="malloc", size=int(traced.said("malloc")[0][0]))
    [realloc] = traced.of("alloc", call="realloc", old_addr=malloc["addr"])
    assert malloc["placement"] == realloc["placement"] == "mmap" and int(malloc["addr"], 16) - int(bss_end, 16) < 4096
    for event, region in (malloc, joined), (realloc, alone):
        found = traced.map_at(event["seq"]).at(int(event["addr"], 16))
        assert [hex(found.start), hex(found.end)] == region


def test_a_guest_is_none_of_the_heap(programs):
    """What is joined excuses no other placement, and no other block."""
    events = trace(programs.victims / "joined").events
    block = next(event for event in events if event.get("call") == "malloc" and event["size"] > 1 << 19)
    for damage in {"placement": "heap"}, {"placement": "arena"}, {"addr": hex(int(block["addr"], 16) - 0x2000)}:
        assert any("its region is" in error for error in check_invariants([event if event is not block else {**event, **damage} for event in events]))


DAMAGE = {
    "seq": change("alloc", "seq", lambda seq: seq + 1),
    "region event missing": drop("region", caused("malloc")),
    "region event of the tracer missing": drop("region", caused("procmap-trace")),
    "region too large": change("region", "after", move_end, caused("malloc")),
    "wrong permissions": change("region", "after", lambda region: {**region, "perms": "r--p"}, caused("malloc")),
    "wrong delta": change("region", "delta", lambda delta: delta + 4096, caused("malloc")),
    "wrong time of a change": change("region", "t_ns", lambda time: time + 1, caused("malloc")),
    "wrong kind of change": change("region", "change", "removed", caused("malloc")),
    "cause is another event": change("region", "cause", lambda cause: {**cause, "seq": cause["seq"] - 1}, caused("malloc")),
    "unattributed": change("region", "cause", lambda cause: {"call": "unattributed"}, caused("malloc")),
    "tracer's memory changes": change("region", "cause", lambda cause: {"call": "mmap"}, caused("procmap-trace")),
    "time goes back": change("alloc", "t_ns", 1),
    "unknown stack": change("alloc", "stack_id", 4294967295),
    "stack missing": drop("stack"),
    "snapshot missing": drop("snapshot", lambda event: event["reason"] == "kernel"),
    "overlapping regions": change("snapshot", "regions", lambda regions: regions + regions[-1:],
                                  lambda event: event["reason"] == "exit"),
    "region outside of the window": change("snapshot", "hi", lambda hi: "0x2000",
                                           lambda event: event["reason"] == "kernel"),
    "block outside of the map": change("alloc", "addr", "0x10", lambda event: event["call"] == "malloc"),
    "wrong placement": change("alloc", "placement", "mmap", lambda event: event["placement"] == "heap"),
    "region of another kind": lambda events: [
        region.update(kind="lib_bss") for event in events if event["type"] == "snapshot" for region in event["regions"]
        if region["kind"] == "malloc_mmap"],
    "too little usable": change("alloc", "usable", 1, lambda event: event["call"] == "malloc"),
    "wrong ledger": change("exit", "ledger", lambda ledger: {**ledger, "explained": ledger["explained"] + 1}),
    "wrong allocations": change("exit", "allocations", lambda sums: {**sums, "live_bytes": sums["live_bytes"] + 1}),
    "wrong totals": change("exit", "totals", lambda totals: [{**total, "bytes": total["bytes"] + 1} for total in totals]),
    "a reason that nobody knows": change("region", "reason", {"code": "moon"}, caused("malloc")),
    "a reason of another change": change("region", "reason", {"code": "heap_grown"}, caused("malloc")),
    "a reason of another system call": change("region", "reason", {"code": "heap_first", "spare": 134144}, lambda event: event["reason"]["code"] == "mmap_threshold"),
    "another size": change("region", "reason", lambda reason: {**reason, "size": 160001}, lambda event: event["reason"]["code"] == "mmap_threshold"),
    "another threshold": change("region", "reason", lambda reason: {**reason, "threshold": 131073}, lambda event: event["reason"]["code"] == "mmap_threshold"),
    "a threshold that was not reached": lambda events: [
        event.update(thresholds={**event["thresholds"], "mmap": 200000}) for event in events[:1]],
    "free missing": drop("alloc", lambda event: event["call"] == "free"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(good, damage):
    events = copy.deepcopy(good)
    assert check_invariants(events) == []
    DAMAGE[damage](events)
    assert check_invariants(events) != []


@pytest.mark.parametrize("field, value", [
    ("size", -1), ("size", "400"), ("size", 1.5), ("size", True), ("addr", "400"), ("addr", "0x40\n"), ("addr", 7),
    ("addr", None), ("call", "mallok"), ("placement", "stack"), ("placement", None), ("usable", None), ("tid", 1 << 33),
    ("stack_id", 0), ("colour", "red"), ("errno", "no"), ("old_addr", "0x0")])
def test_bulk_schema_agrees(good, field, value):
    """bulk_schema finds what schema_check finds, also when it has seen many valid calls before."""
    event = first(good, "alloc", lambda event: event["call"] == "malloc" and event["placement"] == "heap")
    assert bulk_schema.event_errors(event) == []
    broken = {**event, field: value}
    assert list(schema_check.event_errors(broken)) != []
    assert bulk_schema.event_errors(broken) != []
    assert bulk_schema.event_errors({name: v for name, v in event.items() if name != "size"}) != []


def as_child(events, last):
    """The same events once more, as those of another process: image 2, exec'd by a child of the first."""
    child = copy.deepcopy(events)
    for event in child:
        event.update(image=2, pid=event["pid"] + 1, tid=event["tid"] + 1, seq=event["seq"] + last)
        if "seq" in event.get("cause", {}):
            event["cause"]["seq"] += last
    child[0].update(origin="exec", ppid=events[0]["pid"])
    return child


@pytest.fixture(name="two")
def two_images(good):
    """The program, its child's whole life, the program's exit."""
    end = copy.deepcopy(good[-1])
    end["seq"] = 2 * len(good)
    return copy.deepcopy(good[:-1]) + as_child(good, len(good) - 1) + [end]


def of_child(kind, field, value):
    return change(kind, field, value, lambda event: event["image"] == 2)


TREE_DAMAGE = {
    "image without a process event": drop("process", lambda event: event["image"] == 2),
    "image announced twice": of_child("process", "image", 1),
    "image number left out": lambda events: [event.update(image=3) for event in events if event["image"] == 2],
    "no exit of the child": drop("exit", lambda event: event["image"] == 2),
    "exit of the child twice": lambda events: events.insert(-1, {**events[-2], "seq": events[-1]["seq"]}),
    "an event after its exit": lambda events: events.append(events.pop(1)),
    "event of another process": of_child("alloc", "pid", lambda pid: pid + 1),
    "event in the wrong image": of_child("alloc", "image", 1),
    "fork that nobody knows": lambda events: next(
        event for event in events if event["type"] == "process" and event["image"] == 2).update(origin="fork", fork_id=1),
    "the first program was replaced": of_child("process", "pid", lambda pid: pid - 1),
    "thread ends that has not started": lambda events: events.insert(
        -1, {"type": "thread", "event": "end", "seq": 0, **{k: events[-1][k] for k in ("pid", "image", "t_ns")}, "tid": 1}),
}


FOUND = {
    "image without a process event": "was not announced",
    "image announced twice": "announced a second time",
    "image number left out": "is the one after",
    "no exit of the child": "images without an exit: [2]",
    "exit of the child twice": "comes after the exit",
    "an event after its exit": "comes after the exit",
    "event of another process": "is process",
    "event in the wrong image": "is process",
    "fork that nobody knows": "has no fork 1",
    "the first program was replaced": "that it replaces has not ended so",
    "thread ends that has not started": "was not there",
}


@pytest.mark.parametrize("damage", TREE_DAMAGE)
def test_damage_to_a_tree_is_found(two, damage):
    assert check_invariants(two) == []
    TREE_DAMAGE[damage](two)
    for number, event in enumerate(two, 1):
        event["seq"] = number
    assert FOUND[damage] in "\n".join(check_invariants(two))
