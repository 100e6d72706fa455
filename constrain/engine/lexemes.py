"""Masks of rules: how an entry of their lexer (lexeme_entries.py) stands in for a walk down a trie."""

from __future__ import annotations

import numpy as np

from constrain.engine.blanks import use_blanks
from constrain.engine.configurations import node_at
from constrain.engine.entries import find_entry
from constrain.engine.filters import child_of
from constrain.engine.frames import (
    F_BITS, F_CFG, F_CUR, F_END, F_FIRST, F_LOW, M_CLEAR, M_ENTRY, M_PLAIN, M_TAIL, M_VOCABULARY,
    head_frame, open_frame,
)  # fmt: skip
from constrain.engine.interning import find_tail
from constrain.engine.layout import (
    CFG, D_BODY, E_USABLE, L_GROUP, L_GROUPS, L_HEAD, L_SEC, L_SECTIONS, NEED_SCRATCH, NEED_STORE, PH_BLANK, PH_IN,
    PH_INDENT, R_AFTER, R_EXITS, R_LEXER, R_NESTED, R_NEWLINE, R_NODES, R_REACH, R_TERMINALS, R_WORDS, SCRATCH_END,
    STATUS, TAIL_HEAD, TN, X_IDS, X_TRIE, R_DEDENT, R_LIKE, TD_ASCII, TD_NCLS, TD_TABLE,
)  # fmt: skip
from constrain.engine.lexeme_entries import (
    BETWEEN_BRACKETS, INSIDE, LINE, build_lexer_entry, follows, is_inside, suffix_key,
)  # fmt: skip
from constrain.engine.lexer import label_of
from constrain.engine.lr import any_of, dropped, has_bit, looked, may_take, viable
from constrain.engine.memo import NOTHING, find_memo, pure_rules
from constrain.engine.records import add_ids, add_listed, add_ref, add_row
from constrain.engine.rules import after_exit
from constrain.engine.summaries import V_SECTIONS, add_summary, sections_of, settled_summary, use_summaries
from constrain.jit import engine_device as device
from constrain.vocabulary.special import FOREIGN, MARK


@device
def mode_of(X, tb):
    """The mode of a walk down this trie."""
    return M_VOCABULARY if tb == X[X_TRIE] else M_PLAIN


@device
def loose_frames(H, X, c, tb, ib, v, far, n, top, frame):
    """Put frames on top of `top` for n children of node v of a trie, listed at X[far], for the configuration at c."""
    size = F_CFG + CFG
    if frame + size * n > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top
    for k in range(n):
        top = child_frame(H, X, c, tb, ib, v, X[far + k], top, frame)
        frame += size
    return top


@device
def child_frame(H, X, c, tb, ib, v, child, top, frame):
    """Put a frame on top of `top` for one child of node v of a trie and the configuration at c. There is room for it.
    Returns it."""
    for j in range(CFG):
        H[frame + F_CFG + j] = H[c + j]
    head_frame(H, X, top, frame, mode_of(X, tb), tb, ib, v, 1)
    H[frame + F_CUR] = child
    H[frame + F_END] = X[tb + TN * child + 1]
    return frame


@device
def line_bits(H, off, bits):
    """The bytes that do not come before a line, as 256 bits."""
    row = off + H[off + R_AFTER] + 8 * H[off + R_DEDENT]
    for w in range(8):
        H[bits + w] = ~H[row + w]


@device
def meets_node(H, off, x):
    """May a node that is no special token follow exit x (-1: loose children) while something is watched? A node has no
    watch."""
    if x < 0:
        return True
    exits = off + H[off + R_EXITS] + 2 * x
    if H[exits + 1] < 0:
        return False
    return H[exits] >= H[off + R_TERMINALS] or has_bit(H, off + H[off + R_AFTER] + 8 * H[exits], FOREIGN)


