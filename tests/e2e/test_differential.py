"""A sample of the commands of tests/differential does the same with procmap-trace and without, and what differs is noticed."""

import sys

import pytest
from programs import PROGRAMS32, ROOT

sys.path.insert(0, str(ROOT / "tests" / "differential"))

import command_lists  # noqa: E402  (the modules lie beside differential.py)
import compare_runs  # noqa: E402
import masks  # noqa: E402

SAMPLE64, SAMPLE32 = ([command for command in command_lists.read(bits) if command.sample] for bits in (64, 32))


def text(command):
    return command.text[:50]


def assert_same(command):
    missing = command.missing()
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    wrong = {result.backend: result.differences for result in compare_runs.compare(command) if result.differences}
    assert not wrong, command.text


@pytest.mark.parametrize("command", SAMPLE64, ids=text)
def test_a_command_of_the_system(command):
    assert_same(command)


@pytest.mark.parametrize("programs", [PROGRAMS32], ids=["32"], indirect=True)
@pytest.mark.parametrize("command", SAMPLE32, ids=text)
def test_a_command_of_an_i386_package(command, foreign):
    assert_same(command)


def test_lists():
    """As many commands as there are to be, each once."""
    for bits, least in ((64, 200), (32, 40)):
        commands = command_lists.read(bits)
        assert len({command.text for command in commands}) == len(commands) >= least
    assert len(SAMPLE64) + len(SAMPLE32) == 40


VARY = [b"pid 17 of  5 at 0x7f01\nthe same\n", b"pid 21 of 12 at 0x7e99\nthe same\n"]


@pytest.mark.parametrize("other, how", [
    (VARY[0], None),
    (b"pid 8888 of   1 at 0x1\nthe same\n", None),
    (b"pid 17 of  5 on 0x7f01\nthe same\n", "line 1 was: pid<...> of<...> at<...>"),
    (b"pid 17 of  5 at 0x7f01\nthe other\n", "line 2 was: the same"),
    (b"pid 17 of  5 at 0x7f01\nthe same\nprocmap-trace: more\n", "line 3 was: "),
    (b"pid 17 of  5 at 0x7f01\nthe same\n\n", "line 4 is new: "),
    (b"pid 17 of  5 at 0x7f01", "line 2 is missing: the same"),
])
def test_masks(other, how):
    """Only the words that vary may be others."""
    found = masks.difference(VARY, other)
    assert found is None if how is None else found.startswith(how)


def test_masks_of_lines_with_a_varying_number_of_words():
    versions = [b"took 3 ms in all", b"took 1.25 ms in all"]
    assert masks.difference(versions, b"took 77.0.1 ms in all") is None
    assert masks.difference(versions, b"took 3 s in all") is not None
    assert masks.difference([b"one", b"one\ntwo"], b"one") is not None


def test_a_tool_that_disturbs_is_noticed(monkeypatch, tmp_path):
    """One more line, another status, a file left behind, no trace: each is told."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\nshift 3\n\"$@\"\necho more; echo said >&2; : >left-behind; exit 3\n")
    tool.chmod(0o755)
    monkeypatch.setattr(compare_runs, "TOOL", tool)
    command = command_lists.Command(64, "cat", ("cat",), (), True, True)
    result, = compare_runs.compare(command, ["auto"])
    assert set(result.differences) == {"stdout", "stderr", "status", "files", "trace"}
