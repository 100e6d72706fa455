"""Deterministic automata over classes of characters: minimal, trimmed, numbered canonically, addressed by content."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from constrain.errors import LimitExceeded
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.layout import AND, MINUS, NOT, OR, TOO_MANY_STATES, Ints

UNIVERSE = 0x110000  # code points; the parsers use some beyond as markers


class Dfa:
    """A regular language as its minimal automaton. Equal languages (with equal labels) have equal arrays and `key`.

    bounds: int32[k], where each interval of code points begins, ascending, bounds[0] == 0.
    classes: int32[k], the column of each interval, numbered in order of first appearance. Surrogates are in a dead one.
    table: int32[n_states, n_classes], the next state, -1: no accepted string goes on so. Every state can still accept.
    accept: int32[n_states], the label (>= 0) of what ends here, or -1. State 0 is the start, order is breadth-first.
    min_length, max_length: characters of the shortest and longest string (max_length None: there is no longest).
    The empty language has no states.
    """

    __slots__ = ("_key", "_lists", "accept", "bounds", "classes", "max_length", "min_length", "table")

    start = 0

    def __init__(
        self, bounds: Ints, classes: Ints, table: Ints, accept: Ints, min_length: int, max_length: int | None
    ) -> None:
        self.bounds = bounds
        self.classes = classes
        self.table = table
        self.accept = accept
        self.min_length = min_length
        self.max_length = max_length
        self._key: bytes | None = None
        self._lists: tuple[list[int], list[int]] | None = None

    @property
    def n_states(self) -> int:
        """States; 0 when no string is accepted."""
        return int(self.table.shape[0])

    @property
    def n_classes(self) -> int:
        """Columns of the table."""
        return int(self.table.shape[1])

    @property
    def is_empty(self) -> bool:
        """Is no string accepted?"""
        return int(self.table.shape[0]) == 0

    @property
    def is_finite(self) -> bool:
        """Are only finitely many strings accepted?"""
        return self.is_empty or self.max_length is not None

    @property
    def key(self) -> bytes:
        """SHA-256 of the content: equal for equal languages."""
        if self._key is None:
            digest = hashlib.sha256(b"%d %d %d;" % (len(self.bounds), *self.table.shape))
            for array in (self.bounds, self.classes, self.table, self.accept):
                digest.update(array.tobytes())
            self._key = digest.digest()
        return self._key

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Dfa) and self.key == other.key)

    def __hash__(self) -> int:
        return int.from_bytes(self.key[:8], "little")

    def __repr__(self) -> str:
        return f"Dfa({self.n_states} states, {self.n_classes} classes, {self.key.hex()[:8]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Dfa, (self.bounds, self.classes, self.table, self.accept, self.min_length, self.max_length)

    def column(self, code_point: int) -> int:
        """The column of a code point."""
        if self._lists is None:
            self._lists = self.bounds.tolist(), self.classes.tolist()
        bounds, classes = self._lists
        return classes[bisect_right(bounds, code_point) - 1]

    def state_after(self, text: str) -> int:
        """The state after reading a text from the start, -1 when no accepted string begins so."""
        state = 0 if self.n_states else -1
        for c in text:
            if state < 0:
                break
            state = int(self.table[state, self.column(ord(c))])
        return state

    def label(self, text: str) -> int:
        """The label of a text, -1 when it is not accepted."""
        state = self.state_after(text)
        return int(self.accept[state]) if state >= 0 else -1

    def accepts(self, text: str) -> bool:
        """Is the text in the language?"""
        return self.label(text) >= 0

    def accepts_each(self, texts: Sequence[str]) -> list[bool]:
        """`accepts` of many texts at once."""
        if self.is_empty or not texts:
            return [False] * len(texts)
        points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.int32)
        columns = self.classes[np.searchsorted(self.bounds, points, side="right") - 1]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        order = np.argsort(-lengths, kind="stable")
        begins = (np.cumsum(lengths) - lengths)[order]
        longest_first = lengths[order]
        states = np.zeros(len(texts), np.int64)
        table = np.vstack([self.table, np.full((1, self.n_classes), -1, np.int32)])  # row -1: stay dead
        for at in range(int(longest_first[0])):
            n = int(np.searchsorted(-longest_first, -at, side="left"))  # texts longer than `at`
            states[:n] = table[states[:n], columns[begins[:n] + at]]
        out = np.empty(len(texts), bool)
        out[order] = (states >= 0) & (self.accept[states] >= 0)
        return out.tolist()

    def __and__(self, other: Dfa) -> Dfa:
        return combined(self, other, AND)

    def __or__(self, other: Dfa) -> Dfa:
        return combined(self, other, OR)

    def __sub__(self, other: Dfa) -> Dfa:
        return combined(self, other, MINUS)

    def __invert__(self) -> Dfa:
        return combined(self, NO_STRING, NOT)

    def strings(self, count: int) -> Iterator[str]:
        """Up to `count` accepted strings, shortest first, for tests and messages.

        They are a sample: of each transition the first character only, of each state and length a few ways there.
        """
        first: dict[int, int] = {}
        for bound, column in zip(self.bounds.tolist(), self.classes.tolist(), strict=True):
            first.setdefault(column, bound)
        level = {0: [""]} if self.n_states else {}
        while level:
            following: dict[int, list[str]] = {}
            for state, texts in level.items():
                if self.accept[state] >= 0:
                    yield from texts[:count]
                    count -= len(texts)
                    if count <= 0:
                        return
                for column, target in enumerate(self.table[state].tolist()):
                    if target >= 0:
                        there = following.setdefault(target, [])
                        there += [text + chr(first[column]) for text in texts[: 8 - len(there)]]
            level = following


_NONE = np.zeros(0, np.int32)
NO_STRING = Dfa(np.zeros(1, np.int32), np.zeros(1, np.int32), np.empty((0, 1), np.int32), _NONE, 0, None)


def finished(raw: Any, limits: Limits = DEFAULT_LIMITS, universe: int = UNIVERSE, cells: int | None = None) -> Dfa:
    """The canonical automaton of what a kernel has built, or the error that it reports."""
    from constrain.regular.kernels import canonical

    status, states, edges, e, accept, bounds, classes, columns = raw
    if status == 0:
        status, bounds, classes, table, accept, least, most = canonical(
            states, edges, e, accept, bounds, classes, columns, universe, cells or limits.dfa_work
        )
    if status == TOO_MANY_STATES:
        raise LimitExceeded(
            f"a regular expression needs more than {limits.dfa_states} automaton states",
            keyword="dfa_states",
            hint="Simplify the expression, or raise Limits.dfa_states",
        )
    if status:
        raise LimitExceeded(
            f"a regular expression needs more than {limits.dfa_work} steps to compile",
            keyword="dfa_work",
            hint="Simplify the expression, or raise Limits.dfa_work",
        )
    return Dfa(bounds, classes, table, accept, least, None if most < 0 else most)


def relabelled(dfa: Dfa, labels: Sequence[int], limits: Limits = DEFAULT_LIMITS) -> Dfa:
    """The automaton with labels[i] instead of label i; -1: what has that label is not accepted any more."""
    source, column = np.nonzero(dfa.table >= 0)
    edges = np.stack([source, column, dfa.table[source, column]], 1).astype(np.int32)
    new = np.array([*labels, -1], np.int32)[dfa.accept]
    return finished((0, dfa.n_states, edges, len(edges), new, dfa.bounds, dfa.classes, dfa.n_classes), limits)


def combined(a: Dfa, b: Dfa, truth: int, limits: Limits = DEFAULT_LIMITS, universe: int = UNIVERSE) -> Dfa:
    """The strings that a truth table chooses: bit 2 * (in a) + (in b). Labels become 0."""
    from constrain.regular.kernels import combine

    raw = combine(
        a.bounds, a.classes, a.table, a.accept, b.bounds, b.classes, b.table, b.accept,
        truth, universe, limits.dfa_states, limits.dfa_work,
    )  # fmt: skip
    return finished(raw, limits, universe)


def of_strings(strings: Iterable[str], limits: Limits = DEFAULT_LIMITS) -> Dfa:
    """The language of distinct strings, given in code point order and without surrogates."""
    from constrain.regular.kernels import trie_of

    chosen = list(strings)
    text = "".join(chosen)
    if len(text) > limits.dfa_work:
        raise LimitExceeded(f"a choice has more than {limits.dfa_work} characters", keyword="dfa_work")
    points = np.frombuffer(bytearray(text.encode("utf-32-le")), np.int32)
    ends = np.cumsum(np.fromiter(map(len, chosen), np.int32, len(chosen)), dtype=np.int32)
    return finished(trie_of(points, ends), limits)
