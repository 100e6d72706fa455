"""Stores kept on disk: later ones begin with their entries, masks stay what they are, files that don't fit are left."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import constrain
from constrain import Vocabulary
from constrain.engine import kept_arena, kept_store
from constrain.engine import layout as L
from constrain.engine import store as stores
from constrain.engine.arena import Arena
from constrain.engine.compiled import CompiledConstraint
from constrain.engine.store import store_of
from constrain.grammar.shipped import shipped_text
from constrain.limits import Limits
from tests.engine.test_summaries import GRAMMAR, check, tokens, windows

TEXTS = (b'def f(a, b):\n  x = a.b + f(1)\n  if x in a:\n    pass\nimport x1\n', b'a = "text" # why\ndel a [ b ]\n')
SCHEMA = {"properties": {"name": {"type": "string", "maxLength": 12}, "at": {"format": "date"}}}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of its own; the stores of vocabularies are afterwards what they were."""
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))
    before = dict(stores._stores)
    yield tmp_path / "stores"
    stores._stores.clear()
    stores._stores.update(before)


def vocabulary() -> Vocabulary:
    named = tokens()
    return Vocabulary.from_tokens([*named, b""], eos=[len(named)])


def later(made: Vocabulary, limits: Limits = Limits()) -> CompiledConstraint:  # noqa: B008
    """The grammar in what is a new process as far as the store goes."""
    stores._stores.pop(made, None)
    return constrain.lark(GRAMMAR, limits=limits).compile(made)


def ids(made: Vocabulary, text: bytes) -> list[int]:
    """The longest token at each place."""
    known = {token: i for i, token in enumerate(made.tokens) if token}
    out, at = [], 0
    while at < len(text):
        size = next(n for n in range(12, 0, -1) if text[at : at + n] in known)
        out.append(known[text[at : at + size]])
        at += size
    return out


def masks(made: CompiledConstraint, text: list[int]) -> list[bytes]:
    out = []
    matcher = made.matcher()
    mask = np.zeros(made.vocabulary.words, np.uint32)
    for token in text:
        matcher.fill_mask(mask)
        out.append(mask.tobytes())
        assert matcher.accept(token)
    return out


def test_a_later_store_begins_with_the_entries(folder: Path) -> None:
    v = vocabulary()
    first = later(v)
    texts = [ids(v, text) for text in TEXTS]
    wanted = [masks(first, text) for text in texts]
    fresh = int(store_of(v).X[L.X_ECOUNT])
    assert not folder.exists()
    assert first.prepare(texts) == sum(map(len, texts))
    (file,) = folder.iterdir()
    again = later(v)
    count = store_of(v).X[L.X_ECOUNT]
    assert count == fresh > 0
    assert [masks(again, text) for text in texts] == wanted
    assert store_of(v).X[L.X_ECOUNT] == fresh  # nothing had to be made
    other = masks(constrain.json(SCHEMA).compile(v), ids(v, b'{"x1":""'))
    assert store_of(v).X[L.X_ECOUNT] > fresh
    file.unlink()
    assert [masks(later(v), text) for text in texts] == wanted
    assert other == masks(constrain.json(SCHEMA).compile(v), ids(v, b'{"x1":""'))


def test_a_text_counts_up_to_a_token_that_is_not_allowed(folder: Path) -> None:
    v = vocabulary()
    good = ids(v, b"import ")
    assert later(v).prepare([[*good, *ids(v, b")"), *ids(v, b"x1\n")]]) == len(good) + 1
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_damaged_files_are_left(folder: Path, damage: str) -> None:
    v = vocabulary()
    text = ids(v, TEXTS[0])
    wanted = masks(later(v), text)
    later(v).prepare([text])
    (file,) = folder.iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes({"cut": bytes(data[:-64]), "changed": bytes(data), "empty": b""}[damage])
    again = later(v)
    assert store_of(v).X[L.X_ECOUNT] == 0
    assert masks(again, text) == wanted


