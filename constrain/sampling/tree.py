"""The tree of texts that all methods walk: model, constraint and potentials at the nodes of one trie.

A walk goes down from the root, two steps at a time. `enter` says how much of a node's mass may lead to a text (log c);
where the node is new, this takes the model's output. `choose` picks a token in proportion to p·θ and remembers the θ
that it was picked by. All methods are made of these two, and differ in what they do with c/θ at the next node:

- it is a factor of the weight (ASAp, SMC), the probability to go on (rejection, CARS), or is ignored (AprAD).

`enter` and `choose` are generators: they yield the walk when they need a model output, and are sent log p [V]. So any
number of walks can share one batch of the model.
"""

from __future__ import annotations

import codecs
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from constrain.errors import ConstraintError
from constrain.sampling.dice import Dice
from constrain.sampling.models import Model, Row, Warp
from constrain.sampling.potentials import NEVER, Potentials
from constrain.sampling.trie import NONE, ROOT, Trie

T = TypeVar("T")
Ids: TypeAlias = npt.NDArray[np.int64]
Asking: TypeAlias = Generator["Walk", Row, T]  # yields a walk that needs the model's output at its node, is sent log p


def tag_of(vocabulary: Any, prompt: Sequence[int], max_tokens: int, warp: Warp, *more: object) -> str:
    """What a trie belongs to, as a fingerprint: see `Trie`. Of custom warpers only the number is known."""
    settings = (warp.temperature, warp.top_k, warp.top_p, warp.min_p, len(warp.custom))
    about = (vocabulary.fingerprint, list(prompt), max_tokens, settings, *more)
    return hashlib.sha256(repr(about).encode()).hexdigest()


class Walk:
    """A sequence of tokens, the way to its node, and a matcher that has read it.

    path: the nodes from the root to the current one. log_used: the log θ by which the current node was chosen.
    log_p: of the tokens. is_finished: the last token ended the text. log_extra: the unbounded part of its score.
    """

    __slots__ = ("is_finished", "log_extra", "log_p", "log_used", "matcher", "path", "tokens")

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher
        self.path = [ROOT]
        self.tokens: list[int] = []
        self.log_p = self.log_used = self.log_extra = 0.0
        self.is_finished = False

    @property
    def node(self) -> int:
        """Where the walk is."""
        return self.path[-1]

    def copy(self) -> Walk:
        """An independent walk at the same place."""
        new = Walk(self.matcher.copy())
        new.path, new.tokens = self.path.copy(), self.tokens.copy()
        new.log_p, new.log_used, new.log_extra = self.log_p, self.log_used, self.log_extra
        new.is_finished = self.is_finished
        return new


class Step:
    """The model's output at a node, as far as the constraint allows it: ids (ascending) and log p, [k] each."""

    __slots__ = ("ids", "log_p")

    def __init__(self, ids: Ids, log_p: Row) -> None:
        self.ids = ids
        self.log_p = log_p

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return 16 * len(self.ids) + 400

    def mass(self, without: Iterable[int] = ()) -> tuple[Row, float]:
        """(masses in proportion, 0 for the tokens `without`; log of their sum)."""
        top = self.log_p.max(initial=NEVER)
        if top == NEVER:
            return np.zeros(len(self.ids)), NEVER
        p = np.exp(self.log_p - top)
        for token in without:
            at = int(np.searchsorted(self.ids, token))
            if at < len(p) and self.ids[at] == token:
                p[at] = 0.0
        total = float(p.sum())
        return p, top + float(np.log(total)) if total > 0.0 else NEVER

    def log_p_of(self, token: int) -> float:
        """log p of an allowed token."""
        return float(self.log_p[int(np.searchsorted(self.ids, token))])


