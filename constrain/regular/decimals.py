"""Exact values of numbers in schemas: a float means its shortest decimal spelling, as people mean 0.1.

Everything here is integer arithmetic on (coefficient, exponent) pairs; no rounding, no decimal context.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from constrain.errors import LimitExceeded, UnsupportedFeature

Number: TypeAlias = int | float | Decimal

MAX_DIGITS = 1_100  # digits and magnitude of a bound or multiple (an exact double has up to 767 digits, 324 places)
_MAX_BITS = int(MAX_DIGITS * 3.33)


class Exact(NamedTuple):
    """The value `coefficient * 10**exponent`; the coefficient does not end in 0 (zero is (0, 0))."""

    coefficient: int
    exponent: int

    @property
    def digits(self) -> str:
        """The significant digits, without sign."""
        return str(abs(self.coefficient))

    @property
    def magnitude(self) -> int:
        """Exponent of the first significant digit: 0 for 1..9, 2 for 100..999, -1 for 0.1..0.9."""
        return len(self.digits) + self.exponent - 1

    def scaled(self, exponent: int) -> int:
        """The value in units of 10**exponent, which must not be above the value's own exponent."""
        return self.coefficient * int(10 ** (self.exponent - exponent))

    def plain(self) -> str:
        """The shortest spelling without an exponent."""
        sign = "-" if self.coefficient < 0 else ""
        if self.exponent >= 0:
            return sign + self.digits + "0" * self.exponent
        padded = self.digits.rjust(1 - self.exponent, "0")
        return f"{sign}{padded[: self.exponent]}.{padded[self.exponent :]}"


ZERO = Exact(0, 0)


def is_number(value: object) -> bool:
    """Is this a JSON number as Python has it (booleans are not)?"""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def exact(value: Number, keyword: str | None = None) -> Exact:
    """The exact value of a bound, a multiple or a listed number.

    Raises UnsupportedFeature for infinities and NaN (a literal such as 1e999 is read as infinity), LimitExceeded
    beyond MAX_DIGITS digits or places.
    """
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            raise _too_long(keyword)
        coefficient, exponent = int(value), 0
    else:
        decimal = Decimal(float.__repr__(value)) if isinstance(value, float) else value
        if not decimal.is_finite():
            raise UnsupportedFeature(f"{value} is not a finite number", keyword=keyword)
        sign, figures, scale = decimal.as_tuple()
        if len(figures) > MAX_DIGITS:
            raise _too_long(keyword)
        coefficient, exponent = int("".join(map(str, figures))), int(scale)
        if sign:
            coefficient = -coefficient
    made = _stripped(coefficient, exponent)
    if not -MAX_DIGITS <= made.magnitude <= MAX_DIGITS:
        raise _too_long(keyword)
    return made


def _stripped(coefficient: int, exponent: int) -> Exact:
    if not coefficient:
        return ZERO
    while coefficient % 10 == 0:
        coefficient //= 10
        exponent += 1
    return Exact(coefficient, exponent)


def _too_long(keyword: str | None) -> LimitExceeded:
    return LimitExceeded(f"a number has more than {MAX_DIGITS} digits or places", keyword=keyword)


def compare(a: Exact, b: Exact) -> int:
    """-1, 0 or 1 as a is below, at or above b."""
    unit = min(a.exponent, b.exponent)
    x, y = a.scaled(unit), b.scaled(unit)
    return (x > y) - (x < y)


def floor_to_integer(a: Exact) -> int:
    """The largest integer that is not above a."""
    return a.scaled(0) if a.exponent >= 0 else a.coefficient // 10**-a.exponent


def ceil_to_integer(a: Exact) -> int:
    """The smallest integer that is not below a."""
    return -floor_to_integer(Exact(-a.coefficient, a.exponent))


def is_multiple(a: Exact, of: Exact) -> bool:
    """Is a an integer times `of` (which is not zero)?"""
    unit = min(a.exponent, of.exponent)
    return a.scaled(unit) % of.scaled(unit) == 0


def least_common_multiple(a: Number, b: Number) -> Decimal:
    """The smallest positive number whose multiples are the common multiples of a and b (both positive)."""
    x, y = exact(a, "multipleOf"), exact(b, "multipleOf")
    unit = min(x.exponent, y.exponent)
    made = _stripped(math.lcm(x.scaled(unit), y.scaled(unit)), unit)
    return Decimal((0, tuple(map(int, made.digits)), made.exponent))
