"""Regular expressions as immutable values: one node type, and constructors that simplify.

A `Regex` denotes a set of strings over Unicode scalar values. Structural equality is cheap (hashes are cached, the
comparison is iterative), so nodes serve as cache keys. Constructors apply the laws of the algebra that need no
automaton, so that trivial emptiness shows as `r is EMPTY`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from constrain.regular.charset import EVERYTHING, CharSet

if TYPE_CHECKING:
    from constrain.regular.dfa import Dfa

# What a node is. The comment says what `value` and `parts` hold.
K_EMPTY: Final = 0  # no string
K_LITERAL: Final = 1  # value: str
K_CHARS: Final = 2  # value: CharSet of at least two characters
K_CHOICE: Final = 3  # value: tuple[str, ...], sorted, at least two
K_CONCAT: Final = 4  # parts: two or more
K_UNION: Final = 5  # parts: two or more
K_REPEAT: Final = 6  # value: (lo, hi or -1), parts: (body,)
K_INTERSECT: Final = 7  # parts: two or more
K_COMPLEMENT: Final = 8  # parts: (body,)
K_AUTOMATON: Final = 9  # value: Dfa
K_ASSERTION: Final = 10  # value: kind of assertion, parts: () or (body,); only inside parsers (see assertions.py)

# Flags of a node.
NULLABLE: Final = 1  # holds the empty string
BOOLEAN: Final = 2  # has an intersection, complement, automaton or large choice somewhere inside
ASSERTING: Final = 4  # has an assertion somewhere inside
HOLDING: Final = 8  # has an automaton somewhere inside, so it may be large

_NAMES = ("empty", "literal", "chars", "choice", "concat", "union", "repeat", "intersect", "complement", "automaton")
LARGE_CHOICE = 64  # characters from which a choice is compiled as an automaton of its own


class Regex:
    """A regular language. Made by the constructors of this module only."""

    __slots__ = ("_hash", "flags", "kind", "parts", "value")

    kind: int
    value: Any
    parts: tuple[Regex, ...]
    flags: int

    def __init__(self, kind: int, value: Any, parts: tuple[Regex, ...], flags: int) -> None:
        self.kind = kind
        self.value = value
        self.parts = parts
        self.flags = flags
        self._hash = hash((kind, value, parts))

    @property
    def nullable(self) -> bool:
        """Does the language hold the empty string?"""
        return bool(self.flags & NULLABLE)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Regex) or self._hash != other._hash:
            return False
        todo = [(self, other)]
        while todo:  # iterative: nodes may be nested deeper than Python's stack
            a, b = todo.pop()
            if a is b:
                continue
            if a._hash != b._hash or a.kind != b.kind or a.value != b.value or len(a.parts) != len(b.parts):
                return False
            todo += zip(a.parts, b.parts, strict=True)
        return True

    def size(self) -> int:
        """Roughly the bytes that this value takes in memory."""
        total, todo = 0, [self]
        while todo:
            r = todo.pop()
            todo += r.parts
            total += 100 + 8 * len(r.parts)
            if r.kind == K_LITERAL:
                total += 4 * len(r.value)
            elif r.kind == K_CHOICE:
                total += sum(map(len, r.value)) + 60 * len(r.value)
            elif r.kind == K_CHARS:
                total += 16 * len(r.value.flat)
            elif r.kind == K_AUTOMATON:
                total += r.value.table.nbytes
        return total

    def __or__(self, other: Regex) -> Regex:
        return union(self, other)

    def __and__(self, other: Regex) -> Regex:
        return intersect(self, other)

    def __sub__(self, other: Regex) -> Regex:
        return difference(self, other)

    def __add__(self, other: Regex) -> Regex:
        return concat(self, other)

    def __invert__(self) -> Regex:
        return complement(self)

    def __repr__(self) -> str:
        return _show(self, 4)

    def __reduce__(self) -> str | tuple[Any, ...]:  # hashes of strings differ between processes
        for name, constant in (("EMPTY", EMPTY), ("EPSILON", EPSILON), ("ANY", ANY), ("ALL", ALL)):
            if self is constant:
                return name
        return Regex, (self.kind, self.value, self.parts, self.flags)


def _show(r: Regex, depth: int) -> str:
    inside = [] if r.value is None else [repr(r.value)[:60]]
    inside += [_show(p, depth - 1) if depth else "…" for p in r.parts[:8]] + ["…"] * (len(r.parts) > 8)
    return f"{_NAMES[r.kind] if r.kind < K_ASSERTION else 'assertion'}({', '.join(inside)})"


EMPTY: Final = Regex(K_EMPTY, None, (), 0)
EPSILON: Final = Regex(K_LITERAL, "", (), NULLABLE)
ANY: Final = Regex(K_CHARS, EVERYTHING, (), 0)
ALL: Final = Regex(K_REPEAT, (0, -1), (ANY,), NULLABLE)


def characters(chosen: CharSet) -> Regex:
    """Any one character of the set."""
    flat = chosen.flat
    if not flat:
        return EMPTY
    if len(flat) == 2 and flat[0] == flat[1]:
        return Regex(K_LITERAL, chr(flat[0]), (), 0)
    return ANY if chosen == EVERYTHING else Regex(K_CHARS, chosen, (), 0)


def chars(ranges: Iterable[tuple[int, int]]) -> Regex:
    """Any one character of these inclusive ranges of code points (surrogates are left out)."""
    return characters(CharSet(ranges))


def char_set(text: Iterable[str]) -> Regex:
    """Any one character of the text."""
    return characters(CharSet.of(text))


def literal(text: str) -> Regex:
    """Exactly this text. A text with a surrogate in it is no string of Unicode scalar values: EMPTY."""
    if not text:
        return EPSILON
    return Regex(K_LITERAL, text, (), 0) if text.isascii() or _is_scalar(text) else EMPTY


def choice(strings: Iterable[str]) -> Regex:
    """Any of these texts."""
    chosen = sorted({s for s in strings if s.isascii() or _is_scalar(s)})
    return _choice(tuple(chosen))


def _choice(chosen: tuple[str, ...]) -> Regex:
    if not chosen:
        return EMPTY
    if len(chosen) == 1:
        return Regex(K_LITERAL, chosen[0], (), 0) if chosen[0] else EPSILON
    if all(len(s) == 1 for s in chosen):
        return characters(CharSet.of(chosen))
    flags = 0 if chosen[0] else NULLABLE
    return Regex(K_CHOICE, chosen, (), flags | (BOOLEAN if sum(map(len, chosen)) >= LARGE_CHOICE else 0))


def _is_scalar(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def concat(*parts: Regex) -> Regex:
    """These languages one after the other."""
    out: list[Regex] = []
    text = ""  # literals at the end of `out` that are not in it yet
    for part in parts:
        for p in part.parts if part.kind == K_CONCAT else (part,):
            if p.kind == K_LITERAL:
                text += p.value
                continue
            if p is EMPTY:
                return EMPTY
            if text:
                out.append(Regex(K_LITERAL, text, (), 0))
                text = ""
            if p.kind == K_REPEAT and out and out[-1] == p and p.value == (0, -1):
                continue  # x* x* = x*
            out.append(p)
    if text:
        out.append(Regex(K_LITERAL, text, (), 0))
    if not out:
        return EPSILON
    if len(out) == 1:
        return out[0]
    nullable, inner = NULLABLE, 0
    for p in out:
        nullable &= p.flags
        inner |= p.flags
    return Regex(K_CONCAT, None, tuple(out), nullable | (inner & ~NULLABLE))


def union(*parts: Regex) -> Regex:
    """Any of these languages."""
    seen: dict[Regex, None] = {}
    texts: list[str] = []
    sets: list[tuple[int, int]] = []
    for part in parts:
        for p in part.parts if part.kind == K_UNION else (part,):
            kind = p.kind
            if kind == K_CHARS:
                sets += p.value.ranges
            elif kind == K_LITERAL:
                texts.append(p.value)
            elif kind == K_CHOICE:
                texts += p.value
            elif p is ALL or p == ALL:
                return ALL
            elif kind != K_EMPTY:
                seen[p] = None
    if sets:
        sets += [(ord(t), ord(t)) for t in texts if len(t) == 1]
        texts = [t for t in texts if len(t) != 1]
        one = characters(CharSet(sets))
        seen[one] = None
    optional = False
    if "" in texts:
        if any(p.flags & NULLABLE for p in seen):
            texts = [t for t in texts if t]
        elif seen:
            optional, texts = True, [t for t in texts if t]
    if texts:
        seen[_choice(tuple(sorted(set(texts))))] = None
    if not seen:
        return EMPTY
    if len(seen) == 1:
        (only,) = seen
        return repeat(only, 0, 1) if optional else only
    flags = 0
    for p in seen:
        flags |= p.flags
    made = Regex(K_UNION, None, tuple(seen), flags)
    return repeat(made, 0, 1) if optional else made


def repeat(r: Regex, lo: int = 0, hi: int | None = None) -> Regex:
    """`r` repeated lo to hi times (None: without end)."""
    if lo < 0 or (hi is not None and hi < lo):
        raise ValueError(f"can't repeat {lo} to {hi} times")
    top = -1 if hi is None else hi
    if top == 0 or r is EPSILON:
        return EPSILON
    if r is EMPTY:
        return EMPTY if lo else EPSILON
    if r.flags & NULLABLE:
        lo = 0
    if lo == 1 and top == 1:
        return r
    if r.kind == K_REPEAT:
        inner_lo, inner_hi = r.value
        if inner_hi == 1 and inner_lo == 0:
            return repeat(r.parts[0], 0, hi)
        if inner_hi == -1 and inner_lo <= 1:
            return repeat(r.parts[0], lo if inner_lo else 0, None)
    if r.kind == K_LITERAL and lo == top and len(r.value) * lo <= 64:
        return Regex(K_LITERAL, r.value * lo, (), 0)
    if r is ANY and lo == 0 and top == -1:
        return ALL
    return Regex(K_REPEAT, (lo, top), (r,), (r.flags & ~NULLABLE) | (NULLABLE if lo == 0 or r.nullable else 0))


def optional(r: Regex) -> Regex:
    """`r` or nothing."""
    return r if r.flags & NULLABLE else repeat(r, 0, 1)


def intersect(*parts: Regex) -> Regex:
    """What is in all of these languages."""
    seen: dict[Regex, None] = {}
    for part in parts:
        for p in part.parts if part.kind == K_INTERSECT else (part,):
            if p is EMPTY:
                return EMPTY
            if p is not ALL and p != ALL:
                seen[p] = None
    if not seen:
        return ALL
    out = _meet(seen) if len(seen) > 1 else list(seen)
    if len(out) == 1:
        return out[0]
    if EMPTY in out or any(p.kind == K_COMPLEMENT and p.parts[0] in seen for p in out):
        return EMPTY
    nullable, inner = NULLABLE, 0
    for p in out:
        nullable &= p.flags
        inner |= p.flags
    return Regex(K_INTERSECT, None, tuple(out), nullable | BOOLEAN | (inner & ~NULLABLE))


def _meet(seen: Iterable[Regex]) -> list[Regex]:
    """Join what can be joined without an automaton: character sets with each other, listed texts with each other."""
    out: list[Regex] = []
    chosen: CharSet | None = None
    texts: set[str] | None = None
    without: set[str] = set()  # texts that a complement takes away
    for p in seen:
        if p.kind == K_CHARS:
            chosen = p.value if chosen is None else chosen & p.value
        elif (listed := _listed(p)) is not None:
            texts = set(listed) if texts is None else texts & set(listed)
        elif p.kind == K_COMPLEMENT and (listed := _listed(p.parts[0])) is not None:
            without.update(listed)
            out.append(p)
        else:
            out.append(p)
    if texts is not None:
        if chosen is not None:
            texts = {t for t in texts if len(t) == 1 and t in chosen}
        out = [p for p in out if p.kind != K_COMPLEMENT or _listed(p.parts[0]) is None]
        out.insert(0, _choice(tuple(sorted(texts - without))))
    elif chosen is not None:
        chosen -= CharSet.of(t for t in without if len(t) == 1)
        out = [p for p in out if p.kind != K_COMPLEMENT or _listed(p.parts[0]) is None]
        out.insert(0, characters(chosen))
    return out


def _listed(r: Regex) -> tuple[str, ...] | None:
    """The strings of a language that is a plain list of them."""
    if r.kind == K_LITERAL:
        return (r.value,)
    return r.value if r.kind == K_CHOICE else None


def complement(r: Regex) -> Regex:
    """Every string that is not in `r`."""
    if r.kind == K_COMPLEMENT:
        return r.parts[0]
    if r is EMPTY:
        return ALL
    if r is ALL or r == ALL:
        return EMPTY
    return Regex(K_COMPLEMENT, None, (r,), (~r.flags & NULLABLE) | BOOLEAN | (r.flags & ~NULLABLE))


def difference(a: Regex, b: Regex) -> Regex:
    """What is in `a` and not in `b`."""
    return intersect(a, complement(b))


def automaton(dfa: Dfa) -> Regex:
    """The language of an automaton (labels are dropped)."""
    if dfa.is_empty:
        return EMPTY
    return Regex(K_AUTOMATON, dfa, (), (NULLABLE if dfa.accept[0] >= 0 else 0) | BOOLEAN | HOLDING)
