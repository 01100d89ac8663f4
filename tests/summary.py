"""What `make check` says at its end: how many tests ran, which took longest, and in the last line the sum.

    python3 tests/summary.py RESULTS     status 1 if one has failed, or if a part has left no results
"""

import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

PARTS = {"unit": "unit.*.xml", "end-to-end": "e2e.xml"}  # files of JUnit's form
SLOWEST = 10


def outcome(case):
    found = {child.tag for child in case}
    return "failed" if found & {"failure", "error"} else "skipped" if "skipped" in found else "passed"


def why_skipped(results):
    """How many tests were left out for each reason."""
    return Counter(skip.get("message") or skip.text or "no reason given" for pattern in PARTS.values()
                   for path in results.glob(pattern) for skip in xml.parse(path).iter("skipped"))


def cases(results, pattern):
    """(outcome, seconds, name) of each test."""
    for path in sorted(results.glob(pattern)):
        for case in xml.parse(path).iter("testcase"):
            where = case.get("classname") or path.stem
            yield outcome(case), float(case.get("time", 0)), f"{where}::{case.get('name')}"


def main(results):
    parts = {part: list(cases(results, pattern)) for part, pattern in PARTS.items()}
    every = [case for part in parts.values() for case in part]
    sums = Counter(case[0] for case in every)
    print("\nTests: " + ", ".join(f"{len(part)} {name}" for name, part in parts.items()) + ". The slowest:")
    for _, seconds, name in sorted(every, key=lambda case: -case[1])[:SLOWEST]:
        print(f"{seconds:8.1f} s  {name}")
    for reason, count in why_skipped(results).most_common():
        print(f"  skipped   {count}: {reason}")
    for name in (name for what, _, name in every if what == "failed"):
        print(f"  failed    {name}")
    print(f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped")
    return bool(sums["failed"]) or not all(parts.values())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
