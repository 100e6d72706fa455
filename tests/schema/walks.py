"""Random texts of a constraint: a walk through the matcher, byte by byte, among the bytes that its mask allows."""

from __future__ import annotations

import random

import numpy as np

from constrain.constraint import Constraint
from constrain.vocabulary.vocabulary import Vocabulary

BYTES = Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), b""], eos=[256])
ENDS = b'"]}'


def walk(constraint: Constraint, rng: random.Random, most: int = 200) -> bytes | None:
    """A text of the constraint. None: it had not come to an end after 600 bytes. After `most` at the latest they are
    chosen so that strings and containers close."""
    most = rng.choice((10, 40, most))
    matcher = constraint.compile(BYTES).matcher()
    mask = np.zeros(BYTES.words, np.uint32)
    out = bytearray()
    for step in range(600):
        matcher.fill_mask(mask)
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()
        assert allowed, f"a dead end after {bytes(out)!r}"
        late = step > most or rng.random() < 0.15
        if 256 in allowed and (late or len(allowed) == 1 or rng.random() < 0.3):
            return bytes(out)
        allowed = [b for b in allowed if b < 256]
        ends = [b for b in allowed if b in ENDS]
        plain = [b for b in allowed if 32 <= b < 127 and b != 92]
        if late and ends and rng.random() < 0.7:  # not always: some required name may have to be spelled
            byte = rng.choice(ends)
        elif late and ord("a") in plain:
            byte = ord("a")
        elif plain and rng.random() < 0.8:
            byte = rng.choice(plain)
        else:
            byte = rng.choice(allowed)
        assert matcher.accept(byte)
        out.append(byte)
    return None


def texts(constraint: Constraint, seed: int, n: int, least: float = 0.25) -> list[str]:
    """n random texts, or fewer where walks do not end. least: the share that must."""
    rng = random.Random(seed)
    found = [walk(constraint, rng) for _ in range(n)]
    out = [text.decode() for text in found if text is not None]
    assert len(out) >= least * n, "most walks do not come to an end"
    return out
