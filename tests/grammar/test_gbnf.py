"""GBNF: the grammars of llama.cpp's guide, every element of the dialect, errors with places."""

from __future__ import annotations

import random
import re
from itertools import product

import pytest

from constrain.errors import ConstraintError, GrammarError, LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.frontends import gbnf
from constrain.grammar.gbnf import gbnf_rules
from constrain.grammar.ir import Grammar, Token
from constrain.grammar.regular_parts import finished
from constrain.limits import Limits
from tests.grammar import naive_cfg

CHESS = r"""
# `root` specifies the pattern for the overall output
root ::= (
    # it must start with the characters "1. "
    "1. " move " " move "\n"

    # it's followed by one or more subsequent moves
    ([1-9] [0-9]? ". " move " " move "\n")+
)
move ::= (pawn | nonpawn | castle) [+#]?
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
castle ::= "O-O" "-O"?
"""
ARITHMETIC = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""
JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
"""


def accepts(text: str, texts: list[str], root: str = "root") -> list[bool]:
    cfg = gbnf_rules(text, root, Grammar())
    made = finished(cfg)
    plain = [naive_cfg.derives(cfg, t) for t in texts]
    constraint = gbnf(text, root)
    assert [constraint.matches(t) for t in texts] == plain
    assert [naive_cfg.derives(made, t) for t in texts] == plain
    return plain


def test_grammars_of_the_guide() -> None:
    assert accepts(CHESS, ["1. e4 e5\n2. Nf3 O-O\n", "1. e4 e5\n", "1. e4 e5\n2. Nf9 Nc6\n"]) == [True, False, False]
    assert accepts(ARITHMETIC, ["(x+1)=3\n", "2=2\n1=1\n", "2+=2\n", ""]) == [True, True, False, False]
    samples = ['{"a": [1, -2.5e1], "b":{}}', '{"\\u00e9": null}', "[]", '{"a" 1}', '{"a":01}', "{}"]
    assert accepts(JSON, samples) == [True, True, False, False, False, True]


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        ('"a"', "a"),
        (r'"\x61\u0062\U00000063\t\r\n\\\"\[\]"', 'abc\t\r\n\\\\"\\[\\]'),
        ("[a-c]", "[a-c]"),
        ("[^a]", "[^a]"),
        (r"[\x61-c\-\]]", r"[a-c\-\]]"),
        ("[a-]", "[a-]"),
        (".", r"(?s:.)"),
        ('"ab"*', "(ab)*"),
        ('"ab"+', "(ab)+"),
        ('"ab"?', "(ab)?"),
        ('"ab"{2}', "(ab){2}"),
        ('"a"{1,}', "a{1,}"),
        ('"a"{ 1 , 3 }', "a{1,3}"),
        ('"a"{0,2}', "a{0,2}"),
        ('"a" | "b" |', "a|b|"),
        ('("a" | "b"\n "c")* "d"', "(a|bc)*d"),
        ('"a"\n  | "b"', "a|b"),
        ('"a" |\n# note\n "b"', "a|b"),
        ('(("a")*)?', "a*"),
        ('x{2}\nx ::= "a" | "b"', "[ab]{2}"),
        ('x{1,2} "c"\nx ::= "a" x? ', "a+c"),
        ('""', ""),
        ('x\nx ::= x "a" | "b"', "ba*"),
        ('("a" x)* x\nx ::= ("b" x)?', "(ab*)*b*"),
        ("[ab]{3}{2}", "[ab]{6}"),
    ],
)
def test_elements(body: str, pattern: str) -> None:
    texts = ["".join(t) for n in range(5) for t in product("abc", repeat=n)]
    texts += ["d", "abd", "]", "-", "\n", "é", 'abc\t\r\n\\"[]', "acd", "aaaaaa", "ababab"]
    assert accepts(f"root ::= {body}", texts) == [re.fullmatch(pattern, t) is not None for t in texts]


def test_repeats_of_what_is_not_regular() -> None:
    pair = 'x ::= "(" x ")" | ""\n'
    for bounds, lo, hi in (
        ("{3}", 3, 3),
        ("{2,5}", 2, 5),
        ("{2,}", 2, 99),
        ("{0,4}", 0, 4),
        ("*", 0, 99),
        ("+", 1, 99),
    ):
        texts = ["()" * n for n in range(8)] + ["(())()", "(()"]
        want = [n <= hi for n in range(8)] + [True, False]  # x may be empty
        assert accepts(f"root ::= x{bounds}\n{pair}", texts) == want
        full = 'x ::= "(" x ")" | "()"\n'
        assert accepts(f"root ::= x{bounds}\n{full}", texts[:8]) == [lo <= n <= hi for n in range(8)]
    assert gbnf_rules(f"root ::= x{{100000}}\n{pair}", "root", Grammar()).rules


def test_tokens() -> None:
    grammar = Grammar()
    text = 'root ::= <think> ("a" <[7]>)* </think> <[1000]> <think>'
    cfg = gbnf_rules(text, "root", grammar)
    nodes = {t.name: grammar.nodes[t.node] for t in cfg.terminals if t.node >= 0}
    assert nodes == {
        "<think>": Token("<think>", 1, 10), "</think>": Token("</think>", 1, 31), "<[7]>": Token(7, 1, 23),
        "<[1000]>": Token(1000, 1, 40),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ('root ::= "a', 1, 10, "does not end"),
        ("root ::= [a", 1, 10, "does not end"),
        ('root ::= ("a"', 1, 10, "a group does not end"),
        ('root ::= "a")', 1, 13, "a name is expected"),
        ("root ::= x", 1, 10, "'x' is used but not defined"),
        ('root ::= "a"\nroot ::= "b"', 2, 1, "defined twice"),
        ("root = x", 1, 6, "::= is expected"),
        (r'root ::= "\q"', 1, 11, "unknown escape"),
        (r'root ::= "\x6"', 1, 11, "2 hexadecimal digits"),
        (r'root ::= "\ud800"', 1, 11, "no character"),
        ("root ::= *", 1, 10, "nothing to repeat"),
        ('root ::= "a"{2,1}', 1, 13, "out of order"),
        ('root ::= "a"{x}', 1, 13, "a repeat is"),
        ("root ::= []", 1, 10, "without characters"),
        ("root ::= [b-a]", 1, 11, "out of order"),
        ("root ::= <a", 1, 10, "a token is"),
        ("root ::= !a", 1, 11, "a token is"),
        ('start ::= "a"', None, None, "no rule 'root'"),
        ("", None, None, "no rule 'root'"),
    ],
)
def test_errors(text: str, line: int | None, column: int | None, part: str) -> None:
    with pytest.raises(GrammarError) as caught:
        gbnf(text)
    assert part in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_limits_and_hostile_texts() -> None:
    with pytest.raises(Unsatisfiable):
        gbnf("root ::= root")
    for text, limits, keyword in (
        ('root ::= "aaaaaaaaaaaa"', Limits(grammar_bytes=10), "grammar_bytes"),
        ("root ::= " + "(" * 30 + '"a"' + ")" * 30, Limits(regex_depth=10), "regex_depth"),
        ('root ::= x{0,50}\nx ::= "(" x ")" | "a"', Limits(alternatives=20), "alternatives"),
        ("root ::= " + '"a" | "b" root "c" | ' * 40, Limits(grammar_nodes=100), "grammar_nodes"),
        ('root ::= "a"{9999999999}', Limits(), "dfa_states"),
    ):
        with pytest.raises(LimitExceeded) as caught:
            gbnf(text, limits=limits)
        assert caught.value.keyword == keyword
    rng = random.Random(0)
    letters = [
        "root",
        "::=",
        '"a"',
        "[ab]",
        "(",
        ")",
        "*",
        "{2}",
        "|",
        "\n",
        "x ::= ",
        "x",
        "<",
        "!",
        "\\",
        '"',
        "#",
        ".",
        "é",
    ]
    for _ in range(300):
        text = "root ::= " + " ".join(rng.choices(letters, k=rng.randint(1, 12)))
        try:
            gbnf(text)
        except ConstraintError:
            continue


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("root ::= !<x>", 10), ('root ::= ("a" !<x>)*', 15), ("root ::= !<x>{2,}", 14), ("root ::= !<x>?", 14),
        ('root ::= (!<x> | "a")*', 11), ("root ::= !<x>{0,3}", 14),
    ],
)  # fmt: skip
def test_single_tokens_that_may_be_text_are_refused(text: str, column: int) -> None:
    with pytest.raises(UnsupportedFeature, match="may be text") as caught:
        gbnf(text)
    assert (caught.value.keyword, caught.value.line, caught.value.column) == ("token", 1, column)
