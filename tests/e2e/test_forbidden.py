"""A program that forbids itself system calls, or to read the processor's clock: it never gets a signal or an error that it would
not have had, and where looking ends is said."""

import layout
import pytest
from running import run, trace
from tracing import TOOL

WAYS = [["prctl", "kill"], ["seccomp", "kill"], ["tsync", "kill"], ["prctl", "trap"], ["seccomp", "errno"], ["strict", "-"], ["tsc", "-"]]
WHAT = {"strict": "strict", "tsc": "tsc"}


@pytest.fixture(params=[[], ["--follow"], ["--last-words=no"]], ids=["plain", "follow", "no-last-words"])
def options(request):
    return request.param


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_forbids(tmp_path, programs, way, options):
    command = [programs.victims / "forbids", *way]
    plain, traced = run(*command), trace(tmp_path, *command, options=options, lost=way[0] == "tsync")
    if plain.status == 77:
        pytest.skip("this kernel has no seccomp")
    assert (traced.status, traced.out, traced.err) == (plain.status, plain.out, plain.err)
    [event] = traced.of_type("forbidden")
    assert event["what"] == WHAT.get(way[0], "filter")
    following = [e["type"] for e in traced.events if e["seq"] > event["seq"] and e["tid"] == event["tid"]]
    assert set(following) <= ({"exit", "loss"} if way[0] == "tsync" else {"exit"})  # the other thread ends in the middle of it
    assert [e for e in traced.of_type("snapshot") if e["reason"] == "forbids" and e["last"] and e["seq"] < event["seq"]]
    assert traced.timeline.count("NOT LOOKED AT") == 2


@pytest.mark.parametrize("then", ["fork", "exec"])
def test_children_of_it_are_left_alone(tmp_path, programs, then):
    command = [programs.victims / "forbids", "prctl", "errno", then]
    plain, traced = run(*command), trace(tmp_path, *command, options=["--follow"])
    assert (traced.status, traced.out, traced.err) == (plain.status, plain.out, plain.err)
    assert len(traced.of_type("process")) == len(traced.of_type("forbidden")) == 1


@pytest.mark.parametrize("how", ["probe", "refused"])
def test_what_does_not_come_about_changes_nothing(tmp_path, programs, how):
    traced = trace(tmp_path, programs.victims / "forbids", how, "-")
    assert traced.status == 4
    assert not traced.of_type("forbidden") and "NOT LOOKED AT" not in traced.timeline
    assert len([e for e in traced.of_type("alloc") if e["call"] == "malloc" and e["size"] >= 200000]) == 23


def test_trace_without_a_runner(tmp_path, programs):
    """PROCMAP_TRACE_OUTPUT: the file ends with the event."""
    plain = run(programs.victims / "forbids", "prctl", "kill")
    path = tmp_path / "trace.jsonl"
    done = run("env", f"LD_PRELOAD={layout.preload(programs.shim)}", f"PROCMAP_TRACE_OUTPUT={path}",
               programs.victims / "forbids", "prctl", "kill")
    assert (done.status, done.out) == (plain.status, plain.out)
    shown = run(TOOL, "show", path)
    assert b"NOT LOOKED AT from here on" in shown.out + shown.err


def test_by_ptrace_all_is_seen(tmp_path, programs):
    traced = trace(tmp_path, programs.victims / "forbids", "prctl", "kill", options=["--backend=ptrace"])
    assert traced.status == 4
    assert len([e for e in traced.of_type("kernel") if e["call"] in ("mmap", "mmap2") and e["args"][1] == "0x10000"]) == 23
