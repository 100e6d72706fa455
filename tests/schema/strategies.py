"""Random schemas and instances for comparison with another validator: small alphabets, so that things collide."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "ab", "c"])
TEXTS = st.sampled_from(["", "a", "b", "ab", "ba", "abc", "é", "x1"])
NUMBERS = st.sampled_from([-2, -1, 0, 1, 2, 3, 4, 6, 7, 0.5, 1.5, -0.5, 2.0, 10, 100])
PATTERNS = st.sampled_from(["^a", "b$", "^a.*b$", "^[a-z]*$", "1", "^.$", "a|b", "^(ab)*$"])
TYPES = st.sampled_from(["null", "boolean", "number", "integer", "string", "array", "object"])

instances = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def keywords(inner: st.SearchStrategy[Any], old: bool) -> dict[str, st.SearchStrategy[Any]]:
    """Keyword -> values. old: as drafts 4 to 7 have it."""
    lists = st.lists(inner, min_size=1, max_size=3)
    maps = st.dictionaries(NAMES, inner, max_size=3)
    names = st.lists(NAMES, max_size=3, unique=True)
    sizes = st.integers(0, 3)
    table: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(instances, min_size=1, max_size=4),
        "const": instances,
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 1.5]),
        "minLength": sizes,
        "maxLength": sizes,
        "pattern": PATTERNS,
        "items": inner,
        "minItems": sizes,
        "maxItems": sizes,
        "properties": maps,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "required": names,
        "minProperties": sizes,
        "maxProperties": sizes,
        "propertyNames": inner,
        "contains": inner,
        "uniqueItems": st.booleans(),
        "allOf": lists,
        "anyOf": lists,
        "oneOf": lists,
        "not": inner,
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
    }
    if old:
        table["items"] = inner | lists
        table["additionalItems"] = inner
        table["dependencies"] = st.dictionaries(NAMES, names | inner, max_size=2)
    else:
        table["prefixItems"] = lists
        table["minContains"] = table["maxContains"] = sizes
        table["unevaluatedItems"] = table["unevaluatedProperties"] = inner
        table["dependentRequired"] = st.dictionaries(NAMES, names, max_size=2)
        table["dependentSchemas"] = st.dictionaries(NAMES, inner, max_size=2)
    return table


def schemas(old: bool = False) -> st.SearchStrategy[Any]:
    """Schemas with two definitions, which may be recursive."""

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        table = keywords(inner, old)
        return st.lists(st.sampled_from(sorted(table)), min_size=1, max_size=4, unique=True).flatmap(
            lambda chosen: st.fixed_dictionaries(
                {k: table[k] for k in chosen}
                | ({"then": inner, "else": inner, "if": inner} if "not" in chosen and len(chosen) == 2 else {})
            )
        )

    part = st.recursive(st.booleans() | TYPES.map(lambda t: {"type": t}), grown, max_leaves=8)

    def whole(schema: Any, one: Any, two: Any) -> dict[str, Any]:
        return {**(schema if isinstance(schema, dict) else {"not": not schema}), "$defs": {"one": one, "two": two}}

    return st.builds(whole, grown(part), part, part)
