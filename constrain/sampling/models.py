"""Models as samplers see them: sequences of token ids in, scores of the next token out; and the warpers between."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from constrain.errors import ConstraintError

Row: TypeAlias = npt.NDArray[np.float64]


class Model(Protocol):
    """What a sampler needs of a model.

    batch: how many sequences one call should be given at most.
    """

    batch: int

    def scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        """Scores of the token after the prompt and each of these sequences: logits or log-probabilities, [V] each."""


class CallableModel:
    """A function from token ids (the prompt's, then the generated ones) to scores [V] of the next token.

    With `batched`, the function takes a list of such sequences and gives [B, V].
    """

    def __init__(self, function: Callable[[Any], Any], prompt: Sequence[int] = (), batch: int | None = None) -> None:
        self._function = function
        self._prompt = list(prompt)
        self._together = batch is not None
        self.batch = batch or 1

    def scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        """See `Model`."""
        whole = [[*self._prompt, *tokens] for tokens in generated]
        if self._together:
            return [np.asarray(row) for row in self._function(whole)]
        return [np.asarray(self._function(tokens)) for tokens in whole]


@dataclass(frozen=True)
class Warp:
    """What is done to the model's scores before anything else, in this order. The result *is* the model from then on.

    temperature: scores are divided by it; 0 is refused, since there would be nothing to sample from.
    top_k: keep the k best tokens. top_p: keep the best tokens that together have this probability (at least one).
    min_p: keep the tokens that have this share of the best one's probability. Ties with the last one kept stay.
    custom: functions from scores [V] to scores [V], applied first.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    custom: tuple[Callable[[Row], Row], ...] = ()

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError("the temperature must be above 0; for the most probable text use a logits processor")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError("top_k must be at least 1 (None: all)")
        if not 0 < self.top_p <= 1:
            raise ValueError("top_p must be in (0, 1]")
        if not 0 <= self.min_p <= 1:
            raise ValueError("min_p must be in [0, 1]")

    def log_probabilities(self, scores: npt.NDArray[Any]) -> Row:
        """log p, float64 [V], from scores [V]. ConstraintError for scores that give no distribution."""
        row = np.array(scores, np.float64)  # a copy: what follows works in place
        if row.ndim != 1:
            raise ConstraintError(f"the model gave scores of shape {row.shape} for one text, not [V]")
        for function in self.custom:
            row = np.array(function(row), np.float64)
        if self.temperature != 1.0:
            row /= self.temperature
        if self.top_k is not None and self.top_k < len(row):
            row[row < np.partition(row, -self.top_k)[-self.top_k]] = -np.inf
        if self.top_p < 1.0 or self.min_p > 0.0:
            self._cut(row)
        top = row.max()
        if not np.isfinite(top):  # also where there is a NaN
            raise ConstraintError("the model gave no finite score, or one that is not a number")
        row -= top
        row -= math.log(np.exp(row).sum())
        return row

    def _cut(self, row: Row) -> None:
        p = np.exp(row - row.max())
        if self.min_p > 0.0:
            row[p < self.min_p] = -np.inf
            p[p < self.min_p] = 0.0
        if self.top_p < 1.0:
            ordered = np.sort(p)[::-1]
            before = np.cumsum(ordered) - ordered
            last = ordered[np.flatnonzero(before < self.top_p * p.sum())[-1]]
            row[p < last] = -np.inf