def test_a_store_that_does_not_fit_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    v = vocabulary()
    later(v).prepare([ids(v, text) for text in TEXTS])
    kept = store_of(v)
    size = int(kept.X[L.X_BUMP]) - kept.front
    for room, count in ((3 * size, kept.X[L.X_ECOUNT]), (size, 0)):
        monkeypatch.setattr(stores, "LEAST", room)
        later(v, Limits(store_bytes=1))
        assert store_of(v).X[L.X_ECOUNT] == count


def test_a_folder_that_can_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept, and that is said."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path / "file"))
    v = vocabulary()
    with pytest.raises(OSError, match="can't be written to"):
        later(v).prepare([ids(v, TEXTS[1])])


def test_other_vocabularies_have_other_files(folder: Path) -> None:
    v = vocabulary()
    later(v).prepare([ids(v, TEXTS[0])])
    w = Vocabulary.from_tokens([*tokens(), b"another", b""], eos=[len(tokens()) + 1])
    later(w)
    assert store_of(w).X[L.X_ECOUNT] == 0
    assert len(list(folder.iterdir())) == 1


def test_a_later_constraint_begins_with_what_rules_have_found(folder: Path) -> None:
    v = vocabulary()
    texts = [ids(v, text) for text in TEXTS]
    first = later(v)
    assert not windows(first)
    first.prepare(texts)
    known = windows(first)
    (file,) = (folder.parent / "arenas").iterdir()
    again = later(v)
    assert windows(again) == known and len(known) > 50
    wanted = [masks(first, text) for text in texts]
    assert [masks(again, text) for text in texts] == wanted
    assert windows(again) == known  # nothing had to be found
    for text in range(3):
        check(again, tokens(), random.Random(text), 20)
    assert windows(later(v, Limits(stack_depth=50, arena_bytes=1 << 22))) == known
    file.unlink()
    assert not windows(later(v))


