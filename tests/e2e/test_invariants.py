"""The checks that every trace goes through can fail: each finds the damage done here to a good trace."""

import copy

import pytest

import bulk_schema
import schema_check
from invariants import check_invariants
from tracing import LABS, trace


@pytest.fixture(scope="module", name="good")
def good_events():
    return trace(LABS / "map3", "40000").events


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
    "too little usable": change("alloc", "usable", 1, lambda event: event["call"] == "malloc"),
    "wrong ledger": change("exit", "ledger", lambda ledger: {**ledger, "explained": ledger["explained"] + 1}),
    "wrong allocations": change("exit", "allocations", lambda sums: {**sums, "live_bytes": sums["live_bytes"] + 1}),
    "wrong totals": change("exit", "totals", lambda totals: [{**total, "bytes": total["bytes"] + 1} for total in totals]),
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
