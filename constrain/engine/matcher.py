"""The matcher: where a text stands in a constraint, which tokens may come next, and what follows a token.

Its state is one interned integer, so copying and rolling back cost nothing, whatever the length of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain import jit
from constrain.engine import kernels
from constrain.engine import layout as L
from constrain.engine.arena import NO_MASK
from constrain.vocabulary.special import in_text, spelling

if TYPE_CHECKING:
    from constrain.engine.compiled import CompiledConstraint
    from constrain.vocabulary.vocabulary import Vocabulary

Mask = npt.NDArray[np.uint32]
FINISHED = 0  # the state after an end-of-sequence token
_accept, _fill, _run = kernels.accept, kernels.fill, kernels.run


class Matcher:
    """One text under a compiled constraint. Not for use by two threads at once; different matchers are."""

    __slots__ = ("__weakref__", "_c", "_known_mask", "_lost", "_mask_at", "_state", "_states", "_tokens")

    def __init__(self, compiled: CompiledConstraint) -> None:
        self._c = compiled
        self._tokens: list[int | bytes] = []  # bytes: what one call of accept_bytes took
        self._states: list[int] = []  # states before the latest tokens, in the arena of now
        self._lost = 0  # how many of the first tokens have no state in `_states`
        self._known_mask: object = None
        self._mask_at: Any = None
        with compiled.lock:
            self._state = compiled.start()
            compiled._matchers.add(self)

    # -- masks --------------------------------------------------------------------------------------------------------

    def fill_mask(self, mask: Mask) -> None:
        """Write the allowed tokens: mask is uint32[ceil(V / 32)], bit t % 32 of word t // 32 is set when t may come.

        Every word is written. After the end of the text only the end-of-sequence tokens are allowed.
        Raises ValueError for an array of another type or size, LimitExceeded.
        """
        if mask is not self._known_mask:
            self._check(mask)
        c = self._c
        with c.lock:
            if self._state == 0:
                self._fill_finished(mask)
                return
            if _fill(c.h, c.x, c.b, self._mask_at, c.words, self._state, 0) < 0:
                while not c.new_mask(self._state, self._mask_at):
                    pass

    def accept(self, token_id: int) -> bool:
        """Take a token. False, and nothing changes, when it is not allowed here."""
        c = self._c
        if not 0 <= token_id < c.size:
            return False
        with c.lock:
            state = self._state
            new = _accept(c.h, c.x, state, token_id) if state else 0
            if new <= 0:
                new = self._accept_slowly(token_id, new)
                if new < 0:
                    return False
            self._states.append(self._state)
            self._tokens.append(token_id)
            self._state = new
        return True

    def accept_and_fill(self, token_id: int, mask: Mask) -> bool:
        """`accept`, then `fill_mask`, in one call. When the token is not allowed, False, and mask is as it was."""
        if mask is not self._known_mask:
            self._check(mask)
        c = self._c
        if not 0 <= token_id < c.size:
            return False
        with c.lock:
            state = self._state
            new = _accept(c.h, c.x, state, token_id) if state else 0
            if new > 0:
                self._states.append(state)
                self._tokens.append(token_id)
                self._state = new
                if _fill(c.h, c.x, c.b, self._mask_at, c.words, new, 0) > 0:
                    return True
        if new <= 0 and not self.accept(token_id):
            return False
        try:
            self.fill_mask(mask)
        except BaseException:
            self.rollback(1)
            raise
        return True

    def _accept_slowly(self, token_id: int, new: int) -> int:
        """The new state where the kernel found none: -1 not allowed, 0 the end. The lock is held."""
        c = self._c
        while new < 0:
            c.resolve()
            new = _accept(c.h, c.x, self._state, token_id)
        c.renewed = False
        if new > 0:
            return new
        if token_id not in c._eos:
            return -1
        if token_id in c.named_ids and self._state != FINISHED:  # a rule may name it
            new, _ = self._after(spelling(token_id))
            if new > 0:
                return FINISHED if c.H[new + 3] else new
        return FINISHED if self._accepting() else -1

    def _after(self, text: bytes) -> tuple[int, int]:
        """The state after some bytes (0: they can't come), and how many of them can. The lock is held."""
        c = self._c
        data = np.frombuffer(text, np.uint8).astype(np.int64)
        walker, at = self._beside(), 0  # keeps the place in a long text
        while True:
            new = _run(c.H, c.X, c.B, NO_MASK, data[at:], kernels.RUN_BYTES, walker._state, len(data) - at)
            if new >= 0 or c.H[L.PLACE]:
                c.renewed = False
            if new >= 0:
                return int(new), len(data) if new > 0 else at + int(c.H[L.ARG])
            if place := int(c.H[L.PLACE]):
                walker._state = place
                at += int(c.H[L.PLACE_BYTES])
            c.resolve()

    def _check(self, mask: Mask) -> None:
        c = self._c
        if not isinstance(mask, np.ndarray) or mask.dtype != np.uint32 or mask.shape != (c.vocabulary.words,):
            raise ValueError(f"mask must be a numpy array of uint32 [{c.vocabulary.words}]")
        if not mask.flags.c_contiguous or not mask.flags.writeable or not mask.flags.aligned:
            raise ValueError("mask must be contiguous, aligned and writable")
        self._known_mask = mask
        self._mask_at = jit.handle(mask)

    def _fill_finished(self, mask: Mask) -> None:
        mask[:] = 0
        for t in self._c.vocabulary.eos_ids:
            mask[t >> 5] |= np.uint32(1 << (t & 31))

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of its constraint."""
        return self._c.vocabulary

    # -- state --------------------------------------------------------------------------------------------------------

    def _accepting(self) -> bool:
        return self._state == FINISHED or bool(self._c.H[self._state + 3])

    @property
    def is_accepting(self) -> bool:
        """Is the text complete as it stands, so that an end-of-sequence token would be allowed?"""
        with self._c.lock:
            return self._accepting()

    @property
    def is_finished(self) -> bool:
        """Has an end-of-sequence token been taken?"""
        return self._state == FINISHED

    @property
    def state(self) -> tuple[int, int]:
        """The state as two integers: equal states of one compiled constraint allow the same continuations.

        The first counts how often the constraint has dropped what it remembered; integers of different counts can't be
        compared.
        """
        with self._c.lock:
            return self._c.generation, self._state

    @property
    def tokens(self) -> list[int]:
        """The tokens taken so far (a copy), without what `accept_bytes` took."""
        return [t for t in self._tokens if isinstance(t, int)]

    def copy(self) -> Matcher:
        """An independent matcher at the same place."""
        with self._c.lock:
            new = self._beside()
            new._tokens, new._states, new._lost = self._tokens.copy(), self._states.copy(), self._lost
        return new

    def _beside(self) -> Matcher:
        """A matcher of the same state, with no tokens before it. The lock is held."""
        new = Matcher.__new__(Matcher)
        new._c, new._state, new._known_mask = self._c, self._state, None
        new._tokens, new._states, new._lost = [], [], 0
        self._c._matchers.add(new)
        return new

    def rollback(self, n: int) -> None:
        """Take back the last n tokens. Raises ValueError when there are fewer."""
        if not 0 <= n <= len(self._tokens):
            raise ValueError(f"can't take back {n} tokens of {len(self._tokens)}")
        if n == 0:
            return
        c = self._c
        with c.lock:
            keep = len(self._tokens) - n
            if keep >= self._lost:
                self._state = self._states[keep - self._lost]
                del self._states[keep - self._lost :]
                del self._tokens[keep:]
                return
            before = self._tokens, self._states, self._lost, self._state
            self._tokens, self._states, self._lost = [], [], 0
            self._state = c.start()
        try:
            for step in before[0][:keep]:
                if not (self.accept(step) if isinstance(step, int) else self.accept_bytes(step) == len(step)):
                    raise AssertionError("what was accepted before is not accepted again")
        except BaseException:
            with c.lock:
                self._tokens, self._lost, self._state = before[0], before[2], before[3]
                self._states = before[1]
            raise

    def _moved(self, state: int) -> None:
        """The constraint has a fresh arena; `state` is this matcher's state in it. The lock is held."""
        self._state = state
        self._lost = len(self._tokens)
        self._states = []

    # -- what must come -----------------------------------------------------------------------------------------------

    def forced_bytes(self, limit: int = 4096) -> bytes:
        """The bytes that every continuation begins with (at most `limit`); b"" where the text may end or branch, or a
        special token must come."""
        text = self._forced(limit)
        return text[: in_text(text)]

    def _forced(self, limit: int) -> bytes:
        """The forced bytes, special tokens as the engine spells them."""
        c = self._c
        data = np.zeros(max(limit, 1), np.int64)
        with c.lock:
            if self._state == FINISHED:
                return b""
            while True:
                n = _run(c.H, c.X, c.B, NO_MASK, data, kernels.RUN_FORCED, self._state, limit)
                if n >= 0:
                    c.renewed = False
                    return bytes(data[:n].astype(np.uint8))
                c.resolve()

    def forced_tokens(self) -> list[int]:
        """Tokens for the forced bytes: longest match first, up to where a longer token could reach beyond them. Special
        tokens that must come are among them.

        Taking them never leaves the constraint; a model might have cut the same bytes into other tokens.
        """
        text = self._forced(4096)
        trie = self._c.vocabulary.trie
        out: list[int] = []
        at = 0
        while at < len(text):
            node, best, length = 0, -1, 0
            i = at
            while i < len(text):
                child, last = node + 1, int(trie.end[node])
                while child < last and trie.byte[child] != text[i]:
                    child = int(trie.end[child])
                if child >= last:
                    break
                node, i = child, i + 1
                if trie.first[node] < trie.first[node + 1]:
                    best, length = int(trie.ids[trie.first[node]]), i - at
            else:
                if trie.end[node] > node + 1:
                    break  # longer tokens begin with all that is left
            if best < 0:
                break
            out.append(best)
            at += length
        return out

    def accept_bytes(self, text: bytes) -> int:
        """Follow bytes instead of tokens; returns how many were taken before a dead end (all: the matcher has moved).

        Nothing changes unless all of them could be taken. `rollback` counts the call as one token. Bytes are text: they
        never stand for a special token.
        """
        good = in_text(text)
        c = self._c
        with c.lock:
            if self._state == FINISHED:
                return 0
            new, taken = self._after(text[:good])
            if new == 0:
                return taken
            if good == len(text):
                self._states.append(self._state)
                self._tokens.append(bytes(text))
                self._state = new
            return good


def fill_masks(matchers: Sequence[Matcher], masks: Mask) -> None:
    """`fill_mask` for a batch: masks is uint32[B, words], row i is for matchers[i]. One kernel call per constraint.

    Raises ValueError for an array of another type or shape, LimitExceeded.
    """
    if not isinstance(masks, np.ndarray) or masks.dtype != np.uint32 or masks.ndim != 2 or len(masks) < len(matchers):
        raise ValueError("masks must be a numpy array of uint32 [number of matchers, words]")
    if not masks.flags.c_contiguous or not masks.flags.writeable or not masks.flags.aligned:
        raise ValueError("masks must be contiguous, aligned and writable")
    flat = masks.reshape(-1)
    order = sorted(range(len(matchers)), key=lambda i: id(matchers[i]._c))
    for _, group in groupby(order, key=lambda i: id(matchers[i]._c)):
        rows = list(group)
        c = matchers[rows[0]]._c
        if masks.shape[1] != c.vocabulary.words:
            raise ValueError(f"masks must have {c.vocabulary.words} words a row")
        with c.lock:
            live = [i for i in rows if matchers[i]._state]
            for i in rows:
                if not matchers[i]._state:
                    matchers[i]._fill_finished(masks[i])
            n = len(live)
            done = 0
            while done < n:
                data = np.array([matchers[i]._state for i in live] + live, np.int64)
                done = _run(c.H, c.X, c.B, flat, data, kernels.RUN_FILL_ROWS, n, done)
                if done < n:
                    i = live[done]
                    row = jit.handle(masks[i])
                    while not c.new_mask(matchers[i]._state, row):
                        pass
