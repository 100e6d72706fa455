"""Random small grammars: left recursion of all kinds, cycles, empty rules, ambiguity, useless symbols."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.regular import ast

Draw = Any


@st.composite
def rules(draw: Draw, terminals: int, most: int = 4, length: int = 3) -> tuple[tuple[str, ...], tuple[Rule, ...]]:
    """Names of nonterminals, and rules for them."""
    count = draw(st.integers(1, most))
    symbol = st.one_of(st.integers(0, terminals - 1), st.integers(terminals, terminals + count - 1))
    right = st.lists(symbol, max_size=length).map(tuple)
    made = [
        Rule(terminals + i, r)
        for i in range(count)
        for r in draw(st.lists(right, min_size=1, max_size=3, unique=True))
    ]
    return tuple(f"n{i}" for i in range(count)), tuple(made)


@st.composite
def of_letters(draw: Draw, letters: str = "abc") -> Cfg:
    """A grammar whose terminals are single letters."""
    names, made = draw(rules(len(letters)))
    return Cfg(tuple(Terminal(c, ast.literal(c)) for c in letters), names, made, len(letters))
