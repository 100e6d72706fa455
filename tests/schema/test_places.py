"""Errors say where the trouble is: a JSON pointer, and before it the document's URI if that is another one."""

from __future__ import annotations

from typing import Any

import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

import constrain
from constrain.errors import ConstraintError, InvalidSchema, LimitExceeded, UnsupportedFeature
from constrain.limits import Limits
from constrain.schema import compile_schema
from tests.schema.acceptor import Acceptor

NUMBERS = [
    ('"multipleOf": FINE', UnsupportedFeature, "/multipleOf"),
    ('"type": ["string", "integer"], "multipleOf": FINE', UnsupportedFeature, "/multipleOf"),
    ('"allOf": [{"multipleOf": 3}, {"multipleOf": FINE}]', UnsupportedFeature, "/allOf/1/multipleOf"),
    ('"allOf": [{"multipleOf": 9973}, {"multipleOf": 9967}]', UnsupportedFeature, "/allOf/1/multipleOf"),
    ('"type": "number", "not": {"multipleOf": FINE}', UnsupportedFeature, "/not/multipleOf"),
    ('"anyOf": [{"type": "null"}, {"multipleOf": FINE}]', UnsupportedFeature, "/anyOf/1/multipleOf"),
    ('"multipleOf": LONG', LimitExceeded, "/multipleOf"),
    ('"allOf": [{"multipleOf": 3}, {"multipleOf": 1e-999999999}]', LimitExceeded, "/allOf/1/multipleOf"),
    ('"allOf": [{"minimum": 3}, {"minimum": LONG}]', LimitExceeded, "/allOf/1/minimum"),
    ('"multipleOf": FINE, "exclusiveMaximum": LONG', LimitExceeded, "/exclusiveMaximum"),
    ('"type": "number", "not": {"minimum": LONG}', LimitExceeded, "/not/minimum"),
    ('"maximum": LONG, "exclusiveMaximum": true', LimitExceeded, "/maximum"),
    ('"const": LONG', LimitExceeded, "/const"),
    ('"enum": [1, [LONG]]', LimitExceeded, "/enum"),
    ('"enum": [1, LONG], "maximum": 3', LimitExceeded, "/enum"),
    ('"const": 15, "multipleOf": LONG', LimitExceeded, "/multipleOf"),
    ('"const": 15, "not": {"multipleOf": LONG}', LimitExceeded, "/not/multipleOf"),
    ('"const": 15, "maximum": LONG', LimitExceeded, "/maximum"),
]


@pytest.mark.parametrize(("text", "error", "pointer"), NUMBERS, ids=[text for text, _, _ in NUMBERS])
def test_numbers_that_are_too_long_or_too_fine(text: str, error: type[ConstraintError], pointer: str) -> None:
    text = text.replace("FINE", "0.00001234567").replace("LONG", "1e2000")
    inside = '{"type": "object", "required": ["a/b"], "properties": {"a/b": {%s}}}'
    for form, place in (("{%s}", ""), (inside, "/properties/a~1b")):
        with pytest.raises(error) as caught:
            compile_schema(form % text)
        assert (caught.value.pointer, caught.value.keyword) == (place + pointer, pointer.split("/")[-1])
        assert f"(at {place}{pointer})" in str(caught.value)


def test_a_refused_number_is_no_obstacle_to_a_proof() -> None:
    """The least common multiple has too many remainders, but what is written is "one of them and not the other"."""
    options = [{"type": "integer", "multipleOf": step, "minimum": 0} for step in (101, 103)]
    c = constrain.json({"oneOf": options})
    assert c.matches("101") and c.matches("103") and not c.matches("0") and not c.matches(str(101 * 103))


def test_multiples_of_many_digits_are_exact() -> None:
    """Decimals beyond the 28 digits of Python's default context."""
    with pytest.raises(UnsupportedFeature):
        compile_schema(f'{{"type": "number", "allOf": [{{"multipleOf": 1}}, {{"multipleOf": 1.{"0" * 40}1}}]}}')


# arrays of arrays with an end of their own, which can't be kept distinct
PAIRS = {"type": "array", "uniqueItems": True, "items": {"type": "array", "maxItems": 2}}
REGISTRY: Any = Registry().with_resources(
    [
        ("https://example.com/" + name, DRAFT202012.create_resource(document))
        for name, document in {
            "fine": {"items": {"type": "number", "multipleOf": 0.00001234567}},
            "unique": {"$defs": {"a": PAIRS}},
            "invalid": {"minLength": -1},
            "away": {"allOf": [{"$ref": "nowhere"}]},
            "dialect": {"$schema": "https://example.org/own"},
            "double": {"not": {"type": "array", "uniqueItems": True}, "maxItems": 3},
            "anchored": {"$defs": {"a": {"$anchor": "here", "type": "array", "contains": {}, "minContains": 1 << 31}}},
        }.items()
    ]
)


