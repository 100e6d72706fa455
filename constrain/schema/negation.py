"""`not`, by rewriting: a schema for exactly the values that another schema does not allow.

A schema is a conjunction of its keywords, so its negation is the union, over the keywords, of the values that fail that
keyword. Each such set is written as a schema again, with keys of the library's own (tuples) where JSON Schema has no
keyword for it. What fails a "for all" keyword is a "there is some" (`Some`, `SomeItem`), which algebra.py turns into
alternatives where there are finitely many. Negations of sub-schemas stay `{"not": ...}` until they are reached.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from constrain.grammar.ir import MOST_COUNTED
from constrain.regular.ast import ALL, Regex, choice, complement, union
from constrain.schema import evaluate, objects, unevaluated
from constrain.schema.equal import said
from constrain.schema.keywords import Handler, add_count, bound_above, bound_below
from constrain.schema.resolve import Resource
from constrain.schema.shape import Count, Facet, Refusal, Row, Shape, Some, Source
from constrain.schema.values import ARRAY, OBJECT, TYPES, Json, count, number, type_of

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

Schema = dict[Any, Json]
_DOUBLE: Final = "that some item of an array of bounded length stands in it twice can't be enforced"
_FORMAT: Final = "that a text fails the format %r can't be enforced: %s"


def negation(c: Compiler, schema: Schema, resource: Resource) -> Json:
    """The negation of a schema (an object) that stands in `resource`."""
    given, resource = resource, c.resolver.enter(schema, resource)
    if ("negation",) in schema:
        return {("ref",): schema["negation",]}
    if "$ref" in schema and resource.ref_alone:
        options = _ref(c, schema["$ref"], schema, resource)
    else:
        options = []
        schema = c.known_part(schema, resource)
        for keyword, value in schema.items():
            fails = NEGATIONS.get(keyword)
            if fails is not None and (keyword in resource.keywords or keyword == "additionalItems"):
                options += fails(c, value, schema, resource)
    options = [o for o in options if o is not False]
    if True in options:
        return True
    if not options:
        return False
    made: Json = {"anyOf": options, ("negation",): (schema, resource)}
    return made if resource is given else {("ref",): (made, resource)}


def _type(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) and n in TYPES for n in names):
        raise c.invalid(schema, "type", "`type` must be the name of a type, or a list of such names")
    integral = "integer" in names and "number" not in names
    others = [t for t in TYPES if t != "integer" and t not in names and not (t == "number" and integral)]
    out: list[Json] = [{"type": others}] if others else []
    if integral:
        out.append({"type": "number", ("not", "integer"): True})
    return out


def _enum(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if not isinstance(value, (list, tuple)):
        raise c.invalid(schema, "enum", "`enum` must be a list")
    scalars = [v for v in value if type_of(v) not in (ARRAY, OBJECT)]
    unlike = [_unlike(v, resource) for v in value if type_of(v) in (ARRAY, OBJECT)]
    return [{("not", "enum"): scalars, "allOf": unlike}]


def _unlike(value: Json, resource: Resource) -> Json:
    """A schema for what differs from an array or object: in size, or in some item or member."""
    size = len(value)
    if type_of(value) == ARRAY:
        others: list[Json] = [{"type": "array", "maxItems": size - 1}] if size else []
        for i, v in enumerate(value):
            row = Row((True,) * i + ({"not": {"enum": [v]}},), True, resource)
            others.append({"type": "array", "minItems": i + 1, ("row",): row})
        others.append({"type": "array", "minItems": size + 1})
    else:
        others = [{"type": "object", "minProperties": size + 1}]
        for name, v in value.items():  # it is missing, or differs
            others.append({"type": "object", "properties": {name: {"not": {"enum": [v]}}}})
    rest = [t for t in TYPES if TYPES[t] != type_of(value)]
    return {"anyOf": [{"type": rest}, *others]}


def _const(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return _enum(c, [value], schema, resource)


def _bounds(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    """Fails for any of the four keywords on bounds: read by the keywords' own handlers, then turned round."""
    bounds = Shape([])
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if schema.get(keyword) is value and keyword in resource.keywords:
            if keyword in schema:
                resource.keywords[keyword](c, bounds, value, schema, resource)
    out: list[Json] = []
    if bounds.low is not None:
        out.append({"type": "number", ("bound",): (None, False, bounds.low, not bounds.low_open, bounds.sources)})
    if bounds.high is not None:
        out.append({"type": "number", ("bound",): (bounds.high, not bounds.high_open, None, False, bounds.sources)})
    return out


