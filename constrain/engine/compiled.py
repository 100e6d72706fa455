"""A constraint compiled against a vocabulary: what the kernels run on, and what they ask of Python while they run."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain import jit
from constrain.engine import kept_arena, kept_store, kernels
from constrain.engine import layout as L
from constrain.engine.ahead import Ahead
from constrain.engine.arena import NO_DATA, NO_MASK, NO_ROWS, Arena
from constrain.engine.exporting import exported
from constrain.engine.special import others_node, spelling_of, vocabulary_for
from constrain.engine.store import Store, store_of
from constrain.errors import LimitExceeded
from constrain.grammar.ir import Grammar, NodeId, Token
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import kernels as _regular  # noqa: F401  (loaded now, not in the middle of a text)
from constrain.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from constrain.engine.matcher import Matcher

REGIONS = {L.NEED_SCRATCH: L.SCRATCH, L.NEED_PENDING: L.PENDING, L.NEED_IDS: L.IDS, L.NEED_LR_WORK: L.LR_WORK}


class CompiledConstraint:
    """A grammar ready to make masks over one vocabulary. Matchers of it may run in several threads.

    vocabulary: the one it was made for; where the grammar names tokens that are text in it, one in which they are not.

    Parser states and masks are remembered in an arena of at most `limits.arena_bytes`; when it is full it is made anew
    and the living matchers move over, so memory stays bounded however long generation goes on.
    """

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, limits: Limits = DEFAULT_LIMITS) -> None:
        self.grammar = grammar
        self.vocabulary = vocabulary = vocabulary_for(grammar, vocabulary)
        self.limits = limits
        self.lock = threading.Lock()
        self.size, self.words = vocabulary.size, vocabulary.words
        self.generation = 0
        self.plan: object = None  # how its texts can be completed (decoding/closing.py)
        self._ahead = Ahead(grammar, limits)
        self._eos = frozenset(vocabulary.eos_ids)
        self.named_ids = vocabulary.named_ids if grammar.tokens else frozenset()
        self._others: dict[NodeId, NodeId] = {}
        self._specs: list[tuple[str, Any]] = [("any", None)]
        self._matchers: weakref.WeakSet[Matcher] = weakref.WeakSet()
        self._store: Store = store_of(vocabulary, limits)
        self._budget = limits.arena_bytes  # bytes of the arena, besides what was kept on disk
        self._kept = 0  # ints of that
        self._arena = self._new_arena()
        self._load(self._arena)
        self._sync()
        self.renewed = False  # has the arena been made anew for what is being done now?
        self._start = -1
        self.start()

    def _new_arena(self) -> Arena:
        words = self.vocabulary.words
        return Arena(self.grammar, words, self.limits, self._specs, self._store, self.spell, self.others)

    def spell(self, token: Token) -> bytes:
        """The bytes that the engine reads for a special token that the grammar names."""
        return spelling_of(token, self.vocabulary)

    def others(self, node: NodeId) -> NodeId:
        """The node of the texts of an `Others`, as the engine reads them."""
        made = self._others.get(node)
        if made is None:
            with self.grammar.lock:
                made = self._others[node] = others_node(self.grammar, node, self.vocabulary)
        return made

    def _sync(self) -> None:
        self.H, self.X, self.B = self._arena.H, self._store.X, self._store.B
        self.h, self.x, self.b = jit.handle(self.H), jit.handle(self.X), jit.handle(self.B)

    # -- what the kernels ask for -------------------------------------------------------------------------------------

    def resolve(self) -> None:
        """Do what H[STATUS] asks for, or raise. The caller holds the lock and calls the kernel again afterwards."""
        H, arena = self.H, self._arena
        status, arg = int(H[L.STATUS]), int(H[L.ARG])
        H[L.STATUS] = 0
        if H[L.ASKED]:
            self._ahead.answer(H)
            if status in (L.NEED_ANSWER, L.LIMIT_WORK, L.LIMIT_LIVE):  # what was found so far depends on the answers
                return
        if status == L.NEED_NODE:
            arena.emit_nodes(arg)
        elif status == L.NEED_TERM:
            arena.emit_terminal(arg, self._store)
        elif status == L.NEED_STORE:
            self._change_store()
        elif status == L.NEED_SPACE:
            self._make_room(arg)
        elif status == L.NEED_COVER:
            arena.make_cover(arg)
        elif status == L.NEED_WAYS:
            arena.keep_ways(arg, self._ahead.ways(arg - 1))
        elif status in REGIONS:
            arena.double(REGIONS[status])
        elif status == L.LIMIT_LIVE:
            raise LimitExceeded(
                f"the text has more than {arg} parses at once",
                keyword="live_stacks",
                hint="Make alternatives of the grammar easier to tell apart",
            )
        elif status == L.LIMIT_DEPTH:
            raise LimitExceeded(f"the text nests deeper than {arg} levels", keyword="stack_depth")
        elif status == L.LIMIT_LOOKAHEAD:
            raise LimitExceeded(
                "where a token ends depends on too much of what follows",
                keyword="lookahead",
                hint="Give the grammar terminals that don't begin with one another",
            )
        elif status == L.LIMIT_WORK:
            raise LimitExceeded(f"one mask took more than {arg} steps", keyword="mask_work")
        else:
            raise AssertionError(f"unknown kernel status {status}")
        self._sync()

    def new_mask(self, state: int, mask: Any) -> bool:
        """Make the mask of a state that has none. mask: handle of the array. False: something was missing and has been
        provided; the state may have moved. The caller holds the lock."""
        store = self._store
        with store.lock:
            done = kernels.fill(self.h, self.x, self.b, mask, self.words, state, 1)
        if done > 0:
            self.renewed = False
            return True
        self.resolve()
        return False

    def _make_room(self, need: int) -> None:
        arena = self._arena
        budget = self._budget + 4 * self._kept
        if 4 * need <= budget or need <= 2 * arena.fixed:
            arena.ensure(need, most=budget // 4)
            return
        again, self.renewed = self.renewed, True
        before = self.renew()
        living = int(self.H[L.BUMP]) + 4 * int(self.H[L.TABLE_SIZE])  # with the room for its table to double
        if living - before > (need - before) // 2 or again:
            # what lives, or one step from it, does not fit the budget: let it have what it needs, but not without end
            if 4 * need > 4 * budget + (16 << 20):
                raise LimitExceeded(
                    f"the parser states in use need more than {self.limits.arena_bytes} bytes", keyword="arena_bytes"
                )
            self._arena.ensure(2 * need)

    def _change_store(self) -> None:
        full = self._store
        self._store = store_of(self.vocabulary, self.limits, full)
        self.renew()

    def renew(self) -> int:
        """Start a fresh arena and move the living matchers into it. The caller holds the lock.

        Returns how many ints it took before these came, with the room for its table to double.
        """
        old = self._arena
        living = [m for m in self._matchers if m._state > 0]
        moved: dict[int, npt.NDArray[np.int64]] = {}
        for m in living:
            if m._state not in moved:
                moved[m._state] = exported(old, m._state)
        self._arena = self._fresh_arena()
        taken = int(self._arena.H[L.BUMP]) + 4 * int(self._arena.H[L.TABLE_SIZE])
        self.generation += 1
        self._ahead.forget()
        self._sync()
        self._start = -1
        places = {state: self._import(data) for state, data in moved.items()}
        for m in self._matchers:
            m._moved(places.get(m._state, 0))
        self.start()
        return taken

    def _fresh_arena(self) -> Arena:
        """A fresh arena with what rules have found, or as much of it as leaves room for more. Texts wait for this."""
        budget = self._budget + 4 * self._kept
        most = budget // 8 * 5
        much = 4 * int(self.H[L.BUMP]) > most  # then it is not tried with all
        arena = kept_arena.carried(self._new_arena, self._arena, most, 0.4 if much else 0.0)
        if arena is None:
            arena = self._new_arena()
            self._load(arena)
        arena.trim(budget // 4)
        return arena

    def _load(self, arena: Arena) -> None:
        """Let a fresh arena begin with what was kept for it."""
        self._kept = int(arena.H[L.BUMP]) - arena.begun if kept_arena.load(arena) else 0

    def _import(self, data: npt.NDArray[np.int64]) -> int:
        while True:
            state = kernels.run(self.H, self.X, NO_ROWS, NO_MASK, data, kernels.RUN_COPY, 0, 0)
            if state > 0:
                return int(state)
            self._resolve_here()

    def start(self) -> int:
        """The state before the first byte. The caller holds the lock (or is the constructor)."""
        while self._start < 0:
            state = kernels.run(self.H, self.X, NO_ROWS, NO_MASK, NO_DATA, kernels.RUN_START, self.grammar.start + 1, 0)
            if state > 0:
                self._start = int(state)
            else:
                self._resolve_here()
        return self._start

    def _resolve_here(self) -> None:
        """`resolve` where no fresh arena may be started, since one is being filled."""
        if int(self.H[L.STATUS]) == L.NEED_SPACE:
            self._arena.ensure(int(self.H[L.ARG]))
            self._sync()
        else:
            self.resolve()

    # -- for users ----------------------------------------------------------------------------------------------------

    def matcher(self) -> Matcher:
        """A matcher at the beginning of a text."""
        from constrain.engine.matcher import Matcher

        return Matcher(self)

    def prepare(self, texts: Iterable[Sequence[int]]) -> int:
        """Make the masks along some texts, each the ids of its tokens, and keep on disk what other texts and other
        constraints of the vocabulary share of them; returns how many masks were made.

        Later processes, and this one, then begin with it: run this when an image is built, on texts like those that
        will be written. A text counts up to the first token that is not allowed. Raises LimitExceeded, and
        OSError where the cache folder can't be written to; warns where `arena_bytes` is too small for the contexts.
        """
        made = 0
        self._budget = 2 * self.limits.arena_bytes
        try:
            for text in texts:
                made += self._walk(text)
        finally:
            self._budget = self.limits.arena_bytes
        with self.lock:
            found = kept_arena.carried(self._new_arena, self._arena, self.limits.arena_bytes)
            left_out = found is None and kept_arena.is_whole(self._arena)
        kept_store.save(self._store, self.vocabulary)
        if found is not None and found.store is self._store:
            kept_arena.save(found, self._new_arena())
        elif left_out:
            what = "what the parser allows in the contexts of these texts"
            warnings.warn(f"{what} does not fit in arena_bytes and is not kept on disk", stacklevel=2)
        return made

    def _walk(self, text: Sequence[int]) -> int:
        """Make the masks along a text up to the first token that is not allowed; returns how many."""
        mask = np.zeros(self.words, np.uint32)
        matcher = self.matcher()
        for i, token in enumerate(text):
            matcher.fill_mask(mask)
            if not matcher.accept(token):
                return i + 1
        return len(text)

    @property
    def memory(self) -> int:
        """Bytes that this compiled constraint holds, the store that it shares with others apart."""
        return 4 * int(self.H[L.BUMP])
