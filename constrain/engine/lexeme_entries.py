"""Entries of the store for the lexer of rules: the tokens below a trie node that stay inside one terminal, in groups by
which terminals can still come out, and those that leave it, by exits.

As `entries.py`, with these differences: a token stays only where one of its group's terminals can be taken by the
parser; where a terminal ends the next one begins, so an exit is followed only over bytes that could not make the token
longer and that can begin the next one; and where much comes behind an exit it is not merged but named (*far*), since
the entries of the next terminal stand in for it. What is merged has entries of its own, so that a walk goes from
terminal to terminal and not from byte to byte. Watches that the first byte settles are part of an entry's key.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.bytesets import all_below, live_bytes
from constrain.engine.entries import entry_hash, find_entry, wider, write_row
from constrain.engine.exits import MAX_EXIT_NODES, merge_nodes
from constrain.engine.interning import mix
from constrain.engine.layout import (
    BN, D_BODY, E_USABLE, L_GROUP, L_GROUPS, L_HEAD, L_SEC, L_SECTIONS, R_AFTER, R_EXITS, R_KEEPS, R_LEXER, R_BEGINS,
    R_IGNORED, R_LEXER_START, R_NESTED, R_NEWLINE, R_REACH, R_TERMINALS, R_WATCH, R_WORDS, S_CNT, TD_ASCII, TD_BOUNDS,
    TD_CLASSES, TD_NCLS, TD_NINT, TD_STATES, TD_TABLE, TN, WORK, X_BELOW, X_BUMP, X_CAP, X_ECOUNT, X_ESIZE, X_ETABLE,
    X_MAXLEN, X_ROWCAP, X_ROWS, X_TRIE,
)  # fmt: skip
from constrain.engine.lexer import interval_of, label_of, raw_step
from constrain.engine.lr import COLUMN, has_bit, looked
from constrain.engine.rules import before_line
from constrain.engine.splices import BASE_HEAD, first_exit, first_run, group_words, keep_base, nearest_base
from constrain.engine.watches import PROOF, char_range, may_escape, watch_byte
from constrain.jit import engine_device as device

LINE = -1  # for the watches of an entry: a line begins
INSIDE = 1 << 28  # in the decoder's state of an entry: between brackets
BETWEEN_BRACKETS = 2  # an entry that is usable, but not there
BASE_FROM = 500  # nodes walked from which on an entry is made a base
MANY_NODES = 1000  # of a trie, from which on what may follow an exit is noted
TRIE = -2  # in place of the lexer: the record of a trie of suffixes, [TRIE, hash, hash, nodes, ids, 0, trie]
TRIE_RECORD = 7
PARTS = 512
FAR = 160  # trie nodes behind an exit from which on they are not merged


@device
def reach_of(H, off, t, s, d, out32):
    """Write the set of terminals that can come out of (s, d) to out32."""
    words = H[off + R_WORDS]
    reach = off + H[off + R_REACH]
    if d == D_BODY:
        for w in range(words):
            out32[w] = H[reach + words * s + w]
        return
    lo, hi = char_range(d)
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
def follows(H, off, x, b):
    """May byte b come after a token that ends with exit x?"""
    if H[off + R_NESTED] != 0:  # another node may follow there
        return True
    watch = H[off + R_WATCH]
    label, w = H[off + H[off + R_EXITS] + 2 * x], H[off + H[off + R_EXITS] + 2 * x + 1]
    if label < H[off + R_TERMINALS] and not has_bit(H, off + H[off + R_AFTER] + 8 * label, b):
        return False
    if w < 0:
        return True
    w2, d = raw_step(H, watch, w, D_BODY, b)
    if w2 < 0:
        return True
    return label_of(H, watch, w2) != PROOF if d == D_BODY else may_escape(H, watch, watch, w + 1, -1, d)


@device
def skipped(H, off, x, inside):
    """Is a token that ends with exit x dropped by the lexer? inside: 1 between brackets."""
    label = H[off + H[off + R_EXITS] + 2 * x]
    return has_bit(H, off + H[off + R_IGNORED], label) or (inside != 0 and label == H[off + R_NEWLINE])


@device
def skipped_before(H, off, x, b, inside):
    """`skipped`, where byte b settles that the token could not have been longer."""
    w = H[off + H[off + R_EXITS] + 2 * x + 1]
    return skipped(H, off, x, inside) and (w < 0 or raw_step(H, H[off + R_WATCH], w, D_BODY, b)[0] < 0)


@device
def may_skip(H, off, s):
    """May a token come out of the lexer's state s that the lexer drops?"""
    words = H[off + R_WORDS]
    reach = off + H[off + R_REACH] + words * s
    ignored = off + H[off + R_IGNORED]
    for w in range(words):
        if H[reach + w] & H[ignored + w] != 0:
            return True
    return H[off + R_NEWLINE] >= 0 and has_bit(H, reach, H[off + R_NEWLINE])


