"""Call stacks: what --verify-stacks finds, and the call chains that a program says it has."""


import pytest
from tracing import TOOL, run, trace, untraced

VERIFY = ["--verify-stacks"]
LEVELS = [f"{level}.{frames}" for level in ("O0", "O1", "O2", "O3") for frames in ("fp", "nofp")]
PROGRAMS = [["labs/map1"], ["labs/map2"], ["labs/map3", "1000"], ["labs/lib_cos"], ["labs/threads"], ["labs/dlopen_lib"],
            ["labs/many_mallocs", "200"], ["labs/mremap_grow"], ["labs/mmap_file"], ["victims/cxx_throw"],
            ["victims/stack_growth"], ["victims/signals", "50"], ["victims/signals", "50", "altstack"],
            ["victims/threads_stress", "4", "50"], ["victims/early"], ["victims/fork_child"], ["victims/pool"],
            ["victims/near_stack"],
            ["victims/loader_work", "iconv", "exit", "open=libm.so.6", "close", "fails=libnotthere.so.1", "space=libm.so.6"]]


def assert_verified(traced, some=True):
    """Every walk came to what libunwind says; some were made; none had to be left to libunwind."""
    stacks = traced.exit["stacks"]
    assert (stacks["mismatches"], stacks["fell_back"]) == (0, 0), stacks
    assert not some or stacks["walks"], stacks


@pytest.mark.parametrize("words", PROGRAMS, ids=" ".join)
def test_verified(programs, words, tmp_path):
    traced = trace(*programs.command(words), tool_options=VERIFY, cwd=tmp_path)
    assert_verified(traced, some=False)


def test_gaps_between_segments(programs, tmp_path):
    """The unwind tables are not in the piece of the file's addresses that the code is in."""
    source = "#include <stdlib.h>\nint main(void) { for (int i = 1; i < 20; i++) free(malloc(i)); }"
    program = programs.compile(tmp_path / "gaps", source, "-no-pie", "-Wl,--section-start=.text=0x8800000")
    assert_verified(trace(program, tool_options=VERIFY))


