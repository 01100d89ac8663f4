"""What the timeline tells together: nothing is left out of the sums, nothing told twice, and the screen stays short."""

import re

import pytest

import running

GROWTHS = """
#include <stdlib.h>
int main(void)
{
    static void *block[20000];
    for (int i = 0; i < 20000; i++)
        block[i] = malloc(1000);
    for (int i = 0; i < 20000; i++)
        free(block[i]);
    return 0;
}
"""


def told(timeline):
    """(allocations, frees, changes) of a timeline: those told one by one, and those told together."""
    allocations = frees = changes = 0
    seen = set()
    for line in timeline.splitlines():
        header = re.match(r" *([\d.]+) ms  (malloc|calloc|realloc|free)\((.*?)\)(?: = (\w+))?", line)
        together = re.match(r" *[\d.]+ ms  \.\.\. ", line)
        more = re.match(r" *[\d.]+ ms  \w+, (\d+) times? more since", line)
        if header and header.groups() not in seen:
            seen.add(header.groups())
            allocations += header[2] != "free"
            frees += header[2] == "free"
        elif together:
            allocations += sum(map(int, re.findall(r" (\d+) allocations?", line)))
            frees += sum(map(int, re.findall(r" (\d+) frees?", line)))
        if more:
            changes += int(more[1]) - 1  # its region is a line
        changes += bool(re.match(r"[-+^v<>*~] \w+", line))
    return allocations, frees, changes


@pytest.mark.parametrize("name, lines", [("many_mallocs", 140), ("growths", 60)])
def test_sums_and_length(tmp_path, programs, name, lines):
    command = [programs.labs / name, "20000"] if name != "growths" else [programs.compile(tmp_path / name, GROWTHS)]
    traced = running.trace(tmp_path, *command)
    sums = traced.exit["allocations"]
    assert told(traced.timeline) == (sums["calls"], sums["frees"], traced.exit["ledger"]["changes"])
    assert len(traced.timeline.splitlines()) <= lines


def test_what_free_does_is_told_behind_it(tmp_path, programs):
    """The record of a free comes before it is known that the heap shrinks: nothing above its change says that there is none."""
    source = "#include <stdlib.h>\nint main(void)\n{\n    char *a = malloc(100000), *b = malloc(100000);\n    free(b);\n    free(a);\n    return 0;\n}\n"
    timeline = running.trace(tmp_path, programs.compile(tmp_path / "trims", source)).timeline
    last = timeline[timeline.index("<stdin>:6") - 100:timeline.index(" EXIT ")]
    assert "v shrunk" in last and "no change" not in last and "malloc has the 100000 bytes back" in last


def test_all_of_it(tmp_path, programs):
    """With --all each call is told by itself."""
    traced = running.trace(tmp_path, programs.labs / "many_mallocs", "300", options=["--all"])
    sums = traced.exit["allocations"]
    assert len(re.findall(r" ms  malloc\(", traced.timeline)) == sums["calls"] and " ms  ..." not in traced.timeline


def test_times_ascend(tmp_path, programs):
    """What is told together has the time of the last of it: the entries of a process are in the order of time."""
    source = """
        #include <sys/mman.h>
        #include <stdlib.h>
        #include <unistd.h>
        int main(void)
        {
            for (int i = 0; i < 50; i++) {
                void *p = mmap(0, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                free(malloc(i * 100 + 1));
                munmap(p, 1 << 20);
            }
            return 0;
        }"""
    for command in [programs.compile(tmp_path / "turns", source)], [programs.labs / "many_mallocs", "20000"]:
        timeline = running.trace(tmp_path, *command).timeline
        times = [float(time) for time in re.findall(r"^ *([\d.]+) ms  ", timeline, re.M)]
        assert times == sorted(times) and len(times) > 5
        assert re.search(r"more since \d", timeline) or command[0].name == "many_mallocs"


ARENAS = """
#include <pthread.h>
#include <stdlib.h>
static pthread_barrier_t all;
static void *work(void *unused)
{
    pthread_barrier_wait(&all);
    void *block = malloc(100);
    pthread_barrier_wait(&all);
    free(block);
    return unused;
}
int main(void)
{
    pthread_t threads[6];
    pthread_barrier_init(&all, NULL, 6);
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
"""


def test_one_call_is_one_entry(tmp_path, programs):
    """What a call did further is told below what is told of it already, not together with what other calls did."""
    traced = running.trace(tmp_path, programs.compile(tmp_path / "arenas", ARENAS, "-pthread"))
    told = 0
    for entry in re.split(r"\n(?= +[\d.]+ ms  )", traced.timeline):
        if re.match(r" +[\d.]+ ms  malloc\(100\) = .*\n +-> mmap\(", entry):
            told += 1
            assert re.search(r"\* protection .* malloc_arena ", entry), entry
    assert told
