"""The architecture as rules: which folder may use which, and no circle of files.

    python3 tests/rooms.py ROOT OBJECTS...     prints what is against the rules; status 1 if anything is
    python3 tests/rooms.py . build/unit/obj build/obj64 build/obj32     after `make all unit`

What uses what is read from the #include lines, and by nm(1) from the object files below each OBJECTS (they lie there
as their sources lie below ROOT). A header and the source of the same name are one file.
"""
import re
import subprocess
import sys
from pathlib import Path

# What a folder may use beside itself, directly; the folders are the first of these that the path begins with.
MAY_USE = {
    "schemas": [],
    "shim/base": ["schemas"],
    "shim/ring": ["shim/base", "schemas"],
    "shim/stacks": ["shim/ring", "shim/base", "schemas"],
    "shim/looks": ["shim/stacks", "shim/ring", "shim/base", "schemas"],
    "shim/kernel": ["shim/looks", "shim/stacks", "shim/ring", "shim/base", "schemas"],
    "shim": ["shim/kernel", "shim/looks", "shim/stacks", "shim/ring", "shim/base", "schemas"],
    # the doors that the program comes in by: the first call through any of them starts the tracing
    "shim/hooks": ["shim", "shim/kernel", "shim/looks", "shim/stacks", "shim/ring", "shim/base", "schemas"],
    "runner/base": ["schemas"],
    "runner/symbols": ["runner/base", "schemas"],
    "runner/model": ["runner/symbols", "runner/base", "schemas"],
    "runner/expect": ["runner/model", "runner/base", "schemas"],
    "runner/views": ["runner/expect", "runner/model", "runner/symbols", "runner/base", "schemas"],
    "runner/program": ["runner/base", "schemas"],
    "runner/replay": ["runner/model", "runner/base", "schemas"],
    "runner/ring": ["runner/model", "runner/symbols", "runner/program", "runner/base", "schemas"],
    "runner/ptrace": ["runner/model", "runner/symbols", "runner/program", "runner/base", "schemas"],
    "runner": ["runner/views", "runner/expect", "runner/ptrace", "runner/ring", "runner/replay", "runner/program", "runner/model",
               "runner/symbols", "runner/base", "schemas"],
}


# The functions that the compiler, too, calls by libc's names: for the shim they are in its own libc, so to speak.
LIBC = "shim/base/string"


def stem(path):
    return re.sub(r"\.(c|h|S)$", "", path)


def includes(root):
    """Pairs (file, file that it includes), both without their ending."""
    for side in ("schemas", "shim", "runner"):
        for path in sorted((root / side).rglob("*.[chS]")):
            name = str(path.relative_to(root))
            for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M):
                if not (root / included).is_file():
                    sys.exit(f"{name}: includes {included}, which is no path from the root")
                yield stem(name), stem(included)


def symbols(root, folder):
    """Pairs (file, file that defines a symbol which it uses) of the object files below a folder, where their sources
    are still there."""
    uses, defines = {}, {}
    for path in sorted(folder.rglob("*.o")):
        name = stem(re.sub(r"\.o$", "", str(path.relative_to(folder))))
        if not any((root / f"{name}{ending}").exists() for ending in (".c", ".S")):
            continue
        for line in subprocess.run(["nm", "-P", path], check=True, capture_output=True, text=True).stdout.splitlines():
            symbol, kind = line.split()[:2]
            if kind == "U":
                uses.setdefault(name, set()).add(symbol)
            elif kind.isupper() and name != LIBC:
                defines.setdefault(symbol, {})[side(name)] = name
    interposed = set(re.findall(r"\w+(?=;)", (root / "shim" / "exports.map").read_text()))
    for name, wanted in uses.items():
        if side(name) != "shim":
            wanted -= interposed  # that is libc's
        for found in (defines[symbol] for symbol in wanted & defines.keys()):
            yield name, found.get(side(name)) or found.get("schemas") or next(iter(found.values()))


def side(name):
    return name.partition("/")[0]


def room(name):
    return name.rpartition("/")[0]


def circles(graph):
    """The strongly connected components of more than one file (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = [stack.pop()]
            while component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def violations(root, objects):
    sys.setrecursionlimit(10000)
    graphs, lines = [set(includes(root))], []
    graphs += [graphs[0] | set(symbols(root, folder)) for folder in objects]
    for name, other in sorted(set.union(*graphs)):
        if room(name) not in MAY_USE:
            lines.append(f"{name}: {room(name)} is no room that the rules know")
        elif room(other) != room(name) and room(other) not in MAY_USE[room(name)]:
            lines.append(f"{name} uses {other}, but {room(name)} may not use {room(other)}")
    told = []
    for pairs in graphs:
        graph = {}
        for name, other in pairs:
            if name != other:
                graph.setdefault(name, set()).add(other)
        for circle in circles(graph):
            if circle not in told:
                told.append(circle)
                inside = [f"{a} -> {b}" for a in circle for b in sorted(graph[a]) if b in circle]
                lines.append(f"a circle of {len(circle)} files: " + ", ".join(inside))
    return lines


if __name__ == "__main__":
    found = violations(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
    print("\n".join(found))
    sys.exit(bool(found))
