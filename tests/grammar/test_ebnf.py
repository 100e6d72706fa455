"""EBNF as XGrammar reads it: elements, what is refused, errors with places."""

from __future__ import annotations

import re
from itertools import product

import pytest

from constrain.errors import GrammarError, UnsupportedFeature
from constrain.frontends import ebnf
from constrain.grammar.ebnf import ebnf_rules
from constrain.grammar.ir import Grammar
from constrain.grammar.regular_parts import finished
from tests.grammar import naive_cfg


def accepts(text: str, texts: list[str]) -> list[bool]:
    cfg = ebnf_rules(text, "root", Grammar())
    made = finished(cfg)
    plain = [naive_cfg.derives(cfg, t) for t in texts]
    constraint = ebnf(text)
    assert [constraint.matches(t) for t in texts] == plain
    assert [naive_cfg.derives(made, t) for t in texts] == plain
    return plain


def test_grammar_of_the_guide() -> None:
    text = r"""
root ::= expr ("=" expr)*
expr ::= term ([-+*/] term)*
term ::= num | "(" expr ")"
num  ::= [0-9]+
"""
    assert accepts(text, ["1+2", "(3*4)-5=7", "2=2=2", "1+", "(1"]) == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        (r'"\"\\\/\'\?\n\x61\x0062\u0063\U00000061"', "\"\\\\/'\\?\nabca"),
        ("[^]", "(?s:.)"),
        (r"[\^\-\]a\x62-c]", r"[\^\-\]a-c]"),
        ("[a-]", "[a-]"),
        ("( )", ""),
        ('"" | "a"', "a?"),
        ('"a" |\n   "b" |\n\n"c"', "[abc]"),
        ('"a"\n"b"\n  "c"', "abc"),
        ('("a"+)+', "a+"),
        ('"a"{0}', ""),
        ('"ab"{1,-1}', "(ab)+"),
        ('"a"{2,}', "a{2,}"),
        ('x.y\nx.y ::= "a" -z\n-z ::= "b"', "ab"),
        (".x\n.x ::= [ab]", "[ab]"),
        ('Token\nToken ::= "a"', "a"),
        ('x y\nx ::= y\ny ::= "a" | "b" x', "b*ab*a"),
        ('"a" # note ::= \n | "b"', "[ab]"),
        (r'"\e\0\a\v\b\f"', "\x1b\0\a\v\b\f"),
    ],
)
def test_elements(body: str, pattern: str) -> None:
    texts = ["".join(t) for n in range(5) for t in product("abc", repeat=n)]
    texts += ["]", "-", "^", "\n", "é", "\"\\/'?\nabca", "\x1b\0\a\v\b\f"]
    assert accepts(f"root ::= {body}", texts) == [re.fullmatch(pattern, t) is not None for t in texts]


@pytest.mark.parametrize(
    ("text", "line", "column", "keyword"),
    [
        ('root ::= TagDispatch(("<tool>", x))\nx ::= "a"', 1, 10, "TagDispatch"),
        ("root ::= Token(1, 2)", 1, 10, "Token"),
        ('root ::= "a"\n  Regex ("[0-9]")', 2, 3, "Regex"),
        ('root ::= "a" (= "b")', 1, 14, "(="),
        ('root[max_tokens=3] ::= "a"', 1, 5, "[...]"),
    ],
)
def test_refused_by_name(text: str, line: int, column: int, keyword: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        ebnf(text)
    assert (caught.value.line, caught.value.column, caught.value.keyword) == (line, column, keyword)


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ('root ::= "a"++', 1, 14, "parentheses"),
        ('root ::= "a\n"', 1, 10, "does not end"),
        ("root ::= [a\n]", 1, 10, "does not end"),
        (r"root ::= [\d]", 1, 11, "unknown escape"),
        ('root ::= "a" x ::= "b"', 1, 16, "a name is expected"),
        ("root ::= .", 1, 10, "[^]"),
        ('root ::= ("a"\nx ::= "b"', 2, 3, "a name is expected"),
        (r'root ::= "\xffffffffffffffffffff"', 1, 11, "no character"),
        ("root ::= y", 1, 10, "'y' is used but not defined"),
    ],
)
def test_errors(text: str, line: int, column: int, part: str) -> None:
    with pytest.raises(GrammarError) as caught:
        ebnf(text)
    assert part in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
