"""Mistakes that people make on the command line get the word that helps: what was meant, as it is to be typed."""

import os
import shlex
import shutil
import subprocess

import pytest
from running import CANNOT_EXECUTE, NOT_FOUND, OWN_FAILURE, TOOL, messages, run
from tracing import LABS


@pytest.fixture
def folder(tmp_path):
    """Where a student works: a program, its source, a trace of it."""
    shutil.copy(LABS / "map1", tmp_path)
    shutil.copy(LABS / "map1", tmp_path / "with blank")
    shutil.copy(LABS / "map1", tmp_path / "closed")
    (tmp_path / "closed").chmod(0o644)
    for name in ("hello.c", "hello.cpp", "hello.py", "two words.c"):
        (tmp_path / name).write_text("int main() { return 0; }\n")
    (tmp_path / "marked.c").write_text("int main() { return 0; }\n")
    (tmp_path / "marked.c").chmod(0o755)
    assert run(TOOL, "-q", f"--json={tmp_path / 'trace.jsonl'}", "./map1", cwd=tmp_path).status == 0
    return tmp_path


def answer(folder, status, *words):
    """The only message to a command."""
    done = run(TOOL, *words, cwd=folder)
    assert (done.status, done.out) == (status, b"")
    said = messages(done.err)
    assert len(said) == 1, said
    return said[0]


@pytest.mark.parametrize("words, helps", [
    (["map1"], "map1: no such program; did you mean ./map1?"),
    (["map1", "400"], "did you mean ./map1?"),
    (["--json", "map1", "400"], "did you mean ./map1?"),
    (["./mpa1"], "did you mean ./map1?"),
    (["map"], "did you mean ./map1?"),
    (["with  blank"], "did you mean './with blank'?"),
    (["hello.c"], "compile it first: gcc -g hello.c -o hello; then: procmap-trace ./hello"),
    (["two words.c"], "gcc -g 'two words.c' -o 'two words'; then: procmap-trace ./'two words'"),
    (["hello.cpp"], "g++ -g hello.cpp -o hello"),
    (["hello.py"], "procmap-trace python3 hello.py"),
    (["closed"], "chmod +x closed"),
    (["./map1 400"], "without the quotes"),
    (["ls -l"], "without the quotes"),
    (["trace.jsonl"], "procmap-trace show trace.jsonl"),
    (["--json", "trace.jsonl", "./map1"], "the file of --json follows without a blank: --json=trace.jsonl"),
    (["--json", "new.jsonl", "ls"], "--json=new.jsonl"),
    (["-f", "--timeline", "new", "./map1"], "the file of --timeline follows without a blank: --timeline=new"),
    (["--json", "show", "trace.jsonl"], "show comes first: procmap-trace show [OPTION...] trace.jsonl"),
    (["-a", "show", "trace.jsonl"], "show comes first"),
    (["1"], "procmap-trace -p 1"),
])
def test_no_program(folder, words, helps):
    assert helps in answer(folder, NOT_FOUND, *words)


@pytest.mark.parametrize("word, helps", [
    ("./closed", "Permission denied; to make it executable: chmod +x ./closed"),
    ("./hello.c", "gcc -g ./hello.c -o ./hello; then: procmap-trace ./hello"),
    ("./marked.c", "gcc -g ./marked.c -o ./marked; then: procmap-trace ./marked"),
    ("./trace.jsonl", "it is a trace: procmap-trace show ./trace.jsonl"),
])
def test_not_a_program(folder, word, helps):
    assert helps in answer(folder, CANNOT_EXECUTE, word)


@pytest.mark.parametrize("words", [["./map1"], ["map1"], ["ls"], ["-a", "./map1"]])
def test_show_of_a_program(folder, words):
    program = "./map1" if words[-1] == "map1" else words[-1]
    assert f"it is a program, not a trace; record one first: procmap-trace --json=FILE {program}" in answer(folder, OWN_FAILURE, "show", *words)


@pytest.mark.parametrize("word, meant", [
    ("--jsn", "--json"), ("--jsno=x", "--json"), ("-json", "--json"), ("--noaslr", "--no-aslr"), ("--colour=never", "--color"),
    ("--no_aslr", "--no-aslr"), ("-stacks=none", "--stacks"), ("--folow", "--follow"), ("-timeline", "--timeline")])
def test_an_option_that_there_is_not(folder, word, meant):
    done = run(TOOL, word, "./map1", cwd=folder)
    assert (done.status, done.out) == (OWN_FAILURE, b"")
    assert f"\nDid you mean {meant}?\nUsage: ".encode() in done.err


@pytest.mark.parametrize("word", ["-follow", "-all", "-pid=1", "-help", "-output", "-quiet"])
def test_a_long_option_with_one_hyphen(folder, word):
    """getopt would take -follow as -f -o llow, and write to a file of that name."""
    before = sorted(os.listdir(folder))
    done = run(TOOL, word, "./map1", cwd=folder)
    assert (done.status, done.out) == (OWN_FAILURE, b"")
    assert word.split("=")[0].encode() in done.err and b"hyphen" in done.err or b"Did you mean" in done.err
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("word", ["--nonsense", "-Z", "--xyz"])
def test_an_option_like_none(folder, word):
    assert b"Did you mean" not in run(TOOL, word, "./map1", cwd=folder).err


def test_nothing_comes_to_mind(folder):
    assert answer(folder, NOT_FOUND, "nothere") == "nothere: no such program"
    assert answer(folder, OWN_FAILURE, "show", "nothere") == "nothere: No such file or directory"


@pytest.mark.parametrize("name", [b"it's", b"a b", b"$HOME", b"\xc3\xa9t\xc3\xa9", b"a\nb'\\c", b"\xff\xfe", b"-", b"~x", b"\033[31mred"])
def test_what_is_to_be_typed_is_what_a_shell_needs(tmp_path, name):
    """bash reads the suggestion as the file's name, whatever that is."""
    (tmp_path / os.fsdecode(name)).write_text('{"type":"process"}\n')
    done = run(TOOL, name, cwd=tmp_path)
    assert done.status == NOT_FOUND
    typed = done.err.rstrip(b"\n").rpartition(b"procmap-trace show ")[2]
    read = subprocess.run(["bash", "-c", b"printf %s " + typed], capture_output=True, check=True)
    assert read.stdout == name


def test_the_suggested_command_works(folder):
    """A student copies it."""
    said = answer(folder, NOT_FOUND, "hello.c").partition("compile it first: ")[2]
    compiles, _, traces = said.partition("; then: ")
    subprocess.run(shlex.split(compiles), cwd=folder, check=True)
    assert run(TOOL, *shlex.split(traces)[1:], cwd=folder).status == 0
