"""Schemas of OpenAPI documents. 3.1 and 3.2 are JSON Schema 2020-12; 3.0 is a dialect of its own, rewritten here.

Rewritten are only the schemas that references from the chosen one reach, each at its place, so that JSON pointers in
errors are those of the document.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from constrain.errors import InvalidSchema, UnsupportedFeature
from constrain.limits import Limits
from constrain.schema.inputs import Input
from constrain.schema.inputs.walk import rewrite, step

COMPONENTS = "/components/schemas"
DIALECT = "https://spec.openapis.org/oas/"  # of 3.1 and later: 2020-12 and annotations
LATER = frozenset(
    {
        "$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "contains",
        "definitions", "dependencies", "dependentRequired", "dependentSchemas", "else", "if", "maxContains",
        "minContains", "patternProperties", "prefixItems", "propertyNames", "then", "unevaluatedItems",
        "unevaluatedProperties", "additionalItems",
    }
)  # fmt: skip
_RANGES = {  # the specification's registry of formats, for integers
    "int8": (-(1 << 7), (1 << 7) - 1), "int16": (-(1 << 15), (1 << 15) - 1), "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1), "uint8": (0, (1 << 8) - 1), "uint16": (0, (1 << 16) - 1),
    "uint32": (0, (1 << 32) - 1), "uint64": (0, (1 << 64) - 1),
}  # fmt: skip


def read(document: Any, at: str, version: str | None, options: dict[str, Any], limits: Limits) -> Input:
    """A schema of an OpenAPI document, or with `version` a schema by itself.

    at: JSON pointer ("#/components/schemas/Pet", "/components/schemas/Pet") or the name of a component ("Pet").
    """
    from constrain.schema.document import check_depth, load
    from constrain.schema.resolve import draft_named

    if isinstance(document, (str, bytes, bytearray)):
        document = load(document, limits)  # type: ignore[arg-type]
    else:
        check_depth(document, limits)
    if not isinstance(document, dict):
        raise InvalidSchema("an OpenAPI document is an object", pointer="")
    version = str(document.get("openapi", version or "")) if version is None else version
    if not version:
        hint = 'For a schema by itself say which rules it follows, as in version="3.0"'
        raise InvalidSchema("this is no OpenAPI document of version 3: it has no `openapi`", pointer="", hint=hint)
    if not version.startswith(("3.0", "3.1", "3.2")):
        raise UnsupportedFeature(f"OpenAPI {version} is not known", pointer="/openapi", keyword="openapi")
    at = _pointer(document, at)
    _find(document, at)
    asserts = options.get("formats", "assert") == "assert"
    if version.startswith("3.0"):
        if options.get("draft") is not None:
            raise ValueError("draft belongs to JSON Schemas; OpenAPI 3.0 has its own rules")
        document = _Reader(document, asserts, old=True).read(at)
        return Input(document, at, options | {"draft": "4"})
    dialect = document.get("jsonSchemaDialect", DIALECT)
    draft = options.get("draft") or ("2020-12" if str(dialect).startswith(DIALECT) else str(dialect))
    try:
        draft_named(draft)
    except ValueError as error:
        raise UnsupportedFeature(str(error), pointer="/jsonSchemaDialect", keyword="jsonSchemaDialect") from None
    document = _Reader(document, asserts, old=False).read(at)
    return Input(document, at, options | {"draft": draft})


def _pointer(document: dict[str, Any], at: str) -> str:
    """`at` as a JSON pointer."""
    if at.startswith("#"):
        return unquote(at[1:])
    if at and not at.startswith("/"):
        return step(COMPONENTS, at)
    if not at and "openapi" in document:
        hint = 'Name a schema, as in "#/components/schemas/Pet"'
        raise InvalidSchema("a document holds many schemas", pointer="", hint=hint)
    return at


def _find(document: Any, pointer: str) -> Any:
    """The part of the document that a JSON pointer leads to."""
    value = document
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isascii() and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        else:
            hint = ""
            held = document.get("components", {}).get("schemas", {}) if isinstance(document, dict) else {}
            if pointer.startswith(COMPONENTS) and isinstance(held, dict) and held:
                hint = "There are " + ", ".join(sorted(held)[:20])
            raise InvalidSchema(f"there is nothing at {pointer}", pointer=pointer, hint=hint or None)
    return value


class _Reader:
    """Copies the schemas that a schema leads to, as JSON Schema."""

    def __init__(self, document: dict[str, Any], asserts: bool, old: bool) -> None:
        self.document = document
        self.asserts = asserts
        self.old = old
        self.wanted: list[str] = []

    def read(self, at: str) -> Any:
        """A document that holds what the schema at `at` leads to."""
        self.wanted = [at]
        made: dict[str, Any] = {}
        while self.wanted:
            pointer = self.wanted.pop()
            if pointer not in made and (self.old or _has(self.document, pointer)):
                made[pointer] = rewrite(_find(self.document, pointer), self.change, pointer)
        if "" in made:
            root = made.pop("")
        else:
            root = {}
        for pointer in sorted(made, key=lambda p: p.count("/")):
            _put(root, pointer, made[pointer])
        return root

    def change(self, schema: dict[str, Any], pointer: str) -> dict[str, Any]:
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/"):
            self.wanted.append(unquote(ref[1:]))
        elif ref == "#":
            self.wanted.append("")
        if self.old:
            if "$ref" in schema:
                return {"$ref": ref}  # its neighbours mean nothing
            schema = _from_30(schema, pointer)
        elif str(schema.get("$schema", "")).startswith(DIALECT):
            schema = {k: v for k, v in schema.items() if k != "$schema"}
        if "discriminator" in schema:
            schema = self.choose(schema, pointer)
        return _formats(schema) if self.asserts and "format" in schema else schema

    def choose(self, schema: dict[str, Any], pointer: str) -> dict[str, Any]:
        """`discriminator` beside `oneOf` or `anyOf`: each branch has its values of the property."""
        given = schema["discriminator"]
        keyword = next((k for k in ("oneOf", "anyOf") if k in schema), None)
        name = given.get("propertyName") if isinstance(given, dict) else None
        if not isinstance(name, str):
            raise InvalidSchema("`discriminator` needs a `propertyName`", pointer=pointer, keyword="discriminator")
        if keyword is None or not isinstance(schema[keyword], list):
            return schema  # a note for those who extend the schema by `allOf`
        mapping = given.get("mapping", {})
        if not isinstance(mapping, dict) or not all(isinstance(v, str) for v in mapping.values()):
            raise InvalidSchema("`mapping` is an object of texts", pointer=pointer, keyword="discriminator")
        targets: dict[str, list[str]] = {}
        for value, target in mapping.items():
            named = step(COMPONENTS, target)
            targets.setdefault("#" + named if _has(self.document, named) else target, []).append(value)
        branches = []
        for i, branch in enumerate(schema[keyword]):
            ref = branch.get("$ref") if isinstance(branch, dict) else None
            if not isinstance(ref, str):
                reason = "beside `discriminator` each branch must be a `$ref`"
                place = step(pointer, keyword, i)
                raise UnsupportedFeature(reason, pointer=place, keyword="discriminator", hint="Name the schema")
            values = targets.get(ref) or [ref.rpartition("/")[2].replace("~1", "/").replace("~0", "~")]
            tag = {"type": "object", "required": [name], "properties": {name: {"enum": values}}}
            branches.append({"allOf": [branch, tag]})
        return {k: v for k, v in schema.items() if k not in (keyword, "discriminator")} | {"anyOf": branches}


def _from_30(schema: dict[str, Any], pointer: str) -> dict[str, Any]:
    """A schema of OpenAPI 3.0 without `$ref` as one of draft 4 (whose `exclusiveMinimum` is a boolean, too)."""
    for keyword in schema:
        if keyword in LATER:
            hint = "It came with OpenAPI 3.1; say `openapi: 3.1.0` if that is meant"
            reason = f"`{keyword}` is no keyword of OpenAPI 3.0"
            raise UnsupportedFeature(reason, pointer=step(pointer, keyword), keyword=keyword, hint=hint)
    made = {k: v for k, v in schema.items() if k not in ("id", "$schema", "nullable")}
    if "const" in made:
        made = {("enum" if k == "const" else k): ([v] if k == "const" else v) for k, v in made.items()}
    nullable = schema.get("nullable", False)
    if not isinstance(nullable, bool):
        raise InvalidSchema("`nullable` must be true or false", pointer=step(pointer, "nullable"), keyword="nullable")
    if nullable and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _formats(schema: dict[str, Any]) -> dict[str, Any]:
    """The formats that OpenAPI adds: ranges of integers, Base64; the others allow what the type allows."""
    name, kind = schema["format"], schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    rule: dict[str, Any] = {}
    if name in _RANGES and "integer" in kinds:
        rule = {"minimum": _RANGES[name][0], "maximum": _RANGES[name][1]}
    elif name == "byte" and "string" in kinds:
        from constrain.schema.inputs import spellings

        rule = {"pattern": spellings.whole(spellings.BASE64)}
    elif name not in (*_RANGES, "byte", "float", "double", "binary", "password", "decimal"):
        return schema
    made = {k: v for k, v in schema.items() if k != "format"}
    if rule:
        made["allOf"] = [*made.get("allOf", ()), rule]
    return made


def _put(root: dict[str, Any], pointer: str, schema: Any) -> None:
    """Put a schema at its place, in objects that are made on the way. (Lists become objects, by index.)"""
    held: Any = root
    tokens = [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]
    for token in tokens[:-1]:
        key: Any = int(token) if isinstance(held, list) else token
        inner = held[key] if isinstance(held, list) else held.get(key, {})
        inner = held[key] = list(inner) if isinstance(inner, list) else dict(inner)  # the user's own is left alone
        held = inner
    last: Any = int(tokens[-1]) if isinstance(held, list) else tokens[-1]
    held[last] = schema


def _has(document: Any, pointer: str) -> bool:
    try:
        _find(document, pointer)
    except InvalidSchema:
        return False
    return True
