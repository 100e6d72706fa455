"""What `re.match` takes of a text, as languages: the first alternative that fits, greedy or lazy, with lookarounds.

`re.match` prefers earlier alternatives to longer ones, so `a|ab` takes "a" of "abc". What it takes of a text x is the
longest beginning of x that is in {t: re.match takes all of t}: a longer beginning t' in that set would have to be
preferred in t' to the shorter one, and so in x as well. That set is regular. Its automaton follows the pattern's
threads (Thompson 1968, Pike 1987) as a list in order of preference, cut off after the first that has matched.

A lookahead that reaches beyond what is taken makes a match depend on what follows. Threads carry such demands along;
those left at a match become `not_before`. Whatever can't be said that way is refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import python_re
from constrain.regular.ast import ALL, Regex, automaton, intersect, union
from constrain.regular.charset import SURROGATES
from constrain.regular.compiler import Cache, compile
from constrain.regular.dfa import UNIVERSE, Dfa, finished, relabelled
from constrain.regular.layout import Ints
from constrain.regular.ordered_program import AGAIN, AHEAD, BEHIND, CHAR, LOOP, MATCH, Program, program_of
from constrain.regular.python_re import flag_bits
from constrain.sorted_arrays import distinct, ranked

Demand: TypeAlias = tuple[int, int]  # a lookahead's automaton and its state: what follows must be accepted from there
Demands: TypeAlias = frozenset[Demand]
Item: TypeAlias = tuple[int, Demands]  # an instruction, or _NOW or _EARLIER
State: TypeAlias = tuple[tuple[Item, ...], tuple[frozenset[int], ...]]
_NOW, _EARLIER = -1, -2  # a match here, or at an earlier place, that holds if its demands will be met
_NOTHING: Demands = frozenset()


class Taken(NamedTuple):
    """Texts that are taken whenever text of `not_before` does not follow (None: whatever follows)."""

    language: Regex
    not_before: Regex | None


def leftmost_first(pattern: str, flags: int | str = 0, limits: Limits = DEFAULT_LIMITS) -> tuple[Taken, ...]:
    """What `re.match(pattern, text, flags)` takes of a text: the longest that one of these allows. Disjoint.

    Raises GrammarError, UnsupportedFeature, LimitExceeded. Refused are also patterns that look at what comes before the
    match, and those whose match depends on what follows in another way than `not_before` says.
    """
    key = (pattern, flag_bits(flags), limits)
    made = _taken.get(key)
    if made is None:
        made = _Simulation(pattern, program_of(pattern, key[1], limits), limits).run()
        _taken.put(key, made, sum(t.language.size() for t in made) + 4 * len(pattern))
    return made


_taken: Cache[tuple[Taken, ...]] = Cache(4096, 16 << 20)
_following: Cache[tuple[Regex | None]] = Cache(1024, 4 << 20)  # by demands: what may not follow


def forget() -> None:
    """Forget what was made of patterns (for a tool that changes what their classes mean)."""
    _taken.clear()
    python_re.forget()


class _Alphabet:
    """Characters that no part of a program tells apart are one class.

    bounds, classes: intervals of code points and their classes, -1 for surrogates. masks: per class, the sets that hold
    it, as bits. ahead, behind: per class, the column in each automaton.
    """

    def __init__(self, program: Program) -> None:
        automata = [*program.ahead, *program.behind]
        flats = [np.array(chosen.flat, np.int64) for chosen in program.sets]
        cuts = distinct(
            np.concatenate(
                [
                    np.array([0, SURROGATES[0], SURROGATES[1] + 1]),
                    *[flat + np.arange(len(flat)) % 2 for flat in flats],
                    *[dfa.bounds for dfa in automata],
                ]
            )
        )
        cuts = cuts[cuts < UNIVERSE]
        # The intervals are split into classes by one set or automaton after the other.
        number = np.where((cuts >= SURROGATES[0]) & (cuts <= SURROGATES[1]), 0, 1)
        rows = []
        for flat in flats:
            # interval k of a set begins at flat[2k] and ends at flat[2k + 1]
            rows.append((np.searchsorted(flat + np.arange(len(flat)) % 2, cuts, side="right") & 1).astype(np.int64))
        for dfa in automata:
            rows.append(dfa.classes[np.searchsorted(dfa.bounds, cuts, side="right") - 1].astype(np.int64))
        for row in rows:
            number = ranked(number * (int(row.max()) + 1) + row).rank
        first, classes = ranked(number)
        characters = first[(cuts[first] < SURROGATES[0]) | (cuts[first] > SURROGATES[1])]
        renumbered = np.full(len(first), -1)
        renumbered[classes[characters]] = np.arange(len(characters))
        self.bounds = cuts
        self.classes = renumbered[classes]
        chosen = [row[characters].tolist() for row in rows]
        sets, split = len(flats), len(flats) + len(program.ahead)
        bits = zip(*chosen[:sets], strict=True) if sets else [()] * len(characters)
        self.masks = [sum(bit << i for i, bit in enumerate(held)) for held in bits]
        self.ahead = list(zip(*chosen[sets:split], strict=True)) if split > sets else [()] * len(characters)
        self.behind = list(zip(*chosen[split:], strict=True)) if chosen[split:] else [()] * len(characters)


class _Simulation:
    """The threads of a program over all texts."""

    def __init__(self, pattern: str, program: Program, limits: Limits) -> None:
        self.pattern = pattern
        self.program = program
        self.limits = limits
        self.alphabet = _Alphabet(program)
        self.tables = [dfa.table.tolist() for dfa in program.ahead]
        self.back = [dfa.table.tolist() for dfa in program.behind]
        self.true = [frozenset(np.flatnonzero(dfa.accept >= 0).tolist()) for dfa in program.behind]
        self.universal = [_universal_state(dfa) for dfa in program.ahead]
        self.work = 0

    def run(self) -> tuple[Taken, ...]:
        """All reachable states, their labels, and the languages made of them."""
        unknown = tuple(_anything_before(dfa) for dfa in self.program.behind)
        closing = _Closure(self, unknown)
        closing.follow(self.program.start, _NOTHING)
        start: State = (closing.result(), unknown)
        numbers = {start: 0}
        states = [start]
        edges: list[tuple[int, int, int]] = []
        labels: dict[tuple[Demands, ...], int] = {}
        accept: list[int] = []
        for at, state in enumerate(states):  # grows
            accept.append(self.label(state[0], labels))
            known: dict[tuple[object, ...], State] = {}
            sets = demanding = 0  # what this state looks at in the next character
            for item, demands in state[0]:
                demanding |= bool(demands)
                if item >= 0:
                    sets |= 1 << self.program.code[item].number
            for column, mask in enumerate(self.alphabet.masks):
                if not mask & sets:
                    continue
                key = (mask & sets, demanding and self.alphabet.ahead[column], self.alphabet.behind[column])
                if key not in known:
                    known[key] = self.step(state, column)
                following = known[key]
                if not following[0]:
                    continue
                number = numbers.setdefault(following, len(states))
                if number == len(states):
                    states.append(following)
                    if number >= self.limits.dfa_states:
                        raise LimitExceeded(
                            f"a regular expression needs more than {self.limits.dfa_states} automaton states",
                            keyword="dfa_states",
                            hint="Simplify the expression, or raise Limits.dfa_states",
                        )
                edges.append((at, column, number))
        alphabet = self.alphabet
        raw = (
            0, len(states), np.array(edges, np.int32).reshape(-1, 3), len(edges), np.array(accept, np.int32),
            np.array(alphabet.bounds, np.int32), np.array(alphabet.classes, np.int32), len(alphabet.masks),
        )  # fmt: skip
        whole = finished(raw, self.limits)
        taken = []
        for matches, label in labels.items():
            chosen = [-1] * len(labels)
            chosen[label] = 0
            part = relabelled(whole, chosen, self.limits) if len(labels) > 1 else whole
            if not part.is_empty:
                taken.append(Taken(automaton(part), self.not_before(matches)))
        return tuple(taken)

    def step(self, state: State, column: int) -> State:
        """The state after a character of this class."""
        mask, ahead = self.alphabet.masks[column], self.alphabet.ahead[column]
        columns = self.alphabet.behind[column]
        behinds = tuple(
            frozenset([table[s][c] if s >= 0 else -1 for s in known])
            for table, known, c in zip(self.back, state[1], columns, strict=True)
        )
        closing = _Closure(self, behinds)
        code = self.program.code
        for at, demands in state[0]:
            if demands:
                met = self.advanced(demands, ahead)
                if met is None:
                    continue
                demands = met
            if at < 0:
                if not demands:
                    break  # it has matched: what comes after it in the list is not preferred
                closing.items.append((_EARLIER, demands))
            elif mask >> code[at].number & 1:
                closing.follow(code[at].then[0], demands)
                if closing.done:
                    break
        return closing.result(), behinds

    def advanced(self, demands: Demands, columns: tuple[int, ...]) -> Demands | None:
        """What is still demanded after a character; None: it can't be met any more."""
        out = []
        for which, state in demands:
            state = self.tables[which][state][columns[which]]
            if state < 0:
                return None
            if state != self.universal[which]:
                out.append((which, state))
        return frozenset(out)

    def label(self, items: tuple[Item, ...], labels: dict[tuple[Demands, ...], int]) -> int:
        """The number of the condition under which a text that leads here is taken, -1 if it is not."""
        found: list[Demands] = []
        waiting = False
        for at, demands in items:
            if at == _EARLIER:
                waiting = True
            elif at == _NOW:
                if waiting:
                    self.refuse("a match that depends on whether a preferred shorter one fits")
                found.append(demands)
        if not found:
            return -1
        key = (_NOTHING,) if not found[-1] else tuple(dict.fromkeys(found))
        return labels.setdefault(key, len(labels))

    def not_before(self, matches: tuple[Demands, ...]) -> Regex | None:
        """The texts that must not follow, so that the demands of one of the matches are met."""
        if not matches[-1]:
            return None
        ahead = self.program.ahead
        key = (tuple([frozenset([(ahead[which], state) for which, state in m]) for m in matches]), self.limits)
        made = _following.get(key)
        if made is None:
            found = self.not_allowed(matches)
            made = (found,)
            _following.put(key, made, 256 + sum(dfa.table.nbytes for dfa in ahead))
        return made[0]

    def not_allowed(self, matches: tuple[Demands, ...]) -> Regex | None:
        """`not_before`, made anew."""
        allowed = union(*[intersect(*[self.demanded(d) for d in demands]) for demands in matches])
        dfa = compile(allowed, self.limits)
        if compile(ALL, self.limits) == dfa:
            return None
        if dfa.is_empty or (dfa.accept < 0).any():
            self.refuse("a lookahead that demands text beyond the end")
        dead = dfa.n_states
        bounds, classes = _without_surrogates(dfa)
        columns = _columns(dfa)
        table = dfa.table.tolist()
        edges = [(s, c, table[s][c] if table[s][c] >= 0 else dead) for s in range(dead) for c in columns]
        accept = np.full(dead + 1, -1, np.int32)
        accept[dead] = 0
        raw = (0, dead + 1, np.array(edges, np.int32), len(edges), accept, bounds, classes, dfa.n_classes)
        return automaton(finished(raw, self.limits))

    def demanded(self, demand: Demand) -> Regex:
        """What a demand allows to follow."""
        which, state = demand
        dfa, table = self.program.ahead[which], self.tables[which]
        numbers = {state: 0}
        edges = []
        for at in (reached := [state]):  # grows
            for column, to in enumerate(table[at]):
                if to >= 0:
                    if to not in numbers:
                        numbers[to] = len(reached)
                        reached.append(to)
                    edges.append((numbers[at], column, numbers[to]))
        raw = (
            0, len(reached), np.array(edges, np.int32).reshape(-1, 3), len(edges), dfa.accept[reached],
            dfa.bounds, dfa.classes, dfa.n_classes,
        )  # fmt: skip
        return automaton(finished(raw, self.limits))

    def refuse(self, what: str) -> None:
        shown = self.pattern if len(self.pattern) <= 80 else self.pattern[:77] + "..."
        raise UnsupportedFeature(f"{what}, in the regular expression {shown!r}", keyword="lookaround")

    def count(self) -> None:
        self.work += 1
        if self.work > self.limits.dfa_work:
            raise LimitExceeded(
                f"a regular expression needs more than {self.limits.dfa_work} steps to compile",
                keyword="dfa_work",
                hint="Simplify the expression, or raise Limits.dfa_work",
            )


