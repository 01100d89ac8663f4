"""The page of --html: well formed, with exactly the data of the trace, harmless whatever the program is called; and where
there is a browser, that it shows what the data says."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser

import pytest

from browser import BROWSER, Browser
from running import OWN_FAILURE, assert_no_crash, run, sanitized_tool
from tracing import ROOT, TOOL, trace

VOID = {"meta", "input", "br"}
HOSTILE = ["</script><script>document.title='owned'</script>", "<!--<script>", "<img src=x onerror=alert(1)>", "]]>&lt;b>", "\u2028\"'\\", "@@DATA@@"]


class Page(HTMLParser):
    """All elements, each end tag with its start, and the text of those with an id."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, *sorted(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id", tag)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1][1]] = self.texts.get(self.open[-1][1], "") + data

    @property
    def data(self):
        return json.loads(self.texts["data"])


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def traced(tmp_path_factory, programs):
    """(page, trace) of one run of many_mallocs."""
    file = tmp_path_factory.mktemp("html") / "page.html"
    done = trace(programs.labs / "many_mallocs", "10000", tool_options=[f"--html={file}"])
    return page_of(file), done


def region(r):
    """What identifies a region in the trace, as of_page() has it of the page; a region of a Map has numbers."""
    start, end = (value if isinstance(value, str) else hex(value) for value in (r["start"], r["end"]))
    return (start, end, r["perms"], r["offset"], "%02x:%02x" % (r["dev_major"], r["dev_minor"]), r["inode"], r["path"])


def of_page(r):
    return (hex(r[0]), hex(r[1]), *r[2:7])


def test_changes_are_those_of_the_trace(traced):
    page, done = traced
    shown = [c for step in page.data["steps"] for c in step["ch"]]
    changes = done.changes()
    assert len(shown) == len(changes) == page.data["exit"]["changes"] > 0
    for c, event in zip(shown, changes):
        assert (c["c"], c["d"], c["why"]) == (event["change"], event["delta"], event["why"])
        assert {"code": c["code"], **c.get("args", {})} == event["reason"]
        for key, name in (("b", "before"), ("a", "after")):
            assert (c[key] and of_page(c[key])) == (event[name] and region(event[name]))


def test_changes_lead_to_the_map_at_exit(traced):
    """START and all changes, each taking its regions away and putting others there."""
    page, done = traced
    now = {of_page(r) for r in page.data["start"] if not r[8]}
    for c in (c for step in page.data["steps"] for c in step["ch"]):
        gone, come = [c["b"]], [c["a"]]
        if c["c"] == "split":
            come = c["p"]
        if c["c"] == "merged":
            gone = c["p"]
        gone, come = ({of_page(r) for r in side if r} for side in (gone, come))
        assert gone <= now
        now = now - gone | come
    assert now == {region(r) for r in done.map_at_exit() if r["owner"] == "program"}


def varints(column):
    value = shift = 0
    for byte in column:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def zigzag(value):
    return (value >> 1) ^ -(value & 1)


def calls_of(page):
    """[(number, call, time, size or None, address or None, stack, bytes in use behind it)] of the columns; numbers count the
    calls that are left out, too."""
    raw, at, columns = zlib.decompress(base64.b64decode(page.texts["calls"]), -15), 0, {}
    index = page.data["ev"]
    for name, size in index["cols"]:
        columns[name] = raw[at:at + size] if name in ("k", "pl", "why") else varints(raw[at:at + size])
        at += size
    assert at == len(raw)
    number, now, last, live, sizes, calls = 0, 0, 0, 0, [], []
    for kind in columns["k"]:
        number += next(columns["la"]) + next(columns["lf"])
        now += next(columns["t"])
        live += zigzag(next(columns["lb"]))
        back = next(columns["back"]) if kind & 64 else 0
        live -= sizes[len(sizes) - back] if back else 0
        size = address = None
        if kind & 32:
            last += zigzag(next(columns["addr"]))
            size, address = next(columns["size"]), hex(last << 3)
            sizes.append(size)
            live += size
        calls.append((number, index["names"][kind & 31], now, size, address, next(columns["st" if kind & 32 else "fst"]), live))
        number += 1
    assert (len(calls), len(sizes)) == (index["n"], index["m"])
    page.reasons = [line.partition("\t")[::2] for line in columns["why"].decode().splitlines()]
    return calls, number + sum(index["left"])


def told(number, event):
    """A call of the trace as calls_of() has it."""
    return (number, event["call"], event["t_ns"], event.get("size"), event["addr"] if event["call"] != "free" else None,
            event.get("stack_id", 0), event["live_bytes"])


