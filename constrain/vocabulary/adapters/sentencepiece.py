"""SentencePiece models, read from their protobuf without the library: pieces, their kinds, end and padding ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from os import PathLike
from pathlib import Path
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.decoders import byte_or_text
from constrain.vocabulary.vocabulary import Vocabulary, as_ids, names_of


class PieceKind(IntEnum):
    """`ModelProto.SentencePiece.Type` of sentencepiece_model.proto."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER = 4
    UNUSED = 5
    BYTE = 6


_SILENT = frozenset({PieceKind.UNKNOWN, PieceKind.CONTROL, PieceKind.UNUSED})


@dataclass(frozen=True, slots=True)
class PieceModel:
    """What a constraint needs of a SentencePiece model. eos: -1 when the model has none."""

    pieces: tuple[tuple[str, int], ...]
    eos: int
    denormalised: bool


def from_sentencepiece(model: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a `SentencePieceProcessor`, of the path of a `.model` file, or of its content as bytes.

    `▁` is a blank, also at the beginning of a piece that comes first (`decode` of the generated ids alone drops that
    blank). Byte pieces are bytes; user-defined pieces are text; control, unknown and unused pieces are special.
    """
    table = parse_model(_serialized(model))
    if table.denormalised:
        raise InvalidVocabulary(
            "the bytes of this tokenizer's tokens can't be told: its model rewrites text after decoding"
        )
    if eos is None and table.eos < 0:
        raise InvalidVocabulary("the model names no end-of-sequence piece", hint="Pass eos=...")
    tokens = [piece_bytes(text, kind) for text, kind in table.pieces]
    ends = as_ids(table.eos if eos is None else eos, "eos")
    return Vocabulary.from_tokens(tokens, eos=ends, size=size, names=piece_names(table.pieces, ends))


def piece_bytes(text: str, kind: int) -> bytes:
    """The bytes that a piece adds to a text; none for those that are no text."""
    if kind == PieceKind.BYTE:
        return byte_or_text(text)
    if kind in (PieceKind.NORMAL, PieceKind.USER):
        return text.replace("\u2581", " ").encode("utf-8", "replace")
    return b""


def piece_names(pieces: Sequence[tuple[str, int]], ends: Iterable[int]) -> dict[str, int]:
    """The texts of the pieces that are no text or end one."""
    silent = {i for i, (_, kind) in enumerate(pieces) if kind in _SILENT}
    return names_of([text for text, _ in pieces], silent.union(ends))


def _serialized(model: Any) -> bytes:
    if isinstance(model, bytes):
        return model
    if isinstance(model, str | PathLike):
        return Path(model).read_bytes()
    proto: bytes = model.serialized_model_proto()
    return proto


def parse_model(proto: bytes) -> PieceModel:
    """Read a serialised `ModelProto`. Raises InvalidVocabulary when it is none.

    Fields used (sentencepiece_model.proto): ModelProto.pieces = 1 {piece = 1, score = 2, type = 3}, trainer_spec = 2
    {eos_id = 42, eos_piece = 47}, denormalizer_spec = 5 {precompiled_charsmap = 2}.
    """
    pieces: list[tuple[str, int]] = []
    eos, eos_piece, denormalised = 2, "</s>", False
    try:
        for field, value in _fields(proto):
            if field == 1 and isinstance(value, bytes):
                text, kind = "", int(PieceKind.NORMAL)
                for inner, part in _fields(value):
                    if inner == 1 and isinstance(part, bytes):
                        text = part.decode("utf-8", "replace")
                    elif inner == 3 and isinstance(part, int):
                        kind = part
                pieces.append((text, kind))
            elif field == 2 and isinstance(value, bytes):
                for inner, part in _fields(value):
                    if inner == 42 and isinstance(part, int):
                        eos = part - (1 << 64) if part >> 63 else part
                    elif inner == 47 and isinstance(part, bytes):
                        eos_piece = part.decode("utf-8", "replace")
            elif field == 5 and isinstance(value, bytes):
                denormalised |= any(inner == 2 and part for inner, part in _fields(value))
    except (IndexError, ValueError) as error:
        raise InvalidVocabulary("this is not a SentencePiece model") from error
    if not pieces:
        raise InvalidVocabulary("this is not a SentencePiece model: it has no pieces")
    named = [i for i, (text, kind) in enumerate(pieces) if kind == PieceKind.CONTROL and text == eos_piece]
    return PieceModel(tuple(pieces), named[0] if named else (eos if 0 <= eos < len(pieces) else -1), denormalised)


def _fields(buffer: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message as (number, value). Raises IndexError or ValueError when it is malformed."""
    at, end = 0, len(buffer)
    while at < end:
        tag, at = _varint(buffer, at)
        wire = tag & 7
        if wire == 0:
            number, at = _varint(buffer, at)
            yield tag >> 3, number
            continue
        if wire == 2:
            size, at = _varint(buffer, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("unknown wire type")
        if at + size > end:
            raise ValueError("a field is cut off")
        yield tag >> 3, buffer[at : at + size]
        at += size


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer at `at`, and the index after it."""
    value = buffer[at]
    if value < 128:
        return value, at + 1
    value &= 127
    for shift in range(7, 70, 7):
        at += 1
        byte = buffer[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
    raise ValueError("a number is too long")
