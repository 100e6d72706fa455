"""Compiling: a regular expression becomes a program, the program an automaton; boolean nodes are combined automata."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from constrain.errors import LimitExceeded
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.ast import (
    ASSERTING,
    BOOLEAN,
    K_AUTOMATON,
    K_CHARS,
    K_CHOICE,
    K_COMPLEMENT,
    K_CONCAT,
    K_EMPTY,
    K_INTERSECT,
    K_LITERAL,
    K_REPEAT,
    K_UNION,
    Regex,
)
from constrain.regular.charset import CharSet
from constrain.regular.dfa import NO_STRING, UNIVERSE, Dfa, combined, finished, of_strings
from constrain.regular.layout import ALT, AND, END, LEAF, MATCH, MINUS, NEXT, NOT, REPEAT, Ints

V = TypeVar("V")
CACHED = 4096  # automata kept, at most
CACHED_BYTES = 64 << 20  # bytes of their tables and keys, at most
MAX_COUNT = 10_000_000  # bounds of a repeat; far more than `dfa_states` lets pass


class Cache(Generic[V]):
    """A thread-safe map that forgets what was used longest ago, when it holds too many entries or bytes."""

    def __init__(self, entries: int, size: int) -> None:
        self._map: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._entries, self._size = entries, size
        self.bytes = 0

    def get(self, key: Hashable) -> V | None:
        """What is kept under the key."""
        with self._lock:
            found = self._map.get(key)
            if found is None:
                return None
            self._map.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: V, size: int) -> None:
        """Keep a value of `size` bytes (its key included); one that is larger than the whole cache is not kept."""
        if size > self._size:
            return
        with self._lock:
            if key in self._map:
                return
            self._map[key] = value, size
            self.bytes += size
            while len(self._map) > self._entries or self.bytes > self._size:
                _, (_, dropped) = self._map.popitem(last=False)
                self.bytes -= dropped

    def __len__(self) -> int:
        return len(self._map)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._map.clear()
            self.bytes = 0


cache: Cache[Dfa] = Cache(CACHED, CACHED_BYTES)


def keep(key: Hashable, regexes: Iterable[Regex], dfa: Dfa) -> None:
    """Put an automaton into the cache."""
    cache.put(key, dfa, 2048 + dfa.table.nbytes + 8 * len(dfa.bounds) + sum(r.size() for r in regexes))


def compile(regex: Regex | Dfa, limits: Limits = DEFAULT_LIMITS) -> Dfa:
    """The minimal automaton of a language, from the cache if it is there. Raises `LimitExceeded`."""
    if isinstance(regex, Dfa):
        return regex
    made = cache.get(regex)
    if made is None:
        if regex.flags & ASSERTING:
            raise TypeError("assertions have a meaning only inside of a parser")
        made = _assemble(regex, limits) if regex.flags & BOOLEAN else build([regex], {}, limits)
        keep(regex, (regex,), made)
    return made


def compile_labelled(regexes: Sequence[Regex], limits: Limits = DEFAULT_LIMITS) -> Dfa:
    """One automaton for several languages; a string's label is the lowest index of a language that holds it."""
    key = tuple(regexes)
    made = cache.get(key)
    if made is None:
        leaves: dict[Regex, Dfa] = {}
        for regex in regexes:
            if regex.flags & ASSERTING:
                raise TypeError("assertions have a meaning only inside of a parser")
            for node in boolean_inside(regex):
                leaves[node] = compile(node, limits)
        made = build(regexes, leaves, limits)
        keep(key, key, made)
    return made


def boolean_inside(regex: Regex) -> list[Regex]:
    """The outermost nodes that need an automaton of their own."""
    out: dict[Regex, None] = {}
    todo = [regex]
    while todo:
        r = todo.pop()
        if r.flags & BOOLEAN:
            if r.kind in (K_CONCAT, K_UNION, K_REPEAT):
                todo += r.parts
            else:
                out[r] = None
    return list(out)


def _assemble(regex: Regex, limits: Limits) -> Dfa:
    """Compile a regular expression with boolean nodes, innermost first, without recursion."""
    made: dict[Regex, Dfa] = {}
    todo = [regex]
    while todo:
        node = todo[-1]
        found = made.get(node) or cache.get(node)
        if found is None:
            kind = node.kind
            if kind == K_INTERSECT:
                needed = [p.parts[0] if p.kind == K_COMPLEMENT else p for p in node.parts]
            elif kind == K_COMPLEMENT:
                needed = list(node.parts)
            elif kind in (K_CONCAT, K_UNION, K_REPEAT):
                needed = boolean_inside(node)
            else:
                needed = []
            missing = [n for n in needed if n not in made]
            if missing:
                todo += missing
                continue
            if kind == K_INTERSECT:
                found = _intersection(node, made, limits)
            elif kind == K_COMPLEMENT:
                found = combined(made[node.parts[0]], NO_STRING, NOT, limits)
            elif kind == K_AUTOMATON:
                found = node.value
            elif kind == K_CHOICE:
                found = of_strings(node.value, limits)
            else:
                found = build([node], {n: made[n] for n in needed}, limits)
            if kind != K_AUTOMATON:
                keep(node, (node,), found)
        made[node] = found
        todo.pop()
    return made[regex]


