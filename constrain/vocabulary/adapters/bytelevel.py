"""The byte-level alphabet of GPT-2: one printable character for each byte, turned back into bytes in bulk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def _alphabet() -> dict[str, int]:
    """Character → byte. Printable Latin-1 bytes stand for themselves, the other 68 for U+0100 and the following."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    return {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}


BYTE_OF = _alphabet()
_TABLE = np.full(max(map(ord, BYTE_OF)) + 2, -1, np.int16)  # the last entry is for every character beyond
_TABLE[[ord(c) for c in BYTE_OF]] = list(BYTE_OF.values())


def pack_byte_level(texts: Sequence[str]) -> tuple[bytes, npt.NDArray[np.int64]]:
    """The bytes of all tokens one after the other, and the length of each: int64[tokens].

    A token with a character outside of the alphabet (an added token) stands for its own UTF-8, as the `ByteLevel`
    decoder of the `tokenizers` library has it. Lone surrogates, which no decoder writes, become U+FFFD.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    values = _TABLE[np.minimum(codes, len(_TABLE) - 1)]
    packed = values.astype(np.uint8).tobytes()
    outside = np.flatnonzero(values < 0)
    if not len(outside):
        return packed, lengths
    ends = np.cumsum(lengths)
    parts, at = [], 0
    for token in sorted(set(np.searchsorted(ends, outside, side="right").tolist())):
        own = texts[token].encode("utf-8", "replace")
        parts += [packed[at : ends[token] - lengths[token]], own]
        at = int(ends[token])
        lengths[token] = len(own)
    return b"".join([*parts, packed[at:]]), lengths
