"""Hostile and broken schemas: the right answer or a clear error, in bounded time."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import pytest

import constrain
from constrain.errors import ConstraintError, InvalidSchema, LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.grammar.ir import StringChoice
from constrain.limits import Limits
from constrain.schema import compile_schema
from tests.schema.acceptor import Acceptor

LOOP = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}


@pytest.mark.parametrize(
    ("schema", "error", "pointer"),
    [
        ({"$ref": "#"}, InvalidSchema, ""),
        ({"$ref": "#/$defs/a", "$defs": LOOP}, InvalidSchema, "/$defs/a"),
        ({"allOf": [{"$ref": "#"}]}, InvalidSchema, ""),
        ({"properties": {"x": {"$ref": "#/nowhere"}}}, InvalidSchema, "/properties/x/$ref"),
        ({"properties": {"x": {"$ref": "https://example.org/x"}}}, UnsupportedFeature, "/properties/x/$ref"),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, Unsatisfiable, ""),
        ({"type": "object", "required": ["x"], "properties": {"x": {"minimum": 2, "maximum": 1, "type": "number"}}},
         Unsatisfiable, "/properties/x"),
        ({"required": ["a"], "properties": {"a": {"$ref": "#"}}, "type": "object"}, Unsatisfiable, ""),
        ({"type": "text"}, InvalidSchema, "/type"),
        ({"properties": []}, InvalidSchema, "/properties"),
        ({"properties": {"a/b": {"minLength": -1}}}, InvalidSchema, "/properties/a~1b/minLength"),
        ({"required": True}, InvalidSchema, "/required"),
        ({"multipleOf": 0}, InvalidSchema, "/multipleOf"),
        ({"items": {"pattern": "("}}, InvalidSchema, "/items/pattern"),
        ({"items": {"uniqueItems": True, "items": {"maxItems": 2}}}, UnsupportedFeature, "/items/uniqueItems"),
        ({"$schema": "https://example.org/own"}, UnsupportedFeature, "/$schema"),
        ({"items": [{}], "$schema": "https://json-schema.org/draft/2020-12/schema"}, InvalidSchema, "/items"),
        ({"allOf": [{"enum": [1, 2]}, {"enum": [3]}]}, Unsatisfiable, ""),
        (False, Unsatisfiable, ""),
        (3, InvalidSchema, ""),
    ],
)  # fmt: skip
def test_errors(schema: Any, error: type[ConstraintError], pointer: str) -> None:
    with pytest.raises(error) as caught:
        compile_schema(schema)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "text",
    ["", "{", "nul", '{"a":1,"a":2}', '{"enum":[NaN]}', '{"type":"string"}x', b'{"title":"\xff"}', '{"a":01}',
     "[" * 5000, '{"a":' * 400 + '{"b":1,"b":2}' + "}" * 400],
)  # fmt: skip
def test_broken_text(text: str | bytes) -> None:
    with pytest.raises((InvalidSchema, LimitExceeded)):
        compile_schema(text)


def test_broken_deep_text() -> None:
    good = '{"properties":{"a":' * 490 + "{}" + "}}" * 490
    compile_schema(good)
    for wrong in (good[:-1], good + "]", good.replace(":", "", 1), good.replace('{"a"', '{a"', 1), good[:-2] + "},}"):
        with pytest.raises(InvalidSchema):
            compile_schema(wrong)


def test_duplicate_key_is_named() -> None:
    with pytest.raises(InvalidSchema, match='"b" stands twice'):
        compile_schema('{"properties": {"b": {}, "b": {}}}')


def test_nesting() -> None:
    front = '{"type":"object","required":["a"],"additionalProperties":false,"properties":{"a":'
    text = front * 490 + '{"type":"string"}' + "}}" * 490
    grammar = compile_schema(text)
    assert len(grammar.nodes) > 490


def nested(depth: int) -> Any:
    """So many lists and objects inside of each other, in turn."""
    made: Any = 1
    for i in range(depth):
        made = {"a": made, "b": []} if i % 2 else [1, made]
    return made


@pytest.mark.parametrize("most", [1, 7, 300, 1_000, 5_000])
def test_nesting_is_counted(most: int) -> None:
    """The same bound for texts and values, far from what Python's own parser and stack hold, and near it."""
    limits = Limits(schema_depth=most)

    def text(depth: int) -> str:
        return "".join('{"a]":' if i % 2 else '["\\"[{", ' for i in range(depth)) + "1" + "".join(
            "}" if i % 2 else "]" for i in reversed(range(depth))
        )

    for schema in ({"default": nested(most - 1)}, f'{{"default": {text(most - 1)}}}'):
        compile_schema(schema, limits=limits)
    for schema in ({"default": nested(most)}, f'{{"default": {text(most)}}}', text(most + 1), nested(most + 1)):
        with pytest.raises(LimitExceeded) as caught:
            compile_schema(schema, limits=limits)
        assert caught.value.keyword == "schema_depth"
    with pytest.raises(InvalidSchema):
        compile_schema(text(most), limits=limits)  # a list


