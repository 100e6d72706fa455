"""Every grammar says what it covers, is read by lark with no conflicts but known ones, and reads its example."""

from __future__ import annotations

import re

import pytest

from tests.grammars.reading import GRAMMARS, conflicts, names, reads

# Left to an engine that follows both ways
KNOWN = {"python": {f"{t} after place : MATCH" for t in ("LPAR", "LSQB", "PLUS", "MINUS", "STAR", "NOT")}}


@pytest.mark.parametrize("name", names())
def test_no_conflicts(name: str) -> None:
    assert set(conflicts(name)) == KNOWN.get(name, set())


@pytest.mark.parametrize("name", names())
def test_opening_comment(name: str) -> None:
    text = (GRAMMARS / f"{name}.lark").read_text("utf-8")
    comment = re.match(r"(?://.*\n)+", text)
    assert comment is not None
    said = comment.group()
    assert "// Covers: " in said
    assert "// Does not cover" in said
    assert max(map(len, said.splitlines())) <= 120
    example = re.search(r"// Example: (.*(?:\n//   .*)*)", said)
    assert example is not None
    assert reads(name)(example.group(1).replace("\n//   ", "\n")), example.group(1)
