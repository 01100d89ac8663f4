"""What the shim itself needs of the program's address space: at the start, with need, and under limits."""

import re
import resource

import pytest
from programs import PROGRAMS, ROOT
from running import run, trace
from tracing import TOOL

OWN_PAGE = ("rw-p", "4096")  # the page that the kernel clears in a child of fork
LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+) *(.*)")

PRINTS_ITS_MAP = """
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
    static char text[1 << 16];
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t n; (n = read(fd, text, sizeof text)) > 0;)
        if (write(1, text, (size_t)n) != n)
            return 1;
    return 0;
}
"""

# Each of the 2 ^ DEPTH ways down ends in malloc and free: as many call stacks.
MANY_STACKS = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
static void down(int depth, unsigned way);
static void __attribute__((noinline)) left(int depth, unsigned way) { down(depth, way); __asm__ volatile(""); }
static void __attribute__((noinline)) right(int depth, unsigned way) { down(depth, way); __asm__ volatile(""); }
static void __attribute__((noinline)) down(int depth, unsigned way)
{
    if (depth == 0) {
        char *volatile block = malloc(16 + way % 64);
        free(block);
    } else if (way & 1) {
        left(depth - 1, way >> 1);
    } else {
        right(depth - 1, way >> 1);
    }
    __asm__ volatile("");
}
int main(int argc, char **argv)
{
    int depth = atoi(argv[1]);
    if (argc > 2 && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 77;
    for (unsigned way = 0; way < 1u << depth; way++)
        down(depth, way);
    return 3;
}
"""


@pytest.fixture(scope="module")
def prints_its_map(tmp_path_factory, programs):
    return programs.compile(tmp_path_factory.mktemp("own") / "prints_its_map", PRINTS_ITS_MAP)


@pytest.fixture(scope="module")
def many_stacks(tmp_path_factory, programs):
    return programs.compile(tmp_path_factory.mktemp("own") / "many_stacks", MANY_STACKS)


def regions(out):
    """[(size, permissions, inode, path)]"""
    found = (LINE.fullmatch(line) for line in out.decode().splitlines())
    return [(int(m[2], 16) - int(m[1], 16), m[3], m[4], m[5]) for m in found]


def test_what_is_added_at_the_start(programs, prints_its_map):
    """As README.md says. The others are the same, in number and size; ld.so's notes on the library may need two pages more."""
    plain, traced = regions(run(prints_its_map).out), regions(run(TOOL, "-q", prints_its_map).out)
    loaders = [(8192, "rw-p", "0", "")]
    if len(traced) > len(plain) and traced.count(loaders[0]) == plain.count(loaders[0]) + 1:
        traced.remove(loaders[0])
    named = [region for region in traced if "procmap-trace" in region[3]]
    others = [region for region in traced if "procmap-trace" not in region[3]]
    text = re.search(r"has (\d+) regions more than without procmap-trace, of (\d+)K", (ROOT / "README.md").read_text())
    assert len(traced) - len(plain) == int(text[1]) == len(named) + 1
    size = sum(r[0] for r in traced) - sum(r[0] for r in plain)
    assert size < 2 << 20
    if programs is PROGRAMS:  # the other one's text may be a page or two longer
        assert size == sum(r[0] for r in named) + 4096
    assert abs(size - int(text[2]) * 1024) <= 64 << 10, f"README.md says {text[2]}K; it is {size // 1024}K"
    added = list(others)
    for region in plain:
        if region in added:
            added.remove(region)
    assert [(perms, str(size)) for size, perms, _, path in added if not path] == [OWN_PAGE]


def test_many_stacks(tmp_path, many_stacks):
    """More than there is room for at the start: each stack is kept, none is sent twice, none is lost."""
    traced = trace(tmp_path, many_stacks, "13")
    assert traced.status == 3
    calls = [e for e in traced.of_type("alloc") if e["call"] == "malloc"]
    assert len(calls) == len({e["stack_id"] for e in calls}) == 1 << 13
    stacks = [e["frames"][0] for e in traced.of_type("stack")]
    assert len(stacks) == len(traced.of_type("stack")) >= 1 << 13
    assert "lost" not in traced.exit or not traced.exit["lost"], traced.exit
    done = run(TOOL, "-q", many_stacks, "16")
    assert (done.status, done.err) == (3, b"")


def test_many_stacks_of_a_child(tmp_path, many_stacks):
    script = 'echo begin; "$1" 12; echo $?'
    traced = trace(tmp_path, "sh", "-c", script, "sh", many_stacks, options=["--follow"])
    assert traced.out.split() == [b"begin", b"3"]


@pytest.mark.parametrize("what", [resource.RLIMIT_AS, resource.RLIMIT_DATA], ids=["address-space", "data"])
@pytest.mark.parametrize("mib", [12, 64, 512, 4096])
def test_many_stacks_under_a_limit(tmp_path, many_stacks, what, mib):
    """Where there is no room for all stacks that is said, and the program does what it does."""
    def set_limit():
        resource.setrlimit(what, (mib << 20, mib << 20))
    traced = trace(tmp_path, many_stacks, "13", preexec_fn=set_limit, lost=True)
    assert traced.status == 3
    calls = [e for e in traced.of_type("alloc") if e["call"] == "malloc"]
    assert len(calls) == 1 << 13
    # the tables and the stacks take some 3 MiB
    assert ("stacks of" in traced.timeline) == (len({e.get("stack_id") for e in calls}) < len(calls)) == (mib < 192)


def test_many_stacks_of_a_program_that_locks_its_memory(many_stacks):
    plain = run(many_stacks, "13", "lock")
    if plain.status == 77:
        pytest.skip("memory cannot be locked here")
    assert run(TOOL, "-q", many_stacks, "13", "lock").status == plain.status == 3
