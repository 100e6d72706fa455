"""Writing the rules of a Lark grammar down as a `Cfg`, with or without a lexer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.ir import NodeId
from constrain.grammar.lark_source import Embedded
from constrain.regular.ast import Regex, union

Places: TypeAlias = tuple[int, ...]


class RulesWriter:
    """The rules while they are written."""

    def __init__(self, terminals: list[Terminal], places: dict[str, Places]) -> None:
        self.terminals = terminals
        self.places = dict(places)
        self.names: dict[str, int] = {}
        self.nodes: dict[NodeId, int] = {}  # node -> the place of its terminal
        self.rules: list[tuple[str, list[int | str]]] = []

    def terminal(self, name: str) -> Places:
        """The places of a terminal."""
        if name not in self.places:  # it has no text of its own
            self.places[name] = (len(self.terminals),)
            self.terminals.append(Terminal(name))
        return self.places[name]

    def part(self, name: str, embed: Callable[[Embedded], Sequence[tuple[str, NodeId]]], part: Embedded) -> Places:
        """The places of a schema, or of the tokens of which one is meant. embed: names and nodes of a part."""
        if name not in self.places:
            places = []
            for shown, node in embed(part):
                if node not in self.nodes:
                    self.nodes[node] = len(self.terminals)
                    self.terminals.append(Terminal(shown, None, node, special=bool(part.tokens)))
                places.append(self.nodes[node])
            self.places[name] = tuple(places)
        return self.places[name]

    def add(self, left: str, right: list[int | str]) -> None:
        self.names.setdefault(left, len(self.names))
        self.rules.append((left, right))

    def cfg(self, start: str) -> Cfg:
        first = len(self.terminals)

        def number(symbol: int | str) -> int:
            return symbol if isinstance(symbol, int) else first + self.names[symbol]

        rules = tuple([Rule(number(left), tuple([number(s) for s in right])) for left, right in self.rules])
        return Cfg(tuple(self.terminals), tuple(self.names), rules, number(start))

    def without_lexer(self, start: str, ignored: list[str]) -> Cfg:
        """What is ignored may stand before, between and after terminals."""
        if not ignored:
            return self.cfg(start)
        language = union(*[language_of(self.terminals[i]) for name in ignored for i in self.places[name]])
        gap = len(self.terminals)
        self.terminals.append(Terminal("ignored", language))
        written, self.rules = self.rules, []
        self.add("ignored.any", [])
        self.add("ignored.any", ["ignored.any", gap])
        for at in sorted({s for _, right in written for s in right if isinstance(s, int)}):
            self.add(f"{self.terminals[at].name}.spaced.{at}", [at, "ignored.any"])
        for left, right in written:
            self.add(left, [s if isinstance(s, str) else f"{self.terminals[s].name}.spaced.{s}" for s in right])
        self.add("whole.text", ["ignored.any", start])
        return self.cfg("whole.text")


def language_of(terminal: Terminal) -> Regex:
    """The language of a terminal that has one."""
    assert terminal.language is not None
    return terminal.language
