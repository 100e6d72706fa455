"""Python types as schemas: Pydantic models, dataclasses, TypedDict, enums and annotations, all through pydantic."""

from __future__ import annotations

from functools import partial
from typing import Any

from constrain.errors import ConstraintError, InvalidSchema, InvalidText, UnsupportedFeature
from constrain.schema.inputs import Input
from constrain.schema.inputs.walk import rewrite

REFUSED = "x-constrain-refused"  # [keyword, reason, hint]: written where a type can't be enforced
EXTRA = ("forbid", "ignore")


def read(annotation: Any, options: dict[str, Any]) -> Input:
    """The texts that pydantic makes a value of the type from. Options: those of `constrain.json`, and `extra`."""
    options = dict(options)
    extra = options.pop("extra", "forbid")
    if extra not in EXTRA:
        raise ValueError(f"extra must be one of {', '.join(EXTRA)}, not {extra!r}")
    if options.get("draft") not in (None, "2020-12"):
        raise ValueError("draft belongs to JSON Schemas; a Python type has none")
    if options.get("numbers", "canonical") != "canonical":
        raise ValueError("pydantic reads integers with a fraction or exponent as doubles; numbers must be canonical")
    adapter, document = schema_of(annotation, closed=extra == "forbid")
    options = {"unknown_formats": "refuse", **options, "draft": "2020-12"}
    return Input(document, options=options, decode=partial(validated, adapter))


def schema_of(annotation: Any, closed: bool) -> tuple[Any, dict[str, Any]]:
    """The `TypeAdapter` of a type and the JSON Schema (2020-12) of what it validates.

    closed: no members but those declared, in classes that would ignore others.
    """
    try:
        import pydantic
        from pydantic.errors import PydanticUserError
    except ImportError:
        hint = "pip install 'constrain-decoding[pydantic]'"
        raise ImportError(f"Python types as schemas need pydantic: {hint}") from None
    from constrain.schema.inputs.pydantic_schema import generator

    try:
        is_adapter = isinstance(annotation, pydantic.TypeAdapter)
        adapter: Any = annotation if is_adapter else pydantic.TypeAdapter(annotation)
        document = adapter.json_schema(schema_generator=generator(closed))
    except ConstraintError:
        raise
    except PydanticUserError as error:
        raise InvalidSchema(f"pydantic makes no schema of {annotation!r}: {error.message}") from error
    except (NameError, TypeError) as error:  # forward references to nowhere, things that are no types
        raise InvalidSchema(f"pydantic makes no schema of {annotation!r}: {error}") from error
    return adapter, rewrite(document, _settled)


def _settled(schema: dict[str, Any], pointer: str) -> dict[str, Any]:
    """The schema with pydantic's own formats as patterns. Raises UnsupportedFeature for what was marked."""
    refused = schema.get(REFUSED)
    if refused is not None:
        keyword, reason, hint = refused
        raise UnsupportedFeature(reason, pointer=pointer, keyword=keyword, hint=hint or None)
    name = schema.get("format")
    if not isinstance(name, str) or "type" not in schema:
        return schema
    from constrain.schema.inputs import spellings

    if name in ("password", "path", "binary"):  # any string
        return {k: v for k, v in schema.items() if k != "format"}
    patterns = {f"uuid{v}": spellings.uuid(v) for v in range(1, 9)}
    patterns |= {"base64": spellings.whole(spellings.BASE64), "base64url": spellings.whole(spellings.BASE64URL)}
    if name in patterns:
        made = {k: v for k, v in schema.items() if k != "format"}
        if name.startswith("uuid"):
            made["format"] = "uuid"
        if "pattern" in made:
            made["allOf"] = [*made.get("allOf", ()), {"pattern": patterns[name]}]
        else:
            made["pattern"] = patterns[name]
        return made
    return schema


def validated(adapter: Any, text: str) -> Any:
    """What a `TypeAdapter` makes of a JSON text. Raises InvalidText."""
    from pydantic import ValidationError

    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise InvalidText(f"the type refuses the text, which is one of its schema: {error}") from error
