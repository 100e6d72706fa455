"""Runs and exits of an entry of the lexer that were found before, for a state that goes on as this one does.

Lexer states differ in what few first characters lead to: which keywords there are, say. While an entry is made for the
vocabulary's root, an earlier one of the same lexer, its *base*, is walked beside it; below a node where both automata
are in the same state, what the base has is taken over.

  base   [base before, gid, state, entry, runs, exits; runs x (first id, end, group)..., exits x (node, exit, far)...]
"""

from __future__ import annotations

from constrain.engine.layout import (
    L_GROUP, L_HEAD, R_LEXER, R_WORDS, TD_ASCII, TD_NCLS, TD_TABLE, TN, X_BASES, X_BUMP, X_CAP, X_TRIE,
)  # fmt: skip
from constrain.jit import engine_device as device

BASE_HEAD = 6
MOST_BASES = 16  # of one lexer


@device
def nearest_base(H, X, off, gid, s):
    """The base of the lexer that differs least from state s, by the nodes below ASCII characters; 0: none is near."""
    t, trie = H[off + R_LEXER], X[X_TRIE]
    total = X[trie + 1]
    own = t + H[t + TD_TABLE] + s * H[t + TD_NCLS]
    best, least = 0, total >> 1
    base = X[X_BASES]
    while base != 0:
        if X[base + 1] == gid:
            other = t + H[t + TD_TABLE] + X[base + 2] * H[t + TD_NCLS]
            unlike = 0
            node = 1
            while node < total and X[trie + TN * node] < 128 and unlike < least:
                column = H[t + H[t + TD_ASCII] + X[trie + TN * node]]
                end = X[trie + TN * node + 1]
                if H[own + column] != H[other + column]:
                    unlike += end - node
                node = end
            if unlike < least:
                best, least = base, unlike
        base = X[base]
    return best


@device
def keep_base(X, gid, s, entry, table32, nruns, exit_table, nexits):
    """Make the entry a base, while there are few and there is room for one."""
    known = 0
    base = X[X_BASES]
    while base != 0:
        known += 1 if X[base + 1] == gid else 0
        base = X[base]
    size = BASE_HEAD + 3 * (nruns + nexits)
    base = X[X_BUMP]
    if known >= MOST_BASES or base + size + 64 > X[X_CAP]:
        return
    X[base], X[base + 1], X[base + 2], X[base + 3], X[base + 4], X[base + 5] = X[X_BASES], gid, s, entry, nruns, nexits
    at = base + BASE_HEAD
    for i in range(nruns):
        X[at], X[at + 1], X[at + 2] = table32[i, 0], table32[i, 1], table32[i, 2]
        at += 3
    for i in range(nexits):
        X[at], X[at + 1], X[at + 2] = exit_table[i, 0], exit_table[i, 1], exit_table[i, 2]
        at += 3
    X[X_BUMP] = at
    X[X_BASES] = base


@device
def first_run(X, base, id_at, i):
    """The first run of a base, from the i-th on, that ends behind position id_at of the ids."""
    at = base + BASE_HEAD
    while i < X[base + 4] and X[at + 3 * i + 1] <= id_at:
        i += 1
    return i


@device
def first_exit(X, base, node, i):
    """The first exit of a base, from the i-th on, at the trie's node or behind it."""
    at = base + BASE_HEAD + 3 * X[base + 4]
    while i < X[base + 5] and X[at + 3 * i] < node:
        i += 1
    return i


@device
def group_words(H, X, off, base, g):
    """Where the store has the set of terminals of a base's group."""
    return X[base + 3] + L_HEAD + g * (L_GROUP + H[off + R_WORDS]) + L_GROUP
