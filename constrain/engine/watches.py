"""Watches: automata that follow the text after a token, to see whether the token should have been longer.

Two watches at once are packed into one int n: w + 1, and of the other << 15; 0: none.
"""

from __future__ import annotations

from constrain.engine.layout import D_BODY, TD_BOUNDS, TD_NINT
from constrain.engine.lexer import dfa_step, interval_of, label_of, raw_step
from constrain.jit import engine_device as device

PROOF = 0  # label of a watch: the token should have been longer (1: if the text ends here)


@device
def joined(a, b):
    """Two watches (0: none) as one n."""
    if a == 0 or a == b:
        return b
    if b == 0:
        return a
    return min(a, b) | max(a, b) << 15


@device
def watch_byte(H, watch, n, d, b):
    """The watches n after byte b, with the decoder in state d; -1: a longer token is complete."""
    out = 0
    while n != 0:
        w, dw = raw_step(H, watch, (n & 0x7FFF) - 1, d, b)
        if w >= 0:
            if dw == D_BODY and label_of(H, watch, w) == PROOF:
                return -1
            out = joined(out, w + 1)
        n >>= 15
    return out


@device
def watch_char(H, watch, n, c):
    """The watches n after character c; -1: a longer token is complete."""
    out = 0
    while n != 0:
        w = dfa_step(H, watch, (n & 0x7FFF) - 1, c)
        if w >= 0:
            if label_of(H, watch, w) == PROOF:
                return -1
            out = joined(out, w + 1)
        n >>= 15
    return out


@device
def watch_ends(H, watch, n):
    """Is it proved where the text ends that a token should have been longer?"""
    while n != 0:
        if label_of(H, watch, (n & 0x7FFF) - 1) >= 0:
            return True
        n >>= 15
    return False


@device
def char_range(d):
    """First and last code point of which the decoder, inside a character in state d, may be reading the bytes."""
    rest = (d >> 4) & 3
    lo = (d >> 9) << (6 * rest)
    hi = lo + (1 << (6 * rest)) - 1
    length = (d >> 6) & 7
    lo = max(lo, 0x80 if length == 2 else (0x800 if length == 3 else 0x10000))
    return lo, min(hi, 0x10FFFF)


@device
def next_bound(H, t, c):
    """The first code point after c that the automaton at t may tell from c."""
    i = interval_of(H, t, c) + 1
    return H[t + H[t + TD_BOUNDS] + i] if i < H[t + TD_NINT] else 0x110000


@device
def may_escape(H, t, watch, n, s, d):
    """Can the character that the decoder is inside of, in state d, come without proof from the watches n?

    s: the state of the automaton at t, which must take it as well; -1: none must.
    """
    c, hi = char_range(d)
    while c <= hi:
        if not 0xD800 <= c <= 0xDFFF and watch_char(H, watch, n, c) >= 0 and (s < 0 or dfa_step(H, t, s, c) >= 0):
            return True
        following = next_bound(H, watch, c)
        c = min(following, next_bound(H, t, c)) if s >= 0 else following
    return False