def _intersection(node: Regex, made: dict[Regex, Dfa], limits: Limits) -> Dfa:
    """Combine the operands of an intersection, small ones first; complements are subtracted, not made."""
    kept = [p for p in node.parts if p.kind != K_COMPLEMENT]
    taken = [p.parts[0] for p in node.parts if p.kind == K_COMPLEMENT]
    listed = next((p for p in kept if p.kind == K_CHOICE), None)
    if listed is not None:  # a list of strings is sifted
        strings = list(listed.value)
        for p in kept:
            if p is not listed:
                strings = [s for s, yes in zip(strings, made[p].accepts_each(strings), strict=True) if yes]
        for p in taken:
            strings = [s for s, yes in zip(strings, made[p].accepts_each(strings), strict=True) if not yes]
        return of_strings(strings, limits)
    operands = sorted((made[p] for p in kept), key=lambda d: d.n_states)
    if operands:
        out = operands[0]
        rest = operands[1:]
    else:
        out = combined(made[taken.pop()], NO_STRING, NOT, limits)
        rest = []
    for operand in rest:
        out = combined(out, operand, AND, limits)
    for p in taken:
        out = combined(out, made[p], MINUS, limits)
    return out


def build(
    regexes: Sequence[Regex],
    leaves: Mapping[Regex, Dfa],
    limits: Limits,
    universe: int = UNIVERSE,
) -> Dfa:
    """Compile regular expressions whose boolean nodes are given as automata (`leaves`).

    Code points from `universe` on are markers, which are erased; those that a leaf has, that is, since only an
    automaton should have some.
    """
    from constrain.regular.kernels import build as kernel

    program, packed, widths, given = program_of(regexes, leaves)
    pointers = np.zeros(len(widths) + 1, np.int32)
    np.cumsum(widths, out=pointers[1:])
    header, data = _leaf_arrays(given) if given else (np.empty((0, 6), np.int32), np.empty(0, np.int32))
    raw = kernel(
        np.array(program, np.int32),
        np.frombuffer(packed, np.int32).reshape(-1, 2),
        pointers,
        header,
        data,
        universe,
        limits.dfa_states,
        limits.dfa_work,
    )
    return finished(raw, limits, universe)


def program_of(regexes: Sequence[Regex], leaves: Mapping[Regex, Dfa]) -> tuple[list[int], bytes, list[int], list[Dfa]]:
    """The program of some expressions (nfa.py has its words): (words, ranges of all sets, ranges per set, leaves)."""
    words: list[int] = []
    ids: dict[CharSet | str, int] = {}
    packed: list[bytes] = []
    widths: list[int] = []
    given: dict[Dfa, int] = {}
    todo: list[Regex | int] = []
    if len(regexes) > 1:
        words += (ALT, len(regexes))
    for label in range(len(regexes) - 1, -1, -1):
        if len(regexes) > 1:
            todo.append(NEXT)
        todo += (label, MATCH, regexes[label])
    while todo:
        r = todo.pop()
        if type(r) is int:
            words.append(r)
            continue
        assert isinstance(r, Regex)
        kind = r.kind
        if kind == K_LITERAL:
            for c in r.value:
                at = ids.get(c)
                if at is None:
                    at = ids[c] = len(widths)
                    packed.append(c.encode("utf-32-le") * 2)
                    widths.append(1)
                words.append(~at)
        elif kind == K_CHARS:
            at = ids.get(r.value)
            if at is None:
                at = ids[r.value] = len(widths)
                packed.append(r.value.packed)
                widths.append(len(r.value.flat) >> 1)
            words.append(~at)
        elif kind == K_CONCAT:
            todo += r.parts[::-1]
        elif kind == K_UNION:
            words += (ALT, len(r.parts))
            for p in r.parts[::-1]:
                todo += (NEXT, p)
        elif kind == K_REPEAT:
            lo, hi = r.value
            if lo > MAX_COUNT or hi > MAX_COUNT:
                raise LimitExceeded(f"a regular expression repeats more than {MAX_COUNT} times", keyword="dfa_states")
            words += (REPEAT, lo, hi)
            todo += (END, r.parts[0])
        elif r in leaves:
            words += (LEAF, given.setdefault(leaves[r], len(given)))
        elif kind == K_CHOICE:
            words += (ALT, len(r.value))
            for text in r.value[::-1]:
                todo += (NEXT, Regex(K_LITERAL, text, (), 0))
        elif kind == K_EMPTY:
            ids[""] = at = ids.get("", len(widths))
            if at == len(widths):
                packed.append(b"")
                widths.append(0)
            words.append(~at)
        else:
            raise AssertionError(f"no automaton for {r!r}")
    return words, b"".join(packed), widths, list(given)


def _leaf_arrays(given: Sequence[Dfa]) -> tuple[Ints, Ints]:
    """Header rows and data of leaf automata, as nfa.py reads them."""
    header = np.zeros((len(given), 6), np.int32)
    data: list[Ints] = []
    at = 0
    for i, dfa in enumerate(given):
        k, cells = len(dfa.bounds), dfa.table.size
        header[i] = (at, k, at + 2 * k, dfa.n_classes, dfa.n_states, 0)
        data += (dfa.bounds, dfa.classes, dfa.table.ravel(), dfa.accept)
        at += 2 * k + cells + dfa.n_states
    return header, np.concatenate(data)
