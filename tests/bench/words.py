"""words.py [LINES]: a program for the benchmark: makes lines of text, counts their words, sorts, writes and reads JSON."""

import json
import sys

lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
counts, longest = {}, ""
for number in range(lines):
    line = " ".join(f"word{number * step % 9973}" for step in (1, 7, 61, 1009))
    longest = max(longest, line, key=len)
    for word in line.split():
        counts.setdefault(word, []).append(number)
ordered = sorted(counts.items(), key=lambda item: (-len(item[1]), item[0]))
again = json.loads(json.dumps(dict(ordered)))
print(f"{lines} lines, {sum(len(places) for places in again.values())} words")
