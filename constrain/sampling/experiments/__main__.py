"""Runs the experiments and writes their pages and plots.

    python -m constrain.sampling.experiments toy regular sygus smollm2 cost --out docs/sampling --data FOLDER

FOLDER has gsm8k_test.jsonl.xz and gad_sygus.jsonl.xz. Each experiment writes its page NAME.md and its plots.
With `smollm2 --minutes 14 --keep FILE --workers 2`, no task begins after that time, and the next run goes on where this
one stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

NAMES = ("toy", "regular", "sygus", "smollm2", "cost")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m constrain.sampling.experiments", description=__doc__)
    parser.add_argument("experiments", nargs="+", choices=NAMES)
    parser.add_argument("--out", type=Path, default=Path("docs/sampling"), help="folder of the pages")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/aligned"), help="folder of the data")
    parser.add_argument("--model", default="smollm2", help="smollm2, or the folder or hub name of a causal model")
    parser.add_argument("--tokenizer", default="", help="folder or hub name of a tokenizer (default: the model's)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much to run, 1 is what the pages show")
    parser.add_argument("--minutes", type=float, default=math.inf, help="smollm2: begin no task after this time")
    parser.add_argument("--keep", type=Path, help="smollm2: file of results, from which a later run goes on")
    parser.add_argument("--workers", type=int, default=1, help="smollm2: processes, of one thread each")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.experiments:
        begun = time.perf_counter()
        page = _run(name, given)
        head = f"<!-- written by python -m constrain.sampling.experiments {name} -->\n\n"
        (given.out / f"{name}.md").write_text(head + page, "utf-8")
        print(page)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return 0


def _run(name: str, given: argparse.Namespace) -> str:
    scale = given.scale
    if name == "toy":
        from constrain.sampling.experiments import toy

        return toy.run(given.out, runs=max(2, round(100 * scale)))
    from constrain.sampling.experiments import cost, regular, smollm2, sygus_runs
    from constrain.sampling.experiments.models import load, tokenizer_of

    if name == "regular":
        return regular.run(given.out, given.data, tokenizer_of(given.tokenizer or given.model), scale)
    if name == "sygus":
        return sygus_runs.run(given.out, given.data, tokenizer_of(given.tokenizer or given.model), scale)
    if name == "smollm2":
        return smollm2.run(
            given.out,
            given.data,
            given.model,
            scale,
            minutes=given.minutes,
            keep=given.keep,
            workers=given.workers,
        )
    model, tokenizer = load(given.model)
    return cost.run(model, tokenizer, scale)


if __name__ == "__main__":
    sys.exit(main())
