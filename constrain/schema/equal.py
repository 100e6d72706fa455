"""Schemas that say the same at different places of a document: what they say as a hashable value, annotations apart.

A large `oneOf` is told apart by negations, and the branches of such schemas tend to repeat the same members. Members
that fail for the same reason share one alternative, which is then seen to hold already (`algebra._holds`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from constrain.schema.resolve import Resource
    from constrain.schema.values import Json

LARGEST = 64  # keywords and values in all; of larger schemas it is not known
_SCALARS: Final = frozenset([str, int, float, bool, type(None)])
_SCHEMAS: Final = frozenset([
    "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
])  # fmt: skip
_LISTS: Final = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
_MAPS: Final = frozenset(["properties", "patternProperties", "dependentSchemas"])
_PLAIN: Final = frozenset([
    "$ref", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength",
    "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
    "pattern", "required", "type", "uniqueItems",
])  # fmt: skip
_SILENT: Final = frozenset(["$comment", "default", "deprecated", "description", "examples", "readOnly", "title",
                            "writeOnly"])  # fmt: skip


class _Unknown(Exception):
    """It is not known what a schema says: it is large, or a keyword depends on where it stands."""


def said(schema: Json, resource: Resource) -> Hashable:
    """Equal for two schemas of one resource only if they allow the same values; None where that is not known."""
    try:
        return _schema(schema, resource, [LARGEST])
    except _Unknown:
        return None


def _schema(schema: Json, resource: Resource, left: list[int]) -> Hashable:
    if schema.__class__ is not dict:
        return _value(schema, left)
    out: list[Hashable] = []
    for keyword, value in schema.items():
        if keyword in _SILENT or keyword.__class__ is not str:
            if keyword.__class__ is not str:
                raise _Unknown
            continue
        if keyword in _PLAIN:
            out.append((keyword, _value(value, left)))
        elif keyword in _SCHEMAS and value.__class__ is not list:
            out.append((keyword, _schema(value, resource, left)))
        elif (keyword in _LISTS or keyword == "items") and value.__class__ is list:
            out.append((keyword, tuple([_schema(part, resource, left) for part in value])))
        elif keyword in _MAPS and value.__class__ is dict:
            out.append((keyword, frozenset([(name, _schema(part, resource, left)) for name, part in value.items()])))
        elif keyword in resource.keywords or keyword.startswith("$") or keyword in ("id", "definitions"):
            raise _Unknown
        _count(left)
    return frozenset(out)


def _value(value: Json, left: list[int]) -> Hashable:
    """A value with the classes of what is in it: `1`, `1.0` and `true` are not the same."""
    _count(left)
    if value.__class__ in _SCALARS:
        return value.__class__, value
    if value.__class__ is list:
        return tuple([_value(v, left) for v in value])
    raise _Unknown


def _count(left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise _Unknown
