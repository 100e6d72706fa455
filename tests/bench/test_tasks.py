"""Answers and their scores, and texts that a model without weights writes under an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jsonschemabench import generation, models, quality
from jsonschemabench.plan import Plan, Results
from jsonschemabench.runner import read_rows
from jsonschemabench.suites import Data
from jsonschemabench.tasks import TASKS
from jsonschemabench.tokenizers import byte_tokens

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NOWHERE = Data(Path("nowhere"), False)


@pytest.mark.parametrize(
    ("task", "text", "answer", "correct"),
    [
        ("gsm8k", '{"reasoning": "3 and 4", "answer": 18}', 18.0, True),
        ("gsm8k", '{"reasoning": "18", "answer": 7}', 18.0, False),
        ("gsm8k", "so she makes $1,018.50 a day", 1018.5, True),
        ("gsm8k", "I can't tell", 18.0, False),
        ("shuffled", '{"reasoning": "", "answer": "B"}', "B", True),
        ("shuffled", "not (A) but (C).", "C", True),
        ("shuffled", "A dog", "B", False),
        ("last-letter", '{"reasoning": "", "answer": "nnea"}', "nnea", True),
        ("last-letter", "The letters are n, n, e, a", "nnea", True),
        ("last-letter", "", "nnea", False),
        ("bfcl-call", '{"name": "f", "arguments": {"x": 1}}', {"f": {"x": [1, 2], "y": ["", "a"]}}, True),
        ("bfcl-call", 'Sure: {"name": "f", "arguments": {"x": 2, "y": "A"}} done', {"f": {"x": [2], "y": ["a"]}}, True),
        ("bfcl-call", '{"name": "f", "arguments": {"x": 3}}', {"f": {"x": [1, 2]}}, False),
        ("bfcl-call", '{"name": "f", "arguments": {"x": 1, "z": 1}}', {"f": {"x": [1]}}, False),
        ("bfcl-call", '{"name": "f", "arguments": {"x": true}}', {"f": {"x": [1]}}, False),
        ("bfcl-call", '{"name": "f", "arguments": {"x": {"a": 1}}}', {"f": {"x": [{"a": [1, 5], "b": [""]}]}}, True),
        ("bfcl-call", "no call", {"f": {}}, False),
    ],
)
def test_scores(task: str, text: str, answer: Any, correct: bool) -> None:
    assert TASKS[task].correct(text, answer) is correct


def test_last_letter_questions_are_generated_and_seeded() -> None:
    first, again, other = (TASKS["last-letter"].questions(NOWHERE, 5, seed) for seed in (0, 0, 1))
    assert first == again != other
    for question in first:
        words = question.prompt.split('"')[1].split()
        assert question.answer == "".join(word[-1] for word in words) and len(words) == 4


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is absent")
def test_the_right_answer_of_every_task_is_right_and_fits_its_schema() -> None:
    import jsonschema

    for name in ("gsm8k", "shuffled", "last-letter"):
        for question in TASKS[name].questions(Data(SHARED, False), 20, 0):
            value = {"reasoning": "so", "answer": question.answer}
            jsonschema.validate(value, json.loads(question.case.schema))
            assert TASKS[name].correct(json.dumps(value), question.answer)
    for question in TASKS["bfcl-call"].questions(Data(SHARED, False), 60, 0):
        from jsonschemabench.suites.functions import first_call

        call = first_call(question.answer, [])
        assert TASKS["bfcl-call"].correct(json.dumps(call), question.answer), question.name


def test_a_model_that_counts_ends_its_texts() -> None:
    model = models.NGram(byte_tokens(), ['{"a": 1}', '{"a": 12}'])
    logits, text = model.begin(""), b""
    while (token := int(logits.argmax())) != model.tokenizer.eos and len(text) < 50:
        text += bytes([token])
        logits = model.step(token)
    assert text.startswith(b'{"a": 1') and len(text) < 50


def test_texts_are_written_under_the_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = "tests.bench.toy:Toy"
    plan = Plan(engines=(toy, "none"), suites=(), tasks=("last-letter",), model="ngram:bytes", per_task=3, tokens=40)
    monkeypatch.setattr(generation, "_training", lambda *_: iter(['{"reasoning": "x", "answer": "abcd"}']))
    monkeypatch.setattr("jsonschemabench.tasks.reasoned", lambda answer: json.dumps({"texts": ['{"answer": "ab"}']}))
    results, about = Results(tmp_path), {"plan": plan.content()}
    generation.write_texts(plan, NOWHERE, results, about)
    rows = read_rows(results.texts_path("last-letter", toy))
    assert len(rows) == 3
    for row in rows.values():
        assert row["text"] == '{"answer": "ab"}' and row["finished"] and row["forced"] == row["tokens"] == 16
        assert row["ttft_s"] > 0 and row["engine_s"] > 0 and row["other_s"] > 0
        assert row["wall_s"] == pytest.approx(row["model_s"] + row["engine_s"] + row["other_s"])
    free = read_rows(results.texts_path("last-letter", "none"))
    assert all(row["text"].startswith('{"rea') for row in free.values())
    found = quality.summarize_texts(results, about)["last-letter"]
    assert found[toy]["forced_share"] == 1 and found[toy]["correct"] == 0 and found[toy]["unfinished"] == 0
    before = results.texts_path("last-letter", toy).read_text()
    generation.write_texts(plan, NOWHERE, results, about)
    assert results.texts_path("last-letter", toy).read_text() == before  # nothing is written twice


def test_shares_and_means_of_texts() -> None:
    base = {"tokens": 3, "finished": True, "ttft_s": 0.1, "tpot_s": 0.05, "wall_s": 0.3, "engine_s": 0.003, "forced": 1}
    rows = [
        {"name": "a", "text": "x", "correct": True, "compliant": True, **base},
        {"name": "b", "text": "y", "correct": False, "compliant": False, **base},
        {"name": "c", "refused": {}, "correct": False, "compliant": False},
    ]
    found = quality.summarize(rows)
    assert (found["texts"], found["written"], found["refused"]) == (3, 2, 1)
    assert found["compliant"] == 0.5 and found["empirical"] == found["correct"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["tokens_per_s"] == 10 and found["engine_ms_per_token"] == 1 and found["tpot_ms"]["p50"] == 50
    assert np.isnan(quality.summarize([{**rows[0], "correct": None}])["correct"])
