"""Special tokens in rules: masks, steps and errors, against twins in which each of them is a character of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain import Constraint, GrammarError, LimitExceeded, Unsatisfiable, UnsupportedFeature, Vocabulary
from constrain.decoding.closing import Closing
from constrain.engine.matcher import Matcher
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.ir import Grammar, Literal, Rules, Seq, Token
from constrain.grammar.lalr import Tables, tables
from constrain.regular import ast, parse_python
from tests.engine import test_rules
from tests.grammar import naive_cfg, naive_lexing, random_cfg

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
Draw = Any

NAMES = {"①": "<|one|>", "②": "<|two|>", "③": "<|end|>"}  # the last one ends a text, too
END = "③"
NODE = "!"  # a text beside the lexer


class Tokens:
    """A vocabulary of all words of some letters, of special tokens (characters in circles), and of bytes of no text."""

    def __init__(self, letters: Iterable[str], longest: int) -> None:
        self.words = sorted({"".join(w) for n in range(1, longest + 1) for w in product(letters, repeat=n)})
        self.texts = [*NAMES, *self.words]
        first = len(NAMES)
        foreign = [b"\xff", b"\xff\0\0\0", b"\xff\0\0\1", b"\xfe", self.words[0].encode() + b"\xff"]
        listed = [b""] * first + [w.encode() for w in self.words] + foreign
        names = {name: i for i, name in enumerate(NAMES.values())}
        self.vocabulary = Vocabulary.from_tokens(listed, eos=[first - 1], special=range(first), names=names)

    def allowed(self, matcher: Matcher) -> set[str]:
        """The tokens in the mask. Each is checked against `accept`."""
        mask = np.full(self.vocabulary.words, 0xFFFFFFFF, np.uint32)
        matcher.fill_mask(mask)
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
        for i in range(len(bits)):
            copy = matcher.copy()
            assert copy.accept(i) == bool(bits[i]), (i, self.texts[i : i + 1], bits[i])
        assert not bits[len(self.texts) :].any()
        return {t for i, t in enumerate(self.texts) if bits[i]}

    def accept(self, matcher: Matcher, token: str) -> bool:
        return matcher.accept(self.texts.index(token))


def with_tokens(cfg: Cfg, behind: str = "") -> Constraint:
    """The constraint of rules in which terminals of one circled character stand for special tokens."""
    grammar = Grammar()
    terminals = list(cfg.terminals)
    for i, t in enumerate(terminals):
        if t.name in NAMES:
            terminals[i] = Terminal(t.name, None, grammar.add_token(Token(NAMES[t.name])), special=True)
        elif t.name == NODE:
            terminals[i] = Terminal(t.name, None, grammar.add(Literal(NODE.encode())))
    rules = grammar.add(Rules(cfg._replace(terminals=tuple(terminals))))
    grammar.start = rules if not behind else grammar.add(Seq((rules, grammar.add(Literal(behind.encode())))))
    return Constraint(grammar)


def circled(character: str) -> Terminal:
    return Terminal(character, ast.literal(character), rank=-1)


@st.composite
def scannerless(draw: Draw) -> Cfg:
    terminals = [Terminal(c, ast.literal(c)) for c in "ab"] + [circled(c) for c in NAMES]
    names, rules = draw(random_cfg.rules(len(terminals)))
    return Cfg(tuple(terminals), names, rules, len(terminals))




@SETTINGS
@given(scannerless(), st.data())
def test_masks_of_random_rules(cfg: Cfg, data: Draw) -> None:
    tokens = Tokens("ab", 2)
    try:
        matcher = with_tokens(cfg).compile(tokens.vocabulary).matcher()
    except Unsatisfiable:
        assert not naive_cfg.begins(cfg, "")
        return
    text = ""
    try:
        for _ in range(5):
            good = tokens.allowed(matcher)
            complete = naive_cfg.derives(cfg, text)
            expected = {t for t in tokens.texts if naive_cfg.begins(cfg, text + t)}
            assert good == expected | ({END} if complete else set()), text
            assert matcher.is_accepting == complete
            if not good:
                return
            token = data.draw(st.sampled_from(sorted(good)))
            before = matcher.state
            assert tokens.accept(matcher, token)
            if token == END and (token not in expected or naive_cfg.derives(cfg, text + token)):
                assert matcher.is_finished and tokens.allowed(matcher) == {END}
                matcher.rollback(1)
                assert matcher.state == before and tokens.allowed(matcher) == good
                return
            assert not matcher.is_finished
            text += token
    except LimitExceeded as error:  # very ambiguous
        assert error.keyword == "live_stacks"


small = st.sampled_from(["a", "b", "ab", r"a+", r"[ab]+", r"a(\.a)?", r"\.", r"\.\.", r"b\.?b", r"a|ab|abb", r"b*\."])
LETTERS = "ab._!"


@st.composite
def lexing(draw: Draw) -> Cfg:
    """Rules over a few terminals that begin with one another, some ignored, and two special tokens."""
    count = draw(st.integers(1, 3))
    made = [Terminal(f"T{i}", parse_python(draw(small)), rank=draw(st.integers(0, 2))) for i in range(count)]
    made += [circled("①"), circled("②"), *([circled(NODE)] if draw(st.booleans()) else [])]
    names, rules = draw(random_cfg.rules(len(made), most=3))
    ignore = frozenset[int]()
    if draw(st.booleans()):
        n = len(made)
        made.append(Terminal("IGNORED", parse_python(draw(st.sampled_from([r"_", r"_+", r"\._"]))), rank=1))
        ignore = frozenset([n])
        rules = tuple(Rule(r.left + 1, tuple(s + (s >= n) for s in r.right)) for r in rules)
    return Cfg(tuple(made), names, rules, len(made), lexing=True, ignore=ignore)


def with_characters(cfg: Cfg, behind: str) -> Constraint:
    """The constraint of rules in which circled characters are text, read by the lexer."""
    grammar = Grammar()
    rules = grammar.add(Rules(cfg))
    grammar.start = rules if not behind else grammar.add(Seq((rules, grammar.add(Literal(behind.encode())))))
    return Constraint(grammar)


@SETTINGS
@given(lexing(), st.sampled_from(["", "", "a", "."]), st.data())
def test_masks_with_a_random_lexer(cfg: Cfg, behind: str, data: Draw) -> None:
    """The engine reads a special token as it reads a character that only one terminal has."""
    tokens = Tokens(LETTERS, 2)
    try:
        t = tables(cfg)
        compare(cfg, behind, tokens, data.draw, 5, lambda text, end: bool(behind) or end == lexed(cfg, t, text))
    except (GrammarError, Unsatisfiable):
        return


def lexed(cfg: Cfg, t: Tables, text: str) -> bool:
    """Is the text in the language, by the definition?"""
    return naive_lexing.accepts(cfg, t, text)


def compare(cfg: Cfg, behind: str, tokens: Tokens, draw: Draw, steps: int, check: Callable[[str, bool], bool]) -> None:
    """Masks along a random text: with special tokens, and with characters in their places."""
    characters = Vocabulary.from_tokens([*(t.encode() for t in tokens.texts), b""], eos=[len(tokens.texts)])
    other = with_characters(cfg, behind).compile(characters).matcher()
    matcher = with_tokens(cfg, behind).compile(tokens.vocabulary).matcher()
    text = ""
    try:
        for _ in range(steps):
            mask = np.zeros(characters.words, np.uint32)
            other.fill_mask(mask)
            bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
            expected = {token for i, token in enumerate([*tokens.texts, END]) if bits[i]}
            good = tokens.allowed(matcher)
            assert good == expected, text
            assert check(text, END in good), text
            if not good - {END}:
                return
            token = draw(st.sampled_from(sorted(good - {END})))
            assert tokens.accept(matcher, token) and tokens.accept(other, token)
            text += token
    except LimitExceeded as error:
        beside = any(t.name == NODE for t in cfg.terminals)  # such a text has no watch
        assert error.keyword == "live_stacks" or (error.keyword == "lookahead" and (beside or is_ahead(other, tokens)))


@st.composite
def blocks(draw: Draw) -> Cfg:
    """Lines and blocks of tests/engine/test_rules.py with special tokens in some places."""
    given = test_rules.blocks()
    n = len(given.terminals)
    terminals = (*given.terminals, circled("①"), circled("②"))
    rules = []
    for rule in given.rules:
        right = [s + 2 * (s >= n) for s in rule.right]
        for _ in range(draw(st.integers(0, 1))):
            right.insert(draw(st.integers(0, len(right))), n + draw(st.integers(0, 1)))
        rules.append(Rule(rule.left + 2, tuple(right)))
    return given._replace(terminals=terminals, rules=tuple(rules), start=given.start + 2)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks(), st.data())
def test_masks_of_lines_and_blocks(cfg: Cfg, data: Draw) -> None:
    tokens = Tokens(["a", "b:", "(", ")", "\n", " ", "#"], 3)
    try:
        compare(cfg, "", tokens, data.draw, 8, lambda text, end: True)
    except (GrammarError, Unsatisfiable):
        return


def is_ahead(matcher: Matcher, tokens: Tokens) -> bool:
    """Do the twin's steps need to look too far ahead as well?"""
    try:
        matcher.fill_mask(np.zeros(matcher.vocabulary.words, np.uint32))
        for token in tokens.texts:
            tokens.accept(matcher.copy(), token)
    except LimitExceeded as error:
        return error.keyword == "lookahead"
    return False


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(lexing(), st.sampled_from(["", "a", "."]), st.data())
def test_many_tokens_and_texts(cfg: Cfg, behind: str, data: Draw) -> None:
    """Masks equal what `accept` takes, with entries in the store and remembered masks."""
    tokens = Tokens(LETTERS, 4)
    try:
        compiled = with_tokens(cfg, behind).compile(tokens.vocabulary)
        for matcher in [compiled.matcher() for _ in range(3)]:
            for _ in range(4):
                good = tokens.allowed(matcher) - {END}
                if not good:
                    break
                assert tokens.accept(matcher, data.draw(st.sampled_from(sorted(good))))
    except (GrammarError, Unsatisfiable):
        return
    except LimitExceeded as error:
        assert error.keyword in ("live_stacks", "lookahead")


