"""Regular languages by Brzozowski's derivatives: slow, small, and sharing nothing with the library's automata.

A language is a nested tuple whose first item names its kind (see `from_regex`). `derivative(r, c)` is the language of
what may follow the character `c`; every question is answered by taking derivatives (Brzozowski 1964).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from constrain.regular import ast

Language = tuple[Any, ...]
NONE: Language = ("none",)
EMPTY_TEXT: Language = ("words", frozenset({""}))
TOP = 0x10FFFF
ALL: Language = ("repeat", ("chars", ((0, 0xD7FF), (0xE000, TOP))), 0, None)


@lru_cache(maxsize=20_000)
def from_regex(r: ast.Regex) -> Language:
    """The library's expression as nested tuples."""
    parts = [from_regex(p) for p in r.parts]
    kind = r.kind
    if kind == ast.K_EMPTY:
        return NONE
    if kind == ast.K_LITERAL:
        return words([r.value])
    if kind == ast.K_CHOICE:
        return words(r.value)
    if kind == ast.K_CHARS:
        return ("chars", tuple(r.value.ranges))
    if kind == ast.K_CONCAT:
        return join(parts)
    if kind == ast.K_UNION:
        return either(parts)
    if kind == ast.K_INTERSECT:
        return both(parts)
    if kind == ast.K_COMPLEMENT:
        return negate(parts[0])
    if kind == ast.K_REPEAT:
        return repeat(parts[0], r.value[0], None if r.value[1] == -1 else r.value[1])
    if kind == ast.K_AUTOMATON:
        return ("automaton", Automaton(r.value), 0)
    raise AssertionError(f"unknown kind of expression {kind}")


class Automaton:
    """A library automaton, compared by its content."""

    def __init__(self, dfa: Any) -> None:
        self.dfa = dfa
        self.starts = [int(b) for b in dfa.bounds]

    def __hash__(self) -> int:
        return hash(self.dfa.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Automaton) and self.dfa.key == other.dfa.key

    def step(self, state: int, c: int) -> int:
        interval = max(i for i, start in enumerate(self.starts) if start <= c)
        return int(self.dfa.table[state, self.dfa.classes[interval]])


def words(texts: Iterable[str]) -> Language:
    chosen = frozenset(t for t in texts if not any("\ud800" <= c <= "\udfff" for c in t))
    return ("words", chosen) if chosen else NONE


def join(parts: Iterable[Language]) -> Language:
    out: Language = EMPTY_TEXT
    for part in reversed(list(parts)):
        if NONE in (part, out):
            return NONE
        out = out if part == EMPTY_TEXT else part if out == EMPTY_TEXT else ("join", part, out)
    return out


def either(parts: Iterable[Language]) -> Language:
    flat: set[Language] = set()
    texts: set[str] = set()
    for part in parts:
        for p in part[1] if part[0] == "either" else (part,):
            if p[0] == "words":
                texts |= p[1]
            elif p != NONE:
                flat.add(p)
    if texts:
        flat.add(("words", frozenset(texts)))
    if ALL in flat:
        return ALL
    return NONE if not flat else next(iter(flat)) if len(flat) == 1 else ("either", frozenset(flat))


def both(parts: Iterable[Language]) -> Language:
    flat: set[Language] = set()
    for part in parts:
        flat |= part[1] if part[0] == "both" else {part}
    flat.discard(ALL)
    if NONE in flat:
        return NONE
    return ALL if not flat else next(iter(flat)) if len(flat) == 1 else ("both", frozenset(flat))


def negate(r: Language) -> Language:
    if r[0] == "not":
        inner: Language = r[1]
        return inner
    return ALL if r == NONE else NONE if r == ALL else ("not", r)


def repeat(r: Language, lo: int, hi: int | None) -> Language:
    if hi == 0:
        return EMPTY_TEXT
    return r if (lo, hi) == (1, 1) else ("repeat", r, lo, hi)


