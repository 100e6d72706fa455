"""The oracles of the experiments against brute force, and the command that writes their pages."""

from __future__ import annotations

import json
import lzma
import math
import random
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import constrain
from constrain.sampling import Sampler
from constrain.sampling.experiments import __main__ as command
from constrain.sampling.experiments import svg, sygus, toy, toy_methods
from constrain.sampling.experiments.exact import Exact
from constrain.sampling.experiments.measure import divergence, divergence_of_next, log_next
from constrain.sampling.experiments.ngram import Ngram
from tests.sampling.toys import EOS, TOKENS, VOCABULARY, normalised

DATA = Path(__file__).parents[3] / "shared" / "data" / "aligned"


def trigrams(order: int, seed: int = 0) -> Ngram:
    rng = random.Random(seed)
    return Ngram([rng.choice([0, 1, 1, 2, 3]) for _ in range(60)], 4, order=order, prompt=[3])


def brute(ngram: Ngram, pattern: str, longest: int) -> dict[tuple[int, ...], float]:
    """p(x) of all texts of a language."""
    c = constrain.regex(pattern)
    out = {}
    for length in range(longest):
        for tokens in product(range(EOS), repeat=length):
            if c.matches(b"".join(TOKENS[t] for t in tokens)):
                whole = [*tokens, EOS]
                p = 1.0
                for i, token in enumerate(whole):
                    p *= ngram.row(tuple([3, *whole[:i]][-ngram.order + 1 :]) if ngram.order > 1 else ())[token]
                out[tuple(whole)] = p
    return out


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_exact_conditional(order: int) -> None:
    ngram = trigrams(order)
    for context in [(3,), (0, 1), (2, 2), (3, 1, 0)]:
        assert ngram.row(context[-order + 1 :] if order > 1 else ()).sum() == pytest.approx(1.0, abs=1e-12)
    pattern = "0(1|01)?0|1{1,3}"
    exact = Exact(ngram, constrain.regex(pattern).compile(VOCABULARY))
    masses = brute(ngram, pattern, 5)
    assert exact.log_z == pytest.approx(math.log(math.fsum(masses.values())), abs=1e-12)
    for x, p in normalised(masses).items():
        assert exact.log_probability(x) == pytest.approx(math.log(p), abs=1e-12)
    rng = np.random.default_rng(0)
    counts = Counter(tuple(exact.draw(rng)) for _ in range(4000))
    assert divergence({x: n / 4000 for x, n in counts.items()}, normalised(masses)) < 0.01
    with pytest.raises(ValueError, match="not finite"):
        Exact(ngram, constrain.regex("0*").compile(VOCABULARY))


def test_the_next_draw_of_asap() -> None:
    """Its probabilities sum to one, are masking's before the first draw and the conditional ones in the end."""
    ngram, c = trigrams(3), constrain.regex("0(1|01)?0|1{1,3}")
    exact = Exact(ngram, c.compile(VOCABULARY))
    texts = list(brute(ngram, "0(1|01)?0|1{1,3}", 5))
    sampler = Sampler(ngram, VOCABULARY, [], c, max_tokens=10, seed=0)
    before = math.inf
    for n in (0, 3, 400):
        sampler.sample(n, "asap")
        table = {x: math.exp(log_next(sampler.trie if n else None, exact, x)) for x in texts}
        assert math.fsum(table.values()) == pytest.approx(1.0, abs=1e-12)
        after = divergence_of_next(sampler.trie if n else None, exact, texts)
        assert n != 400 or abs(after) < 1e-9 < abs(before)
        before = after


GRAMMAR = 'root ::= "(f " Start ")"\nStart ::= "a" | "\\"b\\"" | "(" "g" " " Start ")"\n\n'


def test_grammars_of_the_tasks() -> None:
    c = sygus.constraint(GRAMMAR)
    for good in ("(f a)", '(f "b")', "(f (g (g (g a))))"):
        assert c.matches(good)
    for bad in ("(f )", "(f b)", "(f (g a)", "f a"):
        assert not c.matches(bad)
    shallow = sygus.constraint(GRAMMAR, depth=1)
    assert shallow.matches("(f (g a))") and not shallow.matches("(f (g (g a)))")
    for wrong in ("root = a", "root ::= [a]", "root"):
        with pytest.raises(constrain.GrammarError):
            sygus.rules(wrong)


