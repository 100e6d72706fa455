"""Sets of bytes that keep an automaton alive, so that whole subtrees of the vocabulary's trie can be taken at once."""

from __future__ import annotations

import numpy as np

from constrain.engine.layout import (
    HIGH_GROUPS, NO_UTF8, TD_ASCII, TD_BOUNDS, TD_CLASSES, TD_NCLS, TD_NINT, TD_STATES, TD_TABLE, T_DFA,
)  # fmt: skip
from constrain.jit import engine_device as device

MAX_SAFE_WORK = 50_000  # steps to find the bytes that keep a state alive
MANY_BYTES = 8


@device
def high_group(c):
    """The group of a character beyond ASCII."""
    g = 0
    for i in range(1, NO_UTF8):
        if c >= HIGH_GROUPS[i]:
            g = i
    return g


@device
def live_bytes(H, t, s, raw, stay):
    """The bytes over which automaton state s goes on (stay: to itself): ASCII as two words of 64 bits, HIGH_GROUPS."""
    low, mid = np.int64(0), np.int64(0)
    high = (np.int64(1) << NO_UTF8) - 1
    table, ascii_at = 0, 0
    if H[t] == T_DFA:
        table, ascii_at = t + H[t + TD_TABLE] + s * H[t + TD_NCLS], t + H[t + TD_ASCII]
    for b in range(128):
        good = raw != 0 or (b >= 32 and b != 34 and b != 92)
        if good and H[t] == T_DFA:
            s2 = H[table + H[ascii_at + b]]
            good = s2 == s if stay else s2 >= 0
        if good and b < 64:
            low |= np.int64(1) << b
        elif good:
            mid |= np.int64(1) << (b - 64)
    if stay and low == 0 and mid == 0:
        return low, mid, np.int64(0)  # not worth a look
    if H[t] == T_DFA:
        n = H[t + TD_NINT]
        for i in range(n):
            if high == 0:
                break
            s2 = H[table + H[t + H[t + TD_CLASSES] + i]]
            if s2 == s or (s2 >= 0 and not stay):
                continue
            first = H[t + H[t + TD_BOUNDS] + i]
            last = H[t + H[t + TD_BOUNDS] + i + 1] - 1 if i + 1 < n else 0x10FFFF
            if first >= 0xD800 and first < 0xE000:
                first = 0xE000
            if last >= 0xD800 and last < 0xE000:
                last = 0xD7FF
            first = max(first, 128)
            if first <= last:
                for g in range(high_group(first), high_group(last) + 1):
                    high &= ~(np.int64(1) << g)
    return low, mid, high


@device
def count_bits(x):
    n = 0
    while x != 0:
        x &= x - 1
        n += 1
    return n


@device
def safe_bytes(H, t, s, height, data):
    """Bytes of which any sequence of at most `height` keeps state s of a T_DFA alive inside of a JSON string.

    As `live_bytes`. A byte is given up when it leads to a state in which many of the others die; else those others are.
    data [4 * states]: what `live_bytes` has said of each state, after a 1, or 0 where it was not asked.
    """
    seen = np.zeros(H[t + TD_STATES], np.int32)
    queue = np.empty(H[t + TD_STATES], np.int32)
    n = H[t + TD_NINT]
    turn, work = 0, 0
    low, mid, high = live_bytes(H, t, s, 0, False)
    while True:
        turn += 1
        queue[0] = s
        seen[s] = turn
        size, at, level_end, level = 1, 0, 1, 1
        low2, mid2, high2 = low, mid, high
        while at < size and level < height:
            r = queue[at]
            at += 1
            table = t + H[t + TD_TABLE] + r * H[t + TD_NCLS]
            work += 128 + n
            for k in range(32, 128 + n):
                if k < 128:
                    if ((low >> k) if k < 64 else (mid >> (k - 64))) & 1 == 0:
                        continue
                    r2 = H[table + H[t + H[t + TD_ASCII] + k]]
                else:
                    if high == 0 or (k + 1 < 128 + n and H[t + H[t + TD_BOUNDS] + k - 127] <= 128):
                        continue
                    r2 = H[table + H[t + H[t + TD_CLASSES] + k - 128]]
                if r2 < 0 or seen[r2] == turn:
                    continue
                if data[4 * r2] == 0:
                    work += 128 + n
                    data[4 * r2] = 1
                    data[4 * r2 + 1], data[4 * r2 + 2], data[4 * r2 + 3] = live_bytes(H, t, r2, 0, False)
                low1, mid1, high1 = low & ~data[4 * r2 + 1], mid & ~data[4 * r2 + 2], high & ~data[4 * r2 + 3]
                if k >= 128 and count_bits(low1) + count_bits(mid1) > MANY_BYTES:
                    high2 = np.int64(0)
                elif k < 128 and count_bits(low1) + count_bits(mid1) + count_bits(high1) > MANY_BYTES:
                    if k < 64:
                        low2 &= ~(np.int64(1) << k)
                    else:
                        mid2 &= ~(np.int64(1) << (k - 64))
                else:
                    low2 &= ~low1
                    mid2 &= ~mid1
                    high2 &= ~high1
                    seen[r2] = turn
                    queue[size] = r2
                    size += 1
            if work > MAX_SAFE_WORK:
                return live_bytes(H, t, s, 0, True)
            if at == level_end:
                level_end = size
                level += 1
        if low2 == low and mid2 == mid and high2 == high:
            return low, mid, high
        low, mid, high = low2, mid2, high2


@device
def all_below(X, below, low, mid, high):
    """Are all bytes below a trie node in these sets? below: offset of what is known of it."""
    return (
        X[below + 4] & ~high == 0
        and ((np.int64(X[below]) & 0xFFFFFFFF) | (np.int64(X[below + 1]) << 32)) & ~low == 0
        and ((np.int64(X[below + 2]) & 0xFFFFFFFF) | (np.int64(X[below + 3]) << 32)) & ~mid == 0
    )
