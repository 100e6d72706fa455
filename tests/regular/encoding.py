"""Sets of characters as the text files of constrain/regular have them (`properties.decoded` there reads them).

Ranges are pairs of base-36 numbers: how far a range begins behind the end of the one before it, and, behind a dot, how
much longer than one it is (left out when that is nothing).
"""

from __future__ import annotations

from collections.abc import Iterable


def base36(n: int) -> str:
    """A number in base 36."""
    digits = ""
    while True:
        n, digit = divmod(n, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not n:
            return digits


def encoded(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges (first and last code point), ascending."""
    words, end = [], 0
    for a, b in ranges:
        words.append(base36(a - end) + ("." + base36(b - a) if b > a else ""))
        end = b
    return " ".join(words)


def ranges_of(points: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges of a set of code points."""
    out: list[tuple[int, int]] = []
    for x in sorted(points):
        if out and out[-1][1] + 1 == x:
            out[-1] = (out[-1][0], x)
        else:
            out.append((x, x))
    return out
