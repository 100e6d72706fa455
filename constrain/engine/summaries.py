"""What an entry of the lexer allows on stacks that are alike, put together once.

An entry has groups of tokens that stay inside a terminal, and sections of tokens that leave it. Which groups hold is
settled by the set of terminals that may come (`lr.viable`); what a section leads to is often settled by the few frames
that reductions reach. A *summary* holds what is settled, and names the sections that are not:

  summary    [rows, refs, ids, sections, visits, frames looked at, 1: it was of use since it came to this arena;
              row numbers..., (offset, length)..., token ids..., sections...]

There is one for each entry and set, found by a memo node (memo.py) of the kind SET; below it one for each pair of
frames on top of the stack, then for each pair below these, by nodes of the kind PAIR: each has what can be told with
its frames but not without. They are made from what walks have remembered, when an entry with open sections is used
again.
"""

from __future__ import annotations

from constrain.engine.interning import room_for
from constrain.engine.layout import (
    BUMP, CFG, COLUMNS, L_GROUP, L_GROUPS, L_HEAD, L_SEC, L_SECTIONS, LOW, NEED_SCRATCH, R_EXITS, R_IGNORED, R_NEWLINE,
    R_WORDS, SCRATCH_END, STATUS, S_CNT, S_DEPTH, S_PARENT,
)  # fmt: skip
from constrain.engine.lr import COLUMN, dropped, has_bit
from constrain.engine.memo import M_FOUND, NOTHING, find_memo, frame_key, memo_made, memo_slot
from constrain.engine.records import add_ids, add_list, add_ref, add_row
from constrain.engine.rules import after_exit
from constrain.jit import engine_device as device

SET, PAIR = 4, 5  # kinds of memo nodes
V_SECTIONS, V_VISITS, V_FRAMES, V_USED, V_HEAD = 3, 4, 5, 6, 7
MOST_PAIRS = 6
COPIED = 24  # ids of a group up to which they are copied


@device
def add_summary(H, X, B, found, own):
    """Add the tokens of a summary to the mask. own: 1 for a trie of the vocabulary's tokens, 0 for one of suffixes."""
    rows, refs, ids = H[found], H[found + 1], H[found + 2]
    at = found + V_HEAD
    H[found + V_USED] = 1
    for i in range(rows):
        add_row(H, B, H[at + i])
    at += rows
    for _ in range(refs):
        if own != 0:
            add_ref(H, X, H[at], H[at + 1])
        else:
            add_ids(H, X, H[at], H[at] + H[at + 1])
        at += 2
    add_list(H, at, ids)


@device
def sections_of(H, found):
    """Where the sections begin that a summary leaves open."""
    return found + V_HEAD + H[found] + 2 * H[found + 1] + H[found + 2]


@device
def begun(H, node, found, rows, refs, ids, sections):
    """Write the head of a summary at `found`, whose room is taken, for a memo node; returns where its content goes."""
    H[found], H[found + 1], H[found + 2], H[found + V_SECTIONS] = rows, refs, ids, sections
    H[found + V_VISITS], H[found + V_FRAMES], H[found + V_USED] = 0, 0, 0
    H[node + M_FOUND] = found
    return found + V_HEAD


