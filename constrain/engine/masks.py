"""The mask of a state: entries of the store where a configuration stands in a wide terminal, a walk elsewhere.

The walk goes down a byte trie (the vocabulary's, or the exits of an entry) with a list of configurations per node.
Where a single configuration enters a wide terminal at a node with many tokens below it, the entry for that node stands
in for the walk. A free key of an open object shares the entries of the plain string; the few tokens that follow a
declared key are put right afterwards (`correct_keys`).
"""

from __future__ import annotations

import numpy as np

from constrain.engine.entries import build_entry, clip_need, clip_room, find_entry
from constrain.engine.interning import find_tail, room_for, save_tail
from constrain.engine.layout import (
    ARG, BUMP, CFG, DENSE, D_BODY, D_ESC, E_HEAD, E_INNER, E_NINNER, E_NSEC, E_ROW, E_ROWALL, E_SEC, E_USABLE,
    FILTER_FROM, IDS, IDS_END, LIMIT_WORK, LISTS, MAX_LIST, NEED_IDS, NEED_SCRATCH, NEED_STORE, N_CLEARS, N_IDS, N_REFS,
    N_ROWS, OP_ALT, OP_ARRAY, OP_FORWARD, OP_LITERAL, OP_OBJECT, OP_SEQ, OP_STRING, OP_TEXT, O_TERM, O_VALUES, PENDING,
    PH_AFTER, PH_COLON, PH_COMMA, PH_DONE, PH_IN, PH_KEY, PH_OPEN, PH_START, PH_VALUE, ROOM_FREE, SCRATCH, SCRATCH_END,
    STATE_HEAD, STATUS, S_CNT, TAIL_HEAD, TD_ALL, TD_ASCII, TD_FIRST, TD_NCLS, TD_TABLE, TD_WIDE, TERMS, TN, TT_CHARS,
    TT_EDGE0, TT_FREE, TT_LABEL, TT_NODES, TT_OPEN, T_DFA, T_TRIE, WIDE, WORK, WORK_LIMIT, WS_MAX, WS_MODE, X_EOS,
    X_IDS, X_MAXLEN, X_NEOS, X_SPACES, X_TRIE,
)  # fmt: skip
from constrain.engine.lexer import key_parts, label_of, names_live, trie_step
from constrain.engine.machine import after, array_item, emit, enter_sequence, node_at, pend, step, terminal_at
from constrain.engine.objects import free_ok, label_ok, take_label
from constrain.jit import engine_device as device

# a frame of the walk, in scratch: [frame below, end of children, m, filter, next byte, node, cursor, trie, its ids,
# mode, bits x 8, ids before it, configurations...]
F_END, F_M, F_FILTER, F_NEXT, F_NODE, F_CUR, F_TRIE, F_IDS, F_MODE, F_BITS, F_FIRST, F_CFG = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 19,
)  # fmt: skip
LOWEST_BIT = (
    0, 1, 28, 2, 29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4, 8, 31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6, 11, 5, 10, 9
)  # fmt: skip
M_VOCABULARY = 0  # the vocabulary's trie, entries may stand in
M_PLAIN = 1  # any trie, no entries
M_KEYS = 2  # the vocabulary's trie along the declared keys of an open object
M_TAIL = 4  # like M_PLAIN; what it finds is remembered
M_NAMES = 3  # the same, not begun yet: what other configurations add to the subtree comes first


