"""Joined states of a parser: the same texts, no two that do the same; and what is said of states under others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.errors import Unsatisfiable
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.ir import Grammar
from constrain.grammar.lalr import ACCEPT, Tables, tables
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.lr_joined import NO_CLIP, alone, covered, most_brackets, with_joined_states
from constrain.grammar.shipped import shipped_text
from constrain.regular import ast
from tests.grammar import random_cfg
from tests.grammar.test_lalr import accepts, read

SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def same_texts(old: Tables, new: Tables, longest: int) -> None:
    """Compare which texts there are and how they may begin, on every path."""
    level = {(): ({(old.start_state,)}, {(new.start_state,)})}
    for length in range(longest + 1):
        for text in product(range(old.n_terminals), repeat=length):
            if text and text[:-1] not in level:
                continue
            before = level[text[:-1]] if text else level[()]
            stacks = (read(old, before[0], text[-1]), read(new, before[1], text[-1])) if text else before
            assert bool(stacks[0]) == bool(stacks[1]), text
            if stacks[0]:
                level[text] = stacks
                assert accepts(old, stacks[0]) == accepts(new, stacks[1]), text


def futures(t: Tables, start: np.ndarray) -> list[object]:
    """What each state does, as far as one step shows it."""
    return [
        (
            [sorted(t.actions_of(q, terminal)) for terminal in range(t.n_terminals + 1)],
            t.goto[q].tolist(),
            int(start[q]) if t.shifted[q] else None,
        )
        for q in range(t.n_states)
    ]


@SETTINGS
@given(random_cfg.of_letters("ab"), st.data())
def test_joined_states_do_what_the_states_did(cfg: Cfg, data: st.DataObject) -> None:
    try:
        old = tables(cfg)
    except Unsatisfiable:
        return
    start = np.array(data.draw(st.lists(st.integers(0, 1), min_size=old.n_states, max_size=old.n_states)), np.int32)
    new, first = with_joined_states(old, start)
    same_texts(old, new, 3)
    assert new.n_states == len(first) <= old.n_states
    seen = futures(new, start[first])
    assert all(a not in seen[:i] for i, a in enumerate(seen)), "two states do the same"


def test_states_are_joined_where_only_the_rule_differs() -> None:
    text = 'start: sum\nsum: sum "+" x | sum "-" x | x\nx: "a" | "(" sum ")" | "[" sum "]"\n'
    old = tables(lark_rules(text, "start", Grammar()))
    new, _ = with_joined_states(old, np.zeros(old.n_states, np.int32))
    assert new.n_states <= old.n_states - 2  # behind either sign, and with x behind it
    same_texts(old, new, 5)
    apart, _ = with_joined_states(old, np.arange(old.n_states, dtype=np.int32))
    assert new.n_states < apart.n_states


@pytest.mark.parametrize("name", ["json", "sql", "go"])
def test_grammars_that_ship(name: str) -> None:
    text = shipped_text(name)
    assert text is not None
    old = tables(lark_rules(text, "start", Grammar()))
    new, first = with_joined_states(old, np.zeros(old.n_states, np.int32))
    assert new.n_states < old.n_states
    assert len(set(map(str, futures(new, np.zeros(new.n_states, np.int32))))) == new.n_states
    under, rules = covered(new), alone(new)
    rows = [tuple(row) for row in new.goto.tolist()]
    for q in range(new.n_states):
        codes = {code for terminal in range(new.n_terminals + 1) for code in new.actions_of(q, terminal)}
        only = len(codes) == 1 and min(codes) < ACCEPT
        assert rules[q] == (-codes.pop() - 1 if only else -1)
        assert new.shifted[q] == old.shifted[first[q]]
    assert (
        len({(int(k), row) for k, row in zip(under, rows, strict=True)}) == len(set(rows)) == len(set(under.tolist()))
    )


A, OPEN, CLOSE = 0, 1, 2
S, T, U = 3, 4, 5


@pytest.mark.parametrize(
    ("rules", "most"),
    [
        ([(S, (OPEN, S, CLOSE)), (S, (A,))], 2),
        ([(S, (OPEN, OPEN, S, CLOSE, CLOSE)), (S, (A,))], 3),
        ([(S, (T, S, CLOSE)), (S, (A,)), (T, (OPEN, A))], 3),  # what T opens counts no more once T is read
        ([(S, (CLOSE, S)), (S, (A,))], NO_CLIP),
        ([(S, (A,))], 1),
    ],
)
def test_brackets_that_count(rules: list[tuple[int, tuple[int, ...]]], most: int) -> None:
    terminals = tuple(Terminal(c, ast.literal(c)) for c in "a()")
    made = tables(Cfg(terminals, ("s", "t", "u"), tuple(Rule(*r) for r in rules), S))
    assert most_brackets(made, [0, 1, -1, 0]) == most
