"""Programs, and libraries before libc, that have functions and variables of libc's and ld.so's names: the shim uses none of
them, so they are called as often as without it, and the map is seen as ever."""

import pytest

from tracing import trace, untraced


@pytest.mark.parametrize("victim", ["own_strings", "own_interfaces", "own_library"])
@pytest.mark.parametrize("follow", [False, True], ids=["alone", "followed"])
def test_replaced_functions(programs, victim, follow):
    alone = untraced(programs.victims / victim)
    traced = trace(programs.victims / victim, tool_options=["-f"] if follow else [])
    assert (traced.status, traced.stdout, traced.stderr) == (alone.status, alone.stdout, alone.stderr)
    assert alone.said("end")
    image = traced.images[0]
    assert {event["call"] for event in image.of("kernel")} & {"mmap", "mmap2"}
    assert image.of("alloc", call="malloc")
    assert image.process["libc"].startswith("glibc 2.")


@pytest.mark.parametrize("threads", [[], ["threads"]], ids=["alone", "threads"])
def test_block_at_the_start_of_a_region(programs, threads):
    """Nothing need be readable in front of what malloc returns."""
    alone = untraced(programs.victims / "poisoned_tcache", *threads)
    traced = trace(programs.victims / "poisoned_tcache", *threads)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr) == (0, "")
    assert traced.said("end") == alone.said("end") == [["the", "page"]]
