"""compare: what the table and the sentences say is what size(1), the kernel's own map and the JSON of each run say."""

import re
import subprocess

import pytest

import running
from programs import NO_32_BIT, PROGRAMS32, PROGRAMS64
from tracing import TOOL


def compare(*sides, options=(), columns=80, **more):
    return subprocess.run([TOOL, "compare", *options, *map(str, sides)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env=running.environment(COLUMNS=str(columns)), **more)


def rows(text):
    """{label: cells} of the table; a label of two words or more stays one, and that of a row of its own goes with the next."""
    found, label = {}, None
    for line in text.split("in words")[0].splitlines():
        alone = re.fullmatch(r"  (\S.*: \w+ \w+)", line)
        if alone or line[:24].strip():
            label = alone[1] if alone else line[:24].strip()
        if not alone and line[24:].strip():
            found[label] = re.split(r" {2,}", line[24:].strip())
    return found


def words(text):
    return " ".join(text.split("in words")[1].split())


def recorded(folder, *command):
    file = folder / f"{'-'.join(map(str, command)).replace('/', '_')}.jsonl"
    done = running.run(TOOL, "-q", f"--json={file}", *command)
    assert done.status == 0
    return file, running.read_events(file)


def short(size):
    """As the tool writes sizes that are multiples of 1K."""
    return f"{size // 1024}K" if size % 1024 == 0 and size < 16 << 20 else None


def test_the_labs_exercise_3(tmp_path, programs):
    """map1 and map2: only the stack differs, and who uses it."""
    traces = {name: recorded(tmp_path, programs.labs / name) for name in ("map1", "map2")}
    done = compare(*(file for file, _ in traces.values()))
    assert done.returncode == 0 and max(map(len, done.stdout.splitlines())) <= 80
    table = rows(done.stdout)
    stacks = [next(t["bytes"] for t in events[-1]["totals"] if t["kind"] == "stack") for _, events in traces.values()]
    assert [cell.split()[0] for cell in table["stack"]] == [*map(short, stacks), f"+{short(stacks[1] - stacks[0])}"]
    for index, name in enumerate(traces):
        text, data, bss = subprocess.run(["size", programs.labs / name], capture_output=True, text=True, check=True).stdout.splitlines()[1].split()[:3]
        file = (programs.labs / name).stat().st_size
        for label, expected in (("text", int(text)), ("data", int(data)), ("bss", int(bss)), ("the file", file)):
            assert close(table[label][index], expected), (label, table[label], expected)
    assert re.search(r"the stack of B is \d+K larger: f2 map2\.c:\d+ uses 4\.0M of stack", words(done.stdout))
    mirrored = compare(*(file for file, _ in reversed(traces.values())))
    assert rows(mirrored.stdout)["stack"] == [*reversed(table["stack"][:2]), table["stack"][2].replace("+", "-")]
    assert "the stack of A is" in words(mirrored.stdout)


def close(cell, size):
    """Whether a rounded size is this one."""
    number, unit = re.fullmatch(r"([\d.]+)([BKM])", cell).groups()
    said = float(number) * {"B": 1, "K": 1024, "M": 1 << 20}[unit]
    return abs(said - size) <= (0.051 if "." in number else 0.51) * {"B": 0, "K": 1024, "M": 1 << 20}[unit]


def test_commands_are_as_their_traces(tmp_path, programs):
    commands = [f"{programs.labs / 'map3'} {count}" for count in (1000, 40000)]
    traces = [recorded(tmp_path, *command.split())[0] for command in commands]
    live, shown = compare(*commands), compare(*traces)
    assert live.returncode == shown.returncode == 0
    body = [re.sub(r"(?m)^ {24}\S.*\n", "", done.stdout, count=1) for done in (live, shown)]
    assert body[0] == body[1]
    assert "A has 4096 bytes in the heap, B has 160000 bytes in pages of its own; the mmap threshold is 128K at the start" in words(live.stdout)
    assert rows(live.stdout)["malloc: malloc_mmap added"] == ["-", "1x +160K"]


def test_four_sizes(programs):
    """The lab's question 6, in one table."""
    done = compare(*(f"{programs.labs / 'map3'} {count}" for count in (1000, 10000, 20000, 40000)))
    largest = rows(done.stdout)["the largest block"]
    assert done.returncode == 0 and len(largest) == 4 and close(largest[2], 80000) and close(largest[3], 160000)
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80
    assert "C has 80000 bytes in the heap, D has 160000 bytes in pages of its own" in words(done.stdout)


def test_no_difference(programs):
    done = compare(programs.labs / "map1", programs.labs / "map1")
    assert "A and B do not differ" in words(done.stdout) and " +" not in done.stdout.split("in words")[0]


def test_static_and_dynamic(programs):
    """Exercise 6."""
    done = compare(programs.labs / "lib_cos", programs.labs / "lib_cos_static")
    table = rows(done.stdout)
    assert done.returncode == 0 and "B is statically linked: it has no regions of libraries" in words(done.stdout)
    assert table["lib_code"][1] == "-" and table["lib_code"][0] != "-" and table["code"][2].startswith("+")


@pytest.mark.parametrize("sides, said", [
    (["/does/not/exist"], "/does/not/exist"), (["ls | cat"], "put it in quotes"), (["echo $(id)"], "commands in commands are not run"),
    (["echo 'a"], "a quote is not closed"), ([""], "which program?")])
def test_mistakes(tmp_path, programs, sides, said):
    """Each says what it is about, and nothing is executed but what is asked for."""
    done = compare(programs.labs / "map1", *sides, cwd=tmp_path)
    assert done.returncode == running.OWN_FAILURE and said in done.stderr and done.stdout == ""


def test_wrong_numbers_and_options(programs):
    for options, count in (((), 1), ((), 7), (("--json",), 2), (("-f",), 2)):
        done = compare(*[programs.labs / "map1"] * count, options=options)
        assert done.returncode == running.OWN_FAILURE and "compare" in done.stderr


@pytest.mark.parametrize("damage", ["empty", "half a line", "no process", "another version"])
def test_damaged_traces(tmp_path, programs, damage):
    """It is named, with what is wrong; the others are compared all the same, and the status says that one is missing."""
    file, _ = recorded(tmp_path, programs.labs / "map1")
    whole = file.read_text()
    content = {"empty": "", "half a line": whole[:len(whole.splitlines()[0]) + 30], "no process": whole.split("\n", 1)[1],
               "another version": whole.replace('"schema":1', '"schema":9', 1)}[damage]
    (tmp_path / "damaged").write_text(content)
    done = compare(file, tmp_path / "damaged")
    assert done.returncode == running.OWN_FAILURE and "damaged" in done.stderr and done.stdout == ""
    done = compare(file, tmp_path / "damaged", file)
    assert done.returncode == running.OWN_FAILURE and "damaged" in done.stderr and "A and B do not differ" in words(done.stdout)


def test_the_end_counts(programs):
    """Programs that differ in nothing but their status."""
    said = words(compare("true", "false").stdout)
    assert "the end of A: EXIT 0, that of B: EXIT 1" in said and "do not differ" not in said


def test_nothing_is_left_to_the_program(programs):
    """Not even the descriptor that its trace comes by."""
    done = compare("ls -l /proc/self/fd", "ls -l /proc/self/fd")
    assert done.returncode == 0 and "procmap-trace-compare" not in done.stderr and "/proc/" in done.stderr


def test_word_sizes(programs):
    pair = [folder / "map1" for folder in (PROGRAMS32.labs, PROGRAMS64.labs)]
    if not PROGRAMS32.run_here:
        pytest.skip(NO_32_BIT)
    assert "A is a 32-bit program, B a 64-bit one: addresses and pointers have 4 and 8 bytes" in words(compare(*pair).stdout)
    assert "A is a 64-bit program, B a 32-bit one: addresses and pointers have 8 and 4 bytes" in words(compare(*reversed(pair)).stdout)


def test_hostile_names(tmp_path, programs):
    """A name from a trace or an argument cannot move the cursor."""
    file, _ = recorded(tmp_path, programs.labs / "map1")
    evil = tmp_path / "\x1b[31mred"
    evil.write_text(file.read_text().replace('"exe":"', '"exe":"\\u001b[2J'))
    done = compare(file, evil)
    assert done.returncode == 0 and "\x1b" not in done.stdout
