"""The trie against its definition, its precision, its bound and its files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.errors import ConstraintError
from constrain.sampling import attempts
from constrain.sampling.dice import Dice
from constrain.sampling.trie import NEVER, NODE_BYTES, ROOT, Trie, log_sum
from tests.sampling.toys import EOS, TOKENS, Toy


def naive_theta(toy: Toy, trie: Trie, tokens: list[int], node: int) -> float:
    """θ by its definition: Σ p·θ over all tokens of the vocabulary that some text of the language begins with."""
    if tokens and tokens[-1] == EOS:
        return 1.0
    if not trie.is_open(node):
        return 1.0
    total = 0.0
    begun = {text[: len(tokens) + 1] for text in _beginnings(toy) if text[: len(tokens)] == tuple(tokens)}
    p = np.exp(toy.log_p(tokens))
    for token in range(len(TOKENS)):
        if (*tokens, token) in begun:
            child = trie.find(node, token)
            total += p[token] * (1.0 if child < 0 else naive_theta(toy, trie, [*tokens, token], child))
    return total


_kept: dict[Any, set[tuple[int, ...]]] = {}


def _beginnings(toy: Toy) -> set[tuple[int, ...]]:
    """What a mask lets through: beginnings of texts of any length, cut at max_tokens, with an end where one may be."""
    if id(toy) not in _kept:
        longer = Toy(toy.pattern, 6, toy.seed)
        texts = {tuple(text) for text in longer.masses()}
        out = {text[:i] for text in texts for i in range(1, len(text) + 1)}
        _kept[id(toy)] = {t for t in out if len(t) < toy.max_tokens or (len(t) == toy.max_tokens and t[-1] == EOS)}
    return _kept[id(toy)]


TOYS = [Toy("00|1[01]{1,3}", 5, seed=1), Toy("0(10)?1|11[01]", 4, seed=2)]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TOYS), st.integers(0, 1000), st.integers(1, 8))
def test_theta_is_what_its_definition_says(toy: Toy, seed: int, rounds: int) -> None:
    tree, dice = toy.tree(), Dice(seed)
    last = 1.0
    for _ in range(rounds):
        tree.run(attempts.weighted(tree, dice, True))
        trie = tree.trie
        for node in range(len(trie)):
            assert math.exp(trie.log_theta(node)) == pytest.approx(
                naive_theta(toy, trie, trie.tokens(node), node), 1e-12
            )
        assert math.exp(trie.log_theta(ROOT)) <= last
        last = math.exp(trie.log_theta(ROOT))
        low, high = tree.log_bounds
        z = math.fsum(toy.masses().values())
        assert math.exp(low) <= z * (1 + 1e-12) and z <= math.exp(high) * (1 + 1e-12)


def test_bounds_are_those_of_the_leaves_one_by_one() -> None:
    toy = Toy("[01]{1,6}", 7, seed=3)
    tree, dice = toy.tree(), Dice(2)
    assert tree.log_bounds == (NEVER, 0.0)
    for _ in range(50):
        tree.run(attempts.weighted(tree, dice, True))
    trie = tree.trie
    leaves = [u for u in range(1, len(trie)) if trie.token(u) == EOS and trie.is_open(u)]
    low = log_sum([trie.log_path(u) + trie.log_rest(u) for u in leaves])
    assert len(leaves) > 5 and tree.log_bounds == (low, trie.log_theta(ROOT))


def test_bounds_meet_when_everything_was_seen() -> None:
    toy = Toy("00|1[01]", 4, seed=1)
    tree, dice = toy.tree(), Dice(0)
    for _ in range(300):
        tree.run(attempts.weighted(tree, dice, True))
    z = math.log(math.fsum(toy.masses().values()))
    assert tree.log_bounds == (pytest.approx(z, abs=1e-12), pytest.approx(z, abs=1e-12))


def test_small_masses_keep_their_precision() -> None:
    """The best token is a dead end, and what is left is far below what 1 - x could tell."""
    trie = Trie()
    trie.open(ROOT, log_sum([0.0, -80.0]))
    best = trie.add(ROOT, 7, 0.0, -80.0)  # nearly all mass; the rest is summed without it
    trie.open(best, NEVER)
    trie.back_up(best)
    assert trie.log_theta(ROOT) == -80.0
    below = trie.add(ROOT, 8, -80.5, -81.0)
    trie.open(below, -700.0)
    trie.back_up(below)
    assert trie.log_theta(ROOT) == pytest.approx(log_sum([-81.0, -780.5]), rel=1e-15)


def test_a_trie_that_is_too_large_is_cut_back_and_stays_a_bound() -> None:
    toy = Toy("[01]{1,6}", 7, seed=3)
    tree = toy.tree(trie=Trie(max_nodes=40))
    z = math.fsum(toy.masses().values())
    dice = Dice(5)
    sizes = []
    for draw in attempts.draws(tree, dice, 60, attempts.Account(), method="cars", budget=10**9, batch=3):
        assert draw.tokens in toy.masses()
        sizes.append(len(tree.trie))
        low, high = tree.log_bounds
        assert math.exp(low) <= z * (1 + 1e-12) and z <= math.exp(high) * (1 + 1e-12)
    assert max(sizes) <= 40 + 2 * 3 * toy.max_tokens
    assert min(sizes[20:]) < 40  # it was cut back
    kept = tree.trie
    for node in range(1, len(kept)):
        assert kept.parent(node) < node
        assert kept.find(kept.parent(node), kept.token(node)) == node


def test_a_node_has_forty_bytes() -> None:
    trie = Trie()
    arrays = [getattr(trie, name) for name in Trie.__slots__ if name.startswith("_")]
    assert sum(a.itemsize for a in arrays) == NODE_BYTES == 40


def test_files(tmp_path: Path) -> None:
    toy = Toy("00|1[01]{1,3}", 5, seed=1)
    tree, dice = toy.tree(), Dice(3)
    for _ in range(20):
        tree.run(attempts.weighted(tree, dice, True))
    tree.trie.tag = "mine"
    path = tmp_path / "trie.npz"
    tree.trie.save(path)
    read = Trie.load(path, "mine")
    assert all(list(getattr(read, n)) == list(getattr(tree.trie, n)) for n in Trie.__slots__ if n.startswith("_child"))
    a, b = toy.tree(trie=read), tree
    b._cached.clear()
    same = Dice(9), Dice(9)
    for _ in range(10):
        (x, u), (y, v) = (t.run(attempts.weighted(t, d, True)) for t, d in zip((a, b), same, strict=True))
        assert u == v and (x is None) == (y is None)
        assert x is None or y is None or x.tokens == y.tokens
    with pytest.raises(ConstraintError, match="another"):
        Trie.load(path, "yours")
    data = bytearray(path.read_bytes())
    for damaged in (data[: len(data) // 2], b"", bytes(100)):
        path.write_bytes(damaged)
        with pytest.raises(ConstraintError, match="not a trie"):
            Trie.load(path)
    with pytest.raises(ConstraintError, match="not a trie"):
        Trie.load(tmp_path / "nothing")
    tree.trie._sibling[1] = 1  # a link that goes round
    tree.trie.save(path)
    with pytest.raises(ConstraintError, match="damaged"):
        Trie.load(path)
