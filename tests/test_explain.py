"""Explanations of texts outside of a language: the byte, the place, the keyword, and words for a person."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain.errors import ConstraintError, InvalidText, LimitExceeded
from constrain.explain import Explanation, position, scan
from constrain.explain.validate import errors
from constrain.limits import Limits
from tests.schema.strategies import instances, schemas

CHECKS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b", 1]}, "minItems": 1, "maxItems": 2},
        "when": {"type": "string", "format": "date"},
        "either": {
            "anyOf": [{"type": "string"}, {"type": "object", "properties": {"k": {"const": "v"}}, "required": ["k"]}]
        },
        "letters": {"type": "string", "pattern": "^a+$"},
        "half": {"type": "number", "multipleOf": 0.5},
        "never": False,
    },
    "required": ["name"],
    "additionalProperties": False,
    "maxProperties": 3,
}

SENTENCES = [
    ('{"name": "Bob",\n    "age": -1}', "/age", "minimum",
     "at byte 28 (line 2, column 13), in /age: expected an integer of at least 0 (minimum), found '1'"),
    ('{"name":"Bob","age":151}', "/age", "maximum", "expected an integer of at most 150 (maximum), found '1'"),
    ('{"name":"Bob","age":"1"}', "/age", "type", "expected an integer (type), found '\"'"),
    ('{"name":"Bob","age":1.0}', "/age", "numbers", "expected a number in canonical spelling (numbers), found '.'"),
    ('{"name":"B"}', "/name", "minLength",
     "expected a string of at least 2 characters (minLength), found the end of the string"),
    ('{"name":"Bobbbb"}', "/name", "maxLength", "expected a string of at most 5 characters (maxLength), found 'b'"),
    ('{"age":1,"name":"Bob"}', "", "property_order",
     "at byte 2 (line 1, column 3): expected the property 'name' (property_order), found 'a'."),
    ("{}", "", "required", "at byte 1 (line 1, column 2): expected the property 'name' (required), found '}'"),
    ('{"age":1}', "", "required", "expected the property 'name' (required), found 'a'. With property_order=\"schema\""),
    ('{"name":"Bob","zz":1}', "", "additionalProperties", "expected one of the properties 'name', 'age', 'tags'"),
    ('{"name":"Bob","never":1}', "", None, "expected no property 'never': the schema allows no value for it"),
    ('{"name":"Bob","tags":[]}', "/tags", "minItems", "expected an array of at least 1 item (minItems), found ']'"),
    ('{"name":"Bob","tags":["a","c"]}', "/tags/1", "enum", 'expected "a", "b" or 1 (enum), found \'c\''),
    ('{"name":"Bob","tags":[1,1,1]}', "/tags", "maxItems", "an array of at most 2 items (maxItems), found ','"),
    ('{"name":"Bob","tags":[1,1,1', "/tags", "maxItems", "an array of at most 2 items (maxItems), found ','"),
    ('{"name":"Bob","when":"2020-13-01"}', "/when", "format", "expected a string in the format 'date' (format)"),
    ('{"name":"Bob","either":3}', "/either", "anyOf", "expected a string or an object (anyOf), found '3'"),
    ('{"name":"Bob","either":{"k":1}}', "/either/k", "const", 'expected "v" (const), found \'1\''),
    ('{"name":"Bob","letters":"ab"}', "/letters", "pattern", "a string that matches ^a+$ (pattern), found 'b'"),
    ('{"name":"Bob","half":1.3}', "/half", "multipleOf",
     "expected a number that is a multiple of 0.5 (multipleOf), found '}' after 1.3"),
    ('{"name":"Bob","age":1,"tags":[1],"half":1}', "", "maxProperties",
     "expected an object with at most 3 properties (maxProperties), found ','"),
    ('{"name":"Bob"', "", None, "at byte 13 (line 1, column 14): expected ',' or '}', found the end of the text"),
    ('{"name":"Bob","ta', "", None, "expected the property 'tags', found the end of the text"),
    ('{"name":"Bob","age":', "/age", None, "in /age: expected a number, found the end of the text"),
    ('{"name":"Bo', "/name", None, "in /name: expected the rest of the string, found the end of the text"),
    ("", "", None, "expected an object, found the end of the text"),
    (" {}", "", "whitespace", "No whitespace stands before the document"),
    ('{"name":"Bob"} ', "", "whitespace", "No whitespace stands after the document"),
    ('{"name":"Bob"}x', "", None, "expected the end of the text, found 'x'"),
    ("{'name':1}", "", None, "expected the property 'name', found \"'\". This is not JSON: strings stand in double"),
    ('{"name":"Bob","name":"Al"}', "", None, "expected another property, found 'n'. 'name' stands there already"),
    ('{"name":None}', "/name", None, "found 'N'. This is not JSON: it writes true, false and null"),
    ('{"name":"B\u00f6b\\ud800"}', "/name", None, "at byte 19 (line 1, column 19)"),
    ("[1]", "", "type", "expected an object (type), found '['"),
    ('{"name":[', "/name", "type", "expected a string (type), found '['"),
    ('{"name":"Bob","age":1' + " " * 65 + "}", "", "whitespace", "At most 64 blanks stand in a row"),
    ("```json\n{}", "", None, "This is not JSON, but a block of Markdown"),
    ('{"name":"Bob",}', "", None, "no comma stands before the end"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pointer", "keyword", "words"), SENTENCES, ids=[s[0][:40] for s in SENTENCES])
def test_sentences(text: str, pointer: str, keyword: str | None, words: str) -> None:
    found = constrain.json(PERSON).explain(text)
    assert found is not None
    assert words in found, found
    assert (found.pointer, found.keyword) == (pointer, keyword), found
    assert found.message in found and found.expected in found.message and found.found in found.message
    for twin in (pickle.loads(pickle.dumps(found)), copy.copy(found)):
        assert twin == found and twin.byte == found.byte and isinstance(twin, Explanation)


@pytest.mark.parametrize(
    ("options", "text", "keyword", "words"),
    [
        ({"whitespace": "compact"}, '{"name": "Bob"}', "whitespace", 'whitespace="compact" allows none'),
        ({"whitespace": "pretty"}, '{"name":"Bob"}', "whitespace", 'whitespace="flexible" takes it'),
        ({"escapes": "canonical"}, '{"name":"\\u0041b"}', "escapes", 'escapes="any" takes it'),
        ({"property_order": "any"}, '{"age":1}', "required", "expected the property 'name' (required), found '}'"),
        ({"numbers": "any"}, '{"name":"Bob","age":1.5}', "type", "expected an integer (type), found '}' after 1.5"),
    ],
)
def test_options(options: Any, text: str, keyword: str, words: str) -> None:
    found = constrain.json(PERSON, **options).explain(text)
    assert found is not None and found.keyword == keyword and words in found, found


def test_what_can_no_longer_be_put_right() -> None:
    """`b` had to come before `c`, so the value of `c` that asks for it can't come."""
    schema = {
        "type": "object",
        "properties": {"b": {"type": "integer"}, "c": {"enum": ["abc", "def"]}},
        "if": {"properties": {"c": {"const": "def"}}},
        "then": {"required": ["b", "c"]},
    }
    found = constrain.json(schema).explain('{"c": "def"}')
    assert found is not None and (found.byte, found.keyword) == (7, "required"), found
    assert "expected the property 'b' (required), found 'd'. It could no longer be put right" in found


