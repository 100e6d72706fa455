"""Every row of every decoding mode of `generate` is in the language (complete) or begins a text of it (cut short)."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from constrain.decoding import logits_processor  # noqa: E402
from constrain.errors import ConstraintError, InvalidVocabulary  # noqa: E402
from constrain.vocabulary import Vocabulary  # noqa: E402
from tests.decoding.conftest import tiny_model  # noqa: E402
from tests.decoding.naive import NaiveConstraint  # noqa: E402

RECORD = NaiveConstraint(r'\{"(name|tags)": (\["[a-f]{1,3}"(, "[a-f]{1,3}"){0,2}\]|"[g-z ]{2,8}"|-?[1-9][0-9]{0,5})\}')
WORD = NaiveConstraint(r"[a-z]{3,12}!")
NUMBER = NaiveConstraint(r"-?[0-9]{1,7}\.[0-9]{2}")
CHOICE = NaiveConstraint(r"yes|no|perhaps")

PROMPTS = ["Write a record:", "And now, with a much longer prompt than before, another record: {", "x"]

MODES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampling": {"do_sample": True, "temperature": 1.3, "top_k": 0},
    "top-p": {"do_sample": True, "top_p": 0.8, "top_k": 20},
    "several": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 4, "num_return_sequences": 3},
    "early stopping": {"num_beams": 3, "early_stopping": True},
    "sampled beams": {"num_beams": 3, "do_sample": True, "num_return_sequences": 2},
    "no cache": {"use_cache": False},
    "penalties": {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
    "at least": {"min_new_tokens": 30},
}


def run(model: Any, tokenizer: Any, processor: Any, prompts: list[str], /, **options: Any) -> list[tuple[str, bool]]:
    """The generated texts, and whether each ended by itself."""
    inputs = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
    options = {"do_sample": False, "max_new_tokens": 40, **options}
    ids = model.generate(
        input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, logits_processor=[processor], **options
    )
    out = []
    for row in ids[:, inputs.input_ids.shape[1] :].tolist():
        ended = tokenizer.eos_token_id in row
        text = row[: row.index(tokenizer.eos_token_id)] if ended else row
        assert tokenizer.pad_token_id not in text
        assert set(row[len(text) :]) <= {tokenizer.eos_token_id, tokenizer.pad_token_id}
        out.append((tokenizer.decode(text), ended))
    return out


def check(texts: list[tuple[str, bool]], constraints: list[NaiveConstraint]) -> None:
    """Each text is in its row's language."""
    assert len(texts) == len(constraints)
    for (text, ended), constraint in zip(texts, constraints, strict=True):
        assert constraint.holds(text) if ended else constraint.begins(text), (text, ended)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("constraint", [RECORD, WORD, NUMBER], ids=["record", "word", "number"])
def test_each_mode_stays_in_the_language(model: Any, tokenizer: Any, constraint: NaiveConstraint, mode: str) -> None:
    options = MODES[mode]
    texts = run(model, tokenizer, logits_processor(constraint, tokenizer), PROMPTS, **options)
    check(texts, [constraint] * len(PROMPTS) * options.get("num_return_sequences", 1))
    assert any(ended for _, ended in texts) or mode == "at least"


@pytest.mark.parametrize("mode", ["greedy", "several", "beams", "sampled beams"])
def test_a_constraint_per_row(model: Any, tokenizer: Any, mode: str) -> None:
    options = MODES[mode]
    constraints = [RECORD, NUMBER, WORD]
    texts = run(model, tokenizer, logits_processor(constraints, tokenizer), PROMPTS, **options)
    each = options.get("num_return_sequences", 1)
    check(texts, [c for c in constraints for _ in range(each)])


