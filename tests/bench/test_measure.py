"""What is made of the rows, compared with plain arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsonschemabench import measure


def row(name: str, ends: list[list[Any]], valid: list[bool], **more: Any) -> dict[str, Any]:
    base = {"first_mask_ns": 3e6, "compile_ns": 2e6, "memory_compiled": 0, "memory_walked": 0, "resident": 10**8}
    return {"name": name, "valid": valid, "ends": ends, "mask_ns": [1000], "accept_ns": [-1], **base, **more}


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_a_measured_value_of_the_right_rank(values: list[float], p: float) -> None:
    found = measure.percentile(np.array(values), p)
    below = sum(v < found for v in values)
    not_above = sum(v <= found for v in values)
    rank = p * (len(values) - 1)
    assert found in values and below <= rank + 0.5 and not_above - 1 >= rank - 0.5


def test_of_no_values_there_is_no_percentile() -> None:
    assert math.isnan(measure.percentile(np.array([]), 0.5)) and measure.spread(np.array([]), 0.5) == {}


def test_steps_are_mask_and_accept_of_one_position() -> None:
    rows = {"n": row("n", [["accepted", 2]], [True], mask_ns=[1000, 2000, 4000], accept_ns=[500, 700, -1])}
    found = measure.times(rows, {"n"})
    assert found["mask_us"] == {"mean": pytest.approx(7 / 3, abs=1e-3), "p50": 2, "p99": 4, "p99.9": 4, "max": 4}
    assert found["accept_us"]["mean"] == 0.6 and found["accept_us"]["max"] == 0.7
    assert found["step_us"]["max"] == 4 and found["step_us"]["p50"] == 2.7
    assert found["step_us"]["mean"] == pytest.approx(7 / 3 + 0.6, abs=1e-3)
    assert (found["schemas"], found["positions"], found["first_mask_ms"]["p50"]) == (1, 3, 3)


def test_the_sets_over_which_engines_are_compared() -> None:
    right, wrong = [["accepted", 1]], [["rejected", 0]]
    a = {"x": row("x", right, [True]), "y": row("y", wrong, [True]), "z": {"name": "z", "valid": [], "refused": {}}}
    b = {name: row(name, right, [True]) for name in "xyz"}
    assert measure.compiled_by_all([a, b]) == {"x", "y"} and measure.right_in_all([a, b]) == {"x"}
    counts = measure.outcomes(a)
    assert (counts["right"], counts["wrong"], counts["refused"], counts["over"], counts["under"]) == (1, 1, 1, 1, 0)
    assert counts["wrong_schemas"] == ["y"] and counts["failed_schemas"] == []


def test_the_slowest_are_named() -> None:
    rows = {n: row(n, [["accepted", 0]], [True], mask_ns=[1000 * k], first_mask_ns=k) for k, n in enumerate("abc")}
    found = measure.slowest(rows)
    assert found["step_us"] == [("c", 2.0), ("b", 1.0), ("a", 0.0)]
