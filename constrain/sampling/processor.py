"""ASAp as a logits processor: `generate` samples from p·θ, and what each text teaches stays for the next ones.

    processor = AsapProcessor(c, tokenizer, temperature=0.8, max_tokens=100)
    for _ in range(20):
        output = model.generate(**inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=100,
                                logits_processor=[processor])
        log_weights = processor.log_weights(output)

Temperature, top-k and top-p are the processor's. `generate` would apply its own to p·θ, after the processor; that
sharpens θ too, and the samples stay wrong however much is learned. So the processor refuses to run before them.
"""

from __future__ import annotations

import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from constrain.decoding.huggingface import vocabulary_of
from constrain.errors import ConstraintError
from constrain.sampling.models import Row, Warp
from constrain.sampling.tree import Asking, Step, T, Tree, Walk, tag_of
from constrain.sampling.trie import NEVER, Trie

if TYPE_CHECKING:
    from constrain.constraint import Constraint

PROMPTS = 64  # prompts whose tries are kept
UNLIMITED = 1 << 30


class AsapProcessor(LogitsProcessor):  # type: ignore[misc]
    """See above. For sampling (`do_sample=True`, one beam), any batch; rows with one prompt share its trie.

    temperature, top_k, top_p, min_p, warpers: see `Warp`. max_tokens: give it `max_new_tokens`, and longer texts count
    as outside of the language. tries: by prompt (a tuple of token ids, without padding), what was learned before by a
    processor like this one; `processor.tries` has what is known now, for `Trie.save`. max_nodes: bound of a new trie.
    """

    def __init__(
        self,
        constraint: Constraint,
        tokenizer: Any,
        *,
        max_tokens: int = UNLIMITED,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        min_p: float = 0.0,
        warpers: Iterable[Callable[[Row], Row]] = (),
        tries: Mapping[tuple[int, ...], Trie] | None = None,
        max_nodes: int = 1_000_000,
        eos: int | Iterable[int] | None = None,
    ) -> None:
        self._compiled = constraint.compile(vocabulary_of(tokenizer, eos))
        self._warp = Warp(temperature, top_k, top_p, min_p, tuple(warpers))
        self._max_tokens, self._max_nodes = max_tokens, max_nodes
        self._padding = getattr(tokenizer, "pad_token_id", None)
        self.tries: OrderedDict[tuple[int, ...], Trie] = OrderedDict(tries or {})
        self._rows: list[_Row] = []
        self._last: torch.Tensor | None = None
        self._start = 0
        self._caller: weakref.ref[Any] | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """log p + log θ of the allowed tokens, -inf for others. input_ids: [B, T]; scores: [B, V]."""
        caller = sys._getframe(1).f_locals.get("self")
        caller = caller if isinstance(caller, LogitsProcessorList) else None
        if self._goes_on(input_ids, caller):
            for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
                row.take(token)
        else:
            _refuse_warpers(caller, self)
            self._begin(input_ids)
            self._caller = None if caller is None else weakref.ref(caller)
        self._last = input_ids.clone()
        out = np.full(scores.shape, -np.inf, np.float32)
        host = scores.detach().float().cpu().numpy()
        for i, row in enumerate(self._rows):
            row.offer(self._warp, host[i], out[i])
        return torch.from_numpy(out).to(device=scores.device, dtype=scores.dtype)

    def log_weights(self, sequences: torch.Tensor) -> npt.NDArray[np.float64]:
        """log p(x)/q(x) of each row that the latest call of `generate` returned, float64 [B] (see `Draw`); -inf for a
        row that is no whole text."""
        if len(sequences) != len(self._rows) or self._last is None or sequences.shape[1] < self._last.shape[1]:
            raise ConstraintError("these are not the rows that the processor saw last")
        if not torch.equal(sequences[:, : self._last.shape[1]], self._last):
            raise ConstraintError("these are not the rows that the processor saw last")
        out = []
        for row, tokens in zip(self._rows, sequences[:, self._last.shape[1] :].tolist(), strict=True):
            if tokens and not row.walk.is_finished:
                row.take(tokens[0])
            out.append(row.log_weight if row.walk.is_finished else NEVER)
        self._rows, self._last = [], None
        return np.array(out)

    def _goes_on(self, input_ids: torch.Tensor, caller: object) -> bool:
        """Does each row of the last call have one more token? A `generate` that does something else is refused."""
        last = self._last
        known = self._caller() if self._caller is not None else None
        follows = (
            last is not None
            and input_ids.shape == (last.shape[0], last.shape[1] + 1)
            and torch.equal(input_ids[:, :-1].to(last.device), last)
        )
        if caller is None or caller is known:
            if caller is not None and not follows:
                raise ConstraintError(
                    "ASAp follows rows that grow by one token at a time",
                    hint="Use do_sample=True with one beam, and no assistant.",
                )
            return follows
        return False

    def _begin(self, input_ids: torch.Tensor) -> None:
        self._rows = []
        trees: dict[tuple[int, ...], Tree] = {}
        for ids in input_ids.tolist():
            start = 0
            while start < len(ids) - 1 and ids[start] == self._padding:
                start += 1
            prompt = tuple(ids[start:])
            if prompt not in trees:
                tag = tag_of(self._compiled.vocabulary, prompt, self._max_tokens, self._warp, "processor")
                trie = self.tries.setdefault(prompt, Trie(self._max_nodes, tag))
                if trie.tag != tag:
                    raise ConstraintError("a trie was made with another prompt, vocabulary, length or other warpers")
                self.tries.move_to_end(prompt)
                tree = trees[prompt] = Tree(
                    _Given(), self._compiled, max_tokens=self._max_tokens, trie=trie, cache_bytes=0
                )
                tree.prune()
            self._rows.append(_Row(trees[prompt]))
        while len(self.tries) > max(PROMPTS, len(trees)):
            self.tries.popitem(last=False)


