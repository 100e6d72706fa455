"""What sampling costs beside the model: time outside of it, outputs that were not asked for again, bytes a node."""

from __future__ import annotations

from typing import Any

import constrain
from constrain.sampling import METHODS, Sampler
from constrain.sampling.trie import NODE_BYTES

PROMPT = [{"role": "user", "content": "Describe the city of Rome as JSON with the keys city, country and founded."}]
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
    rows = []
    for method in METHODS:
        sampler = Sampler(model, tokenizer, PROMPT, c, max_tokens=60, temperature=0.7, seed=0)
        sampler.sample(1, "mask", budget=1)  # kernels, masks of the schema, the prompt
        options: dict[str, Any] = {"particles": 4} if method in ("smc", "awrs") else {}
        samples = sampler.sample(8, method, budget=max(20, round(100 * scale)), **options)
        outside = 1000.0 * (samples.seconds - samples.model_seconds)
        used = samples.model_calls + samples.reused
        rows.append(
            f"| {method} | {len(samples)} | {samples.model_calls} | {samples.reused / used:.0%} | "
            f"{1000.0 * samples.model_seconds / max(1, samples.model_calls):.1f} | "
            f"{outside / max(1, samples.model_calls):.2f} | {samples.overhead:.1%} |"
        )
    lines = [
        "## Cost beside the model",
        "",
        "SmolLM2-135M in float32 on one thread; JSON under a schema of three properties; each method with a trie "
        "of its own, at most 8 texts.",
        "",
        "| method | texts | model calls | outputs found in the trie | ms a call, in the model | outside of it | "
        "share |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "Where nearly all outputs are found in the trie, as by rejection, there is little time in the model to "
        "compare with.",
        "",
        f"A trie node has {NODE_BYTES} bytes, whatever the number of allowed tokens. Model outputs are kept apart "
        "from it, 16 bytes for each allowed token, at most `cache_bytes`.",
    ]
    return "\n".join(lines) + "\n"
