"""Frames of the walk down a trie: some configurations at a node, and which of its children are still to be visited."""

from __future__ import annotations

import numpy as np

from constrain.engine.filters import any_child, first_bytes, key_bits
from constrain.engine.layout import (
    CFG, FILTER_FROM, LOW, NEED_SCRATCH, OP_ARRAY, OP_ITEMS, OP_OBJECT, O_TERM, PH_AFTER, PH_COLON, PH_COMMA, PH_OPEN,
    PH_VALUE, SCRATCH_END, STATUS, TN, WS_MAX, WS_MODE, X_IDS, X_SPACES, X_TRIE,
)  # fmt: skip
from constrain.engine.configurations import node_at, terminal_at
from constrain.engine.memo import NOTHING
from constrain.engine.records import add_ref, lowest_bit
from constrain.jit import engine_device as device

# a frame of the walk, in scratch: [frame below, end of children, m, filter, next byte, node, cursor, trie, its ids,
# mode, bits x 8, ids before it, least depth (before it; of the filter until it begins), were columns looked at before,
# configurations...]
F_END, F_M, F_FILTER, F_NEXT, F_NODE, F_CUR, F_TRIE, F_IDS, F_MODE, F_BITS, F_FIRST, F_LOW, F_COLUMNS, F_CFG = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 19, 20, 21,
)  # fmt: skip
M_VOCABULARY = 0  # the vocabulary's trie, entries may stand in
M_PLAIN = 1  # any trie, no entries
M_KEYS = 2  # the vocabulary's trie along the declared keys of an open object
M_TAIL = 4  # like M_PLAIN; what it finds is remembered
M_ENTRY = 6  # M_VOCABULARY, not begun yet: an entry may stand in for all of it
M_LINE = 7  # M_ENTRY for what comes after the spaces before a line: no byte that belongs to these
M_CLEAR = 9  # M_VOCABULARY; before it begins, the tokens that its filter lets through are cleared
M_QUOTES = 5  # the vocabulary's trie, tokens with a quote only, while the string goes on in which it begins
M_DIFFER = 8  # the vocabulary's trie along the finished items that the open one may still become; see differing.py
M_NAMES = 3  # the same, not begun yet: what other configurations add to the subtree comes first


@device
def correction_bits(H, frame):
    """The filter of a frame of `M_KEYS`: bytes along the declared keys."""
    c = frame + F_CFG
    off = node_at(H, H[c] >> 4)
    t = terminal_at(H, H[off + O_TERM])
    for i in range(8):
        H[frame + F_BITS + i] = 0
    return key_bits(H, t, H[c + 1], H[c + 2], frame + F_BITS)


@device
def head_frame(H, X, below, frame, mode, tb, ib, node, m):
    """Fill in the head of a frame whose m configurations are in place: the children of `node` are next."""
    H[frame] = below
    H[frame + F_END] = X[tb + TN * node + 1]
    H[frame + F_M] = m
    H[frame + F_FILTER] = 0
    H[frame + F_NEXT] = 0
    H[frame + F_NODE] = node
    H[frame + F_CUR] = node + 1
    H[frame + F_TRIE] = tb
    H[frame + F_IDS] = ib
    H[frame + F_MODE] = mode


@device
def open_frame(H, X, below, frame, mode, tb, ib, node, m):
    """`head_frame`, with a filter where that is worth its while."""
    head_frame(H, X, below, frame, mode, tb, ib, node, m)
    H[frame + F_LOW] = NOTHING
    if X[tb + TN * node + 1] - node > FILTER_FROM:
        known = False
        if mode == M_KEYS:
            known = correction_bits(H, frame)
        else:
            low = H[LOW]
            H[LOW] = NOTHING
            known = first_bytes(H, frame + F_CFG, m, frame + F_BITS)
            H[frame + F_LOW] = H[LOW]  # what the filter keeps out depends on these frames, too
            H[LOW] = min(H[LOW], low)
        if known:
            H[frame + F_FILTER] = 2 if X[tb + TN * node + 3] != 0 else 1


@device
def frame_end(H, frame):
    return frame + F_CFG + CFG * H[frame + F_M]


@device
def next_child(H, X, frame):
    """The next child of the frame's node that its filter lets through, or -1."""
    tb = H[frame + F_TRIE]
    if H[frame + F_FILTER] == 2:
        children = X[tb + TN * H[frame + F_NODE] + 3]
        b = H[frame + F_NEXT]
        while b < 256:
            w = (np.int64(H[frame + F_BITS + (b >> 5)]) & 0xFFFFFFFF) >> (b & 31)
            if w == 0:
                b = (b | 31) + 1
                continue
            b += lowest_bit(w)
            c = X[children + b]
            b += 1
            if c != 0:
                H[frame + F_NEXT] = b
                return c
        return -1
    node, end = H[frame + F_CUR], H[frame + F_END]
    if H[frame + F_FILTER] == 1:
        while node < end:
            b = X[tb + TN * node]
            if (H[frame + F_BITS + (b >> 5)] >> np.int32(b & 31)) & 1:
                break
            node = X[tb + TN * node + 1]
    if node >= end:
        return -1
    H[frame + F_CUR] = X[tb + TN * node + 1]
    return node


@device
def space_frames(H, X, c, frame, below, mode):
    """For a configuration that whitespace may follow: the tokens of whitespace alone at once, and frames for the rest.

    The vocabulary's nodes that whitespace leads to are known; only those from which the text may go on get a frame.
    below: the frame under them. Returns the top frame, or -1 when the configuration is to be walked from the root.
    """
    ph = H[c] & 15
    if H[WS_MODE] != 0 or ph not in (PH_OPEN, PH_COMMA, PH_COLON, PH_VALUE, PH_AFTER):
        return -1
    off = node_at(H, H[c] >> 4)
    if off == 0 or H[off] not in (OP_OBJECT, OP_ARRAY, OP_ITEMS):
        return -1
    left = H[WS_MAX] - H[c + 3]
    if left <= 0 or frame + F_CFG + CFG > H[SCRATCH_END]:
        return -1
    for i in range(CFG):
        H[frame + F_CFG + i] = H[c + i]
    open_frame(H, X, below, frame, mode, X[X_TRIE], X[X_IDS], 0, 1)
    if H[STATUS] != 0 or H[frame + F_FILTER] == 0:
        return -1
    bits = frame + F_BITS
    H[bits] = np.int32(H[bits] & ~np.int32(1 << 9 | 1 << 10 | 1 << 13))
    H[bits + 1] = np.int32(H[bits + 1] & ~np.int32(1))
    spaces = X[X_SPACES]
    longest, n = X[spaces], X[spaces + 1]
    pairs = spaces + 2 + longest + 1
    count = X[spaces + 2 + min(left, longest)]
    if count > 0:
        add_ref(H, X, pairs + 2 * n, count)
    top = frame
    at = frame + F_CFG + CFG
    for i in range(n):
        node, length = X[pairs + 2 * i], X[pairs + 2 * i + 1]
        if length > left or not any_child(H, X, node, bits):
            continue
        if at + F_CFG + CFG > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return -1
        for k in range(F_CFG + CFG):
            H[at + k] = H[frame + k]
        H[at] = top
        H[at + F_CFG + 3] += length
        H[at + F_NODE] = node
        H[at + F_CUR] = node + 1
        H[at + F_END] = X[X[X_TRIE] + TN * node + 1]
        H[at + F_FILTER] = 2 if X[X[X_TRIE] + TN * node + 3] != 0 else 1
        top = at
        at += F_CFG + CFG
    return top
