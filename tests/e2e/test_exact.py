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


RARE_CALLS = """
    #define _GNU_SOURCE
    #include <errno.h>
    #include <stdio.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <sys/uio.h>
    #include <unistd.h>
    #define PAGE 4096
    static int said(const char *name, long result)
    {
        printf("%s %d\\n", name, result < 0 ? errno : 0);
        return result < 0;
    }
    int main(void)
    {
        unsigned long ring = 0, node = 1;
        setvbuf(stdout, NULL, _IONBF, 0);
        char *at = mmap(0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        said("io_setup", syscall(SYS_io_setup, 64, &ring));
        said("mbind", syscall(SYS_mbind, at + PAGE, PAGE, 1 /* MPOL_PREFERRED */, &node, 64, 0));
        said("mbind", syscall(SYS_mbind, at + 3 * PAGE, PAGE, 2 /* MPOL_BIND */, &node, 64, 0));
        said("set_mempolicy_home_node", syscall(450, at + 3 * PAGE, PAGE, 0, 0));
        struct iovec ranges[2] = {{at + 5 * PAGE, PAGE}, {at + 7 * PAGE, PAGE}};
        int self = syscall(434 /* pidfd_open */, getpid(), 0);
        said("process_madvise", syscall(440, self, ranges, 2, MADV_DONTFORK, 0));
        munmap(at + 15 * PAGE, PAGE);
        ranges[0] = (struct iovec){at + 13 * PAGE, 3 * PAGE}; /* a part of it is a hole */
        said("process_madvise", syscall(440, self, ranges, 1, MADV_DONTDUMP, 0));
        said("mseal", syscall(462, at + 9 * PAGE, PAGE, 0));
        said("io_destroy", syscall(SYS_io_destroy, ring));
        char line[512];
        FILE *maps = fopen("/proc/self/maps", "r");
        puts("--- maps at the end");
        while (fgets(line, sizeof line, maps))
            fputs(line, stdout);
        return 0;
    }"""


@BACKENDS
def test_rare_calls(tmp_path, programs, backend):
    """What splits regions or maps one and is neither mmap(2) nor of its kin; one that the kernel lacks is named, too."""
    traced = traced_by(backend, programs.compile(tmp_path / "rare", RARE_CALLS))
    assert traced.status == 0 and traced.exit["ledger"]["unexplained"] == 0
    calls = [e["call"] for e in traced.events if e["type"] == "kernel"]
    told = dict(line.split() for line in traced.stdout.split("---")[0].splitlines())
    for name in told:
        assert name in calls, name
    causes = {e["cause"].get("kernel", e["cause"]["call"]) for e in traced.events if e["type"] == "region"}
    for name in ("io_setup", "io_destroy"):
        assert told[name] != "0" or name in causes, name