class _Row:
    """A text under way. log_weight: log p/q of what was written; step: what was offered last, with the θ of then.

    is_dead: nothing may follow (no token left by max_tokens or the warpers). It ends then, and counts nothing.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.walk: Walk = tree.walk()
        self.log_weight = 0.0
        self.is_dead = False
        self.step: Step | None = None
        self.log_theta: dict[int, float] = {}

    def take(self, token: int) -> None:
        """The token that was sampled from what was offered."""
        walk, tree = self.walk, self.tree
        if walk.is_finished or self.is_dead:
            return
        assert self.step is not None
        at = int(np.searchsorted(self.step.ids, token))
        if at == len(self.step.ids) or self.step.ids[at] != token:
            raise ConstraintError(f"token {token} was sampled, which was forbidden")
        tree.go(walk, tree.child(walk.node, token, self.step), self.log_theta.get(token, 0.0))
        if walk.is_finished:
            self.log_weight += _given(tree.enter(walk), None) - walk.log_used
            tree.trie.back_up(walk.node)

    def offer(self, warp: Warp, scores: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
        """Write log p + log θ for the next token."""
        walk, tree = self.walk, self.tree
        if walk.is_finished or self.is_dead:
            out[[i for i in tree.ends if i < len(out)]] = 0.0
            return
        row = warp.log_probabilities(scores)
        self.log_weight += _given(tree.enter(walk), row) - walk.log_used
        tree.trie.back_up(walk.node)
        step = self.step = _given(tree.step(walk), row)
        self.log_theta = {tree.trie.token(c): tree.trie.log_theta(c) for c in tree.trie.children(walk.node)}
        log_q = step.log_p.copy()
        for token, log_theta in self.log_theta.items():
            log_q[int(np.searchsorted(step.ids, token))] += log_theta
        if not (log_q > -np.inf).any():
            self.is_dead = True
            self.offer(warp, scores, out)
            return
        out[step.ids] = log_q - log_q.max()


class _Given:
    """In place of a model: its outputs come with each call of the processor."""

    batch = 1

    def scores(self, generated: object) -> Any:
        """Never asked."""
        raise AssertionError("the scores come from generate")


def _given(asking: Asking[T], row: Row | None) -> T:
    """The result of a generator whose question is answered by this row."""
    try:
        next(asking)
        assert row is not None
        asking.send(row)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("one row answers all")


def _refuse_warpers(caller: LogitsProcessorList | None, me: AsapProcessor) -> None:
    """ConstraintError where `generate` changes the distribution after the processor."""
    after = False
    for one in caller or ():
        if after and type(one).__name__.endswith("Warper"):
            raise ConstraintError(
                f"generate would apply {type(one).__name__} after ASAp, which bends what it learns",
                hint="Give temperature, top_k and top_p to the processor, and 1.0, 0 and 1.0 to generate.",
            )
        after = after or one is me
