"""What several runs of one command have in common, so that another run can be compared with it.

What differs between the runs is masked: a word, or a run of blanks, of a line. Nothing is masked by what it looks like, so a
number that is the same in all of them must be the same in the other one, too.
"""

import re

WORDS = re.compile(rb"\w+|\s+|[^\w\s]")


class Line:
    """A line of all runs: the words that they share, in front and behind; in between any words, or these with gaps."""

    def __init__(self, versions):
        split = [WORDS.findall(version) for version in versions]
        self.shortest = min(map(len, split))
        if len(set(map(len, split))) == 1:
            self.words = with_blanks([words[0] if len(set(words)) == 1 else None for words in zip(*split)])
            self.tail = None
        else:
            self.words = common_start(split)
            self.tail = common_start([words[:len(self.words) - 1 if self.words else None:-1] for words in split])[::-1]

    def matches(self, text):
        words = WORDS.findall(text)
        if self.tail is None:
            return len(words) == len(self.words) and all(mine in (None, word) for mine, word in zip(self.words, words))
        enough = len(words) >= len(self.words) + len(self.tail)
        return enough and words[:len(self.words)] == self.words and words[len(words) - len(self.tail):] == self.tail

    def __str__(self):
        words = self.words if self.tail is None else [*self.words, None, *self.tail]
        shown = [b"<...>" if word is None else word for word, before in zip(words, [b"", *words]) if (word, before) != (None, None)]
        return show(b"".join(shown))


def with_blanks(words):
    """The same with the blanks in front of a masked word masked, too: a number may be aligned by them."""
    return [None if word and word.isspace() and follows is None else word for word, follows in zip(words, [*words[1:], b""])]


def common_start(lists):
    """The words that all lists begin with."""
    start = []
    for words in zip(*lists):
        if len(set(words)) > 1:
            break
        start.append(words[0])
    return start


def show(text):
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text.decode("utf-8", "backslashreplace"))


def difference(texts, other):
    """How a text differs from what `texts` have in common, in words; None if it does not."""
    split = [text.split(b"\n") for text in texts]
    if len(set(map(len, split))) > 1:
        return "untraced runs have different numbers of lines: nothing to compare with"
    got = other.split(b"\n")
    for number, versions in enumerate(zip(*split)):
        line = Line(versions)
        if number >= len(got):
            return f"line {number + 1} is missing: {line}"
        if not line.matches(got[number]):
            return f"line {number + 1} was: {line}\n{'is':>{len(str(number)) + 9}}: {show(got[number])}"
    if len(got) > len(split[0]):
        return f"line {len(split[0]) + 1} is new: {show(got[len(split[0])])}"
    return None
