"""A lexer whose moves are looked up in a table is the lexer whose moves are followed one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.errors import UnsupportedFeature
from constrain.grammar import lexer_states
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar
from constrain.grammar.lalr import tables
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.lexer_states import Product
from constrain.grammar.lexing import Lexer, lexer
from constrain.grammar.shipped import shipped_text
from constrain.limits import DEFAULT_LIMITS
from tests.grammar.test_lexing import lexers

SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def made(cfg: Cfg) -> Lexer | str:
    try:
        return lexer(cfg, tables(cfg), waiting=True)
    except UnsupportedFeature as error:
        return str(error)


def agree(cfg: Cfg) -> None:
    found = []
    for few, cells in ((0, 1 << 24), (lexer_states.FEW, lexer_states.MOST_CELLS), (0, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lexer_states, "FEW", few)
            patch.setattr(lexer_states, "MOST_CELLS", cells)
            found.append(made(cfg))
    for other in found[1:]:
        if isinstance(other, str):
            assert other == found[0]
        else:
            assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


@SETTINGS
@given(st.one_of(lexers(), lexers(look_ahead=True)))
def test_random_terminals(cfg: Cfg) -> None:
    agree(cfg)


@pytest.mark.parametrize("name", ["json", "sql", "xml"])
def test_grammars_that_ship(name: str) -> None:
    agree(lark_rules(shipped_text(name) or "", "start", Grammar()))


@SETTINGS
@given(lexers(), st.data())
def test_splits(cfg: Cfg, data: st.DataObject) -> None:
    """Each class is in one piece, which says where each place leads by it."""
    product = Product(cfg, DEFAULT_LIMITS)
    if not product.dfas:
        return
    numbers = st.integers(0, len(product.moves) - 1)
    places = tuple(data.draw(st.lists(numbers, min_size=1, max_size=12, unique=True).map(sorted)))
    with pytest.MonkeyPatch.context() as patch:
        for few in (0, 100):
            patch.setattr(lexer_states, "FEW", few)
            pieces = product.split(places)
            assert sum(mask for mask, _ in pieces) == (1 << product.columns) - 1
            for mask, targets in pieces:
                for p, target in zip(places, targets, strict=True):
                    leads = sum(classes for to, classes in product.moves[p] if target in (to, -1))
                    assert mask & leads == (mask if target >= 0 else 0)