@device
def sum_groups(H, X, e, off, st, set_, node):
    """Make the summary of entry e for stacks on which the terminals in set_ may come, as on st."""
    words = H[off + R_WORDS]
    groups, sections = X[e + L_GROUPS], X[e + L_SECTIONS]
    ignored = off + H[off + R_IGNORED]
    newline = H[off + R_NEWLINE]
    if newline >= 0 and H[st + S_CNT] <= COLUMN:
        newline = -1
    first = e + L_HEAD + groups * (L_GROUP + words)
    size = V_HEAD + 3 * groups + sections
    for g in range(groups):
        n = X[e + L_HEAD + g * (L_GROUP + words) + 2]
        size += n if n <= COPIED else 0
    if not room_for(H, size + groups):
        return 0
    found = H[BUMP]
    good = found + size  # the groups that hold: beyond what is kept
    kept, rows, refs, ids = 0, 0, 0, 0
    for g in range(groups):
        r = e + L_HEAD + g * (L_GROUP + words)
        shared = 0
        for w in range(words):
            shared |= X[r + L_GROUP + w] & (H[set_ + w] | H[ignored + w])
        if newline >= 0:
            shared |= (X[r + L_GROUP + (newline >> 5)] >> (newline & 31)) & 1
        if shared != 0:
            H[good + kept] = r
            kept += 1
            if X[r] >= 0:
                rows += 1
            elif X[r + 2] > COPIED:
                refs += 1
            else:
                ids += X[r + 2]
    row_at = begun(H, node, found, rows, refs, ids, 0)
    ref_at = row_at + rows
    at = ref_at + 2 * refs
    for i in range(kept):
        r = H[good + i]
        if X[r] >= 0:
            H[row_at] = X[r]
            row_at += 1
        elif X[r + 2] > COPIED:
            H[ref_at], H[ref_at + 1] = X[r + 1], X[r + 2]
            ref_at += 2
        else:
            for k in range(X[r + 1], X[r + 1] + X[r + 2]):
                H[at] = X[k]
                at += 1
    left = 0
    for i in range(sections):
        x = X[first + L_SEC * i]
        label = H[off + H[off + R_EXITS] + 2 * x] if x >= 0 else 0
        if x < 0 or dropped(H, off, st, label) or has_bit(H, set_, label):
            H[at + left] = i
            left += 1
    H[found + V_SECTIONS] = left
    H[BUMP] = at + left
    return found


@device
def first_summary(H, X, e, off, c, set_):
    """The memo node of the summary of entry e for the configuration at c, on which the terminals in set_ may come."""
    st = H[c + 4]
    inside = 1 if H[st + S_CNT] > COLUMN else 0
    node = memo_made(H, e, H[c], set_, inside, 0, SET)
    if node != 0 and H[node + M_FOUND] == 0 and sum_groups(H, X, e, off, st, set_, node) == 0:
        return 0
    return node


@device
def settled_summary(H, e, c, set_):
    """The summary of entry e for the configuration at c if it is known and leaves nothing open, or 0."""
    inside = 1 if H[H[c + 4] + S_CNT] > COLUMN else 0
    node = H[memo_slot(H, e, H[c], set_, inside, 0, SET)[0] + 1]
    if node == 0 or H[node + M_FOUND] == 0 or H[H[node + M_FOUND] + V_SECTIONS] != 0:
        return 0
    return H[node + M_FOUND]


@device
def pair_key(H, off, st, top):
    """What tells the two frames from st down from others: two numbers for each. top: 1 for those on top of a stack."""
    first, count = frame_key(H, off, st, top, 0)
    second, count2 = frame_key(H, off, H[st + S_PARENT], 0, 0)
    return first, count, second, count2


@device
def next_summary(H, off, node, st, top):
    """The memo node of the summary that knows the two frames from st down more than this one, or 0."""
    reg, count, reg2, count2 = pair_key(H, off, st, top)
    node = H[memo_slot(H, node, reg, count, reg2, count2, PAIR)[0] + 1]
    return node if node != 0 and H[node + M_FOUND] != 0 else 0  # there may have been no room for the summary


@device
def below_pair(H, st):
    """The stack below the two frames from st down."""
    st = H[st + S_PARENT]
    return H[st + S_PARENT] if st != 0 else 0