class Tree:
    """See above. compiled: a CompiledConstraint, or anything with `vocabulary` and `matcher()`.

    max_tokens: tokens of a text, the one that ends it included; longer texts count as outside of the language.
    cache_bytes: model outputs that are kept, the latest ones; a prefix seen again then costs no model call.
    """

    def __init__(
        self,
        model: Model,
        compiled: Any,
        *,
        max_tokens: int,
        warp: Warp | None = None,
        potentials: Potentials | None = None,
        trie: Trie | None = None,
        cache_bytes: int = 256 << 20,
    ) -> None:
        if max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        self.model = model
        self.compiled = compiled
        self.vocabulary = compiled.vocabulary
        self.ends = frozenset(self.vocabulary.eos_ids)
        if not self.ends:
            raise ConstraintError("the vocabulary has no end-of-sequence token, so no text could end")
        self.max_tokens = max_tokens
        self.warp = warp or Warp()
        self.potentials = potentials or Potentials()
        self.trie = Trie() if trie is None else trie
        self.cache_bytes = cache_bytes
        self.model_calls = 0  # next-token distributions that the model was asked for
        self.model_seconds = 0.0
        self.reused = 0  # those that were there already
        self._cached: OrderedDict[int, Step] = OrderedDict()
        self._bytes = 0
        self._ends = np.array(sorted(self.ends), np.int64)
        self._mask = np.zeros(self.vocabulary.words, np.uint32)

    # -- walking ------------------------------------------------------------------------------------------------------

    def walk(self) -> Walk:
        """A walk at the root."""
        return Walk(self.compiled.matcher())

    def enter(self, walk: Walk, learned: bool = True) -> Asking[float]:
        """log c of the walk's node: Σ p·θ over the tokens that may follow; Σ p when not `learned`; at the end of a text
        log φ. -inf in a dead end."""
        trie, node = self.trie, walk.node
        if walk.is_finished and self.potentials and not (trie.is_open(node) and self.potentials.bounded):
            rest, walk.log_extra = self.potentials.of_text(self.text(walk.tokens))
            if not trie.is_open(node):
                trie.open(node, rest)
        elif trie.is_open(node):
            self.reused += 1
        elif walk.is_finished:
            trie.open(node, 0.0)
        else:
            rest = NEVER
            if not self.potentials or self.potentials.allow(self.prefix(walk.tokens)):
                step = yield from self.step(walk)
                rest = step.mass()[1]
            if not trie.is_open(node):  # another walk may have come first
                trie.open(node, rest)
        return trie.refresh(node) if learned else trie.log_mass(node)

    def choose(self, walk: Walk, dice: Dice, learned: bool = True, without: int = NONE) -> Asking[None]:
        """Go to a token that may follow the walk's node, which was entered and is no dead end.

        without: a child that can't be chosen.
        """
        trie, node = self.trie, walk.node
        children, masses = trie.weights(node, learned)
        if without >= 0 and len(masses) > 1:
            at = children.index(without)
            kept, masses[at] = masses[at], NEVER
            if max(masses) == NEVER:  # rounding: there is no other
                masses[at] = kept
        top = max(masses)
        at = dice.pick([math.exp(x - top) for x in masses]) if len(masses) > 1 else 0
        if at < len(children):
            self.go(walk, children[at], trie.log_theta(children[at]))
            return
        known = [trie.token(child) for child in children]
        step = yield from self.step(walk)
        # meanwhile other walks may have added edges: this one chooses among the tokens that had none, with θ = 1
        weights, _ = step.mass(known)
        self.go(walk, self.child(node, int(step.ids[dice.pick(weights)]), step), 0.0)

    def child(self, node: int, token: int, step: Step) -> int:
        """The child by an allowed token; made if need be. step: of the node."""
        trie = self.trie
        child = trie.find(node, token)
        if child < 0:
            rest = step.mass([token, *(trie.token(c) for c in trie.children(node))])[1]
            child = trie.add(node, token, step.log_p_of(token), rest)
        return child

    def go(self, walk: Walk, child: int, log_used: float) -> None:
        """Take the token of a child that was chosen by this log θ."""
        token = self.trie.token(child)
        walk.path.append(child)
        walk.tokens.append(token)
        walk.log_p += self.trie.log_p(child)
        walk.log_used = log_used
        if token in self.ends:
            walk.is_finished = True
        elif not walk.matcher.accept(token):
            raise ConstraintError(f"the trie is another constraint's: token {token} is not allowed where it has it")

    def retreat(self, walk: Walk, length: int) -> None:
        """Take back all but the first tokens."""
        read = len(walk.tokens) - walk.is_finished
        walk.matcher.rollback(max(read - length, 0))
        if length < len(walk.tokens):
            walk.is_finished = False
            walk.log_extra = 0.0
        del walk.path[length + 1 :]
        del walk.tokens[length:]
        walk.log_p = self.trie.log_path(walk.node)
        walk.log_used = self.trie.log_theta(walk.node)

    def step(self, walk: Walk) -> Asking[Step]:
        """What the model says at the walk's node about the allowed tokens: from the cache, or from the model."""
        node = walk.node
        step = self._cached.get(node)
        if step is not None:
            self._cached.move_to_end(node)
            self.reused += 1
            return step
        ids = self._allowed(walk)
        row = (yield walk) if len(ids) else np.zeros(0)
        if len(ids) and ids[-1] >= len(row):  # the model has no score for the last ids
            ids = ids[ids < len(row)]
        step = Step(ids, row[ids])
        if node not in self._cached:
            self._cached[node] = step
            self._bytes += step.nbytes
            while self._bytes > self.cache_bytes and len(self._cached) > 1:
                self._bytes -= self._cached.popitem(last=False)[1].nbytes
        return step

    def _allowed(self, walk: Walk) -> Ids:
        """The ids that the constraint allows next, ascending."""
        ends = self._ends if walk.matcher.is_accepting else self._named_ends(walk.matcher)
        if len(walk.tokens) + 1 >= self.max_tokens:
            return ends
        walk.matcher.fill_mask(self._mask)
        bits = np.unpackbits(self._mask.astype("<u4", copy=False).view(np.uint8), bitorder="little")
        bits[self._ends] = 0
        bits[ends] = 1
        return np.flatnonzero(bits)

    def _named_ends(self, matcher: Any) -> Ids:
        """The ends that complete the text because a rule names them, where it is not complete without."""
        found = []
        for end in self._ends.tolist():
            copy = matcher.copy()
            if copy.accept(end) and copy.is_finished:
                found.append(end)
        return np.array(found, self._ends.dtype)

    # -- asking the model ---------------------------------------------------------------------------------------------

    def rows(self, walks: Sequence[Walk]) -> list[Row]:
        """log p [V] after each of these walks. Walks at one node are asked for once."""
        places: dict[int, int] = {}
        asked: list[list[int]] = []
        for walk in walks:
            if walk.node not in places:
                places[walk.node] = len(asked)
                asked.append(walk.tokens)
        out: list[Row] = []
        for i in range(0, len(asked), self.model.batch):
            some = asked[i : i + self.model.batch]
            begun = time.perf_counter()
            scores = self.model.scores(some)
            self.model_seconds += time.perf_counter() - begun
            out += [self.warp.log_probabilities(row) for row in scores]
        self.model_calls += len(asked)
        return [out[places[walk.node]] for walk in walks]

    def run(self, asking: Asking[T]) -> T:
        """The result of one generator."""
        try:
            walk = next(asking)
            while True:
                walk = asking.send(self.rows([walk])[0])
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def run_together(self, asking: Sequence[Asking[T]]) -> list[T]:
        """The results of several generators, whose questions to the model go together."""
        results: dict[int, T] = {}
        waiting: list[tuple[int, Walk]] = []
        rows: dict[int, Row] = {}
        going = list(range(len(asking)))
        while going:
            waiting.clear()
            for i in going:
                try:
                    waiting.append((i, asking[i].send(rows[i]) if i in rows else next(asking[i])))
                except StopIteration as stop:
                    results[i] = stop.value
            going = [i for i, _ in waiting]
            rows = dict(zip(going, self.rows([walk for _, walk in waiting]), strict=True))
        return [results[i] for i in range(len(asking))]

    # -- texts --------------------------------------------------------------------------------------------------------

    def text(self, tokens: Sequence[int]) -> str:
        """The text of these tokens."""
        return self._bytes_of(tokens).decode("utf-8", "replace")

    def prefix(self, tokens: Sequence[int]) -> str:
        """The text so far, up to its last whole character."""
        return codecs.getincrementaldecoder("utf-8")("replace").decode(self._bytes_of(tokens))

    def guide(self, walk: Walk) -> float:
        """What the potentials guess at the walk's place."""
        return self.potentials.guide(self.prefix(walk.tokens))

    def _bytes_of(self, tokens: Sequence[int]) -> bytes:
        return b"".join(map(self.vocabulary.token_bytes, tokens))

    # -- bookkeeping --------------------------------------------------------------------------------------------------

    def prune(self) -> None:
        """Keep the trie within its bound. No walk may be under way."""
        new = self.trie.prune()
        if new is not None:
            self._cached = OrderedDict((new[u], step) for u, step in self._cached.items() if u in new)
            self._bytes = sum(step.nbytes for step in self._cached.values())

    @property
    def log_bounds(self) -> tuple[float, float]:
        """log of a lower and an upper bound of Z = Σ p(x)·φ(x) over the language, as far as its potentials have bounds.

        With a score that has no bound, Z without its part.
        """
        low, high = self.trie.log_bounds(self.ends)
        return low + self.potentials.log_upper, high + self.potentials.log_upper
