"""Words of regular languages, and the one spelling of each number that the kernels compare (distinct.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from constrain import regular

if TYPE_CHECKING:
    from constrain.limits import Limits
    from constrain.regular.ast import Regex
    from constrain.regular.dfa import Dfa


class Words:
    """Lists the words of languages, shorter ones first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._last: tuple[Dfa, list[list[int]], dict[int, list[tuple[int, int]]]] | None = None

    def _read(self, dfa: Dfa) -> tuple[list[list[int]], dict[int, list[tuple[int, int]]]]:
        """The table of an automaton, and the characters of its columns."""
        if self._last is None or self._last[0] is not dfa:
            self._last = dfa, dfa.table.tolist(), _ranges(dfa)
        return self._last[1:]

    def count(self, language: Regex, lo: int, hi: int | None, most: int) -> int | None:
        """The number of words of lo..hi characters, counted up to `most`; None: there is no end of them."""
        dfa = regular.compile(language, self.limits)
        if dfa.is_empty:
            return 0
        if hi is None and dfa.max_length is None:
            return None
        rows, ranges = self._read(dfa)
        width = {c: sum(_width(a, z) for a, z in parts) for c, parts in ranges.items()}
        now, total, n = {0: 1}, 0, 0
        while now and total < most and (hi is None or n <= hi):
            if n >= lo:
                total += sum(k for q, k in now.items() if dfa.accept[q] >= 0)
            then: dict[int, int] = {}
            for q, k in now.items():
                for column, to in enumerate(rows[q]):
                    if to >= 0 and column in width:
                        then[to] = min(then.get(to, 0) + k * width[column], most)
            now, n = then, n + 1
        return min(total, most)

    def after(
        self, language: Regex, text: str, lo: int, hi: int | None, next_char: list[tuple[int, int]] | None
    ) -> Iterator[str]:
        """The words of lo..hi characters that begin with `text` and go on within `next_char`, where that is given."""
        dfa = regular.compile(language, self.limits)
        q = dfa.state_after(text)
        if q < 0:
            return
        rows, ranges = self._read(dfa)
        reach: list[set[int]] = [{s for s in range(dfa.n_states) if dfa.accept[s] >= 0}]  # by characters to an end
        alive, n = {q}, 0
        while alive and (hi is None or len(text) + n <= hi):
            if n == len(reach):
                reach.append({s for s, row in enumerate(rows) if any(t in reach[n - 1] for t in row)})
            if len(text) + n >= lo and q in reach[n] and (next_char is None or n > 0):
                yield from _walk(rows, ranges, reach, q, text, n, next_char)
            alive = {t for s in alive for t in rows[s] if t >= 0}
            n += 1


def _walk(
    rows: list[list[int]], ranges: dict[int, list[tuple[int, int]]], reach: list[set[int]], start: int, text: str,
    length: int, next_char: list[tuple[int, int]] | None,
) -> Iterator[str]:  # fmt: skip
    """The words of exactly `length` more characters."""
    todo: list[tuple[int, str, Iterator[tuple[int, str]]]] = []

    def steps(q: int, left: int, first: bool) -> Iterator[tuple[int, str]]:
        for column, to in enumerate(rows[q]):
            if to >= 0 and to in reach[left - 1]:
                for a, z in ranges.get(column, ()):
                    for x in range(a, z + 1):
                        if not 0xD800 <= x <= 0xDFFF:
                            if not first or next_char is None or any(lo <= x <= hi for lo, hi in next_char):
                                yield to, chr(x)

    if length == 0:
        yield text
        return
    todo.append((start, text, steps(start, length, True)))
    while todo:
        _, word, following = todo[-1]
        found = next(following, None)
        if found is None:
            todo.pop()
            continue
        to, c = found
        left = length - len(todo)
        if left == 0:
            yield word + c
        else:
            todo.append((to, word + c, steps(to, left, False)))


def _ranges(dfa: Dfa) -> dict[int, list[tuple[int, int]]]:
    """Column of an automaton's table -> the characters that it is for."""
    out: dict[int, list[tuple[int, int]]] = {}
    bounds = [*dfa.bounds.tolist(), 0x110000]
    for a, z, column in zip(bounds, bounds[1:], dfa.classes.tolist(), strict=False):
        out.setdefault(column, []).append((a, z - 1))
    return out


def _width(a: int, z: int) -> int:
    """The number of characters in a..z, surrogates left out."""
    return z - a + 1 - max(min(z, 0xDFFF) - max(a, 0xD800) + 1, 0)


def spelled(text: str, longest: int) -> list[int]:
    """The symbols of the one spelling of a number. longest: characters up to which it has no exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    sign = [45] if mantissa.startswith("-") else []
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    far = exponent.lstrip("+-0")
    power = (1 << 60) if len(far) > 18 else int(far or "0")
    power = (-power if exponent.startswith("-") else power) - len(fraction)
    stripped = digits.rstrip("0")
    power += len(digits) - len(stripped)
    if not stripped:
        return [48]
    size = len(stripped)
    if power >= 0 and size + power <= longest:
        return sign + list((stripped + "0" * power).encode())
    if power < 0 and max(size, -power) + 2 <= longest:
        padded = stripped.rjust(1 - power, "0")
        return sign + list((padded[:power] + "." + padded[power:]).encode())
    power += 1 << 61
    return sign + list(stripped.encode()) + [101, power & 0xFFFFF, (power >> 20) & 0xFFFFF, power >> 40]
