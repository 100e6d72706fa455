"""Schemas without values: the error names the keywords that contradict each other, and only these."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import constrain
from constrain.errors import ConstraintError, Unsatisfiable
from constrain.limits import Limits
from tests.schema.strategies import schemas

BAD = {"type": "integer", "minimum": 5, "maximum": 3, "description": "none"}


@pytest.mark.parametrize(
    ("schema", "pointer", "keyword", "words"),
    [
        (BAD, "", "minimum", "no value satisfies `minimum`, `maximum` and `type` together"),
        ({"items": {"$ref": "#/$defs/b"}, "minItems": 1, "type": "array", "$defs": {"b": BAD}}, "/$defs/b", "minimum",
         "`maximum`"),
        ({"type": "object", "properties": {"a": BAD, "b/c": BAD}, "required": ["b/c"]}, "/properties/b~1c", "minimum",
         "`maximum`"),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}, {"type": "integer"}]}, "", "allOf",
         "no value satisfies /allOf/0 and /allOf/2 together"),
        ({"allOf": [{}, BAD]}, "/allOf/1", "minimum", "`maximum`"),
        ({"enum": [1, 2], "type": "string"}, "", "enum", "`enum` and `type`"),
        ({"oneOf": [{}, {}], "title": "x"}, "/oneOf", "oneOf", "no value satisfies `oneOf`"),
        (False, "", None, "no value satisfies the schema `false`"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "", "$ref", "without end"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "", "required",
         "`required`, `additionalProperties` and `type`"),
    ],
)  # fmt: skip
def test_reasons(schema: Any, pointer: str, keyword: str | None, words: str) -> None:
    before = copy.deepcopy(schema)
    with pytest.raises(Unsatisfiable) as caught:
        constrain.json(schema)
    assert (caught.value.pointer, caught.value.keyword) == (pointer, keyword)
    assert words in str(caught.value)
    assert schema == before


def test_large_schemas_are_not_searched() -> None:
    with pytest.raises(Unsatisfiable) as caught:
        constrain.json({"type": "string", "enum": list(range(3000))})
    assert (caught.value.pointer, caught.value.keyword) == ("", None)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas())
def test_what_is_named_is_to_blame(schema: Any) -> None:
    """The part that is named has no values by itself, and has some without the first keyword that is named."""
    limits = Limits(alternatives=300, dfa_states=2000)
    try:
        constrain.json(schema, limits=limits)
    except Unsatisfiable as error:
        found = error
    except ConstraintError:
        return
    else:
        return
    keyword, pointer = found.keyword, found.pointer or ""
    if keyword is None or "without end" in found.reason or "$ref" in str(schema):
        return
    if pointer.endswith("/" + keyword) and "together" not in found.reason:
        pointer = pointer[: -len(keyword) - 1]
    part: Any = schema
    for token in pointer.split("/")[1:]:
        part = part[int(token)] if isinstance(part, list) else part[token]
    with pytest.raises(Unsatisfiable):
        constrain.json(part, limits=limits)
    without = {k: v for k, v in part.items() if k != keyword}
    if "together" in found.reason and "/allOf/" not in found.reason:
        named = {k for k in part if f"`{k}`" in found.reason}
        without = {k: v for k, v in without.items() if k in named}
    try:
        constrain.json(without, limits=limits)
    except Unsatisfiable:
        assert "allOf" in found.reason
    except ConstraintError:
        pass
