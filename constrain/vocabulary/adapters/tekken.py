"""Mistral: `tekken.json` files, and the tokenizers of mistral-common (tekken and SentencePiece)."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.sentencepiece import parse_model, piece_bytes, piece_names
from constrain.vocabulary.adapters.tiktoken import TokenTable
from constrain.vocabulary.vocabulary import MAX_SIZE, Vocabulary, names_of

# The special tokens of every tekken file without a list of them (versions up to 7)
_OLD = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
]  # fmt: skip
_EOS = 2


def from_tekken(tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a mistral-common tokenizer (the `MistralTokenizer` or what it holds) or of a `tekken.json`.

    In a tekken vocabulary the special tokens come first, and the id of a text token is its rank plus their number.
    """
    if isinstance(tokenizer, str | PathLike):
        table, own = _read_file(Path(tokenizer))
    else:
        table, own = mistral_table(tokenizer), int(_inner(tokenizer).eos_id)
    ends = own if eos is None else eos
    return Vocabulary.from_tokens(table.tokens, eos=ends, special=table.special, size=size, names=table.names)


def is_mistral(tokenizer: Any) -> bool:
    """Is this a tokenizer of mistral-common, or a wrapper of one?"""
    return any(c.__module__.startswith("mistral_common.") for c in type(_inner(tokenizer)).__mro__)


def mistral_table(tokenizer: Any) -> TokenTable:
    """Tokens and special ids of a mistral-common tokenizer."""
    inner = _inner(tokenizer)
    ranks: Mapping[bytes, int] | None = getattr(inner, "_tekken_token2id_nospecial", None)
    if ranks is None:
        model = parse_model(inner._model.serialized_model_proto())
        tokens = [piece_bytes(text, kind) for text, kind in model.pieces]
        return TokenTable(tokens, frozenset(), piece_names(model.pieces, [model.eos]))
    special = int(inner.num_special_tokens)
    tokens = [b""] * (special + len(ranks))
    for token, rank in ranks.items():
        tokens[special + rank] = token
    texts = [inner.id_to_piece(i) for i in range(special)] if hasattr(inner, "id_to_piece") else []
    return TokenTable(tokens, frozenset(range(special)), names_of(texts, range(special)))


def _inner(tokenizer: Any) -> Any:
    """The tokenizer that knows the pieces: transformers' wrapper holds a MistralTokenizer, which holds an instruct
    tokenizer, which holds it."""
    for name in ("tokenizer", "instruct_tokenizer", "tokenizer"):
        tokenizer = getattr(tokenizer, name, tokenizer)
    return tokenizer


def _read_file(path: Path) -> tuple[TokenTable, int]:
    """Tokens, special ids and the end-of-sequence id of a `tekken.json`."""
    try:
        document = json.loads(path.read_bytes())
        special = int(document["config"]["default_num_special_tokens"])
        count = int(document["config"]["default_vocab_size"])
        if not 0 <= special < count <= MAX_SIZE:
            raise InvalidVocabulary(f"{path} claims {count} tokens, {special} of them special")
        ranks = document["vocab"][: count - special]
        tokens = [b""] * special + [binascii.a2b_base64(entry["token_bytes"]) for entry in ranks]
        listed = document.get("special_tokens") or [{"token_str": t, "rank": i} for i, t in enumerate(_OLD)]
        named = {str(entry["token_str"]): int(entry["rank"]) for entry in listed}
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidVocabulary):
            raise
        raise InvalidVocabulary(f"{path} is not a tekken file: {error!r}") from error
    if any(entry.get("rank", i) != i for i, entry in enumerate(ranks)):
        raise InvalidVocabulary(f"{path} is not a tekken file: its ranks are not in order")
    unnamed = set(range(special)) - set(named.values())
    names = named | {f"<SPECIAL_{i}>": i for i in unnamed}  # as mistral-common calls them
    return TokenTable(tokens, frozenset(range(special)), names), named.get("</s>", _EOS)
