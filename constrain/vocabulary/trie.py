"""The byte trie of a vocabulary in flat preorder arrays, built by sorting the tokens and comparing neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Uint8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """All tokens that have bytes, as a trie of n nodes in preorder, children by ascending byte. Node 0 is the root.

    The subtree of node i is the nodes i .. end[i]-1. The first child of i is i+1 if i+1 < end[i]; the next sibling of
    a child c of i is end[c] if end[c] < end[i]. The tokens whose bytes lead to node i are ids[first[i]:first[i+1]]
    (ascending; several when tokens share their bytes), those of its whole subtree are ids[first[i]:first[end[i]]].

    byte: uint8[n], the byte that leads to the node (0 for the root). end: int32[n]. first: int32[n+1].
    ids: int32[tokens with bytes]. depth: int32[n], number of bytes from the root.
    The arrays are shared by everyone who holds the vocabulary: never write to them.
    """

    byte: Uint8
    end: Int32
    first: Int32
    ids: Int32
    depth: Int32

    @property
    def nodes(self) -> int:
        """Number of nodes, the root included."""
        return len(self.byte)

    def find(self, text: bytes) -> int:
        """The node that `text` leads to from the root, or -1."""
        node = 0
        for wanted in text:
            child, end = node + 1, int(self.end[node])
            while child < end and self.byte[child] != wanted:
                child = int(self.end[child])
            if child >= end:
                return -1
            node = child
        return node


def build_trie(data: Uint8, offsets: Int32) -> Trie:
    """The trie of the tokens data[offsets[i]:offsets[i+1]]; empty ones are left out.

    Tokens are sorted by their bytes (then by id). Each token then adds to the trie one chain of nodes: those past the
    bytes that it shares with the token before it. Writing the chains one after the other gives the preorder.
    Work: one sort, and numpy passes over the bytes; no Python code per node.
    """
    ids = _sorted_ids(data, offsets)
    starts = offsets[ids].astype(np.int64)
    lengths = offsets[ids + 1].astype(np.int64) - starts
    shared = _common_prefixes(data, starts, lengths)
    added = lengths - shared
    chain = np.zeros(len(ids) + 1, np.int64)  # first node of each token's chain; node 0 is the root
    np.cumsum(added, out=chain[1:])
    chain += 1
    n = int(chain[-1])
    within = np.arange(n - 1, dtype=np.int64) - np.repeat(chain[:-1] - 1, added)
    byte = np.zeros(n, np.uint8)
    byte[1:] = data[np.repeat(starts + shared, added) + within]
    depth = np.zeros(n, np.int32)
    depth[1:] = np.repeat(shared, added) + within + 1
    last = chain[1:] - 1  # a token stands at the end of its chain, a duplicate at the chain before it
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(last, minlength=n), out=first[1:])
    return Trie(byte, _subtree_ends(depth), first, ids, depth)


def _sorted_ids(data: Uint8, offsets: Int32) -> Int32:
    """Ids of the tokens that have bytes, sorted by bytes, then by id: int32[m]."""
    ids = np.flatnonzero(offsets[1:] > offsets[:-1])
    blob = data.tobytes()
    bounds = offsets.tolist()
    keys = [blob[bounds[i] : bounds[i + 1]] for i in ids.tolist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)  # the sort is stable, so ids of equal bytes ascend
    return ids[np.asarray(order, np.int64)].astype(np.int32)


def _common_prefixes(data: Uint8, starts: Int64, lengths: Int64) -> Int64:
    """Number of bytes that each sorted token shares with the one before it (0 for the first): int64[m]."""
    shared = np.zeros(len(starts), np.int64)
    if len(starts) < 2:
        return shared
    limit = np.minimum(lengths[1:], lengths[:-1])
    alive = np.arange(1, len(starts), dtype=np.int64)
    position = 0
    while len(alive):  # the pairs that agree so far; the total work is the sum of all common prefixes
        alive = alive[limit[alive - 1] > position]
        alive = alive[data[starts[alive] + position] == data[starts[alive - 1] + position]]
        position += 1
        shared[alive] = position
    return shared


def _subtree_ends(depth: Int32) -> Int32:
    """For each node of a preorder the index after its subtree: the next node that is not deeper, or n: int32[n].

    From the root down: a node ends where its next sibling begins, or else where its parent ends.
    """
    n = len(depth)
    end = np.full(n, n, np.int64)
    by_depth = np.argsort(depth, kind="stable")
    levels = np.searchsorted(depth[by_depth], np.arange(int(depth[by_depth[-1]]) + 2))
    above = by_depth[levels[0] : levels[1]]
    for low, high in zip(levels[1:-1].tolist(), levels[2:].tolist(), strict=True):
        level = by_depth[low:high]
        parent = np.searchsorted(above, level) - 1  # the last node of the level above that stands before
        end[level] = end[above[parent]]
        siblings = np.flatnonzero(parent[1:] == parent[:-1])
        end[level[siblings]] = level[siblings + 1]
        above = level
    return end.astype(np.int32)


def trie_arrays(trie: Trie) -> dict[str, npt.NDArray[Any]]:
    """The arrays by name, for a file."""
    return {name: getattr(trie, name) for name in ("byte", "end", "first", "ids", "depth")}
