"""SyGuS with a language model: what masking, ASAp, CARS and chains draw from it for the same number of model calls.

Tasks are done one by one, SLIA and BV4 in turn, the short prompts first, until the time is over; what is done may be
kept in a file, from which a later run goes on.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import chain, islice, zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.sampling import Sampler
from constrain.sampling.experiments import svg, sygus
from constrain.sampling.experiments.measure import divergence
from constrain.sampling.experiments.models import load
from constrain.sampling.huggingface import HuggingFaceModel
from constrain.sampling.result import Samples
from constrain.sampling.trie import log_sum

METHODS: dict[str, dict[str, Any]] = {"mask": {}, "asap": {}, "cars": {}, "mcmc": {"steps": 5}}
CALLS = 120
DRAWS = 200
LONGEST = 2000  # tokens of a prompt
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


def run(
    out: Path,
    data: Path,
    name: str,
    scale: float,
    *,
    minutes: float = math.inf,
    keep: Path | None = None,
    workers: int = 1,
) -> str:
    """Plots into the folder; returns the page's text.

    name: of the model, see `load`. minutes: after this time no task begins. keep: a file of results, a line of JSON
    each; those of the same number of calls are taken from it, and new ones are added. workers: processes, of one thread
    and 1 GB each.
    """
    stop = time.monotonic() + 60.0 * minutes
    calls = max(20, round(CALLS * scale))
    every = list(sygus.tasks(data / "gad_sygus.jsonl.xz"))
    tokenizer = load(name)[1]
    prompts = {task.name: tokenizer(task.short_prompt)["input_ids"] for task in every}
    chosen = in_turn([task for task in every if len(prompts[task.name]) <= LONGEST], prompts)
    done = _kept(keep, calls)
    todo = iter([(task, prompts[task.name], calls) for task in chosen if task.name not in done])
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(name,)) as pool:
        going = {pool.submit(_do, *work) for work in islice(todo, workers if minutes > 0 else 0)}
        while going:
            ready, going = wait(going, return_when=FIRST_COMPLETED)
            for result in [future.result() for future in ready]:
                done[result["task"]] = result
                if keep is not None:
                    with open(keep, "a", encoding="utf-8") as file:
                        file.write(json.dumps(result) + "\n")
                if time.monotonic() < stop:
                    going |= {pool.submit(_do, *work) for work in islice(todo, 1)}
    results = [done[task.name] for task in chosen if task.name in done]
    points = {m: [(r["best"], r[m]["mean"]) for r in results if r[m]["draws"]] for m in METHODS}
    (out / "smollm2-expectation.svg").write_text(
        svg.scatter(
            list(points.items()), "SmolLM2: mean log probability of the draws", "all texts found", "a method's draws"
        ),
        "utf-8",
    )
    return page(results, calls, len(every), len(every) - len(chosen))


_loaded: list[Any] = []


def _begin(name: str) -> None:
    """In a new process: the model."""
    import torch

    torch.set_num_threads(1)
    _loaded[:] = load(name)


def _do(task: sygus.Task, prompt: list[int], calls: int) -> dict[str, Any]:
    model, tokenizer = _loaded
    return one(task, model, tokenizer, prompt, calls)


def one(task: sygus.Task, model: Any, tokenizer: Any, prompt: list[int], calls: int) -> dict[str, Any]:
    """What each method draws for a task, with a trie of its own."""
    c = sygus.constraint(task.grammar)
    shared = Shared(model, prompt)
    found: dict[str, Samples] = {}
    bounds = (-math.inf, 0.0)
    for method, options in METHODS.items():
        sampler = Sampler(shared, tokenizer, prompt, c, max_tokens=80, seed=0)
        found[method] = sampler.sample(DRAWS, method, budget=calls, **options)
        low, high = found[method].log_z_bounds
        bounds = max(bounds[0], low), min(bounds[1], high)
    known = {d.tokens: d.log_p for samples in found.values() for d in samples}
    total = log_sum(list(known.values()))
    truth = {x: math.exp(p - total) for x, p in known.items()}
    best = math.fsum(truth[x] * known[x] for x in truth) if truth else math.nan
    result: dict[str, Any] = {
        "task": task.name,
        "split": task.split,
        "calls": calls,
        "prompt": len(prompt),
        "low": bounds[0],
        "high": bounds[1],
        "texts": len(known),
        "best": best,
    }
    for method, samples in found.items():
        mean = float(np.mean([d.log_p for d in samples])) if len(samples) else math.nan
        shares = {x: n / len(samples) for x, n in Counter(samples.sequences).items()}
        far = divergence(shares, truth) if shares else math.nan
        result[method] = {"draws": len(samples), "mean": mean, "far": far, "calls": samples.model_calls}
    return result


def page(results: list[dict[str, Any]], calls: int, tasks: int, long: int) -> str:
    """The page's text."""
    heads = " | ".join(f"{m}: draws | mean log p | KL" for m in METHODS)
    lines = [
        "## SyGuS with SmolLM2",
        "",
        f"SmolLM2-135M-Instruct on {len(results)} of the {tasks} tasks of SLIA and BV4, the short prompts (one solved "
        f"example and the question) first; {long} prompts have more than {LONGEST} tokens and are left out. The "
        f"published grammars, texts of at most 80 tokens, temperature 1. Each method has {calls} model calls for a "
        "task, after which it begins nothing new. That is little: the paper on ASAp draws 2 000 texts for a task. "
        "Bounds of log Z are those that the tries prove. What a text's probability given the grammar is, is not known; "
        "it is estimated from all texts that any method found: their mean log p is the fifth column, and KL is that of "
        "a method's draws (unweighted) from that estimate. A method that found the only likely text itself looks good "
        "in it, so read it as a rough comparison; the [n-gram model](sygus.md) has the exact one.",
        "",
        f"| task | prompt tokens | log Z | texts found | mean log p | {heads} |",
        "|---" * (5 + 3 * len(METHODS)) + "|",
    ]
    for r in results:
        row = f"| {r['split']} {r['task']} | {r['prompt']} | {r['low']:.2f} … {r['high']:.2f} | {r['texts']} | "
        row += f"{r['best']:.2f} |" if r["texts"] else "– |"
        for m in METHODS:
            cell = r[m]
            row += f" {cell['draws']} | {cell['mean']:.2f} | {cell['far']:.2f} |" if cell["draws"] else " 0 | – | – |"
        lines.append(row)
    both = [r for r in results if r["mask"]["draws"] and r["asap"]["draws"]]
    most = max((r["asap"]["draws"] for r in results), default=0)
    drawn = sum(r["cars"]["draws"] > 0 for r in results)
    nearer = sum(r["asap"]["mean"] > r["mask"]["mean"] for r in both)
    lines += [
        "",
        f"ASAp's texts are likelier on average than masking's in {nearer} of the {len(both)} tasks where both have "
        f"some. It has {most} texts for a task at most, so these are the first tens of draws, in which it can be worse "
        f"than masking. CARS has a text in {drawn} of {len(results)} tasks: where log Z is far below "
        f"-{math.log(calls):.0f}, an exact draw takes more calls than these.",
    ]
    return "\n".join(lines) + "\n"


def in_turn(tasks: Sequence[sygus.Task], prompts: dict[str, list[int]]) -> list[sygus.Task]:
    """SLIA and BV4 in turn, the short prompts first."""
    splits = [
        sorted((t for t in tasks if t.split == split), key=lambda t: (len(prompts[t.name]), t.name))
        for split in ("SLIA", "BV4")
    ]
    return [task for task in chain.from_iterable(zip_longest(*splits)) if task is not None]


def _kept(path: Path | None, calls: int) -> dict[str, dict[str, Any]]:
    """Results of earlier runs, by task."""
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {row["task"]: row for row in rows if row["calls"] == calls}
