"""Hash-consing in the arena: stack frames, seen-sets and states. Equal content has one offset."""

from __future__ import annotations

import numpy as np

from constrain.engine.layout import (
    ARG, BUMP, CAP, CFG, DEPTH_LIMIT, KEPT_SIZE, KIND_SEEN, KIND_STACK, KIND_STATE, KIND_TAIL, LIMIT_DEPTH, NEED_SPACE,
    STACK_SIZE, STATE_HEAD, STATUS, S_CNT, S_DEPTH, S_LEVEL, S_LOW, S_NODE, S_PARENT, S_REG, S_TEXT, S_UNIQ, S_VIABLE,
    TABLE, TABLE_COUNT, TABLE_SIZE, TAIL_HEAD, KIND_INTS, SHARED_HEAD,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def mix(h, x):
    """One round of a 32-bit multiplicative hash over int64 arithmetic."""
    h = ((np.int64(h) ^ (np.int64(x) & 0xFFFFFFFF)) * 0x5BD1E995) & 0xFFFFFFFFFF
    return (h ^ (h >> 15)) & 0x7FFFFFFF


@device
def room_for(H, size):
    """Is there room for a record of `size` ints and for the hash table to double? Else the status says so."""
    need = H[BUMP] + size + 4 * H[TABLE_SIZE] + 8
    if need <= H[CAP]:
        return True
    if H[STATUS] == 0:
        H[STATUS] = NEED_SPACE
        H[ARG] = need
    return False


@device
def first_slot(H, h):
    """The first slot of the hash table that has hash h, or the free one where that is missing."""
    return slot_from(H, h, h & (H[TABLE_SIZE] - 1))


@device
def next_slot(H, h, slot):
    """`first_slot` after a slot that has hash h, too."""
    size = H[TABLE_SIZE]
    return slot_from(H, h, (((slot - H[TABLE]) >> 1) + 1) & (size - 1))


@device
def slot_from(H, h, j):
    table, size = H[TABLE], H[TABLE_SIZE]
    while H[table + 2 * j + 1] != 0 and H[table + 2 * j] != h:
        j = (j + 1) & (size - 1)
    return table + 2 * j


@device
def grow_table(H):
    """Double the hash table (`room_for` has made sure of the room)."""
    old, size = H[TABLE], H[TABLE_SIZE]
    new, wide = H[BUMP], 2 * H[TABLE_SIZE]
    H[BUMP] += 2 * wide
    for i in range(new, new + 2 * wide):
        H[i] = 0
    for i in range(old, old + 2 * size, 2):
        r = H[i + 1]
        if r != 0:
            j = H[i] & (wide - 1)
            while H[new + 2 * j + 1] != 0:
                j = (j + 1) & (wide - 1)
            H[new + 2 * j], H[new + 2 * j + 1] = H[i], r
    H[TABLE] = new
    H[TABLE_SIZE] = wide


@device
def insert(H, slot, r):
    """Put record r into the free slot; grow the table at three quarters."""
    H[slot], H[slot + 1] = H[r], r
    H[TABLE_COUNT] += 1
    if 4 * H[TABLE_COUNT] > 3 * H[TABLE_SIZE]:
        grow_table(H)


@device
def kept(H, kind, a, b, c, d, e):
    """The interned record [hash, kind, a, b, c, d, e, x, y, z]; x, y and z are 0 in a new one. 0: there is no room."""
    h = mix(mix(mix(mix(mix(kind, a), b), c), d), e)
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == kind and H[r + 2] == a and H[r + 3] == b and H[r + 4] == c:
            if H[r + 5] == d and H[r + 6] == e:
                return r
        slot = next_slot(H, h, slot)
    if not room_for(H, KEPT_SIZE):
        return 0
    r = H[BUMP]
    H[BUMP] = r + KEPT_SIZE
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4], H[r + 5], H[r + 6] = h, kind, a, b, c, d, e
    H[r + 7], H[r + 8], H[r + 9] = 0, 0, 0
    insert(H, slot, r)
    return r


@device
def shared(H, n):
    """Intern the n ints at H[BUMP] + SHARED_HEAD, for which there is room; returns where they are."""
    new = H[BUMP]
    h = mix(KIND_INTS, n)
    for i in range(new + SHARED_HEAD, new + SHARED_HEAD + n):
        h = mix(h, H[i])
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == KIND_INTS and H[r + 2] == n:
            same = True
            for i in range(SHARED_HEAD, SHARED_HEAD + n):
                if H[r + i] != H[new + i]:
                    same = False
                    break
            if same:
                return r + SHARED_HEAD
        slot = next_slot(H, h, slot)
    H[new], H[new + 1], H[new + 2], H[new + 3] = h, KIND_INTS, n, 0
    H[BUMP] = new + SHARED_HEAD + n
    insert(H, slot, new)
    return new + SHARED_HEAD


@device
def push(H, node, reg, cnt, parent, container):
    """The stack with this frame on top of `parent`. container: 1 for objects and arrays (they indent), else 0."""
    return push_text(H, node, reg, cnt, parent, container, 0)


