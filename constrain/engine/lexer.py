"""Terminals: the decoder (bytes of UTF-8 and JSON escapes → characters) and the automata over characters behind it.

A lexer state is a pair (s, d): s of the automaton, d of the decoder. Liveness is exact at every byte: inside a
character a state lives only if some character that can still come out of the decoder leads to a live state.
"""

from __future__ import annotations

from constrain.engine.layout import (
    D_BODY, D_ESC, D_HEX, D_LOWBS, D_LOWHEX, D_LOWU, D_UTF8, ESCAPES, TD_ACCEPT, TD_ASCII, TD_BOUNDS, TD_CLASSES,
    TD_MINREM, TD_NCLS, TD_NINT, TD_STATES, TD_TABLE, TT_CHARS, TT_EDGE0, TT_FREE, TT_HI, TT_LABEL, TT_LO, TT_NODES,
    TT_OPEN, TT_PERM, T_ANY, T_DFA,
)  # fmt: skip
from constrain.engine.lr import token_lives
from constrain.engine.objects import free_labels, label_ok
from constrain.jit import engine_device as device


@device
def interval_of(H, t, c):
    """Index of the interval of code points that holds c (terminal t is a T_DFA)."""
    bounds = t + H[t + TD_BOUNDS]
    lo = 0
    hi = H[t + TD_NINT] - 1
    while lo < hi:
        mid = (lo + hi + 1) >> 1
        if H[bounds + mid] <= c:
            lo = mid
        else:
            hi = mid - 1
    return lo


@device
def dfa_step(H, t, s, c):
    """Next state of automaton state s over character c, or -1."""
    if c < 128:
        k = H[t + H[t + TD_ASCII] + c]
    else:
        k = H[t + H[t + TD_CLASSES] + interval_of(H, t, c)]
    return H[t + H[t + TD_TABLE] + s * H[t + TD_NCLS] + k]


@device
def key_parts(H, t, s):
    """State s of a T_TRIE as (node, state of the automaton of other names); the latter is -1 when they are out."""
    if H[t + TT_FREE] == 0:
        return s, 0 if H[t + TT_OPEN] >= 0 else -1
    width = H[t + TT_NODES] + 1
    q = s // width
    return s % width, q if q < H[H[t + TT_FREE] + TD_STATES] else -1


@device
def names_live(H, t, node, ko, st):
    """Can the names below a node of a T_TRIE still come? ko: offset of the object node, 0: no object's keys."""
    if node >= H[t + TT_NODES]:
        return False
    if ko == 0:
        return True
    for i in range(H[t + H[t + TT_LO] + node], H[t + H[t + TT_HI] + node]):
        if label_ok(H, ko, st, H[t + H[t + TT_PERM] + i]):
            return True
    return False


@device
def others_live(H, t, q, ko, st):
    """Can state q of the automaton of other names still lead to a key that may come?"""
    labels = free_labels(H, ko, st)
    free = H[t + TT_FREE]
    if labels <= 0 or free == 0:
        return labels != 0
    return H[free + H[free + TD_MINREM] + q] & labels != 0


@device
def state_lives(H, t, s, room, ko, st):
    """May automaton state s be entered when `room` more characters are allowed (-1: any number)?

    ko: offset of the object node whose key this is, or of the rules whose lexer this is (0: neither); st: their frame.
    """
    if H[t] == T_DFA:
        if ko != 0:
            return token_lives(H, ko, st, s)
        return room < 0 or H[t + H[t + TD_MINREM] + s] <= room
    if ko == 0:
        return True
    node, q = key_parts(H, t, s)
    return (q >= 0 and others_live(H, t, q, ko, st)) or names_live(H, t, node, ko, st)


@device
def trie_step(H, t, s, c):
    """Next state of a T_TRIE over character c, or -1."""
    nodes, free = H[t + TT_NODES], H[t + TT_FREE]
    node, q = key_parts(H, t, s)
    following = nodes
    if node < nodes:
        chars = t + H[t + TT_CHARS]
        lo = H[t + H[t + TT_EDGE0] + node]
        end = H[t + H[t + TT_EDGE0] + node + 1]
        hi = end
        while lo < hi:
            mid = (lo + hi) >> 1
            if H[chars + mid] < c:
                lo = mid + 1
            else:
                hi = mid
        if lo < end and H[chars + lo] == c:
            following = lo + 1
    if free == 0:
        return following if following < nodes or q >= 0 else -1
    if q >= 0:
        q = dfa_step(H, free, q, c)
    if q < 0:
        if following == nodes:
            return -1
        q = H[free + TD_STATES]
    return following + (nodes + 1) * q


