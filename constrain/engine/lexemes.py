"""Entries of the store for the lexer of rules: the tokens below a trie node that stay inside one terminal, in groups by
which terminals can still come out, and those that leave it, by exits.

As `entries.py`, with these differences: a token stays only where one of its group's terminals can be taken by the
parser; where a terminal ends the next one begins, so an exit is followed only over bytes that could not make the token
longer; and large subtrees behind an exit are not merged but named (*far*), since the entries of the next terminal stand
in for them.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.bytesets import all_below, live_bytes
from constrain.engine.configurations import node_at
from constrain.engine.entries import DENSE_FROM, entry_hash, find_entry, wider, write_row
from constrain.engine.exits import MAX_EXIT_NODES, merge_nodes
from constrain.engine.frames import (
    F_CFG, F_CUR, F_END, F_FIRST, M_PLAIN, M_TAIL, M_VOCABULARY, head_frame, open_frame,
)  # fmt: skip
from constrain.engine.interning import find_tail
from constrain.engine.layout import (
    BN, CFG, D_BODY, L_GROUP, L_GROUPS, L_HEAD, L_SEC, L_SECTIONS, NEED_SCRATCH, NEED_STORE, PH_BLANK, PH_IN, R_BEGINS,
    R_EXITS, R_LEXER, R_NODES, R_REACH, R_WATCH, R_WORDS, SCRATCH_END, STATUS, TD_ASCII, TD_BOUNDS, TD_CLASSES, TD_NCLS,
    TD_NINT, TD_STATES, TD_TABLE, TN, WORK, X_BELOW, X_BUMP, X_CAP, X_ECOUNT, X_ESIZE, X_ETABLE, X_IDS, X_MAXLEN,
    X_ROWCAP, X_ROWS, X_TRIE, E_USABLE,
)  # fmt: skip
from constrain.engine.lexer import dfa_step, interval_of, label_of, raw_step
from constrain.engine.lr import any_of, dropped, may_take
from constrain.engine.records import add_ref, add_row, add_tail
from constrain.engine.rules import PROOF, after_exit
from constrain.jit import engine_device as device

BEGINS, KEEPS, WIDE_STATE = 1, 2, 4  # of R_BEGINS
FAR = 160  # subtree size from which on what is behind an exit is not merged


@device
def reach_of(H, off, t, s, d, out32):
    """Write the set of terminals that can come out of (s, d) to out32."""
    words = H[off + R_WORDS]
    reach = off + H[off + R_REACH]
    if d == D_BODY:
        for w in range(words):
            out32[w] = H[reach + words * s + w]
        return
    rest = (d >> 4) & 3
    lo = (d >> 9) << (6 * rest)
    hi = lo + (1 << (6 * rest)) - 1
    length = (d >> 6) & 7
    lo = max(lo, 0x80 if length == 2 else (0x800 if length == 3 else 0x10000))
    hi = min(hi, 0x10FFFF)
    for w in range(words):
        out32[w] = 0
    n = H[t + TD_NINT]
    i = interval_of(H, t, lo) - 1
    while i + 1 < n and H[t + H[t + TD_BOUNDS] + i + 1] <= hi:
        i += 1
        first = max(lo, H[t + H[t + TD_BOUNDS] + i])
        last = min(hi, H[t + H[t + TD_BOUNDS] + i + 1] - 1) if i + 1 < n else hi
        if first >= 0xD800 and last <= 0xDFFF:
            continue
        s2 = H[t + H[t + TD_TABLE] + s * H[t + TD_NCLS] + H[t + H[t + TD_CLASSES] + i]]
        if s2 >= 0:
            for w in range(words):
                out32[w] |= H[reach + words * s2 + w]


@device
def group_of(table32, n, list32):
    """The row of table32, of n rows, that equals list32, or n."""
    for i in range(n):
        same = True
        for w in range(list32.shape[0]):
            if table32[i, w] != list32[w]:
                same = False
                break
        if same:
            return i
    return n


@device
def build_lexer_entry(H, X, B, off, gid, s0, d0, v):
    """Make the entry of lexer state (s0, d0) for the tokens below trie node v. Returns its offset; 0: no room left."""
    t, watch = H[off + R_LEXER], H[off + R_WATCH]
    words = H[off + R_WORDS]
    trie = X[X_TRIE]
    end = X[trie + TN * v + 1]
    H[WORK] += end - v
    cap = X[X_MAXLEN] + 2
    ps = np.empty(cap, np.int32)
    pd = np.empty(cap, np.int32)
    pe = np.empty(cap, np.int32)
    runs = np.empty((256, 3), np.int32)  # first, end, group
    nruns = 0
    exits = np.empty((256, 3), np.int32)  # trie node, exit, 1: the subtree is far
    nexits = 0
    sets = np.empty((16, words), np.int32)
    ngroups = 0
    reach = np.empty(words, np.int32)
    states = H[t + TD_STATES]
    group_at = np.full(states, -1, np.int32)
    stay = np.zeros(3 * states, np.int64)
    known = np.zeros(states, np.int32)
    ascii_at, table_at, ncls = t + H[t + TD_ASCII], t + H[t + TD_TABLE], H[t + TD_NCLS]
    flags = off + H[off + R_BEGINS]
    ps[0], pd[0], pe[0] = s0, d0, end
    depth = 0
    node = v + 1
    while depth >= 0:
        if node >= pe[depth]:
            depth -= 1
            continue
        b = X[trie + TN * node]
        e = X[trie + TN * node + 1]
        s, d = ps[depth], pd[depth]
        # an exit before this byte (those at v itself are a section's `whole`)
        if d == D_BODY and depth > 0:
            x = label_of(H, t, s)
            if x >= 0:
                w = H[off + H[off + R_EXITS] + 2 * x + 1]
                follows = True
                if w >= 0 and b < 128:
                    w2 = dfa_step(H, watch, w, b)
                    follows = w2 < 0 or label_of(H, watch, w2) != PROOF
                if follows:
                    if nexits == exits.shape[0]:
                        exits = wider(exits)
                    far = 1 if e - node > FAR else 0
                    exits[nexits, 0], exits[nexits, 1], exits[nexits, 2] = node, x, far
                    nexits += 1
        s2, d2 = -1, 0
        if d == D_BODY and b < 128:
            s2 = H[table_at + s * ncls + H[ascii_at + b]]
        else:
            s2, d2 = raw_step(H, t, s, d, b)
        if s2 < 0:
            node = e
            continue
        g = group_at[s2] if d2 == D_BODY else -1
        if g < 0:
            reach_of(H, off, t, s2, d2, reach)
            g = group_of(sets, ngroups, reach)
            if g == ngroups:
                if ngroups == sets.shape[0]:
                    sets = wider(sets)
                for k in range(words):
                    sets[g, k] = reach[k]
                ngroups += 1
            if d2 == D_BODY:
                group_at[s2] = g
        a, z = X[trie + TN * node + 2], X[trie + TN * (node + 1) + 2]
        whole = False
        if d2 == D_BODY and e > node + 3 and (label_of(H, t, s2) < 0 or H[flags + s2] & KEEPS != 0):
            if known[s2] == 0:
                known[s2] = 1
                stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2] = live_bytes(H, t, s2, 1, True)
            whole = all_below(X, X[X_BELOW] + BN * node, stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2])
            if whole:
                z = X[trie + TN * e + 2]
        if a < z:
            if nruns > 0 and runs[nruns - 1, 1] == a and runs[nruns - 1, 2] == g:
                runs[nruns - 1, 1] = z
            else:
                if nruns == runs.shape[0]:
                    runs = wider(runs)
                runs[nruns, 0], runs[nruns, 1], runs[nruns, 2] = a, z, g
                nruns += 1
        if whole or e == node + 1:
            node = e
            continue
        depth += 1
        ps[depth], pd[depth], pe[depth] = s2, d2, e
        node += 1
    at_once = label_of(H, t, s0) if d0 == D_BODY else -1
    return write_lexer_entry(X, B, gid, s0, d0, v, runs, nruns, sets, ngroups, exits, nexits, at_once)


@device
def write_lexer_entry(X, B, gid, s0, d0, v, table32, nruns, sets, ngroups, exit_table, nexits, whole):
    """Append an entry (layout.py, L_*). whole: the exit at v itself, or -1. Returns its offset; 0: no room left."""
    trie, vids = X[X_TRIE], X[X_IDS]
    words = sets.shape[1]
    counts = np.zeros(ngroups + 1, np.int32)
    for i in range(nruns):
        counts[table32[i, 2]] += table32[i, 1] - table32[i, 0]
    dense, listed = 0, 0
    for g in range(ngroups):
        if counts[g] >= DENSE_FROM:
            dense += 1
        else:
            listed += counts[g]
    exits = np.empty(nexits + 2, np.int32)
    nsec = 0
    if whole >= 0:
        exits[0] = whole
        nsec = 1
    for i in range(nexits):
        found = False
        for j in range(nsec):
            if exits[j] == exit_table[i, 1]:
                found = True
                break
        if not found:
            exits[nsec] = exit_table[i, 1]
            nsec += 1
            if nsec == exits.shape[0]:
                break
    if X[X_ROWS] + dense > X[X_ROWCAP] or 4 * X[X_ECOUNT] > 3 * X[X_ESIZE]:
        return 0
    size = L_HEAD + ngroups * (L_GROUP + words) + nsec * L_SEC + listed + nexits
    if X[X_BUMP] + size + 64 > X[X_CAP]:
        return 0
    base = X[X_BUMP]
    X[base], X[base + 1], X[base + 2], X[base + 3], X[base + 4], X[base + 5] = gid, s0, d0, v, 0, 0
    X[base + E_USABLE] = 1
    X[base + L_GROUPS], X[base + L_SECTIONS] = ngroups, nsec
    at = base + L_HEAD + ngroups * (L_GROUP + words) + nsec * L_SEC
    mine = np.empty((nruns + 1, 2), np.int32)
    no_ids = np.empty(1, np.int32)
    for g in range(ngroups):
        r = base + L_HEAD + g * (L_GROUP + words)
        for w in range(words):
            X[r + L_GROUP + w] = sets[g, w]
        X[r], X[r + 1], X[r + 2] = -1, at, counts[g]
        n = 0
        for i in range(nruns):
            if table32[i, 2] == g:
                mine[n, 0], mine[n, 1] = table32[i, 0], table32[i, 1]
                n += 1
        if counts[g] >= DENSE_FROM:
            X[r] = X[X_ROWS]
            write_row(X, B, X[r], no_ids, counts[g], mine, n)
            X[X_ROWS] += 1
        else:
            for i in range(n):
                for k in range(mine[i, 0], mine[i, 1]):
                    X[at] = X[vids + k]
                    at += 1
    points = np.empty(nexits + 1, np.int32)
    for j in range(nsec):
        r = base + L_HEAD + ngroups * (L_GROUP + words) + L_SEC * j
        npoints, nodes, ids = 0, 0, 0
        far_at = at
        for i in range(nexits):
            if exit_table[i, 1] != exits[j]:
                continue
            q = exit_table[i, 0]
            if exit_table[i, 2] != 0:
                X[at] = q
                at += 1
            else:
                points[npoints] = q
                npoints += 1
                nodes += X[trie + TN * q + 1] - q
                ids += X[trie + TN * X[trie + TN * q + 1] + 2] - X[trie + TN * q + 2]
        X[r], X[r + 1], X[r + 2], X[r + 3], X[r + 4] = exits[j], 0, 0, far_at, at - far_at
        X[r + 5] = 1 if exits[j] == whole else 0
        if npoints > 0:
            out = np.empty((min(nodes, MAX_EXIT_NODES) + 2, 3), np.int32)
            ids_at = np.empty(ids + 1, np.int32)
            used, nids = merge_nodes(X, out, points, npoints, nodes, ids_at)
            if used < 0:
                X[base + E_USABLE] = 0
                break
            if at + TN * (used + 1) + nids + 64 + nexits > X[X_CAP]:
                return 0
            X[r + 1] = at
            for i in range(used + 1):
                X[at + TN * i], X[at + TN * i + 1], X[at + TN * i + 2] = out[i, 0], out[i, 1], out[i, 2]
                X[at + TN * i + 3] = 0
                X[at + TN * i + 4] = 0
            at += TN * (used + 1)
            X[r + 2] = at
            for i in range(nids):
                X[at + i] = ids_at[i]
            at += nids
    X[X_BUMP] = at
    table, tsize = X[X_ETABLE], X[X_ESIZE]
    h = entry_hash(gid, s0, d0, v, 0, 0) & (tsize - 1)
    while X[table + h] != 0:
        h = (h + 1) & (tsize - 1)
    X[table + h] = base
    X[X_ECOUNT] += 1
    return base


@device
def use_lexer_entry(H, X, B, c, v, top, frame):
    """`masks.use_entry` for a configuration of rules at c inside a token."""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    ph = pos & 15
    if (ph != PH_IN and ph != PH_BLANK) or (ph == PH_IN and n != 0):
        return -1
    nid = pos >> 4
    off = node_at(H, nid)
    if off == 0:
        return -1
    if d == D_BODY:
        flags = H[off + H[off + R_BEGINS] + s]
        # the whole vocabulary is worth an entry where most of it stays; elsewhere those of the next states serve
        if flags & BEGINS != 0 or (v == 0 and flags & WIDE_STATE == 0):
            return -1
    t, words = H[off + R_LEXER], H[off + R_WORDS]
    gid = H[t + 1]
    e = find_entry(X, gid, s, d, v, 0, 0)
    if e == 0:
        e = build_lexer_entry(H, X, B, off, gid, s, d, v)
        if e == 0:
            if H[STATUS] == 0:
                H[STATUS] = NEED_STORE
            return -1
    if X[e + E_USABLE] == 0:
        return -1
    groups, sections = X[e + L_GROUPS], X[e + L_SECTIONS]
    first = e + L_HEAD + groups * (L_GROUP + words)
    if H[off + H[off + R_NODES]] > 0:  # a node has no watch
        for i in range(sections):
            if H[off + H[off + R_EXITS] + 2 * X[first + L_SEC * i] + 1] >= 0:
                return -1
    for g in range(groups):
        r = e + L_HEAD + g * (L_GROUP + words)
        good = ph == PH_BLANK
        if not good:
            # the set lies in the store; any_of reads the arena
            for w in range(words):
                if frame + F_CFG + words > H[SCRATCH_END]:
                    H[STATUS] = NEED_SCRATCH
                    return -1
                H[frame + w] = X[r + L_GROUP + w]
            good = any_of(H, off, st, frame)
        if good:
            if X[r] >= 0:
                add_row(H, B, X[r])
            else:
                add_ref(H, X, X[r + 1], X[r + 2])
    if H[STATUS] != 0:
        return -1
    for i in range(sections):
        sec = first + L_SEC * i
        x = X[sec]
        label = H[off + H[off + R_EXITS] + 2 * x]
        if ph == PH_IN and not dropped(H, off, st, label) and not may_take(H, off, st, label):
            continue
        far, nfar, suffixes = X[sec + 3], X[sec + 4], X[sec + 1]
        if frame + F_CFG + CFG * 64 > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return -1
        m = after_exit(H, nid, off, ph, x, n, st, frame + F_CFG)
        if H[STATUS] != 0:
            return -1
        if m == 0:
            continue
        size = F_CFG + CFG * m
        if frame + size * (nfar + 3) > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return -1
        # the configurations stay at `frame`; each frame that is made begins with a copy of them
        below = top
        at = frame
        if suffixes != 0:
            tail = find_tail(H, frame + F_CFG, suffixes) if m == 1 else 0
            if tail != 0:
                add_tail(H, tail)
            else:
                open_frame(H, X, below, at, M_TAIL if m == 1 else M_PLAIN, suffixes, X[sec + 2], 0, m)
                H[at + F_FIRST] = -1
                below = at
                at += size
        for k in range(nfar):
            q = X[far + k]
            if at != frame:
                for j in range(CFG * m):
                    H[at + F_CFG + j] = H[frame + F_CFG + j]
            head_frame(H, X, below, at, M_VOCABULARY, X[X_TRIE], X[X_IDS], v, m)
            H[at + F_CUR] = q
            H[at + F_END] = X[X[X_TRIE] + TN * q + 1]
            below = at
            at += size
        if X[sec + 5] != 0:
            if at != frame:
                for j in range(CFG * m):
                    H[at + F_CFG + j] = H[frame + F_CFG + j]
            open_frame(H, X, below, at, M_VOCABULARY, X[X_TRIE], X[X_IDS], v, m)
            below = at
            at += size
        top = below
        frame = at
        if H[STATUS] != 0:
            return -1
    return top
