"""The Python grammar against `ast.parse`: the answers of 3.12 to a list of texts, the library, mistakes."""

from __future__ import annotations

import ast
import json
import random
import re
import sys
import sysconfig
import tokenize
import warnings
from pathlib import Path

import pytest

from tests.grammars.reading import mistakes, reads

LIBRARY = Path(sysconfig.get_path("stdlib"))
CASES = json.loads(Path(__file__).with_name("python_3_12.json").read_text("utf-8"))

# Modules of every Python from 3.11 on, of all kinds of code; all others of the library are read by the slow test
MODULES = [
    "abc", "ast", "asyncio/taskgroups", "bisect", "calendar", "cmd", "codeop", "colorsys", "contextlib", "csv",
    "dataclasses", "decimal", "difflib", "enum", "fnmatch", "fractions", "functools", "graphlib", "heapq",
    "html/parser", "json/decoder", "keyword", "linecache", "lzma", "numbers", "operator", "posixpath", "queue",
    "re/_parser", "sched", "shlex", "statistics", "string", "struct", "textwrap", "timeit", "token",
    "tomllib/_parser", "traceback", "types", "urllib/parse", "uuid", "weakref", "zipapp",
]  # fmt: skip

# What the first lines of the grammar tell: not `ast.parse`'s answer
DIFFERENT = {
    "x = 1 \\\n": "a backslash ends the text",
    "  x=1": "the first line begins with spaces",
    "f'\\N{FOO}'": "no such character",
    "'\\N{x}'": "no such character",
    "if x:\n\ty\n        z": "tabs and spaces mixed",
    "if x:\n        y\n\tz": "tabs and spaces mixed",
    "² = 1": "no letter of identifiers",
    "a² = 1": "no letter of identifiers",
    "x\u0301 = 1": "combining mark",
    "℘ = 1": "letter of identifiers only",
    "if x:\n\\\n  y": "a backslash before the first word of a block",
}
# Lark follows one way only where the grammar leaves two
LARKS = {"match(x)", "match[x]", "match[x]: int = 3", "match - x", "match * a", "match not in x"}

PIECES = (
    "if else for in lambda : ; , . ... ( ) [ ] { } = := == += -> @ * ** / // + - ~ < not is and or await async yield "
    "from import as with def class return del global try: except: finally: while match case type _ print None True x y "
    "0 1.5 0x1f 1_0 07 'a' \"b\" r'\\d' b'c' ''' '' \\ # \n \n\t \x0c ! $ ? é pass break *a **b x:int else: [0] (1,)"
)


def valid(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):  # ValueError: null bytes; as SyntaxError, also escapes and code points
            return False
    return True


@pytest.mark.parametrize("verdict", ["valid", "invalid"])
def test_cases_of_3_12(verdict: str) -> None:
    read = reads("python")
    for text in CASES[verdict]:
        if text in LARKS:
            continue
        assert read(text) == ((verdict == "valid") != (text in DIFFERENT)), text


@pytest.mark.skipif(sys.version_info[:2] != (3, 12), reason="the answers are those of Python 3.12")
def test_answers() -> None:
    for verdict, texts in CASES.items():
        for text in texts:
            assert valid(text) == (verdict == "valid"), text


@pytest.mark.parametrize("module", MODULES)
def test_standard_library(module: str) -> None:
    with tokenize.open(LIBRARY / f"{module}.py") as file:
        assert reads("python")(file.read())


@pytest.mark.slow
def test_whole_standard_library() -> None:
    """All but tests, which hold broken files on purpose, and lib2to3, which holds Python 2."""
    read = reads("python")
    apart = {"test", "tests", "lib2to3", "site-packages", "dist-packages", "idle_test"}
    files = [f for f in sorted(LIBRARY.rglob("*.py")) if not apart & set(f.relative_to(LIBRARY).parts)]
    assert len(files) > 500
    for path in files:
        with tokenize.open(path) as file:
            text = file.read()
        assert read(text) == valid(text), path  # some are of another Python: what it refuses, the grammar refuses


def seeds() -> list[str]:
    """Statements of the standard library, of at most 30 lines, and texts of the list above."""
    found = [text for text in CASES["valid"] if "\\N" not in text and text.isascii()]
    for module in MODULES:
        with tokenize.open(LIBRARY / f"{module}.py") as file:
            source = file.read()
        for node in ast.parse(source).body:
            segment = ast.get_source_segment(source, node)
            if segment and segment.count("\n") < 30 and segment.isascii():
                found.append(segment + "\n")
    return found


def comparable(text: str) -> bool:
    """Does this Python's `ast.parse` answer as that of 3.12, and is the text outside of the differences above?"""
    if re.search(r"^[ \t\f]|^\\\n|\\\s*\Z|\\N|\t|\f|\\\n\s*\\|\n\s*\\\n|\r(?!\n)", text):
        return False
    if not text.isascii() or re.search(r"^\s*(match|case)\b", text, re.M):
        return False  # lark follows one way only
    if sys.version_info < (3, 12):
        return not re.search(r"(?i)\b(?:f|fr|rf)['\"]|\btype\b|\b(?:def|class)\b\s*\w*\s*\[", text)
    return True


@pytest.mark.parametrize("count", [1500, pytest.param(60_000, marks=pytest.mark.slow)])
def test_mistakes(count: int) -> None:
    rng = random.Random(11)
    read = reads("python")
    texts = seeds()
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(texts), PIECES, rng)
        if comparable(text):
            told[valid(text)] += 1
            assert read(text) == valid(text), text
    assert min(told) > count // 10
