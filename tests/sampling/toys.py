"""Models and languages small enough to know everything about: texts by brute force, methods by trying all outcomes."""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

import constrain
from constrain.sampling.models import CallableModel, Warp
from constrain.sampling.potentials import Potentials
from constrain.sampling.tree import Tree

TOKENS = [b"0", b"1", b"01", b""]
EOS = 3
VOCABULARY = constrain.Vocabulary.from_tokens(TOKENS, eos=EOS)


def scores(tokens: Sequence[int], seed: int = 0) -> npt.NDArray[np.float64]:
    """Logits that look random, the same for the same tokens."""
    digest = hashlib.sha256(repr((list(tokens), seed)).encode()).digest()
    return np.frombuffer(digest, np.uint8)[: len(TOKENS)].astype(np.float64) / 64.0


class Toy:
    """A model over `TOKENS` and a regular language. Texts have at most max_tokens tokens, the end included."""

    def __init__(self, pattern: str, max_tokens: int, seed: int = 0, **warp: Any) -> None:
        self.pattern, self.max_tokens, self.seed = pattern, max_tokens, seed
        self.warp = Warp(**warp)
        self.constraint = constrain.regex(pattern)

    def tree(self, *potentials: Any, batch: int = 8, **options: Any) -> Tree:
        """A fresh tree."""
        model = CallableModel(lambda rows: [scores(row, self.seed) for row in rows], batch=batch)
        return Tree(
            model,
            self.constraint.compile(VOCABULARY),
            max_tokens=self.max_tokens,
            warp=self.warp,
            potentials=Potentials(*potentials),
            **options,
        )

    def log_p(self, tokens: Sequence[int]) -> npt.NDArray[np.float64]:
        """log p of the next token."""
        return self.warp.log_probabilities(scores(tokens, self.seed))

    def masses(self, value: Callable[[str], float] = lambda text: 1.0) -> dict[tuple[int, ...], float]:
        """p(x)·φ(x) of each text of the language, as tokens with the end."""
        out = {}
        for length in range(self.max_tokens):
            for tokens in product(range(EOS), repeat=length):
                text = b"".join(TOKENS[t] for t in tokens).decode()
                if re.fullmatch(self.pattern, text):
                    whole = (*tokens, EOS)
                    p = math.exp(math.fsum(self.log_p(whole[:i])[t] for i, t in enumerate(whole)))
                    if p * value(text) > 0.0:
                        out[whole] = p * value(text)
        return out


class AllOutcomes:
    """A die that plays every outcome, one run after the other. `probability` is that of the outcomes so far."""

    def __init__(self) -> None:
        self.script: list[list[tuple[int, float]]] = []  # the outcomes still to be played, the current one last
        self.at = 0
        self.probability = 1.0

    def _decide(self, outcomes: list[tuple[int, float]]) -> int:
        if self.at == len(self.script):
            self.script.append(outcomes)
        outcome, p = self.script[self.at][-1]
        self.at += 1
        self.probability *= p
        return outcome

    def coin(self, log_probability: float) -> bool:
        p = min(1.0, math.exp(log_probability))
        return bool(self._decide([(i, q) for i, q in ((1, p), (0, 1.0 - p)) if q > 0.0]))

    def pick(self, weights: Any) -> int:
        total = math.fsum(weights)
        return self._decide([(i, float(w) / total) for i, w in enumerate(weights) if w > 0.0])

    def next_run(self) -> bool:
        """Go to the next combination of outcomes."""
        while self.script and len(self.script[-1]) == 1:
            self.script.pop()
        if not self.script:
            return False
        self.script[-1].pop()
        self.at, self.probability = 0, 1.0
        return True


def executions(run: Callable[[Any], Any], limit: int = 2_000_000) -> Iterator[tuple[float, Any]]:
    """(probability, result) of each way that `run(dice)` can go."""
    dice = AllOutcomes()
    for _ in range(limit):
        result = run(dice)
        yield dice.probability, result
        if not dice.next_run():
            return
    raise AssertionError("too many ways")


def law(run: Callable[[Any], Any]) -> dict[Any, float]:
    """The distribution of a result."""
    out: defaultdict[Any, float] = defaultdict(float)
    for p, result in executions(run):
        out[result] += p
    return dict(out)


def normalised(masses: dict[Any, float]) -> dict[Any, float]:
    """Masses over their sum."""
    total = math.fsum(masses.values())
    return {x: m / total for x, m in masses.items()}


def far(a: dict[Any, float], b: dict[Any, float]) -> float:
    """The largest difference of two tables."""
    return max(abs(a.get(x, 0.0) - b.get(x, 0.0)) for x in {*a, *b})


def walk_of(tree: Any, tokens: Any) -> Any:
    """A finished walk with these tokens."""
    walk = tree.walk()
    tree.run(tree.enter(walk, False))
    for token in tokens:
        step = tree.run(tree.step(walk))
        tree.go(walk, tree.child(walk.node, token, step), 0.0)
        tree.run(tree.enter(walk, False))
    return walk
