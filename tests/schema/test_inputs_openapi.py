"""Schemas of OpenAPI documents: 3.0 with its own rules, 3.1 as JSON Schema, both with pointers into the document."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain.errors import InvalidSchema, UnsupportedFeature
from tests.schema.strategies import instances, schemas

PETS: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {"/pets": {"get": {"parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}]}}},
    "components": {
        "schemas": {
            "Pet": {
                "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
                "discriminator": {
                    "propertyName": "type",
                    "mapping": {"dog": "Dog", "hound": "#/components/schemas/Dog"},
                },
            },
            "Cat": {
                "type": "object",
                "properties": {"type": {"type": "string"}, "name": {"type": "string", "nullable": True}},
            },
            "Dog": {
                "type": "object",
                "required": ["type", "id"],
                "properties": {
                    "type": {"type": "string"},
                    "id": {"type": "integer", "format": "int32", "minimum": 0, "exclusiveMinimum": True},
                    "likes": {"$ref": "#/components/schemas/Cat", "nullable": True},
                },
            },
            "Bad": {"type": "object", "properties": {"a": {"type": "array", "items": {"if": {}}}}},
            "Tags": {"type": "array", "items": {"$ref": "#/paths/~1pets/get/parameters/0/schema"}},
        }
    },
}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('{"type": "Cat", "name": null}', True),
        ('{"type": "dog", "id": 1}', True),
        ('{"type": "hound", "id": 2147483647}', True),
        ('{"type": "Dog", "id": 1}', False),  # the mapping names it otherwise
        ('{"type": "Cat"}', True),
        ('{"name": "x"}', False),  # the discriminator is required
        ('{"type": "dog", "id": 0}', False),
        ('{"type": "dog", "id": 2147483648}', False),
        ('{"type": "dog", "id": 1, "likes": {}}', True),
        ('{"type": "dog", "id": 1, "likes": null}', False),  # what stands beside a $ref means nothing
        ("null", False),
    ],
)
def test_old_documents(text: str, good: bool) -> None:
    before = copy.deepcopy(PETS)
    assert constrain.openapi(PETS, "#/components/schemas/Pet").matches(text) is good
    assert before == PETS
    assert constrain.openapi(json.dumps(PETS), "Pet").matches(text) is good


def test_references_to_anywhere() -> None:
    c = constrain.openapi(PETS, "Tags")
    assert c.parse("[1, 2]") == [1, 2]
    assert not c.matches('["a"]')
    assert constrain.openapi(PETS, "#/paths/~1pets/get/parameters/0/schema").matches("3")


def test_errors_name_the_place_in_the_document() -> None:
    with pytest.raises(UnsupportedFeature) as refused:
        constrain.openapi(PETS, "Bad")
    assert (refused.value.pointer, refused.value.keyword) == ("/components/schemas/Bad/properties/a/items/if", "if")
    with pytest.raises(InvalidSchema, match="Cat, Dog"):
        constrain.openapi(PETS, "Cow")
    with pytest.raises(InvalidSchema):
        constrain.openapi(PETS)
    with pytest.raises(InvalidSchema, match="OpenAPI document"):
        constrain.json(PETS)
    with pytest.raises(InvalidSchema, match="openapi"):
        constrain.openapi({"type": "integer"})
    with pytest.raises(UnsupportedFeature):
        constrain.openapi({"openapi": "2.0", "info": {}}, "Pet")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, ["null", '"a"'], ["1"]),
        ({"nullable": True, "enum": ["a"]}, ['"a"'], ["null"]),  # without `type`, `nullable` says nothing (3.0.3)
        ({"type": "string", "nullable": True, "enum": ["a", None]}, ['"a"', "null"], ['"b"']),
        ({"type": "string", "nullable": True, "enum": ["a"]}, ['"a"'], ["null"]),
        ({"type": "number", "maximum": 3, "exclusiveMaximum": True}, ["2.5"], ["3"]),
        ({"type": "number", "maximum": 3, "exclusiveMaximum": False}, ["3"], ["3.5"]),
        ({"type": "string", "format": "byte"}, ['"YQ=="', '""'], ['"a"', '"!"']),
        ({"type": "integer", "format": "int64"}, ["9223372036854775807"], ["9223372036854775808"]),
        ({"type": "number", "format": "double"}, ["1.5"], ['"a"']),
        ({"type": "string", "const": "a"}, ['"a"'], ['"b"']),
        ({"type": "object", "properties": {"nullable": {"type": "string"}, "id": {"type": "integer"}},
          "additionalProperties": False}, ['{"nullable": "a", "id": 1}'], ['{"x": 1}', '{"id": "a"}']),
    ],
)  # fmt: skip
def test_schemas_by_themselves(schema: Any, good: list[str], bad: list[str]) -> None:
    c = constrain.openapi(schema, version="3.0")
    assert [c.matches(text) for text in good + bad] == [True] * len(good) + [False] * len(bad)


def test_formats_may_be_notes() -> None:
    c = constrain.openapi({"type": "integer", "format": "int32"}, version="3.0", formats="annotate")
    assert c.matches("2147483648")


NEW: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "components": {
        "schemas": {
            "Pet": {
                "type": ["object", "null"],
                "$schema": "https://spec.openapis.org/oas/3.1/dialect/base",
                "properties": {
                    "id": {"type": "integer", "exclusiveMinimum": 0},
                    "next": {"$ref": "#/components/schemas/Pet"},
                },
                "required": ["id"],
                "unevaluatedItems": True,
            },
            "Any": {
                "anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
                "discriminator": {"propertyName": "t"},
            },
            "A": {"properties": {"t": {"type": "string"}, "x": {"const": 1}}},
            "B": {"properties": {"t": {"type": "string"}, "x": {"const": 2}}},
        }
    },
}  # fmt: skip


def test_new_documents() -> None:
    c = constrain.openapi(NEW, "Pet")
    assert c.matches('{"id": 1, "next": null}') and c.matches("null") and not c.matches('{"id": 0}')
    c = constrain.openapi(NEW, "Any")
    assert c.matches('{"t": "A", "x": 1}') and not c.matches('{"t": "A", "x": 2}') and c.matches('{"t": "B", "x": 2}')
    with pytest.raises(UnsupportedFeature) as refused:
        constrain.openapi(NEW | {"jsonSchemaDialect": "https://example.org/own"}, "Pet")
    assert refused.value.pointer == "/jsonSchemaDialect"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(), st.lists(instances, min_size=3, max_size=6))
def test_new_schemas_are_json_schemas(schema: dict[str, Any], values: list[Any]) -> None:
    """Twin: the same schema by itself."""
    text = json.dumps(schema).replace("#/$defs/", "#/components/schemas/X/$defs/")
    document = {"openapi": "3.1.0", "info": {}, "components": {"schemas": {"X": json.loads(text)}}}
    limits = constrain.Limits(alternatives=300, dfa_states=2000)

    def verdicts(make: Any) -> Any:
        try:
            c = make()
            return [c.matches(json.dumps(value)) for value in values]
        except constrain.ConstraintError as error:
            return type(error)

    options: dict[str, Any] = {"limits": limits, "property_order": "any", "draft": "2020-12"}
    wanted = verdicts(lambda: constrain.json(schema, **options))
    assert verdicts(lambda: constrain.openapi(document, "X", **options)) == wanted


nullables = st.recursive(
    st.sampled_from(["string", "integer", "boolean"]).flatmap(
        lambda kind: st.booleans().map(lambda n: {"type": kind, "nullable": n})
    ),
    lambda inner: st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(
        lambda p: {"type": "object", "properties": p}
    )
    | st.builds(lambda items, n: {"type": "array", "items": items, "nullable": n}, inner, st.booleans()),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(nullables, st.lists(instances, min_size=3, max_size=8))
def test_nullable(schema: dict[str, Any], values: list[Any]) -> None:
    """Twin: jsonschema, taught `nullable`."""
    draft4 = jsonschema.validators.Draft4Validator

    def kind(validator: Any, types: Any, value: Any, schema: Any) -> Any:
        if value is not None or not schema.get("nullable"):
            yield from draft4.VALIDATORS["type"](validator, types, value, schema)

    validator = jsonschema.validators.extend(draft4, {"type": kind})(schema)
    c = constrain.openapi(schema, version="3.0", property_order="any", numbers="any")
    for value in values:
        assert c.matches(json.dumps(value)) == validator.is_valid(value), value
