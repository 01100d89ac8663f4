"""The manners of the timeline: what it leaves out adds up, what it shows can be typed, its lines fit."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest
from running import TOOL, environment, run, trace
from tracing import LABS

UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
REGION = re.compile(r"^ {14}([0-9a-f]{8,})-([0-9a-f]{8,}) ([rwxps-]{4}|    ) +([\d.]+)([BKMG]) (?:(\d+) regions|(\w+)) *(.*)$")
LIBRARY = re.compile(r"lib_\w+")
KERNEL = ("vdso", "vvar")


def shown_map(timeline):
    """The table at START: [(start, end, bytes, number of regions, kind or None, name)]."""
    rows = []
    for line in timeline.split(" START ")[1].split("\n\n")[0].splitlines():
        if found := REGION.match(line):
            start, end, _, size, unit, count, kind, name = found.groups()
            rows.append((int(start, 16), int(end, 16), int(size) * UNITS[unit], int(count or 1), kind, name))
    return rows


def start_map(events):
    """The program's regions at START, by the events: [(start, end, kind, path)]."""
    regions = [region for event in events if event["type"] == "snapshot" and event["reason"] == "start"
               for region in event["regions"] if region["owner"] == "program"]
    return [(int(r["start"], 16), int(r["end"], 16), r["kind"], r.get("path") or "") for r in regions]


@pytest.mark.parametrize("name", ["map1", "lib_cos", "threads"])
def test_each_library_is_one_line(tmp_path, name, programs):
    traced = trace(tmp_path, programs.labs / name)
    rows, regions = shown_map(traced.timeline), start_map(traced.events)
    assert sum(row[3] for row in rows) == len(regions)
    for start, end, size, count, kind, path in rows:
        inside = [region for region in regions if start <= region[0] and region[1] <= end]
        assert (len(inside), sum(r[1] - r[0] for r in inside)) == (count, size)
        if count > 1:
            assert all(LIBRARY.fullmatch(r[2]) for r in inside) or all(r[2] in KERNEL for r in inside)
            assert {r[3] for r in inside if r[2] != "lib_bss"} == {inside[0][3]} or inside[0][2] in KERNEL
            assert os.path.basename(inside[0][3]) == os.path.basename(path) or path == "vvar, vdso"
        else:
            assert kind == inside[0][2]
    libraries = {r[3] for r in regions if LIBRARY.fullmatch(r[2]) and r[3]}
    assert len([row for row in rows if row[3] > 1 and "vdso" not in row[5]]) == len(libraries)


def test_all_shows_each_region(tmp_path, programs):
    traced = trace(tmp_path, programs.labs / "map1", options=["--all"])
    rows, regions = shown_map(traced.timeline), start_map(traced.events)
    assert {(r[0], r[1], r[2]) for r in regions} <= {(row[0], row[1], row[4]) for row in rows}
    assert all(row[3] == 1 for row in rows)


@pytest.mark.parametrize("options", [[], ["--all"]])
def test_kinds_that_changed(tmp_path, options, programs):
    """The table at EXIT has them; the others are one line, and it adds up."""
    traced = trace(tmp_path, programs.labs / "map3", "40000", options=options)
    table = traced.timeline.split("since START\n")[1].split("changes of the map")[0]
    rows = re.findall(r"(?m)^ {14}(\w+|\d+ other kinds?) +(\d+) +([\d.]+)([KM]) +([=+-]\S*)$", table)
    totals = {t["kind"]: t for t in traced.exit["totals"] if t["kind"] != "tracer"}
    rows = [row for row in rows if row[0] != "tracer"]
    for kind, regions, size, unit, delta in rows:
        if kind in totals:
            assert (int(regions), int(size) * UNITS[unit]) == (totals[kind]["regions"], totals[kind]["bytes"])
            assert options or delta != "="
    assert sum(int(row[1]) for row in rows) == sum(t["regions"] for t in totals.values())
    heap = next(row for row in rows if row[0] == "heap")
    assert heap[4] == f"+{heap[2]}{heap[3]}"


