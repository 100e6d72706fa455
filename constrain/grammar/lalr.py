"""LALR(1) tables of a context-free grammar with every conflict kept, for a parser that follows all actions.

States are those of the LR(0) automaton (lr_states.py); look-aheads are found in lookaheads.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from constrain.grammar.cfg import Cfg
from constrain.grammar.lookaheads import lookaheads
from constrain.grammar.lr_states import Automaton, bits_of
from constrain.grammar.simplify import simplified
from constrain.limits import DEFAULT_LIMITS, Limits

ACCEPT = -1  # the action at the end of a whole text: the reduction of rule 0
Ints = NDArray[np.int32]


class Tables(NamedTuple):
    """What the parser does. Terminals are numbered as in the grammar, and `n_terminals` is the end of the text.

    action: int32[n_states, n_terminals + 1], 0: nothing, k > 0: the actions at k in `actions`.
    actions: int32[...], at k the number of actions, then the actions: q + 1 shifts and goes to state q, -(r + 1)
        reduces rule r, so -1 (`ACCEPT`, rule 0, only at the end of the text) accepts. Equal lists are shared.
    goto: int32[n_states, n_nonterminals], the state after a nonterminal; -1: none.
    rule_left, rule_length: int32[n_rules], of a rule its nonterminal (from 0) and the number of symbols it takes off
        the stack. Rule 0 is the start rule: its left side is on no stack.
    context: int32[n_states], the index in `contexts` of the terminals that the state has an action for.
    contexts: distinct sets of terminals, ascending.
    shifted: int32[n_states], 1 where a terminal's shift leads, and at the start: only there the next token is read.
    nonterminals: names, for messages.
    rights: of each rule the symbols on its right side; nonterminals come after `n_terminals`.
    """

    action: NDArray[np.int32]
    actions: NDArray[np.int32]
    goto: NDArray[np.int32]
    rule_left: NDArray[np.int32]
    rule_length: NDArray[np.int32]
    context: NDArray[np.int32]
    contexts: tuple[tuple[int, ...], ...]
    shifted: NDArray[np.int32]
    nonterminals: tuple[str, ...]
    rights: tuple[tuple[int, ...], ...]
    start_state: int = 0

    @property
    def n_states(self) -> int:
        """States of the parser."""
        return int(self.action.shape[0])

    @property
    def n_terminals(self) -> int:
        """Terminals of the grammar; the number that stands for the end of the text."""
        return int(self.action.shape[1]) - 1

    @property
    def has_conflicts(self) -> bool:
        """Is there a place with several actions?"""
        at, sizes = 1, self.actions.tolist()
        while at < len(sizes):
            if sizes[at] > 1:
                return True
            at += 1 + sizes[at]
        return False

    def entries(self) -> tuple[Ints, Ints, Ints]:
        """Every action: its state, its terminal, and itself, in the order of states, terminals, and of `actions`."""
        states, terminals = np.nonzero(self.action)
        at = self.action[states, terminals]
        counts = self.actions[at]
        places = np.repeat(at + 1 - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.repeat(states, counts), np.repeat(terminals, counts), self.actions[places]

    def actions_of(self, state: int, terminal: int) -> list[int]:
        """The actions of a state for a terminal."""
        k = int(self.action[state, terminal])
        return self.actions[k + 1 : k + 1 + self.actions[k]].tolist() if k else []


def tables(cfg: Cfg, limits: Limits = DEFAULT_LIMITS, *, shortcuts: bool = True) -> Tables:
    """The tables of a grammar (made safe by `simplified` first).

    shortcuts: where all that a state can do after a nonterminal B is to reduce it by A -> B, go on as after A at once.
    No token is read in such a state, so no context changes; of a long chain of rules little is left.

    Raises Unsatisfiable where no text can be derived, LimitExceeded (`grammar_nodes`, `lr_states`, `lr_cells`,
    `lr_work`).
    """
    automaton = Automaton(simplified(cfg, limits), limits)
    return Writer(automaton, lookaheads(automaton), shortcuts).tables()


class Writer:
    """Lays the actions out as arrays."""

    def __init__(self, automaton: Automaton, lookaheads: list[dict[int, int]], shortcuts: bool) -> None:
        self.automaton = automaton
        self.lookaheads = lookaheads
        self.skipped: dict[int, int] = {}  # state to skip -> the nonterminal to go on after
        if shortcuts:
            for q, (row, rules) in enumerate(zip(automaton.moves, automaton.complete, strict=True)):
                if not row and len(rules) == 1 and rules[0] and len(automaton.rights[rules[0]]) == 1:
                    self.skipped[q] = automaton.lefts[rules[0]]
        self.actions = [0]
        self.places: dict[tuple[int, ...], int] = {}

    def after(self, p: int, symbol: int) -> int:
        """The state after a symbol in state p."""
        q = self.automaton.moves[p][symbol]
        if symbol >= self.automaton.n_terminals:
            while q in self.skipped:
                q = self.automaton.moves[p][self.skipped[q]]
        return q

    def reached(self) -> dict[int, int]:
        """The states that are not skipped, in order, and their numbers."""
        n = self.automaton.n_terminals
        seen = {0}
        todo = [0]
        while todo:
            p = todo.pop()
            for s, q in self.automaton.moves[p].items():
                if q in self.skipped and s >= n:
                    q = self.after(p, s)
                if q not in seen:
                    seen.add(q)
                    todo.append(q)
        return {p: i for i, p in enumerate(sorted(seen))}

    def place(self, found: tuple[int, ...]) -> int:
        """Where a list of actions stands."""
        k = self.places.get(found)
        if k is None:
            k = self.places[found] = len(self.actions)
            self.actions += [len(found), *found]
        return k

    def tables(self) -> Tables:
        """All of them."""
        a = self.automaton
        n, names = a.n_terminals, a.names
        number = self.reached()
        states = len(number)
        cells: list[int] = []
        places: list[int] = []
        goto = np.full((states, len(names)), -1, np.int32)
        shifted = np.zeros(states, np.int32)
        shifted[0] = 1
        context = np.zeros(states, np.int32)
        contexts: dict[int, int] = {}
        columns: dict[int, list[int]] = {}
        for old, p in number.items():
            found: dict[int, tuple[int, ...]] = {}
            seen = 0
            for s, target in a.moves[old].items():
                if s < n:
                    q = number[target]
                    found[s] = (q + 1,)
                    seen |= 1 << s
                    shifted[q] = 1
                else:
                    goto[p, s - n] = number[self.after(old, s)]
            for r, mask in sorted(self.lookaheads[old].items()):
                both = seen & mask
                seen |= mask
                mask ^= both
                for s in bits_of(both):
                    found[s] = (*found[s], -(r + 1))
                if mask:
                    if mask not in columns:
                        columns[mask] = bits_of(mask)
                    found.update(dict.fromkeys(columns[mask], (-(r + 1),)))
            row = p * (n + 1)
            cells += [row + s for s in found]
            places += map(self.place, found.values())
            seen &= (1 << n) - 1
            context[p] = contexts.setdefault(seen, len(contexts))
        action = np.zeros((states, n + 1), np.int32)
        action.ravel()[cells] = places
        return Tables(
            action=action,
            actions=np.array(self.actions, np.int32),
            goto=goto,
            rule_left=np.array([left - n for left in a.lefts], np.int32),
            rule_length=np.array([len(right) for right in a.rights], np.int32),
            context=context,
            contexts=tuple(tuple(bits_of(mask)) for mask in contexts),
            shifted=shifted,
            nonterminals=names,
            rights=tuple(a.rights),
        )
