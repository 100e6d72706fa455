"""The closing of a state: a short text that completes what was written so far.

It is found by a search over whole pieces (the rest of a string, a required member, a bracket) that `proposals` offers.
The machine reads every piece before it counts, so a closing is always a true one; whether it is the shortest depends on
the pieces that were offered.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from constrain.engine import kernels
from constrain.engine import layout as L
from constrain.engine.arena import NO_MASK
from constrain.engine.proposals import Proposals
from constrain.engine.shortest import ShortTexts

if TYPE_CHECKING:
    from constrain.engine.compiled import CompiledConstraint

WIDTHS = (1, 6)  # pieces of each parse that are followed; more where fewer lead nowhere
MOST_STATES = 20_000  # states that one search looks at


class Renewed(Exception):
    """The arena was made anew, so numbers of states have lost their meaning."""


class Closings:
    """Closings of the states of one compiled constraint, in one generation of its arena. The caller holds the lock."""

    def __init__(self, compiled: CompiledConstraint, texts: ShortTexts | None = None) -> None:
        self.compiled = compiled
        self.texts = texts or ShortTexts(compiled.grammar, compiled.limits, compiled.spell)
        self.generation = compiled.generation
        self._known: dict[int, bytes | None] = {}
        self._proposals = Proposals(compiled, self.texts)

    def step(self, state: int, text: bytes) -> int:
        """The state after some bytes, 0 where they can't come. Raises Renewed, LimitExceeded."""
        c = self.compiled
        data = np.frombuffer(text, np.uint8).astype(np.int64)
        while True:
            new = kernels.run(c.H, c.X, c.B, NO_MASK, data, kernels.RUN_BYTES, state, len(data))
            if new >= 0:
                return int(new)
            self.resolve()

    def resolve(self) -> None:
        """`CompiledConstraint.resolve`; raises Renewed where states were renumbered."""
        self.compiled.resolve()
        if self.compiled.generation != self.generation:
            raise Renewed

    def accepting(self, state: int) -> bool:
        """Is the text complete in this state?"""
        return bool(self.compiled.H[state + 3])

    def closing(self, state: int) -> bytes | None:
        """A short text that completes the text of this state; None where none was found."""
        if state not in self._known:
            for width in WIDTHS:
                if self._search(state, width):
                    break
            else:
                self._known[state] = None
        return self._known[state]

    def note(self, state: int, text: bytes) -> None:
        """Remember a closing that is known to be one."""
        self._known[state] = text

    def _search(self, start: int, width: int) -> bool:
        """Look for a closing along the first pieces of each parse, fewest bytes first; remember those on its way."""
        before: dict[int, tuple[int, bytes]] = {}
        cost = {start: 0}
        order = count()
        heap = [(0, next(order), start, False)]
        done: set[int] = set()
        while heap and len(done) < MOST_STATES:
            spent, _, state, closed = heapq.heappop(heap)
            if closed or self.accepting(state):
                self._remember(state, before)
                return True
            if state in done:
                continue
            done.add(state)
            known = self._known.get(state)
            if known is not None:
                heapq.heappush(heap, (spent + len(known), next(order), state, True))
                continue
            for piece, new in self._pieces(state, width):
                there = spent + len(piece)
                if there < cost.get(new, there + 1):
                    cost[new] = there
                    before[new] = state, piece
                    heapq.heappush(heap, (there, next(order), new, False))
        return False

    def _remember(self, state: int, before: dict[int, tuple[int, bytes]]) -> None:
        text = self._known.get(state)
        if text is None:
            text = self._known[state] = b""
        while state in before:
            state, piece = before[state]
            text = piece + text
            self._known[state] = text

    def _pieces(self, state: int, width: int) -> list[tuple[bytes, int]]:
        """Pieces that the machine takes in a state, with the states after them: the first `width` of each parse."""
        H = self.compiled.H
        m = int(H[state + 4])
        at = state + L.STATE_HEAD
        configurations = {tuple(row) for row in H[at : at + L.CFG * m].reshape(m, L.CFG).tolist()}
        out: dict[bytes, int] = {}
        for pos, s, d, n, stack in configurations:
            found = 0
            for piece in self._proposals.of(pos, s, d, n, stack):
                new = out.get(piece, 0) or self.step(state, piece)
                if new > 0:
                    out[piece] = new
                    found += 1
                    if found == width:
                        break
        return list(out.items())
