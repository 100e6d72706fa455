"""What is kept of grammars between processes: the same as was made, and never more than there is room for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
import constrain.regular.kernels
from constrain.engine import ready, rules_record
from constrain.engine.rules_record import prepared
from constrain.errors import GrammarError, Unsatisfiable
from constrain.grammar import kept
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.cfg_arrays import cfg_arrays, cfg_from
from constrain.grammar.ir import Grammar, Rules
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast, compile
from tests.grammar import random_cfg
from tests.grammar.test_lexing import lexers

SETTINGS = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
WORD = ast.repeat(ast.char_set("ab"), 1)
CFG = Cfg(
    (
        Terminal("A", WORD, unless=(1,)), Terminal("B", ast.literal("ab"), rank=1, not_before=ast.char_set("ab")),
        Terminal("N", ast.literal("\n")), Terminal("I"), Terminal("D"), Terminal("E", ast.EMPTY),
    ),
    ("s", "t"), (Rule(6, (0, 7)), Rule(7, ()), Rule(7, (1, 6)), Rule(6, (5,))), 6, lexing=True, ignore=frozenset({2}),
    indentation=Indentation(2, 3, 4, (0,), (1,)),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))


def same(a: Any, b: Any) -> None:
    """Equal values, arrays by content and type."""
    assert type(a) is type(b)
    for x, y in zip(a, b, strict=True):
        if isinstance(x, np.ndarray):
            assert x.dtype == y.dtype and np.array_equal(x, y)
        else:
            assert x == y


def files(folder: Path) -> list[Path]:
    return sorted((folder / "grammars").glob("*.bin"))


def rules_of(cfg: Cfg, *text: str) -> Rules:
    """Rules that count as read from a text."""
    return Rules(cfg, ready.Source("test", text))


@SETTINGS
@given(st.one_of(lexers(), random_cfg.of_letters()))
def test_records_are_what_was_made(cfg: Cfg) -> None:
    """By content, and by the text that the rules were read from; both again from the file."""
    try:
        made = prepared(Rules(cfg), Grammar())
    except (Unsatisfiable, GrammarError) as error:
        with pytest.raises(type(error)):
            prepared(rules_of(cfg, repr(cfg)), Grammar())
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules_record, "KEPT_FROM", 0)
        for _ in range(2):
            same(prepared(Rules(cfg), Grammar()), made)
    for _ in range(2):
        same(prepared(rules_of(cfg, repr(cfg)), Grammar()), made)


def test_rules_from_the_disk_are_read_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'start: "a" start? | B\nB: /b+/\n%ignore " "\n'
    first = constrain.lark(text)
    assert first.matches("a a bb") and not first.matches("a b a")
    import constrain.grammar.lark_frontend as frontend

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("read again")

    monkeypatch.setattr(frontend, "lark_rules", refuse)
    again = constrain.lark(text)
    assert again.matches("a a bb") and not again.matches("a b a")
    (node,) = again.grammar.nodes
    assert isinstance(node, Rules) and node._cfg is None
    assert (again + "!").matches("a a bb!")
    assert node._cfg is not None
    with pytest.raises(AssertionError, match="read again"):
        constrain.lark(text, limits=Limits(lr_states=50))


def test_a_file_is_read_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> kept.Made:
        made.append(1)
        return {"x": np.arange(3, dtype=np.int32)}, {"y": [1, "2"]}

    for times in (1, 1):
        arrays, meta = kept.kept(b"k" * 20, make)
        assert arrays["x"].tolist() == [0, 1, 2] and meta == {"y": [1, "2"]} and len(made) == times
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert kept.kept(b"k" * 20, make)[0]["x"].tolist() == [0, 1, 2] and len(made) == 2
    assert kept.kept(b"k" * 20, make) and len(made) == 2
    assert kept.kept(b"l" * 20, make) and len(made) == 3


def test_the_folder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", 20_000)
    for i in range(20):
        kept.kept(bytes([i]) * 20, lambda: ({"x": np.zeros(1000, np.int32)}, {}))
        kept.kept(bytes([0]) * 20, lambda: ({"x": np.ones(1000, np.int32)}, {}))  # always in use
    left = files(tmp_path)
    assert 2 < len(left) <= 4 and sum(f.stat().st_size for f in left) < 22_000
    assert {f.name[:2] for f in left} >= {"00", "13"}
    kept.kept(b"z" * 20, lambda: ({"x": np.zeros(2000, np.int32)}, {}))  # too large for such a folder
    assert files(tmp_path) == left


def test_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path / "file"))
    for _ in range(2):
        same(prepared(rules_of(CFG, "x"), Grammar()), prepared(Rules(CFG), Grammar()))


def test_keys_tell_contents_apart() -> None:
    def key(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> bytes:
        return kept.key_of("x", kept.content_of(cfg), limits)

    a, b = CFG.terminals[:2]
    others = [
        *(a._replace(**change) for change in (
            {"name": "Z"}, {"rank": 1}, {"unless": ()}, {"node": 3}, {"not_before": WORD}, {"language": None},
            {"language": ast.literal("ab")}, {"language": ast.repeat(ast.char_set("ab"), 1, 2)},
            {"language": ast.repeat(ast.char_set("abc"), 1)}, {"language": ast.automaton(compile(ast.literal("ab")))},
            {"language": ast.automaton(compile(ast.literal("abc")))}, {"language": ast.choice(["ab", "c"])},
            {"language": ast.complement(WORD)}, {"language": ast.concat(WORD, ast.literal("c"))},
            {"language": ast.concat(ast.literal("c"), WORD)},
        )),
    ]  # fmt: skip
    variants = [CFG._replace(terminals=(t, *CFG.terminals[1:])) for t in (a, *others)]
    variants += [CFG._replace(rules=CFG.rules[:3]), CFG._replace(start=7), CFG._replace(lexing=False)]
    variants += [CFG._replace(ignore=frozenset()), CFG._replace(indentation=None)]
    variants += [CFG._replace(nonterminals=("s", "u"))]
    assert len({key(v) for v in variants}) == len(variants)
    again = CFG._replace(terminals=(a._replace(language=ast.repeat(ast.char_set("ba"), 1)), b, *CFG.terminals[2:]))
    assert key(again) == key(CFG) != key(CFG, Limits(lr_states=5))
    assert kept.key_of("y", kept.content_of(CFG), DEFAULT_LIMITS) != key(CFG)


def test_digests_of_shared_parts_take_no_time() -> None:
    regex = ast.char_set("ab")
    for _ in range(60):
        regex = ast.repeat(ast.concat(regex, regex), 2, 3)
    assert len(kept.digest_of(regex, {})) == 32


def test_grammars_as_arrays() -> None:
    made = cfg_arrays(CFG)
    assert made is not None
    read = cfg_from(*kept.kept(b"g" * 20, lambda: made))
    again = cfg_from(*kept.kept(b"g" * 20, lambda: made))  # from the file
    for found in (read, again):
        assert found._replace(terminals=()) == CFG._replace(terminals=())
        for x, y in zip(found.terminals, CFG.terminals, strict=True):
            assert x._replace(language=None, not_before=None) == y._replace(language=None, not_before=None)
            for p, q in ((x.language, y.language), (x.not_before, y.not_before)):
                assert (p is None) == (q is None)
                assert p is None or q is None or compile(p) == compile(q)
    assert cfg_arrays(CFG._replace(terminals=(Terminal("A", node=1),))) is None


@pytest.mark.parametrize("name", ["csv", "sql"])
def test_what_is_read_again_has_the_same_content(name: str) -> None:
    """Else tables of the grammar would be made twice: for what was just read, and for what the disk gives back."""
    from constrain.grammar.lark_frontend import lark_rules
    from constrain.grammar.regular_parts import finished
    from constrain.grammar.shipped import shipped_text

    text = shipped_text(name)
    assert text is not None
    made = cfg_arrays(finished(lark_rules(text, "start", Grammar()), DEFAULT_LIMITS))
    assert made is not None
    first = cfg_from(*kept.kept(name.encode() * 20, lambda: made))
    again = cfg_from(*kept.kept(name.encode() * 20, lambda: made))
    assert kept.content_of(first) == kept.content_of(again)
