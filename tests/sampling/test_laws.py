"""The law of every method, exactly: all outcomes of its random decisions are tried, and their probabilities added."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest

from constrain.sampling import aprad, attempts, mcmc, smc
from constrain.sampling.potentials import Predicate, Score
from constrain.sampling.result import Account
from tests.sampling.toys import Toy, executions, far, law, normalised, walk_of

EXACT = 1e-12

SKEWED = Toy("00|1[01]", 4, seed=1)
LONGER = Toy("0(10)?1|11[01]", 5, seed=2)
WARPED = Toy("0[01]|1[01]", 4, seed=5, temperature=0.6, top_k=3)
TOYS = [SKEWED, LONGER, WARPED]
assert all(len(toy.masses()) >= 3 for toy in TOYS)  # one text alone would prove nothing


@pytest.mark.parametrize("method", ["mask", "asap", "rejection", "cars"])
@pytest.mark.parametrize("toy", TOYS, ids=["skewed", "longer", "warped"])
def test_every_attempts_weight_is_unbiased(toy: Toy, method: str) -> None:
    """E[w·1{x}] = p(x) for each text x, at the first attempt and at those that use what earlier ones learned."""
    attempt, learned = attempts.METHODS[method]
    rounds = 2 if toy is LONGER else 3

    def run(dice: Any) -> list[tuple[tuple[int, ...], float]]:
        tree = toy.tree()
        out = []
        for _ in range(rounds):
            walk, log_weight = tree.run(attempt(tree, dice, learned))
            out.append((tuple(walk.tokens) if walk else (), math.exp(log_weight)))
        return out

    found: list[defaultdict[Any, float]] = [defaultdict(float) for _ in range(rounds)]
    total = 0.0
    for p, results in executions(run):
        total += p
        for table, (tokens, weight) in zip(found, results, strict=True):
            table[tokens] += p * weight
    assert abs(total - 1.0) < EXACT
    for table in found:
        table.pop((), None)
        assert far(table, toy.masses()) < EXACT


def _delivered(toy: Toy, dice: Any, n: int, begun: int, batch: int, source: Any = None) -> tuple[Any, ...]:
    """The first n texts of at most `begun` attempts of cars, `batch` at a time; () for one that is missing."""
    tree = toy.tree(batch=batch)
    results = (source or attempts.in_order)(tree, dice, attempts.accepted, True, math.inf, batch)
    out = []
    for _ in range(begun):
        walk, _ = next(results)
        if walk is not None:
            out.append(tuple(walk.tokens))
            if len(out) == n:
                break
    return (*out, *[()] * (n - len(out)))


@pytest.mark.parametrize("toy", [SKEWED, WARPED], ids=["skewed", "warped"])
@pytest.mark.parametrize(("batch", "begun"), [(1, 3), (2, 2), (2, 3)])
def test_cars_is_exact_alone_and_in_batches(toy: Toy, batch: int, begun: int) -> None:
    """Whatever else shares the trie: each draw has the conditional distribution, whatever came before it."""
    texts = normalised(toy.masses())
    pairs = law(lambda dice: _delivered(toy, dice, 2, begun, batch))
    first: defaultdict[Any, float] = defaultdict(float)
    for (x, _), p in pairs.items():
        first[x] += p
    first.pop((), None)
    assert far(normalised(first), texts) < EXACT
    for x in texts:
        assert far(normalised({y: p for (before, y), p in pairs.items() if before == x and y}), texts) < EXACT


def test_sharing_a_trie_without_care_is_biased() -> None:
    """What the exactness of batches rests on: without going on with probability c/θ, and in the order of their ends,
    the draws are bent, and the test above would see it."""

    def careless(tree: Any, dice: Any, learned: bool) -> Any:
        """Flips its coin only at nodes that it is the first to enter; elsewhere it takes θ for what it was."""
        seen = tree.__dict__.setdefault("seen", set())
        walk = tree.walk()
        log_start = yield from tree.enter(walk)
        going = log_start != -math.inf
        while going and not walk.is_finished:
            yield from tree.choose(walk, dice)
            log_c = yield from tree.enter(walk)
            is_new = walk.node not in seen
            seen.add(walk.node)
            going = log_c != -math.inf and (not is_new or dice.coin(log_c))
        tree.trie.back_up(walk.node)
        return (walk if going else None), log_start

    def unordered(tree: Any, dice: Any, attempt: Any, learned: bool, stop: float, batch: int) -> Any:
        """Delivers what ends first."""
        going = [attempts._Attempt(attempt(tree, dice, learned)) for _ in range(batch)]
        for one in going:
            one.advance(None)
        while going:
            for one in going:
                if one.result is not None:
                    yield one.result
            going = [one for one in going if one.result is None]
            for one, row in zip(going, tree.rows([one.waits for one in going]), strict=True):
                one.advance(row)
        while True:
            yield None, -math.inf

    toy = Toy("0|1[01]", 4, seed=2)
    texts = normalised(toy.masses())

    def of_first(attempt: Any, source: Any) -> dict[Any, float]:
        def in_turn(tree: Any, dice: Any, _: Any, *rest: Any) -> Any:
            return source(tree, dice, attempt, *rest)

        table = law(lambda dice: _delivered(toy, dice, 1, 2, 2, in_turn)[0])
        table.pop((), None)
        return normalised(table)

    assert far(of_first(attempts.accepted, attempts.in_order), texts) < EXACT
    assert far(of_first(careless, attempts.in_order), texts) > 1e-3
    assert far(of_first(attempts.accepted, unordered), texts) > 1e-3


@pytest.mark.parametrize("checked", [False, True], ids=["smc", "awrs"])
@pytest.mark.parametrize(
    "potentials",
    [
        (),
        (Predicate(lambda t: not t.endswith("1"), prefix=lambda t: not t.startswith("10")),),
        (Score(lambda t: 0.7 * t.count("1"), prefix=lambda t: 0.6 * t.count("1")),),
    ],
    ids=["plain", "predicate", "score"],
)
def test_populations_are_unbiased(potentials: tuple[Any, ...], checked: bool) -> None:
    """E[mean of w·1{x}] = p(x)·φ(x), with resampling, within a population and after what another one has learned."""
    toy = Toy("00|1[01]", 3, seed=4)

    def value(text: str) -> float:
        values = [sum(part) for part in [[q.of_text(text) for q in potentials]]]
        return math.exp(values[0])

    for warm in (0, 1):

        def run(dice: Any, warm: int = warm) -> list[tuple[tuple[int, ...], float]]:
            tree = toy.tree(*potentials)
            if warm:
                tree.run(attempts.weighted(tree, dice, True))
            particles = smc.sweep(tree, dice, 2, threshold=0.9, checked=checked)
            scale = math.exp(tree.potentials.log_upper) / len(particles)
            return [(tuple(p.walk.tokens), scale * math.exp(p.log_weight)) for p in particles]

        found: defaultdict[Any, float] = defaultdict(float)
        for p, results in executions(run):
            for tokens, weight in results:
                if weight:
                    found[tokens] += p * weight
        assert far(found, toy.masses(value)) < EXACT


@pytest.mark.parametrize("cuts", mcmc.CUTS)
@pytest.mark.parametrize("toy", TOYS, ids=["skewed", "longer", "warped"])
def test_chains_keep_the_distribution(toy: Toy, cuts: str) -> None:
    """Σ π(x)·K(x, y) = π(y), also with a predicate and a score; and a few steps bring any start closer to it."""
    for potentials in ((), (Predicate(lambda t: not t.endswith("10")), Score(lambda t: 0.5 * t.count("1")))):

        def value(text: str, potentials: Any = potentials) -> float:
            return math.exp(sum(q.of_text(text) for q in potentials))

        texts = normalised(toy.masses(value))
        after: defaultdict[Any, float] = defaultdict(float)
        for tokens, weight in texts.items():

            def run(dice: Any, tokens: Any = tokens, potentials: Any = potentials) -> tuple[int, ...]:
                tree = toy.tree(*potentials)
                walk = walk_of(tree, tokens)
                state = tree.run(mcmc.chain(tree, dice, walk, steps=1, cuts=cuts))
                return tuple(state.walk.tokens)

            kernel = law(run)
            assert any(y != tokens for y in kernel) or len(texts) == 1
            for y, p in kernel.items():
                after[y] += weight * p
        assert far(after, texts) < EXACT


def _divergence(p: dict[Any, float], q: dict[Any, float]) -> float:
    return math.fsum(x * math.log(x / q[k]) for k, x in p.items() if x > 0.0)


def test_aprad_lies_between_masking_and_the_truth() -> None:
    """It promises nothing; its first draw is closer than masking's here, and not exact."""
    toy = Toy("00|1[01]", 3, seed=0)
    texts = normalised(toy.masses())

    def run(dice: Any) -> tuple[int, ...]:
        tree = toy.tree()
        return tuple(next(aprad.draws(tree, dice, 1, Account(), budget=math.inf)).tokens)

    def masked(dice: Any) -> tuple[int, ...]:
        tree = toy.tree()
        walk, _ = tree.run(attempts.weighted(tree, dice, False))
        return tuple(walk.tokens) if walk else ()

    found, mask = law(run), law(masked)
    assert abs(math.fsum(found.values()) - 1.0) < EXACT
    assert set(found) == set(texts)
    mask.pop((), None)
    assert 1e-6 < _divergence(texts, found) < _divergence(texts, normalised(mask))