@device
def much_follows(H, X, off, x, trie, node):
    """Are there many tokens below the trie's node that go on after a token that ends there with exit x?"""
    end = X[trie + TN * node + 1]
    total = 0
    child = node + 1
    while child < end and total <= FAR:
        following = X[trie + TN * child + 1]
        if follows(H, off, x, X[trie + TN * child]):
            total += following - child
        child = following
    return total > FAR


@device
def build_lexer_entry(H, X, B, off, gid, s0, d0, trie, vids, v, n0, inside):
    """Make the entry of lexer state (s0, d0) under watches n0 for the tokens below node v of a trie with its ids.

    n0 = LINE: a line begins, and no byte may come that belongs to the space before it.

    Where s0 is the beginning of a token, the next one begins there as well once a token was dropped: the walk goes on
    in s0. inside: 1 where s0 stands between brackets, so that line ends are dropped.

    Returns its offset; 0: no room left.
    """
    t = H[off + R_LEXER]
    words = H[off + R_WORDS]
    vocabulary = trie == X[X_TRIE]
    end = X[trie + TN * v + 1]
    H[WORK] += end - v
    cap = X[X_MAXLEN] + 2
    ps = np.empty(cap, np.int32)
    pd = np.empty(cap, np.int32)
    pe = np.empty(cap, np.int32)
    px = np.empty(cap, np.int32)  # the exit that children are followed from, or -1
    runs = np.empty((256, 3), np.int32)  # first, end, group
    nruns = 0
    exits = np.empty((256, 3), np.int32)  # trie node, exit, 1: all below it is far; or child of v, -1, 1
    nexits = 0
    sets = np.empty((16, words), np.int32)
    ngroups = 0
    reach = np.empty(words, np.int32)
    states = H[t + TD_STATES]
    group_at = np.full(states, -1, np.int32)
    parts = np.full(3 * PARTS, -1, np.int32)  # the same inside of characters: the latest ones
    stay = np.zeros(3 * states if vocabulary else 1, np.int64)
    known = np.zeros(states if vocabulary else 1, np.int32)
    asked_often = end - v > MANY_NODES
    # exit << 8 | byte: 1 yes, 2 no
    may_follow = np.zeros((H[off + R_LEXER_START] - H[off + R_EXITS]) << 7 if asked_often else 1, np.int32)
    ascii_at, table_at, ncls = t + H[t + TD_ASCII], t + H[t + TD_TABLE], H[t + TD_NCLS]
    keeps = off + H[off + R_KEEPS]
    ps[0], pd[0], pe[0], px[0] = s0, d0, end, -1  # an exit at v itself is a section's `whole`
    at_root = vocabulary and v == 0 and d0 == D_BODY
    base = nearest_base(H, X, off, gid, s0) if at_root else 0
    bs = np.empty(cap, np.int32)  # the base's state, or -1
    bd = np.empty(cap, np.int32)
    bs[0], bd[0] = X[base + 2] if base != 0 else -1, D_BODY
    run_at, exit_at, walked = 0, 0, 0
    groups = np.full(X[X[base + 3] + L_GROUPS] if base != 0 else 1, -1, np.int32)  # the base's in terms of these
    begins = off + H[off + R_BEGINS]
    resumes = d0 == D_BODY and H[off + R_NESTED] == 0 and H[begins + s0] != 0
    base_resumes = resumes and base != 0 and H[begins + X[base + 2]] != 0
    depth = 0
    node = v + 1
    while depth >= 0:
        if node >= pe[depth]:
            depth -= 1
            continue
        if nruns == runs.shape[0]:
            runs = wider(runs)
        if nexits + 2 >= exits.shape[0]:
            exits = wider(exits)
        b = X[trie + TN * node]
        e = X[trie + TN * node + 1]
        if depth == 0 and n0 == LINE and before_line(H, off, b):
            node = e
            continue
        s, d = ps[depth], pd[depth]
        if depth == 0 and n0 > 0:
            n = watch_byte(H, H[off + R_WATCH], n0, d, b)
            if n != 0:
                s2, d2 = raw_step(H, t, s, d, b)
                if n > 0 and s2 >= 0 and (d2 == D_BODY or may_escape(H, t, H[off + R_WATCH], n0, s, d2)):
                    # not settled yet
                    nexits = add_exit(exits, nexits, node, -1, 1)
                node = e
                continue
        again = False  # does a token begin where one that is dropped ends?
        if px[depth] >= 0:
            i = px[depth] << 8 | b if asked_often else 0
            if may_follow[i] == 0 or not asked_often:
                may_follow[i] = 1 if follows(H, off, px[depth], b) else 2
            again = may_follow[i] == 1 and resumes and skipped_before(H, off, px[depth], b, inside)
            if again and raw_step(H, t, s, d, b)[0] >= 0:
                again = False
            if may_follow[i] == 1 and not again:
                nexits = add_exit(exits, nexits, node, px[depth], 0)
        s2, d2 = -1, 0
        if again:
            s2, d2 = raw_step(H, t, s0, D_BODY, b)
        elif d == D_BODY and b < 128:
            s2 = H[table_at + s * ncls + H[ascii_at + b]]
        else:
            s2, d2 = raw_step(H, t, s, d, b)
        if s2 < 0:
            node = e
            continue
        bs2, bd2 = -1, 0
        if bs[depth] >= 0:
            bs2, bd2 = raw_step(H, t, bs[depth], bd[depth], b)
            if again and bs2 < 0 and base_resumes and bd[depth] == D_BODY:
                x = label_of(H, t, bs[depth])
                if x >= 0 and follows(H, off, x, b) and skipped_before(H, off, x, b, 0):
                    bs2, bd2 = raw_step(H, t, X[base + 2], D_BODY, b)
            if bs2 == s2 and bd2 == d2 and not may_skip(H, off, s2):
                run_at = first_run(X, base, X[trie + TN * node + 2], run_at)
                z = X[trie + TN * e + 2]
                at = base + BASE_HEAD + 3 * run_at
                while run_at < X[base + 4] and X[at] < z:
                    if groups[X[at + 2]] < 0:
                        r = group_words(H, X, off, base, X[at + 2])
                        for w in range(words):
                            reach[w] = X[r + w]
                        sets, ngroups, groups[X[at + 2]] = grouped(sets, ngroups, reach)
                    a = max(X[at], X[trie + TN * node + 2])
                    if nruns == runs.shape[0]:
                        runs = wider(runs)
                    nruns = add_run(runs, nruns, a, min(X[at + 1], z), groups[X[at + 2]])
                    run_at += 1
                    at += 3
                run_at -= 1 if run_at > 0 else 0  # it may go on behind this node
                exit_at = first_exit(X, base, node, exit_at)
                at = base + BASE_HEAD + 3 * (X[base + 4] + exit_at)
                while exit_at < X[base + 5] and X[at] < e:
                    if X[at] != node or X[at + 2] != 0:  # what comes to the node itself is found above
                        if nexits == exits.shape[0]:
                            exits = wider(exits)
                        nexits = add_exit(exits, nexits, X[at], X[at + 1], X[at + 2])
                    exit_at += 1
                    at += 3
                node = e
                continue
        walked += 1
        k = 3 * ((s2 * 31 + d2) & (PARTS - 1))
        if d2 == D_BODY:
            g = group_at[s2]
        else:
            g = parts[k + 2] if parts[k] == s2 and parts[k + 1] == d2 else -1
        if g < 0:
            reach_of(H, off, t, s2, d2, reach)
            sets, ngroups, g = grouped(sets, ngroups, reach)
            if d2 == D_BODY:
                group_at[s2] = g
            else:
                parts[k], parts[k + 1], parts[k + 2] = s2, d2, g
        a, z = X[trie + TN * node + 2], X[trie + TN * (node + 1) + 2]
        whole = False
        stays = label_of(H, t, s2) < 0 or (H[keeps + s2] != 0 and H[off + R_NESTED] == 0) if d2 == D_BODY else False
        if vocabulary and stays and e > node + 3:
            if known[s2] == 0:
                known[s2] = 1
                stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2] = live_bytes(H, t, s2, 1, True)
            whole = all_below(X, X[X_BELOW] + BN * node, stay[3 * s2], stay[3 * s2 + 1], stay[3 * s2 + 2])
            if whole:
                z = X[trie + TN * e + 2]
        if a < z:
            nruns = add_run(runs, nruns, a, z, g)
        if whole or e == node + 1:
            node = e
            continue
        x = label_of(H, t, s2) if d2 == D_BODY else -1
        goes_on = x >= 0 and resumes and skipped(H, off, x, inside)
        if x >= 0 and e - node > FAR and not goes_on and much_follows(H, X, off, x, trie, node):
            nexits = add_exit(exits, nexits, node, x, 1)
            x = -1
        depth += 1
        ps[depth], pd[depth], pe[depth], px[depth] = s2, d2, e, x
        bs[depth], bd[depth] = bs2, bd2
        node += 1
    at_once = label_of(H, t, s0) if d0 == D_BODY else -1
    d_key = d0 | INSIDE if inside != 0 else d0
    entry = write_lexer_entry(
        X, B, gid, s0, d_key, trie, vids, v, n0, runs, nruns, sets, ngroups, exits, nexits, at_once
    )
    if entry != 0 and inside == 0 and H[off + R_NEWLINE] >= 0 and X[entry + E_USABLE] != 0:
        for i in range(nexits):
            if exits[i, 1] >= 0 and H[off + H[off + R_EXITS] + 2 * exits[i, 1]] == H[off + R_NEWLINE]:
                X[entry + E_USABLE] = BETWEEN_BRACKETS
                break
    if entry != 0 and at_root and n0 == 0 and walked > BASE_FROM:
        keep_base(X, gid, s0, entry, runs, nruns, exits, nexits)
    return entry


