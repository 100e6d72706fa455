"""Distinct values and rows of arrays, in order: what `np.unique` does, which takes longer for small arrays and for rows
(it compares them field by field), and loads `numpy.ma` when it is first called.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Places = npt.NDArray[np.intp]


class Ranked(NamedTuple):
    """first: of each distinct value, in ascending order, where it comes first. rank: of each value its place there."""

    first: Places
    rank: Places


def distinct(values: Array) -> Array:
    """The distinct values of a vector, ascending."""
    ordered = np.sort(values)
    return ordered[_begins(ordered)]


def ranked(values: Array) -> Ranked:
    """The order of the values of a vector."""
    order = np.argsort(values, kind="stable")
    return _ranked(order, _begins(values[order]))


def ranked_rows(rows: Array) -> Ranked:
    """The order of the rows of a matrix (at least one column) of integers in 0..2**32 - 1, the first column counting
    most."""
    # with the highest byte in front, the order of bytes is the order of numbers
    spelled = np.ascontiguousarray(rows.astype(">u4")).view(f"V{4 * rows.shape[1]}").ravel()
    order = np.argsort(spelled, kind="stable")
    ordered = rows[order]
    begins = np.ones(len(rows), bool)
    (ordered[1:] != ordered[:-1]).any(axis=1, out=begins[1:])
    return _ranked(order, begins)


def groups(values: Array) -> Places:
    """Where runs of equal values begin in a vector."""
    return np.flatnonzero(_begins(values))


def joined(label: Array, rows: Array) -> Array:
    """States of equal labels and futures have one number, from 0 on. rows: int32[n_states, n_classes], -1: none.

    The order is that of the labels, then of the numbers that the successors had a step before, and so on.
    """
    columns = np.sort(ranked_rows(rows.T + 1).first)  # each of its kind once
    rows = rows[:, columns]
    part = ranked(label).rank
    while True:
        shared = np.flatnonzero(np.bincount(part)[part] > 1)
        if not len(shared):
            return part
        after = rows[shared]
        futures = np.where(after >= 0, part[np.maximum(after, 0)] + 1, 0)
        finer = part * (len(shared) + 1)
        finer[shared] += ranked_rows(np.concatenate([part[shared, None], futures], axis=1)).rank
        finer = ranked(finer).rank
        if finer.max() == part.max():
            return part
        part = finer


def _begins(ordered: Array) -> npt.NDArray[np.bool_]:
    out = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=out[1:])
    return out


def _ranked(order: Places, begins: npt.NDArray[np.bool_]) -> Ranked:
    rank = np.empty(len(order), np.intp)
    rank[order] = np.cumsum(begins) - 1
    return Ranked(order[begins], rank)
