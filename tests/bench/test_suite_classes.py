"""Every suite: where its data comes from, and that its labels are what an oracle written by others says."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jsonschemabench.suites import Data, MissingData, find_suite, schemas
from jsonschemabench.suites.functions import call_case, valid
from jsonschemabench.suites.grammars import is_json, is_python
from jsonschemabench.suites.patterns import examples, has_outer_bar, unanchored
from jsonschemabench.suites.stress import FAMILIES, SIZES, Stress

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HERE = Data(SHARED, False)
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is absent")


def archive(path: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(path, "w:gz") as out:
        for name, value in files.items():
            content = json.dumps(value).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return path


def test_data_is_fetched_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONSCHEMABENCH_CACHE", str(tmp_path / "cache"))
    home = tmp_path / "public.jsonl"
    home.write_text("1\n")
    data = Data(tmp_path / "local")
    with pytest.raises(MissingData, match="was not allowed"):
        Data(tmp_path / "local", fetch=False).find("x.jsonl", home.as_uri())
    found = data.find("x.jsonl", home.as_uri())
    home.unlink()
    assert data.find("x.jsonl", home.as_uri()) == found and found.read_text() == "1\n"
    with pytest.raises(MissingData, match="can't be fetched"):
        data.find("y.jsonl", home.as_uri())
    (tmp_path / "local" / "aligned").mkdir(parents=True)
    (tmp_path / "local" / "aligned" / "x.jsonl").write_text("2\n")
    assert data.find("x.jsonl", home.as_uri()).read_text() == "2\n"


def test_maskbench_is_read_from_its_repository_too(tmp_path: Path) -> None:
    test = {"valid": True, "data": {"a": "é"}, "description": "d"}
    files = {
        "r-main/maskbench/data/Github_easy---o1.json": {"schema": {"type": "object"}, "tests": [test]},
        "r-main/maskbench/data/BFCL_java_0.json": {"schema": True, "tests": []},
        "r-main/data/Github_easy/o1.json": {"type": "object"},
    }
    cases = schemas.from_repository(archive(tmp_path / "m.tar.gz", files))
    assert [(c.name, c.split) for c in cases] == [("BFCL_java_0", "BFCL"), ("Github_easy---o1", "Github_easy")]
    assert cases[1].instances[0].text == '{"a": "é"}'


def test_a_group_of_the_official_suite_is_a_case(tmp_path: Path) -> None:
    group = {"schema": {"$ref": "http://localhost:1234/a.json"}, "tests": [{"data": 1, "valid": True}]}
    files = {
        "s-main/tests/draft7/ref.json": [group, {"schema": False, "tests": [{"data": 1, "valid": False}]}],
        "s-main/tests/draft7/optional/format/date.json": [{"schema": {}, "tests": []}],
        "s-main/tests/draft4/ref.json": [group],
        "s-main/remotes/a.json": {"type": "integer"},
    }
    archive(tmp_path / "json_schema_test_suite.tar.xz", files)
    optional, first, second = find_suite("official-draft7").cases(Data(tmp_path, False))
    assert (optional.split, first.name, first.split) == ("optional/format/date", "draft7/ref#0", "ref")
    assert json.loads(first.schema)["$schema"] == "http://json-schema.org/draft-07/schema#" and first.specification
    assert json.loads(first.resources) == {"http://localhost:1234/a.json": {"type": "integer"}}
    assert second.schema == "false" and second.resources == ""


def test_the_stress_set_is_labelled_rightly_and_the_same_every_time() -> None:
    cases = Stress().cases()
    assert cases == Stress().cases() and len(cases) == len(FAMILIES) * len(SIZES)
    for case in cases:
        schema = json.loads(case.schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        labels = [instance.valid for instance in case.instances]
        assert labels == [validator.is_valid(json.loads(i.text or "")) for i in case.instances], case.name
        assert set(labels) == {True, False}, case.name


def test_function_calls() -> None:
    function = {
        "name": "f",
        "description": "d",
        "parameters": {
            "type": "dict",
            "properties": {
                "x": {"type": "float", "description": "d"},
                "y": {"type": "array", "items": {"type": "string"}},
                "z": {"type": "dict", "properties": {"a": {"type": "any"}}},
            },
            "required": ["x"],
        },
    }
    truth = [{"f": {"z": [{"a": [1, 2]}], "x": [2.5, 3], "y": ["", ["a"]]}}]
    case = call_case({"id": "i", "function": [function], "question": []}, truth, "simple")
    assert case.instances[0].text == '{"name": "f", "arguments": {"x": 2.5, "z": {"a": 1}}}'  # the schema's order
    assert [instance.valid for instance in case.instances] == [True, False, False, False]
    several = call_case({"id": "i", "function": [function] * 2, "question": []}, truth * 2, "parallel")
    assert len(json.loads(several.instances[0].text or "")) == 2 and "anyOf" in several.schema


@pytest.mark.parametrize(
    ("pattern", "bare"),
    [("^a$", "a"), ("^a|b$", "^a|b$"), ("^(a|b)$", "(a|b)"), (r"^a\$", r"a\$"), ("^[|]$", "[|]"), (r"^\|$", r"\|")],
)
def test_outer_anchors(pattern: str, bare: str) -> None:
    assert unanchored(pattern) == bare and has_outer_bar("a|b") and not has_outer_bar("(a|b)")


def test_texts_of_patterns_are_confirmed_by_re() -> None:
    for pattern in (r"[a-f]{3}-\d+", r"(?:foo|bar)+", r"\w+@\w+\.com", r"(?!aa)[ab]{2,5}"):
        texts = examples(pattern, random.Random(0))
        assert {valid for valid, _ in texts} == {True, False}
        assert all(bool(re.fullmatch(pattern, text)) == valid for valid, text in texts)
    assert examples(r"(a)\1", random.Random(0)) == examples("(", random.Random(0)) == []


def test_judges_of_languages() -> None:
    assert is_json('{"a": [1.5e3, null]}') and not is_json("[1,]") and not is_json("NaN") and not is_json("[01]")
    assert is_python("def f(x):\n    return x\n") and not is_python("def f(x:\n") and not is_python("\0")


@needs_data
@pytest.mark.parametrize("name", ["official-draft4", "bfcl", "grammars", "patterns"])
def test_suites_of_the_shared_folder(name: str) -> None:
    cases = find_suite(name).cases(HERE)
    assert cases and len({case.name for case in cases}) == len(cases)
    assert cases == find_suite(name).cases(HERE)
    labels = {instance.valid for case in cases for instance in case.instances}
    assert labels == {True, False}


@needs_data
def test_labels_of_function_calls_are_those_of_the_validator() -> None:
    for case in find_suite("bfcl").cases(HERE)[::40]:
        for instance in case.instances:
            assert valid(json.loads(case.schema), json.loads(instance.text or "")) == instance.valid, case.name
