"""The benchmark measures what it says: its arithmetic and tables, and that every workload does its work under procmap-trace.
Nothing here looks at a time."""

import json
import os
import re
import subprocess
import sys

import pytest
from programs import BUILD, PROGRAMS, ROOT
from tracing import TOOL

sys.path.insert(0, str(ROOT / "tests" / "bench"))
os.environ["BUILD"] = str(BUILD)

import measure  # noqa: E402  (the benchmark's modules lie beside bench.py)
import report  # noqa: E402
import tools  # noqa: E402
import workloads  # noqa: E402

TINY = {"true": 1, "compile": 2, "sqlite3": 200, "python": 50, "perl": 50}
BITS = str(PROGRAMS.bits)
BENCH = ROOT / "tests" / "bench" / "bench.py"


def cell(tool, **fields):
    return {"tool": tool, "count": 10, "values": [], "ratios": [], "seconds": [], "peak_kib": 0, "tool_kib": 0, "trace_bytes": 0,
            "at_least": False, "problem": "", "spent": 0.0} | fields


def document(*cells, loop=True):
    base = cell("untraced", values=[20.0, 10.0, 30.0], ratios=[1.0] * 3, seconds=[0.5, 0.1, 0.2], peak_kib=2048)
    known = [{"key": "all", "title": "timeline", "own": True, "version": "1", "missing": {}},
             {"key": "heaptrack", "title": "heaptrack", "own": False, "version": "", "missing": {32: "no heaptrack", 64: "no heaptrack"}},
             {"key": "strace", "title": "strace", "own": False, "version": "6", "missing": {}}]
    rows = [{"key": "malloc-free", "bits": 32, "title": "loop", "unit": "ns/pair", "count": 10, "loop": loop, "looks": "heap",
             "cells": [base, *cells]}]
    about = {"cpu": "a", "processors": 2, "kernel": "6", "system": "s", "libc": "g", "load_before": 0.1, "date": "d"}
    return {"machine": about, "tools": known, "workloads": rows}


