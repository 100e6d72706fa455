"""The engine decides about texts as lark's parser does, with every grammar: examples, lists of texts, mistakes."""

from __future__ import annotations

import json
import lzma
import random
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

import constrain
from constrain.constraint import Constraint
from constrain.errors import LimitExceeded
from tests.grammars import test_c, test_go, test_javascript, test_json, test_python, test_sql, test_yaml
from tests.grammars.reading import GRAMMARS, SHARED, mistakes, names, reads

GO = json.loads(Path(__file__).with_name("go_answers.json").read_text("utf-8"))
TEXTS = {
    "c": test_c.VALID,
    "go": [text for text in GO["valid"] if len(text) < 300],
    "javascript": test_javascript.PROGRAMS,
    "json": test_json.SEEDS,
    "python": [text for text in test_python.CASES["valid"] if test_python.comparable(text)],
    "sql": test_sql.QUERIES,
    "yaml": test_yaml.VALID,
}
PIECES = {
    "c": test_c.PIECES, "javascript": test_javascript.PIECES, "json": test_json.PIECES, "python": test_python.PIECES,
    "sql": test_sql.PIECES, "yaml": test_yaml.PIECES,
}  # fmt: skip


@cache
def constraint(name: str) -> Constraint:
    return constrain.grammar(name)


def example(name: str) -> str:
    said = re.search(r"// Example: (.*(?:\n//   .*)*)", (GRAMMARS / f"{name}.lark").read_text("utf-8"))
    assert said is not None
    return said.group(1).replace("\n//   ", "\n")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("count", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_same_as_lark(name: str, count: int) -> None:
    rng = random.Random(9)
    read, matches = reads(name), constraint(name).matches
    texts = [example(name), *TEXTS.get(name, [])]
    assert matches(texts[0])
    unsettled = 0
    for _ in range(count):
        text = rng.choice(texts)
        if rng.random() < 0.7:
            text = mistakes(text, PIECES.get(name, "a 1 ( ) [ ] { } < > / : ; , . - + \" ' \\ & = # ? | * \n"), rng)
        if name == "python" and not test_python.comparable(text):
            continue
        try:
            found = matches(text)
        except LimitExceeded as error:  # where tokens end depends on more than is looked ahead of
            assert error.keyword == "lookahead"
            unsettled += 1
            continue
        assert found == read(text), text
    assert 20 * unsettled <= count


@pytest.mark.parametrize("text", sorted(test_python.LARKS))
def test_both_ways_of_match(text: str) -> None:
    """Where the grammar leaves two ways, lark follows one and the engine both."""
    assert constraint("python").matches(text)
    assert not reads("python")(text)


@pytest.mark.parametrize("module", test_python.MODULES)
def test_modules(module: str) -> None:
    with tokenize.open(test_python.LIBRARY / f"{module}.py") as file:
        assert constraint("python").matches(file.read())


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_mistakes_in_python(count: int) -> None:
    """The engine itself against `ast.parse`."""
    rng = random.Random(15)
    texts, matches = test_python.seeds(), constraint("python").matches
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(texts), test_python.PIECES, rng)
        if test_python.comparable(text) and "\r" not in text:
            told[test_python.valid(text)] += 1
            assert matches(text) == test_python.valid(text), text
    assert min(told) > count // 10


@pytest.mark.skipif(not (SHARED / "data/aligned").exists(), reason="shared/data/aligned")
def test_data() -> None:
    """Every program of HumanEval-Go and MBXP-Go, every query of Spider."""
    for file, name in (("humaneval_go", "go"), ("mbxp_go", "go"), ("spider_dev", "sql")):
        matches = constraint(name).matches
        with lzma.open(SHARED / f"data/aligned/{file}.jsonl.xz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                text = row["query"] if name == "sql" else row["prompt"] + "\treturn nil\n}\n" + row["test"]
                assert matches(text) == (row.get("task_id") not in test_go.BROKEN), row
