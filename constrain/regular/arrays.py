"""Growing arrays, searching and hashing: small device functions that the kernels of the regular layer share."""

from __future__ import annotations

import numpy as np

from constrain.jit import typed_device
from constrain.regular.layout import Ints, Rows


@typed_device
def grown(array: Ints) -> Ints:
    """A copy of a vector with twice the room."""
    out = np.empty(array.shape[0] * 2, np.int32)
    for i in range(array.shape[0]):
        out[i] = array[i]
    return out


@typed_device
def grown_rows(array: Rows) -> Rows:
    """A copy of a matrix with room for twice the rows."""
    out = np.empty((array.shape[0] * 2, array.shape[1]), np.int32)
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            out[i, j] = array[i, j]
    return out


@typed_device
def slot_of(value: int, size: int) -> int:
    """First place to look for a non-negative value (below 2**62) in a hash table of `size` (a power of two) slots."""
    low = int(value) & 0x7FFFFFFF
    high = (int(value) >> 31) & 0x7FFFFFFF
    mixed = (low * 1664525 + high * 1013904223 + 12345) & 0x7FFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 73244475) & 0x7FFFFFFF
    mixed ^= mixed >> 13
    return mixed & (size - 1)


@typed_device
def interval_of(bounds: Ints, count: int, point: int) -> int:
    """Index of the last of the first `count` ascending bounds that is not above the point."""
    lo, hi = 0, count
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if bounds[middle] <= point:
            lo = middle
        else:
            hi = middle
    return lo


@typed_device
def filled(size: int, value: int) -> Ints:
    """A vector of one value (a plain loop compiles in a tenth of the time that `np.full` takes)."""
    out = np.empty(size, np.int32)
    for i in range(size):
        out[i] = value
    return out


@typed_device
def prefix(array: Ints, size: int) -> Ints:
    """A copy of the first values of a vector."""
    out = np.empty(size, np.int32)
    for i in range(size):
        out[i] = array[i]
    return out


@typed_device
def column(array: Rows, rows: int, j: int) -> Ints:
    """A copy of the first values of a column of a matrix."""
    out = np.empty(rows, np.int32)
    for i in range(rows):
        out[i] = array[i, j]
    return out


@typed_device
def _sift(heap: Ints, root: int, size: int) -> None:
    """Restore the heap order below `root`."""
    value = heap[root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[root] = heap[child]
        root = child
    heap[root] = value


@typed_device
def distinct_sorted(array: Ints) -> Ints:
    """The distinct values of a vector, ascending (heap sort; `np.sort` takes seconds to compile)."""
    size = array.shape[0]
    out = prefix(array, size)
    for root in range(size // 2 - 1, -1, -1):
        _sift(out, root, size)
    for end in range(size - 1, 0, -1):
        out[0], out[end] = out[end], out[0]
        _sift(out, 0, end)
    n = 0
    for i in range(size):
        if i == 0 or out[i] != out[n - 1]:
            out[n] = out[i]
            n += 1
    return prefix(out, n)
