"""Tokenizers on disk: a file of any family, or the folder of a model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from constrain.array_files import MAGIC
from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.gguf import from_gguf
from constrain.vocabulary.adapters.huggingface import from_transformers
from constrain.vocabulary.adapters.sentencepiece import from_sentencepiece
from constrain.vocabulary.adapters.tekken import from_tekken
from constrain.vocabulary.adapters.tiktoken import from_rank_file
from constrain.vocabulary.vocabulary import Vocabulary

_NAMES = ("tokenizer.json", "tekken.json", "tokenizer.model", "spiece.model")  # in the order of preference


def from_path(
    path: str | PathLike[str], *, size: int | None = None, eos: int | Iterable[int] | None = None
) -> Vocabulary:
    """The vocabulary of a tokenizer file, told by its content, or of a folder that holds one.

    Known are `tokenizer.json`, `tekken.json`, SentencePiece models, `.tiktoken` rank files (with `eos`), GGUF, and
    what `Vocabulary.save` writes. Of a folder, `generation_config.json` and `tokenizer_config.json` name the
    end-of-sequence tokens and `config.json` the width of the logits, unless they are given.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place, size, eos)
    if not place.is_file():
        raise InvalidVocabulary(f"there is no file {place}")
    with place.open("rb") as file:
        head = file.read(max(64, len(MAGIC)))
    if head.startswith(MAGIC):
        return Vocabulary.load(place)
    if head.startswith(b"GGUF"):
        return from_gguf(place, size=size, eos=eos)
    if head.lstrip()[:1] == b"{":
        return _json(place, size, eos)
    if place.suffix == ".tiktoken" or head.split(b"\n")[0].split(b" ")[-1].strip().isdigit():
        if eos is None:
            raise InvalidVocabulary(f"{place} names no end-of-sequence token", hint="Pass eos=...")
        return from_rank_file(place, eos=eos, size=size)
    return from_sentencepiece(place, size=size, eos=eos)


def _folder(folder: Path, size: int | None, eos: int | Iterable[int] | None) -> Vocabulary:
    """The first tokenizer of a folder, with what the model's configuration says about it."""
    others = sorted(p.name for pattern in ("*.gguf", "tekken*.json", "*.tiktoken") for p in folder.glob(pattern))
    found = next((folder / name for name in (*_NAMES, *others) if (folder / name).is_file()), None)
    if found is None:
        raise InvalidVocabulary(f"{folder} holds no tokenizer that can be read")
    config = _load(folder / "config.json")
    config = config.get("text_config", config)
    if eos is None:
        eos = _load(folder / "generation_config.json").get("eos_token_id", config.get("eos_token_id"))
    return from_path(found, size=size or config.get("vocab_size"), eos=eos)


def _json(path: Path, size: int | None, eos: int | Iterable[int] | None) -> Vocabulary:
    """A `tokenizer.json` of Hugging Face or a `tekken.json`."""
    if path.name.startswith("tekken"):
        return from_tekken(path, size=size, eos=eos)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    if eos is None:
        named: Any = _load(path.parent / "tokenizer_config.json").get("eos_token")
        text = named.get("content") if isinstance(named, dict) else named
        eos = None if text is None else tokenizer.token_to_id(text)
    return from_transformers(tokenizer, size=size, eos=eos)


def _load(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one when there is no such file."""
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidVocabulary(f"{path} is not JSON") from error
    return document if isinstance(document, dict) else {}