def test_what_may_come_can_be_too_large_to_tell() -> None:
    limits = Limits(dfa_states=9)
    c = constrain.json({"properties": {"a": {"type": "string", "pattern": "^(?:xq|y){9}$"}}}, limits=limits)
    found = c.explain('{"a": 1}')
    assert found is not None and found.keyword == "type" and "in /a: expected a string (type), found '1'" in found


def test_where_the_keyword_stands() -> None:
    schema = {"$defs": {"n": {"maximum": 3}}, "items": {"anyOf": [{"$ref": "#/$defs/n"}]}}
    found = constrain.json(schema).explain("[1, 4]")
    assert found is not None and (found.pointer, found.schema_pointer) == ("/1", "/$defs/n/maximum")


@pytest.mark.parametrize(
    ("make", "text", "words"),
    [
        (lambda: constrain.choice(["yes", "no", "never"]), "maybe", "expected 'never', 'no' or 'yes', found 'm'"),
        (lambda: constrain.choice(["yes", "no"]), "ye", "at byte 2 (line 1, column 3): expected 's', found"),
        (lambda: constrain.choice(["yes", "no"]), "yess", "expected the end of the text, found 's'"),
        (lambda: constrain.choice(["a\nb"]), "a\nc", "at byte 2 (line 2, column 1): expected 'b', found 'c'"),
        (lambda: constrain.regex(r"[a-z]+[0-9]{2,3}é?"), "1", "expected 'a' to 'z', found '1'"),
        (lambda: constrain.regex(r"[a-z]+[0-9]{2,3}é?"), "abc1x", "expected a digit, found 'x'"),
        (lambda: constrain.regex(r"[a-z]+[0-9]{2,3}é?"), "a123é€", "expected the end of the text, found '€'"),
        (lambda: constrain.regex(r"[^ab]*"), "xa", "found 'a'"),
        (lambda: constrain.regex("é+"), b"\xc3\xc3", "at byte 1 (line 1, column 2)"),
        (lambda: constrain.regex("a+"), b"a\xff", "found the byte 0xff, which is not UTF-8"),
    ],
)
def test_other_languages(make: Any, text: Any, words: str) -> None:
    found = make().explain(text)
    assert found is not None and words in found and found.pointer is None, found


