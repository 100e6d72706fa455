"""Short texts: of an automaton from each of its states, and of each node of a grammar.

They are proposals only: whoever uses one lets the machine read it first. So nothing here has to be exact about
whitespace, or about what several keywords ask of an object together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain import regular
from constrain.grammar.ir import (
    Alt, Array, Grammar, Items, Lazy, Literal, NodeId, Object, Rules, Seq, String, StringChoice, Text, Token,
)  # fmt: skip
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast

if TYPE_CHECKING:
    from constrain.engine.rules_closing import ShortRules

FAR = 1 << 40
MOST_CELLS = 4_000_000  # states times characters that must come at least; beyond, a text is made state by state
MOST_ITEMS = 10_000  # items or members that a proposed text has at most


def spelled(text: str, quoted: bool) -> bytes:
    """A text as bytes; `quoted`: as it stands in a JSON string, without the quotes."""
    if not quoted:
        return text.encode()
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


class Ways:
    """Ways from the states of an automaton to acceptance, with the fewest bytes.

    bounds, classes, table, accept: as in `regular.dfa.Dfa`. quoted: the text stands in a JSON string.
    """

    def __init__(
        self, bounds: npt.NDArray[Any], classes: npt.NDArray[Any], table: npt.NDArray[Any], accept: npt.NDArray[Any],
        quoted: bool,
    ) -> None:  # fmt: skip
        self.chars = _cheapest(tuple(bounds.tolist()), tuple(classes.tolist()), table.shape[1], quoted)
        self.table, self.accept = table, accept
        self._price = np.array([FAR if c is None else len(c) for c in self.chars], np.int64)
        self._accepts = accept >= 0
        cost = np.where(self._accepts, 0, FAR)
        while True:
            new = np.minimum(cost, self._through(cost).min(axis=1, initial=FAR))
            if (new == cost).all():
                break
            cost = new
        self.cost = cost

    def _through(self, cost: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """int64[states, columns]: the cost of going on with each column."""
        return np.where(self.table >= 0, cost[np.maximum(self.table, 0)], FAR) + self._price[None]

    def text(self, state: int, least: int = 0) -> bytes | None:
        """The text from a state to acceptance, of `least` characters at least; None where there is none."""
        costs = [self.cost]
        if least * len(self.cost) > MOST_CELLS:
            return None
        for _ in range(least):
            costs.append(self._through(costs[-1]).min(axis=1, initial=FAR))
        out: list[bytes] = []
        while True:
            cost = costs[max(least - len(out), 0)]
            if cost[state] >= FAR:
                return None
            if cost[state] == 0 and self._accepts[state] and len(out) >= least:
                return b"".join(out)
            following = costs[max(least - len(out) - 1, 0)]
            row = self.table[state]
            through = np.where(row >= 0, following[np.maximum(row, 0)], FAR) + self._price
            column = int(through.argmin())
            char = self.chars[column]
            if char is None:
                return None
            out.append(char)
            state = int(row[column])


@lru_cache(maxsize=256)
def _cheapest(bounds: tuple[int, ...], classes: tuple[int, ...], columns: int, quoted: bool) -> list[bytes | None]:
    """For each column the character that takes the fewest bytes."""
    out: list[bytes | None] = [None] * columns
    for i, (low, column) in enumerate(zip(bounds, classes, strict=True)):
        high = bounds[i + 1] if i + 1 < len(bounds) else 0x110000
        for point in (*range(low, min(high, 0x80)), max(low, 0x80)):
            if not low <= point < high or 0xD800 <= point <= 0xDFFF:
                continue
            best, text = out[column], spelled(chr(point), quoted)
            if best is None or len(text) < len(best):
                out[column] = text
    return out


class ShortTexts:
    """A short text of each node of a grammar, made when it is first asked for."""

    def __init__(
        self, grammar: Grammar, limits: Limits = DEFAULT_LIMITS, spell: Callable[[Token], bytes] | None = None
    ) -> None:
        self.grammar = grammar
        self._spell = spell
        self._limits = limits
        self._known: dict[NodeId, bytes] = {}
        self._ways: dict[tuple[Any, bool], Ways] = {}
        self._rules: dict[NodeId, ShortRules] = {}

    def of(self, node: NodeId) -> bytes | None:
        """A short text of the node; None where none was found."""
        if node < 0:
            return None
        if node not in self._known:
            self._settle(node)
        return self._known.get(node)

    def ways(self, language: ast.Regex, quoted: bool) -> Ways:
        """`Ways` of a language's automaton."""
        key = language, quoted
        if key not in self._ways:
            dfa = regular.compile(language, self._limits)
            self._ways[key] = Ways(dfa.bounds, dfa.classes, dfa.table, dfa.accept, quoted)
        return self._ways[key]

    def rules(self, at: NodeId) -> ShortRules:
        """What is known about the short texts of a node that is rules."""
        made = self._rules.get(at)
        if made is None:
            from constrain.engine.rules_closing import ShortRules

            node: Any = self.grammar.nodes[at]
            made = self._rules[at] = ShortRules(node.cfg, self, self._limits)
        return made

    def _settle(self, root: NodeId) -> None:
        """Texts of all nodes that the root leads to: again and again until none gets shorter."""
        order: list[NodeId] = []
        seen, todo = {root}, [root]
        while todo:
            at = todo.pop()
            order.append(at)
            for child in self._children(at):
                if child >= 0 and child not in seen and child not in self._known:
                    seen.add(child)
                    todo.append(child)
        order.reverse()
        changed = True
        while changed:
            changed = False
            for at in order:
                text = self._text(at)
                if text is not None and (at not in self._known or len(text) < len(self._known[at])):
                    self._known[at] = text
                    changed = True

    def _children(self, at: NodeId) -> Iterable[NodeId]:
        node = self.grammar.nodes[at]
        if isinstance(node, Alt | Seq):
            return node[0]
        if isinstance(node, Object):
            options = (v for row in node.options for v, _ in row)
            return (*node.values, *(v for _, v in node.free), *options)
        if isinstance(node, Array):
            return (*node.prefix, node.item)
        if isinstance(node, Items):
            return [item for row in node.steps for item, _ in row]
        if isinstance(node, Lazy):
            return (self.grammar.expand(at),)
        if isinstance(node, Rules):
            return [t.node for t in node.cfg.terminals if t.node >= 0]
        return ()

    def _text(self, at: NodeId) -> bytes | None:
        """A text of a node from those of its parts that are known by now."""
        node, known = self.grammar.nodes[at], self._known
        if isinstance(node, Literal):
            return node.text
        if isinstance(node, Token):
            return None if self._spell is None else self._spell(node)
        if isinstance(node, StringChoice):
            return b'"' + min((spelled(s, True) for s in node.strings), key=len) + b'"'
        if isinstance(node, Text | String) and at in known:
            return known[at]
        if isinstance(node, Text):
            return self.ways(node.language, False).text(0)
        if isinstance(node, String):
            inside = self.ways(node.language or ast.ALL, True).text(0, node.lo)
            return None if inside is None else b'"' + inside + b'"'
        if isinstance(node, Alt):
            return min((known[p] for p in node.options if p in known), key=len, default=None)
        if isinstance(node, Seq):
            return _joined(known.get(p) for p in node.parts)
        if isinstance(node, Lazy):
            return known.get(self.grammar.expand(at))
        if isinstance(node, Array):
            if node.lo > MOST_ITEMS:
                return None
            items = _joined((known.get(i) for i in _first_items(node)), b",")
            return None if items is None else b"[" + items + b"]"
        if isinstance(node, Items):
            return self._items(node)
        if isinstance(node, Object):
            return self._object(node)
        if isinstance(node, Rules):
            return self.rules(at).whole()
        return None

    def _items(self, node: Items) -> bytes | None:
        """The cheapest way through the automaton to an end; more items where `lo` asks for them are not considered."""
        best: list[bytes | None] = [b"]" if end else None for end in node.ends]
        for _ in node.steps:
            for q, row in enumerate(node.steps):
                for item, target in row:
                    text, rest = self._known.get(item), best[target]
                    if text is None or rest is None:
                        continue
                    made = text + (b"" if rest == b"]" else b",") + rest
                    mine = best[q]
                    if mine is None or len(made) < len(mine):
                        best[q] = made
        return None if best[0] is None else b"[" + best[0]

    def _object(self, node: Object) -> bytes | None:
        """The required members, and the cheapest of the others where there must be more."""
        names: list[tuple[int, bytes]] = []
        others: list[tuple[int, int, bytes]] = []
        for j, (name, value, required) in enumerate(zip(node.names, node.values, node.required, strict=True)):
            text = self._known.get(value)
            if text is None:
                if required:
                    return None
                continue
            member = b'"' + spelled(name, True) + b'":' + text
            if required:
                names.append((j, member))
            else:
                others.append((len(member), j, member))
        missing = node.lo - len(names)
        if missing > 0:
            names += [(j, member) for _, j, member in sorted(others)[:missing]]
        if node.ordered:
            names.sort()
        members = [member for _, member in names]
        if node.lo - len(members) > MOST_ITEMS:
            return None
        if node.lo > len(members):
            free = [
                b'"%s":%s' % (key, self._known[value])
                for language, value in node.free
                if value in self._known and (key := self.ways(language or ast.ALL, True).text(0)) is not None
            ]
            if not free:
                return None
            members += [min(free, key=len)] * (node.lo - len(members))
        return b"{" + b",".join(members) + b"}"


def _joined(parts: Iterable[bytes | None], between: bytes = b"") -> bytes | None:
    out = []
    for part in parts:
        if part is None:
            return None
        out.append(part)
    return between.join(out)


def _first_items(node: Array) -> list[NodeId]:
    return [*node.prefix[: node.lo], *[node.item] * (node.lo - len(node.prefix))]
