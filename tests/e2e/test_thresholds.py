"""--thresholds: placement by size, the moves and the exceptions are those of the events, which the test adds up itself."""

import json
import subprocess
from collections import defaultdict

import jsonschema
import pytest

import running
from tracing import LABS, ROOT, TOOL, run

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / "thresholds.schema.json").read_text()))


def recorded(tmp_path, *command, options=()):
    """(events, what --thresholds=json says) of a run of one image; `show` says the same."""
    file = tmp_path / "trace.jsonl"
    live = run(TOOL, *options, f"--json={file}", "--thresholds=json", *command)
    [said] = [line for line in live.stdout.splitlines() if line.startswith('{"version":')]
    assert run(TOOL, "show", "--thresholds=json", file).stdout.splitlines() == [said]
    said = json.loads(said)
    SCHEMA.validate(said)
    return running.read_events(file), said


def request2size(size, word):
    """malloc/malloc.c"""
    return max((size + word + 15) & -16, 4 * word)


def check(events, said):
    process = events[0]
    word, thresholds = process["class"] // 8, process["thresholds"]
    given = [e for e in events if e["type"] == "alloc" and e["call"] != "free" and e["addr"]]
    classes = defaultdict(lambda: dict.fromkeys(("heap", "mmap", "arena"), 0))
    for e in given:
        size = e["size"]
        classes[1 << size.bit_length() - 1 if size > 1 else 0][e["placement"]] += 1
    assert said["classes"] == [{"from": size, **counts} for size, counts in sorted(classes.items())]
    moves = [e for e in events if e["type"] == "threshold"]
    assert said["moves"] == len(moves) and [(t["mmap"], t["trim"]) for t in said["thresholds"]] == [
        (thresholds["mmap"], thresholds["trim"]), *((e["mmap_threshold"], e["trim_threshold"]) for e in moves)]
    assert [t.get("call") for t in said["thresholds"][1:]] == [e["cause"]["call"] for e in moves]
    others = [e for e in given if (request2size(e["size"], word) >= e["mmap_threshold"]) != (e["placement"] == "mmap")]
    assert said["otherwise"] == len(others)
    assert [(b["addr"], b["size"], b["threshold"], b["placement"], b.get("reason")) for b in said["blocks"]] == [
        (e["addr"], e["size"], e["mmap_threshold"], e["placement"], e.get("reason", {}).get("code")) for e in others[:20]]


@pytest.mark.parametrize("command, options", [
    (["labs/map3", "40000"], []), (["labs/map3", "33000"], []), (["labs/many_mallocs", "5000"], []), (["labs/threads"], []),
    (["victims/mallopt_thresholds", "mmap", "65536"], []), (["victims/mallopt_thresholds", "max", "2"], []),
    (["labs/map3", "40000"], ["--backend=ptrace"])], ids=lambda words: " ".join(words))
def test_against_the_events(tmp_path, programs, command, options):
    check(*recorded(tmp_path, *programs.command(command), options=options))


def test_a_block_in_the_heap(tmp_path, programs):
    """The lab's: 132000 bytes are more than the threshold, and in 32 bit there is room in the heap; in 64 bit it begins smaller."""
    _, said = recorded(tmp_path, programs.labs / "map3", "33000")
    expected = [(132000, "heap", "block_fits")] if programs.bits == 32 else []
    assert [(b["size"], b["placement"], b["reason"]) for b in said["blocks"]] == expected


@pytest.mark.parametrize("columns", [80, 130])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_picture(programs, columns, locale):
    """Fits the screen; each size has its row, with a sign for where the blocks lie, and the numbers."""
    env = running.environment(COLUMNS=str(columns), LANG=locale)
    done = subprocess.run([TOOL, "--thresholds", programs.labs / "many_mallocs"], capture_output=True, text=True, env=env, encoding="utf-8", check=True)
    text = done.stderr[done.stderr.index("THRESHOLDS"):]
    lines = text.splitlines()
    assert max(map(len, lines)) <= columns and text.isascii() == (locale == "C")
    heap, own, line = ".#-" if locale == "C" else "·◆─"
    rows = {line.split()[0]: line for line in lines if line[:7].strip() and line[7:8] == " " and line.split()[0][-1] in "KMB"}
    assert own in rows["512K"] and heap in rows["8K"] and line in rows["256K"] and rows["8K"].split()[-1].isdigit()
    assert run(TOOL, "--ascii", "--thresholds", LABS / "map1").stderr.isascii()


def test_another_allocator(tmp_path, programs, foreign):
    path, environment = foreign["jemalloc"]
    words = ["env", *(f"{name}={value}" for name, value in {**environment, "LD_PRELOAD": path}.items()), programs.labs / "map1"]
    text = run(TOOL, "--thresholds", *words).stderr
    assert "another malloc than glibc's" in " ".join(text.split())