def test_potentials_in_methods_that_go_one_by_one() -> None:
    """Predicates and bounded scores: cars draws from p·φ exactly, weights of the others are unbiased for it."""
    toy = Toy("00|1[01]", 4, seed=5)
    potentials = (
        Predicate(lambda t: t != "11", prefix=lambda t: not t.startswith("00")),
        Score(lambda t: 0.4 * t.count("1"), log_upper=0.9),
    )
    masses = toy.masses(lambda t: math.exp(sum(q.of_text(t) for q in potentials)))
    for method, (attempt, learned) in attempts.METHODS.items():

        def run(dice: Any, attempt: Any = attempt, learned: bool = learned) -> tuple[tuple[int, ...], float]:
            tree = toy.tree(*potentials)
            tree.run(attempt(tree, dice, learned))
            walk, log_weight = tree.run(attempt(tree, dice, learned))
            return (tuple(walk.tokens) if walk else ()), math.exp(log_weight)

        found: defaultdict[Any, float] = defaultdict(float)
        plain: defaultdict[Any, float] = defaultdict(float)
        for p, (tokens, weight) in executions(run):
            if tokens:
                found[tokens] += p * weight
                plain[tokens] += p
        assert far(found, masses) < EXACT, method
        if attempt is attempts.accepted:
            assert method == "cars" or far(normalised(plain), normalised(masses)) < EXACT


