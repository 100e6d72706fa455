"""What is taken together when a schema is compiled: members that fail for one reason, lists of values, patterns."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

import constrain
from constrain.schema.equal import LARGEST, said
from constrain.schema.resolve import Resource


def resource() -> Resource:
    """The resource of an empty schema of draft 2020-12."""
    keywords = dict.fromkeys(["type", "enum", "items", "properties", "$defs", "$anchor", "unevaluatedItems"])
    return Resource({}, "", 2020, keywords)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"type": "string"}, {"type": "string", "description": "x"}, True),
        ({"type": "string", "x-note": [1]}, {"type": "string"}, True),
        ({"enum": [1]}, {"enum": [1.0]}, False),
        ({"enum": [1]}, {"enum": [True]}, False),
        ({"enum": [0]}, {"enum": [1]}, False),
        ({"properties": {"description": {}}}, {"properties": {}}, False),
        ({"properties": {"a": {"title": "A"}, "b": True}}, {"properties": {"b": True, "a": {}}}, True),
        ({"items": {"type": "string"}}, {"items": {"type": "null"}}, False),
        ({"items": [{"type": "string"}]}, {"items": [{"type": "string"}]}, True),
    ],
)
def test_what_schemas_say(one: Any, other: Any, same: bool) -> None:
    assert (said(one, resource()) == said(other, resource())) is same


@pytest.mark.parametrize(
    "schema",
    [{"$anchor": "a"}, {"$defs": {}}, {"unevaluatedItems": False}, {"$id": "x"}, {"enum": [{}]},
     {"enum": list(range(LARGEST))}],
)  # fmt: skip
def test_what_is_not_known(schema: Any) -> None:
    assert said(schema, resource()) is None


def test_branches_that_repeat_members() -> None:
    """`oneOf` whose branches have members in common, with and without the member that tells them apart."""

    def branch(kind: str, **more: Any) -> dict[str, Any]:
        common = {name: {"type": "string", "description": f"{name} of {kind}"} for name in ("a", "b")}
        nested = {"type": "array", "items": {"type": "integer", "title": kind}}
        return {"type": "object", "additionalProperties": False,
                "properties": {"kind": {"const": kind}, **common, "n": nested, **more}}  # fmt: skip

    schema = {"oneOf": [branch("x"), branch("y", only={"type": "null"}), branch("z", only={"type": "boolean"})]}
    c = constrain.json(schema, property_order="any")
    validator = jsonschema.Draft202012Validator(schema)
    values = [{}, {"only": None}, {"only": True}, {"only": 1}]
    for kind in "xyzw":
        values += [{"kind": kind}, {"kind": kind, "a": "t"}, {"kind": kind, "n": [1, 2]}, {"kind": kind, "n": ["1"]},
                   {"kind": kind, "only": None}, {"kind": kind, "only": True}, {"kind": kind, "b": 1}]  # fmt: skip
    said_valid = [validator.is_valid(v) for v in values]
    assert [c.matches(json.dumps(v)) for v in values] == said_valid
    assert True in said_valid
    assert False in said_valid


def test_lists_of_values_taken_together() -> None:
    """Many options that list values, under a pattern: one list, filtered at once."""
    words = [f"{a}{b}" for a in "abc" for b in "xyz"]
    listed = [{"enum": [w, w.upper()], "description": w} for w in words]
    schema = {"allOf": [{"anyOf": [*listed, {"type": "integer"}]}, {"pattern": "^[a-c]y"}]}
    c = constrain.json(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for value in [*words, *map(str.upper, words), "ay ", 7, 7.5, None]:
        assert c.matches(json.dumps(value)) == validator.is_valid(value), value


def test_options_that_say_more_are_left_as_they_are() -> None:
    """Options that list values beside other keywords keep those."""
    listed = [{"enum": [f"w{i}", i], "type": "string"} for i in range(12)]
    schema = {"anyOf": [*listed, *({"enum": [f"v{i}", 100 + i]} for i in range(12))]}
    c = constrain.json(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for value in [*(f"w{i}" for i in range(13)), *range(13), *range(99, 113), "v0", "v11", "v12"]:
        assert c.matches(json.dumps(value)) == validator.is_valid(value), value