@device
def use_lexer_entry(H, X, B, c, tb, ib, v, line, top, frame):
    """`masks.use_entry` for a configuration of rules at c inside a token, at node v of any trie with its ids.

    line: 1 where a line begins here; 2: nothing is looked for behind the end of the token that ends at v itself.
    """
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    ph = pos & 15
    if ph == PH_INDENT and line == 0:
        return between_lines(H, X, B, c, tb, ib, v, top, frame)
    if ph != PH_IN and ph != PH_BLANK:
        return -1
    nid = pos >> 4
    off = node_at(H, nid)
    if off == 0:
        return -1
    t, words = H[off + R_LEXER], H[off + R_WORDS]
    if H[off + R_NESTED] != 0 and H[off + R_NEWLINE] >= 0:  # where lines end, what the rules describe may end, too
        if ph == PH_BLANK or d != D_BODY or has_bit(H, off + H[off + R_REACH] + words * s, H[off + R_NEWLINE]):
            return -1
    watches = n if ph == PH_IN else 0
    if line == 1:
        if n != 0:
            return -1
        watches = LINE
    if watches != 0 and (d != D_BODY or label_of(H, t, s) >= 0):
        return -1
    gid, key = H[t + 1], suffix_key(X, tb)
    e = find_entry(X, gid, s, d, v, watches, key)
    if e == 0:
        e = build_lexer_entry(H, X, B, off, gid, s, d, tb, ib, v, watches, 0)
    if e != 0 and X[e + E_USABLE] == BETWEEN_BRACKETS and is_inside(H, off, s, d, st):
        e = find_entry(X, gid, s, d | INSIDE, v, watches, key)
        if e == 0:
            e = build_lexer_entry(H, X, B, off, gid, s, d, tb, ib, v, watches, 1)
    if e == 0:
        if H[STATUS] == 0:
            H[STATUS] = NEED_STORE
        return -1
    if X[e + E_USABLE] == 0:
        return -1
    groups, sections = X[e + L_GROUPS], X[e + L_SECTIONS]
    first = e + L_HEAD + groups * (L_GROUP + words)
    if H[off + H[off + R_NODES] - 1] > 0:
        for i in range(sections):
            if meets_node(H, off, X[first + L_SEC * i]):
                return -1
    if line != 2 and v == 0 and d == D_BODY and label_of(H, t, s) >= 0:
        top, frame = special_frame(H, X, c, off, tb, ib, top, frame)
    if ph == PH_IN and pure_rules(H, c) != 0:
        set_ = viable(H, off, st)
        if set_ == 0:
            return -1
        looked(H, st)
        found = use_summaries(H, X, B, c, e, off, set_, 1 if tb == X[X_TRIE] else 0, frame)
        if found == 0:
            return -1
        at = sections_of(H, found)
        for i in range(H[found + V_SECTIONS]):
            top, frame = open_section(H, X, B, c, off, first + L_SEC * H[at + i], tb, ib, v, line, 1, top, frame)
            if H[STATUS] != 0:
                return -1
        return top
    add_groups(H, X, B, c, off, e, tb, frame)
    for i in range(sections):
        if H[STATUS] != 0:
            return -1
        sec = first + L_SEC * i
        if X[sec] >= 0 and ph == PH_IN:
            label = H[off + H[off + R_EXITS] + 2 * X[sec]]
            if not dropped(H, off, st, label) and not may_take(H, off, st, label):
                continue
        pure = 1 if pure_rules(H, c) != 0 else 0
        top, frame = open_section(H, X, B, c, off, sec, tb, ib, v, line, pure, top, frame)
    return top if H[STATUS] == 0 else -1


@device
def between_lines(H, X, B, c, tb, ib, v, top, frame):
    """`use_lexer_entry` for a configuration at c between a line end and the next line."""
    off = pure_rules(H, c)
    if off == 0:
        return -1
    if v == 0 and tb == X[X_TRIE]:
        top, frame = special_frame(H, X, c, off, tb, ib, top, frame)
    return use_blanks(H, X, B, c, off, tb, ib, v, top, frame) if H[STATUS] == 0 else -1


@device
def special_frame(H, X, c, off, tb, ib, top, frame):
    """Put a frame at `frame`, on top of `top`, for special tokens at the root: behind exits, these are left out.

    Returns (top, where the next frame goes).
    """
    special = child_of(X, tb, 0, MARK) if H[off + H[off + R_NODES]] > 0 or H[off + R_NESTED] != 0 else 0
    if special == 0:
        return top, frame
    if frame + F_CFG + CFG > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top, frame
    return child_frame(H, X, c, tb, ib, 0, special, top, frame), frame + F_CFG + CFG


@device
def add_groups(H, X, B, c, off, e, tb, frame):
    """Add the tokens of an entry that stay inside of a terminal which the configuration at c may read."""
    words = H[off + R_WORDS]
    for g in range(X[e + L_GROUPS]):
        r = e + L_HEAD + g * (L_GROUP + words)
        good = H[c] & 15 == PH_BLANK
        if not good:
            # the set lies in the store; any_of reads the arena
            if frame + F_CFG + words > H[SCRATCH_END]:
                H[STATUS] = NEED_SCRATCH
                return
            for w in range(words):
                H[frame + w] = X[r + L_GROUP + w]
            good = any_of(H, off, H[c + 4], frame)
        if good:
            if X[r] >= 0:
                add_row(H, B, X[r])
            elif tb != X[X_TRIE]:
                add_ids(H, X, X[r + 1], X[r + 1] + X[r + 2])
            else:
                add_ref(H, X, X[r + 1], X[r + 2])


