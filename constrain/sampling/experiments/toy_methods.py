"""Five bits, every method: how far its next draw and all its draws so far are off, after a number of steps.

A step is a model output that a method used, from the model or from the trie: without the trie's cache it would be a
model call.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import constrain
from constrain.sampling import METHODS, Draw, Sampler
from constrain.sampling.experiments import svg
from constrain.sampling.experiments.measure import band, divergence

STEPS = (0, 10, 30, 100, 300)
POPULATION = 10  # particles
DRAWN = 300  # repetitions of the bootstrap
LOWEST = 1e-3  # of the plots


class Paths:
    """Many runs of one method. next_draws[i]: counts of the texts that came next after STEPS[i] steps; so_far[i]: KL of
    each run's draws until then, of the runs that had any."""

    def __init__(self, texts: list[str]) -> None:
        self.places = {text: i for i, text in enumerate(texts)}
        self.next_draws = np.zeros((len(STEPS), len(texts)), np.int64)
        self.so_far: list[list[float]] = [[] for _ in STEPS]

    def run(self, sampler: Sampler, method: str, exact: dict[str, float], seed: int) -> None:
        """One run, from nothing to the last of STEPS and the draw that follows."""
        tree, rng = sampler.tree, np.random.default_rng(seed)
        n = POPULATION if method in ("smc", "awrs") else 1
        options: dict[str, Any] = {"particles": n} if n > 1 else {}
        found: defaultdict[str, float] = defaultdict(float)
        at = 0
        while at < len(STEPS):
            passed = at
            while passed < len(STEPS) and tree.model_calls + tree.reused >= STEPS[passed]:
                if found:
                    total = math.fsum(found.values())
                    self.so_far[passed].append(divergence({x: w / total for x, w in found.items()}, exact))
                passed += 1
            draws = list(sampler.stream(n, method, budget=10**9, **options))
            weights = np.exp([draw.log_weight for draw in draws])
            for draw, weight in zip(draws, weights.tolist(), strict=True):
                found[draw.text] += weight
            self.next_draws[at:passed, self.places[_one(draws, weights, rng).text]] += 1
            at = passed


def _one(draws: list[Draw], weights: npt.NDArray[np.float64], rng: np.random.Generator) -> Draw:
    """The draw; of a population, one of them by weight."""
    return draws[0] if len(draws) == 1 else draws[int(rng.choice(len(draws), p=weights / weights.sum()))]


def corrected(counts: npt.NDArray[np.int64], q: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """(KL(counts/n || q), lower and upper end of a 95 % band), by the bootstrap, which also takes off what KL is too
    large because there are only n counts."""
    n = int(counts.sum())
    rng = np.random.default_rng(0)

    def far(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        terms = np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0) / q), 0.0)
        result: npt.NDArray[np.float64] = terms.sum(-1)
        return result

    value = float(far(counts / n))
    again = far(rng.multinomial(n, counts / n, size=DRAWN) / n)
    low, high = np.quantile(again, [0.025, 0.975])
    return 2 * value - float(again.mean()), 2 * value - float(high), 2 * value - float(low)


def table(
    out: Path,
    scores: Any,
    vocabulary: constrain.Vocabulary,
    language: str,
    exact: dict[str, float],
    masked: float,
    runs: int,
) -> list[str]:
    """Plots into the folder; returns the lines of the page. masked: KL(masking's draw ‖ P)."""
    texts = list(exact)
    q = np.array([exact[text] for text in texts])
    c = constrain.regex(language)
    after, so_far = [], []
    curves: list[svg.Line] = []
    for method in METHODS:
        paths = Paths(texts)
        for seed in range(runs):
            paths.run(Sampler(scores, vocabulary, [], c, max_tokens=6, seed=seed), method, exact, seed)
        bands = [corrected(counts, q) for counts in paths.next_draws]
        after.append(f"| {method} | " + " | ".join(map(_cell, bands)) + " |")
        means = [band(values) if values else None for values in paths.so_far]
        so_far.append(f"| {method} | " + " | ".join("–" if b is None else _cell(b) for b in means[1:]) + " |")
        there = [(float(x), b) for x, b in zip(STEPS, means, strict=True) if b is not None]
        curves.append(
            svg.Line(
                method,
                [x for x, _ in there],
                [max(b[0], LOWEST) for _, b in there],
                [max(b[1], LOWEST) for _, b in there],
                [max(b[2], LOWEST) for _, b in there],
            )
        )
    (out / "toy-steps.svg").write_text(
        svg.lines(curves, "Five bits: all draws so far", "steps", "KL (nats)", log_x=True, log_y=True), "utf-8"
    )
    return [
        f"Every method, {runs} runs each, after a number of steps (model outputs used, those taken from the trie "
        "included). First KL(next draw ‖ P) over all runs, without the bias of finitely many runs and with its 95 % "
        "band, both by the bootstrap (so it may be below 0). Of smc and awrs it is one of the next population of "
        f"{POPULATION}, picked by weight; the others' next draw is taken as it comes, whatever its weight. A chain of "
        f"mcmc has 10 moves. Masking's is {masked:.3f} exactly, and that of cars and rejection 0.",
        "",
        "| next draw | " + " | ".join(f"{n} steps" for n in STEPS) + " |",
        "|---" * (len(STEPS) + 1) + "|",
        *after,
        "",
        "Then KL(draws so far ‖ P), of the empirical distribution with its weights: mean over the runs that had a draw "
        "by then, and its 95 % band.",
        "",
        "| all draws so far | " + " | ".join(f"{n} steps" for n in STEPS[1:]) + " |",
        "|---" * len(STEPS) + "|",
        *so_far,
        "",
    ]


def _cell(b: tuple[float, float, float]) -> str:
    return f"{b[0]:.3f} ({b[1]:.3f} … {b[2]:.3f})"