@device
def char_step(H, t, s, c, room, ko, st):
    """The live state after character c, or -1. room: characters allowed from here on, c included (-1: any number)."""
    kind = H[t]
    if room == 0:
        return -1
    if kind == T_ANY:
        return 0
    if kind == T_DFA:
        s2 = dfa_step(H, t, s, c)
    else:
        s2 = trie_step(H, t, s, c)
    if s2 < 0:
        return -1
    if room < 0 and ko == 0:
        return s2
    if state_lives(H, t, s2, room - 1 if room > 0 else -1, ko, st):
        return s2
    return -1


@device
def dfa_range_lives(H, t, s, lo, hi, room, ko, st):
    """Is there a character in lo..hi over which automaton state s goes on, with `room` characters allowed?

    ko: offset of the rules whose lexer this is, or 0; st: their frame.
    """
    i = interval_of(H, t, lo)
    n = H[t + TD_NINT]
    table = t + H[t + TD_TABLE] + s * H[t + TD_NCLS]
    while i < n and H[t + H[t + TD_BOUNDS] + i] <= hi:
        s2 = H[table + H[t + H[t + TD_CLASSES] + i]]
        if s2 >= 0 and (token_lives(H, ko, st, s2) if ko != 0 else room < 0 or H[t + H[t + TD_MINREM] + s2] < room):
            first = max(H[t + H[t + TD_BOUNDS] + i], lo)
            last = hi
            if i + 1 < n and H[t + H[t + TD_BOUNDS] + i + 1] - 1 < last:
                last = H[t + H[t + TD_BOUNDS] + i + 1] - 1
            if first < 0xD800 or last > 0xDFFF:
                return True
        i += 1
    return False


@device
def free_range_lives(H, t, s, lo, hi, labels):
    """Is there a character in lo..hi over which automaton state s goes on to keys of one of these classes?"""
    if labels < 0:
        return dfa_range_lives(H, t, s, lo, hi, -1, 0, 0)
    i = interval_of(H, t, lo)
    table = t + H[t + TD_TABLE] + s * H[t + TD_NCLS]
    while i < H[t + TD_NINT] and H[t + H[t + TD_BOUNDS] + i] <= hi:
        s2 = H[table + H[t + H[t + TD_CLASSES] + i]]
        if s2 >= 0 and H[t + H[t + TD_MINREM] + s2] & labels != 0:
            first = max(H[t + H[t + TD_BOUNDS] + i], lo)
            last = hi
            if i + 1 < H[t + TD_NINT]:
                last = min(last, H[t + H[t + TD_BOUNDS] + i + 1] - 1)
            if first < 0xD800 or last > 0xDFFF:
                return True
        i += 1
    return False


@device
def range_lives(H, t, s, lo, hi, room, ko, st):
    """Is there a character in lo..hi whose step lives? Surrogates count for nothing."""
    if lo > hi or room == 0:
        return False
    kind = H[t]
    if kind == T_ANY:
        return lo < 0xD800 or hi > 0xDFFF
    if kind == T_DFA:
        return dfa_range_lives(H, t, s, lo, hi, room, ko, st)
    node, q = key_parts(H, t, s)
    labels = -1 if ko == 0 else free_labels(H, ko, st)
    if q >= 0 and labels != 0:
        if H[t + TT_FREE] == 0:
            if lo < 0xD800 or hi > 0xDFFF:
                return True
        elif free_range_lives(H, H[t + TT_FREE], q, lo, hi, labels):
            return True
    if node >= H[t + TT_NODES]:
        return False
    for i in range(H[t + H[t + TT_EDGE0] + node], H[t + H[t + TT_EDGE0] + node + 1]):
        c = H[t + H[t + TT_CHARS] + i]
        if lo <= c <= hi and names_live(H, t, i + 1, ko, st):
            return True
    return False


