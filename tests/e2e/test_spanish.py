"""Spanish: the catalogue has every message, no other, with the same values in it; the screens are as wide as the English ones
and say the same; what programs read is the same in all languages."""

import re
import sys

import pytest

from tracing import ROOT, TOOL, run

sys.path.insert(0, str(ROOT / "tests"))
from messages import catalogue, messages  # noqa: E402

SPANISH = catalogue(ROOT / "runner" / "po" / "es.po")
DIRECTIVE = re.compile(r"%[-0 #+]*(?:\d+|\*)?(?:\.(?:\d+|\*))?((?:hh|h|ll|l|z)?[a-zA-Z%])|(\{[^}]*\})")
ENGLISH_WORDS = re.compile(r"\b(the|was|were|with|this|that|from|bytes of|changes|regions|block|free at|has|have|is|are|not)\b")


def values(text):
    """What is put into a text, in its order: types of printf(3); names in braces, whose order is free."""
    found = DIRECTIVE.findall(text)
    return [kind for kind, _ in found if kind], sorted(name for _, name in found if name)


def test_complete():
    found = messages(ROOT)
    assert not [text for text in found if text not in SPANISH], "to be translated"
    assert not [text for text in SPANISH if text not in found], "not in the source any more"


def test_same_values():
    wrong = {text: translated for text, translated in SPANISH.items() if values(text) != values(translated)}
    assert not wrong
    for text, translated in SPANISH.items():
        assert translated and text.count("\n") <= translated.count("\n") + 20
        assert text.endswith("\n") == translated.endswith("\n"), text
        assert (text[0] == " ") == (translated[0] == " ") or len(text) < 6 or text[0] == "%", text


def test_help():
    text = run(TOOL, "--lang=es", "--help").stdout
    assert text.startswith("Uso: procmap-trace") and max(map(len, text.splitlines())) <= 80
    english = run(TOOL, "--help").stdout
    options = re.compile(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-[A-Za-z])(?![\w-])")
    assert set(options.findall(text)) == set(options.findall(english))


@pytest.mark.parametrize("environment, spanish", [
    ({"LC_ALL": "es_ES.UTF-8"}, True), ({"LC_ALL": "", "LC_MESSAGES": "es"}, True), ({"LC_ALL": None, "LANG": "es_MX"}, True),
    ({"LC_ALL": "C", "LANG": "es_ES"}, False), ({"LC_ALL": None, "LC_MESSAGES": "en_US", "LANG": "es"}, False),
    ({"LC_ALL": "est"}, False)], ids=str)
def test_language_of_the_environment(environment, spanish):
    done = run(TOOL, "--help", env={"LANGUAGE": None, **environment})
    assert done.stdout.startswith("Uso:") == spanish
    assert run(TOOL, "--lang=en", "--help", env=environment).stdout.startswith("Usage:")


def test_unknown_language():
    done = run(TOOL, "--lang=xx", "/bin/true")
    assert done.status == 125 and "--lang takes en or es" in done.stderr
    assert "--lang admite en o es" in run(TOOL, "--lang=es", "--lang=xx", "/bin/true").stderr


VIEWS = [[], ["--all"], ["--summary"], ["--thresholds"], ["--where"], ["--resident=main"], ["-f"]]


@pytest.mark.parametrize("lab", ["map1", "map2", "map3", "threads", "dlopen_lib", "mmap_file", "crash", "many_mallocs"])
def test_screens(tmp_path, programs, lab):
    """80 columns hold the Spanish screens, too; the values in them, and the lines for each region, are the English ones."""
    file = tmp_path / "trace.jsonl"
    run(TOOL, "-q", "--where", "--resident=main", f"--json={file}", programs.labs / lab, *(["300"] if lab == "many_mallocs" else []))
    for options in VIEWS[:-1]:
        said = {}
        for language in "en", "es":
            view = [option for option in options if not option.startswith("--resident")] + \
                ["--resident" for option in options if option.startswith("--resident")]
            done = run(TOOL, "show", f"--lang={language}", "--color=never", *view, file, env={"COLUMNS": "80"})
            assert done.status == 0
            said[language] = done.stdout
        if programs.bits == 32 or options not in (["--all"],):
            assert max(map(len, said["es"].splitlines())) <= 80
        regions = {language: re.findall(r"[0-9a-f]{8,12}-[0-9a-f]{8,12} [-r][-w][-x][ps] +\S+", text) for language, text in said.items()}
        assert regions["es"] == regions["en"]
        assert sorted(re.findall(r"0x[0-9a-f]+|\b\d+\.\d{3} ms", said["es"])) == sorted(
            re.findall(r"0x[0-9a-f]+|\b\d+\.\d{3} ms", said["en"]))
        left = [line for line in said["es"].splitlines() if len(ENGLISH_WORDS.findall(line)) > 1]
        assert not left, left


def test_what_programs_read(tmp_path, programs):
    file = tmp_path / "trace.jsonl"
    run(TOOL, "-q", "--where", f"--json={file}", programs.labs / "map3", "40000")
    for view in ["--json"], ["--summary=json"], ["--thresholds=json"], ["--html"]:
        english, spanish = (run(TOOL, "show", f"--lang={language}", *view, file).stdout for language in ("en", "es"))
        assert english == spanish and english, view


def test_the_lab_in_spanish(programs):
    text = " ".join(run(TOOL, "--lang=es", programs.labs / "map3", "40000").stderr.split())
    for words in ("umbral de mmap (128K): el bloque recibe una región propia", "empieza el heap: malloc subió el límite",
                  "cambios del mapa, todos explicados", "FIN, estado 0"):
        assert words in text, words


def test_errors():
    done = run(TOOL, "--lang=es", "./no-such-program")
    assert done.status == 127 and "no hay tal programa" in done.stderr
    assert "¿qué programa?" in run(TOOL, "--lang=es").stderr


def test_compare(programs):
    done = run(TOOL, "compare", "--lang=es", f"{programs.labs / 'map3'} 1000", f"{programs.labs / 'map3'} 40000")
    assert done.status == 0 and "en palabras" in done.stdout and "el bloque mayor" in done.stdout
