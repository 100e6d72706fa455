"""Tries of names: the keys of an object, or the strings of an enumeration, as a terminal over characters."""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import room_for
from constrain.engine.layout import (
    BUMP, TT_CHARS, TT_DATA, TT_EDGE0, TT_FREE, TT_HI, TT_LABEL, TT_LO, TT_NODES, TT_OPEN, TT_PERM, T_TRIE,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def build_trie(H, data, n, open_label):
    """Append the trie of n distinct names in code point order to the arena; returns its offset, or -1 without room.

    data: the label of each name, n + 1 offsets, the characters of all names. Nodes are numbered breadth first, so that
    edge e leads to node e + 1; `lo` and `hi` bound the names below a node, in order; open_label: that of other names.
    """
    chars = 2 * n + 1
    total = data[2 * n]
    lo = np.empty(total + 2, np.int32)
    hi = np.empty(total + 2, np.int32)
    depth = np.empty(total + 2, np.int32)
    edge0 = np.empty(total + 3, np.int32)
    label = np.empty(total + 2, np.int32)
    edge = np.empty(total + 2, np.int32)
    lo[0], hi[0], depth[0] = 0, n, 0
    nodes, i = 1, 0
    while i < nodes:
        edge0[i] = nodes - 1
        label[i] = open_label
        k, d = lo[i], depth[i]
        if k < hi[i] and data[n + k + 1] - data[n + k] == d:
            label[i] = data[k]
            k += 1
        while k < hi[i]:
            c = data[chars + data[n + k] + d]
            first = k
            while k < hi[i] and data[chars + data[n + k] + d] == c:
                k += 1
            edge[nodes - 1] = c
            lo[nodes], hi[nodes], depth[nodes] = first, k, d + 1
            nodes += 1
        i += 1
    edge0[nodes] = nodes - 1
    size = TT_DATA + nodes * 5 + n + 8
    if not room_for(H, size):
        return -1
    t = H[BUMP]
    H[BUMP] = t + size
    H[t], H[t + 1], H[t + TT_NODES], H[t + TT_OPEN] = T_TRIE, -1, nodes, open_label
    H[t + TT_FREE] = 0
    at = TT_DATA
    H[t + TT_EDGE0] = at
    for j in range(nodes + 1):
        H[t + at + j] = edge0[j]
    at += nodes + 1
    H[t + TT_CHARS] = at
    for j in range(nodes - 1):
        H[t + at + j] = edge[j]
    at += nodes
    H[t + TT_LABEL] = at
    for j in range(nodes):
        H[t + at + j] = label[j]
    at += nodes
    H[t + TT_LO] = at
    for j in range(nodes):
        H[t + at + j] = lo[j]
    at += nodes
    H[t + TT_HI] = at
    for j in range(nodes):
        H[t + at + j] = hi[j]
    at += nodes
    H[t + TT_PERM] = at
    for j in range(n):
        H[t + at + j] = data[j]
    return t
