"""The LR(0) automaton of a context-free grammar: the states of its parser, before look-aheads are known."""

from __future__ import annotations

from constrain.errors import LimitExceeded
from constrain.grammar.cfg import Cfg
from constrain.grammar.simplify import components
from constrain.limits import Limits


class Automaton:
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
        return unions(edges, [1 << i for i in range(len(self.names) + 1)], n)


class _Closure:
    """What a set of nonterminals after the dot adds to a state."""

    def __init__(self, automaton: Automaton, mask: int) -> None:
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


def unions(edges: dict[int, list[int]], own: list[int], base: int = 0) -> list[int]:
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
