"""`constrain.sample`: texts of a constraint, drawn from a model by any of the methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from constrain.errors import ConstraintError
from constrain.sampling import aprad, attempts, mcmc, smc
from constrain.sampling.dice import Dice
from constrain.sampling.models import CallableModel, Model, Row, Warp
from constrain.sampling.potentials import Potentials, Predicate, Score
from constrain.sampling.result import Account, Draw, Samples
from constrain.sampling.tree import Tree, tag_of
from constrain.sampling.trie import Trie
from constrain.vocabulary import Vocabulary

if TYPE_CHECKING:
    from constrain.constraint import Constraint

BUDGET = 10_000  # model calls, where no budget is given


@dataclass(frozen=True)
class Method:
    """What a method promises. exact: each draw has the model's distribution, conditioned on the language.
    weighted: draws have weights, whose mean estimates Z without bias. options: names of
    its own options.
    """

    exact: bool
    weighted: bool
    guarantee: str
    options: tuple[str, ...] = ()

    @property
    def unbounded(self) -> bool:
        """May scores be without upper bounds?"""
        return self.weighted or "steps" in self.options


METHODS: dict[str, Method] = {
    "cars": Method(True, False, "exact, independent draws; learns from what it rejects", ("batch",)),
    "rejection": Method(True, False, "exact, independent draws; learns nothing", ("batch",)),
    "asap": Method(False, True, "draws tend to the model's distribution; weights are unbiased", ("batch",)),
    "mask": Method(False, True, "draws are bent by the mask and stay so; weights are unbiased", ("batch",)),
    "smc": Method(False, True, "weights are unbiased; exact with more and more particles", ("particles", "threshold")),
    "awrs": Method(False, True, "as smc, for predicates that are dear to ask", ("particles", "threshold")),
    "mcmc": Method(False, False, "draws tend to the model's distribution with more steps", ("steps", "proposal")),
    "aprad": Method(False, False, "closer to the model than masking; no promise"),
}


class Sampler:
    """Draws for one model, prompt and constraint. What one call learns (the trie), the next ones use.

    model: a Hugging Face causal language model; or a function from token ids (the prompt's and the generated ones) to
    scores [V] of the next token, logits or log-probabilities; or a `Model`. tokenizer: the model's tokenizer, or a
    Vocabulary. prompt: text, token ids, or a chat (a list of {"role", "content"}). constraint: None leaves the texts
    to the potentials alone.
    max_tokens: of a text, its end included; longer ones count as outside of the language.
    temperature, top_k, top_p, min_p, warpers: change the model's distribution; see `Warp`.
    potentials: predicates and scores, see `Predicate` and `Score`.
    trie: what was learned before under the same conditions, see `Trie.load`. max_nodes: bound of a new one.
    cache_bytes: model outputs that are kept. eos: ids that end a text, in place of the tokenizer's. batch: how many
    sequences a Hugging Face model is given at once where a method has several under way; it keeps the keys and values
    of as many, so give it no fewer than there are particles or concurrent attempts.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompt: str | Sequence[int] | Sequence[dict[str, str]],
        constraint: Constraint | None,
        *,
        max_tokens: int = 256,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        min_p: float = 0.0,
        warpers: Iterable[Callable[[Row], Row]] = (),
        potentials: Predicate | Score | Iterable[Predicate | Score] = (),
        seed: object = None,
        trie: Trie | None = None,
        max_nodes: int = 1_000_000,
        cache_bytes: int = 256 << 20,
        eos: int | Iterable[int] | None = None,
        batch: int = 8,
    ) -> None:
        warp = Warp(temperature, top_k, top_p, min_p, tuple(warpers))
        parts = (potentials,) if isinstance(potentials, Predicate | Score) else tuple(potentials)
        is_torch = hasattr(model, "config") and hasattr(model, "generate")
        if is_torch and eos is None and not isinstance(tokenizer, Vocabulary):
            eos = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        if is_torch:
            from constrain.decoding.huggingface import vocabulary_of  # remembers what it has read

            vocabulary = vocabulary_of(tokenizer, eos)
        else:
            vocabulary = Vocabulary.from_tokenizer(tokenizer, eos=eos)
        ids = prompt_ids(tokenizer, prompt)
        adapted: Model
        if is_torch:
            from constrain.sampling.huggingface import HuggingFaceModel

            adapted = HuggingFaceModel(model, ids, batch=batch)
        elif hasattr(model, "scores") and hasattr(model, "batch"):
            adapted = model
        elif callable(model):
            adapted = CallableModel(model, ids)
        else:
            raise TypeError(f"not a model: {type(model).__name__}")
        name = str(getattr(getattr(model, "config", None), "_name_or_path", ""))
        tag = tag_of(vocabulary, ids, max_tokens, warp, name, len(parts))
        if trie is not None and trie.tag not in ("", tag):
            raise ConstraintError("the trie was made with another model, prompt, vocabulary or other warpers")
        self.trie = Trie(max_nodes, tag) if trie is None else trie
        self.trie.tag = tag
        compiled = Free(vocabulary) if constraint is None else constraint.compile(vocabulary)
        self.tree = Tree(
            adapted,
            compiled,
            max_tokens=max_tokens,
            warp=warp,
            potentials=Potentials(*parts),
            trie=self.trie,
            cache_bytes=cache_bytes,
        )
        self.dice = Dice(seed)
        self._batch = batch

    def sample(self, n: int = 1, method: str = "cars", *, progress: bool = False, **options: Any) -> Samples:
        """n draws. budget, fallback and the method's options: see `stream`. progress: a bar (needs tqdm)."""
        stream = self.stream(n, method, **options)
        bar = _bar(n, method) if progress else None
        try:
            for _ in stream:
                if bar is not None:
                    bar.set_postfix(calls=stream.model_calls, refresh=False)
                    bar.update(1)
        finally:
            if bar is not None:
                bar.close()
        return stream.result()

    def stream(
        self, n: int = 1, method: str = "cars", *, budget: int = BUDGET, fallback: str | None = None, **options: Any
    ) -> Stream:
        """Draws one by one, as they are made.

        budget: model calls after which nothing new is begun; an attempt that finds all in the trie counts a hundredth.
        fallback: the method for the draws that are then missing, with the same budget again; each draw says which
        method made it. None: there are fewer draws.
        options: batch (attempts under way at a time), particles, threshold, steps, proposal; see `METHODS`.
        """
        for name in (method, *([fallback] if fallback else [])):
            if name not in METHODS:
                raise ValueError(f"method must be one of {', '.join(METHODS)}, not {name!r}")
            if not METHODS[name].unbounded and not self.tree.potentials.bounded:
                raise ConstraintError(
                    f"{name} needs an upper bound of every score", hint="Give Score(..., log_upper=...), or use smc."
                )
        if name_not_known := set(options) - {*METHODS[method].options, *METHODS[fallback or method].options}:
            raise TypeError(f"{method} has no option {', '.join(sorted(name_not_known))}")
        if n < 0 or budget < 0:
            raise ValueError("n and budget can't be negative")
        return Stream(self.tree, self.dice, n, method, budget, fallback, options)


