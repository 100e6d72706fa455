"""Which bytes may come next, as 256 bits in the arena, so that a walk looks at few children of a trie's node."""

from __future__ import annotations

import numpy as np

from constrain.engine.layout import (
    CFG, D_BODY, D_ESC, OP_ALT, OP_ARRAY, OP_FORWARD, OP_ITEMS, OP_LITERAL, OP_OBJECT, OP_RULES, OP_SEQ, OP_STRING,
    OP_TEXT, O_TERM, O_VALUES, PENDING, PH_AFTER, PH_BLANK, PH_COLON, PH_DONE, PH_IN, PH_INDENT, PH_KEY, PH_START,
    PH_VALUE, R_AFTER, R_DEDENT, R_INDENT, R_LEXER, R_LIVE, R_NESTED, R_NODES, STATUS, S_CNT, TD_ASCII, TD_FIRST,
    TD_NCLS, TD_TABLE, TD_WIDE, TN, TT_CHARS, TT_EDGE0, TT_FREE, TT_NODES, T_DFA, T_TRIE, X_TRIE,
)  # fmt: skip
from constrain.engine.configurations import after, node_at, pend, terminal_at
from constrain.engine.distinct import end_number
from constrain.engine.lexer import key_parts, label_of
from constrain.engine.machine import array_item, enter_items, enter_sequence
from constrain.engine.objects import free_ok
from constrain.engine.records import lowest_bit
from constrain.engine.rules import UNKNOWN, all_moves
from constrain.jit import engine_device as device


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
            pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
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
            elif op in (OP_ARRAY, OP_ITEMS) and ph != PH_START:
                set_spaces(H, bits)
                set_bit(H, bits, 93)
                if ph == PH_AFTER:
                    set_bit(H, bits, 44)
                elif op == OP_ITEMS:
                    p = enter_items(H, pos >> 4, off, st, p)
                elif array_item(H, off, H[st + S_CNT]) >= 0:
                    p = pend(H, p, array_item(H, off, H[st + S_CNT]) << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_OBJECT:
                set_bit(H, bits, 123)
            elif op in (OP_ARRAY, OP_ITEMS):
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
                    pos2, st2 = after(H, end_number(H, st))
                    p = pend(H, p, pos2, 0, 0, 0, st2)
            elif op == OP_ALT:
                for j in range(H[off + 1]):
                    p = pend(H, p, H[off + 2 + j] << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_SEQ:
                p = enter_sequence(H, pos >> 4, off, st, p)
            elif op == OP_RULES:
                if ph in (PH_IN, PH_BLANK):
                    if d != D_BODY:
                        return False
                    live = off + H[off + R_LIVE] + 4 * s
                    for w in range(4):
                        H[bits + w] |= H[live + w]
                        if H[H[off + R_LEXER] + TD_WIDE] != 0:
                            H[bits + 4 + w] = -1
                elif ph == PH_INDENT:
                    set_spaces(H, bits)
                    if s == 0 and H[off + R_NESTED] == 0 and H[off + H[off + R_NODES]] == 0:
                        # how blocks end here is not looked at
                        before, begins = off + H[off + R_AFTER], off + H[off + R_AFTER]
                        before += 8 * H[off + R_DEDENT]
                        begins += 8 * H[off + R_INDENT]
                        for w in range(8):
                            H[bits + w] |= H[before + w] | H[begins + w]
                        continue
                p = all_moves(H, pos >> 4, off, ph, s, d, n, st, UNKNOWN, p)
            elif op == OP_FORWARD:
                p = pend(H, p, H[off + 1] << 4 | PH_START, 0, 0, 0, st)
    return True


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
