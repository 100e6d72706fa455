"""Special tokens among bytes: each is spelled in bytes that no text has, so that the engine reads it like any other.

Bytes 0xF8 to 0xFF never occur in UTF-8, and all texts here are UTF-8. A special token is spelled 0xFF and its id in
three bytes. Ordinary tokens with such bytes (the bytes themselves, as many vocabularies have them) are part of no text,
so they have no place in the trie, and nothing but a special token begins with 0xFF there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

FOREIGN: Final = 0xF8  # bytes from here on occur in no text
MARK: Final = 0xFF  # begins the spelling of a special token
LENGTH: Final = 4

Int32 = npt.NDArray[np.int32]
Uint8 = npt.NDArray[np.uint8]


def spelling(token_id: int) -> bytes:
    """The bytes that stand for a special token: uint8[4]."""
    return bytes([MARK]) + token_id.to_bytes(LENGTH - 1, "big")


def in_text(data: bytes) -> int:
    """How many of these bytes come before the first that occurs in no text."""
    if max(data, default=0) < FOREIGN:
        return len(data)
    return next(i for i, b in enumerate(data) if b >= FOREIGN)


def spelled(data: Uint8, offsets: Int32, ids: Iterable[int]) -> tuple[Uint8, Int32]:
    """Tokens as the engine reads them: `ids`, which have no bytes, are spelled; those that no text holds lose theirs.

    Token i is data[offsets[i]:offsets[i + 1]], before and after. data: uint8[...], offsets: int32[V + 1].
    """
    lengths = np.diff(offsets).astype(np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    foreign = np.zeros(len(lengths), bool)
    foreign[owner[data >= FOREIGN]] = True
    special = np.array(sorted(set(ids)), np.int64)
    lengths[foreign] = 0
    lengths[special] = LENGTH
    new = np.zeros(len(offsets), np.int64)
    np.cumsum(lengths, out=new[1:])
    marks = new[special]
    out = np.empty(int(new[-1]), np.uint8)
    plain = np.ones(len(out), bool)
    for i in range(LENGTH):
        plain[marks + i] = False
        out[marks + i] = MARK if i == 0 else special >> 8 * (LENGTH - 1 - i) & 0xFF
    out[plain] = data[~foreign[owner]]
    return out, new.astype(np.int32)
