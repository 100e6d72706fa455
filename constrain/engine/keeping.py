"""What rules have found, carried from one arena into a fresh one: memo nodes, windows, summaries, ids, mask records.

Stacks and states are left behind, and what only they refer to. Both arenas have the same nodes at the same offsets.
Records are taken in the order in which they were made, so what one refers to is in its new place before it.
"""

from __future__ import annotations

from constrain.engine.interning import insert, mix, shared
from constrain.engine.layout import (
    BUMP, CAP, KIND_INTS, KIND_MEMO, KIND_SET, KIND_WINDOW, MASK_HEAD, R_WORDS, SET_HEAD, SHARED_HEAD, TABLE,
    TABLE_SIZE,
)  # fmt: skip
from constrain.engine.memo import M_FOUND, MEMO_SIZE, W_FOUND, W_USED, WINDOW_HEAD
from constrain.engine.summaries import PAIR, SET, V_HEAD, V_SECTIONS, V_USED, V_VISITS
from constrain.jit import engine_device as device

STRIDE = 6


@device
def place_in(data, first, n, index, x):
    """Index in data of the greatest of the n ascending offsets from data[first] on that is at most x, or -1.

    data[index + i]: how many of them are less than i << STRIDE.
    """
    at = first + data[index + (x >> STRIDE)]
    while at < first + n and data[at] <= x:
        at += 1
    return at - 1 if at > first else -1


@device
def place_of(data, n, m, x):
    """The greatest of the n records' offsets that is at most x: where it is in data, or -1."""
    return place_in(data, 0, n, 2 * n + 2 * m + 2, x)


@device
def summary_of(data, n, m, x):
    """`place_of` for the m summaries."""
    return place_in(data, 2 * n, m, 2 * n + 2 * m + 2 + data[2 * n + 2 * m + 1], x)


@device
def is_wanted(X, r, recent):
    """Is the record at r to be carried over? Windows and summaries before `recent` are where they were of use again."""
    if r >= recent:
        return True
    if X[r + 1] == KIND_WINDOW:
        return X[r + W_USED] != 0
    if X[r + 1] == KIND_MEMO and (X[r + 7] == SET or X[r + 7] == PAIR):
        return X[r + M_FOUND] != 0 and X[X[r + M_FOUND] + V_USED] != 0
    return True


@device
def mark(X, data, n, m, recent):
    """Note with a 1 at data[n + i] which of the n records data[i] of arena X windows that are wanted refer to, or their
    masks; at data[2 * n + m + i] in which of the m summaries these masks have ids."""
    for i in range(n):
        r = data[i]
        if X[r + 1] != KIND_WINDOW or not is_wanted(X, r, recent):
            continue
        found = X[r + W_FOUND]
        j = place_of(data, n, m, found)
        if j >= 0 and data[j] == found - SHARED_HEAD:
            data[n + j] = 1
        if X[X[r + 2] + 2] >= 0:  # not a mask record, but a list of ids
            continue
        at = found + MASK_HEAD + X[found] + 2 * X[found + 1]
        for k in range(X[found + 4] if X[found + 3] == 0 else 0):
            j = place_of(data, n, m, X[at + 2 * k])
            if j >= 0 and is_inside(X, data[j], X[at + 2 * k]):
                data[n + j] = 1
            else:
                j = summary_of(data, n, m, X[at + 2 * k])
                if j >= 0:
                    data[m + j] = 1


@device
def is_inside(X, r, a):
    """Does the offset a lie in the record of ints at r?"""
    return X[r + 1] == KIND_INTS and a < r + SHARED_HEAD + X[r + 2]


