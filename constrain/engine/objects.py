"""What an open object still allows: which keys may come now, whether it may close, and the frame after a key.

A key has a label: the index of a declared name, or `names + k` for the k-th class of free keys. For ordered objects the
frame's register is the index of the next declared name; for unordered ones it is the set of names seen: the bits
themselves up to 31 names, else an interned seen-set. Demands that were met (ir.py) are more bits of the set; in an
ordered object they are multiples of the number of names and one.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import push, seen_with
from constrain.engine.layout import (
    COVER, O_ANYFREE, O_AVAIL, O_BITS, O_DEMANDS, O_EASY, O_FREE, O_HI, O_LO, O_NAMES, O_NEXTREQ, O_OPTIONS, O_ORDERED,
    O_REQAFTER, O_REQUIRED, O_VALUES, S_CNT, S_NODE, S_PARENT, S_REG,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def seen(H, o, reg, j):
    """Did name j of the unordered object o occur?"""
    if H[o + O_BITS] <= 31:
        return (reg >> j) & 1 != 0
    if reg == 0:
        return False
    return (H[reg + 3 + (j >> 5)] >> np.int32(j & 31)) & 1 != 0


@device
def next_name(H, o, reg):
    """The index of the next declared name that may come in the ordered object o."""
    if H[o + O_DEMANDS] == 0:
        return reg
    return reg % (H[o + O_NAMES] + 1)


@device
def demands_met(H, o, reg):
    """The demands that members of the object o have met, as bits."""
    names = H[o + O_NAMES]
    if H[o + O_ORDERED] != 0:
        return reg // (names + 1)
    if H[o + O_BITS] <= 31:
        return reg >> names
    met = 0
    for i in range(H[o + O_DEMANDS]):
        if seen(H, o, reg, names + i):
            met |= 1 << i
    return met


@device
def demands_live(H, o, st, j, met):
    """Can the demands besides `met` still be met when a key with label j (-1: none) comes now? See `fewest_members`."""
    full = (1 << H[o + O_DEMANDS]) - 1
    if met == full or H[o + O_EASY] != 0:
        return True
    names, reg, ordered = H[o + O_NAMES], H[st + S_REG], H[o + O_ORDERED] != 0
    cost, far = H[COVER], 1 << 30
    for x in range(full + 1):
        H[cost + x] = far
    H[cost + met] = 0
    first = next_name(H, o, reg) if ordered else 0
    if ordered and 0 <= j < names:
        first = j + 1
    count = H[st + S_CNT]
    if j >= 0:
        count += 1
    for i in range(first, names + H[o + O_FREE]):
        if H[o + H[o + O_VALUES] + i] < 0 or (i < names and not ordered and (i == j or seen(H, o, reg, i))):
            continue
        price = 1
        if i < names and H[o + H[o + O_REQUIRED] + i] != 0:
            price = 0
            count += 1
        a = o + H[o + H[o + O_OPTIONS] + i]
        z = o + H[o + H[o + O_OPTIONS] + i + 1]
        for k in range(full + 1):
            x = full - k if i < names else k  # downwards: each name serves once
            if H[cost + x] < far:
                for p in range(a, z, 2):
                    y = x | H[p + 1]
                    if H[cost + x] + price < H[cost + y]:
                        H[cost + y] = H[cost + x] + price
    if H[cost + full] >= far:
        return False
    return H[o + O_HI] < 0 or count + H[cost + full] <= H[o + O_HI]


@device
def label_serves(H, o, st, j):
    """Can the demands still be met when a key with label j comes now, with some value?"""
    if H[o + O_DEMANDS] == 0 or H[o + O_EASY] != 0:
        return True
    met = demands_met(H, o, H[st + S_REG])
    a = o + H[o + H[o + O_OPTIONS] + j]
    z = o + H[o + H[o + O_OPTIONS] + j + 1]
    for p in range(a, z, 2):  # noqa: SIM110 (kernels have no generators)
        if demands_live(H, o, st, j, met | H[p + 1]):
            return True
    return False


@device
def required_left(H, o, st):
    """Number of required names that have not come."""
    if H[o + O_ORDERED] != 0:
        return H[o + H[o + O_REQAFTER] + next_name(H, o, H[st + S_REG])]
    n = 0
    for j in range(H[o + O_NAMES]):
        if H[o + H[o + O_REQUIRED] + j] != 0 and not seen(H, o, H[st + S_REG], j):
            n += 1
    return n


@device
def names_left(H, o, st):
    """Number of declared names that may still come."""
    if H[o + O_ORDERED] != 0:
        return H[o + H[o + O_AVAIL] + next_name(H, o, H[st + S_REG])]
    n = 0
    for j in range(H[o + O_NAMES]):
        if H[o + H[o + O_VALUES] + j] >= 0 and not seen(H, o, H[st + S_REG], j):
            n += 1
    return n


@device
def free_labels(H, o, st):
    """The classes of free keys that may come now, as bits; -1: all of them, 0: none."""
    if H[o + O_ANYFREE] == 0:
        return 0
    hi = H[o + O_HI]
    if hi >= 0 and H[st + S_CNT] + 1 + required_left(H, o, st) > hi:
        return 0
    if hi < 0 or H[o + O_DEMANDS] == 0:
        return -1
    bits, every = 0, True
    names = H[o + O_NAMES]
    for j in range(H[o + O_FREE]):
        if H[o + H[o + O_VALUES] + names + j] >= 0:
            if label_serves(H, o, st, names + j):
                bits |= 1 << j
            else:
                every = False
    return -1 if every else bits


@device
def free_ok(H, o, st):
    """May a free key come now?"""
    return free_labels(H, o, st) != 0


@device
def label_ok(H, o, st, j):
    """May a key with label j come now?"""
    if H[o + H[o + O_VALUES] + j] < 0:
        return False
    names = H[o + O_NAMES]
    if j >= names:
        bits = free_labels(H, o, st)
        return bits < 0 or (bits >> (j - names)) & 1 != 0
    hi = H[o + O_HI]
    cnt = H[st + S_CNT]
    if H[o + O_ORDERED] != 0:
        i = next_name(H, o, H[st + S_REG])
        if j < i or j > H[o + H[o + O_NEXTREQ] + i]:
            return False
        if hi >= 0 and cnt + 1 + H[o + H[o + O_REQAFTER] + j + 1] > hi:
            return False
        if H[o + O_ANYFREE] == 0 and cnt + 1 + H[o + H[o + O_AVAIL] + j + 1] < H[o + O_LO]:
            return False
        return label_serves(H, o, st, j)
    if seen(H, o, H[st + S_REG], j):
        return False
    if hi >= 0:
        left = required_left(H, o, st)
        if H[o + H[o + O_REQUIRED] + j] != 0:
            left -= 1
        if cnt + 1 + left > hi:
            return False
    return label_serves(H, o, st, j)


@device
def key_ok(H, o, st):
    """May any key come now?"""
    if free_ok(H, o, st):
        return True
    names = H[o + O_NAMES]
    first = next_name(H, o, H[st + S_REG]) if H[o + O_ORDERED] != 0 else 0
    for j in range(first, names):
        if label_ok(H, o, st, j):
            return True
        if H[o + O_ORDERED] != 0 and H[o + H[o + O_REQUIRED] + j] != 0:
            return False
    return False


@device
def close_ok(H, o, st):
    """May the object end now?"""
    if H[st + S_CNT] < H[o + O_LO] or required_left(H, o, st) != 0:
        return False
    return H[o + O_DEMANDS] == 0 or demands_met(H, o, H[st + S_REG]) == (1 << H[o + O_DEMANDS]) - 1


@device
def with_bit(H, o, reg, j):
    """The register of the unordered object o with bit j."""
    if H[o + O_BITS] <= 31:
        return np.int32(reg | (np.int32(1) << np.int32(j)))
    return np.int32(seen_with(H, reg, (H[o + O_BITS] + 31) >> 5, j))


@device
def take_option(H, o, st, gained):
    """The object's frame when a member's value begins with which these demands are met."""
    names, reg = H[o + O_NAMES], H[st + S_REG]
    met = demands_met(H, o, reg)
    if met | gained == met:
        return st
    if H[o + O_ORDERED] != 0:
        reg = np.int32(next_name(H, o, reg) + (names + 1) * (met | gained))
    else:
        for i in range(H[o + O_DEMANDS]):
            if (gained >> i) & 1 != 0:
                reg = with_bit(H, o, reg, names + i)
    return push(H, H[st + S_NODE], reg, H[st + S_CNT], H[st + S_PARENT], 1)


@device
def take_label(H, o, st, j):
    """The object's frame after a key with label j."""
    reg = H[st + S_REG]
    names = H[o + O_NAMES]
    if j < names:
        if H[o + O_ORDERED] == 0:
            reg = with_bit(H, o, reg, j)
        elif H[o + O_DEMANDS] == 0:
            reg = np.int32(j + 1)
        else:
            reg = np.int32(reg - next_name(H, o, reg) + j + 1)
    cnt = H[st + S_CNT] + 1
    if H[o + O_HI] < 0:
        cnt = min(cnt, H[o + O_LO])
    return push(H, H[st + S_NODE], reg, cnt, H[st + S_PARENT], 1)