@device
def is_inside(H, off, s, d, st):
    """Is stack st between brackets, so that line ends which follow (s, d) are dropped?"""
    if d != D_BODY or H[off + R_NESTED] != 0 or H[off + H[off + R_BEGINS] + s] == 0:
        return False
    looked(H, st)
    return H[st + S_CNT] > COLUMN


@device
def grouped(table32, n, list32):
    """Find list32 among the n rows of table32, or append it. Returns (the table, its rows, the row)."""
    g = group_of(table32, n, list32)
    if g == n:
        if n == table32.shape[0]:
            table32 = wider(table32)
        for w in range(list32.shape[0]):
            table32[g, w] = list32[w]
        n += 1
    return table32, n, g


@device
def add_run(table32, n, a, z, g):
    """Append the ids at a..z, of group g, to the n runs, which have room for it. Returns their number."""
    if n > 0 and table32[n - 1, 1] == a and table32[n - 1, 2] == g:
        table32[n - 1, 1] = z
        return n
    table32[n, 0], table32[n, 1], table32[n, 2] = a, z, g
    return n + 1


@device
def suffix_key(X, trie):
    """What tells entries of this trie from others: 0 for the vocabulary's."""
    return 0 if trie == X[X_TRIE] else trie


@device
def add_exit(table32, n, node, x, far):
    """Append to the n exits, which have room for it. Returns their number."""
    table32[n, 0], table32[n, 1], table32[n, 2] = node, x, far
    return n + 1