FOREIGN = {
    "sqlite3": [":memory:", "create table t(a,b); with recursive c(x) as (select 1 union all select x+1 from c where x<300)"
                " insert into t select x, hex(randomblob(20)) from c; select count(*) from t order by b;"],
    "python3": ["-c", "import json\nfor i in range(30): json.loads(json.dumps({'a': [i] * 5}))"],
    "perl": ["-e", 'my %h; for (1..300) {$h{$_} = "x" x $_; delete $h{$_ - 5}} print scalar(keys %h), "\n"; eval {die {}};'],
    "sort": ["/etc/services"],
    "ls": ["-l", "/usr"],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_verified(foreign, name):
    path, environment = foreign[name]
    traced = trace(path, *FOREIGN[name], env=environment, tool_options=VERIFY)
    assert_verified(traced)


def test_compiler_verified(tmp_path):
    """gcc runs cc1, as and ld, which allocate from obstacks, arenas and C++ containers."""
    source = tmp_path / "a.c"
    source.write_text("#include <stdio.h>\nint main(void) { return printf(\"x\\n\"); }\n")
    done = run(TOOL, "-f", "-q", *VERIFY, "-o", tmp_path / "timeline", "gcc", "-O2", source, "-o", tmp_path / "a")
    assert done.status == 0, done.stderr
    lines = [line for line in (tmp_path / "timeline").read_text().splitlines() if "walks of stacks verified" in line]
    assert len(lines) >= 3 and all(" 0 differ" in line for line in lines), lines


def chains(traced):
    """{name: (functions of the program that are to be on the stack, those that are)}, outermost first."""
    expected, found = {}, {}
    names = set()
    for words in traced.said("chain"):
        names |= set(words[1:])
    names |= {"tail_caller", "signals", "coroutines"}
    sizes = [words for words in traced.said("size")]
    for (name, *functions), (_, size) in zip(traced.said("chain"), sizes):
        event = traced.of("alloc", call="malloc", size=int(size))[0]
        frames = [frame.get("function") for frame in reversed(traced.stacks[event["stack_id"]])]
        found[size] = [function for function in frames if function in names]
        tail = ["tail_caller"] if "tail_caller" in frames else []
        expected[size] = [name] + [part for word in functions for part in (tail if word == "TAIL" else [word])]
        found[size].insert(0, name)
    return expected, found


@pytest.mark.parametrize("level", LEVELS)
def test_call_chains(programs, level):
    traced = trace(programs.victims / f"call_paths.{level}", tool_options=VERIFY)
    assert traced.status == 0
    assert_verified(traced)
    assert traced.exit["stacks"]["cut"], "the chains through generated code end there"
    expected, found = chains(traced)
    assert len(expected) >= 24
    assert found == expected


@pytest.mark.parametrize("level", ["O0.fp", "O2.nofp"])
def test_call_chains_unverified(programs, level):
    """The same by the short way: verifying takes the long one first."""
    traced = trace(programs.victims / f"call_paths.{level}")
    expected, found = chains(traced)
    assert found == expected
    cut = [event["frames"][-1] for event in traced.of("stack") if event.get("cut")]
    assert any("module" not in frame for frame in cut), "generated code is in no file"


LIBRARY = """
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) void *NAME(size_t size)
{
    volatile char frame[FRAME];
    frame[0] = 1;
    void *block = malloc(size + frame[0] - 1);
    frame[FRAME - 1] = 2;
    return block;
}
void *entry(size_t size) { void *block = NAME(size); memset(block, 0, 1); return block; }
"""

LOADER = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static int once(const char *path, size_t size)
{
    void *library = dlopen(path, RTLD_NOW);
    void *(*entry)(size_t) = (void *(*)(size_t))dlsym(library, "entry");
    void *base = (void *)((unsigned long)entry & ~4095ul);
    for (int i = 0; i < 3; i++)
        free(entry(size));
    printf("@ at %p\\n", base);
    return dlclose(library);
}
int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 0; i < 6; i++)
        once(argv[1 + i % 2], 5001 + i);
    return argc != 3;
}
"""


def test_another_library_at_the_same_place(programs, tmp_path):
    """Rules for code that has gone must not be used for what came in its place."""
    frames = {"first_one": 400, "other_one": 40}
    paths = [programs.compile(tmp_path / f"lib{name}.so", LIBRARY.replace("NAME", name).replace("FRAME", str(size)),
                              "-shared", "-fPIC", "-O2", "-fomit-frame-pointer", "-Wl,-z,noseparate-code")
             for name, size in frames.items()]
    program = programs.compile(tmp_path / "loader", LOADER, "-ldl")
    traced = trace(program, *paths, tool_options=VERIFY)
    assert_verified(traced)
    assert len({words[0] for words in traced.said("at")}) == 1, "not at the same place: nothing is tested"
    for i in range(6):
        for event in traced.of("alloc", call="malloc", size=5001 + i):
            functions = [frame.get("function") for frame in traced.stacks[event["stack_id"]]]
            assert functions[:4] == [list(frames)[i % 2], "entry", "once", "main"], functions


def stack_depths(traced, kind):
    return [len(traced.stacks[event["stack_id"]]) for event in traced.of(kind) if "stack_id" in event]


def test_which_stacks(programs):
    program = programs.labs / "map3"
    everything = trace(program, "40000")
    changes = trace(program, "40000", tool_options=["--stacks=changes"])
    nothing = trace(program, "40000", tool_options=["--stacks=none"])
    assert min(stack_depths(everything, "alloc")) > 3 and max(stack_depths(everything, "kernel")) > 3
    assert max(stack_depths(changes, "alloc")) == 1 and max(stack_depths(changes, "kernel")) > 3
    assert max(stack_depths(nothing, "alloc") + stack_depths(nothing, "kernel")) == 1
    for traced in (everything, changes, nothing):
        assert "libunwind" not in str(traced.of("snapshot")), "not loaded where it is not needed"


@pytest.mark.parametrize("which, most", [("all", 64), ("changes", 1), ("none", 1)])
def test_which_stacks_by_ptrace(programs, which, most):
    traced = trace(programs.labs / "map3", tool_options=["--backend=ptrace", f"--stacks={which}"])
    deepest = max(stack_depths(traced, "alloc"))
    assert deepest == 1 if most == 1 else 1 < deepest <= most
    assert (max(stack_depths(traced, "kernel")) > 1) == (which != "none")


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
def test_depth(programs, backend):
    traced = trace(programs.labs / "many_mallocs", "5", tool_options=["--stack-depth=3", f"--backend={backend}"])
    assert max(stack_depths(traced, "alloc")) == 3


@pytest.mark.parametrize("option", ["--stacks=some", "--stack-depth=0", "--stack-depth=65", "--stack-depth=3x"])
def test_wrong_option(option):
    done = run(TOOL, option, "true")
    assert done.status == 125 and option.split("=")[0] in done.stderr


def test_verified_line_of_the_timeline(programs, tmp_path):
    out = tmp_path / "timeline"
    run(TOOL, *VERIFY, "-o", out, programs.labs / "map3")
    assert " walks of stacks verified: 0 differ" in out.read_text()
    run(TOOL, "-o", out, programs.labs / "map3")
    assert "verified" not in out.read_text()


def test_replayed(programs, tmp_path):
    """The numbers are in the trace, and so in what is derived from it."""
    first = tmp_path / "trace.jsonl"
    run(TOOL, *VERIFY, "-q", f"--json={first}", programs.labs / "map3")
    shown = run(TOOL, "show", first)
    assert " walks of stacks verified: 0 differ" in shown.stdout


def test_same_output_when_verified(programs):
    program = programs.victims / "cxx_throw"
    alone, traced = untraced(program), trace(program, tool_options=VERIFY)
    assert (traced.status, traced.stdout) == (alone.status, alone.stdout)


# ---- what the program does not let be read ----

@pytest.mark.parametrize("how", ["protect", "unmap", "0", "1", "27", "255"])
def test_hidden_tables(how, programs):
    traced = trace(programs.victims / "hide_tables", how)
    assert (traced.status, traced.stdout, traced.stderr) == (0, "ok\n", "")
    frames = traced.stacks[traced.of("alloc", call="malloc", size=200001)[-1]["stack_id"]]
    assert frames[0]["function"] == "allocate"


def test_frame_pointer_to_anywhere(programs):
    """Nothing is read below the stack: it would grow, without a cause."""
    traced = trace(programs.victims / "wild_frame")
    assert (traced.status, traced.said("blocks")) == (0, [["28"]])
    assert not traced.changes("page fault")