def _multiple(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    step = number(value)
    if step is None or step <= 0:
        raise c.invalid(schema, "multipleOf", "`multipleOf` must be above 0")
    return [{"type": "number", ("not", "multipleOf"): Source("multipleOf", step, schema)}]


def _least(name: str, opposite: str) -> Callable[..., list[Json]]:
    def fails(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
        n = count(value)
        if n is None:
            raise c.invalid(schema, None, "a length must be an integer that is not negative")
        return [{"type": name, opposite: n - 1}] if n else []

    return fails


def _most(name: str, opposite: str) -> Callable[..., list[Json]]:
    def fails(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
        n = count(value)
        if n is None:
            raise c.invalid(schema, None, "a length must be an integer that is not negative")
        return [{"type": name, opposite: n + 1}] if n < MOST_COUNTED else []  # no text is so long

    return fails


def _pattern(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return [{"type": "string", ("not", "language"): c.pattern(value, schema, "pattern")}]


def _format(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    found = c.format(value, schema, resource)
    if found is None:
        return []
    if isinstance(found, Refusal):
        return [{"type": "string", ("not", "language"): found}]
    unlike: Regex | Refusal = found.language
    if found.narrowed is not None:  # its complement would hold texts that the format allows
        unlike = Refusal(schema, "format", _FORMAT % (value, found.narrowed), negated=True)
    out: list[Json] = [{"type": "string", ("not", "language"): unlike}]
    if found.longest is not None:
        out.append({"type": "string", "minLength": found.longest + 1})
    return out


def _items(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    """`items`, `prefixItems`, `additionalItems`: read by their handlers, once for all of them."""
    shape = Shape([])
    for keyword in ("items", "prefixItems"):
        if keyword in schema and keyword in resource.keywords:
            resource.keywords[keyword](c, shape, schema[keyword], schema, resource)
    first = next((k for k in ("items", "prefixItems") if k in schema), None)
    if not shape.rows or first is None or schema[first] is not value:
        return []
    prefix, rest, _ = shape.rows[0]
    out: list[Json] = []
    for i, part in enumerate(prefix):
        if part is not True:
            out.append({"type": "array", "minItems": i + 1, ("item",): (i, {"not": part}, resource)})
    if rest is False:
        out.append({"type": "array", "minItems": len(prefix) + 1})
    elif rest is not True and rest != {}:
        out.append({"type": "array", ("count",): Count(len(prefix), {"not": rest}, resource, 1, None)})
    return out


def _unique(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if value is not True:
        return []
    return [{"type": "array", "minItems": 2, ("double",): Refusal(schema, "uniqueItems", _DOUBLE, negated=True)}]


def _contains(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    least, most = evaluate.contained(c, schema, resource)
    out: list[Json] = []
    if least > 0:
        out.append({"type": "array", ("count",): Count(0, value, resource, 0, least - 1)})
    if most is not None:
        out.append({"type": "array", ("count",): Count(0, value, resource, most + 1, None)})
    return out


def _properties(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    """Fails for `properties` and `required` together: a required member that is absent or wrong is one alternative."""
    if not isinstance(value, dict):
        raise c.invalid(schema, "properties", "`properties` must be an object of schemas")
    wanted = schema.get("required", ())
    out: list[Json] = []
    for name, part in value.items():
        if part is True and name not in wanted:
            continue
        same = said(part, resource)
        known = c.derived.get((name, name in wanted, id(resource), same)) if same is not None else None
        if known is None:
            known = {"type": "object", "properties": {name: part is not True and {"not": part}}}
            if name not in wanted:
                known["required"] = [name]
            if same is not None:
                c.derived[name, name in wanted, id(resource), same] = known
        out.append(known)
    return out


def _patterns(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if not isinstance(value, dict):
        raise c.invalid(schema, "patternProperties", "`patternProperties` must be an object of schemas")
    out: list[Json] = []
    for text, part in value.items():
        if part is not True:
            keys = partial(objects.key_language, c, text, schema)
            some = Some(partial(objects.matches, c, text, schema=schema), keys, {"not": part}, resource)
            out.append({"type": "object", ("some",): some})
    return out


def _additional(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if value is True or value == {}:
        return []
    declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})

    def undeclared(name: str) -> bool:
        return name not in declared and not any(objects.matches(c, text, name, schema) for text in patterns)

    def keys() -> Regex:
        return complement(union(choice(declared), *(objects.key_language(c, text, schema) for text in patterns)))

    some = Some(undeclared, keys, True if value is False else {"not": value}, resource)
    return [{"type": "object", "minProperties": 1, ("some",): some}]


def _names(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    def misnamed(name: str) -> bool:
        return not evaluate.is_valid(c, name, value, resource)

    unlike = {"not": value}

    def keys() -> Regex:
        language = objects.names_language(c, ((unlike, resource),))
        return ALL if language is None else language

    return [{"type": "object", "minProperties": 1, ("some",): Some(misnamed, keys, True, resource)}]


def _required(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(n, str) for n in value):
        raise c.invalid(schema, "required", "`required` must be a list of names")
    declared = schema.get("properties", ())  # those are read there
    return [{"type": "object", "properties": {name: False}} for name in dict.fromkeys(value) if name not in declared]


def _dependencies(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    if not isinstance(value, dict):
        raise c.invalid(schema, "dependencies", "dependencies must be an object")
    out: list[Json] = []
    for name, wanted in value.items():
        if isinstance(wanted, (list, tuple)):
            out += [{"type": "object", "required": [name], "properties": {w: False}} for w in wanted if w != name]
        else:
            out.append({"type": "object", "required": [name], "allOf": [{"not": wanted}]})
    return out


def _ref(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    target, found = c.follow(value, schema, resource)
    return [not target if isinstance(target, bool) else {("ref",): ({"not": target}, found)}]


def _all_of(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return [{"not": part} for part in value]


def _any_of(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return [{"allOf": [{"not": part} for part in value]}]


def _one_of(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return [*_any_of(c, value, schema, resource), *({"allOf": [a, b]} for a, b in combinations(value, 2))]


def _not(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    return [value]


def _if(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    out: list[Json] = []
    if schema.get("then", True) is not True:
        out.append({"allOf": [value, {"not": schema["then"]}]})
    if schema.get("else", True) is not True:
        out.append({"allOf": [{"not": value}, {"not": schema["else"]}]})
    return out


def _unevaluated(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    out: list[Json] = []
    for keyword, kind in (("unevaluatedProperties", OBJECT), ("unevaluatedItems", ARRAY)):
        if schema.get(keyword) is value and value is not True:
            out += unevaluated.negated(c, kind, value, schema, resource)
    return out


def _dynamic_ref(c: Compiler, value: Json, schema: Schema, resource: Resource) -> list[Json]:
    keyword = "$dynamicRef" if schema.get("$dynamicRef") is value else "$recursiveRef"
    target, found = c.follow(value, schema, resource, keyword)
    return [not target if isinstance(target, bool) else {("ref",): (c.opposite(target), found)}]


NEGATIONS: Final[dict[Any, Callable[..., list[Json]]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _bounds,
    "maximum": _bounds,
    "exclusiveMinimum": _bounds,
    "exclusiveMaximum": _bounds,
    "multipleOf": _multiple,
    "minLength": _least("string", "maxLength"),
    "maxLength": _most("string", "minLength"),
    "pattern": _pattern,
    "format": _format,
    "items": _items,
    "prefixItems": _items,
    "minItems": _least("array", "maxItems"),
    "maxItems": _most("array", "minItems"),
    "uniqueItems": _unique,
    "contains": _contains,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _additional,
    "required": _required,
    "minProperties": _least("object", "maxProperties"),
    "maxProperties": _most("object", "minProperties"),
    "propertyNames": _names,
    "dependencies": _dependencies,
    "dependentRequired": _dependencies,
    "dependentSchemas": _dependencies,
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "unevaluatedItems": _unevaluated,
    "unevaluatedProperties": _unevaluated,
    "$dynamicRef": _dynamic_ref,
    "$recursiveRef": _dynamic_ref,
}


# Keys of schemas that the library makes --------------------------------------------------------------------------


def _add_ref(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    target, found = value
    c.add(shape, target, found)


def _add_not_integer(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.not_integer = True


def _add_not_enum(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.excluded += tuple(value)


def _add_not_multiple(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.sources += (value,)
    shape.not_multiples += (value.value,)


def _add_not_language(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    if isinstance(value, Regex):
        shape.languages += (complement(value),)
        shape.wide += (complement(value),)
    else:
        shape.poison += ((TYPES["string"], value),)


def _add_bound(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    low, low_open, high, high_open, sources = value
    shape.sources += sources
    if low is not None:
        bound_below(shape, low, low_open)
    if high is not None:
        bound_above(shape, high, high_open)


def _add_row(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.rows += (value,)


def _add_item(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    i, part, place = value
    shape.rows += (Row((True,) * i + (part,), True, place),)


def _add_member(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    name, part, place = value
    shape.facets += (Facet({name: part}, (), True, place, schema),)


def _add_some(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.somes += (value,)


def _add_count(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    add_count(c, shape, value)


def _add_double(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.double = value


def _add_facet(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.facets += (value,)


def _add_refusal(c: Compiler, shape: Shape, value: Json, schema: Schema, resource: Resource) -> None:
    shape.poison += (value,)


INTERNAL: Final[dict[Any, Handler]] = {
    ("ref",): _add_ref,
    ("not", "integer"): _add_not_integer,
    ("not", "enum"): _add_not_enum,
    ("not", "multipleOf"): _add_not_multiple,
    ("not", "language"): _add_not_language,
    ("bound",): _add_bound,
    ("row",): _add_row,
    ("item",): _add_item,
    ("member",): _add_member,
    ("some",): _add_some,
    ("count",): _add_count,
    ("facet",): _add_facet,
    ("double",): _add_double,
    ("refuse",): _add_refusal,
}