class Stream(Iterator[Draw]):
    """Draws as they come. `result` gives what there is so far."""

    def __init__(
        self, tree: Tree, dice: Dice, n: int, method: str, budget: int, fallback: str | None, options: dict[str, Any]
    ) -> None:
        self._tree = tree
        self._n = n
        self._draws: list[Draw] = []
        self._account = Account()
        self._seconds = 0.0
        self._before = (tree.model_calls, tree.reused, tree.model_seconds)
        self._source = self._run(dice, method, budget, fallback, options)

    def __next__(self) -> Draw:
        begun = time.perf_counter()
        try:
            draw = next(self._source)
        finally:
            self._seconds += time.perf_counter() - begun
        self._draws.append(draw)
        return draw

    @property
    def model_calls(self) -> int:
        """Model calls so far."""
        return self._tree.model_calls - self._before[0]

    def result(self) -> Samples:
        """The draws so far, and what is known."""
        tree, account = self._tree, self._account
        return Samples(
            tuple(self._draws),
            account.log_z,
            tree.log_bounds,
            self.model_calls,
            tree.reused - self._before[1],
            account.attempts,
            self._seconds,
            tree.model_seconds - self._before[2],
            max(0, self._n - len(self._draws)),
        )

    def _run(
        self, dice: Dice, method: str, budget: int, fallback: str | None, options: dict[str, Any]
    ) -> Iterator[Draw]:
        if self._n == 0:
            return
        yield from self._method(dice, method, self._n, budget, self._account, options)
        if fallback is not None and len(self._draws) < self._n:
            missing = self._n - len(self._draws)
            yield from self._method(dice, fallback, missing, budget, Account(), options)

    def _method(
        self, dice: Dice, method: str, n: int, budget: int, account: Account, options: dict[str, Any]
    ) -> Iterator[Draw]:
        tree = self._tree
        mine = {name: value for name, value in options.items() if name in METHODS[method].options}
        if method in attempts.METHODS:
            return attempts.draws(tree, dice, n, account, method=method, budget=budget, **mine)
        if method == "mcmc":
            return mcmc.draws(tree, dice, n, account, budget=budget, **mine)
        if method == "aprad":
            return aprad.draws(tree, dice, n, account, budget=budget)
        return smc.draws(tree, dice, n, account, budget=budget, checked=method == "awrs", **mine)


