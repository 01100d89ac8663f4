"""--resident: bytes in memory grow by what the program touches, and are what the program itself reads of /proc/self/smaps."""

import re

import pytest

from tracing import TOOL, run, trace

PROGRAM = """\
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 1000

static char smaps[1 << 20];
static int again(int n) { return n ? again(n - 1) + 1 : 0; }

static void touch(char *p, int pages)
{
    for (int i = 0; i < pages; i++)
        p[i * PAGE] = 1;
}

static void show(void) /* as it is now, by write(2): it touches nothing */
{
    int fd = open("/proc/self/smaps", O_RDONLY);
    for (ssize_t n; (n = read(fd, smaps, sizeof smaps)) > 0;)
        if (write(1, smaps, n) != n)
            _exit(1);
    close(fd);
}

int main(void)
{
    memset(smaps, 1, sizeof smaps);
    char *p = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    touch(p, 300);
    touch(p + 300 * PAGE, 50); /* second call */
    p[400 * PAGE] = 1; /* one page */
    again(5); /* recursion */
    show();
    munmap(p, PAGES * PAGE);
    return 0;
}
"""


def line_of(text):
    return 1 + next(i for i, line in enumerate(PROGRAM.splitlines()) if text in line)


@pytest.fixture
def program(programs, tmp_path):
    return programs.compile(tmp_path / "touches", PROGRAM)


def region_of(event, size=1000 * 4096):
    """What is in memory of the mapping: of all that it is merged with, no more is touched than before."""
    return sum(r["resident"] for r in event["regions"] if r["size"] >= size and r.get("kind") == "anonymous")


def moments(traced):
    return {(e["when"], e.get("at")): e for e in traced.of("resident")}


def test_what_is_touched(program):
    one = f"<stdin>:{line_of('one page')}"
    traced = trace(program, tool_options=[f"--resident=touch,{one},main"])
    assert traced.status == 0
    found = moments(traced)
    assert [(e["when"], e.get("at")) for e in traced.of("resident")] == [
        ("start", None), ("before", "main"), ("before", "touch"), ("after", "touch"), ("before", one), ("after", one),
        ("after", "main"), ("exit", None)]
    assert region_of(found["after", "touch"]) - region_of(found["before", "touch"]) == 300 * 4096
    assert region_of(found["before", one]) - region_of(found["after", "touch"]) == 50 * 4096
    assert region_of(found["after", one]) - region_of(found["before", one]) == 4096


def test_as_the_program_reads_it(program):
    """Between the call of show() and its own reading nothing is touched but its stack and code."""
    traced = trace(program, tool_options=["--resident=show"])
    event = moments(traced)["before", "show"]
    own = {}
    for line in traced.stdout.splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            region = tuple(int(x, 16) for x in match.groups())
        elif match := re.match(r"Rss: +(\d+) kB", line):
            own[region] = int(match[1]) * 1024
    told = {(int(r["start"], 16), int(r["end"], 16)): r for r in event["regions"]}
    assert set(own) == set(told)
    for region, resident in own.items():
        if told[region].get("kind") in ("anonymous", "data", "bss", "heap"):
            assert told[region]["resident"] == resident, (region, told[region])
        else:
            assert told[region]["resident"] <= resident + 4096


def test_recursion(program):
    """The first call's return counts, not those inside."""
    traced = trace(program, tool_options=["--resident=again"])
    assert traced.status == 0 and ("after", "again") in moments(traced)


def test_the_screen(program, tmp_path):
    file = tmp_path / "trace.jsonl"
    done = run(TOOL, "--resident=touch", f"--json={file}", program, env={"COLUMNS": "100"})
    text = done.stderr
    assert re.search(r"^region +START +before +after +EXIT$", text, re.M) and re.search(r"^ +touch +touch *$", text, re.M)
    row = re.search(r"^[0-9a-f]+ anonymous +- +(\d+)K? of (\w+) +(\d+)K of (\w+) +-$", text, re.M)
    assert row and int(row[3]) - int(row[1]) == 1200 and row[2] == row[4]
    shown = run(TOOL, "show", "--resident", file, env={"COLUMNS": "100"})
    assert shown.status == 0 and shown.stdout == text
    narrow = run(TOOL, "--resident=touch,main,again", program, env={"COLUMNS": "80"}).stderr
    assert max(map(len, narrow.splitlines())) <= 80 and narrow.count("\nregion ") > 1


def test_without_debug_information(programs, tmp_path):
    program = programs.compile(tmp_path / "bare", PROGRAM, "-g0")
    found = moments(trace(program, tool_options=["--resident=touch"]))
    assert region_of(found["after", "touch"]) - region_of(found["before", "touch"]) == 300 * 4096


def test_a_moment_that_there_is_not(program):
    done = run(TOOL, "-q", "--resident=tuoch", program)
    assert done.status == 0 and 'no function or line "tuoch"' in done.stderr


def test_with_where(program):
    """Both look at the same functions."""
    traced = trace(program, tool_options=["--where", "--resident=touch,again"])
    found = moments(traced)
    assert traced.status == 0 and {("after", "touch"), ("after", "again")} <= set(found)
    values = {(e.get("function"), e["name"]): e.get("value") for e in traced.of("variable")}
    assert values["touch", "pages"] == 300 and values["again", "n"] == 5
