"""What the open string, number or word of an array with distinct items can still become.

Where the item is an array or object, see fresh.py.
"""

from __future__ import annotations

from constrain.engine.interning import kept
from constrain.engine.items import PREFIX, holds, values_before
from constrain.engine.layout import (
    D_BODY, D_ESC, D_HEX, D_LOWBS, D_LOWU, D_UTF8, ESCAPES, KIND_WAYS, K_X, K_Y, MANY, NODES, STATUS, S_NODE, S_TEXT,
    S_UNIQ, TD_ACCEPT, TD_BOUNDS, TD_CLASSES, TD_NCLS, TD_NINT, TD_OPEN, TD_STATES, TD_TABLE, TT_CHARS, TT_EDGE0, TT_HI,
    TT_LO, T_ANY, T_DFA, T_TRIE, WORK,
)  # fmt: skip
from constrain.engine.lexer import char_step, label_of
from constrain.engine.texts import MARK, cover_of
from constrain.jit import engine_device as device

SURELY = 1024  # words of an automaton's state are counted up to here at least


@device
def must_repeat(H, st):
    """Does the array with frame st ask for two equal items?"""
    return H[H[H[NODES] + H[st + S_NODE]] + 4] == 2


@device
def beginning_so(H, st):
    """The number of finished items of the array with frame st whose text begins with that of the open one."""
    if H[STATUS] != 0:
        return 0
    return holds(H, values_before(H, st), PREFIX, H[st + S_TEXT])


@device
def accepted_from(H, t, s, need, room, text, value):
    """1 if `value` is `text` and something that terminal t accepts from state s, in need..room characters; else 0."""
    n = H[value + 4] - H[text + 4]
    if n < need or (n > room and room >= 0):
        return 0
    a = cover_of(H, n + 1)
    if a == 0:
        return 0
    for i in range(n - 1, -1, -1):
        H[a + i] = H[value + 3]
        value = H[value + 2]
    if value != text:
        return 0
    for i in range(n):
        if H[a + i] >= MARK:
            return 0
        s = char_step(H, t, s, H[a + i], -1, 0, 0)
        if s < 0:
            return 0
    return 1 if label_of(H, t, s) >= 0 else 0


@device
def width_of(lo, hi):
    """The number of characters in lo..hi, surrogates left out."""
    if lo > hi:
        return 0
    return hi - lo + 1 - max(min(hi, 0xDFFF) - max(lo, 0xD800) + 1, 0)


@device
def words_ahead(H, t, s, need, room, enough):
    """How many strings of need..room characters (room -1: any number) terminal t still accepts from state s.

    The count may stop above `enough`.
    """
    if H[t] == T_ANY:
        return 1 if room == 0 else enough + 1
    if H[t] == T_TRIE:
        return H[t + H[t + TT_HI] + s] - H[t + H[t + TT_LO] + s]
    known = kept(H, KIND_WAYS, t, s, need, room, 0)
    if known == 0:
        return enough + 1
    if H[known + K_X] <= enough and H[known + K_Y] <= enough:
        most = max(2 * enough, SURELY)
        total = count_words(H, t, s, need, room, most)
        if H[STATUS] != 0:
            return enough + 1
        H[known + K_X], H[known + K_Y] = min(total, MANY), most
    return H[known + K_X]


@device
def count_words(H, t, s, need, room, enough):
    """`words_ahead` of an automaton, from its table."""
    states = H[t + TD_STATES]
    now = cover_of(H, 2 * states)
    if now == 0:
        return enough + 1
    then = now + states
    for q in range(states):
        H[now + q] = 0
    H[now + s] = 1
    total, length = 0, 0
    bounds, classes = t + H[t + TD_BOUNDS], t + H[t + TD_CLASSES]
    while True:
        alive = False
        for q in range(states):
            H[then + q] = 0
            if H[now + q] != 0:
                alive = True
                if length >= need and H[t + H[t + TD_ACCEPT] + q] >= 0:
                    total += H[now + q]
        if total > enough or not alive or length == room:
            return total
        for q in range(states):
            if H[now + q] == 0:
                continue
            row = t + H[t + TD_TABLE] + q * H[t + TD_NCLS]
            for i in range(H[t + TD_NINT]):
                to = H[row + H[classes + i]]
                if to >= 0:
                    first = H[bounds + i]
                    last = H[bounds + i + 1] - 1 if i + 1 < H[t + TD_NINT] else 0x10FFFF
                    H[then + to] = min(H[then + to] + H[now + q] * width_of(first, last), MANY)
            H[WORK] += H[t + TD_NINT]
        now, then = then, now
        length += 1


