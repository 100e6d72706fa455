"""Stacks of context-free rules: a generalised LR machine whose stacks are frames of the arena.

A frame of rules is an LR state. Taking a terminal reduces, then shifts; where the tables leave a choice, all ways are
followed. Any stack of LR states can be completed, so what can be shifted after reductions is exactly what may come
(`viable`): nothing else is needed for liveness. The set is kept with the frame.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import push, room_for
from constrain.engine.layout import (
    BUMP, LR_WORK, LR_WORK_END, NEED_LR_WORK, R_BRACKETS, R_GOTOS, R_IGNORED, R_NEWLINE, R_REACH, R_REDUCES, R_RULES,
    R_SHIFTS, R_SHIFT_SETS, R_WORDS, STATUS, S_CNT, S_NODE, S_PARENT, S_REG, S_VIABLE,
)  # fmt: skip
from constrain.jit import engine_device as device

COLUMN = 0xFFFF  # of S_CNT; the number of open brackets stands above it


@device
def find_pair(H, at, key):
    """The value of a key in the sorted pairs [n, (key, value) x n] at `at`, or -1."""
    lo = 0
    hi = H[at]
    while lo < hi:
        mid = (lo + hi) >> 1
        if H[at + 1 + 2 * mid] < key:
            lo = mid + 1
        else:
            hi = mid
    if lo < H[at] and H[at + 1 + 2 * lo] == key:
        return H[at + 2 + 2 * lo]
    return -1


@device
def has_bit(H, at, i):
    return (H[at + (i >> 5)] >> np.int32(i & 31)) & 1 != 0


@device
def shift_of(H, off, st, t):
    """The LR state to shift to over terminal t from the top of stack st, or -1."""
    return find_pair(H, off + H[off + H[off + R_SHIFTS] + H[st + S_REG]], t)


@device
def reduced(H, off, st, rule):
    """The stack after a reduction."""
    left = H[off + H[off + R_RULES] + 2 * rule]
    for _ in range(H[off + H[off + R_RULES] + 2 * rule + 1]):
        st = H[st + S_PARENT]
    target = find_pair(H, off + H[off + H[off + R_GOTOS] + H[st + S_REG]], left)
    return push(H, H[st + S_NODE], target, H[st + S_CNT], st, 0)


@device
def shifted(H, off, st, t, target, column):
    """The stack after terminal t was shifted. column: -1, or that of the block that the terminal begins or leads to."""
    cnt = H[st + S_CNT]
    if column >= 0:
        cnt = (cnt & ~COLUMN) | column
    bracket = H[off + H[off + R_BRACKETS] + t]
    if bracket > 0:
        cnt += COLUMN + 1
    elif bracket < 0 and cnt > COLUMN:
        cnt -= COLUMN + 1
    return push(H, H[st + S_NODE], target, cnt, st, 0)


@device
def outer_column(H, st):
    """The column of the block around the one that stack st is in."""
    column = H[st + S_CNT] & COLUMN
    nid = H[st + S_NODE]
    while st != 0 and H[st + S_NODE] == nid and H[st + S_CNT] & COLUMN == column:
        st = H[st + S_PARENT]
    return H[st + S_CNT] & COLUMN if st != 0 and H[st + S_NODE] == nid else 0


@device
def viable(H, off, st):
    """Offset of the set of terminals that can be taken on stack st; 0 when the status says what is missing."""
    if H[st + S_VIABLE] != 0:
        return H[st + S_VIABLE]
    words = H[off + R_WORDS]
    found = H[LR_WORK]
    first = found + words
    size = 1 + words
    if first + size > H[LR_WORK_END]:
        H[STATUS] = NEED_LR_WORK
        return 0
    H[first] = st
    for w in range(words):
        H[found + w] = 0
        H[first + 1 + w] = -1
    n = 1
    while n > 0:
        n -= 1
        item = first + size * n
        stack = H[item]
        q = H[stack + S_REG]
        at = off + H[off + R_SHIFT_SETS] + words * q
        for w in range(words):
            H[found + w] = np.int32(H[found + w] | (H[at + w] & H[item + 1 + w]))
        at = off + H[off + H[off + R_REDUCES] + q]
        count = H[at]
        if count == 0:
            continue
        # the reductions are put where the item was; it is needed until the last of them
        if item + size * (count + 1) > H[LR_WORK_END]:
            H[STATUS] = NEED_LR_WORK
            return 0
        for w in range(words):
            H[first + size * (n + count) + 1 + w] = H[item + 1 + w]
        mask = first + size * (n + count) + 1
        made = 0
        for i in range(count):
            rule = at + 1 + i * size
            some = False
            out = first + size * (n + made) + 1
            for w in range(words):
                x = np.int32(H[rule + 1 + w] & H[mask + w] & ~H[found + w])
                H[out + w] = x
                if x != 0:
                    some = True
            if some:
                H[out - 1] = reduced(H, off, stack, H[rule])
                if H[STATUS] != 0:
                    return 0
                made += 1
        n += made
    if not room_for(H, words):
        return 0
    r = H[BUMP]
    H[BUMP] = r + words
    for w in range(words):
        H[r + w] = H[found + w]
    H[st + S_VIABLE] = r
    return r


@device
def may_take(H, off, st, t):
    """Can terminal t be taken on stack st?"""
    set_ = viable(H, off, st)
    return set_ != 0 and has_bit(H, set_, t)


@device
def dropped(H, off, st, t):
    """Is terminal t dropped by the lexer here: ignored, or a line end between brackets?"""
    return has_bit(H, off + H[off + R_IGNORED], t) or (t == H[off + R_NEWLINE] and H[st + S_CNT] > COLUMN)


@device
def any_of(H, off, st, bits):
    """Can one of the terminals in the set at `bits` be taken on stack st, or is it one that the lexer drops?"""
    ignored = off + H[off + R_IGNORED]
    words = H[off + R_WORDS]
    for w in range(words):
        if H[bits + w] & H[ignored + w] != 0:
            return True
    if H[off + R_NEWLINE] >= 0 and H[st + S_CNT] > COLUMN and has_bit(H, bits, H[off + R_NEWLINE]):
        return True
    set_ = viable(H, off, st)
    if set_ == 0:
        return False
    shared = 0
    for w in range(words):
        shared |= H[bits + w] & H[set_ + w]
    return shared != 0


@device
def token_lives(H, off, st, s):
    """May the lexer's state s be entered on stack st: can a token come out that the parser takes?"""
    return any_of(H, off, st, off + H[off + R_REACH] + H[off + R_WORDS] * s)
