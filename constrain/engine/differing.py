"""Masks in strings that must differ from others: an entry's tokens, but for those that could only repeat an item.

Most tokens lead away from all finished items at once, and then the string may become anything. So a walk of the
vocabulary along these items (frames of `M_DIFFER`) finds the tokens that have to be taken out of the entry.
"""

from __future__ import annotations

from constrain.engine.becoming import beginning_so, must_repeat
from constrain.engine.configurations import node_at
from constrain.engine.fresh import confined, is_told
from constrain.engine.items import values_before
from constrain.engine.layout import OP_STRING, PH_IN, ROOM_FREE, S_TEXT, S_UNIQ, TD_OPEN, T_ANY
from constrain.jit import engine_device as device

WALKED, FREELY, BUT_FOR_SOME = range(3)


@device
def may_stay(H, c, t, room, raw):
    """What may be said of the tokens that stay in a string or key of an item that must differ from others: FREELY: they
    all may come; BUT_FOR_SOME: but for what could only repeat a finished item; WALKED: they have to be walked.
    """
    st = H[c + 4]
    if raw != 0:
        return WALKED
    direct = H[st + S_UNIQ] == st
    if (not direct and confined(H, st) == 0) or must_repeat(H, H[st + S_UNIQ]):
        return FREELY
    if room == ROOM_FREE and (H[t] == T_ANY or H[t + TD_OPEN] != 0):
        return FREELY
    off = node_at(H, H[c] >> 4)
    if off == 0 or H[off] != OP_STRING or H[c] & 15 != PH_IN:
        return WALKED
    return BUT_FOR_SOME


@device
def resembles(H, c):
    """Is there a finished item that the string of the configuration at c begins like?"""
    st = H[c + 4]
    if H[st + S_UNIQ] == st:
        return beginning_so(H, st) > 0
    array = confined(H, st)
    values = values_before(H, array)
    return values != 0 and is_told(H, values, H[array + S_TEXT], False)
