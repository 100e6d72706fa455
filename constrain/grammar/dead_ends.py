"""Ways of the parser from which no text can be completed, since the lexer takes every text of a terminal for another.

In `s: A s B | ` with equal terminals A and B the lexer gives A wherever both may come, so after an A no B is ever
read. Which stacks of the parser can be completed is found as for any pushdown system (Bouajjani, Esparza and Maler
1997): for a control and the state on top, to which controls can that state be taken off, and can the text end above it?

A control is what the parser knows besides its stack: nothing (`READ`: it reads the next token), the token that was
read, or how many more states a rule takes off before its nonterminal is put on.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final, TypeAlias

import numpy as np

from constrain.errors import GrammarError, LimitExceeded
from constrain.grammar.cfg import Cfg
from constrain.grammar.lalr import ACCEPT, Tables
from constrain.limits import DEFAULT_LIMITS, Limits

Control: TypeAlias = tuple[int, ...]  # (), (terminal,) or (terminal, nonterminal, states still to be taken off)
Pair: TypeAlias = tuple[Control, int]
READ: Final[Control] = ()


def without_dead_ends(cfg: Cfg, lr: Tables, given: Mapping[int, Set[int]], limits: Limits = DEFAULT_LIMITS) -> Tables:
    """The tables without the shifts after which no text is complete.

    given: the terminals that can be read in each state with `shifted` (all others can be read nowhere), where they are
    fewer than the state has actions for. Raises GrammarError where a shift is a dead end on some stacks only, or the
    grammar has no text; LimitExceeded (`lr_work`).
    """
    if not given:
        return lr
    ends = _Ends(lr, given, limits.lr_work)
    verdicts = ends.verdicts()
    dead = {shift for shift, live in verdicts.items() if live == {False}}
    for (_, terminal, _), live in verdicts.items():
        if len(live) > 1:
            _refuse(cfg, f"after {cfg.terminals[terminal].name} no text can be completed in some places")
    if not ends.has_text:
        _refuse(cfg, "no text can be read")
    if not dead:
        return lr
    action, actions = lr.action.copy(), lr.actions.tolist()
    for state, terminal in {(p, t) for p, t, _ in dead}:
        rest = [code for code in lr.actions_of(state, terminal) if (state, terminal, code - 1) not in dead]
        action[state, terminal] = len(actions) if rest else 0
        actions += [len(rest), *rest] if rest else []
    return lr._replace(action=action, actions=np.array(actions, np.int32))


def _refuse(cfg: Cfg, what: str) -> None:
    raise GrammarError(
        f"{what}, since the lexer takes all texts of a terminal that is wanted there for another one",
        hint="Change priorities, or use scannerless=True",
    )


class _Ends:
    """Which controls a state on top of the stack can be taken off to, and where the text can end."""

    def __init__(self, lr: Tables, given: Mapping[int, Set[int]], work: int) -> None:
        self.lr = lr
        self.given = given
        self.left = work
        self.end = lr.n_terminals
        self.taken: dict[Pair, set[Control]] = {}
        self.ended: set[Pair] = set()
        self.goto = lr.goto.tolist()
        self.lefts, self.lengths = lr.rule_left.tolist(), lr.rule_length.tolist()
        self.codes: list[dict[int, list[int]]] = [
            {t: lr.actions_of(p, t) for t in np.flatnonzero(row).tolist()} for p, row in enumerate(lr.action)
        ]
        self._ask((READ, lr.start_state))
        changed = True
        while changed:
            changed = False
            for pair in list(self.taken):
                before = len(self.taken), len(self.taken[pair]), pair in self.ended
                self._look(pair)
                changed = changed or before != (len(self.taken), len(self.taken[pair]), pair in self.ended)

    def _ask(self, pair: Pair) -> set[Control]:
        self.left -= 1
        if self.left < 0:
            raise LimitExceeded("the parser's dead ends take too long to find", keyword="lr_work")
        return self.taken.setdefault(pair, set())

    def _look(self, pair: Pair) -> None:
        """Add what follows for a pair from what is known."""
        control, p = pair
        if control == READ:
            allowed = self.given.get(p)
            for t in self.codes[p]:
                if allowed is None or t in allowed or t == self.end:
                    self._through(pair, ((t,), p), None)
        elif len(control) == 1:
            for code in self.codes[p].get(control[0], ()):
                if code == ACCEPT:
                    self.ended.add(pair)
                elif code > 0:
                    self._through(pair, (READ, code - 1), p)
                else:
                    self._reduce(pair, control[0], self.lefts[-code - 1], self.lengths[-code - 1])
        else:
            self._reduce(pair, *control)

    def _reduce(self, pair: Pair, terminal: int, left: int, length: int) -> None:
        p = pair[1]
        if length > 0:
            self.taken[pair].add((terminal, left, length - 1))
        elif self.goto[p][left] >= 0:
            self._through(pair, ((terminal,), self.goto[p][left]), p)

    def _through(self, pair: Pair, upper: Pair, below: int | None) -> None:
        """What follows for a pair that becomes another; below: the state that is left under that one, None: none."""
        taken = self._ask(upper)
        if upper in self.ended:
            self.ended.add(pair)
        if below is None:
            self.taken[pair] |= taken
            return
        for control in list(taken):
            self.taken[pair] |= self._ask((control, below))
            if (control, below) in self.ended:
                self.ended.add(pair)

    # -- stacks -------------------------------------------------------------------------------------------------------

    def above(self, below: frozenset[Control], p: int) -> frozenset[Control]:
        """The controls with which the text can be completed when p stands on a stack with those controls."""
        self.left -= len(self.at[p])
        if self.left < 0:
            raise LimitExceeded("the parser's dead ends take too long to find", keyword="lr_work")
        return frozenset(c for c in self.at[p] if (c, p) in self.ended or not below.isdisjoint(self.taken[c, p]))

    def verdicts(self) -> dict[tuple[int, int, int], set[bool]]:
        """For each shift (state, terminal, state): can the text be completed after it, on the stacks that there are?"""
        self.at: list[list[Control]] = [[] for _ in self.codes]
        for control, p in self.taken:
            self.at[p].append(control)
        first = self.lr.start_state, self.above(frozenset(), self.lr.start_state)
        self.has_text = READ in first[1]
        out: dict[tuple[int, int, int], set[bool]] = {}
        seen, todo = {first}, [first]
        while todo:
            p, here = todo.pop()
            following = []
            for t, codes in self.codes[p].items():
                for q in [code - 1 for code in codes if code > 0] if ((t,), p) in self.taken else ():
                    made = self.above(here, q)
                    out.setdefault((p, t, q), set()).add(READ in made)
                    following += [(q, made)] if READ in made else []
            for q in self.goto[p]:
                if q >= 0:
                    following.append((q, self.above(here, q)))
            for place in following:
                if place not in seen:
                    seen.add(place)
                    todo.append(place)
        return out
