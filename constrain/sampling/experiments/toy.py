"""The skewed binary grammar of Grammar-Aligned Decoding: 00000, or any five bits that begin with 1."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import constrain
from constrain.sampling import METHODS, CallableModel, Sampler
from constrain.sampling.experiments import svg, toy_methods
from constrain.sampling.experiments.measure import band, divergence
from constrain.sampling.trie import ROOT, Trie, log_sum

VOCABULARY = constrain.Vocabulary.from_tokens([b"0", b"1", b""], eos=2)
LANGUAGE = "00000|1[01]{4}"
TEXTS = ["00000", *(f"1{i:04b}" for i in range(16))]
DRAWN = 2000
SHARES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def scores(tokens: list[int]) -> npt.NDArray[np.float64]:
    """A model that was asked for five bits: a little fonder of what it wrote last, and mostly ends after five."""
    end = 0.02 if len(tokens) < 5 else 0.9
    same = 0.5 if not tokens else 0.4
    p = np.array([same, 1.0 - same]) if not tokens or tokens[-1] == 1 else np.array([1.0 - same, same])
    row: npt.NDArray[np.float64] = np.log(np.append(p * (1.0 - end), end))
    return row


def truth() -> dict[str, float]:
    """The conditional distribution."""
    masses = {}
    for text in TEXTS:
        tokens = [*(int(bit) for bit in text), 2]
        masses[text] = math.exp(math.fsum(float(scores(tokens[:i])[t]) for i, t in enumerate(tokens)))
    total = math.fsum(masses.values())
    return {text: mass / total for text, mass in masses.items()}


def next_draw(trie: Trie | None) -> dict[str, float]:
    """The distribution of ASAp's next text as the trie stands; of masking's where there is none."""
    out = {}
    for text in TEXTS:
        tokens = [*(int(bit) for bit in text), 2]
        total, node = 0.0, ROOT if trie is not None else -1
        for i, token in enumerate(tokens):
            log_p = scores(tokens[:i])
            allowed = [t for t in range(3) if _begins(text[:i], t)]
            masses = {t: float(log_p[t]) for t in allowed}
            children = {}
            if trie is not None and node >= 0:
                children = {trie.token(c): c for c in trie.children(node)}
                masses = {t: m + (trie.log_theta(children[t]) if t in children else 0.0) for t, m in masses.items()}
            total += masses[token] - log_sum(list(masses.values()))
            node = children.get(token, -1)
        out[text] = math.exp(total)
    return out


def _begins(text: str, token: int) -> bool:
    """May this token follow?"""
    return text in TEXTS if token == 2 else any(other.startswith(text + str(token)) for other in TEXTS)


def run(out: Path, *, runs: int = 100) -> str:
    """Plots into the folder; returns the page's text."""
    exact = truth()
    mask = divergence(exact, next_draw(None))
    by_run: list[list[float]] = [[] for _ in SHARES]
    shares: Counter[str] = Counter()
    for seed in range(runs):
        sampler = Sampler(scores, VOCABULARY, [], constrain.regex(LANGUAGE), max_tokens=6, seed=seed)
        drawn = 0
        for at, n in enumerate(SHARES):
            sampler.sample(n - drawn, "asap", budget=10**9)
            drawn = n
            by_run[at].append(divergence(exact, next_draw(sampler.trie)))
    bands = [band(values) for values in by_run]
    x = [float(n) for n in SHARES[1:]]
    curves = [
        svg.Line("asap", x, *zip(*bands[1:], strict=True)),  # type: ignore[arg-type]
        svg.Line("mask", x, [mask] * len(x), dashed=True),
    ]
    picture = svg.lines(
        curves, "Five bits: how far the next draw is off", "draws so far", "KL (nats)", log_x=True, log_y=True
    )
    (out / "toy.svg").write_text(picture, "utf-8")

    sampler = Sampler(scores, VOCABULARY, [], constrain.regex(LANGUAGE), max_tokens=6, seed=0)
    samples = sampler.sample(20_000, "cars", budget=10**9)
    shares.update(samples.texts)
    groups = [
        ("the model's own", [exact[t] for t in TEXTS]),
        ("masking", [next_draw(None)[t] for t in TEXTS]),
        ("cars, 20 000 draws", [shares[t] / len(samples) for t in TEXTS]),
    ]
    (out / "picture.svg").write_text(svg.bars(TEXTS, groups, "What masking does to five bits", "probability"), "utf-8")

    rows = [f"| {n} | {b[0]:.3g} | {b[1]:.3g} … {b[2]:.3g} |" for n, b in zip(SHARES, bands, strict=True)]
    worse = [n for n, b in zip(SHARES, bands, strict=True) if n and b[1] > mask]
    lines = [
        "## Five bits",
        "",
        f"The language is `{LANGUAGE}` (the skewed binary grammar of the paper on ASAp), the model an enumerable "
        "toy that writes bits, so the first table is exact given the trie; its "
        f"band is over {runs} runs. Masking writes 00000 with probability {next_draw(None)['00000']:.4f}, the model "
        f"given the grammar with {exact['00000']:.4f}. KL(P ‖ masking's draw): {mask:.4g} nats.",
        "",
        "| draws | KL(P ‖ ASAp's next draw) | 95 % band of the mean |",
        "|---|---|---|",
        *rows,
        "",
        "ASAp's mean is above masking's, band included, after "
        + (", ".join(map(str, worse)) + " draws." if worse else "none of these numbers of draws."),
        "",
        *toy_methods.table(out, scores, VOCABULARY, LANGUAGE, exact, divergence(next_draw(None), exact), 10 * runs),
        f"| method, {DRAWN} draws | KL of the empirical distribution | effective sample size | steps taken |",
        "|---|---|---|---|",
        *_table(exact),
        "",
        f"A perfect sampler's is about (17 − 1) / (2 · {DRAWN}) = {(len(TEXTS) - 1) / (2 * DRAWN):.4f} on average. "
        "Steps are model outputs used, those taken from the trie included.",
    ]
    return "\n".join(lines) + "\n"


def _table(exact: dict[str, float]) -> list[str]:
    rows = []
    for method in METHODS:
        model = CallableModel(lambda tokens: scores(tokens))
        sampler = Sampler(model, VOCABULARY, [], constrain.regex(LANGUAGE), max_tokens=6, seed=1)
        options: dict[str, Any] = {"particles": 50} if method in ("smc", "awrs") else {}
        samples = sampler.sample(DRAWN, method, budget=10**9, **options)
        found: Counter[str] = Counter()
        for weight, draw in zip(samples.weights, samples, strict=True):
            found[draw.text] += weight  # type: ignore[assignment]
        steps = samples.model_calls + samples.reused
        rows.append(f"| {method} | {divergence(found, exact):.4f} | {samples.ess:.0f} | {steps} |")
    return rows
