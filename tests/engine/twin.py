"""A compiled constraint and its naive twin, side by side."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from constrain.constraint import Constraint
from constrain.engine.matcher import Matcher
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.vocabulary.vocabulary import Vocabulary
from tests.engine.strategies import Recipe, Tokens
from tests.naive import NaiveMachine, State, brute_force_mask


class Twin:
    """Both machines for one grammar (two copies of it) and one vocabulary."""

    def __init__(self, recipe: Recipe, tokens: Tokens, limits: Limits = DEFAULT_LIMITS) -> None:
        self.recipe, self.tokens = recipe, tokens
        self.machine = NaiveMachine(recipe.build())
        self.compiled = Constraint(recipe.build(), limits=limits).compile(vocabulary_of(tokens))
        self.words = (len(tokens.tokens) + 31) // 32
        self.known: dict[State, frozenset[int]] = {}

    def expected(self, state: State) -> frozenset[int]:
        """The allowed ids by brute force."""
        if state not in self.known:
            found = brute_force_mask(self.machine, state, self.tokens.tokens, self.tokens.eos, self.tokens.special)
            self.known[state] = frozenset(found)
        return self.known[state]

    def mask(self) -> npt.NDArray[np.uint32]:
        """A mask with every bit set, so that words that are not written show."""
        return np.full(self.words, 0xFFFFFFFF, np.uint32)

    def allowed(self, matcher: Matcher) -> set[int]:
        mask = self.mask()
        matcher.fill_mask(mask)
        return ids_of(mask)

    def check(self, matcher: Matcher, state: State, text: bytes) -> frozenset[int]:
        """Compare the two at one place, return the allowed ids."""
        expected, found = self.expected(state), self.allowed(matcher)
        named = [self.tokens.tokens[i] for i in sorted(expected ^ found) if i < len(self.tokens.tokens)]
        kind = "missing" if expected - found else "too many"
        assert expected == found, f"{kind} after {text!r}: {named} {sorted(expected ^ found)}\n{self.recipe}"
        assert matcher.is_accepting == self.machine.accepting(state)
        assert not matcher.is_finished
        return expected

    def texts(self, ids: frozenset[int]) -> list[int]:
        """The ids that are text (not the end), in order."""
        return sorted(ids - set(self.tokens.eos))

    def walk(self, rng: random.Random, steps: int) -> tuple[Matcher, State, bytes]:
        """Accept random tokens and compare at every step."""
        matcher, state, text = self.compiled.matcher(), self.machine.start(), b""
        for _ in range(steps):
            allowed = self.check(matcher, state, text)
            self.refuses_others(matcher, allowed, rng)
            ways = self.texts(allowed)
            if not ways:
                break
            chosen = pick(rng, ways, self.tokens.tokens)
            assert matcher.accept(chosen)
            state, text = self.machine.run(self.tokens.tokens[chosen], state), text + self.tokens.tokens[chosen]
        return matcher, state, text

    def refuses_others(self, matcher: Matcher, allowed: frozenset[int], rng: random.Random) -> None:
        """A token that is not allowed is not accepted, and changes nothing."""
        others = [i for i in range(len(self.tokens.tokens)) if i not in allowed]
        before = matcher.state
        for i in [*rng.sample(others, min(3, len(others))), -1, len(self.tokens.tokens)]:
            assert not matcher.accept(i)
            assert matcher.state == before


def pick(rng: random.Random, ids: Sequence[int], tokens: Sequence[bytes]) -> int:
    """One of the ids; half of the time the longest of three, so that walks cross boundaries."""
    if rng.random() < 0.5:
        return rng.choice(ids)
    return max((rng.choice(ids) for _ in range(3)), key=lambda i: len(tokens[i]))


def ids_of(mask: npt.NDArray[np.uint32]) -> set[int]:
    """The set bits of a mask (bit t % 32 of word t // 32)."""
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def vocabulary_of(tokens: Tokens) -> Vocabulary:
    return Vocabulary.from_tokens(tokens.tokens, eos=tokens.eos, special=tokens.special)
