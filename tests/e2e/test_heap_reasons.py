"""Where the heap begins, and where it cannot go on: what the timeline and the JSON say of it is what the program itself finds."""

import re

import pytest

import running
from tracing import TOOL, run, trace

BLOCKED = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
    void *block[4];
    char line[80];
    block[0] = malloc(1000);
    char *top = sbrk(0);
    void *closed = mmap(top, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    for (int i = 1; i < 4; i++)
        block[i] = malloc(100000);
    for (int i = 0; i < 4; i++)
        write(1, line, (size_t)snprintf(line, sizeof line, "@ block %p %s\n", block[i],
                                        (char *)block[i] < top ? "below" : "elsewhere"));
    write(1, line, (size_t)snprintf(line, sizeof line, "@ closed %p %s\n", closed, closed == top ? "there" : "no"));
    write(1, line, (size_t)snprintf(line, sizeof line, "@ break %s\n", sbrk(0) == top ? "same" : "moved"));
    return 0;
}
"""

FIRST = r"""
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 2)
        sbrk(4096);
    if (argc > 1)
        mallopt(M_TOP_PAD, 0);
    char *block = argc > 3 ? memalign(256, 3000) : malloc(3000);
    return block ? 0 : 1;
}
"""

FAILS = r"""
#include <stdlib.h>
#include <sys/resource.h>
int main(void)
{
    struct rlimit limit = {400 << 20, 400 << 20};
    setrlimit(RLIMIT_AS, &limit);
    int failed = 0;
    for (int i = 0; i < 30; i++)
        failed += !malloc(500 << 20);
    return failed == 30 ? 0 : 1;
}
"""

BACKENDS = pytest.mark.parametrize("backend", ["preload", "ptrace"])


@BACKENDS
def test_the_break_is_blocked(tmp_path, programs, backend):
    program = programs.compile(tmp_path / "blocked", BLOCKED, "-w")
    traced = trace(program, tool_options=[f"--backend={backend}"])
    assert traced.said("break") == [["same"]] and traced.said("closed")[0][1] == "there"
    closed, = [e for e in traced.changes() if e["reason"]["code"] == "closed_mapped"]
    assert closed["after"]["start"] == traced.said("closed")[0][0]
    by_mmap, = [e for e in traced.changes() if e["reason"]["code"] == "heap_by_mmap"]
    reasons = {e["addr"]: e["reason"]["code"] for e in traced.of("alloc") if "reason" in e}
    for address, place in traced.said("block")[1:]:
        inside = int(by_mmap["after"]["start"], 16) < int(address, 16) < int(by_mmap["after"]["end"], 16)
        assert inside == (place == "elsewhere")
        assert place == "below" or reasons.get(address, "block_in_mapped") == "block_in_mapped"
    assert "block_in_mapped" in reasons.values()


@BACKENDS
@pytest.mark.parametrize("arguments, code", [(0, "heap_first"), (1, "heap_first_bare"), (2, "heap_first_bare"), (3, "heap_first_bare")],
                         ids=["top pad", "no top pad", "moved before", "aligned"])
@pytest.mark.parametrize("linking", [(), ("-static",)], ids=["dynamic", "static"])
def test_where_the_heap_begins(tmp_path, programs, backend, linking, arguments, code):
    """A static program's libc has moved the break before, and has allocated before main()."""
    if linking and backend == "preload":
        pytest.skip("nothing is preloaded into a static program")
    program = programs.compile(tmp_path / "first", FIRST, "-w", *linking)
    traced = trace(program, *"abc"[:arguments], tool_options=[f"--backend={backend}"])
    assert traced.status == 0
    codes = [e["reason"]["code"] for e in traced.changes() if e["cause"].get("kernel") == "brk" and e["cause"]["call"] in ("malloc", "memalign", "aligned_alloc")]
    firsts = [c for c in codes if c.startswith("heap_first")]
    assert firsts == (["heap_first"] if linking else [code]) and codes[0] == firsts[0]


@BACKENDS
def test_what_failed_stands_under_its_call(tmp_path, programs, backend):
    program = programs.compile(tmp_path / "fails", FAILS, "-w")
    timeline = running.trace(tmp_path, program, options=[f"--backend={backend}"]).timeline
    calls = re.findall(r"(?m)^ *[\d.]+ ms  malloc\(524288000\) failed: ENOMEM .*\n((?: +-> .*\n)*)", timeline)
    assert len(calls) == 2 and re.search(r"27\s+calls\s+that\s+failed", timeline)
    first = re.search(r"malloc\(524288000\) +main .*\n((?:(?! +[\d.]+ ms).*\n)*)", timeline)[1]  # it made the heap
    assert re.sub(r"\s+", " ", first).count("and then the call failed: the address space has a hole") == 1
    for under in [first[first.index("-> mmap"):], *calls]:
        lines = under.splitlines()
        assert lines[0].split()[-4:] == ["mmap(length", "512004K)", "failed:", "ENOMEM"]
        assert re.search(r"-> brk to 0x[0-9a-f]+ failed: ENOMEM$", lines[1])
    everything = run(TOOL, "--all", f"--backend={backend}", program)
    assert everything.status == 0 and len(re.findall(r"malloc\(524288000\) failed", everything.stderr)) == 29


def test_callers_are_the_same(tmp_path, programs):
    """By ptrace, and in a static program, the system call's stack goes on into malloc: the timeline names who called that."""
    source = '#include <stdlib.h>\nstatic void *take(size_t n) { return malloc(n); }\nint main(void)\n{\n    free(take(300000));\n    return 0;\n}\n'
    callers = set()
    for name, flags, backend in (("dynamic", (), "preload"), ("dynamic", (), "ptrace"), ("static", ("-static",), "ptrace")):
        program = programs.compile(tmp_path / name, source, *flags)
        timeline = running.trace(tmp_path, program, options=[f"--backend={backend}"]).timeline
        callers.add(tuple(re.sub(r" +", " ", caller) for caller in re.findall(r"(?m)^ *[\d.]+ ms  (?:malloc\(300000\)|free)\S* ?=? ?\S* +(.*)$", timeline)))
    assert callers == {("take <stdin>:2", "main <stdin>:5")}
