"""Patterns as Python's `re` runs them: instructions that try alternatives in order, greedy or lazy, with lookarounds.

The tree keeps what a language does not know: the order of alternatives, and which repeats are lazy. `ordered.py` runs
the program over all texts at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from constrain.errors import LimitExceeded
from constrain.limits import Limits
from constrain.regular.assertions import resolve
from constrain.regular.ast import (
    ALL,
    EPSILON,
    K_ASSERTION,
    K_CHARS,
    K_CONCAT,
    K_LITERAL,
    K_REPEAT,
    K_UNION,
    Regex,
    characters,
    complement,
    concat,
    literal,
    repeat,
    union,
)
from constrain.regular.charset import NOTHING, CharSet
from constrain.regular.compiler import compile
from constrain.regular.dfa import Dfa
from constrain.regular.pattern import Group
from constrain.regular.python_re import PythonReader

CHAR: Final = 0  # one character of a set, then the next instruction
SPLIT: Final = 1  # each of some instructions, the first preferred
MATCH: Final = 2  # the end of the pattern
AHEAD: Final = 3  # what follows must be in a language
BEHIND: Final = 4  # what comes before must be in a language, or not
LOOP: Final = 5  # a repeat whose body may be empty: as SPLIT, and the body's beginning is remembered
AGAIN: Final = 6  # the end of such a body: back to the loop, or on if the body was empty

_LOOKS_BACK: Final = ("begin", "line begin", "behind", "not behind")


class Instruction(NamedTuple):
    """One step. number: of a character set (CHAR), of an automaton (AHEAD, BEHIND), of a loop (LOOP, AGAIN)."""

    kind: int
    then: tuple[int, ...] = ()
    number: int = -1
    wanted: bool = True  # BEHIND


class Program(NamedTuple):
    """A pattern as instructions; `start` is the first to run.

    sets: character sets. ahead: languages of all that may follow a place. behind: languages of all that may come
    before a place (from the beginning of the text).
    """

    code: list[Instruction]
    start: int
    sets: list[CharSet]
    ahead: list[Dfa]
    behind: list[Dfa]


class _OrderedReader(PythonReader):
    """Reads a pattern into a tree that is not simplified. Repeats have the value (lo, hi, lazy)."""

    def alternative(self) -> None:
        group = self.groups[-1]
        group.alternatives.append(_sequence(group.sequence))
        group.sequence = []

    def body(self, group: Group) -> Regex:
        last = _sequence(group.sequence)
        return Regex(K_UNION, None, (*group.alternatives, last), 0) if group.alternatives else last

    def quantify(self, lo: int, hi: int | None, lazy: bool = False) -> None:
        sequence = self.groups[-1].sequence
        sequence[-1] = Regex(K_REPEAT, (lo, -1 if hi is None else hi, lazy), (sequence[-1],), 0)


def _sequence(parts: list[Regex]) -> Regex:
    return parts[0] if len(parts) == 1 else Regex(K_CONCAT, None, tuple(parts), 0)


def program_of(pattern: str, flags: int, limits: Limits) -> Program:
    """The instructions of a pattern. Raises GrammarError, UnsupportedFeature, LimitExceeded."""
    writer = _Writer(pattern, flags, limits)
    try:
        return writer.program()
    except RecursionError:
        raise LimitExceeded("a regular expression is nested too deeply", keyword="regex_depth") from None


def plain(tree: Regex) -> Regex:
    """The simplified tree of an ordered one (with its assertions)."""
    parts = [plain(p) for p in tree.parts]
    if tree.kind == K_CONCAT:
        return concat(*parts)
    if tree.kind == K_UNION:
        return union(*parts)
    if tree.kind == K_REPEAT:
        return repeat(parts[0], tree.value[0], None if tree.value[1] < 0 else tree.value[1])
    if tree.kind == K_ASSERTION and parts:
        return Regex(K_ASSERTION, tree.value, tuple(parts), tree.flags)
    return tree


class _Writer:
    """Writes a program from its end to its beginning."""

    def __init__(self, pattern: str, flags: int, limits: Limits) -> None:
        self.limits = limits
        self.reader = _OrderedReader(pattern, limits, flags)
        self.code: list[Instruction] = [Instruction(MATCH)]
        self.sets: dict[CharSet, int] = {}
        self.ahead: dict[Dfa, int] = {}
        self.behind: dict[Dfa, int] = {}
        self.loops = 0

    def program(self) -> Program:
        start = self.write(self.reader.read(), 0)
        return Program(self.code, start, list(self.sets), list(self.ahead), list(self.behind))

    def add(self, instruction: Instruction) -> int:
        if len(self.code) >= self.limits.dfa_states:
            raise LimitExceeded(
                f"a regular expression has more than {self.limits.dfa_states} steps",
                keyword="dfa_states",
                hint="Simplify the expression, or raise Limits.dfa_states",
            )
        self.code.append(instruction)
        return len(self.code) - 1

    def write(self, tree: Regex, then: int) -> int:
        """The instructions of a tree, with what follows it; returns the first."""
        kind = tree.kind
        if kind == K_CONCAT:
            for part in reversed(tree.parts):
                then = self.write(part, then)
            return then
        if kind == K_UNION:
            return self.add(Instruction(SPLIT, tuple([self.write(p, then) for p in tree.parts])))
        if kind == K_REPEAT:
            return self.write_repeat(tree, then)
        if kind == K_ASSERTION:
            return self.write_assertion(tree, then)
        if kind == K_LITERAL:
            for c in reversed(tree.value):
                then = self.write_character(CharSet.of(c), then)
            return then
        return self.write_character(tree.value if kind == K_CHARS else NOTHING, then)

    def write_character(self, chosen: CharSet, then: int) -> int:
        return self.add(Instruction(CHAR, (then,), self.sets.setdefault(chosen, len(self.sets))))

    def write_repeat(self, tree: Regex, then: int) -> int:
        lo, hi, lazy = tree.value
        body = tree.parts[0]
        if hi < 0:
            if _maybe_empty(body):
                number = self.loops
                self.loops += 1
                again = self.add(Instruction(AGAIN, (-1, then), number))
                loop = self.add(Instruction(LOOP, (), number))
                first = self.write(body, again)
                self.code[again] = Instruction(AGAIN, (loop, then), number)
            else:
                number = -1
                loop = self.add(Instruction(SPLIT))
                first = self.write(body, loop)
            ways = (then, first) if lazy else (first, then)
            self.code[loop] = Instruction(LOOP if number >= 0 else SPLIT, ways, number)
            then = loop
        else:
            end = then
            for _ in range(hi - lo):
                first = self.write(body, then)
                then = self.add(Instruction(SPLIT, (end, first) if lazy else (first, end)))
        for _ in range(lo):
            then = self.write(body, then)
        return then

    def write_assertion(self, tree: Regex, then: int) -> int:
        kind = tree.value
        if isinstance(kind, tuple):
            return self.write_boundary(kind[1], kind[0].startswith("not"), then)
        if kind in _LOOKS_BACK:
            return self.look_behind(self.before(tree), not kind.startswith("not"), then)
        newline = literal("\n")
        if kind == "end":
            follows = EPSILON
        elif kind == "line end":
            follows = union(EPSILON, concat(newline, ALL))
        elif kind == "last line end":
            follows = union(EPSILON, newline)
        else:
            body = plain(tree.parts[0])
            if _looks_back(body):
                self.reader.unsupported("a lookbehind, a boundary or ^ inside of a lookahead", "lookahead", 0)
            follows = resolve(body, EPSILON, ALL, self.limits)
            if kind.startswith("not"):
                follows = complement(follows)
        return self.look_ahead(follows, then)

    def before(self, tree: Regex) -> Regex:
        """What may come before a lookbehind or an anchor."""
        if tree.value == "begin":
            return EPSILON
        if tree.value == "line begin":
            return union(EPSILON, concat(ALL, literal("\n")))
        body = plain(tree.parts[0])
        if _asserts(body):
            self.reader.unsupported("an assertion inside of a lookbehind", "lookbehind", 0)
        return concat(ALL, body)

    def write_boundary(self, word: CharSet, negated: bool, then: int) -> int:
        """`\\b`: a word character on exactly one side."""
        before = concat(ALL, characters(word))
        follows = concat(characters(word), ALL)
        same = self.look_behind(before, True, self.look_ahead(follows if negated else complement(follows), then))
        other = self.look_behind(before, False, self.look_ahead(complement(follows) if negated else follows, then))
        return self.add(Instruction(SPLIT, (same, other)))

    def look_ahead(self, follows: Regex, then: int) -> int:
        dfa = compile(follows, self.limits)
        return self.add(Instruction(AHEAD, (then,), self.ahead.setdefault(dfa, len(self.ahead))))

    def look_behind(self, before: Regex, wanted: bool, then: int) -> int:
        dfa = compile(before, self.limits)
        return self.add(Instruction(BEHIND, (then,), self.behind.setdefault(dfa, len(self.behind)), wanted))


def _maybe_empty(tree: Regex) -> bool:
    """May an ordered tree match no character?"""
    if tree.kind == K_CONCAT:
        return all(map(_maybe_empty, tree.parts))
    if tree.kind == K_UNION:
        return any(map(_maybe_empty, tree.parts))
    if tree.kind == K_REPEAT:
        return tree.value[0] == 0 or _maybe_empty(tree.parts[0])
    return tree.kind == K_ASSERTION or (tree.kind == K_LITERAL and not tree.value)


def _assertions(tree: Regex) -> list[Regex]:
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if node.kind == K_ASSERTION:
            found.append(node)
        todo += node.parts
    return found


def _asserts(tree: Regex) -> bool:
    return bool(_assertions(tree))


def _looks_back(tree: Regex) -> bool:
    return any(isinstance(a.value, tuple) or a.value in _LOOKS_BACK for a in _assertions(tree))
