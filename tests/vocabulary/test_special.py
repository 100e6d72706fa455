"""Spelled special tokens, token by token."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constrain import Vocabulary
from constrain.texts import byte_vocabulary, steps
from constrain.vocabulary.special import in_text, spelled, spelling

from . import naive

some = st.sampled_from([b"", b"", b"a", b"ab", b"\xff", b"\xf7", b"\xf8a", b"a\xfe", "é".encode()])
tokens = st.lists(some, max_size=12)


@given(tokens, st.data())
def test_equals_token_by_token(listed: list[bytes], data: st.DataObject) -> None:
    silent = [i for i, token in enumerate(listed) if not token]
    ids = data.draw(st.lists(st.sampled_from(silent), unique=True)) if silent else []
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in listed])]).astype(np.int32)
    out, bounds = spelled(np.frombuffer(b"".join(listed), np.uint8), offsets, ids)
    made = [out[a:b].tobytes() for a, b in pairwise(bounds)]
    assert made == [spelling(i) if i in ids else b"" if in_text(t) < len(t) else t for i, t in enumerate(listed)]
    assert bounds.dtype == np.int32 and out.dtype == np.uint8
    if not listed:
        return
    v = Vocabulary.from_tokens(listed, eos=(), names={f"<{i}>": i for i in ids})
    expected = naive.arrays(made)
    for name in ("byte", "end", "first", "ids", "depth"):
        assert getattr(v.trie, name).tolist() == getattr(expected, name), name
    assert v.tokens == listed and v.named_ids == set(ids)


def test_spellings_are_in_no_text() -> None:
    assert spelling(258) == b"\xff\0\1\2" and in_text(spelling(258)) == 0 and in_text(b"") == 0
    assert in_text("aé\U0010ffff".encode()) == 7 and in_text(b"ab\xf8c") == 2


def test_tokens_made_special() -> None:
    v = Vocabulary.from_tokens([b"a", b"bc", b"", b"\xff", b"", b"d"], eos=[2], names={"<e>": 2, "<p>": 4}, size=9)
    w = v.with_special({"bc": 1, "<[8]>": 8})
    assert w.tokens == [b"a", b"", b"", b"\xff", b"", b"d", b"", b"", b""] and (w.eos_ids, w.size) == ((2,), 9)
    assert dict(w.special_names) == {"<e>": 2, "<p>": 4, "bc": 1, "<[8]>": 8}
    assert w.trie.find(spelling(1)) > 0 and v.trie.find(spelling(1)) < 0 and v.trie.find(b"\xff\0\0\3") < 0
    assert v.with_special({"bc": 1, "<[8]>": 8}) is w


def test_vocabularies_of_grammars_do_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))
    v = Vocabulary.from_tokens([b"only here", b"x", b""], eos=[2])
    kept = sorted(tmp_path.rglob("*.bin"))
    assert len(kept) == 1
    assert v.with_special({"x": 1}).named_ids == {1} and byte_vocabulary(("<only here>",)).named_ids == {257}
    assert sorted(tmp_path.rglob("*.bin")) == kept


def test_names_in_texts() -> None:
    names = ("<a>", "<a><b>", "é")
    assert list(steps("x<a><b>é<a>é<".encode(), names)) == [
        (0, 1, -1), (1, 7, 258), (7, 9, 259), (9, 12, 257), (12, 14, 259), (14, 15, -1),
    ]  # fmt: skip
    assert list(steps(b"<a>", ())) == [(0, 3, -1)] and list(steps(b"", names)) == []