V = Vocabulary.from_tokens(
    [*(bytes([b]) for b in range(256)), b"", b"", b"", b"", b"ab", b" a", b"<think>", b"a\xff", b"\xff\0\1\1"],
    eos=[256],
    special=[257, 258, 259],
    names={"<|eot|>": 256, "<|call|>": 257, "<|done|>": 258},
    size=300,
)
EOT, CALL, DONE, NAMELESS, AB, SPACE_A, THINK = range(256, 263)


def ids(matcher: Matcher) -> set[int]:
    mask = np.full(V.words, 0xFFFFFFFF, np.uint32)
    matcher.fill_mask(mask)
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


def started(c: Constraint, *taken: int) -> Matcher:
    matcher = c.compile(V).matcher()
    for token in taken:
        assert matcher.accept(token), token
    return matcher


NAME = 'start: NAME <|call|> NAME? <|done|>\nNAME: /[a-z]+/\n%ignore " "\n'


def test_a_special_token_ends_a_terminal_that_could_go_on() -> None:
    c = constrain.lark(NAME)
    letters = {*range(97, 123), AB}
    assert ids(started(c)) == letters | {32, SPACE_A}
    assert ids(started(c, AB)) == letters | {32, CALL}
    assert ids(started(c, AB, 32)) == {32, CALL}
    assert ids(started(c, AB, 32, CALL)) == letters | {32, SPACE_A, DONE}
    assert ids(started(c, AB, 32, CALL, SPACE_A)) == letters | {32, DONE}
    assert ids(started(c, AB, CALL, DONE)) == {32, EOT}
    assert not started(c, AB).accept(DONE) and not started(c).accept(CALL)


