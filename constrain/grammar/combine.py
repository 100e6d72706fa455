"""Joining constraints: sequences, alternatives and repeats of texts of any kind, without a lexer between them.

What is regular stays so, grammars without a lexer are joined rule by rule, and all else (JSON, grammars with a lexer)
becomes a terminal with a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from constrain.constraint import Constraint
from constrain.errors import UnsupportedFeature
from constrain.grammar.builder import Builder, Piece
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import (
    NEVER,
    Array,
    Grammar,
    Items,
    Lazy,
    Literal,
    Node,
    NodeId,
    Object,
    Rules,
    String,
    StringChoice,
    Text,
)
from constrain.grammar.regular_parts import finished
from constrain.grammar.simplify import closed
from constrain.grammar.tidy import references, renamed_node
from constrain.limits import Limits
from constrain.regular.ast import Regex, literal


def concatenated(parts: Sequence[Constraint | str], limits: Limits) -> Constraint:
    """Texts of the parts one after the other."""
    joint = _Joint(limits)
    return joint.constraint(joint.builder.sequence([joint.piece(p) for p in parts], "sequence"))


def either(parts: Sequence[Constraint | str], limits: Limits) -> Constraint:
    """Texts of any of the parts."""
    joint = _Joint(limits)
    return joint.constraint(joint.builder.alternatives([[joint.piece(p)] for p in parts], "choice"))


def repeated(part: Constraint, lo: int, hi: int | None, limits: Limits) -> Constraint:
    """lo to hi texts of the part one after the other. Raises UnsupportedFeature for what is in `_never_empty`."""
    if lo < 0 or (hi is not None and hi < lo):
        raise ValueError(f"can't repeat {lo} to {hi} times")
    joint = _Joint(limits)
    piece = joint.piece(part)
    if hi is None and joint.empty_nodes:
        raise UnsupportedFeature(
            "endless repeats of a grammar with a lexer that the empty text belongs to",
            keyword="repeat",
            hint="Let its start derive at least one terminal, or read it with scannerless=True",
        )
    return joint.constraint(joint.builder.repeated(piece, lo, hi, "repeat"))


class _Joint:
    """A grammar made of others."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.grammar = Grammar()
        self.builder = Builder(limits)
        self.empty_nodes = False  # is there a node to which the empty text belongs?

    def piece(self, part: Constraint | str) -> Piece:
        """The part as something to build with."""
        if isinstance(part, str):
            return literal(part)
        source = part.grammar
        start = source.nodes[source.start]
        if isinstance(start, Text):
            return start.language
        if isinstance(start, Literal):
            return literal(start.text.decode())
        if isinstance(start, Rules):
            if not start.cfg.lexing:
                return self.rules(start.cfg, source)
            self.empty_nodes |= start.cfg.start in closed([(r.left, r.right) for r in start.cfg.rules])
        return self.builder.node(part.source, graft(self.grammar, source))

    def rules(self, cfg: Cfg, source: Grammar) -> Piece:
        """The start of a grammar without a lexer whose rules are taken over."""
        taken = _Graft(self.grammar, source)
        n = len(cfg.terminals)
        symbols: dict[int, Piece] = {}
        for i, t in enumerate(cfg.terminals):
            symbols[i] = self.builder.node(t.name, taken.take(t.node)) if t.language is None else t.language
        for i, name in enumerate(cfg.nonterminals):
            symbols[n + i] = self.builder.fresh(name)
        for rule in cfg.rules:
            left = symbols[rule.left]
            assert not isinstance(left, Regex)
            self.builder.define(left, [symbols[s] for s in rule.right])
        return symbols[cfg.start]

    def constraint(self, whole: Piece) -> Constraint:
        """The constraint of a piece."""
        grammar = self.grammar
        if isinstance(whole, Regex):
            grammar.start = grammar.add(Text(whole))
        else:
            grammar.start = start_of(grammar, finished(self.builder.cfg(whole), self.limits))
        return Constraint(grammar, limits=self.limits)


def start_of(grammar: Grammar, cfg: Cfg, source: Any = None) -> NodeId:
    """The node of a context-free grammar, or of the regular language that it is. source: where it was read from."""
    if cfg.start < len(cfg.terminals) and not cfg.lexing:
        language, node = cfg.terminals[cfg.start].language, cfg.terminals[cfg.start].node
        return node if language is None else grammar.add(Text(language))
    return grammar.add(Rules(cfg, source))


def graft(target: Grammar, source: Grammar) -> NodeId:
    """Take over the nodes of `source`; the id of its start in `target`. What is lazy in it stays lazy.

    Raises UnsupportedFeature when the two write JSON in different ways.
    """
    return _Graft(target, source).take(source.start)


def _is_json(node: Node) -> bool:
    return isinstance(node, (Object, Array, Items, String, StringChoice, Lazy))


def _spelling(grammar: Grammar) -> tuple[str, int, str]:
    return grammar.whitespace, grammar.max_whitespace, grammar.escapes


def _locate(place: Any) -> str | None:
    """The pointer of a place of one of the grammars that were taken over."""
    source, inner = place
    return source.locate(inner) if source.locate is not None else None


class _Graft:
    """Ids of one grammar as ids of another."""

    def __init__(self, target: Grammar, source: Grammar) -> None:
        self.target = target
        self.source = source
        self.ids: dict[NodeId, NodeId] = {NEVER: NEVER}
        if any(map(_is_json, source.nodes)):
            if any(map(_is_json, target.nodes)) and _spelling(target) != _spelling(source):
                raise UnsupportedFeature(
                    "a join of parts that write JSON with different whitespace or escapes",
                    keyword="whitespace", hint="Give all parts the same whitespace= and escapes=",
                )  # fmt: skip
            target.whitespace, target.max_whitespace, target.escapes = _spelling(source)
        if source.places:
            target.locate = _locate

    def take(self, root: NodeId) -> NodeId:
        """Take over a node and all that it refers to."""
        todo = [root] if root not in self.ids else []
        start = self.moved(root)
        while todo:
            at = todo.pop()
            node = self.source.nodes[at]
            if isinstance(node, Lazy):
                node = self.lazy(at)
            else:
                inner = set(references(node))
                todo += [i for i in inner if i not in self.ids]
                node = renamed_node(node, {i: self.moved(i) for i in inner})
            self.target.define(self.ids[at], node)
            if at in self.source.places:
                self.target.places[self.ids[at]] = (self.source, self.source.places[at])
        return start

    def moved(self, at: NodeId) -> NodeId:
        """The id in the target of a node of the source; it is defined by `take`."""
        made = self.ids.get(at)
        if made is None:
            made = self.ids[at] = self.target.reserve()
        return made

    def lazy(self, at: NodeId) -> Lazy:
        return Lazy(lambda: self.take(self.source.expand(at)))