@device
def trie_hash(table32, used, list32, nids):
    """Two hashes of a trie of suffixes and its ids."""
    h, h2 = np.int64(7), np.int64(nids)
    for i in range(used + 1):
        h = mix(h, table32[i, 0] if i < used else 0)
        h2 = mix(h2, table32[i, 1] if i < used else 0)
        h = mix(h, table32[i, 2])
    for i in range(nids):
        h = mix(h, list32[i])
        h2 = mix(h2, h)
    return np.int64(np.int32(h)), np.int64(np.int32(h2))


@device
def trie_like(X, table32, used, list32, nids):
    """The record of a trie of suffixes that was written before and equals this one, or 0."""
    h, h2 = trie_hash(table32, used, list32, nids)
    same = find_entry(X, TRIE, h, h2, used, nids, 0)
    if same == 0:
        return same
    q = X[same + 6]
    for i in range(used + 1):
        if X[q + TN * i + 2] != table32[i, 2]:
            return 0
        if i < used and (X[q + TN * i] != table32[i, 0] or X[q + TN * i + 1] != table32[i, 1]):
            return 0
    q += TN * (used + 1)
    for i in range(nids):
        if X[q + i] != list32[i]:
            return 0
    return same


@device
def write_trie(X, table32, used, list32, nids, at):
    """Append a trie of suffixes and its ids, which have room, behind a record that finds it. Returns the end."""
    h, h2 = trie_hash(table32, used, list32, nids)
    r, q = at, at + TRIE_RECORD
    X[r], X[r + 1], X[r + 2], X[r + 3], X[r + 4], X[r + 5], X[r + 6] = TRIE, h, h2, used, nids, 0, q
    add_entry(X, r)
    for i in range(used + 1):
        X[q + TN * i], X[q + TN * i + 1], X[q + TN * i + 2] = table32[i, 0], table32[i, 1], table32[i, 2]
        X[q + TN * i + 3] = 0
        X[q + TN * i + 4] = 0
    q += TN * (used + 1)
    for i in range(nids):
        X[q + i] = list32[i]
    return q + nids


