"""Tokenizers of Hugging Face: fast ones (`tokenizers`), and the slow families that carry their bytes in the open."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.decoders import pack_decoded
from constrain.vocabulary.adapters.sentencepiece import PieceKind, parse_model, piece_bytes
from constrain.vocabulary.vocabulary import Vocabulary, as_ids

_read: weakref.WeakKeyDictionary[Any, tuple[Any, Vocabulary]] = weakref.WeakKeyDictionary()
_NO_EOS = "Pass eos=..., for example model.generation_config.eos_token_id, or eos=() if nothing ends a text"


def from_transformers(tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a transformers tokenizer (fast or slow) or of a `tokenizers.Tokenizer`.

    Special are: added tokens flagged so, the tokenizer's named special tokens, its unknown token, and ids without a
    token. Added tokens that are not flagged (`<tool_call>` of Qwen) are text. `eos` replaces the tokenizer's own.
    The bytes are those of `decode(..., clean_up_tokenization_spaces=False)`: the clean-up deletes blanks from text
    that was generated, so no constraint can survive it.
    """
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    asked = getattr(tokenizer, "eos_token_id", None) if eos is None else eos
    if asked is None:
        raise InvalidVocabulary("the tokenizer names no end-of-sequence token", hint=_NO_EOS)
    eos_ids = as_ids(asked, "eos")
    named = as_ids(getattr(tokenizer, "all_special_ids", ()), "special")
    count = len(tokenizer) if hasattr(tokenizer, "__len__") else backend.get_vocab_size()
    added = getattr(tokenizer, "added_tokens_decoder", {})
    state = (count, size, eos_ids, named, tuple((i, token.special) for i, token in added.items()))
    try:
        known = _read.get(tokenizer)
    except TypeError:  # a class without weak references or hashes
        known = None
    if known is not None and known[0] == state:
        return known[1]
    if hasattr(backend, "id_to_token") and hasattr(backend, "decoder"):
        vocabulary = _fast(backend, eos_ids, named, size)
    else:
        vocabulary = _slow(tokenizer, eos_ids, named, size)
    try:
        _read[tokenizer] = (state, vocabulary)
    except TypeError:
        return vocabulary
    return vocabulary


def _fast(backend: Any, eos: tuple[int, ...], special: tuple[int, ...], size: int | None) -> Vocabulary:
    """From a `tokenizers.Tokenizer`, whose decoder says in its own words what it does to a token."""
    decoder = None if backend.decoder is None else json.loads(backend.decoder.__getstate__())
    added = backend.get_added_tokens_decoder()
    count = max(backend.get_vocab_size(), 1 + max(added, default=0))
    texts = [text or "" for text in map(backend.id_to_token, range(count))]
    if "" in texts:  # ids are not dense: the highest may lie beyond their number
        count = max(count, 1 + max(backend.get_vocab().values()))
        texts = [text or "" for text in map(backend.id_to_token, range(count))]
    silent = {*eos, *special, *(i for i, token in added.items() if token.special)}
    unknown = getattr(backend.model, "unk_token", None)
    if unknown is not None:
        silent.add(backend.token_to_id(unknown))
    if getattr(backend.model, "unk_id", None) is not None:
        silent.add(backend.model.unk_id)
    for i in silent:
        if i is not None and i < count:
            texts[i] = ""
    data, lengths = pack_decoded(texts, decoder)
    return Vocabulary.from_packed(data, lengths, eos=eos, size=size)


def _slow(tokenizer: Any, eos: tuple[int, ...], special: tuple[int, ...], size: int | None) -> Vocabulary:
    """From a tokenizer in Python: SentencePiece, byte-level BPE, bytes, or a wrapper of tiktoken or mistral-common."""
    from constrain.vocabulary.adapters.tekken import is_mistral, mistral_table
    from constrain.vocabulary.adapters.tiktoken import encoding_of, encoding_table

    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    silent = {*special, *(i for i, token in added.items() if token.special)}
    encoding = encoding_of(tokenizer)
    if is_mistral(tokenizer):
        table = mistral_table(tokenizer)
        tokens, silent = table.tokens, silent | set(table.special)
    elif encoding is not None:
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
    tokens += [b""] * (max(added, default=-1) + 1 - len(tokens))
    for i, token in added.items():
        tokens[i] = token.content.encode("utf-8", "replace")
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown is not None:
        silent.add(unknown)
    return Vocabulary.from_tokens(tokens, eos=eos, special=silent, size=size)


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
