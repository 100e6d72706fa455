"""Where samplers are easily wrong: cut supports, forgetful tries, several ends, tiny masses, low weights."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import constrain
from constrain.sampling import Sampler, attempts, smc
from constrain.sampling.dice import Dice
from constrain.sampling.tree import Tree
from constrain.sampling.trie import Trie
from tests.sampling.toys import Toy, executions, far, law, normalised

EXACT = 1e-12
CUT = [
    Toy("0[01]|1[01]", 4, seed=11, top_p=0.8),
    Toy("0[01]|1[01]", 4, seed=7, min_p=0.3, temperature=1.5),
    Toy("0[01]|1[01]", 4, seed=11, top_k=2),
]


@pytest.mark.parametrize("toy", CUT, ids=["top_p", "min_p", "top_k"])
def test_warpers_that_forbid_tokens(toy: Toy) -> None:
    """Texts whose tokens are cut off can't come, walks may end in dead ends that the grammar knows nothing of; and the
    draws of cars and the weights of asap are exact for the model that is left."""
    masses = toy.masses()
    assert 2 <= len(masses) < len(Toy(toy.pattern, toy.max_tokens, toy.seed).masses())

    def second(method: str) -> Any:
        attempt, learned = attempts.METHODS[method]

        def run(dice: Any) -> tuple[tuple[int, ...], float]:
            tree = toy.tree()
            for _ in range(2):
                walk, log_weight = tree.run(attempt(tree, dice, learned))
            return (tuple(walk.tokens) if walk else ()), math.exp(log_weight)

        return run

    drawn: defaultdict[Any, float] = defaultdict(float)
    for p, (tokens, _) in executions(second("cars")):
        drawn[tokens] += p
    drawn.pop((), None)
    assert far(normalised(drawn), normalised(masses)) < EXACT
    for method in ("asap", "mask"):
        found: defaultdict[Any, float] = defaultdict(float)
        for p, (tokens, weight) in executions(second(method)):
            found[tokens] += p * weight
        found.pop((), None)
        assert far(found, masses) < EXACT


@pytest.mark.parametrize("max_nodes", [1, 4])
def test_draws_stay_exact_when_the_trie_forgets(max_nodes: int) -> None:
    """The trie is cut back between two attempts, and no model output is kept."""
    toy = Toy("00|1[01]", 4, seed=1)

    def run(dice: Any) -> tuple[Any, Any]:
        tree = toy.tree(trie=Trie(max_nodes), cache_bytes=0)
        results = attempts.in_order(tree, dice, attempts.accepted, True, math.inf, 1)
        walks = [walk for walk, _ in (next(results) for _ in range(3))]
        assert len(tree.trie) <= max(max_nodes, 1) + 2 * toy.max_tokens
        return tuple(tuple(walk.tokens) if walk else () for walk in walks[1:])  # type: ignore[return-value]

    for at in (0, 1):
        table: defaultdict[Any, float] = defaultdict(float)
        for results, p in law(run).items():
            table[results[at]] += p
        table.pop((), None)
        assert far(normalised(table), normalised(toy.masses())) < EXACT


def test_several_ends_and_several_tokens_of_one_text() -> None:
    """The law is that of token sequences: a text has the sum over all of its tokenisations and ends."""
    vocabulary = constrain.Vocabulary.from_tokens([b"0", b"0", b"00", b"", b""], eos=[3, 4])
    p = np.array([0.3, 0.1, 0.2, 0.25, 0.15])
    texts: defaultdict[str, float] = defaultdict(float)
    ways: dict[str, list[float]] = {"0": [0.3, 0.1], "00": [0.3 * 0.3, 0.3 * 0.1, 0.1 * 0.3, 0.1 * 0.1, 0.2]}
    for text, masses in ways.items():
        texts[text] = sum(masses) * (0.25 + 0.15)
    model = type("", (), {"batch": 1, "scores": lambda self, rows: [np.log(p) for _ in rows]})()

    def run(dice: Any) -> str:
        tree = Tree(model, constrain.regex("0{1,2}").compile(vocabulary), max_tokens=9)
        for _ in range(2):
            walk, _ = tree.run(attempts.accepted(tree, dice, True))
        return tree.text(walk.tokens) if walk else ""

    found = law(run)
    found.pop("")
    assert far(normalised(found), normalised(dict(texts))) < EXACT


@pytest.mark.parametrize("method", ["asap", "mask", "smc", "awrs", "mcmc"])
def test_a_text_far_below_the_smallest_number(method: str) -> None:
    """1 500 tokens of probability 1/1000 each: Z is 10^-4500, and its logarithm has all its digits."""
    vocabulary = constrain.Vocabulary.from_tokens([b"a", b"b", b""], eos=2)
    row = np.log([0.001, 0.499, 0.5])
    sampler = Sampler(lambda ids: row, vocabulary, [], constrain.regex("a{1500}"), max_tokens=1501, seed=0)
    options: dict[str, Any] = {"steps": 1} if method == "mcmc" else {}
    samples = sampler.sample(2, method, budget=10**5, **options)
    exact = 1500 * math.log(0.001) + math.log(0.5)
    assert exact < -10_000
    assert samples.texts == ["a" * 1500] * 2 and samples.ess == pytest.approx(2.0)
    assert samples.log_z == pytest.approx(exact, rel=1e-12)
    assert samples.log_z_bounds == (pytest.approx(exact, rel=1e-12), pytest.approx(exact, rel=1e-12))
    if method != "mcmc":
        assert samples.log_weights == [pytest.approx(exact, rel=1e-12)] * 2


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.7, 0.2, 0.1], [0.05, 0.0, 0.9, 0.05], [1.0, 0.0]])
def test_systematic_resampling(weights: list[float]) -> None:
    """Each goes on n·w times, rounded up or down, n in all; n·w times on average."""
    n = len(weights)
    mean = np.zeros(n)
    for p, counts in executions(lambda dice: smc.systematic(weights, dice)):
        assert sum(counts) == n
        assert all(
            math.floor(n * w - 1e-9) <= k <= math.ceil(n * w + 1e-9) for k, w in zip(counts, weights, strict=True)
        )
        mean += p * np.array(counts)
    assert np.abs(mean - n * np.array(weights)).max() < EXACT


def test_particles_are_drawn_anew_only_where_few_count() -> None:
    """Below threshold · n effective particles, and not above; the total weight stays."""
    toy = Toy("00|1[01]", 4, seed=1)
    dice = Dice(0)

    def particles(weights: list[float]) -> list[smc.Particle]:
        tree, out = toy.tree(), []
        for w in weights:
            out.append(smc.Particle(tree.walk()))
            out[-1].log_weight = math.log(w)
        return out

    even, uneven = particles([1.0, 1.2, 0.8, 1.0]), particles([1.0, 0.01, 0.01, 0.01])
    assert smc.resampled(even, dice, 0.5) is even
    assert smc.resampled(uneven, dice, 0.1) is uneven
    after = smc.resampled(uneven, dice, 0.5)
    assert [p.log_weight for p in after] == [pytest.approx(math.log(1.03 / 4))] * 4
    assert sum(p is q for p in after for q in uneven) < 4  # some are copies