def test_look_aheads_end_at_a_special_token() -> None:
    c = constrain.lark('start: (IN | NAME | <|call|>)*\nIN: /in(?!\\w)/\nNAME: /[a-z]/')
    assert CALL in ids(started(c, *b"in")) and started(c, *b"in", CALL).is_accepting
    must = constrain.lark('start: A B? <|call|>\nA: /a(?!b)/\nB: "b"')
    assert CALL in ids(started(must, *b"a")) and ord("b") not in ids(started(must, *b"a"))


def test_numbers_and_texts_that_are_special_here() -> None:
    c = constrain.gbnf('root ::= <think> [a-z<>]* (<[259]> | <[260]> | <[299]>) "<think>"?')
    assert ids(started(c)) == {THINK}
    inside = started(c, THINK)
    assert ids(inside) == {*range(97, 123), 60, 62, NAMELESS, AB, 299}
    assert c.compile(V).vocabulary.token_bytes(AB) == b"" and V.token_bytes(AB) == b"ab"
    for last in (NAMELESS, AB, 299):
        end = started(c, THINK, *b"ab<think>", last)
        assert ids(end) == {EOT, 60}, "the text in quotes is written without the token that the grammar names"
        assert end.is_accepting and end.forced_tokens() == []
    assert inside.forced_bytes() == b"" and started(c).forced_bytes() == b"" and started(c).forced_tokens() == [THINK]
    assert c.compile(V) is c.compile(V)
    again = constrain.gbnf("root ::= <think> <[260]> <[299]> <[259]>").compile(V)
    assert again.vocabulary is c.compile(V).vocabulary