def test_nesting_without_end() -> None:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"a": schema}
    with pytest.raises(LimitExceeded) as caught:
        compile_schema(schema)
    assert caught.value.keyword == "schema_depth"
    many: Any = {}
    for _ in range(400):  # as a tree it has 2**400 leaves
        many = {"a": many, "b": [many, many]}
    compile_schema({"default": many})


def test_nesting_where_the_stack_is_nearly_full() -> None:
    def called(depth: int, schema: Any) -> None:
        if depth:
            called(depth - 1, schema)
        else:
            compile_schema(schema, limits=Limits(schema_depth=600))

    for value, most in ((nested(599), None), (nested(600), LimitExceeded)):
        for schema in ({"default": value}, json.dumps({"default": value})):
            with pytest.raises(most) if most else contextlib.nullcontext():
                called(sys.getrecursionlimit() - 300, schema)


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf", "not"])
def test_deep_nesting_in_place(keyword: str) -> None:
    schema: Any = {"type": "string"}
    for _ in range(2_001):
        schema = {keyword: schema if keyword == "not" else [schema, {"minLength": 1}]}
    with contextlib.suppress(ConstraintError):  # no RecursionError
        compile_schema(schema, limits=Limits(schema_depth=10_000))


def test_many_enum_strings() -> None:
    texts = [f"value {i}" for i in range(10_000)]
    grammar = compile_schema({"enum": texts, "minLength": 8})
    node = grammar.nodes[grammar.start]
    assert isinstance(node, StringChoice) and len(node.strings) == 9_990


def test_many_optional_members() -> None:
    properties = {f"p{i}": {"type": "integer"} for i in range(300)}
    schema = {"type": "object", "properties": properties, "additionalProperties": {"type": "null"}}
    acceptor = Acceptor(compile_schema(schema))
    assert acceptor.accepts('{"x": null, "p3": 1, "y": null, "p299": 2}')
    assert not acceptor.accepts('{"p3": null}') and not acceptor.accepts('{"x": 1}')


def test_long_strings() -> None:
    acceptor = Acceptor(compile_schema({"type": "string", "maxLength": 100_000, "pattern": "^[ab]*$"}))
    assert acceptor.accepts(json.dumps("ab" * 50_000)) and not acceptor.accepts(json.dumps("ab" * 50_000 + "a"))
    with pytest.raises(Unsatisfiable):
        compile_schema({"type": "string", "pattern": "^(aa)*$", "minLength": 99_999, "maxLength": 99_999})
    compile_schema({"type": "string", "pattern": "^(aaa)*$", "minLength": 99_998, "maxLength": 99_999})


def test_alternatives_are_bounded() -> None:
    many = [{"anyOf": [{"properties": {f"p{i}": {"const": j}}} for j in range(4)]} for i in range(30)]
    with pytest.raises(LimitExceeded) as caught:
        compile_schema({"allOf": many}, limits=Limits(alternatives=2_000))
    assert caught.value.keyword == "alternatives"


def test_large_schema() -> None:
    one = {"type": "object", "properties": {f"p{i}": {"type": "string", "description": "x" * 200} for i in range(200)}}
    text = json.dumps({"properties": {f"q{i}": one for i in range(100)}})
    assert len(text) > 4_000_000
    begun = time.monotonic()
    compile_schema(text)
    assert time.monotonic() - begun < 20
    with pytest.raises(LimitExceeded):
        compile_schema(text, limits=Limits(schema_bytes=1_000_000))