@device
def label_of(H, t, s):
    """The label that automaton state s accepts with, or -1."""
    kind = H[t]
    if kind == T_ANY:
        return 0
    if kind == T_DFA:
        return H[t + H[t + TD_ACCEPT] + s]
    node, q = key_parts(H, t, s)
    open_label, free = H[t + TT_OPEN], H[t + TT_FREE]
    if node < H[t + TT_NODES]:
        label = H[t + H[t + TT_LABEL] + node]
        if label != open_label or free == 0:
            return label
    if free == 0:
        return open_label
    if q < 0 or H[free + H[free + TD_ACCEPT] + q] < 0:
        return -1
    return open_label + H[free + H[free + TD_ACCEPT] + q]


@device
def hex_value(b):
    """Value of a hexadecimal digit, or -1."""
    if 48 <= b <= 57:
        return b - 48
    if 65 <= b <= 70:
        return b - 55
    if 97 <= b <= 102:
        return b - 87
    return -1


@device
def utf8_lives(H, t, s, value, rest, length, room, ko, st):
    """Can the character of `length` bytes whose bits so far are `value`, `rest` bytes missing, still live?"""
    lo = value << (6 * rest)
    hi = lo + (1 << (6 * rest)) - 1
    if length == 2:
        lo = max(lo, 0x80)
    elif length == 3:
        lo = max(lo, 0x800)
    else:
        lo = max(lo, 0x10000)
        hi = min(hi, 0x10FFFF)
    return range_lives(H, t, s, lo, hi, room, ko, st)


@device
def utf8_step(H, t, s, d, b, room, ko, st):
    """A byte >= 0x80, or a byte inside a multi-byte character. Returns (s, d); s = -1: dead."""
    if d == D_BODY:
        if 0xC2 <= b <= 0xDF:
            value, rest = b & 31, 1
        elif 0xE0 <= b <= 0xEF:
            value, rest = b & 15, 2
        elif 0xF0 <= b <= 0xF4:
            value, rest = b & 7, 3
        else:
            return -1, 0
        length = rest + 1
    else:
        if b & 0xC0 != 0x80:
            return -1, 0
        rest = ((d >> 4) & 3) - 1
        length = (d >> 6) & 7
        value = (d >> 9) << 6 | (b & 63)
        if rest == 0:
            if (length == 3 and (value < 0x800 or 0xD800 <= value <= 0xDFFF)) or (
                length == 4 and (value < 0x10000 or value > 0x10FFFF)
            ):
                return -1, 0
            return char_step(H, t, s, value, room, ko, st), 0
    if not utf8_lives(H, t, s, value, rest, length, room, ko, st):
        return -1, 0
    return s, D_UTF8 | rest << 4 | length << 6 | value << 9


@device
def char_of(d, b):
    """The character of a string that byte b completes in decoder state d, or -1."""
    kind = d & 15
    if kind == D_BODY:
        return b if b < 128 and b != 92 else -1
    if kind == D_UTF8:
        return (d >> 9) << 6 | (b & 63) if (d >> 4) & 3 == 1 else -1
    if kind == D_ESC:
        if b == 98:
            return 8
        if b == 102:
            return 12
        if b == 110:
            return 10
        if b == 114:
            return 13
        if b == 116:
            return 9
        return b if b != 117 else -1
    if kind in (D_LOWBS, D_LOWU) or (d >> 4) & 3 != 3:
        return -1
    x = hex_value(b)
    if kind == D_HEX:
        value = (d >> 6) << 4 | x
        return -1 if 0xD800 <= value <= 0xDFFF else value
    return 0x10000 + (((d >> 6) & 1023) << 10) - 0xDC00 + ((d >> 16) << 4 | x)


@device
def long_escape_lives(H, t, s, lo, hi, room, ko, st):
    """Is there a live character in lo..hi that canonical text can only write as \\u00XX?"""
    return (
        range_lives(H, t, s, lo, min(hi, 7), room, ko, st)
        or range_lives(H, t, s, max(lo, 11), min(hi, 11), room, ko, st)
        or range_lives(H, t, s, max(lo, 14), min(hi, 31), room, ko, st)
    )


@device
def raw_step(H, t, s, d, b):
    """One byte of plain text. Returns (s, d); s = -1: dead."""
    if d == D_BODY and b < 128:
        return char_step(H, t, s, b, -1, 0, 0), 0
    return utf8_step(H, t, s, d, b, -1, 0, 0)


