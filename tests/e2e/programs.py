"""The programs that are traced, in both word sizes: tests ask for the fixture `programs` and so run once for each."""

import functools
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD


NO_32_BIT = "this kernel runs no 32-bit programs"


@functools.cache
def kernel_runs_i386():
    return subprocess.run([ROOT / "tests" / "setup" / "kernel-runs-i386.sh"], check=False).returncode == 0


@dataclass(frozen=True)
class Programs:
    """The lab programs and victims of one word size, and what is not the same in both."""
    bits: int
    labs: Path
    victims: Path
    shim: Path
    foreign: Path  # made by tests/setup/foreign.sh
    package_arch: str  # Debian's name of the architecture
    mmap_threshold_max: int  # up to which glibc moves it: DEFAULT_MMAP_THRESHOLD_MAX in malloc/malloc.c

    @property
    def run_here(self):
        """Whether the kernel runs them."""
        return self.bits == 64 or kernel_runs_i386()

    def mmapped_size(self, size):
        """What glibc maps for a block of its own: the block, its two words of header, in whole pages."""
        word = self.bits // 8
        return ((size + word + 15) // 16 * 16 + word + 4095) // 4096 * 4096

    def command(self, words):
        """["labs/map3", "100"] as it is to be run."""
        folder, _, name = words[0].partition("/")
        return [{"labs": self.labs, "victims": self.victims}[folder] / name, *words[1:]]

    def compile(self, path, source, *flags):
        """Compiles C source text to a program (or with -shared a library); its path."""
        compiler = shlex.split(os.environ.get("CC", "gcc"))
        subprocess.run([*compiler, f"-m{self.bits}", "-g", "-O0", "-x", "c", "-", "-o", path, *flags],
                       input=source.encode(), check=True)
        return path


SHIM = BUILD / "lib" / "procmap-trace" / "$LIB" / "libprocmap-trace.so"  # ld.so puts the right folder for $LIB
SHIMS = BUILD / "lib" / "procmap-trace" / "lib"
PROGRAMS32 = Programs(32, BUILD / "labs", BUILD / "victims", SHIMS / "i386-linux-gnu" / "libprocmap-trace.so",
                      BUILD / "foreign" / "programs.tsv", "i386", 512 << 10)
PROGRAMS64 = Programs(64, BUILD / "labs64", BUILD / "victims64", SHIMS / "x86_64-linux-gnu" / "libprocmap-trace.so",
                      BUILD / "foreign" / "programs64.tsv", "amd64", 32 << 20)
PROGRAMS = PROGRAMS32 if PROGRAMS32.run_here else PROGRAMS64  # where one word size is enough
