"""How many members or items can still come: objects that demand something of some member, arrays with an automaton."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from constrain.errors import LimitExceeded
from constrain.grammar.ir import NEVER, Items, NodeId, Object

FAR = 1 << 30
MOST_STATES = 20_000  # of an array's automaton that counts items
Lengths: TypeAlias = "tuple[int, int | None] | None"


def fewest_members(node: Object, productive: Callable[[NodeId], bool], holds_keys: Callable[[int], bool]) -> int:
    """The least number of members besides the required ones with which all demands are met; FAR: they can't be.

    A cheapest cover, by dynamic programming over sets of demands: required members meet theirs at no cost, other
    declared ones cost one each, free ones too, and those may come any number of times.
    """
    full = (1 << node.demands) - 1
    cost = [FAR] * (full + 1)
    cost[0] = 0
    n = len(node.names)
    for j, options in enumerate(node.options):
        met = [bits for at, bits in options if at != NEVER and bits and productive(at)]
        if not met:
            continue
        if j < n:
            price = int(not node.required[j])
            for have in range(full, -1, -1):  # downwards: each name serves once
                for bits in met:
                    cost[have | bits] = min(cost[have | bits], cost[have] + price)
        elif holds_keys(j - n):
            for have in range(full + 1):
                for bits in met:
                    cost[have | bits] = min(cost[have | bits], cost[have] + 1)
    return cost[full]


def lengths(node: Items, productive: Callable[[NodeId], bool]) -> tuple[list[Lengths], bool]:
    """For each state the least and the largest number of items to an end (None: no largest one), or None where no way
    leads to an end; and whether some state's numbers have gaps.

    States must be numbered so that steps lead to the same or to later ones.
    """
    out: list[Lengths] = [None] * len(node.steps)
    gaps = False
    for q in range(len(node.steps) - 1, -1, -1):
        spans: list[tuple[int, int | None]] = [(0, 0)] if node.ends[q] else []
        loops = False
        for item, target in node.steps[q]:
            if item == NEVER or not productive(item):
                continue
            if target < q:
                raise ValueError("steps must lead to the same or to later states")
            loops = loops or target == q
            ways = [target] if target != q else []
            if node.distinct == 2 and q < len(node.steps) // 2:  # the item may be the one that was there
                ways.append(target + len(node.steps) // 2)
            for found in [out[way] for way in ways]:
                if found is not None:
                    spans.append((found[0] + 1, None if found[1] is None else found[1] + 1))
        if not spans:
            continue
        spans.sort(key=lambda span: span[0])
        least, most = spans[0]
        for low, high in spans[1:]:
            if most is not None:
                gaps = gaps or (low > most + 1 and not loops)
                most = None if high is None else max(most, high)
        out[q] = (least, None if loops else most)
    return out, gaps


def can_end(node: Items, productive: Callable[[NodeId], bool]) -> bool:
    """Is there a text?"""
    found, gaps = lengths(node, productive)
    if gaps and (node.lo > 0 or node.hi is not None):
        node = counted_out(node)
        found, _ = lengths(node, productive)
    whole = found[0] if found else None
    if whole is None or (node.hi is not None and whole[0] > node.hi):
        return False
    return (whole[1] is None or whole[1] >= node.lo) and (node.hi is None or node.lo <= node.hi)


def without_dead(node: Items, productive: Callable[[NodeId], bool]) -> Items:
    """The same array without steps that lead to no end; where the numbers of items have gaps, they become states."""
    found, gaps = lengths(node, productive)
    if gaps and (node.lo > 0 or node.hi is not None):
        node = counted_out(node)
        found, _ = lengths(node, productive)
    steps = tuple(
        tuple((item, target) for item, target in row if found[target] is not None and productive(item))
        for row in node.steps
    )
    return node if steps == node.steps else node._replace(steps=steps)


def counted_out(node: Items) -> Items:
    """The same array with the number of items in its states, and no bounds. Raises `LimitExceeded`."""
    most = node.lo if node.hi is None else node.hi
    if len(node.steps) * (most + 1) > MOST_STATES:
        raise LimitExceeded(
            f"counting the items of an array needs more than {MOST_STATES} states", keyword="MOST_STATES"
        )
    width = len(node.steps)
    steps, ends = [], []
    for n in range(most + 1):
        last = n == most
        for q in range(width):
            after = n if last else n + 1
            row = () if last and node.hi is not None else node.steps[q]
            steps.append(tuple((item, after * width + target) for item, target in row))
            ends.append(node.ends[q] and n >= node.lo)
    return Items(tuple(steps), tuple(ends), distinct=node.distinct)
