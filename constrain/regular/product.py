"""Boolean operations: two automata run side by side, and acceptance is decided by a truth table."""

from __future__ import annotations

import numpy as np

from constrain.jit import typed_device
from constrain.regular.arrays import distinct_sorted, filled, grown, grown_rows, interval_of, slot_of
from constrain.regular.layout import OK, TOO_MANY_STATES, TOO_MUCH_WORK, Ints, Rows


def combine(
    a_bounds: Ints,
    a_classes: Ints,
    a_table: Rows,
    a_accept: Ints,
    b_bounds: Ints,
    b_classes: Ints,
    b_table: Rows,
    b_accept: Ints,
    truth: int,
    universe: int,
    max_states: int,
    max_work: int,
) -> tuple[int, int, Ints, int, Ints, Ints, Ints, int]:
    """The strings over code points below `universe` (surrogates excepted) that `truth` chooses; result as `build`'s.

    An empty automaton has zero rows in its table. Missing transitions lead to a state that never accepts.
    """
    none = np.empty(0, np.int32)
    edges = np.empty((256, 3), np.int32)
    ka, kb = a_bounds.shape[0], b_bounds.shape[0]
    points = np.empty(ka + kb + 4 + universe - 0x110000, np.int32)
    for i in range(ka):
        points[i] = a_bounds[i]
    for i in range(kb):
        points[ka + i] = b_bounds[i]
    points[ka + kb] = 0
    points[ka + kb + 1] = 0xD800
    points[ka + kb + 2] = 0xE000
    for i in range(0x110000, universe + 1):  # every marker has an interval of its own
        points[ka + kb + 3 + i - 0x110000] = i
    bounds = distinct_sorted(points)
    k = bounds.shape[0]
    na, nb = a_table.shape[0], b_table.shape[0]
    ca, cb = a_table.shape[1], b_table.shape[1]
    if ca * cb > max_work:
        return TOO_MUCH_WORK, 0, edges, 0, none, none, none, 0
    pairs = filled(ca * cb, -1)  # the class of each pair of classes
    classes = np.empty(k, np.int32)
    of_a = np.empty(k, np.int32)
    of_b = np.empty(k, np.int32)
    columns = 0
    for i in range(k):
        point = bounds[i]
        if 0xD800 <= point <= 0xDFFF or point >= universe:
            classes[i] = -1
            continue
        x = a_classes[interval_of(a_bounds, ka, point)]
        y = b_classes[interval_of(b_bounds, kb, point)]
        pair = int(x) * cb + y
        if pairs[pair] < 0:
            pairs[pair] = columns
            of_a[columns] = x
            of_b[columns] = y
            columns += 1
        classes[i] = pairs[pair]

    width = nb + 1
    left = np.empty(64, np.int32)  # the pair of states that each state stands for, -1 for the dead one
    right = np.empty(64, np.int32)
    accept = np.empty(64, np.int32)
    table = filled(128, -1)
    left[0] = 0 if na > 0 else -1
    right[0] = 0 if nb > 0 else -1
    table[slot_of(int(left[0] + 1) * width + right[0] + 1, 128)] = 0
    states = 1
    e = 0
    work = 0
    state = 0
    while state < states:
        p, q = left[state], right[state]
        in_a = 1 if p >= 0 and a_accept[p] >= 0 else 0
        in_b = 1 if q >= 0 and b_accept[q] >= 0 else 0
        accept[state] = ((truth >> (2 * in_a + in_b)) & 1) - 1
        work += columns
        if work > max_work:
            return TOO_MUCH_WORK, states, edges, e, none, none, none, 0
        for c in range(columns):
            x = a_table[p, of_a[c]] if p >= 0 else -1
            y = b_table[q, of_b[c]] if q >= 0 else -1
            possible = truth & 1  # can any acceptance follow?
            if x >= 0:
                possible |= truth & 4
            if y >= 0:
                possible |= truth & 2
            if x >= 0 and y >= 0:
                possible |= truth & 8
            if possible == 0:
                continue
            key = int(x + 1) * width + int(y + 1)
            slot = slot_of(key, table.shape[0])
            while table[slot] >= 0 and (left[table[slot]] != x or right[table[slot]] != y):
                slot = (slot + 1) & (table.shape[0] - 1)
            if table[slot] < 0:
                if states == max_states:
                    return TOO_MANY_STATES, states, edges, e, none, none, none, 0
                if states == left.shape[0]:
                    left = grown(left)
                    right = grown(right)
                    accept = grown(accept)
                left[states] = x
                right[states] = y
                table[slot] = states
                states += 1
                if states * 2 > table.shape[0]:
                    table = _rehashed(table, left, right, width, states)
                target = states - 1
            else:
                target = table[slot]
            if e == edges.shape[0]:
                edges = grown_rows(edges)
            edges[e, 0] = state
            edges[e, 1] = c
            edges[e, 2] = target
            e += 1
        state += 1
    return OK, states, edges, e, accept, bounds, classes, columns


@typed_device
def _rehashed(table: Ints, left: Ints, right: Ints, width: int, states: int) -> Ints:
    """The hash table of pairs in twice the room."""
    size = table.shape[0] * 2
    out = filled(size, -1)
    for state in range(states):
        slot = slot_of(int(left[state] + 1) * width + int(right[state] + 1), size)
        while out[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        out[slot] = state
    return out
