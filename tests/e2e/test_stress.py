"""Much at once, and programs that take things away from themselves: each ends as without the tracer, nothing is lost.

`make soak` sets PROCMAP_TRACE_SOAK, which makes the numbers those that the tool has to stand; in `make check` they are
small. The big runs are judged by their timelines: their events would fill a disk."""

import os
import re

import pytest

import running
from running import TOOL, read_until, run, start, wait_until
from test_children import BOTH_WAYS
from tracing import FOLLOW, trace, untraced

SOAK = bool(os.environ.get("PROCMAP_TRACE_SOAK"))
THREADS, OPERATIONS, FORKS = ("64", "100000", "1000") if SOAK else ("16", "500", "60")
HOURS = {"timeout": 3600}  # a soak takes as long as it takes


def timeline_of(folder, *command, options=()):
    """The Run of a traced program and its timeline, which must say that nothing was lost and all is explained."""
    done = run(TOOL, f"--output={folder / 'timeline'}", *options, "--", *command, **HOURS)
    timeline = (folder / "timeline").read_text()
    assert "LOST" not in timeline and "unexplained" not in timeline
    assert "all explained" in timeline
    return done, timeline


def assert_as_alone(done, *command, **options):
    alone = run(*command, **{**HOURS, **options})
    assert (done.status, done.err) == (alone.status, alone.err)
    assert running.without_addresses(done.out) == running.without_addresses(alone.out)


@BOTH_WAYS
def test_threads(tmp_path, programs, options):
    done, timeline = timeline_of(tmp_path, programs.victims / "threads_stress", THREADS, OPERATIONS, options=options)
    assert (done.status, done.err) == (0, b"") and done.out.endswith(b"\n@ end\n")
    malloc, realloc, free = map(int, re.search(rb"@ total malloc (\d+) realloc (\d+) free (\d+)", done.out).groups())
    calls, frees = map(int, re.search(r"(\d+) allocations?, (\d+) frees?", timeline).groups())
    assert calls >= malloc + realloc and frees >= free  # libc allocates for its threads, too


def test_threads_that_end_at_once(tmp_path, programs):
    """Who waits for a lock is woken when it is free for him: when all were woken, each waited 100 times and more."""
    done, timeline = timeline_of(tmp_path, programs.victims / "thread_herd", "600")
    assert done.status == 0 and int(done.out) < 50


@BOTH_WAYS
@pytest.mark.parametrize("threads", ["0", "8"], ids=["one-thread", "busy-threads"])
def test_forks(tmp_path, programs, threads, options):
    command = [programs.victims / "many_forks", FORKS, threads]
    done, timeline = timeline_of(tmp_path, *command, options=options)
    assert_as_alone(done, *command)
    assert timeline.count(" EXIT ") == (1 + int(FORKS) if options else 1)


def test_forks_event_by_event(programs):
    """Each child has its own image with its own block and nobody else's."""
    traced = trace(programs.victims / "many_forks", "12", tool_options=FOLLOW)
    assert traced.status == 0 and len(traced.images) == 13
    sizes = [{event["size"] for event in image.of("alloc", call="malloc")} & set(range(5000, 5012))
             for image in traced.images]
    assert sizes[0] == set() and sorted(map(tuple, sizes[1:])) == [(5000 + number,) for number in range(12)]
    for image in traced.images[1:]:
        assert (image.exit["ledger"]["unexplained"], image.exit["ledger"]["lost"]) == (0, 0)


@BOTH_WAYS
@pytest.mark.parametrize("attempt", range(20 if SOAK else 2))
def test_exec_among_busy_threads(tmp_path, programs, attempt, options):
    """The threads are ended by the kernel wherever they are: a record may be torn, and no more than one a thread."""
    command = [programs.victims / "exec_busy", "8", "3"]
    done = run(TOOL, *running.trace_options(tmp_path), *options, *command, **HOURS)
    assert_as_alone(done, *command)
    events = running.read_events(tmp_path / "trace.jsonl")
    assert [event["end"] for event in events if event["type"] == "exit"] == ["exec"] * 3 + ["exit"]
    assert {event["reason"] for event in events if event["type"] == "loss"} <= {"torn record"}
    assert 12345 in {event.get("size") for event in events if event["type"] == "alloc" and event["image"] == 4}


@BOTH_WAYS
@pytest.mark.parametrize("stack", [[], ["altstack"]], ids=["same-stack", "own-stack"])
def test_handlers_that_allocate(tmp_path, programs, stack, options):
    count = "20000" if SOAK else "100"
    done, _ = timeline_of(tmp_path, programs.victims / "signals", count, *stack, options=options)
    assert (done.status, done.err) == (0, b"") and done.out.endswith(b"\n@ end\n")


@BOTH_WAYS
def test_stacks_that_lead_nowhere(programs, options):
    """Walked from a handler below which there is no code: memory that was readable when it was first walked."""
    traced = trace(programs.victims / "wild_jump", tool_options=options)
    assert (traced.status, traced.stdout) == (0, "@ end\n")
    assert [event["size"] for event in traced.events if event.get("call") == "malloc"].count(500000) == 6


CONFINED = ["close-range", "unshare", "chroot", "nobody", "as", "nofile", "stack", "nproc"]
NO_LOOK = {"nofile", "chroot"}  # without a descriptor, or without /proc, the map cannot be read


@BOTH_WAYS
@pytest.mark.parametrize("what", CONFINED)
def test_confined(tmp_path, programs, what, options):
    (tmp_path / "empty").mkdir()
    command = [programs.victims / "confined", what]
    alone = untraced(*command, cwd=tmp_path)
    if alone.status == 77:
        pytest.skip(f"{what} is not allowed here")
    traced = trace(*command, cwd=tmp_path, tool_options=options, lost=what in NO_LOOK,
                   unexplained=range(1000) if what in NO_LOOK else 0)
    assert (traced.status, traced.stdout, traced.stderr) == (alone.status, alone.stdout, alone.stderr)
    first = traced.images[0]
    assert [event["size"] for event in first.of("alloc", call="malloc")].count(500000) == 2
    if options and what not in NO_LOOK | {"nproc"}:
        children = [image for image in traced.images[1:] if image.process["origin"] == "fork"]
        assert len(children) >= 1


@BOTH_WAYS
def test_the_runner_is_killed(tmp_path, programs, options):
    """In the middle of forks among busy threads: parent and children go on to their ends."""
    command = [programs.victims / "many_forks", FORKS, "4"]
    out = tmp_path / "out"
    with open(out, "wb") as file, start(TOOL, "-q", f"--json={tmp_path / 't.jsonl'}", *options, *command, stdout=file) as tool:
        wait_until(lambda: (tmp_path / "t.jsonl").exists() and (tmp_path / "t.jsonl").stat().st_size > 10000, "some events")
        tool.kill()
        tool.wait(running.HANGS)
    wait_until(lambda: out.read_bytes().endswith(b"@ end\n"), "the end of the program")
    assert out.read_bytes() == run(*command).out


def test_children_of_a_stopped_runner(tmp_path, programs):
    """Nobody answers the children that want a ring: they go on without one, in time."""
    with start(TOOL, "-q", *FOLLOW, programs.victims / "children", "daemon", stdin=-1) as tool:
        read_until(tool.stdout, b"@ child daemon")
        tool.send_signal(19)
        tool.stdin.close()
        read_until(tool.stdout, b"@ daemon-end")
        tool.send_signal(18)
        assert tool.wait(running.HANGS) == 0
