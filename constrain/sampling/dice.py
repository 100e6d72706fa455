"""Where chance comes in: every random decision of every method is one of these two calls.

So a test can put in a die that tries all outcomes and adds up their probabilities, and knows a method's law exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class Dice:
    """Random decisions from a seed (anything `numpy.random.default_rng` takes)."""

    def __init__(self, seed: object = None) -> None:
        self._rng = np.random.default_rng(seed)  # type: ignore[arg-type]

    def coin(self, log_probability: float) -> bool:
        """True with this probability, given as its logarithm; values above 0 count as 0."""
        return log_probability >= 0.0 or self._rng.random() < math.exp(log_probability)

    def pick(self, weights: Sequence[float] | npt.NDArray[np.float64]) -> int:
        """An index with probability in proportion to its weight. Weights: not negative, not all zero, finite."""
        if isinstance(weights, np.ndarray):
            sums = np.cumsum(weights)
            at = int(np.searchsorted(sums, self._rng.random() * sums[-1], side="right"))
            return at if at < len(weights) else int(np.flatnonzero(weights)[-1])  # rounding: the last that can be
        left = self._rng.random() * math.fsum(weights)
        last = 0
        for i, weight in enumerate(weights):
            if weight > 0.0:
                if left < weight:
                    return i
                left -= weight
                last = i
        return last
