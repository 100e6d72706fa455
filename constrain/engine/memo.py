"""What a walk of rules found, remembered by the part of the stack that it looked at.

Which tokens may come depends on few frames of a long stack: those that reductions reach. While a walk runs, H[LOW] is
the least depth of a frame that it has looked at (`lr.looked`); what it found holds for every stack that is the same
from there up. It is found again through a chain of memo nodes, one for the configuration and one for each frame:

  memo node  [hash, KIND_MEMO, (what, pos, s, d, n) or (node before, register, count, 0, 0), 0 or 1, what was found]

what: the trie that was walked, or a number below 0.
"""

from __future__ import annotations

from constrain.engine.interning import insert, mix, room_for
from constrain.engine.layout import (
    BUMP, KIND_MEMO, LOW, NODES, OP_RULES, R_LEXER, R_NESTED, R_NODES, S_CNT, S_DEPTH, S_PARENT, S_REG, TABLE,
    TABLE_SIZE,
)  # fmt: skip
from constrain.jit import engine_device as device

MEMO_SIZE = 9
M_FOUND = 8
NOTHING = 1 << 30  # H[LOW] when no frame has been looked at
MOST_FRAMES = 64  # what depends on more is not kept


@device
def pure_rules(H, c):
    """Offset of the rules of the configuration at c where all that it leads to depends on frames of these rules alone
    (special tokens have none); else 0."""
    off = H[H[NODES] + (H[c] >> 4)]
    if off == 0 or H[off] != OP_RULES or H[off + R_LEXER] == 0 or H[off + R_NESTED] != 0:
        return 0
    return off if H[off + H[off + R_NODES] - 1] == 0 else 0


@device
def memo_slot(H, a, p, s, d, n, frame):
    """Where in the hash table the memo node with this key is, or would be put."""
    h = mix(mix(mix(KIND_MEMO, a), p), s)
    h = mix(mix(mix(h, d), n), frame)
    table, size = H[TABLE], H[TABLE_SIZE]
    j = h & (size - 1)
    while True:
        r = H[table + j]
        if r == 0:
            return table + j, h
        if (
            H[r] == h
            and H[r + 1] == KIND_MEMO
            and H[r + 2] == a
            and H[r + 3] == p
            and H[r + 4] == s
            and H[r + 5] == d
            and H[r + 6] == n
            and H[r + 7] == frame
        ):
            return table + j, h
        j = (j + 1) & (size - 1)


@device
def memo_made(H, a, p, s, d, n, frame):
    """The memo node with this key; 0: no room for it."""
    slot, h = memo_slot(H, a, p, s, d, n, frame)
    if H[slot] != 0:
        return H[slot]
    if not room_for(H, MEMO_SIZE):
        return 0
    r = H[BUMP]
    H[BUMP] = r + MEMO_SIZE
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = h, KIND_MEMO, a, p, s
    H[r + 5], H[r + 6], H[r + 7], H[r + 8] = d, n, frame, 0
    insert(H, slot, r)
    return r


@device
def find_memo(H, what, c):
    """What was found from the configuration at c, or 0."""
    node = H[memo_slot(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], 0)[0]]
    st = H[c + 4]
    low = NOTHING
    while node != 0:
        if H[node + M_FOUND] != 0:
            H[LOW] = min(H[LOW], low)
            return H[node + M_FOUND]
        if low == 0:
            return 0
        if st == 0:
            low = 0
            node = H[memo_slot(H, node, -1, -1, 0, 0, 1)[0]]
        else:
            low = H[st + S_DEPTH]
            node = H[memo_slot(H, node, H[st + S_REG], H[st + S_CNT], 0, 0, 1)[0]]
            st = H[st + S_PARENT]
    return 0


@device
def save_memo(H, what, c, low, found):
    """Remember what was found from the configuration at c by looking at frames of depth `low` and more."""
    st = H[c + 4]
    if st != 0 and H[st + S_DEPTH] - low > MOST_FRAMES:
        return
    node = memo_made(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], 0)
    while node != 0 and st != 0 and H[st + S_DEPTH] >= low:
        node = memo_made(H, node, H[st + S_REG], H[st + S_CNT], 0, 0, 1)
        st = H[st + S_PARENT]
    if node != 0 and low == 0:
        node = memo_made(H, node, -1, -1, 0, 0, 1)
    if node != 0:
        H[node + M_FOUND] = found


@device
def save_ids(H, what, c, low, ids, n):
    """`save_memo` for the n token ids at `ids`: they are copied behind their number."""
    if not room_for(H, n + 1):
        return
    r = H[BUMP]
    H[BUMP] = r + n + 1
    H[r] = n
    for i in range(n):
        H[r + 1 + i] = H[ids + i]
    save_memo(H, what, c, low, r)
