"""What is made of a run's rows: coverage, efficiency over shared schemas, differences. Plain values."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jsonschemabench.engines import first_words, lookup
from jsonschemabench.judging import set_aside
from jsonschemabench.measure import spread
from jsonschemabench.plan import Results
from jsonschemabench.run import read_judged
from jsonschemabench.runner import Row
from jsonschemabench.walks import NOT_CALLED

OUTCOMES = ("right", "over", "under", "both", "refused", "unsupported", "timeout", "memory", "crash")
ARRAYS = ("mask_ns", "accept_ns", "warm_mask_ns", "warm_accept_ns")
CURVE = [*np.linspace(0, 0.9, 31), *(1 - np.logspace(-1, -5, 41))]
LISTED = 300  # differences that a report lists
Rows = dict[str, Row]


def load_rows(path: Path) -> Rows:
    """The rows of a file by name, their times as arrays; a line cut short by an interruption is left out."""
    rows: Rows = {}
    if not path.exists():
        return rows
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            for name in ARRAYS:
                if name in row:
                    row[name] = np.array(row[name], np.int64)
            rows[row["name"]] = row
    return rows


def without(row: Row, places: set[int]) -> Row:
    """The row as if the instances at these places were not there; their times stay, they are times."""
    if not places or "ends" not in row:
        return row
    kept = [n for n in range(len(row["ends"])) if n not in places]
    return {**row, "ends": [row["ends"][n] for n in kept], "valid": [row["valid"][n] for n in kept]}


def outcome(row: Row) -> str:
    """What an engine did with a case (see OUTCOMES). "both": rejects a valid and accepts an invalid instance.

    Of a schema that no instance satisfies it is right to say that none does: that is an answer, not a refusal.
    """
    if "refused" in row:
        if says_void(row["refused"]) and row.get("valid") and not any(row["valid"]):
            return "right"
        return "unsupported" if row["refused"].get("unsupported") else "refused"
    if "failed" in row:
        return str(row["failed"])
    if "first_mask_error" in row:  # found out late, but no text was begun
        return "refused"
    if any(end[0] == "error" for end in row["ends"]):
        return "crash"
    pairs = list(zip(row["valid"], row["ends"], strict=True))
    over = any(valid and end[0] != "accepted" for valid, end in pairs)
    under = any(not valid and end[0] == "accepted" for valid, end in pairs)
    return "both" if over and under else "over" if over else "under" if under else "right"


def says_void(refused: dict[str, Any]) -> bool:
    """Does a refusal say, in the words of any engine, that the schema can't be satisfied?"""
    said = f"{refused.get('class', '')} {refused.get('message', '')}".lower()
    return "unsatisfiable" in said or "no value satisfies" in said


def summarize(folder: Path) -> dict[str, Any]:
    """Everything that the reports need. FileNotFoundError, ValueError, KeyError: the folder holds no run."""
    results = Results(folder)
    about = results.about()
    judged = read_judged(results)
    aside = set_aside(judged)
    suites = {}
    for suite, described in about["suites"].items():
        if "missing" in described:
            continue
        rows = {
            engine: {
                name: without(row, aside.get((suite, name), set()))
                for name, row in load_rows(results.rows_path(suite, engine)).items()
            }
            for engine in about["plan"]["engines"]
        }
        suites[suite] = summarize_suite({engine: found for engine, found in rows.items() if found})
        suites[suite]["set_aside"] = sum(len(places) for (of, _), places in aside.items() if of == suite)
    return {
        "about": about,
        "suites": suites,
        "disagreements": disagreements(judged),
        "texts": texts(results, about),
    }


def summarize_suite(rows: dict[str, Rows]) -> dict[str, Any]:
    """One suite: what each engine covers, and its times over what it shares with others."""
    outcomes = {engine: {name: outcome(row) for name, row in found.items()} for engine, found in rows.items()}
    return {
        "coverage": {engine: coverage(found) for engine, found in outcomes.items()},
        "splits": splits(rows, outcomes),
        "keywords": keywords(rows, outcomes),
        "refusals": {engine: refusals(found) for engine, found in rows.items()},
        "speed": list(speed_groups(rows, outcomes)),
        "pairs": pairs(rows, outcomes),
    }


