"""`fill_mask` is exact: compared with brute force over the whole vocabulary along random walks."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.strategies import Recipe, Tokens, recipes, vocabularies
from tests.engine.twin import Twin

RANDOM = st.integers(0, 1 << 32).map(random.Random)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipes(), vocabularies(), RANDOM)
def test_random_grammars_and_vocabularies(recipe: Recipe, tokens: Tokens, rng: random.Random) -> None:
    twin = Twin(recipe, tokens)
    for _ in range(2):
        twin.walk(rng, 12)
