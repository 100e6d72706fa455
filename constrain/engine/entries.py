"""Entries of the DFA mask store: for a lexer state and a node of the byte trie, the tokens below that node that stay
inside the terminal (`inner`), and those that leave it, as a trie of what remains of them after it (`exits`).

An entry depends on the terminal and the vocabulary only, never on the grammar around it. Its key is (terminal, s, d, v,
need, room): v the trie node, need the characters that must still come before the terminal may end, room the characters
that may still come (both only while a token could reach the bound). This is SynCode's mask store made exact: the exits
are walked by the machine instead of being cut off after one more terminal.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.bytesets import all_below, live_bytes, safe_bytes
from constrain.engine.exits import MAX_EXIT_NODES, merge_exits
from constrain.engine.interning import mix
from constrain.engine.layout import (
    BN, E_HEAD, E_INNER, E_NINNER, E_NSEC, E_PROFILE, E_ROW, E_ROWALL, E_SEC, E_USABLE, ROOM_FREE, ROW_ALL, TD_ASCII,
    TD_MINREM, TD_NCLS, TD_STATES, TD_TABLE, TN, T_ANY, T_DFA, WORK, X_BELOW, X_BUMP, X_CAP, X_CHARS, X_ECOUNT, X_ESIZE,
    X_ETABLE, X_IDS, X_MAXLEN, X_NODES, X_ROWCAP, X_ROWS, X_SIZE, X_TRIE,
)  # fmt: skip
from constrain.engine.lexer import label_of, raw_step, string_step
from constrain.jit import engine_device as device

DENSE_FROM = 1024  # inner tokens from which on a row of bits is kept instead of a list


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
def wider(table32):
    """The table with room for twice as many rows."""
    rows, columns = table32.shape
    wide = np.empty((2 * rows, columns), np.int32)
    for i in range(rows):
        for j in range(columns):
            wide[i, j] = table32[i, j]
    return wide


@device
def add_run(table32, n, a, z):
    """Append the run of ids [a, z) to the n runs in table32. Returns (the table, which may have grown; runs)."""
    if n == table32.shape[0]:
        table32 = wider(table32)
    table32[n, 0] = a
    table32[n, 1] = z
    return table32, n + 1


@device
def write_row(X, B, row, list32, n, table32, nruns):
    """Write n tokens, given as in `write_entry`, to a row of bits."""
    vids = X[X_IDS]
    words = B.shape[1]
    if nruns > 0 and 2 * n > X[X_SIZE]:  # most tokens: take away the others
        for i in range(words):
            B[row, i] = B[ROW_ALL, i]
        k = 0
        for i in range(nruns + 1):
            end = table32[i, 0] if i < nruns else X[X[X_TRIE] + TN * X[X_NODES] + 2]
            while k < end:
                x = X[vids + k]
                B[row, x >> 5] &= ~(np.uint32(1) << np.uint32(x & 31))
                k += 1
            if i < nruns:
                k = table32[i, 1]
        return
    for i in range(words):
        B[row, i] = 0
    if nruns == 0:
        for i in range(n):
            B[row, list32[i] >> 5] |= np.uint32(1) << np.uint32(list32[i] & 31)
    for i in range(nruns):
        for k in range(table32[i, 0], table32[i, 1]):
            x = X[vids + k]
            B[row, x >> 5] |= np.uint32(1) << np.uint32(x & 31)


@device
def write_entry(X, B, raw, gid, s0, d0, v, need, room, list32, ninner, table32, nruns, exit_table, nexits, usable):
    """Append an entry with these inner tokens and exits [node, label, characters, room needed]; 0: no room left.

    The ninner inner tokens are list32, or, with nruns > 0, runs of the trie's ids, in order: table32 [runs, 2].
    """
    trie = X[X_TRIE]
    vids = X[X_IDS]
    end = X[trie + TN * v + 1]
    ntok = X[trie + TN * end + 2] - X[trie + TN * v + 2]
    words = B.shape[1]
    labels = np.empty(nexits + 1, np.int32)
    nsec = 0
    for i in range(nexits):
        found = False
        for j in range(nsec):
            if labels[j] == exit_table[i, 1]:
                found = True
                break
        if not found:
            labels[nsec] = exit_table[i, 1]
            nsec += 1
    dense = ninner >= DENSE_FROM
    rows = (2 if nsec == 1 and raw == 0 else 1) if dense else 0
    if X[X_ROWS] + rows > X[X_ROWCAP] or 4 * X[X_ECOUNT] > 3 * X[X_ESIZE]:
        return 0
    if X[X_BUMP] + E_HEAD + nsec * E_SEC + 2 * ntok + 64 > X[X_CAP]:
        return 0
    at = X[X_BUMP]
    base = at
    X[at], X[at + 1], X[at + 2], X[at + 3], X[at + 4], X[at + 5] = gid, s0, d0, v, need, room
    X[at + E_ROW] = -1
    X[at + E_ROWALL] = -1
    X[at + E_NINNER] = ninner
    X[at + E_NSEC] = nsec
    X[at + E_PROFILE] = 0
    at += E_HEAD + E_SEC * nsec
    X[base + E_INNER] = at
    if not dense:
        if nruns == 0:
            for i in range(ninner):
                X[at + i] = list32[i]
            at += ninner
        for i in range(nruns):
            for k in range(table32[i, 0], table32[i, 1]):
                X[at] = X[vids + k]
                at += 1
    points = np.empty(nexits + 1, np.int32)
    for sec in range(nsec):
        npoints, total, nodes = 0, 0, 0
        close_at = at
        for i in range(nexits):
            if exit_table[i, 1] == labels[sec]:
                q = exit_table[i, 0]
                points[npoints] = q
                npoints += 1
                total += X[trie + TN * X[trie + TN * q + 1] + 2] - X[trie + TN * q + 2]
                nodes += X[trie + TN * q + 1] - q - 1
                if raw == 0:
                    for k in range(X[trie + TN * q + 2], X[trie + TN * (q + 1) + 2]):
                        X[at] = X[vids + k]
                        at += 1
        r = base + E_HEAD + E_SEC * sec
        X[r], X[r + 1], X[r + 2], X[r + 3], X[r + 4] = labels[sec], close_at, at - close_at, 0, 0
        if nodes > 0:
            out = np.empty((min(nodes, MAX_EXIT_NODES) + 2, 3), np.int32)
            ids_at = np.empty(total + 1, np.int32)
            used, nids = merge_exits(X, out, points, npoints, nodes, ids_at)
            if used < 0:
                usable = 0
                break
            if at + TN * (used + 1) + nids + ntok + 64 > X[X_CAP]:
                return 0
            X[r + 3] = at
            for i in range(used + 1):
                X[at + TN * i], X[at + TN * i + 1], X[at + TN * i + 2] = out[i, 0], out[i, 1], out[i, 2]
                X[at + TN * i + 3] = 0
                X[at + TN * i + 4] = 0
            at += TN * (used + 1)
            X[r + 4] = at
            for i in range(nids):
                X[at + i] = ids_at[i]
            at += nids
    X[base + E_USABLE] = usable
    if dense and usable != 0:
        row = X[X_ROWS]
        write_row(X, B, row, list32, ninner, table32, nruns)
        X[base + E_ROW] = row
        if rows == 2:
            for i in range(words):
                B[row + 1, i] = B[row, i]
            r = base + E_HEAD
            for i in range(X[r + 2]):
                x = X[X[r + 1] + i]
                B[row + 1, x >> 5] |= np.uint32(1) << np.uint32(x & 31)
            X[base + E_ROWALL] = row + 1
        X[X_ROWS] = row + rows
    X[X_BUMP] = at
    table, tsize = X[X_ETABLE], X[X_ESIZE]
    j = entry_hash(gid, s0, d0, v, need, room) & (tsize - 1)
    while X[table + j] != 0:
        j = (j + 1) & (tsize - 1)
    X[table + j] = base
    X[X_ECOUNT] += 1
    return base


@device
def least_room(H, t, s, d, b, n, need_room):
    """The step over byte b with the least room under which it lives, at least need_room. n: characters before it.

    Returns (s, d, characters completed, room); s = -1: dead whatever the room.
    """
    r = need_room
    while r <= need_room + 1:
        s2, d2, c = string_step(H, t, s, d, b, r - n, 0, 0)
        if s2 >= 0:
            return s2, d2, c, r
        r += 1
    s2, d2, c = string_step(H, t, s, d, b, -1, 0, 0)
    if s2 < 0:
        return -1, 0, 0, 0
    while True:
        s2, d2, c = string_step(H, t, s, d, b, r - n, 0, 0)
        if s2 >= 0:
            return s2, d2, c, r
        r += 1


@device
def pick_entry(X, B, base, need, room):
    """The entry with bounds, from the profile of the entry without."""
    p = X[base + E_PROFILE]
    most = X[p]
    ids = p + 2 + most + 1
    count = X[p + 2 + min(room, most)]
    total = X[p + 2 + most]
    inner = np.empty(count + 1, np.int32)
    for i in range(count):
        inner[i] = X[ids + i]
    nexits = X[p + 1]
    at = ids + total
    exits = np.empty((nexits + 1, 4), np.int32)
    n = 0
    for i in range(nexits):
        if X[at + 4 * i + 2] >= need and X[at + 4 * i + 3] <= room:
            for k in range(4):
                exits[n, k] = X[at + 4 * i + k]
            n += 1
    none = np.empty((1, 2), np.int32)
    return write_entry(
        X, B, 0, X[base], X[base + 1], X[base + 2], X[base + 3], need, room, inner, count, none, 0, exits, n,
        X[base + E_USABLE],
    )  # fmt: skip


@device
def build_entry_free(H, X, B, t, gid, s0, d0, v, raw, counted, base):
    """The entry without bounds, by a walk over the vocabulary below trie node v. Returns its offset; 0: no room left.

    counted: make its profile as well. base: the entry where it has been made, but not its profile; else 0.
    """
    trie = X[X_TRIE]
    vids = X[X_IDS]
    end = X[trie + TN * v + 1]
    H[WORK] += end - v
    depth_cap = X[X_MAXLEN] + 2
    ps = np.empty(depth_cap, np.int32)
    pd = np.empty(depth_cap, np.int32)
    pn = np.empty(depth_cap, np.int32)
    pr = np.empty(depth_cap, np.int32)
    pe = np.empty(depth_cap, np.int32)
    ntok = X[trie + TN * end + 2] - X[trie + TN * v + 2]
    kind = H[t]
    inner = np.empty(ntok + 1 if counted else 1, np.int32)
    rooms = np.empty(ntok + 1 if counted else 1, np.int32)
    runs = np.empty((256, 2), np.int32)
    nruns = 0
    exits = np.empty((256, 4), np.int32)
    ninner, nexits, exit_nodes, most = 0, 0, 0, 0
    ascii_at, table_at, ncls, minrem_at = 0, 0, 0, 0
    if kind == T_DFA:
        ascii_at, table_at, ncls = t + H[t + TD_ASCII], t + H[t + TD_TABLE], H[t + TD_NCLS]
        minrem_at = t + H[t + TD_MINREM]
    states = H[t + TD_STATES] if kind == T_DFA else 1
    pk = np.zeros(depth_cap, np.int32)  # bytes that begin a character, from the root of the trie on
    q = 0
    while q != v:
        q += 1
        while X[trie + TN * q + 1] <= v:
            q = X[trie + TN * q + 1]
        pk[0] += X[trie + TN * q] & 0xC0 != 0x80
    known = np.zeros(states + 1, np.int32)  # the height for which a state's bytes are known
    alive = np.zeros(4 * states + 4, np.int64)
    stay = np.zeros(3 * states + 3, np.int64)
    ps[0], pd[0], pn[0], pr[0], pe[0] = s0, d0, 0, 0, end
    depth = 0
    node = v + 1
    while depth >= 0:
        if node >= pe[depth]:
            depth -= 1
            continue
        b = X[trie + TN * node]
        e = X[trie + TN * node + 1]
        s, d, n, r = ps[depth], pd[depth], pn[depth], pr[depth]
        label = -1
        closed = False
        s2, d2, c = -1, 0, 0
        if d == 0 and b < 128 and (raw != 0 or (b >= 32 and b != 34 and b != 92)):
            s2 = 0 if kind == T_ANY else H[table_at + s * ncls + H[ascii_at + b]]
            c = 1
            if s2 >= 0 and counted:
                r = max(r, n + 1 + (H[minrem_at + s2] if kind == T_DFA else 0))
            if raw != 0 and s2 >= 0:
                label = label_of(H, t, s2)
        elif raw != 0:
            s2, d2 = raw_step(H, t, s, d, b)
            if s2 >= 0 and d2 == 0:
                label = label_of(H, t, s2)
        elif b == 34 and d == 0:
            closed = True
            label = label_of(H, t, s)
        elif counted and kind == T_DFA:
            s2, d2, c, r = least_room(H, t, s, d, b, n, r)
        else:
            s2, d2, c = string_step(H, t, s, d, b, -1, 0, 0)
            r = max(r, n + 1)
        if s2 >= 0:
            most = max(most, r)
            a, z = X[trie + TN * node + 2], X[trie + TN * (node + 1) + 2]
            if counted:
                for k in range(a, z):
                    inner[ninner + k - a] = X[vids + k]
                    rooms[ninner + k - a] = r
            if nruns > 0 and runs[nruns - 1, 1] == a:
                runs[nruns - 1, 1] = z
            elif a < z:
                runs, nruns = add_run(runs, nruns, a, z)
            ninner += z - a
        if label >= 0 and (closed or e > node + 1):
            if nexits == exits.shape[0]:
                exits = wider(exits)
            exits[nexits, 0], exits[nexits, 1], exits[nexits, 2], exits[nexits, 3] = node, label, n, r
            nexits += 1
            exit_nodes += e - node
        if s2 < 0 or e == node + 1:
            node = e
            continue
        k2 = pk[depth] + (b & 0xC0 != 0x80)
        if d2 == 0 and e > node + 3 and (raw == 0 or label < 0):
            below = X[X_BELOW] + BN * node
            height = X[below + 5]
            if known[s2] < height:
                if raw != 0 or counted or kind == T_ANY:
                    known[s2] = 1 << 30
                    stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2] = live_bytes(H, t, s2, raw, True)
                else:
                    known[s2] = height
                    stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2] = safe_bytes(H, t, s2, height, alive)
            if all_below(X, below, stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2]):
                a = X[trie + TN * (node + 1) + 2]
                z = X[trie + TN * e + 2]
                if counted:
                    least = n + c - k2 + (H[minrem_at + s2] if kind == T_DFA else 0)
                    for k in range(a, z):
                        inner[ninner + k - a] = X[vids + k]
                        need = max(r, least + X[X[X_CHARS] + X[vids + k]])
                        rooms[ninner + k - a] = need
                        most = max(most, need)
                if nruns > 0 and runs[nruns - 1, 1] == a:
                    runs[nruns - 1, 1] = z
                elif a < z:
                    runs, nruns = add_run(runs, nruns, a, z)
                ninner += z - a
                node = e
                continue
        depth += 1
        ps[depth], pd[depth], pn[depth], pr[depth], pe[depth], pk[depth] = s2, d2, n + c, r, e, k2
        node += 1
    usable = 1
    kept = nexits
    if exit_nodes > 8 * MAX_EXIT_NODES:
        usable = 0
        kept = 0
    if base == 0:
        base = write_entry(X, B, raw, gid, s0, d0, v, 0, ROOM_FREE, inner, ninner, runs, nruns, exits, kept, usable)
    if base == 0 or not counted:
        return base
    size = 2 + most + 1 + ninner + 4 * nexits + 2 * most + 3
    p = X[X_BUMP]
    if p + size + 64 > X[X_CAP]:
        return 0
    X[p] = most
    X[p + 1] = nexits
    for i in range(most + 1):
        X[p + 2 + i] = 0
    for i in range(ninner):
        X[p + 2 + rooms[i]] += 1
    for i in range(1, most + 1):
        X[p + 2 + i] += X[p + 1 + i]
    ids = p + 2 + most + 1
    fill = np.zeros(most + 2, np.int32)
    for i in range(ninner):
        q = rooms[i]
        before = X[p + 1 + q] if q > 0 else 0
        X[ids + before + fill[q]] = inner[i]
        fill[q] += 1
    at = ids + ninner
    for i in range(nexits):
        for k in range(4):
            X[at + 4 * i + k] = exits[i, k]
    at += 4 * nexits
    for i in range(2 * most + 3):
        X[at + i] = 0
    for i in range(nexits):
        if exits[i, 3] <= most:
            X[at + exits[i, 3]] = 1
        if exits[i, 2] <= most:
            X[at + most + 1 + exits[i, 2]] = 1
    last = 0
    for r in range(most + 1):
        if X[at + r] != 0 or X[p + 2 + r] != (X[p + 1 + r] if r > 0 else 0):
            last = r
        X[at + r] = last
    last = most + 1
    for r in range(most + 1, -1, -1):
        if r <= most and X[at + most + 1 + r] != 0:
            last = r
        X[at + most + 1 + r] = last
    X[X_BUMP] = at + 2 * most + 3
    X[base + E_PROFILE] = p
    return base


@device
def build_entry(H, X, B, t, gid, s0, d0, v, need, room, raw):
    """Make an entry; returns its offset, or 0 when the store is full. raw: plain text (1) or JSON string (0).

    Entries with bounds are picked from the entry without: when the first is asked for, it is given a profile, which
    says how much room each of its tokens needs.
    """
    if need != 0 or room < ROOM_FREE:
        base = find_entry(X, gid, s0, d0, v, 0, ROOM_FREE)
        if base == 0 or X[base + E_PROFILE] == 0:
            base = build_entry_free(H, X, B, t, gid, s0, d0, v, 0, 1, base)
            if base == 0:
                return 0
        p = X[base + E_PROFILE]
        most = X[p]
        if need == 0 and room >= most:
            return base
        same = p + 2 + most + 1 + X[p + 2 + most] + 4 * X[p + 1]
        least = X[same + min(room, most)]
        greatest = X[same + most + 1 + min(need, most + 1)]
        chosen = find_entry(X, gid, s0, d0, v, greatest, least)
        if chosen == 0:
            chosen = pick_entry(X, B, base, greatest, least)
        return chosen
    return build_entry_free(H, X, B, t, gid, s0, d0, v, raw, 0, 0)


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
