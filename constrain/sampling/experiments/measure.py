"""Distances between what a method draws and the conditional distribution, and bands around their means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from constrain.sampling.experiments.exact import Exact
from constrain.sampling.trie import NEVER, ROOT, Trie, log_sum


def band(values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, lower end, upper end) of a 95 % confidence band of the mean."""
    mean = float(np.mean(values))
    half = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, mean - half, mean + half


def divergence(p: Mapping[Any, float], q: Mapping[Any, float]) -> float:
    """KL(p || q) in nats; inf where q lacks a text of p."""
    total = 0.0
    for x, mass in p.items():
        if mass > 0.0:
            other = q.get(x, 0.0)
            if other <= 0.0:
                return math.inf
            total += mass * math.log(mass / other)
    return max(total, 0.0)


def log_next(trie: Trie | None, exact: Exact, tokens: Sequence[int]) -> float:
    """log of the probability that ASAp, as the trie stands, writes this text next (masking, where there is no trie).

    Where the trie knows nothing, ASAp chooses by p among the allowed tokens, whose mass is taken from `exact`.
    """
    total, key, node = 0.0, exact.start, ROOT if trie is not None else -1
    for token in tokens:
        place = exact.places[key]
        at = place.ids.index(token)
        log_p = float(place.log_p[at])
        if node >= 0 and trie is not None and trie.is_open(node):
            child = trie.find(node, token)
            log_theta = trie.log_theta(child) if child >= 0 else 0.0
            total += log_p + log_theta - log_sum(trie.weights(node)[1])
            node = child
        else:
            total += log_p - log_sum(place.log_p.tolist())
            node = -1
        if total == NEVER:
            return NEVER
        following = place.keys[at]
        if following is not None:
            key = following
    return total


def divergence_of_next(trie: Trie | None, exact: Exact, texts: Sequence[Sequence[int]]) -> float:
    """KL(P || next draw), estimated with texts drawn from P."""
    return float(np.mean([exact.log_probability(x) - log_next(trie, exact, x) for x in texts]))
