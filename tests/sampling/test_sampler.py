"""`constrain.sample`: what it takes, what it gives, what it refuses; and a statistical test that a bias would fail."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import constrain
from constrain.sampling import METHODS, CallableModel, Predicate, Sampler, Score, Warp
from constrain.sampling.result import Draw, Samples
from tests.sampling.toys import TOKENS, VOCABULARY, Toy, normalised, scores

CHI_SQUARE_LIMIT = 6.0  # standard deviations, by the approximation of Wilson and Hilferty


def model(tokens: list[int]) -> Any:
    return scores(tokens, 1)


TOY = Toy("00|1[01]{1,2}", 5, seed=1)


def draws(n: int, method: str, seed: int = 0, **settings: Any) -> Samples:
    options = {"max_tokens": 5, "budget": 1000, **settings}
    return constrain.sample(model, VOCABULARY, [], TOY.constraint, n=n, method=method, seed=seed, **options)


def surprise(counts: Counter[tuple[int, ...]], expected: dict[tuple[int, ...], float]) -> float:
    """How many standard deviations the chi-square statistic of these counts is from what is to be expected."""
    n = sum(counts.values())
    if any(x not in expected for x in counts):
        return math.inf
    statistic = math.fsum((counts[x] - n * p) ** 2 / (n * p) for x, p in expected.items())
    k = len(expected) - 1
    return ((statistic / k) ** (1 / 3) - (1 - 2 / (9 * k))) / math.sqrt(2 / (9 * k))


@pytest.mark.parametrize("method", ["cars", "rejection"])
def test_exact_methods_pass_a_test_that_masking_fails(method: str) -> None:
    expected = normalised(TOY.masses())
    assert surprise(Counter(draws(4000, method, concurrent=4).sequences), expected) < CHI_SQUARE_LIMIT
    assert surprise(Counter(draws(4000, "mask").sequences), expected) > CHI_SQUARE_LIMIT


def test_a_planted_bias_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same test, with a coin that lands on heads a little too often."""
    from constrain.sampling.dice import Dice

    fair = Dice.coin
    monkeypatch.setattr(Dice, "coin", lambda self, log_p: fair(self, 0.7 * log_p))
    counts = Counter(draws(4000, "rejection").sequences)
    assert surprise(counts, normalised(TOY.masses())) > CHI_SQUARE_LIMIT


def test_methods_that_converge_do() -> None:
    """Their draws, after learning or with many steps; masking's with their weights."""
    expected = normalised(TOY.masses())
    sampler = Sampler(model, VOCABULARY, [], TOY.constraint, max_tokens=5, seed=2)
    sampler.sample(500, "asap")
    assert surprise(Counter(sampler.sample(4000, "asap").sequences), expected) < CHI_SQUARE_LIMIT
    chains = draws(700, "mcmc", steps=25, proposal="uniform")
    assert surprise(Counter(chains.sequences), expected) < CHI_SQUARE_LIMIT
    for method in ("mask", "asap", "smc", "awrs"):
        samples = draws(1500, method, seed=3)
        assert samples.log_z is not None
        assert samples.log_z == pytest.approx(math.log(math.fsum(TOY.masses().values())), abs=0.1)
        share = samples.expectation(lambda text: float(text == "00"))
        exact = math.fsum(p for x, p in expected.items() if b"".join(TOKENS[t] for t in x) == b"00")
        assert share == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_comes_back(method: str) -> None:
    samples = draws(8, method)
    assert len(samples) >= 8 and samples.missing == 0
    assert all(TOY.constraint.matches(text) for text in samples.texts)
    assert {draw.method for draw in samples} == {method}
    assert 0 < samples.ess <= len(samples) + 1e-9
    assert math.fsum(samples.weights) == pytest.approx(1.0)
    low, high = samples.log_z_bounds
    z = math.log(math.fsum(TOY.masses().values()))
    assert low <= z + 1e-12 and z <= high + 1e-12
    assert 0 < samples.model_calls < 40  # no prefix is asked for twice
    assert 0.0 <= samples.overhead <= 1.0 and samples.model_seconds <= samples.seconds
    masses = TOY.masses()
    for draw in samples:
        assert draw.log_p == pytest.approx(math.log(masses[draw.tokens]), abs=1e-12)
        assert draw.text == b"".join(TOKENS[t] for t in draw.tokens).decode()
    if METHODS[method].exact or not METHODS[method].weighted:
        assert set(samples.log_weights) == {0.0}
        assert samples.ess == pytest.approx(len(samples))
    again = draws(8, method)
    assert again.sequences == samples.sequences  # the same seed


