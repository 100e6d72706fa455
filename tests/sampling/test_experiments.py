"""The oracles of the experiments against brute force, and the command that writes their pages."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import constrain
from constrain.sampling import Sampler
from constrain.sampling.experiments import __main__ as command
from constrain.sampling.experiments import svg, sygus, toy
from constrain.sampling.experiments.exact import Exact
from constrain.sampling.experiments.measure import divergence, divergence_of_next, log_next
from constrain.sampling.experiments.ngram import Ngram
from tests.sampling.toys import EOS, TOKENS, VOCABULARY, normalised

DATA = Path(__file__).parents[3] / "shared" / "data" / "aligned"


def model(order: int, seed: int = 0) -> Ngram:
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
    ngram = model(order)
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
    ngram, c = model(3), constrain.regex("0(1|01)?0|1{1,3}")
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
    for name in ("toy.svg", "picture.svg"):
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")
    assert math.fsum(toy.next_draw(None).values()) == pytest.approx(1.0)
    assert math.fsum(toy.truth().values()) == pytest.approx(1.0)


def test_plots_are_well_formed_whatever_is_in_them() -> None:
    curve = svg.Line("a < b & c", [1.0, 10.0, 100.0], [0.5, math.inf, 0.01], [0.1, 0.1, 0.001], [1.0, 1.0, 0.1])
    for text in (
        svg.lines([curve], "t", "x", "y", log_x=True, log_y=True),
        svg.lines([svg.Line("flat", [1.0], [2.0])], "t", "x", "y"),
        svg.scatter([("a", [(-1.0, -2.0), (-3.0, -3.0)]), ("none", [])], "t", "x", "y"),
        svg.bars(["u", "v"], [("a", [0.1, 0.9]), ("b", [0.5, 0.0])], "t", "y"),
    ):
        ElementTree.fromstring(text)