def sample(
    model: Any,
    tokenizer: Any,
    prompt: str | Sequence[int] | Sequence[dict[str, str]],
    constraint: Constraint | None,
    *,
    n: int = 1,
    method: str = "cars",
    budget: int = BUDGET,
    fallback: str | None = None,
    progress: bool = False,
    particles: int | None = None,
    steps: int | None = None,
    proposal: str | None = None,
    threshold: float | None = None,
    concurrent: int | None = None,
    **settings: Any,
) -> Samples:
    """n texts of a constraint that follow the model's distribution as closely as the method promises.

    method: "cars" (exact), "rejection" (exact), "asap", "smc", "awrs", "mcmc", "aprad", "mask"; `METHODS` says what
    each guarantees. concurrent: attempts that share the model's batches (cars, rejection, asap, mask). Other arguments:
    see `Sampler` and `Sampler.stream`. Raises Unsatisfiable when no text has a probability.
    """
    given = {"particles": particles, "steps": steps, "proposal": proposal, "threshold": threshold, "batch": concurrent}
    options = {name: value for name, value in given.items() if value is not None}
    sampler = Sampler(model, tokenizer, prompt, constraint, **settings)
    return sampler.sample(n, method, budget=budget, fallback=fallback, progress=progress, **options)


def prompt_ids(tokenizer: Any, prompt: str | Sequence[int] | Sequence[dict[str, str]]) -> list[int]:
    """The token ids of a prompt."""
    if isinstance(prompt, str):
        if not callable(tokenizer):
            if prompt:
                raise ConstraintError("a Vocabulary can't read a prompt", hint="Pass the prompt's token ids.")
            return []
        return list(tokenizer(prompt)["input_ids"])
    items = list(prompt)
    if items and isinstance(items[0], dict):
        text = tokenizer.apply_chat_template(items, tokenize=False, add_generation_prompt=True)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return [int(i) for i in items]  # type: ignore[call-overload]


class Free:
    """In place of a compiled constraint: every text."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._mask = _mask_of_all(vocabulary)

    is_accepting = True

    def matcher(self) -> Free:
        """It has no state."""
        return self

    copy = matcher

    def accept(self, token_id: int) -> bool:
        """Any token with text."""
        return bool(self._mask[token_id >> 5] >> (token_id & 31) & 1)

    def rollback(self, n: int) -> None:
        """Nothing to take back."""

    def fill_mask(self, mask: Any) -> None:
        """All tokens with text, and the ends."""
        mask[:] = self._mask


def _mask_of_all(vocabulary: Vocabulary) -> Any:
    import numpy as np

    bits = np.ones(vocabulary.words * 32, np.uint8)
    bits[vocabulary.size :] = 0
    bits[list(vocabulary.special_ids)] = 0
    return np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32)


def _bar(n: int, method: str) -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConstraintError("a progress bar needs the package tqdm", hint="pip install tqdm") from error
    return tqdm(total=n, desc=method, unit="text")
