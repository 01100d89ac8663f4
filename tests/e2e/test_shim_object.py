"""The shim lives in other people's processes: what it shows them, and what it takes from libc, is on a list."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Nothing here allocates, writes, exits or installs anything. dlsym, dladdr and dladdr1 are called at the start and
# before dlopen only; __environ is read where the C library is not glibc.
FROM_LIBC = {
    "__environ", "environ", "__libc_stack_end", "__errno_location", "getauxval",
    "dlsym", "dladdr", "dladdr1", "dlinfo",
    "memcmp", "memcpy", "memmem", "memmove", "memset",
    "strcat", "strchr", "strcmp", "strcpy", "strcspn", "strlen", "strncat", "strncmp", "strnlen", "strrchr", "strspn", "strstr",
    # of the compiler's start files
    "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize", "__gmon_start__",
}


def symbols(shim, *options):
    out = subprocess.run(["nm", "-D", *options, shim], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def test_exports_are_what_is_interposed(programs):
    source = re.sub(r"/\*.*?\*/", "", (ROOT / "shim" / "exports.map").read_text(), flags=re.S)
    listed = set(re.findall(r"\w+(?=;)", source.split("local:")[0]))
    assert symbols(programs.shim, "--defined-only") == listed


def test_imports_are_allowed(programs):
    assert symbols(programs.shim, "--undefined-only") <= FROM_LIBC


def test_needs_only_libc(programs):
    out = subprocess.run(["readelf", "-d", programs.shim], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"NEEDED.*\[(.*)\]", out) == ["libc.so.6"]
    assert "TEXTREL" not in out
