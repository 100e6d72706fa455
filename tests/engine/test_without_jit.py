"""The kernels as plain Python: NUMBA_DISABLE_JIT=1 gives the same masks."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

import constrain

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 5}, "ab": {"type": "integer"}, "é": {"enum": ["x", "yz"]}},
    "patternProperties": {"^z": {"type": "boolean"}},
    "required": ["a"],
}
PIECES = ['{"', '":', "ab", '"a"', '": "', '", "', '"}', "true", "12", "a1", '",\n']
TEXTS = ["", "{", '{"', '{"a', '{"a": "x', '{"a": "xyz12', '{"a": "x", ', '{"a": "x", "z9": ', '{"a": "x", "ab": 1']


def masks() -> list[list[int]]:
    """The allowed ids after each of the texts, and after the first of them in a batch."""
    tokens = [bytes([b]) for b in range(256)] + [piece.encode() for piece in PIECES]
    vocabulary = constrain.Vocabulary.from_tokens([*tokens, b""], eos=[len(tokens)])
    compiled = constrain.json(SCHEMA, property_order="any").compile(vocabulary)
    found, mask = [], np.zeros((2, vocabulary.words), np.uint32)
    for text in TEXTS:
        matcher = compiled.matcher()
        assert matcher.accept_bytes(text.encode()) == len(text.encode())
        matcher.fill_mask(mask[0])
        found.append(np.flatnonzero(np.unpackbits(mask[0].view(np.uint8), bitorder="little")).tolist())
    constrain.fill_masks([compiled.matcher(), compiled.matcher()], mask)
    assert np.array_equal(mask[0], mask[1])
    return [*found, np.flatnonzero(np.unpackbits(mask[0].view(np.uint8), bitorder="little")).tolist()]


def test_same_masks() -> None:
    code = "import json; from tests.engine.test_without_jit import masks; print(json.dumps(masks()))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = masks()
    assert json.loads(done.stdout) == expected and all(expected)
