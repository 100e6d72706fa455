"""Hugging Face models as samplers see them, and ASAp within `generate`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import constrain  # noqa: E402
from constrain.sampling.huggingface import HuggingFaceModel  # noqa: E402


def plain(model: Any, prompt: list[int], tokens: list[int]) -> Any:
    """Scores by reading the whole sequence."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([prompt + tokens])).logits[0, -1].numpy()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_scores_are_those_of_the_whole_sequence(model: Any, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go on, go back, change places, come and go, in any order."""
    monkeypatch.setattr("constrain.sampling.huggingface.SPARE", 8)
    rng = random.Random(batch)
    prompt = [5, 9, 23, 77]
    adapted = HuggingFaceModel(model, prompt, batch=batch)
    texts: list[list[int]] = [[] for _ in range(batch)]
    for _ in range(60):
        some = rng.sample(texts, rng.randint(1, batch))
        for got, tokens in zip(adapted.scores(some), some, strict=True):
            np.testing.assert_allclose(got, plain(model, prompt, tokens), atol=2e-4)
        for tokens in texts:
            if rng.random() < 0.2:
                del tokens[rng.randint(0, len(tokens)) :]
            tokens += [rng.randrange(2, 400) for _ in range(rng.choice([0, 1, 1, 1, 3]))]
            del tokens[20:]


def test_models_whose_cache_cant_go_back_are_read_from_the_start(tokenizer: Any) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=6,
    )
    model = transformers.MistralForCausalLM(config).eval()
    adapted = HuggingFaceModel(model, [5, 9, 23, 77], batch=2)
    texts = [[3, 4, 5, 6, 7, 8], [3, 4], [3, 4, 9], [], [3, 4, 5, 6, 7, 8, 9, 10]]
    for i in range(4):
        some = texts[i : i + 2]
        for got, tokens in zip(adapted.scores(some), some, strict=True):
            np.testing.assert_allclose(got, plain(model, [5, 9, 23, 77], tokens), atol=2e-4)


@pytest.mark.parametrize("method", sorted(constrain.sampling.METHODS))
def test_every_method_writes_texts_of_the_language(model: Any, tokenizer: Any, method: str) -> None:
    c = constrain.choice(["true", "false", "item 1", "item 12"])
    samples = constrain.sample(
        model, tokenizer, '{"open": ', c, n=6, method=method, max_tokens=12, seed=0, budget=300, temperature=3.0
    )
    assert len(samples) >= (6 if method != "rejection" else 0)
    assert all(c.matches(text) for text in samples.texts)
    low, high = samples.log_z_bounds
    assert low <= high <= 0.0
    for draw in samples:
        log_p, tokens = 0.0, list(draw.tokens)
        for i, token in enumerate(tokens):
            logits = plain(model, tokenizer('{"open": ')["input_ids"], tokens[:i]).astype(np.float64) / 3.0
            log_p += logits[token] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
        assert abs(log_p - draw.log_p) < 1e-2
