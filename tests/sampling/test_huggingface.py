"""Hugging Face models as samplers see them, and ASAp within `generate`."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import constrain  # noqa: E402
from constrain.sampling.huggingface import HuggingFaceModel  # noqa: E402
from constrain.sampling.processor import AsapProcessor  # noqa: E402


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


def generate(model: Any, tokenizer: Any, processor: Any, prompts: list[str], **options: Any) -> Any:
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    settings = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": 16, **options}
    return model.generate(**batch, logits_processor=[processor], **settings)


def test_asap_within_generate(model: Any, tokenizer: Any) -> None:
    """Weights are p/q of what was sampled, and in the long run the texts have the model's distribution."""
    c = constrain.choice(["true", "item 1", "item 12"])
    processor = AsapProcessor(c, tokenizer, temperature=3.0, max_tokens=16)
    prompts = ['{"open": ', '{"count": 3, "open": ']
    ids = [tuple(tokenizer(p)["input_ids"]) for p in prompts]
    for _ in range(12):
        out = generate(model, tokenizer, processor, prompts * 8)
        weights = processor.log_weights(out)
        assert np.isfinite(weights).all()
        written = out[:, max(map(len, ids)) :]
        assert all(c.matches(tokenizer.decode(row, skip_special_tokens=True)) for row in written)
    assert set(processor.tries) == set(ids)
    # what is known by now is nearly all: weights are nearly Z, whatever the text
    out = generate(model, tokenizer, processor, prompts * 8)
    weights = processor.log_weights(out)
    for i in range(2):
        low, high = processor.tries[ids[i]].log_bounds(frozenset([tokenizer.eos_token_id]))
        assert high - low < 0.5
        assert low - 0.5 < weights[i::2].min() and weights[i::2].max() < high + 0.5


def test_asap_goes_on_from_files(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    """A processor with the tries of another one weighs texts as that one would; tries of something else are refused."""
    c = constrain.choice(["true", "item 1", "item 12"])
    first = AsapProcessor(c, tokenizer, temperature=3.0, max_tokens=16)
    for _ in range(10):
        generate(model, tokenizer, first, ["a"] * 8)
    prompt = tuple(tokenizer("a")["input_ids"])
    first.tries[prompt].save(tmp_path / "a.npz")
    tries = {prompt: constrain.sampling.Trie.load(tmp_path / "a.npz")}
    learned = tries[prompt].log_theta(0)
    assert learned < -0.1
    second = AsapProcessor(c, tokenizer, temperature=3.0, max_tokens=16, tries=tries)
    out = generate(model, tokenizer, second, ["a"])
    low, _ = tries[prompt].log_bounds(frozenset([tokenizer.eos_token_id]))
    assert low - 0.5 < second.log_weights(out)[0] <= learned + 0.5
    for wrong in ({"temperature": 1.0}, {"temperature": 3.0, "max_tokens": 17}, {"temperature": 3.0, "top_k": 9}):
        other = AsapProcessor(c, tokenizer, tries=tries, **{"max_tokens": 16, **wrong})
        with pytest.raises(constrain.ConstraintError, match="another"):
            generate(model, tokenizer, other, ["a"])
    with pytest.raises(constrain.ConstraintError, match="another"):
        constrain.Sampler(model, tokenizer, "a", c, max_tokens=16, temperature=1.0, trie=tries[prompt])


def test_asap_refuses_what_would_bend_it(model: Any, tokenizer: Any) -> None:
    c = constrain.choice(["true", "item 1"])
    processor = AsapProcessor(c, tokenizer)
    for wrong in ({"temperature": 0.5}, {"top_k": 5}, {"top_p": 0.5}):
        with pytest.raises(constrain.ConstraintError, match="after ASAp"):
            generate(model, tokenizer, processor, ["a"], **wrong)
    with pytest.raises(constrain.ConstraintError, match="one beam"):
        generate(model, tokenizer, processor, ["a"], num_beams=3)
    out = generate(model, tokenizer, processor, ["a"])
    with pytest.raises(constrain.ConstraintError, match="saw last"):
        processor.log_weights(out[:, :1])


def test_asap_called_by_hand(model: Any, tokenizer: Any) -> None:
    """Without generate: the product of the offered probabilities is p/w of the text."""
    c = constrain.choice(["true", "false", "item 1"])
    processor = AsapProcessor(c, tokenizer)
    prompt = tokenizer("x", return_tensors="pt")["input_ids"]
    torch.manual_seed(1)
    for _ in range(5):
        ids, log_q, log_p = prompt, 0.0, 0.0
        while ids[0, -1] != tokenizer.eos_token_id:
            logits = model(ids).logits[:, -1].detach()
            q = torch.log_softmax(processor(ids, logits), -1)[0]
            token = int(torch.multinomial(q.exp(), 1))
            log_q += float(q[token])
            log_p += float(torch.log_softmax(logits, -1)[0, token])
            ids = torch.cat([ids, torch.tensor([[token]])], -1)
        assert processor.log_weights(ids)[0] == pytest.approx(log_p - log_q, abs=1e-3)


def test_asap_where_nothing_can_follow(model: Any, tokenizer: Any) -> None:
    """Texts that need more tokens than there may be: the rows end, and count nothing."""
    processor = AsapProcessor(constrain.regex("z{40}|true"), tokenizer, max_tokens=6)
    for _ in range(4):
        out = generate(model, tokenizer, processor, ["a"] * 4, max_new_tokens=6)
        weights = processor.log_weights(out)
        for row, weight in zip(out, weights, strict=True):
            assert ("true" in tokenizer.decode(row[1:])) == np.isfinite(weight)
