"""LALR look-aheads by walking every rule from every state: a twin of constrain/grammar/lookaheads.py."""

from __future__ import annotations

from constrain.grammar.lr_states import Automaton, unions
from constrain.grammar.simplify import closed


def lookaheads(automaton: Automaton) -> list[dict[int, int]]:
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
    reads = unions({p: targets for p, targets in empties.items() if targets}, shifts)

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
    tails = [tail_of(right, n, nullable) for right in rights]
    edges = of_lark(automaton, node, tails) if automaton.lexing else {}
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
    follow = unions(edges, follow)
    out: list[dict[int, int]] = [{} for _ in moves]
    for q, r, source in ends:
        out[q][r] = out[q].get(r, 0) | follow[source]
    out[moves[0][rights[0][0]]][0] = end
    return out


def of_lark(automaton: Automaton, node: list[dict[int, int]], tails: list[int]) -> dict[int, list[int]]:
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


def tail_of(right: tuple[int, ...], n: int, nullable: set[int]) -> int:
    """From which position on a symbol may be the last that is not empty."""
    at = len(right) - 1
    while at > 0 and right[at] in nullable:
        at -= 1
    return at
