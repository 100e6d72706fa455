"""Text that is complete when its tokens are used up: a random model writes JSON with a budget of 40 tokens."""

from __future__ import annotations

import random

import numpy as np

import constrain
from constrain.decoding.closing import Closing

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    "required": ["name", "tags"],
}
BUDGET = 40


def main() -> None:
    """Write three texts."""
    constraint = constrain.json(SCHEMA)
    words = [b'{"', b'":', b'","', b'"}', b'"]', b"name", b"tags"]
    vocabulary = constrain.Vocabulary.from_tokens(
        [*(bytes([b]) for b in range(256)), *words, b""], eos=[256 + len(words)]
    )
    mask = np.zeros(vocabulary.words, np.uint32)
    for seed in range(3):
        rng = random.Random(seed)
        closing = Closing(constraint.compile(vocabulary).matcher(), BUDGET)
        text = b""
        while closing.remaining and not closing.is_finished:
            closing.fill_mask(mask)
            token = rng.choice(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())
            closing.accept(token)
            text += vocabulary.token_bytes(token)
        print(BUDGET - closing.remaining, constraint.matches(text), text)


if __name__ == "__main__":
    main()
