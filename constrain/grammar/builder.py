"""Writing a context-free grammar piece by piece: what is regular stays one terminal, all else becomes rules."""

from __future__ import annotations

from typing import TypeAlias

from constrain.errors import LimitExceeded
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.ir import NodeId
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.ast import EPSILON, Regex, concat, repeat, union

Symbol: TypeAlias = tuple[str, int]  # ("terminal", its number) or ("rule", its number)
Piece: TypeAlias = Regex | Symbol  # part of a rule: a regular language, or a symbol


class Builder:
    """Terminals and rules of a grammar without a lexer, as a frontend meets them."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.terminals: dict[Terminal, int] = {}
        self.names: list[str] = []
        self.rules: list[tuple[int, tuple[Symbol, ...]]] = []
        self.size = 0
        self._numbers: dict[str, int] = {}
        self._repeats: dict[tuple[Symbol, int, int | None], Symbol] = {}
        self._sums: dict[tuple[tuple[Symbol, ...], ...], Symbol] = {}

    def rule(self, name: str) -> Symbol:
        """The nonterminal of that name."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = self._new(name)
        return ("rule", number)

    def fresh(self, name: str) -> Symbol:
        """A nonterminal of its own."""
        return ("rule", self._new(name))

    def _new(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def node(self, name: str, node: NodeId) -> Symbol:
        """The terminal of a node."""
        return self._terminal(Terminal(name, None, node))

    def _terminal(self, terminal: Terminal) -> Symbol:
        return ("terminal", self.terminals.setdefault(terminal, len(self.terminals)))

    def symbol(self, piece: Piece) -> Symbol:
        """The symbol of a piece."""
        return self._terminal(Terminal(_shown(piece), piece)) if isinstance(piece, Regex) else piece

    def define(self, left: Symbol, pieces: list[Piece]) -> None:
        """Add a rule. (What is regular in it is joined by regular_parts.py, which looks at the size.)"""
        right = tuple([self.symbol(p) for p in pieces if p is not EPSILON])
        self.size += 1 + len(right)
        if self.size > self.limits.grammar_nodes:
            raise LimitExceeded(
                f"a grammar has more than {self.limits.grammar_nodes} symbols in its rules", keyword="grammar_nodes"
            )
        self.rules.append((left[1], right))

    @staticmethod
    def joined(pieces: list[Piece]) -> list[Piece]:
        """A sequence in which neighbouring regular pieces are one."""
        out: list[Piece] = []
        run: list[Regex] = []
        for piece in [*pieces, ("end", 0)]:
            if isinstance(piece, Regex):
                run.append(piece)
                continue
            if run:
                language = concat(*run)
                if language is not EPSILON:
                    out.append(language)
                run = []
            out.append(piece)
        return out[:-1]

    def sequence(self, pieces: list[Piece], name: str) -> Piece:
        """A sequence as one piece."""
        pieces = self.joined(pieces)
        if len(pieces) == 1:
            return pieces[0]
        return self.alternatives([pieces], name) if pieces else EPSILON

    def alternatives(self, options: list[list[Piece]], name: str) -> Piece:
        """Any of some sequences as one piece. name: of the rule in which they stand, for names of rules made here."""
        joined = [self.joined(pieces) for pieces in options]
        regular = [p for p in joined if not p or (len(p) == 1 and isinstance(p[0], Regex))]
        others = [p for p in joined if p and not (len(p) == 1 and isinstance(p[0], Regex))]
        language = union(*[p[0] if p and isinstance(p[0], Regex) else EPSILON for p in regular])
        if not others:
            return language
        if not regular and len(others) == 1 and len(others[0]) == 1:
            return others[0][0]
        rights = [*([self.joined([language])] if regular else []), *others]
        key = tuple([tuple([self.symbol(p) for p in right]) for right in rights])
        made = self._sums.get(key)
        if made is None:
            made = self._sums[key] = self.rule(f"{name}.{len(self.names)}")
            for right in rights:
                self.define(made, right)
        return made

    def repeated(self, piece: Piece, lo: int, hi: int | None, name: str) -> Piece:
        """A piece lo to hi times (None: without end)."""
        if isinstance(piece, Regex):
            return repeat(piece, lo, hi)
        if hi == 0:
            return EPSILON
        if (lo, hi) == (1, 1):
            return piece
        head = self._exactly(piece, lo, name)
        if hi == lo:
            return head
        tail = self._endless(piece, name) if hi is None else self._at_most(piece, hi - lo, name)
        return self.sequence([head, tail], name)

    def _exactly(self, piece: Symbol, count: int, name: str) -> Piece:
        """By doubling: few rules however often."""
        if count == 0:
            return EPSILON
        if count == 1:
            return piece
        key = (piece, count, count)
        made = self._repeats.get(key)
        if made is None:
            half = self._exactly(piece, count // 2, name)
            rest: list[Piece] = [piece] if count % 2 else []
            made = self._repeats[key] = self.rule(f"{name}.{len(self.names)}")
            self.define(made, [half, half, *rest])
        return made

    def _endless(self, piece: Symbol, name: str) -> Symbol:
        key = (piece, 0, None)
        made = self._repeats.get(key)
        if made is None:
            made = self._repeats[key] = self.rule(f"{name}.{len(self.names)}")
            self.define(made, [])
            self.define(made, [made, piece])
        return made

    def _at_most(self, piece: Symbol, count: int, name: str) -> Piece:
        """A chain, so that a text has one derivation; each link is shared by the repeats that need it."""
        if count > self.limits.alternatives:
            raise LimitExceeded(
                f"something that is not regular is repeated up to {count} times, more than {self.limits.alternatives}",
                keyword="alternatives",
            )
        last: Piece = EPSILON
        for k in range(1, count + 1):
            key = (piece, 0, k)
            made = self._repeats.get(key)
            if made is None:
                made = self._repeats[key] = self.rule(f"{name}.{len(self.names)}")
                self.define(made, [])
                self.define(made, [piece, last])
            last = made
        return last

    def cfg(self, start: Symbol) -> Cfg:
        """The grammar."""
        first = len(self.terminals)

        def number(symbol: Symbol) -> int:
            return symbol[1] if symbol[0] == "terminal" else first + symbol[1]

        rules = tuple([Rule(first + left, tuple([number(s) for s in right])) for left, right in self.rules])
        return Cfg(tuple(self.terminals), tuple(self.names), rules, number(start))


def _shown(language: Regex) -> str:
    text = repr(language)
    return text if len(text) <= 40 else text[:37] + "..."
