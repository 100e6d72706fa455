"""What each keyword of JSON Schema adds to a shape: one function per keyword, all with one signature.

A handler gets the compiler, the shape that grows, the keyword's value, the schema it stands in and that schema's
resource. Values of a wrong type are `InvalidSchema`; what can't be enforced is left in `shape.poison`, which matters
only if values of that type survive the rest of the conjunction.

Keys that are tuples belong to schemas that the library itself makes (see negation.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from constrain.grammar.ir import MOST_COUNTED
from constrain.schema import evaluate, finite, unevaluated
from constrain.schema.resolve import MIXED, Resource
from constrain.schema.shape import Count, Facet, Number, Refusal, Row, Shape, Source, Union
from constrain.schema.values import (
    ARRAY,
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TYPES,
    Json,
    count,
    number,
    type_of,
)

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

Handler: TypeAlias = "Callable[[Compiler, Shape, Json, dict[Any, Json], Resource], None]"


def type_(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`type`: one name or a list of them."""
    if value.__class__ is str:
        mask = TYPES.get(value)
        if mask is not None:
            shape.types &= mask
            if value == "integer":
                shape.integer = 2 if resource.draft == 4 else shape.integer or 1
            return
    elif isinstance(value, (list, tuple)) and all(isinstance(t, str) and t in TYPES for t in value):
        mask = 0
        for name in value:
            mask |= TYPES[name]
        shape.types &= mask
        if "integer" in value and "number" not in value:
            shape.integer = 2 if resource.draft == 4 else shape.integer or 1
        return
    raise c.invalid(schema, "type", "`type` must be the name of a type, or a list of such names")


def enum(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`enum`: the values themselves; every other constraint only filters them."""
    if not isinstance(value, (list, tuple)):
        raise c.invalid(schema, "enum", "`enum` must be a list")
    if shape.values is None or len(value) < len(shape.values):
        shape.values = value  # type: ignore[assignment]


def const(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`const`: one value."""
    shape.values = finite.only(c, schema)


# Numbers ---------------------------------------------------------------------------------------------------------


def _number(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], keyword: str) -> Number:
    exact = number(value)
    if exact is None:
        raise c.invalid(schema, keyword, f"`{keyword}` must be a number")
    shape.sources += (Source(keyword, exact, schema),)
    return exact


def bound_below(shape: Shape, low: Number, is_open: bool) -> None:
    """Numbers are above `low`, or equal to it unless the bound is open."""
    if shape.low is None or low > shape.low or (low == shape.low and is_open):
        shape.low, shape.low_open = low, is_open


def bound_above(shape: Shape, high: Number, is_open: bool) -> None:
    """Numbers are below `high`, or equal to it unless the bound is open."""
    if shape.high is None or high < shape.high or (high == shape.high and is_open):
        shape.high, shape.high_open = high, is_open


