"""The JSON grammar against the standard library's reader."""

from __future__ import annotations

import json
import random

import pytest

from tests.grammars.reading import SHARED, mistakes, reads

PIECES = '{ } [ ] , : " \\ 0 1 - + . e E true false null \\u00e9 \\u12 \\n \t \x0b é NaN -0 01 1.5e-3 {} [] "" "a"'
SEEDS = ['{"a": [1, 2.5e3, -0, {"b": null}], "\\u00e9\\n": "x y"}', "[]", "  true ", '["a", {"": {}}, [[false]]]']


def valid(text: str) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)  # NaN and Infinity are the library's own
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("count", [1500, pytest.param(60_000, marks=pytest.mark.slow)])
def test_mistakes(count: int) -> None:
    rng = random.Random(5)
    read = reads("json")
    told = [0, 0]
    for _ in range(count):
        text = mistakes(rng.choice(SEEDS), PIECES, rng)
        told[valid(text)] += 1
        assert read(text) == valid(text), text
    assert min(told) > count // 20


@pytest.mark.skipif(not (SHARED / "data/maskbench.jsonl.xz").exists(), reason="shared/data/maskbench.jsonl.xz")
def test_instances() -> None:
    import lzma
    from itertools import islice

    read = reads("json")
    with lzma.open(SHARED / "data/maskbench.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in islice(lines, 0, 300, 5):
            assert read(line)
            for test in json.loads(line)["tests"]:
                assert read(json.dumps(test["data"], ensure_ascii=False))
