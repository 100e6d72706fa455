"""The examples' schemas, and SmolLM2 writing under a constraint."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import constrain

EXAMPLES = Path(__file__).parents[1] / "examples"
SCHEMAS = sorted((EXAMPLES / "schemas").glob("*.json"))


def example(name: str) -> Any:
    """A module of the examples."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_schemas_are_valid_and_supported(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    jsonschema.validators.validator_for(schema).check_schema(schema)
    constrain.json(schema)


def test_closing(capsys: pytest.CaptureFixture[str]) -> None:
    example("closing").main()
    assert capsys.readouterr().out.count(" True b") == 3


def test_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pydantic")
    example("inputs").main()
    printed = capsys.readouterr().out
    assert printed.count("✓") == 5 and printed.count("✗") == 7
    assert "in /guests/0/diet: expected" in printed and "Party(day=datetime.date(2024, 2, 29)" in printed


@pytest.fixture(scope="module")
def smollm2() -> tuple[Any, Any]:
    """The model and its tokenizer."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    module = example("smollm2")
    try:
        return module.load()
    except module.ModelMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The demo as a module, which finds its neighbour as it does when it is run."""
    pytest.importorskip("rich")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return example("write_json")


def test_smollm2_writes_what_the_schema_says(smollm2: tuple[Any, Any], demo: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "maxLength": 20},
            "country": {"enum": ["France", "Italy", "Spain"]},
            "founded": {"type": "integer", "minimum": -3000, "maximum": 2000},
            "seen": {"type": "string", "format": "date"},
        },
        "required": ["city", "country", "seen"],
        "additionalProperties": False,
    }
    text = demo.write(*smollm2, schema, "Describe Rome, which I saw in June 2020.", None)
    assert demo.report("city", schema, text)
    assert constrain.json(schema, whitespace="pretty", escapes="canonical").parse(text) == json.loads(text)
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def test_a_wrong_text_is_reported(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's exit status rests on it."""
    assert not demo.report("x", {"type": "string", "format": "date"}, '"yesterday"')
    assert not demo.report("x", {"type": "number"}, "1 2")
    assert demo.report("x", {"multipleOf": 0.01}, "19.99")


@pytest.mark.slow
@pytest.mark.parametrize("sample", [None, 1], ids=["greedy", "sampled"])
@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_the_demo(smollm2: tuple[Any, Any], demo: Any, path: Path, sample: int | None) -> None:
    schema = json.loads(path.read_text("utf-8"))
    text = demo.write(*smollm2, schema, demo.REQUESTS[path.stem], sample)
    assert demo.report(path.stem, schema, text)
