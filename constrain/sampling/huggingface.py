"""Hugging Face causal language models for samplers: the prompt is read once, and texts that share a beginning share it.

The key-value cache has one row per sequence that goes on at the same time. Behind the prompt its columns are filled
from left to right by all rows together. A row that goes on from an earlier place just hides the columns of the tokens
that it took back (attention mask), so nothing is copied; columns that no row needs any more are cut off at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from constrain.errors import ConstraintError

SPARE = 256  # hidden columns from which on the rows are read anew


class HuggingFaceModel:
    """A model after a prompt (at least one token). batch: sequences that one call takes at most."""

    def __init__(self, model: Any, prompt: Sequence[int], *, batch: int = 8) -> None:
        if getattr(model.config, "is_encoder_decoder", False):
            raise ConstraintError("encoder-decoder models can't be sampled from", hint="Use a logits processor.")
        if not prompt:
            raise ConstraintError("the prompt needs at least one token", hint="Begin with the tokenizer's bos token.")
        self.batch = batch
        self._model = model
        self._prompt = list(prompt)
        self._cache: Any = None
        self._first: npt.NDArray[np.float32] | None = None
        self._shares = True  # can the cache go back?
        self._held: list[list[tuple[int, int]]] = []  # (token, column behind the prompt) of each row
        self._columns = 0

    def scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        """See `Model`."""
        with torch.no_grad():
            return self._scores(generated)

    def _scores(self, generated: Sequence[Sequence[int]]) -> Sequence[npt.NDArray[Any]]:
        if self._first is None:
            self._read_prompt()
            assert self._first is not None
        wanted = [list(tokens) for tokens in generated if len(tokens)]
        rows = iter(self._go_on(wanted) if self._shares else self._from_scratch(wanted)) if wanted else iter(())
        return [next(rows) if len(tokens) else self._first for tokens in generated]

    def _read_prompt(self) -> None:
        ids = torch.tensor([self._prompt], device=self._model.device)
        out = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
        self._first = _host(out.logits[:, -1])[0]
        self._cache = out.past_key_values
        layers = getattr(self._cache, "layers", [])
        self._shares = bool(layers) and all(type(layer).__name__ == "DynamicLayer" for layer in layers)
        if not self._shares:  # a window or a running state: it can't forget the last tokens
            self._cache = None
        self._held = [[]]

    def _from_scratch(self, wanted: list[list[int]]) -> npt.NDArray[np.float32]:
        """Scores without a cache."""
        width = max(map(len, wanted))
        ids = torch.tensor([[0] * (width - len(w)) + self._prompt + w for w in wanted], device=self._model.device)
        mask = torch.tensor(
            [[0] * (width - len(w)) + [1] * (len(self._prompt) + len(w)) for w in wanted], device=self._model.device
        )
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        out = self._model(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False, logits_to_keep=1)
        return _host(out.logits[:, -1])

    def _go_on(self, wanted: list[list[int]]) -> list[npt.NDArray[np.float32]]:
        self._fit(len(wanted))
        if self._columns > SPARE + 2 * max(map(len, wanted)):
            self._shrink(0)  # too much is hidden: all rows are read anew from their tokens
        rows = self._assign(wanted)
        new: list[list[int]] = [[] for _ in self._held]
        for row, tokens in zip(rows, wanted, strict=True):
            held = self._held[row]
            shared = 0
            while shared < min(len(held), len(tokens) - 1) and held[shared][0] == tokens[shared]:
                shared += 1
            del held[shared:]  # also the last token where it is there already: its scores were not kept
            new[row] = tokens[shared:]
        self._cut()
        width = max(map(len, new))
        ids, places, mask = self._inputs(new, width)
        device = self._model.device
        out = self._model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=torch.from_numpy(mask).to(device),
            position_ids=torch.from_numpy(places).to(device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._cache = out.past_key_values
        for row, tokens in enumerate(new):
            start = self._columns + width - len(tokens)
            self._held[row] += [(token, start + i) for i, token in enumerate(tokens)]
        self._columns += width
        logits = _host(out.logits[:, -1])
        return [logits[row] for row in rows]

    def _inputs(
        self, new: list[list[int]], width: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Token ids and positions [rows, width], attention mask [rows, prompt + columns + width]; right-aligned."""
        before = len(self._prompt)
        ids = np.zeros((len(new), width), np.int64)
        places = np.full((len(new), width), before, np.int64)
        mask = np.zeros((len(new), before + self._columns + width), np.int64)
        mask[:, :before] = 1
        for row, tokens in enumerate(new):
            held = self._held[row]
            mask[row, [before + column for _, column in held]] = 1
            if tokens:
                ids[row, -len(tokens) :] = tokens
                places[row, -len(tokens) :] = before + len(held) + np.arange(len(tokens))
                mask[row, -len(tokens) :] = 1
        return ids, places, mask

    def _fit(self, rows: int) -> None:
        """As many rows in the cache as are needed."""
        have = len(self._held)
        if rows > have:
            self._shrink(0)
            self._cache.batch_repeat_interleave(rows) if have == 1 else self._select([0] * rows)
            self._held = [[] for _ in range(rows)]
        elif rows * 4 <= have:
            kept = sorted(range(have), key=lambda i: len(self._held[i]), reverse=True)[:rows]
            self._select(kept)
            self._held = [self._held[i] for i in kept]

    def _select(self, rows: list[int]) -> None:
        self._cache.batch_select_indices(torch.tensor(rows, device=self._model.device))

    def _assign(self, wanted: list[list[int]]) -> list[int]:
        """A row for each sequence: those that share most with what a row holds come first."""
        shares = sorted(
            ((-_shared(held, tokens), i, row) for i, tokens in enumerate(wanted) for row, held in enumerate(self._held))
        )
        rows: dict[int, int] = {}
        taken: set[int] = set()
        for _, i, row in shares:
            if i not in rows and row not in taken:
                rows[i] = row
                taken.add(row)
        return [rows[i] for i in range(len(wanted))]

    def _cut(self) -> None:
        """Cut off the last columns that no row needs."""
        self._shrink(max((held[-1][1] + 1 for held in self._held if held), default=0))

    def _shrink(self, columns: int) -> None:
        if columns < self._columns:
            self._cache.crop(columns - self._columns)
            self._columns = columns
            for held in self._held:
                while held and held[-1][1] >= columns:
                    held.pop()


def _shared(held: list[tuple[int, int]], tokens: list[int]) -> int:
    n = 0
    for (token, _), other in zip(held, tokens, strict=False):
        if token != other:
            break
        n += 1
    return n


def _host(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    """Logits as an array of the host."""
    array: npt.NDArray[np.float32] = logits.float().cpu().numpy()
    return array
