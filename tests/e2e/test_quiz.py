"""--quiz: the answers are what the events say; without them only the questions are there."""

import re

import pytest

import running
from tracing import TOOL, run


def answers(text):
    """[(question, answer)]"""
    lines = " ".join(text.split())
    parts = re.split(r" \d+\. (?=[A-Z])", lines.split("QUIZ", 1)[1])[1:]
    found = [re.fullmatch(r"([^?]*?library's code\.|[^?]*\?) ?(.*)", part.strip()) for part in parts]
    return [match.groups() for match in found]


@pytest.mark.parametrize("command", [["map1"], ["map2"], ["map3", "40000"], ["lib_cos"]], ids=lambda words: words[0])
def test_answers(tmp_path, programs, command):
    file = tmp_path / "trace.jsonl"
    program = programs.labs / command[0]
    live = run(TOOL, "--quiz=answers", f"--json={file}", program, *command[1:])
    assert live.status == 0
    assert run(TOOL, "show", "--quiz=answers", file).stdout == live.stderr
    events = running.read_events(file)
    said = dict(answers(live.stderr))
    last = [e for e in events if e["type"] == "exit"][0]
    regions = sum(t["regions"] for t in last["totals"] if t["kind"] != "tracer")
    assert said["How many regions does its map have?"] == str(regions)
    look = [e for e in events if e["type"] == "snapshot" and e["reason"] == "exit"][-1]["regions"]
    width = 8 if programs.bits == 32 else 12
    bounds = [f"{int(g[end], 16):0{width}x}" for g, end in ((look[0], "start"), (look[-1], "end"))]
    assert said["Which range of addresses does the process have?"] == "-".join(bounds)
    [stack] = [g for g in look if g["kind"] == "stack"]
    assert said["Where does its stack begin and end?"] == "-".join(f"{int(stack[end], 16):0{width}x}" for end in ("start", "end"))
    places = said["In which region is each variable and parameter?"]
    for e in events:
        if e["type"] == "variable" and e["kind"] != "function" and "region" in e:
            kinds = e["region"]["kind"] + (f", {e['ends_in']['kind']}" if e.get("ends_in", {}).get("kind", e["region"]["kind"]) != e["region"]["kind"] else "")
            assert re.search(rf"{kinds}:[^;:]*\b{e['name']}\b", places), (e["name"], places)
    if command == ["map3", "40000"] and programs.bits == 32:  # in 64 bits the kernel joins the block with its neighbour
        blocks = said["Which blocks of malloc lie in the heap, which in pages of their own?"]
        assert "160000 bytes: in pages of its own" in blocks and "4096 bytes: in the heap" in blocks
        changes = said["Which regions come and go while it runs, and by which calls?"]
        assert re.search(r"malloc_mmap of 160K comes, by malloc in main map3\.c:\d+; malloc_mmap of 160K goes, by free in main map3\.c", changes)


def test_without_answers(programs):
    text = run(TOOL, "--quiz", programs.labs / "map1").stderr
    found = answers(text.replace("(--quiz=answers has the answers)", ""))
    assert len(found) > 10 and {answer for _, answer in found} == {"?"}
