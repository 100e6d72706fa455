"""The values of finished items of arrays that must differ: brought to one spelling, then looked for among the others.

Numbers are brought to one spelling where they end, and members are sorted by name where their object ends, so equal
values have equal texts (texts.py). The frame of the array holds in its register a list of the items (items.py).
"""

from __future__ import annotations

from constrain.engine.interning import push, push_text
from constrain.engine.items import WHOLE, holds, list_with
from constrain.engine.layout import STATUS, S_CNT, S_NODE, S_PARENT, S_REG, S_TEXT, S_UNIQ, WORK
from constrain.engine.texts import ARRAY, END, KEY, MARK, NUMBER, OBJECT, cover_of, retold
from constrain.jit import engine_device as device

LONGEST_NUMBER = 1200  # digits up to which a number is spelled without an exponent


@device
def end_item(H, off, st):
    """The frame of the array at off after its open item; -1 when the same value is there already and may not be."""
    text, item = H[st + S_TEXT], H[st + S_REG]
    if holds(H, H[item + 2], WHOLE, text) > 0:
        if H[off + 4] != 2:
            return -1
        found = list_with(H, 0, 0, H[item + 4] + H[off + 1] // 2)  # nothing is compared any more
        return push(H, H[st + S_NODE], found, H[st + S_CNT], H[st + S_PARENT], 1)
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
