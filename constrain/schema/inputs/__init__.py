"""What `constrain.json` takes besides JSON Schema: Python types, tools and response formats, schemas of OpenAPI.

Each becomes an `Input`: a document for `compile_schema`, and how a text is made into what the user expects back.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from constrain.errors import InvalidSchema
from constrain.limits import Limits

_CONSTRUCTS: tuple[Any, ...] = (type, types.UnionType, types.GenericAlias, typing.NewType, typing.ForwardRef)


@dataclass(frozen=True)
class Input:
    """A schema as the compiler takes it.

    document, at: the schema is the part of the document that this JSON pointer leads to. options: of `compile_schema`,
    those of the user completed. decode: text of the language -> value; None: `json.loads`.
    """

    document: Any
    at: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    decode: Callable[[str], Any] | None = None


def read(schema: Any, options: dict[str, Any], limits: Limits) -> Input:
    """What the user gave, as an `Input`. Raises InvalidSchema, UnsupportedFeature, LimitExceeded."""
    if isinstance(schema, (str, bytes, bytearray)):
        from constrain.schema.document import load

        schema = load(schema, limits)  # type: ignore[arg-type]
    if isinstance(schema, (dict, list, tuple)):
        if not isinstance(schema, dict) or schema.get("type") in _TOOLS:
            from constrain.schema.inputs import tools

            return tools.read(schema, options)
        if isinstance(schema.get("openapi"), str) and isinstance(schema.get("info"), dict):
            hint = 'Name the schema in it: constrain.openapi(document, "#/components/schemas/...")'
            raise InvalidSchema("this is an OpenAPI document, not a schema", keyword="openapi", hint=hint)
    elif is_type(schema):
        from constrain.schema.inputs import python

        return python.read(schema, options)
    elif not isinstance(schema, bool):
        kind = type(schema).__name__
        hint = "Give a JSON Schema, a Python type (not a value of it), or a list of tools"
        reason = f"a schema must be an object, or true or false; this is of type {kind}"
        raise InvalidSchema(reason, pointer="", hint=hint)
    return Input(schema, options=options)


_TOOLS = ("function", "json_schema", "json_object")


def is_type(value: Any) -> bool:
    """Is this a class, an annotation, or a pydantic `TypeAdapter`?"""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, _CONSTRUCTS) or typing.get_origin(value) is not None:
        return True
    kind = type(value)
    return kind.__name__ in ("TypeAdapter", "TypeAliasType") and kind.__module__.split(".")[0] in (
        "pydantic",
        "typing",
        "typing_extensions",
    )
