"""SLIA and BV4 with an n-gram model of each task's own examples: ASAp and masking against the exact distribution."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import constrain
from constrain.limits import Limits
from constrain.sampling import Sampler
from constrain.sampling.experiments import svg, sygus
from constrain.sampling.experiments.exact import Exact
from constrain.sampling.experiments.measure import band, divergence_of_next
from constrain.sampling.experiments.ngram import Ngram

DRAWS = (0, 3, 10, 30, 100)
DEPTH = {"SLIA": 3, "BV4": 2}
HEAD = "Solution:\n"
LIMITS = Limits(arena_bytes=1 << 29)


def model_of(task: sygus.Task, tokenizer: Any, size: int) -> Ngram:
    """Trigrams of the solutions in the task's prompt, of which the task's own is one more."""
    end = tokenizer.eos_token_id
    solutions = [HEAD + example.split(HEAD)[-1] for example in task.examples] + [HEAD + task.solution]
    tokens = [i for text in solutions for i in (*tokenizer(text)["input_ids"], end)]
    return Ngram(tokens, size, order=3, share=0.95, prompt=tokenizer(HEAD)["input_ids"])


def run(out: Path, data: Path, tokenizer: Any, scale: float) -> str:
    """Plots into the folder; returns the page's text."""
    vocabulary = constrain.Vocabulary.from_tokenizer(tokenizer)
    chosen = list(sygus.tasks(data / "gad_sygus.jsonl.xz"))
    chosen = chosen[:: max(1, round(1 / scale))] if scale < 1 else chosen
    curves: list[list[float]] = []
    points: dict[str, list[tuple[float, float]]] = {"mask": [], "asap": [], "asap, weighted": [], "cars": []}
    rows = []
    for task in chosen:
        ngram = model_of(task, tokenizer, vocabulary.size)
        c = sygus.constraint(task.grammar, depth=DEPTH[task.split], limits=LIMITS)
        exact = Exact(ngram, c.compile(vocabulary))
        rng = np.random.default_rng(0)
        texts = [exact.draw(rng) for _ in range(100)]
        truth = float(np.mean([exact.log_probability(x) for x in (exact.draw(rng) for _ in range(1000))]))
        curve, asap = _learn(ngram, vocabulary, c, exact, texts)
        curves.append(curve)
        mask = Sampler(ngram, vocabulary, [], c, max_tokens=200, seed=1).sample(DRAWS[-1], "mask")
        cars = Sampler(ngram, vocabulary, [], c, max_tokens=200, seed=2).sample(DRAWS[-1], "cars", budget=1500)
        log_p = {d.tokens: exact.log_probability(d.tokens) for s in (mask, asap, cars) for d in s}
        points["mask"].append((truth, float(np.mean([log_p[d.tokens] for d in mask]))))
        points["asap"].append((truth, float(np.mean([log_p[d.tokens] for d in asap.draws[DRAWS[-1] // 2 :]]))))
        weighted = math.fsum(w * log_p[d.tokens] for w, d in zip(asap.weights, asap, strict=True))
        points["asap, weighted"].append((truth, weighted))
        if len(cars) >= 20:
            points["cars"].append((truth, float(np.mean([log_p[d.tokens] for d in cars]))))
        rows.append(
            f"| {task.split} {task.name} | {len(exact.places)} | {exact.log_z:.2f} | "
            + " | ".join(f"{k:.3f}" for k in curve)
            + f" | {truth:.2f} | {points['mask'][-1][1]:.2f} | {points['asap'][-1][1]:.2f} | {weighted:.2f} | "
            f"{len(cars)} |"
        )
    x = [float(n) for n in DRAWS[1:]]
    bands = [band([curve[at] for curve in curves]) for at in range(len(DRAWS))]
    picture = [
        svg.Line("asap", x, [b[0] for b in bands[1:]], [max(b[1], 1e-3) for b in bands[1:]], [b[2] for b in bands[1:]]),
        svg.Line("mask", x, [bands[0][0]] * len(x), dashed=True),
    ]
    (out / "sygus-draws.svg").write_text(
        svg.lines(picture, f"{len(curves)} SyGuS tasks: the next draw", "draws so far", "KL (nats), mean", log_x=True),
        "utf-8",
    )
    (out / "sygus-expectation.svg").write_text(
        svg.scatter(list(points.items()), "Mean log probability, task by task", "exactly", "by the method's draws"),
        "utf-8",
    )
    worse = sum(any(k > curve[0] * 1.01 for k in curve[1:-1]) for curve in curves)
    better = sum(curve[-1] < curve[0] for curve in curves)
    gap = {
        name: float(np.mean([abs(a - b) for a, b in pairs])) if pairs else math.nan for name, pairs in points.items()
    }
    lines = [
        "## SyGuS with a trigram model",
        "",
        f"{len(chosen)} tasks of SLIA and BV4 with their published grammars, in which rules nest at most "
        f"{DEPTH['SLIA']} (SLIA) and {DEPTH['BV4']} (BV4) deep, so that the distribution can be computed. The model "
        "is a trigram of the solutions that the task's prompt shows, and of its own, over the tokens of a real "
        "tokenizer. KL(P ‖ next draw) of ASAp after a number of draws (0 is masking), from 100 exact texts; mean "
        f"log P(x | grammar), exactly and over {DRAWS[-1]} draws (ASAp: the second half of them; and all of them "
        "with their weights); how many texts CARS draws with at most 1 500 model calls.",
        "",
        "| task | pairs | log Z | "
        + " | ".join(f"KL {n}" for n in DRAWS)
        + " | mean log P | mask | asap | weighted | cars |",
        "|---" * (len(DRAWS) + 8) + "|",
        *rows,
        "",
        f"After {DRAWS[-1]} draws ASAp is closer than masking in {better} of {len(curves)} tasks; in {worse} of "
        "them it was further off than masking somewhere on the way. Mean distance from the exact mean log P: "
        + ", ".join(f"{name} {value:.2f}" for name, value in gap.items() if math.isfinite(value))
        + f". CARS had at least 20 draws in {len(points['cars'])} tasks.",
    ]
    return "\n".join(lines) + "\n"


def _learn(ngram: Ngram, vocabulary: Any, c: Any, exact: Exact, texts: list[list[int]]) -> tuple[list[float], Any]:
    """KL of ASAp's next draw after each of `DRAWS`, and all its draws."""
    sampler = Sampler(ngram, vocabulary, [], c, max_tokens=200, seed=0)
    stream = sampler.stream(DRAWS[-1], "asap", budget=10**9)
    out = []
    for before, n in zip((0, *DRAWS), DRAWS, strict=False):
        for _ in range(n - before):
            next(stream)
        out.append(divergence_of_next(sampler.trie if n else None, exact, texts))
    return out, stream.result()
