"""Workers: what an engine does to its process must not reach the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jsonschemabench import measure
from jsonschemabench.runner import Limits, Pool, SetupFailed, Worker, each
from jsonschemabench.suites import Case, Instance
from jsonschemabench.tokenizers import byte_tokens

TOY = "tests.bench.toy:Toy"
LIMITS = Limits(compile_s=0.5, walk_s=5, memory_gb=2)


def case(name: str, valid: tuple[str, ...] = ("12",), invalid: tuple[str, ...] = ("3",), **schema: Any) -> Case:
    instances = [Instance(True, text) for text in valid] + [Instance(False, text) for text in invalid]
    return Case(name, "split", json.dumps(schema), tuple(instances))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(TOY, byte_tokens(), LIMITS, core=0)
    yield made
    made.close()


def test_every_outcome_and_its_position(pool: Pool) -> None:
    row = pool.walk(case("n", ("12", "13", "1"), ("12", "14", ""), texts=["12", ""]), times=True)
    assert row["valid"] == [True, True, True, False, False, False]
    ends = [["accepted", 2], ["rejected", 1], ["unfinished", 1], ["accepted", 2], ["rejected", 1], ["accepted", 0]]
    assert row["ends"] == ends
    assert (measure.over_constrained(row), measure.under_constrained(row)) == ([1, 2], [3, 5])
    assert measure.verdict(row) == "wrong"
    assert len(row["mask_ns"]) == len(row["accept_ns"]) == 3 + 2 + 2 + 3 + 2 + 1
    assert [ns == -1 for ns in row["accept_ns"]] == [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1]
    assert all(ns > 0 for ns in row["mask_ns"]) and row["first_mask_ns"] > row["compile_ns"] > 0


def test_only_some_instances_and_options(pool: Pool) -> None:
    asked = case("n", ("21", "12"), (), texts=["12"], annotated=["21"])
    assert pool.walk(asked, times=False)["ends"] == [["rejected", 0], ["accepted", 2]]
    row = pool.walk(asked, times=False, options={"property_order": "any"}, only=[0])
    assert row["ends"] == [["accepted", 2]] and "mask_ns" not in row


def test_refusals_are_told_by_feature(pool: Pool) -> None:
    row = pool.walk(case("n", do="refuse"), times=False)
    assert measure.verdict(row) == "refused" and row["refused"]["class"] == "Refused"
    assert row["refused"]["feature"] == "not"


@pytest.mark.parametrize(
    ("do", "kind"), [("crash", "crash"), ("exit", "crash"), ("hang", "timeout"), ("memory", "memory")]
)
def test_a_death_costs_one_schema(pool: Pool, do: str, kind: str) -> None:
    row = pool.walk(case("n", do=do), times=False)
    assert measure.verdict(row) == kind, row
    assert measure.verdict(pool.walk(case("n", texts=["12"]), times=False)) == "right"


@pytest.mark.parametrize(("do", "end"), [("raise", "error"), ("decline", "refused")])
def test_breaking_down_on_the_way(pool: Pool, do: str, end: str) -> None:
    row = pool.walk(case("n", ("123",), (), texts=["123"], do=do), times=True)
    assert row["ends"][0][0] == end
    assert measure.verdict(row) == ("crash" if end == "error" else "wrong")
    assert len(row["mask_ns"]) == len(row["accept_ns"])


def test_the_validator_judges_with_and_without_formats(pool: Pool) -> None:
    schema = json.dumps({"type": "string", "format": "ipv4"})
    assert pool.judge(schema, ['"1.2.3.4"', '"1"', "1"]) == [[True, True], [True, False], [False, False]]
    assert pool.judge('{"$ref": "http://localhost:1/none"}', ["1"]) == [[None, None]]


def test_an_engine_that_does_not_start_ends_the_run() -> None:
    with pytest.raises(SetupFailed, match="no vocabulary like that"):
        Worker("tests.bench.toy:Broken", "bytes", LIMITS, None)


def test_each_keeps_going_in_threads_and_passes_errors_on() -> None:
    cases = [case(str(n)) for n in range(20)]
    seen: list[str] = []
    each(cases, lambda c: {"name": c.name}, lambda row: seen.append(row["name"]), threads=3)
    assert sorted(seen, key=int) == [c.name for c in cases]

    def fail(c: Case) -> dict[str, Any]:
        raise ZeroDivisionError(c.name)

    with pytest.raises(ZeroDivisionError):
        each(cases, fail, lambda row: None, threads=2)
