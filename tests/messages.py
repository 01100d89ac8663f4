"""The texts of the tool that are translated, as its source has them, and a catalogue of them."""

import ast
import re

PRI = {"PRIu64": "lu", "PRId64": "ld", "PRIx64": "lx", "PRIu32": "u", "PRId32": "d", "PRIx32": "x", "PRIu16": "u"}
PIECE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(PRI[uxd](?:16|32|64)))')


def literal(source, position):
    """(text of the string literals that begin there, where they end); None if there are none."""
    text, end = "", position
    while match := PIECE.match(source, end):
        text += match[1] if match[1] is not None else PRI[match[2]]
        end = match.end()
    return (ast.literal_eval(f'"{text}"') if end > position else None), end


def texts_of(source, sentences):
    """Texts in _() and N_(), first arguments of wrong() and take_yes(); in a table of sentences all of them."""
    for match in re.finditer(r'\bwrong\([^"()]*\?|\b(?:_|N_|wrong)\(|take_yes\([^,"]*,', source):
        text, end = literal(source, match.end())
        yield text
        if match[0].endswith("?") and (other := re.match(r"\s*:\s*", source[end:])):
            yield literal(source, end + other.end())[0]
    for match in re.finditer(r"\b[SP]\(\w+,", source) if sentences else ():
        text, end = literal(source, match.end())
        yield text
        if text and source[match.start()] == "P":
            yield literal(source, end + re.match(r"\s*,\s*", source[end:]).end())[0]


def messages(root):
    found = {}
    for path in sorted((root / "runner").rglob("*.[ch]")):
        source = re.sub(r"/\*.*?\*/|^#define[^\n]*", "", path.read_text(), flags=re.S | re.M)
        if path.stem != "translate":
            for text in texts_of(source, path.name == "sentences.c"):
                if text:
                    found.setdefault(text, path.relative_to(root))
    return found


def catalogue(path):
    """{original: translation} of a .po file."""
    found, key, parts = {}, None, {}
    for line in [*path.read_text().splitlines(), "msgid"]:
        if line.startswith(("msgid", "msgstr")):
            name, _, rest = line.partition(" ")
            if name == "msgid" and "msgstr" in parts:
                assert parts["msgid"] not in found, f"twice: {parts['msgid']}"
                found[parts["msgid"]] = parts["msgstr"]
            key, line = name, rest
            parts[key] = ""
        if line.startswith('"'):
            parts[key] += ast.literal_eval(line)
    found.pop("", None)
    return found
