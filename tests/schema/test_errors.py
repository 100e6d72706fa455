"""Every error of a schema says where, by which keyword, why, and what to do about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain.errors import (
    ConstraintError,
    InvalidSchema,
    InvalidText,
    LimitExceeded,
    Unsatisfiable,
    UnsupportedFeature,
)
from constrain.limits import Limits
from tests.schema.strategies import instances, schemas


def at(document: Any, pointer: str) -> Any:
    """The part that a pointer leads to. KeyError, IndexError, TypeError: there is none."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def check(error: ConstraintError, schema: Any) -> None:
    """The fields of an error about a schema without other documents."""
    assert error.reason and not error.reason.endswith(".") and error.reason in str(error)
    assert error.pointer is not None, str(error)
    found = at(schema, error.pointer)
    if isinstance(error, UnsupportedFeature):
        assert error.hint and error.keyword, str(error)
    if isinstance(error, LimitExceeded):
        assert error.keyword, str(error)
        assert error.hint or error.keyword not in Limits.__dataclass_fields__, str(error)
    if isinstance(error, InvalidSchema) and error.keyword and error.keyword in error.pointer:
        assert found is not None or error.pointer.endswith(error.keyword)


OTHERS: list[tuple[Any, type[ConstraintError], str]] = [
    ({"properties": {"a": {"pattern": r"(a)\1"}}}, UnsupportedFeature, "/properties/a/pattern"),
    ({"properties": {"a": {"format": "regex", "maxLength": 9}}}, UnsupportedFeature, "/properties/a/format"),
    ({"items": {"$ref": "https://example.org/other"}}, UnsupportedFeature, "/items/$ref"),
    ({"items": {"multipleOf": 0.00001234567, "type": "number"}}, UnsupportedFeature, "/items/multipleOf"),
    ({"$schema": "https://example.org/own"}, UnsupportedFeature, "/$schema"),
    ({"items": {"minLength": -1}}, InvalidSchema, "/items/minLength"),
    ({"items": {"pattern": "("}}, InvalidSchema, "/items/pattern"),
    ({"items": {"$ref": "#/nowhere"}}, InvalidSchema, "/items/$ref"),
    ({"items": 3}, InvalidSchema, "/items"),
    ({"items": {"type": "strin"}}, InvalidSchema, "/items/type"),
    ({"items": {"minItems": 1 << 31, "type": "array"}, "minItems": 1}, LimitExceeded, "/items/minItems"),
    ({"required": ["a"], "type": "object", "properties": {"a": False}}, Unsatisfiable, "/properties/a"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "kind", "pointer"), OTHERS, ids=[p for _, _, p in OTHERS])
def test_errors_of_schemas(schema: Any, kind: type[ConstraintError], pointer: str) -> None:
    with pytest.raises(kind) as caught:
        constrain.json(schema)
    assert caught.value.pointer == pointer
    check(caught.value, schema)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas() | schemas(old=True), instances, st.sampled_from([3, 12, 40]), st.sampled_from([2, 10]))
def test_errors_of_random_schemas(schema: Any, value: Any, states: int, alternatives: int) -> None:
    """With limits so small that they are passed everywhere, while a text is followed, too."""
    try:
        c = constrain.json(schema, limits=Limits(dfa_states=states, alternatives=alternatives))
        c.matches(json.dumps(value))
    except InvalidText:
        raise
    except ConstraintError as error:
        check(error, schema)
