"""`make bench`: what tracing costs, as ratios to the untraced program in the same run.

Untraced and traced runs alternate, so that what else the machine does hits both; medians are compared, and
the spread (the middle half of the runs) is shown. Written for people and, with --json FILE, for machines."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
TOOL = BUILD / "bin" / "procmap-trace"
VICTIMS = BUILD / "victims"
VICTIMS64 = BUILD / "victims64"
STRACE = ["strace", "--seccomp-bpf", "-f", "-e", "trace=memory", "-o", "/dev/null"]
SQL = """create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
insert into t select i, 'name ' || (i * 7919 % 100003), i / 3.0 from n;
create index by_name on t(name);
select count(*), sum(value), max(name) from t where name like 'name 1%';
select a.name, b.value from t a join t b on b.id = a.id + 1 order by a.name limit 20;
"""


def printed(pattern):
    """The program measures itself and prints the figure."""
    def measure(command, env, stdin):
        out = subprocess.run(command, env=env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=True, text=True).stdout
        return float(re.search(pattern, out).group(1))
    return measure


def elapsed_ms(command, env, stdin):
    start = time.perf_counter()
    subprocess.run(command, env=env, input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                   text=True)
    return (time.perf_counter() - start) * 1000


def foreign(name):
    """Path and environment of a 32-bit program that tests/setup/foreign.sh has unpacked."""
    for line in (BUILD / "foreign" / "programs.tsv").read_text().splitlines():
        program, path, *settings = line.split("\t")
        if program == name:
            return path, dict(setting.split("=", 1) for setting in settings)
    raise SystemExit(f"bench: no {name} in build/foreign; run tests/setup/foreign.sh")


def by_ptrace(options):
    """{way: command} of the ptrace backend, if this build has one."""
    usage = subprocess.run([TOOL, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    return {"ptrace": [TOOL, "--backend=ptrace", *options]} if "--backend" in usage else {}


def workloads(scratch):
    sqlite, sqlite_env = foreign("sqlite3")
    timeline = [TOOL, "-o", scratch / "timeline"]
    to_json = [TOOL, "-q", f"--json={scratch / 'trace.jsonl'}"]
    pair = printed(r"ns-per-pair ([0-9.]+)")
    round_ = printed(r"ns-per-round ([0-9.]+)")
    call = printed(r"ns-per-call ([0-9.]+)")
    ptrace = by_ptrace(["-o", scratch / "timeline"])
    return [
        # name, unit, measure, command, environment, standard input, runs, ways to trace
        ("malloc+free loop, 5 million pairs", "ns a pair", pair, [VICTIMS / "malloc_loop", "5000000"], {}, None, 9,
         {"timeline": timeline}),
        ("malloc+free, 64 bit, 5 million", "ns a pair", pair, [VICTIMS64 / "malloc_loop", "5000000"], {}, None, 9,
         {"timeline": timeline}),
        ("malloc+free loop, 1 million pairs", "ns a pair", pair, [VICTIMS / "malloc_loop", "1000000"], {}, None, 5,
         {"JSON": to_json}),
        ("sqlite3, a table of 100,000 rows", "ms", elapsed_ms, [sqlite, ":memory:"], sqlite_env, SQL, 9,
         {"timeline": timeline}),
        ("start and end of map1's process", "ms", elapsed_ms, [BUILD / "victims" / "malloc_loop", "1"], {}, None, 25,
         {"timeline": timeline}),
        ("mmap+munmap with 20 regions", "ns a round", round_, [VICTIMS / "many_regions", "20", "2000"], {}, None, 5,
         {"timeline": timeline}),
        ("mmap+munmap with 20,000 regions", "ns a round", round_, [VICTIMS / "many_regions", "20000", "2000"], {},
         None, 5, {"timeline": timeline}),
        ("getpid, 1 million calls", "ns a call", call, [VICTIMS / "getpid_loop", "1000000"], {}, None, 9,
         {"timeline": timeline, **ptrace}),
        ("getpid, 64 bit, 1 million calls", "ns a call", call, [VICTIMS64 / "getpid_loop", "1000000"], {}, None, 9,
         {"timeline": timeline, **ptrace}),
        ("mmap+munmap by ptrace", "ns a round", round_, [VICTIMS / "many_regions", "20", "5000"], {}, None, 9,
         {**ptrace, "strace": STRACE}),
        ("mmap+munmap by ptrace, 64 bit", "ns a round", round_, [VICTIMS64 / "many_regions", "20", "5000"], {}, None,
         9, {**ptrace, "strace": STRACE}),
    ]


def compare(workload):
    name, unit, measure, command, settings, stdin, runs, ways = workload
    env = {**os.environ, **settings}
    figures = {"untraced": [], **{way: [] for way in ways}}
    for _ in range(runs):
        figures["untraced"].append(measure(command, env, stdin))
        for way, tracer in ways.items():
            figures[way].append(measure([*tracer, *command], env, stdin))
    return {"workload": name, "unit": unit, "figures": figures}


def spread(values):
    quartiles = statistics.quantiles(values, n=4)
    return f"{quartiles[0]:.4g}..{quartiles[2]:.4g}"


def rows(result):
    base = statistics.median(result["figures"]["untraced"])
    for way, values in result["figures"].items():
        median = statistics.median(values)
        yield (result["workload"] if way == "untraced" else "", way, f"{median:.4g} {result['unit']}", spread(values),
               f"{median / base:.2f}x")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", default="", help="only workloads whose name contains this")
    options = parser.parse_args()
    results = []
    print(f"| {'workload':34} | {'way':9} | {'median':18} | {'middle half':18} | ratio  |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for workload in workloads(Path(scratch)):
            if options.only not in workload[0]:
                continue
            results.append(compare(workload))
            for row in rows(results[-1]):
                print("| {:34} | {:9} | {:18} | {:18} | {:6} |".format(*row), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
