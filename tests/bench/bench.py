"""`make bench`: what tracing costs, for procmap-trace and for the tools that do something like it, in one run.

Prints the ratios and writes all figures to bench.json and bench.md in the build folder. What is run: workloads.py;
under what: tools.py; how: measure.py; the tables: report.py."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import report
from measure import Cell, compare
from tools import all_tools
from workloads import BITS, BUILD, all_workloads


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORKLOAD", help="only workloads whose name starts so")
    parser.add_argument("--bits", type=int, choices=BITS, help="only programs of this word size")
    parser.add_argument("--tool", action="append", default=[], metavar="TOOL", help="only these tools")
    parser.add_argument("--own", action="store_true", help="only procmap-trace, no peers")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS") or 7),
                        help="how many pairs of runs at most (BENCH_ROUNDS, %(default)s)")
    parser.add_argument("--seconds", type=float, default=1,
                        help="after this time a cell of the table gets no further pairs (%(default)s)")
    parser.add_argument("--limit", type=float, default=10, help="a run that takes longer is stopped (%(default)s seconds)")
    parser.add_argument("--output", type=Path, default=BUILD, metavar="FOLDER", help="where bench.json and bench.md go")
    parser.add_argument("--list", action="store_true", help="only list the names of workloads and tools")
    parser.add_argument("--readme", action="store_true", help="measure nothing: put the last run's tables into tests/bench/README.md")
    return parser.parse_args()


def progress(title):
    """Says on a terminal what is being run."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{title}: {text}", end="", file=sys.stderr, flush=True)


def chosen(options):
    tools = [tool for tool in all_tools() if (not options.tool or tool.key in options.tool) and (tool.own or not options.own)]
    workloads = [w for w in all_workloads() if options.bits in (None, w.bits)
                 and (not options.only or any(w.key.startswith(name) for name in options.only))]
    return workloads, tools


def measure_all(workloads, tools, options):
    for workload in workloads:
        if workload.missing:
            print(f"{workload.title}, {workload.bits} bit: left out: {workload.missing}", flush=True)
            yield report.row(workload, [Cell("untraced", workload.count, problem=f"left out: {workload.missing}")])
            continue
        start = time.monotonic()
        cells = compare(workload, [tool for tool in tools if tool.of_use(workload)], options.rounds, options.seconds,
                        options.limit, progress(workload.title))
        print("\r\033[K" if sys.stderr.isatty() else "", end="", file=sys.stderr)
        row = report.row(workload, cells)
        ratios = [f"{cell.tool} {report.ratio(row, row['cells'][i])}" for i, cell in enumerate(cells) if i]
        print(f"{workload.title}, {workload.bits} bit: {report.untraced_text(row)}; {', '.join(ratios)}"
              f" [{time.monotonic() - start:.0f} s]", flush=True)
        yield row


def write(doc, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(doc, indent=1) + "\n")
    (folder / "bench.md").write_text(report.full(doc))


def readme(folder):
    doc = json.loads((folder / "bench.json").read_text())
    report.README.write_text(report.put_between(report.README.read_text(), report.for_readme(doc)))


def main():
    options = arguments()
    if options.readme:
        readme(options.output)
        return 0
    workloads, tools = chosen(options)
    if options.list:
        print("workloads:", *dict.fromkeys(w.key for w in workloads))
        print("tools:", *[tool.key for tool in tools])
        return 0
    doc = report.document([], tools)
    if doc["machine"]["load_before"] > report.BUSY:
        print(f"note: this machine is busy (load {doc['machine']['load_before']}): expect ratios that are too high and differ\n")
    for row in measure_all(workloads, tools, options):
        doc["workloads"].append(row)
        write(doc, options.output)  # each time, so that what was measured stays if the rest is stopped
    for bits in BITS:
        table = report.overview(doc, bits)
        if table:
            print(f"\n{bits} bit: ratios to the untraced program\n\n{table}")
    print(f"\n{report.peers(doc)}\nall figures: {options.output / 'bench.md'}, {options.output / 'bench.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
