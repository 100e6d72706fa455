"""The store of a vocabulary on disk, so that a later process begins with the entries that an earlier one has made.

A file holds the entries, the rows of bits that they name, and the keys of their terminals; the trie and the tokens are
made from the vocabulary. It is named by the vocabulary and by the source of the code that makes entries, so it is never
out of date.
"""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from constrain.array_files import make_room, read_arrays, usable, write_arrays
from constrain.engine import layout as L
from constrain.grammar import kept
from constrain.paths import cache_dir

if TYPE_CHECKING:
    from constrain.engine.store import Store
    from constrain.vocabulary.vocabulary import Vocabulary

KEPT_BYTES = 1 << 30  # of all files together
MOST_VERSIONS = 64  # that a file is known to begin with
KIND = "store 2"


def save(store: Store, vocabulary: Vocabulary) -> None:
    """Write the store's file. Raises OSError where that can't be done."""
    path = _path(vocabulary)
    if not usable(path.parent):
        raise OSError(f"{path.parent} can't be written to; CONSTRAIN_CACHE_DIR can name another folder")
    with store.lock:
        X, B, front = store.X, store.B, store.front
        table, slots = int(X[L.X_ETABLE]), int(X[L.X_ESIZE])
        arrays = {
            "head": X[: L.X_HEADER].copy(),
            "table": X[table : table + slots].copy(),
            "entries": X[front : int(X[L.X_BUMP])].copy(),
            "rows": B[: int(X[L.X_ROWS])].copy(),
        }
        terminals = sorted(((i, key.hex()) for key, i in store.terminals.items()))
    size = sum(a.nbytes for a in arrays.values())
    make_room(path.parent, KEPT_BYTES - size)
    versions = [*store.versions, uuid.uuid4().hex][-MOST_VERSIONS:]
    meta = {"kind": KIND, "front": front, "terminals": [key for _, key in terminals], "versions": versions}
    if not write_arrays(path, arrays, meta):
        raise OSError(f"can't write {path}")
    store.versions = versions


def load(store: Store, vocabulary: Vocabulary) -> bool:
    """Fill a new store from its file. False, and nothing changes, where there is none or it does not fit."""
    found = read_arrays(_path(vocabulary)) if _folder().is_dir() else None  # no sources are read for nothing
    if found is None:
        return False
    arrays, meta = found
    X, B, front = store.X, store.B, store.front
    entries, rows, table = arrays["entries"], arrays["rows"], arrays["table"]
    at = int(X[L.X_ETABLE])
    if meta["kind"] != KIND or meta["front"] != front or len(table) != X[L.X_ESIZE] or rows.shape[1] != B.shape[1]:
        return False
    if front + len(entries) > int(X[L.X_CAP]) * 3 // 4 or len(rows) > int(X[L.X_ROWCAP]) * 3 // 4:
        return False
    X[at : at + len(table)] = table
    X[front : front + len(entries)] = entries
    B[: len(rows)] = rows
    for field in (L.X_ECOUNT, L.X_BASES):
        X[field] = arrays["head"][field]
    X[L.X_BUMP], X[L.X_ROWS] = front + len(entries), len(rows)
    store.terminals = {bytes.fromhex(key): i for i, key in enumerate(meta["terminals"])}
    store.versions = meta["versions"]
    return True


def _folder() -> Path:
    return cache_dir() / "stores"


def _path(vocabulary: Vocabulary) -> Path:
    key = hashlib.sha256(KIND.encode() + sources() + vocabulary.fingerprint.encode()).hexdigest()
    return _folder() / f"{key[:40]}.bin"


@lru_cache(maxsize=1)
def sources() -> bytes:
    """SHA-256 of the code that makes entries, and what they are made of."""
    digest = hashlib.sha256(kept.sources())
    package = Path(__file__).parents[1]
    for file in sorted([*(package / "engine").glob("*.py"), *(package / "vocabulary").glob("*.py")]):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.digest()