def test_a_row_without_a_constraint_is_left_alone(model: Any, tokenizer: Any) -> None:
    free = tokenizer(PROMPTS[:2], return_tensors="pt", padding=True)
    expected = model.generate(
        **{k: free[k] for k in ("input_ids", "attention_mask")}, do_sample=False, max_new_tokens=9
    )
    processor = logits_processor([None, WORD], tokenizer)
    got = model.generate(
        input_ids=free.input_ids,
        attention_mask=free.attention_mask,
        do_sample=False,
        max_new_tokens=9,
        logits_processor=[processor],
    )
    assert got[0].tolist() == expected[0].tolist()
    assert got[1].tolist() != expected[1].tolist()


@pytest.mark.parametrize("sample", [False, True], ids=["greedy", "sampling"])
@pytest.mark.parametrize("constraint", [RECORD, WORD], ids=["record", "word"])
def test_assisted_generation_shares_one_processor(
    model: Any, assistant: Any, tokenizer: Any, constraint: NaiveConstraint, sample: bool
) -> None:
    processor = logits_processor(constraint, tokenizer)
    options = {"assistant_model": assistant, "do_sample": sample}
    texts = run(model, tokenizer, processor, PROMPTS[:1], **options)
    check(texts, [constraint])
    if not sample:  # speculation changes nothing
        assert texts == run(model, tokenizer, logits_processor(constraint, tokenizer), PROMPTS[:1])


@pytest.mark.parametrize("constraint", [RECORD, WORD, NUMBER], ids=["record", "word", "number"])
def test_prompt_lookup(model: Any, tokenizer: Any, constraint: NaiveConstraint) -> None:
    prompt = ['{"name": "item 3", "tags": ["red"]} {"tags": "item', "aaaaaaaaaaaaaa 1.00 1.00 1.00"]
    for one in prompt:
        processor = logits_processor(constraint, tokenizer)
        texts = run(model, tokenizer, processor, [one], prompt_lookup_num_tokens=4)
        check(texts, [constraint])
        assert texts == run(model, tokenizer, logits_processor(constraint, tokenizer), [one])


def test_an_assistant_with_another_tokenizer(model: Any, tokenizer: Any) -> None:
    """Its ids mean other things; only its drafts suffer."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    plain = tokenizers.Tokenizer(tokenizers.models.BPE())
    plain.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = tokenizers.decoders.ByteLevel()
    plain.train_from_iterator(
        ["a b c"],
        tokenizers.trainers.BpeTrainer(
            special_tokens=["</s>", "<pad>"],
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    other = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="</s>")
    draft = tiny_model(other, seed=3)
    processor = logits_processor(RECORD, tokenizer)
    texts = run(
        model, tokenizer, processor, PROMPTS[:1], assistant_model=draft, tokenizer=tokenizer, assistant_tokenizer=other
    )
    check(texts, [RECORD])
    assert texts == run(model, tokenizer, logits_processor(RECORD, tokenizer), PROMPTS[:1])


def test_reuse_with_any_prompt_is_like_a_new_processor(model: Any, assistant: Any, tokenizer: Any) -> None:
    processor = logits_processor(WORD, tokenizer)
    first = run(model, tokenizer, processor, ["Say"])
    answer = first[0][0]
    calls: list[tuple[list[str], dict[str, Any]]] = [
        (["Say"], {}),
        (["Say" + answer], {}),  # the text that was generated last
        (["Say" + answer[:4]], {}),  # a part of it
        (["Say" + answer + " and again"], {}),
        (["Say a"], {"num_beams": 3}),
        (["Say", "Say a"], {"num_beams": 2}),
        (["Say"], {"assistant_model": assistant}),
        (["Say" + answer[:2]], {"assistant_model": assistant}),
        (["Say", "Says", "Say" + answer], {}),
    ]
    for prompts, options in calls:
        again = run(model, tokenizer, processor, prompts, **options)
        assert again == run(model, tokenizer, logits_processor(WORD, tokenizer), prompts, **options), prompts
        check(again, [WORD] * len(prompts))


def test_a_prompt_that_grows_by_what_was_generated(model: Any, tokenizer: Any) -> None:
    """Token by token the second call's prompt is what the first one wrote, end token included; it starts afresh."""
    processor = logits_processor(CHOICE, tokenizer)
    ids = tokenizer("Well?", return_tensors="pt").input_ids
    for _ in range(4):
        before = ids.shape[1]
        ids = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, logits_processor=[processor]
        )
        assert CHOICE.holds(tokenizer.decode(ids[0, before:], skip_special_tokens=True))