@device
def add_entry(X, e):
    """Make the entry at e one that is found."""
    table, size = X[X_ETABLE], X[X_ESIZE]
    h = entry_hash(X[e], X[e + 1], X[e + 2], X[e + 3], X[e + 4], X[e + 5]) & (size - 1)
    while X[table + h] != 0:
        h = (h + 1) & (size - 1)
    X[table + h] = e
    X[X_ECOUNT] += 1


@device
def write_lexer_entry(X, B, gid, s0, d0, trie, vids, v, n0, table32, nruns, sets, ngroups, exit_table, nexits, whole):
    """Append an entry (layout.py, L_*). whole: the exit at v itself, or -1. Returns its offset; 0: no room left."""
    words = sets.shape[1]
    key = suffix_key(X, trie)
    dense_from = B.shape[1] >> 2 if key == 0 else 1 << 30  # what is added to the ids of a tail is no row
    counts = np.zeros(ngroups + 1, np.int32)
    for i in range(nruns):
        counts[table32[i, 2]] += table32[i, 1] - table32[i, 0]
    dense, listed = 0, 0
    for g in range(ngroups):
        if counts[g] >= dense_from:
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
    X[base], X[base + 1], X[base + 2], X[base + 3], X[base + 4], X[base + 5] = gid, s0, d0, v, n0, key
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
        if counts[g] >= dense_from:
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
            used, nids = merge_nodes(X, trie, vids, out, points, npoints, nodes, ids_at)
            if used < 0:
                X[base + E_USABLE] = 0
                break
            if at + TN * (used + 1) + nids + 64 + nexits > X[X_CAP] or 4 * X[X_ECOUNT] > 3 * X[X_ESIZE]:
                X[X_BUMP] = at  # tries that have been written are found
                return 0
            same = trie_like(X, out, used, ids_at, nids)
            if same != 0:
                X[r + 1], X[r + 2] = X[same + 6], X[same + 6] + TN * (used + 1)
                continue
            X[r + 1] = at + TRIE_RECORD
            at = write_trie(X, out, used, ids_at, nids, at)
            X[r + 2] = at - nids
    X[X_BUMP] = at
    add_entry(X, base)
    return base
