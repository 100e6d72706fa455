"""What rules have found, carried from one arena into a fresh one: memo nodes, windows, summaries, ids, mask records.

Stacks and states are left behind, and what only they refer to. Both arenas have the same nodes at the same offsets.
Records are taken in the order in which they were made, so what one refers to is in its new place before it.
"""

from __future__ import annotations

from constrain.engine.interning import insert, mix
from constrain.engine.layout import (
    BUMP, CAP, KIND_INTS, KIND_MEMO, KIND_SET, KIND_WINDOW, MASK_HEAD, R_WORDS, SET_HEAD, SHARED_HEAD, TABLE,
    TABLE_SIZE,
)  # fmt: skip
from constrain.engine.memo import M_FOUND, MEMO_SIZE, WINDOW_HEAD
from constrain.engine.summaries import PAIR, SET, V_HEAD, V_SECTIONS, V_VISITS
from constrain.jit import engine_device as device


@device
def place_of(data, first, n, x):
    """Index in data of the greatest of the n ascending numbers from data[first] on that is at most x, or -1."""
    lo = first
    hi = first + n
    while lo < hi:
        mid = (lo + hi) >> 1
        if data[mid] <= x:
            lo = mid + 1
        else:
            hi = mid
    return lo - 1 if lo > first else -1


@device
def is_mask(X, window):
    """Is what a window has found a mask record? Else it is a list of ids."""
    return X[X[window + 2] + 2] < 0


@device
def mark(X, data, n):
    """Note with a 1 at data[n + i] which of the n records data[i] of arena X windows refer to, or their masks."""
    for i in range(n):
        r = data[i]
        if X[r + 1] != KIND_WINDOW:
            continue
        found = X[r + 4]
        j = place_of(data, 0, n, found)
        if j >= 0 and data[j] == found - SHARED_HEAD:
            data[n + j] = 1
        if not is_mask(X, r):
            continue
        at = found + MASK_HEAD + X[found] + 2 * X[found + 1]
        for k in range(X[found + 4] if X[found + 3] == 0 else 0):
            j = place_of(data, 0, n, X[at + 2 * k])
            if j >= 0 and X[data[j] + 1] == KIND_INTS:
                data[n + j] = 1


@device
def new_place(X, data, n, m, a):
    """Where the list of ids at X[a] lies in the fresh arena; 0: it was not carried over."""
    j = place_of(data, 0, n, a)
    if j >= 0 and X[data[j] + 1] == KIND_INTS and a < data[j] + SHARED_HEAD + X[data[j] + 2]:
        return data[n + j] + a - data[j] if data[n + j] > 1 else 0
    j = place_of(data, 2 * n, m, a)
    if j >= 0:
        v = data[j]
        if a < v + V_HEAD + X[v] + 2 * X[v + 1] + X[v + 2] and data[m + j] != 0:
            return data[m + j] + a - v
    return 0


@device
def enter(H, r):
    """Put a new record into the hash table, which has room."""
    mask = H[TABLE_SIZE] - 1
    j = H[r] & mask
    while H[H[TABLE] + 2 * j + 1] != 0:
        j = (j + 1) & mask
    insert(H, H[TABLE] + 2 * j, r)


@device
def carry(H, X, data, n, m):
    """Carry over from arena X to the fresh arena H.

    data: offsets of n records of X, ascending; n zeros; offsets of m summaries, ascending; m zeros. H has room for them
    all, and a hash table that need not grow. Returns how many records H has now.
    """
    mark(X, data, n)
    count = 0
    for i in range(n):
        r, at = data[i], H[BUMP]
        kind, size = X[r + 1], 0
        if kind == KIND_SET:
            size = SET_HEAD + X[X[r + 2] + R_WORDS]
        elif kind == KIND_MEMO:
            size = MEMO_SIZE
        elif kind == KIND_WINDOW:
            size = WINDOW_HEAD + 2 * X[r + 3]
        elif kind == KIND_INTS and data[n + i] != 0:
            size = SHARED_HEAD + X[r + 2]
        if size == 0 or at + size + 8 > H[CAP]:
            continue
        for k in range(size):
            H[at + k] = X[r + k]
        good = True
        if kind == KIND_MEMO:
            good = carry_memo(H, X, data, n, m, at)
        elif kind == KIND_WINDOW:
            good = carry_window(H, X, data, n, at)
        elif kind == KIND_INTS:
            good = carry_ints(H, X, data, n, m, at)
        if not good:
            continue
        H[BUMP] = at + size
        data[n + i] = at
        enter(H, at)
        count += 1
        if kind == KIND_MEMO and X[r + 7] >= SET:
            carry_summary(H, X, data, n, m, r, at)
    return count


@device
def moved(data, n, r):
    """The new offset of the record that was at r; 0: it was not carried over."""
    j = place_of(data, 0, n, r)
    return data[n + j] if j >= 0 and data[j] == r and data[n + j] > 1 else 0


@device
def carry_memo(H, X, data, n, m, at):
    """Put a copied memo node right. False: what it belongs to is not there."""
    if H[at + 7] == SET:
        terminals = moved(data, n, H[at + 4] - SET_HEAD)
        if terminals == 0:
            return False
        H[at + 4] = terminals + SET_HEAD
    elif H[at + 7] == PAIR:
        H[at + 2] = moved(data, n, H[at + 2])
        if H[at + 2] == 0:
            return False
    if H[at + 7] >= SET:
        H[at + M_FOUND] = 0
    h = KIND_MEMO
    for k in range(2, 8):
        h = mix(h, H[at + k])
    H[at] = h
    return True


@device
def carry_summary(H, X, data, n, m, r, node):
    """Copy the summary of the memo node that was at r behind its new place."""
    v = X[r + M_FOUND]
    j = place_of(data, 2 * n, m, v)
    if v == 0 or j < 0 or data[j] != v:
        return
    at = H[BUMP]
    size = V_HEAD + X[v] + 2 * X[v + 1] + X[v + 2] + X[v + V_SECTIONS]
    if at + size + 8 > H[CAP]:
        return
    for k in range(size):
        H[at + k] = X[v + k]
    H[at + V_VISITS] = min(X[v + V_VISITS], 1)
    H[BUMP] = at + size
    H[node + M_FOUND] = at
    data[m + j] = at


@device
def carry_window(H, X, data, n, at):
    """Put a copied window right. False: its memo node or what it found is not there."""
    H[at + 2] = moved(data, n, H[at + 2])
    found = moved(data, n, H[at + 4] - SHARED_HEAD)
    if H[at + 2] == 0 or found == 0:
        return False
    H[at + 4] = found + SHARED_HEAD
    h = KIND_WINDOW
    for k in range(at + WINDOW_HEAD, at + WINDOW_HEAD + 2 * H[at + 3]):
        h = mix(h, H[k])
    H[at] = mix(mix(h, H[at + 2]), H[at + 3])
    return True


@device
def carry_ints(H, X, data, n, m, at):
    """Put copied ints right: of a mask record the lists of the arena. False: one of these is not there."""
    r = at + SHARED_HEAD
    size = H[at + 2]
    H[at + 3] = 0
    # a list says how many ids follow, and nothing else does; see `interning.shared`
    if H[r] + 1 != size and H[r + 3] == 0:
        lists = r + MASK_HEAD + H[r] + 2 * H[r + 1]
        for k in range(H[r + 4]):
            a = new_place(X, data, n, m, H[lists + 2 * k])
            if a == 0:
                return False
            H[lists + 2 * k] = a
    h = mix(KIND_INTS, size)
    for k in range(r, r + size):
        h = mix(h, H[k])
    H[at] = h
    return True
