"""The rules of the house: who may use whom, no circle of files, one subject a file, one job a function, one format.

Each rule is broken once, in a copy of the sources, to see that this is noticed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import rooms

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build")
OBJECTS = [BUILD / folder for folder in ("unit/obj", "obj64", "obj32")]  # of the runner, of the shim in both word sizes

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
REFERENCE = ["schemas/event.schema.json", "runner/procmap-trace.1", "runner/po/es.po"]  # are looked up, not read


def sources(*patterns):
    """The files of the three folders, or those of them with such names."""
    return [path for folder in ("schemas", "shim", "runner") for path in sorted((ROOT / folder).rglob("*"))
            if path.is_file() and (not patterns or any(path.match(pattern) for pattern in patterns))]


def functions(text):
    """(name, number of lines) of each function in C text that clang-format has seen: its braces stand alone."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line != "{":
            continue
        first = at
        while first > 0 and not re.search(r"^$|^#|^ \*|^/\*|[;}]$", lines[first - 1]):
            first -= 1
        declared = " ".join(lines[first:at])
        yield re.search(r"(\w+)\(", declared)[1], lines.index("}", at) - first + 1


def long_functions(text):
    return [f"{name}: {count} lines" for name, count in functions(text) if count > LONGEST_FUNCTION]


# ---- the tree ----

def test_every_object_is_looked_at():
    """Without objects there would be no symbols to judge."""
    for folder, wanted in zip(OBJECTS, ("runner/model/model.o", "shim/hooks/malloc.c.o", "shim/hooks/malloc.c.o")):
        assert (folder / wanted).exists(), f"{folder / wanted} is missing: run 'make all unit' first"


def test_rooms_and_circles():
    assert rooms.violations(ROOT, OBJECTS) == []


def test_length_of_files():
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in sources()}
    assert {name: count for name, count in lengths.items() if count > LONGEST_FILE and name not in REFERENCE} == {}


def test_length_of_functions():
    found = {str(path.relative_to(ROOT)): long_functions(path.read_text()) for path in sources("*.c", "*.h")}
    assert {name: long for name, long in found.items() if long} == {}


def test_format():
    if not shutil.which("clang-format"):
        pytest.skip("there is no clang-format")
    files = [*sources("*.c", "*.h"), *sorted((ROOT / "tests" / "unit").rglob("*.[ch]"))]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# ---- the rules can be broken ----

@pytest.fixture(name="copy")
def copy_of_sources(tmp_path):
    for folder in ("schemas", "shim", "runner"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "objects").mkdir()
    return tmp_path


def write(copy, name, text):
    """A source more, and what is compiled of it."""
    (copy / name).write_text(text)
    if name.endswith(".c"):
        target = copy / "objects" / f"{name}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-I", copy, copy / name, "-o", target], check=True)


def new_violations(copy):
    """What the rules say of the copy that they do not say of the tree."""
    return [line for line in rooms.violations(copy, [copy / "objects"]) if line not in rooms.violations(ROOT, [])]


def test_copy_is_clean(copy):
    assert new_violations(copy) == []


@pytest.mark.parametrize("who, whom", [
    ("runner/base", "runner/model/model"), ("runner/model", "runner/views/json"), ("runner/symbols", "runner/model/model"),
    ("runner/views", "runner/ring/ring"), ("runner/ring", "runner/ptrace/ptrace"), ("runner/model", "shim/base/sys"),
    ("shim/hooks", "runner/base/memory"), ("shim/base", "shim/ring/emit"), ("schemas", "shim/base/sys"), ("schemas", "runner/base/memory")])
def test_forbidden_include_is_found(copy, who, whom):
    (copy / f"{whom}.h").touch()
    write(copy, f"{who}/intruder.h", f'#include "{whom}.h"\n')
    assert new_violations(copy) == [f"{who}/intruder uses {whom}, but {who} may not use {whom.rpartition('/')[0]}"]


@pytest.mark.parametrize("who, whom", [("runner/base", "runner/model"), ("runner/model", "runner/views"), ("runner/model", "shim/base"),
                                       ("shim/ring", "shim/hooks"), ("shim/base", "runner/base"), ("schemas", "runner/base")])
def test_forbidden_call_is_found(copy, who, whom):
    """Also without an include."""
    write(copy, f"{whom}/called.c", "void called(void) {}\n")
    write(copy, f"{who}/caller.c", "void called(void);\nvoid caller(void) { called(); }\n")
    assert new_violations(copy) == [f"{who}/caller uses {whom}/called, but {who} may not use {whom}"]


def test_circle_of_includes_is_found(copy):
    write(copy, "runner/model/one.h", '#pragma once\n#include "runner/model/two.h"\n')
    write(copy, "runner/model/two.h", '#pragma once\n#include "runner/model/three.h"\n')
    write(copy, "runner/model/three.h", '#pragma once\n#include "runner/model/one.h"\n')
    [found] = new_violations(copy)
    assert found.startswith("a circle of 3 files: ") and "runner/model/three -> runner/model/one" in found


def test_circle_of_calls_is_found(copy):
    write(copy, "shim/looks/one.c", "void two(void);\nvoid one(void) { two(); }\n")
    write(copy, "shim/looks/two.c", "void one(void);\nvoid two(void) { one(); }\n")
    assert new_violations(copy) == ["a circle of 2 files: shim/looks/one -> shim/looks/two, shim/looks/two -> shim/looks/one"]


def test_circle_of_an_include_and_a_call_is_found(copy):
    """A header and its source are one file."""
    write(copy, "shim/looks/one.h", "void one(void);\n")
    write(copy, "shim/looks/one.c", "void two(void);\nvoid one(void) { two(); }\n")
    write(copy, "shim/looks/two.c", '#include "shim/looks/one.h"\nvoid two(void) {}\n')
    assert new_violations(copy) == ["a circle of 2 files: shim/looks/one -> shim/looks/two, shim/looks/two -> shim/looks/one"]


def test_object_without_a_source_is_no_witness(copy):
    """It is left over from a source that is gone."""
    write(copy, "shim/looks/one.c", "void two(void);\nvoid one(void) { two(); }\n")
    write(copy, "shim/looks/two.c", "void one(void);\nvoid two(void) { one(); }\n")
    (copy / "shim/looks/two.c").unlink()
    assert new_violations(copy) == []


def test_room_that_nobody_knows_is_found(copy):
    (copy / "runner/attic").mkdir()
    write(copy, "runner/attic/box.h", '#include "schemas/record.h"\n')
    assert new_violations(copy) == ["runner/attic/box: runner/attic is no room that the rules know"]


def test_long_function_is_found():
    body = "    x++;\n" * LONGEST_FUNCTION
    text = f"/* before */\nstatic int\nlong_one(int x,\n         int y)\n{{\n{body}}}\n\nint short_one(int x)\n{{\n    return x;\n}}\n"
    assert long_functions(text) == [f"long_one: {LONGEST_FUNCTION + 5} lines"]
    assert [name for name, _ in functions(text)] == ["long_one", "short_one"]