def test_what_was_found_goes_with_the_store(folder: Path) -> None:
    """It serves with its store, and with one that goes on from it, and with no other."""
    v = vocabulary()
    text = ids(v, TEXTS[0])
    wanted = masks(later(v), text)
    later(v).prepare([text])
    constrain.lark(GRAMMAR + "\n%ignore /[!]/\n").compile(v).prepare([ids(v, TEXTS[1])])
    assert len(list((folder.parent / "arenas").iterdir())) == 2
    assert windows(later(v))
    (file,) = folder.iterdir()
    file.unlink()
    assert not windows(later(v))
    constrain.json(SCHEMA).compile(v).prepare([ids(v, b'{"x1":""')])  # another store
    (file,) = folder.iterdir()
    again = later(v)
    assert store_of(v).X[L.X_ECOUNT] > 0 and not windows(again)
    assert masks(again, text) == wanted


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_files_of_what_was_found_are_left(folder: Path, damage: str) -> None:
    v = vocabulary()
    text = ids(v, TEXTS[0])
    wanted = masks(later(v), text)
    later(v).prepare([text])
    (file,) = (folder.parent / "arenas").iterdir()
    data = bytearray(file.read_bytes())
    data[-len(data) // 3] ^= 1
    file.write_bytes(bytes(data[:-64]) if damage == "cut" else bytes(data))
    again = later(v)
    assert not windows(again)
    assert masks(again, text) == wanted


def test_as_much_is_kept_as_fits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the texts need, what was of use again and what came last; a smaller arena does without."""
    v = vocabulary()
    shares: list[float] = []
    carry = kept_arena.carry

    def spy(arena: Arena, old: Arena, less: float = 0.0) -> bool:
        shares.append(less)
        return carry(arena, old, less)

    monkeypatch.setattr(kept_arena, "carry", spy)
    lines = [f"x{n} = f{n}({'[(' * (n % 9)}a.b{')]' * (n % 9)})\nif x1 in [a, {n}]:\n  pass\n" for n in range(1, 60)]
    texts = [ids(v, line.encode()) for line in lines]
    limits = Limits(arena_bytes=1 << 18)
    first = later(v, limits)
    first.prepare(texts)
    assert max(shares) > 0.0, "all of it fits: the test shows nothing"
    (file,) = (folder.parent / "arenas").iterdir()
    assert 0 < file.stat().st_size < limits.arena_bytes
    again = later(v, limits)
    known = windows(again)
    assert known and again.memory < limits.arena_bytes
    assert masks(again, texts[-1]) == masks(later(v, Limits(arena_bytes=1 << 16)), texts[-1])
    for text in texts:
        assert masks(again, text) == masks(first, text)
    assert again.memory < 3 * limits.arena_bytes


def test_what_was_of_use_outlives_full_arenas(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks stay right while an arena is renewed again and again, and what texts share need not be found again."""
    v = vocabulary()
    made = later(v, Limits(arena_bytes=6 << 17))
    often = ids(v, TEXTS[0])
    wanted = masks(made, often)
    rng = random.Random(3)
    less = []
    carry = kept_arena.carry

    def spy(arena: Arena, old: Arena, part: float = 0.0) -> bool:
        less.append(part)
        return carry(arena, old, part)

    monkeypatch.setattr(kept_arena, "carry", spy)
    for _ in range(24):
        with made.lock:
            made.renew()  # states go, so that what rules have found is asked
        before = windows(made)
        assert masks(made, often) == wanted
        assert windows(made) == before
        check(made, tokens(), rng, 20)
    assert max(less) > 0.0, "the arena was never too full: the test shows nothing"


def test_contexts_that_do_not_fit_are_not_left_out_silently(folder: Path) -> None:
    v = vocabulary()
    with pytest.warns(UserWarning, match="does not fit in arena_bytes"):
        later(v, Limits(arena_bytes=1 << 16)).prepare([ids(v, TEXTS[0])])
    assert len(list(folder.iterdir())) == 1 and not (folder.parent / "arenas").exists()


def test_constraints_with_other_nodes_keep_the_store_alone(folder: Path) -> None:
    v = vocabulary()
    constrain.json(SCHEMA).compile(v).prepare([ids(v, b'{"x1":""')])
    assert len(list(folder.iterdir())) == 1
    assert not (folder.parent / "arenas").exists()


def test_the_folders_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    v = vocabulary()
    text = ids(v, TEXTS[0])
    later(v).prepare([text])
    first = {f.name for f in folder.iterdir()}, {f.name for f in (folder.parent / "arenas").iterdir()}
    for kept in (kept_store, kept_arena):
        monkeypatch.setattr(kept, "KEPT_BYTES", 1000)
    other = Vocabulary.from_tokens([*tokens(), b"another", b""], eos=[len(tokens()) + 1])
    later(other).prepare([text])
    second = {f.name for f in folder.iterdir()}, {f.name for f in (folder.parent / "arenas").iterdir()}
    assert [len(names) for names in second] == [1, 1] and second[0] != first[0] and second[1] != first[1]


def test_masks_along_python_are_the_same_however_they_were_come_by(folder: Path) -> None:
    """In a new process, in one that finds what was kept along another module, and where arenas are renewed."""
    v = vocabulary()
    library = Path(sysconfig.get_path("stdlib"))
    text, other = (ids(v, (library / name).read_bytes()) for name in ("bisect.py", "keyword.py"))
    grammar = shipped_text("python")
    assert grammar is not None
    cold = constrain.lark(grammar).compile(v)
    wanted = masks(cold, text)
    cold.prepare([other, text[: len(text) // 2]])
    stores._stores.pop(v)
    prepared = constrain.lark(grammar).compile(v)
    assert windows(prepared)
    assert masks(prepared, text) == wanted
    (file,) = (folder.parent / "arenas").iterdir()
    file.unlink()
    small = constrain.lark(grammar, limits=Limits(arena_bytes=3 << 19)).compile(v)
    assert masks(small, text) == wanted
    assert small.generation > 1
