"""The line on a terminal that says that the tracing goes on: there while nothing else is printed, and gone without a trace.

The tool runs on a pseudo-terminal of its own; what it and the program print is interpreted by the few rules of a terminal
that the line needs. Nothing here depends on how fast anything is.
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from running import environment
from tracing import HANGS, TOOL

ROWS, COLUMNS = 30, 100
LINE = re.compile(rb"procmap-trace: \d+ s, \d+ events, \d+ regions, [\d.]+[KMG] mapped")


class Screen:
    """A terminal: rows of text, and the rows that have left at the top."""

    def __init__(self):
        self.rows, self.left = [[" "] * COLUMNS for _ in range(ROWS)], []
        self.row = self.column = 0
        self.saved = 0, 0

    def down(self):
        if self.row == ROWS - 1:
            self.left.append(self.rows.pop(0))
            self.rows.append([" "] * COLUMNS)
        else:
            self.row += 1

    def feed(self, data):
        token = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|\x1b([D78M])|([\r\n])|([^\x1b\r\n]+)")
        at = 0
        for found in token.finditer(data.decode()):
            assert found.start() == at, f"not understood: {data[at:at + 20]!r}"
            at = found.end()
            number, control, escape, move, text = found.groups()
            if control:
                self.control(control, number)
            elif escape:
                self.escape(escape)
            elif move:
                self.move(move)
            else:
                self.write(text)
        assert at == len(data.decode())

    def write(self, text):
        for character in text:
            assert self.column < COLUMNS
            self.rows[self.row][self.column] = character
            self.column += 1

    def move(self, move):
        if move == "\r":
            self.column = 0
        else:
            self.down()

    def escape(self, escape):
        if escape == "D":
            self.down()
        elif escape == "M":
            assert self.row > 0
            self.row -= 1
        elif escape == "7":
            self.saved = self.row, self.column
        else:
            self.row, self.column = self.saved

    def control(self, control, number):
        if control == "K":
            self.rows[self.row][self.column:] = [" "] * (COLUMNS - self.column)
        elif control == "B":
            self.row = min(self.row + 1, ROWS - 1)
        elif control == "C":
            self.column += int(number)
        else:
            assert control == "m"

    def lines(self):
        return ["".join(row).rstrip() for row in self.left + self.rows]


class Terminal:
    """A command on a pseudo-terminal, with a pipe as its standard input."""

    def __init__(self, *command, stdout=None, **changes):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout or slave, stderr=slave,
                                        env=environment(**changes), start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.said = b""

    def read(self):
        """Reads what there is within a second; whether there can be more."""
        if not select.select([self.master], [], [], 1)[0]:
            return True
        try:
            more = os.read(self.master, 65536)
        except OSError:  # nobody has the terminal open any more
            return False
        self.said += more
        return bool(more)

    def read_until(self, wanted):
        end = time.monotonic() + HANGS
        while not wanted():
            assert time.monotonic() < end, f"waited in vain; so far: {self.said!r}"
            assert self.read(), f"ended: {self.said!r}"

    def finish(self):
        """Lets the program end; the lines that are left on the screen."""
        self.process.stdin.close()
        while self.read():
            pass
        assert self.process.wait(HANGS) == 0
        os.close(self.master)
        screen = Screen()
        screen.feed(self.said)
        return screen.lines()


def test_is_shown_and_erased(programs, tmp_path):
    """The program prints half a line before, and the other half while the line is there."""
    terminal = Terminal(TOOL, "-o", tmp_path / "timeline", programs.victims / "busy")
    terminal.read_until(lambda: len(LINE.findall(terminal.said)) >= 3)
    assert [line for line in terminal.finish() if line] == ["working: done"]


def test_below_the_timeline(programs):
    """What the timeline has said so far is there before the line."""
    terminal = Terminal(TOOL, programs.victims / "busy")
    terminal.read_until(lambda: LINE.search(terminal.said))
    assert b"START" in LINE.split(terminal.said)[0]
    lines = terminal.finish()
    assert not any("events," in line for line in lines), lines
    assert any("EXIT" in line for line in lines), lines


def test_counts_what_comes(programs, tmp_path):
    """With the timeline in a file and the program's output elsewhere, too."""
    terminal = Terminal(TOOL, "-o", tmp_path / "timeline", programs.victims / "busy", stdout=subprocess.DEVNULL)
    terminal.read_until(lambda: len(LINE.findall(terminal.said)) >= 2)
    first, second = (int(re.search(rb"(\d+) events", line)[1]) for line in LINE.findall(terminal.said)[:2])
    assert 0 < first < second
    assert not any(terminal.finish())


def test_plain_without_color(programs, tmp_path):
    terminal = Terminal(TOOL, "-o", tmp_path / "timeline", programs.victims / "busy", NO_COLOR="1")
    terminal.read_until(lambda: LINE.search(terminal.said))
    terminal.finish()
    assert not re.search(rb"\x1b\[[0-9;]*m", terminal.said)


@pytest.mark.parametrize("options, arguments, changes", [
    (["-q"], [], {}), (["--json"], [], {}), ([], [], {"TERM": "dumb"}), (["--output=/dev/null"], ["talk"], {})],
    ids=["quiet", "json", "dumb", "program_prints"])
def test_is_not_shown(programs, tmp_path, options, arguments, changes):
    """Longer than it takes where it is shown."""
    shown = Terminal(TOOL, "-o", tmp_path / "timeline", programs.victims / "busy")
    out = subprocess.DEVNULL if "--json" in options else None
    other = Terminal(TOOL, *options, programs.victims / "busy", *arguments, stdout=out, **changes)
    shown.read_until(lambda: len(LINE.findall(shown.said)) >= 3)
    other.finish()
    shown.finish()
    assert not LINE.search(other.said)


def test_is_not_shown_where_a_program_has_the_terminal(programs, tmp_path):
    """One that has switched echo off, say for a password."""
    terminal = Terminal(TOOL, "-o", tmp_path / "timeline", programs.victims / "busy")
    terminal.read_until(lambda: LINE.search(terminal.said))
    mode = termios.tcgetattr(terminal.master)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(terminal.master, termios.TCSANOW, mode)
    erased = b"\x1b7\x1b[K\x1b[B\r\x1b[K\x1b8"
    terminal.read_until(lambda: terminal.said.endswith(erased))
    terminal.finish()
