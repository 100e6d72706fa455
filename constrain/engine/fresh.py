"""Can the open item of an array with distinct items still become a new one, where it has an end of its own?

Arrays without `maxItems` and objects that allow further members can always grow into another value. An object whose
members are all declared can't: its value may be decided before its last bracket. What can be told at once is told here:
that a string or number may still go on in more ways than there are items, or that no item has the member that was
written last. Otherwise Python looks (engine/ahead.py), and its answer is kept beside the configuration it is about.
"""

from __future__ import annotations

from constrain.engine.becoming import words_ahead
from constrain.engine.configurations import node_at, terminal_at
from constrain.engine.distinct import ARRAY, END, KEY, MARK, OBJECT, values_before
from constrain.engine.interning import insert, mix, room_for
from constrain.engine.layout import (
    ARG, BUMP, CFG, D_BODY, KIND_ASKED, NEED_ANSWER, OP_ITEMS, OP_OBJECT, OP_STRING, OP_TEXT, O_ANYFREE, PH_AFTER,
    PH_IN, PH_KEY, PH_OPEN, STATUS, S_NODE, S_PARENT, S_TEXT, S_UNIQ, TABLE, TABLE_SIZE, TD_OPEN, T_ANY, T_DFA, WORK,
    WS_MODE,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def confined(H, st):
    """The frame of the array that has to look ahead before the stack st goes on; 0: none, something may grow."""
    f = st
    while f != 0 and H[f + S_UNIQ] != 0:
        off = node_at(H, H[f + S_NODE])
        if off == 0:
            return 0
        if H[off] == OP_ITEMS:
            return f if f != st and H[f + S_TEXT] != 0 and H[off + 4] == 3 else 0
        if H[off] != OP_OBJECT or H[off + O_ANYFREE] != 0:
            return 0
        f = H[f + S_PARENT]
    return 0


@device
def has_exponent(H, text):
    """Has the open number at the end of the text an exponent?"""
    while H[text + 3] < MARK:
        if H[text + 3] == 101 or H[text + 3] == 69:
            return True
        text = H[text + 2]
    return False


@device
def goes_on(H, off, pos, s, d, n, text, enough):
    """Has an open string or number surely more than `enough` ways to go on?"""
    t = terminal_at(H, H[off + 1])
    if t == 0:
        return True
    if H[off] == OP_TEXT:
        return d == D_BODY and not has_exponent(H, text) and words_ahead(H, t, s, 0, -1, enough) > enough
    need, room = max(H[off + 2] - n, 0), H[off + 3] - n if H[off + 3] >= 0 else -1
    if room < 0 and (H[t] == T_ANY or (H[t] == T_DFA and H[t + TD_OPEN] != 0)):
        return True
    return d == D_BODY and words_ahead(H, t, s, need, room, enough) > enough


@device
def is_told(H, values, text, finished):
    """Does a finished item have the member that the text ends with, as far as it is written?

    finished: is its last part (a name, a string …) complete? True where it can't be told so easily.
    """
    size, at = 0, text
    while H[at + 3] != KEY:
        if H[at + 3] in (END, OBJECT, ARRAY):
            return True
        size += 1
        at = H[at + 2]
    while values != 0:
        at, following = H[values + 3], MARK
        while at != 0:
            H[WORK] += 1
            if following >= MARK or not finished:
                x, y, k = at, text, 0
                while k <= size and x != 0 and H[x + 3] == H[y + 3]:
                    x, y, k = H[x + 2], H[y + 2], k + 1
                if k > size:
                    return True
            following = H[at + 3]
            at = H[at + 2]
        values = H[values + 2]
    return False


@device
def answer(H, pos, s, d, n, st):
    """Python's answer about a configuration, which is asked for if it is not there yet."""
    h = mix(mix(mix(mix(mix(KIND_ASKED, pos), s), d), n), st)
    table, size = H[TABLE], H[TABLE_SIZE]
    j = h & (size - 1)
    r = 0
    while True:
        r = H[table + j]
        if r == 0:
            break
        if H[r] == h and H[r + 1] == KIND_ASKED and H[r + 2] == pos and H[r + 3] == s and H[r + 4] == d:
            if H[r + 5] == n and H[r + 6] == st:
                break
        j = (j + 1) & (size - 1)
    if r == 0:
        if H[STATUS] != 0 or not room_for(H, 8):
            return True
        r = H[BUMP]
        H[BUMP] = r + 8
        H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4], H[r + 5], H[r + 6], H[r + 7] = h, KIND_ASKED, pos, s, d, n, st, 0
        insert(H, table + j, r)
    if H[r + 7] == 0:
        if H[STATUS] == 0:
            H[STATUS] = NEED_ANSWER
            H[ARG] = r
        return True
    return H[r + 7] == 1


@device
def is_fresh(H, c):
    """May the open item that the configuration at c stands in become one that is not there yet?"""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    array = confined(H, st)
    if array == 0:
        return True
    values = values_before(H, array)
    if values == 0:
        return True
    ph, off, text = pos & 15, node_at(H, pos >> 4), H[array + S_TEXT]
    if off == 0:
        return True
    if ph == PH_IN and H[off] in (OP_STRING, OP_TEXT):
        enough, at = 0, values
        while at != 0:
            enough += 1
            at = H[at + 2]
        if goes_on(H, off, pos, s, d, n, text, enough):
            return True
    if (ph != PH_IN or H[off] != OP_TEXT) and not is_told(H, values, text, ph != PH_IN and ph != PH_KEY):
        return True
    if H[WS_MODE] == 0 and PH_OPEN <= ph <= PH_AFTER and ph != PH_KEY:
        n = 0
    return answer(H, pos, s, d, n, st)


@device
def keep_fresh(H, dst, k):
    """Of the k configurations at dst those whose open items can still become new ones; how many they are."""
    m = 0
    for i in range(k):
        st = H[dst + CFG * i + 4]
        if st == 0 or H[st + S_UNIQ] == 0 or is_fresh(H, dst + CFG * i):
            if m < i:
                for j in range(CFG):
                    H[dst + CFG * m + j] = H[dst + CFG * i + j]
            m += 1
    return m
