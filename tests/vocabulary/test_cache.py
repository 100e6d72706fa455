"""The disk cache: found again, never trusted when damaged, harmless when it can't be written."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from constrain import array_files
from constrain.array_files import MAGIC, checksum, read_arrays, unpacked, write_arrays
from constrain.errors import InvalidVocabulary
from constrain.vocabulary import Vocabulary, vocabulary
from constrain.vocabulary.trie import Trie, build_trie

TOKENS = [b"</s>", *(f"t{i}".encode() for i in range(300))]


def fresh(tokens: list[bytes] = TOKENS) -> Vocabulary:
    gc.collect()  # else the living vocabulary of an earlier call would be given again
    return Vocabulary.from_tokens(tokens, eos=[0], size=320)


def arrays_of(v: Vocabulary) -> dict[str, list[int]]:
    names = ("byte", "end", "first", "ids", "depth")
    return {name: getattr(v.trie, name).tolist() for name in names} | {"data": v.data.tolist()}


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of nodes of each trie that is built rather than read."""
    made: list[int] = []

    def counted(data: np.ndarray, offsets: np.ndarray) -> Trie:
        trie = build_trie(data, offsets)
        made.append(trie.nodes)
        return trie

    monkeypatch.setattr(vocabulary, "build_trie", counted)
    return made


def own_file(v: Vocabulary) -> Path:
    path = v.cache_path("vocabulary.bin")
    assert path is not None
    return path


def test_the_second_time_comes_from_disk(builds: list[int]) -> None:
    first = fresh()
    expected, fields = arrays_of(first), (first.size, first.eos_ids, first.special_ids, first.fingerprint)
    del first
    again = fresh()
    assert len(builds) == 1
    assert arrays_of(again) == expected
    assert (again.size, again.eos_ids, again.special_ids, again.fingerprint) == fields
    assert again.trie.end.flags.aligned and again.trie.end.flags.c_contiguous and again.trie.end.flags.writeable


def test_other_tokens_get_another_file(builds: list[int]) -> None:
    kept = fresh(), fresh([*TOKENS[:-1], b"other"])
    assert len(builds) == 2 and own_file(kept[0]) != own_file(kept[1])


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "longer", "header", "foreign", "folder"])
def test_a_damaged_file_is_made_anew(damage: str, builds: list[int]) -> None:
    first = fresh()
    path, expected = own_file(first), arrays_of(first)
    del first
    whole = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "foreign":  # a whole file of another vocabulary under this name
        other = fresh([*TOKENS, b"more"])
        path.write_bytes(own_file(other).read_bytes())
        del other
        builds.pop()
    else:
        middle = len(whole) // 2
        changed = {
            "truncated": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "empty": b"",
            "text": b"not a vocabulary",
            "longer": whole + b"\0",
            "header": whole[:60] + b"\xff" * 8 + whole[68:],
        }
        path.write_bytes(changed[damage])
    assert arrays_of(fresh()) == expected
    assert len(builds) == 2
    if damage != "folder":
        assert path.read_bytes() == whole, "the damaged file is replaced"


def test_a_wrong_header_under_a_right_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    right = checksum(b"\0" * 64).hex()
    for arrays in (
        [["x", "<i4", [10**6], right]], [["x", "|O", [8], right]], [["x"]], [["x", "<i4", [-16], right]],
        [["x", "<i4", [16], right], ["y", "<i4", [16], right]], [["x", "<i4", [16], "0"]], [], None,
    ):  # fmt: skip
        header = json.dumps({"meta": {}, "arrays": arrays}).encode()
        header += b" " * (-len(header) % 64)
        front = MAGIC.ljust(48, b"\0") + checksum(header) + len(header).to_bytes(8, "little")
        path.write_bytes(front + header + b"\0" * 64)
        assert read_arrays(path) is None
        assert unpacked(path.read_bytes()) is None


def test_any_changed_bit_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"a": rng.integers(0, 99, 3000, dtype=np.int32), "b": np.ones(5, bool)}
    assert write_arrays(tmp_path / "x", arrays, {"n": 1})
    whole = (tmp_path / "x").read_bytes()
    for at in {*range(0, 400), *range(len(whole) - 130, len(whole)), *rng.integers(0, len(whole), 200).tolist()}:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        assert unpacked(damaged) is None, at
        (tmp_path / "y").write_bytes(damaged)
        assert read_arrays(tmp_path / "y") is None, at
    assert unpacked(whole[:-64]) is None and unpacked(whole + bytes(64)) is None
    swapped = whole[:-5000] + whole[-904:] + whole[-5000:-904]
    assert len(swapped) == len(whole) and unpacked(swapped) is None


