"""SyGuS with a language model: what masking, ASAp, CARS and chains draw from it for the same number of model calls."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.sampling import Sampler
from constrain.sampling.experiments import svg, sygus
from constrain.sampling.experiments.measure import divergence
from constrain.sampling.huggingface import HuggingFaceModel
from constrain.sampling.result import Samples
from constrain.sampling.trie import log_sum

METHODS: dict[str, dict[str, Any]] = {"mask": {}, "asap": {}, "cars": {}, "mcmc": {"steps": 5}}
CALLS = 120
CHOSEN = 3  # tasks of each split
KEPT = 1500  # outputs that methods share, 200 KB each


class Shared:
    """A model whose outputs all methods share, so that a method's calls are counted but not computed twice."""

    batch = 1

    def __init__(self, model: Any, prompt: Sequence[int]) -> None:
        self._model = HuggingFaceModel(model, prompt, batch=1)
        self._known: OrderedDict[tuple[int, ...], npt.NDArray[Any]] = OrderedDict()

    def scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        """See `Model`."""
        out = []
        for tokens in generated:
            row = self._known.get(tuple(tokens))
            if row is None:
                row = self._known[tuple(tokens)] = self._model.scores([tokens])[0]
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
            out.append(row)
        return out


def run(out: Path, data: Path, model: Any, tokenizer: Any, scale: float) -> str:
    """Plots into the folder; returns the page's text."""
    import torch

    torch.set_num_threads(1)
    calls = max(20, round(CALLS * scale))
    every = list(sygus.tasks(data / "gad_sygus.jsonl.xz"))
    chosen = [t for split in ("SLIA", "BV4") for t in _short([t for t in every if t.split == split])]
    rows = []
    points: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    for task in chosen:
        c = sygus.constraint(task.grammar)
        prompt = tokenizer(task.short_prompt)["input_ids"]
        shared = Shared(model, prompt)
        found: dict[str, Samples] = {}
        bounds = (-math.inf, 0.0)
        for method, options in METHODS.items():
            sampler = Sampler(shared, tokenizer, prompt, c, max_tokens=80, seed=0)
            found[method] = sampler.sample(60, method, budget=calls, **options)
            low, high = found[method].log_z_bounds
            bounds = max(bounds[0], low), min(bounds[1], high)
        known = {d.tokens: d.log_p for samples in found.values() for d in samples}
        total = log_sum(list(known.values()))
        truth = {x: math.exp(p - total) for x, p in known.items()}
        best = float(np.dot(list(truth.values()), [known[x] for x in truth]))
        rows.append(
            f"| {task.split} {task.name} | {len(prompt)} | {bounds[0]:.2f} … {bounds[1]:.2f} | {len(known)} | "
            f"{best:.2f} |"
        )
        for method, samples in found.items():
            mean = float(np.mean([d.log_p for d in samples])) if len(samples) else math.nan
            counts: dict[Any, float] = {}
            for d in samples:
                counts[d.tokens] = counts.get(d.tokens, 0.0) + 1.0 / len(samples)
            far = divergence(counts, truth) if counts else math.nan
            rows[-1] += f" {len(samples)} | {mean:.2f} | {far:.2f} |" if len(samples) else " 0 | – | – |"
            if len(samples):
                points[method].append((best, mean))
    (out / "smollm2-expectation.svg").write_text(
        svg.scatter(
            list(points.items()), "SmolLM2: mean log probability of the draws", "all texts found", "a method's draws"
        ),
        "utf-8",
    )
    heads = " | ".join(f"{m}: draws | mean log p | KL" for m in METHODS)
    lines = [
        "## SyGuS with SmolLM2",
        "",
        f"SmolLM2-135M-Instruct; the {CHOSEN} tasks of SLIA and of BV4 with the shortest prompts (one solved "
        "example and the question), the published grammars, texts of at most 80 tokens, temperature 1; at most "
        f"{calls} model calls for each method and task and 60 draws. Bounds of log Z are those that the tries "
        "prove. What a text's probability given the grammar is, is not known; it is estimated, as the papers do, "
        "from all texts that any method found: their mean log p is the fifth column, and KL is that of a method's "
        "draws (unweighted) from that estimate.",
        "",
        f"| task | prompt tokens | log Z | texts found | mean log p | {heads} |",
        "|---" * (5 + 3 * len(METHODS)) + "|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _short(tasks: list[sygus.Task]) -> list[sygus.Task]:
    return sorted(tasks, key=lambda t: (len(t.short_prompt), t.name))[:CHOSEN]
