"""The commands of README.md do what it says: those of its console blocks are run in a folder that has the lab programs."""

import re
import shutil

import pytest
from running import ROOT, TOOL, environment, run
from tracing import LABS

README = ROOT / "README.md"
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


def test_commands(folder):
    commands = [command for command in commands_of(README.read_text()) if OURS.search(command) and not LEFT_OUT.search(command)]
    assert len(commands) >= 5, "the README shows the timeline, recording, show and queries with jq"
    path = f"{TOOL.parent}:{environment()['PATH']}"
    for command in commands:
        done = run("bash", "-o", "pipefail", "-c", command, cwd=folder, env=environment(PATH=path))
        assert done.status == 0, f"{command}: {done.err.decode(errors='replace')[-2000:]}"
        redirected = re.search(r"--json=|--output=| -o |>|PROCMAP_TRACE_OUTPUT", command)
        assert (done.out + done.err).strip() or redirected, f"{command}: no output"


def test_timeline_and_jq_are_shown():
    commands = "\n".join(commands_of(README.read_text()))
    for wanted in ("procmap-trace ./map3", "procmap-trace show", "jq", "PROCMAP_TRACE_OUTPUT"):
        assert wanted in commands
