"""The ten queries of schemas/queries.md: short, and right, by the events of the same trace."""

import json
import re
import shutil
import subprocess
from collections import Counter, defaultdict

import pytest

from running import environment, read_events
from test_readme import commands_of
from tracing import ROOT, TOOL

PAGE = (ROOT / "schemas" / "queries.md").read_text()
PARTS = {int(number): text for number, text in re.findall(r"(?ms)^\*\*(\d+)\. (.*?)(?=^\*\*\d+\. |\Z)", PAGE)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, programs):
    folder = tmp_path_factory.mktemp("queries")
    for name in ("map3", "many_mallocs"):
        shutil.copy(programs.labs / name, folder)
    for command in commands_of(PAGE.split("**1.")[0]):
        subprocess.run(["bash", "-c", command], cwd=folder, env=path(), check=True)
    return folder


def path():
    return environment(PATH=f"{TOOL.parent}:{environment()['PATH']}")


def answer(folder, number):
    """Lines of JSON that the query of this number gives."""
    [command] = commands_of(PARTS[number])
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=path(), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def events(folder):
    return read_events(folder / "m.jsonl"), read_events(folder / "t.jsonl")


def allocations(events):
    return [e for e in events if e["type"] == "alloc" and e["call"] != "free" and e["addr"]]


def test_there_are_ten_of_them_and_they_are_short():
    assert [*PARTS] == [*range(1, 11)]
    for text in PARTS.values():
        [command] = commands_of(text)
        [query] = re.findall(r"jq \S+ '([^']*)'", command)
        assert len(query) <= 100, query


def test_answers(folder, events):
    many, tree = events
    calls = allocations(many)
    sizes = Counter(1 << e["size"].bit_length() - 1 for e in calls if e["size"])
    assert answer(folder, 1) == [[size, count] for size, count in sorted(sizes.items())]
    heap = [e for e in tree if e["type"] == "region" and e["after"] and e["after"]["kind"] == "heap"]
    assert answer(folder, 2) == [[e["t_ns"], e["after"]["size"], e["cause"].get("caller")] for e in heap]
    most = max(e["live_bytes"] for e in many if e["type"] == "alloc")
    assert answer(folder, 3)[0]["live_bytes"] == most
    bytes_of = defaultdict(int)
    for e in calls:
        bytes_of[e.get("caller")] += e["size"]
    assert answer(folder, 4) == sorted([size, caller] for caller, size in bytes_of.items())[-3:]
    soon = [e["live_bytes"] for e in many if e["type"] == "alloc" and e["t_ns"] <= 1e6]
    assert answer(folder, 6) == [soon[-1] if soon else None]
    movers = Counter((e["cause"]["call"], e["cause"].get("kernel", "")) for e in tree if e["type"] == "region")
    assert answer(folder, 7) == [[count, call, kernel or None] for (call, kernel), count in sorted(movers.items())]
    own = [e for e in calls if e["placement"] == "mmap"]
    assert [row[:2] for row in answer(folder, 8)] == [[e["size"], e["mmap_threshold"]] for e in own] and own
    assert answer(folder, 9) == [[e["image"], e["pid"], e["ppid"], e["origin"], e["argv"][0]] for e in tree if e["type"] == "process"]
    [end] = [e for e in tree if e["type"] == "exit" and e["image"] == 1]
    assert answer(folder, 10) == [[t["kind"], t["regions"], t["bytes"]] for t in end["totals"]]


def test_who_does_not_free(folder):
    """map3 leaves the buffer of its standard output: 4096 bytes in a pipe."""
    assert answer(folder, 5) == [[4096, 1, "main map3.c:24 -> printf"]]