@device
def add_ids(H, X, a, z):
    """Append the token ids X[a:z] to the ids of the mask."""
    at = H[IDS] + H[N_IDS]
    if at + (z - a) > H[IDS_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_IDS
        return
    for k in range(a, z):
        H[at] = X[k]
        at += 1
    H[N_IDS] += z - a


@device
def add_tail(H, tail):
    """Append the ids of a tail to the ids of the mask."""
    n = H[tail + TAIL_HEAD - 1]
    at = H[IDS] + H[N_IDS]
    if at + n > H[IDS_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_IDS
        return
    for k in range(n):
        H[at + k] = H[tail + TAIL_HEAD + k]
    H[N_IDS] += n


@device
def add_ref(H, X, a, n):
    """Add the n token ids at X[a] to the mask, by reference while there is room for one."""
    at = H[LISTS] + MAX_LIST
    for i in range(H[N_REFS]):
        if H[at + 2 * i] == a and H[at + 2 * i + 1] == n:
            return
    if H[N_REFS] >= MAX_LIST:
        add_ids(H, X, a, a + n)
        return
    H[at + 2 * H[N_REFS]] = a
    H[at + 2 * H[N_REFS] + 1] = n
    H[N_REFS] += 1


@device
def add_row(H, B, row):
    """Add a row of bits to the mask, by reference while there is room for one."""
    at = H[LISTS]
    for i in range(H[N_ROWS]):
        if H[at + i] == row:
            return
    if H[N_ROWS] < MAX_LIST:
        H[at + H[N_ROWS]] = row
        H[N_ROWS] += 1
        return
    for w in range(B.shape[1]):
        x = np.int64(B[row, w])
        while x != 0:
            at = H[IDS] + H[N_IDS]
            if at >= H[IDS_END]:
                if H[STATUS] == 0:
                    H[STATUS] = NEED_IDS
                return
            H[at] = 32 * w + lowest_bit(x)
            H[N_IDS] += 1
            x &= x - 1


@device
def set_bit(H, bits, b):
    H[bits + (b >> 5)] = np.int32(H[bits + (b >> 5)] | (np.int32(1) << np.int32(b & 31)))


@device
def set_spaces(H, bits):
    set_bit(H, bits, 32)
    set_bit(H, bits, 10)
    set_bit(H, bits, 13)
    set_bit(H, bits, 9)


@device
def utf8_lead(c):
    """First byte of the UTF-8 of character c."""
    if c < 0x80:
        return c
    if c < 0x800:
        return 0xC0 | c >> 6
    if c < 0x10000:
        return 0xE0 | c >> 12
    return 0xF0 | c >> 18


@device
def key_bits(H, t, s, d, bits):
    """Add the bytes that may keep a name on its trie (a superset of them). Returns False when nothing is known."""
    node, _ = key_parts(H, t, s)
    if node >= H[t + TT_NODES]:
        return False
    if d == D_ESC:
        for b in (34, 47, 92, 98, 102, 110, 114, 116, 117):
            set_bit(H, bits, b)
        return True
    if d != D_BODY:
        return False
    for i in range(H[t + H[t + TT_EDGE0] + node], H[t + H[t + TT_EDGE0] + node + 1]):
        c = H[t + H[t + TT_CHARS] + i]
        if c >= 32 and c != 34 and c != 92:
            set_bit(H, bits, utf8_lead(c))
    set_bit(H, bits, 34)
    set_bit(H, bits, 92)
    return True


@device
def dfa_bits(H, t, s, bits):
    """Add the bytes that automaton state s may go on with (a superset of them)."""
    table = t + H[t + TD_TABLE] + s * H[t + TD_NCLS]
    for b in range(128):
        if H[table + H[t + H[t + TD_ASCII] + b]] >= 0:
            set_bit(H, bits, b)
    if H[t + TD_WIDE] != 0:
        for w in range(4, 8):
            H[bits + w] = -1


@device
def first_bytes(H, src, m, bits):
    """A superset of the bytes that may come next, as 256 bits at `bits`. Returns False when it is not worth knowing."""
    for i in range(8):
        H[bits + i] = 0
    pending = H[PENDING]
    for i in range(m):
        for j in range(CFG):
            H[pending + j] = H[src + CFG * i + j]
        p = 1
        while p > 0:
            p -= 1
            if H[STATUS] != 0:
                return False
            c = pending + CFG * p
            pos, s, d, st = H[c], H[c + 1], H[c + 2], H[c + 4]
            ph = pos & 15
            if ph == PH_DONE:
                continue
            off = node_at(H, pos >> 4)
            if off == 0:
                return False
            op = H[off]
            if op == OP_OBJECT and ph != PH_START:
                if ph == PH_KEY:
                    t = terminal_at(H, H[off + O_TERM])
                    if t == 0:
                        return False
                    node, q = key_parts(H, t, s)
                    if q >= 0 and free_ok(H, off, st):
                        if H[t + TT_FREE] == 0 or d != D_BODY:
                            return False
                        dfa_bits(H, H[t + TT_FREE], q, bits)
                        set_bit(H, bits, 34)
                        set_bit(H, bits, 92)
                    if node < H[t + TT_NODES] and not key_bits(H, t, s, d, bits):
                        return False
                    continue
                set_spaces(H, bits)
                if ph == PH_COLON:
                    set_bit(H, bits, 58)
                elif ph == PH_VALUE:
                    p = pend(H, p, H[off + H[off + O_VALUES] + s] << 4 | PH_START, 0, 0, 0, st)
                elif ph == PH_AFTER:
                    set_bit(H, bits, 44)
                    set_bit(H, bits, 125)
                else:
                    set_bit(H, bits, 34)
                    set_bit(H, bits, 125)
            elif op == OP_ARRAY and ph != PH_START:
                set_spaces(H, bits)
                set_bit(H, bits, 93)
                if ph == PH_AFTER:
                    set_bit(H, bits, 44)
                elif array_item(H, off, H[st + S_CNT]) >= 0:
                    p = pend(H, p, array_item(H, off, H[st + S_CNT]) << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_OBJECT:
                set_bit(H, bits, 123)
            elif op == OP_ARRAY:
                set_bit(H, bits, 91)
            elif op == OP_STRING:
                if ph != PH_START:
                    t = terminal_at(H, H[off + 1])
                    if t == 0 or H[t] != T_TRIE or not key_bits(H, t, s, d, bits):
                        return False
                else:
                    set_bit(H, bits, 34)
            elif op == OP_LITERAL:
                set_bit(H, bits, H[off + 2 + (0 if ph == PH_START else s)])
            elif op == OP_TEXT:
                t = terminal_at(H, H[off + 1])
                if t == 0 or H[t] != T_DFA or d != D_BODY:
                    return False
                if s == 0:
                    for w in range(8):
                        H[bits + w] |= H[t + TD_FIRST + w]
                else:
                    dfa_bits(H, t, s, bits)
                if label_of(H, t, s) >= 0:
                    pos2, st2 = after(H, st)
                    p = pend(H, p, pos2, 0, 0, 0, st2)
            elif op == OP_ALT:
                for j in range(H[off + 1]):
                    p = pend(H, p, H[off + 2 + j] << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_SEQ:
                p = enter_sequence(H, pos >> 4, off, st, p)
            elif op == OP_FORWARD:
                p = pend(H, p, H[off + 1] << 4 | PH_START, 0, 0, 0, st)
    return True


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
    if X[tb + TN * node + 1] - node > FILTER_FROM:
        known = False
        if mode == M_KEYS:
            known = correction_bits(H, frame)
        else:
            known = first_bytes(H, frame + F_CFG, m, frame + F_BITS)
        if known:
            H[frame + F_FILTER] = 2 if X[tb + TN * node + 3] != 0 else 1


@device
def lowest_bit(w):
    """The number of the lowest bit of w (32 bits, not 0)."""
    return LOWEST_BIT[(((w & -w) * 0x077CB531) & 0xFFFFFFFF) >> 27]


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
def entry_key(H, X, c):
    """Is the configuration at c in a wide terminal? Returns (terminal offset or 0, gid, s, d, need, room, raw)."""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    ph = pos & 15
    if ph != PH_IN and ph != PH_KEY:
        return 0, 0, 0, 0, 0, 0, 0
    off = node_at(H, pos >> 4)
    if off == 0:
        return 0, 0, 0, 0, 0, 0, 0
    t, need, room = 0, 0, ROOM_FREE
    if ph == PH_KEY:
        names = terminal_at(H, H[off + O_TERM])
        if names == 0 or H[names + TT_OPEN] < 0 or not free_ok(H, off, st):
            return 0, 0, 0, 0, 0, 0, 0
        _, s = key_parts(H, names, s)
        if s < 0:
            return 0, 0, 0, 0, 0, 0, 0
        t = H[names + TT_FREE] if H[names + TT_FREE] != 0 else H[H[TERMS]]
    elif H[off] == OP_TEXT:
        t = terminal_at(H, H[off + 1])
        return t, H[t + 1], s, d, 0, ROOM_FREE, 1
    elif H[off] == OP_STRING:
        t = terminal_at(H, H[off + 1])
        if t == 0 or H[t] == T_TRIE:
            return 0, 0, 0, 0, 0, 0, 0
        need = clip_need(H[off + 2], n, X[X_MAXLEN])
        room = clip_room(H[off + 3], n, X[X_MAXLEN])
    else:
        return 0, 0, 0, 0, 0, 0, 0
    if H[t] == T_DFA and s == H[t + TD_ALL]:  # from here on it is the plain string
        t, s = H[H[TERMS]], 0
    return t, H[t + 1], s, d, need, room, 0


@device
def any_child(H, X, node, bits):
    """Does a child of the vocabulary's node pass the filter?"""
    trie = X[X_TRIE]
    children = X[trie + TN * node + 3]
    if children != 0:
        for w in range(8):
            x = np.int64(H[bits + w]) & 0xFFFFFFFF
            while x != 0:
                if X[children + 32 * w + lowest_bit(x)] != 0:
                    return True
                x &= x - 1
        return False
    end = X[trie + TN * node + 1]
    c = node + 1
    while c < end:
        b = X[trie + TN * c]
        if (H[bits + (b >> 5)] >> np.int32(b & 31)) & 1:
            return True
        c = X[trie + TN * c + 1]
    return False


@device
def space_frames(H, X, c, frame, below, mode):
    """For a configuration that whitespace may follow: the tokens of whitespace alone at once, and frames for the rest.

    The vocabulary's nodes that whitespace leads to are known; only those from which the text may go on get a frame.
    below: the frame under them. Returns the top frame, or -1 when the configuration is to be walked from the root.
    """
    ph = H[c] & 15
    if H[WS_MODE] != 0 or ph not in (PH_OPEN, PH_COMMA, PH_COLON, PH_VALUE, PH_AFTER):
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


@device
def child_of(X, tb, node, b):
    """The child of a trie's node over byte b, or 0."""
    children = X[tb + TN * node + 3]
    if children != 0:
        return X[children + b]
    end = X[tb + TN * node + 1]
    c = node + 1
    while c < end:
        x = X[tb + TN * c]
        if x >= b:
            return c if x == b else 0
        c = X[tb + TN * c + 1]
    return 0


@device
def on_names(H, c):
    """The terminal when the configuration at c stands on a name of a T_TRIE between characters, and only such names
    may come; else 0."""
    pos, s, d, st = H[c], H[c + 1], H[c + 2], H[c + 4]
    ph = pos & 15
    if d != D_BODY or (ph != PH_KEY and ph != PH_IN):
        return 0
    off = node_at(H, pos >> 4)
    if off == 0 or (ph == PH_IN and H[off] != OP_STRING):
        return 0
    t = terminal_at(H, H[off + (O_TERM if ph == PH_KEY else 1)])
    if t == 0 or H[t] != T_TRIE:
        return 0
    _, q = key_parts(H, t, s)
    if q >= 0 and (ph != PH_KEY or free_ok(H, off, st)):
        return 0
    return t


@device
def odd_bytes(H, X, t, kn, tb, v, bits):
    """The bytes at `bits` by which names go on below the trie's node v other than as plain ASCII. False: none."""
    for w in range(8):
        H[bits + w] = 0
    found = False
    if child_of(X, tb, v, 92) != 0:
        set_bit(H, bits, 92)
        found = True
    i = H[t + H[t + TT_EDGE0] + kn + 1] - 1
    while i >= H[t + H[t + TT_EDGE0] + kn] and H[t + H[t + TT_CHARS] + i] >= 128:
        b = utf8_lead(H[t + H[t + TT_CHARS] + i])
        if child_of(X, tb, v, b) != 0:
            set_bit(H, bits, b)
            found = True
        i -= 1
    return found


@device
def walk_names(H, X, c, t, tb, ib, v, mode, top, at):
    """The walk below the trie's node v along the names of the T_TRIE at t, on which the configuration at c stands.

    Plain characters are followed here; where a name ends, or goes on otherwise, a frame is put on top of `top` (the
    first at `at`). In mode M_KEYS free keys are in the mask already: what declared names take from them is cleared.
    Returns the new top.
    """
    pos, st = H[c], H[c + 4]
    off = node_at(H, pos >> 4)
    ko = off if pos & 15 == PH_KEY else 0
    correct = mode == M_KEYS
    inside = not correct or H[t + TT_FREE] != 0
    levels = at
    frame = at + 4 * (X[X_MAXLEN] + 2)
    if frame > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top
    chars = t + H[t + TT_CHARS]
    edge0 = t + H[t + TT_EDGE0]
    H[levels], H[levels + 1], H[levels + 2], H[levels + 3] = v, key_parts(H, t, H[c + 1])[0], H[c + 1], -1
    depth = 0
    while depth >= 0:
        here = levels + 4 * depth
        v, kn, s, i = H[here], H[here + 1], H[here + 2], H[here + 3]
        if i < 0:
            i = H[edge0 + kn]
            if frame + 2 * (F_CFG + CFG) > H[SCRATCH_END]:
                H[STATUS] = NEED_SCRATCH
                return top
            label = H[t + H[t + TT_LABEL] + kn]
            w = child_of(X, tb, v, 34) if label >= 0 and label != H[t + TT_OPEN] else 0
            if w != 0:
                if correct:
                    clear_subtree(H, X, w)
                if ko == 0 or label_ok(H, ko, st, label):
                    add_ids(H, X, ib + X[tb + TN * w + 2], ib + X[tb + TN * (w + 1) + 2])
                    if X[tb + TN * w + 1] > w + 1:
                        if ko != 0:
                            st2 = take_label(H, ko, st, label)
                            emit(H, frame + F_CFG, 0, pos >> 4 << 4 | PH_COLON, label, 0, 0, st2)
                        else:
                            pos2, st2 = after(H, st)
                            emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
                        open_frame(H, X, top, frame, M_PLAIN if correct else mode, tb, ib, w, 1)
                        top = frame
                        frame += F_CFG + CFG
            if odd_bytes(H, X, t, kn, tb, v, frame + F_BITS):
                for j in range(CFG):
                    H[frame + F_CFG + j] = H[c + j]
                H[frame + F_CFG + 1] = s
                head_frame(H, X, top, frame, mode, tb, ib, v, 1)
                H[frame + F_FILTER] = 2 if X[tb + TN * v + 3] != 0 else 1
                top = frame
                frame += F_CFG + CFG
            if H[STATUS] != 0:
                return top
        last = H[edge0 + kn + 1]
        depth -= 1
        while i < last:
            ch = H[chars + i]
            if ch >= 128:
                break
            i += 1
            if ch < 32 or ch == 34 or ch == 92:
                continue
            w = child_of(X, tb, v, ch)
            if w == 0:
                continue
            H[WORK] += 1
            live = (correct and not inside) or names_live(H, t, i, ko, st)
            if not correct and not live:
                continue
            if inside and live:
                add_ids(H, X, ib + X[tb + TN * w + 2], ib + X[tb + TN * (w + 1) + 2])
            if X[tb + TN * w + 1] > w + 1:
                H[here + 3] = i
                depth += 2
                H[here + 4], H[here + 5], H[here + 7] = w, i, -1
                H[here + 6] = i if H[t + TT_FREE] == 0 else trie_step(H, t, s, ch)
                break
        if H[WORK] > H[WORK_LIMIT]:
            H[STATUS] = LIMIT_WORK
            H[ARG] = H[WORK_LIMIT]
            return top
    return top


@device
def use_entry(H, X, B, c, v, top, frame):
    """Let the entry of the configuration at c stand for the walk below the vocabulary's node v.

    Frames for what the entry leaves open are put at `frame`, on top of `top`. Returns the new top, or -1 when the
    configuration has to be walked after all (or the status says what is missing).
    """
    t, gid, s, d, need, room, raw = entry_key(H, X, c)
    if t == 0:
        return -1
    e = find_entry(X, gid, s, d, v, need, room)
    if e == 0:
        e = build_entry(H, X, B, t, gid, s, d, v, need, room, raw)
        if e == 0:
            if H[STATUS] == 0:
                H[STATUS] = NEED_STORE
            return -1
    if X[e + E_USABLE] == 0:
        return -1
    pos, cs, st = H[c], H[c + 1], H[c + 4]
    off = node_at(H, pos >> 4)
    key = pos & 15 == PH_KEY
    sections = X[e + E_NSEC]
    needs_room = frame + (sections + 3) * (F_CFG + CFG)
    if needs_room > H[SCRATCH_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_SCRATCH
        return -1
    names = terminal_at(H, H[off + O_TERM]) if key else 0
    if key and key_parts(H, names, cs)[0] < H[names + TT_NODES]:
        for i in range(CFG):
            H[frame + F_CFG + i] = H[c + i]
        if d == D_BODY:
            head_frame(H, X, top, frame, M_NAMES, X[X_TRIE], X[X_IDS], v, 1)
        else:
            open_frame(H, X, top, frame, M_KEYS, X[X_TRIE], X[X_IDS], v, 1)
        top = frame
        frame += F_CFG + CFG
    elif raw != 0 and d == D_BODY and label_of(H, t, s) >= 0:
        pos2, st2 = after(H, st)
        emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
        made = space_frames(H, X, frame + F_CFG, frame, top, M_PLAIN) if v == 0 else -1
        if made >= 0:
            top = made
        else:
            open_frame(H, X, top, frame, M_PLAIN, X[X_TRIE], X[X_IDS], v, 1)
            top = frame
        frame = top + F_CFG + CFG
        if frame + (sections + 1) * (F_CFG + CFG) > H[SCRATCH_END]:
            if H[STATUS] == 0:
                H[STATUS] = NEED_SCRATCH
            return -1
    closers_in_row = False
    for i in range(sections):
        sec = e + E_HEAD + E_SEC * i
        label = X[sec]
        if key:
            label += H[names + TT_OPEN]
            if not label_ok(H, off, st, label):
                continue
        if X[e + E_ROWALL] >= 0:
            closers_in_row = True
        elif X[sec + 2] > 0:
            add_ref(H, X, X[sec + 1], X[sec + 2])
        if X[sec + 3] != 0:
            if key:
                emit(H, frame + F_CFG, 0, pos >> 4 << 4 | PH_COLON, label, 0, 0, take_label(H, off, st, label))
            else:
                pos2, st2 = after(H, st)
                emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
            tail = find_tail(H, frame + F_CFG, X[sec + 3])
            if tail != 0:
                add_tail(H, tail)
                continue
            open_frame(H, X, top, frame, M_TAIL, X[sec + 3], X[sec + 4], 0, 1)
            H[frame + F_FIRST] = -1
            top = frame
            frame += F_CFG + CFG
    if X[e + E_ROW] >= 0:
        add_row(H, B, X[e + E_ROWALL] if closers_in_row else X[e + E_ROW])
    elif X[e + E_NINNER] > 0:
        add_ref(H, X, X[e + E_INNER], X[e + E_NINNER])
    return top


@device
def clear_subtree(H, X, node):
    """The tokens at and below the vocabulary's node were taken for free keys: clear them."""
    trie, ids = X[X_TRIE], X[X_IDS]
    a = X[trie + TN * node + 2]
    z = X[trie + TN * X[trie + TN * node + 1] + 2]
    at = H[IDS] + H[N_IDS]
    if at + (z - a) > H[IDS_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_IDS
        return
    for k in range(a, z):
        H[at] = ~X[ids + k]
        at += 1
    H[N_IDS] += z - a
    H[N_CLEARS] += z - a


@device
def frame_end(H, frame):
    return frame + F_CFG + CFG * H[frame + F_M]


@device
def correct_key(H, X, frame, child, m, at):
    """One child in a frame of `M_KEYS`. Returns the mode of the frame to open for it, or -1 for none."""
    c = frame + F_CFG
    off = node_at(H, H[c] >> 4)
    t = terminal_at(H, H[off + O_TERM])
    if m == 0:
        if X[X[X_TRIE] + TN * child] == 34 and H[c + 2] == D_BODY:
            clear_subtree(H, X, child)
        return -1
    r = at + F_CFG
    if H[r] & 15 == PH_KEY:
        if key_parts(H, t, H[r + 1])[0] >= H[t + TT_NODES]:
            return -1
        if H[t + TT_FREE] != 0:  # where no free key goes on, the entry lacks what declared ones allow
            trie = X[X_TRIE] + TN * child
            add_ids(H, X, X[X_IDS] + X[trie + 2], X[X_IDS] + X[trie + TN + 2])
        return M_KEYS
    if H[r + 1] >= H[t + TT_OPEN]:
        return -1
    clear_subtree(H, X, child)
    return M_PLAIN


@device
def walk(H, X, B, top):
    """Work off the frames from `top` down to the bottom (0), adding to the lists of the mask."""
    while top != 0:
        if H[STATUS] != 0:
            return
        if H[top + F_MODE] == M_NAMES:
            names = terminal_at(H, H[node_at(H, H[top + F_CFG] >> 4) + O_TERM])
            tb, ib, v = H[top + F_TRIE], H[top + F_IDS], H[top + F_NODE]
            top = walk_names(H, X, top + F_CFG, names, tb, ib, v, M_KEYS, H[top], frame_end(H, top))
            continue
        tb, ib, mode = H[top + F_TRIE], H[top + F_IDS], H[top + F_MODE]
        if mode == M_TAIL:
            if H[top + F_FIRST] < 0:
                H[top + F_FIRST] = H[N_IDS]
            mode = M_PLAIN
        child = next_child(H, X, top)
        if child < 0:
            if H[top + F_MODE] == M_TAIL:
                first = H[top + F_FIRST]
                save_tail(H, top + F_CFG, tb, H[IDS] + first, H[N_IDS] - first)
            top = H[top]
            continue
        at = frame_end(H, top)
        if at + F_CFG + CFG > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return
        m = step(H, top + F_CFG, H[top + F_M], X[tb + TN * child], at + F_CFG)
        if H[STATUS] != 0:
            return
        if mode == M_KEYS:
            mode = correct_key(H, X, top, child, m, at)
            if mode < 0:
                continue
        elif m == 0:
            continue
        end = X[tb + TN * child + 1]
        if mode != M_KEYS:
            add_ids(H, X, ib + X[tb + TN * child + 2], ib + X[tb + TN * (child + 1) + 2])
        if end == child + 1:
            continue
        if mode == M_VOCABULARY and m == 1 and end - child > WIDE:
            new = use_entry(H, X, B, at + F_CFG, child, top, at + F_CFG + CFG)
            if H[STATUS] != 0:
                return
            if new >= 0:
                top = new
                continue
        if mode != M_KEYS and m == 1:
            names = on_names(H, at + F_CFG)
            if names != 0:
                top = walk_names(H, X, at + F_CFG, names, tb, ib, child, mode, top, at + F_CFG + CFG)
                continue
        open_frame(H, X, top, at, mode, tb, ib, child, m)
        top = at


@device
def mask_of(H, X, B, c):
    """Add the tokens that the configuration at c allows to the lists of the mask."""
    frame = H[SCRATCH]
    for i in range(CFG):
        H[frame + F_CFG + i] = H[c + i]
    top = use_entry(H, X, B, frame + F_CFG, 0, 0, frame + F_CFG + CFG)
    if H[STATUS] != 0:
        return
    if top < 0:
        names = on_names(H, frame + F_CFG)
        if names != 0:
            trie, ids = X[X_TRIE], X[X_IDS]
            top = walk_names(H, X, frame + F_CFG, names, trie, ids, 0, M_VOCABULARY, 0, frame + F_CFG + CFG)
        else:
            top = space_frames(H, X, frame + F_CFG, frame, 0, M_VOCABULARY)
        if H[STATUS] != 0:
            return
    if top < 0:
        open_frame(H, X, 0, frame, M_VOCABULARY, X[X_TRIE], X[X_IDS], 0, 1)
        top = frame
    walk(H, X, B, top)


@device
def start_lists(H):
    H[N_ROWS] = 0
    H[N_REFS] = 0
    H[N_IDS] = 0
    H[N_CLEARS] = 0


@device
def write_record(H):
    """The lists as a mask record at H[BUMP], which is not moved. Returns its size, 0 without room."""
    rows, refs, ids = H[N_ROWS], H[N_REFS], H[N_IDS]
    size = 4 + rows + 2 * refs + ids
    if not room_for(H, size):
        return 0
    r = H[BUMP]
    H[r], H[r + 1], H[r + 2], H[r + 3] = rows, refs, ids, 0
    at = r + 4
    for i in range(rows):
        H[at + i] = H[H[LISTS] + i]
    at += rows
    for i in range(2 * refs):
        H[at + i] = H[H[LISTS] + MAX_LIST + i]
    at += 2 * refs
    for i in range(ids):
        H[at + i] = H[H[IDS] + i]
    return size


@device
def apply_record(H, X, B, mask, r):
    """Write the mask record at r to `mask`, every word."""
    words = mask.shape[0]
    if H[r + 3] != 0:
        for i in range(words):
            mask[i] = H[r + 4 + i]
        return
    rows, refs, ids = H[r], H[r + 1], H[r + 2]
    at = r + 4
    if rows == 0:
        for i in range(words):
            mask[i] = 0
    else:
        row = B[H[at]]
        for i in range(words):
            mask[i] = row[i]
        for j in range(1, rows):
            row = B[H[at + j]]
            for i in range(words):
                mask[i] |= row[i]
    at += rows
    for j in range(refs):
        a = H[at + 2 * j]
        for k in range(a, a + H[at + 2 * j + 1]):
            x = X[k]
            mask[x >> 5] |= np.uint32(1) << np.uint32(x & 31)
    at += 2 * refs
    for k in range(at, at + ids):
        x = H[k]
        if x >= 0:
            mask[x >> 5] |= np.uint32(1) << np.uint32(x & 31)
        else:
            x = ~x
            mask[x >> 5] &= ~(np.uint32(1) << np.uint32(x & 31))


@device
def make_mask(H, X, B, mask, state):
    """Compute the mask of a state, remember it, and write it to `mask`. The status says when something is missing."""
    m = H[state + 4]
    words = mask.shape[0]
    start_lists(H)
    if H[state + 3] != 0:
        add_ids(H, X, X[X_EOS], X[X_EOS] + X[X_NEOS])
    for i in range(m):
        mask_of(H, X, B, state + STATE_HEAD + CFG * i)
        if H[STATUS] != 0:
            return
    dense = H[N_IDS] > words
    if H[N_CLEARS] > 0 and m > 1:
        # a clear of one configuration must not touch what another allows: one at a time
        dense = True
        acc = H[DENSE]
        for i in range(words):
            H[acc + i] = 0
        for j in range(m):
            start_lists(H)
            if j == 0 and H[state + 3] != 0:
                add_ids(H, X, X[X_EOS], X[X_EOS] + X[X_NEOS])
            mask_of(H, X, B, state + STATE_HEAD + CFG * j)
            if H[STATUS] != 0 or write_record(H) == 0:
                return
            apply_record(H, X, B, mask, H[BUMP])
            for i in range(words):
                H[acc + i] = np.int32(H[acc + i] | np.int32(mask[i]))
        for i in range(words):
            mask[i] = H[acc + i]
    else:
        size = write_record(H)
        if size == 0:
            return
        r = H[BUMP]
        apply_record(H, X, B, mask, r)
        if not dense:
            H[BUMP] = r + size
            H[state + 2] = r
    if dense and room_for(H, 4 + words):
        r = H[BUMP]
        H[r], H[r + 1], H[r + 2], H[r + 3] = 0, 0, 0, 1
        for i in range(words):
            H[r + 4 + i] = np.int32(mask[i])
        H[BUMP] = r + 4 + words
        H[state + 2] = r
