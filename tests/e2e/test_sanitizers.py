"""Programs built with a sanitizer, by gcc and by clang: they do, and report, what they do and report untraced."""

import re
import shutil
import subprocess

import pytest

import strace
from running import environment, run
from tracing import ROOT, TOOL

SOURCE = ROOT / "tests" / "victims" / "sanitized.c"
FLAGS = {
    "address": ["-fsanitize=address"],
    "address, shared": ["-fsanitize=address", "-shared-libasan"],  # as gcc has it by default
    "thread": ["-fsanitize=thread"],
    "undefined": ["-fsanitize=undefined"],
    "leak": ["-fsanitize=leak"],
    "memory": ["-fsanitize=memory"],
}
MODES = {
    "address": ["clean", "overflow", "leak"],
    "address, shared": ["clean", "overflow"],
    "thread": ["clean", "race"],
    "undefined": ["clean", "undefined"],
    "leak": ["clean", "leak"],
    "memory": ["clean", "uninitialised"],
}
BUILDS = [("gcc", "address"), ("gcc", "thread"), ("gcc", "undefined"), ("gcc", "leak"), ("clang", "address"),
          ("clang", "address, shared"), ("clang", "thread"), ("clang", "undefined"), ("clang", "leak"),
          ("clang", "memory")]
ONLY_64_BIT = {("gcc", "thread"), ("gcc", "leak"), ("clang", "thread"), ("clang", "memory")}
WAYS = {
    "alone": lambda program, mode: [TOOL, "-q", "--", program, mode],
    "child": lambda program, mode: [TOOL, "-q", "-f", "--", "sh", "-c", f"{program} {mode}; exit $?"],
}


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: "-".join(build).replace(", ", "-"))
def sanitized(request, programs, tmp_path_factory):
    """A program, and the modes that are of interest."""
    compiler, sanitizer = request.param
    if programs.bits == 32 and request.param in ONLY_64_BIT:
        pytest.skip("there is no such sanitizer for 32-bit programs")
    program = tmp_path_factory.mktemp("sanitized") / "program"
    flags = FLAGS[sanitizer]
    if "-shared-libasan" in flags:
        runtime = {32: "i386", 64: "x86_64"}[programs.bits]
        found = subprocess.run([compiler, f"-print-file-name=libclang_rt.asan-{runtime}.so"], check=True,
                               capture_output=True, text=True).stdout.strip()
        flags = [*flags, f"-Wl,-rpath,{found.rpartition('/')[0]}"]
    subprocess.run([compiler, f"-m{programs.bits}", "-g", "-O0", *flags, SOURCE, "-o", program, "-pthread"], check=True)
    return program, MODES[sanitizer]


def plain_environment(**changes):
    """Without what the tool's own sanitizers are told, and without a library of the layout: some want to be the first."""
    return environment(**{"ASAN_OPTIONS": None, "UBSAN_OPTIONS": None, "LD_PRELOAD": None, **changes})


def comparable(err):
    """Addresses and the numbers of processes and threads differ from run to run. With -f the tool may say that it waits for
    a sanitizer's child, which looks names up."""
    lines = [line for line in err.splitlines() if not line.startswith(b"procmap-trace: the program has ended; ")]
    # whether the other thread still runs when it is reported is chance
    return [re.sub(rb"0x[0-9a-f]+|\d+|(?<=, )(running|finished)(?=\))", b"#", line) for line in lines]


def as_untraced(command, alone, env):
    traced, plain = run(*command, env=env), run(*alone, env=env)
    assert traced.status == plain.status
    assert traced.out == plain.out
    assert comparable(traced.err) == comparable(plain.err)
    return plain


@pytest.mark.skipif(not strace.works(), reason="processes cannot be traced here")
def test_leak_sanitizer_by_ptrace(sanitized, tmp_path):
    """It traces the program itself, which only one process can do: it ends as under strace, and does not wait for ever."""
    program, modes = sanitized
    if "leak" not in modes:
        pytest.skip("leaks are not looked for")
    ours, other = [TOOL, "-q", "--backend=ptrace", "--", program, "clean"], ["strace", "-f", "-o", tmp_path / "log", program, "clean"]
    as_untraced(ours, other, plain_environment())
    without = plain_environment()
    without["LSAN_OPTIONS"] = without["ASAN_OPTIONS"] = "detect_leaks=0"
    assert as_untraced(ours, [program, "clean"], without).status == 0


@pytest.mark.parametrize("way", WAYS)
def test_sanitized_programs(sanitized, way):
    program, modes = sanitized
    for mode in modes:
        plain = as_untraced(WAYS[way](program, mode), [program, mode], plain_environment())
        assert plain.out == f"{mode}\n".encode()
        assert bool(re.search(rb"(?i)error|warning", plain.err)) == (mode != "clean")  # the report is there


@pytest.mark.parametrize("order", ["{runtime}:{own}", "{own}:{runtime}", "{own}", " {runtime}"])
def test_own_preloaded_library_beside_the_runtime(programs, tmp_path, order):
    """AddressSanitizer refuses to run behind another library, traced or not."""
    if not shutil.which("gcc"):
        pytest.skip("gcc's runtime is a library")
    flags = [f"-m{programs.bits}", "-g", "-O0"]
    subprocess.run(["gcc", *flags, "-fsanitize=address", SOURCE, "-o", tmp_path / "program", "-pthread"], check=True)
    own = programs.compile(tmp_path / "libown.so", "int own_variable;\n", "-shared", "-fPIC")
    runtime = subprocess.run(["gcc", f"-m{programs.bits}", "-print-file-name=libasan.so"], check=True, capture_output=True,
                             text=True).stdout.strip()
    alone = ["env", "LD_PRELOAD=" + order.format(runtime=runtime, own=own), tmp_path / "program", "clean"]
    plain = as_untraced([TOOL, "-q", "-f", "--", *alone], alone, plain_environment())
    assert (plain.status == 0) == order.startswith(("{runtime}", " {runtime}"))
