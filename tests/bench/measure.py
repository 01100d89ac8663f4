"""Runs one command: its time, its peak memory, what it printed; and one workload under all tools, interleaved."""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


class Sampler(threading.Thread):
    """Peak resident memory of a process and all it starts: of those that live at the same time, the sum of what the kernel keeps
    as the peak of each (VmHWM). It looks again and again, so a process that lives for less than a millisecond may be missed."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0  # KiB
        self.over = threading.Event()

    def run(self):
        pause = 0.0005
        while not self.over.wait(pause):
            pause = min(pause * 1.1, 0.02)
            self.peak = max(self.peak, self.look(self.pid))

    def look(self, pid):
        try:
            program = os.readlink(f"/proc/{pid}/exe")
            status = Path(f"/proc/{pid}/status").read_text()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return 0
        peak = re.search(r"VmHWM:\s+(\d+)", status)
        own = int(peak[1]) if peak and program != OWN_PROGRAM else 0  # between fork and exec it is still us
        return own + sum(self.look(int(child)) for child in children)

    def total(self):
        """KiB; memory that two processes share counts twice."""
        self.over.set()
        self.join()
        return self.peak


OWN_PROGRAM = os.readlink("/proc/self/exe")


@dataclass
class Outcome:
    """A command that has ended; status None: it was stopped at the time limit."""
    status: int | None
    seconds: float
    out: str
    err: str
    peak_kib: int = 0
    trace_bytes: int = 0


def run(command, env=None, stdin="", limit=60.0, sample=False):
    """`command` gets words or a function of the scratch folder, whose other files count as the trace."""
    with tempfile.TemporaryDirectory(prefix="procmap-trace-bench-") as folder:
        scratch = Path(folder) / "trace"
        scratch.mkdir()
        words, settings = command(scratch)
        given, out, err = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin)
        late = threading.Event()
        with given.open() as in_, out.open("w") as out_, err.open("w") as err_:
            start = time.perf_counter()
            process = subprocess.Popen([str(word) for word in words], env={**os.environ, **(env or {}), **settings},
                                       stdin=in_, stdout=out_, stderr=err_, cwd=scratch, start_new_session=True)

            def stop():
                late.set()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            timer = threading.Timer(limit, stop)
            timer.start()
            sampler = Sampler(process.pid)
            if sample:
                sampler.start()
            try:
                status = process.wait()
                seconds = time.perf_counter() - start
            except BaseException:  # Ctrl-C: it is in a session of its own
                os.killpg(process.pid, signal.SIGKILL)
                raise
            finally:
                timer.cancel()
        peak = sampler.total() if sample else 0
        size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
        return Outcome(None if late.is_set() else status, seconds, out.read_text(errors="replace"),
                       err.read_text(errors="replace"), peak, size)


@dataclass
class Cell:
    """One workload under one tool. `values` are in the workload's unit, as if its full count had been run; `ratios` are to the
    untraced run beside it."""
    tool: str
    count: int
    values: list = field(default_factory=list)
    ratios: list = field(default_factory=list)
    seconds: list = field(default_factory=list)  # of the whole command, with this count
    peak_kib: int = 0  # of all processes of the command
    tool_kib: int = 0  # of it beyond what the program needs without the tool
    trace_bytes: int = 0  # with this count
    at_least: bool = False  # stopped at the time limit: the value is a lower bound
    problem: str = ""
    spent: float = 0.0

    @property
    def over(self):
        return bool(self.problem) or self.at_least


class Runner:
    """Runs a workload untraced or under a tool and checks that it did its work."""

    def __init__(self, workload, limit):
        self.workload, self.limit = workload, limit
        self.rest = {}  # {tool: seconds with a count of 0}

    def run(self, tool, count, sample=False):
        workload = self.workload

        def command(scratch):
            words = workload.command(count)
            return ([*tool.prefix(scratch, workload), *words], tool.env(scratch, workload)) if tool else (words, {})
        outcome = run(command, workload.env, workload.stdin(count), self.limit, sample)
        return outcome, self.problem(outcome, count)

    def problem(self, outcome, count):
        if outcome.status is None:
            return ""
        if outcome.status != 0:
            last = (outcome.err.strip().splitlines() or [""])[-1]
            return f"status {outcome.status}" + (f": {last[:80]}" if last else "")
        # a tool may print lines of its own before and after
        pattern = self.workload.expected(count)
        return "" if pattern == r"\A\Z" or re.search(pattern, outcome.out) else "its output is not the program's"

    def value(self, tool, outcome, count):
        """In the workload's unit, for its full count. A whole program with a smaller count is extrapolated: what each
        repetition costs beyond a run with none, plus that run."""
        if self.workload.is_loop:
            return float(re.search(self.workload.figure, outcome.out)[1])
        full = self.workload.count
        if count == full:
            return outcome.seconds * 1000
        if tool.key not in self.rest:
            self.rest[tool.key] = self.run(tool, 0)[0].seconds
        rest = min(self.rest[tool.key], outcome.seconds)
        return (rest + (outcome.seconds - rest) * full / count) * 1000


def compare(workload, tools, rounds, seconds, limit, progress=lambda text: None):
    """The cells of a workload: untraced first, then one a tool. Before each traced run there is an untraced one, so that
    what else the machine does hits both; the ratio is that of the two. The first run of each is not timed: it looks at the
    memory, and warms up."""
    runner = Runner(workload, limit)
    base = Cell("untraced", workload.count)
    cells = [(tool, Cell(tool.key, tool.count(workload))) for tool in tools]
    outcome, base.problem = runner.run(None, workload.count, sample=True)
    if base.problem or outcome.status is None:
        base.problem = base.problem or "does not end in time"
        return [base]
    base.peak_kib = outcome.peak_kib
    alone = {workload.count: outcome.peak_kib}
    for tool, cell in cells:
        progress(cell.tool)
        first_run(runner, tool, cell, base, alone, seconds)
    for number in range(rounds):
        for tool, cell in cells:
            if cell.over or (cell.spent > seconds and len(cell.values) >= least(tool, cell, seconds)):
                continue
            progress(f"{cell.tool} {number + 1}")
            pair(runner, tool, cell, base)
    for tool, cell in cells:
        if cell.at_least and not cell.problem and not cell.values:
            lower_bound(runner, cell, base)
    return [base, *(cell for _, cell in cells)]


def least(tool, cell, seconds):
    """How many pairs there are in any case; one is enough where a run takes so long that noise matters little."""
    slow = cell.seconds and min(cell.seconds) > seconds
    return 3 if tool.own else 1 if slow else 2


def first_run(runner, tool, cell, base, alone, seconds):
    """Looks at the memory. A run that takes long is not repeated for its time."""
    start = time.perf_counter()
    cell.problem = tool.missing(runner.workload.bits)
    if cell.problem:
        return
    outcome, cell.problem = runner.run(tool, cell.count, sample=True)
    cell.at_least = outcome.status is None
    cell.peak_kib, cell.trace_bytes = outcome.peak_kib, outcome.trace_bytes
    if cell.count not in alone:
        alone[cell.count] = runner.run(None, cell.count, sample=True)[0].peak_kib
    cell.tool_kib = max(0, cell.peak_kib - alone[cell.count])
    if cell.at_least or (not tool.own and outcome.seconds > seconds):
        add_pair(runner, tool, cell, base, runner.run(None, runner.workload.count), outcome)
    cell.spent = time.perf_counter() - start


def pair(runner, tool, cell, base):
    start = time.perf_counter()
    plain = runner.run(None, runner.workload.count)
    traced, cell.problem = runner.run(tool, cell.count)
    add_pair(runner, tool, cell, base, plain, traced)
    cell.spent += time.perf_counter() - start


def add_pair(runner, tool, cell, base, plain, traced):
    plain, problem = plain
    cell.problem = cell.problem or problem
    cell.seconds.append(traced.seconds)
    cell.at_least = cell.at_least or traced.status is None
    if problem or plain.status is None:
        return
    untraced = runner.value(None, plain, runner.workload.count)
    base.values.append(untraced)
    base.seconds.append(plain.seconds)
    base.ratios.append(1.0)
    if not cell.over:
        cell.values.append(runner.value(tool, traced, cell.count))
        cell.ratios.append(cell.values[-1] / untraced)


def lower_bound(runner, cell, base):
    """What can be said of a run that was stopped: all its time, against the untraced run's with the full count."""
    workload = runner.workload
    if base.values:
        passed = cell.seconds[-1] * (1e9 / cell.count if workload.is_loop else 1e3)
        cell.values = [passed]
        cell.ratios = [passed / statistics.median(base.values)]
