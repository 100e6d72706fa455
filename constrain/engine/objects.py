"""What an open object still allows: which keys may come now, whether it may close, and the frame after a key.

A key has a label: the index of a declared name, or `names + k` for the k-th class of free keys. For ordered objects the
frame's register is the index of the next declared name; for unordered ones it is the set of names seen: the bits
themselves up to 31 names, else an interned seen-set.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import push, seen_with
from constrain.engine.layout import (
    O_ANYFREE, O_AVAIL, O_HI, O_LO, O_NAMES, O_NEXTREQ, O_ORDERED, O_REQAFTER, O_REQUIRED, O_VALUES, S_CNT, S_NODE,
    S_PARENT, S_REG,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def seen(H, o, reg, j):
    """Did name j of the unordered object o occur?"""
    if H[o + O_NAMES] <= 31:
        return (reg >> j) & 1 != 0
    if reg == 0:
        return False
    return (H[reg + 3 + (j >> 5)] >> np.int32(j & 31)) & 1 != 0


@device
def required_left(H, o, st):
    """Number of required names that have not come."""
    if H[o + O_ORDERED] != 0:
        return H[o + H[o + O_REQAFTER] + H[st + S_REG]]
    n = 0
    for j in range(H[o + O_NAMES]):
        if H[o + H[o + O_REQUIRED] + j] != 0 and not seen(H, o, H[st + S_REG], j):
            n += 1
    return n


@device
def names_left(H, o, st):
    """Number of declared names that may still come."""
    if H[o + O_ORDERED] != 0:
        return H[o + H[o + O_AVAIL] + H[st + S_REG]]
    n = 0
    for j in range(H[o + O_NAMES]):
        if H[o + H[o + O_VALUES] + j] >= 0 and not seen(H, o, H[st + S_REG], j):
            n += 1
    return n


@device
def free_ok(H, o, st):
    """May a free key come now?"""
    if H[o + O_ANYFREE] == 0:
        return False
    hi = H[o + O_HI]
    return hi < 0 or H[st + S_CNT] + 1 + required_left(H, o, st) <= hi


@device
def label_ok(H, o, st, j):
    """May a key with label j come now?"""
    if H[o + H[o + O_VALUES] + j] < 0:
        return False
    names = H[o + O_NAMES]
    if j >= names:
        return free_ok(H, o, st)
    hi = H[o + O_HI]
    cnt = H[st + S_CNT]
    if H[o + O_ORDERED] != 0:
        i = H[st + S_REG]
        if j < i or j > H[o + H[o + O_NEXTREQ] + i]:
            return False
        if hi >= 0 and cnt + 1 + H[o + H[o + O_REQAFTER] + j + 1] > hi:
            return False
        return H[o + O_ANYFREE] != 0 or cnt + 1 + H[o + H[o + O_AVAIL] + j + 1] >= H[o + O_LO]
    if seen(H, o, H[st + S_REG], j):
        return False
    if hi >= 0:
        left = required_left(H, o, st)
        if H[o + H[o + O_REQUIRED] + j] != 0:
            left -= 1
        if cnt + 1 + left > hi:
            return False
    return True


@device
def key_ok(H, o, st):
    """May any key come now?"""
    if free_ok(H, o, st):
        return True
    names = H[o + O_NAMES]
    first = H[st + S_REG] if H[o + O_ORDERED] != 0 else 0
    for j in range(first, names):
        if label_ok(H, o, st, j):
            return True
        if H[o + O_ORDERED] != 0 and H[o + H[o + O_REQUIRED] + j] != 0:
            return False
    return False


@device
def close_ok(H, o, st):
    """May the object end now?"""
    return H[st + S_CNT] >= H[o + O_LO] and required_left(H, o, st) == 0


@device
def take_label(H, o, st, j):
    """The object's frame after a key with label j."""
    reg = H[st + S_REG]
    names = H[o + O_NAMES]
    if j < names:
        if H[o + O_ORDERED] != 0:
            reg = np.int32(j + 1)
        elif names <= 31:
            reg = np.int32(reg | (np.int32(1) << np.int32(j)))
        else:
            reg = np.int32(seen_with(H, reg, (names + 31) >> 5, j))
    cnt = H[st + S_CNT] + 1
    if H[o + O_HI] < 0:
        cnt = min(cnt, H[o + O_LO])
    return push(H, H[st + S_NODE], reg, cnt, H[st + S_PARENT], 1)
