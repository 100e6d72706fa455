"""The mask of a state: entries of the store where a configuration stands in a wide terminal, a walk elsewhere.

The walk goes down a byte trie (the vocabulary's, or the exits of an entry) with a list of configurations per node.
Where a single configuration enters a wide terminal at a node with many tokens below it, the entry for that node stands
in for the walk. A free key of an open object shares the entries of the plain string; the few tokens that follow a
declared key are put right afterwards (`walk_names`).
"""

from __future__ import annotations

import numpy as np

from constrain.engine.differing import BUT_FOR_SOME, FREELY, WALKED, may_stay, resembles
from constrain.engine.entries import build_entry, clip_need, clip_room, find_entry
from constrain.engine.filters import child_of, odd_bytes
from constrain.engine.frames import (
    F_BITS, F_CFG, F_COLUMNS, F_CUR, F_END, F_FILTER, F_FIRST, F_IDS, F_LOW, F_M, F_MODE, F_NODE, F_TRIE, M_CLEAR,
    M_DIFFER, M_ENTRY, M_KEYS, M_LINE, M_NAMES, M_PLAIN, M_QUOTES, M_TAIL, M_VOCABULARY, frame_end, head_frame,
    next_child, open_frame, space_frames,
)  # fmt: skip
from constrain.engine.interning import find_tail, room_for, save_tail, shared
from constrain.engine.layout import (
    ARG, ASKED, BN, BUMP, CFG, COLUMNS, DENSE, D_BODY, E_HEAD, E_INNER, E_NINNER, E_NSEC, E_ROW, E_ROWALL, E_SEC,
    E_USABLE, IDS, IN_ORDER, LIMIT_WORK, LOW, NEED_SCRATCH, NEED_STORE, N_CLEARS, N_IDS, SHARED_HEAD, IN_TAIL,
    MASK_HEAD, N_LISTED, OP_RULES, OP_STRING, OP_TEXT, O_TERM, PH_BLANK, PH_COLON, PH_IN, PH_INDENT, PH_KEY, ROOM_FREE,
    SCRATCH, SCRATCH_END, STATE_HEAD, STATUS, S_UNIQ, TAIL_HEAD, TD_ALL, TERMS, TN, TT_CHARS, TT_EDGE0, TT_FREE,
    TT_LABEL, TT_NODES, TT_OPEN, T_DFA, T_TRIE, WIDE, WORK, WORK_LIMIT, X_BELOW, X_EOS, X_IDS, X_MAXLEN, X_NEOS, X_TRIE,
)  # fmt: skip
from constrain.engine.lexemes import borrow_entry, line_bits, mode_of, use_lexer_entry
from constrain.engine.lexer import key_parts, label_of, names_live, trie_step
from constrain.engine.memo import NOTHING, find_memo, pure_rules, save_ids, save_memo
from constrain.engine.configurations import after, emit, node_at, terminal_at
from constrain.engine.machine import step
from constrain.engine.objects import free_labels, free_ok, label_ok, take_label
from constrain.engine.records import (
    add_ids, add_listed, add_ref, add_row, apply_record, clear_subtree, start_lists, write_record,
)  # fmt: skip
from constrain.jit import engine_device as device

SMALL = 4  # nodes of a trie of suffixes up to which it is walked byte by byte


@device
def entry_key(H, X, c):
    """Is the configuration at c in a wide terminal? Returns (terminal offset or 0, gid, s, d, need, room, raw)."""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    ph = pos & 15
    if ph != PH_IN and ph != PH_KEY:
        return 0, 0, 0, 0, 0, 0, 0
    off = node_at(H, pos >> 4)
    if off == 0:
        return 0, 0, 0, 0, 0, 0, 0
    t, need, room = 0, 0, ROOM_FREE
    if ph == PH_KEY:
        names = terminal_at(H, H[off + O_TERM])
        if names == 0 or H[names + TT_OPEN] < 0 or free_labels(H, off, st) != -1:
            return 0, 0, 0, 0, 0, 0, 0
        _, s = key_parts(H, names, s)
        if s < 0:
            return 0, 0, 0, 0, 0, 0, 0
        t = H[names + TT_FREE] if H[names + TT_FREE] != 0 else H[H[TERMS]]
    elif H[off] == OP_TEXT:
        t = terminal_at(H, H[off + 1])
        return t, H[t + 1], s, d, 0, ROOM_FREE, 1
    elif H[off] == OP_STRING:
        t = terminal_at(H, H[off + 1])
        if t == 0 or H[t] == T_TRIE:
            return 0, 0, 0, 0, 0, 0, 0
        need = clip_need(H[off + 2], n, X[X_MAXLEN])
        room = clip_room(H[off + 3], n, X[X_MAXLEN])
    else:
        return 0, 0, 0, 0, 0, 0, 0
    if H[t] == T_DFA and s == H[t + TD_ALL]:  # from here on it is the plain string
        t, s = H[H[TERMS]], 0
    return t, H[t + 1], s, d, need, room, 0


