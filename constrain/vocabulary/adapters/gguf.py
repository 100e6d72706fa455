"""GGUF: the vocabulary in the metadata of a model file, read without a library and without touching the weights."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.bytelevel import pack_byte_level
from constrain.vocabulary.adapters.sentencepiece import PieceKind, piece_bytes, piece_names
from constrain.vocabulary.vocabulary import Vocabulary, as_ids

_EOS_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MAX_ITEMS = 1 << 24
_KEPT = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")  # the arrays that are kept; others are stepped over


def from_gguf(
    source: str | PathLike[str] | Mapping[str, Any],
    *,
    size: int | None = None,
    eos: int | Iterable[int] | None = None,
) -> Vocabulary:
    """The vocabulary of a GGUF file (its first part is enough), or of metadata that was read from one.

    Metadata: `tokenizer.ggml.model`, `.tokens` (str or bytes), `.token_type`, `.eos_token_id` and so on. Of a file,
    the width of the logits is that of `token_embd.weight`. Raises InvalidVocabulary for WordPiece and unknown models.
    """
    metadata: Mapping[str, Any]
    if isinstance(source, Mapping):
        metadata, width = source, None
    else:
        metadata, width = read_header(source)
    texts = [t if isinstance(t, str) else bytes(t).decode("utf-8", "replace") for t in _required(metadata, "tokens")]
    kinds = [int(k) for k in metadata.get("tokenizer.ggml.token_type") or [PieceKind.NORMAL] * len(texts)]
    if len(kinds) != len(texts):
        raise InvalidVocabulary(f"{len(texts)} tokens but {len(kinds)} token types")
    if eos is None:
        found = [metadata.get(f"tokenizer.ggml.{key}") for key in _EOS_KEYS]
        eos = [int(i) for i in found if i is not None]
        if not eos:
            raise InvalidVocabulary("the file names no end-of-sequence token", hint="Pass eos=...")
    ends = as_ids(eos, "eos")
    tokens = _tokens(_required(metadata, "model"), texts, kinds)
    names = piece_names(list(zip(texts, kinds, strict=True)), ends)
    return Vocabulary.from_tokens(tokens, eos=ends, size=size or width, names=names)


def _required(metadata: Mapping[str, Any], name: str) -> Any:
    value = metadata.get(f"tokenizer.ggml.{name}")
    if value is None:
        raise InvalidVocabulary(f"the metadata has no tokenizer.ggml.{name}")
    return value


def _tokens(model: str, texts: Sequence[str], kinds: Sequence[int]) -> list[bytes]:
    """The bytes of each token; none for control, unknown and unused ones."""
    if model in ("llama", "t5"):
        return [piece_bytes(text, kind) for text, kind in zip(texts, kinds, strict=True)]
    if model != "gpt2":
        raise InvalidVocabulary(f"the bytes of the tokens of a {model!r} tokenizer can't be told")
    data, lengths = pack_byte_level(
        [text if kind == PieceKind.NORMAL else "" for text, kind in zip(texts, kinds, strict=True)]
    )
    tokens, at = [], 0
    for text, kind, length in zip(texts, kinds, lengths.tolist(), strict=True):
        # user-defined tokens are written as they are, not in the byte-level alphabet
        tokens.append(text.encode("utf-8", "replace") if kind == PieceKind.USER else data[at : at + length])
        at += length
    return tokens


def read_header(path: str | PathLike[str]) -> tuple[dict[str, Any], int | None]:
    """The metadata of a file, and the width of its embedding. Arrays other than those of the vocabulary are left out.

    Raises InvalidVocabulary when the file is not GGUF (version 2 or 3, little endian) or is cut off.
    """
    try:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            return _Reader(buffer).header()
    except InvalidVocabulary:
        raise
    except (struct.error, ValueError) as error:  # ValueError: also of an empty file
        raise InvalidVocabulary(f"{path} is not a whole GGUF header: {error}") from error


class _Reader:
    """A position in a GGUF header."""

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer = buffer
        self.at = 0

    def header(self) -> tuple[dict[str, Any], int | None]:
        if self.buffer[:4] != b"GGUF":
            raise InvalidVocabulary("this is not a GGUF file")
        self.at = 4
        version, tensors, count = self.scalar("<I"), self.scalar("<Q"), self.scalar("<Q")
        if version not in (2, 3):
            raise InvalidVocabulary(f"GGUF version {version} (2 and 3 can be read)")
        if max(tensors, count) > _MAX_ITEMS:
            raise ValueError(f"{count} metadata entries and {tensors} tensors")
        metadata: dict[str, Any] = {}
        for _ in range(count):
            key = self.string().decode("utf-8", "replace")
            metadata[key] = self.value(self.scalar("<I"), key in _KEPT)
        width = None
        for _ in range(tensors):
            name = self.string()
            shape = [self.scalar("<Q") for _ in range(self.scalar("<I"))]
            self.at += 12  # type and offset
            if name == b"token_embd.weight" and len(shape) == 2:
                width = shape[1]
                break
        return metadata, width

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(code, self.buffer, self.at)
        self.at += struct.calcsize(code)
        return value

    def string(self) -> bytes:
        size = self.scalar("<Q")
        if size > len(self.buffer) - self.at:
            raise ValueError("a string is cut off")
        self.at += size
        return self.buffer[self.at - size : self.at]

    def value(self, kind: int, keep: bool) -> Any:
        if kind == _STRING:
            return self.string().decode("utf-8", "replace")
        if kind == _ARRAY:
            return self.array(self.scalar("<I"), self.scalar("<Q"), keep)
        if kind not in _SCALARS:
            raise ValueError(f"unknown value type {kind}")
        return self.scalar(_SCALARS[kind])

    def array(self, kind: int, count: int, keep: bool) -> Any:
        """An array, or None when it is not kept."""
        if count > _MAX_ITEMS:
            raise ValueError(f"an array of {count} items")
        if kind == _STRING:
            if keep:
                return [self.string() for _ in range(count)]
            at, end = self.at, len(self.buffer)
            for _ in range(count):
                at += 8 + int.from_bytes(self.buffer[at : at + 8], "little")
                if at > end:
                    raise ValueError("an array of strings is cut off")
            self.at = at
            return None
        if kind not in _SCALARS:
            raise ValueError(f"an array of type {kind}")
        code = f"<{count}{_SCALARS[kind][1]}"
        values = list(struct.unpack_from(code, self.buffer, self.at)) if keep else None
        self.at += struct.calcsize(code)
        return values
