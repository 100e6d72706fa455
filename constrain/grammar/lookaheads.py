"""LALR(1) look-aheads as DeRemer and Pennello find them (Efficient computation of LALR(1) look-ahead sets, 1982).

All walks along rules are taken side by side, as arrays; sets of terminals are rows of words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from constrain.grammar.lr_states import Automaton, unions
from constrain.grammar.simplify import closed
from constrain.sorted_arrays import distinct, groups

ROUNDS = 50  # of unions with neighbours, before nodes are taken in order
Ints = NDArray[np.int32]


def lookaheads(automaton: Automaton) -> list[dict[int, int]]:
    """For each state its complete rules, each with the bit set of terminals after which to reduce it there."""
    n, moves, rights = automaton.n_terminals, automaton.moves, automaton.rights
    nullable = closed(zip(automaton.lefts, rights, strict=True))
    nodes = _Nodes(automaton)
    # steps from a state along all rules of a nonterminal, and the words of the sets kept for it
    weight = [(n >> 6) + sum(len(rights[r]) + 2 for r in automaton.rules_of[s]) for s in range(n, nodes.root + 1)]
    automaton.count(int(np.array(weight)[nodes.symbol].sum()))

    # What can be read next in a state: its terminals, and those after nonterminals that are empty there.
    shifts = [sum([1 << s for s in row if s < n]) for row in moves]
    end = 1 << n
    shifts[moves[0][rights[0][0]]] |= end
    empties = {p: [q for s, q in row.items() if s in nullable] for p, row in enumerate(moves)} if nullable else {}
    reads = _rows(unions({p: targets for p, targets in empties.items() if targets}, shifts), n)

    # A node is a nonterminal read in a state. What follows it is what can be read next, and, where it ends a rule,
    # what follows that rule's nonterminal in the state where the rule began.
    tails = np.array([_tail(right, n, nullable) for right in rights])
    source, rule = nodes.rules()
    zeros = np.zeros(len(source), np.int32)
    ends, edges = nodes.walked(nodes.state[source], rule, zeros, source, tails)
    if automaton.lexing:
        edges += nodes.of_lark(tails)
    follow = closure(np.concatenate(edges, axis=1), reads[nodes.target])
    key = ends.astype(np.int64) * len(rights) + rule
    order = np.argsort(key, kind="stable")
    key = key[order]
    begins = groups(key)
    out: list[dict[int, int]] = [{} for _ in moves]
    if len(begins):
        masks = np.bitwise_or.reduceat(follow[source[order]], begins, axis=0)
        for at, mask in zip(key[begins].tolist(), integers(masks), strict=True):
            out[at // len(rights)][at % len(rights)] = mask
    out[moves[0][rights[0][0]]][0] = end
    return out


class _Nodes:
    """The nonterminals that are read in states, as arrays: of each the state, the symbol (from 0 on), the state after.

    at: int32[n_states, n_nonterminals], the number of a node, or -1.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        n = self.n = automaton.n_terminals
        self.root = n + len(automaton.names)
        moves = automaton.moves
        sizes = [len(row) for row in moves]
        states = np.repeat(np.arange(len(moves), dtype=np.int32), sizes)
        symbols = np.array([s for row in moves for s in row], np.int32)
        targets = np.array([q for row in moves for q in row.values()], np.int32)
        self.move = np.full((len(moves), self.root + 1), -1, np.int32)
        self.move[states, symbols] = targets
        inner = symbols >= n
        self.state, self.symbol, self.target = states[inner], symbols[inner] - n, targets[inner]
        self.at = np.full((len(moves), self.root + 1 - n), -1, np.int32)
        self.at[self.state, self.symbol] = np.arange(len(self.state), dtype=np.int32)
        self.length = np.array([len(right) for right in automaton.rights], np.int32)
        self.begin = np.cumsum(self.length) - self.length
        self.right = np.array([s for right in automaton.rights for s in right], np.int32)

    def rules(self) -> tuple[Ints, Ints]:
        """Every node with every rule of its symbol: (node, rule)."""
        lists = [self.automaton.rules_of[s] for s in range(self.n, self.root + 1)]
        counts = np.array([len(rules) for rules in lists], np.int32)
        flat = np.array([r for rules in lists for r in rules], np.int32)
        mine = counts[self.symbol]
        node = np.repeat(np.arange(len(mine), dtype=np.int32), mine)
        place = np.arange(len(node)) - np.repeat(np.cumsum(mine) - mine, mine)
        return node, flat[(np.cumsum(counts) - counts)[self.symbol[node]] + place]

    def walked(self, state: Ints, rule: Ints, place: Ints, source: Ints, tails: Ints) -> tuple[Ints, list[Ints]]:
        """Walk along rules from a place in them: the states at their ends, and the nodes that may be last in them, as
        arrays of edges [2, n] from those to their `source`."""
        state = state.copy()
        edges: list[Ints] = [np.zeros((2, 0), np.int32)]
        left = np.flatnonzero(place < self.length[rule])
        while len(left):
            r, at, p = rule[left], place[left], state[left]
            s = self.right[self.begin[r] + at]
            last = np.flatnonzero((s >= self.n) & (at >= tails[r]))
            edges.append(np.stack([self.at[p[last], s[last] - self.n], source[left[last]]]))
            state[left] = self.move[p, s]
            place = place.copy()
            place[left] += 1
            left = left[at + 1 < self.length[r]]
        return state, edges

    def of_lark(self, tails: Ints) -> list[Ints]:
        """What lark takes for granted beside that: the nonterminal of a rule that is half read counts, too, where the
        state has a transition for it, though it began in another state. Its lexer looks for the terminals that follow.
        """
        a = self.automaton
        items = np.array([item for kernel in a.kernels for item in kernel], np.int32)
        states = np.repeat(np.arange(len(a.kernels), dtype=np.int32), [len(kernel) for kernel in a.kernels])
        rules = np.array(a.rule_at, np.int32)[items]
        source = self.at[states, np.array(a.lefts, np.int32)[rules] - self.n]
        place = items - np.array(a.first, np.int32)[rules]
        there = source >= 0
        return self.walked(states[there], rules[there], place[there], source[there], tails)[1]


