"""The comparison of masks with brute force: an engine with known mistakes, and pages that are made from their JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jsonschemabench.cfg import __main__ as command
from jsonschemabench.cfg import oracle, pages, small, toy

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
FAULTY = "tests.bench.cfg_engines:Faulty"


def ids(*tokens: bytes) -> list[int]:
    tokenizer = small.vocabulary()
    return [tokenizer.tokens.index(token) for token in tokens]


def test_mistakes_are_counted() -> None:
    tokenizer = small.vocabulary()
    walks = [ids(b"[", b"[", b"]", b"]"), ids(b"[", b'{"', b"a"), ids(b"{", b'""', b":")]
    tally = toy.measure(FAULTY, oracle.RFC, (("lark", "start: x"),), walks, tokenizer)
    # "", "[", "[[", "[[]", "[[]]", "{"; behind `{""` the mask fails, twice (before and after the colon it is a colon)
    assert tally.note == "RuntimeError: lost"
    assert tally.states == 7
    assert (tally.admitted, tally.admitted_tokens, tally.beyond_utf8) == (2, 2, 2)
    assert (tally.refused, tally.refused_tokens, tally.wrong) == (2, 2, 2)
    assert tally.unreached == 2
    assert tally.no_mask == 1
    assert tally.examples["admitted"][0] == "[ then }"


def test_refusals_are_named() -> None:
    tally = toy.measure(FAULTY, oracle.RFC, (("lark", " "),), [ids(b"[")], small.vocabulary())
    assert "an empty grammar" in tally.note
    tally = toy.measure(FAULTY, oracle.RFC, (("gbnf", "x"),), [ids(b"[")], small.vocabulary())
    assert "takes no grammars in gbnf" in tally.note
    assert tally.states == 0


def test_an_invalid_byte_is_no_other_mistake() -> None:
    tokenizer, tally = small.vocabulary(), toy.Tally()
    right = toy.valid_tokens(oracle.RFC, tokenizer, b'"')
    tally.add(oracle.RFC, tokenizer, b'"', right | {0xFF})
    assert (tally.admitted, tally.beyond_utf8, tally.refused) == (1, 0, 0)
    tally.add(oracle.RFC, tokenizer, b'"', right | {0x0A})
    assert (tally.admitted, tally.beyond_utf8) == (2, 1)
    tally.add(oracle.RFC, tokenizer, b'""', {i for i in toy.valid_tokens(oracle.RFC, tokenizer, b'""') if i != 401})
    assert tally.refused == 1
    assert tally.examples["refused"] == ['"" then <end>']


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "installed", lambda name: True)
    monkeypatch.setattr(command.machine, "installed", lambda name: False)
    out = tmp_path / "toy.md"
    assert command.main(["toy", "--engines", FAULTY, "--texts", "1", "--out", str(out)]) == 0
    result = json.loads(out.with_suffix(".json").read_text())
    assert out.read_text() == pages.toy(result)
    assert result["machine"]["command"].startswith("python -m jsonschemabench.cfg toy")


@pytest.mark.parametrize("name", ["toy", "speed", "generate"])
def test_committed_pages_are_made_from_their_results(name: str) -> None:
    page = DOCS / f"cfg-{name}.md"
    result = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert page.read_text(encoding="utf-8") == getattr(pages, name)(result)
