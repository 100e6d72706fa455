"""Does a grammar hold the text of a JSON value? Decided on the value, node by node: slow, and obviously right.

It looks at values instead of bytes, so it says nothing about whitespace and escapes; the engine's tests do that.
"""

from __future__ import annotations

import json
from copy import copy
from decimal import Decimal
from typing import Any

from constrain.constraint import Constraint
from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Grammar,
    Items,
    Lazy,
    Literal,
    Object,
    Seq,
    String,
    StringChoice,
    Text,
)  # fmt: skip
from constrain.regular import compile
from constrain.schema.values import key


class Spelling(str):
    """A number as it was written."""

    __slots__ = ()


def read(text: str) -> Any:
    """Parse JSON, keeping the spelling of numbers."""
    return json.loads(text, parse_int=Spelling, parse_float=Spelling)


def plain(value: Any) -> Any:
    """The value with numbers in place of spellings."""
    if isinstance(value, Spelling):
        return Decimal(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


class Acceptor:
    """Membership in a grammar made by the JSON Schema frontend."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.expanded: dict[int, int] = {}
        self.strings: dict[int, Constraint] = {}
        self.busy: set[tuple[int, int]] = set()

    def accepts(self, text: str) -> bool:
        return self.holds(self.grammar.start, read(text))

    def holds(self, at: int, value: Any) -> bool:
        if at == NEVER:
            return False
        node = self.grammar.nodes[at]
        if isinstance(node, Alt):
            key = (at, id(value))
            if key in self.busy:
                return False
            self.busy.add(key)
            try:
                return any(self.holds(o, value) for o in node.options)
            finally:
                self.busy.discard(key)
        if isinstance(node, Lazy):
            if at not in self.expanded:
                self.expanded[at] = node.expand()
            return self.holds(self.expanded[at], value)
        if isinstance(node, Literal):
            return not isinstance(value, str) and json.dumps(value).encode() == node.text
        if isinstance(node, Text):
            return isinstance(value, Spelling) and compile(node.language).accepts(str(value))
        if isinstance(node, StringChoice):
            return type(value) is str and value in node.strings
        if isinstance(node, String):
            if type(value) is not str or len(value) < node.lo or (node.hi is not None and len(value) > node.hi):
                return False
            return node.language is None or compile(node.language).accepts(value)
        if isinstance(node, Array):
            return isinstance(value, list) and self._array(node, value)
        if isinstance(node, Items):
            return isinstance(value, list) and self._items(node, value)
        if isinstance(node, Seq):  # a string, by the engine
            if at not in self.strings:
                grammar = copy(self.grammar)
                grammar.start = at
                self.strings[at] = Constraint(grammar)
            return type(value) is str and self.strings[at].matches(json.dumps(value, ensure_ascii=False))
        return isinstance(value, dict) and self._object(node, value)

    def _array(self, node: Array, value: list[Any]) -> bool:
        if len(value) < node.lo or (node.hi is not None and len(value) > node.hi):
            return False
        return all(self.holds(node.prefix[i] if i < len(node.prefix) else node.item, v) for i, v in enumerate(value))

    def _items(self, node: Items, value: list[Any]) -> bool:
        if len(value) < node.lo or (node.hi is not None and len(value) > node.hi):
            return False
        if node.distinct:
            different = len({key(plain(v)) for v in value}) == len(value)
            if node.distinct == 2 or not different:
                return node.distinct == 2 and not different and self._items(
                    node._replace(distinct=0, ends=node.ends[len(node.ends) // 2 :]), value
                )
        states = {0}
        for v in value:
            states = {target for q in states for item, target in node.steps[q] if self.holds(item, v)}
        return any(node.ends[q] for q in states)

    def _object(self, node: Object, value: dict[str, Any]) -> bool:
        if len(value) < node.lo or (node.hi is not None and len(value) > node.hi):
            return False
        if any(required and name not in value for name, required in zip(node.names, node.required, strict=True)):
            return False
        places = {name: i for i, name in enumerate(node.names)}
        last = -1
        met = {0}  # sets of demands that the members so far can have met
        for name, v in value.items():
            i = places.get(name)
            if i is not None:
                if node.ordered and i < last:
                    return False
                last = i
                if node.demands:
                    met = {have | bits for have in met for at, bits in node.options[i] if self.holds(at, v)}
                if not self.holds(node.values[i], v):
                    return False
                continue
            k = next((k for k, (keys, _) in enumerate(node.free) if keys is None or compile(keys).accepts(name)), None)
            if k is None or not self.holds(node.free[k][1], v):
                return False
            if node.demands:
                options = node.options[len(node.names) + k]
                met = {have | bits for have in met for at, bits in options if self.holds(at, v)}
        return (1 << node.demands) - 1 in met
