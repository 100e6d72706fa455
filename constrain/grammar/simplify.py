"""Make a context-free grammar safe for a parser that follows every action of its tables: same texts, no endless loops.

Such a parser reduces without reading as often as it can, so two things must not be: derivations A =>+ A (a cycle), and
hidden left recursion A =>+ N A b, where N can be empty: the empty N would be put on the stack without end. Grammars
with neither (nearly all) keep their rules; only what produces no text, what the start does not reach and what stands
there twice goes. In the others, rules that are part of such a loop are written anew with "x, but not empty" in the
place of x.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from constrain.errors import LimitExceeded, Unsatisfiable
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.ir import NEVER
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import compile
from constrain.regular.ast import BOOLEAN, EMPTY

Symbols: TypeAlias = tuple[int, ...]


def simplified(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> Cfg:
    """The same language by rules that are productive, reachable, distinct, free of cycles and hidden left recursion.

    Terminals keep their numbers; the nonterminals may be others. Without `lexing`, a terminal that holds the empty text
    stands in a rule of its own beside the empty rule, so wherever the parser reads a terminal, the text is not empty.
    Raises Unsatisfiable when no text can be derived, LimitExceeded (`grammar_nodes`).
    """
    draft = _Draft(cfg, limits)
    if not cfg.lexing:
        draft.split_empty_terminals()
    draft.drop_useless()
    while draft.unroll_cycles() or draft.unhide_left_recursion():
        draft.drop_useless()
    return draft.finished()


class _Draft:
    """A grammar while it is changed."""

    def __init__(self, cfg: Cfg, limits: Limits) -> None:
        self.cfg = cfg
        self.limits = limits
        self.terminals = len(cfg.terminals)
        self.names = list(cfg.nonterminals)
        self.start = cfg.start
        self.rules: dict[int, dict[Symbols, None]] = {}
        self.size = 0
        for rule in cfg.rules:
            self.add(rule.left, rule.right)

    def add(self, left: int, right: Symbols) -> None:
        """Add a rule, unless it is there or says nothing."""
        if right == (left,):
            return
        self.rules.setdefault(left, {})[right] = None
        self.size += 1 + len(right)
        if self.size > self.limits.grammar_nodes:
            raise LimitExceeded(
                f"a grammar has more than {self.limits.grammar_nodes} symbols in its rules", keyword="grammar_nodes"
            )

    def new(self, name: str) -> int:
        """A nonterminal."""
        self.names.append(name)
        return self.terminals + len(self.names) - 1

    def name(self, symbol: int) -> str:
        """What the user calls a symbol."""
        n = self.terminals
        return self.names[symbol - n] if symbol >= n else self.cfg.terminals[symbol].name

    def every_rule(self) -> Iterator[tuple[int, Symbols]]:
        """All rules."""
        for left, rights in self.rules.items():
            for right in rights:
                yield left, right

    def renamed(self, names: Mapping[int, int]) -> None:
        """Write some symbols as others, in all rules."""
        old, self.rules, self.size = self.rules, {}, 0
        for left, rights in old.items():
            for right in rights:
                self.add(names.get(left, left), tuple(names.get(s, s) for s in right))
        self.start = names.get(self.start, self.start)

    def split_empty_terminals(self) -> None:
        """Where terminal t holds the empty text, write a nonterminal that is t or empty."""
        wrapped = {
            i: self.new(t.name) for i, t in enumerate(self.cfg.terminals) if t.language and t.language.nullable
        }
        if wrapped:
            self.renamed(wrapped)
            for terminal, symbol in wrapped.items():
                self.add(symbol, (terminal,))
                self.add(symbol, ())

    def drop_useless(self) -> None:
        """Drop rules that produce no text, then those that the start does not reach."""
        indentation = self.cfg.indentation
        textless = {indentation.indent, indentation.dedent} if indentation else set()
        terminals = enumerate(self.cfg.terminals)
        good = closed(
            self.every_rule(), (i for i, t in terminals if i in textless or not _is_empty(t, self.limits))
        )
        if self.start not in good:
            raise Unsatisfiable("no text can be derived from the start of the grammar")
        kept: dict[int, dict[Symbols, None]] = {}
        reached = {self.start}
        todo = [self.start]
        while todo:
            left = todo.pop()
            for right in self.rules.get(left, ()):
                if good.issuperset(right):
                    kept.setdefault(left, {})[right] = None
                    todo += [s for s in right if s not in reached]
                    reached.update(right)
        self.rules = {left: kept[left] for left in self.rules if left in kept}

    def unroll_cycles(self) -> bool:
        """Take derivations A =>+ A away: were there any?

        Nonterminals that derive each other have the same texts, so one stands for all; what is left are rules in which
        A stands among symbols that may be empty.
        """
        nullable = closed(self.every_rule())
        edges: dict[int, set[int]] = {}
        for left, right in self.every_rule():
            solid = [s for s in right if s not in nullable]
            for s in solid if solid else right:
                if s >= self.terminals and len(solid) < 2:
                    edges.setdefault(left, set()).add(s)
        loops = {s for s, targets in edges.items() if s in targets}
        one: dict[int, int] = {}
        for group in components(edges):
            if len(group) > 1:
                loops.difference_update(group)
                loops.add(group[0])
                one.update(dict.fromkeys(group, group[0]))
        if one:
            self.renamed(one)
            nullable = closed(self.every_rule())
        filler = _Filler(self, nullable)
        for left in sorted(loops):
            rights = self.rules.pop(left, {})
            if left in nullable:
                self.add(left, (filler.form(left),))
                self.add(left, ())
            else:
                for right in rights:
                    filler.spell(left, right, 0)
        filler.finish()
        return bool(loops)

    def unhide_left_recursion(self) -> bool:
        """Take hidden left recursion away: was there any?"""
        nullable = closed(self.every_rule())
        edges: dict[int, set[int]] = {}
        hidden: list[tuple[int, Symbols, int]] = []
        for left, right in self.every_rule():
            for at, s in enumerate(right):
                if s >= self.terminals:
                    edges.setdefault(left, set()).add(s)
                    if at:
                        hidden.append((left, right, s))
                if s not in nullable:
                    break
        if not hidden:
            return False
        group_of = {s: number for number, group in enumerate(components(edges)) for s in group}
        wrong = {(left, right): None for left, right, s in hidden if group_of[left] == group_of[s]}
        filler = _Filler(self, nullable)
        for left, right in wrong:
            del self.rules[left][right]
        for left, right in wrong:
            for at, s in enumerate(right):  # right[at] is the first that is not empty
                self.add(left, (filler.form(s), *right[at + 1 :]))
                if s not in nullable:
                    break
            else:
                self.add(left, ())
        filler.finish()
        return bool(wrong)

    def finished(self) -> Cfg:
        """The draft as a grammar."""
        number = {s: s for s in range(self.terminals)}
        names: list[str] = []
        for s in range(self.terminals, self.terminals + len(self.names)):
            if s in self.rules or s == self.start:
                number[s] = self.terminals + len(names)
                names.append(self.name(s))
        rules = tuple(Rule(number[left], tuple(number[s] for s in right)) for left, right in self.every_rule())
        return self.cfg._replace(nonterminals=tuple(names), rules=rules, start=number[self.start])


class _Filler:
    """Nonterminals for the texts of others that are not empty. In their rules no symbol may be empty."""

    def __init__(self, draft: _Draft, nullable: set[int]) -> None:
        self.draft = draft
        self.nullable = nullable
        self.rules = {left: tuple(rights) for left, rights in draft.rules.items()}
        self.forms: dict[int, int] = {}
        self.parts: dict[tuple[Symbols, int], int] = {}
        self.todo: list[tuple[int, Symbols, int]] = []

    def form(self, symbol: int) -> int:
        """The symbol for the texts of a symbol that are not empty."""
        if symbol not in self.nullable:
            return symbol
        made = self.forms.get(symbol)
        if made is None:
            made = self.forms[symbol] = self.draft.new(self.draft.name(symbol) + "+")
            self.todo += [(made, right, 0) for right in self.rules.get(symbol, ())]
        return made

    def spell(self, left: int, right: Symbols, at: int) -> None:
        """Rules of `left` for the texts of right[at:] that are not empty."""
        if at == len(right):
            return
        first = right[at]
        rest = self.rest(right, at + 1)
        self.draft.add(left, (self.form(first), *rest))
        if rest and self.nullable.issuperset(right[at + 1 :]):
            self.draft.add(left, (self.form(first),))
        if rest and first in self.nullable:
            self.draft.add(left, rest)

    def rest(self, right: Symbols, at: int) -> Symbols:
        """Symbols for the texts of right[at:] that are not empty."""
        if self.nullable.isdisjoint(right[at:]):
            return right[at:]
        if at == len(right) - 1:
            return (self.form(right[at]),)
        made = self.parts.get((right, at))
        if made is None:
            made = self.parts[right, at] = self.draft.new(self.draft.name(right[at]) + "…+")
            self.todo.append((made, right, at))
        return (made,)

    def finish(self) -> None:
        """Write the rules of what was asked for."""
        while self.todo:
            self.spell(*self.todo.pop())


def closed(rules: Iterable[tuple[int, Symbols]], seeds: Iterable[int] = ()) -> set[int]:
    """The seeds, and every left side of a rule whose right side has such symbols only. No seeds: what can be empty."""
    good = set(seeds)
    waiting: dict[int, list[list[int]]] = {}
    ready = []
    for left, right in rules:
        need = {s for s in right if s not in good}
        if need:
            entry = [len(need), left]
            for s in need:
                waiting.setdefault(s, []).append(entry)
        else:
            ready.append(left)
    while ready:
        symbol = ready.pop()
        if symbol not in good:
            good.add(symbol)
            for entry in waiting.pop(symbol, ()):
                entry[0] -= 1
                if entry[0] == 0:
                    ready.append(entry[1])
    return good


def components(edges: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """The strongly connected components of a graph, each after those that it leads to (Tarjan 1972, no recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []  # nodes whose component is not known yet
    done: set[int] = set()
    out: list[list[int]] = []
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        path.append(root)
        calls = [(root, iter(edges[root]))]
        while calls:
            node, targets = calls[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    path.append(target)
                    calls.append((target, iter(edges.get(target, ()))))
                    break
                if target not in done and index[target] < low[node]:
                    low[node] = index[target]
            else:
                calls.pop()
                if calls and low[node] < low[calls[-1][0]]:
                    low[calls[-1][0]] = low[node]
                if low[node] == index[node]:
                    group: list[int] = []
                    while not group or group[-1] != node:
                        group.append(path.pop())
                    done.update(group)
                    out.append(group)
    return out


def _is_empty(terminal: Terminal, limits: Limits) -> bool:
    """Has a terminal no text? Only expressions with boolean operations need an automaton to tell."""
    language = terminal.language
    if terminal.node != NEVER:
        return False
    if language is None or language is EMPTY:
        return True
    return bool(language.flags & BOOLEAN) and compile(language, limits).is_empty
