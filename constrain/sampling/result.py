"""What every method returns: draws with weights, and what is known about the whole distribution."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from constrain.sampling.trie import NEVER, log_sum


@dataclass(frozen=True)
class Draw:
    """One text. tokens: its ids, with the one that ended it.

    log_p: log of its probability under the (warped) model, and of its score where there is one.
    log_weight: log of p(x)·φ(x) over the probability with which the method writes x, so that over many draws the mean
    of `exp(log_weight)·f(x)` is Σ p(x)·φ(x)·f(x). 0 where all draws count the same (rejection, cars, mcmc, aprad).
    method: what drew it.
    """

    tokens: tuple[int, ...]
    text: str
    log_p: float
    log_weight: float
    method: str


@dataclass
class Account:
    """How many attempts a run has made, and the sum of their weights, of each of which the mean is Z."""

    attempts: int = 0
    weighted: int = 0
    log_total: float = NEVER

    def attempt(self, log_weight: float | None) -> None:
        """Count one attempt; -inf where it came to nothing, None where the method has no weights."""
        self.attempts += 1
        if log_weight is not None:
            self.weighted += 1
            self.log_total = log_sum([self.log_total, log_weight])

    @property
    def log_z(self) -> float | None:
        """log of the mean weight."""
        return self.log_total - math.log(self.weighted) if self.weighted else None


@dataclass(frozen=True)
class Samples:
    """Draws, in the order in which they were made.

    log_z: estimate of log Z, Z = Σ p(x)·φ(x) over the language: how much of what the model wants to write is in it.
    From the first method alone where another one went on; of chains, from their beginnings. None for aprad.
    log_z_bounds: bounds of log Z that hold for certain (a score without a bound of its own left out).
    model_calls: next-token distributions asked of the model; reused: those that were known already.
    attempts: texts begun. seconds: spent in all; model_seconds: of these, in the model.
    missing: how many draws fewer than asked for there are, because the budget was spent.
    """

    draws: tuple[Draw, ...]
    log_z: float | None
    log_z_bounds: tuple[float, float]
    model_calls: int
    reused: int
    attempts: int
    seconds: float
    model_seconds: float
    missing: int = 0

    def __len__(self) -> int:
        return len(self.draws)

    def __iter__(self) -> Iterator[Draw]:
        return iter(self.draws)

    def __getitem__(self, at: int) -> Draw:
        return self.draws[at]

    @property
    def texts(self) -> list[str]:
        """The texts."""
        return [draw.text for draw in self.draws]

    @property
    def sequences(self) -> list[tuple[int, ...]]:
        """Their token ids."""
        return [draw.tokens for draw in self.draws]

    @property
    def log_weights(self) -> list[float]:
        """Their log weights."""
        return [draw.log_weight for draw in self.draws]

    @property
    def weights(self) -> list[float]:
        """Weights that sum to 1. Where several methods drew, each has a share as large as its number of draws."""
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for i, draw in enumerate(self.draws):
            groups[draw.method].append(i)
        out = [0.0] * len(self.draws)
        for members in groups.values():
            total = log_sum([self.draws[i].log_weight for i in members])
            for i in members:
                out[i] = math.exp(self.draws[i].log_weight - total) * len(members) / len(self.draws)
        return out

    @property
    def ess(self) -> float:
        """Effective sample size: how many draws of equal weight these are worth, (Σw)² / Σw². 0 without draws.

        It speaks of the weights alone: the states of a Markov chain, or particles with a common ancestor, are worth
        fewer.
        """
        weights = self.weights
        return 1.0 / math.fsum(w * w for w in weights) if weights else 0.0

    def expectation(self, function: Callable[[str], float]) -> float:
        """Weighted mean of a function of the text."""
        if not self.draws:
            raise ValueError("no draws")
        pairs = zip(self.weights, self.draws, strict=True)
        return math.fsum(w * function(draw.text) for w, draw in pairs if w > 0.0)

    @property
    def overhead(self) -> float:
        """Share of the time that was spent outside of the model."""
        return 1.0 - self.model_seconds / self.seconds if self.seconds > 0.0 else 0.0
