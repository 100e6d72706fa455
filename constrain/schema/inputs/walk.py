"""The schemas inside a schema, by keyword: for rewriting a document without touching what only looks like a schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

ONE = frozenset(
    {
        "additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
MANY = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
NAMED = frozenset({"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"})


def subschemas(schema: dict[str, Any]) -> Iterator[tuple[str, str | int | None, Any]]:
    """The schemas right inside a schema: (keyword, name or index in its value or None, schema)."""
    for keyword, value in schema.items():
        if keyword in MANY and isinstance(value, (list, tuple)):
            for i, part in enumerate(value):
                yield keyword, i, part
        elif keyword in ONE and isinstance(value, (dict, bool)):
            yield keyword, None, value
        elif keyword in NAMED and isinstance(value, dict):
            for name, part in value.items():
                if isinstance(part, (dict, bool)):
                    yield keyword, name, part


def step(pointer: str, *tokens: str | int | None) -> str:
    """The JSON pointer of a part."""
    for token in tokens:
        if token is not None:
            pointer += "/" + str(token).replace("~", "~0").replace("/", "~1")
    return pointer


def rewrite(root: Any, change: Callable[[dict[str, Any], str], dict[str, Any]], pointer: str = "") -> Any:
    """A copy of a schema in which `change(schema, pointer)` has been applied to every schema, outer ones first.

    What `change` returns is walked on. Without recursion, so that depth is no matter.
    """
    if not isinstance(root, dict):
        return root
    made = dict(change(root, pointer))
    todo = [(made, pointer)]
    while todo:
        schema, at = todo.pop()
        for keyword, value in schema.items():
            if keyword in NAMED and isinstance(value, dict):
                schema[keyword] = dict(value)
            elif keyword in MANY and isinstance(value, (list, tuple)):
                schema[keyword] = list(value)
        for keyword, name, part in list(subschemas(schema)):
            if isinstance(part, dict):
                place = step(at, keyword, name)
                new = dict(change(part, place))
                todo.append((new, place))
                if name is None:
                    schema[keyword] = new
                else:
                    schema[keyword][name] = new
    return made
