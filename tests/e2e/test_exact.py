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


VFORK = """
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(int n, char **v)
    {
        char *volatile block, *volatile mapped;
        pid_t child = vfork();
        if (child == 0) { /* all of this is its parent's memory */
            block = malloc(500000);
            mapped = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            mprotect(mapped, 1 << 16, PROT_READ);
            sbrk(1 << 16);
            if (n > 1)
                execl(v[1], v[1], (char *)0);
            _exit(7);
        }
        int status;
        waitpid(child, &status, 0);
        munmap(mapped, 1 << 20);
        free(block);
        printf("%d\\n", WEXITSTATUS(status));
        return 0;
    }"""


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
@pytest.mark.parametrize("arguments", [[], ["/bin/true"]], ids=["exits", "executes"])
def test_a_child_of_vfork_changes_the_map(tmp_path, programs, backend, arguments):
    """It has its parent's memory: what it maps there is explained, and the parent goes on with it."""
    program = programs.compile(tmp_path / "vforks", VFORK)
    traced = trace(program, *arguments, tool_options=[f"--backend={backend}"])
    assert traced.status == 0 and traced.stdout == ("0\n" if arguments else "7\n")
    assert traced.exit["ledger"]["unexplained"] == 0
    calls = [e["call"].rstrip("2") for e in traced.events if e["type"] == "kernel"]
    assert {"mmap", "mprotect", "brk", "munmap"} <= set(calls) and calls.count("munmap") >= 2
