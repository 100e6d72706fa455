"""The DFA mask store of a vocabulary: its byte trie and the entries made so far, in two append-only arrays.

One store serves all constraints of a vocabulary. When it is full it is replaced by a fresh one; constraints that still
hold the old one move on when they next need an entry, and the old one goes with the last of them.
"""

from __future__ import annotations

import mmap
import threading
import weakref
from bisect import bisect_right
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.engine import kept_store
from constrain.engine import layout as L
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.vocabulary.special import spelled
from constrain.vocabulary.trie import Trie
from constrain.vocabulary.vocabulary import Vocabulary

ENTRY_SLOTS = 1 << 16
LEAST = 1 << 16  # ints for entries, whatever the budget
RECORDS = 64  # this part of the budget may go to records of terminals
_stores: weakref.WeakKeyDictionary[Vocabulary, Store] = weakref.WeakKeyDictionary()
_stores_lock = threading.Lock()


class Store:
    """X: int32 array and B: uint32 [rows, words] of layout.py. `lock` guards appending; reading needs none.

    A new one begins with what an earlier process has kept (kept_store.py).
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits = DEFAULT_LIMITS) -> None:
        self.lock = threading.Lock()
        self.words = vocabulary.words
        self.fingerprint = vocabulary.fingerprint
        self.versions: list[str] = []  # of its file: what was written or read, and what that began with
        self.terminals: dict[bytes, int] = {b"": 0}
        self._records: dict[Any, npt.NDArray[np.int32]] = {}
        self._records_size = 0
        front = _front(vocabulary)
        self.front = len(front)  # ints before the first entry
        budget = self._budget = max(limits.store_bytes, 4 * len(front) + (1 << 20))
        capacity = len(front) + max((budget - 4 * len(front)) // 12, LEAST)
        rows = max((budget - 4 * capacity) // (4 * vocabulary.words), 64)
        self.X: npt.NDArray[np.int32] = virtual(capacity).view(np.int32)
        self.X[: len(front)] = front
        self.X[L.X_BUMP] = len(front)
        self.X[L.X_CAP] = capacity
        self.X[L.X_ROWCAP] = rows
        self.B: npt.NDArray[np.uint32] = virtual(rows * vocabulary.words).reshape(rows, -1)
        ids = vocabulary.trie.ids
        np.bitwise_or.at(self.B[L.ROW_ALL], ids >> 5, np.uint32(1) << (ids & 31).astype(np.uint32))
        self.X[L.X_ROWS] = L.ROW_ALL + 1
        kept_store.load(self, vocabulary)

    def terminal_id(self, key: bytes) -> int:
        """The number of the terminal whose content has this key."""
        with self.lock:
            return self.terminals.setdefault(key, len(self.terminals))

    def record(self, what: Any) -> npt.NDArray[np.int32] | None:
        """The record of a terminal that some constraint has used, if it was kept."""
        return self._records.get(what)

    def keep_record(self, what: Any, record: npt.NDArray[np.int32]) -> None:
        """Keep the record of a terminal for other constraints. When they are too many, all are dropped."""
        with self.lock:
            if 4 * (self._records_size + record.size) > self._budget // RECORDS:
                self._records = {}
                self._records_size = 0
            self._records[what] = record
            self._records_size += record.size

    @property
    def used_bytes(self) -> int:
        """Memory in use, in bytes."""
        return 4 * (int(self.X[L.X_BUMP]) + self._records_size) + 4 * int(self.X[L.X_ROWS]) * self.words


def store_of(vocabulary: Vocabulary, limits: Limits = DEFAULT_LIMITS, full: Store | None = None) -> Store:
    """The current store of a vocabulary. full: a store that has no room, to be replaced if it is the current one."""
    with _stores_lock:
        store = _stores.get(vocabulary)
        if store is None or store is full:
            store = _stores[vocabulary] = Store(vocabulary, limits)
        return store


def virtual(size: int) -> npt.NDArray[np.uint32]:
    """Zeros that take memory only where they have been written.

    In small pages: what is appended here piece by piece must not wait, now and then, for a large one to be cleared.
    """
    try:
        memory = mmap.mmap(-1, max(4 * size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    except (AttributeError, OSError, TypeError, ValueError):
        return np.zeros(size, np.uint32)
    return np.frombuffer(memory, np.uint32)[:size]


def _front(vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Header, trie, ids, offsets, bytes, end-of-sequence ids and entry table, as they stand at the front of X."""
    trie = vocabulary.trie
    n = len(trie.end)
    parts: list[npt.NDArray[Any]] = []
    header = np.zeros(L.X_HEADER, np.int32)
    at = L.X_HEADER

    def place(field: int, part: npt.NDArray[Any]) -> None:
        nonlocal at
        header[field] = at
        parts.append(part)
        at += part.size

    nodes = np.zeros((n + 1, L.TN), np.int32)
    nodes[:n, 0] = trie.byte
    nodes[:n, 1] = trie.end
    nodes[: n + 1, 2] = trie.first
    place(L.X_TRIE, nodes)
    place(L.X_IDS, trie.ids)
    # End-of-sequence tokens are left without bytes: the matcher decides what one of them means.
    ends = frozenset(vocabulary.eos_ids)
    special = [i for i in vocabulary.special_names.values() if i not in ends]
    data, offsets = spelled(vocabulary.data, vocabulary.offsets, special)
    place(L.X_OFFSETS, offsets)
    place(L.X_DATA, data)
    place(L.X_EOS, np.array(vocabulary.eos_ids, np.int32))
    place(L.X_ETABLE, np.zeros(ENTRY_SLOTS, np.int32))
    parent, spaces = _parents(trie.depth, np.isin(trie.byte, (9, 10, 13, 32)))
    place(L.X_SPACES, _whitespace(vocabulary, parent, spaces))
    count = np.bincount(parent[1:], minlength=n)
    big = np.flatnonzero(count >= L.BIG_NODE)
    tables = np.zeros((len(big), 256), np.int32)
    rank = np.full(n, -1, np.int64)
    rank[big] = np.arange(len(big))
    child = np.flatnonzero(rank[parent] >= 0)
    child = child[child > 0]
    tables[rank[parent[child]], trie.byte[child]] = child
    below = np.empty((n, L.BN), np.int32)
    bit = np.int64(1) << (np.arange(256) & 63)
    for half in range(2):
        members = np.where(np.arange(256) >> 6 == half, bit, 0)
        below[:, 2 * half : 2 * half + 2] = _under(np.bitwise_or, trie, members[trie.byte]).view(np.int32).reshape(n, 2)
    below[:, 4] = _high_groups(trie, parent)
    below[:, 5] = np.maximum(_under(np.maximum, trie, trie.depth) - trie.depth, 0)
    place(L.X_BELOW, below)
    starts = np.concatenate([[0], np.cumsum(data & 0xC0 != 0x80)])
    place(L.X_CHARS, np.diff(starts[offsets]))
    nodes[big, 3] = at + 256 * np.arange(len(big))
    parts.append(tables)
    header[L.X_ESIZE] = ENTRY_SLOTS
    header[L.X_SIZE] = vocabulary.size
    header[L.X_MAXLEN] = max(vocabulary.max_token_bytes, int(trie.depth.max()), 1)
    header[L.X_NEOS] = len(vocabulary.eos_ids)
    header[L.X_NODES] = n
    return np.concatenate([header, *(p.astype(np.int32, copy=False).ravel() for p in parts)])