def test_calls_are_those_of_the_trace(traced):
    page, done = traced
    events = done.of("alloc")
    assert len(events) > 20000
    assert calls_of(page) == ([told(number, event) for number, event in enumerate(events)], len(events))
    assert [code for code, _ in page.reasons] == [e.get("reason", {}).get("code", "") for e in events[:20000]]
    assert all(bool(code) == bool(why) for code, why in page.reasons)


def test_very_many_calls(tmp_path, programs):
    """Some are left out: those that are told are told right, with what is in use after them; and the page stays small."""
    file, recorded = tmp_path / "p.html", tmp_path / "t.jsonl"
    assert run(TOOL, "-q", f"--html={file}", f"--json={recorded}", programs.labs / "many_mallocs", "400000").status == 0
    events = [json.loads(line) for line in recorded.open() if line.startswith('{"type":"alloc"')]
    page = page_of(file)
    calls, count = calls_of(page)
    assert count == len(events) and 400000 <= len(calls) < count
    assert calls == [told(call[0], events[call[0]]) for call in calls]
    kept = {call[0] for call in calls}
    assert all(number in kept for number, e in enumerate(events) if e.get("placement") == "mmap" and e["call"] == "malloc")
    assert file.stat().st_size < 4 << 20


def test_very_many_changes(tmp_path, programs):
    source, file = tmp_path / "p.c", tmp_path / "p.html"
    source.write_text("""#include <sys/mman.h>
        int main(void)
        {
            for (int i = 0; i < 2500; i++)
                munmap(mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
            return 0;
        }""")
    subprocess.run(["gcc", f"-m{programs.bits}", source, "-o", tmp_path / "p"], check=True)
    done = trace(tmp_path / "p", tool_options=[f"--html={file}"])
    data = page_of(file).data
    *steps, last = data["steps"]
    assert len(steps) == 4000 and sum(len(s["ch"]) for s in steps) + last["many"] == data["exit"]["changes"] == len(done.changes())
    assert {of_page(r) for r in last["map"] if not r[8]} == {region(r) for r in done.map_at_exit() if r["owner"] == "program"}


def test_show_gives_the_same_page(tmp_path, programs):
    live, shown, recorded = (tmp_path / name for name in ("live.html", "shown.html", "trace.jsonl"))
    assert run(TOOL, "-q", f"--html={live}", f"--json={recorded}", programs.labs / "map3").status == 0
    done = run(sanitized_tool(), "show", "-q", f"--html={shown}", recorded)
    assert_no_crash(done)
    assert live.read_text() == shown.read_text()


def test_source(tmp_path, programs):
    file, text = tmp_path / "program.c", '#include <stdlib.h>\nint main(void)\n{\n    return !malloc(200000); // </script>\n}\n'
    file.write_text(text)
    subprocess.run(["gcc", f"-m{programs.bits}", "-g", file, "-o", tmp_path / "program"], check=True)
    for option, expected in (("yes", text), ("no", None)):
        assert run(TOOL, "-q", f"--html={tmp_path / 'p.html'}", f"--html-source={option}", tmp_path / "program").status == 0
        data = page_of(tmp_path / "p.html").data
        [source] = data["files"]
        assert (source["name"], source.get("text")) == ("program.c", expected)
        [entry] = [e for e in data["entries"] if e["call"] == "malloc"]
        assert [f[3] for f in data["stacks"][str(entry["stack"])] if f[2] == 0] == [4]


def hostile_run(tmp_path, programs):
    """The page of a program whose folder and arguments try to get out of where they are written."""
    folder = tmp_path / "<img src=x onerror=alert(1)><!--"
    folder.mkdir(exist_ok=True)
    program, file = folder / "map1", tmp_path / "hostile.html"
    shutil.copy(programs.labs / "map1", program)
    assert run(TOOL, "-q", f"--html={file}", program, *HOSTILE).status == 0
    return program, file


def test_hostile_names_create_no_element(tmp_path, programs):
    plain = tmp_path / "plain.html"
    assert run(TOOL, "-q", f"--html={plain}", programs.labs / "map1").status == 0
    program, file = hostile_run(tmp_path, programs)
    page = page_of(file)
    assert page.elements == page_of(plain).elements
    assert page.data["prog"]["argv"] == [str(program), *HOSTILE]
    assert page.data["prog"]["exe"] == str(program) and any(r[6] == str(program) for r in page.data["start"])
    assert "<" not in page.texts["data"]
    assert HOSTILE[0] in page.texts["title"]


