"""Exports: read by programs of others (ms_print, protoc, gzip) and compared with the sums of the events."""

import ast
import gzip
import re
import shutil
import subprocess
from collections import Counter, defaultdict

import pytest

import running
from tracing import ROOT, TOOL, run

PROGRAMS = [["labs/map3", "40000"], ["labs/many_mallocs", "2000"], ["labs/threads"], ["labs/dlopen_lib"]]


@pytest.fixture(params=PROGRAMS, ids=lambda words: words[0].split("/")[1])
def recorded(request, programs, tmp_path):
    """(events, trace, folder with an export of each kind that the live run wrote)"""
    kinds = ["folded", "folded-peak", "folded-growth", "massif", "pprof", "perfetto"]
    trace = tmp_path / "trace.jsonl"
    done = run(TOOL, "-q", f"--json={trace}", *(f"--export={kind}:{tmp_path / kind}" for kind in kinds),
               *programs.command(request.param))
    assert done.status == 0, done.stderr
    for kind in kinds:
        run(TOOL, "show", "-q", f"--export={kind}:{tmp_path / 'again'}", trace)
        assert (tmp_path / "again").read_bytes() == (tmp_path / kind).read_bytes(), kind
    return running.read_events(trace), trace, tmp_path


def account(events):
    """(live bytes by stack at the end, the most at once, growth by stack, all bytes and blocks)"""
    blocks, live, most, growth, total = {}, Counter(), 0, Counter(), [0, 0]
    for e in events:
        if e["type"] == "region" and e["delta"] > 0 and (e["after"] or e["before"])["owner"] == "program":
            growth[e["cause"].get("stack_id", 0)] += e["delta"]
        if e["type"] != "alloc":
            continue
        gone = e["addr"] if e["call"] == "free" else e.get("old_addr") if e["addr"] or not e["size"] else None
        if gone in blocks:
            stack, size = blocks.pop(gone)
            live[stack] -= size
        if e["call"] != "free" and e["addr"]:
            blocks[e["addr"]] = e["stack_id"], e["size"]
            live[e["stack_id"]] += e["size"]
            total[0] += e["size"]
            total[1] += 1
            most = max(most, sum(live.values()))
    return live, most, growth, total


def folded(path):
    """{stack: bytes} of a folded file"""
    found = Counter()
    for line in path.read_text().splitlines():
        match = re.fullmatch(r"(\S.*) (\d+)", line)
        assert match, line
        found[match[1]] += int(match[2])
    return found


def test_folded(recorded):
    events, _, folder = recorded
    live, most, growth, _ = account(events)
    assert sum(folded(folder / "folded").values()) == sum(live.values())
    assert most / 1.01 <= sum(folded(folder / "folded-peak").values()) <= most
    assert sum(folded(folder / "folded-growth").values()) == sum(growth.values())
    stacks = {e["id"]: [f.get("function") for f in e["frames"]] for e in events if e["type"] == "stack"}
    for stack, size in live.items():
        innermost = next((name for name in stacks.get(stack, []) if name), None)
        if size and innermost and "(" not in innermost:
            assert any(innermost in line.split(";") for line in folded(folder / "folded")), innermost


def test_massif(recorded):
    events, _, folder = recorded
    live, most, _, _ = account(events)
    if not shutil.which("ms_print"):
        pytest.skip("no ms_print")
    printed = subprocess.run(["ms_print", folder / "massif"], capture_output=True, text=True, check=True).stdout
    rows = [[int(cell.replace(",", "")) for cell in line.split()] for line in printed.splitlines()
            if re.fullmatch(r" *\d+ +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+", line)]
    assert len(rows) > 1 and [row[0] for row in rows] == list(range(len(rows)))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    useful = [row[3] for row in rows]
    assert useful[-1] == sum(live.values()) and most / 1.01 <= max(useful) <= most
    assert all(row[2] == row[3] + row[4] + row[5] for row in rows)
    stack = [e for e in events if e["type"] == "exit"][-1]["totals"]
    assert rows[-1][5] == next(t["bytes"] for t in stack if t["kind"] == "stack")
    assert "(peak)" in printed and "->" in printed


def decoded(kind, data):
    if not shutil.which("protoc"):
        pytest.skip("no protoc")
    views, name = ROOT / "runner" / "views", {"pprof": "pprof.Profile", "perfetto": "perfetto.Trace"}[kind]
    text = subprocess.run(["protoc", f"--decode={name}", f"--proto_path={views}", f"{kind}.proto"], input=data,
                          capture_output=True, check=True).stdout.decode()
    return parse(iter(text.splitlines()))


