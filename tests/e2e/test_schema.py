"""The schema itself, and the encoder's lines against it.

The lines come from tests/unit/schemas/test_encode.c with ENCODE_LINES set: samples of every event, then thousands of
mutated records. TEST_ENCODE names the built program; without it the test builds one.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import schema_check
from block_reasons import BLOCK_CONDITIONS
from reasons import CONDITIONS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = schema_check.load_schema()


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Path of a file with the encoder's lines."""
    folder = tmp_path_factory.mktemp("encoded")
    program = os.environ.get("TEST_ENCODE")
    if not program:
        program = folder / "test_encode"
        sources = ["tests/unit/schemas/test_encode.c", *ROOT.glob("schemas/*.c")]
        compiler = os.environ.get("CC", "cc").split()
        libraries = ["-ljansson", "-lcmocka"]
        subprocess.run([*compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-I.", "-o", program, *sources, *libraries],
                       cwd=ROOT, check=True)
    path = folder / "lines.jsonl"
    subprocess.run([program], check=True, env={**os.environ, "ENCODE_LINES": str(path)})
    return path


def test_encoded_lines_are_valid(encoded):
    assert schema_check.validate_file(encoded) == []
    types = {json.loads(line)["type"] for line in encoded.read_bytes().splitlines()}
    assert types == set(schema_check.validators()) - {"region", "library", "threshold", "resident", "unseen", "variable"}


def test_one_line_of_each_type_matches_the_whole_schema(encoded):
    """The schema as a user's validator sees it, without the dispatch of schema_check."""
    validator = schema_check.Draft202012Validator(SCHEMA)
    lines = {}
    for line in encoded.read_bytes().splitlines():
        event = json.loads(line)
        lines.setdefault(event["type"], event)
    for event in lines.values():
        validator.validate(event)
        assert not validator.is_valid({**event, "unknown": 1})


def objects(node, path=""):
    """Yields (path, schema) of every part of the schema that describes an object."""
    if isinstance(node, dict):
        if "properties" in node and node.get("type") == "object":
            yield path, node
        for key, value in node.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from objects(value, f"{path}/{index}")


@pytest.mark.parametrize("path, node", [pytest.param(*o, id=o[0]) for o in objects(SCHEMA)])
def test_objects_are_closed_and_described(path, node):
    assert node["additionalProperties"] is False
    for name, field in node["properties"].items():
        target = SCHEMA["$defs"][field["$ref"].split("/")[-1]] if "$ref" in field else {}
        assert field.get("description") or target.get("description"), f"{path}: {name}"


def names(macro):
    """The JSON names of one list of schemas/calls.h, without "none"."""
    text = (ROOT / "schemas" / "calls.h").read_text()
    body = re.search(rf"#define {macro}\(X\)(.*?)\n\n", text, re.S).group(1)
    return [name for name in re.findall(r'X\(\w+, "([^"]+)"\)', body) if name != "none"]


def test_names_are_those_of_calls_h():
    defs = SCHEMA["$defs"]
    calls = names("PMT_CALLS")
    assert defs["any_call"]["enum"] == calls
    assert defs["alloc_call"]["enum"] == calls[:calls.index("sbrk")]
    assert SCHEMA["$defs"]["fork"]["properties"]["call"]["enum"] == calls[calls.index("fork"):calls.index("mbind")]
    assert defs["kernel_call"]["enum"] == calls[calls.index("brk"):calls.index("mallopt")] + calls[calls.index("mbind"):]
    assert defs["snapshot"]["properties"]["reason"]["enum"] == names("PMT_REASONS")
    assert defs["loss"]["properties"]["reason"]["enum"] == names("PMT_LOSSES")


def test_reasons_are_those_of_the_model():
    """One list in the model, the schema, its page, and the second derivation."""
    header = (ROOT / "runner" / "model" / "reason.h").read_text()
    codes = [code for code in re.findall(r'X\(\w+, "(\w+)", (?:0|A\()', header) if code != "none"]
    found = re.findall(r'X\(\w+, "(\w+)", [A-Z_]+\)', header)
    reason = SCHEMA["$defs"]["reason"]["properties"]
    page = (ROOT / "schemas" / "reasons.md").read_text()
    assert [branch["const"] for branch in reason["code"]["oneOf"]] == codes and [*reason][1:] == found
    assert re.findall(r"(?m)^\| `(\w+)` \|.*\|.*\|$", page.split("| Argument |")[0]) == codes
    assert re.findall(r"(?m)^\| `(\w+)` \|", page.split("| Argument |")[1]) == found
    assert CONDITIONS.keys() | BLOCK_CONDITIONS.keys() == set(codes)


COMMON = {"seq": 1, "t_ns": 5, "pid": 7, "image": 1, "tid": 7}
REGION = {"start": "0x1000", "end": "0x2000", "size": 4096, "perms": "rw-p", "offset": 0, "dev_major": 0,
          "dev_minor": 0, "inode": 0, "path": ""}
KNOWN = {**REGION, "kind": "heap", "owner": "program"}
CAUSE = {"call": "malloc", "size": 9, "seq": 4, "kernel": "brk", "caller": "main map3.c:21", "stack_id": 1}
CHANGE = {"type": "region", **COMMON, "change": "added", "delta": 4096, "before": None, "after": KNOWN,
          "cause": CAUSE, "reason": {"code": "heap_grown"}, "why": "malloc(9) asked for more heap."}
THRESHOLD = {"code": "mmap_threshold", "size": 160000, "threshold": 131072}
EXIT = {"type": "exit", **COMMON, "end": "exit", "status": 0, "ledger": {"changes": 3, "explained": 3, "unexplained": 0, "lost": 0},
        "allocations": {"calls": 2, "frees": 1, "live": 1, "live_bytes": 9},
        "totals": [{"kind": "heap", "regions": 1, "bytes": 4096}]}
FRAME = {"ip": "0x1010", "function": "main", "module": "/home/ann/map3", "file": "map3.c", "line": 21}
FREE = {"type": "alloc", **COMMON, "call": "free", "addr": "0x1010", "placement": "heap"}

THREAD = {"type": "thread", **COMMON, "event": "start", "creator": 7, "stack_id": 2,
          "stack": {"address": "0x1010", "start": "0x1000", "end": "0x2000"}}
FORK = {"type": "fork", **COMMON, "call": "vfork", "fork_id": 1}
LIBRARY = {"type": "library", **COMMON, "change": "loaded", "path": "/lib/libm.so.6", "name": "libm.so.6",
           "regions": [KNOWN, {**KNOWN, "kind": "lib_bss"}], "bytes": 8192, "cause": {"call": "dlopen"}}


def without(event, key):
    return {name: value for name, value in event.items() if name != key}


@pytest.mark.parametrize("event", [
    CHANGE,
    {**CHANGE, "change": "split", "before": KNOWN, "parts": [KNOWN, KNOWN], "delta": -4096},
    {**CHANGE, "reason": THRESHOLD},
    {**CHANGE, "cause": {"call": "page fault"}},
    {**CHANGE, "cause": {"call": "unattributed"}},
    {**CHANGE, "cause": {"call": "dlopen", "name": "libm.so.6"}},
    EXIT,
    {**EXIT, "status": None, "signal": "SIGSEGV"},
    {"type": "stack", **COMMON, "id": 1, "frames": [FRAME]},
    {"type": "snapshot", **COMMON, "reason": "start", "lo": "0x0", "hi": "0x100000000", "whole": True,
     "last": True, "regions": [KNOWN, REGION]},
    {**EXIT, "end": "detached", "status": None},
    {**CHANGE, "library": "/lib/libm.so.6", "after": {**KNOWN, "kind": "thread_stack", "tid": 9}},
    LIBRARY,
    FORK,
    THREAD,
    {**THREAD, "stack": {"address": "0x1010"}},
    without(without({**THREAD, "event": "end"}, "creator"), "stack"),
    FREE,
    without({**FREE, "addr": None}, "placement"),
])
def test_derived_events_are_valid(event):
    assert list(schema_check.event_errors(event)) == []


@pytest.mark.parametrize("event", [
    [],
    {"type": "spoon", **COMMON},
    {"type": "fork", **COMMON},
    {**FORK, "call": "malloc"},
    without(FORK, "image"),
    {**THREAD, "event": "end"},
    without(THREAD, "creator"),
    {**THREAD, "stack": {"address": "0x1010", "start": "0x1000"}},
    {**LIBRARY, "regions": []},
    {**LIBRARY, "regions": [REGION]},
    {**LIBRARY, "change": "added"},
    {**EXIT, "end": "exec"},
    {**EXIT, "end": "untraced", "status": None, "signal": "SIGSEGV"},
    {**FREE, "image": 0},
    {**CHANGE, "after": REGION},
    {**CHANGE, "change": "resized"},
    {**CHANGE, "cause": {"call": "none"}},
    {**CHANGE, "why": ""},
    {**CHANGE, "reason": {"code": "mmap_thresholds"}},
    {**CHANGE, "reason": {"code": "mmap_threshold", "size": 160000}},
    {**CHANGE, "reason": {"code": "heap_grown", "size": 160000}}, {**CHANGE, "reason": {"code": "heap_first"}},
    without(CHANGE, "before"),
    {**EXIT, "status": None},
    {**EXIT, "signal": "SIGSEGV"},
    {**EXIT, "totals": [{"kind": "cheap", "regions": 1, "bytes": 1}]},
    {**FREE, "size": 3},
    {**FREE, "old_addr": "0x0"},
    {**FREE, "addr": None},
    {**FREE, "addr": "1000"},
    {**FREE, "addr": "0x1000\n"},
    {**FREE, "seq": 0},
    {**FREE, "seq": True},
    {**FREE, "call": "malloc"},
    without(FREE, "placement"),
])
def test_wrong_events_are_not_valid(event):
    assert list(schema_check.event_errors(event)) != []


@pytest.mark.parametrize("text, error", [
    (b"", "no event"),
    (b'{"type":"exit","type":"exit"}', "duplicate key"),
    (b'{"a":NaN}', "NaN is not JSON"),
    (b'{"a":"\xff"}', "utf-8"),
    (b"{", "not JSON"),
])
def test_wrong_lines_are_not_valid(tmp_path, text, error):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(text)
    assert error in "\n".join(schema_check.validate_file(path))


def test_seq_counts_lines(tmp_path):
    path = tmp_path / "trace.jsonl"
    lines = [json.dumps({**EXIT, "seq": seq}) for seq in (1, 2, 4)]
    path.write_text("\n\n".join(lines) + "\n")
    assert schema_check.validate_file(path) == [f"{path}:5: seq is 4, expected 3"]