@device
def on_names(H, c):
    """The terminal when the configuration at c stands on a name of a T_TRIE between characters, and only such names
    may come; else 0."""
    pos, s, d, st = H[c], H[c + 1], H[c + 2], H[c + 4]
    ph = pos & 15
    if d != D_BODY or (ph != PH_KEY and ph != PH_IN) or (st != 0 and H[st + S_UNIQ] != 0):
        return 0
    off = node_at(H, pos >> 4)
    if off == 0 or (ph == PH_IN and H[off] != OP_STRING):
        return 0
    t = terminal_at(H, H[off + (O_TERM if ph == PH_KEY else 1)])
    if t == 0 or H[t] != T_TRIE:
        return 0
    _, q = key_parts(H, t, s)
    if q >= 0 and (ph != PH_KEY or free_ok(H, off, st)):
        return 0
    return t


@device
def walk_names(H, X, c, t, tb, ib, v, mode, top, at):
    """The walk below the trie's node v along the names of the T_TRIE at t, on which the configuration at c stands.

    Plain characters are followed here; where a name ends, or goes on otherwise, a frame is put on top of `top` (the
    first at `at`). In mode M_KEYS free keys are in the mask already: what declared names take from them is cleared.
    Returns the new top.
    """
    pos, st = H[c], H[c + 4]
    off = node_at(H, pos >> 4)
    ko = off if pos & 15 == PH_KEY else 0
    correct = mode == M_KEYS
    inside = not correct or H[t + TT_FREE] != 0
    levels = at
    frame = at + 4 * (X[X_MAXLEN] + 2)
    if frame > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return top
    chars = t + H[t + TT_CHARS]
    edge0 = t + H[t + TT_EDGE0]
    H[levels], H[levels + 1], H[levels + 2], H[levels + 3] = v, key_parts(H, t, H[c + 1])[0], H[c + 1], -1
    depth = 0
    while depth >= 0:
        here = levels + 4 * depth
        v, kn, s, i = H[here], H[here + 1], H[here + 2], H[here + 3]
        if i < 0:
            i = H[edge0 + kn]
            if frame + 2 * (F_CFG + CFG) > H[SCRATCH_END]:
                H[STATUS] = NEED_SCRATCH
                return top
            label = H[t + H[t + TT_LABEL] + kn]
            w = child_of(X, tb, v, 34) if label >= 0 and label != H[t + TT_OPEN] else 0
            if w != 0:
                if correct:
                    clear_subtree(H, X, w)
                if ko == 0 or label_ok(H, ko, st, label):
                    add_ids(H, X, ib + X[tb + TN * w + 2], ib + X[tb + TN * (w + 1) + 2])
                    if X[tb + TN * w + 1] > w + 1:
                        if ko != 0:
                            st2 = take_label(H, ko, st, label)
                            emit(H, frame + F_CFG, 0, pos >> 4 << 4 | PH_COLON, label, 0, 0, st2)
                        else:
                            pos2, st2 = after(H, st)
                            emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
                        open_frame(H, X, top, frame, M_PLAIN if correct else mode, tb, ib, w, 1)
                        top = frame
                        frame += F_CFG + CFG
            if odd_bytes(H, X, t, kn, tb, v, frame + F_BITS):
                for j in range(CFG):
                    H[frame + F_CFG + j] = H[c + j]
                H[frame + F_CFG + 1] = s
                head_frame(H, X, top, frame, mode, tb, ib, v, 1)
                H[frame + F_FILTER] = 2 if X[tb + TN * v + 3] != 0 else 1
                top = frame
                frame += F_CFG + CFG
            if H[STATUS] != 0:
                return top
        last = H[edge0 + kn + 1]
        depth -= 1
        while i < last:
            ch = H[chars + i]
            if ch >= 128:
                break
            i += 1
            if ch < 32 or ch == 34 or ch == 92:
                continue
            w = child_of(X, tb, v, ch)
            if w == 0:
                continue
            H[WORK] += 1
            live = (correct and not inside) or names_live(H, t, i, ko, st)
            if not correct and not live:
                continue
            if inside and live:
                add_ids(H, X, ib + X[tb + TN * w + 2], ib + X[tb + TN * (w + 1) + 2])
            if X[tb + TN * w + 1] > w + 1:
                H[here + 3] = i
                depth += 2
                H[here + 4], H[here + 5], H[here + 7] = w, i, -1
                H[here + 6] = i if H[t + TT_FREE] == 0 else trie_step(H, t, s, ch)
                break
        if H[WORK] > H[WORK_LIMIT]:
            H[STATUS] = LIMIT_WORK
            H[ARG] = H[WORK_LIMIT]
            return top
    return top


