"""Sequential Monte Carlo: many walks side by side, of which those that turn out unlikely make room for the others.

Every particle goes one token further at a time; its weight is multiplied by r = c/θ (see `tree`). When few particles
carry most of the weight (effective sample size below a share of their number), they are drawn anew in proportion to
their weights. The mean of the weights is an unbiased estimate of Z all the same, whatever the trie had learned before
(Loula et al., Syntactic and Semantic Control of Large Language Models via Sequential Monte Carlo, 2025).

A predicate on prefixes has no mask. `awrs` finds an allowed token without asking about all of them (Lipkin et al.,
Fast Controlled Generation from Language Models with Adaptive Weighted Rejection Sampling, 2025).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from constrain.sampling.attempts import FREE, draw, nothing
from constrain.sampling.dice import Dice
from constrain.sampling.result import Account, Draw
from constrain.sampling.tree import Asking, Tree, Walk
from constrain.sampling.trie import NEVER, ROOT, log_sum


class Particle:
    """A walk and its log weight; log_c: the c by which the weight was computed; log_guide: the guess within it."""

    __slots__ = ("log_c", "log_guide", "log_weight", "walk")

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.log_weight = self.log_c = self.log_guide = 0.0

    @property
    def is_live(self) -> bool:
        """Has it a next token to choose?"""
        return self.log_weight != NEVER and not self.walk.is_finished

    def copy(self, log_weight: float) -> Particle:
        """The same particle with another weight."""
        new = Particle(self.walk.copy())
        new.log_weight, new.log_c, new.log_guide = log_weight, self.log_c, self.log_guide
        return new


def sweep(tree: Tree, dice: Dice, n: int, *, threshold: float = 0.5, checked: bool = False) -> list[Particle]:
    """One population of n finished or dead particles. checked: with `awrs`."""
    particles = [Particle(tree.walk()) for _ in range(n)]
    entered: set[int] = set()
    guided = tree.potentials.guides
    entering = particles
    while entering:
        entered.update(p.walk.node for p in entering)
        for particle, log_c in zip(entering, tree.run_together([tree.enter(p.walk) for p in entering]), strict=True):
            _weigh(tree, particle, log_c, guided)
        particles = resampled(particles, dice, threshold)
        entering = [p for p in particles if p.is_live]
        step = awrs if checked else _chosen
        factors = tree.run_together([step(tree, p, dice) for p in entering])
        for particle, log_factor in zip(entering, factors, strict=True):
            particle.log_weight += log_factor
        entering = [p for p in entering if p.log_weight != NEVER]
    for node in sorted(entered, reverse=True):  # children have higher numbers than their parents
        tree.trie.refresh(node)
    return particles


def _weigh(tree: Tree, particle: Particle, log_c: float, guided: bool) -> None:
    walk = particle.walk
    particle.log_c = log_c
    if log_c == NEVER:
        particle.log_weight = NEVER
        return
    particle.log_weight += log_c - walk.log_used
    if walk.is_finished:
        particle.log_weight += walk.log_extra - particle.log_guide
    elif guided:
        guess = tree.guide(walk)
        particle.log_weight = NEVER if guess == NEVER else particle.log_weight + guess - particle.log_guide
        particle.log_guide = guess


def _chosen(tree: Tree, particle: Particle, dice: Dice) -> Asking[float]:
    """Choose a token by p·θ. The factor of the weight: what c has changed to since it was part of the weight."""
    log_c = tree.trie.refresh(particle.walk.node)
    if log_c == NEVER:
        return NEVER
    yield from tree.choose(particle.walk, dice)
    return log_c - particle.log_c


def awrs(tree: Tree, particle: Particle, dice: Dice) -> Asking[float]:
    """Choose a token by p·θ among those that the predicates allow, and return log of an unbiased estimate of their
    share of the particle's c.

    Tokens are drawn, rejected ones never again, until two were allowed (the same token may be both); the first is
    taken. With R_j the share of the first j rejected tokens, the estimate is 1 / Σ_j 1/(1 - R_j), j from 0 to all
    rejected. Why: whether the first draw is allowed is an unbiased estimate, and this is its expectation given
    everything but at which place among the rejected the first allowed token came; place j has a probability in
    proportion to 1/(1 - R_j). The token is independent of both.
    """
    walk, trie = particle.walk, tree.trie
    node = walk.node
    step = yield from tree.step(walk)
    log_start = trie.refresh(node)
    if log_start == NEVER:
        return NEVER
    weights = np.exp(step.log_p - log_start)
    places = {trie.token(child): child for child in trie.children(node)}
    for token, child in places.items():
        weights[int(np.searchsorted(step.ids, token))] *= math.exp(trie.log_theta(child))
    verdicts: dict[int, bool] = {}
    taken = -1
    left = total = float(weights.sum())
    inverse = total / left
    while left > 0.0:
        at = dice.pick(weights)
        if at not in verdicts:
            verdicts[at] = _may_come(tree, walk, int(step.ids[at]))
        if verdicts[at]:
            if taken >= 0:
                break
            taken = at
            continue
        child = tree.child(node, int(step.ids[at]), step)
        if not trie.is_open(child):
            trie.open(child, NEVER)  # never to be drawn again
        weights[at] = 0.0
        left = float(weights.sum())
        inverse += total / left if left > 0.0 else 0.0
    if taken < 0:
        return NEVER
    child = tree.child(node, int(step.ids[taken]), step)
    tree.go(walk, child, trie.log_theta(child))
    return log_start - particle.log_c - math.log(inverse)


def _may_come(tree: Tree, walk: Walk, token: int) -> bool:
    """Do the predicates allow this token?"""
    tokens = [*walk.tokens, token]
    if token in tree.ends:
        return tree.potentials.of_text(tree.text(tokens))[0] != NEVER
    return tree.potentials.allow(tree.prefix(tokens))


def resampled(particles: list[Particle], dice: Dice, threshold: float) -> list[Particle]:
    """The particles, drawn anew when their effective sample size is below threshold · n (systematic resampling)."""
    n = len(particles)
    total = log_sum([p.log_weight for p in particles])
    if total == NEVER:
        return particles
    weights = [math.exp(p.log_weight - total) for p in particles]
    if math.fsum(w * w for w in weights) * threshold * n <= 1.0:
        return particles
    level = total - math.log(n)
    out: list[Particle] = []
    for particle, count in zip(particles, systematic(weights, dice), strict=True):
        for i in range(count):
            if i:
                out.append(particle.copy(level))
            else:
                particle.log_weight = level
                out.append(particle)
    return out


def systematic(weights: Sequence[float], dice: Dice) -> list[int]:
    """How often each of n particles goes on: n·w rounded up or down, n together; expectation n·w each.

    A comb of n teeth, one apart, is laid over the weights at random. Only finitely many outcomes differ: the die
    chooses between the intervals of the comb's offset.
    """
    n = len(weights)
    ends: list[float] = []
    sum_ = 0.0
    for w in weights:
        sum_ += w
        ends.append(sum_ * n)
    ends = [e * n / ends[-1] for e in ends]
    cuts = sorted({0.0, *(e - math.floor(e) for e in ends[:-1])})
    widths = [b - a for a, b in zip(cuts, [*cuts[1:], 1.0], strict=True)]
    at = dice.pick(widths)
    offset = cuts[at] + widths[at] / 2
    before = [max(0, math.ceil(e - offset)) for e in ends]
    before[-1] = n
    return [b - a for a, b in zip([0, *before[:-1]], before, strict=True)]


def draws(
    tree: Tree,
    dice: Dice,
    n: int,
    account: Account,
    *,
    budget: float,
    particles: int | None = None,
    threshold: float = 0.5,
    checked: bool = False,
) -> Iterator[Draw]:
    """At least n draws, as whole populations of `particles` (default: n) each. No sweep begins after the budget."""
    size = max(1, particles or n)
    method = "awrs" if checked else "smc"
    stop = tree.model_calls + budget
    while n > 0 and tree.model_calls < stop:
        before = tree.model_calls
        population = sweep(tree, dice, size, threshold=threshold, checked=checked)
        if tree.model_calls == before:
            stop -= FREE
        for particle in population:
            log_weight = particle.log_weight + tree.potentials.log_upper
            account.attempt(log_weight)
            if log_weight != NEVER:
                yield draw(tree, particle.walk, log_weight, method)
                n -= 1
        tree.prune()
        if n > 0 and tree.trie.log_theta(ROOT) == NEVER:
            raise nothing()
