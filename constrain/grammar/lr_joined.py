"""States of the parser that do the same are one; and what is left of a state under others.

A parser has a state for each place in each rule. Behind `a +` and behind `a -` it does the same: such states are joined
as in the minimisation of an automaton. Of a state that others stand on, only where it goes on after a nonterminal
counts. So of many stacks few are left that differ in what may follow, and what was found for one holds for others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from constrain.grammar.lalr import ACCEPT, Tables
from constrain.sorted_arrays import joined, ranked, ranked_rows

Ints = NDArray[np.int32]
NO_CLIP = 1 << 14  # brackets that may be open at once are fewer (`Limits.stack_depth`)


def with_joined_states(lr: Tables, start: Ints) -> tuple[Tables, Ints]:
    """The tables with states of the same kind joined, and for each of these the first that is one of them.

    start: int32[n_states], what else tells states with `shifted` from each other: where the lexer begins after them.
    """
    lr = _plain_rules(lr)
    n = lr.n_terminals
    state, terminal, action = lr.entries()
    shifts = action > 0
    targets = np.full((lr.n_states, n + 1 + lr.goto.shape[1]), -1, np.int32)
    targets[state[shifts], terminal[shifts]] = action[shifts] - 1
    targets[:, n + 1 :] = lr.goto
    reduces: dict[int, list[tuple[int, int]]] = {}
    for p, t, code in zip(state[~shifts].tolist(), terminal[~shifts].tolist(), action[~shifts].tolist(), strict=True):
        reduces.setdefault(p, []).append((t, code))
    kinds: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
    begins = np.where(lr.shifted == 1, start, -2).tolist()
    label = [kinds.setdefault((begins[p], tuple(reduces.get(p, ()))), len(kinds)) for p in range(lr.n_states)]
    part = joined(np.array(label), targets)
    first = ranked(part).first
    codes = lr.actions.copy()
    at = 1
    while at < len(codes):
        end = at + 1 + int(codes[at])
        here = codes[at + 1 : end]
        codes[at + 1 : end] = np.where(here > 0, part[np.maximum(here - 1, 0)] + 1, here)
        at = end
    goto = lr.goto[first]
    return lr._replace(
        action=lr.action[first],
        actions=codes,
        goto=np.where(goto >= 0, part[np.maximum(goto, 0)], -1).astype(np.int32),
        context=lr.context[first],
        shifted=lr.shifted[first],
        start_state=int(part[lr.start_state]),
    ), first.astype(np.int32)


def _plain_rules(lr: Tables) -> Tables:
    """The tables with one rule for all that reduce as many states to the same nonterminal."""
    alike: dict[tuple[int, int], int] = {}
    pairs = zip(lr.rule_left.tolist(), lr.rule_length.tolist(), strict=True)
    same = [0, *(alike.setdefault(pair, r) for r, pair in enumerate(pairs) if r)]
    actions, at = lr.actions.tolist(), 1
    codes = [0]
    places = np.zeros(len(actions), np.int32)
    while at < len(actions):
        end = at + 1 + actions[at]
        here = dict.fromkeys(code if code > 0 else -same[-code - 1] - 1 for code in actions[at + 1 : end])
        places[at] = len(codes)
        codes += [len(here), *here]
        at = end
    return lr._replace(action=places[lr.action], actions=np.array(codes, np.int32))


def covered(lr: Tables) -> Ints:
    """int32[n_states]: equal for states that go on alike after every nonterminal."""
    return ranked_rows(lr.goto + 1).rank.astype(np.int32)


def alone(lr: Tables) -> Ints:
    """int32[n_states]: the rule that a state reduces where it can do nothing else, or -1."""
    state, _, action = lr.entries()
    least = np.full(lr.n_states, 1, np.int32)
    most = np.full(lr.n_states, np.iinfo(np.int32).min, np.int32)
    np.minimum.at(least, state, action)
    np.maximum.at(most, state, action)
    return np.where((least == most) & (most < ACCEPT), -most - 1, -1).astype(np.int32)


def most_brackets(lr: Tables, brackets: list[int]) -> int:
    """How many open brackets are as good as any more, as long as what the parser looks at is the same.

    brackets: per terminal 1 where it opens one, -1 where it closes one. As many as the rule that a state stands in may
    close, and one begun above it, and one more: of those in between none closes more than it has opened, or else any
    number may count.
    """
    n = lr.n_terminals
    closed, unopened = 0, 0
    for right in lr.rights:
        open_, closes = 0, 0
        for symbol in right:
            change = brackets[symbol] if symbol < n else 0
            if open_ < 0 and symbol >= n:
                return NO_CLIP
            open_ += change
            closes += change < 0
            unopened = max(unopened, -open_)
        closed = max(closed, closes)
    return closed + unopened + 1
