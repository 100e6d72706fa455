"""What a decoder of the `tokenizers` library makes of one token that stands inside a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.errors import InvalidVocabulary
from constrain.vocabulary.adapters.bytelevel import pack_byte_level

Rewrite = Callable[[str], str]
Packed = tuple[bytes, npt.NDArray[np.int64]]

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_HINT = "Use Vocabulary.from_tokens with the bytes that each token adds to the text"


def pack_decoded(texts: Sequence[str], decoder: Mapping[str, Any] | None) -> Packed:
    """The bytes of all tokens one after the other under a decoder (its JSON form), and the length of each.

    Each token is taken as one that follows others: what a decoder does to the first token of a text only (dropping
    its blank) is left out. Raises InvalidVocabulary for decoders whose output for a token depends on its neighbours.
    """
    rewrites, last = _stages(decoder)
    for rewrite in rewrites:
        texts = [rewrite(text) for text in texts]
    if last == "ByteLevel":
        return pack_byte_level(texts)
    if last == "ByteFallback":
        tokens = [byte_or_text(text) for text in texts]
    else:
        tokens = [text.encode("utf-8", "replace") for text in texts]
    return b"".join(tokens), np.fromiter(map(len, tokens), np.int64, len(tokens))


def byte_or_text(text: str) -> bytes:
    """`<0x41>` is the byte 0x41, everything else its UTF-8."""
    match = _BYTE.fullmatch(text) if text.startswith("<0x") else None
    return bytes.fromhex(match[1]) if match else text.encode("utf-8", "replace")


def _stages(decoder: Mapping[str, Any] | None) -> tuple[list[Rewrite], str]:
    """The rewritings of one token's text, in order, and the stage that makes bytes of it ("" when there is none)."""
    if decoder is None:
        raise _refused("the tokenizer has no decoder, so its tokens are joined by blanks")
    rewrites: list[Rewrite] = []
    last = ""
    fused = False
    for stage in _flat(decoder):
        kind = stage.get("type")
        if kind == "Fuse":
            fused = True
        elif kind == "Strip" and fused and not stage["stop"]:
            continue  # acts on the beginning of the whole text only
        elif fused or last:
            raise _refused(f"its decoder has a {kind} stage that acts on the joined text")
        elif kind in ("ByteLevel", "ByteFallback"):
            last = kind
        elif kind == "Metaspace":
            rewrites.append(_replace(stage["replacement"], " "))
        elif kind == "Replace" and "String" in stage["pattern"]:
            rewrites.append(_replace(stage["pattern"]["String"], stage["content"]))
        elif kind == "Strip":
            rewrites.append(_strip(stage["content"], stage["start"], stage["stop"]))
        else:
            raise _refused(f"its {kind} decoder makes the text of a token depend on its neighbours")
    return rewrites, last


def _flat(decoder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The stages of a decoder in order; sequences may be nested."""
    found: list[Mapping[str, Any]] = []
    pending = [decoder]
    while pending:
        stage = pending.pop()
        if stage.get("type") == "Sequence":
            pending += reversed(stage["decoders"])
        else:
            found.append(stage)
    return found


def _replace(old: str, new: str) -> Rewrite:
    return lambda text: text.replace(old, new)


def _strip(content: str, start: int, stop: int) -> Rewrite:
    """Drop up to `start` leading and `stop` trailing characters that equal `content`."""

    def strip(text: str) -> str:
        low, high = 0, len(text)
        while low < min(start, len(text)) and text[low] == content:
            low += 1
        while high > max(low, len(text) - stop) and text[high - 1] == content:
            high -= 1
        return text[low:high]

    return strip


def _refused(reason: str) -> InvalidVocabulary:
    return InvalidVocabulary(f"the bytes of this tokenizer's tokens can't be told: {reason}", hint=_HINT)
