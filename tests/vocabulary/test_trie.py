"""The trie in arrays against a trie of dicts."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from constrain.vocabulary.trie import Trie, build_trie

from . import naive

few_bytes = st.binary(max_size=8).map(lambda b: bytes(x % 3 + 253 for x in b) if len(b) % 2 else b)
token_lists = st.lists(few_bytes | st.sampled_from([b"", b"a", b"ab", b"abc", b"\xff" * 5]), max_size=40)


def made(tokens: list[bytes]) -> Trie:
    offsets = np.zeros(len(tokens) + 1, np.int32)
    offsets[1:] = np.cumsum([len(t) for t in tokens])
    return build_trie(np.frombuffer(b"".join(tokens) + b"\0", np.uint8)[:-1], offsets)


@given(token_lists)
def test_equals_the_naive_preorder(tokens: list[bytes]) -> None:
    trie, expected = made(tokens), naive.arrays(tokens)
    for name in ("byte", "end", "first", "ids", "depth"):
        assert getattr(trie, name).tolist() == getattr(expected, name), name


@given(token_lists)
def test_ids_of_a_subtree_are_the_tokens_with_that_prefix(tokens: list[bytes]) -> None:
    trie = made(tokens)
    for prefix in {t[:k] for t in tokens for k in range(len(t) + 1)}:
        node = trie.find(prefix)
        below = trie.ids[trie.first[node] : trie.first[trie.end[node]]].tolist()
        assert sorted(below) == [i for i, t in enumerate(tokens) if t and t.startswith(prefix)]
        assert trie.ids[trie.first[node] : trie.first[node + 1]].tolist() == [
            i for i, t in enumerate(tokens) if t and t == prefix
        ]


@given(token_lists, st.binary(max_size=4))
def test_find_tells_what_is_no_prefix(tokens: list[bytes], text: bytes) -> None:
    assert (made(tokens).find(text) >= 0) == (text == b"" or any(t.startswith(text) for t in tokens))


def test_dtypes_are_those_that_kernels_are_compiled_for() -> None:
    trie = made([b"a", b"b"])
    kinds = {name: getattr(trie, name).dtype for name in ("byte", "end", "first", "ids", "depth")}
    assert kinds == {"byte": np.uint8, "end": np.int32, "first": np.int32, "ids": np.int32, "depth": np.int32}
    assert all(getattr(trie, name).flags.c_contiguous for name in kinds)


def test_one_very_long_token_and_many_prefixes_of_it_are_no_trap() -> None:
    begun = time.monotonic()
    trie = made([b"x" * 20_000, b"x" * 19_999 + b"y", *(b"x" * k for k in range(1, 2_000))])
    assert trie.nodes == 20_002
    assert trie.end[:20_000].tolist() == [20_002] * 20_000
    assert time.monotonic() - begun < 20