def test_lists_of_numbers() -> None:
    c = constrain.lark("start: <[257-258,262]>+")
    assert ids(started(c)) == {CALL, DONE, THINK} and ids(started(c, DONE)) == {CALL, DONE, THINK, EOT}


def test_any_token_but() -> None:
    text = {*range(128), *range(0xC2, 0xF5), AB, SPACE_A, THINK}
    for repeated, least in (("!<|call|>*", 0), ("(!<|call|>)+", 1), ("!<|call|>{0,}", 0), ("( !<|call|> ){1,}", 1)):
        c = constrain.gbnf(f'root ::= "a" {repeated} <|call|> "b"')
        begun = started(c, 97)
        assert ids(begun) == text | {DONE} | ({CALL} if not least else set())
        for token in (DONE, DONE, 98, THINK, AB, DONE, ord("!")):
            assert begun.accept(token) and ids(begun) == text | {DONE, CALL}
        assert begun.accept(0xC3) and ids(begun) == set(range(0x80, 0xC0)) and begun.accept(0xA9)
        assert begun.accept(CALL) and begun.forced_tokens() == [98]
        assert c.matches("a <|call|>b") and c.matches("a<|call|>b") == (not least) and not c.matches("a<|call|> b")
    thought = started(constrain.gbnf("root ::= <think> !<think>* <think>"), THINK)
    assert ids(thought) == text | {CALL, DONE}, "a token that is text is left out, too; its text may come"
    assert thought.accept_bytes(b"<think>") == 7 and thought.accept(THINK) and thought.is_accepting
    few = Vocabulary.from_tokens([b"a", b"", b""], eos=[1], names={"<x>": 2})
    alone = constrain.gbnf("root ::= !<x>+").compile(few).matcher()
    assert alone.accept(0) and not alone.accept(2) and alone.accept(1)
    closing = Closing(started(constrain.gbnf("root ::= !<|call|>* <|call|>")), 3)
    closing.fill_mask(np.zeros(V.words, np.uint32))
    assert closing.accept(DONE) and closing.accept(97)
    mask = np.zeros(V.words, np.uint32)
    closing.fill_mask(mask)
    assert np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist() == [CALL]


def test_what_a_vocabulary_lacks_is_refused_with_its_place() -> None:
    for text, line, column, hint in [
        ('start: "a"\n  | <|cell|>', 2, 5, "<|call|>"),
        ("start: <[7]> <[300]>", 1, 14, None),
        ("start: <x>", 1, 8, "<|call|>, <|done|>, <|eot|>"),
    ]:
        c = constrain.lark(text)
        with pytest.raises(UnsupportedFeature) as caught:
            c.compile(V)
        error = caught.value
        assert (error.keyword, error.line, error.column) == ("token", line, column)
        assert hint is None or hint in (error.hint or ""), error
    with pytest.raises(UnsupportedFeature, match="no special tokens"):
        constrain.token("<|x|>").compile(Vocabulary.from_tokens([b"a", b""], eos=[1]))
    for text in ("start: <[^7]>", "start: <[*]>"):
        with pytest.raises(UnsupportedFeature) as caught:
            constrain.lark(text)
        assert (caught.value.keyword, caught.value.line, caught.value.column) == ("token", 1, 8)
    assert constrain.gbnf('root ::= "a"\nother ::= <nowhere>').compile(V), "no text needs it"


def test_ends_that_a_rule_names() -> None:
    turns = constrain.lark('start: turn+\nturn: "a" <|eot|> "b"?')
    assert ids(started(turns, 97)) == {EOT}
    last = started(turns, 97, EOT)
    assert last.is_finished and ids(last) == {EOT} and last.accept(EOT)
    last.rollback(2)
    assert ids(last) == {EOT} and not last.is_accepting and not last.is_finished
    middle = started(constrain.lark('start: "a" (<|eot|> "b")?'), 97)
    assert middle.is_accepting and ids(middle) == {EOT}
    assert middle.accept(EOT) and not middle.is_finished and ids(middle) == {98}
    assert started(constrain.lark('start: "a"'), 97, EOT).is_finished


