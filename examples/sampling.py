"""SmolLM2 draws texts under a grammar, by masking and by methods that follow the model, and shows the difference.

    python examples/sampling.py [--calls 300] [--seed 0]

The exit status is 0 when every text is in the language, 2 when the model is missing.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections import Counter

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import smollm2

import constrain
from constrain.sampling import METHODS, Samples

PROMPT = "Q: Which animals live on the farm?\nA: On the farm live"
LANGUAGE = r" (a|an|the|two|three) (brown |old |small )?(ant|cow|cows|dog|dogs|elephant|horse|horses|sheep)\."


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=300, help="model calls for each method (default 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("methods", nargs="*", default=["mask", "asap", "cars"], help=f"some of {', '.join(METHODS)}")
    given = parser.parse_args()
    try:
        model, tokenizer = smollm2.load()
    except smollm2.ModelMissing as error:
        print(f"The model can't be loaded: {error}", file=sys.stderr)
        return 2
    c = constrain.regex(LANGUAGE)
    good = True
    for method in given.methods:
        samples = constrain.sample(
            model, tokenizer, PROMPT, c, n=200, method=method, budget=given.calls, max_tokens=16, seed=given.seed
        )
        good = good and all(c.matches(text) for text in samples.texts)
        report(method, samples)
    return 0 if good else 1


def report(method: str, samples: Samples) -> None:
    """What a method drew, most frequent first, with the share that the model itself would give each text, relative to
    the first."""
    low, high = samples.log_z_bounds
    print(f"\n{method}: {METHODS[method].guarantee}")
    print(
        f"  {len(samples)} draws worth {samples.ess:.0f}, {samples.model_calls} model calls, "
        f"Z between {math.exp(low):.2g} and {math.exp(high):.2g}, {samples.overhead:.1%} of the time outside the model"
    )
    log_p = {draw.text: draw.log_p for draw in samples}
    for text, count in Counter(samples.texts).most_common(6):
        print(f"  {count:4} ×{text:28} probability under the model {math.exp(log_p[text]):.2g}")


if __name__ == "__main__":
    sys.exit(main())
