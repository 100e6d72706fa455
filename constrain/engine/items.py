"""The finished items of an array with distinct items, and what is among them.

A list of items is a linked list of texts, so each item makes a new one. Every eighth list has an index, made when it is
asked often: a hash table of what its last items hold, 8 of them, or 16, 32 ... (the largest power of two that divides
their number), and a link to the list before those. So a question takes a few look-ups for each binary digit of the
number of items, and an item is indexed once for each digit.
"""

from __future__ import annotations

import numpy as np

from constrain.engine.interning import kept, mix, room_for
from constrain.engine.layout import BUMP, KIND_LIST, K_X, K_Y, K_Z, STATUS, S_REG, WORK
from constrain.engine.texts import ARRAY, END, KEY, MARK, OBJECT, cover_of
from constrain.jit import engine_device as device

# What is asked of the items: how many are this text, how many begin with it, or whether one has a member like the one
# that the text ends with, whole or as far as it is written.
WHOLE, PREFIX, MEMBER, WRITTEN = range(4)
DEEP = 24  # symbols up to which beginnings are indexed
BLOCK = 8
SELDOM = 16  # questions that a list answers without an index: a mask tries many lists and keeps few
BASE = 0x10015  # of the polynomial hash of a member's symbols, modulo 2 ** 31


@device
def list_with(H, before, value, q):
    """A list of values with one more (0: the item is open), and the state of the automaton.

    x: the number of finished items, y: with an index, the list before the items in it, z: the index, or minus
    the number of questions without one.
    """
    r = kept(H, KIND_LIST, before, value, q, 0, 0)
    if r != 0:
        H[r + K_X] = (H[before + K_X] if before != 0 else 0) + (1 if value != 0 else 0)
    return r


@device
def values_before(H, st):
    """The list of finished items of the array with frame st."""
    values = H[st + S_REG]
    return H[values + 2] if values != 0 and H[values + 3] == 0 else values


@device
def holds(H, values, what, text):
    """The number of items of a list of which `what` (see above) is true; of members, 0 or more."""
    key = text if what in (WHOLE, PREFIX) else member_key(H, text)
    deep = what == PREFIX and H[text + 4] > DEEP
    n, at = 0, values
    while at != 0 and H[STATUS] == 0:
        whole = not deep and H[at + K_X] & (BLOCK - 1) == 0
        if whole and H[at + K_Z] <= 0:
            H[at + K_Z] -= 1
            whole = H[at + K_Z] < -SELDOM
        if not whole:
            n += item_holds(H, H[at + 3], what, text)
            at = H[at + 2]
        else:
            if H[at + K_Z] <= 0 and not make_index(H, at):
                return n
            n += look_up(H, H[at + K_Z], key, what)
            at = H[at + K_Y]
    return n


@device
def item_holds(H, item, what, text):
    """`holds` of one item: 0 or 1."""
    H[WORK] += 1
    if what == WHOLE:
        return 1 if item == text else 0
    if what == PREFIX:
        length = H[text + 4]
        while H[item + 4] > length:
            item = H[item + 2]
            H[WORK] += 1
        return 1 if item == text else 0
    size, at = 0, text
    while H[at + 3] != KEY:
        size += 1
        at = H[at + 2]
    at, following = item, MARK
    while at != 0:
        H[WORK] += 1
        if following >= MARK or what == WRITTEN:
            x, y, k = at, text, 0
            while k <= size and x != 0 and H[x + 3] == H[y + 3]:
                x, y, k = H[x + 2], H[y + 2], k + 1
            if k > size:
                return 1
        following = H[at + 3]
        at = H[at + 2]
    return 0


@device
def member_key(H, text):
    """The hash of the symbols from the last KEY of a text on."""
    key = np.int64(0)
    while True:
        key = (key * BASE + np.int64(H[text + 3])) & 0x7FFFFFFF
        if H[text + 3] == KEY:
            return key
        text = H[text + 2]


@device
def look_up(H, index, key, what):
    """The number that an index has under a key."""
    size = H[index]
    j = mix(key, what) & (size - 1)
    while True:
        at = index + 1 + 3 * j
        H[WORK] += 1
        if H[at + 2] == 0 or (H[at] == key and H[at + 1] == what):
            return H[at + 2]
        j = (j + 1) & (size - 1)


@device
def count_up(H, index, key, what):
    """Count one more under a key of an index."""
    size = H[index]
    j = mix(key, what) & (size - 1)
    while True:
        at = index + 1 + 3 * j
        H[WORK] += 1
        if H[at + 2] == 0:
            H[at], H[at + 1] = key, what
        if H[at] == key and H[at + 1] == what:
            H[at + 2] += 1
            return
        j = (j + 1) & (size - 1)


@device
def make_index(H, values):
    """Give a list its index. False with a status when there is no room."""
    n = H[values + K_X]
    n &= -n
    entries, longest, at = 0, 0, values
    for _ in range(n):
        length = H[H[at + 3] + 4]
        longest = max(longest, length)
        entries += 2 * length + 1
        at = H[at + 2]
    a = cover_of(H, longest + 1)
    size = 16
    while 2 * size < 3 * entries:
        size *= 2
    if a == 0 or not room_for(H, 3 * size + 1):
        return False
    index = H[BUMP]
    H[BUMP] = index + 3 * size + 1
    H[index] = size
    for i in range(index + 1, index + 3 * size + 1):
        H[i] = 0
    H[values + K_Y], H[values + K_Z] = at, index
    at = values
    for _ in range(n):
        index_item(H, index, H[at + 3], a)
        at = H[at + 2]
    return True


@device
def index_item(H, index, item, a):
    """Add what an item holds to an index. a: room for its symbols."""
    count_up(H, index, item, WHOLE)
    length, nested = H[item + 4], False
    at = item
    for i in range(length - 1, -1, -1):
        H[a + i] = H[at + 3]
        nested = nested or H[at + 3] == KEY
        at = H[at + 2]
    if not nested:
        at = item
        while at != 0:
            if H[at + 4] <= DEEP:
                count_up(H, index, at, PREFIX)
            at = H[at + 2]
        return
    key, power, inside = np.int64(0), np.int64(1), False
    for i in range(length):
        symbol = H[a + i]
        if symbol == KEY:
            key, power, inside = np.int64(0), np.int64(1), True
        elif symbol in (END, OBJECT, ARRAY):
            inside = False
        if inside:
            key = (key + power * np.int64(symbol)) & 0x7FFFFFFF
            power = (power * BASE) & 0x7FFFFFFF
            count_up(H, index, key, WRITTEN)
            if i + 1 == length or H[a + i + 1] >= MARK:
                count_up(H, index, key, MEMBER)
