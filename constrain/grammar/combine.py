"""Joining grammars: the nodes of one are taken over into another."""

from __future__ import annotations

from constrain.errors import UnsupportedFeature
from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Grammar,
    Lazy,
    Node,
    NodeId,
    Object,
    Rules,
    Seq,
    String,
    StringChoice,
)


def graft(target: Grammar, source: Grammar) -> NodeId:
    """Take over the nodes of `source`; the id of its start in `target`. What is lazy in it stays lazy.

    Raises UnsupportedFeature when the two write JSON in different ways.
    """
    if any(map(_is_json, source.nodes)):
        if any(map(_is_json, target.nodes)) and _spelling(target) != _spelling(source):
            raise UnsupportedFeature(
                "parts that write JSON with different whitespace or escapes",
                keyword="whitespace", hint="Give all parts the same whitespace= and escapes=",
            )  # fmt: skip
        target.whitespace, target.max_whitespace, target.escapes = _spelling(source)
    return _Graft(target, source).take(source.start)


def _is_json(node: Node) -> bool:
    return isinstance(node, (Object, Array, String, StringChoice, Lazy))


def _spelling(grammar: Grammar) -> tuple[str, int, str]:
    return grammar.whitespace, grammar.max_whitespace, grammar.escapes


class _Graft:
    """Ids of one grammar as ids of another."""

    def __init__(self, target: Grammar, source: Grammar) -> None:
        self.target = target
        self.source = source
        self.ids: dict[NodeId, NodeId] = {NEVER: NEVER}

    def take(self, root: NodeId) -> NodeId:
        """Take over a node and all that it refers to."""
        todo: list[NodeId] = []

        def moved(at: NodeId) -> NodeId:
            made = self.ids.get(at)
            if made is None:
                made = self.ids[at] = self.target.reserve()
                todo.append(at)
            return made

        start = moved(root)
        while todo:
            at = todo.pop()
            self.target.define(self.ids[at], self.renamed(at, moved))
        return start

    def renamed(self, at: NodeId, moved: object) -> Node:
        node = self.source.nodes[at]
        assert callable(moved)
        if isinstance(node, Alt):
            return Alt(tuple([moved(i) for i in node.options]))
        if isinstance(node, Seq):
            return Seq(tuple([moved(i) for i in node.parts]))
        if isinstance(node, Object):
            return node._replace(
                values=tuple([moved(i) for i in node.values]), free=tuple([(k, moved(i)) for k, i in node.free])
            )
        if isinstance(node, Array):
            return node._replace(prefix=tuple([moved(i) for i in node.prefix]), item=moved(node.item))
        if isinstance(node, Rules):
            terminals = [t if t.node == NEVER else t._replace(node=moved(t.node)) for t in node.cfg.terminals]
            return Rules(node.cfg._replace(terminals=tuple(terminals)))
        if isinstance(node, Lazy):
            return Lazy(lambda: self.take(self.source.expand(at)))
        return node
