"""Markov chains over texts of the language: cut a text somewhere, let masking write a new end, and take it or leave it.

The acceptance probability of Metropolis and Hastings makes p(x)·φ(x) the chain's stationary distribution, so its state
comes ever closer to it (Anaya Gonzalez et al., Constrained Sampling for Language Models Should Be Easy: An MCMC
Perspective, 2025). Where to cut:

- uniform: each place equally likely; restart: always at the beginning;
- priority: where the model was undecided, in proportion to exp(H) - 1, H the entropy of its choice among the allowed
  tokens (0 where there was none).

A new end may be reached by a cut at any place before it differs, so the probability of a proposal is a sum over those.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from constrain.sampling.attempts import FREE, draw, nothing, weighted
from constrain.sampling.dice import Dice
from constrain.sampling.result import Account, Draw
from constrain.sampling.tree import Asking, Tree, Walk
from constrain.sampling.trie import NEVER, ROOT, log_sum

CUTS = ("uniform", "priority", "restart")


class State:
    """A text of the language as the chain sees it.

    path, tokens: as in `Walk`. log_p[i]: of the first i tokens. log_c[i]: mass of the allowed tokens after i tokens.
    log_cut[i]: log of the probability to cut after i tokens. log_score: log φ.
    """

    __slots__ = ("log_c", "log_cut", "log_p", "log_score", "walk")

    def __init__(self, walk: Walk, log_p: list[float], log_c: list[float], log_cut: list[float], score: float) -> None:
        self.walk = walk
        self.log_p, self.log_c, self.log_cut = log_p, log_c, log_cut
        self.log_score = score

    @classmethod
    def of(cls, tree: Tree, walk: Walk, cuts: str) -> Asking[State]:
        """The state of a finished walk. Its nodes are open; entropies take what the model said there."""
        trie, length = tree.trie, len(walk.tokens)
        log_p = [0.0]
        for node in walk.path[1:]:
            log_p.append(log_p[-1] + trie.log_p(node))
        log_c = [trie.log_mass(node) for node in walk.path[:-1]]
        if cuts == "restart":
            log_cut = [0.0] + [NEVER] * (length - 1)
        else:
            log_cut = [-math.log(length)] * length
        if cuts == "priority":
            masses = [0.0] * length
            at = walk.copy()
            for i in reversed(range(length)):
                tree.retreat(at, i)
                masses[i] = yield from _surprise(tree, at)
            total = math.fsum(masses)
            if total > 0.0:  # else no place had a choice
                log_cut = [math.log(m / total) if m > 0.0 else NEVER for m in masses]
        return cls(walk, log_p, log_c, log_cut, trie.log_rest(walk.node) + walk.log_extra)

    def log_proposal(self, other: State, shared: int) -> float:
        """log of the probability that this text is cut and grows into the other, over p(other) (which cancels).

        shared: how many first tokens they have in common.
        """
        ends = np.cumsum(other.log_c[::-1])[::-1]
        most = min(shared + 1, len(self.log_cut), len(other.log_c))
        return log_sum([self.log_cut[i] - self.log_p[i] - float(ends[i]) for i in range(most)])


def _surprise(tree: Tree, walk: Walk) -> Asking[float]:
    """exp(H) - 1 of the choice at the walk's node."""
    step = yield from tree.step(walk)
    if len(step.ids) < 2:
        return 0.0
    masses, _ = step.mass()
    p = masses / masses.sum()
    p = p[p > 0.0]
    return math.expm1(max(0.0, float(-(p * np.log(p)).sum())))


def move(tree: Tree, dice: Dice, state: State, cuts: str) -> Asking[State]:
    """One step of the chain: the next state, often the same."""
    at = dice.pick([math.exp(x) for x in state.log_cut])
    walk = state.walk.copy()
    tree.retreat(walk, at)
    while not walk.is_finished:
        yield from tree.choose(walk, dice, learned=False)
        if (yield from tree.enter(walk, learned=False)) == NEVER:
            tree.trie.back_up(walk.node)
            return state  # not a text: never taken
    tree.trie.back_up(walk.node)  # proposals draw by p alone; what they find is for the bounds and for other methods
    new = yield from State.of(tree, walk, cuts)
    shared = at
    longest = min(len(walk.tokens), len(state.walk.tokens))
    while shared < longest and walk.tokens[shared] == state.walk.tokens[shared]:
        shared += 1
    ratio = new.log_score - state.log_score + new.log_proposal(state, shared) - state.log_proposal(new, shared)
    return new if dice.coin(ratio) else state


def chain(tree: Tree, dice: Dice, walk: Walk, *, steps: int, cuts: str) -> Asking[State]:
    """A chain from a finished walk: its state after some steps."""
    state = yield from State.of(tree, walk, cuts)
    for _ in range(steps):
        state = yield from move(tree, dice, state, cuts)
    return state


def draws(
    tree: Tree, dice: Dice, n: int, account: Account, *, budget: float, steps: int = 10, proposal: str = "uniform"
) -> Iterator[Draw]:
    """Up to n draws, each the end of a chain of its own that begins with a text from asap (whose trie it shares).

    steps: length of each chain. proposal: one of `CUTS`. No chain begins after the budget.
    """
    if proposal not in CUTS:
        raise ValueError(f"proposal must be one of {', '.join(CUTS)}, not {proposal!r}")
    stop = tree.model_calls + budget
    while n > 0 and tree.model_calls < stop:
        before = tree.model_calls
        walk, log_weight = tree.run(weighted(tree, dice, learned=True))
        account.attempt(log_weight)
        if walk is not None:
            state = tree.run(chain(tree, dice, walk, steps=steps, cuts=proposal))
            yield draw(tree, state.walk, 0.0, "mcmc")
            n -= 1
        elif tree.trie.log_theta(ROOT) == NEVER:
            raise nothing()
        if tree.model_calls == before:
            stop -= FREE
        tree.prune()