@lru_cache(maxsize=200_000)
def nullable(r: Language) -> bool:
    """Is the empty text in the language?"""
    kind = r[0]
    if kind in ("none", "chars"):
        return False
    if kind == "words":
        return "" in r[1]
    if kind == "join":
        return nullable(r[1]) and nullable(r[2])
    if kind == "either":
        return any(map(nullable, r[1]))
    if kind == "both":
        return all(map(nullable, r[1]))
    if kind == "not":
        return not nullable(r[1])
    if kind == "repeat":
        return r[2] == 0 or nullable(r[1])
    return bool(r[1].dfa.accept[r[2]] >= 0)


@lru_cache(maxsize=500_000)
def derivative(r: Language, c: int) -> Language:
    """The texts t with chr(c) + t in the language."""
    kind = r[0]
    if kind == "none":
        return NONE
    if kind == "chars":
        return EMPTY_TEXT if any(lo <= c <= hi for lo, hi in r[1]) else NONE
    if kind == "words":
        return words(t[1:] for t in r[1] if t and ord(t[0]) == c)
    if kind == "join":
        first = join([derivative(r[1], c), r[2]])
        return either([first, derivative(r[2], c)]) if nullable(r[1]) else first
    if kind == "either":
        return either([derivative(p, c) for p in r[1]])
    if kind == "both":
        return both([derivative(p, c) for p in r[1]])
    if kind == "not":
        return negate(derivative(r[1], c))
    if kind == "repeat":
        body, lo, hi = r[1:]
        lo = 0 if nullable(body) else lo
        return join([derivative(body, c), repeat(body, max(lo - 1, 0), None if hi is None else hi - 1)])
    state = r[1].step(r[2], c)
    return NONE if state < 0 else ("automaton", r[1], state)


@lru_cache(maxsize=200_000)
def edges(r: Language) -> frozenset[int]:
    """Code points at which the answer to "which derivative" may change: the starts of intervals."""
    kind = r[0]
    if kind == "chars":
        return frozenset(x for lo, hi in r[1] for x in (lo, hi + 1))
    if kind == "words":
        return frozenset(x for t in r[1] if t for x in (ord(t[0]), ord(t[0]) + 1))
    if kind == "join":
        return edges(r[1]) | edges(r[2]) if nullable(r[1]) else edges(r[1])
    if kind in ("either", "both"):
        return frozenset().union(*map(edges, r[1]))
    if kind in ("not", "repeat"):
        return edges(r[1])
    if kind == "automaton":
        return frozenset(r[1].starts)
    return frozenset()


def samples(r: Language, ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Code points of the ranges, one of every kind that the language tells apart."""
    for lo, hi in ranges:
        for point in sorted({lo, *(e for e in edges(r) if lo < e <= hi)}):
            if 0xD800 <= point <= 0xDFFF:
                point = 0xE000
            if point <= hi:
                yield point


EVERY = ((0, 0xD7FF), (0xE000, TOP))


@lru_cache(maxsize=200_000)
def derivatives(r: Language) -> frozenset[Language]:
    """All derivatives that are not visibly empty."""
    return frozenset(derivative(r, c) for c in samples(r, EVERY)) - {NONE}


@lru_cache(maxsize=200_000)
def alive(r: Language, lo: int = 0, hi: int | None = None) -> bool:
    """Is there a text in the language with lo to hi characters?"""
    level, length = frozenset({r}), 0
    seen: set[tuple[int, frozenset[Language]]] = set()
    while level and (hi is None or length <= hi):
        if length >= lo and any(map(nullable, level)):
            return True
        # beyond `lo` the length matters no more (only `hi`, by the loop): a level seen before brings nothing new
        if length >= lo and (0, level) in seen:
            return False
        if length >= lo:
            seen.add((0, level))
        level = frozenset(d for one in level for d in derivatives(one))
        length += 1
    return False


def alive_through(r: Language, ranges: tuple[tuple[int, int], ...], lo: int, hi: int | None) -> bool:
    """Is there such a text whose first character is in one of the ranges?"""
    if hi is not None and hi < 1:
        return False
    rest = None if hi is None else hi - 1
    return any(alive(derivative(r, c), max(lo - 1, 0), rest) for c in samples(r, ranges))


def contains(r: Language, text: str) -> bool:
    for c in text:
        r = derivative(r, ord(c))
    return nullable(r)
