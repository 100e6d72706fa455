"""Trim, minimise and number an automaton, so that equal languages give equal arrays.

The partition refinement is Valmari's (Fast brief practical DFA minimization, Information Processing Letters 112, 2012):
states and transitions are refined in turn, in O(m log m) for m transitions that exist, dead ones cost nothing.
"""

from __future__ import annotations

import numpy as np

from constrain.jit import typed_device
from constrain.regular.arrays import column, filled, prefix, slot_of
from constrain.regular.layout import OK, TOO_MUCH_WORK, Ints, Rows

# Rows of a refinable partition: elements by set, place of an element, set of an element; begin and end of a set.
ELEMENT, PLACE, SET, BEGIN, END = 0, 1, 2, 3, 4


@typed_device
def _mark(part: Rows, marks: Ints, touched: Ints, n: int, element: int) -> int:
    """Move an element to the marked front of its set; returns the number of touched sets."""
    s = part[SET, element]
    at = part[PLACE, element]
    to = part[BEGIN, s] + marks[s]
    if at < to:  # already marked
        return n
    part[ELEMENT, at] = part[ELEMENT, to]
    part[PLACE, part[ELEMENT, at]] = at
    part[ELEMENT, to] = element
    part[PLACE, element] = to
    if marks[s] == 0:
        touched[n] = s
        n += 1
    marks[s] += 1
    return n


@typed_device
def _split(part: Rows, sets: int, marks: Ints, touched: Ints, n: int) -> int:
    """Split every touched set into its marked and unmarked elements; the smaller half is new. Returns all sets."""
    while n > 0:
        n -= 1
        s = touched[n]
        middle = part[BEGIN, s] + marks[s]
        size = marks[s]
        marks[s] = 0
        if middle == part[END, s]:
            continue
        if size <= part[END, s] - middle:
            part[BEGIN, sets] = part[BEGIN, s]
            part[END, sets] = middle
            part[BEGIN, s] = middle
        else:
            part[END, sets] = part[END, s]
            part[BEGIN, sets] = middle
            part[END, s] = middle
        for i in range(part[BEGIN, sets], part[END, sets]):
            part[SET, part[ELEMENT, i]] = sets
        marks[sets] = 0
        sets += 1
    return sets


@typed_device
def _grouped(keys: Ints, m: int, groups: int) -> tuple[Ints, Ints]:
    """Indices 0..m-1 in order of their key, and where each key begins."""
    begins = filled(groups + 2, 0)
    for i in range(m):
        begins[keys[i] + 2] += 1
    for g in range(groups):
        begins[g + 2] += begins[g + 1]
    order = np.empty(m, np.int32)
    for i in range(m):
        order[begins[keys[i] + 1]] = i
        begins[keys[i] + 1] += 1
    return order, begins


@typed_device
def _trimmed(states: int, edges: Rows, e: int, accept: Ints) -> tuple[int, Ints, int, Ints]:
    """Drop the states that can't reach acceptance: (states, edges, e, accept). The start stays state 0."""
    heads = column(edges, e, 2)
    order, begins = _grouped(heads, e, states)
    live = filled(states, 0)
    todo = np.empty(states, np.int32)
    n = 0
    for s in range(states):
        if accept[s] >= 0:
            live[s] = 1
            todo[n] = s
            n += 1
    i = 0
    while i < n:
        for j in range(begins[todo[i]], begins[todo[i] + 1]):
            tail = edges[order[j], 0]
            if live[tail] == 0:
                live[tail] = 1
                todo[n] = tail
                n += 1
        i += 1
    if live[0] == 0:
        return 0, edges, 0, accept
    if n == states:
        return states, edges, e, accept
    number = np.empty(states, np.int32)
    labels = np.empty(n, np.int32)
    kept = 0
    for s in range(states):
        number[s] = kept
        if live[s]:
            labels[kept] = accept[s]
            kept += 1
    out = np.empty((e, 3), np.int32)
    m = 0
    for i in range(e):
        if live[edges[i, 0]] and live[edges[i, 2]]:
            out[m, 0] = number[edges[i, 0]]
            out[m, 1] = edges[i, 1]
            out[m, 2] = number[edges[i, 2]]
            m += 1
    return kept, out, m, labels


@typed_device
def _blocks(states: int, edges: Rows, e: int, accept: Ints, columns: int) -> tuple[int, Ints]:
    """Valmari's refinement of a trimmed automaton: the number of blocks, and the partition of the states."""
    room = max(states, e) + 1
    marks = filled(room, 0)
    touched = np.empty(room, np.int32)
    labels = 0
    for s in range(states):
        labels = max(labels, accept[s] + 1)
    blocks = np.empty((5, states + 1), np.int32)
    keys = np.empty(states, np.int32)
    for s in range(states):
        keys[s] = accept[s] + 1
    order, begins = _grouped(keys, states, labels + 1)
    b_count = 0
    for label in range(labels + 1):
        if begins[label] < begins[label + 1]:
            blocks[BEGIN, b_count] = begins[label]
            blocks[END, b_count] = begins[label + 1]
            for i in range(begins[label], begins[label + 1]):
                blocks[ELEMENT, i] = order[i]
                blocks[PLACE, order[i]] = i
                blocks[SET, order[i]] = b_count
            b_count += 1
    cords = np.empty((5, e + 1), np.int32)
    by_class = column(edges, e, 1)
    order, begins = _grouped(by_class, e, columns)
    c_count = 0
    for c in range(columns):
        if begins[c] < begins[c + 1]:
            cords[BEGIN, c_count] = begins[c]
            cords[END, c_count] = begins[c + 1]
            for i in range(begins[c], begins[c + 1]):
                cords[ELEMENT, i] = order[i]
                cords[PLACE, order[i]] = i
                cords[SET, order[i]] = c_count
            c_count += 1
    heads = column(edges, e, 2)
    incoming, begins = _grouped(heads, e, states)
    # All blocks but one have to be used as splitters; with two blocks or more the first is the one that is left out.
    block, cord = 1, 0
    while cord < c_count:
        n = 0
        for i in range(cords[BEGIN, cord], cords[END, cord]):
            n = _mark(blocks, marks, touched, n, edges[cords[ELEMENT, i], 0])
        b_count = _split(blocks, b_count, marks, touched, n)
        cord += 1
        while block < b_count:
            n = 0
            for i in range(blocks[BEGIN, block], blocks[END, block]):
                state = blocks[ELEMENT, i]
                for j in range(begins[state], begins[state + 1]):
                    n = _mark(cords, marks, touched, n, incoming[j])
            c_count = _split(cords, c_count, marks, touched, n)
            block += 1
    return b_count, blocks


