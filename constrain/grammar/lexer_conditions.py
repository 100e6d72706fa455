"""Terminals that may not end before some text (a negative look-ahead at their end), and what that does to a lexer.

Whether such a terminal has matched shows only later, so states remember what is open:

- While a token grows, a match that may turn out to be one is *pending*: if its look-ahead can't be there any more, it
  was one, and the terminals of larger rank are out after all.
- Where a token has ended, a *watch* goes on: it was no token if its own look-ahead comes, or if another match should
  have been preferred, one of smaller rank or a longer one. The other match counts unless its look-ahead comes: then
  something *must* come, and the text may not end before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from constrain.errors import UnsupportedFeature
from constrain.grammar.cfg import Cfg
from constrain.grammar.lexer_states import Places, Product
from constrain.limits import Limits

NEVER = -2


class Option(NamedTuple):
    """A token that may have ended: the terminal, the look-ahead that may not come (-1: none), those that must, and the
    places from which a longer match would be preferred."""

    token: int
    own: int
    musts: Places
    places: Places


class Growing(NamedTuple):
    """A state inside of a token. pending: (rank, place in the look-ahead) of matches; options: what may end here."""

    places: Places
    pending: tuple[tuple[int, int], ...]
    options: tuple[Option, ...]


class Watch(NamedTuple):
    """A state after a token, see `Option`."""

    own: int
    musts: Places
    places: Places


class First(NamedTuple):
    """A watch before its first character, which is one of `classes` (a bit set): others follow the token nowhere."""

    classes: int
    watch: Watch


class Ahead(NamedTuple):
    """A watch while the next token is read as well. places: of all terminals that it may be; watch: a state."""

    places: Places
    watch: int


class Wrong(NamedTuple):
    """The state of a watch that has seen that there was no token."""

    places: Places = ()


class Conditional(Product):
    """A product with such terminals. The states of its others are those of a plain product.

    Labels beside the terminals: `n_terminals` for `Wrong`, `n_terminals` + 1 for a watch that waits for what must come.
    """

    def __init__(self, cfg: Cfg, limits: Limits, followers: Callable[[int], Iterable[int] | None]) -> None:
        """followers: the terminals that may come right after one; None: any may."""
        super().__init__(cfg, limits)
        self.followers = followers
        self.next_token: dict[int, Places | None] = {}
        self.waiting: set[int] = set()  # watches that wait for something, or can come to do so
        n = self.n_terminals
        self.look: dict[int, int] = {}  # of each such terminal the start of its look-ahead; NEVER: that is always there
        for i, t in enumerate(cfg.terminals):
            if t.not_before is not None and t.not_before.nullable:
                self.look[i] = NEVER
            elif n + i in self.first:
                self.look[i] = self.first[n + i]
        self.free: set[int] = set()  # watches that some character ends
        self._settles: dict[tuple[Places, tuple[tuple[int, int], ...]], int] = {}

    def open(self, places: Places) -> bool:
        """Is a terminal with a look-ahead among the places?"""
        return any(self.terminal[p] in self.look for p in places if p < self.copies)

    def begin(self, places: Places) -> int:
        if self.open(places):
            return self.numbered(Growing(places, (), ()), -1)
        return super().begin(places)

    def names(self, key: Any) -> set[str]:
        if isinstance(key, First):
            key = key.watch
        made = isinstance(key, Growing | Watch | Wrong | Ahead)
        return super().names(key.places if made else [p for p in key if p >= 0])

    def awaited(self, key: Any) -> list[str]:
        n = self.n_terminals
        if isinstance(key, Ahead):
            key = self.states[key.watch]
        if isinstance(key, First):
            key = key.watch
        return [self.cfg.terminals[self.terminal[p] - n].name for p in key.musts] if isinstance(key, Watch) else []

    def successors(self, key: Any) -> list[tuple[int, int]]:
        if isinstance(key, Growing):
            return self._joined(self._grow(key))
        if isinstance(key, Watch):
            return self._joined(self._watch(key, self.number[key], -1))
        if isinstance(key, First):
            return self._joined(self._watch(key.watch, self.number[key], key.classes))
        if isinstance(key, Ahead):
            return self._joined(self._ahead(key))
        return [] if isinstance(key, Wrong) else super().successors(key)

    def _joined(self, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        out: dict[int, int] = {}
        for mask, state in found:
            out[state] = out.get(state, 0) | mask
        return [(mask, state) for state, mask in out.items()]

    def _grow(self, key: Growing) -> list[tuple[int, int]]:
        """The successors of a state inside of a token."""
        out = []
        n = len(key.places)
        for mask, targets in self.split((*key.places, *(place for _, place in key.pending))):
            places = tuple([p for p in targets[:n] if p >= 0])
            bound = None
            pending = []
            for (rank, _), place in zip(key.pending, targets[n:], strict=True):
                if place < 0:  # it was a match
                    bound = rank if bound is None else min(rank, bound)
                elif not self.ends[place]:
                    pending.append((rank, place))
            if bound is not None:
                places = self.below(places, bound)
                pending = [(rank, place) for rank, place in pending if rank < bound]
            if places and places[0] < self.copies:
                out.append((mask, self._settled(places, pending)))
        return out

    def below(self, places: Places, rank: int) -> Places:
        """The places of terminals that are not out after a match of that rank."""
        return tuple([p for p in places if p >= self.copies or self.rank[self.terminal[p]] <= rank])

    def _settled(self, places: Places, pending: list[tuple[int, int]]) -> int:
        """The state for what a text leads to."""
        key = (places, tuple(pending))
        state = self._settles.get(key)
        if state is None:
            state = self._settles[key] = self._settled_anew(places, pending)
        return state

    def _settled_anew(self, places: Places, pending: list[tuple[int, int]]) -> int:
        active = [p for p in places if p < self.copies]
        options: list[Option] = []
        better: set[int] = set()
        kept = places
        for rank, t in sorted((self.rank[self.terminal[p]], self.terminal[p]) for p in active if self.ends[p]):
            own = self.look.get(t, -1)
            if own == NEVER:
                continue
            musts = better | {place for other, place in pending if other < rank}
            preferred = tuple([p for p in active if self.rank[self.terminal[p]] <= rank])
            options.append(Option(self.token(t, places), own, tuple(sorted(musts)), preferred))
            if own < 0:
                kept = self.below(places, rank)
                break
            better.add(own)
            pending = [*pending, (rank, own)]
        kept = self.without_idle_copies(kept)
        ranks = [self.rank[self.terminal[p]] for p in kept if p < self.copies]
        waiting = tuple(sorted({(rank, place) for rank, place in pending if rank < max(ranks, default=-1)}))
        if not waiting and not self.open(kept) and all(o.own < 0 and not o.musts for o in options):
            return self.numbered(kept, options[0].token if options else -1)
        return self.numbered(Growing(kept, waiting, tuple(options)), -1)

    def _watch(self, key: Watch, at: int, classes: int) -> list[tuple[int, int]]:
        """The successors of a watch by some classes. at: its state."""
        out = []
        n = len(key.musts)
        for every, targets in self.split((*key.musts, *key.places, *((key.own,) if key.own >= 0 else ()))):
            mask = every & classes
            if not mask:
                continue
            own = targets[-1] if key.own >= 0 else -1
            musts = {p for p in targets[:n] if p < 0 or not self.ends[p]}
            places = tuple([p for p in targets[n : n + len(key.places)] if p >= 0])
            longer = {self.look.get(self.terminal[p], -1) for p in places if self.ends[p]} - {NEVER}
            if -1 in musts or -1 in longer or (own >= 0 and self.ends[own]):
                out.append((mask, self.numbered(Wrong(), self.n_terminals)))
            else:
                state = self.watched(Watch(own, tuple(sorted(musts.union(longer))), places))
                if state < 0:
                    self.free.add(at)
                else:
                    out.append((mask, state))
        return out

    def _ahead(self, key: Ahead) -> list[tuple[int, int]]:
        """The successors of a watch by characters with which the next token can begin or go on."""
        out = []
        for places, mask in self.some(key.places).items():
            ended = any(self.ends[p] for p in places)
            rest = mask
            for classes, target in self.edges[key.watch]:
                both = mask & classes
                if both:
                    rest &= ~classes
                    out.append((both, target if ended else self.ahead(places, target)))
            if rest:
                self.free.add(self.number[key])
        return out

    def ahead(self, places: Places, watch: int) -> int:
        """The state of a watch while the next token is read, which is the watch itself where it waits for nothing."""
        if watch not in self.waiting:
            return watch
        return self.numbered(Ahead(places, watch), self.label[watch])

    def watched(self, watch: Watch) -> int:
        """The state of a watch after some characters, -1: it is over."""
        if watch.own < 0 and not watch.musts:
            if not watch.places:
                return -1
            if not self.open(watch.places):
                return self.numbered(watch.places, -1)
        return self.numbered(watch, self.n_terminals + 1 if watch.musts else -1)

    def begun(self, option: Option) -> int:
        """The state of an option's watch before its first character."""
        watch = Watch(option.own, option.musts, option.places)
        classes = 0
        for place in self.next_places(option.token):
            for _, mask in self.moves[place]:
                classes |= mask
        if self.next_token[option.token] is None:
            classes = -1
        return self.numbered(First(classes, watch), self.n_terminals + 1 if option.musts else -1)

    def next_places(self, token: int) -> Places:
        """Where the terminals begin that may be the next token; none where any may."""
        if token not in self.next_token:
            found = self.followers(token)
            places = None if found is None else tuple(sorted(self.first[t] for t in found if t in self.first))
            self.next_token[token] = places
        return self.next_token[token] or ()

    def expand(self) -> None:
        """Make all states, those of watches included, and choose what may end where."""
        super().expand()
        options = [(i, o) for i, key in enumerate(self.states) if isinstance(key, Growing) for o in key.options]
        watches = [self.begun(o) for _, o in options]
        super().expand()  # watches lead to watches and plain states only
        hopeless = self._settle()
        self.waiting = self._leading_to({i for i, n in enumerate(self.label) if n == self.n_terminals + 1})
        for i, (_, option) in enumerate(options):  # those that still wait are followed along the next token
            if watches[i] in self.waiting - hopeless and self.next_token[option.token] is not None:
                watches[i] = self.ahead(self.next_places(option.token), watches[i])
        super().expand()
        hopeless = self._settle()
        for (state, option), watch in zip(options, watches, strict=True):
            if watch in hopeless:
                continue
            if state in self.watching:
                known = dict(enumerate(t.name for t in self.cfg.terminals))
                names = [known.get(t, "one that is ignored") for t in (self.label[state], option.token)]
                raise UnsupportedFeature(
                    f"which of the terminals {' and '.join(names)} ends depends on what follows", keyword=names[0]
                )
            self.label[state] = option.token
            self.watching[state] = watch

    def _settle(self) -> set[int]:
        """Let what leads to a watch that no text satisfies lead to `Wrong`; returns those watches."""
        wrong = self.numbered(Wrong(), self.n_terminals)
        super().expand()
        hopeless = self._hopeless()
        for i, row in enumerate(self.edges):
            if any(target in hopeless for _, target in row):
                self.edges[i] = self._joined([(mask, wrong if t in hopeless else t) for mask, t in row])
        return hopeless

    def _leading_to(self, states: set[int]) -> set[int]:
        """The states and all from which one can come to them."""
        incoming: dict[int, list[int]] = {}
        for i, row in enumerate(self.edges):
            for _, target in row:
                incoming.setdefault(target, []).append(i)
        out = set(states)
        todo = list(states)
        while todo:
            for state in incoming.get(todo.pop(), ()):
                if state not in out:
                    out.add(state)
                    todo.append(state)
        return out

    def _hopeless(self) -> set[int]:
        """The watches that no text satisfies."""
        bad = {
            state
            for state, key in enumerate(self.states)
            if isinstance(key, Wrong) or (self.label[state] == self.n_terminals + 1 and state not in self.free)
        }
        incoming: dict[int, list[int]] = {}
        todo = []
        for state in bad:
            for _, target in self.edges[state]:
                incoming.setdefault(target, []).append(state)
                if target not in bad:
                    todo.append(target)
        while todo:
            for state in incoming.pop(todo.pop(), ()):
                if state in bad:
                    bad.discard(state)
                    todo.append(state)
        return bad