@device
def rules_step(H, t, s, d, b, off, st):
    """`raw_step` in the lexer of rules: only where a token can come out that the parser takes on stack st."""
    if d == D_BODY and b < 128:
        return char_step(H, t, s, b, -1, off, st), 0
    return utf8_step(H, t, s, d, b, -1, off, st)


@device
def string_step(H, t, s, d, b, room, ko, st):
    """One byte inside a JSON string, the closing quote apart. Returns (s, d, characters completed); s = -1: dead."""
    kind = d & 15
    if kind == D_BODY:
        if b >= 128:
            s, d = utf8_step(H, t, s, d, b, room, ko, st)
            return s, d, 0
        if b == 92:
            if H[ESCAPES] == 0:
                alive = range_lives(H, t, s, 0, 0x10FFFF, room, ko, st)
            else:
                alive = (
                    range_lives(H, t, s, 0, 31, room, ko, st)
                    or range_lives(H, t, s, 34, 34, room, ko, st)
                    or range_lives(H, t, s, 92, 92, room, ko, st)
                )
            return (s if alive else -1), D_ESC, 0
        if b < 32 or b == 34:
            return -1, 0, 0
        return char_step(H, t, s, b, room, ko, st), 0, 1
    if kind == D_UTF8:
        s, d = utf8_step(H, t, s, d, b, room, ko, st)
        return s, d, 1 if d == 0 else 0
    if kind == D_ESC:
        c = -1
        if b == 117:
            if H[ESCAPES] != 0 and not long_escape_lives(H, t, s, 0, 31, room, ko, st):
                return -1, 0, 0
            return s, D_HEX, 0
        if b == 34 or b == 92 or (b == 47 and H[ESCAPES] == 0):
            c = b
        elif b == 98:
            c = 8
        elif b == 102:
            c = 12
        elif b == 110:
            c = 10
        elif b == 114:
            c = 13
        elif b == 116:
            c = 9
        if c < 0:
            return -1, 0, 0
        return char_step(H, t, s, c, room, ko, st), 0, 1
    if kind == D_LOWBS:
        if b == 92:
            return s, D_LOWU | (d >> 4) << 4, 0
        return -1, 0, 0
    if kind == D_LOWU:
        if b == 117:
            return s, D_LOWHEX | (d >> 4) << 6, 0
        return -1, 0, 0
    x = hex_value(b)
    if x < 0:
        return -1, 0, 0
    k = ((d >> 4) & 3) + 1
    free = 4 * (4 - k)
    if kind == D_HEX:
        value = (d >> 6) << 4 | x
        lo = value << free
        hi = lo + (1 << free) - 1
        if H[ESCAPES] != 0 and (65 <= b <= 70 or not long_escape_lives(H, t, s, lo, hi, room, ko, st)):
            return -1, 0, 0
        if k == 4:
            if 0xD800 <= value <= 0xDBFF:
                high = value - 0xD800
                if range_lives(H, t, s, 0x10000 + (high << 10), 0x10000 + (high << 10) + 1023, room, ko, st):
                    return s, D_LOWBS | high << 4, 0
                return -1, 0, 0
            if 0xDC00 <= value <= 0xDFFF:
                return -1, 0, 0
            return char_step(H, t, s, value, room, ko, st), 0, 1
        if range_lives(H, t, s, lo, hi, room, ko, st):
            return s, D_HEX | k << 4 | value << 6, 0
        a = max(lo, 0xD800)
        z = min(hi, 0xDBFF)
        if a <= z and range_lives(
            H, t, s, 0x10000 + ((a - 0xD800) << 10), 0x10000 + ((z - 0xD800) << 10) + 1023, room, ko, st
        ):
            return s, D_HEX | k << 4 | value << 6, 0
        return -1, 0, 0
    # D_LOWHEX: k digits of the low surrogate, the ten bits of the high one at 6, the value so far at 16
    high = (d >> 6) & 1023
    value = (d >> 16) << 4 | x
    a = max(value << free, 0xDC00)
    z = min((value << free) + (1 << free) - 1, 0xDFFF)
    if a > z:
        return -1, 0, 0
    base = 0x10000 + (high << 10) - 0xDC00
    if k == 4:
        return char_step(H, t, s, base + value, room, ko, st), 0, 1
    if range_lives(H, t, s, base + a, base + z, room, ko, st):
        return s, D_LOWHEX | k << 4 | high << 6 | value << 16, 0
    return -1, 0, 0
