"""What a Vocabulary says of its ids."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from constrain.errors import InvalidVocabulary
from constrain.vocabulary import Vocabulary

TOKENS = [b"<s>", b"a", b"</s>", b"ab", b"a", b"", b"\xe4\xbd", b"<end>"]


def small(**options: object) -> Vocabulary:
    return Vocabulary.from_tokens(TOKENS, **{"eos": [2, 7], "special": [0], "size": 40} | options)  # type: ignore[arg-type]


def test_ids_and_widths() -> None:
    v = small()
    assert (v.size, v.words, len(v)) == (40, 2, 40)
    assert v.eos_ids == (2, 7)
    assert v.special_ids == (0, 5, *range(8, 40))  # control, empty, padding
    assert v.max_token_bytes == 2
    assert [v.token_bytes(i) for i in range(9)] == [b"", b"a", b"", b"ab", b"a", b"", b"\xe4\xbd", b"", b""]
    assert v.tokens[:8] == [v.token_bytes(i) for i in range(8)] and len(v.tokens) == 40
    assert v.offsets.dtype == np.int32 and len(v.offsets) == 41 and v.data.dtype == np.uint8


def test_tokens_of_the_same_bytes_share_a_node() -> None:
    trie = small().trie
    node = trie.find(b"a")
    assert trie.ids[trie.first[node] : trie.first[node + 1]].tolist() == [1, 4]
    assert sorted(trie.ids.tolist()) == [1, 3, 4, 6]


def test_bytes_that_no_token_has_are_named() -> None:
    assert set(small().missing_bytes) == set(range(256)) - set(b"ab\xe4\xbd")


def test_a_size_below_the_tokens_cuts_them() -> None:
    v = small(eos=[2], size=4)
    assert v.size == 4 and v.tokens == [b"", b"a", b"", b"ab"]


@pytest.mark.parametrize("token_id", [-1, 40, 1_000])
def test_ids_outside_are_an_error(token_id: int) -> None:
    with pytest.raises(IndexError):
        small().token_bytes(token_id)


@pytest.mark.parametrize(
    "options",
    [{"eos": [40]}, {"eos": [-1]}, {"eos": ["2"]}, {"eos": [True]}, {"size": 0}, {"size": 1 << 30}, {"special": [-3]}],
)
def test_impossible_vocabularies_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidVocabulary):
        small(**options)


def test_text_in_place_of_bytes_is_refused() -> None:
    with pytest.raises(InvalidVocabulary, match="token 1 is str"):
        Vocabulary.from_tokens([b"a", "b"], eos=())  # type: ignore[list-item]


def test_a_vocabulary_without_any_text() -> None:
    v = Vocabulary.from_tokens([b"</s>"], eos=0)
    assert v.trie.nodes == 1 and v.trie.end.tolist() == [1] and v.max_token_bytes == 0
    assert Vocabulary.from_tokens([b"", b""], eos=()).special_ids == (0, 1)


def test_equality_is_that_of_content() -> None:
    assert small() == small() and hash(small()) == hash(small())
    same = Vocabulary.from_tokens([b"other", *TOKENS[1:]], eos=[7, 2], special=[0], size=40)
    assert same == small(), "the bytes of a special token are not part of it"
    different = [small(eos=[2]), small(size=41), small(special=[]), small(special=[0, 1])]
    assert len({small(), *different}) == 5


def test_bytes_that_move_between_neighbours_change_the_fingerprint() -> None:
    assert Vocabulary.from_tokens([b"ab", b"c"], eos=()) != Vocabulary.from_tokens([b"a", b"bc"], eos=())


def test_it_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        small().size = 3
    with pytest.raises(TypeError):
        Vocabulary()


def test_pickle_gives_an_equal_one() -> None:
    assert pickle.loads(pickle.dumps(small())) == small()


def test_repr_is_short() -> None:
    assert len(repr(small())) < 100


def test_equal_vocabularies_alive_are_one_object() -> None:
    first = small()
    assert small() is first


def test_from_tokenizer_takes_a_vocabulary() -> None:
    v = small()
    assert Vocabulary.from_tokenizer(v) is v
    other = Vocabulary.from_tokenizer(v, eos=7, size=64)
    assert other.eos_ids == (7,) and other.size == 64 and 2 in other.special_ids
    assert other.token_bytes(3) == b"ab"


def test_what_no_adapter_knows_is_refused() -> None:
    with pytest.raises(InvalidVocabulary, match=r"no adapter knows a builtins\.int"):
        Vocabulary.from_tokenizer(3)


def test_names_of_special_tokens(tmp_path: Path) -> None:
    v = small(names={"<s>": 0, "</s>": 2, "<end>": 7, "a": 1, "<far>": 99, "": 5})
    assert dict(v.special_names) == {"<s>": 0, "</s>": 2, "<end>": 7}  # of no text, and none beyond the vocabulary
    assert (v.special_id("<end>"), v.special_id("a"), v.special_id("<far>")) == (7, None, None)
    with pytest.raises(TypeError):
        v.special_names["<x>"] = 1  # type: ignore[index]
    assert small().special_names == {} and small() != v and small(names={"a": 1}) == small()
    assert small(names={"<end>": 7, "</s>": 2, "<s>": 0}) == v
    assert pickle.loads(pickle.dumps(v)).special_names == v.special_names
    v.save(tmp_path / "v.bin")
    assert Vocabulary.load(tmp_path / "v.bin").special_names == v.special_names
    assert Vocabulary.from_tokenizer(v, eos=[2]).special_id("<end>") == 7
    assert Vocabulary.from_tokenizer(v, eos=2, size=5).special_names == {"<s>": 0, "</s>": 2}


def test_names_are_kept_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))
    v = small(names={"<s>": 0, "<é\ud800>": 5})
    fingerprint, names = v.fingerprint, dict(v.special_names)
    assert len(names) == 2
    del v
    again = small(names=names)
    assert again.fingerprint == fingerprint and again.special_names == names
