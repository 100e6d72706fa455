"""What of a grammar is regular becomes terminals, as long as they can be: fewer, larger steps, and the same texts.

Grammars without a lexer are often written character by character. A nonterminal is regular when its rules refer to no
nonterminal that is not, except to itself and its like, always at the end or always at the beginning of a rule: such a
system of equations is solved by Arden's rule (X = A X | B is X = A* B). Neighbouring regular symbols of a rule become
one terminal. Left as they are: symbols that stand for long free text and are used in several places, so that their
masks are made once, and whatever would become too large.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final, NamedTuple

from constrain.errors import LimitExceeded, Unsatisfiable
from constrain.grammar.builder import Builder, Piece, Symbol
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import NEVER
from constrain.grammar.simplify import closed, components
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import compile
from constrain.regular.ast import (
    BOOLEAN,
    EMPTY,
    EPSILON,
    K_CHARS,
    K_LITERAL,
    K_REPEAT,
    Regex,
    concat,
    repeat,
    union,
)

MOST_PARTS: Final = 4_000  # of one regular expression that is put together here
MOST_STATES: Final = 2_000  # of its automaton
MANY: Final = 100  # characters of a class that make a repeat of it free text


def finished(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> Cfg:
    """The grammar as the engine takes it. Raises Unsatisfiable when its start has no text, LimitExceeded."""
    good = productive(cfg, limits)
    if cfg.start not in good:
        n = len(cfg.terminals)
        name = cfg.nonterminals[cfg.start - n] if cfg.start >= n else cfg.terminals[cfg.start].name
        raise Unsatisfiable(f"no text can be derived from the rule {name!r}")
    return cfg if cfg.lexing else _Parts(cfg, good, limits).cfg()


def productive(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> set[int]:
    """The symbols from which some text can be derived."""
    textless = {cfg.indentation.indent, cfg.indentation.dedent} if cfg.indentation else set()
    seeds = []
    for i, t in enumerate(cfg.terminals):
        if i in textless or t.node != NEVER:
            seeds.append(i)
        elif t.language is not None and t.language is not EMPTY:
            # without boolean operations, only what is visibly empty is empty
            if not t.language.flags & BOOLEAN or not compile(t.language, limits).is_empty:
                seeds.append(i)
    return closed([(r.left, r.right) for r in cfg.rules], seeds)


class _Sized(NamedTuple):
    """A regular expression and the number of its parts, counted as often as they are used."""

    language: Regex
    parts: int


class _TooLarge(Exception):
    """A regular expression would have more than MOST_PARTS parts."""


class _Parts:
    """One grammar."""

    def __init__(self, cfg: Cfg, good: set[int], limits: Limits) -> None:
        self.given = cfg
        self.limits = limits
        self.small = replace(limits, dfa_states=min(limits.dfa_states, MOST_STATES))
        self.rules: dict[int, dict[tuple[int, ...], None]] = {}
        todo = [cfg.start]
        by_left: dict[int, list[tuple[int, ...]]] = {}
        for rule in cfg.rules:
            if good.issuperset(rule.right):
                by_left.setdefault(rule.left, []).append(rule.right)
        for left in todo:  # grows
            if left not in self.rules and left in by_left:
                self.rules[left] = dict.fromkeys(by_left[left])
                todo += [s for right in self.rules[left] for s in right if s in by_left]
        self.uses = Counter(s for rights in self.rules.values() for right in rights for s in right)
        self.regular: dict[int, _Sized] = {}
        self.shared: set[int] = set()  # regular symbols that stay as they are
        for i, t in enumerate(cfg.terminals):
            if t.language is not None:
                self.note(i, _Sized(t.language, _count(t.language)))

    def note(self, symbol: int, sized: _Sized) -> None:
        """Remember what a regular symbol is."""
        self.regular[symbol] = sized
        if self.uses[symbol] > 1 and _is_free_text(sized.language):
            self.shared.add(symbol)

    def cfg(self) -> Cfg:
        """The grammar with longer terminals."""
        edges = {left: [s for right in rights for s in right if s in self.rules] for left, rights in self.rules.items()}
        for group in components(edges):
            self.solve(group)
        builder = Builder(self.limits)
        symbols: dict[int, Symbol] = {}
        todo: list[int] = []

        def symbol(at: int) -> Symbol:
            if at not in symbols:
                if at < len(self.given.terminals) and at not in self.regular:
                    symbols[at] = builder.node(self.given.terminals[at].name, self.given.terminals[at].node)
                elif at in self.regular:
                    symbols[at] = builder.symbol(self.regular[at].language)
                else:
                    symbols[at] = builder.fresh(self.given.nonterminals[at - len(self.given.terminals)])
                    todo.append(at)
            return symbols[at]

        start = symbol(self.given.start)
        while todo:
            left = todo.pop()
            if left in self.regular or left not in self.rules:
                continue
            alone: list[Regex] = []
            for right in self.rules[left]:
                pieces: list[Piece] = []
                for s in self.spelled(right):
                    pieces.append(self.regular[s].language if s in self.regular and s not in self.shared else symbol(s))
                pieces = self.runs(pieces, builder)
                if not pieces or (len(pieces) == 1 and isinstance(pieces[0], Regex)):
                    alone.append(pieces[0] if pieces and isinstance(pieces[0], Regex) else EPSILON)
                else:
                    builder.define(symbol(left), pieces)
            joined = union(*alone)
            if alone and self.fits(joined):
                alone = [joined]
            for language in alone:
                builder.define(symbol(left), [language])
        return builder.cfg(start)

    def spelled(self, right: tuple[int, ...]) -> list[int]:
        """The symbols with the only rule of a nonterminal in the place of that, where nothing else uses it."""
        out, todo = [], list(reversed(right))
        while todo:
            s = todo.pop()
            if s in self.regular or s == self.given.start or self.uses[s] > 1 or len(self.rules.get(s, ())) != 1:
                out.append(s)
            else:
                (only,) = self.rules[s]
                todo += reversed(only)
        return out

    def runs(self, pieces: list[Piece], builder: Builder) -> list[Piece]:
        """Neighbouring languages joined where that is not too large; what stays apart is symbols."""
        joined = builder.joined(pieces)
        if all(not isinstance(p, Regex) or self.fits(p) for p in joined):
            return joined
        if len(pieces) == 1:
            return [builder.symbol(pieces[0])]
        half = len(pieces) // 2
        halves = self.runs(pieces[:half], builder) + self.runs(pieces[half:], builder)
        return [builder.symbol(p) for p in halves]

    def fits(self, language: Regex) -> bool:
        """Is the automaton of bearable size?"""
        if language.kind in (K_LITERAL, K_CHARS):
            return True
        if _count(language) > MOST_PARTS:
            return False
        try:
            compile(language, self.small)
        except LimitExceeded:
            return False
        return True

    # Equations ---------------------------------------------------------------------------------------------------

    def solve(self, group: list[int]) -> None:
        """Find the languages of some nonterminals that refer to each other, if they are regular."""
        inside = set(group)
        for left in group:
            for right in self.rules[left]:
                if any(s not in inside and (s not in self.regular or s in self.shared) for s in right):
                    return
        last = all(s not in inside for g in group for right in self.rules[g] for s in right[:-1])
        first = all(s not in inside for g in group for right in self.rules[g] for s in right[1:])
        if not last and not first:
            return
        try:
            solved = self.solutions(group, inside, last)
        except _TooLarge:
            return
        if len(group) == 1 or all(self.fits(s.language) for s in solved.values()):
            for left, sized in solved.items():
                if self.fits(sized.language):
                    self.note(left, sized)

    def solutions(self, group: list[int], inside: set[int], last: bool) -> dict[int, _Sized]:
        """Solve X_i = sum of A_ij X_j and B_i by elimination; with the X_j in front if `last` is false."""
        factors: dict[int, dict[int, _Sized]] = {}
        rest: dict[int, _Sized] = {}
        for left in group:
            factors[left], rest[left] = {}, _Sized(EMPTY, 0)
            for right in self.rules[left]:
                at = right[-1] if last and right else right[0] if right else -1
                if at in inside:
                    own = self.product([self.regular[s] for s in (right[:-1] if last else right[1:])])
                    factors[left][at] = self.sum(factors[left].get(at), own)
                else:
                    rest[left] = self.sum(rest[left], self.product([self.regular[s] for s in right]))
        for k, left in enumerate(group):
            loop = factors[left].pop(left, None)
            if loop is not None:
                star = self.checked(_Sized(repeat(loop.language), loop.parts + 1))
                factors[left] = {j: self.chain(star, f, last) for j, f in factors[left].items()}
                rest[left] = self.chain(star, rest[left], last)
            for other in group[k + 1 :]:
                factor = factors[other].pop(left, None)
                if factor is not None:
                    for j, f in factors[left].items():
                        factors[other][j] = self.sum(factors[other].get(j), self.chain(factor, f, last))
                    rest[other] = self.sum(rest[other], self.chain(factor, rest[left], last))
        solved: dict[int, _Sized] = {}
        for left in reversed(group):
            whole = rest[left]
            for j, f in factors[left].items():
                whole = self.sum(whole, self.chain(f, solved[j], last))
            solved[left] = whole
        return solved

    def chain(self, factor: _Sized, of: _Sized, last: bool) -> _Sized:
        return self.product([factor, of] if last else [of, factor])

    def product(self, factors: list[_Sized]) -> _Sized:
        parts = 1 + sum(f.parts for f in factors)
        self.checked(_Sized(EMPTY, parts))
        return _Sized(concat(*[f.language for f in factors]), parts)

    def sum(self, a: _Sized | None, b: _Sized) -> _Sized:
        if a is None:
            return b
        return self.checked(_Sized(union(a.language, b.language), a.parts + b.parts + 1))

    def checked(self, sized: _Sized) -> _Sized:
        if sized.parts > MOST_PARTS:
            raise _TooLarge
        return sized


def _count(language: Regex) -> int:
    """Parts of a regular expression, up to a little more than MOST_PARTS."""
    count, todo = 0, [language]
    while todo and count <= MOST_PARTS:
        r = todo.pop()
        count += 1 + (len(r.value) if isinstance(r.value, (str, tuple)) else 0)
        todo += r.parts
    return count


def _is_free_text(language: Regex) -> bool:
    """Does it repeat a class of many characters more than a few times?"""
    todo = [(language, False)]
    while todo:
        r, repeats = todo.pop()
        if r.kind == K_REPEAT:
            repeats = repeats or r.value[1] < 0 or r.value[1] > 16
        if r.kind == K_CHARS and repeats and len(r.value) > MANY:
            return True
        todo += [(p, repeats) for p in r.parts]
    return False