class _Closure:
    """Runs instructions that read nothing, depth first, so that items are in order of preference."""

    def __init__(self, simulation: _Simulation, behinds: tuple[frozenset[int], ...]) -> None:
        self.simulation = simulation
        self.behinds = behinds
        self.items: list[Item] = []
        self.seen: dict[tuple[int, frozenset[int]], list[Demands]] = {}
        self.done = False  # something has matched whatever follows

    def result(self) -> tuple[Item, ...]:
        """The items; earlier matches that nothing less preferred follows make no difference."""
        items = self.items
        while items and items[-1][0] == _EARLIER:
            items.pop()
        return tuple(items)

    def follow(self, at: int, demands: Demands) -> None:
        simulation = self.simulation
        code = simulation.program.code
        todo: list[tuple[int, Demands, frozenset[int]]] = [(at, demands, frozenset())]
        while todo:
            at, demands, entered = todo.pop()
            step = code[at]
            kind = step.kind
            seen = self.seen.setdefault((at, frozenset() if kind in (CHAR, MATCH) else entered), [])
            if any(earlier <= demands for earlier in seen):  # whenever this one fits, that one does
                continue
            seen.append(demands)
            simulation.count()
            if kind == CHAR:
                self.items.append((at, demands))
            elif kind == MATCH:
                self.items.append((_NOW, demands))
                if not demands:
                    self.done = True
                    return
            elif kind == AHEAD:
                which = step.number
                if simulation.tables[which]:
                    more = demands if simulation.universal[which] == 0 else demands | {(which, 0)}
                    todo.append((step.then[0], more, entered))
            elif kind == BEHIND:
                known = self.behinds[step.number]
                true = simulation.true[step.number]
                if known <= true or known.isdisjoint(true):
                    if (known <= true) == step.wanted:
                        todo.append((step.then[0], demands, entered))
                else:
                    simulation.refuse("a lookbehind, a boundary or ^ that looks at what comes before the terminal")
            elif kind == AGAIN:
                todo.append((step.then[1] if step.number in entered else step.then[0], demands, entered))
            else:
                inside = entered | {step.number} if kind == LOOP else entered
                todo += [(then, demands, inside) for then in reversed(step.then)]


