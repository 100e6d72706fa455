"""Contexts that can share the lexer state where a token begins, so that masks made for one serve the other.

The parser takes no terminal outside its context anyway. So a context may begin where a larger one does, if the larger
one's lexer finds the same tokens of the smaller context in every text: what it finds otherwise is no token there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from constrain.grammar.lexing import Lexer

Ints = NDArray[np.int32]


def shared_starts(lex: Lexer, contexts: Sequence[frozenset[int]], follows: Ints, reach: Ints) -> Ints:
    """`Lexer.start` with fewer different states: int32[n_contexts].

    contexts: the terminals that the lexer looks for in each, those that it drops included. follows: int32[n_states],
    equal where the same texts prove that a token which ends there should have been longer. reach: int32[n_states,
    words], the set of terminals that can still come out of a state.
    """
    start = lex.start.copy()
    leaders: list[int] = []
    known: dict[tuple[int, frozenset[int]], int] = {}
    for c in sorted(np.flatnonzero(start >= 0).tolist(), key=lambda c: -len(contexts[c])):
        key = (int(start[c]), contexts[c])
        if key not in known:
            known[key] = next(
                (
                    int(start[leader])
                    for leader in leaders
                    if contexts[c] <= contexts[leader]
                    and _same_tokens(lex, int(lex.start[c]), int(start[leader]), contexts[c], follows, reach)
                ),
                -1,
            )
            if known[key] < 0:
                known[key] = int(start[c])
                leaders.append(c)
        start[c] = known[key]
    return start


def _same_tokens(lex: Lexer, own: int, other: int, context: frozenset[int], follows: Ints, reach: Ints) -> bool:
    """Do texts have the same tokens of the context from the two states on? `own` gives no others."""
    n, words = reach.shape
    wanted = np.zeros(words, np.int64)
    inside = np.zeros(max([*context, int(lex.label.max(initial=0))]) + 2, bool)
    for t in context:
        wanted[t >> 5] |= 1 << (t & 31)
        inside[t] = True
    # can a token of the context come out?
    still = np.asarray(((reach.astype(np.int64) & 0xFFFFFFFF) & wanted != 0).any(axis=1))
    seen = np.array([own * n + other], np.int64)
    front = seen
    while len(front):
        a, b = lex.table[front // n], lex.table[front % n]
        alive = a >= 0
        if (alive & (b < 0)).any() or still[b[~alive & (b >= 0)]].any():
            return False
        pairs = np.unique(a[alive].astype(np.int64) * n + b[alive])
        pairs = pairs[pairs // n != pairs % n]
        first, second = lex.label[pairs // n], lex.label[pairs % n]
        same = (first == second) & (follows[pairs // n] == follows[pairs % n])
        if not np.where(first >= 0, same, (second < 0) | ~inside[second]).all():
            return False
        front = np.setdiff1d(pairs, seen)
        seen = np.union1d(seen, front)
    return True
