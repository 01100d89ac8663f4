"""--summary: its sums are those of the events, which the test adds up itself; its text fits the screen."""

import json
import re
import subprocess
from collections import Counter, defaultdict

import jsonschema
import pytest

import running
from tracing import LABS, ROOT, TOOL, run, trace

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / "summary.schema.json").read_text()))

LEAKS = """
#include <stdlib.h>
static void *keep(int n) { return malloc(n); }
static void *lose(int n) { return keep(n); }
int main(void)
{
    for (int i = 0; i < 10; i++)
        lose(1000);
    keep(5);
    free(keep(300000));
    return 0;
}
"""


def summaries(text):
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        SCHEMA.validate(one)
    return found


def recorded(tmp_path, *command, options=()):
    """(events by image, {image: summary}) of one run, and the summaries that `show` makes of the trace."""
    file = tmp_path / "trace.jsonl"
    live = run(TOOL, *options, f"--json={file}", "--summary=json", *command)
    assert live.status == 0
    own = [line for line in live.stdout.splitlines() if line.startswith('{"summary":')]
    shown = run(TOOL, "show", "--summary=json", file)
    assert shown.stdout.splitlines() == own
    events = defaultdict(list)
    for event in running.read_events(file):
        events[event["image"]].append(event)
    return events, {s["image"]: s for s in summaries("\n".join(own))}


def check(events, s):
    process, end = events[0], events[-1]
    calls = [e for e in events if e["type"] == "alloc"]
    given = [e for e in calls if e["call"] != "free" and e["addr"]]
    assert (s["pid"], s["class"], s["exe"]) == (process["pid"], process["class"], process["exe"])
    assert s["changes"] == end["ledger"]["changes"] and s["unexplained"] == end["ledger"]["unexplained"]
    malloc = s["malloc"]
    assert (malloc["calls"], malloc["bytes"]) == (len(given), sum(e["size"] for e in given))
    assert {k: malloc[k] for k in ("frees", "live", "live_bytes")} == {k: end["allocations"][k] for k in ("frees", "live", "live_bytes")}
    assert {k: malloc[k] for k in ("heap", "mmap", "arena")} == {k: Counter(e["placement"] for e in given)[k] for k in ("heap", "mmap", "arena")}
    most = max(given, key=lambda e: e["live_bytes"], default=None)
    if most and most["live_bytes"] > 0 and process["origin"] != "fork":
        assert (malloc["most"]["bytes"], malloc["most"]["t_ns"]) == (most["live_bytes"], most["t_ns"])
    changes = [e for e in events if e["type"] == "region" and (e["after"] or e["before"])["owner"] == "program"]
    mapped = s["map"]["start"]["bytes"]
    peak = mapped
    for change in changes:
        mapped += change["delta"]
        peak = max(peak, mapped)
    assert (s["map"]["end"]["bytes"], s["map"]["most"]["bytes"]) == (mapped, peak)
    assert sum(c["changes"] for c in s["changes_by"]) == len(changes)
    heap = sum(t["bytes"] for t in end["totals"] if t["kind"] == "heap")
    assert s["heap"]["bytes"] == heap and s["heap"].get("blocks") == end.get("heap", {}).get("blocks")
    assert ("pinned_by" in s["heap"]) == ("pins" in end.get("heap", {}).get("last", {}))
    assert sum(c["bytes"] for c in s["callers"]) == malloc["bytes"] and sum(c["calls"] for c in s["callers"]) == malloc["calls"]
    assert sum(c["bytes"] for c in s["unfreed"]) == malloc["live_bytes"] and sum(c["calls"] for c in s["unfreed"]) == malloc["live"]
    assert [c["bytes"] for c in s["callers"]] == sorted((c["bytes"] for c in s["callers"]), reverse=True)
    by_caller = Counter()
    for event in given:
        by_caller[event.get("caller", "unknown")] += event["size"]
    told = Counter()
    for caller in s["callers"]:
        told[caller["place"].split(" <- ")[0]] += caller["bytes"]
    assert told == +by_caller
    if s["thresholds"]:
        moves = [e for e in events if e["type"] == "threshold"]
        assert s["thresholds"]["moves"] == len(moves)
        assert s["thresholds"]["mmap"] == (moves[-1]["mmap_threshold"] if moves else process["thresholds"]["mmap"])


@pytest.mark.parametrize("command, options", [
    (["map1"], []), (["map2"], []), (["map3", "40000"], []), (["map3", "40000"], ["-f"]), (["many_mallocs", "5000"], []), (["threads"], []),
    (["map3", "40000"], ["--backend=ptrace"])], ids=lambda words: " ".join(words))
def test_sums(tmp_path, programs, command, options):
    events, found = recorded(tmp_path, programs.labs / command[0], *command[1:], options=options)
    assert found.keys() == events.keys()
    for image in events:
        check(events[image], found[image])


def test_who_does_not_free(tmp_path, programs):
    program = programs.compile(tmp_path / "leaks", LEAKS)
    events, found = recorded(tmp_path, program)
    check(events[1], found[1])
    assert [(c["place"], c["calls"], c["bytes"]) for c in found[1]["unfreed"]] == [
        ("keep <stdin>:3 <- lose", 10, 10000), ("keep <stdin>:3 <- main", 1, 5)]
    text = subprocess.run([TOOL, "--summary", program], capture_output=True, text=True, env=running.environment(COLUMNS="80"), check=True).stderr
    assert re.search(r"(?m)^Not freed +bytes +blocks\n +9\.8K +10  keep <stdin>:3 <- lose\n +5B +1  keep <stdin>:3 <- main$", text)
    assert "START" not in text.split("SUMMARY")[0] and text.count("SUMMARY") == 1


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["map1", "map2", "map3", "many_mallocs", "threads", "lib_cos"])
def test_text_fits(programs, name, columns):
    done = subprocess.run([TOOL, "--summary", programs.labs / name], capture_output=True, text=True, env=running.environment(COLUMNS=str(columns)), check=True)
    lines = done.stderr[done.stderr.index("SUMMARY"):].splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= columns
    for part in ("Map ", "Heap ", "malloc ", "Changes by "):
        assert sum(line.startswith(part) for line in lines) == 1, part


def test_where_it_goes(tmp_path):
    """To a file beside the timeline; with data on the standard output only one of them."""
    file = tmp_path / "summary"
    done = run(TOOL, f"--summary={file}", LABS / "map1")
    assert file.read_text().lstrip().startswith("SUMMARY") and " EXIT 0" in done.stderr and "SUMMARY" not in done.stderr
    assert run(TOOL, "--summary=json", "--json", LABS / "map1").status == running.OWN_FAILURE
    assert summaries(run(TOOL, "--summary=json", "-q", LABS / "map1").stdout)[0]["end"] == "EXIT 0"


def test_behind_a_long_timeline(tmp_path, programs):
    """On a terminal, where the timeline has more than 200 lines."""
    for count, expected in (("3000", 1), ("3", 0)):
        command = f"stty cols 80 rows 40; exec {TOOL} --all {programs.labs / 'many_mallocs'} {count}"
        shown = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, env=running.environment(), check=True).stdout
        assert shown.count("SUMMARY") == expected
        assert not expected or shown.index("SUMMARY") > shown.index("EXIT 0")