@device
def learn(H, X, e, off, c, node, st, pairs, work):
    """Settle sections that a summary leaves open as far as walks have remembered what they lead to.

    node: the last of `pairs` memo nodes for the configuration at c; st: its stack below the frames that these know.
    work: scratch space. Makes summaries for more frames, one at least.
    """
    whole_stack = H[c + 4]
    low_before, columns_before = H[LOW], H[COLUMNS]
    found = H[node + M_FOUND]
    n = H[found + V_SECTIONS]
    at = sections_of(H, found)
    words = H[off + R_WORDS]
    first = e + L_HEAD + X[e + L_GROUPS] * (L_GROUP + words)
    frame = work + 3 * n  # section, frames needed (0: not settled), ids found
    if frame + CFG * 64 > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return
    deepest = 0
    for i in range(n):
        H[work + 3 * i], H[work + 3 * i + 1], H[work + 3 * i + 2] = H[at + i], 0, 0
        sec = first + L_SEC * H[at + i]
        if X[sec] < 0 or X[sec + 4] > 0 or X[sec + 5] > 0:
            continue
        H[LOW], H[COLUMNS] = NOTHING, 0
        m = after_exit(H, H[c] >> 4, off, H[c] & 15, X[sec], H[c + 3], whole_stack, frame)
        if H[STATUS] != 0:
            return
        listed = 0
        if m == 1 and X[sec + 1] != 0:
            listed = find_memo(H, X[sec + 1], frame)
        if H[COLUMNS] == 0 and (m == 0 or X[sec + 1] == 0 or listed != 0):
            need = H[whole_stack + S_DEPTH] - H[LOW] + 1
            H[work + 3 * i + 1], H[work + 3 * i + 2] = max(need, 1), listed
            if need <= 2 * MOST_PAIRS:
                deepest = max(deepest, need)
    H[LOW], H[COLUMNS] = low_before, columns_before
    while True:
        reg, count, reg2, count2 = pair_key(H, off, st, 1 if pairs == 0 else 0)
        node = memo_made(H, node, reg, count, reg2, count2, PAIR)
        if node == 0:
            return
        pairs += 1
        if sum_sections(H, node, work, n, 2 * pairs) == 0:
            return
        st = below_pair(H, st)
        if st == 0 or pairs == MOST_PAIRS or 2 * pairs >= deepest:
            return


@device
def sum_sections(H, node, work, n, frames):
    """Make the summary of what `frames` frames settle of the n sections at `work`, which is marked as done there."""
    ids, left = 0, 0
    for i in range(n):
        need = H[work + 3 * i + 1]
        if 0 < need <= frames:
            ids += H[H[work + 3 * i + 2]] if H[work + 3 * i + 2] != 0 else 0
        elif need >= 0:
            left += 1
    if not room_for(H, V_HEAD + ids + left):
        return 0
    found = H[BUMP]
    H[BUMP] = found + V_HEAD + ids + left
    at = begun(H, node, found, 0, 0, ids, left)
    open_at = at + ids
    for i in range(n):
        need = H[work + 3 * i + 1]
        if 0 < need <= frames:
            listed = H[work + 3 * i + 2]
            if listed != 0:
                for k in range(H[listed]):
                    H[at + k] = H[listed + 1 + k]
                at += H[listed]
            H[found + V_FRAMES] = max(H[found + V_FRAMES], need)
            H[work + 3 * i + 1] = -1
        elif need >= 0:
            H[open_at] = H[work + 3 * i]
            open_at += 1
    return found


@device
def use_summaries(H, X, B, c, e, off, set_, own, frame):
    """Add what summaries know of entry e for the configuration at c. Returns the last one, whose sections are open; 0:
    the status says what is missing. frame: scratch space."""
    node = first_summary(H, X, e, off, c, set_)
    if node == 0:
        return 0
    st = H[c + 4]
    depth = H[st + S_DEPTH]
    found = H[node + M_FOUND]
    add_summary(H, X, B, found, own)
    pairs = 0
    while H[found + V_SECTIONS] > 0 and st != 0 and pairs < MOST_PAIRS:
        following = next_summary(H, off, node, st, 1 if pairs == 0 else 0)
        if following == 0:
            break
        node = following
        st = below_pair(H, st)
        pairs += 1
        found = H[node + M_FOUND]
        add_summary(H, X, B, found, own)
        if H[found + V_FRAMES] > 0:
            H[LOW] = min(H[LOW], depth - H[found + V_FRAMES] + 1)
    if H[found + V_SECTIONS] > 0 and H[STATUS] == 0:
        H[found + V_VISITS] += 1
        if H[found + V_VISITS] > 1 and st != 0 and pairs < MOST_PAIRS:
            learn(H, X, e, off, c, node, st, pairs, frame)
    return found if H[STATUS] == 0 else 0