@device
def goes_through(H, text, value, d):
    """Does `value` go on after `text` with a character that decoder state d may end with?"""
    while value != 0 and H[value + 2] != text:
        value = H[value + 2]
    if value == 0:
        return False
    for k in range(3):
        lo, hi = range_ahead(H, d, k)
        if lo <= H[value + 3] <= hi:
            return True
    return False


@device
def range_ahead(H, d, k):
    """The k-th range of characters (k < 3) that decoder state d, inside of a character, may end with; (1, 0): none."""
    kind = d & 15
    if kind == D_ESC:
        if H[ESCAPES] == 0:
            return (0, 0x10FFFF) if k == 0 else (1, 0)
        return (0, 31) if k == 0 else ((34, 34) if k == 1 else (92, 92))
    if kind == D_UTF8:
        if k > 0:
            return 1, 0
        rest, length, value = (d >> 4) & 3, (d >> 6) & 7, d >> 9
        least = 0x80 if length == 2 else (0x800 if length == 3 else 0x10000)
        return max(value << 6 * rest, least), min(((value + 1) << 6 * rest) - 1, 0x10FFFF)
    if kind == D_HEX:
        free = 4 * (4 - ((d >> 4) & 3))
        lo, hi = d >> 6 << free, ((d >> 6) + 1 << free) - 1
        if k == 0:
            return lo, hi
        lo, hi = max(lo, 0xD800), min(hi, 0xDBFF)
        if k > 1 or lo > hi:
            return 1, 0
        return 0x10000 + (lo - 0xD800 << 10), 0x10000 + (hi - 0xD800 << 10) + 1023
    if k > 0:
        return 1, 0
    if kind in (D_LOWBS, D_LOWU):
        return 0x10000 + (d >> 4 << 10), 0x10000 + (d >> 4 << 10) + 1023
    free = 4 * (4 - ((d >> 4) & 3))  # D_LOWHEX
    base = 0x10000 + (((d >> 6) & 1023) << 10) - 0xDC00
    return base + max(d >> 16 << free, 0xDC00), base + min(((d >> 16) + 1 << free) - 1, 0xDFFF)


@device
def words_through(H, t, s, lo, hi, need, room, enough):
    """`words_ahead`, of strings whose first character is in lo..hi."""
    need, room = max(need - 1, 0), room - 1 if room > 0 else room
    total = 0
    if H[t] == T_TRIE:
        for i in range(H[t + H[t + TT_EDGE0] + s], H[t + H[t + TT_EDGE0] + s + 1]):
            if lo <= H[t + H[t + TT_CHARS] + i] <= hi:
                total += words_ahead(H, t, i + 1, need, room, enough)
        return total
    if H[t] == T_ANY:
        return width_of(lo, hi) if room == 0 else enough + 1
    for i in range(H[t + TD_NINT]):
        first = max(H[t + H[t + TD_BOUNDS] + i], lo)
        last = hi
        if i + 1 < H[t + TD_NINT]:
            last = min(last, H[t + H[t + TD_BOUNDS] + i + 1] - 1)
        to = H[t + H[t + TD_TABLE] + s * H[t + TD_NCLS] + H[t + H[t + TD_CLASSES] + i]]
        if to >= 0 and width_of(first, last) > 0 and total <= enough:
            total += width_of(first, last) * words_ahead(H, t, to, need, room, enough)
    return total


@device
def can_differ(H, st, t, s, d, need, room):
    """May the open item of the array with frame st, a text in state (s, d) of t, become one that is not there yet?"""
    if st == 0 or H[st + S_UNIQ] != st or must_repeat(H, st):
        return True  # an item that is an array or object can always get more
    if room < 0 and (H[t] == T_ANY or (H[t] == T_DFA and H[t + TD_OPEN] != 0)):
        return True
    values = values_before(H, st)
    others = H[values + K_X] if values != 0 else 0
    if others == 0 or (d == D_BODY and words_ahead(H, t, s, need, room, others) > others):
        return True
    similar = beginning_so(H, st)
    if similar == 0 or (d == D_BODY and words_ahead(H, t, s, need, room, similar) > similar):
        return True
    same, most = 0, 0
    text = H[st + S_TEXT]
    at = values_before(H, st)
    while at != 0:
        value = H[at + 3]
        if accepted_from(H, t, s, need, room, text, value) != 0 and (d == D_BODY or goes_through(H, text, value, d)):
            same += 1
        at = H[at + 2]
    if same == 0:
        return True
    if d == D_BODY:
        return words_ahead(H, t, s, need, room, same) > same
    for k in range(3):
        lo, hi = range_ahead(H, d, k)
        if lo <= hi:
            most += words_through(H, t, s, lo, hi, need, room, same)
    return most > same
