"""Two runs beside each other: which cases changed their outcome, and which times changed beyond noise.

Noise is told by resampling the cases (a paired bootstrap): a time has changed where the 95 % interval of the ratio of
the sums leaves 1 out, and by more than 5 %, which two runs of the same thing on a quiet machine can differ by.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from jsonschemabench.plan import Results
from jsonschemabench.summary import Rows, load_rows, outcome
from jsonschemabench.walks import NOT_CALLED

RESAMPLES = 2000
LEAST = 0.05
SHOWN = 12


def compare_runs(before: Path, after: Path, seed: int = 0) -> dict[str, Any]:
    """FileNotFoundError, KeyError, ValueError: a folder holds no run. `worse`: something is wrong or slower now."""
    first, second = Results(before), Results(after)
    old, new = first.about(), second.about()
    found: dict[str, Any] = {"engines": {}, "worse": False, "machine": _machines(old, new)}
    for suite in old["suites"]:
        for engine in old["plan"]["engines"]:
            rows = load_rows(first.rows_path(suite, engine)), load_rows(second.rows_path(suite, engine))
            common = sorted(set(rows[0]) & set(rows[1]))
            if common:
                made = compare_rows(*rows, common, np.random.default_rng(seed))
                found["engines"][f"{engine} · {suite}"] = made
                found["worse"] |= bool(made["lost"]) or any(of["changed"] == "slower" for of in made["times"].values())
    if not found["engines"]:
        raise ValueError("the runs have no case in common")
    return found


def compare_rows(old: Rows, new: Rows, names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    """The cases of both. lost: right before, not any more; won: the other way; moved: from one failure to another."""
    outcomes = {name: (outcome(old[name]), outcome(new[name])) for name in names}
    changed = {name: pair for name, pair in outcomes.items() if pair[0] != pair[1]}
    right = [name for name, pair in outcomes.items() if pair == ("right", "right")]
    return {
        "cases": len(names),
        "lost": {name: pair for name, pair in changed.items() if pair[0] == "right"},
        "won": {name: pair for name, pair in changed.items() if pair[1] == "right"},
        "moved": {name: pair for name, pair in changed.items() if "right" not in pair},
        "right_in_both": len(right),
        "times": {
            measure: ratio(_values(old, right, measure), _values(new, right, measure), rng)
            for measure in ("tokens", "first_mask")
            if right and "mask_ns" in old[right[0]] and "mask_ns" in new[right[0]]
        },
    }


def ratio(old: NDArray[np.float64], new: NDArray[np.float64], rng: np.random.Generator) -> dict[str, Any]:
    """new / old of the sums with its 95 % interval, from resampled cases. changed: "slower", "faster" or ""."""
    picks = rng.integers(0, len(old), (RESAMPLES, len(old)))
    ratios = new[picks].sum(1) / old[picks].sum(1)
    low, high = (float(x) for x in np.percentile(ratios, (2.5, 97.5)))
    whole = float(new.sum() / old.sum())
    changed = ""
    if len(old) > 1 and abs(whole - 1) > LEAST:
        changed = "slower" if low > 1 else "faster" if high < 1 else ""
    return {"ratio": round(whole, 4), "low": round(low, 4), "high": round(high, 4), "changed": changed}


def _values(rows: Rows, names: list[str], measure: str) -> NDArray[np.float64]:
    if measure == "first_mask":
        return np.array([rows[name]["first_mask_ns"] for name in names], np.float64)
    sums = []
    for name in names:
        accept = rows[name]["accept_ns"]
        sums.append(rows[name]["mask_ns"].sum() + accept[accept != NOT_CALLED].sum())
    return np.array(sums, np.float64)


def _machines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between the machines, versions and settings of the runs."""
    notes = []
    for key in ("cpu", "cores", "system", "python"):
        if old["machine"][key] != new["machine"][key]:
            notes.append(f"{key}: {old['machine'][key]} → {new['machine'][key]}")
    for engine, state in old["states"].items():
        if new["states"].get(engine, state) != state:
            notes.append(f"{engine}: {state} → {new['states'][engine]}")
    for key, value in old["plan"].items():
        if new["plan"].get(key) != value and key != "note":
            notes.append(f"{key}: {value} → {new['plan'].get(key)}")
    return notes


def show(found: dict[str, Any], console: Console) -> None:
    """The comparison as a table, and the cases that changed by name."""
    for note in found["machine"]:
        console.print(f"differs: {note}", markup=False)
    table = Table("", "cases", "lost", "won", "moved", "time of all tokens", "time to the first mask")
    for name, of in found["engines"].items():
        cells = [_told(of["times"][m]) if m in of["times"] else "–" for m in ("tokens", "first_mask")]
        table.add_row(name, str(of["cases"]), str(len(of["lost"])), str(len(of["won"])), str(len(of["moved"])), *cells)
    console.print(table)
    for name, of in found["engines"].items():
        for kind in ("lost", "won", "moved"):
            for case, (before, after) in list(of[kind].items())[:SHOWN]:
                console.print(f"{name}: {case}: {before} → {after}", markup=False, highlight=False)
            if len(of[kind]) > SHOWN:
                console.print(f"{name}: … and {len(of[kind]) - SHOWN} more", markup=False)
    console.print("worse in something" if found["worse"] else "nothing is worse beyond noise")


def _told(of: dict[str, Any]) -> str:
    said = f"×{of['ratio']:.2f} ({of['low']:.2f}–{of['high']:.2f})"
    return f"{said} {of['changed']}" if of["changed"] else f"{said} within noise"
