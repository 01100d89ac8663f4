"""A program that shows a page of its own has the terminal for itself: the screen is that of an untraced run."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte
import pytest
from running import HANGS, TOOL, environment

ROWS, COLUMNS = 24, 80


def page(folder, *command):
    """The screen while less waits for a key, and the one that is left."""
    (folder / "text").write_text("".join(f"line {i}\n" for i in range(300)))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen([*command, "less", folder / "text"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                               env=environment(NO_COLOR="1", LESS="", LESSHISTFILE="-"),
                               preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
    os.close(slave)
    screen, shown, end = pyte.Screen(COLUMNS, ROWS), "", time.monotonic() + HANGS
    stream = pyte.ByteStream(screen)
    keys = [(f"line {i}", b" ") for i in (22, 45)] + [("line 68", b"G"), ("line 299", b"q")]
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            stream.feed(os.read(master, 65536))
        except OSError:
            break
        if keys and any(row.strip() == keys[0][0] for row in screen.display):
            shown = list(screen.display)[:-1]
            os.write(master, keys.pop(0)[1])
    os.close(master)
    assert process.wait(HANGS) == 0 and not keys
    return shown, "\n".join(screen.display)


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
def test_less_has_the_terminal(tmp_path, backend):
    untraced, _ = page(tmp_path)
    traced, left = page(tmp_path, TOOL, f"--backend={backend}", "--all")
    assert traced == untraced
    assert "EXIT 0" in left