@pytest.mark.skipif(not DATA.exists(), reason="shared/data/aligned is not there")
def test_the_tasks_are_there_and_their_solutions_in_their_grammars() -> None:
    found = list(sygus.tasks(DATA / "gad_sygus.jsonl.xz"))
    assert len(found) == 29
    for task in found[::6]:
        assert task.short_prompt.endswith("Solution:\n") and task.prompt.endswith(task.short_prompt)
        head = task.solution.split(")) ")[0]
        assert sygus.rules(task.grammar)["root"] and head


def test_pages_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(toy, "SHARES", (0, 1, 5))
    monkeypatch.setattr(toy, "DRAWN", 20)
    monkeypatch.setattr(sys, "argv", ["experiments", "toy", "--out", str(tmp_path), "--scale", "0.02"])
    assert command.main() == 0
    page = (tmp_path / "toy.md").read_text("utf-8")
    assert capsys.readouterr().out.strip() in page
    for name in ("toy.svg", "toy-steps.svg", "picture.svg"):
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")
    assert math.fsum(toy.next_draw(None).values()) == pytest.approx(1.0)
    assert math.fsum(toy.truth().values()) == pytest.approx(1.0)


def test_kl_of_counts() -> None:
    """Counts of the distribution itself: about 0, and the band holds it; of another one: its KL."""
    rng = np.random.default_rng(1)
    q = np.array([0.5, 0.3, 0.15, 0.05])
    inside = 0
    for _ in range(40):
        value, low, high = toy_methods.corrected(rng.multinomial(500, q), q)
        inside += low <= 0.0 <= high
        assert abs(value) < 0.02
    assert inside >= 30
    p = np.array([0.2, 0.3, 0.2, 0.3])
    exact = divergence(dict(enumerate(p)), dict(enumerate(q)))
    value, low, high = toy_methods.corrected(rng.multinomial(5000, p), q)
    assert low < exact < high and abs(value - exact) < 0.05


def test_the_language_model_goes_on_where_it_stopped(
    model: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the file is not done again; SLIA and BV4 in turn; tasks without a text are shown as such."""
    rows = [
        {"id": f"{split}{i}", "split": split, "prompt": "Question:\nq" * (i + 1) + "\nSolution:\n", "grammar": GRAMMAR}
        for split in ("SLIA", "BV4")
        for i in range(2)
    ]
    with lzma.open(tmp_path / "gad_sygus.jsonl.xz", "wt") as file:
        file.writelines(json.dumps({**row, "solution": "(f a)", "in_cars_subset": True}) + "\n" for row in rows)
    tasks = list(sygus.tasks(tmp_path / "gad_sygus.jsonl.xz"))
    pytest.importorskip("torch")
    from constrain.sampling.experiments import smollm2

    prompts = {task.name: tokenizer(task.short_prompt)["input_ids"] for task in tasks}
    assert [t.name for t in smollm2.in_turn(tasks, prompts)] == ["SLIA0", "BV40", "SLIA1", "BV41"]
    keep = tmp_path / "kept.jsonl"
    results = [smollm2.one(task, model, tokenizer, prompts[task.name], 30) for task in tasks]
    keep.write_text("".join(json.dumps(r) + "\n" for r in results), "utf-8")
    for result in results:
        assert result["low"] <= result["high"] <= 0.0
        assert all(30 <= result[m]["calls"] < 400 or result[m]["draws"] == smollm2.DRAWS for m in smollm2.METHODS)
        assert all(result[m]["mean"] <= result["best"] + 60 for m in smollm2.METHODS if result[m]["draws"])
    monkeypatch.setattr(smollm2, "load", lambda name: (model, tokenizer))
    monkeypatch.setattr(smollm2, "CALLS", 30)
    monkeypatch.setattr(smollm2, "one", None)
    page = smollm2.run(tmp_path, tmp_path, "tiny", 1.0, keep=keep)
    assert "on 4 of the 4 tasks" in page and "| BV4 BV41 |" in page
    ElementTree.parse(tmp_path / "smollm2-expectation.svg")


def test_plots_are_well_formed_whatever_is_in_them() -> None:
    curve = svg.Line("a < b & c", [1.0, 10.0, 100.0], [0.5, math.inf, 0.01], [0.1, 0.1, 0.001], [1.0, 1.0, 0.1])
    for text in (
        svg.lines([curve], "t", "x", "y", log_x=True, log_y=True),
        svg.lines([svg.Line("flat", [1.0], [2.0])], "t", "x", "y"),
        svg.scatter([("a", [(-1.0, -2.0), (-3.0, -3.0)]), ("none", [])], "t", "x", "y"),
        svg.bars(["u", "v"], [("a", [0.1, 0.9]), ("b", [0.5, 0.0])], "t", "y"),
    ):
        ElementTree.fromstring(text)
