"""The library's own constraints in `generate`: what ends by itself validates, what is cut short can go on."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

import constrain

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from constrain.decoding import logits_processor  # noqa: E402
from tests.decoding.test_huggingface import MODES, run  # noqa: E402

SCHEMAS: dict[str, Any] = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8},
            "age": {"type": "integer", "minimum": 0, "maximum": 130},
            "born": {"type": "string", "format": "date"},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    "list": {"type": "array", "items": {"enum": ["red", "green", "blue", 1, None]}, "minItems": 2, "maxItems": 4},
    "tree": {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"value": {"type": "boolean"}, "left": {"$ref": "#/$defs/node"}},
                "required": ["value"],
                "additionalProperties": False,
            }
        },
    },
}
PROMPTS = ["A person:", "The next of many things in JSON, please: ", "{"]


def check(texts: list[tuple[str, bool]], names: list[str], compiled: dict[str, Any]) -> None:
    assert len(texts) == len(names)
    for (text, ended), name in zip(texts, names, strict=True):
        if ended:
            jsonschema.validate(json.loads(text), SCHEMAS[name], format_checker=jsonschema.FormatChecker())
            assert compiled[name].parse(text) == json.loads(text)
        else:
            why = compiled[name].explain(text)
            assert why is None or "found the end of the text" in why, text


@pytest.fixture(scope="module")
def constraints() -> dict[str, Any]:
    return {name: constrain.json(schema, whitespace="compact") for name, schema in SCHEMAS.items()}


@pytest.mark.parametrize("mode", MODES)
def test_a_schema_per_row_in_each_mode(model: Any, tokenizer: Any, constraints: dict[str, Any], mode: str) -> None:
    processor = logits_processor(list(constraints.values()), tokenizer)
    texts = run(model, tokenizer, processor, PROMPTS, **MODES[mode])
    each = MODES[mode].get("num_return_sequences", 1)
    check(texts, [name for name in SCHEMAS for _ in range(each)], constraints)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("sample", [False, True], ids=["greedy", "sampling"])
def test_speculation(
    model: Any, assistant: Any, tokenizer: Any, constraints: dict[str, Any], name: str, sample: bool
) -> None:
    processor = constraints[name].logits_processor(tokenizer)
    drafted = run(model, tokenizer, processor, PROMPTS[:1], do_sample=sample, assistant_model=assistant)
    looked_up = run(model, tokenizer, processor, PROMPTS[1:2], do_sample=sample, prompt_lookup_num_tokens=3)
    check(drafted + looked_up, [name, name], constraints)
    if not sample:
        plain = constraints[name].logits_processor(tokenizer)
        assert drafted == run(model, tokenizer, plain, PROMPTS[:1])
        assert looked_up == run(model, tokenizer, plain, PROMPTS[1:2])


@pytest.mark.parametrize("seed", range(3))
def test_choices_and_regular_expressions(model: Any, tokenizer: Any, seed: int) -> None:
    torch.manual_seed(seed)
    words = constrain.choice(["yes", "no", "perhaps", "¡sí!"])
    code = constrain.regex(r"[A-Z]{2}-\d{3,5}")
    processor = logits_processor([words, code], tokenizer)
    texts = run(model, tokenizer, processor, PROMPTS[:2], do_sample=True, num_return_sequences=4)
    assert all(ended for _, ended in texts)
    assert all(words.matches(text) for text, _ in texts[:4])
    assert all(code.matches(text) for text, _ in texts[4:])
