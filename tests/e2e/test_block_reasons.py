"""Why a block lies where it does: what the program itself sees of it, by malloc_usable_size and sbrk, is what the reasons say.

That a reason is true wherever it is given is checked of every trace (block_reasons.py)."""

import re

import pytest

import running
from tracing import trace

BLOCKS = """
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
static char said[4096];
static void say(const char *code, char *block)
{
    sprintf(said + strlen(said), "@ %s %p %zu %ld\\n", code, (void *)block, block ? malloc_usable_size(block) : 0,
            (long)((char *)sbrk(0) - block - (block ? malloc_usable_size(block) : 0)));
}
int main(int argc, char **argv)
{
    char *first = malloc(5);
    say("block_in_heap", first); /* that there was no heap before is known when the call is over */
    char *second = malloc(100);
    say("block_at_top", second);
    free(first);
    char *again = malloc(3);
    say(again == first ? "block_reuses" : "block_in_heap", again);
    char *end = malloc(40);
    say("block_at_top", end);
    char *grown = realloc(end, 3000);
    say(grown == end ? "block_grown" : "block_copied", grown);
    grown = realloc(grown, 2990);
    say("block_has_room", grown);
    malloc(16);
    grown = realloc(grown, 1000);
    say("block_cut", grown);
    char *moved = realloc(again, 500);
    say("block_copied", moved);
    say("mmap_threshold", malloc(200000));
    say("too_large", malloc(SIZE_MAX / 2 + 1));
    if (argc > 1) {
        struct rlimit limit = {400 << 20, 400 << 20};
        setrlimit(RLIMIT_AS, &limit);
        say("refused", malloc(500 << 20));
    }
    fputs(said, stdout);
    return 0;
}
"""

TAKES_ALL = """
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    size_t most = SIZE_STEP;
    while (malloc(most))
        ;
    return 0;
}
"""


@pytest.fixture(scope="module")
def blocks(tmp_path_factory, programs):
    return programs.compile(tmp_path_factory.mktemp("blocks") / "blocks", BLOCKS, "-fno-builtin", "-w")


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
def test_as_the_program_sees_it(backend, blocks):
    traced = trace(blocks, "limit", tool_options=[f"--backend={backend}"])
    calls = {}
    for event in traced.of("alloc"):
        calls.setdefault(event["addr"], []).append(event)
    for line in traced.stdout.splitlines():
        _, code, address, usable, left = line.split()
        event = calls[None if address == "(nil)" else address].pop(0)
        while event["call"] == "free" or code != "block_at_top" and event.get("reason", {}).get("code") == "block_at_top":
            event = calls[None if address == "(nil)" else address].pop(0)
        assert event["reason"]["code"] == code, line
        assert int(usable) == event.get("usable", 0)
        if code == "block_at_top":
            assert event["reason"]["left"] == int(left), line


def test_no_hole(tmp_path, programs):
    """Of a program that takes all that there is: the last one finds no place (the other word size has a terabyte at a time)."""
    step = "256 << 20" if programs.bits == 32 else "(size_t)16 << 40"
    program = programs.compile(tmp_path / "takes_all", TAKES_ALL, f"-DSIZE_STEP={step}")
    failed = [event for event in trace(program).of("alloc") if event.get("errno") == "ENOMEM"]
    assert [event["reason"]["code"] for event in failed] in (["no_hole"], ["refused"])
    assert programs.bits == 64 or failed[0]["reason"]["hole"] < 256 << 20


def test_in_words(tmp_path, programs, blocks):
    """Each of them has a sentence in the timeline, with the sizes."""
    text = re.sub(r"\s+", " ", running.trace(tmp_path, blocks, options=["--all"]).timeline)
    header = programs.bits // 8
    for words in (f"(100 bytes + {header} of header", "from the free end of the heap", "takes the place of a block of 5 bytes, freed at",
                  "stays where it is and grows to", "have room for 2990 bytes", "the rest is free now",
                  "there was not enough free room behind it", "malloc has the 5 bytes back", "PTRDIFF_MAX"):
        assert words in text, words
