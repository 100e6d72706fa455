"""What a mask is made of (rows of bits, lists in the store, ids to set and to clear), and its record in the arena."""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import room_for
from constrain.engine.layout import (
    BUMP, CAP, IDS, IDS_END, IN_ORDER, IN_TAIL, LISTS, MASK_HEAD, MAX_LIST, MAX_LISTS, NEED_IDS, N_CLEARS, N_IDS,
    N_LISTED, N_LISTS, N_REFS, N_ROWS, SHARED_HEAD, SPREAD_LEFT, STATUS, TABLE_SIZE, TN, X_IDS, X_TRIE,
)  # fmt: skip
from constrain.jit import engine_device as device

LOWEST_BIT = (
    0, 1, 28, 2, 29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4, 8, 31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6, 11, 5, 10, 9
)  # fmt: skip
SHORT = 4  # ids that are copied rather than referred to
SELDOM = 2  # times that a mask record is written before it may be spread out


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
def add_listed(H, listed):
    """Add token ids of the arena, behind their number, to the mask."""
    add_list(H, listed + 1, H[listed])


@device
def add_list(H, a, n):
    """Add the n token ids at H[a] to the mask: by reference where they are more than a few, while there is room."""
    if n > SHORT and H[IN_TAIL] == 0 and H[IN_ORDER] == 0 and H[N_LISTS] < MAX_LISTS:
        at = H[LISTS] + 3 * MAX_LIST
        for i in range(H[N_LISTS]):
            if H[at + 2 * i] == a:
                return
        H[at + 2 * H[N_LISTS]] = a
        H[at + 2 * H[N_LISTS] + 1] = n
        H[N_LISTS] += 1
        H[N_LISTED] += n
        return
    at = H[IDS] + H[N_IDS]
    if at + n > H[IDS_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_IDS
        return
    for k in range(n):
        H[at + k] = H[a + k]
    H[N_IDS] += n


@device
def add_ref(H, X, a, n):
    """Add the n token ids at X[a] to the mask, by reference while there is room for one."""
    if H[N_REFS] >= MAX_LIST or H[IN_ORDER] != 0:
        add_ids(H, X, a, a + n)
        return
    at = H[LISTS] + MAX_LIST
    for i in range(H[N_REFS]):
        if H[at + 2 * i] == a and H[at + 2 * i + 1] == n:
            return
    H[at + 2 * H[N_REFS]] = a
    H[at + 2 * H[N_REFS] + 1] = n
    H[N_REFS] += 1


@device
def lowest_bit(w):
    """The number of the lowest bit of w (32 bits, not 0)."""
    return LOWEST_BIT[(((w & -w) * 0x077CB531) & 0xFFFFFFFF) >> 27]


@device
def add_row(H, B, row):
    """Add a row of bits to the mask, by reference while there is room for one."""
    at = H[LISTS]
    if H[IN_ORDER] == 0:
        for i in range(H[N_ROWS]):
            if H[at + i] == row:
                return
    if H[N_ROWS] < MAX_LIST and H[IN_ORDER] == 0:
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
def start_lists(H):
    H[N_ROWS] = 0
    H[N_REFS] = 0
    H[N_IDS] = 0
    H[N_CLEARS] = 0
    H[IN_ORDER] = 0
    H[N_LISTS] = 0
    H[N_LISTED] = 0
    H[IN_TAIL] = 0


@device
def write_record(H):
    """The lists as a mask record where `shared` takes it. Returns its size, 0 without room."""
    rows, refs, ids, lists = H[N_ROWS], H[N_REFS], H[N_IDS], H[N_LISTS]
    size = MASK_HEAD + rows + 2 * refs + 2 * lists + ids
    if not room_for(H, SHARED_HEAD + size):
        return 0
    r = H[BUMP] + SHARED_HEAD
    H[r - 1] = 0
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = rows, refs, ids, 0, lists
    at = r + MASK_HEAD
    for i in range(rows):
        H[at + i] = H[H[LISTS] + i]
    at += rows
    for i in range(2 * refs):
        H[at + i] = H[H[LISTS] + MAX_LIST + i]
    at += 2 * refs
    for i in range(2 * lists):
        H[at + i] = H[H[LISTS] + 3 * MAX_LIST + i]
    at += 2 * lists
    for i in range(ids):
        H[at + i] = H[H[IDS] + i]
    return size


@device
def apply_record(H, X, B, mask, r):
    """Write the mask record at r to `mask`, every word.

    A record of many ids that is written again and again is spread out: its words are kept, while there is room.
    """
    words = mask.shape[0]
    known = H[r - 1] if H[r + 3] == 0 else r + MASK_HEAD
    if known > SELDOM:
        for i in range(words):
            mask[i] = H[known + i]
        return
    rows, refs, ids, lists = H[r], H[r + 1], H[r + 2], H[r + 4]
    at = r + MASK_HEAD
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
    cost = ids
    for j in range(refs):
        a = H[at + 2 * j]
        cost += H[at + 2 * j + 1]
        for k in range(a, a + H[at + 2 * j + 1]):
            x = X[k]
            mask[x >> 5] |= np.uint32(1) << np.uint32(x & 31)
    at += 2 * refs
    for j in range(lists):
        a = H[at + 2 * j]
        cost += H[at + 2 * j + 1]
        for k in range(a, a + H[at + 2 * j + 1]):
            x = H[k]
            mask[x >> 5] |= np.uint32(1) << np.uint32(x & 31)
    at += 2 * lists
    for k in range(at, at + ids):
        x = H[k]
        if x >= 0:
            mask[x >> 5] |= np.uint32(1) << np.uint32(x & 31)
        else:
            x = ~x
            mask[x >> 5] &= ~(np.uint32(1) << np.uint32(x & 31))
    if cost + words // 16 * rows > words // 8:
        spread(H, mask, r)


@device
def spread(H, mask, r):
    """Count that the mask record at r was written, to `mask`; after SELDOM times keep the words."""
    words = mask.shape[0]
    H[r - 1] += 1
    if H[r - 1] <= SELDOM:
        return
    H[r - 1] = SELDOM
    if H[SPREAD_LEFT] == 0 or H[BUMP] + words + 4 * H[TABLE_SIZE] + 8 > H[CAP]:
        return
    at = H[BUMP]
    H[BUMP] = at + words
    for i in range(words):
        H[at + i] = np.int32(mask[i])
    H[r - 1] = at
    H[SPREAD_LEFT] -= 1
