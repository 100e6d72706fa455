"""The states after every token at once: a walk down the trie of a vocabulary, level by level, over single bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from constrain.engine.closing import Closings
    from constrain.vocabulary.trie import Trie
    from constrain.vocabulary.vocabulary import Vocabulary

Ints = npt.NDArray[np.int64]
UNKNOWN, DEAD = -1, -2

_children: WeakKeyDictionary[Vocabulary, Children] = WeakKeyDictionary()


class Children:
    """The children of each node of a trie: those of node i are nodes[begin[i]:begin[i + 1]]."""

    def __init__(self, trie: Trie) -> None:
        parent = np.zeros(trie.nodes, np.int64)
        by_depth = np.argsort(trie.depth, kind="stable")
        bounds = np.searchsorted(trie.depth[by_depth], np.arange(int(trie.depth[by_depth[-1]]) + 2))
        above = by_depth[bounds[0] : bounds[1]]
        for low, high in zip(bounds[1:-1].tolist(), bounds[2:].tolist(), strict=True):
            level = by_depth[low:high]
            parent[level] = above[np.searchsorted(above, level) - 1]
            above = level
        self.nodes = np.argsort(parent[1:], kind="stable") + 1
        self.begin = np.searchsorted(parent[self.nodes], np.arange(trie.nodes + 1))


def children_of(vocabulary: Vocabulary) -> Children:
    """The children in a vocabulary's trie, remembered as long as it lives."""
    made = _children.get(vocabulary)
    if made is None:
        made = _children[vocabulary] = Children(vocabulary.trie)
    return made


def ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All numbers of the ranges begin[i] .. end[i] - 1 one after the other, and the i of each."""
    sizes = end - begin
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + begin[owner], owner


class Successors:
    """States after tokens, in one generation of an arena. The caller holds the constraint's lock."""

    def __init__(self, closings: Closings) -> None:
        self._closings = closings
        vocabulary = closings.compiled.vocabulary
        self._trie = vocabulary.trie
        self._children = children_of(vocabulary)
        self._row_of: dict[int, int] = {}
        self._states: list[int] = []
        self._table = np.full((64, 256), UNKNOWN, np.int32)  # row of a state, byte -> row of the state after it

    def __len__(self) -> int:
        return len(self._states)

    def _row(self, state: int) -> int:
        row = self._row_of.get(state)
        if row is None:
            row = self._row_of[state] = len(self._states)
            self._states.append(state)
            if row == len(self._table):
                self._table = np.concatenate([self._table, np.full_like(self._table, UNKNOWN)])
        return row

    def _after(self, rows: Ints, data: npt.NDArray[np.uint8]) -> Ints:
        """The rows after one byte each."""
        new = self._table[rows, data]
        unknown = new == UNKNOWN
        if unknown.any():
            for pair in np.unique(rows[unknown] * 256 + data[unknown]).tolist():
                row, b = divmod(pair, 256)
                state = self._closings.step(self._states[row], bytes([b]))
                after = self._row(state) if state > 0 else DEAD
                self._table[row, b] = after
            new = self._table[rows, data]
        return new.astype(np.int64)

    def of(self, state: int) -> tuple[list[int], Ints, Ints]:
        """What the tokens that may come lead to: (states, tokens, for each token the index of its state)."""
        trie, children = self._trie, self._children
        nodes = np.zeros(1, np.int64)
        rows = np.array([self._row(state)], np.int64)
        all_nodes, all_rows = [], []
        while True:
            at, owner = ranges(children.begin[nodes], children.begin[nodes + 1])
            if not len(at):
                break
            nodes = children.nodes[at]
            rows = self._after(rows[owner], trie.byte[nodes])
            live = rows >= 0
            nodes, rows = nodes[live], rows[live]
            all_nodes.append(nodes)
            all_rows.append(rows)
        if not all_nodes:
            return [], np.zeros(0, np.int64), np.zeros(0, np.int64)
        nodes, rows = np.concatenate(all_nodes), np.concatenate(all_rows)
        at, owner = ranges(trie.first[nodes].astype(np.int64), trie.first[nodes + 1].astype(np.int64))
        distinct, index = np.unique(rows[owner], return_inverse=True)
        return [self._states[r] for r in distinct.tolist()], trie.ids[at].astype(np.int64), index.reshape(-1)