def test_bytes_are_never_a_special_token() -> None:
    c = constrain.lark(NAME)
    spelled = b"\xff" + CALL.to_bytes(3, "big")
    matcher = started(c)
    assert matcher.accept_bytes(b"ab" + spelled) == 2 and matcher.tokens == []
    assert matcher.accept_bytes(b"ab") == 2 and matcher.accept_bytes(spelled) == 0
    assert matcher.accept_bytes(b"a!\xff") == 1
    assert not matcher.accept(255) and not matcher.accept(264) and matcher.accept(CALL)
    assert not c.matches(b"ab" + spelled + b"\xff" + DONE.to_bytes(3, "big"))
    assert not constrain.regex(r"[\s\S]*").matches(b"a\xff") and not started(constrain.regex(".?")).accept(255)


def test_texts_hold_special_tokens_by_their_names() -> None:
    c = constrain.lark(NAME)
    assert c.matches("ab<|call|> x <|done|> ") and c.parse("a<|call|><|done|>") == "a<|call|><|done|>"
    assert not c.matches("ab<|call|>") and not c.matches("ab<|call|><|call|>")
    wrong = c.explain("ab<|done|>")
    assert wrong is not None and wrong.byte == 2 and wrong.found == "the special token <|done|>"
    assert "the special token <|call|>" in wrong.expected
    inner = c.explain("a<|call|>x <|done|>y")
    assert inner is not None and (inner.byte, inner.expected) == (19, "whitespace or the end of the text")
    assert "<|call|>" in str(constrain.lark("start: <|call|> | <|done|>").explain("x"))
    card = constrain.template("{a}: {b}!", a=constrain.token("<|call|>") + constrain.regex("[a-z]*"), b=c)
    assert card.parse("<|call|>x: a<|call|><|done|>!") == {"a": "<|call|>x", "b": "a<|call|><|done|>"}
    with pytest.raises(UnsupportedFeature, match="has no name"):
        constrain.token(257).matches("")
    assert constrain.lark("start: <|a|> | <|a|><|b|> | <|a|b|>").matches("<|a|b|>")


def test_joins_repeats_copies_and_schemas() -> None:
    call = constrain.token("<|call|>") + constrain.json({"enum": ["ab", 1]}) + constrain.token(DONE)
    c = constrain.regex("[a-z]*") + call.repeat(1, 2)
    matcher = started(c, AB)
    assert CALL in ids(matcher) and DONE not in ids(matcher)
    assert matcher.accept(CALL)
    copy = matcher.copy()
    assert ids(matcher) == {34, 49} == ids(copy)
    assert matcher.accept_bytes(b'"ab"') == 4 and matcher.forced_tokens() == [DONE] and matcher.forced_bytes() == b""
    assert matcher.accept(DONE) and ids(matcher) == {CALL, EOT}
    assert copy.accept(49) and DONE in ids(copy) and not copy.accept(CALL)
    matcher.rollback(3)
    assert ids(matcher) == ids(started(c, AB)) and (constrain.token(DONE) | "x").compile(V)


def test_texts_are_closed_with_special_tokens() -> None:
    c = constrain.lark(NAME)
    for budget in range(4):
        with pytest.raises(LimitExceeded):
            closing = Closing(started(c), budget if budget < 3 else 2)
            closing.fill_mask(np.zeros(V.words, np.uint32))
    for budget in range(3, 7):
        closing = Closing(started(c), budget)
        for _ in range(budget):
            mask = np.zeros(V.words, np.uint32)
            closing.fill_mask(mask)
            good = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
            assert closing.exact
            if closing.is_accepting:
                break
            assert closing.accept(int(good[0]))
        assert closing.is_accepting


def test_special_tokens_in_blocks() -> None:
    c = constrain.lark("""
        start: (line | block)+
        line: NAME <|call|>? _NEWLINE
        block: NAME ":" _NEWLINE _INDENT start _DEDENT <|done|>?
        NAME: /[a-z]+/
        _NEWLINE: (/\\r?\\n[\\t ]*/ | /#[a-z]*/)+
        %declare _INDENT _DEDENT
    """)
    assert c.matches("a<|call|>\nb:\n  c<|call|>\n  d\n<|done|>e\n") and c.matches("a:\n b\n<|done|>")
    assert not c.matches("a:\n b\n <|done|>") and not c.matches("a\n<|done|>") and not c.matches("a<|done|>\n")
    begun = started(c, *b"a:\n b\n")
    assert DONE in ids(begun) and CALL not in ids(begun) and started(c, *b"a:\n b\n", DONE).is_accepting
