"""What was measured, as tables: text for a terminal, Markdown for build/bench.md, a part of it for the README beside this file.

Everything is made from the document that is written as JSON (see `document`), so a table can be made again without measuring."""

import os
import platform
import re
import statistics
import time
from dataclasses import asdict
from pathlib import Path

BUSY = 0.7  # load average from which others take a part of the processors
README = Path(__file__).resolve().parent / "README.md"
README_BEGIN, README_END = "<!-- bench: begin -->", "<!-- bench: end -->"
README_ROWS = ("malloc-free", "malloc-free-deep", "threads-8", "sqlite3", "python", "compile", "map-20", "map-20000", "true")
README_TOOLS = ("all", "none", "json", "heaptrack", "massif", "dhat", "memusage", "strace")
README_DETAILS = ("sqlite3", 32)


# ---- the document ----

def machine():
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.M))
    return {"cpu": cpu, "processors": os.cpu_count(), "kernel": platform.release(),
            "system": release.get("PRETTY_NAME", "Linux"), "libc": " ".join(platform.libc_ver()),
            "load_before": round(os.getloadavg()[0], 2), "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC"}


def row(workload, cells):
    return {"key": workload.key, "bits": workload.bits, "title": workload.title, "unit": workload.unit,
            "count": workload.count, "loop": workload.is_loop, "looks": workload.looks,
            "cells": [asdict(cell) for cell in cells]}


def document(rows, tools):
    described = [{"key": tool.key, "title": tool.title, "own": tool.own, "version": tool.version(),
                  "missing": {bits: why for bits in (32, 64) if (why := tool.missing(bits))}} for tool in tools]
    return {"machine": machine(), "tools": described, "workloads": rows}


# ---- numbers ----

def spread(values):
    """(median, lowest, highest)"""
    return statistics.median(values), min(values), max(values)


def short(number):
    """Three figures, with commas: 1.23, 12.3, 123, 12,345."""
    if number < 9.995:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 99.95 else f"{number:,.0f}"


def size(count):
    """Bytes for people: 512, 1.2K, 34M."""
    for unit in ("", "K", "M"):
        if count < 1024:
            return f"{count:.0f}{unit}" if count >= 10 or not unit else f"{count:.1f}{unit}"
        count /= 1024
    return f"{count:.1f}G"


def extrapolated(workload, cell):
    """Whether a whole program ran with a smaller count: only what is linear in the count can be said then."""
    return not workload["loop"] and cell["count"] != workload["count"]


def ratio(workload, cell):
    """How a cell of the overview reads."""
    if cell["problem"]:
        return cell["problem"] if cell["problem"].startswith("no ") else "fails"
    if not cell["ratios"]:
        return "> limit" if cell["at_least"] else ""
    median = short(statistics.median(cell["ratios"]))
    sign = "> " if cell["at_least"] else "≈ " if extrapolated(workload, cell) else ""
    return f"{sign}{median}"


# ---- tables ----

def markdown(header, rows):
    """A Markdown table whose columns are also aligned in the source; the first column is text, the others numbers."""
    table = [header, *[[str(text) for text in line] for line in rows]]
    widths = [max(len(line[i]) for line in table) for i in range(len(header))]
    def line(texts):
        return "| " + " | ".join(text.ljust(w) if not i else text.rjust(w) for i, (text, w) in enumerate(zip(texts, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if not i else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, table[1:])])


def cell_of(workload, key):
    return next((cell for cell in workload["cells"] if cell["tool"] == key), None)


def untraced_text(workload):
    base = cell_of(workload, "untraced")
    if base["problem"]:
        return base["problem"]
    return f"{short(statistics.median(base['values']))} {workload['unit']}" if base["values"] else ""


def overview(doc, bits, keys=None, tools=None):
    """Ratios: a line for each workload, a column for each tool."""
    known = {tool["key"]: tool for tool in doc["tools"]}
    columns = [key for key in (tools or known) if key in known]
    lines = []
    for workload in doc["workloads"]:
        if workload["bits"] != bits or (keys and workload["key"] not in keys):
            continue
        cells = [cell_of(workload, key) for key in columns]
        lines.append([workload["title"], untraced_text(workload), *[ratio(workload, cell) if cell else "·" for cell in cells]])
    if not lines:
        return ""
    used = [i for i in range(len(columns)) if any(line[i + 2] != "·" for line in lines)]
    header = ["workload", "untraced", *[known[columns[i]]["title"] for i in used]]
    return markdown(header, [[*line[:2], *[line[i + 2] for i in used]] for line in lines])


