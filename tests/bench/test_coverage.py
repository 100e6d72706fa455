"""The coverage of a suite: reasons for every difference, refusals by feature, and runs that go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jsonschemabench import coverage, report
from jsonschemabench.coverage import FORMAT, TEST, UNDECIDED, WRONG, Run
from jsonschemabench.runner import Limits, Pool
from jsonschemabench.suites import Case, load
from jsonschemabench.tokenizers import byte_tokens

LIMITS = Limits(compile_s=2, walk_s=5, memory_gb=2)
SUITE: list[dict[str, Any]] = [
    {"name": "right", "schema": {"texts": ["1"]}, "tests": [{"valid": True, "data": 1}, {"valid": False, "data": 2}]},
    {"name": "order", "schema": {"texts": [], "annotated": ["1"]}, "tests": [{"valid": True, "data": 1}]},
    {"name": "test", "schema": {"texts": [], "const": 2}, "tests": [{"valid": True, "data": 1}]},
    {"name": "format", "schema": {"texts": [], "format": "ipv4"}, "tests": [{"valid": True, "data": "1"}]},
    {"name": "over", "schema": {"texts": []}, "tests": [{"valid": True, "data": 1}]},
    {"name": "under", "schema": {"texts": ["1"], "const": 2}, "tests": [{"valid": False, "data": 1}]},
    {"name": "lenient", "schema": {"texts": ["1"]}, "tests": [{"valid": False, "data": 1}]},
    {"name": "refused", "schema": {"do": "refuse"}, "tests": []},
    {"name": "crash", "schema": {"do": "crash"}, "tests": [{"valid": True, "data": 1}]},
]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.jsonl"
    path.write_text("\n".join(json.dumps({"split": "s", **row}) for row in SUITE))
    return path


def run(suite: Path, **more: Any) -> Run:
    return Run("tests.bench.toy:Toy", suite, byte_tokens(), LIMITS, 2, suite.parent / "rows", **more)


def test_reasons_and_kinds(suite: Path) -> None:
    rows = run(suite).rows(load(suite))
    assert [row["name"] for row in rows] == [row["name"] for row in SUITE]
    reasons = {row["name"]: [entry["reason"] for entry in row["differs"]] for row in rows if "differs" in row}
    assert reasons == {
        "order": ["property order"],
        "test": [TEST],
        "format": [FORMAT],
        "over": [WRONG],
        "under": [WRONG],
        "lenient": [TEST],
    }
    summary = coverage.summary(rows)
    assert summary["counts"] == {"right": 1, "explained": 4, "wrong": 2, "refused": 1, "failed": 1}
    assert (summary["over"], summary["under"], summary["without_instances"]) == (4, 2, 0)
    assert [(g["feature"], g["schemas"], g["names"]) for g in summary["refusals"]] == [
        ("not", 1, ["refused"])
    ]
    assert [entry["name"] for entry in summary["failed"]] == ["crash"]
    assert {entry["name"] for entry in summary["wrong"]} == {"over", "under"}


def test_the_page_lists_what_is_not_right(suite: Path) -> None:
    summary = coverage.summary(run(suite).rows(load(suite)))
    machine = {"command": "c", "date": "d", "cpu": "x", "cores": 1, "system": "s", "python": "p", "packages": {}}
    about = {
        "machine": {**machine, "engines": {"toy": {"version": "1", "commit": ""}}},
        "suite": {"data": "suite.jsonl", "digest": "0", "schemas": len(SUITE)},
        "missing": ["absent"],
        "limits": {"compile_s": 1, "walk_s": 1, "memory_gb": 1},
        "coverage": {"toy": summary},
    }
    page = report.coverage(about)
    for part in (
        "| right on all instances | 1 | 11.1 % |",
        "`over` [0] valid, rejected",
        "`under` [0] invalid, accepted",
    ):
        assert part in page
    for part in ("`crash`: crash", "#### property order: 1 instances of 1 schemas", "left out: absent"):
        assert part in page


def test_an_interrupted_run_goes_on(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases, first = load(suite), run(suite)
    rows = first.rows(cases)
    lines = first.path.read_text().splitlines()
    first.path.write_text("\n".join(lines[:-2]) + "\n" + lines[-2][:10])  # the last line was cut short
    asked: list[str] = []
    original = coverage.examine

    def examine(pool: Pool, case: Case) -> dict[str, Any]:
        asked.append(case.name)
        return original(pool, case)

    monkeypatch.setattr(coverage, "examine", examine)
    again = run(suite).rows(cases)
    assert len(asked) == 2
    assert [row["name"] for row in again] == [row["name"] for row in rows]
    assert [coverage.kind_of(row) for row in again] == [coverage.kind_of(row) for row in rows]
    run(suite, fresh=True).rows(cases)
    assert len(asked) == 2 + len(SUITE)


def test_unsatisfiable_is_an_answer() -> None:
    """Unless the suite has an instance that it calls valid."""
    row = {"name": "a", "split": "s", "refused": {"class": coverage.VOID, "feature": "oneOf"}, "valid": [False]}
    other = {**row, "name": "b", "valid": [True]}
    assert [coverage.kind_of(r) for r in (row, other)] == ["void", "refused"]
    summary = coverage.summary([row, other])
    assert summary["splits"] == {"s": {"void": 1, "refused": 1, "declared": 0, "over": 0, "under": 0}}
    assert [group["names"] for group in summary["refusals"]] == [["b"]]


def test_a_refused_option_leaves_a_difference_undecided() -> None:
    assert coverage._reason(True, UNDECIDED, [True, True]) == UNDECIDED
    assert coverage._reason(True, UNDECIDED, [False, False]) == TEST
    assert coverage._reason(False, None, [None, None]) == WRONG
    assert coverage._reason(False, None, [True, False]) == WRONG
