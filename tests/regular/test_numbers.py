"""Number languages against exact rational arithmetic on spellings."""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.regular.ast import EMPTY, Regex
from constrain.regular.compiler import compile
from constrain.regular.decimals import least_common_multiple
from constrain.regular.numbers import SHIFT, bounded, contains, integer, number, values

JSON_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?\Z")
BOUNDS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")


def accepts(language: Regex, text: str) -> bool:
    return compile(language).accepts(text)


def value_of(text: str) -> Fraction | None:
    """The value of a JSON number, None if it is none."""
    match = JSON_NUMBER.match(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.groups()
    value = Fraction(int(whole + (fraction or ""))) * Fraction(10) ** (int(exponent or 0) - len(fraction or ""))
    return -value if sign else value


def naive(text: str, kind: str, spelling: str, constraints: dict[str, Any]) -> bool:
    """What the docstring of constrain.regular.numbers says, word by word."""
    match = JSON_NUMBER.match(text)
    value = value_of(text)
    if match is None or value is None:
        return False
    _, whole, fraction, exponent = match.groups()
    fraction = fraction or ""
    exact = {k: Fraction(Decimal(str(v))) for k, v in constraints.items()}
    if not (
        value >= exact.get("minimum", value)
        and value <= exact.get("maximum", value)
        and ("exclusive_minimum" not in exact or value > exact["exclusive_minimum"])
        and ("exclusive_maximum" not in exact or value < exact["exclusive_maximum"])
        and ("multiple_of" not in exact or (value / exact["multiple_of"]).denominator == 1)
        and (kind == "number" or value.denominator == 1)
    ):
        return False
    if kind == "integer" and spelling != "any":
        return match[3] is None and exponent is None
    if exponent is None:
        return True
    if spelling == "plain":
        return False
    digits = (whole + fraction).lstrip("0")
    low = max((exact[k] for k in ("minimum", "exclusive_minimum") if k in exact), default=0)
    high = min((exact[k] for k in ("maximum", "exclusive_maximum") if k in exact), default=0)
    by_sign = low == high == 0
    if "multiple_of" in exact and (kind == "number" or exact["multiple_of"].numerator > 1):
        unit = exact["multiple_of"] if kind == "number" else Fraction(exact["multiple_of"].numerator)
        places = next(i for i in itertools.count() if (unit * 10**i).denominator == 1)
        if spelling == "canonical" and (len(whole) > 1 or whole == "0" or len(fraction) > places):
            return False
        if digits and (len(fraction) > max(places, SHIFT) or int(exponent) < len(fraction) - places):
            return False
    if not by_sign:
        if spelling == "canonical" and (len(whole) > 1 or whole == "0"):
            return False
        magnitude = len(whole) - 1 if whole != "0" else len(fraction.rstrip()) * -1 + len(digits) - 1
        if digits and not -SHIFT <= magnitude <= SHIFT:
            return False
    if kind == "integer" and digits:
        if fraction.strip("0"):
            return len(fraction) <= SHIFT and int(exponent) >= len(fraction)
        zeros = 0 if fraction else len(whole) - len(whole.rstrip("0"))
        return int(exponent) >= -min(zeros, SHIFT)
    return True


SPELLINGS = ("canonical", "plain", "any")
NUMBERS = st.one_of(
    st.integers(-300, 300),
    st.decimals(-1000, 1000, places=2),
    st.sampled_from(
        [0, 0.1, 1, -1, 1e16, 1e-7, 99999999999.99, 2**63, -(2**63), 0.5, Decimal("1e25"), Decimal("-1e-9")]
    ),
)
MULTIPLES = st.sampled_from([1, 2, 3, 5, 7, 10, 12, 100, 250, 0.01, 0.5, 2.5, 0.25, 1e-6, 0.3, Decimal("1.1"), 6.0])


@st.composite
def spelled(draw: st.DrawFn, near: list[Any]) -> str:
    """A spelling like a JSON number, often of a value near one of the constraints."""
    if near and draw(st.booleans()):
        base = Decimal(str(draw(st.sampled_from(near)))) * draw(st.sampled_from([1, 1, 2, 7, 100]))
        base += draw(st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("-0.01"), Decimal(1), Decimal("1e-9")]))
        text = f"{base:f}"
        shift = draw(st.sampled_from([None, 0, 1, -1, 3, -20]))
        if shift is not None:
            text = f"{base.scaleb(-shift):f}e{shift:+03d}"
        return text.replace("+", draw(st.sampled_from(["", "+"])))
    whole = draw(st.from_regex(r"-?(0|[1-9][0-9]{0,3}|[1-9]0{1,25})\Z"))
    fraction = draw(st.from_regex(r"(|\.[0-9]{1,3}|\.0{1,24}[0-9]?)\Z"))
    exponent = draw(st.from_regex(r"(|[eE][+-]?[0-9]{1,2})\Z"))
    return f"{whole}{fraction}{exponent}".replace("\n", "")


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_bounds_and_multiples_are_exact(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["integer", "number"]))
    spelling = data.draw(st.sampled_from(SPELLINGS))
    constraints = data.draw(st.dictionaries(st.sampled_from(BOUNDS), NUMBERS, max_size=2))
    if data.draw(st.integers(0, 2)) == 0:
        constraints["multiple_of"] = data.draw(MULTIPLES)
    try:
        language = bounded(kind, spelling=spelling, **constraints)
    except UnsupportedFeature:
        assert spelling == "any" or "multiple_of" in constraints
        return
    for _ in range(12):
        text = data.draw(spelled(list(constraints.values())))
        expected = naive(text, kind, spelling, constraints)
        assert accepts(language, text) == expected, (text, expected)
    for text in compile(language).strings(20):
        assert naive(text, kind, spelling, constraints), text
    if language is EMPTY:
        integers = range(-400, 400)
        assert not any(contains(i, kind, **constraints) for i in integers)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_every_short_text(kind: str, spelling: str) -> None:
    texts = ["".join(t) for n in range(1, 6) for t in itertools.product("-.e015", repeat=n)]
    for constraints in ({}, {"minimum": 1}, {"exclusive_maximum": 5, "minimum": -1}, {"multiple_of": 5}):
        got = compile(bounded(kind, spelling=spelling, **constraints)).accepts_each(texts)
        for text, accepted in zip(texts, got, strict=True):
            assert accepted == naive(text, kind, spelling, constraints), (text, constraints)