@device
def open_section(H, X, B, c, off, sec, tb, ib, v, line, pure, top, frame):
    """Put frames at `frame`, on top of `top`, for the section at X[sec] of an entry for node v of a trie with its ids.

    c: the configuration. line: see `use_lexer_entry`.
    pure: 1 where `memo.pure_rules` holds. Returns (top, where the next frame goes).
    """
    x, suffixes, far, nfar = X[sec], X[sec + 1], X[sec + 3], X[sec + 4]
    if x < 0:
        return loose_frames(H, X, c, tb, ib, v, far, nfar, top, frame), frame + nfar * (F_CFG + CFG)
    if frame + F_CFG + CFG * 64 > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top, frame
    m = after_exit(H, H[c] >> 4, off, H[c] & 15, x, H[c + 3], H[c + 4], frame + F_CFG)
    if m == 0 or H[STATUS] != 0:
        return top, frame
    size = F_CFG + CFG * m
    if frame + size * (nfar + 3) > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top, frame
    # the configurations stay at `frame`; each frame that is made begins with a copy of them
    at = frame
    if suffixes != 0:
        listed = 0
        if m == 1:
            if pure != 0:
                listed = find_memo(H, suffixes, frame + F_CFG)
            else:
                listed = find_tail(H, frame + F_CFG, suffixes)
                if listed != 0:
                    listed += TAIL_HEAD - 1
        if listed != 0:
            add_listed(H, listed)
        elif m != 1 or pure == 0 or not add_settled(H, X, B, off, frame + F_CFG, suffixes):
            if m == 1:  # its filter comes when it is walked
                head_frame(H, X, top, at, M_TAIL, suffixes, X[sec + 2], 0, m)
                H[at + F_LOW] = NOTHING
            else:
                open_frame(H, X, top, at, M_PLAIN, suffixes, X[sec + 2], 0, m)
            H[at + F_FIRST] = -1
            top = at
            at += size
    for k in range(nfar + (X[sec + 5] if line != 2 else 0)):
        if at != frame:
            for j in range(CFG * m):
                H[at + F_CFG + j] = H[frame + F_CFG + j]
        head_frame(H, X, top, at, M_ENTRY, tb, ib, X[far + k] if k < nfar else v, m)
        top = at
        at += size
    return top, at


@device
def add_settled(H, X, B, off, c, suffixes):
    """Add the tokens of a trie of suffixes for the configuration at c, if they depend on nothing but the set of
    terminals that may come, and are known."""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    if pos & 15 != PH_IN or n != 0:
        return False
    gid = H[H[off + R_LEXER] + 1]
    e = find_entry(X, gid, s, d, 0, 0, suffixes)
    if e != 0 and X[e + E_USABLE] == BETWEEN_BRACKETS and is_inside(H, off, s, d, st):
        e = find_entry(X, gid, s, d | INSIDE, 0, 0, suffixes)
    if e == 0 or X[e + E_USABLE] == 0:
        return False
    set_ = viable(H, off, st)
    if set_ == 0:
        return False
    found = settled_summary(H, e, c, set_)
    if found == 0:
        return False
    looked(H, st)
    add_summary(H, X, B, found, 0)
    return True


@device
def borrow_entry(H, X, B, c, frame):
    """Let the entry of a state of the lexer that differs by few characters stand in for the configuration at c at the
    vocabulary's root: inside a word that may become a keyword, say, for that inside any other word.

    Tokens that begin with one of these characters are cleared again, and walked. Returns the top frame, or -1 where
    that can't be done.
    """
    pos, s, n, st = H[c], H[c + 1], H[c + 3], H[c + 4]
    if pos & 15 != PH_IN or H[c + 2] != D_BODY or n != 0:
        return -1
    off = pure_rules(H, c)
    if off == 0:
        return -1
    like = H[off + H[off + R_LIKE] + s]
    if like < 0:
        return -1
    t, tb, ib = H[off + R_LEXER], X[X_TRIE], X[X_IDS]
    if frame + 3 * (F_CFG + CFG) + CFG * 64 > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return -1
    x = label_of(H, t, s)
    for j in range(CFG):
        H[frame + F_CFG + j] = H[c + j]
    head_frame(H, X, 0, frame, M_CLEAR, tb, ib, 0, 1)
    for w in range(8):
        H[frame + F_BITS + w] = 0
    own, other = t + H[t + TD_TABLE] + s * H[t + TD_NCLS], t + H[t + TD_TABLE] + like * H[t + TD_NCLS]
    top, cleared = 0, 0
    for b in range(128):
        column = H[t + H[t + TD_ASCII] + b]
        if H[own + column] != H[other + column]:
            child = child_of(X, tb, 0, b)
            cleared += X[tb + TN * child + 1] - child if child != 0 else 0
            if cleared > X[tb + 1] >> 4 or (x >= 0 and follows(H, off, x, b)):  # cleared, it would be lost
                return -1
            H[frame + F_BITS + (b >> 5)] = np.int32(H[frame + F_BITS + (b >> 5)] | (np.int32(1) << np.int32(b & 31)))
            top = frame
    if top != 0:
        frame += F_CFG + CFG
    if x >= 0:
        top, frame = special_frame(H, X, c, off, tb, ib, top, frame)
        label = H[off + H[off + R_EXITS] + 2 * x]
        if dropped(H, off, st, label) or may_take(H, off, st, label):
            m = after_exit(H, pos >> 4, off, PH_IN, x, 0, st, frame + F_CFG)
            if m > 0:
                head_frame(H, X, top, frame, M_ENTRY, tb, ib, 0, m)
                top = frame
                frame += F_CFG + CFG * m
    for j in range(CFG):
        H[frame + j] = H[c + j]
    H[frame + 1] = like
    if H[STATUS] != 0:
        return -1
    return use_lexer_entry(H, X, B, frame, tb, ib, 0, 2, top, frame + CFG)
