"""Contexts share a start of the lexer only where they find the same tokens."""

from __future__ import annotations

from itertools import product

from hypothesis import HealthCheck, given, settings

from constrain.engine.rules_lexer import followed, reachable_labels
from constrain.engine.rules_record import set_words
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.lalr import tables
from constrain.grammar.lexer_starts import shared_starts
from constrain.grammar.lexing import Lexer, lexer
from constrain.regular import ast, parse_python
from tests.grammar.test_lexing import LETTERS, lexers, tokens


def shared(cfg: Cfg) -> tuple[Lexer, list[frozenset[int]], list[int]]:
    t = tables(cfg)
    made = lexer(cfg, t)
    contexts = [cfg.ignore.union(c) for c in t.contexts]
    reach = reachable_labels(made, set_words(len(cfg.terminals)))
    return made, contexts, shared_starts(made, contexts, followed(made).start, reach).tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(lexers())
def test_same_tokens(cfg: Cfg) -> None:
    made, contexts, starts = shared(cfg)
    for c, (own, other) in enumerate(zip(made.start.tolist(), starts, strict=True)):
        if own == other:
            continue
        for length in range(1, 5):
            for text in map("".join, product(LETTERS, repeat=length)):
                found = [token for token in tokens(made, other, text) if token[0] in contexts[c]]
                assert found == tokens(made, own, text), (c, text)


def test_terminals_that_begin_otherwise_are_shared() -> None:
    name = parse_python("[ab]+")
    cfg = Cfg(
        (Terminal("NAME", name), Terminal("KEY", ast.literal("cc")), Terminal("DOT", ast.literal("."))),
        ("s",),
        (Rule(3, (0, 2, 0)), Rule(3, (1, 0))),
        3,
        lexing=True,
    )
    made, contexts, starts = shared(cfg)
    names, both = contexts.index(frozenset({0})), contexts.index(frozenset({0, 1}))
    assert made.start[names] != made.start[both] and starts[names] == starts[both]
