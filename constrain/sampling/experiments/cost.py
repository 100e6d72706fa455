"""What sampling costs beside the model: time outside of it, outputs that were not asked for again, bytes a node."""

from __future__ import annotations

from typing import Any

import constrain
from constrain.sampling import METHODS, Sampler
from constrain.sampling.trie import NODE_BYTES

PROMPT = """Cities as JSON, one a line.
{"city":"Paris","country":"France","founded":-250}
{"city":"Madrid","country":"Spain","founded":860}
{"city":"Lyon","country":"France","founded":-43}
"""
TEXTS = 8
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "country": {"enum": ["France", "Italy", "Spain"]},
        "founded": {"type": "integer", "minimum": -3000, "maximum": 2000},
    },
    "required": ["city", "country", "founded"],
    "additionalProperties": False,
}


def run(model: Any, tokenizer: Any, scale: float) -> str:
    """Each method on its own fresh trie. Returns the page's text."""
    import torch

    torch.set_num_threads(1)
    c = constrain.json(SCHEMA, whitespace="compact")
    end = tokenizer("\n")["input_ids"][-1]  # a line ends a text
    rows = []
    for method in METHODS:
        sampler = Sampler(model, tokenizer, PROMPT, c, max_tokens=60, temperature=0.7, seed=0, eos=end)
        sampler.sample(1, "mask", budget=1)  # kernels, masks of the schema, the prompt
        options: dict[str, Any] = {"particles": 4} if method in ("smc", "awrs") else {}
        samples = sampler.sample(TEXTS, method, budget=max(20, round(300 * scale)), **options)
        outside = 1000.0 * (samples.seconds - samples.model_seconds)
        used = samples.model_calls + samples.reused
        texts = max(1, len(samples))
        rows.append(
            f"| {method} | {len(samples)} | {samples.attempts} | {samples.model_calls} | {samples.reused / used:.0%} | "
            f"{1000.0 * samples.model_seconds / max(1, samples.model_calls):.1f} | "
            f"{outside / max(1, samples.model_calls):.2f} | {1000.0 * samples.seconds / texts:.0f} | "
            f"{outside / texts:.1f} | {samples.overhead:.1%} |"
        )
    lines = [
        "## Cost beside the model",
        "",
        f"SmolLM2-135M in float32 on one thread; lines of JSON under a schema of three properties, after three such "
        f"lines; each method with a trie of its own, {TEXTS} texts.",
        "",
        "| method | texts | attempts | model calls | outputs found in the trie | ms a call, in the model | outside of "
        "it | ms a text | of these outside of the model | share |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        f"A trie node has {NODE_BYTES} bytes, whatever the number of allowed tokens. Model outputs are kept apart "
        "from it, 16 bytes for each allowed token, at most `cache_bytes`.",
    ]
    return "\n".join(lines) + "\n"