@pytest.mark.parametrize("arguments", [["a b", "it's", "", "$HOME", "*"], ["x\n\t", "\\", "'"], ["plain", "--x=y", "ü€"], ["\x1b[31m"]])
def test_the_command_can_be_typed_again(tmp_path, arguments):
    """What the head says, read by bash, is what was run."""
    traced = trace(tmp_path, LABS / "map1", *arguments, env=environment(COLUMNS="1000"))
    command = next(line for line in traced.timeline.splitlines() if line.startswith("procmap-trace "))
    words = subprocess.run(["bash", "-c", "printf '%s\\0' " + command], capture_output=True, check=True).stdout.split(b"\0")[1:-1]
    assert [word.decode() for word in words] == traced.events[0]["argv"] == [str(LABS / "map1"), *arguments]


def test_arguments_that_are_left_out(tmp_path):
    traced = trace(tmp_path, "true", *["argument"] * 30, env=environment(COLUMNS="80"))
    assert re.search(r"(?m)^procmap-trace true argument .* \.\.\.$", traced.timeline)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("command", [["map2"], ["map3", "40000"], ["threads"], ["mmap_file"], ["mremap_grow"], ["mprotect_split"],
                                     ["dlopen_lib"], ["brk_direct"], ["shared_memory"], ["lib_cos_static"], ["many_mallocs", "3000"]], ids=" ".join)
def test_no_line_is_one_word(tmp_path, command, columns):
    """A sentence that does not fit is divided, but not for its last word."""
    timeline = trace(tmp_path, LABS / command[0], *command[1:], env=environment(COLUMNS=str(columns))).timeline
    assert re.findall(r"(?m)^ {14}\w.*\n {14}\S+$", timeline) == []


def test_a_terminal_that_becomes_narrower(programs):
    """The lines after that are wrapped accordingly."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    got = []

    def read():
        try:
            while chunk := os.read(master, 65536):
                got.append(chunk)
                if b"malloc(" in b"".join(got):
                    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 70, 0, 0))
                    inner.stdin.close()
        except OSError:
            pass

    inner = subprocess.Popen([TOOL, programs.victims / "narrower"], stderr=slave, stdout=subprocess.DEVNULL, stdin=subprocess.PIPE,
                             env=environment(COLUMNS=None, NO_COLOR="1"), start_new_session=True)
    reader = threading.Thread(target=read)
    reader.start()
    assert inner.wait(300) == 0
    os.close(slave)
    reader.join()
    os.close(master)
    lines = b"".join(got).decode().replace("\r", "").split("\n")
    later = next(i for i, line in enumerate(lines) if "malloc(300000)" in line)
    assert max(map(len, lines[later:])) <= 70 < max(map(len, lines[:later]))


def test_bytes_are_counted(tmp_path, programs):
    traced = trace(tmp_path, programs.victims / "narrower", input=b"")
    assert "the 1 byte back" in traced.timeline and "1 bytes" not in traced.timeline


def test_nothing_but_the_timeline_is_shorter(programs):
    """The ledger counts what is not shown one by one."""
    done = run(TOOL, programs.labs / "many_mallocs", "3000")
    assert b"all explained" in done.err


def on_a_terminal(*command):
    """What a terminal gets of the standard error."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    inner = subprocess.Popen(command, stderr=slave, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                             env=environment(COLUMNS=None, NO_COLOR="1"), start_new_session=True)
    os.close(slave)
    got = b""
    try:
        while chunk := os.read(master, 65536):
            got += chunk
    except OSError:
        pass
    os.close(master)
    assert inner.wait(300) == 0
    return got.decode().replace("\r", "")


def test_hints(tmp_path, programs):
    """Where people look at it, that addresses change, unless they do not; and that lines lack, where none is there."""
    source = "#include <stdlib.h>\nint main(void)\n{\n    free(malloc(10));\n    return 0;\n}\n"
    lines, bare = programs.compile(tmp_path / "lines", source), programs.compile(tmp_path / "bare", source, "-g0")
    fixed = programs.compile(tmp_path / "fixed", source, "-no-pie")
    assert "(--no-aslr: the same addresses in every run)" in on_a_terminal(TOOL, lines)
    assert "--no-aslr" not in on_a_terminal(TOOL, "--no-aslr", lines) + on_a_terminal(TOOL, fixed).split("\n\n")[2]
    assert "compile with -g" in trace(tmp_path, bare).timeline
    assert "compile with -g" not in trace(tmp_path, lines).timeline + trace(tmp_path, "/bin/ls").timeline
