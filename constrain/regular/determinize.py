"""Subset construction: a program becomes a deterministic automaton over classes of characters."""

from __future__ import annotations

import numpy as np

from constrain.jit import typed_device
from constrain.regular.arrays import distinct_sorted, filled, grown, grown_rows, interval_of, slot_of
from constrain.regular.layout import (
    L_BOUNDS,
    L_CLASSES,
    L_INTERVALS,
    L_SETS,
    L_STATES,
    L_TABLE,
    OK,
    TOO_MANY_STATES,
    TOO_MUCH_WORK,
    Ints,
    Rows,
)
from constrain.regular.nfa import ACCEPT, JUMP, SPLIT, closure, expand


@typed_device
def partition(ranges: Rows, pointers: Ints, universe: int, limit: int) -> tuple[int, Ints, Ints, int, Ints, Ints]:
    """Split the code points into classes that no set tells apart.

    ranges[pointers[s]:pointers[s + 1]]: the (lo, hi) rows of set s. Returns (status, bounds, class of each interval,
    number of classes, member pointers, member classes): set s is the union of classes[pointers[s]:pointers[s + 1]].
    """
    sets = pointers.shape[0] - 1
    m = pointers[sets]  # the rows after these are not used
    points = np.empty(2 * m + 4 + universe - 0x110000, np.int32)
    for i in range(m):
        points[2 * i] = ranges[i, 0]
        points[2 * i + 1] = ranges[i, 1] + 1
    points[2 * m] = 0
    points[2 * m + 1] = 0xD800
    points[2 * m + 2] = 0xE000
    for i in range(0x110000, universe + 1):  # every marker has an interval of its own
        points[2 * m + 3 + i - 0x110000] = i
    bounds = distinct_sorted(points)
    k = bounds.shape[0]
    first = np.empty(m, np.int32)  # intervals first..last - 1 make up a range
    last = np.empty(m, np.int32)
    work = 0
    for i in range(m):
        at = interval_of(bounds, k, ranges[i, 0])
        first[i] = at
        while at < k and bounds[at] <= ranges[i, 1]:
            at += 1
        last[i] = at
        work += at - first[i]
        if work > limit:
            return TOO_MUCH_WORK, bounds, first, 0, first, first
    classes = filled(k, 0)
    split = np.empty(k + work + 2, np.int32)  # the class that a class is split into by the set at hand
    stamp = filled(k + work + 2, -1)
    count = 1
    for s in range(sets):
        for i in range(pointers[s], pointers[s + 1]):
            for at in range(first[i], last[i]):
                old = classes[at]
                if stamp[old] != s:
                    stamp[old] = s
                    split[old] = count
                    count += 1
                classes[at] = split[old]
    number = split
    for i in range(count):
        number[i] = -1
    distinct = 0
    for at in range(k):
        if number[classes[at]] < 0:
            number[classes[at]] = distinct
            distinct += 1
        classes[at] = number[classes[at]]
    member_pointers = filled(sets + 1, 0)
    members = np.empty(work + 1, np.int32)
    for i in range(distinct):
        stamp[i] = -1
    n = 0
    for s in range(sets):
        for i in range(pointers[s], pointers[s + 1]):
            for at in range(first[i], last[i]):
                if stamp[classes[at]] != s:
                    stamp[classes[at]] = s
                    members[n] = classes[at]
                    n += 1
        member_pointers[s + 1] = n
    return OK, bounds, classes, distinct, member_pointers, members


