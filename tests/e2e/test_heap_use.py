"""What is said of the heap at the end is what the program finds by malloc_usable_size(3), sbrk(2) and its own addresses."""

import re

import pytest

import running

PINNED = r"""
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char *make(int size) { return malloc(size); }
static char *guard(void) { return malloc(2000); }
int main(int argc, char **argv)
{
    static char *block[300];
    char line[200];
    for (int i = 0; i < 300; i++)
        block[i] = make(2000);
    char *last = argc > 1 ? guard() : NULL;
    for (int i = 0; i < 300; i++)
        free(block[i]);
    char *end = sbrk(0);
    char *behind = last ? last + malloc_usable_size(last) : NULL;
    write(1, line, (size_t)snprintf(line, sizeof line, "@ heap %p %zu %zu\n", (void *)last, last ? malloc_usable_size(last) : 0,
                                    last ? (size_t)(end - behind) : 0));
    (void)argv;
    return 0;
}
"""


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
@pytest.mark.parametrize("pinned", [False, True], ids=["free", "pinned"])
def test_what_keeps_the_heap(tmp_path, programs, backend, pinned):
    program = programs.compile(tmp_path / "pinned", PINNED, "-w")
    traced = running.trace(tmp_path, program, *["yes"] * pinned, options=[f"--backend={backend}"])
    address, usable, behind = re.search(r"@ heap (\S+) (\d+) (\d+)", traced.out.decode()).groups()
    heap, end = traced.exit["heap"], re.sub(r"\s+", " ", traced.timeline.split(" EXIT ")[1])
    if not pinned:
        assert heap["blocks"] == heap["used"] == 0 and "last" not in heap
        assert "heap: nothing of " in end
        return
    assert heap["blocks"] == 1 and heap["used"] == int(usable) + programs.bits // 8
    assert heap["last"] == {"addr": address, "size": 2000, "behind": int(behind), "caller": "guard <stdin>:8", "pins": True}
    assert f"heap: 2.0K of {heap['bytes'] // 1024}K in use, by 1 block. {address}, from guard <stdin>:8 lies at its end: so malloc could not give back" in end
