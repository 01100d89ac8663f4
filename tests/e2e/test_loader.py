"""ld.so at work while the program runs: each of its system calls is seen, and told as what it is, by both backends."""

import ctypes
import os

import pytest

import strace
from programs import NO_32_BIT, PROGRAMS32
from test_oracle import check_same_run
from tracing import FOLLOW, trace

LIBRARY = "libloader_work.so"  # its constructor and destructor change the map, too
RUNS = {
    # by a name, for which dlopen(3) asks who calls (the program has a RUNPATH): the shim jumps to it
    "names": ["open=libm.so.6", f"open={LIBRARY}", "close", "close", "open=libstdc++.so.6", "close"],
    # by a path: the shim calls it
    "paths": ["open=LIB", "close", "open=LIB", "thread=LIB", "close", "close"],
    "failing": ["fails=BAD", "fails=CUT", "fails=/nonexistent/x.so", "fails=libnotthere.so.1", "open=LIB", "fails=BAD"],
    "space": ["space=LIB", "close", f"space={LIBRARY}", "close"],
    "libc": ["iconv", "exit", "iconv", "exit"],
}


@pytest.fixture(name="words", params=RUNS)
def words_of_a_run(request, programs, tmp_path):
    """The arguments. BAD: a library whose data cannot be relocated; CUT: one that is cut off."""
    library = programs.victims / LIBRARY
    code = library.read_bytes()
    cut = tmp_path / "cut.so"
    cut.write_bytes(code[:40])
    bad = programs.compile(tmp_path / "bad.so", "extern int nowhere(void); int x(void) { return nowhere(); }", "-shared", "-fPIC")
    places = {"LIB": library, "BAD": bad, "CUT": cut}
    words = []
    for word in RUNS[request.param]:
        what, _, name = word.partition("=")
        words.append(f"{what}={places.get(name, name)}" if name else what)
    return words


def of_map(lines):
    """The regions of a printed map, without the stack, which grows, and what is the kernel's own."""
    found = []
    for line in lines:
        words = line.split(None, 5)
        name = words[5] if len(words) > 5 else ""
        if not name.startswith(("[stack", "[vsyscall", "[vvar", "[vdso")):
            found.append((*(int(end, 16) for end in words[0].split("-")), words[1], name))
    return found


def check_maps(traced):
    """The map that the trace has at each place where the program prints its own, is that."""
    printed = traced.printed_maps()
    assert printed
    for number, lines in printed.items():
        [mark] = [event for event in traced.of("kernel", call="munmap", errno="EINVAL")
                  if int(event["args"][0], 16) == int(number) * 4096 + 1]
        ours = [(region.start, region.end, region["perms"], region["path"]) for region in traced.map_at(mark["seq"])]
        assert [region for region in ours if not region[3].startswith(("[stack", "[v"))] == of_map(lines), number


def check_causes(traced):
    """Whatever ld.so's own calls changed is said to be its doing."""
    by_loader = {event["seq"] for event in traced.of("kernel") if event.get("within", {}).get("by_loader")}
    libraries = [event for event in traced.changes() if "/ld.so.cache" in (event["after"] or event["before"])["path"]
                 or ".so" in (event["after"] or event["before"])["path"]]
    assert all(event["cause"]["seq"] in by_loader for event in libraries)
    assert traced.exit["ledger"]["unexplained"] == 0
    assert not traced.of("snapshot", reason="loader")


@pytest.mark.parametrize("options", [(), ("--backend=ptrace",)], ids=["preload", "ptrace"])
def test_maps_and_causes(programs, words, options):
    traced = trace(programs.victims / "loader_work", *words, tool_options=options)
    assert traced.status == 0 and all(word == ["yes"] for word in traced.said("fails"))
    check_maps(traced)
    check_causes(traced)


@pytest.mark.skipif(not strace.works(), reason="strace cannot trace processes here")
def test_calls(programs, words):
    """strace of the same run has the same calls."""
    check_same_run(programs.victims / "loader_work", *words)


def test_libraries_are_told(programs):
    """Each library that comes and goes has one event, by whichever call, with the name that the program has given."""
    library = programs.victims / LIBRARY
    traced = trace(programs.victims / "loader_work", f"open={library}", "close", "open=libm.so.6", "close", f"space={library}")
    told = [(event["name"], event["change"], event["cause"]["call"]) for event in traced.of("library")]
    assert told[:4] == [(LIBRARY, "loaded", "dlopen"), (LIBRARY, "unloaded", "dlclose"),
                        ("libm.so.6", "loaded", "dlopen"), ("libm.so.6", "unloaded", "dlclose")]
    assert told[4:] == [(LIBRARY, "loaded", "dlmopen"), ("libc.so.6", "loaded", "dlmopen")]
    names = {event["cause"]["name"] for event in traced.of("library") if event["change"] == "loaded"}
    assert names == {str(library), "libm.so.6"}


def test_constructors_calls_are_their_own(programs):
    traced = trace(programs.victims / "loader_work", f"open={programs.victims / LIBRARY}", "close")
    in_library = [event for event in traced.changes() if any(frame.get("function") in ("begin", "end")
                  and frame["module"].endswith(LIBRARY) for frame in traced.stacks.get(event["cause"].get("stack_id"), ()))]
    assert {event["cause"]["call"] for event in in_library} >= {"malloc", "mmap", "mprotect", "munmap", "free"}
    by_loader = {event["seq"] for event in traced.of("kernel") if event.get("within", {}).get("by_loader")}
    assert not by_loader & {event["cause"].get("seq") for event in in_library}


def test_a_child_goes_on(programs):
    """A child of fork has its parent's ld.so, as it was made to tell."""
    traced = trace(programs.victims / "loader_work", f"fork={programs.victims / LIBRARY}", tool_options=FOLLOW)
    [loaded] = traced.of("library", change="loaded")
    assert loaded["image"] == 2 and loaded["cause"]["call"] == "dlopen"
    assert all(image.exit["ledger"]["unexplained"] == 0 for image in traced.images)


def refuse_to_change_code():
    """PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: of Linux 6.3, for the programs executed from here, too."""
    if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
        os._exit(77)


@pytest.mark.skipif(not PROGRAMS32.run_here, reason=NO_32_BIT)
@pytest.mark.parametrize("words", [["open=libm.so.6", "close", "iconv"], [f"open={LIBRARY}"]], ids=" ".join)
def test_not_patched(words):
    """Where ld.so's code cannot be changed (in 32 bit, libc's need not be), its work is found by looks."""
    traced = trace(PROGRAMS32.victims / "loader_work", *words, preexec_fn=refuse_to_change_code)
    if traced.status == 77:
        pytest.skip("this kernel does not know PR_SET_MDWE")
    check_maps(traced)
    assert not [event for event in traced.of("kernel") if event.get("within", {}).get("by_loader")]
    assert traced.of("snapshot", reason="loader")
    assert {event["cause"]["call"] for event in traced.of("library")} >= {"dlopen"}