def test_a_stream_gives_draws_as_they_are_made() -> None:
    sampler = Sampler(model, VOCABULARY, [], TOY.constraint, max_tokens=5, seed=0)
    stream = sampler.stream(5, "cars")
    first = next(stream)
    assert isinstance(first, Draw) and len(stream.result()) == 1
    assert len(list(stream)) == 4
    assert len(stream.result()) == 5


def test_the_budget_and_the_fallback() -> None:
    few = draws(50, "rejection", budget=10)
    assert len(few) < 50 and few.missing == 50 - len(few)
    mixed = draws(50, "rejection", budget=10, fallback="mask")
    assert len(mixed) == 50 and {draw.method for draw in mixed} == {"rejection", "mask"}
    assert mixed.texts[: len(few)] == few.texts
    shares = Counter(draw.method for draw in mixed)
    by_mask = math.fsum(w for w, d in zip(mixed.weights, mixed, strict=True) if d.method == "mask")
    assert by_mask == pytest.approx(shares["mask"] / 50)
    assert draws(5, "cars", budget=0).missing == 5


def test_a_function_that_takes_batches() -> None:
    asked = []

    def together(rows: list[list[int]]) -> Any:
        asked.append(len(rows))
        assert all(row[:2] == [1, 0] for row in rows)
        return np.stack([scores(row[2:], 1) for row in rows])

    batched = CallableModel(together, [1, 0], batch=3)
    samples = constrain.sample(
        batched, VOCABULARY, [1, 0], TOY.constraint, n=20, method="cars", max_tokens=5, seed=0, concurrent=5
    )
    assert len(samples) == 20 and max(asked) == 3 and sum(asked) == samples.model_calls


def test_nothing_can_be_written() -> None:
    for method in METHODS:
        with pytest.raises(constrain.Unsatisfiable):
            constrain.sample(model, VOCABULARY, [], constrain.regex("0{9}"), method=method, max_tokens=4, budget=500)
        if method == "rejection":  # learns nothing from what it rejects, but the trie does, of what it has seen
            continue
        with pytest.raises(constrain.Unsatisfiable):
            draws(1, method, potentials=Predicate(lambda text: False), budget=500)


def test_without_a_grammar() -> None:
    samples = constrain.sample(
        model, VOCABULARY, [], None, n=30, method="awrs", max_tokens=4, seed=0, particles=30,
        potentials=Predicate(prefix=lambda text: "11" not in text),
    )  # fmt: skip
    assert len(samples) >= 30 and all("11" not in text for text in samples.texts)


def test_scores_without_a_bound_need_weights() -> None:
    liked = Score(lambda text: float(text.count("1")))
    for method, facts in METHODS.items():
        if not facts.unbounded:
            with pytest.raises(constrain.ConstraintError, match="bound"):
                draws(1, method, potentials=liked)
        else:
            samples = draws(300, method, potentials=liked)
            assert samples.expectation(lambda t: t.count("1")) > draws(300, method).expectation(lambda t: t.count("1"))
    with pytest.raises(ValueError, match="promised"):
        draws(20, "cars", potentials=Score(lambda text: 1.0, log_upper=0.5))


