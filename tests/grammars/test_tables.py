"""The tables that ship with the grammars are what is made of them now, and they are used where they may be."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import constrain
from constrain.array_files import unpacked
from constrain.engine import ready, shipped_tables, warmup
from constrain.grammar.ir import Rules
from constrain.grammar.kept import Made
from constrain.grammar.shipped import shipped_file, shipped_names, shipped_text
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.properties import python_classes

AGAIN = "Run `python scripts/make_shipped_tables.py`"
ROOT = Path(__file__).parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "scripts" / "make_shipped_tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warmup()  # kernels are loaded before the folder is another one
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No Lark grammar can be read."""
    import constrain.grammar.lark_frontend as frontend

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("read")

    monkeypatch.setattr(frontend, "lark_rules", refuse)
    yield


def text_of(name: str) -> str:
    text = shipped_text(name)
    assert text is not None
    return text


def content(name: str) -> Made:
    """What the file of a grammar holds."""
    made = unpacked(zlib.decompress((ROOT / "grammars" / "tables" / f"{name}.bin").read_bytes()))
    assert made is not None
    return made


def same(a: Made, b: Made) -> bool:
    if a[1] != b[1] or a[0].keys() != b[0].keys():
        return False
    return all(x.dtype == b[0][name].dtype and np.array_equal(x, b[0][name]) for name, x in a[0].items())


def test_the_index_names_all_texts() -> None:
    index = json.loads((ROOT / "grammars" / "tables" / "index.json").read_text())
    assert index == {hashlib.sha256(text_of(name).encode()).hexdigest(): name for name in shipped_names()}, AGAIN
    files = {file.stem for file in (ROOT / "grammars" / "tables").glob("*.bin")}
    assert files == set(shipped_names()), AGAIN


@pytest.mark.parametrize("name", shipped_names())
def test_tables_are_what_is_made_now(name: str) -> None:
    """By the classes of this Python, whatever the list of versions says of it."""
    assert content(name)[1]["layout"] == shipped_tables.layout_digest(), AGAIN
    made, _ = script().made_under(text_of(name), None)
    shipped = shipped_tables.of_version(content(name), unicodedata.unidata_version)
    if shipped is None:
        pytest.skip(f"no tables for Unicode {unicodedata.unidata_version}")
    assert same(shipped, made), AGAIN


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_names())
def test_tables_of_all_versions(name: str) -> None:
    assert same(content(name), script().tables(text_of(name), list(python_classes()))), AGAIN


@pytest.mark.parametrize("name", ["c", "go", "python"])
def test_columns_follow_the_version(name: str) -> None:
    """Beyond ASCII these grammars ask nothing but what `\\w`, `\\d` and `\\s` match, so that decides on the column,
    under each version of Unicode in the same way."""
    found: dict[int, set[int]] = {}
    points = np.r_[128:0xD800, 0xE000:0x110000]
    for version, own in python_classes().items():
        made = shipped_tables.of_version(content(name), version)
        assert made is not None
        table = shipped_tables.table_of(made[0]["lexer"])
        column = table.classes[np.searchsorted(table.bounds, points, side="right") - 1]
        bits = np.zeros(0x110000, np.int64)
        for place, letter in enumerate("wds"):
            for lo, hi in own[letter].ranges:
                bits[lo : hi + 1] |= 1 << place
        for kind in set(bits[points].tolist()):
            found.setdefault(kind, set()).update(column[bits[points] == kind].tolist())
    assert all(len(columns) == 1 for columns in found.values())
    assert found[1] != found[0]


@pytest.mark.usefixtures("unread")
def test_by_name_and_by_text() -> None:
    """Neither is read, and nothing is written; but what asks for the rules reads them."""
    for c in (constrain.grammar("json"), constrain.lark(text_of("json"))):
        assert c.matches('{"a": [1, null]}') and not c.matches('{"a": [1, nul]}')
        (node,) = c.grammar.nodes
        with pytest.raises(AssertionError, match="read"):
            assert isinstance(node, Rules) and node.cfg


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("options", [{"start": "value"}, {"flags": 2}, {"limits": Limits(lr_states=30_000)}])
def test_other_options_have_none(options: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="read"):
        constrain.lark(text_of("json"), **options)


@pytest.mark.usefixtures("unread")
def test_limits_of_what_follows_later_do_not_matter() -> None:
    assert constrain.lark(text_of("json"), limits=Limits(live_stacks=50)).matches("[1]")


def test_a_changed_text_has_none() -> None:
    assert shipped_tables.found(text_of("json") + "\n", DEFAULT_LIMITS) is None
    assert shipped_tables.found(text_of("json"), DEFAULT_LIMITS) is not None


def test_another_python_reads_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    assert shipped_tables.found(text_of("c"), DEFAULT_LIMITS) is None
    assert shipped_tables.found(text_of("json"), DEFAULT_LIMITS) is not None  # no pattern of it asks
    c = constrain.grammar("c")
    assert c.matches("int x;\n") and not c.matches("int x\n")
    assert ready.found(ready.Source("lark", ("other",)), DEFAULT_LIMITS) is None


def test_another_layout_and_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = shipped_file("json")
    assert file is not None
    monkeypatch.setattr(shipped_tables, "layout_digest", lambda: "another")
    assert shipped_tables.found(text_of("json"), DEFAULT_LIMITS) is None
    monkeypatch.undo()
    folder = tmp_path / "tables"
    folder.mkdir()
    monkeypatch.setattr(shipped_tables, "shipped_folders", lambda: (tmp_path,))
    data = (file.parent / "tables" / "json.bin").read_bytes()
    for content, there in ((data, True), (data[:-9], False), (b"", False), (zlib.compress(b"?" * 200), False)):
        (folder / "json.bin").write_bytes(content)
        assert (shipped_tables.found(text_of("json"), DEFAULT_LIMITS) is not None) == there


def test_versions_that_differ_by_more_than_columns() -> None:
    made, _ = script().made_under(text_of("csv"), None)
    other = ({**made[0], "record": made[0]["record"][:-1]}, made[1])
    with pytest.raises(ValueError, match="record"):
        shipped_tables.joined({"1": made, "2": other})
