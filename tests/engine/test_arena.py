"""The arena's memory: what kernels have left behind its end is not taken for records."""

from __future__ import annotations

import numpy as np
import pytest

import constrain
from constrain import Vocabulary
from constrain.engine import layout as L

SCHEMA = {
    "$defs": {"deep": {"type": "object", "properties": {"deep": {"$ref": "#/$defs/deep"}}, "required": ["x"]}},
    "type": "array",
    "items": {
        "anyOf": [
            {
                "type": "object",
                "properties": {f"k{i}": {"type": "string", "pattern": f"^x{{{i}}}"}, "deep": {"$ref": "#/$defs/deep"}},
                "patternProperties": {f"^p{i}": {"enum": [f"e{i}", i]}},
                "required": [f"k{i}"],
                "additionalProperties": False,
            }
            for i in range(1, 30)
        ]
    },
}
TEXT = '[{"k1": "x", "p1": 1}, ' + ", ".join(f'{{"k{i}": "{"x" * i}", "p{i}z": "e{i}"}}' for i in range(2, 30)) + "]"


@pytest.mark.parametrize("junk", [1, 20, 131296, -1])
def test_what_lies_behind_its_end_does_not_matter(junk: int) -> None:
    tokens = [bytes([b]) for b in range(128)] + [b'{"', b'": "', b'"k', b'"p1', b"xx", b"xxxx", b""]
    vocabulary = Vocabulary.from_tokens(tokens, eos=[len(tokens) - 1])
    clean, soiled = (constrain.json(SCHEMA).compile(vocabulary) for _ in range(2))
    one, other = clean.matcher(), soiled.matcher()
    mask, same = np.zeros((2, vocabulary.words), np.uint32)
    for byte in TEXT.encode():
        soiled.H[soiled.H[L.BUMP] :] = junk
        one.fill_mask(mask)
        other.fill_mask(same)
        assert (mask == same).all()
        assert one.accept(byte) and other.accept(byte)
    assert other.is_accepting


def test_a_large_one_grows_where_it_lies() -> None:
    vocabulary = Vocabulary.from_tokens([b"a", b""], eos=[1])
    arena = constrain.json(SCHEMA).compile(vocabulary)._arena
    before = arena.H[: int(arena.H[L.BUMP])].copy()
    places = set()
    for bits in range(17, 25):
        arena.ensure(1 << bits)
        assert len(arena.H) >= (1 << bits) + L.RESERVE and int(arena.H[L.CAP]) == len(arena.H) - L.RESERVE
        places.add(arena.H.ctypes.data)
        changed = np.flatnonzero(arena.H[: len(before)] != before)
        assert set(changed.tolist()) <= {L.CAP} and not arena.H[len(before) :].any()
    assert len(places) <= 5
