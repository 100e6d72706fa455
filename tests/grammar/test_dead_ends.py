"""Dead ends of the parser under a lexer: shifts that are taken out, and grammars that are refused for them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain import GrammarError, LimitExceeded, Limits, Unsatisfiable
from constrain.engine.rules_lexer import reachable_labels, unread
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.dead_ends import without_dead_ends
from constrain.grammar.lalr import tables
from constrain.grammar.lexing import lexer
from constrain.regular import ast
from tests.grammar import naive_lexing, random_cfg

Draw = Any


@st.composite
def shadowed(draw: Draw) -> Cfg:
    """Rules over letters of which some are terminals twice; the lexer gives the first that may come."""
    letters = draw(st.lists(st.sampled_from("aabc"), min_size=2, max_size=4))
    names, rules = draw(random_cfg.rules(len(letters), most=3))
    terminals = tuple(Terminal(f"T{i}", ast.literal(c)) for i, c in enumerate(letters))
    return Cfg(terminals, names, rules, len(letters), lexing=True)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(shadowed())
def test_what_may_come_can_be_completed(cfg: Cfg) -> None:
    """A text that the matcher takes can be completed, and it takes all that can be within a few letters."""
    from tests.engine.test_rules import completion, constraint

    try:
        t = tables(cfg)
        c = constraint(cfg)
        matcher = c.byte_matcher()
    except (GrammarError, Unsatisfiable):
        return
    words = [""]
    try:
        for _ in range(4):
            words = [w + letter for w in words for letter in "abc"]
            for word in words:
                copy = matcher.copy()
                good = copy.accept_bytes(word.encode()) == len(word)
                assert (good and copy.is_accepting) == naive_lexing.accepts(cfg, t, word), word
                if good:
                    whole = completion(copy, word, "abc", 30)
                    assert whole is not None and naive_lexing.accepts(cfg, t, whole), word
                else:
                    assert not naive_lexing.begins(cfg, t, word, "abc", 2), word
            words = [w for w in words if matcher.copy().accept_bytes(w.encode()) == len(w)][:12]
    except LimitExceeded as error:
        assert error.keyword == "live_stacks"


def test_a_terminal_that_is_never_read() -> None:
    terminals = "A: /a/\nB: /a/"
    c = constrain.lark(f'start: s\ns: A s B |\n{terminals}')
    assert c.matches("") and not c.matches("aa")
    assert c.byte_matcher().accept_bytes(b"a") == 0, "no B ever ends what an A begins"
    c = constrain.lark(f'start: s\ns: A s B | "c" s "d" |\n{terminals}')
    assert c.matches("acda") and c.matches("aacdaa") and not c.matches("aa"), "no A may come after d, so a B can"


def test_dead_ends_that_depend_on_the_stack_are_refused() -> None:
    c = constrain.lark("""
        start: "1" m B | "2" m A | "1" k B | "2" k "!"
        m: "d" "c"
        k: "d" "e"
        A: /a/
        B: /a/
    """)
    with pytest.raises(GrammarError, match="after C no text can be completed in some places"):
        c.matches("1dea")
    with pytest.raises((GrammarError, Unsatisfiable)):
        constrain.lark('start: A s B\ns: A s B |\nA: /a/\nB: /a/').matches("aa")


def test_work_is_bounded_and_plain_grammars_cost_none() -> None:
    names, rules = ("s",), (Rule(2, (0, 2, 1)), Rule(2, ()))
    cfg = Cfg((Terminal("A", ast.literal("a")), Terminal("B", ast.literal("a"))), names, rules, 2, lexing=True)
    lr = tables(cfg)
    lex = lexer(cfg, lr)
    given_there = unread(cfg, lr, lex, reachable_labels(lex, 1))
    assert given_there and without_dead_ends(cfg, lr, {}) is lr
    assert without_dead_ends(cfg, lr, given_there) is not lr
    with pytest.raises(LimitExceeded) as caught:
        without_dead_ends(cfg, lr, given_there, Limits(lr_work=10))
    assert caught.value.keyword == "lr_work"