def test_numbers_of_any_size() -> None:
    for text in (
        '{"type":"integer","minimum":1e400}',
        '{"type":"number","multipleOf":1e-400}',
        '{"enum":[1e999999999]}',
        '{"minLength":1e999999999,"type":"string"}',
        '{"const":' + "9" * 10_000 + "}",
    ):
        with contextlib.suppress(ConstraintError):  # no OverflowError, no hang
            compile_schema(text)


COUNTED = {
    "Length": ({"type": "string"}, '"ab"'),
    "Length with a pattern": ({"type": "string", "pattern": "^(a|bc)*$"}, '"abc"'),
    "Length with a format": ({"type": "string", "format": "json-pointer"}, '"/a"'),
    "Items": ({"type": "array", "prefixItems": [{"type": "null"}]}, "[null, 2]"),
    "Properties": ({"type": "object", "properties": {"a": {"type": "null"}}}, '{"a": null, "b": 2}'),
}


@pytest.mark.parametrize("count", ["1073741825", "2147483648", "1e19", "1e999999", "1" + "0" * 100])
@pytest.mark.parametrize("what", COUNTED)
def test_counts_that_no_text_reaches(what: str, count: str) -> None:
    schema, text = COUNTED[what]
    front, what = json.dumps(schema)[:-1], what.split()[0]
    forms = {"": "%s", "/not/not": '{"not":{"not":%s}}', "/anyOf/1": '{"anyOf":[{"type":"boolean"},%s]}'}
    for place, form in forms.items():
        assert constrain.json(form % f'{front}, "max{what}": {count}}}').matches(text)
        with pytest.raises(LimitExceeded) as caught:
            compile_schema(form % f'{front}, "min{what}": {count}}}')
        assert (caught.value.keyword, caught.value.pointer) == (f"min{what}", f"{place}/min{what}")


def test_large_counts_matter_only_where_values_are_left() -> None:
    far = 1 << 31
    compile_schema({"type": ["null", "object"], "minItems": far, "minLength": far})
    compile_schema({"enum": [[1], "a"], "maxItems": far})
    compile_schema({"propertyNames": {"maxLength": far}})
    compile_schema({"oneOf": [{"type": "string", "maxLength": far}, {"type": ["string", "null"], "minLength": 2}]})
    for impossible in (
        {"type": "array", "minItems": far, "maxItems": 4},
        {"type": "object", "minProperties": far, "additionalProperties": False, "properties": {"a": {}}},
        {"type": "string", "minLength": far, "enum": ["a"]},
        {"type": "array", "not": {"maxItems": far}},
    ):
        with pytest.raises(Unsatisfiable):
            compile_schema(impossible)
    most = 1 << 30
    assert not constrain.json({"type": "array", "minItems": most, "maxItems": most}).matches("[]")


def test_exponents_that_no_decimal_holds() -> None:
    for number in ("1e9999999999999999999", "0e-9999999999999999999"):
        for front, back in (('{"minLength":', "}"), ('{"default":' * 900, "}" * 900)):
            with pytest.raises(InvalidSchema, match="exponent"):
                compile_schema(front + number + back)


def test_lone_surrogates_cannot_be_written() -> None:
    assert Acceptor(compile_schema('{"enum": ["\\ud800", "a"]}')).accepts('"a"')
    with pytest.raises(Unsatisfiable):
        compile_schema('{"type": "object", "required": ["\\ud800"]}')


TIME = {"type": "string", "format": "time"}


@pytest.mark.parametrize(
    ("schema", "keyword", "pointer"),
    [
        ({"type": "string", "not": {"format": "time"}}, "not", "/not/format"),
        ({"type": "string", "not": {"format": "duration"}}, "not", "/not/format"),
        ({"properties": {"x": {"oneOf": [TIME, {"type": "string"}]}}}, "oneOf", "/properties/x/oneOf/0/format"),
        ({"if": TIME, "then": {"maxLength": 9}, "type": "string"}, "if", "/if/format"),
        ({"enum": ["a", "00:00:60+00:01"], "not": {"format": "time"}}, "format", "/not/format"),
        ({"enum": ["ab--c"], "format": "hostname"}, "format", "/format"),
    ],
)
def test_a_narrowed_format_is_not_turned_round(schema: Any, keyword: str, pointer: str) -> None:
    """What the library's language leaves out of a format would otherwise be allowed where the format is not."""
    with pytest.raises(UnsupportedFeature) as caught:
        compile_schema(schema)
    assert (caught.value.keyword, caught.value.pointer) == (keyword, pointer)


