"""Masks of the shipped grammars along texts of their languages: a token is allowed just when its bytes are, one by one.

That single bytes are right is for other tests to show: `test_engine.py` compares whole texts with lark's parser.
"""

from __future__ import annotations

import json
import lzma
import random
import tokenize
from collections.abc import Iterable

import numpy as np
import pytest

from constrain.engine.matcher import Matcher
from constrain.vocabulary import Vocabulary
from tests.grammars import test_python
from tests.grammars.reading import SHARED, names
from tests.grammars.test_engine import TEXTS, constraint, example

EXTRA = ["  ", "    ", "\n", "\n  ", "\n    ", "\n\n", " (", ")\n", "):", " =", " == ", "};", "\"'", "//", " #", ", "]


def vocabulary(texts: Iterable[str], rng: random.Random, size: int) -> Vocabulary:
    """All bytes, and pieces of the texts of two to nine characters; the last token ends a text."""
    pieces = set(EXTRA)
    for text in texts:
        for _ in range(size):
            at = rng.randrange(max(1, len(text)))
            pieces.add(text[at : at + rng.randrange(2, 10)])
    some = sorted(pieces - {""})
    rng.shuffle(some)
    return Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), *(p.encode() for p in some[:size]), b""],
                                  eos=[256 + min(size, len(some))])  # fmt: skip


def allowed(matcher: Matcher, tokens: list[bytes]) -> set[int]:
    """The tokens whose bytes a matcher over single bytes takes, one after the other."""
    found = set()
    for i, token in enumerate(tokens):
        if token:
            after = matcher.copy()
            if all(after.accept(byte) for byte in token):
                found.add(i)
    return found


def compare(name: str, text: str, v: Vocabulary, rng: random.Random, steps: int) -> None:
    """Masks along the text, cut into tokens at random; all of them at `steps` places, drawn by chance."""
    matcher, bytewise = constraint(name).compile(v).matcher(), constraint(name).byte_matcher()
    tokens, data = v.tokens, text.encode()
    ids = {token: i for i, token in enumerate(tokens) if token}
    mask = np.zeros(v.words, np.uint32)
    at, share = 0, steps / max(1, len(data) / 3)
    while True:
        if rng.random() < share or at == len(data):
            matcher.fill_mask(mask)
            bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: v.size]
            assert bytewise.is_accepting == bool(bits[v.eos_ids[0]]) == matcher.is_accepting, text[:at]
            assert set(np.flatnonzero(bits).tolist()) - set(v.eos_ids) == allowed(bytewise, tokens), data[:at]
        if at == len(data):
            assert matcher.is_accepting
            return
        sizes = [n for n in range(1, 12) if data[at : at + n] in ids and at + n <= len(data)]
        token = data[at : at + rng.choice(sizes)]
        assert matcher.accept(ids[token]), data[:at]
        assert all(bytewise.accept(byte) for byte in token)
        at += len(token)


@pytest.mark.parametrize("name", names())
def test_texts(name: str) -> None:
    rng = random.Random(12)
    texts = [example(name), *rng.sample(TEXTS.get(name, []), min(3, len(TEXTS.get(name, []))))]
    v = vocabulary(texts, rng, 300)
    for text in texts:
        compare(name, text, v, rng, 12)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["bisect", "keyword", "queue", "shlex"])
def test_modules(module: str) -> None:
    rng = random.Random(13)
    with tokenize.open(test_python.LIBRARY / f"{module}.py") as file:
        text = file.read()
    compare("python", text, vocabulary([text], rng, 1500), rng, 150)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data/aligned").exists(), reason="shared/data/aligned")
@pytest.mark.parametrize(("name", "file"), [("go", "humaneval_go"), ("go", "mbxp_go"), ("sql", "spider_dev")])
def test_data(name: str, file: str) -> None:
    rng = random.Random(14)
    with lzma.open(SHARED / f"data/aligned/{file}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = rng.sample([json.loads(line) for line in lines], 12)
    texts = [row["query"] if name == "sql" else row["prompt"] + "\treturn nil\n}\n" + row["test"] for row in rows]
    v = vocabulary(texts, rng, 1500)
    for text in texts:
        compare(name, text, v, rng, 30)
