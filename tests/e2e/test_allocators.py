"""Programs with another allocator than glibc's, preloaded: nothing breaks, the kernel's view is complete, and nobody
claims to know where a block is placed."""

import re

import pytest

import running
from test_observer import in_function
from tracing import trace, untraced

ALLOCATORS = ["jemalloc", "tcmalloc", "mimalloc"]
RAW_CALLS = {"tcmalloc"}  # makes system calls of its own, past libc, where they cannot be hooked


@pytest.fixture(name="allocator", params=ALLOCATORS)
def allocator_library(request, foreign):
    path, environment = foreign[request.param]
    return request.param, {**environment, "LD_PRELOAD": path}


def preloaded(allocator, *command):
    """env(1) sets the variables, so that only the program has the library."""
    name, environment = allocator
    words = ["env", *(f"{variable}={value}" for variable, value in environment.items()), *command]
    traced = trace(*words, unexplained=range(1000) if name in RAW_CALLS else 0)
    return traced, untraced(*words)


def test_threads_with_another_allocator(allocator, programs, request):
    if allocator[0] == "tcmalloc":  # its own system calls put memory right behind the tracer's, now and then
        request.applymarker(pytest.mark.xfail(strict=False, reason="the owner of what tcmalloc maps unseen is uncertain"))
    traced, alone = preloaded(allocator, programs.victims / "threads_stress", "4", "300")
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr) == (0, "")
    assert traced.said("end") == [[]]
    image = traced.images[-1]
    assert {event["placement"] for event in image.of("alloc") if event.get("placement")} <= {"unknown"}
    assert not {"malloc_mmap", "malloc_arena"} & {region["kind"] for region in image.map_at_exit()}
    [[_, mallocs, _, reallocs, _, frees]] = traced.said("total")
    counts = {call: len([e for e in image.of("alloc", call=call) if in_function(image, e, f"counted_{call}")])
              for call in ("malloc", "realloc", "free")}
    assert counts == {"malloc": int(mallocs), "realloc": int(reallocs), "free": int(frees)}


def test_the_kernels_view_is_complete(allocator, programs):
    """What changed and no event explains is said to be unattributed, and only where the library goes past libc."""
    traced, _ = preloaded(allocator, programs.labs / "many_mallocs", "3000")
    image = traced.images[-1]
    assert traced.status == 0
    assert image.process["allocator"] == allocator[1]["LD_PRELOAD"] and "allocator" not in traced.images[0].process
    unattributed = image.changes("unattributed")
    assert image.exit["ledger"]["unexplained"] == len(unattributed)
    assert allocator[0] in RAW_CALLS or not unattributed


@pytest.mark.parametrize("lab", ["map3", "mremap_grow", "dlopen_lib"])
def test_labs_with_another_allocator(allocator, programs, lab):
    traced, alone = preloaded(allocator, programs.labs / lab)
    assert (traced.status, traced.stderr) == (alone.status, alone.stderr)
    assert traced.status == 0
    assert re.sub(r"\d", "", "".join(re.findall(r"(?m)^@ \S+", traced.stdout))) == \
        re.sub(r"\d", "", "".join(re.findall(r"(?m)^@ \S+", alone.stdout)))


OWN = r"""
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
void *malloc(size_t n) { return sbrk((ptrdiff_t)((n + 15) & ~(size_t)15)); }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { void *p = malloc(n * m); memset(p, 0, n * m); return p; }
void *realloc(void *p, size_t n) { void *q = malloc(n); if (p) memcpy(q, p, n); return q; }
#ifdef TRAP /* a byte of code that is a breakpoint, by chance */
void never(void) { __asm__(".byte 0xcc"); }
#endif
int main(void)
{
    void *a = malloc(1000), *b = malloc(200000), *c = calloc(3, 100);
    printf("@ block 1000 %p\n@ block 200000 %p\n@ block 300 %p\n", a, b, c);
    free(a);
    return 0;
}
"""


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
@pytest.mark.parametrize("flags", [[], ["-DTRAP"]], ids=["", "trap"])
def test_a_malloc_of_the_programs_own(tmp_path, programs, backend, flags):
    """Nobody says of it what is so of glibc's; by ptrace its calls are seen, by preload they are said not to be."""
    program = programs.compile(tmp_path / "own", OWN, "-w", *flags)
    traced = trace(program, tool_options=[f"--backend={backend}"])
    seen = {str(e["size"]): e["addr"] for e in traced.of("alloc") if e["call"] in ("malloc", "calloc")}
    assert traced.status == 0 and traced.process["allocator"] == str(program) and traced.process["thresholds"] is None
    assert traced.process["allocator_calls"] == ("seen" if backend == "ptrace" else "unseen")
    for size, address in traced.said("block"):
        assert seen.get(size) == (address if backend == "ptrace" else None)
    timeline = running.trace(tmp_path, program, options=[f"--backend={backend}"]).timeline
    assert "it has its own malloc" in timeline and "threshold" not in timeline and "0 allocations" not in timeline
    assert ("could not be seen" in timeline) == (backend == "preload")


@pytest.mark.parametrize("words", [["mmap", "65536"], ["mmap", "1000000"], ["trim", "1000"], ["pad", "0"], ["max", "2"], ["mmap", "-1"]], ids=" ".join)
def test_mallopt_and_the_thresholds(words, programs):
    """What mallopt sets stays; the sentences and fields that speak of thresholds do (invariants.py) as glibc's source has it."""
    traced = trace(programs.victims / "mallopt_thresholds", *words)
    placements = {address: placement for address, _, placement in traced.said("block")}
    calls = {e["addr"]: e["placement"] for e in traced.of("alloc", call="malloc") if e["size"] >= 1000 and e["addr"] in placements}
    assert len(calls) == len(placements) and calls.items() <= placements.items() | calls.items()
    moved = traced.of("threshold")
    assert not [e for e in moved if e["cause"]["call"] == "free"]
    if words[0] in ("mmap", "trim") and traced.said("mallopt") == [["1"]]:
        [event] = moved
        assert event["cause"]["call"] == "mallopt"
        value = int(words[1]) % (1 << programs.bits)
        assert event[f"{words[0]}_threshold"] == value
    else:
        assert not moved


def test_a_free_moves_the_thresholds(programs):
    traced = trace(programs.victims / "threshold")
    moved = [event for event in traced.of("threshold") if event["cause"]["call"] == "free"]
    assert moved
    by_seq = {e["seq"]: e for e in traced.events}
    for event in moved:
        freed = by_seq[event["cause"]["seq"]]
        assert (freed["call"], freed["placement"]) == ("free", "mmap")
        assert event["mmap_threshold"] == freed["usable"] + 2 * programs.bits // 8
        assert event["trim_threshold"] == 2 * event["mmap_threshold"]
        assert event["cause"]["caller"] == freed["caller"]
