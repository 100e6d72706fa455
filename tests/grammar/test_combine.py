"""Joins of constraints: sequences, alternatives, repeats, templates."""

from __future__ import annotations

import itertools
import re

import pytest

import constrain
from constrain.errors import ConstraintError, GrammarError, UnsupportedFeature
from constrain.grammar.combine import graft
from constrain.grammar.ir import Grammar, Lazy, Rules, Text

A, B = constrain.regex("a*b"), constrain.regex("b?")
TEXTS = ["".join(t) for n in range(6) for t in itertools.product("ab", repeat=n)]


@pytest.mark.parametrize(
    ("joined", "pattern"),
    [
        (A + B, "a*bb?"),
        (B + A + "a", "b?a*ba"),
        ("a" + A, "aa*b"),
        (A | B, "a*b|b?"),
        ("a" | A, "a|a*b"),
        (A.repeat(), "(a*b)*"),
        (A.repeat(2, 3), "(a*b){2,3}"),
        (A.optional() + "a", "(a*b)?a"),
        ((A | "aa").repeat(1) + B, "(a*b|aa)+b?"),
        (constrain.choice(["a", "ab"]) + constrain.choice(["b", ""]), "(a|ab)b?"),
    ],
)
def test_regular_joins(joined: constrain.Constraint, pattern: str) -> None:
    assert isinstance(joined.grammar.nodes[joined.grammar.start], Text)
    for text in TEXTS:
        assert joined.matches(text) == (re.fullmatch(pattern, text) is not None), text


def test_bad_repeats() -> None:
    for lo, hi in ((-1, None), (2, 1)):
        with pytest.raises(ValueError):
            A.repeat(lo, hi)
    empty = constrain.lark('start: "a"*')
    with pytest.raises(UnsupportedFeature) as caught:
        empty.repeat()
    assert caught.value.keyword == "repeat"
    empty.repeat(0, 3)
    constrain.lark('start: "a"*', scannerless=True).repeat()


def test_json_that_is_written_in_two_ways() -> None:
    flexible, compact = constrain.json({"type": "object"}), constrain.json({"type": "array"}, whitespace="compact")
    with pytest.raises(UnsupportedFeature) as caught:
        flexible + compact
    assert caught.value.keyword == "whitespace"
    both = compact + constrain.json({"const": 1}, whitespace="compact")
    assert both.grammar.whitespace == "compact"


