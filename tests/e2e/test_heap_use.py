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
        assert re.search(r"heap: nothing of [\d.]+[KM] in use(; [\d.]+K at its end are free: malloc gives back from 128K on"
                         r"|; free looks whether to give memory back only when a piece of 64K or more has become free)", end)
        return
    assert heap["blocks"] == 1 and heap["used"] == int(usable) + programs.bits // 8
    assert heap["last"] == {"addr": address, "size": 2000, "behind": int(behind), "caller": "guard <stdin>:8", "pins": True}
    assert f"heap: 2.0K of {heap['bytes'] // 1024}K in use, by 1 block. {address}, from guard <stdin>:8 lies at its end: so malloc could not give back" in end


def test_free_that_does_not_look(tmp_path, programs):
    """20 MiB of blocks that are freed, and then a small one behind them: glibc does not look at the heap's end for that one."""
    source = ("#include <stdlib.h>\nint main(void)\n{\n    static char *p[2000];\n    for (int i = 0; i < 2000; i++)\n"
              "        p[i] = malloc(1000);\n    char *last = malloc(16);\n    for (int i = 0; i < 2000; i++)\n        free(p[i]);\n"
              "    free(last);\n    return 0;\n}\n")
    traced = running.trace(tmp_path, programs.compile(tmp_path / "small", source, "-w"))
    end = re.sub(r"\s+", " ", traced.timeline.split(" EXIT ")[1])
    assert traced.exit["heap"]["bytes"] > 1 << 20
    assert "in use; free looks whether to give memory back only when a piece of 64K or more has become free" in end


def test_nothing_to_give_back(tmp_path, programs):
    """Less than a page is free at the end: there is nothing that free could give back, whatever the trim threshold is."""
    source = ("#include <malloc.h>\n#include <stdlib.h>\nint main(void)\n{\n    mallopt(M_TRIM_THRESHOLD, 0);\n    mallopt(M_TOP_PAD, 0);\n"
              "    return !malloc(3000);\n}\n")
    traced = running.trace(tmp_path, programs.compile(tmp_path / "full", source, "-w"))
    end = re.sub(r"\s+", " ", traced.timeline.split(" EXIT ")[1])
    assert traced.exit["heap"]["last"]["behind"] < 4096
    assert "in use, by 1 block" in end and "free looks" not in end and "gives back" not in end