def test_continuing_by_hand_follows_the_rows(tokenizer: Any) -> None:
    """Called by a loop of one's own: rows that go on with the last call's are its continuation, others are prompts."""
    processor = logits_processor(CHOICE, tokenizer)
    scores = torch.zeros(1, len(tokenizer))
    prompt = tokenizer("Well?", return_tensors="pt").input_ids
    yes = tokenizer("yes", return_tensors="pt", add_special_tokens=False).input_ids

    def allowed(ids: Any) -> set[int]:
        return set(torch.isfinite(processor(ids, scores))[0].nonzero()[:, 0].tolist())

    start = allowed(prompt)
    ids = prompt
    for token in yes[0]:
        assert int(token) in allowed(ids)
        ids = torch.cat((ids, token[None, None]), dim=1)
    assert allowed(ids) == {tokenizer.eos_token_id}
    assert allowed(prompt) == start
    for length in range(prompt.shape[1] + 1, ids.shape[1]):
        assert allowed(ids[:, :length]) not in (start, {tokenizer.eos_token_id})
    assert allowed(ids) == {tokenizer.eos_token_id}
    processor.reset()
    assert allowed(ids) == start


def test_fewer_texts_than_beams(model: Any, tokenizer: Any) -> None:
    """With two texts and four beams `generate` fills up: what it returns as a text is one, the rest is empty."""
    only = NaiveConstraint("a|b")
    texts = run(model, tokenizer, logits_processor(only, tokenizer), PROMPTS[:2], num_beams=4, num_return_sequences=4)
    assert all(text in {"a", "b", ""} for text, _ in texts), texts
    assert {text for text, _ in texts[:2]} == {"a", "b"} == {text for text, _ in texts[4:6]}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_models_in_each_precision(tokenizer: Any, dtype: Any) -> None:
    small = tiny_model(tokenizer).to(dtype)
    texts = run(small, tokenizer, logits_processor(RECORD, tokenizer), PROMPTS, do_sample=True)
    check(texts, [RECORD] * 3)


@pytest.mark.parametrize("width", [480, 512, 1000])
def test_logits_wider_than_the_tokenizer(tokenizer: Any, width: int) -> None:
    wide = tiny_model(tokenizer, vocab_size=width)
    for options in ({"do_sample": True, "top_k": 0, "temperature": 3.0}, {"num_beams": 3}):
        check(run(wide, tokenizer, logits_processor(RECORD, tokenizer), PROMPTS, **options), [RECORD] * 3)


def test_an_end_token_that_generate_does_not_know(model: Any, tokenizer: Any) -> None:
    """The vocabulary's second end token finishes the text; until `generate` stops, only end tokens follow."""
    second = tokenizer.convert_tokens_to_ids("a")
    processor = logits_processor(NUMBER, tokenizer, eos=[second])
    ids = tokenizer(PROMPTS[2], return_tensors="pt").input_ids
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False, logits_processor=[processor]
    )[0, ids.shape[1] :].tolist()
    end = out.index(second)
    assert NUMBER.holds(tokenizer.decode(out[:end]))
    assert set(out[end:]) == {second}


def test_prompts_given_as_embeddings(model: Any, tokenizer: Any) -> None:
    """`generate` then starts from rows of no ids at all."""
    ids = tokenizer(PROMPTS[0], return_tensors="pt").input_ids
    embedded = model.get_input_embeddings()(ids)
    for options in ({}, {"num_beams": 3}):
        out = model.generate(
            inputs_embeds=embedded,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=40,
            do_sample=False,
            logits_processor=[logits_processor(NUMBER, tokenizer)],
            **options,
        )
        assert NUMBER.holds(tokenizer.decode(out[0], skip_special_tokens=True))


