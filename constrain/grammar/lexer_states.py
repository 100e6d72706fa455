"""The terminals of a grammar read side by side: the states of its lexer, before equal ones are joined.

A state stands for the terminals that may still become the token, each with the state of its own automaton. Where one
of them ends, all of larger rank are out for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import NEVER
from constrain.grammar.lr_states import bits_of
from constrain.limits import Limits
from constrain.regular import Dfa, compile
from constrain.sorted_arrays import distinct, ranked

Ints: TypeAlias = NDArray[np.int32]
Places: TypeAlias = tuple[int, ...]  # states of the automata of terminals, ascending
FEW = 8  # places that are quicker split one by one
MOST_CELLS = 1 << 24  # of a table of all moves


class Product:
    """The automata of all terminals side by side. A place is a state of one of them; places have numbers of their own.

    Numbers from `copies` on are of second copies of the same automata, which only tell whether a terminal holds the
    text (`unless`), not what the token is. The automaton of a terminal's look-ahead counts as one of terminal
    `n_terminals` + i.
    """

    def __init__(self, cfg: Cfg, limits: Limits) -> None:
        self.cfg = cfg
        self.limits = limits
        self.n_terminals = len(cfg.terminals)
        self.rank = [t.rank for t in cfg.terminals]
        self.dfas = _automata(cfg, limits)
        self.bounds, self.classes, own = common_classes(list(self.dfas.values()))
        self.columns = int(self.classes.max()) + 1
        self.first: dict[int, int] = {}  # terminal -> place of its start
        self.moves: list[list[tuple[int, int]]] = []  # place -> (place, bit set of classes that lead there)
        self.terminal: list[int] = []  # place -> terminal
        self.ends: list[bool] = []  # place -> does a text of the terminal end here
        self._lay_out(own)
        self.copies = len(self.moves)
        self.table = self._table(own) if 2 * self.copies * self.columns <= MOST_CELLS else None
        self.moves += [[(p + self.copies, mask) for p, mask in row] for row in self.moves]
        self.terminal += self.terminal
        self.ends += self.ends
        self.after: dict[int, list[int]] = {}  # terminal -> those of `unless` with a larger rank: dropped before it is
        for i in self.dfas:
            if i < self.n_terminals:
                later = [u for u in cfg.terminals[i].unless if self.rank[u] > self.rank[i] and u in self.dfas]
                if later:
                    self.after[i] = later
        self.states: list[Any] = []  # what each state is: places, or what `Conditional` has
        self.label: list[int] = []  # state -> terminal whose text ends there, or -1
        self.edges: list[list[tuple[int, int]]] = []  # state -> (bit set of classes, state)
        self.watching: dict[int, int] = {}  # state -> state to watch from, where it is another one
        self.work = 0
        self.number: dict[Any, int] = {}  # what a state is -> state
        self._found: dict[Places, int] = {}  # places as they come -> state

    def _lay_out(self, own_classes: Sequence[Sequence[int]]) -> None:
        """Number the places."""
        for (i, dfa), own_class in zip(self.dfas.items(), own_classes, strict=True):
            base = self.first[i] = len(self.moves)
            masks = [0] * dfa.n_classes
            for joint, own in enumerate(own_class):
                masks[own] |= 1 << joint
            for row in dfa.table.tolist():
                targets: dict[int, int] = {}
                for own, target in enumerate(row):
                    if target >= 0:
                        targets[target] = targets.get(target, 0) | masks[own]
                self.moves.append([(base + target, mask) for target, mask in targets.items()])
            self.terminal += [i] * dfa.n_states
            self.ends += (dfa.accept >= 0).tolist()

    def _table(self, own_classes: Sequence[Sequence[int]]) -> Ints:
        """int32[n_places, columns]: `moves` as a table, -1 for none."""
        out = np.full((2 * self.copies, self.columns), -1, np.int32)
        for (i, dfa), own in zip(self.dfas.items(), own_classes, strict=True):
            rows = dfa.table[:, own]
            for base in (self.first[i], self.first[i] + self.copies):
                out[base : base + len(rows)] = np.where(rows >= 0, rows + base, -1)
        return out

    def start(self, context: Iterable[int]) -> int:
        """The state where a token of these terminals begins, -1: none can."""
        chosen = {t for t in context if t in self.dfas}
        copies = {self.copies + self.first[u] for t in chosen for u in self.after.get(t, ()) if u in chosen}
        places = (*sorted(self.first[t] for t in chosen), *sorted(copies))
        return self.begin(places) if places else -1

    def begin(self, places: Places) -> int:
        """The state before the first character. The empty text is no token: nothing ends here, and nothing is out."""
        ended = any(self.ends[p] for p in places)
        return self.numbered((-1, *places) if ended else places, -1)

    def numbered(self, key: Any, label: int) -> int:
        """The state that is this, made when it is new."""
        state = self.number.get(key)
        if state is None:
            state = self.number[key] = len(self.states)
            if state == self.limits.lexer_states:
                names = [t.name for t in self.cfg.terminals if t.name in self.names(key)]
                raise LimitExceeded(
                    f"the lexer needs more than {self.limits.lexer_states} states, here to tell "
                    f"{', '.join(names[:6])}{' and others' if len(names) > 6 else ''} apart",
                    keyword="lexer_states",
                )
            self.states.append(key)
            self.label.append(label)
        return state

    def names(self, key: Any) -> set[str]:
        """The names of the terminals that a state stands for."""
        return {self.cfg.terminals[self.terminal[p] % self.n_terminals].name for p in key}

    def awaited(self, key: Any) -> list[str]:
        """The names of terminals whose look-ahead must come, or this was no token; see `Conditional`."""
        return []

    def after_text(self, places: Places) -> int:
        """The state for the places that a text leads to."""
        state = self._found.get(places)
        if state is None:
            terminal, rank, copies = self.terminal, self.rank, self.copies
            ending = [terminal[p] for p in places if p < copies and self.ends[p]]
            label, kept = -1, places
            if ending:
                best, token = min((rank[t], t) for t in ending)
                label = self.token(token, places)
                kept = tuple([p for p in places if p >= copies or rank[terminal[p]] <= best])
            state = self._found[places] = self.numbered(self.without_idle_copies(kept), label)
        return state

    def token(self, terminal: int, places: Places) -> int:
        """What the token is that a terminal has matched: it, or the first of `unless` that holds the text, too.

        As in lark, what is ignored is never another token, and a text taken from a token is not ignored instead: then
        it is one that no rule takes, the answer is `n_terminals`.
        """
        others = self.cfg.terminals[terminal].unless
        if others and terminal not in self.cfg.ignore:
            held = {self.terminal[p] for p in places if self.ends[p]}
            terminal = next((u for u in others if u in held), terminal)
            if terminal in self.cfg.ignore:
                return self.n_terminals
        return terminal

    def without_idle_copies(self, places: Places) -> Places:
        """Drop the copies that no terminal asks for any more."""
        if places and places[-1] >= self.copies:
            asked = {u for p in places if p < self.copies for u in self.after.get(self.terminal[p], ())}
            places = tuple([p for p in places if p < self.copies or self.terminal[p] in asked])
        return places

    def expand(self) -> None:
        """Make all states that the known ones lead to."""
        while len(self.edges) < len(self.states):
            key = self.states[len(self.edges)]
            row = self.successors(key)
            self.edges.append(row)
            self.work += len(key) * len(row)
            if self.work > self.limits.dfa_work:
                raise LimitExceeded(
                    f"the lexer needs more than {self.limits.dfa_work} steps to build", keyword="dfa_work"
                )

    def successors(self, key: Any) -> list[tuple[int, int]]:
        """Where the classes lead from a state: (bit set of classes, state)."""
        places = key[1:] if key[0] < 0 else key
        return [(mask, self.after_text(target)) for target, mask in self.some(places).items()]

    def some(self, places: Places) -> dict[Places, int]:
        """Where the classes lead from some places: bit sets of classes."""
        return self._many(places) if self.table is None and len(places) > 5 else self._few(places)

    def _few(self, places: Places) -> dict[Places, int]:
        """Where the classes lead from a few places: bit sets of classes."""
        out: dict[Places, int] = {}
        for mask, key in self.split(places):
            targets = tuple([p for p in key if p >= 0])
            if targets and targets[0] < self.copies:
                out[targets] = out.get(targets, 0) | mask
        return out

    def split(self, places: Places) -> list[tuple[int, Places]]:
        """Bit sets of classes, and to which place each of the places leads by them, -1: to none."""
        if self.table is not None and len(places) > FEW:
            groups: dict[bytes, int] = {}
            data = self.table[list(places)].T.tobytes()
            size = 4 * len(places)
            for c in range(self.columns):
                column = data[c * size : (c + 1) * size]
                groups[column] = groups.get(column, 0) | 1 << c
            return [(mask, tuple(np.frombuffer(column, np.int32).tolist())) for column, mask in groups.items()]
        pieces: list[tuple[int, Places]] = [((1 << self.columns) - 1, ())]
        for p in places:
            moves = self.moves[p]
            made: list[tuple[int, Places]] = []
            for rest, key in pieces:
                for target, mask in moves:
                    both = rest & mask
                    if both:
                        made.append((both, (*key, target)))
                        rest ^= both
                if rest:
                    made.append((rest, (*key, -1)))
            pieces = made
        return pieces

    def _many(self, places: Places) -> dict[Places, int]:
        """Where the classes lead from many places: bit sets of classes."""
        by_class: dict[int, list[int]] = {}
        for p in places:
            for target, mask in self.moves[p]:
                for c in bits_of(mask):
                    by_class.setdefault(c, []).append(target)
        out: dict[Places, int] = {}
        for c, targets in by_class.items():
            if targets[0] < self.copies:
                key = tuple(targets)
                out[key] = out.get(key, 0) | 1 << c
        return out


def _automata(cfg: Cfg, limits: Limits) -> dict[int, Dfa]:
    """The automata of the terminals that have texts, and those of their look-aheads (as `n_terminals` + terminal)."""
    out: dict[int, Dfa] = {}
    looks: dict[int, Dfa] = {}
    textless = {cfg.indentation.indent, cfg.indentation.dedent} if cfg.indentation else set()
    for i, t in enumerate(cfg.terminals):
        if t.node != NEVER or t.language is None or i in textless:
            continue
        dfa = compile(t.language, limits)
        if not dfa.is_empty:
            out[i] = dfa
            if t.not_before is not None and not t.not_before.nullable:
                looks[len(cfg.terminals) + i] = compile(t.not_before, limits)
    return out | looks


def common_classes(dfas: Sequence[Dfa]) -> tuple[Ints, Ints, list[list[int]]]:
    """Classes of characters that no automaton tells apart: (bounds, classes, for each automaton its class of each)."""
    bounds = distinct(np.concatenate([np.zeros(1, np.int32), *(d.bounds for d in dfas)]))
    own = [d.classes[np.searchsorted(d.bounds, bounds, side="right") - 1] for d in dfas]
    code = np.zeros(len(bounds), np.int64)
    size = 1
    for dfa, column in zip(dfas, own, strict=True):
        if size * dfa.n_classes >= 1 << 62:
            code = ranked(code).rank.astype(np.int64)
            size = len(bounds)
        code = code * dfa.n_classes + column
        size *= dfa.n_classes
    first, classes = ranked(code)
    return bounds.astype(np.int32), classes.astype(np.int32), [column[first].tolist() for column in own]
