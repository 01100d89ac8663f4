#!/usr/bin/python3
"""Compares what commands do untraced and traced: a line for each command and backend, and how many are the same.

    differential.py [-j JOBS] [-b BACKEND[,BACKEND...]] [TEXT...]

With TEXT only the commands that contain one of these texts. Exit status: 0 all the same, 1 not, 2 wrong usage.
BUILD names the build to test (default: build/ of this checkout).
"""

import argparse
import os
import resource
import sys
from concurrent.futures import ProcessPoolExecutor

import command_lists
import compare_runs

WIDTH = 60  # of a command in the table


def results(command, backends):
    return list(compare_runs.compare(command, backends))


def print_results(command, found):
    """The lines of one command; the number of those that have passed."""
    for result in found:
        differs = ", ".join(result.differences)
        text = command.text if len(command.text) <= WIDTH else command.text[:WIDTH - 3] + "..."
        print(f"{command.bits}  {text:{WIDTH}}  {result.backend:6}  {'FAILED' if differs else 'passed'}  {differs}".rstrip())
        for what, how in result.differences.items():
            print("\n".join(f"      {line}"[:400] for line in f"{what}: {how}".splitlines()))
    sys.stdout.flush()
    return sum(not result.differences for result in found)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("-j", type=int, default=os.cpu_count(), dest="jobs")
    parser.add_argument("-b", type=lambda text: text.split(","), default=list(compare_runs.BACKENDS), dest="backends")
    parser.add_argument("texts", nargs="*")
    options = parser.parse_args()
    if not set(options.backends) <= compare_runs.BACKENDS.keys():
        parser.error(f"backends are {', '.join(compare_runs.BACKENDS)}")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    chosen = [command for bits in (64, 32) for command in command_lists.read(bits)
              if not options.texts or any(text in command.text for text in options.texts)]
    absent = {command: command.missing() for command in chosen}
    there = [command for command in chosen if not absent[command]]
    passed = total = 0
    print(f"bits {'command':{WIDTH - 1}}  backend result  what differs")
    with ProcessPoolExecutor(options.jobs) as pool:
        for command, found in zip(there, pool.map(results, there, [options.backends] * len(there))):
            passed += print_results(command, found)
            total += len(found)
    for command in chosen:
        if absent[command]:
            print(f"{command.bits}  skipped, there is no {', '.join(absent[command])}: {command.text}")
    print(f"{len(there)} commands, {len(chosen) - len(there)} skipped")
    print(f"{passed} passed, {total - passed} failed")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
