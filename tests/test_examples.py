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


def test_smollm2_writes_what_the_schema_says(smollm2: tuple[Any, Any]) -> None:
    model, tokenizer = smollm2
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
    c = constrain.json(schema)
    inputs = tokenizer(
        ["Paris as JSON:", "And now for Rome, in one line of JSON:"],
        return_tensors="pt",
        padding=True,
        padding_side="left",
    )
    output = model.generate(
        **inputs, max_new_tokens=120, do_sample=False, logits_processor=[c.logits_processor(tokenizer)]
    )
    for row in output[:, inputs["input_ids"].shape[1] :]:
        text = tokenizer.decode(row, skip_special_tokens=True)
        jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())
        assert c.parse(text) == json.loads(text)


@pytest.mark.slow
@pytest.mark.parametrize("sample", [None, 1], ids=["greedy", "sampled"])
@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_the_demo(smollm2: tuple[Any, Any], path: Path, sample: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    demo = example("write_json")
    schema = json.loads(path.read_text("utf-8"))
    text = demo.write(*smollm2, schema, demo.REQUESTS[path.stem], sample)
    assert demo.report(path.stem, schema, text)