def test_an_encoder_and_a_decoder(tokenizer: Any) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        init_std=0.4,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
        decoder_start_token_id=1,
        forced_eos_token_id=None,
    )
    bart = transformers.BartForConditionalGeneration(config).eval()
    inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True)
    for options in ({}, {"num_beams": 3}):
        out = bart.generate(
            input_ids=inputs.input_ids,
            attention_mask=inputs.attention_mask,
            max_new_tokens=40,
            do_sample=False,
            logits_processor=[logits_processor([NUMBER, CHOICE, WORD], tokenizer)],
            **options,
        )
        for row, constraint in zip(out[:, 1:], (NUMBER, CHOICE, WORD), strict=True):
            assert constraint.holds(tokenizer.decode(row, skip_special_tokens=True))


def test_calls_from_several_threads(model: Any, tokenizer: Any) -> None:
    """One processor, four calls of `generate` at once: each text as if it were alone."""
    from concurrent.futures import ThreadPoolExecutor

    processor = logits_processor(RECORD, tokenizer)
    prompts = ["one", "two, and longer", "two, and longer still", "one"]

    def text(prompt: str, shared: Any) -> list[tuple[str, bool]]:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, logits_processor=[shared]
        )
        return [(tokenizer.decode(row[ids.shape[1] :], skip_special_tokens=True), True) for row in out]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: text(prompt, processor), prompts))
    assert together == [text(prompt, logits_processor(RECORD, tokenizer)) for prompt in prompts]


def test_the_scores_given_are_not_changed(tokenizer: Any) -> None:
    processor = logits_processor(WORD, tokenizer)
    scores = torch.randn(2, len(tokenizer))
    before = scores.clone()
    out = processor(torch.ones(2, 3, dtype=torch.long), scores)
    assert torch.equal(scores, before) and not torch.equal(out, before)
    finite = torch.isfinite(out)
    assert torch.equal(out[finite], before[finite])


def test_raw_logits_stay_raw(model: Any, tokenizer: Any) -> None:
    ids = tokenizer(PROMPTS[0], return_tensors="pt").input_ids
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=3,
        do_sample=False,
        logits_processor=[logits_processor(WORD, tokenizer)],
        output_logits=True,
        output_scores=True,
        return_dict_in_generate=True,
    )
    assert all(torch.isfinite(step).all() for step in out.logits)
    assert not any(torch.isfinite(step).all() for step in out.scores)


def test_a_row_that_strayed_can_only_end(tokenizer: Any) -> None:
    processor = logits_processor(CHOICE, tokenizer)
    scores = torch.zeros(2, len(tokenizer))
    prompt = torch.tensor([[5, 6], [7, 8]])
    processor(prompt, scores)
    yes = tokenizer.convert_tokens_to_ids("y")
    no = tokenizer.convert_tokens_to_ids("{")
    out = processor(torch.cat((prompt, torch.tensor([[yes], [no]])), dim=1), scores)
    assert out[0].isfinite().any() and out[0].max() == 0
    assert out[1].isfinite().nonzero()[:, 0].tolist() == [tokenizer.eos_token_id]
    assert out[1].max() < -1e6


def test_errors_name_what_does_not_fit(tokenizer: Any) -> None:
    processor = logits_processor([WORD, CHOICE], tokenizer)
    with pytest.raises(ConstraintError, match="3 rows can't be shared out among 2 constraints"):
        processor(torch.ones(3, 2, dtype=torch.long), torch.zeros(3, len(tokenizer)))
    with pytest.raises(ConstraintError, match=r"not \(1, 4\) and \(2, \d+\)"):
        processor(torch.ones(1, 4, dtype=torch.long), torch.zeros(2, len(tokenizer)))
    with pytest.raises(ConstraintError, match="no token at all"):
        processor(torch.ones(2, 4, dtype=torch.long), torch.zeros(2, 3))
    with pytest.raises(InvalidVocabulary, match="no end-of-sequence"):
        logits_processor(WORD, Vocabulary.from_tokens([b"a", b"b"], eos=[]))
    with pytest.raises(ValueError, match="no constraint"):
        logits_processor([], tokenizer)
