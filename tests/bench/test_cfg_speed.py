"""The walk along real files: the grammar that all engines read, its two dialects, percentiles, the cold cache."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path

import pytest

import constrain
from constrain.engine import shipped_tables
from constrain.limits import DEFAULT_LIMITS
from constrain.paths import cache_dir
from jsonschemabench.cfg import pages, python_like, speed
from jsonschemabench.cfg import small as toy_vocabulary
from jsonschemabench.limits import Limits

STDLIB = Path(sysconfig.get_paths()["stdlib"])


def file(name: str) -> str:
    return python_like.reprinted((STDLIB / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dialects() -> list[constrain.Constraint]:
    return [constrain.lark(python_like.lark()), constrain.gbnf(python_like.gbnf())]


@pytest.mark.parametrize("name", ["abc.py", "bisect.py", "shlex.py"])
def test_both_dialects_read_real_files(dialects: list[constrain.Constraint], name: str) -> None:
    for constraint in dialects:
        assert constraint.matches(file(name)), constraint.explain(file(name))


WRONG = ["x = \n", "if x\n", "f(1\n", "x = 'a\n", "x y\n", "def f(:\n", "1 2\n", "a.\n", "x = ]\n"]


@pytest.mark.parametrize("text", WRONG)
def test_both_dialects_reject(dialects: list[constrain.Constraint], text: str) -> None:
    assert [constraint.matches(text) for constraint in dialects] == [False, False]


def test_every_module_of_the_list_is_python_like() -> None:
    constraint = constrain.lark(python_like.lark())
    for name in speed.PYTHON_FILES:
        assert constraint.matches(file(name)), name


def test_one_process_measures_a_grammar() -> None:
    tokenizer = toy_vocabulary.vocabulary()
    case = speed._case("json", (("lark", "start: x"),), (speed.Instance(True, "[1]"), speed.Instance(True, "[}")))
    row = speed._walk("tests.bench.cfg_engines:Faulty", case, [[0x31], [0x7D]], tokenizer, Limits(), None)
    found = speed.summary(row, 2)
    assert (found["status"], found["whole"], found["texts"], found["positions"]) == ("ok", 1, 2, 3)
    assert found["stopped"] == ["rejected 0"]
    assert found["first_mask_ms"] > 0 and found["start_ms"] > 0
    assert found["mask_us"]["max"] >= found["mask_us"]["p50"] > 0
    refused = speed._walk(
        "tests.bench.cfg_engines:Faulty", speed._case("json", (("gbnf", ""),), ()), [], tokenizer, Limits(), None
    )
    found = speed.summary(refused, 0)
    assert found["status"] == "refused" and "start_ms" not in found
    assert "takes no grammars" in found["message"]


def test_constrain_reads_a_copy() -> None:
    """The same grammar, but not a text that the package has tables for."""
    (load,) = [speed._case("json", speed.with_skip(speed.own_grammar("json")), ())]
    text, copy = (dict(case.dialects)["lark"] for case in (load, speed.copied(load)))
    assert shipped_tables.found(text, DEFAULT_LIMITS) is not None
    assert shipped_tables.found(copy, DEFAULT_LIMITS) is None
    assert constrain.lark(copy).matches("[1, {}]")


def test_every_dialect_has_a_trivial_grammar() -> None:
    for name, dialect in (("lark", "lark"), ("gbnf", "gbnf")):
        assert getattr(constrain, name)(speed.TRIVIAL[dialect]).matches("a")
    case = speed._case("x", speed.with_skip((("lark", ""), ("gbnf", ""))), ())
    assert {dialect for dialect, _ in case.dialects} == set(speed.TRIVIAL)


@pytest.mark.slow
def test_first_masks_of_constrain() -> None:
    """Cold as a user's own, from the disk, with the tables of the package, and after other texts."""
    case = speed._case("json", speed.own_grammar("json"), (speed.Instance(True, "[1]"),))
    others = (speed.Instance(True, '{"a": [1, null]}'), speed.Instance(True, "[[], 2.5]"))
    row = speed.measure("constrain", case, others, toy_vocabulary.vocabulary(), speed.LIMITS, None)
    found = speed.summary(row, 1)
    assert found["kept_mb"] > 0 and found["keep_ms"] > 0 and found["kept_first_mask_ms"] > 0
    for kind in ("after", "kept"):
        assert 0 < found[kind]["both_us"]["p50"] <= found[kind]["both_us"]["max"]
        assert len(row[f"{kind}_mask_ns"]) == len(row["mask_ns"])
    assert found["status"] == "ok" and found["whole"] == 1
    assert 0 < found["disk_first_mask_ms"] < found["first_mask_ms"]
    assert 0 < found["shipped_first_mask_ms"] < found["first_mask_ms"]
    assert 0 < found["disk_start_ms"] < found["start_ms"]


def test_percentiles_are_nearest_ranks() -> None:
    values = [n * 1000 for n in range(1, 1001)]
    assert speed.percentiles(values) == {"mean": 500.5, "p50": 500.0, "p99": 990.0, "p99.9": 999.0, "max": 1000.0}
    assert speed.percentiles([3000]) == dict.fromkeys(("mean", "p50", "p99", "p99.9", "max"), 3.0)


def test_a_cold_cache_has_kernels_and_no_grammars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))
    for name in ("kernels", "grammars"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept").touch()
    with speed.cold_cache():
        assert (cache_dir() / "kernels" / "kept").exists()
        assert not (cache_dir() / "grammars").exists()
        assert cache_dir() != tmp_path
    assert os.environ["CONSTRAIN_CACHE_DIR"] == str(tmp_path)


def test_the_dialects_have_the_same_rules() -> None:
    rules = re.findall(r"^([a-z_]+):", python_like.RULES, re.M)
    assert re.findall(r"^([a-z-]+) ::=", python_like.gbnf(), re.M)[: len(rules)] == [
        "root" if name == "start" else name.replace("_", "-") for name in rules
    ]


def test_the_page_names_refusals_and_has_a_row_for_each_walk() -> None:
    refused = {"status": "refused", "message": "no | such `thing`"}
    times = {f"{what}_us": dict.fromkeys(pages.RANKS, 1.5) for what in ("mask", "accept", "both")}
    kept = {"keep_ms": 1200.0, "kept_mb": 7.5, "kept_first_mask_ms": 20.0}
    good = {"status": "ok", **times, "after": times, "kept": times, **kept}
    part = {"texts": "t", "tokens": 1, "other_tokens": 2, "engines": {"e": refused, "g": good}}
    about = {"command": "c", "date": "d", "cpu": "p", "python": "3", "engines": {"e": {"version": "1"}}}
    page = pages.speed({"machine": about, "about": "a", "grammars": {"g": part}})
    assert "| e | – | – | – | – | – | refused | – | – | – |" in page
    assert "- e: no | such 'thing'" in page
    for row in ("| g |", "| g, after others |", "| g, prepared with others |"):
        assert row + 15 * " 1.5 |" in page
    assert "- g: prepared in 1.2 s, 7.5 MB on disk; 20.0 ms to the first mask with it" in page
