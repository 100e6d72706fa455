"""LALR(1) tables of a context-free grammar with every conflict kept, for a parser that follows all actions.

States are those of the LR(0) automaton; look-aheads are DeRemer and Pennello's (Efficient computation of LALR(1)
look-ahead sets, TOPLAS 4, 1982), as bit sets of terminals in Python's integers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.grammar.cfg import Cfg
from constrain.grammar.simplify import closed, components, simplified
from constrain.limits import DEFAULT_LIMITS, Limits

ACCEPT = -1  # the action at the end of a whole text: the reduction of rule 0


class Tables(NamedTuple):
    """What the parser does. Terminals are numbered as in the grammar, and `n_terminals` is the end of the text.

    action: int32[n_states, n_terminals + 1], 0: nothing, k > 0: the actions at k in `actions`.
    actions: int32[...], at k the number of actions, then the actions: q + 1 shifts and goes to state q, -(r + 1)
        reduces rule r, so -1 (`ACCEPT`, rule 0, only at the end of the text) accepts. Equal lists are shared.
    goto: int32[n_states, n_nonterminals], the state after a nonterminal; -1: none.
    rule_left, rule_length: int32[n_rules], of a rule its nonterminal (from 0) and the number of symbols it takes off
        the stack. Rule 0 is the start rule: its left side is on no stack.
    context: int32[n_states], the index in `contexts` of the terminals that the state has an action for.
    contexts: distinct sets of terminals, ascending.
    shifted: int32[n_states], 1 where a terminal's shift leads, and at the start: only there the next token is read.
    nonterminals: names, for messages.
    """

    action: NDArray[np.int32]
    actions: NDArray[np.int32]
    goto: NDArray[np.int32]
    rule_left: NDArray[np.int32]
    rule_length: NDArray[np.int32]
    context: NDArray[np.int32]
    contexts: tuple[tuple[int, ...], ...]
    shifted: NDArray[np.int32]
    nonterminals: tuple[str, ...]
    start_state: int = 0

    @property
    def n_states(self) -> int:
        """States of the parser."""
        return int(self.action.shape[0])

    @property
    def n_terminals(self) -> int:
        """Terminals of the grammar; the number that stands for the end of the text."""
        return int(self.action.shape[1]) - 1

    @property
    def has_conflicts(self) -> bool:
        """Is there a place with several actions?"""
        at, sizes = 1, self.actions.tolist()
        while at < len(sizes):
            if sizes[at] > 1:
                return True
            at += 1 + sizes[at]
        return False

    def actions_of(self, state: int, terminal: int) -> list[int]:
        """The actions of a state for a terminal."""
        k = int(self.action[state, terminal])
        return self.actions[k + 1 : k + 1 + self.actions[k]].tolist() if k else []


def tables(cfg: Cfg, limits: Limits = DEFAULT_LIMITS, *, shortcuts: bool = True) -> Tables:
    """The tables of a grammar (made safe by `simplified` first).

    shortcuts: where all that a state can do after a nonterminal B is to reduce it by A -> B, go on as after A at once.
    No token is read in such a state, so no context changes; of a long chain of rules little is left.

    Raises Unsatisfiable where no text can be derived, LimitExceeded (`grammar_nodes`, `lr_states`, `lr_cells`,
    `lr_work`).
    """
    automaton = _Automaton(simplified(cfg, limits), limits)
    return _Writer(automaton, _lookaheads(automaton), shortcuts).tables()


class _Automaton:
    """The LR(0) automaton. An item is a number: rule r with the dot before position p is `first[r] + p`."""

    def __init__(self, cfg: Cfg, limits: Limits) -> None:
        self.limits = limits
        self.n_terminals = len(cfg.terminals)
        self.names = cfg.nonterminals
        self.lexing = cfg.lexing
        root = self.n_terminals + len(cfg.nonterminals)
        self.lefts = [root, *(rule.left for rule in cfg.rules)]
        self.rights = [(cfg.start,), *(rule.right for rule in cfg.rules)]
        self.after: list[int] = []  # item -> symbol after the dot, -1: the rule is complete
        self.rule_at: list[int] = []  # item -> rule
        self.rules_of: dict[int, list[int]] = {s: [] for s in range(self.n_terminals, root + 1)}
        first: list[int] = []
        for r, (left, right) in enumerate(zip(self.lefts, self.rights, strict=True)):
            first.append(len(self.after))
            self.after += [*right, -1]
            self.rule_at += [r] * (len(right) + 1)
            self.rules_of[left].append(r)
        self.first = first
        self.moves: list[dict[int, int]] = []  # state -> symbol -> state
        self.complete: list[list[int]] = []  # state -> rules that are read completely
        self.kernels: list[tuple[int, ...]] = [(0,)]  # state -> items it begins with
        self.work = 0
        self._build()

    def count(self, steps: int) -> None:
        """Note that so many steps are to be taken, or so many words to be kept."""
        self.work += steps
        if self.work > self.limits.lr_work:
            raise LimitExceeded(
                f"a grammar's parser needs more than {self.limits.lr_work} steps to make", keyword="lr_work"
            )

    def _build(self) -> None:
        """Make the states in breadth-first order."""
        self.count(len(self.names) * (len(self.names) >> 6))
        reach = self._left_corners()
        after, limit, n = self.after, self.limits.lr_states, self.n_terminals
        closures: dict[int, _Closure] = {}
        kernels = self.kernels
        number: dict[tuple[int, ...], int] = {kernels[0]: 0}
        width = n + 1 + len(self.names)
        for kernel in kernels:  # grows
            own: dict[int, list[int]] = {}
            complete = []
            mask = 0
            for item in kernel:
                s = after[item]
                if s < 0:
                    complete.append(self.rule_at[item])
                    continue
                own.setdefault(s, []).append(item + 1)
                if s >= n:
                    mask |= reach[s - n]
            closure = closures.get(mask)
            if closure is None:
                closure = closures[mask] = _Closure(self, mask)
            moves: dict[int, int] = {}
            for s, items in own.items():
                key = tuple(sorted((*items, *closure.items.get(s, ()))))
                target = number.get(key)
                if target is None:
                    target = number[key] = len(kernels)
                    kernels.append(key)
                moves[s] = target
            for s, key in closure.items.items():
                if s in own:
                    continue
                target = closure.states.get(s)
                if target is None:
                    target = number.get(key)
                    if target is None:
                        target = number[key] = len(kernels)
                        kernels.append(key)
                    closure.states[s] = target
                moves[s] = target
            self.moves.append(moves)
            self.complete.append(complete + closure.empty)
            self.count(len(kernel) + len(moves))
            if len(kernels) > limit:
                raise LimitExceeded(f"a grammar's parser needs more than {limit} states", keyword="lr_states")
            if len(kernels) * width > self.limits.lr_cells:
                raise LimitExceeded(
                    f"a grammar's parser needs tables of more than {self.limits.lr_cells} cells", keyword="lr_cells"
                )

    def _left_corners(self) -> list[int]:
        """Of each nonterminal the bit set of those with which it can begin, itself included."""
        n = self.n_terminals
        edges: dict[int, list[int]] = {}
        for left, right in zip(self.lefts, self.rights, strict=True):
            targets = edges.setdefault(left, [])
            if right and right[0] >= n:
                targets.append(right[0])
        return _unions(edges, [1 << i for i in range(len(self.names) + 1)], n)


class _Closure:
    """What a set of nonterminals after the dot adds to a state."""

    def __init__(self, automaton: _Automaton, mask: int) -> None:
        self.items: dict[int, tuple[int, ...]] = {}  # symbol -> items after it
        self.states: dict[int, int] = {}  # symbol -> state, where no other items join these
        self.empty: list[int] = []  # empty rules
        grouped: dict[int, list[int]] = {}
        for i in bits_of(mask):
            for r in automaton.rules_of[automaton.n_terminals + i]:
                item = automaton.first[r]
                s = automaton.after[item]
                if s < 0:
                    self.empty.append(r)
                else:
                    grouped.setdefault(s, []).append(item + 1)
        self.items = {s: tuple(sorted(items)) for s, items in grouped.items()}
        automaton.count(len(self.empty) + sum(map(len, grouped.values())))


def bits_of(mask: int) -> list[int]:
    """The places of the ones."""
    out = []
    while mask:
        low = mask & -mask
        out.append(low.bit_length() - 1)
        mask ^= low
    return out


def _unions(edges: dict[int, list[int]], own: list[int], base: int = 0) -> list[int]:
    """Of each node the union of the sets own[node - base] of all nodes that it reaches."""
    out = list(own)
    for group in components(edges):
        mask = 0
        for node in group:
            mask |= out[node - base]
            for target in edges.get(node, ()):
                mask |= out[target - base]
        for node in group:
            out[node - base] = mask
    return out


def _lookaheads(automaton: _Automaton) -> list[dict[int, int]]:
    """For each state its complete rules, each with the bit set of terminals after which to reduce it there."""
    n, moves, rights = automaton.n_terminals, automaton.moves, automaton.rights
    nullable = closed(zip(automaton.lefts, rights, strict=True))
    # steps from a state along all rules of a nonterminal, and the words of the sets kept for it
    weight = {s: (n >> 6) + sum(len(rights[r]) + 2 for r in rules) for s, rules in automaton.rules_of.items()}
    for row in moves:
        automaton.count(sum(weight[s] for s in row if s >= n))

    # What can be read next in a state: its terminals, and those after nonterminals that are empty there.
    shifts = [sum(1 << s for s in row if s < n) for row in moves]
    end = 1 << n
    shifts[moves[0][rights[0][0]]] |= end
    empties = {p: [q for s, q in row.items() if s in nullable] for p, row in enumerate(moves)} if nullable else {}
    reads = _unions({p: targets for p, targets in empties.items() if targets}, shifts)

    # A node is a nonterminal read in a state. What follows it is what can be read next, and, where it ends a rule,
    # what follows that rule's nonterminal in the state where the rule began.
    node: list[dict[int, int]] = []
    follow: list[int] = []
    for row in moves:
        mine: dict[int, int] = {}
        for s, q in row.items():
            if s >= n:
                mine[s] = len(follow)
                follow.append(reads[q])
        node.append(mine)
    tails = [_tail(right, n, nullable) for right in rights]
    edges = _of_lark(automaton, node, tails) if automaton.lexing else {}
    ends: list[tuple[int, int, int]] = []  # (state, rule, node whose following terminals allow it)
    for p, mine in enumerate(node):
        for left, source in mine.items():
            for r in automaton.rules_of[left]:
                q = p
                tail = tails[r]
                for at, s in enumerate(rights[r]):
                    if at >= tail and s >= n:
                        edges.setdefault(node[q][s], []).append(source)
                    q = moves[q][s]
                ends.append((q, r, source))
    follow = _unions(edges, follow)
    out: list[dict[int, int]] = [{} for _ in moves]
    for q, r, source in ends:
        out[q][r] = out[q].get(r, 0) | follow[source]
    out[moves[0][rights[0][0]]][0] = end
    return out


def _of_lark(automaton: _Automaton, node: list[dict[int, int]], tails: list[int]) -> dict[int, list[int]]:
    """What lark takes for granted beside the rule above: the nonterminal of a rule that is half read counts, too, where
    the state has a transition for it, though it began in another state. Its lexer looks for the terminals that follow.
    """
    edges: dict[int, list[int]] = {}
    for p, mine in enumerate(node):
        for item in automaton.kernels[p]:
            r = automaton.rule_at[item]
            source = mine.get(automaton.lefts[r])
            if source is None:
                continue
            q = p
            right = automaton.rights[r]
            for at in range(item - automaton.first[r], len(right)):
                s = right[at]
                if at >= tails[r] and s >= automaton.n_terminals:
                    edges.setdefault(node[q][s], []).append(source)
                q = automaton.moves[q][s]
    return edges


def _tail(right: tuple[int, ...], n: int, nullable: set[int]) -> int:
    """From which position on a symbol may be the last that is not empty."""
    at = len(right) - 1
    while at > 0 and right[at] in nullable:
        at -= 1
    return at


class _Writer:
    """Lays the actions out as arrays."""

    def __init__(self, automaton: _Automaton, lookaheads: list[dict[int, int]], shortcuts: bool) -> None:
        self.automaton = automaton
        self.lookaheads = lookaheads
        self.skipped: dict[int, int] = {}  # state to skip -> the nonterminal to go on after
        if shortcuts:
            for q, (row, rules) in enumerate(zip(automaton.moves, automaton.complete, strict=True)):
                if not row and len(rules) == 1 and rules[0] and len(automaton.rights[rules[0]]) == 1:
                    self.skipped[q] = automaton.lefts[rules[0]]
        self.actions = [0]
        self.places: dict[tuple[int, ...], int] = {}

    def after(self, p: int, symbol: int) -> int:
        """The state after a symbol in state p."""
        q = self.automaton.moves[p][symbol]
        if symbol >= self.automaton.n_terminals:
            while q in self.skipped:
                q = self.automaton.moves[p][self.skipped[q]]
        return q

    def reached(self) -> dict[int, int]:
        """The states that are not skipped, in order, and their numbers."""
        seen = {0}
        todo = [0]
        while todo:
            p = todo.pop()
            found = {self.after(p, s) for s in self.automaton.moves[p]} - seen
            seen |= found
            todo += found
        return {p: i for i, p in enumerate(sorted(seen))}

    def place(self, found: tuple[int, ...]) -> int:
        """Where a list of actions stands."""
        k = self.places.get(found)
        if k is None:
            k = self.places[found] = len(self.actions)
            self.actions += [len(found), *found]
        return k

    def tables(self) -> Tables:
        """All of them."""
        a = self.automaton
        n, names = a.n_terminals, a.names
        number = self.reached()
        states = len(number)
        action = np.zeros((states, n + 1), np.int32)
        goto = np.full((states, len(names)), -1, np.int32)
        shifted = np.zeros(states, np.int32)
        shifted[0] = 1
        context = np.zeros(states, np.int32)
        contexts: dict[int, int] = {}
        columns: dict[int, list[int]] = {}
        for old, p in number.items():
            found: dict[int, tuple[int, ...]] = {}
            seen = 0
            for s in a.moves[old]:
                q = number[self.after(old, s)]
                if s < n:
                    found[s] = (q + 1,)
                    seen |= 1 << s
                    shifted[q] = 1
                else:
                    goto[p, s - n] = q
            for r, mask in sorted(self.lookaheads[old].items()):
                both = seen & mask
                seen |= mask
                mask ^= both
                for s in bits_of(both):
                    found[s] = (*found[s], -(r + 1))
                if mask:
                    if mask not in columns:
                        columns[mask] = bits_of(mask)
                    found.update(dict.fromkeys(columns[mask], (-(r + 1),)))
            if found:
                action[p, list(found)] = [self.place(f) for f in found.values()]
            seen &= (1 << n) - 1
            context[p] = contexts.setdefault(seen, len(contexts))
        return Tables(
            action=action,
            actions=np.array(self.actions, np.int32),
            goto=goto,
            rule_left=np.array([left - n for left in a.lefts], np.int32),
            rule_length=np.array([len(right) for right in a.rights], np.int32),
            context=context,
            contexts=tuple(tuple(bits_of(mask)) for mask in contexts),
            shifted=shifted,
            nonterminals=names,
        )