@typed_device
def leaf_sets(ranges: Rows, pointers: Ints, leaves: Rows, data: Ints, universe: int) -> tuple[Ints, Ints, Ints]:
    """Append the columns of all leaf automata to the sets of a program: (ranges, pointers, moves), see `expand`."""
    sets = pointers.shape[0] - 1
    rows = ranges.shape[0]
    total_sets, total_rows = sets, rows
    for i in range(leaves.shape[0]):
        leaves[i, L_SETS] = total_sets
        total_sets += leaves[i, L_CLASSES]
        total_rows += leaves[i, L_INTERVALS]
    out = np.empty((total_rows, 2), np.int32)
    for i in range(rows):
        out[i, 0] = ranges[i, 0]
        out[i, 1] = ranges[i, 1]
    out_pointers = np.empty(total_sets + 1, np.int32)
    out_pointers[0] = 0
    moves = filled(total_sets, 0)
    for i in range(sets):
        out_pointers[i + 1] = pointers[i + 1]
        moves[i] = 1
    n, s = rows, sets
    for i in range(leaves.shape[0]):
        bounds, k = leaves[i, L_BOUNDS], leaves[i, L_INTERVALS]
        classes, table = bounds + k, leaves[i, L_TABLE]
        columns = leaves[i, L_CLASSES]
        for c in range(columns):
            live = False
            for q in range(leaves[i, L_STATES]):
                if data[table + q * columns + c] >= 0:
                    live = True
                    break
            if live:
                for at in range(k):
                    if data[classes + at] != c:
                        continue
                    lo = data[bounds + at]
                    hi = (data[bounds + at + 1] if at + 1 < k else universe) - 1
                    if lo >= universe:
                        moves[s] |= 2
                    else:
                        moves[s] |= 1
                        out[n, 0] = lo
                        out[n, 1] = hi
                        n += 1
            s += 1
            out_pointers[s] = n
    return out, out_pointers, moves


@typed_device
def absorbing(code: Rows, rows: int, ranges: Rows, pointers: Ints) -> Ints:
    """For each row that reads any character for ever and may accept with label 0 at any time: its ACCEPT row, else 0.

    A state that holds both rows accepts whatever follows, so its other members don't matter. Without this a search
    would go on counting after the match.
    """
    out = filled(rows, 0)
    for row in range(rows - 2):
        op = code[row, 0]
        if op < 0 or code[row + 1, 0] != SPLIT or code[row + 1, 1] != -1 or code[row + 1, 2] != 1:
            continue
        width = 0
        for i in range(pointers[op], pointers[op + 1]):
            width += ranges[i, 1] - ranges[i, 0] + 1
        after = row + 2
        while code[after, 0] == JUMP and code[after, 1] > 0:
            after += code[after, 1]
        if width == 0x110000 - 0x800 and code[after, 0] == ACCEPT and code[after, 1] == 0:
            out[row] = after
    return out


@typed_device
def find(sets: Ints, first: int, last: int, begins: Ints, table: Ints, mark: Ints, now: int) -> tuple[int, int]:
    """Look the set of instructions sets[first:last] up: (its state or -1, the slot where it is or belongs).

    mark[i] == now for its members.
    """
    size = table.shape[0]
    total = 0
    n = last - first
    for i in range(first, last):
        total += slot_of(int(sets[i]) + 1, 0x40000000)
    slot = slot_of(total, size)
    while table[slot] >= 0:
        state = table[slot]
        begin = begins[state]
        if begins[state + 1] - begin == n:
            same = True
            for i in range(n):
                if mark[sets[begin + i]] != now:
                    same = False
                    break
            if same:
                return state, slot
        slot = (slot + 1) & (size - 1)
    return -1, slot


