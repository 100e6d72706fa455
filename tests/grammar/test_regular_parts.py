"""Regular parts become terminals, and the texts stay the same."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from constrain.errors import Unsatisfiable
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.gbnf import gbnf_rules
from constrain.grammar.ir import Grammar
from constrain.grammar.regular_parts import finished
from constrain.limits import Limits
from constrain.regular import ast
from tests.grammar import naive_cfg

SETTINGS = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
TEXTS = ["".join(t) for n in range(5) for t in product("ab", repeat=n)]
PIECES = [
    ast.literal("a"),
    ast.literal("b"),
    ast.literal("ab"),
    ast.char_set("ab"),
    ast.repeat(ast.literal("a")),
    ast.EMPTY,
]


@st.composite
def grammars(draw: st.DrawFn) -> Cfg:
    """Small grammars, many of them linear."""
    terminals = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))
    n, count = len(terminals), draw(st.integers(1, 4))
    letter, name = st.integers(0, n - 1), st.integers(n, n + count - 1)
    plain = st.lists(letter, max_size=2)
    right = st.one_of(
        plain.map(tuple),
        st.tuples(plain, name).map(lambda p: (*p[0], p[1])),
        st.tuples(name, plain).map(lambda p: (p[0], *p[1])),
        st.lists(letter | name, max_size=3).map(tuple),
    )
    rules = draw(st.lists(st.builds(Rule, name, right), min_size=count, max_size=3 * count))
    made = tuple(Terminal(f"T{i}", language) for i, language in enumerate(terminals))
    return Cfg(made, tuple("ABCD"[:count]), tuple(rules), n)


@SETTINGS
@given(grammars())
def test_same_texts(cfg: Cfg) -> None:
    try:
        made = finished(cfg)
    except Unsatisfiable:
        assert cfg.start not in naive_cfg.productive(cfg)
        return
    for text in TEXTS:
        assert naive_cfg.derives(made, text) == naive_cfg.derives(cfg, text), text


@SETTINGS
@given(grammars())
def test_same_texts_when_little_fits(cfg: Cfg) -> None:
    assume(cfg.start in naive_cfg.productive(cfg))
    made = finished(cfg, Limits(dfa_states=3))
    for text in TEXTS[::3]:
        assert naive_cfg.derives(made, text) == naive_cfg.derives(cfg, text), text


def read(text: str) -> Cfg:
    return finished(gbnf_rules(text, "root", Grammar()))


@pytest.mark.parametrize(
    ("text", "terminals", "rules"),
    [
        ('root ::= "a" root "b" | ""', 2, 2),  # not regular
        ('root ::= x y\nx ::= "a" x | "b" y | ""\ny ::= "c" x | "d"', 1, 0),  # right-linear
        ('root ::= root "a" | root x | "c"\nx ::= [0-9]+', 1, 0),  # left-linear
        ('root ::= "(" ws root ws ")" | num\nws ::= (" " ws)?\nnum ::= [0-9] num | [0-9]', 3, 2),
        ('root ::= s | "[" s ("," root)* "]"\ns ::= "\\"" [^"]* "\\""', 4, 4),  # free text in two places
        ("root ::= " + "[ab]* " * 3 + '"a" ' + "[ab] " * 14, 2, 1),  # too many states for one automaton
    ],
)
def test_sizes(text: str, terminals: int, rules: int) -> None:
    made = read(text)
    if rules:
        assert len(made.rules) == rules, made
    else:
        assert made.start < len(made.terminals)
    assert len(made.terminals) == terminals, made


def test_large_chains() -> None:
    """Sizes that would double from rule to rule, and chains of rules deeper than Python's stack."""
    doubling = (
        'root ::= r0 "x" root | ""\n' + "".join(f"r{i} ::= r{i + 1} r{i + 1}\n" for i in range(40)) + 'r40 ::= "a"'
    )
    assert read(doubling).rules
    deep = "root ::= r0\n" + "".join(f'r{i} ::= "a" r{i + 1}\n' for i in range(3000)) + 'r3000 ::= "b" | root'
    assert read(deep)


def test_nothing_to_derive() -> None:
    with pytest.raises(Unsatisfiable) as caught:
        read('root ::= "a" x\nx ::= "b" x')
    assert "'root'" in str(caught.value)
    assert read('root ::= "a" | "b" x\nx ::= "b" x').terminals[0].language == ast.literal("a")
