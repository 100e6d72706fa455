"""The lexer of a grammar as one automaton: each set of terminals that the parser can take has a state where it starts.

A state stands for the terminals that may still become the token, each with the state of its own automaton. Where one
of them ends, all of larger rank are out for good. Contexts share states with equal futures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.grammar.cfg import Cfg, Terminal
from constrain.grammar.indentation import lines
from constrain.grammar.ir import NEVER
from constrain.grammar.lalr import Tables
from constrain.grammar.lexer_conditions import Conditional
from constrain.grammar.lexer_states import Product
from constrain.grammar.lr_states import bits_of
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.dfa import UNIVERSE
from constrain.regular.layout import OK
from constrain.sorted_arrays import distinct

Ints: TypeAlias = NDArray[np.int32]


class Lexer(NamedTuple):
    """What the lexer does. Texts are characters; bounds and classes are as in `constrain.regular.Dfa`.

    bounds, classes: int32[k], where each interval of code points begins, and its column.
    table: int32[n_states, n_classes], the next state, -1: no token goes on so. Every state can still reach a label.
    label: int32[n_states], the terminal whose text may end here, or -1: none, or one that no rule takes (see `kill`).
    start: int32[n_contexts], where a token begins after a state of the parser with this context (`Tables.context`);
        -1: no text can follow there, or the context is of no state that reads a token.
    watch: int32[n_states], where a token has ended here, the state from which what follows is followed, too, -1: that
        tells nothing. While the watching goes on, a state with `kill` proves that the token should have been longer.
    kill: int32[n_states], 1: the token watched for is not one.
    kill_end: int32[n_states], 1: nor is it where the text ends while the watch stands here (only with `not_before`:
        a longer match is one unless its look-ahead comes).
    blank: with `indentation`, where a blank line begins behind its spaces, else -1. The label of a blank line is the
        number of terminals. Line ends are then looked for in every context, and one label is one line end.
    """

    bounds: Ints
    classes: Ints
    table: Ints
    label: Ints
    start: Ints
    watch: Ints
    kill: Ints
    kill_end: Ints
    blank: int = -1


def lexer(cfg: Cfg, tables: Tables, limits: Limits = DEFAULT_LIMITS, *, waiting: bool = False) -> Lexer:
    """The lexer of a grammar with `lexing`, for the contexts of its tables.

    waiting: the caller heeds `kill_end`; else terminals that need it are refused.

    Raises LimitExceeded (`lexer_states`, `dfa_states`, `dfa_work`), and UnsupportedFeature, where the terminal that
    ends depends on what follows, or it is ignored and takes texts from others.
    """
    needed = sorted(set(tables.context[tables.shifted == 1].tolist()))
    always: tuple[int, ...] = tuple(cfg.ignore)
    blank = len(cfg.terminals)
    if cfg.indentation:
        first, line = lines(cfg, limits)
        newline = cfg.indentation.newline
        terminals = [*cfg.terminals, Terminal("blank line", line)]
        terminals[newline] = terminals[newline]._replace(language=first)
        cfg = cfg._replace(terminals=tuple(terminals))
        always = (*always, newline)
    looking = any(t.not_before is not None for t in cfg.terminals)
    for c in needed:
        _check(cfg, tables.contexts[c])
    product = Conditional(cfg, limits, _followers(cfg, tables)) if looking else Product(cfg, limits)
    if not product.dfas:
        return _nothing(len(tables.contexts))
    starts = [product.start((*tables.contexts[c], *always)) for c in needed]
    starts.append(product.start((blank,)) if cfg.indentation else -1)
    product.expand()
    if not waiting:
        for state in _reached(product, [s for s in starts if s >= 0]):
            for name in product.awaited(product.states[state]):
                raise UnsupportedFeature(
                    f"whether {name} ends, or a token before it, depends on what follows", keyword=name,
                    hint="Leave the look-ahead out where the longest match settles it anyway",
                )  # fmt: skip
    made = _minimal(product, starts, limits)
    start = np.full(len(tables.contexts), -1, np.int32)
    start[needed] = made.start[:-1]
    return made._replace(start=start, blank=int(made.start[-1]))


def _followers(cfg: Cfg, tables: Tables) -> Callable[[int], frozenset[int] | None]:
    """For a terminal those that may be the next token after it, None: any may."""
    _, terminal, action = tables.entries()
    shifts = (action > 0) & (terminal < tables.n_terminals)
    contexts = len(tables.contexts)
    after: dict[int, set[int]] = {}
    for pair in distinct(terminal[shifts] * contexts + tables.context[action[shifts] - 1]).tolist():
        after.setdefault(pair // contexts, set()).update(tables.contexts[pair % contexts])
    always = set(cfg.ignore) | ({cfg.indentation.newline} if cfg.indentation else set())
    outside = {i for i, t in enumerate(cfg.terminals) if t.node != NEVER}

    def followers(terminal: int) -> frozenset[int] | None:
        found = after.get(terminal, set())
        if terminal in always or terminal >= tables.n_terminals or not outside.isdisjoint(found):
            return None
        return frozenset(found | always)

    return followers


def _check(cfg: Cfg, context: Sequence[int]) -> None:
    """Refuse a terminal that is ignored, used by rules, and taken from another: lark would not ignore that text."""
    for t in context:
        if t not in cfg.ignore:
            for u in cfg.ignore.intersection(context).intersection(cfg.terminals[t].unless):
                raise UnsupportedFeature(
                    f"the terminal {cfg.terminals[u].name} is ignored, and part of rules, and takes texts from "
                    f"{cfg.terminals[t].name}",
                    keyword=cfg.terminals[u].name,
                )


def _minimal(product: Product, starts: Sequence[int], limits: Limits) -> Lexer:
    """The product with equal states joined. Starts are reached from one state more, by a marker for each."""
    from constrain.regular.kernels import canonical

    columns = product.columns
    markers = sorted({s for s in starts if s >= 0})
    number = _reached(product, markers)
    tails, heads, counts = [0] * len(markers), [number[s] for s in markers], [1] * len(markers)
    classes = list(range(columns, columns + len(markers)))
    # A state with a watch of its own has two markers more: one leads to the watch, the other says so (the watch is
    # trimmed away where it can't tell anything).
    at_watch = columns + len(markers)
    bits: dict[int, list[int]] = {}
    for state, at in number.items():
        for mask, target in product.edges[state]:
            chosen = bits.get(mask)
            if chosen is None:
                chosen = bits[mask] = bits_of(mask)
            tails.append(at)
            heads.append(number[target])
            counts.append(len(chosen))
            classes += chosen
        if state in product.watching:
            tails += [at, at]
            heads += [number[product.watching[state]], at]
            counts += [1, 1]
            classes += [at_watch, at_watch + 1]
    n = len(markers) + 2
    edges = np.stack([np.repeat(tails, counts), classes, np.repeat(heads, counts)], 1).astype(np.int32)
    labels = [-1, *(product.label[state] for state in number)]
    status, bounds, column_of, table, label, _, _ = canonical(
        len(labels),
        np.ascontiguousarray(edges),
        len(edges),
        np.array(labels, np.int32),
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
    table[table >= 0] -= 1  # state 0 goes
    k = int(np.searchsorted(bounds, UNIVERSE))
    marked = [table[:, column] for column in column_of[k:]]
    begin = {s: int(marked[i][0]) for i, s in enumerate(markers)}
    table = np.ascontiguousarray(table[1:, : int(column_of[:k].max()) + 1])
    label = label[1:]
    grows = (label >= 0) & (table >= 0).any(1)
    watch = np.where(marked[-1][1:] >= 0, marked[-2][1:], np.where(grows, np.arange(len(table)), -1))
    n = product.n_terminals
    return Lexer(
        bounds=bounds[:k].copy(),
        classes=column_of[:k].copy(),
        table=table,
        label=np.where(label < n, label, -1).astype(np.int32),
        start=np.array([begin[s] if s >= 0 else -1 for s in starts], np.int32),
        watch=watch.astype(np.int32),
        kill=((label >= 0) & (label <= n)).astype(np.int32),
        kill_end=(label == n + 1).astype(np.int32),
    )


def _reached(product: Product, starts: Sequence[int]) -> dict[int, int]:
    """The states that the starts lead to, watches included, numbered from 1 on."""
    number = {s: i + 1 for i, s in enumerate(starts)}
    todo = list(starts)
    while todo:
        state = todo.pop()
        targets = [target for _, target in product.edges[state]]
        if state in product.watching:
            targets.append(product.watching[state])
        for target in targets:
            if target not in number:
                number[target] = len(number) + 1
                todo.append(target)
    return number


def _nothing(contexts: int) -> Lexer:
    """The lexer of no terminals."""
    none = np.zeros(0, np.int32)
    zero = np.zeros(1, np.int32)
    return Lexer(zero, zero, np.zeros((0, 1), np.int32), none, np.full(contexts, -1, np.int32), none, none, none)
