"""The texts of open items of arrays with distinct items: paths in a tree of symbols.

A text is interned like everything else, so equal texts have one offset, and one is a prefix of another when it is an
ancestor of it. Symbols are characters (of strings and keys), bytes (of numbers and literals) and the marks below. The
frame of the array holds the text of the open item; frames above it are pushed anew with each symbol.
"""

from __future__ import annotations

from constrain.engine.interning import first_slot, insert, mix, next_slot, push_text, room_for
from constrain.engine.layout import (
    ARG, BUMP, CHAIN, CHAIN_SIZE, COVER, COVER_END, KIND_TEXT, LIMIT_DEPTH, NEED_COVER, STATUS, S_CNT, S_LEVEL, S_NODE,
    S_PARENT, S_REG, S_TEXT, S_UNIQ,
)  # fmt: skip
from constrain.jit import engine_device as device

MARK = 0x110000  # marks are above all characters
STRING, KEY, NUMBER, WORD, OBJECT, ARRAY, END = range(MARK, MARK + 7)


@device
def text_with(H, text, symbol):
    """The text with one more symbol (0 as text: the empty one). [hash, KIND_TEXT, parent, symbol, length]"""
    length = H[text + 4] + 1 if text != 0 else 0
    h = mix(mix(KIND_TEXT, text), symbol)
    slot = first_slot(H, h)
    while True:
        r = H[slot + 1]
        if r == 0:
            break
        if H[r + 1] == KIND_TEXT and H[r + 2] == text and H[r + 3] == symbol:
            return r
        slot = next_slot(H, h, slot)
    if not room_for(H, 5):
        return 0
    r = H[BUMP]
    H[BUMP] = r + 5
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = h, KIND_TEXT, text, symbol, length
    insert(H, slot, r)
    return r


@device
def chain_of(H, st):
    """Put the frames from st down to the outermost array with an open item into CHAIN; returns how many they are."""
    n = 0
    while st != 0 and H[st + S_UNIQ] != 0:
        if n == CHAIN_SIZE:
            H[STATUS] = LIMIT_DEPTH
            H[ARG] = CHAIN_SIZE
            return 0
        H[H[CHAIN] + n] = st
        n += 1
        st = H[st + S_PARENT]
    return n


@device
def retold(H, st, back, a, z):
    """The stack st with the symbols at H[a:z] in place of the last `back` ones of each open item's text."""
    n = chain_of(H, st)
    if n == 0:
        return st
    below = H[H[H[CHAIN] + n - 1] + S_PARENT]
    for i in range(n - 1, -1, -1):
        f = H[H[CHAIN] + i]
        text = H[f + S_TEXT]
        container = H[f + S_LEVEL] - (H[H[f + S_PARENT] + S_LEVEL] if H[f + S_PARENT] != 0 else 0)
        if text != 0:
            container |= 2
            for _ in range(back):
                text = H[text + 2]
            for k in range(a, z):
                text = text_with(H, text, H[k])
            if H[STATUS] != 0:
                return st
        below = push_text(H, H[f + S_NODE], H[f + S_REG], H[f + S_CNT], below, container, text)
    return below


@device
def note(H, st, symbol):
    """The stack st after one more symbol of every open item in it."""
    if st == 0 or H[st + S_UNIQ] == 0 or H[STATUS] != 0:
        return st
    H[H[CHAIN] + CHAIN_SIZE] = symbol
    return retold(H, st, 0, H[CHAIN] + CHAIN_SIZE, H[CHAIN] + CHAIN_SIZE + 1)


@device
def cover_of(H, size):
    """Offset of `size` ints to work with; 0 with a status when they are not there."""
    if H[COVER] + size <= H[COVER_END]:
        return H[COVER]
    if H[STATUS] == 0:
        H[STATUS] = NEED_COVER
        H[ARG] = size
    return 0
