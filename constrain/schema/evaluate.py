"""Does a value satisfy a schema? Used for listed values only; covers every keyword."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from constrain.errors import ConstraintError
from constrain.grammar.ir import MOST_COUNTED
from constrain.schema import numbers
from constrain.schema.resolve import MIXED, Resource
from constrain.schema.shape import Refusal, Shape
from constrain.schema.values import (
    ARRAY,
    NUMBER,
    OBJECT,
    STRING,
    TYPES,
    Json,
    count,
    is_integral,
    is_scalar_text,
    key,
    number,
    type_of,
)

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

Check = Callable[["Compiler", Json, Json, dict[Any, Json], Resource], bool]


def is_valid(c: Compiler, value: Json, schema: Json, resource: Resource) -> bool:
    """Is the value valid by the schema? Raises `UnsupportedFeature` where that can't be told."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise c.invalid(schema, None, "a schema must be an object, or true or false")
    if ("negation",) in schema:
        return not is_valid(c, value, *schema["negation",])
    place = (id(schema), id(value))
    if place in c.checking:
        raise c.invalid(schema, None, "a schema refers to itself without end")
    c.checking.add(place)
    try:
        resource = c.resolver.enter(schema, resource)
        if "$ref" in schema and resource.ref_alone:
            return _ref(c, value, schema["$ref"], schema, resource)
        known = resource.keywords
        schema = c.known_part(schema, resource)
        for keyword, setting in schema.items():
            if keyword in known and not CHECKS[keyword](c, value, setting, schema, resource):
                return False
        return True
    finally:
        c.checking.discard(place)