def test_nothing_comes_from_the_network(tmp_path, programs):
    assert run(TOOL, "-q", f"--html={tmp_path / 'p.html'}", programs.labs / "map1").status == 0
    page = page_of(tmp_path / "p.html")
    [policy] = [dict(e[1:])["content"] for e in page.elements if ("http-equiv", "Content-Security-Policy") in e]
    assert policy.startswith("default-src 'none';") and "http" not in policy
    assert not [name for e in page.elements for name, _ in e[1:] if name in ("src", "href", "action")]


@pytest.mark.parametrize("wrapper, others", [(("env", "X=1"), 1), (("sh", "-c", '"$@"; exec "$@"', "sh"), 3)])
def test_followed(tmp_path, programs, wrapper, others):
    """The page is about the last image of the first process; show knows that, too."""
    live, shown, recorded = (tmp_path / name for name in ("live.html", "shown.html", "trace.jsonl"))
    done = run(TOOL, "-f", "-q", f"--html={live}", f"--json={recorded}", *wrapper, programs.labs / "map1", "7")
    assert done.status == 0
    data = page_of(live).data
    images = [json.loads(line) for line in recorded.open() if line.startswith('{"type":"process"')]
    last = [i for i in images if i["pid"] == images[0]["pid"]][-1]
    assert data["prog"]["argv"] == last["argv"] == [str(programs.labs / "map1"), "7"]
    assert (data["prog"]["pid"], data["others"]) == (last["pid"], len(images) - 1)
    assert data["others"] >= others
    ends = [json.loads(line) for line in recorded.open() if line.startswith('{"type":"exit"')]
    assert data["exit"]["changes"] == sum(len(s["ch"]) for s in data["steps"]) == next(e for e in ends if e["image"] == last["image"])["ledger"]["changes"]
    assert_no_crash(run(sanitized_tool(), "show", "-q", f"--html={shown}", recorded))
    assert live.read_text() == shown.read_text()


def test_html_on_stdout_moves_the_output_of_the_program(programs):
    done = run(TOOL, "--html", programs.labs / "map1")
    assert done.status == 0 and Page(done.out.decode()).data["exit"]["status"] == 0
    assert b"START" not in done.err and b"@ addr" in done.err


def test_two_on_stdout_are_refused(programs):
    done = run(TOOL, "--html", "--json", programs.labs / "map1")
    assert (done.status, done.out) == (OWN_FAILURE, b"") and b"cannot both go to the standard output" in done.err


# ---- how the page is put together ----

MODULES = ROOT / "runner" / "views" / "html"


def bundle(folder):
    return subprocess.run(["awk", "-f", MODULES / "bundle.awk", folder / "page.html"], capture_output=True, text=True)


def test_no_module_reads_text_as_html():
    for module in MODULES.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", module.read_text()), module


@pytest.mark.parametrize("a, b, expected", [
    ('import { y } from "./b.js";\nexport const x = y;\n', "export const y = 1;\n", "const y = 1;\n"),
    ('import { y } from "./b.js";\nconst x = y;\n', "export const y = 1;\nconst x = 2;\n", "have x"),
    ('import { y } from "./b.js";\n', 'import { x } from "./a.js";\nexport const y = 1;\n', "a circle of modules"),
    ('import { y } from "./c.js";\n', "", "no c.js"),
])
def test_bundle(tmp_path, a, b, expected):
    """Imported modules come first; the same name twice, a circle, a missing file end make."""
    for name, text in (("page.html", "<p>\n@@FILE a.js@@\n</p>\n"), ("a.js", a), ("b.js", b)):
        (tmp_path / name).write_text(text)
    done = bundle(tmp_path)
    if expected.endswith("\n"):
        assert done.returncode == 0 and done.stdout.index(expected) < done.stdout.index("const x = y;\n") and "export" not in done.stdout
    else:
        assert done.returncode == 1 and expected in done.stderr


# ---- in a browser ----

@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not BROWSER:
        pytest.skip("there is no browser here (chromium)")
    with contextlib.closing(Browser(tmp_path_factory.mktemp("browser"))) as opened:
        yield opened
        assert opened.said == []  # no exception, nothing that the policy refused


def card(browser):
    return browser.value("document.querySelector('.card').textContent")


def shown_map(browser):
    """[(start, end, perms)] of the map as text."""
    return [(int(a, 16), int(b, 16), perms) for a, b, perms in re.findall(
        r"([0-9a-f]{8,})-([0-9a-f]{8,}) (....) ", browser.value("[...document.querySelectorAll('#maptext div:not(.gone)')].map(e => e.textContent).join('\\n')"))]


