"""tiktoken: encodings, rank files (`.tiktoken`), and tokenizers that wrap an encoding."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.vocabulary import MAX_SIZE, Vocabulary


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Tokens by id, the ids that are special, and the texts of those that have one."""

    tokens: list[bytes]
    special: frozenset[int]
    names: dict[str, int] = field(default_factory=dict)


def from_tiktoken(encoding: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a `tiktoken.Encoding`. eos: its `<|endoftext|>` unless given (`<|return|>` and `<|call|>` end
    a turn of the harmony format: pass their ids)."""
    table = encoding_table(encoding)
    if eos is None:
        try:
            eos = encoding.eot_token
        except KeyError:
            eos = None
        if eos is None:
            raise InvalidVocabulary("the encoding has no <|endoftext|>", hint="Pass eos=...")
    return Vocabulary.from_tokens(table.tokens, eos=eos, special=table.special, size=size, names=table.names)


def from_rank_file(
    path: str | PathLike[str],
    *,
    eos: int | Iterable[int],
    special: Mapping[str, int] | Iterable[int] = (),
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a rank file: one token a line, its bytes in base64, a blank, its id.

    special: special tokens, which such a file does not hold, as text → id or as ids.
    """
    names = dict(special) if isinstance(special, Mapping) else {}
    ids = names.values() if isinstance(special, Mapping) else special
    tokens = _by_id(read_ranks(path))
    tokens += [b""] * (max(names.values(), default=-1) + 1 - len(tokens))
    return Vocabulary.from_tokens(tokens, eos=eos, special=ids, size=size, names=names)


def read_ranks(path: str | PathLike[str]) -> dict[bytes, int]:
    """The ranks of a `.tiktoken` file. Raises InvalidVocabulary when it is none."""
    ranks = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        if not line:
            continue
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise InvalidVocabulary(f"{path} is not a tiktoken file", line=number) from error
    return ranks


def is_encoding(value: Any) -> bool:
    """Is this a `tiktoken.Encoding`? Told by its shape, so that tiktoken need not be imported."""
    return hasattr(value, "decode_single_token_bytes") and hasattr(value, "special_tokens_set")


def encoding_of(tokenizer: Any) -> Any:
    """The encoding that a tokenizer in Python wraps (Qwen, Kimi and others ship such code), or None."""
    held = (getattr(tokenizer, name, None) for name in ("tokenizer", "_tokenizer", "model", "encoding"))
    return next((value for value in held if is_encoding(value)), None)


def encoding_table(encoding: Any) -> TokenTable:
    """Tokens and special ids of an encoding."""
    ranks = getattr(encoding, "_mergeable_ranks", None)
    named = getattr(encoding, "_special_tokens", None)
    if named is None:
        named = {text: encoding.encode_single_token(text) for text in encoding.special_tokens_set}
    special = frozenset(named.values())
    if ranks is None:
        ranks = {}
        for i in range(encoding.max_token_value + 1):
            try:
                ranks[encoding.decode_single_token_bytes(i)] = i
            except KeyError:
                continue
    tokens = _by_id(ranks)
    tokens += [b""] * (max(special, default=-1) + 1 - len(tokens))
    return TokenTable(tokens, special, dict(named))


def _by_id(ranks: Mapping[bytes, int]) -> list[bytes]:
    """Tokens by id; ids without a token get no bytes."""
    count = max(ranks.values(), default=-1) + 1
    if not 0 < count <= MAX_SIZE or min(ranks.values()) < 0:
        raise InvalidVocabulary(f"token ids up to {count - 1} (0 to {MAX_SIZE - 1} are possible)")
    tokens = [b""] * count
    for token, i in ranks.items():
        tokens[i] = token
    return tokens