def coverage(outcomes: dict[str, str]) -> dict[str, Any]:
    """Numbers of cases by outcome. declared: it compiles; true: right on every instance that there is."""
    counts = Counter(outcomes.values())
    total = len(outcomes)
    compiled = sum(counts[kind] for kind in ("right", "over", "under", "both"))
    return {
        "cases": total,
        **{kind: counts[kind] for kind in OUTCOMES},
        "declared": round(compiled / total, 4) if total else math.nan,
        "true": round(counts["right"] / total, 4) if total else math.nan,
    }


def splits(rows: dict[str, Rows], outcomes: dict[str, dict[str, str]]) -> dict[str, dict[str, dict[str, int]]]:
    """engine -> split -> outcome -> cases. In the official suite a split is a keyword."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for engine, of in rows.items():
        for name, row in of.items():
            at = found.setdefault(engine, {}).setdefault(row["split"], dict.fromkeys(OUTCOMES, 0))
            at[outcomes[engine][name]] += 1
    return {engine: dict(sorted(of.items())) for engine, of in found.items()}


def keywords(rows: dict[str, Rows], outcomes: dict[str, dict[str, str]]) -> dict[str, dict[str, dict[str, int]]]:
    """engine -> keyword -> outcome -> cases whose schema has the keyword somewhere."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for engine, of in rows.items():
        for name, row in of.items():
            for keyword in row.get("keywords", ()):
                at = found.setdefault(engine, {}).setdefault(keyword, dict.fromkeys(OUTCOMES, 0))
                at[outcomes[engine][name]] += 1
    return {engine: dict(sorted(of.items())) for engine, of in found.items()}


def refusals(rows: Rows) -> list[tuple[str, int]]:
    """What is refused most, by the feature that the engine names."""
    counts = Counter(
        row["refused"].get("feature") or "?" for row in rows.values() if "refused" in row and outcome(row) != "right"
    )
    late = (row["first_mask_error"] for row in rows.values() if "first_mask_error" in row)
    counts.update(f"at the first mask: {first_words(said)}" for said in late)
    return counts.most_common(12)


def speed_groups(rows: dict[str, Rows], outcomes: dict[str, dict[str, str]]) -> Iterator[dict[str, Any]]:
    """Times over the cases on which every engine of a group is right: the quick engines, then all of them."""
    able = [e for e in rows if e != "none" and any(kind == "right" for kind in outcomes[e].values())]
    quick = [engine for engine in able if not lookup(engine).slow]
    groups = [quick, able] if quick and len(quick) < len(able) else [able]
    for group in groups:
        if len(group) < 1:
            continue
        walked = set.intersection(*(set(outcomes[engine]) for engine in group))
        shared = {
            name
            for name in walked
            if all(outcomes[engine][name] == "right" and "refused" not in rows[engine][name] for engine in group)
        }
        names = sorted(shared)
        yield {
            "engines": group,
            "walked_by_all": len(walked),
            "cases": len(names),
            "times": {engine: times([rows[engine][name] for name in names]) for engine in group},
            "curves": {engine: curves([rows[engine][name] for name in names]) for engine in group},
        }


def pairs(rows: dict[str, Rows], outcomes: dict[str, dict[str, str]], ours: str = "constrain") -> dict[str, Any]:
    """This project beside each peer, over the cases on which both are right."""
    found: dict[str, Any] = {}
    for peer in rows:
        if ours not in rows or peer in (ours, "none"):
            continue
        both = set(rows[ours]) & set(rows[peer])
        answered = {n for n in both if "refused" in rows[ours][n] or "refused" in rows[peer][n]}
        names = sorted(n for n in both - answered if outcomes[ours][n] == outcomes[peer][n] == "right")
        if names:
            found[peer] = {
                "walked_by_both": len(both),
                "right": [sum(outcomes[engine][name] == "right" for name in both) for engine in (ours, peer)],
                "cases": len(names),
                "ours": times([rows[ours][name] for name in names]),
                "theirs": times([rows[peer][name] for name in names]),
            }
    return found


