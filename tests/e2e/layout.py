"""Where the kernel puts things in the programs that the tests run: no test may depend on it. PROCMAP_TRACE_LAYOUT
shifts it, by words with a comma between them:

    stack=MIB     the limit of the stack; from 128 MiB on, all that is mapped lies lower
    library=NAME  one library more, preloaded where a test does not preload others
    cache=PAGES   the length of ld.so.cache, which leaves a hole of its size among the libraries (for root only)
    aslr=on|off   on: also where a test does not care; off: nowhere
"""

import ctypes
import os
import resource
import warnings
from pathlib import Path

from programs import BUILD

WORDS = dict(word.split("=", 1) for word in os.environ.get("PROCMAP_TRACE_LAYOUT", "").split(",") if word)
assert WORDS.keys() <= {"stack", "library", "cache", "aslr"}, WORDS

# For the environment of all programs: nothing, or what preloads the library.
PRELOAD = {"LD_PRELOAD": WORDS["library"]} if "library" in WORDS else {}

# Whether a program has its addresses at random that may have them so.
ASLR = WORDS.get("aslr") == "on"

CACHE = Path("/etc/ld.so.cache")
ADDR_NO_RANDOMIZE, CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x0040000, 0x00020000, 1 << 12, 1 << 14, 1 << 18


def preload(library):
    """The LD_PRELOAD of a program that has the library of a test first."""
    return ":".join([str(library), *PRELOAD.values()])


def apply():
    """Shifts the layout of this process's children."""
    if "stack" in WORDS:
        resource.setrlimit(resource.RLIMIT_STACK, (int(WORDS["stack"]) << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    if WORDS.get("aslr") == "off":
        call("personality", ADDR_NO_RANDOMIZE)
    if "cache" in WORDS:
        try:
            lengthen_cache(int(WORDS["cache"]) * 4096)
        except OSError as error:
            warnings.warn(f"ld.so.cache stays as it is: {error}", stacklevel=1)


def lengthen_cache(size):
    """What lies behind the end of its contents ld.so maps and does not read."""
    if CACHE.stat().st_size >= size:  # as in a worker, which is a child of the process that has done it
        return
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    longer = BUILD / "ld.so.cache"  # stays: a mapping of a file that is gone has another name
    longer.write_bytes(CACHE.read_bytes().ljust(size, b"\0"))
    call("mount", bytes(longer), bytes(CACHE), None, MS_BIND, None)


def call(name, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