def test_arrays_are_read_to_where_they_are_wanted(tmp_path: Path) -> None:
    assert write_arrays(tmp_path / "x", {"a": np.arange(5, dtype=np.int32)}, {"n": 1})
    memory = np.zeros(9, np.int32)
    read = read_arrays(tmp_path / "x", lambda name, size, meta: memory[2 : 2 + size] if meta["n"] == 1 else None)
    assert read is not None and memory.tolist() == [0, 0, 0, 1, 2, 3, 4, 0, 0]
    assert read_arrays(tmp_path / "x", lambda *_: None) is None


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6, dtype=np.int32).reshape(2, 3),
        "none": np.zeros((0, 4), np.uint32),
        "b": np.array([1.5, -2.0]),
        "c": np.array([True]),
        "last": np.zeros(0, np.uint8),
    }
    assert write_arrays(tmp_path / "x", arrays, {"n": [1, "é"]})
    read = read_arrays(tmp_path / "x")
    assert read is not None and read[1] == {"n": [1, "é"]}
    for name, array in arrays.items():
        assert read[0][name].dtype == array.dtype and read[0][name].shape == array.shape
        assert (read[0][name] == array).all() and read[0][name].flags.aligned
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["x"], "no temporary file is left"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_can_not_be_written_costs_the_cache_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: list[int]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")  # holds for root too, unlike permissions
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(blocked))
    v = fresh()
    assert v.cache_path("x") is None
    nodes = v.trie.nodes
    del v
    assert fresh().trie.nodes == nodes and len(builds) == 2
    assert not write_arrays(blocked / "x", {"a": np.zeros(1)}, {})


def test_a_cache_that_others_wrote_is_read_though_it_can_not_be_written(
    monkeypatch: pytest.MonkeyPatch, builds: list[int]
) -> None:
    fresh()
    monkeypatch.setattr(array_files, "writable", lambda folder: False)
    array_files._usable.clear()
    again = fresh()
    assert len(builds) == 1
    assert again.cache_path("vocabulary.bin") is not None and again.cache_path("missing") is None


def test_a_file_of_something_else_is_no_vocabulary(tmp_path: Path, builds: list[int]) -> None:
    first = fresh()
    path = own_file(first)
    assert write_arrays(path, {"a": np.zeros(1)}, {"fingerprint": first.fingerprint})
    with pytest.raises(InvalidVocabulary):
        Vocabulary.load(path)
    del first
    fresh()
    assert len(builds) == 2


def test_files_have_ordinary_permissions() -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert own_file(fresh()).stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_cache_folder_deleted_meanwhile_is_made_again(cache_folder: Path) -> None:
    v = fresh()
    shutil.rmtree(cache_folder)
    path = v.cache_path("derived.bin")
    assert path is not None and write_arrays(path, {"a": np.zeros(3)}, {})


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "/x"])
def test_derived_files_have_plain_names(name: str) -> None:
    with pytest.raises(ValueError):
        fresh().cache_path(name)


def test_save_and_load(tmp_path: Path) -> None:
    first = fresh()
    expected = arrays_of(first)
    first.save(tmp_path / "v.bin")
    del first
    gc.collect()
    again = Vocabulary.load(tmp_path / "v.bin")
    assert arrays_of(again) == expected and again == fresh()
    assert Vocabulary.from_file(tmp_path / "v.bin") == again
    (tmp_path / "v.bin").write_bytes((tmp_path / "v.bin").read_bytes()[:-1])
    with pytest.raises(InvalidVocabulary):
        Vocabulary.load(tmp_path / "v.bin")
    with pytest.raises(InvalidVocabulary):
        Vocabulary.load(tmp_path / "missing")
    with pytest.raises(OSError):
        again.save(tmp_path / "no folder" / "v.bin")


WRITER = """
import gc, sys
from constrain.vocabulary import Vocabulary
for turn in range(15):
    v = Vocabulary.from_tokens([b"</s>", *(b"t%d" % i for i in range(3000))], eos=[0])
    path = v.cache_path("vocabulary.bin")
    assert v.trie.nodes == 3002, v.trie.nodes
    if turn % 3 == int(sys.argv[1]):
        path.write_bytes(path.read_bytes()[:1000])  # damage it under the other's hands
    del v
    gc.collect()
"""


def test_two_processes_write_and_damage_the_same_file_at_once(cache_folder: Path) -> None:
    environment = {**os.environ, "CONSTRAIN_CACHE_DIR": str(cache_folder)}
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(k)], env=environment, stderr=subprocess.PIPE)
        for k in range(2)
    ]
    assert [process.communicate()[1] for process in running] == [b"", b""]
    left = sorted(path.name for path in cache_folder.rglob("*") if path.is_file())
    assert left == ["vocabulary.bin"]
