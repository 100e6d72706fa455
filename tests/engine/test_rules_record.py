"""Records of rules against a twin that makes them step by step, and automata that join what is equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.engine.rules_lexer import bytes_after, followed, never_read, reachable_labels
from constrain.engine.rules_record import parser_parts, set_words
from constrain.errors import Unsatisfiable
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar
from constrain.grammar.lalr import Tables, tables
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.lexing import lexer
from constrain.grammar.shipped import shipped_text
from constrain.sorted_arrays import joined
from tests.engine import naive_record as naive
from tests.grammar import random_cfg
from tests.grammar.test_lexing import lexers

SETTINGS = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


def agree(cfg: Cfg, lr: Tables) -> None:
    """All parts of what is made of a grammar with a lexer are those of the twin."""
    lex = lexer(cfg, lr, waiting=True)
    words = set_words(len(cfg.terminals))
    found, wanted = followed(lex), naive.followed(lex)
    for a, b in zip((*found.dfa, found.start), (*wanted.dfa, wanted.start), strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)
    reach = reachable_labels(lex, words)
    assert np.array_equal(reach, naive.reachable_labels(lex, words))
    assert np.array_equal(bytes_after(cfg, lr, lex), naive.bytes_after(cfg, lr, lex))
    assert never_read(cfg, lr, lex, found, reach) == naive.never_read(cfg, lr, lex, wanted, reach)


@SETTINGS
@given(lexers())
def test_with_a_lexer(cfg: Cfg) -> None:
    lr = tables(cfg)
    assert parser_parts(lr) == naive.parser_parts(lr)
    agree(cfg, lr)


@SETTINGS
@given(random_cfg.of_letters())
def test_without_a_lexer(cfg: Cfg) -> None:
    try:
        lr = tables(cfg)
    except Unsatisfiable:
        return
    assert parser_parts(lr) == naive.parser_parts(lr)


@pytest.mark.parametrize("name", ["csv", "json", "c", pytest.param("python", marks=pytest.mark.slow)])
def test_grammars_that_ship(name: str) -> None:
    """Look-aheads, keywords and (Python) indentation."""
    text = shipped_text(name)
    assert text is not None
    cfg = lark_rules(text, "start", Grammar())
    lr = tables(cfg)
    assert parser_parts(lr) == naive.parser_parts(lr)
    agree(cfg, lr)


automata = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.lists(st.integers(-1, n - 1), min_size=3, max_size=3), min_size=n, max_size=n),
    )
)


@settings(deadline=None, max_examples=300)
@given(automata)
def test_joined_states_have_equal_futures(drawn: tuple[list[int], list[list[int]]]) -> None:
    """Also where no state has the label between two others, which once ended the joining too early."""
    label, rows = np.array(drawn[0]), np.array(drawn[1], np.int32)
    part = joined(label, rows)

    def same(a: int, b: int, seen: set[Any]) -> bool:
        if (a, b) in seen or a == b:
            return True
        if min(a, b) < 0 or label[a] != label[b]:
            return False
        return all(same(int(x), int(y), seen | {(a, b)}) for x, y in zip(rows[a], rows[b], strict=True))

    n = len(label)
    for a in range(n):
        for b in range(n):
            assert (part[a] == part[b]) == same(a, b, set()), (a, b)
    assert set(part.tolist()) == set(range(int(part.max()) + 1))