def test_every_integer_of_small_ranges() -> None:
    texts = [str(i) for i in range(-130, 1300)]
    for low, high in [(0, 9), (1, 12), (-5, 105), (7, 1000), (99, 101), (-120, -9), (0, 0), (None, 42), (-11, None)]:
        language = compile(bounded("integer", minimum=low, maximum=high))
        for text, accepted in zip(texts, language.accepts_each(texts), strict=True):
            assert accepted == ((low is None or int(text) >= low) and (high is None or int(text) <= high)), text
    for step in (1, 2, 3, 7, 10, 25, 96, 100, 1024):
        language = compile(bounded("integer", multiple_of=step))
        for text, accepted in zip(texts, language.accepts_each(texts), strict=True):
            assert accepted == (int(text) % step == 0), (text, step)


def test_what_json_dumps_writes_is_canonical() -> None:
    for value in (1e16, 1e-5, 1.5e-7, 1.7976931348623157e308, 5e-324, 0.1, 123.456, -2.5e20, 1e22, 7):
        text = json.dumps(value)
        assert accepts(number(), text)
        assert (
            accepts(bounded(minimum=-1e21, maximum=1e309 if value > 1e300 else 1e25), text) if value < 1e300 else True
        )
        assert accepts(bounded(minimum=value, maximum=value), text)
        assert not accepts(bounded(exclusive_minimum=value), text)


