"""The lexer of a grammar as one automaton: each set of terminals that the parser can take has a state where it starts.

A state stands for the terminals that may still become the token, each with the state of its own automaton. Where one
of them ends, all of larger rank are out for good. Contexts share states with equal futures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import NEVER
from constrain.grammar.lalr import Tables
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import Dfa, compile
from constrain.regular.dfa import UNIVERSE
from constrain.regular.layout import OK

Ints: TypeAlias = NDArray[np.int32]
Places: TypeAlias = tuple[int, ...]  # states of the automata of terminals, ascending


class Lexer(NamedTuple):
    """What the lexer does. Texts are characters; bounds and classes are as in `constrain.regular.Dfa`.

    bounds, classes: int32[k], where each interval of code points begins, and its column.
    table: int32[n_states, n_classes], the next state, -1: no token goes on so. Every state can still reach a label.
    label: int32[n_states], the terminal whose text may end here, or -1.
    start: int32[n_contexts], where a token begins after a state of the parser with this context (`Tables.context`);
        -1: no text can follow there, or the context is of no state that reads a token.
    watch: int32[n_states], where a token has ended here, the state from which what follows is followed, too, -1: that
        tells nothing. While the watching goes on, a state with `kill` proves that the token should have been longer.
    kill: int32[n_states], 1: the token watched for is not one.
    """

    bounds: Ints
    classes: Ints
    table: Ints
    label: Ints
    start: Ints
    watch: Ints
    kill: Ints


def lexer(cfg: Cfg, tables: Tables, limits: Limits = DEFAULT_LIMITS) -> Lexer:
    """The lexer of a grammar with `lexing`, for the contexts of its tables.

    Raises LimitExceeded (`lexer_states`, `dfa_states`, `dfa_work`), UnsupportedFeature.
    """
    needed = sorted(set(tables.context[tables.shifted == 1].tolist()))
    product = _Product(cfg, limits)
    if not product.dfas:
        return _nothing(len(tables.contexts))
    starts = [product.start((*tables.contexts[c], *cfg.ignore)) for c in needed]
    product.expand()
    made = _minimal(product, starts, limits)
    start = np.full(len(tables.contexts), -1, np.int32)
    start[needed] = made.start
    return made._replace(start=start)


class _Product:
    """The automata of all terminals side by side. A place is a state of one of them; places have numbers of their own.

    Numbers from `copies` on are of second copies of the same automata, which only tell whether a terminal holds the
    text (`unless`), not what the token is.
    """

    def __init__(self, cfg: Cfg, limits: Limits) -> None:
        self.cfg = cfg
        self.limits = limits
        indentation = cfg.indentation
        textless = {indentation.indent, indentation.dedent} if indentation else set()
        self.dfas: dict[int, Dfa] = {}
        for i, t in enumerate(cfg.terminals):
            if t.node == NEVER and t.language is not None and i not in textless:
                dfa = compile(t.language, limits)
                if not dfa.is_empty:
                    self.dfas[i] = dfa
                if t.not_before is not None:
                    raise UnsupportedFeature(f"the terminal {t.name} has a look-ahead", keyword=t.name)
        self.bounds, self.classes, own = _common_classes(list(self.dfas.values()))
        self.columns = int(self.classes.max()) + 1
        self.first: dict[int, int] = {}  # terminal -> place of its start
        self.moves: list[list[tuple[int, int]]] = []  # place -> (place, bit set of classes that lead there)
        self.terminal: list[int] = []  # place -> terminal
        self.ends: list[bool] = []  # place -> does a text of the terminal end here
        self._lay_out(own)
        self.rank = [t.rank for t in cfg.terminals]
        self.after: dict[int, list[int]] = {}  # terminal -> those of `unless` with a larger rank: dropped before it is
        for i in self.dfas:
            later = [u for u in cfg.terminals[i].unless if self.rank[u] > self.rank[i] and u in self.dfas]
            if later:
                self.after[i] = later
        self.number: dict[Places, int] = {}  # places, after those out of the running were dropped -> state
        self.found: dict[Places, int] = {}  # places as they come -> state
        self.states: list[Places] = []
        self.label: list[int] = []
        self.edges: list[list[tuple[int, int]]] = []  # state -> (bit set of classes, state)

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
        self.copies = len(self.moves)
        self.moves += [[(p + self.copies, mask) for p, mask in row] for row in self.moves]

    def start(self, context: Iterable[int]) -> int:
        """The state where a token of these terminals begins, -1: none can."""
        chosen = {t for t in context if t in self.dfas}
        places = [self.first[t] for t in chosen]
        for t in chosen:
            for u in self.cfg.terminals[t].unless:
                if u in self.cfg.ignore:
                    name = self.cfg.terminals[u].name
                    raise UnsupportedFeature(f"the terminal {name} is ignored and a text of another one", keyword=name)
        copies = {self.copies + self.first[u] for t in chosen for u in self.after.get(t, ()) if u in chosen}
        key = (*sorted(places), *sorted(copies))
        if not key:
            return -1
        if not any(self.ends[p] for p in places):
            return self.state(key)
        # the empty text is no token: nothing ends here, and nothing is out
        return self.number.setdefault((-1, *key), self._new(key, -1))

    def _new(self, places: Places, label: int) -> int:
        if len(self.states) == self.limits.lexer_states:
            names = sorted({self.cfg.terminals[self.terminal[p % self.copies]].name for p in places})
            raise LimitExceeded(
                f"the lexer needs more than {self.limits.lexer_states} states, here to tell "
                f"{', '.join(names[:6])}{' and others' if len(names) > 6 else ''} apart",
                keyword="lexer_states",
            )
        self.states.append(places)
        self.label.append(label)
        return len(self.states) - 1

    def state(self, places: Places) -> int:
        """The state for the places that a text leads to."""
        state = self.found.get(places)
        if state is None:
            kept, label = self.settled(places)
            state = self.number.get(kept)
            if state is None:
                state = self.number[kept] = self._new(kept, label)
            self.found[places] = state
        return state

    def settled(self, places: Places) -> tuple[Places, int]:
        """Drop what is out of the running after a text; the terminal that the text is, or -1."""
        ends, terminal, rank = self.ends, self.terminal, self.rank
        copies = self.copies
        ending = [terminal[p] for p in places if p < copies and ends[p]]
        if ending:
            best = min(rank[t] for t in ending)
            token = min(t for t in ending if rank[t] == best)
            others = self.cfg.terminals[token].unless
            if others:
                held = {terminal[p % copies] for p in places if ends[p % copies]}
                token = next((u for u in others if u in held), token)
            places = tuple([p for p in places if p >= copies or rank[terminal[p]] <= best])
        else:
            token = -1
        if places and places[-1] >= copies:
            asked = {u for p in places if p < copies for u in self.after.get(terminal[p], ())}
            places = tuple([p for p in places if p < copies or terminal[p - copies] in asked])
        return places, token

    def expand(self) -> None:
        """Make all states that the known ones lead to."""
        work = 0
        for places in self.states:  # grows
            row = []
            for key, mask in (self.few if len(places) < 6 else self.many)(places).items():
                row.append((mask, self.state(key)))
            self.edges.append(row)
            work += len(places) * len(row)
            if work > self.limits.dfa_work:
                raise LimitExceeded(
                    f"the lexer needs more than {self.limits.dfa_work} steps to build", keyword="dfa_work"
                )

    def few(self, places: Places) -> dict[Places, int]:
        """Where the classes lead from a few places: (places, bit set of classes)."""
        pieces: list[tuple[int, Places]] = [(-1, ())]
        for p in places:
            moves = self.moves[p]
            split: list[tuple[int, Places]] = []
            for rest, key in pieces:
                for target, mask in moves:
                    both = rest & mask
                    if both:
                        split.append((both, (*key, target)))
                        rest ^= both
                if rest:
                    split.append((rest, key))
            pieces = split
        out: dict[Places, int] = {}
        for mask, key in pieces:
            if key:
                out[key] = out.get(key, 0) | mask
        return out

    def many(self, places: Places) -> dict[Places, int]:
        """Where the classes lead from many places: (places, bit set of classes)."""
        by_class: dict[int, list[int]] = {}
        for p in places:
            for target, mask in self.moves[p]:
                for c in _bits(mask):
                    by_class.setdefault(c, []).append(target)
        out: dict[Places, int] = {}
        for c, targets in by_class.items():
            key = tuple(targets)
            out[key] = out.get(key, 0) | 1 << c
        return out


def _common_classes(dfas: Sequence[Dfa]) -> tuple[Ints, Ints, list[list[int]]]:
    """Classes of characters that no automaton tells apart: (bounds, classes, for each automaton its class of each)."""
    bounds = np.unique(np.concatenate([np.zeros(1, np.int32), *(d.bounds for d in dfas)]))
    own = [d.classes[np.searchsorted(d.bounds, bounds, side="right") - 1] for d in dfas]
    code = np.zeros(len(bounds), np.int64)
    size = 1
    for dfa, column in zip(dfas, own, strict=True):
        if size * dfa.n_classes >= 1 << 62:
            code = np.unique(code, return_inverse=True)[1].reshape(-1).astype(np.int64)
            size = len(bounds)
        code = code * dfa.n_classes + column
        size *= dfa.n_classes
    _, first, classes = np.unique(code, return_index=True, return_inverse=True)
    return bounds.astype(np.int32), classes.reshape(-1).astype(np.int32), [column[first].tolist() for column in own]


def _minimal(product: _Product, starts: Sequence[int], limits: Limits) -> Lexer:
    """The product with equal states joined. Starts are reached from one state more, by a marker for each."""
    from constrain.regular.kernels import canonical

    bits: dict[int, list[int]] = {}
    tails, heads, counts, classes = [], [], [], []
    for state, row in enumerate(product.edges):
        for mask, target in row:
            chosen = bits.get(mask)
            if chosen is None:
                chosen = bits[mask] = _bits(mask)
            tails.append(state + 1)
            heads.append(target + 1)
            counts.append(len(chosen))
            classes += chosen
    markers = sorted({s for s in starts if s >= 0})
    n, columns = len(markers), product.columns
    edges = np.empty((len(classes) + n, 3), np.int32)
    edges[:n, 0] = 0
    edges[:n, 1] = np.arange(columns, columns + n)
    edges[:n, 2] = np.array(markers, np.int32) + 1
    edges[n:, 0] = np.repeat(tails, counts)
    edges[n:, 1] = classes
    edges[n:, 2] = np.repeat(heads, counts)
    status, bounds, column_of, table, label, _, _ = canonical(
        len(product.states) + 1,
        edges,
        len(edges),
        np.array([-1, *product.label], np.int32),
        np.concatenate([product.bounds, np.arange(UNIVERSE, UNIVERSE + n, dtype=np.int32)]),
        np.concatenate([product.classes, np.arange(columns, columns + n, dtype=np.int32)]),
        columns + n,
        UNIVERSE + n,
        limits.dfa_work,
    )
    if status != OK:
        raise LimitExceeded(f"the lexer needs a table of more than {limits.dfa_work} cells", keyword="dfa_work")
    if not len(table):
        return _nothing(len(starts))
    k = int(np.searchsorted(bounds, UNIVERSE))
    begin = {s: int(table[0, column_of[k + i]]) - 1 for i, s in enumerate(markers)}
    width = int(column_of[:k].max()) + 1
    table = np.ascontiguousarray(table[1:, :width])
    table[table >= 0] -= 1
    label = label[1:].copy()
    states = np.arange(len(table), dtype=np.int32)
    return Lexer(
        bounds=bounds[:k].copy(),
        classes=column_of[:k].copy(),
        table=table,
        label=label,
        start=np.array([begin[s] if s >= 0 else -1 for s in starts], np.int32),
        watch=np.where((label >= 0) & (table >= 0).any(1), states, -1).astype(np.int32),
        kill=(label >= 0).astype(np.int32),
    )


def _nothing(contexts: int) -> Lexer:
    """The lexer of no terminals."""
    none = np.zeros(0, np.int32)
    zero = np.zeros(1, np.int32)
    return Lexer(zero, zero, np.zeros((0, 1), np.int32), none, np.full(contexts, -1, np.int32), none, none)


def _bits(mask: int) -> list[int]:
    """The places of the ones."""
    out = []
    while mask:
        low = mask & -mask
        out.append(low.bit_length() - 1)
        mask ^= low
    return out
