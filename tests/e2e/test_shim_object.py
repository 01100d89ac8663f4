"""The shim lives in other people's processes: what it shows them is on a list, and it asks nobody for anything by name."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]



def symbols(shim, *options):
    out = subprocess.run(["nm", "-D", *options, shim], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def test_exports_are_what_is_interposed(programs):
    source = re.sub(r"/\*.*?\*/", "", (ROOT / "shim" / "exports.map").read_text(), flags=re.S)
    listed = set(re.findall(r"\w+(?=;)", source.split("local:")[0]))
    assert symbols(programs.shim, "--defined-only") == listed


def test_imports_nothing(programs):
    """Whatever it took by its name could be the program's, or that of a library which is not ready yet."""
    assert symbols(programs.shim, "--undefined-only") == set()
    out = subprocess.run(["readelf", "-rW", programs.shim], check=True, capture_output=True, text=True).stdout
    kinds = set(re.findall(r"R_(?:386|X86_64)_(\w+)", out))
    assert kinds <= {"RELATIVE", "IRELATIVE", "TLS_TPOFF", "TPOFF64"}  # none that looks for a symbol


def test_needs_only_libc(programs):
    out = subprocess.run(["readelf", "-d", programs.shim], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"NEEDED.*\[(.*)\]", out) == ["libc.so.6"]
    assert "TEXTREL" not in out