def test_contradictions_are_empty() -> None:
    assert bounded(minimum=2, maximum=1) is EMPTY
    assert bounded(minimum=1, exclusive_maximum=1) is EMPTY
    assert bounded("integer", exclusive_minimum=1, exclusive_maximum=2) is EMPTY
    assert bounded("integer", minimum=0.1, maximum=0.9) is EMPTY
    assert bounded(minimum=0.011, maximum=0.019, multiple_of=0.01) is EMPTY
    assert bounded("integer", minimum=8, maximum=13, multiple_of=7) is EMPTY
    assert bounded("integer", minimum=8, maximum=14, multiple_of=7) is not EMPTY
    assert bounded("integer", minimum=1, maximum=4, multiple_of=2.5) is EMPTY


def test_refusals_and_limits() -> None:
    with pytest.raises(UnsupportedFeature, match="finite") as info:
        bounded(maximum=float("inf"))
    assert info.value.keyword == "maximum"
    with pytest.raises(UnsupportedFeature, match="multipleOf") as info:
        bounded(multiple_of=0.123456789)
    assert info.value.keyword == "multipleOf"
    with pytest.raises(LimitExceeded):
        bounded(minimum=10**2000)
    with pytest.raises(LimitExceeded):
        bounded(maximum=Decimal("1e999999999"))
    with pytest.raises(ValueError, match="above 0"):
        bounded(multiple_of=0)


def test_large_multiples_of_tens() -> None:
    language = bounded("integer", multiple_of=10**6)
    assert accepts(language, "3000000") and accepts(language, "0") and not accepts(language, "3100000")
    assert accepts(bounded("integer", multiple_of=1e-8), "12391239123")


def test_listed_values() -> None:
    listed = values([1, 2.0, 0.5, 1e-7, 1e16, -0.0])
    for text in ("1", "1.0", "2", "2.0", "0.5", "1e-07", "0.0000001", "1e+16", "10000000000000000", "0", "-0.0"):
        assert accepts(listed, text), text
    for text in ("1.00", "3", "0.50", "1e0", "-1"):
        assert not accepts(listed, text), text
    assert accepts(values([1, 2.0, 0.5], "integer"), "2")
    assert not accepts(values([1, 2.0, 0.5], "integer"), "2.0")
    assert values([0.5], "integer") is EMPTY
    loose = values([5, 0.25], spelling="any")
    for text in ("5", "5.00", "0.5e1", "500e-2", "25E-2", "0.250"):
        assert accepts(loose, text), text
    assert not accepts(loose, "51e-1") and not accepts(loose, "0.5")


def test_bounds_of_equal_value_and_other_type() -> None:
    for bound in (1, 1.0, Decimal("1.00")):
        assert accepts(bounded("integer", minimum=bound), "1") and not accepts(bounded("integer", minimum=bound), "0")


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.integers(-50, 50), st.decimals(-50, 50, places=2), st.floats(-50, 50)),
    st.sampled_from(["integer", "number"]),
    st.dictionaries(st.sampled_from(BOUNDS), NUMBERS, max_size=2),
    st.one_of(st.none(), MULTIPLES),
)
def test_contains(value: Any, kind: str, constraints: dict[str, Any], multiple: Any) -> None:
    if multiple is not None:
        constraints = {**constraints, "multiple_of": multiple}
    text = f"{Decimal(str(value)):f}"
    assert contains(value, kind, **constraints) == naive(text, kind, "any", constraints)


def test_contains_knows_what_numbers_are() -> None:
    assert not contains(True) and not contains("1") and not contains(None)
    assert contains(0.0075, multiple_of=0.0001) and not contains(0.00751, multiple_of=0.0001)
    assert contains(1.0, "integer") and not contains(1.5, "integer")


def test_least_common_multiple() -> None:
    assert least_common_multiple(0.4, 0.6) == Decimal("1.2")
    assert least_common_multiple(4, 6) == 12
    assert least_common_multiple(Decimal("0.5"), 3) == 3


def test_kinds() -> None:
    assert accepts(integer(), "-0") and accepts(integer(), "120") and not accepts(integer(), "1.0")
    assert accepts(integer("any"), "1.0") and accepts(integer("any"), "1e2") and not accepts(integer("any"), "1e-2")
    assert accepts(number(), "-1.5E+07") and not accepts(number(), "01") and not accepts(number(), ".5")
    assert not accepts(number("plain"), "1e5")
