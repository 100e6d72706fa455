"""Languages of JSON number spellings: by kind, bounds and multiples, and of listed values.

Which spellings of a value belong to a language is a choice, `spelling`:

- `"canonical"` (default). Integers: `-?(0|[1-9][0-9]*)`, so -0 is a spelling of 0. Numbers: every spelling that JSON
  allows, where no bound but 0 and no multiple is given. With another bound: every spelling without an exponent, and
  with any exponent those whose part before it has one digit, not 0, before the point (`1e+20`, `1.50E-7`: as
  `json.dumps`, `repr` and `JSON.stringify` write exponents; not `15e-8`, `0.1e1`, `0e0`). With a multiple, moreover,
  that part has no more fraction digits than the multiple has, and the exponent is not below the number of its fraction
  digits less those of the multiple (`5e-2` but not `5.00e-2` for a multiple of 0.01).
- `"plain"`. As canonical, but never with an exponent.
- `"any"`. Integers may be written with fractions and exponents too (`1.0`, `1e2`, `50e-1`; drafts before 6 see no
  integer in those: use "canonical" for them). Without bounds other than 0 and without a multiple, numbers have every
  spelling. Otherwise they have every spelling without an exponent, and these with one: for integers, those with at most
  SHIFT fraction digits and an exponent not below their number (`1.5e1`, not `1.50e1`), or not below 0 where they are
  all zeros, and those without a fraction and an exponent as far below 0 as they end in zeros, at most SHIFT; for
  bounds, those whose first non-zero digit is at most SHIFT places before or after the place of units; for a multiple,
  those with at most SHIFT fraction digits (or as many as the multiple has) and an exponent as under "canonical"; and
  any exponent after a zero. The set of *all* spellings with an exponent is not regular, since it compares a count of
  digits with a number that digits write.

No language here holds a spelling whose value violates the constraint. Bounds and multiples are exact: an int or Decimal
as it is, a float as its shortest decimal spelling.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from constrain.errors import UnsupportedFeature
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.ast import (
    EMPTY,
    EPSILON,
    Regex,
    char_set,
    chars,
    choice,
    concat,
    intersect,
    literal,
    optional,
    repeat,
    union,
)
from constrain.regular.decimals import (
    Exact,
    Number,
    ceil_to_integer,
    compare,
    exact,
    floor_to_integer,
    is_multiple,
    is_number,
)
from constrain.regular.number_machine import NumberMachine, Side
from constrain.regular.number_multiples import IntegerMachine, MultipleMachine
from constrain.regular.number_tables import automaton_of, remainders

Kind: TypeAlias = Literal["integer", "number"]
Spelling: TypeAlias = Literal["canonical", "plain", "any"]

SHIFT: Final = 20  # how far "any" follows the decimal point (see above); a double needs 17
MAX_REMAINDERS: Final = 10_000  # remainders times digits after the point that are told apart for a multiple
_FEW: Final = 16  # an integer range with no more values than this is a list of texts

_DIGITS = repeat(chars([(48, 57)]), 0)
_SOME_DIGITS = repeat(chars([(48, 57)]), 1)
_POSITIVE = concat(chars([(49, 57)]), _DIGITS)
_NATURAL = union(literal("0"), _POSITIVE)
_MINUS = literal("-")
_SIGN = optional(_MINUS)
_FRACTION = optional(concat(literal("."), _SOME_DIGITS))
_EXPONENT = optional(concat(char_set("eE"), optional(char_set("+-")), _SOME_DIGITS))
# Spellings of absolute values, without and with exponents.
_PLAIN = concat(_NATURAL, _FRACTION)
_PLAIN_ZERO = concat(literal("0"), optional(concat(literal("."), repeat(literal("0"), 1))))
_PLAIN_POSITIVE = union(
    concat(_POSITIVE, _FRACTION), concat(literal("0."), repeat(literal("0"), 0), chars([(49, 57)]), _DIGITS)
)


class _Interval(NamedTuple):
    """low and high: a value and whether it is itself left out; None: without end."""

    low: tuple[Exact, bool] | None
    high: tuple[Exact, bool] | None


def integer(spelling: Spelling = "canonical") -> Regex:
    """The spellings of all integers."""
    return bounded("integer", spelling=spelling)


def number(spelling: Spelling = "canonical") -> Regex:
    """The spellings of all numbers."""
    return bounded("number", spelling=spelling)


def bounded(
    kind: Kind = "number",
    *,
    minimum: Number | None = None,
    maximum: Number | None = None,
    exclusive_minimum: Number | None = None,
    exclusive_maximum: Number | None = None,
    multiple_of: Number | None = None,
    spelling: Spelling = "canonical",
    limits: Limits = DEFAULT_LIMITS,
) -> Regex:
    """The spellings of the numbers of this kind within the bounds that are integer multiples of `multiple_of` (> 0).

    EMPTY exactly when there is no such number. Raises UnsupportedFeature for a bound that is not finite and for a
    multiple that needs more than MAX_REMAINDERS states (`keyword` names it), LimitExceeded for a bound beyond
    `decimals.MAX_DIGITS` digits and for automata beyond `limits`.
    """
    return _bounded(kind, spelling, minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of, limits)


@lru_cache(maxsize=4096, typed=True)  # 0.1 equals Decimal(0.1), and means another number
def _bounded(
    kind: Kind,
    spelling: Spelling,
    minimum: Number | None,
    maximum: Number | None,
    exclusive_minimum: Number | None,
    exclusive_maximum: Number | None,
    multiple_of: Number | None,
    limits: Limits,
) -> Regex:
    if kind not in ("integer", "number") or spelling not in ("canonical", "plain", "any"):
        raise ValueError(f"unknown kind {kind!r} or spelling {spelling!r}")
    interval = _interval(minimum, maximum, exclusive_minimum, exclusive_maximum)
    multiple = None if multiple_of is None else exact(multiple_of, "multipleOf")
    if multiple is not None and multiple.coefficient <= 0:
        raise ValueError(f"multiple_of must be above 0, not {multiple_of}")
    integers = interval
    if kind == "integer":
        integers = _to_integers(interval)
        if multiple is not None:
            multiple = _integer_multiple(multiple)
    if _is_empty(integers, multiple):
        return EMPTY
    if spelling != "any":
        interval = integers
    parts = [] if interval == (None, None) and multiple is not None else [_within(kind, spelling, interval, limits)]
    if multiple is not None:
        parts.append(_multiples(kind, spelling, multiple, limits))
    return intersect(*parts)


def _interval(
    minimum: Number | None, maximum: Number | None, exclusive_minimum: Number | None, exclusive_maximum: Number | None
) -> _Interval:
    """The tighter bound of each end."""
    low = None if minimum is None else (exact(minimum, "minimum"), False)
    high = None if maximum is None else (exact(maximum, "maximum"), False)
    if exclusive_minimum is not None:
        value = exact(exclusive_minimum, "exclusiveMinimum")
        if low is None or compare(value, low[0]) >= 0:
            low = (value, True)
    if exclusive_maximum is not None:
        value = exact(exclusive_maximum, "exclusiveMaximum")
        if high is None or compare(value, high[0]) <= 0:
            high = (value, True)
    return _Interval(low, high)


def _to_integers(interval: _Interval) -> _Interval:
    """The same integers between inclusive integer bounds."""
    low, high = interval
    if low is not None:
        value = floor_to_integer(low[0]) + 1 if low[1] else ceil_to_integer(low[0])
        low = (exact(value, "minimum"), False)
    if high is not None:
        value = ceil_to_integer(high[0]) - 1 if high[1] else floor_to_integer(high[0])
        high = (exact(value, "maximum"), False)
    return _Interval(low, high)


def _integer_multiple(multiple: Exact) -> Exact | None:
    """The integer whose multiples are the integers among the multiples; None: all of them."""
    if multiple.exponent >= 0:
        value = multiple.scaled(0)
    else:  # c / 10**n in lowest terms has the integer multiples of its numerator
        top, bottom = multiple.coefficient, 10**-multiple.exponent
        while (shared := _gcd(top, bottom)) > 1:
            top, bottom = top // shared, bottom // shared
        value = top
    return None if value == 1 else exact(value, "multipleOf")


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def _is_empty(interval: _Interval, multiple: Exact | None) -> bool:
    low, high = interval
    if low is None or high is None:
        return False
    order = compare(low[0], high[0])
    if order > 0 or (order == 0 and (low[1] or high[1])):
        return True
    if multiple is None:
        return False
    unit = min(low[0].exponent, high[0].exponent, multiple.exponent)
    step, bottom, top = multiple.scaled(unit), low[0].scaled(unit), high[0].scaled(unit)
    first = bottom // step + 1 if low[1] else -(-bottom // step)
    last = -(-top // step) - 1 if high[1] else top // step
    return first > last


# Bounds.


def _within(kind: Kind, spelling: Spelling, interval: _Interval, limits: Limits) -> Regex:
    """The spellings of the numbers of an interval, which is not empty."""
    low, high = interval
    if (low is None or not low[0].coefficient) and (high is None or not high[0].coefficient):
        return _by_sign(kind, spelling, interval, limits)
    if kind == "integer" and spelling != "any":
        return _integers_within(interval, limits)
    signed = NumberMachine(*_sides(interval), **_EXPONENTS[spelling])
    made = automaton_of(signed, limits)
    return intersect(made, _all_integers(limits)) if kind == "integer" else made


_EXPONENTS: dict[str, dict[str, Any]] = {
    "canonical": {"lowest": 0, "highest": 0},
    "plain": {},
    "any": {"lowest": -SHIFT, "highest": SHIFT, "zero_exponent": True},
}


def _sides(interval: _Interval) -> tuple[Side | None, Side | None, bool]:
    """What is allowed above zero, what of the absolute value below zero, and whether zero is."""
    low, high = interval
    above = below = True
    positive_low = positive_high = negative_low = negative_high = None
    zero = True
    if low is not None:
        c = low[0].coefficient
        zero = c < 0 or (c == 0 and not low[1])
        below = c < 0
        if c > 0:
            positive_low = low
        elif c < 0:
            negative_high = (Exact(-c, low[0].exponent), low[1])
    if high is not None:
        c = high[0].coefficient
        zero = zero and (c > 0 or (c == 0 and not high[1]))
        above = c > 0
        if c > 0:
            positive_high = high
        elif c < 0:
            negative_low = (Exact(-c, high[0].exponent), high[1])
    return (
        Side(positive_low, positive_high) if above else None,
        Side(negative_low, negative_high) if below else None,
        zero,
    )


def _by_sign(kind: Kind, spelling: Spelling, interval: _Interval, limits: Limits) -> Regex:
    """Intervals whose bounds are 0 or absent: all numbers, one side of zero, or zero alone."""
    above, below, zero = _sides(interval)
    if kind == "integer" and spelling != "any":
        naught, positive = literal("0"), _POSITIVE
        everything = _NATURAL
    else:
        exponent = EPSILON if spelling == "plain" else _EXPONENT
        naught = concat(_PLAIN_ZERO, exponent)
        positive = concat(_PLAIN_POSITIVE, exponent)
        everything = concat(_PLAIN, exponent)
    if above is not None and below is not None:
        made = concat(_SIGN, everything)
    elif above is not None:
        made = union(everything, concat(_MINUS, naught)) if zero else positive
    elif below is not None:
        made = union(concat(_MINUS, everything), naught) if zero else concat(_MINUS, positive)
    else:
        made = concat(_SIGN, naught)
    if kind == "integer" and spelling == "any":
        every = _all_integers(limits)
        return every if above is not None and below is not None else intersect(made, every)
    return made


def _integers_within(interval: _Interval, limits: Limits) -> Regex:
    low, high = interval
    if low is not None and high is not None:
        first, last = low[0].scaled(0), high[0].scaled(0)
        if last - first < _FEW:
            return choice([str(i) for i in range(first, last + 1)] + (["-0"] if first <= 0 <= last else []))
    if high is None and low is not None and low[0] == (1, 0):
        return _POSITIVE
    return automaton_of(NumberMachine(*_sides(interval), fraction=False), limits)


@lru_cache(maxsize=16)
def _all_integers(limits: Limits) -> Regex:
    return automaton_of(IntegerMachine(SHIFT), limits)


# Multiples.


@lru_cache(maxsize=256)
def _multiples(kind: Kind, spelling: Spelling, multiple: Exact, limits: Limits) -> Regex:
    """The spellings of the multiples."""
    unit, places = multiple.scaled(min(multiple.exponent, 0)), max(-multiple.exponent, 0)
    every = spelling == "any"
    digits_only = kind == "integer" and not every
    needed = multiple.coefficient if digits_only else unit * (max(places, SHIFT if every else 0) + 1)
    if needed > MAX_REMAINDERS:
        raise UnsupportedFeature(
            f"multipleOf {multiple.plain()} needs an automaton with more than {MAX_REMAINDERS} states",
            keyword="multipleOf",
            hint="Round it, or leave the check to a validator",
        )
    if digits_only:
        return remainders(unit, limits)
    machine = MultipleMachine(unit, places, exponents=spelling != "plain", every=every, most=SHIFT)
    made = automaton_of(machine, limits)
    return intersect(made, _all_integers(limits)) if kind == "integer" else made


# Listed values.


def values(
    numbers: Iterable[Number],
    kind: Kind = "number",
    spelling: Spelling = "canonical",
    limits: Limits = DEFAULT_LIMITS,
) -> Regex:
    """The spellings of the listed numbers (those of the kind; others are left out).

    canonical: for an integer its digits; for kind "number" those with `.0` too; the shortest spelling without an
    exponent of any other value, and what `json.dumps` writes for a float. any: as `bounded` has them.
    """
    chosen = tuple(dict.fromkeys((n, type(n), str(n)) for n in numbers))
    return _values(chosen, kind, spelling, limits)


@lru_cache(maxsize=1024)
def _values(
    numbers: tuple[tuple[Number, type, str], ...], kind: Kind, spelling: Spelling, limits: Limits
) -> Regex:
    texts: set[str] = set()
    others: list[Regex] = []
    for listed, _, written in numbers:
        value = exact(listed, "enum")
        whole = value.exponent >= 0
        if kind == "integer" and not whole:
            continue
        if spelling == "any":
            others.append(bounded(kind, minimum=listed, maximum=listed, spelling=spelling, limits=limits))
            continue
        texts.add(value.plain())
        if kind == "integer":
            continue
        if whole:
            texts.add(value.plain() + ".0")
        if isinstance(listed, float) and (spelling != "plain" or "e" not in written):
            texts.add(written)
    return union(choice(texts), *others)


def contains(
    value: object,
    kind: Kind = "number",
    *,
    minimum: Number | None = None,
    maximum: Number | None = None,
    exclusive_minimum: Number | None = None,
    exclusive_maximum: Number | None = None,
    multiple_of: Number | None = None,
) -> bool:
    """Does a Python value (a number; booleans are none) satisfy all of this, in exact arithmetic?"""
    if not is_number(value):
        return False
    given = exact(value)  # type: ignore[arg-type]
    low, high = _interval(minimum, maximum, exclusive_minimum, exclusive_maximum)
    if kind == "integer" and given.exponent < 0:
        return False
    if low is not None and compare(given, low[0]) < (1 if low[1] else 0):
        return False
    if high is not None and compare(given, high[0]) > (-1 if high[1] else 0):
        return False
    return multiple_of is None or is_multiple(given, exact(multiple_of, "multipleOf"))
