"""A list of strings as a trie: the one automaton that is built without any subset construction."""

from __future__ import annotations

import numpy as np

from constrain.regular.arrays import distinct_sorted, filled, grown, interval_of, prefix
from constrain.regular.layout import OK, Ints


def trie(points: Ints, ends: Ints) -> tuple[int, int, Ints, int, Ints, Ints, Ints, int]:
    """The trie of distinct strings in code point order; result as `build`'s.

    points: int32, the code points of all strings, one string after the other; ends: int32[n], where each ends in it.
    """
    total = points.shape[0]
    chars = distinct_sorted(points)
    columns = chars.shape[0]
    bounds = np.empty(2 * columns + 1, np.int32)
    classes = np.empty(2 * columns + 1, np.int32)
    k = 0
    if columns == 0 or chars[0] > 0:
        bounds[0] = 0
        classes[0] = -1
        k = 1
    for c in range(columns):
        bounds[k] = chars[c]
        classes[k] = c
        k += 1
        if c + 1 == columns or chars[c + 1] != chars[c] + 1:
            bounds[k] = chars[c] + 1
            classes[k] = -1
            k += 1
    edges = np.empty((total + 1, 3), np.int32)
    accept = filled(total + 1, -1)
    path = filled(64, 0)  # the state after each prefix of the last string
    states = 1
    before, before_end = 0, 0
    begin = 0
    for i in range(ends.shape[0]):
        end = ends[i]
        shared = 0
        most = min(end - begin, before_end - before)
        while shared < most and points[begin + shared] == points[before + shared]:
            shared += 1
        state = path[shared]
        for at in range(begin + shared, end):
            edges[states - 1, 0] = state
            edges[states - 1, 1] = interval_of(chars, columns, points[at])
            edges[states - 1, 2] = states
            state = states
            states += 1
            if at - begin + 1 == path.shape[0]:
                path = grown(path)
            path[at - begin + 1] = state
        accept[state] = 0
        before, before_end = begin, end
        begin = end
    return OK, states, edges, states - 1, accept, prefix(bounds, k), prefix(classes, k), columns