def test_numbers():
    assert report.spread([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert report.spread([4.0, 1.0]) == (2.5, 1.0, 4.0)
    assert [report.short(n) for n in (0.5, 9.99, 9.996, 99.94, 99.96, 43846.2)] == ["0.50", "9.99", "10.0", "99.9", "100", "43,846"]
    assert [report.size(n) for n in (512, 1024, 20 << 10, 5 << 19, 3 << 30)] == ["512", "1.0K", "20K", "2.5M", "3.0G"]


def test_markdown_table():
    table = report.markdown(["", "a"], [["one", 1], ["three", "2.50"]])
    assert table == "|       |    a |\n|-------|-----:|\n| one   |    1 |\n| three | 2.50 |"


@pytest.mark.parametrize("fields, loop, text", [
    ({"ratios": [1.5, 1.0, 9.0]}, True, "1.50"),
    ({"ratios": [2.0], "count": 5}, False, "≈ 2.00"),
    ({"ratios": [2.0], "count": 5}, True, "2.00"),
    ({"ratios": [300.0], "at_least": True}, True, "> 300"),
    ({"problem": "no ltrace"}, True, "no ltrace"),
    ({"problem": "status -11"}, True, "fails"),
])
def test_ratio(fields, loop, text):
    one = cell("all", **fields)
    assert report.ratio(document(one, loop=loop)["workloads"][0], one) == text


def test_overview_says_what_is_missing():
    doc = document(cell("all", values=[40.0], ratios=[2.0]), cell("heaptrack", problem="no heaptrack"))
    lines = report.overview(doc, 32).splitlines()
    assert [word.strip() for word in lines[2].split("|")[1:-1]] == ["loop", "20.0 ns/pair", "2.00", "no heaptrack"]
    assert report.overview(doc, 64) == ""
    assert "heaptrack: not used: no heaptrack (make bench-deps" in report.peers(doc)
    assert "no heaptrack" in report.details(doc["workloads"][0], doc)


def test_a_workload_that_is_left_out_is_in_the_table():
    doc = document()
    doc["workloads"][0]["cells"] = [cell("untraced", problem="left out: no Perl")]
    assert "left out: no Perl" in report.overview(doc, 32) and "left out: no Perl" in report.full(doc)


def test_full_report_and_readme():
    doc = document(cell("all", values=[40.0, 60.0], ratios=[2.0, 3.0], seconds=[0.1], peak_kib=4096, tool_kib=2048, trace_bytes=99))
    line = next(line for line in report.full(doc).splitlines() if line.startswith("| timeline"))
    assert [word.strip() for word in line.split("|")[1:-1]] == \
        ["timeline", "50.0", "40.0..60.0", "2.50", "2.00..3.00", "10 in 0.10 s", "4.0M", "2.0M", "99"]
    text = f"a\n{report.README_BEGIN}\nold\n{report.README_END}\nb\n"
    new = report.put_between(text, report.for_readme(doc))
    assert "old" not in new and "2.50" in new and new.startswith("a\n") and new.endswith("\nb\n")
    assert report.put_between(new, report.for_readme(doc)) == new


def test_readme_has_the_markers():
    assert report.README == ROOT / "tests" / "bench" / "README.md"
    text = report.README.read_text()
    assert text.count(report.README_BEGIN) == text.count(report.README_END) == 1


def test_lower_bound_of_a_stopped_run():
    workload = next(w for w in workloads.all_workloads() if w.key == "malloc-free")
    stopped = measure.Cell("slow", 1000, seconds=[2.0], at_least=True)
    base = measure.Cell("untraced", workload.count, values=[20.0])
    measure.lower_bound(measure.Runner(workload, 2), stopped, base)
    assert stopped.values == [2e6] and stopped.ratios == [1e5]


def test_pairs_are_interleaved_and_enough():
    """However little time there is; no run is looked at, only their number."""
    workload = next(w for w in workloads.all_workloads() if w.key == "malloc-free" and not w.missing)
    own = next(tool for tool in tools.own_ways() if tool.key == "quiet")
    absent = tools.Tool("absent", "absent", lambda scratch, w: ["absent"], missing=lambda bits: "no absent")
    peer = tools.Tool("peer", "peer", lambda scratch, w: ["env", "A=1"], at_most=tools.limits(1000, 1000))
    base, first, none, second = measure.compare(workload, [own, absent, peer], rounds=5, seconds=0, limit=60)
    assert (len(first.values), len(none.values), none.problem) == (3, 0, "no absent")
    assert 1 <= len(second.values) <= 2 and second.count == 1000
    assert len(base.values) == len(first.values) + len(second.values)


def test_a_run_is_stopped_at_the_limit():
    outcome = measure.run(lambda scratch: (["sleep", "60"], {}), limit=0.2)
    assert outcome.status is None


def test_peak_memory_of_all_processes():
    large = "/usr/bin/perl -e '$a = \"\"; vec($a, 30 << 20, 8) = 1; sleep 1' & "
    outcome = measure.run(lambda scratch: (["sh", "-c", 2 * large + "wait"], {}), sample=True)
    assert outcome.status == 0 and 60 << 10 < outcome.peak_kib < 100 << 10


def test_a_run_leaves_its_trace_counted():
    outcome = measure.run(lambda scratch: (["sh", "-c", f"cat; printf 12345 >{scratch}/trace"], {}), stdin="given")
    assert (outcome.status, outcome.out, outcome.trace_bytes) == (0, "given", 5)


WORKLOADS = workloads.all_workloads()


@pytest.mark.parametrize("index", range(len(WORKLOADS)), ids=[f"{w.key}-{w.bits}" for w in WORKLOADS])
def test_workload_under_procmap_trace(index, request):
    """With next to nothing to do: its output is as expected, and every way to trace works."""
    if WORKLOADS[index].key in ("sqlite3", "python", "perl", "true"):
        request.getfixturevalue("brought")
    workload = workloads.all_workloads()[index]
    if workload.missing:
        pytest.skip(workload.missing)
    runner = measure.Runner(workload, 120)
    for tool in [None, *tools.own_ways()]:
        if tool and not tool.of_use(workload):
            continue
        outcome, problem = runner.run(tool, TINY.get(workload.key, 100))
        assert outcome.status == 0 and not problem, f"{tool and tool.key}: {problem} {outcome.err[-500:]}"
        if workload.is_loop:
            assert float(re.search(workload.figure, outcome.out)[1]) > 0


@pytest.fixture(scope="session")
def brought():
    """The programs that nobody here wrote, as far as a registry answers."""
    subprocess.run([ROOT / "tests" / "setup" / "foreign.sh", BUILD / "foreign"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=900, check=False)


def test_command(tmp_path):
    """The whole way, smallest: one workload, one tool, one pair of runs."""
    done = subprocess.run([sys.executable, "-B", BENCH, "--only", "map-20", "--bits", BITS, "--tool", "changes", "--rounds", "1",
                           "--output", tmp_path], env={**os.environ, "BUILD": str(BUILD)}, stdout=subprocess.PIPE, text=True,
                          timeout=300, check=True)
    doc = json.loads((tmp_path / "bench.json").read_text())
    assert [w["key"] for w in doc["workloads"]] == ["map-20", "map-2000", "map-20000"]
    assert all(len(cell["values"]) == 1 and not cell["problem"] for w in doc["workloads"] for cell in w["cells"])
    assert "mmap+munmap, 20 regions" in done.stdout and f"## mmap+munmap, 20 regions, {BITS} bit" in (tmp_path / "bench.md").read_text()
    assert TOOL.exists()
