"""An n-gram model over the tokens of a real tokenizer: a model whose every probability is known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

KEPT = 600  # rows that are remembered

Row = npt.NDArray[np.float64]


class Ngram:
    """Interpolated n-grams. size: V. order: tokens of an n-gram. share: of what is left, what each order takes, from
    the longest that was seen down to single tokens; the rest is uniform, so no token has probability 0.

    batch, scores: what a sampler asks of a model. prompt: tokens before the generated ones.
    """

    def __init__(
        self, tokens: Sequence[int], size: int, *, order: int = 3, share: float = 0.9, prompt: Sequence[int] = ()
    ) -> None:
        self.size, self.order, self.share = size, order, share
        self.prompt = tuple(prompt)
        self.batch = 64
        self._uniform = 1.0 / size
        counts = np.bincount(np.asarray(tokens), minlength=size).astype(np.float64)
        self._single = counts / counts.sum()
        found: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for n in range(2, order + 1):
            for i in range(n - 1, len(tokens)):
                found[tuple(tokens[i - n + 1 : i])][tokens[i]] += 1
        self._rows: dict[tuple[int, ...], Row] = {}
        self._after: dict[tuple[int, ...], tuple[npt.NDArray[np.int64], Row]] = {}
        for context, following in found.items():
            total = sum(following.values())
            ids = sorted(following)
            self._after[context] = np.array(ids), np.array([following[i] / total for i in ids])

    def context(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """What the next token depends on, after the prompt and these tokens."""
        n = self.order - 1
        if n == 0:
            return ()
        return (*self.prompt[-n:], *tokens)[-n:] if len(tokens) < n else tuple(tokens[-n:])

    def row(self, context: tuple[int, ...]) -> Row:
        """p of each next token, [V]."""
        p = np.zeros(self.size)
        left = 1.0
        for n in range(len(context), 0, -1):
            after = self._after.get(context[-n:])
            if after is not None:
                p[after[0]] += left * self.share * after[1]
                left *= 1.0 - self.share
        p += left * self.share * self._single + left * (1.0 - self.share) * self._uniform
        return p

    def scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        """See `constrain.sampling.Model`."""
        return [self.log_row(self.context(tokens)) for tokens in generated]

    def log_row(self, context: tuple[int, ...]) -> Row:
        """log p of each next token, [V]; the latest are kept."""
        row = self._rows.get(context)
        if row is None:
            if len(self._rows) >= KEPT:
                self._rows.clear()
            row = self._rows[context] = np.log(self.row(context))
        return row
