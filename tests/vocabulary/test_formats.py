"""Files of tokenizers, made here byte by byte, whole and damaged."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constrain.errors import InvalidVocabulary
from constrain.vocabulary import Vocabulary
from constrain.vocabulary.adapters.gguf import read_header
from constrain.vocabulary.adapters.sentencepiece import parse_model
from constrain.vocabulary.adapters.tiktoken import from_rank_file

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def gguf_string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def gguf_value(value: Any) -> bytes:
    """A typed value: str, uint32, float32, bool, or an array of str or int32."""
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value.encode())
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(gguf_string(v.encode()) for v in value)
    return struct.pack("<IIQ", 9, 5, len(value)) + b"".join(struct.pack("<i", v) for v in value)


def gguf(metadata: dict[str, Any], width: int | None = None, version: int = 3) -> bytes:
    tensors = b""
    if width is not None:
        tensors = gguf_string(b"output_norm.weight") + struct.pack("<IQIQ", 1, 64, 0, 0)
        tensors += gguf_string(b"token_embd.weight") + struct.pack("<IQQIQ", 2, 64, width, 0, 0)
    entries = b"".join(gguf_string(k.encode()) + gguf_value(v) for k, v in metadata.items())
    return b"GGUF" + struct.pack("<IQQ", version, 2 if width else 0, len(metadata)) + entries + tensors


BPE = {
    "general.name": "small",
    "general.flag": True,
    "general.number": 1.5,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": ["<eos>", "a", "Ġb", "é", "<tool>", "Ġraw", "<unused>", "<eot>"],
    "tokenizer.ggml.token_type": [CONTROL, NORMAL, NORMAL, NORMAL, USER, USER, UNUSED, CONTROL],
    "tokenizer.ggml.merges": ["Ġ b", "a b"],
    "tokenizer.ggml.scores": [0, 1, 2],
    "tokenizer.ggml.eos_token_id": 0,
    "tokenizer.ggml.eot_token_id": 7,
}
SPM = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "<0x0A>", "▁a", "a", "▁<tool>"],
    "tokenizer.ggml.token_type": [UNKNOWN, CONTROL, CONTROL, BYTE, NORMAL, NORMAL, USER],
    "tokenizer.ggml.eos_token_id": 2,
}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_gguf_byte_level(tmp_path: Path, version: int) -> None:
    v = Vocabulary.from_tokenizer(write(tmp_path / "m.gguf", gguf(BPE, width=10, version=version)))
    assert v.tokens == [b"", b"a", b" b", b"\xe9", b"<tool>", "Ġraw".encode(), b"", b"", b"", b""]
    assert v.eos_ids == (0, 7) and v.special_ids == (6, 8, 9)
    texts = BPE["tokenizer.ggml.tokens"]
    assert v.special_names == {text: i for i, text in enumerate(texts) if i in (0, 6, 7)}


def test_gguf_sentencepiece(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", gguf(SPM))
    assert Vocabulary.from_gguf(path).tokens == [b"", b"", b"", b"\n", b" a", b"a", b" <tool>"]
    assert Vocabulary.from_gguf(path, eos=[1, 2], size=5).eos_ids == (1, 2)
    assert Vocabulary.from_gguf(path) == Vocabulary.from_gguf(SPM) == Vocabulary.from_tokenizer(SPM)


def test_more_tokens_than_logits(tmp_path: Path) -> None:
    assert Vocabulary.from_gguf(write(tmp_path / "m.gguf", gguf(SPM, width=6))).size == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tokenizer.ggml.model": "bert"}, "bert"),
        ({"tokenizer.ggml.model": None}, "tokenizer.ggml.model"),
        ({"tokenizer.ggml.tokens": None}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.token_type": [1, 1]}, "token types"),
        ({"tokenizer.ggml.eos_token_id": None}, "eos"),
        ({"tokenizer.ggml.eos_token_id": 99}, "99"),
    ],
)
def test_metadata_that_tells_too_little(change: dict[str, Any], reason: str) -> None:
    metadata = {k: v for k, v in (SPM | change).items() if v is not None}
    with pytest.raises(InvalidVocabulary, match=reason):
        Vocabulary.from_gguf(metadata)


@given(st.integers(0, len(gguf(BPE, width=10)) - 13))
def test_a_cut_gguf_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = write(tmp_path_factory.getbasetemp() / "cut.gguf", gguf(BPE, width=10)[:cut])
    with pytest.raises(InvalidVocabulary):
        read_header(path)


@given(st.integers(0, len(gguf(BPE, width=10)) - 1), st.integers(0, 255))
def test_a_changed_gguf_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    content = bytearray(gguf(BPE, width=10))
    content[at] = byte
    path = write(tmp_path_factory.getbasetemp() / "changed.gguf", bytes(content))
    try:
        assert Vocabulary.from_gguf(path).size > 0
    except InvalidVocabulary as error:
        assert error.reason


@pytest.mark.parametrize(
    "content", [b"", b"GGML....", b"GGUF\x01\0\0\0" + b"\0" * 16, b"GGUF\x03\0\0\0" + b"\xff" * 16]
)
def test_what_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidVocabulary):
        Vocabulary.from_gguf(write(tmp_path / "m.gguf", content))


def varint(value: int) -> bytes:
    out = b""
    value &= (1 << 64) - 1
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sp_model(pieces: list[tuple[str, int]], trainer: bytes = b"", denormalizer: bytes = b"") -> bytes:
    body = b"".join(
        field(
            1, field(1, text.encode()) + b"\x15" + struct.pack("<f", -1.0) + (field(3, kind) if kind != NORMAL else b"")
        )
        for text, kind in pieces
    )
    return body + field(2, trainer) + (field(5, denormalizer) if denormalizer else b"")


PIECES = [
    ("<unk>", UNKNOWN),
    ("</s>", CONTROL),
    ("▁a", NORMAL),
    ("<0xFF>", BYTE),
    ("<u>▁", USER),
    ("x", UNUSED),
    ("<0x1>", NORMAL),
]


def test_sentencepiece_model(tmp_path: Path) -> None:
    path = write(tmp_path / "tokenizer.model", sp_model(PIECES))
    v = Vocabulary.from_file(path)
    assert v.tokens == [b"", b"", b" a", b"\xff", b"<u> ", b"", b"<0x1>"]
    assert v.eos_ids == (1,) and v.special_ids == (0, 5)
    assert v.special_names == {PIECES[i][0]: i for i in (0, 1, 5)}


def test_sentencepiece_names_its_end() -> None:
    pieces = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("[END]", CONTROL), ("a", NORMAL)]
    assert Vocabulary.from_sentencepiece(sp_model(pieces, field(47, b"[END]"))).eos_ids == (2,)
    assert Vocabulary.from_sentencepiece(sp_model(pieces, field(42, 1))).eos_ids == (1,)
    without = sp_model([("<unk>", UNKNOWN), ("a", NORMAL), ("b", NORMAL)], field(42, -1))
    with pytest.raises(InvalidVocabulary, match="eos"):
        Vocabulary.from_sentencepiece(without)
    assert Vocabulary.from_sentencepiece(without, eos=()).eos_ids == ()


def test_sentencepiece_that_rewrites_its_output_is_refused() -> None:
    with pytest.raises(InvalidVocabulary, match="after decoding"):
        Vocabulary.from_sentencepiece(sp_model(PIECES, denormalizer=field(2, b"map")))


@given(st.binary(max_size=60) | st.integers(0, 80).map(lambda cut: sp_model(PIECES)[:cut]))
def test_what_is_no_sentencepiece_model_is_refused_or_read(content: bytes) -> None:
    try:
        assert parse_model(content).pieces
    except InvalidVocabulary as error:
        assert "SentencePiece" in error.reason


TEKKEN: dict[str, Any] = {
    "config": {"default_vocab_size": 6, "default_num_special_tokens": 4},
    "vocab": [
        {"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None}
        for i, t in enumerate([b"\x00", b"\xff", b"beyond the size"])
    ],
    "special_tokens": [{"rank": i, "token_str": t} for i, t in enumerate(["<unk>", "<s>", "x", "</s>"])],
}


def test_tekken_file(tmp_path: Path) -> None:
    path = write(tmp_path / "tekken.json", json.dumps(TEKKEN).encode())
    v = Vocabulary.from_file(path)
    assert v.tokens == [b"", b"", b"", b"", b"\x00", b"\xff"] and v.eos_ids == (3,)
    assert v.special_names == {"<unk>": 0, "<s>": 1, "x": 2, "</s>": 3}
    old = {name: value for name, value in TEKKEN.items() if name != "special_tokens"}
    assert Vocabulary.from_file(write(path, json.dumps(old).encode())).special_names == {
        "<unk>": 0, "<s>": 1, "</s>": 2, "[INST]": 3
    }  # fmt: skip
    few = TEKKEN | {"special_tokens": TEKKEN["special_tokens"][2:]}
    assert Vocabulary.from_file(write(path, json.dumps(few).encode())).special_id("<SPECIAL_1>") == 1
    write(path, json.dumps(TEKKEN).encode())
    assert Vocabulary.from_file(tmp_path) == v == Vocabulary.from_tekken(str(path))


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"config": {"default_vocab_size": 1 << 40, "default_num_special_tokens": 0}},
        {"vocab": [{"rank": 1, "token_bytes": "AA=="}]},
        {"vocab": [{"rank": 0, "token_bytes": "A"}]},
        {"vocab": 3},
    ],
)
def test_what_is_no_tekken_file(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidVocabulary):
        Vocabulary.from_file(write(tmp_path / "tekken.json", json.dumps(TEKKEN | change).encode()))


def test_rank_file(tmp_path: Path) -> None:
    lines = b"".join(base64.b64encode(t) + b" %d\n" % i for t, i in [(b"a", 0), (b"\xff\x00", 1), (b"b", 4)])
    path = write(tmp_path / "x.tiktoken", lines)
    assert Vocabulary.from_file(path, eos=5, size=7).tokens == [b"a", b"\xff\x00", b"", b"", b"b", b"", b""]
    same = write(tmp_path / "tokenizer.model", lines)  # the name that Llama 3 gives such a file
    assert Vocabulary.from_file(same, eos=5, size=7) == Vocabulary.from_file(path, eos=5, size=7)
    named = from_rank_file(path, eos=5, special={"<|end|>": 5, "<|turn|>": 6})
    assert (named.size, named.eos_ids, dict(named.special_names)) == (7, (5,), {"<|end|>": 5, "<|turn|>": 6})
    with pytest.raises(InvalidVocabulary, match="eos"):
        Vocabulary.from_file(path)
    for wrong in (b"", b"YQ== x\n", b"? 1\n", b"YQ==\n", b"YQ== 99999999999\n", b"YQ== -1\n"):
        with pytest.raises(InvalidVocabulary):
            Vocabulary.from_file(write(path, wrong), eos=0)


def test_folder_of_a_model(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={"a": 0, "Ġb": 1}, merges=[]))
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<eos>", "<turn>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InvalidVocabulary, match="eos"):
        Vocabulary.from_tokenizer(tmp_path)
    write(tmp_path / "tokenizer_config.json", b'{"eos_token": {"content": "<turn>"}}')
    assert Vocabulary.from_tokenizer(str(tmp_path)).eos_ids == (3,)
    write(tmp_path / "config.json", b'{"text_config": {"vocab_size": 64, "eos_token_id": 2}}')
    assert Vocabulary.from_tokenizer(tmp_path).eos_ids == (2,)
    assert Vocabulary.from_tokenizer(tmp_path).special_names == {"<eos>": 2, "<turn>": 3}
    write(tmp_path / "generation_config.json", b'{"eos_token_id": [2, 3]}')
    v = Vocabulary.from_tokenizer(tmp_path)
    assert (v.size, v.eos_ids, v.tokens[:4]) == (64, (2, 3), [b"a", b" b", b"", b""])
    write(tmp_path / "config.json", b"{")
    with pytest.raises(InvalidVocabulary, match="not JSON"):
        Vocabulary.from_tokenizer(tmp_path)


def test_paths_without_a_tokenizer(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", write(tmp_path / "x", b"\0\1\2")):
        with pytest.raises(InvalidVocabulary):
            Vocabulary.from_file(path)