@device
def new_place(X, data, n, m, a):
    """Where the list of ids at X[a] lies in the fresh arena; 0: it was not carried over."""
    j = place_of(data, n, m, a)
    if j >= 0 and is_inside(X, data[j], a):
        return data[n + j] + a - data[j] if data[n + j] > 1 else 0
    j = summary_of(data, n, m, a)
    if j >= 0:
        v = data[j]
        if a < v + V_HEAD + X[v] + 2 * X[v + 1] + X[v + 2] and data[m + j] > 1:
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

    data: offsets of n records of X, ascending; n zeros; offsets of m summaries, ascending; m zeros; an offset before
    which windows and summaries are left behind that were of no use; k; k counts of records, and of summaries (see
    `place_in`). H has room for them all, and a hash table that need not grow. Returns how many records H has now.
    """
    recent = data[2 * n + 2 * m]
    mark(X, data, n, m, recent)
    count = 0
    for i in range(n):
        r, at = data[i], H[BUMP]
        kind, good = X[r + 1], is_wanted(X, r, recent)
        size = 0
        if kind == KIND_SET:
            size = SET_HEAD + X[X[r + 2] + R_WORDS]
        elif kind == KIND_MEMO:
            size = MEMO_SIZE
        elif kind == KIND_WINDOW:
            size = WINDOW_HEAD + 2 * X[r + 3]
        elif kind == KIND_INTS and data[n + i] != 0:
            size = SHARED_HEAD + X[r + 2]
        good = good and size > 0 and at + size + 8 <= H[CAP]
        if good:
            for k in range(size):
                H[at + k] = X[r + k]
            if kind == KIND_MEMO:
                good = carry_memo(H, X, data, n, m, at)
            elif kind == KIND_WINDOW:
                good = carry_window(H, X, data, n, m, at)
            elif kind == KIND_INTS:
                good = carry_ints(H, X, data, n, m, at)
        if good:
            H[BUMP] = at + size
            data[n + i] = at
            enter(H, at)
            count += 1
        if kind == KIND_MEMO and (X[r + 7] == SET or X[r + 7] == PAIR):
            carry_summary(H, X, data, n, m, r, at if good else 0)
    return count


@device
def moved(data, n, m, r):
    """The new offset of the record that was at r; 0: it was not carried over."""
    j = place_of(data, n, m, r)
    return data[n + j] if j >= 0 and data[j] == r and data[n + j] > 1 else 0


@device
def carry_memo(H, X, data, n, m, at):
    """Put a copied memo node right. False: what it belongs to is not there."""
    if H[at + 7] == SET:
        terminals = moved(data, n, m, H[at + 4] - SET_HEAD)
        if terminals == 0:
            return False
        H[at + 4] = terminals + SET_HEAD
    elif H[at + 7] == PAIR:
        H[at + 2] = moved(data, n, m, H[at + 2])
        if H[at + 2] == 0:
            return False
    if H[at + 7] == SET or H[at + 7] == PAIR:
        H[at + M_FOUND] = 0
    h = KIND_MEMO
    for k in range(2, 8):
        h = mix(h, H[at + k])
    H[at] = h
    return True


@device
def carry_summary(H, X, data, n, m, r, node):
    """Copy the summary of the memo node that was at r behind its new place. node: that place; 0: the node was left
    behind, and of its summary only the ids go on, as a list, if masks refer to them."""
    v = X[r + M_FOUND]
    j = summary_of(data, n, m, v)
    if v == 0 or j < 0 or data[j] != v or (node == 0 and data[m + j] == 0):
        return
    at = H[BUMP]
    front = V_HEAD + X[v] + 2 * X[v + 1]
    ids = X[v + 2]
    size = front + ids + X[v + V_SECTIONS]
    if at + SHARED_HEAD + size + 8 > H[CAP]:
        return
    if node == 0:
        at += SHARED_HEAD
        H[at] = ids
        for k in range(ids):
            H[at + 1 + k] = X[v + front + k]
        data[m + j] = shared(H, ids + 1) + 1 - front
        return
    for k in range(size):
        H[at + k] = X[v + k]
    H[at + V_VISITS], H[at + V_USED] = min(X[v + V_VISITS], 1), 0
    H[BUMP] = at + size
    H[node + M_FOUND] = at
    data[m + j] = at


@device
def carry_window(H, X, data, n, m, at):
    """Put a copied window right. False: its memo node or what it found is not there."""
    H[at + 2] = moved(data, n, m, H[at + 2])
    found = moved(data, n, m, H[at + W_FOUND] - SHARED_HEAD)
    if H[at + 2] == 0 or found == 0:
        return False
    H[at + W_FOUND], H[at + W_USED] = found + SHARED_HEAD, 0
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
