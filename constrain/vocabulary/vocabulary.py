"""The vocabulary of a model: which bytes each token id stands for, which ids end a text, which are never text."""

from __future__ import annotations

import hashlib
import json
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain.array_files import Arrays, read_arrays, usable, write_arrays
from constrain.errors import InvalidVocabulary
from constrain.vocabulary.cache import vocabulary_folder
from constrain.vocabulary.special import spelled
from constrain.vocabulary.trie import Trie, build_trie, trie_arrays

if TYPE_CHECKING:
    from os import PathLike

MAX_SIZE = 1 << 24  # ids; real vocabularies have up to 2 ** 18
KIND = "vocabulary 3"  # of files and fingerprints; counts up when the arrays change their meaning
MAX_BYTES = 1 << 30  # bytes of all tokens together


class Vocabulary:
    """Token ids and their bytes. Immutable; two vocabularies are equal when their fingerprints are.

    size: V, the width of the logits. Ids at or above the tokenizer's own count are padding.
    words: ceil(V / 32), the width of a bitmask in uint32.
    eos_ids: ids that end a text, ascending. They carry no bytes here.
    special_ids: ids that are no text, ascending: control, padding and unused ids and tokens without bytes. A mask
        allows one only where a rule of a grammar names it.
    special_names: text -> id of special and end-of-sequence tokens that have a text, such as `<|eot_id|>`; read-only.
    fingerprint: SHA-256 (hex) over tokens, eos_ids, special_ids, size and special_names.
    offsets: int32[V+1], data: uint8[...]: token i is data[offsets[i]:offsets[i+1]], empty for the ids above.
    trie: the tokens as the engine reads them (see `Trie`): all that can be part of a text, by their bytes, and those of
        special_names by a spelling that no text has (`special.py`). Those with bytes that UTF-8 never has are left out.
    max_token_bytes: length of the longest token.

    The bytes of a token are those that it adds to a text that goes on: the blank that SentencePiece writes as `▁` is a
    part of its token, also in the first token after a prompt (a decoder that is given the generated ids alone drops
    that first blank).
    The arrays are shared: never write to them.
    """

    __slots__ = (
        "__weakref__",
        "data",
        "eos_ids",
        "fingerprint",
        "max_token_bytes",
        "offsets",
        "size",
        "special_ids",
        "special_names",
        "trie",
        "words",
    )

    size: int
    words: int
    eos_ids: tuple[int, ...]
    special_ids: tuple[int, ...]
    special_names: Mapping[str, int]
    fingerprint: str
    offsets: npt.NDArray[np.int32]
    data: npt.NDArray[np.uint8]
    trie: Trie
    max_token_bytes: int

    def __init__(self) -> None:
        raise TypeError("make a Vocabulary with one of its from_... methods")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Vocabulary can't be changed")

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[bytes],
        *,
        eos: int | Iterable[int],
        special: Iterable[int] = (),
        size: int | None = None,
        names: Mapping[str, int] | None = None,
    ) -> Vocabulary:
        """A vocabulary from the bytes of its tokens; the id of a token is its index.

        eos: the id or ids that end a text. special: ids that are never text. names: texts of such ids, by which a
        grammar may name them; those of other ids are left out (they are text). size: the width of the logits; ids past
        the tokens are padding, tokens past the size are left out (no logit can choose them). Tokens named in `eos` or
        `special` lose their bytes. Raises InvalidVocabulary.
        """
        eos_ids = as_ids(eos, "eos")
        special_ids = as_ids(special, "special")
        width = len(tokens) if size is None else size
        listed = list(tokens[:width])
        for i in (*eos_ids, *special_ids):
            if 0 <= i < len(listed):
                listed[i] = b""
        try:
            blob = b"".join(listed)
            lengths = np.fromiter(map(len, listed), np.int64, len(listed))
        except TypeError as error:
            wrong = next(i for i, t in enumerate(listed) if not isinstance(t, bytes | bytearray | memoryview))
            raise InvalidVocabulary(f"token {wrong} is {type(listed[wrong]).__name__}, not bytes") from error
        return cls.from_packed(blob, lengths, eos=eos_ids, size=width, names=names)

    @classmethod
    def from_packed(
        cls,
        data: bytes,
        lengths: npt.NDArray[np.int64],
        *,
        eos: Iterable[int],
        size: int | None = None,
        names: Mapping[str, int] | None = None,
        keep: bool = True,
    ) -> Vocabulary:
        """Like `from_tokens`, from the tokens' bytes one after the other and the length of each: int64[tokens].

        Tokens without bytes are special; those in `eos` must have none. keep: on the disk, for other processes.
        """
        width = len(lengths) if size is None else size
        eos_ids = tuple(sorted(set(eos)))
        if not 0 < width <= MAX_SIZE:
            raise InvalidVocabulary(f"a vocabulary of {width} tokens (1 to {MAX_SIZE} are possible)")
        if len(data) > MAX_BYTES:
            raise InvalidVocabulary(f"the tokens have {len(data)} bytes together (at most {MAX_BYTES} are possible)")
        for i in eos_ids:
            if not 0 <= i < width:
                raise InvalidVocabulary(f"end-of-sequence id {i} is not among the {width} ids of the vocabulary")
        offsets = np.zeros(width + 1, np.int64)
        np.cumsum(lengths[:width], out=offsets[1 : 1 + min(len(lengths), width)])
        offsets[1 + len(lengths) :] = offsets[min(len(lengths), width)]
        packed = np.frombuffer(bytearray(data[: offsets[-1]]), np.uint8)
        silent = offsets[1:] == offsets[:-1]
        kept = {text: int(i) for text, i in (names or {}).items() if text and 0 <= i < width and silent[i]}
        return _shared(packed, offsets.astype(np.int32), eos_ids, dict(sorted(kept.items())), keep)

    @classmethod
    def from_tokenizer(
        cls, tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """A vocabulary from any tokenizer that an adapter knows, from the path of a tokenizer, or a Vocabulary itself.

        size: the width of the logits where it differs from the tokenizer's count. eos: the ids that end a text, in
        place of the tokenizer's own; pass `model.generation_config.eos_token_id` where the model has several.
        """
        from constrain.vocabulary.adapters import from_tokenizer

        return from_tokenizer(tokenizer, size=size, eos=eos)

    @classmethod
    def from_transformers(
        cls, tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """From a Hugging Face tokenizer, fast or slow, or a `tokenizers.Tokenizer`. Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.huggingface import from_transformers

        return from_transformers(tokenizer, size=size, eos=eos)

    @classmethod
    def from_tiktoken(
        cls, encoding: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """From a `tiktoken.Encoding`. Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.tiktoken import from_tiktoken

        return from_tiktoken(encoding, size=size, eos=eos)

    @classmethod
    def from_sentencepiece(
        cls, model: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """From a `SentencePieceProcessor`, or a `.model` file (path or content). Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.sentencepiece import from_sentencepiece

        return from_sentencepiece(model, size=size, eos=eos)

    @classmethod
    def from_tekken(
        cls, tokenizer: Any, *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """From a tokenizer of mistral-common, or the path of a `tekken.json`. Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.tekken import from_tekken

        return from_tekken(tokenizer, size=size, eos=eos)

    @classmethod
    def from_gguf(
        cls,
        source: str | PathLike[str] | Mapping[str, Any],
        *,
        size: int | None = None,
        eos: int | Iterable[int] | None = None,
    ) -> Vocabulary:
        """From a GGUF file, or from metadata read from one. Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.gguf import from_gguf

        return from_gguf(source, size=size, eos=eos)

    @classmethod
    def from_file(
        cls, path: str | PathLike[str], *, size: int | None = None, eos: int | Iterable[int] | None = None
    ) -> Vocabulary:
        """From a tokenizer file of any family or the folder of a model. Options as in `from_tokenizer`."""
        from constrain.vocabulary.adapters.files import from_path

        return from_path(path, size=size, eos=eos)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token; empty for special, padding and end-of-sequence ids. IndexError outside of 0..V-1."""
        if not 0 <= token_id < self.size:
            raise IndexError(f"token id {token_id} is outside of 0..{self.size - 1}")
        return bytes(self.data[self.offsets[token_id] : self.offsets[token_id + 1]])

    def special_id(self, text: str) -> int | None:
        """The id of the special or end-of-sequence token with this text; None if there is none."""
        return self.special_names.get(text)

    def with_special(self, names: Mapping[str, int]) -> Vocabulary:
        """The same vocabulary, in which these tokens are special under these names, whatever they were.

        Names that are there stay as they are. It is not kept on the disk, which grammars of strangers could fill.
        """
        lengths = np.diff(self.offsets).astype(np.int64)
        chosen = np.zeros(self.size, bool)
        chosen[list(names.values())] = True
        data = self.data[~np.repeat(chosen, lengths)]
        lengths[chosen] = 0
        return Vocabulary.from_packed(
            data.tobytes(), lengths, eos=self.eos_ids, size=self.size, names={**names, **self.special_names}, keep=False
        )

    @property
    def named_ids(self) -> frozenset[int]:
        """The ids that have a name: those that a rule of a grammar may name."""
        return frozenset(self.special_names.values())

    @property
    def tokens(self) -> list[bytes]:
        """The bytes of all tokens, made anew at each call."""
        blob, bounds = self.data.tobytes(), self.offsets.tolist()
        return [blob[a:b] for a, b in pairwise(bounds)]

    @property
    def missing_bytes(self) -> bytes:
        """Byte values that occur in no token: no text with one of them can be generated."""
        seen = np.bincount(self.data, minlength=256)
        return bytes(np.flatnonzero(seen == 0).tolist())

    def cache_path(self, name: str) -> Path | None:
        """A path for a file `name` that is derived from this vocabulary; None when there is none and none can be kept.

        The file may not exist, or be there in a folder that is not ours to write (a cache that an image ships).
        Write it with `constrain.array_files.write_arrays`, read it with `read_arrays`.
        """
        if not name or Path(name).name != name or name.startswith("."):
            raise ValueError(f"not a plain file name: {name!r}")
        folder = vocabulary_folder(self.fingerprint)
        path = folder / name
        return path if path.exists() or usable(folder) else None

    def save(self, path: str | PathLike[str]) -> None:
        """Write the vocabulary to a file that `Vocabulary.load` reads. OSError when that can't be done."""
        if not write_arrays(Path(path), self._arrays(), self._meta()):
            raise OSError(f"can't write {path}")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Vocabulary:
        """Read a file that `save` wrote. InvalidVocabulary when it is missing, damaged or of another version."""
        read = read_arrays(Path(path))
        vocabulary = None if read is None else _restore(*read)
        if vocabulary is None:
            raise InvalidVocabulary(f"{path} is not a whole vocabulary file of this version")
        return _register(vocabulary)

    def _arrays(self) -> Arrays:
        return {"data": self.data, "offsets": self.offsets, **trie_arrays(self.trie)}

    def _meta(self) -> dict[str, Any]:
        names = dict(self.special_names)
        return {"kind": KIND, "fingerprint": self.fingerprint, "eos_ids": list(self.eos_ids), "names": names}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"Vocabulary(size={self.size}, eos_ids={self.eos_ids}, fingerprint={self.fingerprint[:12]!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        lengths = np.diff(self.offsets).astype(np.int64)
        return _unpickle, (self.data.tobytes(), lengths, self.eos_ids, self.size, dict(self.special_names))


_known: weakref.WeakValueDictionary[str, Vocabulary] = weakref.WeakValueDictionary()  # those alive, by fingerprint
_lock = threading.Lock()


def as_ids(ids: int | Iterable[int], what: str) -> tuple[int, ...]:
    """Ids as a sorted tuple of ints. Raises InvalidVocabulary when one is not an integer or negative."""
    listed = [ids] if isinstance(ids, int | np.integer) else list(ids)
    for i in listed:
        if isinstance(i, bool) or not isinstance(i, int | np.integer) or i < 0:
            raise InvalidVocabulary(f"{what} id {i!r} is not a token id")
    return tuple(sorted({int(i) for i in listed}))


def names_of(texts: Sequence[str], ids: Iterable[int]) -> dict[str, int]:
    """The texts of some ids, each with the smallest id that has it. Ids without a text are left out."""
    names: dict[str, int] = {}
    for i in sorted(ids):
        if 0 <= i < len(texts) and texts[i]:
            names.setdefault(texts[i], i)
    return names


def _shared(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    eos_ids: tuple[int, ...],
    names: dict[str, int],
    keep: bool,
) -> Vocabulary:
    """The vocabulary of these arrays: the living one, the one on disk, or a new one that is put there."""
    digest = hashlib.sha256(KIND.encode())
    for part in (np.asarray(eos_ids, "<i4"), offsets, data):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part.data)
    if names:
        digest.update(json.dumps(names).encode())
    fingerprint = digest.hexdigest()
    known = _known.get(fingerprint)
    if known is not None:
        return known
    folder = vocabulary_folder(fingerprint)
    read = read_arrays(folder / "vocabulary.bin")
    kept = None if read is None else _restore(*read)
    if kept is not None and kept.fingerprint == fingerprint:
        return _register(kept)
    trie = build_trie(*spelled(data, offsets, names.values()))
    vocabulary = _make(data, offsets, eos_ids, fingerprint, trie, names)
    if keep and usable(folder):
        write_arrays(folder / "vocabulary.bin", vocabulary._arrays(), vocabulary._meta())
    return _register(vocabulary)


def _register(vocabulary: Vocabulary) -> Vocabulary:
    with _lock:
        return _known.setdefault(vocabulary.fingerprint, vocabulary)


def _restore(arrays: Arrays, meta: dict[str, Any]) -> Vocabulary | None:
    """The vocabulary of a file's content, whose checksum was verified; None when it is a file of something else."""
    if meta.get("kind") != KIND:
        return None
    trie = Trie(*(arrays[name] for name in ("byte", "end", "first", "ids", "depth")))
    return _make(arrays["data"], arrays["offsets"], tuple(meta["eos_ids"]), meta["fingerprint"], trie, meta["names"])


def _make(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    eos_ids: tuple[int, ...],
    fingerprint: str,
    trie: Trie,
    names: dict[str, int],
) -> Vocabulary:
    size = len(offsets) - 1
    lengths = np.diff(offsets)
    ends = set(eos_ids)
    fields = {
        "size": size,
        "words": (size + 31) // 32,
        "eos_ids": eos_ids,
        "special_ids": tuple(i for i in np.flatnonzero(lengths == 0).tolist() if i not in ends),
        "special_names": MappingProxyType(names),
        "fingerprint": fingerprint,
        "offsets": offsets,
        "data": data,
        "trie": trie,
        "max_token_bytes": int(lengths.max()),
    }
    vocabulary = object.__new__(Vocabulary)
    for name, value in fields.items():
        object.__setattr__(vocabulary, name, value)
    return vocabulary


def _unpickle(
    data: bytes, lengths: npt.NDArray[np.int64], eos: tuple[int, ...], size: int, names: dict[str, int]
) -> Vocabulary:
    return Vocabulary.from_packed(data, lengths, eos=eos, size=size, names=names)