@pytest.mark.parametrize(
    ("ref", "error", "pointer"),
    [
        ("https://example.com/fine", UnsupportedFeature, "https://example.com/fine#/items/multipleOf"),
        ("https://example.com/unique#/$defs/a", UnsupportedFeature, "https://example.com/unique#/$defs/a/uniqueItems"),
        ("https://example.com/invalid", InvalidSchema, "https://example.com/invalid#/minLength"),
        ("https://example.com/away", UnsupportedFeature, "https://example.com/away#/allOf/0/$ref"),
        ("https://example.com/dialect", UnsupportedFeature, "https://example.com/dialect#/$schema"),
        ("https://example.com/double", UnsupportedFeature, "https://example.com/double#/not/uniqueItems"),
        ("https://example.com/anchored#here", LimitExceeded, "https://example.com/anchored#/$defs/a/minContains"),
        ("http://json-schema.org/draft-07/schema#", UnsupportedFeature,
         "http://json-schema.org/draft-07/schema#/properties/patternProperties/propertyNames/format"),
        ("https://json-schema.org/draft/2020-12/schema", UnsupportedFeature,
         "https://json-schema.org/draft/2020-12/meta/applicator#/properties/patternProperties/propertyNames/format"),
        ("https://example.com/elsewhere", UnsupportedFeature, "/properties/x/$ref"),
        ("#/$defs/own", UnsupportedFeature, "/$defs/own/uniqueItems"),
        ("https://example.com/own", UnsupportedFeature, "/$defs/own/uniqueItems"),
        ("strange", UnsupportedFeature, "/$defs/strange/$schema"),
    ],
)  # fmt: skip
def test_other_documents(ref: str, error: type[ConstraintError], pointer: str) -> None:
    schema = {
        "$id": "https://example.com/root",
        "properties": {"x": {"$ref": ref}},
        "$defs": {
            "own": {"$id": "own", **PAIRS},
            "strange": {"$id": "strange", "$schema": "https://example.org/own"},
        },
    }
    with pytest.raises(error) as caught:
        compile_schema(schema, registry=REGISTRY)
    assert caught.value.pointer == pointer
    assert f"(at {pointer}" in str(caught.value)


def test_nesting_of_other_documents() -> None:
    deep: Any = {}
    for _ in range(30):
        deep = {"items": deep}
    registry: Any = Registry().with_resource("https://example.com/deep", DRAFT202012.create_resource(deep))
    schema = {"$ref": "https://example.com/deep"}
    compile_schema(schema, registry=registry, limits=Limits(schema_depth=31))
    with pytest.raises(LimitExceeded) as caught:
        compile_schema(schema, registry=registry, limits=Limits(schema_depth=30))
    assert (caught.value.keyword, caught.value.pointer) == ("schema_depth", "https://example.com/deep#")


@pytest.mark.parametrize(
    ("part", "limits", "keyword", "place"),
    [
        ({"type": "integer", "minimum": 1_234_567_890_123}, Limits(dfa_states=9), "dfa_states", "/minimum"),
        ({"type": "integer", "multipleOf": 499}, Limits(dfa_states=99), "dfa_states", "/multipleOf"),
        ({"type": "string", "minLength": 3, "pattern": "^(?:x1|y){9}$"}, Limits(dfa_states=9), "dfa_states", ""),
        ({"pattern": "((((x2))))"}, Limits(regex_depth=2), "regex_depth", "/pattern"),
        ({"pattern": "x" * 70}, Limits(regex_length=69), "regex_length", "/pattern"),
        ({"pattern": r"x{30}\b3{30}"}, Limits(dfa_states=20), "dfa_states", "/pattern"),
    ],
)
def test_limits_have_a_place(part: Any, limits: Limits, keyword: str, place: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        compile_schema({"type": "object", "required": ["a"], "properties": {"a": part}}, limits=limits)
    assert (caught.value.keyword, caught.value.pointer) == (keyword, "/properties/a" + place)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "string", "pattern": "^(?:x4|y){9}$"}, '"x4'),
        ({"type": "string", "pattern": "^(?:x5|y){9}$", "minLength": 12}, '"x5'),
        ({"patternProperties": {"^(?:x6|y){9}$": {}}, "additionalProperties": False}, '{"x6'),
        ({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^(?:x7|y){9}$"}}, '{"x7'),
    ],
)
def test_limits_that_the_engine_meets_have_a_place(part: Any, text: str) -> None:
    """Automata are made when generation first needs them, long after the schema was compiled."""
    schema = {"type": "object", "properties": {"a/b": {"items": part}}}
    with pytest.raises(LimitExceeded) as caught:
        constrain.json(schema, limits=Limits(dfa_states=9)).matches('{"a/b": [' + text)
    assert (caught.value.keyword, caught.value.pointer) == ("dfa_states", "/properties/a~1b/items")


def test_a_schema_in_a_document() -> None:
    document = {"$defs": {"a/b %": {"type": "array", "items": {"$ref": "#/$defs/n"}}, "n": {"type": "integer"}}}
    for at, text in (("/$defs/n", "1"), ("/$defs/a~1b %", "[1]")):
        acceptor = Acceptor(compile_schema(document, at=at))
        assert [acceptor.accepts(t) for t in ("1", "[1]")] == [text == "1", text != "1"]
    with pytest.raises(InvalidSchema):
        compile_schema(document, at="/$defs/m")
