"""What rules have found in an arena, carried into a fresh one or kept on disk (keeping.py has the kernel).

It refers to entries of the store, so a file of it goes with the store's file (kept_store.py) that was written with it,
and with the later ones that begin with that one. Arenas that begin alike, byte for byte, have the same nodes at the
same places: then what was found in one holds in the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.array_files import make_room, read_arrays, usable, write_arrays
from constrain.engine import kept_store, kernels
from constrain.engine import layout as L
from constrain.engine.arena import NO_MASK, NO_ROWS, Arena
from constrain.engine.keeping import STRIDE
from constrain.engine.memo import M_FOUND
from constrain.engine.summaries import PAIR, SET
from constrain.paths import cache_dir

KEPT_BYTES = 1 << 30  # of all files together
KIND = "found 1"
_TABLE = {"table": L.TABLE, "size": L.TABLE_SIZE, "count": L.TABLE_COUNT}
_LIMITS = (L.LIVE_LIMIT, L.DEPTH_LIMIT, L.WORK_LIMIT, L.SPREAD_LEFT)  # what is found does not depend on them
Offsets = npt.NDArray[np.int64]


def carry(arena: Arena, old: Arena, less: float = 0.0) -> bool:
    """Take over into a fresh arena what rules have found in another one. False where nothing can be taken over.

    less: from 0 to 1, the part of it, oldest first, of which only that is taken that was of use again since it was
    found there, or taken over.
    """
    if old.begun != arena.begun or old.store is not arena.store or not (is_whole(arena) and is_whole(old)):
        return False
    H, X = arena.H, old.H
    at = int(X[L.TABLE])
    records = X[at + 1 : at + 2 * int(X[L.TABLE_SIZE]) : 2].astype(np.int64)
    records = np.sort(records[records >= arena.begun])
    kinds = X[records + 1]
    records = records[np.isin(kinds, (L.KIND_SET, L.KIND_MEMO, L.KIND_WINDOW, L.KIND_INTS))]
    summaries = np.sort(_summaries(X, records[X[records + 1] == L.KIND_MEMO]))
    _place_table(arena, len(records))
    arena.ensure(int(arena.H[L.BUMP]) + int(X[L.BUMP]) + 4 * int(arena.H[L.TABLE_SIZE]) + 8)
    H = arena.H
    recent = arena.begun + round(less * (int(X[L.BUMP]) - arena.begun))
    counts = [_counts(offsets, int(X[L.BUMP])) for offsets in (records, summaries)]
    more = [np.array([recent, len(counts[0])]), *counts]
    data = np.concatenate([records, np.zeros_like(records), summaries, np.zeros_like(summaries), *more])
    kernels.run(H, X, NO_ROWS, NO_MASK, data, kernels.RUN_CARRY, len(records), len(summaries))
    return True


def is_whole(arena: Arena) -> bool:
    """Were all nodes emitted in the beginning, and does none of them have a terminal with a record of its own?"""
    at, nodes = int(arena.H[L.NODES]) + 1, len(arena.grammar.nodes)
    records = arena.H[at : at + nodes]
    return len(arena.specs) == 1 and bool(records.min() > 0 and records.max() < arena.begun)


def _summaries(X: npt.NDArray[np.int32], memos: Offsets) -> Offsets:
    """Where the summaries of some memo nodes are."""
    found = X[memos[np.isin(X[memos + 7], (SET, PAIR))] + M_FOUND].astype(np.int64)
    return found[found > 0]


def _counts(offsets: Offsets, end: int) -> Offsets:
    """How many of the offsets are less than i << STRIDE, for all i up to the end."""
    return np.concatenate([[0], np.cumsum(np.bincount(offsets >> STRIDE, minlength=(end >> STRIDE) + 1))])


def _place_table(arena: Arena, records: int) -> None:
    """Make a hash table for so many records."""
    slots = 256
    while 5 * slots < 7 * records:
        slots *= 2
    at = arena._reserve(2 * slots)
    arena.H[L.TABLE], arena.H[L.TABLE_SIZE] = at, slots


def save(arena: Arena, begun: Arena) -> None:
    """Keep on disk what was carried into an arena in which nothing was done since. begun: another that is as fresh.

    The store has been saved. Raises OSError where that can't be done.
    """
    path = _path(begun)
    if not usable(path.parent):
        raise OSError(f"{path.parent} can't be written to; CONSTRAIN_CACHE_DIR can name another folder")
    found = arena.H[arena.begun : int(arena.H[L.BUMP])]
    meta: dict[str, Any] = {name: int(arena.H[field]) for name, field in _TABLE.items()}
    make_room(path.parent, KEPT_BYTES - found.nbytes)
    if not write_arrays(path, {"found": found}, {"kind": KIND, "store": arena.store.versions[-1], **meta}):
        raise OSError(f"can't write {path}")


def load(arena: Arena) -> bool:
    """Take over what was kept for a fresh arena. False where there is nothing, or not for its store."""
    if not arena.store.versions or not is_whole(arena):
        return False
    begun = arena.begun

    def place(_: str, size: int, meta: dict[str, Any]) -> npt.NDArray[np.int32] | None:
        slots, end = int(meta["size"]), begun + size
        if meta["kind"] != KIND or meta["store"] not in arena.store.versions:
            return None
        if 4 * end > arena.limits.arena_bytes:
            return None
        arena.ensure(end + (size >> 2) + 4 * slots + 8)
        return arena.H[begun:end]

    read = read_arrays(_path(arena), place)
    H = arena.H
    if read is None:
        return False
    H[L.BUMP] = begun + len(read[0]["found"])
    for name, field in _TABLE.items():
        H[field] = read[1][name]
    return True


def carried(fresh: Callable[[], Arena], old: Arena, budget: int, less: float = 0.0) -> Arena | None:
    """A fresh arena with what rules have found in an old one, or as much of it as takes `budget` bytes; None where
    nothing can be taken over. less: see `carry`; what is tried first."""
    while True:
        arena = fresh()
        if not carry(arena, old, less):
            return None
        size = 4 * int(arena.H[L.BUMP])
        if size <= budget:
            return arena
        if less == 1.0:
            return None
        less = min(1.0, less + 2 * (1 - budget / size) + 0.05)  # about half of what is old was of no use again


def _path(begun: Arena) -> Path:
    """The file for arenas that begin as this one, in which nothing was done yet."""
    head = begun.H[: L.HEADER].copy()
    head[[L.CAP, *_LIMITS]] = 0
    key = hashlib.sha256(KIND.encode() + kept_store.sources() + begun.store.fingerprint.encode() + head.tobytes())
    key.update(begun.H[L.HEADER : begun.begun].tobytes())
    return cache_dir() / "arenas" / f"{key.hexdigest()[:40]}.bin"