def test_parse_raises_what_explain_says() -> None:
    c = constrain.json(PERSON)
    with pytest.raises(InvalidText) as caught:
        c.parse('{"name":\n1}')
    error = caught.value
    assert str(error) == str(error.explanation) == str(c.explain('{"name":\n1}'))
    assert (error.position, error.line, error.column) == (9, 2, 1)
    assert (error.pointer, error.keyword) == ("/name", "type")


@pytest.mark.parametrize(
    ("make", "text", "words"),
    [
        (lambda: constrain.json({"items": {"type": "integer", "maximum": 5}}), "[" + "1," * 99_999 + "9]", "in /99999"),
        (lambda: constrain.json({"type": "string"}), '"' + "\\" * 100_001, "found the end of the text"),
        (lambda: constrain.json({"items": {"$ref": "#"}, "type": "array"}), "[" * 9_000 + "x", "found 'x'"),
        (lambda: constrain.json({"type": "number", "multipleOf": 0.01}), "1e-99999999", "found '9'"),
        (lambda: constrain.json({"type": "string", "pattern": "^(a+)+$"}), '"' + "a" * 60 + '!"', "(pattern)"),
        (lambda: constrain.choice([f"option {i}" for i in range(10_000)]), "optiox", "expected 'n '"),
        (lambda: constrain.regex("a{5000}"), "b", "aaa…'"),
    ],
    ids=["long", "escapes", "deep", "exponent", "pattern", "many", "forced"],
)
def test_texts_of_strangers(make: Any, text: str, words: str) -> None:
    """Nothing takes long, and nothing falls over."""
    found = make().explain(text)
    assert found is not None and words in found, str(found)[-300:]


@given(st.text("aé😀\n", max_size=12), st.data())
def test_lines_and_columns(text: str, data: st.DataObject) -> None:
    """Twin: characters counted one by one."""
    at = data.draw(st.integers(0, len(text)))
    before = text[:at]
    wanted = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    encoded = text.encode()
    assert position(encoded, len(before.encode())) == wanted
    if at < len(text) and text[at] == "é":
        assert position(encoded, len(before.encode()) + 1) == wanted


