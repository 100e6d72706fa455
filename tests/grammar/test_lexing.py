"""The lexer's automaton: on every path the token that the definition says, and lark's own."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.lalr import Tables, tables
from constrain.grammar.lexing import Lexer, lexer
from constrain.limits import Limits
from constrain.regular import ast, compile, parse_python
from constrain.regular.ast import Regex
from tests.grammar import naive_cfg, naive_lexing

SETTINGS = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
LETTERS = "abc"

letters = st.sampled_from(LETTERS).map(ast.literal) | st.sampled_from([ast.char_set("ab"), ast.char_set("bc"), ast.ANY])
regexes = st.recursive(
    letters,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: ast.concat(*p)),
        st.tuples(inner, inner).map(lambda p: ast.union(*p)),
        inner.map(lambda r: ast.repeat(r, 1)),
        inner.map(lambda r: ast.repeat(r, 0)),
        inner.map(lambda r: ast.repeat(r, 0, 1)),
    ),
    max_leaves=5,
)
Draw = Any


@st.composite
def lexers(draw: Draw, look_ahead: bool = False) -> Cfg:
    """Terminals in random contexts: the start is one of the contexts, of which each has a letter before it."""
    count = draw(st.integers(1, 4))
    made = []
    for i in range(count):
        made.append(
            Terminal(
                f"T{i}",
                draw(regexes),
                rank=draw(st.integers(0, 2)),
                unless=tuple(u for u in draw(st.lists(st.integers(0, count - 1), max_size=2, unique=True)) if u != i),
                not_before=draw(st.none() | regexes) if look_ahead else None,
            )
        )
    subsets = draw(st.lists(st.sets(st.integers(0, count - 1), min_size=1), min_size=1, max_size=3))
    rules = []
    n = count + len(subsets)
    follow = draw(st.sets(st.integers(0, n - 1)))
    for i, subset in enumerate(subsets):
        made.append(Terminal(f"P{i}", ast.literal(chr(0x41 + i))))
        rules += [Rule(n, (count + i, t, *rest)) for t in sorted(subset) for rest in ((), (n + 1,))]
    rules += [Rule(n + 1, (t, *rest)) for t in sorted(follow) for rest in ((), (n + 1,))]
    return Cfg(tuple(made), ("s", "rest"), tuple(rules), n, lexing=True)


def column(made: Lexer, character: str) -> int:
    return int(made.classes[np.searchsorted(made.bounds, ord(character), side="right") - 1])


def step(made: Lexer, state: int, character: str) -> int:
    return int(made.table[state, column(made, character)]) if state >= 0 else -1


def tokens(made: Lexer, start: int, text: str) -> list[tuple[int, int]]:
    """The tokens that the automaton finds at the begin of a text which ends where this one does."""
    out = []
    state = start
    for end in range(1, len(text) + 1):
        state = step(made, state, text[end - 1])
        if state < 0:
            break
        if made.label[state] >= 0:
            watch = int(made.watch[state])
            wrong = False
            for c in text[end:]:
                watch = step(made, watch, c)
                if watch < 0:
                    break
                if made.kill[watch]:
                    wrong = True
                    break
            if not wrong and (watch < 0 or not made.kill_end[watch]):
                out.append((int(made.label[state]), end))
    return out


def sound(made: Lexer) -> None:
    """Shapes, and every state can reach a label."""
    n = len(made.label)
    assert made.table.shape == (n, made.classes.max() + 1) and made.bounds[0] == 0
    assert made.table.max(initial=-1) < n and made.watch.max() < n and made.start.max() < n
    live = set(((made.label >= 0) | (made.kill > 0) | (made.kill_end > 0)).nonzero()[0].tolist())
    while True:
        more = {s for s in range(n) if set(made.table[s].tolist()) & live} - live
        if not more:
            break
        live |= more
    assert len(live) == n


def may_follow(cfg: Cfg, t: Tables, found: tuple[int, int], text: str) -> bool:
    """Is the text at its end after a token, or inside of a terminal that follows it by the rules, or past one?"""
    terminal, end = found
    if end == len(text):
        return True
    states = {a - 1 for q in range(t.n_states) for a in t.actions_of(q, terminal) if a > 0}
    following = {*cfg.ignore, *(u for q in states for u in t.contexts[t.context[q]])}
    languages = naive_cfg.terminal_languages(cfg)
    return any(
        naive_cfg.alive(naive_cfg.after(languages[u], text[end:]))
        or any(naive_lexing.holds(cfg, u, text[end:stop]) for stop in range(end + 1, len(text)))
        for u in following
    )


def agree(cfg: Cfg, longest: int) -> None:
    """Compare the tokens of all texts of some letters."""
    t = tables(cfg)
    made = lexer(cfg, t, waiting=True)
    sound(made)
    for state in range(t.n_states):
        if not t.shifted[state]:
            continue
        start = int(made.start[t.context[state]])
        context = t.contexts[t.context[state]]
        for length in range(1, longest + 1):
            for text in map("".join, product(LETTERS, repeat=length)):
                expected = naive_lexing.token(cfg, context, text, 0)
                # what follows a token is told apart only as far as something can follow it
                found = [f for f in tokens(made, start, text) if may_follow(cfg, t, f, text)]
                assert found == ([expected] if expected and may_follow(cfg, t, expected, text) else []), (context, text)


@SETTINGS
@given(lexers())
def test_tokens_of_random_terminals(cfg: Cfg) -> None:
    agree(cfg, 4)


@SETTINGS
@given(lexers(look_ahead=True))
def test_tokens_of_terminals_with_look_ahead(cfg: Cfg) -> None:
    try:
        agree(cfg, 4)
    except UnsupportedFeature as refused:
        assert "depends on what follows" in refused.reason


def small(*terminals: Terminal, ignore: frozenset[int] = frozenset()) -> tuple[Cfg, Tables]:
    """A grammar of any tokens."""
    n = len(terminals)
    rules = [Rule(n, (t, *rest)) for t in range(n) for rest in ((), (n,))]
    cfg = Cfg(terminals, ("s",), tuple(rules), n, lexing=True, ignore=ignore)
    return cfg, tables(cfg)


def word(letter_set: str) -> Regex:
    return ast.repeat(ast.char_set(letter_set), 1)


def test_contexts_share_states() -> None:
    """The rest of a word is the same state wherever the word stands."""
    cfg = Cfg(
        (Terminal("A", word("ab")), Terminal("B", ast.literal("c")), Terminal("C", ast.literal("d"))), ("s",),
        (Rule(3, (0, 1, 0)), Rule(3, (2, 0))), 3, lexing=True,
    )  # fmt: skip
    made = lexer(cfg, tables(cfg))
    assert len(set(made.start.tolist())) == 4  # A or C; B; A; nothing
    after = {step(made, int(s), "a") for s in set(made.start.tolist())} - {-1}
    assert len(after) == 1


def test_terminals_outside_the_lexer() -> None:
    lines = parse_python(r"\n([ \t]*(#[^\n]*)?\n)*")
    cfg, t = small(Terminal("A", word("ab")), Terminal("N", node=7), Terminal("I"), Terminal("L", lines))
    cfg = cfg._replace(indentation=Indentation(3, 2, 2))
    made = lexer(cfg, t)
    assert set(made.label.tolist()) == {-1, 0, 3, 4}
    state = step(made, made.blank, "#")
    assert made.label[step(made, state, "\n")] == 4 and step(made, made.blank, " ") < 0
    cfg, t = small(Terminal("N", node=7))
    made = lexer(cfg, t)
    assert made.start.tolist() == [-1] * len(t.contexts) and made.table.shape[0] == 0


def test_an_ignored_terminal_that_takes_texts_from_others() -> None:
    terminals = Terminal("A", word("ab"), unless=(1,)), Terminal("B", ast.literal("a"), rank=1)
    cfg, t = small(*terminals, ignore=frozenset({1}))
    with pytest.raises(UnsupportedFeature) as caught:
        lexer(cfg, t)
    assert caught.value.keyword == "B"
    cfg = Cfg(terminals, (), (), 0, lexing=True, ignore=frozenset({1}))
    made = lexer(cfg, tables(cfg))
    (start, _) = made.start.tolist()
    assert tokens(made, start, "a") == [] and tokens(made, start, "aa") == [(0, 2)]  # no rule takes "a"


def test_limits() -> None:
    last = ast.concat(ast.repeat(ast.char_set("ab")), ast.literal("a"), ast.repeat(ast.char_set("ab"), 9, 9))
    cfg, t = small(Terminal("LAST", last), Terminal("OTHER", word("ab")))
    with pytest.raises(LimitExceeded) as caught:
        lexer(cfg, t, Limits(lexer_states=100))
    assert caught.value.keyword == "lexer_states" and "LAST" in caught.value.reason
    compile(last)  # the terminals' own automata are made, so what follows is the lexer's
    with pytest.raises(LimitExceeded) as caught:
        lexer(cfg, t, Limits(dfa_work=2000))
    assert caught.value.keyword == "dfa_work" and "lexer" in caught.value.reason


def test_look_ahead() -> None:
    """A keyword ends where no word goes on; a number does not end before two dots."""
    digits = ast.repeat(ast.char_set("01"), 1)
    float_ = ast.concat(digits, ast.literal("."), ast.repeat(ast.char_set("01")))
    cfg, t = small(
        Terminal("IF", ast.literal("ab"), not_before=ast.char_set("abc")),
        Terminal("NAME", word("abc"), rank=1),
        Terminal("FLOAT", float_, rank=2, not_before=ast.char_set(".")),
        Terminal("INT", digits, rank=2),
        Terminal("DOTS", ast.literal("..")),
    )
    with pytest.raises(UnsupportedFeature) as caught:
        lexer(cfg, t)
    assert caught.value.keyword == "FLOAT"
    made = lexer(cfg, t, waiting=True)
    start = int(made.start[t.context[0]])
    for text, expected in [
        ("ab", (0, 2)), ("ab.", (0, 2)), ("abc", (1, 3)), ("aba", (1, 3)), ("a", (1, 1)), ("1", (3, 1)),
        ("1.", (2, 2)), ("1.0", (2, 3)), ("1..0", (3, 1)), ("10.0.", (2, 3)), ("10..", (3, 2)),
    ]:  # fmt: skip
        assert [f for f in tokens(made, start, text) if may_follow(cfg, t, f, text)] == [expected]
        assert naive_lexing.token(cfg, t.contexts[t.context[0]], text, 0) == expected
    assert made.kill_end.any()  # "1.": no INT, unless another dot comes


def test_what_ends_must_be_known() -> None:
    """Whether A or B has ended shows only two characters later."""
    cfg, t = small(
        Terminal("A", ast.literal("ab"), not_before=ast.literal("cc")), Terminal("B", word("ab"), rank=1),
        Terminal("C", ast.literal("c")),
    )  # fmt: skip
    with pytest.raises(UnsupportedFeature) as caught:
        lexer(cfg, t)
    assert caught.value.keyword == "A" and "A and B" in caught.value.reason
    never = small(Terminal("A", word("ab"), not_before=ast.repeat(ast.ANY)), Terminal("B", word("a"), rank=1))
    made = lexer(*never)
    assert set(made.label.tolist()) == {-1, 1}
