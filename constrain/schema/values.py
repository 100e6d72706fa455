"""JSON values: their types as bits, their equality as hashable keys, their numbers as exact decimals."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any  # None, bool, int, float, Decimal, str, list, dict

NULL: Final = 1
BOOLEAN: Final = 2
NUMBER: Final = 4
STRING: Final = 8
ARRAY: Final = 16
OBJECT: Final = 32
EVERY_TYPE: Final = 63

TYPES: Final = {
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": OBJECT,
}
_OF_CLASS: Final = {
    type(None): NULL,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    Decimal: NUMBER,
    str: STRING,
    list: ARRAY,
    tuple: ARRAY,
    dict: OBJECT,
}


def type_of(value: Json) -> int:
    """The type of a value, as a bit. 0: not a JSON value."""
    return _OF_CLASS.get(value.__class__, 0)


def number(value: Json) -> int | Decimal | None:
    """A JSON number as an exact int or Decimal (a float stands for what `repr` shows); None: not a number."""
    kind = value.__class__
    if kind is int:
        return int(value)
    if kind is float:
        return Decimal(repr(value)) if math.isfinite(value) else None
    if kind is Decimal:
        return Decimal(value) if value.is_finite() else None
    return None


def is_integral(value: int | Decimal) -> bool:
    """Is a number mathematically an integer?"""
    if isinstance(value, int):
        return True
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return False
    return exponent >= 0 or not any(digits[exponent:])


def count(value: Json) -> int | None:
    """A length or number of members: an integer >= 0, spelled `3` or `3.0`; None: it is not one."""
    exact = number(value)
    if exact is None or exact < 0 or not is_integral(exact):
        return None
    return int(exact) if exact < 10**18 else 10**18


def key(value: Json) -> Any:
    """A hashable key: equal exactly for values that are equal by JSON Schema (1 and 1.0 are, 1 and true are not)."""
    kind = value.__class__
    if kind is str:
        return value
    if kind is bool:
        return ("bool", value)
    if kind is list or kind is tuple:
        return ("array", tuple([key(v) for v in value]))
    if kind is dict:
        return ("object", frozenset([(k, key(v)) for k, v in value.items()]))
    return number(value)


def is_scalar_text(text: str) -> bool:
    """Can this text be written in UTF-8 (no lone surrogate in it)?"""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
