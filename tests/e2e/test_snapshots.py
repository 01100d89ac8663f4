"""The two ways to read the map, the PROCMAP_QUERY ioctl and the text of /proc/PID/maps, give the same events."""

import pytest

from tracing import trace

PROGRAMS = [["labs/map1"], ["labs/map2"], ["labs/map3", "40000"], ["labs/lib_cos"], ["labs/mmap_file"],
            ["labs/shared_memory"], ["labs/brk_direct"], ["labs/mprotect_split"], ["labs/mremap_grow"],
            ["labs/dlopen_lib"], ["labs/crash"], ["labs/many_mallocs", "3000"],
            ["victims/many_regions", "200", "20"], ["victims/stack_growth"]]

TIMES = {"t_ns", "began_ns", "wall_time_ns", "freed_ns"}
IDS = {"pid", "ppid", "tid", "stack_id", "id", "inode"}  # stack ids depend on where the shim's memory is
MODE = {"snapshots"}


def comparable(traced):
    """The events without what differs from run to run."""
    pid = str(traced.process["pid"])

    def clean(node):
        if isinstance(node, dict):
            return {name: clean(value) for name, value in node.items() if name not in TIMES | IDS | MODE}
        if isinstance(node, list):
            return [clean(item) for item in node]
        return node.replace(pid, "PID") if isinstance(node, str) and not node.startswith("0x") else node

    return [without_names(clean(without_number(event))) for event in traced.events]


def without_number(event):
    """The first argument of shmat is the number of the segment, which counts up."""
    return {**event, "args": event["args"][1:]} if event.get("call") == "shmat" and "args" in event else event


def without_names(node):
    """Files that the programs make have random or numbered names."""
    if isinstance(node, dict):
        return {name: "TEMPORARY" if name == "path" and value.startswith(("/tmp/mmap_file.", "/SYSV", "/dev/"))
                else without_names(value) for name, value in node.items()}
    return [without_names(item) for item in node] if isinstance(node, list) else node


def ids(program):
    return " ".join(str(word).rsplit("/", 1)[-1] for word in program)


@pytest.fixture(scope="module", autouse=True)
def kernel_answers_queries(programs):
    if trace(programs.labs / "map3").process["snapshots"] != "query":
        pytest.skip("this kernel has no PROCMAP_QUERY (Linux 6.11): there is only one way")


@pytest.mark.parametrize("program", PROGRAMS, ids=[ids(program) for program in PROGRAMS])
def test_same_events(program, programs):
    # The program's environment has the same size in both runs: it decides where the stack is.
    query = trace(*programs.command(program), aslr=False, env={"PROCMAP_TRACE_SNAPSHOTS": "auto"})
    text = trace(*programs.command(program), aslr=False, env={"PROCMAP_TRACE_SNAPSHOTS": "text"})
    assert query.process["snapshots"] == "query"
    assert text.process["snapshots"] == "text"
    ours, theirs = comparable(query), comparable(text)
    for a, b in zip(ours, theirs):
        assert a == b
    assert len(ours) == len(theirs)


def test_comparison_can_fail(programs):
    traced = trace(programs.labs / "map3")
    before = comparable(traced)
    snapshot = traced.of("snapshot")[-1]
    snapshot["regions"][3]["perms"] = "---p"
    assert comparable(traced) != before