@typed_device
def _same_columns(table: Rows) -> Ints:
    """For each column the first column that is equal to it."""
    rows, columns = table.shape
    digest = np.empty(columns, np.int64)
    for c in range(columns):
        digest[c] = 0
    for r in range(rows):
        for c in range(columns):
            digest[c] = (digest[c] * 1000003 + table[r, c] + 2) & 0x3FFFFFFFFF
    out = np.empty(columns, np.int32)
    size = 4
    while size < 2 * columns:
        size *= 2
    seen = filled(size, -1)
    for c in range(columns):
        out[c] = c
        slot = slot_of(int(digest[c]), size)
        while seen[slot] >= 0:
            other = seen[slot]
            if digest[other] == digest[c]:
                r = 0
                while r < rows and table[r, c] == table[r, other]:
                    r += 1
                if r == rows:
                    out[c] = other
                    break
            slot = (slot + 1) & (size - 1)
        if out[c] == c:
            seen[slot] = c
    return out


def canonical(
    states: int,
    edges: Rows,
    e: int,
    accept: Ints,
    bounds: Ints,
    classes: Ints,
    columns: int,
    universe: int,
    max_cells: int,
) -> tuple[int, Ints, Ints, Ints, Ints, int, int]:
    """The minimal automaton of a reachable one, numbered in order of code points.

    Intervals of class -1 are dead. Returns (status, bounds, classes, table, accept, shortest length, longest length or
    -1 when there is none). Zero states: the empty language.
    """
    table = np.empty((0, 1), np.int32)
    zero = filled(1, 0)
    states, edges, e, accept = _trimmed(states, edges, e, accept)
    if states == 0:
        return OK, zero, zero, table, np.empty(0, np.int32), 0, -1
    count, blocks = _blocks(states, edges, e, accept, columns)
    if count * (columns + 1) > max_cells:
        return TOO_MUCH_WORK, zero, zero, table, zero, 0, -1
    dead = columns
    coarse = np.empty((count, columns + 1), np.int32)
    for s in range(count):
        for c in range(columns + 1):
            coarse[s, c] = -1
    for i in range(e):
        coarse[blocks[SET, edges[i, 0]], edges[i, 1]] = blocks[SET, edges[i, 2]]
    same = _same_columns(coarse)

    # Classes in order of their first code point; neighbouring intervals of one class become one.
    number = filled(columns + 1, -1)
    first = np.empty(columns + 1, np.int32)
    out_bounds = np.empty(bounds.shape[0], np.int32)
    out_classes = np.empty(bounds.shape[0], np.int32)
    k = 0
    width = 0
    for i in range(bounds.shape[0]):
        if bounds[i] >= universe:
            break
        c = same[classes[i] if classes[i] >= 0 else dead]
        if number[c] < 0:
            number[c] = width
            first[width] = c
            width += 1
        if k == 0 or out_classes[k - 1] != number[c] or bounds[i] >= 0x110000:
            out_bounds[k] = bounds[i]
            out_classes[k] = number[c]
            k += 1

    # States in breadth-first order.
    place = filled(count, -1)
    order = np.empty(count, np.int32)
    depth = filled(count, 0)
    indegree = filled(count, 0)
    table = np.empty((count, width), np.int32)
    labels = np.empty(count, np.int32)
    order[0] = blocks[SET, 0]
    place[blocks[SET, 0]] = 0
    seen = 1
    shortest = -1
    i = 0
    while i < seen:
        for c in range(width):
            target = coarse[order[i], first[c]]
            if target >= 0:
                if place[target] < 0:
                    place[target] = seen
                    order[seen] = target
                    depth[seen] = depth[i] + 1
                    seen += 1
                target = place[target]
                indegree[target] += 1
            table[i, c] = target
        i += 1
    for s in range(states):
        labels[place[blocks[SET, s]]] = accept[s]
    for i in range(count):
        if labels[i] >= 0:
            shortest = int(depth[i])
            break

    # Longest string: topological order; a cycle leaves states over.
    longest = filled(count, 0)
    todo = order
    n = 0
    if indegree[0] == 0:
        todo[0] = 0
        n = 1
    i = 0
    most = 0
    while i < n:
        s = todo[i]
        for c in range(width):
            target = table[s, c]
            if target >= 0:
                longest[target] = max(longest[target], longest[s] + 1)
                indegree[target] -= 1
                if indegree[target] == 0:
                    todo[n] = target
                    n += 1
        if labels[s] >= 0:
            most = max(most, int(longest[s]))
        i += 1
    return OK, prefix(out_bounds, k), prefix(out_classes, k), table, labels, shortest, most if n == count else -1
