"""What a walk of rules found, remembered by the part of the stack that it looked at.

Which tokens may come depends on few frames of a long stack: those that reductions reach. While a walk runs, H[LOW] is
the least depth of a frame that it has looked at (`lr.looked`); what it found holds for every stack whose frames from
there up do the same, its *window* (frames under others may do the same though they are not: `under`). A memo node knows
how many frames the windows for a configuration have, when its stack has some LR state on top; each is found by the hash
of its frames:

  memo node  [hash, KIND_MEMO, what, pos, s, d, n, which, numbers of frames as bits; bit 0: see columns]
  window     [hash, KIND_WINDOW, memo node, frames, what was found, 1: it was of use since it came to this arena;
              (what tells it from others, count) of each frame...]

what: the trie that was walked, or a number below 0. which: 8 times the LR state; see summaries.py for others. Where no
column of a block was looked at (H[COLUMNS] is 0) blocks of different columns are alike; a memo node of its own, with 1
more, is for what depends on columns, and bit 0 says that there is one.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import first_slot, insert, mix, next_slot, room_for, shared
from constrain.engine.layout import (
    BUMP, COLUMNS, KIND_MEMO, KIND_WINDOW, LOW, NODES, OP_RULES, R_COVERED, R_LEXER, R_NESTED, R_NODES, R_OPEN, S_CNT,
    S_DEPTH, S_PARENT, S_REG, SHARED_HEAD,
)  # fmt: skip
from constrain.engine.lr import COLUMN
from constrain.jit import engine_device as device

MEMO_SIZE = 9
W_FOUND, W_USED, WINDOW_HEAD = 4, 5, 6
M_FOUND = 8
NOTHING = 1 << 30  # H[LOW] when no frame has been looked at
MOST_FRAMES = 30  # what depends on more is not kept


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
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            return slot, h
        if (
            H[r + 1] == KIND_MEMO
            and H[r + 2] == a
            and H[r + 3] == p
            and H[r + 4] == s
            and H[r + 5] == d
            and H[r + 6] == n
            and H[r + 7] == frame
        ):
            return slot, h
        slot = next_slot(H, h, slot)


@device
def memo_made(H, a, p, s, d, n, frame):
    """The memo node with this key; 0: no room for it."""
    slot, h = memo_slot(H, a, p, s, d, n, frame)
    if H[slot + 1] != 0:
        return H[slot + 1]
    if not room_for(H, MEMO_SIZE):
        return 0
    r = H[BUMP]
    H[BUMP] = r + MEMO_SIZE
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = h, KIND_MEMO, a, p, s
    H[r + 5], H[r + 6], H[r + 7], H[r + 8] = d, n, frame, 0
    insert(H, slot, r)
    return r


@device
def count_of(H, off, st, columns):
    """What tells the count of frame st from others: with the column of its block, or the open brackets alone."""
    open_ = min(H[st + S_CNT] >> 16, H[off + R_OPEN])
    return open_ << 16 | H[st + S_CNT] & COLUMN if columns != 0 else open_


@device
def under(H, off, st):
    """What tells frame st from others when a frame stands on it."""
    return H[off + H[off + R_COVERED] + H[st + S_REG]]


@device
def frame_key(H, off, st, top, columns):
    """What tells frame st from others, in two numbers. top: 1 where nothing stands on it. 0: there is no frame."""
    if st == 0:
        return -1, 0
    return H[st + S_REG] if top != 0 else under(H, off, st), count_of(H, off, st, columns)


@device
def same_frames(H, off, st, at, frames, columns):
    """Do the topmost frames of stack st do the same as those that a window has at `at`?"""
    for i in range(frames):
        key, count = frame_key(H, off, st, 1 if i == 0 else 0, columns)
        if H[at + 2 * i] != key or H[at + 2 * i + 1] != count:
            return False
        if st != 0:
            st = H[st + S_PARENT]
    return True


@device
def window_slot(H, off, head, st, frames, columns, h):
    """Where in the hash table the window with this key is, or would be put. h: hash of the frames."""
    h = mix(mix(h, head), frames)
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            return slot, h
        if (
            H[r + 1] == KIND_WINDOW
            and H[r + 2] == head
            and H[r + 3] == frames
            and same_frames(H, off, st, r + WINDOW_HEAD, frames, columns)
        ):
            return slot, h
        slot = next_slot(H, h, slot)


@device
def which_of(H, c):
    """What tells the memo node for the configuration at c from others of the same place in the lexer."""
    return 8 * H[H[c + 4] + S_REG] if H[c + 4] != 0 else 0


@device
def find_memo(H, what, c):
    """What was found from the configuration at c, or 0."""
    which = which_of(H, c)
    head = H[memo_slot(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], which)[0] + 1]
    if head == 0:
        return 0
    found = find_window(H, head, c, 0)
    if found == 0 and H[head + M_FOUND] & 1 != 0:
        head = H[memo_slot(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], which + 1)[0] + 1]
        found = find_window(H, head, c, 1)
        if found != 0:
            H[COLUMNS] = 1
    return found


@device
def find_window(H, head, c, columns):
    """What was found from the configuration at c, whose memo node is known. columns: 1 where they count."""
    whole = st = H[c + 4]
    off = H[H[NODES] + (H[c] >> 4)]
    known, h, frames = np.int64(H[head + M_FOUND]), KIND_WINDOW, 0
    while known > 1 and frames < MOST_FRAMES:
        frames += 1
        known >>= 1
        key, count = frame_key(H, off, st, 1 if frames == 1 else 0, columns)
        h = mix(mix(h, key), count)
        if known & 1 != 0:
            r = H[window_slot(H, off, head, whole, frames, columns, h)[0] + 1]
            if r != 0:
                H[LOW] = min(H[LOW], H[st + S_DEPTH] if st != 0 else 0)
                H[r + W_USED] = 1
                return H[r + W_FOUND]
        if st == 0:
            return 0
        st = H[st + S_PARENT]
    return 0


@device
def save_memo(H, what, c, low, found):
    """Remember what was found from the configuration at c by looking at frames of depth `low` and more (0: and at there
    being no more)."""
    whole = st = H[c + 4]
    columns = H[COLUMNS]
    frames = (H[st + S_DEPTH] if st != 0 else 0) - low + 1
    if not 0 < frames <= MOST_FRAMES:
        return
    which = which_of(H, c)
    head = memo_made(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], which)
    if columns != 0 and head != 0:
        H[head + M_FOUND] |= 1
        head = memo_made(H, what, H[c], H[c + 1], H[c + 2], H[c + 3], which + 1)
    if head == 0:
        return
    off = H[H[NODES] + (H[c] >> 4)]
    size = WINDOW_HEAD + 2 * frames
    if not room_for(H, size):
        return
    h, r = KIND_WINDOW, H[BUMP]
    for i in range(frames):
        key, count = frame_key(H, off, st, 1 if i == 0 else 0, columns)
        h = mix(mix(h, key), count)
        H[r + WINDOW_HEAD + 2 * i], H[r + WINDOW_HEAD + 2 * i + 1] = key, count
        if st != 0:
            st = H[st + S_PARENT]
    slot, h = window_slot(H, off, head, whole, frames, columns, h)
    if H[slot + 1] != 0:
        return
    H[BUMP] = r + size
    H[r], H[r + 1], H[r + 2], H[r + 3] = h, KIND_WINDOW, head, frames
    H[r + W_FOUND], H[r + W_USED] = found, 0
    H[head + M_FOUND] |= 1 << frames
    insert(H, slot, r)


@device
def save_ids(H, what, c, low, ids, n):
    """`save_memo` for the n token ids at `ids`: they are copied behind their number. Returns where; 0: no room."""
    if not room_for(H, SHARED_HEAD + n + 1):
        return 0
    r = H[BUMP] + SHARED_HEAD
    H[r] = n
    for i in range(n):
        H[r + 1 + i] = H[ids + i]
    found = shared(H, n + 1)
    save_memo(H, what, c, low, found)
    return found
