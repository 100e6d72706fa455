"""Least fixpoints over the nodes of a grammar, in time linear in its references and without recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from constrain.grammar.ir import Node, NodeId


class Need(NamedTuple):
    """What a node that is not marked yet waits for: all `hard` conditions and at least `soft` points of the others."""

    hard: int
    soft: int
    waits: list[tuple[NodeId, int, int]]  # (child, hard conditions it settles, points it brings)
    again: bool = False  # its conditions are no sums: it is asked anew when a child is marked


def fixpoint(
    nodes: list[Node], since: int, marks: bytearray, needs: Callable[[Node, bytearray], Need]
) -> None:
    """Mark every node whose needs are met by marked nodes; each wait is looked at once."""
    hard: dict[NodeId, int] = {}
    soft: dict[NodeId, int] = {}
    waiting: dict[NodeId, list[tuple[NodeId, int, int]]] = {}
    ready: list[NodeId] = []
    anew: set[NodeId] = set()
    for i in range(since, len(nodes)):
        if marks[i]:
            continue
        need = needs(nodes[i], marks)
        hard[i], soft[i] = need.hard, need.soft
        if need.again:
            anew.add(i)
        for child, settles, brings in need.waits:
            waiting.setdefault(child, []).append((i, settles, brings))
        if need.hard <= 0 and need.soft <= 0:
            marks[i] = 1  # later nodes see it marked and don't wait; earlier ones hear of it below
            ready.append(i)
    while ready:
        for parent, settles, brings in waiting.pop(ready.pop(), ()):
            hard[parent] -= settles
            soft[parent] -= brings
            if parent in anew and not marks[parent]:
                need = needs(nodes[parent], marks)
                hard[parent], soft[parent] = need.hard, need.soft
            if hard[parent] <= 0 and soft[parent] <= 0 and not marks[parent]:
                marks[parent] = 1
                ready.append(parent)
