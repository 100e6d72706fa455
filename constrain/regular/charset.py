"""Sets of characters (Unicode scalar values) as sorted disjoint ranges, with the set operations."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

MAX_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)  # not characters: they belong to no set


class CharSet:
    """An immutable set of Unicode scalar values.

    flat: (lo0, hi0, lo1, hi1, ...), inclusive, ascending, ranges neither touch nor overlap. Surrogates are left out.
    """

    __slots__ = ("_hash", "_packed", "flat")

    flat: tuple[int, ...]

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.flat = _normalised(ranges)
        self._hash = hash(self.flat)
        self._packed: bytes | None = None

    @classmethod
    def from_flat(cls, flat: tuple[int, ...]) -> CharSet:
        """A set from ranges that are known to be ascending, disjoint and free of surrogates. Nothing is checked."""
        made = cls.__new__(cls)
        made.flat = flat
        made._hash = hash(flat)
        made._packed = None
        return made

    @classmethod
    def of(cls, text: Iterable[str]) -> CharSet:
        """The set of the characters of a text."""
        return cls((ord(c), ord(c)) for c in text)

    @property
    def packed(self) -> bytes:
        """The ranges as little-endian int32 pairs, as the kernels read them."""
        if self._packed is None:
            self._packed = struct.pack(f"<{len(self.flat)}i", *self.flat)
        return self._packed

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The inclusive ranges, ascending."""
        return list(zip(self.flat[::2], self.flat[1::2], strict=True))

    def __or__(self, other: CharSet) -> CharSet:
        if not self.flat:
            return other
        if not other.flat:
            return self
        return CharSet([*self.ranges, *other.ranges])

    def __and__(self, other: CharSet) -> CharSet:
        a, b = self.flat, other.flat
        out: list[int] = []
        i = j = 0
        while i < len(a) and j < len(b):
            lo = a[i] if a[i] > b[j] else b[j]
            hi = a[i + 1] if a[i + 1] < b[j + 1] else b[j + 1]
            if lo <= hi:
                out += (lo, hi)
            if a[i + 1] < b[j + 1]:
                i += 2
            else:
                j += 2
        return CharSet.from_flat(tuple(out))

    def __sub__(self, other: CharSet) -> CharSet:
        return self & ~other

    def __invert__(self) -> CharSet:
        out: list[int] = []
        at = 0
        for i in range(0, len(self.flat), 2):
            if self.flat[i] > at:
                out += (at, self.flat[i] - 1)
            at = self.flat[i + 1] + 1
        if at <= MAX_CODE_POINT:
            out += (at, MAX_CODE_POINT)
        return CharSet.from_flat(_without_surrogates(out))

    def __contains__(self, character: object) -> bool:
        if isinstance(character, str):
            if len(character) != 1:
                return False
            character = ord(character)
        if not isinstance(character, int):
            return False
        return any(lo <= character <= hi for lo, hi in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for lo, hi in self.ranges:
            yield from range(lo, hi + 1)

    def __len__(self) -> int:
        return sum(self.flat[1::2]) - sum(self.flat[::2]) + len(self.flat) // 2

    def __bool__(self) -> bool:
        return bool(self.flat)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharSet) and self._hash == other._hash and self.flat == other.flat

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        shown = ", ".join(f"{lo:04X}-{hi:04X}" if hi > lo else f"{lo:04X}" for lo, hi in self.ranges[:8])
        return f"CharSet({shown}{', …' if len(self.flat) > 16 else ''})"


def _normalised(ranges: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Ascending, merged, clipped ranges."""
    flat: list[int] = []
    end = -2
    for lo, hi in sorted(ranges):
        if hi > MAX_CODE_POINT:
            hi = MAX_CODE_POINT
        if hi < lo:
            continue
        if lo <= end + 1:
            if hi > end:
                flat[-1] = end = hi
        else:
            flat += (lo if lo > 0 else 0, hi)
            end = hi
    return _without_surrogates(flat) if end >= SURROGATES[0] else tuple(flat)


def _without_surrogates(flat: list[int]) -> tuple[int, ...]:
    """Take the surrogates out of ascending ranges."""
    first, last = SURROGATES
    out: list[int] = []
    for i in range(0, len(flat), 2):
        lo, hi = flat[i], flat[i + 1]
        if hi < first or lo > last:
            out += (lo, hi)
            continue
        if lo < first:
            out += (lo, first - 1)
        if hi > last:
            out += (last + 1, hi)
    return tuple(out)


NOTHING = CharSet()
EVERYTHING = CharSet([(0, MAX_CODE_POINT)])
