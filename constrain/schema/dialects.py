"""Dialects of the user's own: a metaschema in the registry says by `$vocabulary` which keywords its schemas have."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_BASE: Final = {
    2019: "https://json-schema.org/draft/2019-09/vocab/",
    2020: "https://json-schema.org/draft/2020-12/vocab/",
}
_APPLICATOR: Final = frozenset(
    {
        "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "properties", "patternProperties",
        "additionalProperties", "propertyNames", "items", "contains",
    }
)  # fmt: skip
_VALIDATION: Final = frozenset(
    {
        "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
        "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
        "maxProperties", "minProperties", "required", "dependentRequired",
    }
)  # fmt: skip
_UNEVALUATED: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})
_FORMAT: Final = frozenset({"format"})
ASSERTED: Final = "(format is asserted)"  # no keyword, but what a dialect says of `format`
_VOCABULARIES: Final[dict[int, dict[str, frozenset[str]]]] = {
    2019: {
        "core": frozenset(), "applicator": _APPLICATOR | _UNEVALUATED | {"additionalItems"}, "validation": _VALIDATION,
        "meta-data": frozenset(), "format": _FORMAT, "content": frozenset(),
    },
    2020: {
        "core": frozenset(), "applicator": _APPLICATOR | {"prefixItems"}, "unevaluated": _UNEVALUATED,
        "validation": _VALIDATION, "meta-data": frozenset(), "format-annotation": _FORMAT, "format-assertion": _FORMAT,
        "content": frozenset(),
    },
}  # fmt: skip


class Dialect(NamedTuple):
    """draft: by which its schemas are read. unknown: keywords of the draft that it lacks. foreign: a vocabulary that
    it demands and nobody here knows ("": none)."""

    draft: int
    unknown: frozenset[str]
    foreign: str


def dialect_of(registry: Any, uri: str) -> Dialect | None:
    """The dialect whose metaschema has this URI in the registry; None where there is none, or its draft is unknown."""
    from constrain.schema.resolve import draft_of_uri

    passed: set[str] = set()
    unknown: frozenset[str] | None = None
    foreign = ""
    while uri not in passed:
        passed.add(uri)
        draft = draft_of_uri(uri)
        if draft is not None:
            return Dialect(draft, unknown or frozenset(), foreign)
        metaschema = _contents(registry, uri)
        if metaschema is None or not isinstance(metaschema.get("$schema"), str):
            return None
        named = draft_of_uri(metaschema["$schema"])
        vocabularies = metaschema.get("$vocabulary")
        if unknown is None and named in _VOCABULARIES and isinstance(vocabularies, dict):
            known = {_BASE[named] + name: keywords for name, keywords in _VOCABULARIES[named].items()}
            foreign = next((v for v, needed in vocabularies.items() if needed is True and v not in known), "")
            present = frozenset().union(*(known[v] for v in vocabularies if v in known))
            unknown = frozenset().union(*known.values()) - present
            if _BASE[named] + "format-assertion" in vocabularies:
                unknown |= {ASSERTED}
        uri = metaschema["$schema"]
    return None


def _contents(registry: Any, uri: str) -> Any:
    """The document with this URI, if it is an object."""
    import referencing.exceptions

    if registry is None:
        return None
    try:
        found = registry.get_or_retrieve(uri.rstrip("#")).value.contents
    except (KeyError, referencing.exceptions.Unresolvable):
        return None
    return found if isinstance(found, dict) else None