def times(rows: Sequence[Row]) -> dict[str, Any]:
    """Cold: first visit of every position. Warm: the first instance again, its schema compiled anew by the process.

    Microseconds a token, milliseconds a case, megabytes a case. The mean of a step is mean mask + mean accept.
    """
    mask, accept = _joined(rows, "mask_ns") / 1e3, _joined(rows, "accept_ns")
    called = accept[accept != NOT_CALLED] / 1e3
    step = spread(mask + np.maximum(accept, 0) / 1e3, 0.5, 0.9, 0.99, 0.999)
    if step:
        step["mean"] = round(float(mask.mean()) + float(called.mean() if len(called) else 0), 3)
    warm = _joined(rows, "warm_mask_ns") / 1e3 + np.maximum(_joined(rows, "warm_accept_ns"), 0) / 1e3
    forced = sum(row.get("forced", 0) for row in rows), sum(row.get("forced_of", 0) for row in rows)
    return {
        "cases": len(rows),
        "tokens": len(mask),
        "mask_us": spread(mask, 0.5, 0.9, 0.99, 0.999),
        "accept_us": spread(called, 0.5, 0.9, 0.99, 0.999),
        "step_us": step,
        "warm_step_us": spread(warm, 0.5, 0.9, 0.99, 0.999),
        "first_mask_ms": spread(_each(rows, "first_mask_ns") / 1e6, 0.5, 0.9, 0.99),
        "warm_first_mask_ms": spread(_each(rows, "warm_first_mask_ns") / 1e6, 0.5, 0.9, 0.99),
        "compile_ms": spread(_each(rows, "compile_ns") / 1e6, 0.5, 0.9, 0.99),
        "memory_mb": spread(_each(rows, "memory_walked") / 1e6, 0.5, 0.99),
        "resident_mb": round(max((row.get("resident", 0) for row in rows), default=0) / 1e6),
        "forced_share": round(forced[0] / forced[1], 4) if forced[1] else math.nan,
    }


def curves(rows: Sequence[Row]) -> dict[str, list[tuple[float, float]]]:
    """(share of the tokens or cases, time not passed by that share): for the tail-latency curves."""
    step = (_joined(rows, "mask_ns") + np.maximum(_joined(rows, "accept_ns"), 0)) / 1e3
    return {"step_us": _curve(step), "first_mask_ms": _curve(_each(rows, "first_mask_ns") / 1e6)}


def _curve(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    if not len(values):
        return []
    ordered = np.sort(values)
    points = [q for q in CURVE if (1 - q) * len(ordered) >= 1] or [0.0]
    found = [(round(float(q), 6), round(float(ordered[int(q * (len(ordered) - 1))]), 3)) for q in points]
    return [*found, (round(1 - 1 / len(ordered), 6), round(float(ordered[-1]), 3))]


def _joined(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    parts = [row[name] for row in rows if name in row]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def _each(rows: Iterable[Row], name: str) -> NDArray[np.float64]:
    return np.array([row[name] for row in rows if name in row], np.float64)


def disagreements(judged: Sequence[Row]) -> dict[str, Any]:
    """Numbers by decision for each suite, and the differences that a report lists, the disputed ones first."""
    counts: dict[str, dict[str, int]] = {}
    for row in judged:
        of = counts.setdefault(row["suite"], {})
        of[row["decision"]] = of.get(row["decision"], 0) + 1
    rank = {"validators differ": 0, "set aside": 1, "format": 2, "label": 3}
    ranked = sorted(judged, key=lambda row: (rank[row["decision"]], row["suite"], row["name"], row["place"]))
    taken: Counter[tuple[str, str]] = Counter()
    listed = []
    for row in ranked:
        group = (row["suite"], row["decision"])
        taken[group] += 1
        if taken[group] <= LISTED // max(1, len(counts) * 2):
            listed.append(row)
    return {"counts": counts, "total": len(judged), "listed": listed}


def texts(results: Results, about: dict[str, Any]) -> dict[str, Any]:
    """What models wrote: by task and engine."""
    if not about["plan"]["tasks"]:
        return {}
    from jsonschemabench.quality import summarize_texts

    return summarize_texts(results, about)
