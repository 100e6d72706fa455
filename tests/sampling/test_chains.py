"""The transition matrices of the Markov chains, by enumeration: reversible, and with one limit from every start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from constrain.sampling import mcmc
from constrain.sampling.potentials import Predicate, Score
from tests.sampling.toys import Toy, law, normalised, walk_of

TOYS = {
    "skewed": Toy("00|1[01]", 4, seed=1),
    "longer": Toy("0(10)?1|11[01]", 5, seed=2),
    "warped": Toy("0[01]|1[01]", 4, seed=5, temperature=0.6, top_k=3),
}
POTENTIALS = (Predicate(lambda t: not t.endswith("10")), Score(lambda t: 0.5 * t.count("1")))


def matrix(toy: Toy, cuts: str, texts: list[tuple[int, ...]], potentials: tuple[Any, ...]) -> Any:
    """K[x, y]: the probability that one move leads from text x to text y."""
    k = np.zeros((len(texts), len(texts)))
    for i, tokens in enumerate(texts):

        def run(dice: Any, tokens: Any = tokens) -> tuple[int, ...]:
            tree = toy.tree(*potentials)
            return tuple(tree.run(mcmc.chain(tree, dice, walk_of(tree, tokens), steps=1, cuts=cuts)).walk.tokens)

        for y, p in law(run).items():
            k[i, texts.index(y)] += p
    return k


@pytest.mark.parametrize("cuts", mcmc.CUTS)
@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("potentials", [(), POTENTIALS], ids=["plain", "potentials"])
def test_detailed_balance_and_the_limit(name: str, cuts: str, potentials: tuple[Any, ...]) -> None:
    """π(x)·K(x, y) = π(y)·K(y, x) to 1e-12, and all rows of K^n tend to π."""
    toy = TOYS[name]
    truth = normalised(toy.masses(lambda text: math.exp(sum(q.of_text(text) for q in potentials))))
    texts = list(truth)
    pi = np.array([truth[x] for x in texts])
    k = matrix(toy, cuts, texts, potentials)
    assert np.abs(k.sum(1) - 1.0).max() < 1e-12
    flow = pi[:, None] * k
    assert np.abs(flow - flow.T).max() < 1e-12
    assert (flow - np.diag(np.diag(flow))).max() > 1e-4  # it moves
    assert np.abs(np.linalg.matrix_power(k, 2000) - pi).max() < 1e-9


def test_a_proposal_without_its_correction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above sees a chain that always takes what it proposes."""
    monkeypatch.setattr(mcmc.State, "log_proposal", lambda self, other, shared: 0.0)
    toy = TOYS["skewed"]
    truth = normalised(toy.masses())
    flow = np.array(list(truth.values()))[:, None] * matrix(toy, "uniform", list(truth), ())
    assert np.abs(flow - flow.T).max() > 1e-3
