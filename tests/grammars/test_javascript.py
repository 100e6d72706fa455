"""The JavaScript grammar against V8: its answers to a list of texts, and where node is installed npm's own files and
texts with mistakes."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.grammars.reading import mistakes, reads

# Answers of node 20 to texts read as modules. "narrower": V8 reads them, the grammar does not, as its first lines tell;
# "early": V8 refuses them for reasons that the first lines name, the grammar reads them
ANSWERS = json.loads(Path(__file__).with_name("javascript_answers.json").read_text("utf-8"))
NODE = shutil.which("node")
NPM = shutil.which("npm")
READ = """
const vm = require("vm");
let text = "";
process.stdin.on("data", part => text += part).on("end", () => console.log(JSON.stringify(JSON.parse(text).map(t => {
  try { new vm.SourceTextModule(t); return ""; } catch (error) { return String(error); }
}))));
"""

PROGRAMS = [text for text in ANSWERS["valid"] if text.count("\n") > 0 or len(text) > 60]
PIECES = (
    "( ) [ ] { } , ; : . ... => += = === + - ++ -- * ** / % & && || ?? ? ?. ! < > ` ${ 'a' \"b\" 1 0 .5 a b /x/g if "
    "else for of in let const var function return class extends new await yield async get set static this super typeof "
    "import export from as default // /* */ #p \n null delete case while do a() x=> (a)=> {} /*c\n*/ "
    "//c\n \n \n"
)

# What V8 says of the early errors that the grammar's first lines name
EARLY = (
    "already been declared|Undefined label|Illegal (break|continue)|does not denote an iteration|not defined in module"
    "|Duplicate|must be declared in an enclosing class|'super' keyword|unqualified identifier|regular expression"
    "|constructor|Illegal await-expression in formal|Illegal 'use strict'|Classes may not have"
)
# What the first lines except, where npm's files hold it
EXCEPTED = (
    r"#!|\byield\b|\basync\b\s*[,)=(]|new\.target|static \{|\b(get|set|static)[\[#*]|\bwith \{type"
)


def refusals(texts: list[str]) -> list[str]:
    """What V8 has to say against each text as a module; nothing where it reads it."""
    assert NODE is not None
    command = [NODE, "--experimental-vm-modules", "--no-warnings", "-e", READ]
    said = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True).stdout
    answers: list[str] = json.loads(said)
    return answers


@pytest.mark.parametrize("verdict", ANSWERS)
def test_answers_of_node(verdict: str) -> None:
    read = reads("javascript")
    assert len(ANSWERS[verdict]) > 15
    for text in ANSWERS[verdict]:
        assert read(text) == (verdict in ("valid", "early")), text


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_recorded_answers() -> None:
    for verdict, texts in ANSWERS.items():
        for text, said in zip(texts, refusals(texts), strict=True):
            assert bool(said) == (verdict in ("invalid", "early")), (text, said)
            assert verdict != "early" or re.search(EARLY, said), (text, said)


@pytest.mark.parametrize(("before", "after", "joined"), [
    ("a", "b", False), ("a", "(b)", True), ("a", "[b]", True), ("a", "`b`", True), ("a", "+b", True),
    ("a", "++b", False), ("a", ".b", True), ("a", "/b/c", True), ("a", "in b", True), ("a", "into", False),
    ("a", "!b", False), ("a", "!= b", True), ("a", "instanceof b", True), ("a = b", "=> c", None),
    ("(a)", "=> c", None), ("async a", "=> c", None), ("(a, ...b)", "=> c", None), ("throw", "a", None),
    ("a", "? b : c", True), ("a", "of", False), ("let a", "b = c", False), ("let a", "= c", True),
    ("a", "/* b\n*/ c", False),
    ("a // b", "c", False), ("a /* b */", "c", False), ("do a\nwhile (b)", "c", False), ("if (a) b", "else c", False),
])  # fmt: skip
def test_line_ends(before: str, after: str, joined: bool | None) -> None:
    """A line end between two pieces ends the statement, is a blank, or (None) can't stand there."""
    read = reads("javascript")
    assert read(f"{before}\n{after}") == (joined is not None)
    if joined is not None:
        assert read(f"{before} {after}" if joined else f"{before}; {after}")
        assert read(f"{{{before}\n{after}}}")
    if NODE is not None:
        assert (refusals([f"{before}\n{after}"]) == [""]) == (joined is not None)


def package_files() -> list[Path]:
    """The files of npm and what it comes with, small ones."""
    assert NPM is not None
    folder = Path(NPM).resolve().parents[1]
    return [file for file in sorted(folder.rglob("*.js")) if file.stat().st_size < 30_000]


@pytest.mark.skipif(NODE is None or NPM is None, reason="npm is not installed")
@pytest.mark.parametrize("step", [60, pytest.param(1, marks=pytest.mark.slow)])
def test_files(step: int) -> None:
    """Nearly all are read; those that are not, V8 refuses as modules, or they hold what the first lines except."""
    read = reads("javascript")
    texts = [file.read_text("utf-8") for file in package_files()[::step]]
    told = {True: 0, False: 0}
    for text, said in zip(texts, refusals(texts), strict=True):
        assert not (read(text) and said), said
        if not said and not read(text):
            assert re.search(EXCEPTED, text)
            told[False] += 1
        elif not said:
            told[True] += 1
    assert told[True] > 10
    assert told[False] < len(texts) / 20 + 2


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.slow)])
def test_mistakes(count: int) -> None:
    """What the grammar reads, V8 reads, but for early errors; the other way there are few exceptions."""
    rng = random.Random(5)
    read = reads("javascript")
    texts = [mistakes(rng.choice(PROGRAMS), PIECES, rng) for _ in range(count)]
    told, narrower = [0, 0], 0
    for text, said in zip(texts, refusals(texts), strict=True):
        if read(text):
            assert not said or re.search(EARLY, said), (text, said)
        elif not said:
            narrower += 1
        told[not said] += 1
    assert min(told) > count // 10
    assert narrower <= count // 50
