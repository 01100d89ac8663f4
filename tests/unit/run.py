"""Runs the unit tests, as many at a time as there are processors.

    python3 tests/unit/run.py RESULTS PROGRAM...     status 1 if one fails

RESULTS is a folder for what each test did and how long it took, as JUnit's XML, for tests/summary.py.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def run(program, results):
    """Whether it has passed, and what it said."""
    report = results / f"unit.{program.rpartition('/unit/')[2].replace('/', '.')}.xml"
    report.unlink(missing_ok=True)  # cmocka overwrites no file
    done = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "xml", "CMOCKA_XML_FILE": str(report)})
    said = done.stdout.decode(errors="replace")
    if done.returncode == 0 and report.exists():
        return True, said
    if report.exists():
        said += report.read_text(errors="replace")
    else:  # it has crashed
        suite = xml.Element("testsuite")
        case = xml.SubElement(suite, "testcase", name="(all of it)", time="0")
        xml.SubElement(case, "failure").text = f"status {done.returncode}"
        xml.ElementTree(suite).write(report)
    return False, f"{said}\n{program}: FAILED with status {done.returncode}\n"


def main(results, programs):
    results.mkdir(parents=True, exist_ok=True)
    failed = False
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (passed, said) in zip(programs, pool.map(lambda program: run(program, results), programs)):
            print(f"== {program}\n{said}", end="", flush=True)
            failed |= not passed
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
