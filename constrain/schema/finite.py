"""Values that a schema lists (`enum`, `const`): filtered by everything else the schemas say, then written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.errors import ConstraintError
from constrain.grammar.ir import NEVER, Array, NodeId, Object, StringChoice, Text
from constrain.grammar.ir import Literal as Words
from constrain.regular.ast import EMPTY
from constrain.schema import evaluate
from constrain.schema.shape import Literal, Refusal, Shape
from constrain.schema.values import NUMBER, STRING, Json, is_scalar_text, key, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constrain.schema.compiler import Compiler
    from constrain.schema.resolve import Resource
    from constrain.schema.shape import Union

_HARMLESS = {"enum", "const", "type", "description", "title", "default", "examples", "$comment"}
_HARMLESS_LISTS = _HARMLESS - {"const", "type"}
_HARMLESS_PATTERNS = _HARMLESS - {"const", "enum", "type"} | {"pattern"}
FEW = 8  # lists of values and texts below which nothing is gained by taking them together
_NAMES = {"string": str, "boolean": bool, "null": type(None)}


def values_of(c: Compiler, shape: Shape) -> list[Json]:
    """The listed values that satisfy every schema of the conjunction."""
    values = shape.values
    assert values is not None
    if len(shape.literals) == 1:
        schema = shape.literals[0][0]
        if isinstance(schema, dict) and not (schema.keys() - _HARMLESS) and ("enum" in schema) != ("const" in schema):
            named = schema.get("type")
            if named is None:
                return values
            plain = _NAMES.get(named) if isinstance(named, str) else None
            if plain is not None:
                return [v for v in values if v.__class__ is plain]
    passing = -1
    for literal in shape.literals:
        passing &= _passing(c, values, literal)
    if passing == (1 << len(values)) - 1:
        return values
    return [v for i, v in enumerate(values) if passing >> i & 1]


def surely_none(c: Compiler, literals: Sequence[Literal]) -> bool | None:
    """Have these schemas no common value? Told only where one of them lists its values; None otherwise."""
    for schema, resource in literals:
        if schema.__class__ is dict and "enum" in schema and schema["enum"].__class__ is list:
            if "$ref" in schema and resource.ref_alone:
                continue
            values = schema["enum"]
            break
        if schema.__class__ is dict and "const" in schema and "const" in resource.keywords:
            if "$ref" in schema and resource.ref_alone:
                continue
            values = only(c, schema)
            break
    else:
        return None
    passing = (1 << len(values)) - 1
    for literal in literals:
        passing &= _passing(c, values, literal)
        if not passing:
            return True
    return False


def merged(c: Compiler, union: Union, options: list[Json]) -> list[Json]:
    """Options that list values and say nothing else, as one list of all of them; other options as they are."""
    if len(options) < FEW or union.exclusive or options is not union.options:
        return options
    name = (id(options), "merged")
    known: list[Json] | None = c.derived.get(name)
    if known is None:
        keywords = union.resource.keywords
        plain = [o for o in options if o.__class__ is dict and o.get("enum").__class__ is list
                 and keywords.keys().isdisjoint(o.keys() - _HARMLESS_LISTS)]  # fmt: skip
        known = options
        if len(plain) >= FEW:
            values = {key(v): v for o in plain for v in o["enum"]}
            chosen = set(map(id, plain))
            known = [{"enum": list(values.values())}, *(o for o in options if id(o) not in chosen)]
            c.derive((id(options), "merged", "list"), known[0], union.schema)
        c.derived[name] = known
    return known


def only(c: Compiler, schema: dict[Any, Json]) -> list[Json]:
    """The value of `const` as a list, always the same one."""
    known: list[Json] | None = c.derived.get((id(schema), "const"))
    if known is None:
        known = c.derived[id(schema), "const"] = [schema["const"]]
        c.origin[id(known)] = schema
    return known


def _passing(c: Compiler, values: list[Json], literal: Literal) -> int:
    """Which of the values satisfy the schema: bit i is set if value i does."""
    schema, resource = literal
    name = (id(values), id(schema))
    known = c.filtered.get(name)
    if known is None:
        bits = 0
        try:
            fast = _matching(c, values, schema, resource)
            for i, value in enumerate(values):
                if evaluate.is_valid(c, value, schema, resource) if fast is None else fast[i]:
                    bits |= 1 << i
        except ConstraintError as error:
            raise _located(c, values, error) from None
        known = c.filtered[name] = (bits, values)
    return known[0]


def _matching(c: Compiler, values: list[Json], schema: Json, resource: Resource) -> list[bool] | None:
    """Which of many strings match the pattern of a schema that says nothing else; None where it is not so simple."""
    if len(values) < FEW or schema.__class__ is not dict or "pattern" not in schema or "$ref" in schema:
        return None
    if "pattern" not in resource.keywords or resource.id_keyword in schema:
        return None
    if not resource.keywords.keys().isdisjoint(schema.keys() - _HARMLESS_PATTERNS):
        return None
    if not all(v.__class__ is str and is_scalar_text(v) for v in values):
        return None
    language = c.pattern(schema["pattern"], schema, "pattern")
    if isinstance(language, Refusal):
        return None
    from constrain.regular import compile

    return compile(language, c.limits).accepts_each(values)


def emit(c: Compiler, shape: Shape) -> list[NodeId]:
    """Nodes for the values that the shape lists and allows."""
    values = values_of(c, shape)
    try:
        return _nodes(c, values)
    except ConstraintError as error:
        raise _located(c, shape.values, error) from None


def _located(c: Compiler, values: list[Json] | None, error: ConstraintError) -> ConstraintError:
    """The error with its place, where that is known to be the list of values."""
    if error.pointer is not None:
        return error
    schema = c.origin.get(id(values))
    keyword, place = ("enum", c.pointer(values)) if schema is None else ("const", c.pointer(schema, "const"))
    return error.located(place, keyword if error.keyword in (None, "enum") else None)


def _nodes(c: Compiler, values: list[Json]) -> list[NodeId]:
    texts, numbers, made = [], [], []
    for value in values:
        kind = type_of(value)
        if kind == STRING:
            if is_scalar_text(value):
                texts.append(value)
        elif kind == NUMBER:
            numbers.append(value)
        else:
            made.append(node(c, value))
    if texts:
        made.append(c.leaf(StringChoice(tuple(dict.fromkeys(texts)))))
    if numbers:
        made.append(_numbers(c, numbers))
    return made


def _numbers(c: Compiler, numbers: list[Json]) -> NodeId:
    from constrain.regular import numbers as languages

    spelling = "canonical" if c.canonical else "any"
    language = languages.values(numbers, "number", spelling, c.limits)  # type: ignore[arg-type]
    return NEVER if language is EMPTY else c.leaf(Text(language))


def node(c: Compiler, value: Json) -> NodeId:
    """The node for exactly this value."""
    if value is None:
        return c.leaf(Words(b"null"))
    if isinstance(value, bool):
        return c.leaf(Words(b"true" if value else b"false"))
    if isinstance(value, str):
        return c.leaf(StringChoice((value,))) if is_scalar_text(value) else NEVER
    if isinstance(value, (list, tuple)):
        items = tuple([node(c, v) for v in value])
        return NEVER if NEVER in items else c.leaf(Array(items, NEVER, len(items), len(items)))
    if isinstance(value, dict):
        values = tuple([node(c, v) for v in value.values()])
        if NEVER in values or not all(isinstance(k, str) and is_scalar_text(k) for k in value):
            return NEVER
        size = len(values)
        return c.leaf(Object(tuple(value), values, (True,) * size, (), size, size, c.ordered))
    return _numbers(c, [value])


def excludes(shape: Shape, value: Json) -> bool:
    """Is the value among those that the shape excludes?"""
    return bool(shape.excluded) and any(key(v) == key(value) for v in shape.excluded)
