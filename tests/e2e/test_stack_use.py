"""Who uses a stack that has grown: against what the program itself prints of its frames."""
import re

import pytest

from running import TOOL, run, trace

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int late;
static void deep(int n)
{
    char local[50000];
    memset(local, n, sizeof local);
    char line[64];
    int size = snprintf(line, sizeof line, "@ local %p\n", (void *)local);
    if (write(1, line, (size_t)size) != size)
        abort();
    if (n)
        deep(n - 1); /* recursion */
    else if (!late)
        free(malloc(10));
    local[0]++;
}
int main(int argc, char **argv)
{
    (void)argv;
    late = argc > 1;
    deep(40);
    free(malloc(10));
    return 0;
}
"""
LINE = 1 + PROGRAM.splitlines().index("        deep(n - 1); /* recursion */")


@pytest.fixture
def program(programs, tmp_path):
    return programs.compile(tmp_path / "deep", PROGRAM)


def stack_growth(traced):
    (grown,) = [e for e in traced.of_type("region") if e["change"] == "grown" and e["after"]["kind"] == "stack"]
    (use,) = traced.of_type("stack_use")
    return grown, use


def test_frames_that_use_the_stack(program, tmp_path):
    traced = trace(tmp_path, program)
    grown, use = stack_growth(traced)
    local = [int(address, 16) for address in re.findall(rb"@ local (\S+)", traced.out)]
    assert {above - below for above, below in zip(local, local[1:])} == {use["each"]}
    below = [address for address in local[:-1] if address < int(grown["before"]["start"], 16)]
    assert use["calls"] - len(below) in (0, 1)  # of one frame the locals may lie above the border, the rest below
    assert use["bytes"] == use["calls"] * use["each"]
    assert 0 < local[-1] - int(use["sp"], 16) < 4096
    assert grown["reason"] == {"code": "stack_used", "used": use["bytes"]}
    assert f"{use['calls']} calls of deep <stdin>:{LINE} use 1." in traced.timeline


def test_calls_that_have_returned(program, tmp_path):
    traced = trace(tmp_path, program, "late")
    grown, use = stack_growth(traced)
    assert grown["reason"] == {"code": "stack_returned"}
    assert "calls" not in use
    assert "calls that have returned used the stack" in traced.timeline


@pytest.mark.parametrize("arguments", [[], ["late"]])
def test_replay_tells_the_same(program, tmp_path, arguments):
    traced = trace(tmp_path, program, *arguments)
    assert run(TOOL, "show", traced.trace).out.decode() == traced.timeline


def test_limit(programs, tmp_path):
    endless = programs.compile(tmp_path / "endless", """
        #include <stdlib.h>
        int deep(int n) { volatile char local[4096]; local[0] = (char)n; return deep(n + 1) + local[0]; }
        int main(void) { return deep(0); }""")
    traced = trace(tmp_path, "sh", "-c", 'ulimit -s 1024; exec "$0"', endless, options=["--follow"])
    (grown,) = [e for e in traced.of_type("region") if e["reason"]["code"] == "stack_full"]
    size = int(grown["after"]["end"], 16) - int(grown["after"]["start"], 16)
    assert grown["reason"]["limit"] == size == 1 << 20
    assert "which has reached its limit, 1M (ulimit -s)" in " ".join(traced.timeline.split())
