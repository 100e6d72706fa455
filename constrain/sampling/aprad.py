"""Approximately aligned decoding: after a dead end go back only as far as the lesson reaches (Melcer et al., 2024).

A walk as in CARS. Where it fails, the trie learns. Then the tokens written so far are looked at as a draft from the old
distribution, and kept as speculative decoding would keep them under the new one: token a after u stays with probability
P_new(a|u) / P_old(a|u), P(a|u) = p(a|u)·θ(ua)/c(u). At the first that does not stay another one is chosen: all others
have grown by the same factor, so in proportion to p·θ.

It needs far fewer model calls than starting again, and its draws are closer to the model than masking's. They are not
exact: what was kept was not drawn afresh.
"""

from __future__ import annotations

from collections.abc import Iterator

from constrain.sampling.attempts import FREE, draw, nothing
from constrain.sampling.dice import Dice
from constrain.sampling.result import Account, Draw
from constrain.sampling.tree import Asking, Tree, Walk
from constrain.sampling.trie import NEVER, ROOT


def attempt(tree: Tree, dice: Dice, stop: float) -> Asking[Walk | None]:
    """One text; None when the language has none, or when it fails after `stop` model calls in all."""
    trie = tree.trie
    walk = tree.walk()
    if (yield from tree.enter(walk)) == NEVER:
        return None
    failures = 0
    used: list[float] = [0.0]  # θ by which each node of the path was chosen
    log_c: list[float] = [trie.log_theta(ROOT)]  # c of each node when its child was chosen
    while True:
        if walk.is_finished:
            trie.back_up(walk.node)
            return walk
        yield from tree.choose(walk, dice)
        used.append(walk.log_used)
        while True:
            entered = yield from tree.enter(walk)
            log_c.append(entered)
            if entered != NEVER and dice.coin(entered - walk.log_used):
                break
            trie.back_up(walk.node)
            failures += 1
            if trie.log_theta(ROOT) == NEVER or tree.model_calls + failures * FREE >= stop:
                return None
            at = 0  # how many tokens stay
            while at < len(walk.tokens):
                new = trie.log_theta(walk.path[at + 1])
                ratio = new - used[at + 1] + log_c[at] - trie.log_theta(walk.path[at])
                if new == NEVER or not dice.coin(ratio):
                    break
                at += 1
            dropped = walk.path[at + 1] if at < len(walk.tokens) else -1
            tree.retreat(walk, at)
            used = used[:1] + [trie.log_theta(node) for node in walk.path[1:]]
            log_c = [trie.log_theta(node) for node in walk.path]
            if dropped < 0:
                break  # all that was written stays; only the token that failed was dropped
            yield from tree.choose(walk, dice, without=dropped)
            used.append(walk.log_used)


def draws(tree: Tree, dice: Dice, n: int, account: Account, *, budget: float) -> Iterator[Draw]:
    """Up to n draws. None begins after the budget, and one that fails after it is given up."""
    stop = tree.model_calls + budget
    while n > 0 and tree.model_calls < stop:
        before = tree.model_calls
        walk = tree.run(attempt(tree, dice, stop))
        account.attempt(None)
        if walk is not None:
            yield draw(tree, walk, 0.0, "aprad")
            n -= 1
        elif tree.trie.log_theta(ROOT) == NEVER:
            raise nothing()
        if tree.model_calls == before:
            stop -= FREE
        tree.prune()
