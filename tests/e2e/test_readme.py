"""The READMEs say what is so: the commands of their console blocks are run in a folder that has the lab programs, their links
lead somewhere, the files that they name are there, and each is short enough to be read."""

import json
import re
import shutil

import pytest
from running import ROOT, TOOL, environment, run
from tracing import LABS

README = ROOT / "README.md"
SIDES = ("schemas", "shim", "runner", "tests")
ROOMS = sorted(path for side in SIDES for path in (ROOT / side).rglob("*.md"))
ALL = {str(path.relative_to(ROOT)): path for path in (README, *ROOMS)}
LINES, LINES_OF_ROOM = 160, 120
LEFT_OUT = re.compile(r"\b(make|sudo|apt|apt-get)\b")  # these change the machine; tests/setup has its own proof
OURS = re.compile(r"\b(procmap-trace|jq)\b")


def commands_of(text):
    """The commands of the blocks marked console (lines after "$ ", continued by a backslash or while a quote or a pipe is
    open) and sh (all lines)."""
    for kind, block in re.findall(r"(?ms)^```(console|sh)\n(.*?)^```$", text):
        lines = [line for line in block.splitlines() if kind == "sh" or line.startswith("$ ") or line.startswith("> ")]
        command = ""
        for line in lines:
            command += line.removeprefix("$ ").removeprefix("> ") if kind == "console" else line
            if command.endswith("\\") or command.rstrip().endswith("|") or command.count("'") % 2:
                command += "\n"
                continue
            if command.strip() and not command.lstrip().startswith("#"):
                yield command
            command = ""
        assert not command, f"a command without an end: {command}"


def test_extraction():
    text = """
```console
$ procmap-trace ./map3
output $ not this
$ jq '.a |
> .b' x
$ procmap-trace a |
> jq .
```
```sh
# comment
one \\
two
```
```c
$ no
```
"""
    assert list(commands_of(text)) == ["procmap-trace ./map3", "jq '.a |\n.b' x", "procmap-trace a |\njq .", "one \\\ntwo"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the README's commands run, one after the other: later ones read what earlier ones wrote."""
    folder = tmp_path_factory.mktemp("readme")
    for program in LABS.iterdir():
        shutil.copy(program, folder)
    return folder


@pytest.mark.parametrize("name", ALL)
def test_commands(name, folder):
    commands = [command for command in commands_of(ALL[name].read_text())
                if OURS.search(command) and not LEFT_OUT.search(command)]
    if ALL[name] == README:
        assert len(commands) >= 5, "the README shows the timeline, recording, show and queries with jq"
    path = f"{TOOL.parent}:{environment()['PATH']}"
    for command in commands:
        done = run("bash", "-o", "pipefail", "-c", command, cwd=folder, env=environment(PATH=path))
        assert done.status == 0, f"{command}: {done.err.decode(errors='replace')[-2000:]}"
        redirected = re.search(r"--json=|--output=| -o |>|PROCMAP_TRACE_OUTPUT", command)
        assert (done.out + done.err).strip() or redirected, f"{command}: no output"


def test_timeline_and_jq_are_shown():
    first = "\n".join(commands_of(README.read_text()))
    for wanted in ("procmap-trace ./map3", "procmap-trace show", "jq"):
        assert wanted in first
    assert "PROCMAP_TRACE_OUTPUT" in "\n".join(command for path in ALL.values() for command in commands_of(path.read_text()))


@pytest.mark.parametrize("name", ALL)
def test_length(name):
    lines = [line for line in ALL[name].read_text().splitlines() if ALL[name].name == "README.md" or not line.startswith("| `")]
    assert len(lines) <= (LINES if ALL[name] == README else LINES_OF_ROOM)


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name] != README])
def test_each_room_says_what_lives_there(name):
    opening = ALL[name].read_text().split("\n## ")[0].split("\n|")[0]
    opening = opening.replace("\n", " ")
    assert re.search(r"\bHere lives?\b", opening) and "may not live" in opening or \
        re.search(r"\bAquí vive\b", opening) and "no puede vivir" in opening


@pytest.mark.parametrize("name", ALL)
def test_links(name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", ALL[name].read_text())
    missing = [link for link in links if "://" not in link and not (ALL[name].parent / link).exists()]
    assert not missing
    if ALL[name] == README:
        reached = {(README.parent / link).resolve() for link in links}
        assert {ROOT / side / "README.md" for side in SIDES} <= reached


@pytest.mark.parametrize("name", ALL)
def test_files_that_are_named(name):
    paths = re.findall(r"`((?:schemas|shim|runner|tests)/[^` ]*)`", ALL[name].read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_kinds_of_regions():
    """One list in the schema, in the labs' table and in the manual."""
    schema = json.loads((ROOT / "schemas" / "event.schema.json").read_text())["$defs"]["kind"]["enum"]
    table = (ROOT / "tests" / "labs" / "README.md").read_text().split("| Kind |")[1].split("\n\n")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", table) == schema
    manual = (ROOT / "runner" / "procmap-trace.1").read_text().split(".SS Kinds of regions")[1].split(".TE")[0]
    assert re.findall(r"(?m)^(\w+)\tT\{$", manual) == schema
