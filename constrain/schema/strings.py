"""The string part of a shape: regular languages and a range of lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constrain.grammar.ir import NEVER, NodeId, String
from constrain.regular.ast import ALL, ANY, EMPTY, Regex, choice, complement, intersect, repeat
from constrain.schema import regexes
from constrain.schema.shape import Shape

if TYPE_CHECKING:
    from constrain.limits import Limits
    from constrain.regular.dfa import Dfa
    from constrain.schema.compiler import Compiler


def emit(c: Compiler, shape: Shape) -> NodeId:
    """The node for the strings of a shape."""
    if shape.syntax is not None:
        if shape.languages or shape.max_length is not None or shape.excluded or shape.min_length > 1:
            raise c.refuse(shape.syntax)
        return regexes.node(c, shape.min_length)
    language = _language(shape, shape.languages)
    lo, hi = shape.min_length, shape.max_length
    if language is None:
        return NEVER if hi is not None and hi < lo else c.leaf(String(None, lo, hi))
    if _is_void(language, lo, hi, c.limits, len(shape.languages) + bool(shape.excluded) > 1):
        return NEVER
    return c.leaf(String(language, lo, hi))


def is_void(c: Compiler, shape: Shape) -> bool:
    """Are there surely no strings in the shape?

    A string of a format counts even if the language of the format, being narrowed, lacks it: what is proved here tells
    the branches of `oneOf` apart and that a negation holds anyway, so it must be true of everything the schema allows.
    """
    lo, hi = shape.min_length, shape.max_length
    if hi is not None and hi < lo:
        return True
    if not shape.languages:  # listed texts can't be all texts of some length but 0
        return hi == 0 and "" in shape.excluded
    language = _language(shape, shape.wide)
    assert language is not None
    return _is_void(language, shape.min_length, shape.max_length, c.limits, True)


def whole_language(shape: Shape) -> Regex:
    """The strings of a shape as one language, lengths included."""
    language = _language(shape, shape.languages) or ALL
    lo, hi = shape.min_length, shape.max_length
    if hi is not None and hi < lo:
        return EMPTY
    return intersect(language, repeat(ANY, lo, hi)) if lo or hi is not None else language


def _language(shape: Shape, languages: tuple[Regex, ...]) -> Regex | None:
    """All these languages in one, without the texts that the shape excludes; None: every string."""
    if shape.excluded:
        texts = [v for v in shape.excluded if isinstance(v, str)]
        if texts:
            languages += (complement(choice(texts)),)
    if not languages:
        return None
    return languages[0] if len(languages) == 1 else intersect(*languages)


def _is_void(language: Regex, lo: int, hi: int | None, limits: Limits, doubtful: bool) -> bool:
    """Is no string of the language within the lengths? doubtful: the language itself may be empty."""
    if language is EMPTY or (hi is not None and hi < lo):
        return True
    if not lo and hi is None and not doubtful:
        return False
    from constrain.regular import compile

    dfa = compile(language, limits)
    if dfa.is_empty:
        return True
    if not lo and hi is None:
        return False
    if hi is not None and dfa.min_length > hi:
        return True
    if dfa.max_length is not None and dfa.max_length < lo:
        return True
    if dfa.min_length >= lo or (hi is None and dfa.max_length is None):
        return False
    return not _has_length(dfa, lo, hi)


def _has_length(dfa: Dfa, lo: int, hi: int | None) -> bool:
    """Does the automaton accept a string of lo..hi characters? Follows the states that strings of each length reach."""
    rows = [sorted({int(t) for t in row if t >= 0}) for row in dfa.table]
    accepting = frozenset(i for i, a in enumerate(dfa.accept) if a >= 0)
    seen: dict[frozenset[int], int] = {}
    order: list[frozenset[int]] = []
    now = frozenset([dfa.start])
    while now and now not in seen and (hi is None or len(order) <= hi):
        seen[now] = len(order)
        order.append(now)
        now = frozenset(t for s in now for t in rows[s])
    found = [not accepting.isdisjoint(states) for states in order]
    end = len(order)
    if any(found[lo:] if hi is None else found[lo : hi + 1]):
        return True
    if not now or now not in seen:
        return False
    first = seen[now]  # the sets repeat from here on
    period = end - first
    last = max(lo, end) + period if hi is None else min(hi, max(lo, end) + period)
    return any(found[first + (n - first) % period] for n in range(max(lo, end), last + 1))
