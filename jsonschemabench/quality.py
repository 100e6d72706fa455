"""What is made of the texts that a model wrote: shares of right and compliant ones, end-to-end times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jsonschemabench.measure import spread
from jsonschemabench.plan import Results
from jsonschemabench.runner import Row, read_rows


def summarize_texts(results: Results, about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By task and engine. Engines without any row are left out."""
    found: dict[str, dict[str, Any]] = {}
    for task in about["plan"]["tasks"]:
        for engine in about["plan"]["engines"]:
            rows = list(read_rows(results.texts_path(task, engine)).values())
            if rows:
                found.setdefault(task, {})[engine] = summarize(rows)
    return found


def summarize(rows: list[Row]) -> dict[str, Any]:
    """Shares are of all texts asked for, refused ones included, but compliance, which is of those that were written.

    empirical: of all schemas, those for which a valid text was written. compliant: of the texts that were written, the
    valid ones. TTFT: prompt, compilation, first mask and choice; TPOT: every further token.
    """
    written = [row for row in rows if "text" in row]
    judged = [row["correct"] for row in rows if row["correct"] is not None]
    tokens = sum(row["tokens"] for row in written)
    wall = sum(row["wall_s"] for row in written)
    engine = sum(row.get("engine_s", math.nan) for row in written)
    forced = sum(row.get("forced", math.nan) for row in written)
    return {
        "texts": len(rows),
        "written": len(written),
        "refused": sum("refused" in row for row in rows),
        "failed": sum("failed" in row or bool(row.get("problem")) for row in rows),
        "correct": _share(sum(judged), len(judged)),
        "compliant": _share(sum(row["compliant"] for row in written), len(written)),
        "empirical": _share(sum(row["compliant"] for row in rows), len(rows)),
        "unfinished": _share(sum(not row["finished"] for row in written), len(written)),
        "ttft_ms": spread(np.array([1e3 * row["ttft_s"] for row in written]), 0.5, 0.9),
        "tpot_ms": spread(np.array([1e3 * row["tpot_s"] for row in written if row["tokens"] > 1]), 0.5, 0.9),
        "tokens_per_s": round(tokens / wall, 2) if wall else math.nan,
        "engine_ms_per_token": round(1e3 * engine / tokens, 4) if tokens else math.nan,
        "forced_share": _share(forced, tokens),
    }


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else math.nan