@device
def has_names(H, c):
    """May the key that the configuration at c stands in become a declared name that no free key begins like?"""
    names = terminal_at(H, H[node_at(H, H[c] >> 4) + O_TERM])
    return H[names + TT_FREE] != 0 and key_parts(H, names, H[c + 1])[0] < H[names + TT_NODES]


@device
def use_entry(H, X, B, c, v, top, frame):
    """Let the entry of the configuration at c stand for the walk below the vocabulary's node v.

    Frames for what the entry leaves open are put at `frame`, on top of `top`. Returns the new top, or -1 when the
    configuration has to be walked after all (or the status says what is missing).
    """
    ph = H[c] & 15
    if ph in (PH_IN, PH_BLANK, PH_INDENT):
        rules = node_at(H, H[c] >> 4)
        if rules != 0 and H[rules] == OP_RULES:
            return use_lexer_entry(H, X, B, c, X[X_TRIE], X[X_IDS], v, 0, top, frame)
    t, gid, s, d, need, room, raw = entry_key(H, X, c)
    if t == 0:
        return -1
    telling = H[c + 4] != 0 and H[H[c + 4] + S_UNIQ] != 0  # what is written here must be told from other items
    staying = may_stay(H, c, t, room, raw) if telling else FREELY
    if staying == WALKED or (telling and ph == PH_KEY and has_names(H, c)):
        return -1
    e = find_entry(X, gid, s, d, v, need, room)
    if e == 0:
        e = build_entry(H, X, B, t, gid, s, d, v, need, room, raw)
        if e == 0:
            if H[STATUS] == 0:
                H[STATUS] = NEED_STORE
            return -1
    if X[e + E_USABLE] == 0:
        return -1
    if telling:
        # what stays in the string is as in the entry; what leaves it depends on the characters before
        if frame + 2 * (F_CFG + CFG) > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return -1
        if X[e + E_ROW] >= 0:
            add_row(H, B, X[e + E_ROW])
        elif X[e + E_NINNER] > 0:
            add_ref(H, X, X[e + E_INNER], X[e + E_NINNER])
        for i in range(CFG):
            H[frame + F_CFG + i] = H[c + i]
        head_frame(H, X, top, frame, M_QUOTES, X[X_TRIE], X[X_IDS], v, 1)
        if staying == BUT_FOR_SOME and resembles(H, c):
            top = frame
            frame += F_CFG + CFG
            for i in range(CFG):
                H[frame + F_CFG + i] = H[c + i]
            open_frame(H, X, top, frame, M_DIFFER, X[X_TRIE], X[X_IDS], v, 1)
        return frame
    pos, cs, st = H[c], H[c + 1], H[c + 4]
    off = node_at(H, pos >> 4)
    key = pos & 15 == PH_KEY
    sections = X[e + E_NSEC]
    needs_room = frame + (sections + 3) * (F_CFG + CFG)
    if needs_room > H[SCRATCH_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_SCRATCH
        return -1
    names = terminal_at(H, H[off + O_TERM]) if key else 0
    if key and key_parts(H, names, cs)[0] < H[names + TT_NODES]:
        for i in range(CFG):
            H[frame + F_CFG + i] = H[c + i]
        if d == D_BODY:
            head_frame(H, X, top, frame, M_NAMES, X[X_TRIE], X[X_IDS], v, 1)
        else:
            open_frame(H, X, top, frame, M_KEYS, X[X_TRIE], X[X_IDS], v, 1)
        top = frame
        frame += F_CFG + CFG
    elif raw != 0 and d == D_BODY and label_of(H, t, s) >= 0:
        pos2, st2 = after(H, st)
        emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
        made = space_frames(H, X, frame + F_CFG, frame, top, M_PLAIN) if v == 0 else -1
        if made >= 0:
            top = made
        else:
            open_frame(H, X, top, frame, M_PLAIN, X[X_TRIE], X[X_IDS], v, 1)
            top = frame
        frame = top + F_CFG + CFG
        if frame + (sections + 1) * (F_CFG + CFG) > H[SCRATCH_END]:
            if H[STATUS] == 0:
                H[STATUS] = NEED_SCRATCH
            return -1
    closers_in_row = False
    for i in range(sections):
        sec = e + E_HEAD + E_SEC * i
        label = X[sec]
        if key:
            label += H[names + TT_OPEN]
            if not label_ok(H, off, st, label):
                continue
        if X[e + E_ROWALL] >= 0:
            closers_in_row = True
        elif X[sec + 2] > 0:
            add_ref(H, X, X[sec + 1], X[sec + 2])
        if X[sec + 3] != 0:
            if key:
                emit(H, frame + F_CFG, 0, pos >> 4 << 4 | PH_COLON, label, 0, 0, take_label(H, off, st, label))
            else:
                pos2, st2 = after(H, st)
                emit(H, frame + F_CFG, 0, pos2, 0, 0, 0, st2)
            tail = find_tail(H, frame + F_CFG, X[sec + 3])
            if tail != 0:
                add_listed(H, tail + TAIL_HEAD - 1)
                continue
            open_frame(H, X, top, frame, M_TAIL, X[sec + 3], X[sec + 4], 0, 1)
            H[frame + F_FIRST] = -1
            top = frame
            frame += F_CFG + CFG
    if X[e + E_ROW] >= 0:
        add_row(H, B, X[e + E_ROWALL] if closers_in_row else X[e + E_ROW])
    elif X[e + E_NINNER] > 0:
        add_ref(H, X, X[e + E_INNER], X[e + E_NINNER])
    return top


@device
def correct_key(H, X, frame, child, m, at):
    """One child in a frame of `M_KEYS`. Returns the mode of the frame to open for it, or -1 for none."""
    c = frame + F_CFG
    off = node_at(H, H[c] >> 4)
    t = terminal_at(H, H[off + O_TERM])
    if m == 0:
        if X[X[X_TRIE] + TN * child] == 34 and H[c + 2] == D_BODY:
            clear_subtree(H, X, child)
        return -1
    r = at + F_CFG
    if H[r] & 15 == PH_KEY:
        if key_parts(H, t, H[r + 1])[0] >= H[t + TT_NODES]:
            return -1
        if H[t + TT_FREE] != 0:  # where no free key goes on, the entry lacks what declared ones allow
            trie = X[X_TRIE] + TN * child
            add_ids(H, X, X[X_IDS] + X[trie + 2], X[X_IDS] + X[trie + TN + 2])
        return M_KEYS
    if H[r + 1] >= H[t + TT_OPEN]:
        return -1
    clear_subtree(H, X, child)
    return M_PLAIN


@device
def has_quote(X, tb, node):
    """Is there a quote at or below the vocabulary's node?"""
    return X[tb + TN * node] == 34 or (X[X[X_BELOW] + BN * node + 1] >> np.int32(2)) & 1 != 0


@device
def enter_node(H, X, B, top):
    """Begin with a frame of mode M_ENTRY or M_LINE: let an entry stand in for all of it, or make it a common one."""
    c, tb, ib, v, m = top + F_CFG, H[top + F_TRIE], H[top + F_IDS], H[top + F_NODE], H[top + F_M]
    new = -1
    if H[top + F_MODE] == M_LINE:
        off = node_at(H, H[c] >> 4)
        if m == 1 and H[c] & 15 == PH_IN:
            new = use_lexer_entry(H, X, B, c, tb, ib, v, 1, H[top], frame_end(H, top))
        if new < 0 and H[STATUS] == 0:
            head_frame(H, X, H[top], top, mode_of(X, tb), tb, ib, v, m)
            line_bits(H, off, top + F_BITS)
            H[top + F_FILTER] = 2 if X[tb + TN * v + 3] != 0 else 1
        return top if new < 0 else new
    if m == 1 and tb == X[X_TRIE]:
        new = use_entry(H, X, B, c, v, H[top], frame_end(H, top))
    elif m == 1:
        new = use_lexer_entry(H, X, B, c, tb, ib, v, 0, H[top], frame_end(H, top))
    if new < 0 and H[STATUS] == 0:
        open_frame(H, X, H[top], top, mode_of(X, tb), tb, ib, v, m)
    return top if new < 0 else new


@device
def walk(H, X, B, top):
    """Work off the frames from `top` down to the bottom (0), adding to the lists of the mask."""
    while top != 0:
        if H[STATUS] != 0:
            return
        if H[top + F_MODE] == M_NAMES:
            names = terminal_at(H, H[node_at(H, H[top + F_CFG] >> 4) + O_TERM])
            tb, ib, v = H[top + F_TRIE], H[top + F_IDS], H[top + F_NODE]
            top = walk_names(H, X, top + F_CFG, names, tb, ib, v, M_KEYS, H[top], frame_end(H, top))
            continue
        tb, ib, mode = H[top + F_TRIE], H[top + F_IDS], H[top + F_MODE]
        if mode in (M_ENTRY, M_LINE):
            top = enter_node(H, X, B, top)
            continue
        if mode == M_CLEAR:
            H[IN_ORDER] = 1
            H[top + F_FILTER] = 1
            child = next_child(H, X, top)
            while child >= 0:
                clear_subtree(H, X, child)
                child = next_child(H, X, top)
            head_frame(H, X, H[top], top, M_VOCABULARY, tb, ib, 0, 1)
            H[top + F_FILTER] = 1
            continue
        if mode == M_TAIL:
            if H[top + F_FIRST] < 0:
                H[top + F_FIRST] = H[N_IDS]
                H[IN_TAIL] += 1
                low_before = H[LOW]
                H[LOW] = H[top + F_LOW]
                H[top + F_COLUMNS] = H[COLUMNS]
                H[COLUMNS] = 0
                if pure_rules(H, top + F_CFG) != 0:
                    if X[tb + 1] > SMALL:
                        new = use_lexer_entry(H, X, B, top + F_CFG, tb, ib, 0, 0, top, frame_end(H, top))
                        if H[STATUS] != 0:
                            return
                        if new >= 0:  # this frame stays to save what they find
                            H[top + F_LOW] = low_before
                            H[top + F_CUR] = H[top + F_END]
                            top = new
                            continue
                    open_frame(H, X, H[top], top, M_TAIL, tb, ib, 0, 1)
                H[top + F_LOW] = low_before
            mode = M_PLAIN
        child = next_child(H, X, top)
        if child < 0:
            if H[top + F_MODE] == M_TAIL:
                first, found = H[top + F_FIRST], 0
                if H[ASKED] != 0:  # it is not certain yet
                    pass
                elif pure_rules(H, top + F_CFG) != 0:
                    found = save_ids(H, tb, top + F_CFG, H[LOW], H[IDS] + first, H[N_IDS] - first)
                else:
                    save_tail(H, top + F_CFG, tb, H[IDS] + first, H[N_IDS] - first)
                H[LOW] = min(H[LOW], H[top + F_LOW])
                H[COLUMNS] |= H[top + F_COLUMNS]
                H[IN_TAIL] -= 1
                if found != 0 and H[IN_TAIL] == 0 and H[N_CLEARS] == 0:
                    H[N_IDS] = first
                    add_listed(H, found)
            top = H[top]
            continue
        if mode == M_QUOTES and not has_quote(X, tb, child):
            continue
        at = frame_end(H, top)
        if at + F_CFG + CFG > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return
        m = step(H, top + F_CFG, H[top + F_M], X[tb + TN * child], at + F_CFG)
        if H[STATUS] != 0:
            return
        if mode == M_DIFFER:
            if m == 0:
                clear_subtree(H, X, child)
                continue
            # elsewhere the entry has what comes
            leaves = m > 1 or H[at + F_CFG] != H[top + F_CFG]
            if leaves or X[tb + TN * child + 1] == child + 1 or not resembles(H, at + F_CFG):
                continue
        elif mode == M_KEYS:
            mode = correct_key(H, X, top, child, m, at)
            if mode < 0:
                continue
        elif m == 0:
            continue
        if mode == M_QUOTES and (m > 1 or H[at + F_CFG] != H[top + F_CFG]):
            mode = M_PLAIN
        end = X[tb + TN * child + 1]
        if mode not in (M_KEYS, M_DIFFER):
            add_ids(H, X, ib + X[tb + TN * child + 2], ib + X[tb + TN * (child + 1) + 2])
        if end == child + 1:
            continue
        if mode == M_VOCABULARY and m == 1 and end - child > WIDE:
            new = use_entry(H, X, B, at + F_CFG, child, top, at + F_CFG + CFG)
            if H[STATUS] != 0:
                return
            if new >= 0:
                top = new
                continue
        if mode not in (M_KEYS, M_DIFFER) and m == 1:
            names = on_names(H, at + F_CFG)
            if names != 0:
                top = walk_names(H, X, at + F_CFG, names, tb, ib, child, mode, top, at + F_CFG + CFG)
                continue
        open_frame(H, X, top, at, mode, tb, ib, child, m)
        top = at


@device
def mask_of(H, X, B, c):
    """Add the tokens that the configuration at c allows to the lists of the mask."""
    frame = H[SCRATCH]
    for i in range(CFG):
        H[frame + F_CFG + i] = H[c + i]
    top = borrow_entry(H, X, B, frame + F_CFG, frame + F_CFG + CFG)
    if top < 0 and H[STATUS] == 0:
        top = use_entry(H, X, B, frame + F_CFG, 0, 0, frame + F_CFG + CFG)
    if H[STATUS] != 0:
        return
    if top < 0:
        names = on_names(H, frame + F_CFG)
        if names != 0:
            trie, ids = X[X_TRIE], X[X_IDS]
            top = walk_names(H, X, frame + F_CFG, names, trie, ids, 0, M_VOCABULARY, 0, frame + F_CFG + CFG)
        else:
            top = space_frames(H, X, frame + F_CFG, frame, 0, M_VOCABULARY)
        if H[STATUS] != 0:
            return
    if top < 0:
        open_frame(H, X, 0, frame, M_VOCABULARY, X[X_TRIE], X[X_IDS], 0, 1)
        top = frame
    walk(H, X, B, top)


@device
def make_mask(H, X, B, mask, state):
    """Compute the mask of a state, remember it, and write it to `mask`. The status says when something is missing."""
    m = H[state + 4]
    words = mask.shape[0]
    H[LOW], H[COLUMNS] = NOTHING, 0
    what = -1 - H[state + 3]
    memo = m == 1 and pure_rules(H, state + STATE_HEAD) != 0
    if memo:
        found = find_memo(H, what, state + STATE_HEAD)
        if found != 0:
            H[state + 2] = found
            apply_record(H, X, B, mask, found)
            return
        H[LOW], H[COLUMNS] = NOTHING, 0
    start_lists(H)
    if H[state + 3] != 0:
        add_ids(H, X, X[X_EOS], X[X_EOS] + X[X_NEOS])
    for i in range(m):
        mask_of(H, X, B, state + STATE_HEAD + CFG * i)
        if H[STATUS] != 0:
            return
    if H[ASKED] != 0:
        return
    dense = H[N_IDS] + H[N_LISTED] > words
    if H[N_CLEARS] > 0 and m > 1:
        # a clear of one configuration must not touch what another allows: one at a time
        dense = True
        acc = H[DENSE]
        for i in range(words):
            H[acc + i] = 0
        for j in range(m):
            start_lists(H)
            if j == 0 and H[state + 3] != 0:
                add_ids(H, X, X[X_EOS], X[X_EOS] + X[X_NEOS])
            mask_of(H, X, B, state + STATE_HEAD + CFG * j)
            if H[STATUS] != 0 or write_record(H) == 0:
                return
            apply_record(H, X, B, mask, H[BUMP] + SHARED_HEAD)
            for i in range(words):
                H[acc + i] = np.int32(H[acc + i] | np.int32(mask[i]))
        for i in range(words):
            mask[i] = H[acc + i]
    else:
        size = write_record(H)
        if size == 0:
            return
        apply_record(H, X, B, mask, H[BUMP] + SHARED_HEAD)
        if not dense:
            H[state + 2] = shared(H, size)
    if dense and room_for(H, SHARED_HEAD + MASK_HEAD + words):
        r = H[BUMP] + SHARED_HEAD
        H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = 0, 0, 0, 1, 0
        for i in range(words):
            H[r + MASK_HEAD + i] = np.int32(mask[i])
        H[state + 2] = shared(H, MASK_HEAD + words)
    if memo and H[state + 2] != 0:
        save_memo(H, what, state + STATE_HEAD, H[LOW], H[state + 2])
