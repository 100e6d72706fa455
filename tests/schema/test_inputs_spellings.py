"""Patterns of decimals within bounds, and of other dialects, beside those who decide: comparison and pydantic."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pydantic = pytest.importorskip("pydantic")

from pydantic import Field, TypeAdapter  # noqa: E402

from constrain.errors import UnsupportedFeature  # noqa: E402
from constrain.regular import compile  # noqa: E402
from constrain.regular.ecma import parse_ecma  # noqa: E402
from constrain.schema.inputs.decimals import pattern as decimal_pattern  # noqa: E402
from constrain.schema.inputs.patterns import to_ecma  # noqa: E402

bounds = st.none() | st.builds(lambda n, k: Decimal(n).scaleb(-k), st.integers(-2000, 2000), st.integers(0, 3))


@settings(max_examples=300, deadline=None)
@given(bounds, bounds, st.booleans(), st.booleans(), st.lists(bounds, min_size=4, max_size=8), st.integers(0, 2))
def test_decimals_within_bounds(
    lo: Decimal | None, hi: Decimal | None, lo_open: bool, hi_open: bool, values: list[Decimal | None], zeros: int
) -> None:
    """Twin: comparison. (Python's `re` reads these patterns as ECMA-262 does.)"""
    pattern = decimal_pattern(lo, hi, lo_open, hi_open)
    for value in (*values, lo, hi, Decimal(0)):
        if value is None:
            continue
        text = format(value, "f")
        text += "0" * zeros if "." in text else "." + "0" * zeros if zeros else ""
        wanted = (lo is None or value > lo or (value == lo and not lo_open)) and (
            hi is None or value < hi or (value == hi and not hi_open)
        )
        assert (pattern is not None and re.search(pattern, text) is not None) == wanted, (pattern, text)


@settings(max_examples=200, deadline=None)
@given(st.none() | st.integers(1, 6), st.none() | st.integers(0, 4), st.integers(0, 10**7), st.integers(0, 8))
def test_digits_of_decimals(max_digits: int | None, places: int | None, n: int, k: int) -> None:
    """Twin: pydantic."""
    value = format(Decimal(n).scaleb(-k), "f")
    adapter = TypeAdapter(Annotated[Decimal, Field(max_digits=max_digits, decimal_places=places)])
    try:
        adapter.validate_json(json.dumps(value))
        wanted = True
    except pydantic.ValidationError:
        wanted = False
    pattern = decimal_pattern(None, None, False, False, max_digits, places)
    assert pattern is not None and (re.search(pattern, value) is not None) == wanted


ELEMENTS = st.sampled_from(
    [r"\d", r"\s", r"\S", ".", "a", "[a-c]", "[^a]", r"[^\d\s]", r"\.", r"\x41", r"[\-x]", "[]a]", "[a-]", r"\D", "$",
     "^", r"(?P<n>a|b)", "(a)", "(?:b)", r"\-", r"\{", "[[:alpha:]]", r"\u00e9", r"\b", r"\w", r"[\w-]", r"\W", r"\B",
     r"\A", r"\z"]
)  # fmt: skip
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])
LETTERS = st.text("abcxAZé٣½ \n\t\u0085\u2028\x1c.-_{1]", max_size=5)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(ELEMENTS, REPEATS), min_size=1, max_size=4), st.booleans(), st.lists(LETTERS, min_size=5))
def test_patterns_mean_the_same(parts: list[tuple[str, str]], python: bool, samples: list[str]) -> None:
    """Twin: pydantic itself, with the pattern as it was written."""
    pattern = "".join(a + ("" if a in ("^", "$", r"\b", r"\B", r"\A", r"\z") else r) for a, r in parts)
    try:
        adapter = TypeAdapter(Annotated[str, Field(pattern=re.compile(pattern) if python else pattern)])
    except Exception:  # not a pattern of that dialect
        return
    try:
        language = compile(parse_ecma(to_ecma(pattern, python)))
    except UnsupportedFeature:
        return
    for sample in samples:
        try:
            adapter.validate_python(sample)
            wanted = True
        except pydantic.ValidationError:
            wanted = False
        assert language.accepts(sample) == wanted, (pattern, to_ecma(pattern, python), sample)
