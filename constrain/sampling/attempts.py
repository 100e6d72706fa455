"""Methods that write one text after the other from its beginning: masking, ASAp, rejection, CARS.

They share their steps and differ in what becomes of r = c/θ at each node (see `tree`): c is how much of the node's mass
may lead to a text, as far as is known on entering it, θ what was believed when it was chosen.

- mask: tokens by p among the allowed ones. The product of all c is the weight p/q.
- asap: tokens by p·θ, and what was learned is carried up the trie. The product of all r is the weight p/q.
- rejection: like mask, but goes on with probability c, else gives up. What is left has the model's distribution.
- cars: like asap, but goes on with probability r, else gives up. What is left has the model's distribution.

Why the last is exact though other attempts change the trie meanwhile: the probability to choose a token a after u is
p(a|u)·θ/c(u) with the θ of that moment, and to go on after it c(ua)/θ with the c of the moment it is entered. In the
product over a text x all c and θ cancel, but for the c of the root at the start: each x is delivered with probability
p(x)/c(root), whatever the others do. Attempts are delivered in the order in which they began, not in which they ended,
since short texts end sooner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from constrain.errors import Unsatisfiable
from constrain.sampling.dice import Dice
from constrain.sampling.result import Account, Draw
from constrain.sampling.tree import Asking, Tree, Walk
from constrain.sampling.trie import NEVER, ROOT


def weighted(tree: Tree, dice: Dice, learned: bool) -> Asking[tuple[Walk | None, float]]:
    """One attempt of asap (`learned`) or mask. (The walk, its log weight p·φ/q), or (None, -inf) in a dead end."""
    walk = tree.walk()
    log_weight = yield from tree.enter(walk, learned)
    while not walk.is_finished and log_weight != NEVER:
        yield from tree.choose(walk, dice, learned)
        log_c = yield from tree.enter(walk, learned)
        log_weight += log_c - walk.log_used if learned else log_c
    tree.trie.back_up(walk.node)
    if log_weight == NEVER:
        return None, NEVER
    return walk, log_weight + walk.log_extra + tree.potentials.log_upper


def accepted(tree: Tree, dice: Dice, learned: bool) -> Asking[tuple[Walk | None, float]]:
    """One attempt of cars (`learned`) or rejection. (The walk, log of c(root)), or (None, -inf) where it gave up."""
    known = not learned and tree.trie.is_open(ROOT)
    if known:  # where the language has little mass, most attempts end here; that needs no walk
        tree.reused += 1
        if not dice.coin(tree.trie.log_mass(ROOT)):
            return None, NEVER
    walk = tree.walk()
    log_start = 0.0
    going = known
    if not known:
        log_start = yield from tree.enter(walk, learned)
        going = log_start != NEVER and (learned or dice.coin(log_start))
    while going and not walk.is_finished:
        yield from tree.choose(walk, dice, learned)
        log_c = yield from tree.enter(walk, learned)
        going = log_c != NEVER and dice.coin(log_c - walk.log_used if learned else log_c)
    tree.trie.back_up(walk.node)
    if not going:
        return None, NEVER
    return walk, (log_start if learned else 0.0) + tree.potentials.log_upper


FREE = 0.01  # model calls that an attempt counts for which finds all that it needs in the trie

METHODS = {
    "mask": (weighted, False),
    "asap": (weighted, True),
    "rejection": (accepted, False),
    "cars": (accepted, True),
}


def draws(
    tree: Tree, dice: Dice, n: int, account: Account, *, method: str, budget: float, batch: int = 1
) -> Iterator[Draw]:
    """Up to n draws of one of `METHODS`, in the order in which their attempts began.

    budget: model calls after which no attempt begins (those under way go on); an attempt that needs none counts `FREE`.
    batch: attempts under way at a time.
    Raises Unsatisfiable when no text has a probability.
    """
    attempt, learned = METHODS[method]
    exact = attempt is accepted
    stop = tree.model_calls + budget
    for walk, log_weight in in_order(tree, dice, attempt, learned, stop, batch):
        account.attempt(log_weight)
        if walk is not None:
            yield draw(tree, walk, 0.0 if exact else log_weight, method)
            n -= 1
            if n == 0:
                return
        elif tree.trie.is_open(ROOT) and tree.trie.log_theta(ROOT) == NEVER:
            raise nothing()


def in_order(
    tree: Tree, dice: Dice, attempt: object, learned: bool, stop: float, batch: int
) -> Iterator[tuple[Walk | None, float]]:
    """Results of attempts in the order in which they began; `batch` of them share the model's batches."""
    begun: deque[_Attempt] = deque()
    going: list[_Attempt] = []
    free, is_draining = 0.0, False
    while True:
        while begun and begun[0].result is not None:
            yield begun.popleft().result  # type: ignore[misc]
        if not begun:  # nobody stands in the trie: the moment to cut back one that is too large
            tree.prune()
            is_draining = False
        is_waiting = False
        while (
            len(going) < batch
            and len(begun) < 2 * batch
            and tree.model_calls + free < stop
            and not is_draining
            and not is_waiting
        ):
            new = _Attempt(attempt(tree, dice, learned))  # type: ignore[operator]
            begun.append(new)
            new.advance(None)
            if new.waits is not None:
                going.append(new)
            else:
                free += FREE
                is_waiting = begun[0] is new  # to be told, before anything else begins
        if is_waiting:
            continue
        if not going:
            return
        for one, row in zip(going, tree.rows([a.waits for a in going if a.waits is not None]), strict=True):
            one.advance(row)
        going = [a for a in going if a.waits is not None]
        is_draining = len(tree.trie) > tree.trie.max_nodes


class _Attempt:
    """A generator, the walk that it waits for, and its result."""

    __slots__ = ("generator", "result", "waits")

    def __init__(self, generator: Asking[tuple[Walk | None, float]]) -> None:
        self.generator = generator
        self.waits: Walk | None = None
        self.result: tuple[Walk | None, float] | None = None

    def advance(self, row: object) -> None:
        """Go on to the next question or to the end."""
        try:
            self.waits = self.generator.send(row)  # type: ignore[arg-type]
        except StopIteration as stop:
            self.waits, self.result = None, stop.value


def draw(tree: Tree, walk: Walk, log_weight: float, method: str) -> Draw:
    """A finished walk as a draw."""
    score = 0.0
    if tree.potentials:
        score = tree.trie.log_rest(walk.node) + tree.potentials.log_upper + walk.log_extra
    return Draw(tuple(walk.tokens), tree.text(walk.tokens), walk.log_p + score, log_weight, method)


def nothing() -> Unsatisfiable:
    """No text of the language can be written."""
    return Unsatisfiable(
        "no text of the language has a probability above 0",
        hint="Raise max_tokens, loosen top_k and top_p, or look at the predicates.",
    )
