"""The speed measurement: a sample of schemas through each engine in turn, and what is made of the times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jsonschemabench.limits import Limits
from jsonschemabench.runner import Pool, Row, each
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import Tokenizer
from jsonschemabench.walks import NOT_CALLED

Times = NDArray[np.float64]
SLOWEST = 10  # how many of the slowest schemas a result names


def percentile(values: Times, p: float) -> float:
    """The value at rank p of the sorted values (nearest rank: a value that was measured); NaN of none."""
    if not len(values):
        return math.nan
    return float(np.sort(values)[min(len(values) - 1, int(p * (len(values) - 1) + 0.5))])


def spread(values: Times, *points: float) -> dict[str, float]:
    """Mean, the asked percentiles, and the maximum, to three digits after the point."""
    if not len(values):
        return {}
    named = {f"p{100 * p:g}": percentile(values, p) for p in points}
    out = {"mean": float(values.mean()), **named, "max": float(values.max())}
    return {name: round(value, 3) for name, value in out.items()}


def verdict(row: Row) -> str:
    """What an engine did with a schema: refused, timeout, memory, crash, wrong, right (on all its instances)."""
    if "refused" in row:
        return "refused"
    if "failed" in row:
        return str(row["failed"])
    if "first_mask_error" in row or any(end[0] == "error" for end in row["ends"]):
        return "crash"
    return "wrong" if over_constrained(row) or under_constrained(row) else "right"


def over_constrained(row: Row) -> list[int]:
    """Places of the valid instances that were not accepted."""
    return [i for i, (valid, end) in enumerate(_ends(row)) if valid and end[0] != "accepted"]


def under_constrained(row: Row) -> list[int]:
    """Places of the invalid instances that were accepted."""
    return [i for i, (valid, end) in enumerate(_ends(row)) if not valid and end[0] == "accepted"]


def _ends(row: Row) -> Iterable[tuple[bool, list[Any]]]:
    return zip(row["valid"], row.get("ends", ()), strict=False)


def run(
    engine: str, cases: Sequence[Case], tokenizer: Tokenizer, limits: Limits, core: int | None, step: Callable[[], None]
) -> tuple[dict[str, Row], Row]:
    """One engine over all cases in one process (a new one after a death). -> (rows by name, first answer)"""
    rows: dict[str, Row] = {}

    def done(row: Row) -> None:
        rows[row["name"]] = row
        step()

    pool = Pool(engine, tokenizer, limits, core)
    try:
        each(cases, lambda case: pool.walk(case, times=True), done)
    finally:
        pool.close()
    return rows, pool.ready


def outcomes(rows: dict[str, Row]) -> dict[str, Any]:
    """What an engine did with all schemas: numbers by verdict, and the names of those it got wrong or died of."""
    verdicts = {name: verdict(row) for name, row in rows.items()}
    counts = dict.fromkeys(("right", "wrong", "refused", "timeout", "memory", "crash"), 0)
    for kind in verdicts.values():
        counts[kind] += 1
    wrong = [row for name, row in rows.items() if verdicts[name] == "wrong"]
    return {
        **counts,
        "over": sum(bool(over_constrained(row)) for row in wrong),
        "under": sum(bool(under_constrained(row)) for row in wrong),
        "wrong_schemas": sorted(row["name"] for row in wrong),
        "failed_schemas": sorted(n for n, kind in verdicts.items() if kind in ("timeout", "memory", "crash")),
    }


def compiled_by_all(results: Iterable[dict[str, Row]]) -> set[str]:
    """Names of the schemas that every engine compiled and walked to the end."""
    return _shared(results, {"right", "wrong"})


def right_in_all(results: Iterable[dict[str, Row]]) -> set[str]:
    """Names of the schemas on whose instances every engine is right."""
    return _shared(results, {"right"})


def _shared(results: Iterable[dict[str, Row]], kinds: set[str]) -> set[str]:
    sets = [{name for name, row in rows.items() if verdict(row) in kinds} for rows in results]
    return set.intersection(*sets) if sets else set()


def times(rows: dict[str, Row], names: set[str]) -> dict[str, Any]:
    """The figures of one engine over some schemas. Microseconds a token, milliseconds a schema, megabytes a schema.

    A step is the mask of a position and the accept of its token; where a walk ends with a mask, the mask alone. The
    mean of the steps is given as mean mask + mean accept, which counts every position as if it had both.
    """
    chosen = [rows[name] for name in sorted(names)]
    mask = _flat(row["mask_ns"] for row in chosen) / 1e3
    accept = _flat(row["accept_ns"] for row in chosen)
    called = accept[accept != NOT_CALLED] / 1e3
    step = spread(mask + np.maximum(accept, 0) / 1e3, 0.5, 0.99, 0.999)
    if step:
        step["mean"] = round(float(mask.mean()) + float(called.mean() if len(called) else 0), 3)
    memory = {kind: _flat([[row[f"memory_{kind}"] for row in chosen]]) / 1e6 for kind in ("compiled", "walked")}
    return {
        "schemas": len(chosen),
        "positions": len(mask),
        "mask_us": spread(mask, 0.5, 0.99, 0.999),
        "accept_us": spread(called, 0.5, 0.99, 0.999),
        "step_us": step,
        "first_mask_ms": spread(_flat([[row["first_mask_ns"] for row in chosen]]) / 1e6, 0.5, 0.9, 0.99),
        "compile_ms": spread(_flat([[row["compile_ns"] for row in chosen]]) / 1e6, 0.5, 0.9, 0.99),
        "memory_compiled_mb": spread(memory["compiled"], 0.5),
        "memory_walked_mb": spread(memory["walked"], 0.5),
    }


def alone(row: Row) -> dict[str, Any]:
    """The figures of one engine over one schema: what it did, and where it compiled the times of `times`."""
    found: dict[str, Any] = {"verdict": verdict(row)}
    if "refused" in row:
        found["feature"] = row["refused"]["feature"]
    if "first_mask_ns" in row:
        found |= {"compile_ms": row["compile_ns"] / 1e6, "first_mask_ms": row["first_mask_ns"] / 1e6}
    if "mask_ns" in row:
        mask = _flat([row["mask_ns"]]) / 1e3
        found |= {"masks": len(mask), "mask_us": spread(mask, 0.5, 0.99)}
    return found


def slowest(rows: dict[str, Row]) -> dict[str, list[tuple[str, float]]]:
    """The schemas with the slowest step (µs) and the slowest first mask (ms) of one engine: where to look next."""
    walked = {name: row for name, row in rows.items() if verdict(row) in ("right", "wrong")}
    step = {name: _worst_step(row) for name, row in walked.items()}
    first = {name: row["first_mask_ns"] / 1e6 for name, row in walked.items()}
    return {"step_us": _largest(step), "first_mask_ms": _largest(first)}


def _worst_step(row: Row) -> float:
    pairs = zip(row["mask_ns"], row["accept_ns"], strict=True)
    return max((mask + max(accept, 0) for mask, accept in pairs), default=0) / 1e3


def _largest(values: dict[str, float]) -> list[tuple[str, float]]:
    ranked = sorted(values.items(), key=lambda item: -item[1])[:SLOWEST]
    return [(name, round(value, 3)) for name, value in ranked]


def _flat(lists: Iterable[Sequence[float]]) -> Times:
    return np.array([x for values in lists for x in values], dtype=np.float64)


def result(results: dict[str, dict[str, Row]], ready: dict[str, Row]) -> dict[str, Any]:
    """Everything that the report needs, from the rows of all engines."""
    sets = {"compiled": compiled_by_all(results.values()), "right": right_in_all(results.values())}
    return {
        "outcomes": {engine: outcomes(rows) for engine, rows in results.items()},
        "times": {kind: {e: times(rows, names) for e, rows in results.items()} for kind, names in sets.items()},
        "slowest": {engine: slowest(rows) for engine, rows in results.items()},
        "processes": {engine: _process(rows, ready[engine]) for engine, rows in results.items()},
    }


def _process(rows: dict[str, Row], ready: Row) -> dict[str, float]:
    peak = max((row.get("resident", 0) for row in rows.values()), default=0)
    return {
        "setup_s": round(ready.get("setup_s", math.nan), 2),
        "ready_mb": round(ready.get("resident", 0) / 1e6),
        "peak_mb": round(max(peak, ready.get("resident", 0)) / 1e6),
    }
