"""Masks of context-free rules, compared with the definitions (tests/grammar/naive_cfg.py, naive_lexing.py)."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain import Constraint, GrammarError, LimitExceeded, Unsatisfiable, Vocabulary
from constrain.engine.matcher import Matcher
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.ir import Grammar, Literal, Rules, Seq
from constrain.grammar.lalr import Tables, tables
from constrain.regular import ast, parse_python
from tests.grammar import naive_cfg, naive_lexing, random_cfg

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
Draw = Any


def constraint(cfg: Cfg) -> Constraint:
    grammar = Grammar()
    grammar.start = grammar.add(Rules(cfg))
    return Constraint(grammar)


def words(letters: str, longest: int) -> list[str]:
    return ["".join(w) for n in range(1, longest + 1) for w in product(letters, repeat=n)]


def vocabulary(tokens: list[str]) -> Vocabulary:
    return Vocabulary.from_tokens([*(t.encode() for t in tokens), b""], eos=[len(tokens)])


def allowed(matcher: Matcher, tokens: list[str]) -> tuple[set[str], bool]:
    """The tokens in the mask, and whether the end is. Each is checked against `accept`."""
    mask = np.zeros((len(tokens) + 32) // 32, np.uint32)
    matcher.fill_mask(mask)
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    for i, _ in enumerate(tokens):
        copy = matcher.copy()
        assert copy.accept(i) == bool(bits[i]), (tokens[i], bits[i])
    return {t for i, t in enumerate(tokens) if bits[i]}, bool(bits[len(tokens)])


def walk(matcher: Matcher, tokens: list[str], draw: Draw, steps: int, check: Any) -> None:
    """Check the masks along a random text."""
    text = ""
    for _ in range(steps):
        good, end = allowed(matcher, tokens)
        check(text, good, end)
        if not good:
            return
        token = draw(st.sampled_from(sorted(good)))
        assert matcher.accept(tokens.index(token))
        text += token


@SETTINGS
@given(random_cfg.of_letters(), st.data())
def test_masks_of_random_rules(cfg: Cfg, data: Draw) -> None:
    tokens = words("abc", 2)
    try:
        matcher = constraint(cfg).compile(vocabulary(tokens)).matcher()
    except Unsatisfiable:
        assert not naive_cfg.begins(cfg, "")
        return

    def check(text: str, good: set[str], end: bool) -> None:
        assert good == {t for t in tokens if naive_cfg.begins(cfg, text + t)}
        assert end == naive_cfg.derives(cfg, text)

    try:
        walk(matcher, tokens, data.draw, 4, check)
    except LimitExceeded as error:  # very ambiguous
        assert error.keyword == "live_stacks"


LETTERS = "ab."


def walk_again(matchers: list[Matcher], tokens: list[str], draw: Draw, steps: int) -> None:
    """Check the masks of several texts of one constraint: what was found for one may be used for the next."""
    for matcher in matchers:
        for _ in range(steps):
            good, _ = allowed(matcher, tokens)
            if not good:
                break
            assert matcher.accept(tokens.index(draw(st.sampled_from(sorted(good)))))

small = st.sampled_from(["a", "b", "ab", r"a+", r"[ab]+", r"a(\.a)?", r"\.", r"\.\.", r"b\.?b", r"a|ab|abb", r"b*\."])


@st.composite
def lexing(draw: Draw) -> Cfg:
    """Rules over a few terminals that begin with one another, some ignored."""
    count = draw(st.integers(1, 4))
    made = [
        Terminal(
            f"T{i}",
            parse_python(draw(small)),
            rank=draw(st.integers(0, 2)),
            unless=tuple(u for u in draw(st.sets(st.integers(0, count - 1), max_size=1)) if u != i),
        )
        for i in range(count)
    ]
    names, rules = draw(random_cfg.rules(count, most=3))
    ignore = frozenset[int]()
    if draw(st.booleans()):
        made.append(Terminal("IGNORED", parse_python(draw(st.sampled_from([r"_", r"_+", r"\._"]))), rank=1))
        ignore = frozenset([count])
        rules = tuple(Rule(r.left + 1, tuple(s + (s >= count) for s in r.right)) for r in rules)
    return Cfg(tuple(made), names, rules, len(made), lexing=True, ignore=ignore)


def completion(matcher: Matcher, text: str, letters: str, most: int) -> str | None:
    """A shortest text in the language that begins so, found with the matcher; None: none within so many letters."""
    level = {matcher.state: (matcher, text)}
    for _ in range(most + 1):
        following: dict[int, tuple[Matcher, str]] = {}
        for here, begun in level.values():
            if here.is_accepting:
                return begun
            for c in letters:
                copy = here.copy()
                if copy.accept_bytes(c.encode()) == 1:
                    following.setdefault(copy.state, (copy, begun + c))
        level = following
    return None


def check_lexing(cfg: Cfg, t: Tables, matcher: Matcher, tokens: list[str], draw: Draw, letters: str) -> None:
    def check(text: str, good: set[str], end: bool) -> None:
        assert end == naive_lexing.accepts(cfg, t, text), text
        for token in tokens:
            if token in good:
                copy = matcher.copy()
                assert copy.accept(tokens.index(token))
                whole = completion(copy, text + token, letters, 8)
                assert whole is not None, (text, token)
                assert naive_lexing.accepts(cfg, t, whole), (text, token, whole)
            else:
                assert not naive_lexing.begins(cfg, t, text + token, letters, 2), (text, token)

    walk(matcher, tokens, draw, 3, check)


@SETTINGS
@given(lexing(), st.data())
def test_masks_with_a_random_lexer(cfg: Cfg, data: Draw) -> None:
    letters = LETTERS + "_"
    tokens = words(letters, 2)
    try:
        t = tables(cfg)
    except Unsatisfiable:
        return
    try:
        matcher = constraint(cfg).compile(vocabulary(tokens)).matcher()
    except GrammarError:
        return
    try:
        check_lexing(cfg, t, matcher, tokens, data.draw, letters)
    except LimitExceeded as error:
        assert error.keyword in ("live_stacks", "lookahead")


def blocks(behind: str = "") -> Cfg:
    """Lines of `a`, `a(...)` and `b:` with a block of lines, as in Python. behind: what line ends take after them."""
    a, b, opening, closing, newline, indent, dedent, space = range(8)
    start, line, block, arguments = range(8, 12)
    terminals = (
        Terminal("A", parse_python("a+"), rank=2),
        Terminal("B", parse_python("b:"), rank=3),
        Terminal("OPEN", ast.literal("("), rank=4),
        Terminal("CLOSE", ast.literal(")"), rank=5),
        Terminal("NEWLINE", parse_python(r"(#a*)?\n([ \t]*(#a*)?\n)*" + behind), rank=0),
        Terminal("INDENT"),
        Terminal("DEDENT"),
        Terminal("SPACE", parse_python("[ \t]+"), rank=6),
    )
    rules = (
        Rule(start, ()),
        Rule(start, (start, line)),
        Rule(line, (a, newline)),
        Rule(line, (a, opening, arguments, closing, newline)),
        Rule(line, (b, newline, indent, block, dedent)),
        Rule(block, (line,)),
        Rule(block, (block, line)),
        Rule(arguments, (a,)),
        Rule(arguments, (arguments, a)),
    )
    lines = Indentation(newline, indent, dedent, (opening,), (closing,))
    names = ("start", "line", "block", "arguments")
    return Cfg(terminals, names, rules, start, lexing=True, ignore=frozenset([space]), indentation=lines)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_masks_of_lines_and_blocks(data: Draw) -> None:
    naive = blocks(r"[ \t]*")  # lark's line ends take the spaces before the next line with them
    t = tables(naive)
    tokens = [*"ab:() #\n", "a\n", "b:\n", "\n ", "\n  ", "  ", " a", "  a\n", "\n\n ", "(\n", ")\n", "#\n", "b:\n a\n"]
    matcher = constraint(blocks()).compile(vocabulary(tokens)).matcher()
    text = ""

    def accepts(whole: str) -> bool:
        if whole[:1] == " " and whole.lstrip(" ")[:1] not in ("\n", "#", ""):
            return False  # lark drops spaces before the first line
        head, end, last = whole.rpartition("\n")  # spaces or a comment at the end of the text are no line
        blank = end and re.fullmatch(r"[ \t]*(#a*)?", last)
        return naive_lexing.accepts(naive, t, head + end if blank else whole)

    for _ in range(data.draw(st.integers(1, 7))):
        good, end = allowed(matcher, tokens)
        assert end == accepts(text), text
        for token in tokens:
            if token in good:
                copy = matcher.copy()
                assert copy.accept(tokens.index(token))
                whole = completion(copy, text + token, "a\n )(b:", 9)
                assert whole is not None, (text, token)
                assert accepts(whole), (text, token, whole)
            else:
                for more in ("", "a\n", "\n", " a\n", "  a\n", ")\n", "a)\n", ":\n a\n", "\n  a\n"):
                    assert not accepts(text + token + more), (text, token, more)
        token = data.draw(st.sampled_from(sorted(good)))
        assert matcher.accept(tokens.index(token))
        text += token


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(lexing(), st.data())
def test_many_tokens_and_texts(cfg: Cfg, data: Draw) -> None:
    tokens = words(LETTERS + "_", 4)
    try:
        compiled = constraint(cfg).compile(vocabulary(tokens))
        matchers = [compiled.matcher() for _ in range(3)]
        walk_again(matchers, tokens, data.draw, 4)
    except (GrammarError, Unsatisfiable):
        return
    except LimitExceeded as error:
        assert error.keyword in ("live_stacks", "lookahead")


LINE_TOKENS = ["".join(w) for n in (1, 2, 3) for w in product(["a", "b:", "(", ")", "\n", " ", "  ", "#"], repeat=n)]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_many_tokens_of_lines_and_blocks(data: Draw) -> None:
    tokens = sorted(set(LINE_TOKENS))
    compiled = constraint(blocks()).compile(vocabulary(tokens))
    walk_again([compiled.matcher() for _ in range(3)], tokens, data.draw, 7)


def test_a_stack_like_another_from_the_top_but_not_below() -> None:
    """What a mask depends on is looked for no deeper than needed, and no less: these two differ at the bottom alone."""
    a, b, opening, closing, end = range(5)
    terminals = tuple(Terminal(name, ast.literal(name), rank=i) for i, name in enumerate("ab().".replace(".", ";")))
    start, inner = 5, 6
    rules = (
        Rule(start, (a, inner, a, end)),
        Rule(start, (b, inner, b, end)),
        Rule(inner, (opening, inner, closing)),
        Rule(inner, (opening, closing)),
    )
    cfg = Cfg(terminals, ("start", "inner"), rules, start, lexing=True)
    tokens = ["".join(w) for n in range(1, 5) for w in product("ab();", repeat=n)]
    compiled = constraint(cfg).compile(vocabulary(tokens))
    for first in "abba":
        matcher = compiled.matcher()
        for token in (first, "((", "))", first):
            good, _ = allowed(matcher, tokens)
            assert matcher.accept(tokens.index(token))
        assert first + ";" in good and "ab".replace(first, "") + ";" not in good


def before(cfg: Cfg, text: str) -> Constraint:
    """Texts of the rules, then a text. Any split counts."""
    grammar = Grammar()
    grammar.start = grammar.add(Seq((grammar.add(Rules(cfg)), grammar.add(Literal(text.encode())))))
    return Constraint(grammar)


@SETTINGS
@given(lexing(), st.sampled_from(["a", "b", ".", "ab", "a.", "_"]), st.data())
def test_text_after_a_random_lexer(cfg: Cfg, behind: str, data: Draw) -> None:
    letters = LETTERS + "_"
    tokens = words(letters, 2)
    try:
        t = tables(cfg)
        compiled = before(cfg, behind).compile(vocabulary(tokens))
        for text in words(letters, 4):
            matcher = compiled.matcher()
            taken = matcher.accept_bytes(text.encode()) == len(text) and matcher.is_accepting
            split = text[: len(text) - len(behind)] if text.endswith(behind) else None
            assert taken == (split is not None and naive_lexing.accepts(cfg, t, split)), text
        walk_again([compiled.matcher() for _ in range(2)], tokens, data.draw, 3)
    except (GrammarError, Unsatisfiable):
        return
    except LimitExceeded as error:
        assert error.keyword in ("live_stacks", "lookahead")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(["a", "b:", "(", ")", "\n", "\n", " ", "  ", "#", "#a"]), max_size=9),
    st.sampled_from(["\n)", ")", "#", " ", "a"]),
)
def test_text_after_lines_and_blocks(pieces: list[str], behind: str) -> None:
    tokens = sorted(set(LINE_TOKENS))
    text = "".join(pieces) + behind
    alone = constraint(blocks()).compile(vocabulary(tokens)).matcher()
    taken = alone.accept_bytes(text[: len(text) - len(behind)].encode()) == len(text) - len(behind)
    wanted = taken and alone.is_accepting
    matcher = before(blocks(), behind).compile(vocabulary(tokens)).matcher()
    assert (matcher.accept_bytes(text.encode()) == len(text) and matcher.is_accepting) == wanted
    matcher = before(blocks(), behind).compile(vocabulary(tokens)).matcher()
    for piece in pieces[:4]:
        allowed(matcher, tokens)
        if not matcher.accept(tokens.index(piece)) if piece in tokens else True:
            break
