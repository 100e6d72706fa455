"""Stacks of context-free rules: a generalised LR machine whose stacks are frames of the arena.

A frame of rules is an LR state. Taking a terminal reduces, then shifts; where the tables leave a choice, all ways are
followed. Any stack of LR states can be completed, so what can be shifted after reductions is exactly what may come
(`viable`): nothing else is needed for liveness. The set is kept with the frame.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import first_slot, insert, mix, next_slot, push, room_for
from constrain.engine.layout import (
    BUMP, COLUMNS, KIND_SET, LOW, LR_WORK, LR_WORK_END, NEED_LR_WORK, R_ALONE, R_BRACKETS, R_GOTOS, R_LEXER,
    R_LEXER_START, R_NODE_OF, R_IGNORED, R_NEWLINE, R_REACH, R_REDUCES, R_RULES, R_SHIFTS, R_SHIFT_SETS, R_WORDS,
    SET_HEAD, STATUS, S_CNT, S_DEPTH, S_LOW, S_NODE, S_PARENT, S_REG, S_VIABLE, UNITS, UNIT_SLOTS,
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
def looked(H, st):
    """Note that what is being found out depends on the frame at st (0: on there being none)."""
    depth = H[st + S_DEPTH] if st != 0 else 0
    if depth < H[LOW]:
        H[LOW] = depth


@device
def has_bit(H, at, i):
    return (H[at + (i >> 5)] >> np.int32(i & 31)) & 1 != 0


@device
def shift_of(H, off, st, t):
    """The LR state to shift to over terminal t from the top of stack st, or -1."""
    looked(H, st)
    return shift_from(H, off, H[st + S_REG], t)


@device
def shift_from(H, off, q, t):
    """The LR state to shift to over terminal t from LR state q, or -1."""
    if not has_bit(H, off + H[off + R_SHIFT_SETS] + H[off + R_WORDS] * q, t):
        return -1
    return find_pair(H, off + H[off + H[off + R_SHIFTS] + q], t)


@device
def goto(H, off, q, rule):
    """The LR state after the reduction of a rule, when what it was made of stood on LR state q."""
    return find_pair(H, off + H[off + H[off + R_GOTOS] + q], H[off + H[off + R_RULES] + 2 * rule])


@device
def only_rule(H, off, q, t):
    """The rule that LR state q reduces before terminal t when there is but one; -1: none; -2: several."""
    at = off + H[off + H[off + R_REDUCES] + q]
    size = 1 + H[off + R_WORDS]
    found = -1
    for i in range(H[at]):
        if has_bit(H, at + 2 + i * size, t):
            if found >= 0:
                return -2
            found = H[at + 1 + i * size]
    return found


@device
def single(H, off, base, q, t):
    """LR state q, standing on state `base`, after the reductions of single symbols before terminal t that are all that
    can be done, and the rule to be reduced then (-1: something else can be done, or nothing).

    What was found is kept where its hash falls, in UNITS: [rules, base, q, t, state, rule].
    """
    key = ((np.int64(base) * 0x3E7 + q) * 0x1F3 + t) & 0xFFFFFF
    at = H[UNITS] + 6 * ((key * 0x5BD1E995 >> 16) & (UNIT_SLOTS - 1))
    if H[at] == off and H[at + 1] == base and H[at + 2] == q and H[at + 3] == t:
        return H[at + 4], H[at + 5]
    H[at], H[at + 1], H[at + 2], H[at + 3] = off, base, q, t
    rule = -1
    while shift_from(H, off, q, t) < 0:
        rule = only_rule(H, off, q, t)
        if rule < 0 or H[off + H[off + R_RULES] + 2 * rule + 1] != 1:
            break
        q, rule = goto(H, off, base, rule), -1
    H[at + 4], H[at + 5] = q, max(rule, -1)
    return H[at + 4], H[at + 5]


@device
def reduced_far(H, off, st, t):
    """The stack after all reductions before terminal t as long as nothing else can be done. Only the last is pushed."""
    q, below, pushed = H[st + S_REG], H[st + S_PARENT], True
    looked(H, st)
    while True:
        far, rule = single(H, off, H[below + S_REG] if below != 0 else -1, q, t)
        if far != q:
            looked(H, below)
            q, pushed = far, False
        if rule < 0:
            break
        length = H[off + H[off + R_RULES] + 2 * rule + 1]
        if length == 0:
            if not pushed:
                st = push(H, H[below + S_NODE], q, H[below + S_CNT], below, 0)
                if H[STATUS] != 0:
                    return st
            below = st
        for _ in range(length - 1):
            below = H[below + S_PARENT]
        looked(H, below)
        q, pushed = goto(H, off, H[below + S_REG], rule), False
    return st if pushed else push(H, H[below + S_NODE], q, H[below + S_CNT], below, 0)


@device
def reduced(H, off, st, rule):
    """The stack after a reduction."""
    for _ in range(H[off + H[off + R_RULES] + 2 * rule + 1]):
        st = H[st + S_PARENT]
    looked(H, st)
    return push(H, H[st + S_NODE], goto(H, off, H[st + S_REG], rule), H[st + S_CNT], st, 0)


@device
def shifted(H, off, st, t, target, column):
    """The stack after terminal t was shifted, made `plain`.

    column: -1, or that of the block that the terminal begins or leads to.
    """
    looked(H, st)
    cnt = H[st + S_CNT]
    if column >= 0:
        cnt = (cnt & ~COLUMN) | column
    bracket = H[off + H[off + R_BRACKETS] + t]
    if bracket > 0:
        cnt += COLUMN + 1
    elif bracket < 0 and cnt > COLUMN:
        cnt -= COLUMN + 1
    st = push(H, H[st + S_NODE], target, cnt, st, 0)
    return plain(H, off, st) if H[STATUS] == 0 and H[off + H[off + R_NODE_OF] + t] == 0 else st


@device
def plain(H, off, st):
    """Stack st after the reductions that are all that the states on top can do.

    So that of stacks which differ in what was reduced there are fewer. A reduction waits for its look-ahead where it
    changes where the lexer begins, or what is counted: both are asked for before the next token is known.
    """
    rule = H[off + H[off + R_ALONE] + H[st + S_REG]]
    while rule >= 0:
        below = st
        for _ in range(H[off + H[off + R_RULES] + 2 * rule + 1]):
            below = H[below + S_PARENT]
        looked(H, below)
        target = goto(H, off, H[below + S_REG], rule)
        if H[below + S_CNT] != H[st + S_CNT]:
            break
        if H[off + R_LEXER] != 0:
            starts = off + H[off + R_LEXER_START]
            if H[starts + target] != H[starts + H[st + S_REG]]:
                break
        st = push(H, H[st + S_NODE], target, H[st + S_CNT], below, 0)
        if H[STATUS] != 0:
            break
        rule = H[off + H[off + R_ALONE] + target]
    return st


@device
def outer_column(H, st):
    """The column of the block around the one that stack st is in."""
    H[COLUMNS] = 1
    column = H[st + S_CNT] & COLUMN
    nid = H[st + S_NODE]
    while st != 0 and H[st + S_NODE] == nid and H[st + S_CNT] & COLUMN == column:
        st = H[st + S_PARENT]
    looked(H, st)
    return H[st + S_CNT] & COLUMN if st != 0 and H[st + S_NODE] == nid else 0


@device
def viable(H, off, st):
    """Offset of the set of terminals that can be taken on stack st; 0 when the status says what is missing."""
    if H[st + S_VIABLE] != 0:
        H[LOW] = min(H[LOW], H[st + S_LOW])
        return H[st + S_VIABLE]
    low_before = H[LOW]
    H[LOW] = H[st + S_DEPTH]
    words = H[off + R_WORDS]
    found = H[LR_WORK]
    first = found + words
    size = 2 + words  # an item: a stack, the LR state on it (not pushed; -1: none), terminals that may still be found
    if first + size > H[LR_WORK_END]:
        H[STATUS] = NEED_LR_WORK
        return 0
    H[first], H[first + 1] = st, -1
    for w in range(words):
        H[found + w] = 0
        H[first + 2 + w] = -1
    n = 1
    while n > 0:
        n -= 1
        item = first + size * n
        below, top = H[item], H[item + 1]
        q = top if top >= 0 else H[below + S_REG]
        at = off + H[off + R_SHIFT_SETS] + words * q
        for w in range(words):
            H[found + w] = np.int32(H[found + w] | (H[at + w] & H[item + 2 + w]))
        at = off + H[off + H[off + R_REDUCES] + q]
        count = H[at]
        if count == 0:
            continue
        # the reductions are put where the item was; it is needed until the last of them
        if item + size * (count + 1) > H[LR_WORK_END]:
            H[STATUS] = NEED_LR_WORK
            return 0
        for w in range(words):
            H[first + size * (n + count) + 2 + w] = H[item + 2 + w]
        mask = first + size * (n + count) + 2
        made = 0
        for i in range(count):
            rule = at + 1 + i * (1 + words)
            some = False
            out = first + size * (n + made) + 2
            for w in range(words):
                x = np.int32(H[rule + 1 + w] & H[mask + w] & ~H[found + w])
                H[out + w] = x
                if x != 0:
                    some = True
            if some:
                length = H[off + H[off + R_RULES] + 2 * H[rule] + 1]
                base = below
                if length == 0 and top >= 0:  # what was not pushed stays
                    base = push(H, H[st + S_NODE], q, H[below + S_CNT], below, 0)
                    if H[STATUS] != 0:
                        return 0
                for _ in range(length - 1 if top >= 0 else length):
                    base = H[base + S_PARENT]
                looked(H, base)
                H[out - 2], H[out - 1] = base, goto(H, off, H[base + S_REG], H[rule])
                made += 1
        n += made
    r = set_made(H, off, found)
    if r == 0:
        return 0
    H[st + S_VIABLE] = r
    H[st + S_LOW] = H[LOW]
    H[LOW] = min(H[LOW], low_before)
    return r


@device
def set_made(H, off, found):
    """Offset of the interned set of terminals that equals the one at `found`; 0: no room for it."""
    words = H[off + R_WORDS]
    h = mix(KIND_SET, off)
    for w in range(words):
        h = mix(h, H[found + w])
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == KIND_SET and H[r + 2] == off:
            same = True
            for w in range(words):
                if H[r + SET_HEAD + w] != H[found + w]:
                    same = False
                    break
            if same:
                return r + SET_HEAD
        slot = next_slot(H, h, slot)
    if not room_for(H, SET_HEAD + words):
        return 0
    r = H[BUMP]
    H[BUMP] = r + SET_HEAD + words
    H[r], H[r + 1], H[r + 2] = h, KIND_SET, off
    for w in range(words):
        H[r + SET_HEAD + w] = H[found + w]
    insert(H, slot, r)
    return r + SET_HEAD


@device
def may_take(H, off, st, t):
    """Can terminal t be taken on stack st?"""
    set_ = viable(H, off, st)
    return set_ != 0 and has_bit(H, set_, t)


@device
def dropped(H, off, st, t):
    """Is terminal t dropped by the lexer here: ignored, or a line end between brackets?"""
    looked(H, st)
    return has_bit(H, off + H[off + R_IGNORED], t) or (t == H[off + R_NEWLINE] and H[st + S_CNT] > COLUMN)


@device
def any_of(H, off, st, bits):
    """Can one of the terminals in the set at `bits` be taken on stack st, or is it one that the lexer drops?"""
    looked(H, st)
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
