"""Adapters: each installed engine through a worker on schemas that any engine must get right."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from jsonschemabench import engines, measure, suites
from jsonschemabench.coverage import examine, kind_of
from jsonschemabench.runner import Limits, Pool
from jsonschemabench.suites import Case, Instance
from jsonschemabench.tokenizers import LLAMA3_SOURCE, byte_tokens, llama3

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "maskbench.jsonl.xz"
LIMITS = Limits(compile_s=60, walk_s=60)
PEERS = ["llguidance", "glrmask", "xgrammar", "xgrammar-loose", "outlines-core", "lm-format-enforcer"]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "yé"]}},
    "required": ["a"],
    "additionalProperties": False,
}
CASE = Case(
    "small",
    "split",
    json.dumps(SCHEMA),
    tuple(
        [Instance(True, text) for text in ('{"a": 1}', '{"a": -20, "b": "yé"}')]
        + [Instance(False, text) for text in ('{"a": "1"}', '{"b": "x"}', '{"a": 1', '{"a": 1, "b": "z"}', "[]")]
    ),
)


@pytest.mark.parametrize("name", PEERS)
def test_peers(name: str) -> None:
    if not engines.installed(name):
        pytest.skip(f"{engines.lookup(name).package} is not installed")
    if importlib.util.find_spec("quicktok") is None:
        pytest.skip(f"needs {LLAMA3_SOURCE}")
    pool = Pool(name, llama3(), LIMITS)
    try:
        row = pool.walk(CASE, times=True)
        refused = pool.walk(Case("n", "s", '{"type": 5}', ()), times=False)
    finally:
        pool.close()
    assert measure.verdict(row) == "right", row
    assert measure.verdict(refused) == "refused", refused
    assert engines.version(name)


def test_constrain() -> None:
    """The project's own adapter, with one token for each byte; a refusal names keyword and place."""
    pool = Pool("constrain", byte_tokens(), LIMITS)
    try:
        row = pool.walk(CASE, times=True)
        order = Case("o", "s", CASE.schema, (Instance(True, '{"b": "x", "a": 1}'),))
        strict, free = (pool.walk(order, times=False, options=o) for o in ({}, {"property_order": "any"}))
        invalid = pool.walk(Case("n", "s", '{"properties": {"a": {"type": 5}}}', ()), times=False)
    finally:
        pool.close()
    assert measure.verdict(row) == "right", row
    assert [measure.verdict(r) for r in (strict, free)] == ["wrong", "right"]
    assert invalid["refused"]["class"] == "InvalidSchema"
    assert (invalid["refused"]["feature"], invalid["refused"]["pointer"]) == ("type", "/properties/a/type")


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data/maskbench.jsonl.xz is absent")
def test_constrain_on_a_few_real_schemas() -> None:
    """Refused by name, right, or of another order of properties; never wrong and never a crash."""
    drawn = suites.sample(suites.load(DATA), 1, 0)
    pool = Pool("constrain", byte_tokens(), LIMITS)
    try:
        rows = [examine(pool, case) for case in drawn]
    finally:
        pool.close()
    kinds = {row["name"]: kind_of(row) for row in rows}
    assert set(kinds.values()) <= {"right", "refused", "explained"}, kinds
    assert sum(kind == "right" for kind in kinds.values()) > len(kinds) / 2


def test_bits() -> None:
    words = np.array([1 << 31, 1], np.uint32)
    assert [t for t in range(64) if engines.has_bit(words, t)] == [31, 32]
    assert engines.words_for(byte_tokens()) == 9


def test_an_adapter_is_found_by_name_or_path() -> None:
    assert engines.lookup("glrmask") is engines.GlrMask
    assert engines.lookup("tests.bench.toy:Toy").__name__ == "Toy"
    with pytest.raises(KeyError):
        engines.lookup("jsonschemabench.engines:Walk")
    assert not engines.installed("tests.bench.toy:Absent") and engines.version("tests.bench.toy:Toy") == ""