def _parents(
    depth: npt.NDArray[Any], space: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Parent of each node of a trie in preorder (the last node before it that is one level up), and the nodes below the
    root that are reached through bytes marked in `space` alone."""
    parent = np.zeros(len(depth), np.int64)
    above = np.zeros(1, np.int64)
    only = np.zeros(len(depth), bool)
    only[0] = True
    order = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(int(depth.max()) + 2))
    for d in range(1, len(bounds) - 1):
        level = order[bounds[d] : bounds[d + 1]]
        parent[level] = above[np.searchsorted(above, level, side="right") - 1]
        only[level] = only[parent[level]] & space[level]
        above = level
    only[0] = False
    return parent, np.flatnonzero(only)


def _under(operation: np.ufunc, trie: Trie, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """For each node an operation over the values of the nodes below it; 0 where there are none."""
    n = len(trie.end)
    spans = np.stack([np.arange(1, n + 1), trie.end], 1).ravel()
    result: npt.NDArray[Any] = operation.reduceat(np.append(values, values.dtype.type(0)), spans)[::2].copy()
    result[trie.end == np.arange(1, n + 1)] = 0
    return result


def _high_groups(trie: Trie, parent: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """For each node the groups of characters beyond ASCII that begin below it (see HIGH_GROUPS)."""
    bad = 1 << L.NO_UTF8
    moves, leads = _utf8()
    state = np.zeros(len(trie.end), np.int8)
    bits = np.zeros(len(trie.end), np.int32)
    order = np.argsort(trie.depth, kind="stable")
    bounds = np.searchsorted(trie.depth[order], np.arange(int(trie.depth.max()) + 2))
    for d in range(1, len(bounds) - 1):
        level = order[bounds[d] : bounds[d + 1]]
        before = state[parent[level]]
        state[level] = moves[before, trie.byte[level]]
        bits[level] = np.where(before == 0, leads[trie.byte[level]], 0)
    bits[state == UTF8_ERROR] = bad
    bits = _under(np.bitwise_or, trie, bits)
    bits[state != 0] |= bad
    return bits


UTF8_ERROR = 8


def _utf8() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    """The automaton of UTF-8, int8[9, 256] (0: between characters, 8: an error); the group bit of each first byte."""
    moves = np.full((9, 256), UTF8_ERROR, np.int8)
    moves[0, :0x80] = 0
    for first, last, target in (
        (0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2), (0xED, 0xED, 5), (0xEE, 0xEF, 2),
        (0xF0, 0xF0, 6), (0xF1, 0xF3, 3), (0xF4, 0xF4, 7),
    ):  # fmt: skip
        moves[0, first : last + 1] = target
    for state, first, last, target in (
        (1, 0x80, 0xBF, 0), (2, 0x80, 0xBF, 1), (3, 0x80, 0xBF, 2), (4, 0xA0, 0xBF, 1), (5, 0x80, 0x9F, 1),
        (6, 0x90, 0xBF, 2), (7, 0x80, 0x8F, 2),
    ):  # fmt: skip
        moves[state, first : last + 1] = target
    leads = np.zeros(256, np.int32)
    for b in range(0xC2, 0xF5):
        c = (b & 31) << 6 if b < 0xE0 else (b & 15) << 12 if b < 0xF0 else (b & 7) << 18
        c = max(c, {0xE0: 0x800, 0xF0: 0x10000}.get(b, 0))
        leads[b] = 1 << (bisect_right(L.HIGH_GROUPS, c) - 1)
    return moves, leads


def _whitespace(
    vocabulary: Vocabulary, parent: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """[longest, nodes with other children, running count of tokens by length 0..longest, (node, length)..., ids...]."""
    trie = vocabulary.trie
    depth = trie.depth[nodes]
    space = np.zeros(len(trie.end), bool)
    space[nodes] = True
    others = np.zeros(len(trie.end), bool)
    others[parent[np.flatnonzero(~space)]] = True
    inner = nodes[others[nodes]]
    nodes = nodes[np.argsort(depth, kind="stable")]
    longest = int(depth.max()) if len(depth) else 0
    counts = np.zeros(longest + 1, np.int64)
    ids = [trie.ids[trie.first[n] : trie.first[n + 1]] for n in nodes]
    np.add.at(counts, trie.depth[nodes], [len(i) for i in ids])
    pairs = np.stack([inner, trie.depth[inner]], 1).ravel()
    head = np.array([longest, len(inner)])
    return np.concatenate([head, np.cumsum(counts), pairs, *ids]).astype(np.int32)
