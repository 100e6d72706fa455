"""Contexts that can share the lexer state where a token begins, so that masks made for one serve the other.

The parser takes no terminal outside its context anyway. So a context may begin where a larger one does, if the larger
one's lexer finds the same tokens of the smaller context in every text: what it finds otherwise is no token there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from constrain.grammar.lexing import Lexer
from constrain.sorted_arrays import distinct

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


def shared_starts(lex: Lexer, contexts: Sequence[frozenset[int]], follows: Ints, reach: Ints) -> Ints:
    """`Lexer.start` with fewer different states: int32[n_contexts].

    contexts: the terminals that the lexer looks for in each, those that it drops included. follows: int32[n_states],
    equal where the same texts prove that a token which ends there should have been longer. reach: int32[n_states,
    words], the set of terminals that can still come out of a state.
    """
    start = lex.start.copy()
    leaders: list[int] = []
    known: dict[tuple[int, frozenset[int]], int] = {}
    pairs = _Pairs(lex, follows, reach)
    for c in sorted(np.flatnonzero(start >= 0).tolist(), key=lambda c: -len(contexts[c])):
        key = (int(start[c]), contexts[c])
        if key not in known:
            known[key] = next(
                (
                    int(start[leader])
                    for leader in leaders
                    if contexts[c] <= contexts[leader]
                    and pairs.same_tokens(int(lex.start[c]), int(start[leader]), contexts[c])
                ),
                -1,
            )
            if known[key] < 0:
                known[key] = int(start[c])
                leaders.append(c)
        start[c] = known[key]
    return start


class _Pairs:
    """Pairs of a lexer's states, compared."""

    def __init__(self, lex: Lexer, follows: Ints, reach: Ints) -> None:
        self.lex = lex
        self.follows = follows
        self.members = np.unpackbits(reach.view(np.uint8), axis=1, bitorder="little").view(bool)
        self.still: dict[frozenset[int], tuple[Bools, Bools]] = {}

    def of_context(self, context: frozenset[int]) -> tuple[Bools, Bools]:
        """Of each state: can a token of the context come out? Of each terminal, -1 included: is it in the context?"""
        made = self.still.get(context)
        if made is None:
            inside = np.zeros(max([*context, int(self.lex.label.max(initial=0))]) + 2, bool)
            inside[list(context)] = True
            wanted = [t for t in context if t < self.members.shape[1]]
            still: Bools = np.asarray(self.members[:, wanted].any(axis=1))
            made = self.still[context] = still, inside
        return made

    def same_tokens(self, own: int, other: int, context: frozenset[int]) -> bool:
        """Do texts have the same tokens of the context from the two states on? `own` gives no others."""
        lex, follows = self.lex, self.follows
        n = len(lex.table)
        still, inside = self.of_context(context)
        seen = front = np.array([own * n + other], np.int64)
        while len(front):
            a, b = lex.table[front // n], lex.table[front % n]
            alive = a >= 0
            if (alive & (b < 0)).any() or still[b[~alive & (b >= 0)]].any():
                return False
            both = alive & (a != b)
            pairs = distinct(a[both].astype(np.int64) * n + b[both])
            first, second = lex.label[pairs // n], lex.label[pairs % n]
            same = (first == second) & (follows[pairs // n] == follows[pairs % n])
            if not np.where(first >= 0, same, (second < 0) | ~inside[second]).all():
                return False
            front = pairs[seen[np.minimum(np.searchsorted(seen, pairs), len(seen) - 1)] != pairs]
            seen = np.sort(np.concatenate([seen, front]))
        return True
