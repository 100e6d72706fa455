"""The logits processor for Hugging Face `generate`: rows of every decoding mode stay in their constraint's language.

`generate` hands over all token ids and the scores of the next one, and nothing else: rows change places (beams), come
back shorter (assisted generation), or belong to another call of `generate` (the processor is used again). So the state
of a row is found by what the row holds, never by where it stands.
"""

from __future__ import annotations

import sys
import threading
import weakref
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from constrain.decoding.closing import Closing
from constrain.decoding.masking import MaskBuffer, apply_masks, floor_of
from constrain.decoding.rows import Matcher, Row, regroup
from constrain.engine import matcher as engine
from constrain.errors import ConstraintError, InvalidVocabulary
from constrain.vocabulary import Vocabulary

if TYPE_CHECKING:
    from constrain.constraint import Constraint

REMEMBERED = 3  # generations kept beside those that go on: loops that call a processor by hand

_vocabularies: weakref.WeakKeyDictionary[Any, tuple[object, Vocabulary]] = weakref.WeakKeyDictionary()


class ConstraintProcessor(LogitsProcessor):  # type: ignore[misc]
    """Keeps what `generate` writes within a constraint: `generate(..., logits_processor=[processor])`.

    constraint: one for all rows; or a list with one for each prompt of the batch, where None leaves a row free. Rows
    made from one prompt (beams, `num_return_sequences`) are under that prompt's constraint.
    tokenizer: the model's tokenizer, or a Vocabulary. eos: the ids that end a text, where they are not the tokenizer's
    own (`model.generation_config.eos_token_id`). max_new_tokens: that of `generate`; then every row is complete when
    they are used up (constrain/decoding/closing.py). LimitExceeded is raised where no complete text fits.

    Works for greedy search, sampling, beams, prompt lookup and assisted generation, in float16, bfloat16 and float32,
    on any device, and can be used for one call of `generate` after the other. The given scores are left as they are.
    """

    def __init__(
        self,
        constraint: Constraint | Sequence[Constraint | None],
        tokenizer: Any,
        *,
        eos: int | Iterable[int] | None = None,
        max_new_tokens: int | None = None,
    ) -> None:
        constraints: list[Any] = list(constraint) if isinstance(constraint, list | tuple) else [constraint]
        if not constraints:
            raise ValueError("no constraint given")
        self.vocabulary = vocabulary_of(tokenizer, eos)
        if not self.vocabulary.eos_ids:
            raise InvalidVocabulary(
                "the vocabulary has no end-of-sequence token, so a finished text could not end",
                hint="Pass eos=model.generation_config.eos_token_id.",
            )
        self._compiled = [None if c is None else c.compile(self.vocabulary) for c in constraints]
        self._max_new_tokens = max_new_tokens
        self._generations: list[_Generation] = []
        self._buffer = MaskBuffer(0, self.vocabulary.words, torch.device("cpu"))
        self._end_mask = np.zeros(self.vocabulary.words, np.uint32)
        for i in self.vocabulary.eos_ids:
            self._end_mask[i // 32] |= np.uint32(1 << i % 32)
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget all rows: the next call's rows are prompts."""
        with self._lock:
            self._generations.clear()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores with -inf for every token that is not allowed. input_ids: [B, T]; scores: [B, V].

        ConstraintError where the batch does not fit the constraints, or the model the tokenizer.
        """
        if input_ids.ndim != 2 or scores.ndim != 2 or len(input_ids) != len(scores):
            shapes = f"{tuple(input_ids.shape)} and {tuple(scores.shape)}"
            raise ConstraintError(
                f"token ids [B, T] and scores [B, V] are expected, not {shapes}",
                hint="Continuous batching (`generate_batch`) is not supported.",
            )
        if len(input_ids) % len(self._compiled):
            raise ConstraintError(
                f"{len(input_ids)} rows can't be shared out among {len(self._compiled)} constraints",
                hint="Give one constraint, or one for each prompt of the batch.",
            )
        with self._lock:
            try:
                rows = self._rows(input_ids, _caller())
                self._fill(rows, scores.device)
                out = apply_masks(scores, self._buffer)
            except BaseException:  # rows may have been left between two tokens
                self._generations.clear()
                raise
            strayed = [i for i, row in enumerate(rows) if row.has_strayed]
            if strayed:  # such a row can only end, at a price that no other row pays
                columns = [i for i in self.vocabulary.eos_ids if i < out.shape[1]]
                out[torch.tensor(strayed)[:, None], torch.tensor(columns)] = floor_of(out.dtype)
            return out

    def _rows(self, input_ids: torch.Tensor, caller: LogitsProcessorList | None) -> list[Row]:
        """The rows of these ids, which go on with a call of `generate` that was seen before or begin a new one.

        `generate` makes a LogitsProcessorList for each call, which lives as long as the call does. A list seen before
        is a generation seen before. A new list while none is alive is a new generation, however much its prompts look
        like what was generated last. Between (an assistant drafts within the call of the main model, or the processor
        is called by hand), the rows decide.
        """
        mine = [g for g in self._generations if g.is_called_by(caller)]
        others = [g for g in self._generations if g not in mine]
        if caller is not None and not any(g.is_alive for g in self._generations):
            self._generations, others = [], []
        for generation in (*mine, *others):
            rows = generation.follow(input_ids, caller)
            if rows is not None:
                self._generations.remove(generation)
                break
        else:
            generation = _Generation(self, input_ids, caller)
            rows = generation.rows
        alive = [g for g in self._generations if g.is_alive]
        over = [g for g in self._generations if not g.is_alive]
        self._generations = [generation, *alive, *over[:REMEMBERED]]
        return rows

    def _fill(self, rows: Sequence[Row], device: torch.device) -> None:
        """The bitmasks of these rows, into the buffer."""
        if self._buffer.shape[0] != len(rows) or self._buffer.device != device:
            self._buffer = MaskBuffer(len(rows), self.vocabulary.words, device)
        masks = self._buffer.host
        matchers = [row.matcher for row in rows]
        together = len(rows) > 1 and all(isinstance(matcher, engine.Matcher) for matcher in matchers)
        if together:
            engine.fill_masks(cast("list[engine.Matcher]", matchers), masks)
        for row, mask in zip(rows, masks, strict=True):
            if row.is_finished or row.has_strayed:
                mask[:] = self._end_mask
            elif not together:
                row.matcher.fill_mask(mask)

    def _begin(self, constraint: int) -> Matcher:
        """A matcher at the beginning of a text."""
        compiled = self._compiled[constraint]
        if compiled is None:
            return _Free(self.vocabulary)
        matcher = compiled.matcher()
        return matcher if self._max_new_tokens is None else Closing(matcher, self._max_new_tokens)


class _Generation:
    """One call of `generate`: the length of its prompts, and its rows as they were last seen.

    length: T of the first call; what comes after is generated. last: the ids of the last call, [B, T].
    """

    def __init__(
        self, processor: ConstraintProcessor, input_ids: torch.Tensor, caller: LogitsProcessorList | None
    ) -> None:
        self._begin = processor._begin
        self._constraints = len(processor._compiled)
        self._callers = [] if caller is None else [weakref.ref(caller)]
        self.length = input_ids.shape[1]
        self.last = input_ids.clone()
        self.rows = [Row(i, self._begin(i)) for i in self._shared_out(len(input_ids))]

    @property
    def is_alive(self) -> bool:
        """Does a call of `generate` that was seen here go on?"""
        return any(known() is not None for known in self._callers)

    def is_called_by(self, caller: LogitsProcessorList | None) -> bool:
        """Was this the list of processors that called before?"""
        return caller is not None and any(known() is caller for known in self._callers)

    def follow(self, input_ids: torch.Tensor, caller: LogitsProcessorList | None) -> list[Row] | None:
        """The rows of these ids; None where they do not go on with this generation.

        They go on with it when the prompts are the same and, unless it is known who calls, each row but for its last
        token was seen in the last call.
        """
        if not (input_ids.shape == self.last.shape and _equal(input_ids, self.last)):
            pushed = self._pushed(input_ids)
            if pushed is not None:
                for row, token in zip(self.rows, pushed, strict=True):
                    row.push(token)
            elif not self._may_follow(input_ids, self.is_called_by(caller)):
                return None
            else:
                host = _host(input_ids[:, self.length :])
                shares = self._shared_out(len(host))
                wanted = [(i, array("q", tokens.tobytes())) for i, tokens in zip(shares, host, strict=True)]
                self.rows = regroup(self.rows, wanted, self._begin)
            self.last = input_ids.clone()
        if caller is not None and not self.is_called_by(caller):
            self._callers = [known for known in self._callers if known() is not None]
            self._callers.append(weakref.ref(caller))
        return self.rows

    def _may_follow(self, input_ids: torch.Tensor, is_known: bool) -> bool:
        length, new, old = self.length, _host(input_ids), _host(self.last)
        if new.shape[1] < length or (not is_known and new.shape[1] > old.shape[1] + 1):
            return False
        seen = length if is_known else max(length, new.shape[1] - 1)
        return {row.tobytes() for row in new[:, :seen]} <= {row.tobytes() for row in old[:, :seen]}

    def _pushed(self, input_ids: torch.Tensor) -> list[int] | None:
        """The new last tokens where each row is the old one and a token more, as mostly. One wait for a device."""
        if input_ids.shape != (self.last.shape[0], self.last.shape[1] + 1) or input_ids.device != self.last.device:
            return None
        same = (input_ids[:, :-1] == self.last).all()
        told: list[int] = torch.cat((same[None].to(input_ids.dtype), input_ids[:, -1])).tolist()
        return told[1:] if told[0] else None

    def _shared_out(self, rows: int) -> list[int]:
        """The constraint of each row: `generate` keeps the rows of one prompt together, in the order of the prompts."""
        return [i * self._constraints // rows for i in range(rows)]


class _Free:
    """The matcher of a row without a constraint: every token may come, the end too."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._mask = np.full(vocabulary.words, 0xFFFFFFFF, np.uint32)

    is_finished = False

    def accept(self, token_id: int) -> bool:
        return True

    def rollback(self, n: int) -> None:
        pass

    def copy(self) -> _Free:
        return self

    def fill_mask(self, mask: npt.NDArray[np.uint32]) -> None:
        mask[:] = self._mask


def vocabulary_of(tokenizer: Any, eos: int | Iterable[int] | None = None) -> Vocabulary:
    """The vocabulary of a tokenizer, remembered as long as the tokenizer lives and has the same number of tokens."""
    if isinstance(tokenizer, Vocabulary):
        return tokenizer if eos is None else Vocabulary.from_tokenizer(tokenizer, eos=eos)
    ends = eos if eos is None or isinstance(eos, int) else tuple(eos)
    try:
        state = (len(tokenizer), tokenizer.eos_token_id, ends)
        known = _vocabularies.get(tokenizer)
    except (TypeError, AttributeError):  # not sized, not hashable, no such attribute: read it each time
        return Vocabulary.from_tokenizer(tokenizer, eos=ends)
    if known is None or known[0] != state:
        known = (state, Vocabulary.from_tokenizer(tokenizer, eos=ends))
        _vocabularies[tokenizer] = known
    return known[1]


def _caller() -> LogitsProcessorList | None:
    """The list of processors that called `__call__`, None when something else did."""
    frame = sys._getframe(2)
    caller = frame.f_locals.get("self")
    return caller if isinstance(caller, LogitsProcessorList) else None


def _host(ids: torch.Tensor) -> npt.NDArray[np.int64]:
    """Ids as an array of the host."""
    return np.ascontiguousarray(ids.cpu().numpy(), np.int64)


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.device == b.device and bool(torch.equal(a, b))