def _type(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    kind = type_of(value)
    for name in [setting] if isinstance(setting, str) else setting:
        if name not in TYPES:
            raise c.invalid(schema, "type", "`type` must be the name of a type, or a list of such names")
        if TYPES[name] == kind and (name != "integer" or _is_integer(value, resource)):
            return True
    return False


def _is_integer(value: Json, resource: Resource) -> bool:
    if resource.draft == 4:
        return isinstance(value, int)
    exact = number(value)
    return exact is not None and is_integral(exact)


def _enum(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if not isinstance(setting, (list, tuple)):
        raise c.invalid(schema, "enum", "`enum` must be a list")
    known = c.derived.get((id(setting), "keys"))
    if known is None:
        known = c.derived[id(setting), "keys"] = frozenset([key(v) for v in setting])
    return key(value) in known


def _const(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return bool(key(value) == key(setting))


def _number_part(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    """All keywords on numbers at once, by the reading that shapes give them."""
    if type_of(value) != NUMBER:
        return True
    from constrain.regular.numbers import contains

    shape = Shape([])
    for keyword in _NUMBER_KEYWORDS:
        handler = resource.keywords.get(keyword)
        if keyword in schema and handler is not None:
            handler(c, shape, schema[keyword], schema, resource)
    try:
        return contains(
            value,
            minimum=None if shape.low_open else shape.low,
            exclusive_minimum=shape.low if shape.low_open else None,
            maximum=None if shape.high_open else shape.high,
            exclusive_maximum=shape.high if shape.high_open else None,
        ) and all(contains(value, multiple_of=m) for m in shape.multiples)
    except ConstraintError as error:
        raise numbers.located(c, shape.sources, error) from None


_NUMBER_KEYWORDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _size(kind: int, least: bool) -> Check:
    """Bounds on the length of a string, array or object."""

    def check(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
        if type_of(value) != kind:
            return True
        n = count(setting)
        if n is None:
            raise c.invalid(schema, None, "a length must be an integer that is not negative")
        return len(value) >= n if least else len(value) <= n

    return check


def _pattern(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return not isinstance(value, str) or _in_language(c, value, c.pattern(setting, schema, "pattern"))


def _format(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if not isinstance(value, str):
        return True
    found = c.format(setting, schema, resource)
    if found is None:
        return True
    if isinstance(found, Refusal):
        raise c.refuse(found)
    if found.longest is not None and len(value) > found.longest:
        return False
    if _in_language(c, value, found.language):
        return True
    if found.narrowed is not None and _in_language(c, value, found.wide):
        raise c.refuse(Refusal(schema, "format", f"whether {value!r} has the format {setting!r}: {found.narrowed}"))
    return False


def _in_language(c: Compiler, text: str, language: Any) -> bool:
    from constrain.regular import compile

    if isinstance(language, Refusal):
        raise c.refuse(language)
    return is_scalar_text(text) and compile(language, c.limits).accepts(text)


def _items(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != ARRAY:
        return True
    prefix: list[Json] = []
    rest: Json = True
    if "prefixItems" in schema and "prefixItems" in resource.keywords:
        prefix, rest = schema["prefixItems"], schema.get("items", True)
    elif isinstance(schema.get("items"), list):
        if resource.draft == 2020:
            raise c.invalid(schema, "items", "`items` must be a schema")
        prefix, rest = schema["items"], schema.get("additionalItems", True)
    elif "items" in schema:
        rest = schema["items"]
    return all(is_valid(c, v, prefix[i] if i < len(prefix) else rest, resource) for i, v in enumerate(value))


def _unique(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return type_of(value) != ARRAY or not setting or len({key(v) for v in value}) == len(value)


def _contains(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != ARRAY:
        return True
    least, most = contained(c, schema, resource)
    found = sum(is_valid(c, v, setting, resource) for v in value)
    return found >= least and (most is None or found <= most)


def contained(c: Compiler, schema: dict[Any, Json], resource: Resource) -> tuple[int, int | None]:
    """How many items `contains` demands at least and at most."""
    found: list[int | None] = [1, None]
    for place, keyword in enumerate(("minContains", "maxContains")):
        if keyword in schema and resource.draft in (2019, 2020, MIXED):
            n = found[place] = count(schema[keyword])
            if n is None:
                raise c.invalid(schema, keyword, f"`{keyword}` must be an integer that is not negative")
    least, most = found
    return least or 0, None if most is None or most >= MOST_COUNTED else most


def _members(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    """`properties`, `patternProperties` and `additionalProperties` together."""
    if type_of(value) != OBJECT:
        return True
    declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    other = schema.get("additionalProperties", True)
    for name, v in value.items():
        parts = [declared[name]] if name in declared else []
        for text, part in patterns.items():
            if _in_language(c, name, c.pattern(text, schema, "patternProperties")):
                parts.append(part)
        if not all(is_valid(c, v, part, resource) for part in parts or [other]):
            return False
    return True


def _required(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return type_of(value) != OBJECT or all(name in value for name in setting)


def _names(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return type_of(value) != OBJECT or all(is_valid(c, name, setting, resource) for name in value)


def _dependencies(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != OBJECT:
        return True
    for name, wanted in setting.items():
        if name in value:
            if isinstance(wanted, (list, tuple)):
                if not all(w in value for w in wanted):
                    return False
            elif not is_valid(c, value, wanted, resource):
                return False
    return True


def _ref(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    target, found = c.follow(setting, schema, resource)
    return is_valid(c, value, target, found)


def _all_of(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return all(is_valid(c, value, part, resource) for part in setting)


def _any_of(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return any(is_valid(c, value, part, resource) for part in setting)


def _one_of(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return sum(is_valid(c, value, part, resource) for part in setting) == 1


def _not(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return not is_valid(c, value, setting, resource)


def _if(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    branch = "then" if is_valid(c, value, setting, resource) else "else"
    return is_valid(c, value, schema.get(branch, True), resource)


def _dynamic_ref(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    keyword = "$dynamicRef" if schema.get("$dynamicRef") is setting else "$recursiveRef"
    target, found = c.follow(setting, schema, resource, keyword)
    return is_valid(c, value, target, found)


def _unevaluated_properties(
    c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource
) -> bool:
    if type_of(value) != OBJECT or setting is True:
        return True
    left = value.keys() - evaluated(c, value, schema, resource, own=True)
    return all(is_valid(c, value[name], setting, resource) for name in left)


def _unevaluated_items(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != ARRAY or setting is True:
        return True
    left = set(range(len(value))) - evaluated(c, value, schema, resource, own=True)
    return all(is_valid(c, value[i], setting, resource) for i in left)


def evaluated(c: Compiler, value: Json, schema: Json, resource: Resource, own: bool = False) -> set[Any]:
    """The names of members, or places of items, that a schema which holds evaluates.

    own: it is the one that asks, whose own `unevaluated...` does not count.
    """
    if not isinstance(schema, dict) or ("negation",) in schema:
        return set()
    place = (id(schema), -id(value))
    if place in c.checking:
        raise c.invalid(schema, None, "a schema refers to itself without end")
    c.checking.add(place)
    try:
        resource = c.resolver.enter(schema, resource)
        known = resource.keywords
        kind = type_of(value)
        every = set(value) if kind == OBJECT else set(range(len(value)))
        mine = "unevaluatedProperties" if kind == OBJECT else "unevaluatedItems"
        if not own and mine in schema and mine in known:
            return every
        out = _evaluated_members(c, value, schema, resource) if kind == OBJECT else set()
        if kind == ARRAY:
            out = _evaluated_items(c, value, schema, resource)
        for part, place_of in _holding(c, value, schema, resource):
            out |= evaluated(c, value, part, place_of)
        return out
    finally:
        c.checking.discard(place)


def _evaluated_members(c: Compiler, value: Json, schema: dict[Any, Json], resource: Resource) -> set[Any]:
    if "additionalProperties" in schema and "additionalProperties" in resource.keywords:
        return set(value)
    found = {name for name in value if name in schema.get("properties", ())}
    for text in schema.get("patternProperties", ()):
        found |= {n for n in value if _in_language(c, n, c.pattern(text, schema, "patternProperties"))}
    return found


def _evaluated_items(c: Compiler, value: Json, schema: dict[Any, Json], resource: Resource) -> set[Any]:
    every = set(range(len(value)))
    if "prefixItems" in schema and "prefixItems" in resource.keywords:
        front = every if "items" in schema else set(range(min(len(value), len(schema["prefixItems"]))))
    elif isinstance(schema.get("items"), list):
        front = every if "additionalItems" in schema else set(range(min(len(value), len(schema["items"]))))
    else:
        front = every if "items" in schema else set()
    if "contains" in schema and resource.draft in (2020, MIXED):
        front |= {i for i, v in enumerate(value) if is_valid(c, v, schema["contains"], resource)}
    return front


def _holding(
    c: Compiler, value: Json, schema: dict[Any, Json], resource: Resource
) -> Iterator[tuple[Json, Resource]]:
    """The schemas that a schema applies to the value itself, as far as they hold."""
    known = resource.keywords
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        if keyword in schema and keyword in known:
            yield c.follow(schema[keyword], schema, resource, keyword)
    parts = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if "if" in schema and "if" in known:
        parts += [schema["if"], schema.get("then" if is_valid(c, value, schema["if"], resource) else "else", True)]
    for keyword in ("dependentSchemas", "dependencies"):
        if keyword in schema and keyword in known and type_of(value) == OBJECT:
            parts += [part for name, part in schema[keyword].items() if name in value and not isinstance(part, list)]
    for part in parts:
        if is_valid(c, value, part, resource):
            yield part, resource


# Keys of schemas that the library makes (negation.py).


def _not_integer(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return type_of(value) != NUMBER or not _is_integer(value, resource)


def _not_enum(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return not _enum(c, value, setting, schema, resource)


def _not_multiple(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    from constrain.regular.numbers import contains

    if type_of(value) != NUMBER:
        return True
    try:
        return not contains(value, multiple_of=setting.value)
    except ConstraintError as error:
        raise numbers.located(c, (setting,), error) from None


def _not_language(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    return not isinstance(value, str) or not _in_language(c, value, setting)


def _bound(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    exact = number(value)
    if exact is None:
        return True
    low, low_open, high, high_open, _ = setting
    return (low is None or exact > low or (exact == low and not low_open)) and (
        high is None or exact < high or (exact == high and not high_open)
    )


def _row(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != ARRAY:
        return True
    prefix, rest, place = setting
    return all(is_valid(c, v, prefix[i] if i < len(prefix) else rest, place) for i, v in enumerate(value))


def _item(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    i, part, place = setting
    return type_of(value) != ARRAY or len(value) <= i or is_valid(c, value[i], part, place)


def _member(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    name, part, place = setting
    return type_of(value) != OBJECT or name not in value or is_valid(c, value[name], part, place)


def _some(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != OBJECT:
        return True
    return any(setting.holds(k) and is_valid(c, v, setting.value, setting.resource) for k, v in value.items())


def _count_items(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != ARRAY:
        return True
    start, part, place, least, most = setting
    found = sum(is_valid(c, v, part, place) for v in value[start:])
    return found >= least and (most is None or found <= most)


def _facet(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    if type_of(value) != OBJECT:
        return True
    declared, patterns, other, place, source = setting
    for name, v in value.items():
        parts = [declared[name]] if name in declared else []
        parts += [p for text, p in patterns if _in_language(c, name, c.pattern(text, source, "patternProperties"))]
        if not all(is_valid(c, v, part, place) for part in parts or [other]):
            return False
    return True


def _refused(c: Compiler, value: Json, setting: Json, schema: dict[Any, Json], resource: Resource) -> bool:
    mask, error = setting
    if type_of(value) & mask:
        raise c.refuse(error)
    return True


CHECKS: Final[dict[Any, Check]] = {
    "$ref": _ref,
    "type": _type,
    "enum": _enum,
    "const": _const,
    **dict.fromkeys(_NUMBER_KEYWORDS, _number_part),
    "minLength": _size(STRING, True),
    "maxLength": _size(STRING, False),
    "pattern": _pattern,
    "format": _format,
    "items": _items,
    "prefixItems": _items,
    "minItems": _size(ARRAY, True),
    "maxItems": _size(ARRAY, False),
    "uniqueItems": _unique,
    "contains": _contains,
    "properties": _members,
    "patternProperties": _members,
    "additionalProperties": _members,
    "required": _required,
    "minProperties": _size(OBJECT, True),
    "maxProperties": _size(OBJECT, False),
    "propertyNames": _names,
    "dependencies": _dependencies,
    "dependentRequired": _dependencies,
    "dependentSchemas": _dependencies,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "unevaluatedProperties": _unevaluated_properties,
    "unevaluatedItems": _unevaluated_items,
    "$dynamicRef": _dynamic_ref,
    "$recursiveRef": _dynamic_ref,
    ("ref",): lambda c, value, setting, schema, resource: is_valid(c, value, *setting),
    ("not", "integer"): _not_integer,
    ("not", "enum"): _not_enum,
    ("not", "multipleOf"): _not_multiple,
    ("not", "language"): _not_language,
    ("bound",): _bound,
    ("row",): _row,
    ("item",): _item,
    ("member",): _member,
    ("some",): _some,
    ("count",): _count_items,
    ("facet",): _facet,
    ("double",): lambda c, value, setting, schema, resource: not _unique(c, value, True, schema, resource) or (
        type_of(value) != ARRAY
    ),
    ("refuse",): _refused,
}