LEAP = "^00:00:60\\+00:0[01]$"  # at +00:01 a leap second, which the language of `time` leaves out; at +00:00 none


def member(schema: Any) -> Any:
    return {"type": "object", "required": ["a"], "properties": {"a": schema}, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": LEAP, "not": {"format": "time"}},
        {"type": "string", "pattern": LEAP, "not": {"not": {"not": {"format": "time", "minLength": 3}}}},
        {"type": "string", "pattern": LEAP, "if": {"format": "time"}, "then": {"maxLength": 3}},
        {"oneOf": [TIME, {"type": "string", "pattern": LEAP}]},
        {"oneOf": [member(TIME), member({"type": "string", "pattern": LEAP})]},
        {"allOf": [member({"pattern": LEAP}), {"not": {"properties": {"a": TIME}}}]},
        {"oneOf": [{"type": "array", "items": False}, {"type": "array", "minItems": 1, "prefixItems": [TIME]},
                   {"type": "array", "minItems": 1, "prefixItems": [{"type": "string", "pattern": LEAP}]}]},
        {"oneOf": [{"type": "string", "format": "hostname"}, {"type": "string", "pattern": "^xn--[a-z0-9]+$"}]},
        {"type": "string", "pattern": "^p[0-9]d$", "not": {"format": "duration"}},
        {"type": "string", "pattern": "^2016-12-31T22:59:60-01:01$", "not": {"format": "date-time"}},
    ],
)  # fmt: skip
def test_what_a_narrowed_format_leaves_out_still_overlaps(schema: Any) -> None:
    """No proof rests on the language of a narrowed format being smaller than the format."""
    with pytest.raises(UnsupportedFeature):
        compile_schema(schema)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "pattern": "^[a-z]+$", "not": {"format": "time", "minLength": 1}}, '"a"', '"00:00:00Z"'),
        ({"type": "string", "pattern": "^00:00:60\\+00:0", "maxLength": 13, "not": {"format": "time", "minLength": 1}},
         '"00:00:60+00:0"',
         '"00:00:60+00:01"'),
        ({"oneOf": [TIME, {"type": "string", "format": "date-time"}]}, '"23:59:60Z"', '"00:00:60+00:01"'),
        ({"oneOf": [{"type": "string", "format": "duration"}, {"type": "string", "format": "uri"}]}, '"P1D"', '"p1d"'),
        ({"oneOf": [{"type": "string", "format": "hostname"}, {"type": "string", "format": "ipv6"}]}, '"::1"', '"a--"'),
        ({"oneOf": [member(TIME), member({"type": "string", "pattern": "^:"})]}, '{"a": ":"}', '{"a": "24"}'),
    ],
)  # fmt: skip
def test_narrowed_formats_that_overlap_with_nothing(schema: Any, good: str, bad: str) -> None:
    acceptor = Acceptor(compile_schema(schema))
    assert acceptor.accepts(good) and not acceptor.accepts(bad)


def test_formats_that_are_turned_round() -> None:
    acceptor = Acceptor(compile_schema({"type": "string", "not": {"format": "date"}}))
    assert acceptor.accepts('"2024-02-30"') and not acceptor.accepts('"2024-02-29"')
    legacy = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "string", "not": {"format": "hostname"}}
    acceptor = Acceptor(compile_schema(legacy))
    assert acceptor.accepts('"a_b"') and not acceptor.accepts('"ab--c"')
    acceptor = Acceptor(compile_schema({"enum": ["noon", "12:00:00Z"], "not": {"format": "time"}}))
    assert acceptor.accepts('"noon"') and not acceptor.accepts('"12:00:00Z"')
    compile_schema({"oneOf": [TIME, {"type": "string", "format": "date"}]})
    compile_schema({"type": "integer", "not": {"format": "time", "minimum": 3}})