def test_a_temperature_after_theta_is_wrong_however_much_was_learned() -> None:
    """p to the power 1/T first, then θ: the language's share of the warped model. θ first, then the power: not, though
    every text has been seen and θ is exact."""
    temperature = 0.5
    warped = Toy("00|1[01]", 4, seed=1, temperature=temperature)
    plain = Toy("00|1[01]", 4, seed=1)
    truth = normalised(warped.masses())

    def after_all(toy: Toy, power: float) -> dict[Any, float]:
        """The next text's distribution when p·θ is taken to a power before a token is chosen."""
        tree = toy.tree()
        for tokens in toy.masses():
            tree.trie.back_up(walk_of(tree, tokens).node)
        out = {}
        for tokens in toy.masses():
            node, log_q = 0, 0.0
            for token in tokens:
                children, masses = tree.trie.weights(node)
                total = math.fsum(math.exp(power * m) for m in masses)
                node = tree.trie.find(node, token)
                log_q += power * masses[children.index(node)] - math.log(total)
            out[tokens] = math.exp(log_q)
        return out

    assert far(after_all(warped, 1.0), truth) < EXACT
    wrong = after_all(plain, 1.0 / temperature)
    assert abs(math.fsum(wrong.values()) - 1.0) < EXACT
    assert far(wrong, truth) > 0.01
