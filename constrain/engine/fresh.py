"""Can the open item of an array with distinct items still become a new one, where it has an end of its own?

Arrays without `maxItems` and objects that allow further members can always grow into another value. An object whose
members are all declared can't: its value may be decided before its last bracket. What can be told at once is told here:
that a string or number may still go on in more ways than there are items, or that no item has the member that was
written last. Otherwise Python looks (engine/ahead.py), and its answer is kept beside the configuration it is about.
"""

from __future__ import annotations

from constrain.engine.becoming import words_ahead
from constrain.engine.configurations import node_at, terminal_at
from constrain.engine.interning import kept
from constrain.engine.items import MEMBER, WRITTEN, holds, values_before
from constrain.engine.layout import (
    ARG, ASKED, CFG, D_BODY, KIND_ASKED, KIND_TOLD, K_X, K_Y, MANY, NEED_WAYS, OP_ITEMS, OP_OBJECT, OP_STRING, OP_TEXT,
    O_ANYFREE, O_NAMES, O_NEXTREQ, O_ORDERED, O_REQUIRED, O_VALUES, O_WAYS, PH_AFTER, PH_COLON, PH_COMMA, PH_IN, PH_KEY,
    PH_OPEN, PH_VALUE, STATUS, S_NODE, S_PARENT, S_REG, S_TEXT, S_UNIQ, TD_OPEN, T_ANY, T_DFA, WS_MODE,
)  # fmt: skip
from constrain.engine.objects import seen
from constrain.engine.texts import ARRAY, END, KEY, MARK, OBJECT
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
    told = kept(H, KIND_TOLD, values, text, 1 if finished else 0, 0, 0)
    if told == 0:
        return True
    if H[told + K_X] == 0:
        at, plain = text, True
        while H[at + 3] != KEY:
            if H[at + 3] in (END, OBJECT, ARRAY):
                plain = False
                break
            at = H[at + 2]
        found = 1 if not plain else holds(H, values, MEMBER if finished else WRITTEN, text)
        if H[STATUS] != 0:
            return True
        H[told + K_X] = 1 if found > 0 else 2
    return H[told + K_X] == 1


@device
def times(a, b):
    """The product, at most MANY."""
    return MANY if b > 0 and a > MANY // b else a * b


@device
def choices(H, off, st, more):
    """At least how many ways the rest of the object at off has (its frame is st), at most MANY.

    more: 0: any members that may still come; 1: one has to, and its name may be chosen in part; 2: none.
    """
    if more == 2:
        return 1
    if H[off + O_WAYS] == 0:
        if H[STATUS] == 0:
            H[STATUS] = NEED_WAYS
            H[ARG] = H[st + S_NODE]
        return 1
    n, ordered = H[off + O_NAMES], H[off + O_ORDERED] != 0
    first = H[st + S_REG] if ordered else 0
    last = H[off + H[off + O_NEXTREQ] + first] if ordered else n  # the last that the next one may be
    every, least = 1, MANY
    for j in range(n - 1, first - 1, -1):
        if H[off + H[off + O_VALUES] + j] >= 0 and (ordered or not seen(H, off, H[st + S_REG], j)):
            ways = H[H[off + O_WAYS] + j]
            if j <= last:
                least = min(least, times(every, ways))
            every = times(every, ways if H[off + H[off + O_REQUIRED] + j] != 0 else ways + 1)
    if more == 0:
        return every
    return least if ordered else every // 2  # each name has half of the ways of its factor, or more


@device
def ways_left(H, c, array):
    """At least how many values the open item of an array can become, by its members that are not written yet.

    c: a configuration in the item, whose objects have declared members only. At most MANY.
    """
    ph, s, n, st = H[c] & 15, H[c + 1], H[c + 3], H[c + 4]
    ways = 1
    while st != array:
        off = node_at(H, H[st + S_NODE])
        if off == 0:
            return 1
        more = 0
        if st == H[c + 4]:
            laid = H[WS_MODE] != 0 and n > 0
            if ph in (PH_KEY, PH_COMMA) or (ph == PH_OPEN and laid):
                more = 1
            elif ph == PH_AFTER and laid:
                more = 2
            elif ph in (PH_COLON, PH_VALUE) and H[off + O_WAYS] != 0:
                ways = max(H[H[off + O_WAYS] + s], 1)
        ways = times(ways, max(choices(H, off, st, more), 1))
        st = H[st + S_PARENT]
    return ways


@device
def answer(H, pos, s, d, n, st):
    """Python's answer about a configuration. Until it is there: yes, and the question is kept."""
    r = kept(H, KIND_ASKED, pos, s, d, n, st)
    if r == 0:
        return True
    if H[r + K_X] == 0:
        if H[r + K_Y] == 0:
            H[r + K_Y] = H[ASKED] if H[ASKED] != 0 else r  # the first refers to itself
            H[ASKED] = r
        return True
    return H[r + K_X] == 1


@device
def is_fresh(H, c):
    """May the open item that the configuration at c stands in become one that is not there yet?"""
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    array = confined(H, st)
    if array == 0:
        return True
    values = values_before(H, array)
    if values == 0 or H[STATUS] != 0:
        return True
    enough = H[values + K_X]
    if ways_left(H, c, array) > enough or H[STATUS] != 0:
        return True
    ph, off, text = pos & 15, node_at(H, pos >> 4), H[array + S_TEXT]
    if off == 0:
        return True
    if ph == PH_IN and H[off] in (OP_STRING, OP_TEXT) and goes_on(H, off, pos, s, d, n, text, enough):
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
