"""What `np.unique` says, by other means."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from constrain.sorted_arrays import distinct, groups, ranked, ranked_rows

vectors = st.lists(st.integers(-5, 5) | st.integers(-(1 << 40), 1 << 40), max_size=30).map(
    lambda v: np.array(v, np.int64)
)
matrices = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 3) | st.integers(0, (1 << 32) - 1), min_size=width, max_size=width), max_size=20
    ).map(lambda rows: np.array(rows, np.int64).reshape(-1, width))
)


@given(vectors)
def test_vectors(values: np.ndarray) -> None:
    wanted, first, rank = np.unique(values, return_index=True, return_inverse=True)
    assert distinct(values).tolist() == wanted.tolist()
    found = ranked(values)
    assert found.first.tolist() == first.tolist() and found.rank.tolist() == rank.reshape(-1).tolist()
    changes = [i for i in range(len(values)) if i == 0 or values[i] != values[i - 1]]
    assert groups(values).tolist() == changes


@given(matrices)
def test_rows(rows: np.ndarray) -> None:
    _, first, rank = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    found = ranked_rows(rows)
    assert found.first.tolist() == first.tolist() and found.rank.tolist() == rank.reshape(-1).tolist()
