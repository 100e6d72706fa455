"""Entries of the DFA mask store: for a lexer state and a node of the byte trie, the tokens below that node that stay
inside the terminal (`inner`), and those that leave it, as a trie of what remains of them after it (`exits`).

An entry depends on the terminal and the vocabulary only, never on the grammar around it. Its key is (terminal, s, d, v,
need, room): v the trie node, need the characters that must still come before the terminal may end, room the characters
that may still come (both only while a token could reach the bound). This is SynCode's mask store made exact: the exits
are walked by the machine instead of being cut off after one more terminal.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import mix
from constrain.engine.layout import (
    E_HEAD, E_SEC, ROOM_FREE, T_DFA, TD_SHARED, TN, X_BUMP, X_CAP, X_DATA, X_ECOUNT, X_ESIZE, X_ETABLE, X_IDS, X_MAXLEN,
    X_OFFSETS, X_ROWCAP, X_ROWS, X_TRIE,
)  # fmt: skip
from constrain.engine.lexer import label_of, raw_step, string_step
from constrain.jit import engine_device as device

DENSE_FROM = 1024  # inner tokens from which on a row of bits is kept instead of a list
MAX_EXIT_NODES = 60_000  # exits larger than this are not worth an entry; such states are walked token by token


@device
def entry_hash(gid, s, d, v, need, room):
    h = mix(mix(mix(np.int64(11), np.int64(gid)), np.int64(s)), np.int64(d))
    return mix(mix(mix(h, np.int64(v)), np.int64(need)), np.int64(room))


@device
def find_entry(X, gid, s, d, v, need, room):
    """Offset of the entry, or 0."""
    size = X[X_ESIZE]
    table = X[X_ETABLE]
    j = entry_hash(gid, s, d, v, need, room) & (size - 1)
    while True:
        e = X[table + j]
        if e == 0:
            return e
        if X[e] == gid and X[e + 1] == s and X[e + 2] == d and X[e + 3] == v and X[e + 4] == need and X[e + 5] == room:
            return e
        j = (j + 1) & (size - 1)


@device
def merge_exits(X, table32, list32, npoints, table_ids):
    """Write the trie of everything below the trie nodes list32, merged, to table32.

    Returns (end of the nodes, number of ids); ids go to `table_ids`, an array. Nodes are in preorder as in the vocabulary's
    trie; `first` counts from 0. Stops with end = -1 when there are more than MAX_EXIT_NODES.
    """
    trie = X[X_TRIE]
    vids = X[X_IDS]
    cap = npoints * 4 + 1024
    members = np.empty(cap, np.int32)  # stack of lists: the vocabulary nodes that are merged into a node on the path
    cursor = np.empty(cap, np.int32)
    starts = np.empty(X[X_MAXLEN] + 3, np.int32)
    places = np.empty(X[X_MAXLEN] + 3, np.int32)
    n = 0
    for i in range(npoints):
        v = list32[i]
        if X[trie + TN * v + 1] > v + 1:
            members[n] = v
            cursor[n] = v + 1
            n += 1
    node = 1
    nids = 0
    table32[0, 0] = 0
    table32[0, 2] = 0
    depth = 0
    starts[0] = 0
    starts[1] = n
    places[0] = 0
    while depth >= 0:
        a, z = starts[depth], starts[depth + 1]
        byte = 256
        for i in range(a, z):
            c = cursor[i]
            if c < X[trie + TN * members[i] + 1] and X[trie + TN * c] < byte:
                byte = X[trie + TN * c]
        if byte == 256:
            table32[places[depth], 1] = node
            depth -= 1
            continue
        if node >= MAX_EXIT_NODES:
            return -1, 0
        if z + (z - a) > members.shape[0]:
            wide = np.empty(2 * members.shape[0] + (z - a), np.int32)
            wide[: members.shape[0]] = members
            members = wide
            wide2 = np.empty(wide.shape[0], np.int32)
            wide2[: cursor.shape[0]] = cursor
            cursor = wide2
        table32[node, 0] = byte
        table32[node, 2] = nids
        n = z
        for i in range(a, z):
            c = cursor[i]
            if c < X[trie + TN * members[i] + 1] and X[trie + TN * c] == byte:
                end = X[trie + TN * c + 1]
                cursor[i] = end
                for k in range(X[trie + TN * c + 2], X[trie + TN * (c + 1) + 2]):
                    table_ids[nids] = X[vids + k]
                    nids += 1
                if end > c + 1:
                    members[n] = c
                    cursor[n] = c + 1
                    n += 1
        depth += 1
        places[depth] = node
        starts[depth] = z
        starts[depth + 1] = n
        node += 1
    table32[node, 2] = nids
    return node, nids


@device
def build_entry(H, X, B, t, gid, s0, d0, v, need, room, raw):
    """Make the entry; returns its offset, or 0 when the store is full. raw: plain text (1) or JSON string (0)."""
    trie = X[X_TRIE]
    vids = X[X_IDS]
    end = X[trie + TN * v + 1]
    size = end - v
    depth_cap = X[X_MAXLEN] + 2
    ps = np.empty(depth_cap, np.int32)
    pd = np.empty(depth_cap, np.int32)
    pn = np.empty(depth_cap, np.int32)
    pe = np.empty(depth_cap, np.int32)
    ntok = X[trie + TN * end + 2] - X[trie + TN * v + 2]
    inner = np.empty(ntok + 1, np.int32)
    exit_cap = 256
    exits = np.empty(exit_cap, np.int32)
    labels = np.empty(exit_cap, np.int32)
    ninner, nexits, exit_nodes = 0, 0, 0
    ps[0], pd[0], pn[0], pe[0] = s0, d0, 0, end
    depth = 0
    node = v + 1
    while depth >= 0:
        if node >= pe[depth]:
            depth -= 1
            continue
        b = X[trie + TN * node]
        e = X[trie + TN * node + 1]
        s, d, n = ps[depth], pd[depth], pn[depth]
        label = -1
        closed = False
        s2, d2, c = -1, 0, 0
        if raw != 0:
            s2, d2 = raw_step(H, t, s, d, b)
            if s2 >= 0 and d2 == 0:
                label = label_of(H, t, s2)
        elif b == 34 and d == 0:
            closed = True
            if n >= need:
                label = label_of(H, t, s)
        else:
            s2, d2, c = string_step(H, t, s, d, b, room - n if room < ROOM_FREE else -1, 0, 0)
        if s2 >= 0:
            for k in range(X[trie + TN * node + 2], X[trie + TN * (node + 1) + 2]):
                inner[ninner] = X[vids + k]
                ninner += 1
        if label >= 0 and (closed or e > node + 1):
            if nexits == exit_cap:
                wide = np.empty(2 * exit_cap, np.int32)
                wide[:exit_cap] = exits
                exits = wide
                wide2 = np.empty(2 * exit_cap, np.int32)
                wide2[:exit_cap] = labels
                labels = wide2
                exit_cap *= 2
            exits[nexits] = node
            labels[nexits] = label
            nexits += 1
            exit_nodes += e - node
        if s2 < 0 or e == node + 1:
            node = e
            continue
        depth += 1
        ps[depth], pd[depth], pn[depth], pe[depth] = s2, d2, n + c, e
        node += 1

    # exits, by label
    nsec = 0
    seen_labels = np.empty(nexits + 1, np.int32)
    for i in range(nexits):
        found = False
        for j in range(nsec):
            if seen_labels[j] == labels[i]:
                found = True
                break
        if not found:
            seen_labels[nsec] = labels[i]
            nsec += 1
    usable = 1
    if exit_nodes > 8 * MAX_EXIT_NODES:
        usable = 0
        nsec = 0
    words = B.shape[1]
    dense = ninner >= DENSE_FROM
    rows = (2 if nsec == 1 and raw == 0 else 1) if dense else 0
    if X[X_ROWS] + rows > X[X_ROWCAP] or X[X_BUMP] + E_HEAD + nsec * E_SEC + ntok + 64 > X[X_CAP]:
        return 0
    head = E_HEAD + E_SEC * nsec
    at = X[X_BUMP]
    base = at
    X[at], X[at + 1], X[at + 2], X[at + 3], X[at + 4], X[at + 5] = gid, s0, d0, v, need, room
    X[at + 7] = -1
    X[at + 8] = -1
    X[at + 10] = ninner
    X[at + 11] = nsec
    at += head
    X[base + 9] = at
    if not dense:
        for i in range(ninner):
            X[at + i] = inner[i]
        at += ninner
    for sec in range(nsec):
        label = seen_labels[sec]
        points = np.empty(nexits, np.int32)
        npoints = 0
        total = 0
        close_at = at
        for i in range(nexits):
            if labels[i] == label:
                points[npoints] = exits[i]
                npoints += 1
                q = exits[i]
                total += X[trie + TN * X[trie + TN * q + 1] + 2] - X[trie + TN * q + 2]
                if raw == 0:
                    if at + 64 > X[X_CAP]:
                        return 0
                    for k in range(X[trie + TN * q + 2], X[trie + TN * (q + 1) + 2]):
                        X[at] = X[vids + k]
                        at += 1
        r = base + E_HEAD + E_SEC * sec
        X[r] = label
        X[r + 1] = close_at
        X[r + 2] = at - close_at
        nodes = 0
        for i in range(npoints):
            q = points[i]
            nodes += X[trie + TN * q + 1] - q - 1
        X[r + 3] = 0
        X[r + 4] = 0
        if nodes > 0:
            out = np.empty((min(nodes, MAX_EXIT_NODES) + 2, 3), np.int32)
            ids_at = np.empty(total + 1, np.int32)
            used, nids = merge_exits(X, out, points, npoints, ids_at)
            if used < 0:
                usable = 0
                break
            if at + TN * (used + 1) + nids + 64 > X[X_CAP]:
                return 0
            X[r + 3] = at
            for i in range(used + 1):
                X[at + TN * i] = out[i, 0]
                X[at + TN * i + 1] = out[i, 1]
                X[at + TN * i + 2] = out[i, 2]
                X[at + TN * i + 3] = 0
            at += TN * (used + 1)
            X[r + 4] = at
            for i in range(nids):
                X[at + i] = ids_at[i]
            at += nids
    X[base + 6] = usable
    if dense and usable != 0:
        row = X[X_ROWS]
        for i in range(words):
            B[row, i] = 0
        for i in range(ninner):
            B[row, inner[i] >> 5] |= np.uint32(1) << np.uint32(inner[i] & 31)
        X[base + 7] = row
        X[X_ROWS] = row + 1
        if rows == 2:
            for i in range(words):
                B[row + 1, i] = B[row, i]
            r = base + E_HEAD
            for i in range(X[r + 2]):
                x = X[X[r + 1] + i]
                B[row + 1, x >> 5] |= np.uint32(1) << np.uint32(x & 31)
            X[base + 8] = row + 1
            X[X_ROWS] = row + 2
    X[X_BUMP] = at
    table, tsize = X[X_ETABLE], X[X_ESIZE]
    if 4 * X[X_ECOUNT] > 3 * tsize:
        return 0
    j = entry_hash(gid, s0, d0, v, need, room) & (tsize - 1)
    while X[table + j] != 0:
        j = (j + 1) & (tsize - 1)
    X[table + j] = base
    X[X_ECOUNT] += 1
    return base


@device
def shared_state(H, t, s):
    """Does what automaton state s of a key terminal allows not depend on which keys are allowed now?"""
    return H[t] == T_DFA and H[t + H[t + TD_SHARED] + s] != 0


@device
def clip_room(hi, n, longest):
    """Characters that may still come, or ROOM_FREE when no token is long enough to feel the bound."""
    if hi < 0 or hi - n >= longest:
        return ROOM_FREE
    return hi - n


@device
def clip_need(lo, n, longest):
    """Characters that must still come, at most one more than a token can bring."""
    if n >= lo:
        return 0
    return min(lo - n, longest + 1)
