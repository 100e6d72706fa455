"""A trigram model of word problems over a real tokenizer, and sentences of a regular language: every method against the
conditional distribution itself."""

from __future__ import annotations

import json
import lzma
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import constrain
from constrain.sampling import Sampler
from constrain.sampling.experiments import svg
from constrain.sampling.experiments.exact import Exact
from constrain.sampling.experiments.measure import band, divergence, divergence_of_next
from constrain.sampling.experiments.ngram import Ngram

WHO, VERBS = ("He", "She", "They"), ("has", "had", "have", "buys", "bought", "sells")
REST = r" ([1-9][0-9]{0,2}|two|three|four|five) (apples|dollars|eggs|pounds|hours|books|more)( each| left)?\."
LANGUAGE = f"({'|'.join(WHO)}) ({'|'.join(VERBS)}){REST}"
CALLS = (30, 100, 300, 1000)
MOST = 3000  # draws
DRAWS = (0, 3, 10, 30, 100, 300)
METHODS: dict[str, dict[str, Any]] = {
    "mask": {},
    "asap": {},
    "cars": {},
    "mcmc": {"steps": 10},
    "smc": {"particles": 32},
    "awrs": {"particles": 32},
    "aprad": {},
    "rejection": {},
}


def model_of(data: Path, tokenizer: Any, size: int) -> Ngram:
    """The model, from the sentences of GSM8K's questions; each ends with the tokenizer's end."""
    with lzma.open(data / "gsm8k_test.jsonl.xz", "rt", encoding="utf-8") as file:
        questions = [json.loads(line)["question"] for line in file]
    sentences = [s.strip() for q in questions for s in re.split(r"(?<=[.?!])\s+", q)]
    end = tokenizer.eos_token_id
    tokens = [i for sentence in tokenizer(sentences)["input_ids"] for i in (*sentence, end)]
    return Ngram(tokens, size, order=3, prompt=[end])


def run(out: Path, data: Path, tokenizer: Any, scale: float) -> str:
    """Plots into the folder; returns the page's text."""
    vocabulary = constrain.Vocabulary.from_tokenizer(tokenizer)
    ngram = model_of(data, tokenizer, vocabulary.size)
    c = constrain.regex(LANGUAGE)
    exact = Exact(ngram, c.compile(vocabulary))
    shares = {
        (who, verb): math.exp(
            Exact(ngram, constrain.regex(f"{who} {verb}{REST}").compile(vocabulary)).log_z - exact.log_z
        )
        for who in WHO
        for verb in VERBS
    }
    runs = max(2, round(8 * scale))
    curves, rows = [], []
    for method, options in METHODS.items():
        found = [_by_calls(ngram, vocabulary, c, method, options, seed, shares) for seed in range(runs)]
        bands = [band([one[at] for one in found if math.isfinite(one[at])] or [math.nan]) for at in range(len(CALLS))]
        there = [(x, b) for x, b in zip(CALLS, bands, strict=True) if math.isfinite(b[0])]
        if there:
            curves.append(_line(method, [float(x) for x, _ in there], [b for _, b in there]))
        cells = " | ".join(
            "no draw" if not math.isfinite(b[0]) else f"{b[0]:.3f} ({b[1]:.3f} … {b[2]:.3f})" for b in bands
        )
        rows.append(f"| {method} | {cells} | {np.mean([one[-1] for one in found]):.0f} |")
    (out / "regular-calls.svg").write_text(
        svg.lines(
            curves,
            "Word problems: all draws so far",
            "model calls",
            "KL of subject and verb (nats)",
            log_x=True,
            log_y=True,
        ),
        "utf-8",
    )
    learned = [_by_draws(ngram, vocabulary, c, exact, seed) for seed in range(runs)]
    bands = [band([one[at] for one in learned]) for at in range(len(DRAWS))]
    mask = bands[0][0]
    picture = [
        _line("asap", [float(n) for n in DRAWS[1:]], bands[1:]),
        svg.Line("mask", [float(n) for n in DRAWS[1:]], [mask] * (len(DRAWS) - 1), dashed=True),
    ]
    (out / "regular-draws.svg").write_text(
        svg.lines(picture, "Word problems: the next draw", "draws so far", "KL (nats)", log_x=True, log_y=True), "utf-8"
    )
    worse = [n for n, b in zip(DRAWS, bands, strict=True) if b[1] > mask and n]
    lines = [
        "## Sentences of word problems",
        "",
        f"A trigram model over the tokenizer's {vocabulary.size} tokens, from the questions of GSM8K; the language "
        f"is the regular expression `{LANGUAGE}`. Dynamic programming over {len(exact.places)} pairs of parser "
        f"state and context gives its mass, Z = {math.exp(exact.log_z):.3g}, and the probability of every text. "
        f"{runs} runs; 95 % bands of the mean.",
        "",
        "KL of the empirical distribution of (subject, verb), weighted where the method has weights, from the "
        f"exact one, after a number of model calls (runs that have no draw yet are left out); and how many texts there "
        f"were after the last of them, {MOST} at most, on average:",
        "",
        "| method | " + " | ".join(f"{n} calls" for n in CALLS) + " | texts in the end |",
        "|---" * (len(CALLS) + 2) + "|",
        *rows,
        "",
        "KL(P ‖ next draw) of ASAp over whole token sequences, with texts drawn exactly from P:",
        "",
        "| draws | KL | 95 % band |",
        "|---|---|---|",
        *(f"| {n} | {b[0]:.4f} | {b[1]:.4f} … {b[2]:.4f} |" for n, b in zip(DRAWS, bands, strict=True)),
        "",
        f"Masking's is that of 0 draws, {mask:.4f}. ASAp's mean is above it, band included, after "
        + (", ".join(map(str, worse)) + " draws." if worse else "none of these numbers of draws."),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, x: list[float], bands: list[tuple[float, float, float]]) -> svg.Line:
    return svg.Line(name, x, [b[0] for b in bands], [max(b[1], 1e-4) for b in bands], [max(b[2], 1e-4) for b in bands])


def _by_calls(
    ngram: Ngram, vocabulary: Any, c: Any, method: str, options: dict[str, Any], seed: int, shares: dict[Any, float]
) -> list[float]:
    """KL of (subject, verb) among the draws when each of `CALLS` was reached, inf before the first draw; and how many
    draws there were in the end."""
    sampler = Sampler(ngram, vocabulary, [], c, max_tokens=40, seed=seed)
    stream = sampler.stream(MOST, method, budget=CALLS[-1], **options)
    out: list[float] = []
    while len(out) < len(CALLS):
        draw = next(stream, None)
        while len(out) < len(CALLS) and (draw is None or stream.model_calls >= CALLS[len(out)]):
            samples = stream.result()
            found: Counter[Any] = Counter()
            for weight, one in zip(samples.weights, samples, strict=True):
                who, verb = one.text.split(" ")[:2]
                found[who, verb] += weight  # type: ignore[assignment]
            out.append(divergence(found, shares) if found else math.inf)
    return [*out, float(len(stream.result()))]


def _by_draws(ngram: Ngram, vocabulary: Any, c: Any, exact: Exact, seed: int) -> list[float]:
    """KL of ASAp's next draw after each of `DRAWS`."""
    rng = np.random.default_rng(seed)
    texts = [exact.draw(rng) for _ in range(200)]
    sampler = Sampler(ngram, vocabulary, [], c, max_tokens=40, seed=seed)
    out, drawn = [], 0
    for n in DRAWS:
        sampler.sample(n - drawn, "asap", budget=10**9)
        drawn = n
        out.append(divergence_of_next(sampler.trie if n else None, exact, texts))
    return out