def minimum(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    is_open = resource.draft in (4, MIXED) and schema.get("exclusiveMinimum") is True
    bound_below(shape, _number(c, shape, value, schema, "minimum"), is_open)


def maximum(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    is_open = resource.draft in (4, MIXED) and schema.get("exclusiveMaximum") is True
    bound_above(shape, _number(c, shape, value, schema, "maximum"), is_open)


def exclusive_minimum(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if isinstance(value, bool) and resource.draft == MIXED:
        return  # as in draft 4: `minimum` reads it
    bound_below(shape, _number(c, shape, value, schema, "exclusiveMinimum"), True)


def exclusive_maximum(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if isinstance(value, bool) and resource.draft == MIXED:
        return
    bound_above(shape, _number(c, shape, value, schema, "exclusiveMaximum"), True)


def exclusive_flag(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`exclusiveMinimum` and `exclusiveMaximum` in draft 4: `minimum` and `maximum` read them."""
    if not isinstance(value, bool):
        keyword = next(k for k in ("exclusiveMinimum", "exclusiveMaximum") if schema.get(k) is value)
        raise c.invalid(schema, keyword, f"`{keyword}` must be true or false in draft 4")


def multiple_of(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    step = _number(c, shape, value, schema, "multipleOf")
    if step <= 0:
        raise c.invalid(schema, "multipleOf", "`multipleOf` must be above 0")
    shape.multiples += (step,)


# Strings ---------------------------------------------------------------------------------------------------------


def _count(c: Compiler, value: Json, schema: dict[Any, Json], keyword: str) -> int:
    n = count(value)
    if n is None:
        raise c.invalid(schema, keyword, f"`{keyword}` must be an integer that is not negative")
    return n


_PARTS: Final = {STRING: "characters", ARRAY: "items", OBJECT: "members"}


def _at_least(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], keyword: str, mask: int) -> int:
    """A lower bound. One beyond `MOST_COUNTED` is a refusal where values of the type survive: no text is so long."""
    n = _count(c, value, schema, keyword)
    if n > MOST_COUNTED:
        reason = f"more than {MOST_COUNTED} {_PARTS[mask]} are demanded; no text is so long"
        shape.poison += ((mask, Refusal(schema, keyword, reason, limit=True)),)
    return n


def _at_most(c: Compiler, value: Json, schema: dict[Any, Json], keyword: str, known: int | None) -> int | None:
    """The smaller one of an upper bound and the one known so far. From `MOST_COUNTED` on it bounds no text."""
    n = _count(c, value, schema, keyword)
    return known if n >= MOST_COUNTED or (known is not None and known <= n) else n


def min_length(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.min_length = max(shape.min_length, _at_least(c, shape, value, schema, "minLength", STRING))


def max_length(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.max_length = _at_most(c, value, schema, "maxLength", shape.max_length)


def pattern(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    language = c.pattern(value, schema, "pattern")
    if not isinstance(language, Refusal):
        shape.languages += (language,)
        shape.wide += (language,)
    else:
        shape.poison += ((STRING, language),)


def format_(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    found = c.format(value, schema, resource)
    if isinstance(found, Refusal) and value == "regex":
        shape.syntax = found
    elif isinstance(found, Refusal):
        shape.poison += ((STRING, found),)
    elif found is not None:
        shape.languages += (found.language,)
        shape.wide += (found.wide,)
        if found.longest is not None and (shape.max_length is None or found.longest < shape.max_length):
            shape.max_length = found.longest


# Arrays ----------------------------------------------------------------------------------------------------------


def _list(c: Compiler, value: Json, schema: dict[Any, Json], keyword: str) -> list[Json]:
    if not isinstance(value, (list, tuple)):
        raise c.invalid(schema, keyword, f"`{keyword}` must be a list of schemas")
    return value  # type: ignore[return-value]


def prefix_items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    prefix = _list(c, value, schema, "prefixItems")
    rest = schema.get("items", True)
    if isinstance(rest, list):
        raise c.invalid(schema, "items", "`items` must be a schema; lists of schemas are `prefixItems` by this draft")
    shape.rows += (Row(prefix, rest, resource),)


def items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`items` from draft 2020-12 on; without `$schema`, a list of schemas is read as earlier drafts did."""
    if "prefixItems" in schema:
        return
    if isinstance(value, list):
        if resource.draft != MIXED:
            hint = "a list of schemas is called `prefixItems` in this draft"
            raise c.invalid(schema, "items", f"`items` must be a schema; {hint}")
        items_before(c, shape, value, schema, resource)
    else:
        shape.rows += (Row((), value, resource),)


def items_before(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`items` with `additionalItems`, before draft 2020-12."""
    if isinstance(value, list):
        shape.rows += (Row(value, schema.get("additionalItems", True), resource),)
    else:
        shape.rows += (Row((), value, resource),)


def min_items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.min_items = max(shape.min_items, _at_least(c, shape, value, schema, "minItems", ARRAY))


def max_items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.max_items = _at_most(c, value, schema, "maxItems", shape.max_items)


def unique_items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if not isinstance(value, bool):
        raise c.invalid(schema, "uniqueItems", "`uniqueItems` must be true or false")
    if value:
        shape.distinct = Refusal(schema, "uniqueItems", "")


def contains(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    least, most = evaluate.contained(c, schema, resource)
    if least > MOST_COUNTED:
        _at_least(c, shape, schema["minContains"], schema, "minContains", ARRAY)
    else:
        add_count(c, shape, Count(0, value, resource, least, most))


def add_count(c: Compiler, shape: Shape, count: Count) -> None:
    """Of the items from a position on, so many satisfy a schema."""
    start, value, resource, least, most = count
    if least == 0 and most is None:
        return
    if most is not None and most < least:
        shape.types &= ~ARRAY
    elif value is True:
        shape.min_items = max(shape.min_items, start + least if least else 0)
        if most is not None and (shape.max_items is None or start + most < shape.max_items):
            shape.max_items = start + most
    elif value is False:
        if least > 0:
            shape.types &= ~ARRAY
    elif most == 0:
        shape.rows += (Row((True,) * start, c.opposite(value), resource),)
    else:
        shape.min_items = max(shape.min_items, start + least if least else 0)
        shape.counts += (count,)


def unevaluated_items(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value is not True:
        unevaluated.add(c, shape, ARRAY, value, schema, resource)


# Objects ---------------------------------------------------------------------------------------------------------


def properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value.__class__ is not dict:
        raise c.invalid(schema, "properties", "`properties` must be an object of schemas")
    patterns: tuple[tuple[str, Json], ...] = ()
    if "patternProperties" in schema:
        patterns = _patterns(c, schema)
    shape.facets += (Facet(value, patterns, schema.get("additionalProperties", True), resource, schema),)


def pattern_properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if "properties" not in schema:
        shape.facets += (Facet({}, _patterns(c, schema), schema.get("additionalProperties", True), resource, schema),)


def additional_properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value is not True and "properties" not in schema and "patternProperties" not in schema:
        shape.facets += (Facet({}, (), value, resource, schema),)


def _patterns(c: Compiler, schema: dict[Any, Json]) -> tuple[tuple[str, Json], ...]:
    value = schema["patternProperties"]
    if value.__class__ is not dict:
        raise c.invalid(schema, "patternProperties", "`patternProperties` must be an object of schemas")
    return tuple(value.items())


def required(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value.__class__ is not list and value.__class__ is not tuple:
        raise c.invalid(schema, "required", "`required` must be a list of names")
    if shape.required is None:
        shape.required = {}
    for name in value:
        if name.__class__ is not str:
            raise c.invalid(schema, "required", "`required` must be a list of names")
        shape.required[name] = None


def min_properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.min_properties = max(shape.min_properties, _at_least(c, shape, value, schema, "minProperties", OBJECT))


def max_properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    shape.max_properties = _at_most(c, value, schema, "maxProperties", shape.max_properties)


def property_names(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value is not True:
        shape.names += ((value, resource),)


def dependencies(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`dependencies`, `dependentRequired`, `dependentSchemas`: the key is absent, or what depends on it holds."""
    if value.__class__ is not dict:
        raise c.invalid(schema, "dependencies", "dependencies must be an object")
    made = c.derived.get((id(value), "dependencies"))
    if made is None:
        made = []
        for name, wanted in value.items():
            if isinstance(wanted, (list, tuple)):
                if not all(isinstance(w, str) for w in wanted):
                    raise c.invalid(schema, "dependencies", "a dependency must be a list of names or a schema")
                if all(w == name for w in wanted):
                    continue
                present: dict[Any, Json] = {"type": "object", "required": [name, *wanted]}
            elif wanted is True:
                continue
            else:
                present = {"type": "object", "required": [name], "allOf": [wanted]}
            made.append([{"properties": {name: False}}, present])
        c.derive((id(value), "dependencies"), made, schema)
    for options in made:
        shape.unions += (Union(options, resource, False, schema, frozenset(c.active), None),)


def unevaluated_properties(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if value is not True:
        unevaluated.add(c, shape, OBJECT, value, schema, resource)


# Any type --------------------------------------------------------------------------------------------------------


def ref(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    target, found = c.follow(value, schema, resource)
    c.add(shape, target, found)


def dynamic_ref(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`$dynamicRef` and `$recursiveRef`."""
    keyword = "$dynamicRef" if schema.get("$dynamicRef") is value else "$recursiveRef"
    target, found = c.follow(value, schema, resource, keyword)
    c.add(shape, target, found)


def all_of(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    for part in _list(c, value, schema, "allOf"):
        c.add(shape, part, resource)


def any_of(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    options = _list(c, value, schema, "anyOf")
    if len(options) == 1:
        c.add(shape, options[0], resource)
    else:
        negated = schema.get(("negation",))  # only in schemas that the library made
        shape.unions += (Union(options, resource, False, schema, frozenset(c.active), negated),)


def one_of(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    options = _list(c, value, schema, "oneOf")
    if len(options) == 1:
        c.add(shape, options[0], resource)
    else:
        shape.unions += (Union(options, resource, True, schema, frozenset(c.active), None),)


def not_(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    if id(value) in shape.seen and id(value) not in c.active:
        shape.types = 0  # the conjunction holds the schema and its negation
        return
    shape.seen.add(-id(value))
    c.add(shape, c.negate(value, resource, schema), resource)


def if_(c: Compiler, shape: Shape, value: Json, schema: dict[Any, Json], resource: Resource) -> None:
    """`if`, `then`, `else`: (if and then) or (not if and else)."""
    then, otherwise = schema.get("then", True), schema.get("else", True)
    if then is True and otherwise is True:
        return
    made = c.derived.get((id(schema), "if"))
    if made is None:
        made = [{"allOf": [value, then]}, {"allOf": [{"not": value}, otherwise]}]
        c.derive((id(schema), "if"), made, schema)
    shape.unions += (Union(made, resource, False, schema, frozenset(c.active), None),)


# Tables ----------------------------------------------------------------------------------------------------------

_ALWAYS: Final[dict[Any, Handler]] = {
    "$ref": ref,
    "type": type_,
    "enum": enum,
    "multipleOf": multiple_of,
    "minimum": minimum,
    "maximum": maximum,
    "minLength": min_length,
    "maxLength": max_length,
    "pattern": pattern,
    "format": format_,
    "minItems": min_items,
    "maxItems": max_items,
    "uniqueItems": unique_items,
    "properties": properties,
    "patternProperties": pattern_properties,
    "additionalProperties": additional_properties,
    "required": required,
    "minProperties": min_properties,
    "maxProperties": max_properties,
    "allOf": all_of,
    "anyOf": any_of,
    "oneOf": one_of,
    "not": not_,
}
_FROM_6: Final[dict[Any, Handler]] = {
    "const": const,
    "contains": contains,
    "propertyNames": property_names,
    "exclusiveMinimum": exclusive_minimum,
    "exclusiveMaximum": exclusive_maximum,
}
_FROM_2019: Final[dict[Any, Handler]] = {
    "if": if_,
    "dependentRequired": dependencies,
    "dependentSchemas": dependencies,
    "unevaluatedItems": unevaluated_items,
    "unevaluatedProperties": unevaluated_properties,
    "dependencies": dependencies,  # later drafts leave it to implementations
}
_OLD: Final[dict[Any, Handler]] = {"items": items_before, "dependencies": dependencies}
_NEW: Final[dict[Any, Handler]] = {"items": items, "prefixItems": prefix_items, "$dynamicRef": dynamic_ref}
_DRAFT_4: Final[dict[Any, Handler]] = {"exclusiveMinimum": exclusive_flag, "exclusiveMaximum": exclusive_flag}


def tables(internal: dict[Any, Handler]) -> dict[int, dict[Any, Handler]]:
    """Draft -> keyword -> handler. internal: the keys of schemas that the library makes, known to every draft."""
    always = _ALWAYS | internal
    return {
        4: always | _OLD | _DRAFT_4,
        6: always | _OLD | _FROM_6,
        7: always | _OLD | _FROM_6 | {"if": if_},
        2019: always | _FROM_6 | _FROM_2019 | {"items": items_before, "$recursiveRef": dynamic_ref},
        2020: always | _FROM_6 | _FROM_2019 | _NEW,
        MIXED: always | _FROM_6 | _FROM_2019 | _NEW,
    }


__all__ = ["BOOLEAN", "NULL", "NUMBER", "Handler", "bound_above", "bound_below", "tables", "type_of"]
