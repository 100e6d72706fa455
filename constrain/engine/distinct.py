"""Arrays whose items must differ: the value of the item being written, kept as a canonical text in the array's frame.

A text is a path in a tree of symbols, interned like everything else, so equal texts have one offset, and one is a
prefix of another when it is an ancestor of it. Symbols are characters (of strings and keys), bytes (of numbers and
literals) and the marks below. Numbers are brought to one spelling where they end, and members are sorted by name where
their object ends, so equal values have equal texts. The frame of the array holds the text of the open item, and in its
register a list of those before it. Frames above it are pushed anew with each symbol.
"""

from __future__ import annotations

from constrain.engine.interning import insert, mix, push, push_text, room_for
from constrain.engine.layout import (
    ARG, BUMP, CHAIN, CHAIN_SIZE, COVER, COVER_END, KIND_LIST,
    KIND_TEXT, LIMIT_DEPTH, NEED_COVER, STATUS, S_CNT, S_LEVEL, S_NODE, S_PARENT, S_REG, S_TEXT, S_UNIQ, TABLE,
    TABLE_SIZE, WORK,
)  # fmt: skip
from constrain.jit import engine_device as device

MARK = 0x110000  # marks are above all characters
STRING, KEY, NUMBER, WORD, OBJECT, ARRAY, END = range(MARK, MARK + 7)
LONGEST_NUMBER = 1200  # digits up to which a number is spelled without an exponent


@device
def record_with(H, kind, a, b, c):
    """The interned record [hash, kind, a, b, c]."""
    h = mix(mix(mix(kind, a), b), c)
    table, size = H[TABLE], H[TABLE_SIZE]
    j = h & (size - 1)
    while True:
        r = H[table + j]
        if r == 0:
            break
        if H[r] == h and H[r + 1] == kind and H[r + 2] == a and H[r + 3] == b and H[r + 4] == c:
            return r
        j = (j + 1) & (size - 1)
    if not room_for(H, 5):
        return 0
    r = H[BUMP]
    H[BUMP] = r + 5
    H[r], H[r + 1], H[r + 2], H[r + 3], H[r + 4] = h, kind, a, b, c
    insert(H, table + j, r)
    return r


@device
def text_with(H, text, symbol):
    """The text with one more symbol (0 as text: the empty one). [hash, KIND_TEXT, parent, symbol, length]"""
    length = H[text + 4] + 1 if text != 0 else 0
    return record_with(H, KIND_TEXT, text, symbol, length)


@device
def list_with(H, before, value, q):
    """A list of values with one more (0: the item is open), and the state of the automaton."""
    return record_with(H, KIND_LIST, before, value, q)


@device
def values_before(H, st):
    """The list of finished items of the array with frame st."""
    values = H[st + S_REG]
    return H[values + 2] if values != 0 and H[values + 3] == 0 else values


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


