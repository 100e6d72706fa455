"""`fill_mask` is exact: compared with brute force over the whole vocabulary along random walks."""

from __future__ import annotations

import itertools
import random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.constraint import Constraint
from tests.engine.strategies import FRAGMENTS, Recipe, Tokens, recipes, vocabularies
from tests.engine.twin import Twin, ids_of, pick, vocabulary_of

RANDOM = st.integers(0, 1 << 32).map(random.Random)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipes(), vocabularies(), RANDOM)
def test_random_grammars_and_vocabularies(recipe: Recipe, tokens: Tokens, rng: random.Random) -> None:
    twin = Twin(recipe, tokens)
    for _ in range(2):
        twin.walk(rng, 12)


def wide_vocabulary() -> Tokens:
    """Thousands of tokens, so that entries stand in below many nodes of the trie, and rows of bits for lists of ids."""
    letters = [bytes([b]) for b in b'ab1"\\ :,{}'] + ["é".encode(), b"\xc3"]
    tokens = [b"".join(p) for n in range(1, 4) for p in itertools.product(letters, repeat=n)]
    tokens += [b"".join(p) for p in itertools.product(FRAGMENTS, repeat=2)]
    tokens += [bytes(p) for p in itertools.product(b"ab1", repeat=6)]
    tokens += [head + bytes(p) for head in (b'"', b'":"', b'{"', b',"') for p in itertools.product(b'ab1"', repeat=3)]
    tokens += [bytes([b]) for b in sorted(set(b"".join(FRAGMENTS)))]
    return Tokens((*tokens, b"<eos>"), (len(tokens),), ())


WIDE = wide_vocabulary()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipes(), RANDOM)
def test_many_tokens(recipe: Recipe, rng: random.Random) -> None:
    """Entries and what is built on them, against `accept`, which knows nothing of them."""
    compiled = Constraint(recipe.build()).compile(vocabulary_of(WIDE))
    mask = np.zeros(compiled.vocabulary.words, np.uint32)
    for _ in range(2):
        matcher = compiled.matcher()
        text = b""
        for _ in range(8):
            matcher.fill_mask(mask)
            found, expected = ids_of(mask), set()
            for token in range(len(WIDE.tokens)):
                if matcher.accept(token):
                    matcher.rollback(1)
                    expected.add(token)
            wrong = sorted(found ^ expected)
            assert not wrong, (text, [(WIDE.tokens[t], t in found) for t in wrong], recipe)
            ways = sorted(found - set(WIDE.eos))
            if not ways:
                break
            chosen = pick(rng, ways, WIDE.tokens)
            assert matcher.accept(chosen)
            text += WIDE.tokens[chosen]