def test_browser_shows_each_step(tmp_path, programs, browser):
    """With the arrow keys from step to step: the call, the system call, the change and why."""
    file = tmp_path / "p.html"
    assert run(TOOL, "-q", f"--html={file}", programs.labs / "many_mallocs").status == 0
    data = page_of(file).data
    browser.open(file.as_uri() + "#step=1")
    for number, step in enumerate(data["steps"], 1):
        shown, entry = card(browser), data["entries"][step["e"]]
        assert browser.value("location.hash") == f"#step={number}"
        assert entry["text"] in shown and step["sys"] in shown
        for c in step["ch"]:
            assert shown.count(c["why"][1:]) == 1
        assert browser.value("document.querySelector('#tc').getAttribute('aria-valuenow')") == str(number)
        browser.press("ArrowRight")
    assert browser.value("document.querySelector('.where b').textContent") == "EXIT"
    for key, where in (("Home", "START"), ("ArrowRight", f"Step 1 of {number}"), ("End", "EXIT"), ("ArrowLeft", f"Step {number} of {number}")):
        browser.press(key)
        assert browser.value("document.querySelector('.where b').textContent") == where


def test_browser_shows_the_map_at_start_and_exit(tmp_path, programs, browser):
    file = tmp_path / "p.html"
    done = trace(programs.labs / "map3", "40000", tool_options=[f"--html={file}"])
    browser.open(file.as_uri())
    browser.press("t")
    for key, expected in (("End", done.map_at_exit()), ("Home", done.map_at_start())):
        browser.press(key)
        assert shown_map(browser) == [(r.start, r.end, r["perms"]) for r in expected if r["owner"] == "program"]


def test_browser_search_and_help(tmp_path, programs, browser):
    file = tmp_path / "p.html"
    assert run(TOOL, "-q", f"--html={file}", programs.labs / "map3", "40000").status == 0
    data = page_of(file).data
    browser.open(file.as_uri() + "#step=0")
    for key in ("/", *"free(", "Enter"):
        browser.press(key)
    [wanted] = [e for e in data["entries"] if e["call"] == "free"]
    assert wanted["text"] in card(browser)
    assert browser.value("[...document.querySelectorAll('button')].filter(b => !(b.getAttribute('aria-label') || b.textContent.trim())).length") == 0
    browser.press("Escape")
    browser.press("?")
    assert browser.value("document.querySelector('#help').open") is True
    browser.press("Escape")
    assert browser.value("document.querySelector('#help').open") is False


def test_browser_tells_what_was_not_freed_in_a_range(tmp_path, programs, browser):
    file = tmp_path / "p.html"
    done = trace(programs.labs / "many_mallocs", "10000", tool_options=[f"--html={file}"])
    browser.open(file.as_uri())
    x, y, width = browser.value("(r => [r.left, r.top, r.width])(document.querySelector('#tc').getBoundingClientRect())")
    browser.drag(x + 60, y + 120, x + width - 15, y + 120)  # from where the lanes are named: from the start on
    shown = browser.value("document.querySelector('#rangebox').textContent")
    calls = [e for e in done.of("alloc") if e["call"] != "free"]
    assert f"allocated: {len(calls):,} " in shown and f"not freed in it: {done.exit['allocations']['live']:,} " in shown


def test_browser_is_not_owned(tmp_path, programs, browser):
    _, file = hostile_run(tmp_path, programs)
    browser.open(file.as_uri())
    browser.press("t")
    assert browser.value("document.querySelectorAll('img').length") == 0 and browser.value("document.querySelectorAll('script').length") == 3
    assert HOSTILE[0] in browser.value("document.querySelector('#prog').textContent") and browser.value("document.title") != "owned"
    assert HOSTILE[2] in browser.value("document.querySelector('#maptext').textContent")


def test_browser_shows_the_source(tmp_path, programs, browser):
    file = tmp_path / "program.c"
    file.write_text('#include <stdlib.h>\nint main(void)\n{\n    return !malloc(200000); /* </div><img src=x> */\n}\n')
    subprocess.run(["gcc", f"-m{programs.bits}", "-g", "program.c", "-o", "program"], check=True, cwd=tmp_path)
    assert run(TOOL, "-q", f"--html={tmp_path / 'p.html'}", tmp_path / "program").status == 0
    browser.open((tmp_path / "p.html").as_uri() + "#step=1")
    assert browser.value("[...document.querySelectorAll('#code .ln')].map(l => l.children[2].textContent).join('\\n')").split() == file.read_text().split()
    assert browser.value("document.querySelector('#code .cur .no').textContent") == "4"
    assert browser.value("document.querySelectorAll('img').length") == 0