def closure(edges: Ints, rows: Ints) -> Ints:
    """Of each node the union of the sets (rows of words) of all nodes that it reaches over edges [2, n]."""
    count = len(rows)
    pairs = distinct(edges[0].astype(np.int64) * count + edges[1])
    tail, head = pairs // count, pairs % count
    fresh = np.ones(count, bool)
    for _ in range(ROUNDS):
        chosen = np.flatnonzero(fresh[head])
        fresh = np.zeros(count, bool)
        if not len(chosen):
            return rows
        begins = groups(tail[chosen])
        nodes = tail[chosen[begins]]
        more = rows[nodes] | np.bitwise_or.reduceat(rows[head[chosen]], begins, axis=0)
        grown = (more != rows[nodes]).any(axis=1)
        rows[nodes[grown]] = more[grown]
        fresh[nodes[grown]] = True
    lists: dict[int, list[int]] = {}  # long chains: each node once, after those that it leads to
    for a, z in zip(tail.tolist(), head.tolist(), strict=True):
        lists.setdefault(a, []).append(z)
    return _rows(unions(lists, integers(rows)), 32 * rows.shape[1] - 1)


def _rows(sets: list[int], n: int) -> Ints:
    """Bit sets of 0..n as rows of words."""
    size = 4 * (n // 32 + 1)
    data = bytearray(b"".join([s.to_bytes(size, "little") for s in sets]))
    return np.frombuffer(data, np.int32).reshape(len(sets), -1)


def integers(rows: Ints) -> list[int]:
    """The reverse of `_rows`."""
    data, size = rows.tobytes(), rows.shape[1] * rows.itemsize
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def _tail(right: tuple[int, ...], n: int, nullable: set[int]) -> int:
    """From which position on a symbol may be the last that is not empty."""
    at = len(right) - 1
    while at > 0 and right[at] in nullable:
        at -= 1
    return at
