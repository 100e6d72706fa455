"""Tokenizer families, one module each: every module reads a tokenizer into token bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.tekken import from_tekken, is_mistral
from constrain.vocabulary.adapters.tiktoken import encoding_of, from_tiktoken, is_encoding
from constrain.vocabulary.vocabulary import Vocabulary


def from_tokenizer(tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of anything that an adapter knows. See `Vocabulary.from_tokenizer`."""
    if isinstance(tokenizer, Vocabulary):
        return tokenizer if size is None and eos is None else _changed(tokenizer, size, eos)
    if isinstance(tokenizer, str | PathLike):
        from constrain.vocabulary.adapters.files import from_path

        return from_path(tokenizer, size=size, eos=eos)
    if isinstance(tokenizer, Mapping):
        from constrain.vocabulary.adapters.gguf import from_gguf

        return from_gguf(tokenizer, size=size, eos=eos)
    if hasattr(tokenizer, "convert_ids_to_tokens") or hasattr(tokenizer, "get_added_tokens_decoder"):
        from constrain.vocabulary.adapters.huggingface import from_transformers

        return from_transformers(tokenizer, size=size, eos=eos)
    if is_encoding(tokenizer):
        return from_tiktoken(tokenizer, size=size, eos=eos)
    if hasattr(tokenizer, "serialized_model_proto"):
        from constrain.vocabulary.adapters.sentencepiece import from_sentencepiece

        return from_sentencepiece(tokenizer, size=size, eos=eos)
    if is_mistral(tokenizer):
        return from_tekken(tokenizer, size=size, eos=eos)
    encoding = encoding_of(tokenizer)
    if encoding is not None:
        return from_tiktoken(encoding, size=size, eos=eos)
    if hasattr(tokenizer, "model_path") and hasattr(tokenizer, "n_vocab"):  # llama_cpp.Llama
        from constrain.vocabulary.adapters.gguf import from_gguf

        return from_gguf(tokenizer.model_path, size=size, eos=eos)
    inner = getattr(tokenizer, "tokenizer", None)  # a processor of transformers holds its tokenizer
    if inner is not None and inner is not tokenizer:
        return from_tokenizer(inner, size=size, eos=eos)
    raise InvalidVocabulary(
        f"no adapter knows a {type(tokenizer).__module__}.{type(tokenizer).__qualname__}",
        hint="Use Vocabulary.from_tokens with the bytes of each token",
    )


def _changed(vocabulary: Vocabulary, size: int | None, eos: int | Iterable[int] | None) -> Vocabulary:
    """The same tokens under another width or other end-of-sequence ids; ids that ended a text become special."""
    ends = vocabulary.eos_ids if eos is None else eos
    width = vocabulary.size if size is None else size
    return Vocabulary.from_tokens(vocabulary.tokens, eos=ends, size=width, names=vocabulary.special_names)