@CHECKS
@given(instances, st.integers(0, 400), st.sampled_from([None, 1]))
def test_places_in_a_text(value: Any, cut: int, indent: int | None) -> None:
    """Twin: the same text, closed by hand at the place, is JSON that has something there."""
    data = json.dumps(value, indent=indent, ensure_ascii=False).encode()
    cut = min(cut, len(data))
    place = scan.scan(data, cut)
    if place.kind == "done":
        assert json.loads(data[:cut]) == value
        return
    assert place.opened == "" or place.container == place.opened[-1]
    at: Any = value
    for token in place.path:
        if isinstance(at, list) and token == len(at):  # an item is expected where the list ends
            return
        at = at[token]
    text = scan.completed(data, cut, place)
    if place.kind in ("string", "number", "word"):
        assert text is not None and scan.token_at(data, place) == json.dumps(at, ensure_ascii=False).encode()
    if place.kind in ("key", "name", "colon", "after"):
        assert isinstance(at, (dict, list))
        if isinstance(at, dict):
            assert place.members == list(at)[: len(place.members)]
    if text is not None:
        assert scan.parsed(text)[0], text


PIECES = st.sampled_from(
    [b'{"a":', b'"b"', b"[", b"]", b"}", b",", b"1", b".5", b" ", b"\xff", b"tru", b"\\u", b'{"', b"\xc3", b":",
     b"null"]
)
LIMITS = Limits(alternatives=300, dfa_states=2000)


def prefix_length(c: constrain.Constraint, data: bytes) -> int:
    """Twin: how many bytes can be taken, one by one."""
    matcher = c.byte_matcher()
    return next((i for i, b in enumerate(data) if not matcher.accept(b)), len(data))


def constraint_of(schema: Any, **options: Any) -> constrain.Constraint | None:
    """None: refused, or too large for the test."""
    try:
        return constrain.json(schema, limits=LIMITS, **options)
    except ConstraintError:
        return None


def too_large(c: constrain.Constraint, data: bytes) -> bool:
    """Does following the text need an automaton that is too large for the test?"""
    try:
        c.matches(data)
    except LimitExceeded:
        return True
    return False


def keywords_at_fault(error: Any) -> set[str | None]:
    names = {error.validator, "propertyNames" if "propertyNames" in error.absolute_schema_path else error.validator}
    return names.union(*map(keywords_at_fault, error.context or ()))


@CHECKS
@given(schemas(), instances, st.booleans(), st.integers(0, 60))
def test_explanations_of_values(schema: Any, value: Any, any_order: bool, cut: int) -> None:
    """The byte is the first that can't be taken; the keyword is one that `jsonschema` finds at fault, if it does."""
    options: dict[str, Any] = {"property_order": "any", "numbers": "any"} if any_order else {}
    c = constraint_of(schema, draft="2020-12", **options)
    if c is None:
        return
    text = json.dumps(value, ensure_ascii=False)
    data = text.encode()
    if too_large(c, data):
        return
    found = c.explain(text)
    assert (found is None) == c.matches(text)
    if found is not None:
        assert found.byte == prefix_length(c, data)
        assert (found.line, found.column) == (1, len(data[: found.byte].decode("utf-8", "ignore")) + 1)
        wrong = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
        if any_order:
            assert found.keyword in set().union(*map(keywords_at_fault, wrong)), (found, wrong)
        else:
            options = {"property_order", "numbers"}
            assert found.keyword in options.union(*map(keywords_at_fault, wrong)), (found, wrong)
    short = data[:cut]
    found = c.explain(short)
    assert (found is None) == c.matches(short)
    if found is not None:
        assert found.byte == prefix_length(c, short)


@CHECKS
@given(schemas(), st.lists(PIECES, max_size=6))
def test_anything_is_explained(schema: Any, parts: list[bytes]) -> None:
    c = constraint_of(schema)
    data = b"".join(parts)
    if c is not None and not too_large(c, data):
        found = c.explain(data)
        assert (found is None) == c.matches(data)
        assert found is None or found.byte == prefix_length(c, data)


@CHECKS
@given(schemas(), instances)
def test_the_validator_agrees_with_the_library(schema: Any, value: Any) -> None:
    """Our exact numbers change nothing where floats are exact, as in these values."""
    from constrain.schema.inputs import Input

    validator = jsonschema.Draft202012Validator(schema)
    try:
        wanted = not list(validator.iter_errors(value))
    except RecursionError:
        return
    given_schema = Input(schema, options={"draft": "2020-12", "formats": "annotate"})
    assert (errors(given_schema, value, LIMITS) == []) == wanted
