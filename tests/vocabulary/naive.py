"""Slow, obviously right twins: a trie of dicts, and the arrays that a preorder walk of it gives."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Node:
    children: dict[int, Node] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)


@dataclass
class Arrays:
    byte: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)


def trie(tokens: list[bytes]) -> Node:
    root = Node()
    for i, token in enumerate(tokens):
        if not token:
            continue
        node = root
        for byte in token:
            node = node.children.setdefault(byte, Node())
        node.ids.append(i)
    return root


def arrays(tokens: list[bytes]) -> Arrays:
    out = Arrays()

    def walk(node: Node, byte: int, depth: int) -> None:
        here = len(out.byte)
        out.byte.append(byte)
        out.depth.append(depth)
        out.first.append(len(out.ids))
        out.end.append(-1)
        out.ids += node.ids
        for child in sorted(node.children):
            walk(node.children[child], child, depth + 1)
        out.end[here] = len(out.byte)

    walk(trie(tokens), 0, 0)
    out.first.append(len(out.ids))
    return out
