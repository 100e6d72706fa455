"""What is left of tokens after a terminal: many subtrees of the vocabulary's trie merged into one trie."""

from __future__ import annotations

import numpy as np

from constrain.engine.layout import (
    TN, X_IDS, X_MAXLEN, X_TRIE,
)  # fmt: skip
from constrain.jit import engine_device as device

MAX_EXIT_NODES = 60_000  # exits larger than this are not worth an entry; such states are walked token by token


@device
def add_children(X, trie, v, list32, n):
    """Append the children of node v of the trie at `trie` to the list of n; returns its length."""
    end = X[trie + TN * v + 1]
    c = v + 1
    while c < end:
        list32[n] = c
        n += 1
        c = X[trie + TN * c + 1]
    return n


@device
def sort_by_byte(X, trie, list32, a, z):
    """Sort the trie nodes list32[a:z] by their bytes; those of one byte stay in order."""
    if z - a <= 24:
        for i in range(a + 1, z):
            v = list32[i]
            byte = X[trie + TN * v]
            j = i
            while j > a and X[trie + TN * list32[j - 1]] > byte:
                list32[j] = list32[j - 1]
                j -= 1
            list32[j] = v
        return
    place = np.zeros(257, np.int32)
    for i in range(a, z):
        place[X[trie + TN * list32[i]] + 1] += 1
    for b in range(256):
        place[b + 1] += place[b]
    copy = np.empty(z - a, np.int32)
    for i in range(z - a):
        copy[i] = list32[a + i]
    for i in range(z - a):
        byte = X[trie + TN * copy[i]]
        list32[a + place[byte]] = copy[i]
        place[byte] += 1


@device
def merge_exits(X, table32, list32, npoints, nodes, table_ids):
    """Write the trie of everything below the trie nodes list32, merged, to table32. nodes: how many there are below.

    Returns (end of the nodes, number of ids); ids go to `table_ids`, an array. Nodes are in preorder as in the
    vocabulary's trie; `first` counts from 0. Stops with end = -1 when there are more than MAX_EXIT_NODES.
    """
    kids = np.empty(nodes + 1, np.int32)
    n = 0
    for i in range(npoints):
        n = add_children(X, X[X_TRIE], list32[i], kids, n)
    return merge(X, X[X_TRIE], X[X_IDS], table32, kids, n, table_ids)


@device
def merge_nodes(X, trie, vids, table32, list32, npoints, nodes, table_ids):
    """`merge_exits` for the nodes list32 themselves, of any trie with its ids, and what is below them: they are the
    children of the root."""
    kids = np.empty(nodes + 1, np.int32)
    for i in range(npoints):
        kids[i] = list32[i]
    return merge(X, trie, vids, table32, kids, npoints, table_ids)


@device
def merge(X, trie, vids, table32, list32, n, table_ids):
    """Merge the subtrees of the n trie nodes in list32, which has room for all nodes in them."""
    kids = list32  # a list for each node on the path, sorted: what is merged into its children
    depths = X[X_MAXLEN] + 3
    cursor = np.empty(depths, np.int32)
    ends = np.empty(depths, np.int32)
    places = np.empty(depths, np.int32)
    sort_by_byte(X, trie, kids, 0, n)
    table32[0, 0] = 0
    table32[0, 2] = 0
    cursor[0], ends[0], places[0] = 0, n, 0
    depth = 0
    node = 1
    nids = 0
    while depth >= 0:
        a = cursor[depth]
        if a == ends[depth]:
            table32[places[depth], 1] = node
            depth -= 1
            continue
        if node >= MAX_EXIT_NODES:
            return -1, 0
        byte = X[trie + TN * kids[a]]
        z = a
        n = ends[depth]
        table32[node, 0] = byte
        table32[node, 2] = nids
        while z < ends[depth] and X[trie + TN * kids[z]] == byte:
            c = kids[z]
            z += 1
            for k in range(X[trie + TN * c + 2], X[trie + TN * (c + 1) + 2]):
                table_ids[nids] = X[vids + k]
                nids += 1
            n = add_children(X, trie, c, kids, n)
        cursor[depth] = z
        if z > a + 1:
            sort_by_byte(X, trie, kids, ends[depth], n)
        depth += 1
        cursor[depth], ends[depth], places[depth] = ends[depth - 1], n, node
        node += 1
    table32[node, 2] = nids
    return node, nids
