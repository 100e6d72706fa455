"""The conditional distribution itself, by dynamic programming over (parser state, context of the n-gram).

Two beginnings of a text that lead to the same parser state and the same context have the same future. So the mass of
the language, the probability of each text, and exact draws cost one visit per pair. For finite languages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.sampling.experiments.ngram import Ngram

Row = npt.NDArray[np.float64]
Key = tuple[int, tuple[int, ...]]
LIMIT = 3_000_000  # pairs


class Place:
    """What may follow at one pair: ids [k], log p·Z of each [k], the pairs they lead to, and log Z here."""

    __slots__ = ("ids", "keys", "log_p", "log_z", "masses")

    def __init__(self, ids: list[int], log_p: Row, keys: list[Key | None]) -> None:
        self.ids, self.log_p, self.keys = ids, log_p, keys
        self.masses = log_p
        self.log_z = math.nan


class Exact:
    """The distribution of an n-gram model, conditioned on a finite language. log_z: log of the language's mass."""

    def __init__(self, ngram: Ngram, compiled: Any) -> None:
        self.ngram, self.compiled = ngram, compiled
        self.vocabulary = compiled.vocabulary
        self.ends = frozenset(self.vocabulary.eos_ids)
        self.places: dict[Key, Place] = {}
        matcher = compiled.matcher()
        self.start: Key = matcher.state[1], ngram.context(())
        self._visit(matcher, compiled.generation)
        self.log_z = self.places[self.start].log_z

    def _place(self, matcher: Any, context: tuple[int, ...], mask: npt.NDArray[np.uint32]) -> Place:
        matcher.fill_mask(mask)
        bits = np.unpackbits(mask.astype("<u4", copy=False).view(np.uint8), bitorder="little")
        ids = np.flatnonzero(bits)
        ids = ids[ids < self.ngram.size]
        keys: list[Key | None] = []
        n = self.ngram.order - 1
        for token in ids.tolist():
            if token in self.ends:
                keys.append(None)
            else:
                matcher.accept(token)
                keys.append((matcher.state[1], (*context, token)[-n:] if n else ()))
                matcher.rollback(1)
        return Place(ids.tolist(), self.ngram.log_row(context)[ids], keys)

    def _visit(self, matcher: Any, generation: int) -> None:
        """Depth first, on one matcher: a pair is done when all that it leads to is."""
        mask = np.zeros(self.vocabulary.words, np.uint32)
        places = self.places
        places[self.start] = self._place(matcher, self.start[1], mask)
        way: list[tuple[Place, int]] = [(places[self.start], 0)]
        while way:
            place, at = way.pop()
            while at < len(place.ids):
                key = place.keys[at]
                if key is not None and key not in places:
                    break
                if key is not None and math.isnan(places[key].log_z):
                    raise ValueError("the language is not finite")
                at += 1
            if at < len(place.ids):
                way.append((place, at))
                key = place.keys[at]
                assert key is not None
                matcher.accept(place.ids[at])
                places[key] = self._place(matcher, key[1], mask)
                way.append((places[key], 0))
                if len(places) > LIMIT or self.compiled.generation != generation:
                    raise MemoryError("too many pairs")
                continue
            after = np.array([0.0 if key is None else places[key].log_z for key in place.keys])
            place.masses = place.log_p + after
            top = float(place.masses.max())
            place.log_z = top + math.log(float(np.exp(place.masses - top).sum()))
            if way:
                matcher.rollback(1)

    def log_probability(self, tokens: Sequence[int]) -> float:
        """log P(x | language) of a whole text."""
        total, key = -self.log_z, self.start
        for token in tokens:
            place = self.places[key]
            at = place.ids.index(token)
            total += float(place.log_p[at])
            following = place.keys[at]
            if following is None:
                return total
            key = following
        raise ValueError("the text does not end")

    def draw(self, rng: np.random.Generator) -> list[int]:
        """A text with exactly that distribution."""
        out: list[int] = []
        key: Key | None = self.start
        while key is not None:
            place = self.places[key]
            p = np.exp(place.masses - place.log_z)
            at = min(int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right")), len(p) - 1)
            out.append(place.ids[at])
            key = place.keys[at]
        return out

    def text(self, tokens: Sequence[int]) -> str:
        """The text of these tokens."""
        return b"".join(map(self.vocabulary.token_bytes, tokens)).decode()
