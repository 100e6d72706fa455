"""Wishes beside the grammar: predicates and scores on complete texts and on their beginnings ("potentials").

With potentials φ₁, φ₂, … ≥ 0 on complete texts, what is sampled is p(x) · Πφᵢ(x) over the texts x of the language.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

NEVER = -math.inf


@dataclass(frozen=True)
class Predicate:
    """Texts must satisfy `complete`; and, where it is given, each of their beginnings must satisfy `prefix`.

    A prefix is cut after a whole character. `prefix` may be generous, never strict: where it is False, no text that
    begins so may satisfy `complete`. It saves model calls, and nothing else depends on it.
    """

    complete: Callable[[str], bool] | None = None
    prefix: Callable[[str], bool] | None = None
    log_upper: float | None = 0.0

    def of_text(self, text: str) -> float:
        """log φ of a complete text."""
        if self.prefix is not None and not self.prefix(text):
            return NEVER
        return 0.0 if self.complete is None or self.complete(text) else NEVER

    def of_prefix(self, text: str) -> float:
        """-inf where no text that begins so is wanted."""
        return 0.0 if self.prefix is None or self.prefix(text) else NEVER

    def guide(self, text: str) -> float:
        """A guess of log φ, for methods that weigh prefixes."""
        return 0.0


@dataclass(frozen=True)
class Score:
    """A text counts `exp(complete(text))` times as much; -inf forbids it.

    log_upper: a number that no score of a text exceeds. Exact methods (rejection, CARS) need it; the closer it is, the
    fewer draws they reject. Others draw with weights when it is None.
    prefix: a guess of the score from a text's beginning, which steers SMC; where it is -inf, so must be the scores of
    all texts that begin so.
    """

    complete: Callable[[str], float]
    prefix: Callable[[str], float] | None = None
    log_upper: float | None = None

    def of_text(self, text: str) -> float:
        """log φ of a complete text."""
        value = float(self.complete(text))
        if value != value or value == math.inf:
            raise ValueError(f"the score of {text!r} is {value}")
        if self.log_upper is not None and value > self.log_upper:
            raise ValueError(f"the score of {text!r} is {value}, above the bound {self.log_upper} that was promised")
        return value

    def of_prefix(self, text: str) -> float:
        """-inf where no text that begins so is wanted."""
        return NEVER if self.prefix is not None and self.prefix(text) == NEVER else 0.0

    def guide(self, text: str) -> float:
        """A guess of log φ, for methods that weigh prefixes."""
        return 0.0 if self.prefix is None else float(self.prefix(text))


class Potentials:
    """Several potentials as one."""

    def __init__(self, *parts: Predicate | Score) -> None:
        self.parts = parts

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def bounded(self) -> bool:
        """Has each an upper bound?"""
        return all(part.log_upper is not None for part in self.parts)

    @property
    def log_upper(self) -> float:
        """The sum of the bounds that there are."""
        return sum(part.log_upper for part in self.parts if part.log_upper is not None)

    @property
    def guides(self) -> bool:
        """Does any of them guess scores from prefixes?"""
        return any(isinstance(part, Score) and part.prefix is not None for part in self.parts)

    def of_text(self, text: str) -> tuple[float, float]:
        """(log of the bounded part over its bound, at most 0; log of the unbounded part) of a complete text.

        (-inf, 0) where the text is forbidden.
        """
        bounded, unbounded = 0.0, 0.0
        for part in self.parts:
            value = part.of_text(text)
            if value == NEVER:
                return NEVER, 0.0
            if part.log_upper is None:
                unbounded += value
            else:
                bounded += value - part.log_upper
        return bounded, unbounded

    def allow(self, prefix: str) -> bool:
        """May a text begin so?"""
        return all(part.of_prefix(prefix) != NEVER for part in self.parts)

    def guide(self, prefix: str) -> float:
        """The guesses together."""
        return math.fsum(part.guide(prefix) for part in self.parts)
