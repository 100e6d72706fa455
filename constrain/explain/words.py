"""What a keyword of a schema demands, in the words of a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from constrain.explain.allowed import listed

_NOUNS = {
    "integer": "an integer", "number": "a number", "string": "a string", "array": "an array", "object": "an object",
    "boolean": "true or false", "null": "null",
}  # fmt: skip
MOST = 10
OWN_WORDS = "x-constrain-words"  # in schemas that the library writes: keyword -> what it demands


def shown(value: Any, most: int = 60) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else text[: most - 1] + "…"


def quoted(names: Any, word: str = "and") -> str:
    """Names in quotes."""
    chosen = [f"'{name}'" for name in names]
    if len(chosen) > MOST:
        chosen = [*chosen[:MOST], f"{len(chosen) - MOST} more"]
    return listed(chosen, word)


def _noun(schema: Any, default: str) -> str:
    kinds = schema.get("type") if isinstance(schema, dict) else None
    kinds = kinds if isinstance(kinds, list) else [kinds]
    fitting = [_NOUNS[k] for k in kinds if k in _NOUNS]
    numbers = ("a number", "an integer")
    if default in numbers:
        return next((n for n in fitting if n in numbers), default)
    return default


def _type(e: Any) -> str:
    kinds = e.validator_value if isinstance(e.validator_value, list) else [e.validator_value]
    return listed([_NOUNS.get(k, str(k)) for k in kinds])


def _bound(words: str, strict: str, flag: str) -> Callable[[Any], str]:
    def say(e: Any) -> str:
        chosen = strict if e.schema.get(flag) is True else words
        return f"{_noun(e.schema, 'a number')} {chosen} {shown(e.validator_value)}"

    return say


def _counted(noun: str, words: str, one: str, many: str) -> Callable[[Any], str]:
    def say(e: Any) -> str:
        n = e.validator_value
        return f"{noun} {words} {n} {one if n == 1 else many}"

    return say


def _required(e: Any) -> str:
    missing = [name for name in e.validator_value if name not in e.instance]
    return f"the propert{'y' if len(missing) == 1 else 'ies'} {quoted(missing)}"


def _additional(e: Any) -> str:
    allowed = list(e.schema.get("properties", {}))
    patterns = list(e.schema.get("patternProperties", {}))
    parts = ([quoted(allowed, "or")] if allowed else []) + [f"a name that matches {p}" for p in patterns[:3]]
    return "one of the properties " + " or ".join(parts) if parts else "no property"


def _dependent(e: Any) -> str:
    for name, wanted in e.validator_value.items():
        if name in e.instance and isinstance(wanted, list):
            missing = [n for n in wanted if n not in e.instance]
            if missing:
                return f"the propert{'y' if len(missing) == 1 else 'ies'} {quoted(missing)}, which '{name}' asks for"
    return f"what {quoted([n for n in e.validator_value if n in e.instance])} asks for"


def _one_of(e: Any) -> str:
    if e.context:
        return f"a value that fits one of the {len(e.validator_value)} alternatives"
    return "a value that fits only one of the alternatives (this one fits several)"


def _contains(e: Any) -> str:
    least, most = e.schema.get("minContains", 1), e.schema.get("maxContains")
    count = f"at least {least}" if most is None else f"{least} to {most}"
    return f"an array with {count} item{'s' if (most or least) != 1 else ''} of the kind that `contains` describes"


WORDS: dict[str, Callable[[Any], str]] = {
    "type": _type,
    "minimum": _bound("of at least", "above", "exclusiveMinimum"),
    "maximum": _bound("of at most", "below", "exclusiveMaximum"),
    "exclusiveMinimum": _bound("above", "above", ""),
    "exclusiveMaximum": _bound("below", "below", ""),
    "multipleOf": lambda e: f"{_noun(e.schema, 'a number')} that is a multiple of {shown(e.validator_value)}",
    "minLength": _counted("a string", "of at least", "character", "characters"),
    "maxLength": _counted("a string", "of at most", "character", "characters"),
    "pattern": lambda e: f"a string that matches {e.validator_value if len(e.validator_value) < 80 else 'the pattern'}",
    "format": lambda e: f"a string in the format {e.validator_value!r}",
    "enum": lambda e: (
        listed([shown(v, 30) for v in e.validator_value[:MOST]])
        + (f" (or one of {len(e.validator_value) - MOST} more)" if len(e.validator_value) > MOST else "")
    ),
    "const": lambda e: shown(e.validator_value),
    "minItems": _counted("an array", "of at least", "item", "items"),
    "maxItems": _counted("an array", "of at most", "item", "items"),
    "uniqueItems": lambda e: "items that differ from each other",
    "contains": _contains,
    "minContains": _contains,
    "maxContains": _contains,
    "additionalItems": lambda e: "no further items",
    "unevaluatedItems": lambda e: "no further items",
    "required": _required,
    "additionalProperties": _additional,
    "unevaluatedProperties": lambda e: "no further properties",
    "minProperties": _counted("an object", "with at least", "property", "properties"),
    "maxProperties": _counted("an object", "with at most", "property", "properties"),
    "dependentRequired": _dependent,
    "dependencies": _dependent,
    "not": lambda e: f"a value that does not fit {shown(e.validator_value)}",
    "anyOf": lambda e: f"a value that fits one of the {len(e.validator_value)} alternatives",
    "oneOf": _one_of,
}


def demand(error: Any) -> tuple[str, str | None]:
    """What was expected, and by which keyword."""
    keyword = error.validator
    if keyword is None:
        return "nothing: the schema allows no value here", None
    say = WORDS.get(keyword)
    own = error.schema.get(OWN_WORDS) if isinstance(error.schema, dict) else None
    try:
        if isinstance(own, dict) and isinstance(own.get(keyword), str):
            text = own[keyword]
        else:
            text = say(error) if say else error.message
    except (AttributeError, KeyError, TypeError, ValueError):  # a schema of an odd form
        text = error.message
    if "propertyNames" in error.absolute_schema_path:
        return f"names of properties to be {text}", "propertyNames"
    return text, keyword
