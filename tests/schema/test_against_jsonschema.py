"""A schema is refused, or the grammar made from it holds exactly the instances that `jsonschema` finds valid."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain.errors import InvalidSchema, LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.limits import Limits
from constrain.schema import compile_schema
from tests.schema.acceptor import Acceptor
from tests.schema.strategies import instances, schemas

LIMITS = Limits(alternatives=300, dfa_states=2000)
CHECKS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def verdict(validator: Any, value: Any) -> bool | None:
    """Is the value valid? None: the validator does not come to an end, or fails (`items: false` in old drafts)."""
    try:
        return bool(validator.is_valid(value))
    except (RecursionError, TypeError):
        return None


def compare(validator_class: Any, draft: str, schema: dict[str, Any], values: list[Any]) -> None:
    validator = validator_class(schema)
    try:
        acceptor = Acceptor(
            compile_schema(
                schema, property_order="any", numbers="any", formats="annotate", draft=draft, limits=LIMITS
            )
        )
    except (UnsupportedFeature, LimitExceeded, InvalidSchema):  # invalid: endless references only
        return
    except Unsatisfiable:
        acceptor = None
    for value in values:
        wanted = verdict(validator, value)
        if wanted is not None:
            got = acceptor is not None and acceptor.accepts(json.dumps(value, ensure_ascii=False))
            assert got == wanted, (schema, value, wanted)


@CHECKS
@given(schemas(), st.lists(instances, min_size=3, max_size=8))
def test_draft_2020_12(schema: dict[str, Any], values: list[Any]) -> None:
    compare(jsonschema.Draft202012Validator, "2020-12", schema, values)


@CHECKS
@given(schemas(old=True), st.lists(instances, min_size=3, max_size=8))
def test_draft_7(schema: dict[str, Any], values: list[Any]) -> None:
    compare(jsonschema.Draft7Validator, "7", schema, values)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
         [{"a": 1}, {"b": 1}], [{"a": 1, "b": 1}, {}]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, [1, 2.5, "x"], [3, 1.5]),
        ({"not": {"type": "integer"}}, [1.5, "a", None], [1, 2.0]),
        ({"not": {"properties": {"a": {"type": "string"}}}}, [{"a": 1}], [{"a": "x"}, {}, 1]),
        ({"not": {"multipleOf": 2}, "type": "integer"}, [1, 3], [2, 0, "a"]),
        ({"not": {"enum": [1, "a", None]}}, [2, "b", True, [], {}], [1, 1.0, "a", None]),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "type": "object"},
         [{}, {"a": 1, "b": 1}], [{"a": 1}]),
        ({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, ["a"], [1, None]),
        ({"type": "object", "dependentRequired": {"a": ["b"]}}, [{}, {"b": 1}, {"a": 1, "b": 2}], [{"a": 1}]),
        ({"type": "object", "propertyNames": {"pattern": "^a"}, "minProperties": 1},
         [{"a": 1}, {"ab": 1}], [{}, {"b": 1}]),
        (
            {"patternProperties": {"^a": {"type": "integer"}, "b$": {"minimum": 3}}, "additionalProperties": False},
            [{"ab": 3, "a": 1, "b": "x"}, {}], [{"ab": 2}, {"c": 1}, {"ab": "x"}],
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": False,
             "not": {"properties": {"b": {}}, "additionalProperties": False}},
            [{"a": 1}], [{}, {"b": 1}],
        ),
    ],
)  # fmt: skip
def test_listed(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    acceptor = Acceptor(compile_schema(schema, property_order="any", numbers="any"))
    for value, wanted in [(v, True) for v in good] + [(v, False) for v in bad]:
        assert acceptor.accepts(json.dumps(value)) is wanted, value
        assert verdict(validator, value) in (wanted, None), value


REGEXES = {
    True: [
        "", "^(a|b)+\\d{2,3}$", "([abc])+\\s+$",
        "(?:x(?=y)(?<!z))*?", "[a-zA-Z0-9_-]+\\.\\w+", '[^\\]]é"\n', "a{2}b{3,}",
        "^\\p{Lu}\\u{1F600}$", "[-a]", "\\/x\\.", "((((a)|)*)?){0,2}", "😀", "[^ -~]", "\\cA\\x0f\\u00ff",
    ],
    False: [
        "^(abc]", "(", "a)", "*a", "[z-a]", "a{3,2}", "(?i)a", "(?P<n>a)", "\\a", "[a", "x**", "(?=a)*", "{", "a\\",
        "\\-", "[\\w-z]", "(?<!a)+", "^*",
    ],
}  # fmt: skip


@pytest.mark.parametrize("escapes", ["any", "canonical"])
def test_texts_of_regular_expressions(escapes: str) -> None:
    from constrain.errors import GrammarError
    from constrain.regular.ecma import parse_ecma

    c = constrain.json({"type": "string", "format": "regex"}, escapes=escapes)
    for valid, texts in REGEXES.items():
        for text in texts:
            assert c.matches(json.dumps(text, ensure_ascii=False)) == valid, text
            if escapes == "any":
                assert c.matches(json.dumps(text)) == valid, text
    assert c.matches('"\\u00e9"') == (escapes == "any")
    for text in REGEXES[False][:7]:  # the parser of `pattern` says the same, as far as it is as strict
        with pytest.raises(GrammarError):
            parse_ecma(text)
    least = constrain.json({"type": "string", "format": "regex", "minLength": 1})
    assert least.matches('"(a)"') and least.matches('"a"') and not least.matches('""')
