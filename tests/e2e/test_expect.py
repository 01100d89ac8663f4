"""--expect: a demand holds or does not as the events and the program itself say; each mistake in one is told where it is."""

import json
import re
import subprocess

import jsonschema
import pytest

import running
from tracing import ROOT, TOOL, run

LABS = ROOT / "tests" / "labs"
FAILED = 124


def expect(*demands, command, show=None, options=()):
    words = [f"--expect={demand}" for demand in demands]
    if show:
        return run(TOOL, "show", *words, "-q", show)
    return run(TOOL, "-q", *options, *words, *command)


@pytest.mark.parametrize("name, arguments", [("map1", []), ("map2", []), ("map3", ["40000"]), ("threads", [])])
def test_examples_of_the_lab(programs, name, arguments):
    done = expect(LABS / f"{name}.expect", command=[programs.labs / name, *arguments])
    count = len([line for line in (LABS / f"{name}.expect").read_text().splitlines() if line.split("#")[0].strip()])
    assert done.status == 0 and f"{count} of {count} demands hold\n" in done.stderr


def test_what_fails_is_told(tmp_path, programs):
    """Expected, was, where; a student's program with a smaller block fails the teacher's file."""
    done = expect(LABS / "map3.expect", command=[programs.labs / "map3", "1000"])
    assert done.status == FAILED
    assert f"EXPECTED  malloc(160000).placement == mmap\n     was  none  ({LABS / 'map3.expect'}:5)\n" in done.stderr
    assert "EXPECTED  threshold > 128K\n     was  128K" in done.stderr and "EXPECTED  exit.status" not in done.stderr
    done = expect("malloc(160000).placement == heap", command=[programs.labs / "map3", "40000"])
    assert done.status == FAILED and "     was  mmap, main map3.c:28\n" in done.stderr


@pytest.mark.parametrize("backend", ["preload", "ptrace"])
def test_values_are_those_of_the_events(tmp_path, programs, backend):
    """Each noun: the demand with the very value holds, with == and <=, and not with !=, < and >; live and by show."""
    trace = tmp_path / "trace.jsonl"
    command = [programs.labs / "map3", "40000"]
    assert run(TOOL, "-q", f"--backend={backend}", f"--json={trace}", *command).status == 0
    events = running.read_events(trace)
    end = events[-1]
    totals = {t["kind"]: t for t in end["totals"] if t["kind"] != "tracer"}
    changes = [e for e in events if e["type"] == "region" and (e["after"] or e["before"])["owner"] == "program"]
    mapped = sum(t["bytes"] for t in totals.values())
    values = {"exit.status": 0, "exit.signal": 0, "changes": len(changes), "unexplained": 0, "map.size": mapped,
              "allocations": end["allocations"]["calls"], "frees": end["allocations"]["frees"],
              "unfreed.blocks": end["allocations"]["live"], "unfreed.bytes": end["allocations"]["live_bytes"],
              "changes(malloc)": sum(c["cause"]["call"] == "malloc" for c in changes), "malloc(160000).count": 1, "malloc(7).count": 0,
              "threshold": [e["mmap_threshold"] for e in events if e["type"] == "threshold"][-1],
              "malloc_mmap.size": 0, "malloc_mmap.regions": 0}
    if backend == "preload":  # by ptrace the kernel has joined it with a neighbour, in some layouts
        values["malloc_mmap.most"] = programs.mmapped_size(160000)
    for kind, total in totals.items():
        values |= {f"{kind}.size": total["bytes"], f"{kind}.regions": total["regions"]}
    good = [f"{noun} {sign} {value}" for noun, value in values.items() for sign in ("==", "<=", ">=")]
    bad = [f"{noun} {sign} {value}" for noun, value in values.items() for sign in ("!=", "<", ">")]
    file = tmp_path / "demands"
    file.write_text("\n".join([*good, *bad]) + "\n")
    for done in (expect(file, command=command, options=[f"--backend={backend}"]), expect(file, command=command, show=trace)):
        assert done.status == FAILED
        assert [line[10:] for line in done.stderr.splitlines() if line.startswith("EXPECTED  ")] == bad
        assert f"{len(good)} of {len(good) + len(bad)} demands hold" in done.stderr


