"""Tokenizers of Hugging Face: fast ones (`tokenizers`), and the slow families that carry their bytes in the open."""

from __future__ import annotations

import contextlib
import json
import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.decoders import pack_decoded
from constrain.vocabulary.adapters.sentencepiece import PieceKind, parse_model, piece_bytes
from constrain.vocabulary.adapters.tekken import from_tekken, is_mistral
from constrain.vocabulary.adapters.tiktoken import encoding_of, encoding_table
from constrain.vocabulary.vocabulary import Vocabulary, as_ids, names_of

_read: weakref.WeakKeyDictionary[Any, tuple[Any, Vocabulary]] = (
    weakref.WeakKeyDictionary()
)  # with what it was read under
_SAMPLE = 500  # tokens whose bytes are compared with the tokenizer's own decoding
_NO_EOS = "Pass eos=..., for example model.generation_config.eos_token_id, or eos=() if nothing ends a text"


def from_transformers(tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a transformers tokenizer (fast or slow) or of a `tokenizers.Tokenizer`.

    Special are: added tokens flagged so, the tokenizer's named special tokens, its unknown token, and ids without a
    token. Added tokens that are not flagged (`<tool_call>` of Qwen) are text. `eos` replaces the tokenizer's own.
    The bytes are those of `decode(..., clean_up_tokenization_spaces=False)`: the clean-up deletes blanks from text
    that was generated, so no constraint can survive it.
    """
    if is_mistral(tokenizer):
        return from_tekken(tokenizer, size=size, eos=eos)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    asked = getattr(tokenizer, "eos_token_id", None) if eos is None else eos
    if asked is None:
        raise InvalidVocabulary("the tokenizer names no end-of-sequence token", hint=_NO_EOS)
    eos_ids = as_ids(asked, "eos")
    named = as_ids(getattr(tokenizer, "all_special_ids", ()), "special")
    fast = hasattr(backend, "id_to_token") and hasattr(backend, "decoder")
    if fast and backend is tokenizer:
        return _fast(backend, eos_ids, named, size)
    state = (size, eos_ids, named, len(tokenizer), _settings(tokenizer, backend if fast else None))
    try:
        known = _read.get(tokenizer)
    except TypeError:  # a class without weak references or hashes
        known = None
    if known is not None and known[0] == state:
        return known[1]
    vocabulary = _fast(backend, eos_ids, named, size) if fast else _slow(tokenizer, eos_ids, named, size)
    with contextlib.suppress(TypeError):
        _read[tokenizer] = (state, vocabulary)
    return vocabulary


def _settings(tokenizer: Any, backend: Any) -> tuple[Any, ...]:
    """What can change the tokens of a tokenizer while it lives, besides their number."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    decoder = None if backend is None or backend.decoder is None else backend.decoder.__getstate__()
    return decoder, tuple((i, token.content, token.special) for i, token in added.items())


def _fast(backend: Any, eos: tuple[int, ...], special: tuple[int, ...], size: int | None) -> Vocabulary:
    """From a `tokenizers.Tokenizer`, whose decoder says in its own words what it does to a token."""
    decoder = None if backend.decoder is None else json.loads(backend.decoder.__getstate__())
    added = backend.get_added_tokens_decoder()
    count = max(backend.get_vocab_size(), 1 + max(added, default=0))
    texts: list[str] = list(map(backend.id_to_token, range(count)))  # the better part of the time from the cache
    if None in texts:  # ids are not dense: the highest may lie beyond their number
        count = max(count, 1 + max(backend.get_vocab().values()))
        texts = [text or "" for text in map(backend.id_to_token, range(count))]
    silent = {*eos, *special, *(i for i, token in added.items() if token.special)}
    unknown = _unknown(backend)
    if unknown is not None:
        silent.add(unknown)
    names = names_of(texts, silent)
    for i in silent:
        if i < count:
            texts[i] = ""
    data, lengths = pack_decoded(texts, decoder)
    _check(data, lengths, lambda batch: backend.decode_batch(batch, skip_special_tokens=False))
    return Vocabulary.from_packed(data, lengths, eos=eos, size=size, names=names)


def _unknown(backend: Any) -> int | None:
    """The id of the model's unknown token. A Unigram model tells it in its serialised form only."""
    text = getattr(backend.model, "unk_token", None)
    if text is not None:
        found: int | None = backend.token_to_id(text)
        return found
    if type(backend.model).__name__ != "Unigram":
        return None
    match = re.match(rb'\{"type":"Unigram","unk_id":(\d+),', backend.model.__getstate__())
    return int(match[1]) if match else None


def _slow(tokenizer: Any, eos: tuple[int, ...], special: tuple[int, ...], size: int | None) -> Vocabulary:
    """From a tokenizer in Python: SentencePiece, byte-level BPE, bytes, or a wrapper of tiktoken."""
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    silent = {*special, *(i for i, token in added.items() if token.special)}
    encoding = encoding_of(tokenizer)
    if encoding is not None:
        table = encoding_table(encoding)
        tokens, silent = table.tokens, silent | set(table.special)
    elif hasattr(tokenizer, "sp_model"):
        tokens, unusual = _pieces(tokenizer)
        silent |= unusual
    elif hasattr(tokenizer, "byte_decoder"):
        alphabet = {c: int(b) for c, b in tokenizer.byte_decoder.items()}
        tokens = [_spelled(text, alphabet) for text in _texts(tokenizer)]
    elif type(tokenizer).__name__ == "ByT5Tokenizer":
        tokens = [_spelled(text, {chr(b): b for b in range(256)}) for text in _texts(tokenizer)]
    else:
        raise InvalidVocabulary(
            f"the bytes of the tokens of a {type(tokenizer).__name__} can't be told",
            hint="Use the fast tokenizer of the model, or Vocabulary.from_tokens with the bytes of each token",
        )
    own = [b"" if i in added or i in silent or i in eos else token for i, token in enumerate(tokens)]
    if hasattr(tokenizer, "sp_model") or hasattr(tokenizer, "byte_decoder"):
        lengths = np.fromiter(map(len, own), np.int64, len(own))
        _check(b"".join(own), lengths, lambda batch: [_joined(tokenizer, ids) for ids in batch])
    tokens += [b""] * (max(added, default=-1) + 1 - len(tokens))
    for i, token in added.items():
        tokens[i] = token.content.encode("utf-8", "replace")
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown is not None:
        silent.add(unknown)
    names = names_of(_texts(tokenizer), silent.union(eos))
    return Vocabulary.from_tokens(tokens, eos=eos, special=silent, size=size, names=names)


def _joined(tokenizer: Any, ids: list[int]) -> str:
    """What a slow tokenizer makes of a few tokens."""
    text: str = tokenizer.convert_tokens_to_string(tokenizer.convert_ids_to_tokens(ids))
    return text


def _check(data: bytes, lengths: npt.NDArray[np.int64], decode: Callable[[list[list[int]]], list[str]]) -> None:
    """Compare a sample of the tokens with the tokenizer's own decoding, each between two letters.

    Guards against tokenizers that rewrite text in a way that nothing declares. Tokens that are not whole characters
    have no decoding of their own, nor do byte pieces in some slow tokenizers: single bytes are left out.
    """
    ends = np.cumsum(lengths)
    singles = [(i, data[ends[i] - 1 : ends[i]]) for i in np.flatnonzero(lengths == 1).tolist()]
    letters = [(i, token) for i, token in singles if token.isalpha()]
    found = next(((i, token) for i, token in letters if decode([[i]]) == [token.decode()]), None)
    if found is None:
        return
    beside, letter = found
    full = np.flatnonzero(lengths > 1)
    sample, wanted = [], []
    for i in full[:: max(1, len(full) // _SAMPLE)].tolist():
        token = data[ends[i] - lengths[i] : ends[i]]
        try:
            wanted.append((letter + token + letter).decode())
        except UnicodeDecodeError:
            continue
        sample.append([beside, i, beside])
    for (_, i, _), expected, decoded in zip(sample, wanted, decode(sample), strict=True):
        if expected != decoded:
            raise InvalidVocabulary(
                f"the bytes of this tokenizer's tokens can't be told: it decodes token {i} between two letters to "
                f"{decoded!r}, not {expected!r}",
                hint="Use Vocabulary.from_tokens with the bytes that each token adds to the text",
            )


def _texts(tokenizer: Any) -> list[str]:
    """The tokens of all ids as the tokenizer writes them; "" for ids that have none."""
    return [text or "" for text in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))]


def _spelled(text: str, alphabet: Mapping[str, int]) -> bytes:
    """A token written in an alphabet of bytes; one with other characters stands for its UTF-8."""
    try:
        return bytes([alphabet[c] for c in text])
    except KeyError:
        return text.encode("utf-8", "replace")


def _pieces(tokenizer: Any) -> tuple[list[bytes], set[int]]:
    """Tokens of a slow SentencePiece tokenizer, whose ids may be shifted against those of the model, and its silent."""
    model = parse_model(tokenizer.sp_model.serialized_model_proto())
    kinds = dict(model.pieces)
    tokens, silent = [], set()
    for i, text in enumerate(_texts(tokenizer)):
        kind = kinds.get(text, PieceKind.USER)
        token = piece_bytes(text, kind)
        tokens.append(token)
        if not token:
            silent.add(i)
    return tokens, silent