def details(workload, doc):
    """Everything about one workload: a line for each tool."""
    titles = {"untraced": "untraced", **{tool["key"]: tool["title"] for tool in doc["tools"]}}
    lines = []
    for cell in workload["cells"]:
        title = titles[cell["tool"]]
        if cell["problem"]:
            lines.append([title, cell["problem"], *[""] * 7])
            continue
        mark = "> " if cell["at_least"] else "≈ " if extrapolated(workload, cell) else ""
        value = ratios = ("", "")
        if cell["values"]:
            value, ratios = ((short(median), f"{short(low)}..{short(high)}")
                             for median, low, high in (spread(cell["values"]), spread(cell["ratios"])))
        lines.append([title, mark + value[0], value[1], mark + ratios[0], ratios[1],
                      f"{cell['count']:,} in {short(statistics.median(cell['seconds']))} s" if cell["seconds"] else "",
                      size(cell["peak_kib"] * 1024) if cell["peak_kib"] else "",
                      size(cell["tool_kib"] * 1024) if cell["tool"] != "untraced" and cell["peak_kib"] else "",
                      size(cell["trace_bytes"]) if cell["trace_bytes"] else ""])
    header = ["", workload["unit"], "from..to", "ratio", "from..to", "repetitions, whole command", "peak memory", "of it the tool's",
              "trace"]
    return markdown(header, lines)


def threads(doc, bits):
    """malloc+free by 1, 2, 4, 8 threads: events a second, of which each pair has two."""
    found = {w["key"]: w for w in doc["workloads"] if w["bits"] == bits and re.fullmatch(r"threads-\d+", w["key"])}
    own = [tool for tool in doc["tools"] if tool["own"]]
    lines = []
    for key in sorted(found, key=lambda name: int(name.rpartition("-")[2])):
        workload, line = found[key], [key.rpartition("-")[2], untraced_text(found[key])]
        for tool in own:
            cell = cell_of(workload, tool["key"])
            known = cell and cell["values"]
            line.append(f"{short(2e3 / statistics.median(cell['values']))} M/s, {ratio(workload, cell)}x" if known else "·")
        lines.append(line)
    used = [i for i in range(len(own)) if any(line[i + 2] != "·" for line in lines)]
    return markdown(["threads", "untraced", *[own[i]["title"] for i in used]],
                    [[*line[:2], *[line[i + 2] for i in used]] for line in lines]) if lines else ""


# ---- texts ----

def where(doc):
    about = doc["machine"]
    busy = " (a busy machine: the figures are too high and differ)" if about["load_before"] > BUSY else ""
    return (f"{about['cpu']}, {about['processors']} processors, Linux {about['kernel']}, {about['system']}, {about['libc']}, "
            f"{about['date']}, load before the run {about['load_before']}{busy}")


HOW = """Each traced run has an untraced one just before it; a ratio is that of the two (medians of all such pairs, and from the lowest
to the highest). Loops measure themselves, so the start of a process is not in their figures; for whole programs the whole command
is timed, with the tool's own start and end. Slower tools repeat a loop less often (see "repetitions"). `≈`: a whole
program ran with less to do, and the figure is extrapolated: what each repetition costs beyond a run with none. `>`: stopped at
the time limit. `·`: the tool does not look at this. Peak memory is the sum of the peak resident sets (VmHWM) of the processes of the
command that live at the same time, so that memory which two processes share counts twice; "of it the tool's" is what goes
beyond the program alone. The trace is all the files that the tool wrote, as it wrote them (heaptrack compresses, the others do not)."""


def peers(doc):
    lines = [f"* {tool['version']}" for tool in doc["tools"][:1] if tool["own"]]
    for tool in doc["tools"]:
        missing = tool["missing"]
        here = tool["version"] or "no version"
        state = here if not missing else f"not used: {'; '.join(dict.fromkeys(missing.values()))} (make bench-deps installs it)" \
            if len(missing) == 2 else f"{here}; not used for {next(iter(missing))} bit: {next(iter(missing.values()))}"
        if not tool["own"]:
            lines.append(f"* {tool['title']}: {state}")
    return "\n".join(lines)


def full(doc):
    """build/bench.md"""
    parts = ["# What tracing costs", where(doc) + ".", HOW, peers(doc)]
    for bits in (32, 64):
        table = overview(doc, bits)
        if table:
            parts += [f"## Ratios, {bits} bit", table]
            if threads(doc, bits):
                parts += [f"## Events a second by the number of threads, {bits} bit", threads(doc, bits)]
    for workload in doc["workloads"]:
        parts += [f"## {workload['title']}, {workload['bits']} bit", details(workload, doc)]
    return "\n\n".join(parts) + "\n"


def for_readme(doc):
    """The most telling rows."""
    known = {tool["key"] for tool in doc["tools"]}
    tools = README_TOOLS if "all" in known else ("changes", *README_TOOLS)
    parts = [f"{where(doc)}."]
    for bits in (32, 64):
        table = overview(doc, bits, README_ROWS, tools)
        if table:
            parts += [f"Time of {bits}-bit programs, as ratios to the untraced run:", table]
    for workload in doc["workloads"]:
        if (workload["key"], workload["bits"]) == README_DETAILS:
            parts += [f"{workload['title']}, {workload['bits']} bit, also with its memory and the size of the trace:",
                      details(workload, doc)]
    return "\n\n".join(parts)


def put_between(text, part):
    """`text` with what lies between the markers replaced."""
    begin, end = text.index(README_BEGIN) + len(README_BEGIN), text.index(README_END)
    return f"{text[:begin]}\n{part}\n{text[end:]}"
