"""No change of the map without its cause: whatever calls change it, how far they come, and what the kernel does by itself.

The oracle is what a program prints of its own /proc/self/maps. That the changes of each look add up, and that none is
unexplained, is checked of every trace (invariants.py)."""

import os

import pytest

from test_labs import parse_maps, without_growth
from tracing import trace, untraced

SEEDS = 1000 if os.environ.get("PROCMAP_TRACE_SOAK") else 50
BACKENDS = pytest.mark.parametrize("backend", ["preload", "ptrace"])


def traced_by(backend, *command, **options):
    return trace(*command, tool_options=[f"--backend={backend}"], **options)


def assert_map_as_printed(traced):
    """Nothing has happened after the program has printed its map, but that the stack may have grown."""
    [lines] = traced.printed_maps().values()
    printed, _ = without_growth(parse_maps(lines))
    ours, _ = without_growth(traced.map_at_exit().identities())
    assert printed == ours, set(printed) ^ set(ours)


@BACKENDS
def test_random_calls(backend, programs):
    """The same calls fail as untraced, and each change is explained; of some threads the calls mix."""
    for seed in range(1, SEEDS + 1):
        command = [programs.victims / "mfuzz", str(seed), "40", "1" if seed % 5 else "3"]
        alone, traced = untraced(*command), traced_by(backend, *command)
        assert (traced.status, traced.said("fingerprint")) == (alone.status, alone.said("fingerprint")), seed
        assert_map_as_printed(traced)