def test_wrong_arguments() -> None:
    for wrong in ({"method": "magic"}, {"fallback": "magic"}, {"budget": -1}, {"temperature": 0.0}, {"top_p": 0.0}):
        with pytest.raises(ValueError):
            draws(1, **{"method": "cars", **wrong})
    with pytest.raises(TypeError, match="no option"):
        draws(1, "cars", particles=5)
    with pytest.raises(TypeError, match="not a model"):
        constrain.sample(5, VOCABULARY, [], TOY.constraint)
    with pytest.raises(constrain.ConstraintError, match="token ids"):
        constrain.sample(model, VOCABULARY, "a text", TOY.constraint)
    with pytest.raises(constrain.ConstraintError, match="no finite score"):
        constrain.sample(lambda tokens: [math.nan] * 4, VOCABULARY, [], TOY.constraint)
    with pytest.raises(constrain.ConstraintError, match="shape"):
        constrain.sample(lambda tokens: [[0.0] * 4], VOCABULARY, [], TOY.constraint)


def test_a_trie_of_something_else_is_refused() -> None:
    mine = Sampler(model, VOCABULARY, [], TOY.constraint, max_tokens=5)
    mine.sample(3)
    Sampler(model, VOCABULARY, [], TOY.constraint, max_tokens=5, trie=mine.trie)
    with pytest.raises(constrain.ConstraintError, match="another"):
        Sampler(model, VOCABULARY, [], TOY.constraint, max_tokens=5, temperature=0.5, trie=mine.trie)


def test_a_model_with_too_few_or_too_many_scores() -> None:
    """Tokens without a score can't come; scores without a token are mass outside of the language."""
    wide = constrain.sample(
        lambda t: np.append(scores(t, 1), [9.0, 9.0]), VOCABULARY, [], TOY.constraint, n=5, max_tokens=5, seed=0
    )
    assert wide.log_z_bounds[1] < draws(5, "cars").log_z_bounds[1]
    with pytest.raises(constrain.Unsatisfiable):  # no score for the end
        constrain.sample(lambda t: scores(t, 1)[:3], VOCABULARY, [], TOY.constraint, max_tokens=5, seed=0)


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    draws(5, "cars", progress=True)
    assert "cars" in capsys.readouterr().err


def test_warpers_against_the_definition() -> None:
    row = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    assert np.exp(Warp().log_probabilities(row)) == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert np.exp(Warp(temperature=0.5).log_probabilities(row)) == pytest.approx(
        np.array([0.25, 0.09, 0.0225, 0.0025]) / 0.365
    )
    assert np.exp(Warp(top_k=2).log_probabilities(row)) == pytest.approx([0.625, 0.375, 0.0, 0.0])
    assert np.exp(Warp(top_p=0.75).log_probabilities(row)) == pytest.approx([0.625, 0.375, 0.0, 0.0])
    assert np.exp(Warp(top_p=0.81).log_probabilities(row)) == pytest.approx(np.array([0.5, 0.3, 0.15, 0.0]) / 0.95)
    assert np.exp(Warp(min_p=0.2).log_probabilities(row)) == pytest.approx(np.array([0.5, 0.3, 0.15, 0.0]) / 0.95)
    assert np.exp(Warp(custom=(lambda r: -r,)).log_probabilities(row)) == pytest.approx(
        np.array([2, 10 / 3, 20 / 3, 20]) / 32
    )
    assert (row == np.log(np.array([0.5, 0.3, 0.15, 0.05]))).all()  # the model's array is left alone


def test_context_free_languages() -> None:
    """Balanced texts: exact, by enumeration."""
    c = constrain.gbnf('root ::= "0" root "1" | ""')
    samples = constrain.sample(model, VOCABULARY, [], c, n=3000, method="cars", max_tokens=6, seed=0, budget=10**6)
    masses = {}
    for text in ("", "01", "0011"):
        for tokens in Toy(text, 6, seed=1).masses().items():
            masses[tokens[0]] = tokens[1]
    assert {draw.text for draw in samples} <= {"", "01", "0011"}
    assert surprise(Counter(samples.sequences), normalised(masses)) < CHI_SQUARE_LIMIT
