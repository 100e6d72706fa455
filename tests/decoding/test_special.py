"""Special tokens under Hugging Face `generate`: rows of a batch, sampling, beams, a budget."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import constrain
from tests.decoding.conftest import tiny_model

pytest.importorskip("torch")

GRAMMAR = """
start: TEXT? <|call|> %json {"type": "object", "properties": {"a": {"enum": [1, 22]}}, "required": ["a"]} <|done|>?
TEXT: /[a-z ]{1,5}/
"""


@pytest.mark.parametrize(
    "options",
    [{}, {"do_sample": True, "num_return_sequences": 3}, {"num_beams": 3}],
    ids=["greedy", "sampling", "beams"],
)
@pytest.mark.parametrize("ended", [False, True])
def test_rows_are_in_the_language(tokenizer: Any, options: dict[str, Any], ended: bool) -> None:
    import torch

    own = copy.deepcopy(tokenizer)
    own.add_special_tokens({"additional_special_tokens": ["<|call|>", "<|done|>"]})
    model = tiny_model(own, seed=3)
    c = constrain.lark(GRAMMAR.replace("<|done|>?", "<|done|> </s>" if ended else "<|done|>?"))
    inputs = own(["call", "call the weather"], return_tensors="pt", padding=True)
    torch.manual_seed(0)
    out = model.generate(
        **inputs, max_new_tokens=40, logits_processor=[c.logits_processor(own, max_new_tokens=40)], **options
    )
    call = own.convert_tokens_to_ids("<|call|>")
    for row in out[:, inputs["input_ids"].shape[1] :].tolist():
        assert row.count(call) == 1
        text = own.decode([i for i in row if i not in own.all_special_ids or i >= call])
        assert "<|done|>" in text or not ended
        assert c.matches(text + "</s>" * ended), text