@pytest.mark.parametrize("demand, said", [
    ("heap.size", "no such file"), ("heap.size <", "1:12: expected a number"), ("heap.size <= 12Q", "expected the end of the number"),
    ("heap.colour == 1", "one of .size"), ("foo == 1", "1:1: expected a noun"), ("malloc(10).placement < mmap", "== or != for a placement"),
    ("malloc(10).placement == moon", "one of heap, mmap, arena"), ("malloc(x).count == 1", "expected a number"), ("changes(nobody) == 1", "name of a call"),
    ("heap.size = 1", "one of == !="), ("heap.size == 1 2", "the end of the demand"), ("heap.size == 99999999999999999999", "a number"),
    ("heap.size == 18446744073709551615G", "a number"), ("/does/not/exist", "no such file")])
def test_mistakes(programs, demand, said):
    done = expect(demand, command=[programs.labs / "map1"])
    assert done.status == running.OWN_FAILURE and said in done.stderr and done.stdout == ""


def test_where_a_mistake_is(tmp_path, programs):
    file = tmp_path / "demands"
    file.write_text("# comment\n\nheap.size <= 136K  # fine\nheap.sise <= 1\n")
    done = expect(file, command=[programs.labs / "map1"])
    assert done.status == running.OWN_FAILURE and f"{file}:4:6: expected one of .size" in done.stderr


def test_the_programs_status(tmp_path, programs):
    """It is the program's where all demands hold; a program that a signal ends can be demanded, too."""
    program = programs.compile(tmp_path / "ends", "#include <stdlib.h>\nint main(int c, char **v) { (void)v; if (c > 1) abort(); return 7; }\n")
    assert expect("exit.status == 7", command=[program]).status == 7
    assert expect("exit.status == 0", command=[program]).status == FAILED
    assert expect("exit.signal == 6", command=[program, "abort"]).status == -6
    assert expect("exit.signal == 0", command=[program, "abort"]).status == FAILED


def test_beside_other_views(tmp_path, programs):
    done = subprocess.run([TOOL, "--json", "--expect=unexplained == 0", "--expect=heap.regions == 7", programs.labs / "map1"], capture_output=True, text=True, check=False)
    assert done.returncode == FAILED and all(json.loads(line) for line in done.stdout.splitlines())
    assert "EXPECTED  heap.regions == 7" in done.stderr and "1 of 2 demands hold" in done.stderr


# ---- for programs ----

def report(tmp_path, programs, how):
    demands = tmp_path / "map3.expect"
    demands.write_text("malloc(160000).placement == heap # wrong\nheap.size <= 136K\nfrees == 7\n")
    return run(TOOL, f"--expect={demands}", f"--expect-format={how}", "-q", programs.labs / "map3", "40000"), demands


def test_json_report(tmp_path, programs):
    done, demands = report(tmp_path, programs, "json")
    schema = json.loads((ROOT / "schemas" / "expect.schema.json").read_text())
    said = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema).validate(said)
    assert done.status == 124 and said["failed"] == 2 and said["exe"] == str(programs.labs / "map3")
    assert [(d["demand"], d["holds"]) for d in said["demands"]] == [
        ("malloc(160000).placement == heap", False), ("heap.size <= 136K", True), ("frees == 7", False)]
    wrong = said["demands"][0]
    assert wrong["was"] == "mmap" and wrong["caller"].startswith("main map3.c:") and (wrong["file"], wrong["line"]) == (str(demands), 1)
    assert "@ malloc" in done.stderr, "the program's own output makes room"


def test_tap_report(tmp_path, programs):
    done, _ = report(tmp_path, programs, "tap")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["TAP version 14", "1..3"] and done.status == 124
    assert [line for line in lines if re.match("(not )?ok ", line)] == [
        "not ok 1 - malloc(160000).placement == heap", "ok 2 - heap.size <= 136K", "not ok 3 - frees == 7"]
    assert lines.count("  ---") == lines.count("  ...") == 2 and '  was: "mmap"' in lines


def test_unknown_format(programs):
    done = run(TOOL, "--expect=frees == 1", "--expect-format=xml", programs.labs / "map3")
    assert done.status == 125 and "--expect-format takes text, tap or json" in done.stderr