def _columns(dfa: Dfa) -> list[int]:
    """The columns that characters have."""
    _, classes = _without_surrogates(dfa)
    columns: list[int] = distinct(classes[classes >= 0]).tolist()
    return columns


@lru_cache(maxsize=256)
def _universal_state(dfa: Dfa) -> int:
    """The state from which everything is accepted, -1 if there is none."""
    columns = _columns(dfa)
    for state in range(dfa.n_states):
        if dfa.accept[state] >= 0 and (dfa.table[state, columns] == state).all():
            return state
    return -1


def _anything_before(dfa: Dfa) -> frozenset[int]:
    """The states in which an automaton can be after some text, -1 where that can be."""
    dead = not dfa.n_states or bool((dfa.table[:, _columns(dfa)] < 0).any())
    return frozenset(range(-1 if dead else 0, dfa.n_states))


def _without_surrogates(dfa: Dfa) -> tuple[Ints, Ints]:
    """The intervals of an automaton with the surrogates in class -1."""
    cuts = distinct(np.append(dfa.bounds, np.array([SURROGATES[0], SURROGATES[1] + 1], np.int32)))
    classes = dfa.classes[np.searchsorted(dfa.bounds, cuts, side="right") - 1]
    return cuts, np.where((cuts >= SURROGATES[0]) & (cuts <= SURROGATES[1]), np.int32(-1), classes)
