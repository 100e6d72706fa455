"""The rows of a run as one Parquet file: one line for each case and engine, its times as lists."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschemabench.plan import Results
from jsonschemabench.summary import load_rows, outcome

COLUMNS = (
    "compile_ns",
    "first_mask_ns",
    "warm_first_mask_ns",
    "memory_compiled",
    "memory_walked",
    "resident",
    "forced",
)
LISTS = ("mask_ns", "accept_ns", "warm_mask_ns", "warm_accept_ns")


def write_parquet(run: Path, out: Path) -> Path:
    """Machine, versions and settings are in the file's metadata. RuntimeError: no pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise RuntimeError("Parquet needs pyarrow: pip install pyarrow") from None
    results = Results(run)
    about = results.about()
    lines = []
    for suite in about["suites"]:
        for engine in about["plan"]["engines"]:
            for name, row in load_rows(results.rows_path(suite, engine)).items():
                line = {"suite": suite, "engine": engine, "name": name, "split": row["split"], "outcome": outcome(row)}
                line |= {column: row.get(column) for column in COLUMNS}
                line |= {column: row[column].tolist() if column in row else None for column in LISTS}
                line["feature"] = row.get("refused", {}).get("feature")
                lines.append(line)
    table = pyarrow.Table.from_pylist(lines)
    table = table.replace_schema_metadata({"jsonschemabench": json.dumps(about)})
    out.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, out)
    return out
