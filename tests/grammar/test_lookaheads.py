"""Look-aheads by arrays are those that walking every rule finds; unions along edges are those of what is reached."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.errors import LimitExceeded, Unsatisfiable
from constrain.grammar import lookaheads as fast
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.lr_states import Automaton
from constrain.grammar.shipped import shipped_text
from constrain.grammar.simplify import simplified
from constrain.limits import DEFAULT_LIMITS, Limits
from tests.grammar import naive_lookaheads, random_cfg
from tests.grammar.test_lexing import lexers

SETTINGS = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))


def agree(cfg: Cfg) -> None:
    automaton = Automaton(simplified(cfg, DEFAULT_LIMITS), DEFAULT_LIMITS)
    steps = automaton.work
    found = fast.lookaheads(automaton)
    counted, automaton.work = automaton.work - steps, 0
    assert found == naive_lookaheads.lookaheads(automaton)
    assert automaton.work == counted


@SETTINGS
@given(st.one_of(random_cfg.of_letters(), lexers()))
def test_random_grammars(cfg: Cfg) -> None:
    with contextlib.suppress(Unsatisfiable):
        agree(cfg)


@pytest.mark.parametrize("name", ["json", "sql", "xml"])
def test_grammars_that_ship(name: str) -> None:
    text = shipped_text(name)
    assert text is not None
    agree(lark_rules(text, "start", Grammar()))


def test_steps_are_bounded() -> None:
    cfg = lark_rules(shipped_text("json") or "", "start", Grammar())
    automaton = Automaton(simplified(cfg, DEFAULT_LIMITS), DEFAULT_LIMITS)
    automaton.limits = Limits(lr_work=automaton.work + 5)
    with pytest.raises(LimitExceeded, match="steps to make"):
        fast.lookaheads(automaton)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25),
    st.lists(st.integers(0, (1 << 40) - 1), min_size=10, max_size=10),
    st.integers(0, 3),
)
def test_unions_along_edges(edges: list[tuple[int, int]], sets: list[int], rounds: int) -> None:
    """However few rounds are given before nodes are taken in order."""
    wanted = list(sets)
    for _ in range(10):
        for a, z in edges:
            wanted[a] |= wanted[z]
    rows = fast._rows(sets, 40)
    assert fast.integers(rows) == sets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "ROUNDS", rounds)
        found = fast.closure(np.array(edges, np.int32).reshape(-1, 2).T, rows)
    assert fast.integers(found) == wanted


def test_a_long_chain() -> None:
    n = 3000
    found = fast.closure(np.stack([np.arange(n - 1), np.arange(1, n)]), fast._rows([1 << i for i in range(n)], n))
    assert fast.integers(found) == [(1 << n) - (1 << i) for i in range(n)]
