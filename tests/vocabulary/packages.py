"""Where the optional packages of requirements.txt keep their vocabularies, and texts that try them."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Any

import pytest

from constrain.vocabulary import Vocabulary

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "  leading, trailing and   inner blanks  ",
    "\n\n\t\ttabs and lines\r\n \n",
    'def f(x: int) -> str:\n    return f"{x!r}"  # {"a": [1, 2.5e-3, null]}\n',
    "Grüße aus Köln, naïve façade, Ελληνικά, Русский, עברית, العربية",
    "日本語の文章と中文句子 한국어 ไทย हिन्दी ‎RTL‏",
    "😀🏳️‍🌈👩🏽‍🚀 e\u0301 \u00a0\u2003\u200b\ufeff \U0010fffd\u0000\x7f",
    "a" * 300 + " " * 100 + "=" * 100,
    "1234567890 3.14159 0x1F 1e-10 ½ ² Ⅷ",
]


def file_of(package: str, *parts: str) -> Path:
    """A file of an installed package, found without importing it; the test is skipped when it is not there."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed (tests/vocabulary/requirements.txt)")
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{package} has no {'/'.join(parts)}")
    return path


def quicktok_ranks(name: str) -> dict[bytes, int]:
    """A vocabulary file of quicktok: count (u32), then for each token its length (u16), bytes and id (u32)."""
    blob = file_of("quicktok", "data", f"{name}.vocab").read_bytes()
    (count,) = struct.unpack_from("<I", blob)
    ranks, at = {}, 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", blob, at)
        token = blob[at + 2 : at + 2 + length]
        (ranks[token],) = struct.unpack_from("<I", blob, at + 2 + length)
        at += 6 + length
    assert at == len(blob)
    return ranks


def text_of(v: Vocabulary, ids: list[int]) -> bytes:
    return b"".join(map(v.token_bytes, ids))


def invalid_utf8(v: Vocabulary) -> int:
    """Number of tokens that are not whole characters."""
    count = 0
    for token in v.tokens:
        try:
            token.decode()
        except UnicodeDecodeError:
            count += 1
    return count


def duplicates(v: Vocabulary) -> int:
    """Number of tokens whose bytes an earlier one has already."""
    texts = [t for t in v.tokens if t]
    return len(texts) - len(set(texts))


def assert_decodes_alike(v: Vocabulary, backend: Any, letter: int, *, pieces: bool) -> None:
    """Every token between two letters is decoded by a `tokenizers.Tokenizer` to the text of the bytes.

    pieces: compare tokens that are not whole characters too (a ByteLevel decoder replaces as Python does).
    """
    tokens, end = v.tokens, v.tokens[letter]
    ids = [i for i, token in enumerate(tokens) if token and (pieces or whole(token))]
    for start in range(0, len(ids), 20_000):
        part = ids[start : start + 20_000]
        decoded = backend.decode_batch([[letter, i, letter] for i in part], skip_special_tokens=False)
        for i, text in zip(part, decoded, strict=True):
            assert text == (end + tokens[i] + end).decode("utf-8", "replace"), i


def whole(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True