@device
def push_text(H, node, reg, cnt, parent, container, text):
    """`push` for an array with distinct items. text: of the open item, 0 if there is none."""
    h = mix(mix(mix(mix(KIND_STACK, np.int64(node)), np.int64(reg)), np.int64(cnt)), np.int64(parent))
    if text != 0:
        h = mix(h, np.int64(text))
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if (
            H[r + 1] == KIND_STACK
            and H[r + S_NODE] == node
            and H[r + S_REG] == reg
            and H[r + S_CNT] == cnt
            and H[r + S_PARENT] == parent
            and H[r + S_TEXT] == text
        ):
            return r
        slot = next_slot(H, h, slot)
    if not room_for(H, STACK_SIZE):
        return parent
    r = H[BUMP]
    H[BUMP] = r + STACK_SIZE
    H[r] = h
    H[r + 1] = KIND_STACK
    H[r + S_NODE] = node
    H[r + S_REG] = reg
    H[r + S_CNT] = cnt
    H[r + S_PARENT] = parent
    depth, level, innermost = 0, 0, 0
    if parent != 0:
        depth, level, innermost = H[parent + S_DEPTH], H[parent + S_LEVEL], H[parent + S_UNIQ]
    H[r + S_TEXT] = text
    H[r + S_UNIQ] = r if text != 0 else innermost
    H[r + S_DEPTH] = depth + 1
    H[r + S_VIABLE] = 0
    H[r + S_LOW] = 0
    H[r + S_LEVEL] = level + (container & 1)
    if depth + 1 > H[DEPTH_LIMIT]:
        H[STATUS] = LIMIT_DEPTH
        H[ARG] = H[DEPTH_LIMIT]
    insert(H, slot, r)
    return r


@device
def seen_with(H, seen, words, j):
    """The seen-set `seen` (0: empty) with member j added."""
    if not room_for(H, words + 3):
        return seen
    h = np.int64(KIND_SEEN)
    bump = H[BUMP]
    for w in range(words):
        x = H[seen + 3 + w] if seen != 0 else 0
        if w == j >> 5:
            x = np.int32(x | (np.int32(1) << np.int32(j & 31)))
        H[bump + 3 + w] = x
        h = mix(h, np.int64(x))
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == KIND_SEEN and H[r + 2] == words:
            same = True
            for w in range(words):
                if H[r + 3 + w] != H[bump + 3 + w]:
                    same = False
                    break
            if same:
                return r
        slot = next_slot(H, h, slot)
    H[bump] = h
    H[bump + 1] = KIND_SEEN
    H[bump + 2] = words
    H[BUMP] = bump + 3 + words
    insert(H, slot, bump)
    return bump


@device
def less(H, a, b):
    """Is the configuration at a before that at b? (any total order)"""
    for i in range(CFG):
        if H[a + i] != H[b + i]:
            return H[a + i] < H[b + i]
    return False


@device
def intern_state(H, src, m, accepting):
    """The state of the m distinct configurations at src (which are sorted in place)."""
    for i in range(1, m):
        j = i
        while j > 0 and less(H, src + CFG * j, src + CFG * (j - 1)):
            for k in range(CFG):
                a = src + CFG * j + k
                x = H[a]
                H[a] = H[a - CFG]
                H[a - CFG] = x
            j -= 1
    h = mix(KIND_STATE, m)
    for i in range(src, src + CFG * m):
        h = mix(h, np.int64(H[i]))
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == KIND_STATE and H[r + 4] == m:
            same = True
            for i in range(CFG * m):
                if H[r + STATE_HEAD + i] != H[src + i]:
                    same = False
                    break
            if same:
                return r
        slot = next_slot(H, h, slot)
    if not room_for(H, STATE_HEAD + CFG * m):
        return 0
    r = H[BUMP]
    H[BUMP] = r + STATE_HEAD + CFG * m
    H[r] = h
    H[r + 1] = KIND_STATE
    H[r + 2] = 0
    H[r + 3] = accepting
    H[r + 4] = m
    for i in range(CFG * m):
        H[r + STATE_HEAD + i] = H[src + i]
    insert(H, slot, r)
    return r


@device
def tail_hash(H, c, trie):
    h = mix(KIND_TAIL, np.int64(trie))
    for i in range(CFG):
        h = mix(h, np.int64(H[c + i]))
    return h


@device
def find_tail(H, c, trie):
    """The tail of the configuration at c over the exits at `trie`, or 0."""
    h = tail_hash(H, c, trie)
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            return 0
        if H[r + 1] == KIND_TAIL and H[r + 2] == trie:
            same = True
            for i in range(CFG):
                if H[r + 3 + i] != H[c + i]:
                    same = False
                    break
            if same:
                return r
        slot = next_slot(H, h, slot)


@device
def save_tail(H, c, trie, ids, n):
    """Remember the n token ids at `ids` as the tail of the configuration at c over the exits at `trie`."""
    if not room_for(H, TAIL_HEAD + n):
        return
    r = H[BUMP]
    H[BUMP] = r + TAIL_HEAD + n
    h = tail_hash(H, c, trie)
    H[r] = h
    H[r + 1] = KIND_TAIL
    H[r + 2] = trie
    for i in range(CFG):
        H[r + 3 + i] = H[c + i]
    H[r + 3 + CFG] = n
    for i in range(n):
        H[r + TAIL_HEAD + i] = H[ids + i]
    slot = first_slot(H, h)
    while H[slot + 1] != 0:
        slot = next_slot(H, h, slot)
    insert(H, slot, r)