@device
def end_item(H, off, st):
    """The frame of the array at off after its open item; -1 when the same value is there already and may not be."""
    text, item = H[st + S_TEXT], H[st + S_REG]
    at = H[item + 2]
    while at != 0:
        H[WORK] += 1
        if H[at + 3] == text:
            if H[off + 4] != 2:
                return -1
            found = list_with(H, 0, 0, H[item + 4] + H[off + 1] // 2)  # nothing is compared any more
            return push(H, H[st + S_NODE], found, H[st + S_CNT], H[st + S_PARENT], 1)
        at = H[at + 2]
    values = list_with(H, H[item + 2], text, H[item + 4])
    return push_text(H, H[st + S_NODE], values, H[st + S_CNT], H[st + S_PARENT], 1, 0)


# Numbers ---------------------------------------------------------------------------------------------------------


@device
def end_number(H, st):
    """The stack st after a number: its spelling becomes that of every number of the same value."""
    if st == 0 or H[st + S_UNIQ] == 0 or H[STATUS] != 0:
        return st
    text = H[H[st + S_UNIQ] + S_TEXT]
    n = 0
    at = text
    while H[at + 3] != NUMBER:
        n += 1
        at = H[at + 2]
    a = cover_of(H, 3 * n + LONGEST_NUMBER + 16)
    if a == 0:
        return st
    for i in range(n - 1, -1, -1):
        H[a + i] = H[text + 3]
        text = H[text + 2]
    return retold(H, st, n, a + n, spell_number(H, a, n, a + n))


@device
def spell_number(H, a, n, out):
    """Write the one spelling of the number spelled at H[a:a+n] to `out`; returns its end."""
    i, sign, point, exponent = 0, 0, 0, 0
    digits = out + LONGEST_NUMBER + 8  # without the zeros in front
    m = 0
    if H[a] == 45:
        sign = 1
        i = 1
    fraction = False
    while i < n and H[a + i] != 69 and H[a + i] != 101:
        b = H[a + i]
        i += 1
        if b == 46:
            fraction = True
            continue
        if fraction:
            point += 1
        if b != 48 or m > 0:
            H[digits + m] = b
            m += 1
    if i < n:
        i += 1
        minus = H[a + i] == 45
        if H[a + i] == 45 or H[a + i] == 43:
            i += 1
        while i < n:
            exponent = min(10 * exponent + H[a + i] - 48, 1 << 60)
            i += 1
        if minus:
            exponent = -exponent
    while m > 0 and H[digits + m - 1] == 48:
        m -= 1
        exponent += 1
    exponent -= point
    if m == 0:
        H[out] = 48
        return out + 1
    if sign != 0:
        H[out] = 45
        out += 1
    if exponent >= 0 and m + exponent <= LONGEST_NUMBER:
        for k in range(m):
            H[out + k] = H[digits + k]
        for k in range(m, m + exponent):
            H[out + k] = 48
        return out + m + exponent
    if exponent < 0 and max(m, -exponent) + 2 <= LONGEST_NUMBER:
        whole = m + exponent  # digits before the point
        if whole <= 0:
            H[out] = 48
            out += 1
        for k in range(whole):
            H[out + k] = H[digits + k]
        out += max(whole, 0)
        H[out] = 46
        out += 1
        for _ in range(-whole):
            H[out] = 48
            out += 1
        for k in range(max(whole, 0), m):
            H[out] = H[digits + k]
            out += 1
        return out
    # digits, then the exponent (up to 61 bits of it) as three symbols
    for k in range(m):
        H[out + k] = H[digits + k]
    out += m
    exponent += 1 << 61
    H[out], H[out + 1], H[out + 2], H[out + 3] = 101, exponent & 0xFFFFF, (exponent >> 20) & 0xFFFFF, exponent >> 40
    return out + 4


# Objects ---------------------------------------------------------------------------------------------------------


@device
def end_object(H, st):
    """The stack st after an object: its members sorted by name; of equal names the last counts, as in `json.loads`."""
    if st == 0 or H[st + S_UNIQ] == 0 or H[STATUS] != 0:
        return st
    text = H[H[st + S_UNIQ] + S_TEXT]
    n, members, depth = 0, 0, 0
    at = text
    while depth > 0 or H[at + 3] != OBJECT:
        symbol = H[at + 3]
        if symbol == END:
            depth += 1
        elif symbol in (OBJECT, ARRAY):
            depth -= 1
        elif symbol == KEY and depth == 0:
            members += 1
        n += 1
        at = H[at + 2]
    a = cover_of(H, 2 * n + members + 2)
    if a == 0:
        return st
    starts, out = a + n, a + n + members + 1
    H[starts + members] = n
    depth, j = 0, members
    for i in range(n - 1, -1, -1):
        symbol = H[text + 3]
        text = H[text + 2]
        H[a + i] = symbol
        if symbol == END:
            depth += 1
        elif symbol in (OBJECT, ARRAY):
            depth -= 1
        elif symbol == KEY and depth == 0:
            j -= 1
            H[starts + j] = i
    z = out
    before = -1
    for _ in range(members):  # selection: the least name after the one before; of equal ones the last
        best = -1
        for j in range(members):
            if before < 0 or compare_keys(H, a, n, H[starts + before], H[starts + j]) < 0:
                if best < 0 or compare_keys(H, a, n, H[starts + j], H[starts + best]) <= 0:
                    best = j
        H[WORK] += members
        if best < 0:
            break
        for i in range(H[starts + best], H[starts + best + 1]):
            H[z] = H[a + i]
            z += 1
        before = best
    H[z] = END
    return retold(H, st, n, out, z + 1)


@device
def compare_keys(H, a, n, x, y):
    """Compare the names of the members whose symbols begin at a + x and a + y: -1, 0 or 1."""
    i = 1
    while True:
        p = H[a + x + i] if x + i < n else MARK
        q = H[a + y + i] if y + i < n else MARK
        if p >= MARK or q >= MARK:
            if p >= MARK and q >= MARK:
                return 0
            return -1 if p >= MARK else 1
        if p != q:
            return -1 if p < q else 1
        i += 1