def parse(lines):
    """Protobuf's text format: {field: [values]}"""
    found = defaultdict(list)
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            found[line[:-2]].append(parse(lines))
        else:
            name, _, value = line.partition(": ")
            found[name].append(ast.literal_eval(value) if value.startswith('"') else int(value) if re.fullmatch(r"-?\d+", value) else value)
    return found


def test_pprof(recorded):
    events, _, folder = recorded
    live, most, _, (total, calls) = account(events)
    profile = decoded("pprof", gzip.decompress((folder / "pprof").read_bytes()))
    texts = profile["string_table"]
    assert texts[0] == "" and len(set(texts)) == len(texts)
    types = [(texts[t["type"][0]], texts[t["unit"][0]]) for t in profile["sample_type"]]
    assert types == [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"),
                     ("peak_objects", "count"), ("peak_space", "bytes")]
    sums = [sum(column) for column in zip(*(s["value"] for s in profile["sample"]))]
    assert sums[:2] == [calls, total] and sums[3] == sum(live.values()) and most / 1.01 <= sums[5] <= most
    locations = {location["id"][0]: location for location in profile["location"]}
    functions = {function["id"][0]: texts[function["name"][0]] for function in profile["function"]}
    assert all(number in locations for s in profile["sample"] for number in s["location_id"])
    assert all(line["function_id"][0] in functions for location in locations.values() for line in location["line"])
    assert "main" in functions.values()


def test_perfetto(recorded):
    events, _, folder = recorded
    packets = decoded("perfetto", (folder / "perfetto").read_bytes())["packet"]
    tracks = {t["uuid"][0]: t for p in packets for t in p["track_descriptor"]}
    names = {uuid: track["name"][0] for uuid, track in tracks.items() if track["name"]}
    assert all(track["parent_uuid"][0] in tracks for track in tracks.values() if track["parent_uuid"])
    assert packets[0]["sequence_flags"] == [1]
    depth, counters, instants, times = Counter(), {}, [], []
    for packet in packets:
        for event in packet["track_event"]:
            track, kind = event["track_uuid"][0], event["type"][0]
            assert track in tracks
            times.append(packet["timestamp"][0])
            depth[track] += {"TYPE_SLICE_BEGIN": 1, "TYPE_SLICE_END": -1}.get(kind, 0)
            assert 0 <= depth[track] <= 1, names.get(track)
            if kind == "TYPE_COUNTER":
                counters[names[track]] = event["counter_value"][0]
            if kind == "TYPE_INSTANT":
                instants.append(event)
    assert not +depth, "open slices"
    changes = [e for e in events if e["type"] == "region" and (e["after"] or e["before"])["owner"] == "program"]
    assert [i["name"][0] for i in instants] == [f"{e['cause']['call']} {e['change']}" for e in changes]
    for instant, change in zip(instants, changes):
        notes = {note["name"][0]: note["string_value"][0] for note in instant["debug_annotations"]}
        assert notes["why"] == change["why"] and notes.get("caller") == change["cause"].get("caller")
    ended = [e for e in events if e["type"] == "exit"][-1]
    totals = {t["kind"]: t["bytes"] for t in ended["totals"]}
    assert counters["mapped"] == sum(size for kind, size in totals.items() if kind != "tracer")
    assert counters["heap"] == totals.get("heap", 0) and counters["bytes in blocks"] == ended["allocations"]["live_bytes"]


def test_to_standard_output(programs):
    done = run(TOOL, "--export=folded", programs.labs / "map3", "40000")
    assert re.fullmatch(r"(\S.* \d+\n)+", done.stdout) and "@ malloc" in done.stderr
    both = run(TOOL, "--export=folded", "--export=massif", programs.labs / "map3")
    assert both.status == 125 and "two views for programs" in both.stderr
    wrong = run(TOOL, "--export=svg", programs.labs / "map3")
    assert wrong.status == 125 and "--export takes FORMAT" in wrong.stderr


def test_hostile_names(tmp_path, programs):
    """A function's name with a semicolon or a line end is still one frame of one line."""
    program = programs.compile(tmp_path / "names", r"""
        #include <stdlib.h>
        __attribute__((noinline)) void *hostile(void) { return malloc(100); }
        int main(void) { return !hostile(); }""", "-g0")
    subprocess.run(["objcopy", "--redefine-sym", "hostile=a;b", program], check=True)
    lines = run(TOOL, "--export=folded", program).stdout.splitlines()
    assert [line.rsplit(" ", 1)[0].split(";")[-1] for line in lines if line.endswith(" 100")] == ["a:b"]
