"""The commands that are compared, as the files commands64.txt and commands32.txt have them."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from programs import PROGRAMS32  # noqa: E402

PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC0", "TERM": "dumb", "COLUMNS": "100", "USER": "nobody"}


@dataclass(frozen=True)
class Command:
    """A line of one of the files."""
    bits: int
    text: str  # as it was written
    words: tuple
    needs: tuple  # programs, besides the first word
    sample: bool  # whether `make check` runs it
    by_ptrace: bool  # whether it can be traced so: it is no debugger itself

    def environment(self):
        return ENVIRONMENT if self.bits == 64 else {**ENVIRONMENT, **foreign_environment()}

    def missing(self):
        """Names of the programs that this machine does not have. (What i386 packages have may be nowhere else.)"""
        path = self.environment()["PATH"]
        if self.bits == 32 and not PROGRAMS32.foreign.exists():
            return ["build/foreign"]
        return [name for name in (self.words[0], *self.needs) if name[0] != "." and not shutil.which(name, path=path)]


def foreign_environment():
    """Of all programs that tests/setup/foreign.sh has unpacked together, and the folders where they lie."""
    variables, folders = {}, []
    if not PROGRAMS32.foreign.exists():
        return {}
    for line in PROGRAMS32.foreign.read_text().splitlines():
        _, path, *settings = line.split("\t")
        variables |= dict(setting.split("=", 1) for setting in settings)
        folders.append(os.path.dirname(path))
    return {**variables, "PATH": ":".join([*dict.fromkeys(folders), PATH])}


def read(bits):
    """The commands of one file, in its order. A line: `* ` if it is in the sample, `!ptrace ` if it traces others by ptrace
    itself, `{NAME NAME...} ` for programs that it needs besides its first word, and the command, with the quotes of a shell.
    `#` begins a line that is a comment."""
    found = []
    for line in (HERE / f"commands{bits}.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        text = line.removeprefix("* ")
        by_ptrace = not text.startswith("!ptrace ")
        text = text.removeprefix("!ptrace ")
        needs = ()
        if text.startswith("{"):
            names, _, text = text[1:].partition("} ")
            needs = tuple(names.split())
        found.append(Command(bits, text, tuple(shlex.split(text)), needs, line.startswith("* "), by_ptrace))
    return found
