"""The number part of a shape: kind, bounds and multiples as a language of spellings."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import TYPE_CHECKING

from constrain.errors import ConstraintError, UnsupportedFeature
from constrain.grammar.ir import NEVER, NodeId, Text
from constrain.regular.ast import EMPTY, Regex, chars, concat, difference, intersect, literal, optional, repeat, union
from constrain.schema.shape import Number, Shape, Source
from constrain.schema.values import number

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler


@lru_cache(maxsize=1)
def every() -> Regex:
    """Every spelling of every number."""
    from constrain.regular.numbers import bounded

    return bounded("number")


def emit(c: Compiler, shape: Shape) -> NodeId:
    """The node for the numbers of a shape."""
    try:
        language = _language(c, shape)
        if language is EMPTY:
            return NEVER
        if shape.not_integer or shape.not_multiples or shape.excluded:
            from constrain.regular import compile

            if compile(language, c.limits).is_empty:
                return NEVER
    except ConstraintError as error:
        raise located(c, shape.sources, error) from None
    return c.leaf(Text(language))


def located(c: Compiler, sources: tuple[Source, ...], error: ConstraintError) -> ConstraintError:
    """The error with the place of the number that causes it, as far as that is one of these."""
    from constrain.regular.decimals import exact
    from constrain.regular.numbers import bounded

    if error.keyword is None or not sources:
        return error
    is_limit = error.keyword in type(c.limits).__slots__
    possible = [s for s in sources if is_limit or (s.keyword == "multipleOf") == (error.keyword == "multipleOf")]
    culprit = (possible or sources)[-1]
    for source in possible:
        try:
            if source.keyword == "multipleOf":
                bounded(multiple_of=source.value, limits=c.limits)
            else:
                exact(source.value)
        except ConstraintError:
            culprit = source
            break
    return error.located(c.pointer(culprit.schema, culprit.keyword), None if is_limit else culprit.keyword)


def is_void(c: Compiler, shape: Shape) -> bool:
    """Are there surely no numbers in the shape?"""
    low, high = shape.low, shape.high
    if low is not None and high is not None and (low > high or (low == high and (shape.low_open or shape.high_open))):
        return True
    if low is None and high is None and not (shape.not_integer or shape.not_multiples or shape.excluded):
        return False
    try:
        return emit(c, shape) == NEVER
    except UnsupportedFeature:  # raised again if these numbers are to be written
        return False


def _language(c: Compiler, shape: Shape) -> Regex:
    from constrain.regular.numbers import bounded

    integer = shape.integer > 0
    if not integer and shape.low is None and shape.high is None and not shape.multiples and not shape.excluded:
        if not shape.not_integer and not shape.not_multiples:
            return every()
    spelling = "canonical" if c.canonical or shape.integer == 2 else "any"
    step = common_multiple(shape.multiples) if shape.multiples else None
    negative = shape.not_integer or bool(shape.not_multiples)
    if negative and not integer:
        spelling = "plain"
    if shape.not_integer and integer:
        return EMPTY
    parts = []
    for low, low_open, high, high_open in _intervals(shape):
        parts.append(
            bounded(
                "integer" if integer else "number",
                minimum=None if low_open else low,
                exclusive_minimum=low if low_open else None,
                maximum=None if high_open else high,
                exclusive_maximum=high if high_open else None,
                multiple_of=step,
                spelling=spelling,  # type: ignore[arg-type]
                limits=c.limits,
            )
        )
    language = union(*parts)
    if shape.not_integer:
        language = intersect(language, _fractional())
    for other in shape.not_multiples:
        kind = "integer" if integer else "number"
        multiples = bounded(kind, multiple_of=other, spelling=spelling, limits=c.limits)  # type: ignore[arg-type]
        language = difference(language, multiples)
    return language


def _intervals(shape: Shape) -> list[tuple[Number | None, bool, Number | None, bool]]:
    """The range of the shape, cut at the excluded values."""
    out: list[tuple[Number | None, bool, Number | None, bool]] = []
    low, low_open = shape.low, shape.low_open
    for value in sorted({v for v in map(number, shape.excluded) if v is not None}):
        if low is not None and (value < low or (value == low and low_open)):
            continue
        if shape.high is not None and value > shape.high:
            break
        out.append((low, low_open, value, True))
        low, low_open = value, True
    out.append((low, low_open, shape.high, shape.high_open))
    return [
        (a, a_open, b, b_open)
        for a, a_open, b, b_open in out
        if a is None or b is None or a < b or (a == b and not a_open and not b_open)
    ]


def common_multiple(steps: tuple[Number, ...]) -> Number:
    """The least number that is a multiple of all these."""
    from constrain.regular.decimals import least_common_multiple

    return reduce(least_common_multiple, steps)


@lru_cache(maxsize=1)
def _fractional() -> Regex:
    """Spellings, without an exponent, of numbers that are no integers."""
    digit, nonzero = chars([(48, 57)]), chars([(49, 57)])
    whole = union(literal("0"), concat(nonzero, repeat(digit)))
    return concat(optional(literal("-")), whole, literal("."), repeat(digit), nonzero, repeat(digit))