def build(
    program: Ints, ranges: Rows, pointers: Ints, leaves: Rows, data: Ints, universe: int, max_states: int, max_work: int
) -> tuple[int, int, Ints, int, Ints, Ints, Ints, int]:
    """A program as a deterministic automaton, neither trimmed nor minimal.

    ranges: int32[m, 2], pointers: int32[sets + 1], leaves: int32[l, 6] and data: see nfa.py. Code points from
    `universe` on are markers, erased from the leaves. Returns (status, states, edges[e, 3] of (tail, class, head),
    e, accept label or -1 per state, bounds, class per interval, classes); state 0 is the start.
    """
    none = np.empty(0, np.int32)
    edges = np.empty((256, 3), np.int32)
    ranges, pointers, moves = leaf_sets(ranges, pointers, leaves, data, universe)
    status, bounds, classes, columns, member_pointers, members = partition(ranges, pointers, universe, max_work)
    if status != OK:
        return status, 0, edges, 0, none, none, none, 0
    status, code, rows = expand(program, leaves, data, moves, max_work >> 3)
    if status != OK:
        return status, 0, edges, 0, none, none, none, 0

    universal = absorbing(code, rows, ranges, pointers)
    mark = filled(rows, 0)
    now = 0
    stack = np.empty(rows + 1, np.int32)
    sets = np.empty(256, np.int32)  # the members of all states, one after the other
    begins = np.empty(64, np.int32)
    accept = np.empty(64, np.int32)
    table = filled(128, -1)
    seeds = np.empty(256, np.int32)
    counts = filled(columns + 1, 0)
    touched = np.empty(columns + 1, np.int32)
    e = 0
    now += 1
    used, work, sets = closure(code, 0, mark, now, stack, sets, 0)
    begins[0] = 0
    begins[1] = used
    states = 1
    _, slot = find(sets, 0, used, begins, table, mark, now)
    table[slot] = 0
    state = 0
    while state < states:
        label = -1
        n_touched = 0
        total = 0
        for i in range(begins[state], begins[state + 1]):
            at = sets[i]
            op = code[at, 0]
            if op == ACCEPT:
                if label < 0 or code[at, 1] < label:
                    label = code[at, 1]
                continue
            for j in range(member_pointers[op], member_pointers[op + 1]):
                c = members[j]
                if counts[c] == 0:
                    touched[n_touched] = c
                    n_touched += 1
                counts[c] += 1
                total += 1
        accept[state] = label
        while total > seeds.shape[0]:
            seeds = grown(seeds)
        at = 0
        for i in range(n_touched):  # counts become the begins of the buckets
            c = touched[i]
            size = counts[c]
            counts[c] = at
            at += size
        for i in range(begins[state], begins[state + 1]):
            op = code[sets[i], 0]
            if op >= 0:
                for j in range(member_pointers[op], member_pointers[op + 1]):
                    c = members[j]
                    seeds[counts[c]] = sets[i] + 1
                    counts[c] += 1
        work += 2 * total + n_touched
        before, size_before, target = 0, -1, -1
        begin = 0
        for i in range(n_touched):
            c = touched[i]
            end = counts[c]
            counts[c] = 0
            same = end - begin == size_before
            if same:
                for j in range(size_before):
                    if seeds[before + j] != seeds[begin + j]:
                        same = False
                        break
            if not same:
                now += 1
                n = used
                for j in range(begin, end):
                    n, visits, sets = closure(code, seeds[j], mark, now, stack, sets, n)
                    work += visits
                target = -1
                for j in range(used, n):
                    final = universal[sets[j]]
                    if final > 0 and mark[final] == now:
                        sets[used] = sets[j]
                        sets[used + 1] = final
                        n = used + 2
                        now += 1  # the members that are left out are no longer marked, as `find` relies on
                        mark[sets[used]] = now
                        mark[final] = now
                        break
                if n > used:
                    target, slot = find(sets, used, n, begins, table, mark, now)
                    if target < 0:
                        if states == max_states:
                            return TOO_MANY_STATES, states, edges, e, none, none, none, 0
                        target = states
                        table[slot] = target
                        states += 1
                        used = n
                        if states + 1 >= begins.shape[0]:
                            begins = grown(begins)
                            accept = grown(accept)
                        begins[states] = used
                        if states * 2 > table.shape[0]:
                            table = _rehashed(table, sets, begins, states)
                before, size_before = begin, end - begin
            begin = end
            if target >= 0:
                if e == edges.shape[0]:
                    edges = grown_rows(edges)
                edges[e, 0] = state
                edges[e, 1] = c
                edges[e, 2] = target
                e += 1
        if work > max_work:
            return TOO_MUCH_WORK, states, edges, e, none, none, none, 0
        state += 1
    return OK, states, edges, e, accept, bounds, classes, columns


@typed_device
def _rehashed(table: Ints, sets: Ints, begins: Ints, states: int) -> Ints:
    """The hash table of states in twice the room."""
    size = table.shape[0] * 2
    out = filled(size, -1)
    for state in range(states):
        total = 0
        for i in range(begins[state], begins[state + 1]):
            total += slot_of(int(sets[i]) + 1, 0x40000000)
        slot = slot_of(total, size)
        while out[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        out[slot] = state
    return out