def test_lazy_nodes_stay_lazy() -> None:
    source = constrain.json({"$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}).grammar
    made: list[int] = []

    def expand() -> int:
        made.append(1)
        return source.start

    wrapped = Grammar()
    wrapped.nodes, inner = source.nodes, source.start
    wrapped.start = wrapped.add(Lazy(lambda: (expand() and 0) or inner))
    target = Grammar()
    target.start = graft(target, wrapped)
    assert len(target.nodes) == 1 and not made
    assert isinstance(target.nodes[target.expand(target.start)], type(source.nodes[inner])) and made
    assert len(target.nodes) > 1


def test_rules_are_joined_rule_by_rule() -> None:
    brackets = constrain.gbnf('root ::= "(" root ")" | "x"')
    joined = "<" + brackets + "," + brackets.repeat(1) + ">"
    node = joined.grammar.nodes[joined.grammar.start]
    assert isinstance(node, Rules) and all(t.node < 0 for t in node.cfg.terminals)


def test_templates_are_checked() -> None:
    number = constrain.regex("[0-9]+")
    for text, holes, part in (
        ("{a}{b}", {"a": number}, "no constraint for {b}"),
        ("{a}", {"a": number, "b": number}, "no {b}"),
        ("{a} {a}", {"a": number}, "twice"),
        ("{a!r}", {"a": number}, "a name in braces"),
        ("{a:3}", {"a": number}, "a name in braces"),
        ("{}", {}, "a name in braces"),
        ("{a", {"a": number}, "can't be read"),
    ):
        with pytest.raises(GrammarError) as caught:
            constrain.template(text, **holes)
        assert part in str(caught.value)


def test_templates_of_regular_holes() -> None:
    c = constrain.template("{{{name}}}: {age}!", name=constrain.regex("[a-zé]+"), age=constrain.regex("[0-9]*"))
    assert c.parse("{zoé}: 41!") == {"name": "zoé", "age": "41"}
    assert c.parse("{a}: !") == {"name": "a", "age": ""}
    with pytest.raises(ConstraintError):
        c.parse("{a}: x!")
    ambiguous = constrain.template("{a}{b}", a=constrain.regex("x*y?"), b=constrain.regex("x*y"))
    assert ambiguous.parse("xxyxy") == {"a": "xxy", "b": "xy"}
    assert ambiguous.parse("xxy") == {"a": "xx", "b": "y"}
    assert constrain.template("no holes").parse("no holes") == {}


def test_joins_of_all_kinds() -> None:
    brackets = constrain.gbnf('root ::= "(" root ")" | [a-z]+')
    sums = constrain.lark('start: N ("+" N)*\nN: /[0-9]+/\n%ignore " "')
    pair = constrain.json({"type": "array", "items": {"type": "integer"}, "minItems": 1})
    for joined, good, bad in (
        ("<" + brackets + ">", ["<((ab))>", "<a>"], ["<>", "<(a>", "a"]),
        (("x" | brackets).repeat(1), ["x(b)((c))", "xx", "ax(a)"], ["", "(a", "x()"]),
        (pair.repeat(2, 3), ["[1][2, 3]", "[1][2][3]"], ["[1]", "[1][2][3][4]", "[][1]"]),
        (sums + "=" + pair, ["1 + 2=[3]", "12=[1, 2]"], ["1 + =[3]", "1=", "=[1]"]),
        ((sums | pair) + ";", ["1 +2;", "[1];"], ["1 +2", "[];"]),
        ((sums + ";").repeat(2), ["1;2+3;", " 1;2;3;"], ["1;", "1;2"]),
        (brackets.optional() + pair.optional(), ["", "(a)", "[1]", "a[1]"], ["[1]a"]),
    ):
        for text in good:
            assert joined.explain(text) is None, text
        for text in bad:
            assert not joined.matches(text), text


def test_recursive_schemas_in_joins() -> None:
    """Lazy nodes are taken over when they are reached."""
    tree = constrain.json({"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"})
    joined = "a" + tree + tree
    assert joined.matches("a[[[], []]][[[[]]]]") and not joined.matches("a[[1]][]")


def test_templates_of_all_holes() -> None:
    c = constrain.template(
        "{user} has {things}, so {sum}.",
        user=constrain.regex("[A-Z][a-z]*"),
        things=constrain.json({"type": "object", "additionalProperties": {"type": "integer"}}),
        sum=constrain.lark('start: (N "+")* N\nN: /[0-9]+/\n%ignore " "'),
    )
    assert c.parse('Ada has {"a": 1, "b, so ": 2}, so 1 + 2.') == {
        "user": "Ada",
        "things": {"a": 1, "b, so ": 2},
        "sum": "1 + 2",
    }
    ambiguous = constrain.template("{a} {b}", a=constrain.json({"type": "integer"}), b=constrain.choice(["x", "12 x"]))
    assert ambiguous.parse("12 12 x") == {"a": 12, "b": "12 x"}
    nested = constrain.template("[{inner}]", inner=constrain.template("{x};", x=constrain.regex("[a-z]")))
    assert nested.parse("[q;]") == {"inner": {"x": "q"}}


def test_a_grammar_that_may_be_empty_in_a_template() -> None:
    c = constrain.template("<{code}>", code=constrain.lark('start: "a"*\n%ignore " "'))
    assert c.parse("<>") == {"code": ""} and c.parse("<a a>") == {"code": "a a"}
    assert c.parse("< >") == {"code": " "} and not c.matches("<b>")
