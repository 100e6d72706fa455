"""Anchors, word boundaries and lookarounds, made exact: a pattern with assertions becomes a plain regular expression.

Parsers put assertions into their trees as nodes of kind K_ASSERTION; `resolve` takes them out. The common cases (an
anchor at an end, lookaheads that only look forward) are rewritten with the algebra. All others go by markers: every
assertion becomes a marker, a letter beyond Unicode, in the pattern. Where a marker may stand is a regular language too
(its *context*: the strings u m v for which the assertion holds between u and v), so the pattern is intersected with
"every marker stands where it may", and then the markers are erased. This is exact for any nesting and repetition.
"""

from __future__ import annotations

import numpy as np

from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import compiler
from constrain.regular.ast import (
    ALL,
    ANY,
    ASSERTING,
    BOOLEAN,
    EPSILON,
    K_ASSERTION,
    K_AUTOMATON,
    K_CHARS,
    K_CONCAT,
    K_REPEAT,
    K_UNION,
    Regex,
    automaton,
    characters,
    complement,
    concat,
    intersect,
    literal,
    repeat,
    union,
)
from constrain.regular.charset import CharSet
from constrain.regular.compiler import boolean_inside, build
from constrain.regular.dfa import NO_STRING, UNIVERSE, Dfa, combined
from constrain.regular.layout import AND, MINUS, NOT, OR, Ints

BEGIN = Regex(K_ASSERTION, "begin", (), ASSERTING)  # of the string
END = Regex(K_ASSERTION, "end", (), ASSERTING)
LINE_BEGIN = Regex(K_ASSERTION, "line begin", (), ASSERTING)
LINE_END = Regex(K_ASSERTION, "line end", (), ASSERTING)
LAST_LINE_END = Regex(K_ASSERTION, "last line end", (), ASSERTING)  # the end, or before a newline that ends the string

_BUDGET = 64  # pieces that the rewriting of lookaheads may make before it leaves the work to markers
_NEWLINE = literal("\n")


def word_boundary(word: CharSet, negated: bool, not_in_empty: bool = False) -> Regex:
    """`\\b` (or `\\B`): exactly one of the characters before and after is in `word` (or: none, or both).

    not_in_empty: the negated one does not hold in an empty string.
    """
    kind = ("not word, not empty" if not_in_empty else "not word") if negated else "word"
    return Regex(K_ASSERTION, (kind, word), (), ASSERTING)


def look(body: Regex, ahead: bool, negated: bool) -> Regex:
    """A lookahead or lookbehind."""
    return Regex(K_ASSERTION, ("not " if negated else "") + ("ahead" if ahead else "behind"), (body,), ASSERTING)


def resolve(tree: Regex, left: Regex, right: Regex, limits: Limits = DEFAULT_LIMITS) -> Regex:
    """The strings l t r, with l in `left`, r in `right` (EPSILON or ALL each) and a match t of the tree in between."""
    if not tree.flags & ASSERTING:
        return concat(left, tree, right)
    if tree.kind == K_UNION:
        return union(*[resolve(p, left, right, limits) for p in tree.parts])
    parts = list(tree.parts) if tree.kind == K_CONCAT else [tree]
    while parts and (parts[0] is BEGIN or (left is EPSILON and parts[0] is LINE_BEGIN)):
        left = EPSILON
        parts.pop(0)
    while parts and (parts[-1] is END or (right is EPSILON and parts[-1] in (LINE_END, LAST_LINE_END))):
        right = EPSILON
        parts.pop()
    if not any(p.flags & ASSERTING for p in parts):
        return concat(left, *parts, right)
    if parts[0].kind == K_UNION and any(_begins(p) for p in parts[0].parts):
        return union(*[resolve(concat(p, *parts[1:]), left, right, limits) for p in parts[0].parts])
    try:
        return concat(left, _Forward(limits).suffix(parts, right))
    except _LooksBack:
        tree = concat(left, *parts, right)
        key = ("assertions", tree)
        dfa = compiler.cache.get(key)
        if dfa is None:
            dfa = _solved(tree, limits)
            compiler.keep(key, (tree,), dfa)
        return automaton(dfa)


def _begins(r: Regex) -> bool:
    return r is BEGIN or (r.kind == K_CONCAT and r.parts[0] is BEGIN)


class _LooksBack(Exception):
    """An assertion depends on what comes before it, stands in a loop, or makes the rewriting too large."""


class _Forward:
    """Rewriting of assertions that look forward only: x(?=y)z is x (y.* & z...)."""

    def __init__(self, limits: Limits) -> None:
        self.pieces = 0
        self.limits = limits

    def suffix(self, parts: list[Regex], rest: Regex) -> Regex:
        """The language of what matches the parts and then `rest`."""
        self.pieces += len(parts)
        if self.pieces > _BUDGET:
            raise _LooksBack
        for part in reversed(parts):
            if not part.flags & ASSERTING:
                rest = concat(part, rest)
            elif part.kind == K_ASSERTION:
                rest = intersect(self.allowed(part), rest)
            elif part.kind == K_UNION:
                rest = union(*[self.suffix([p], rest) for p in part.parts])
            elif part.kind == K_CONCAT:
                rest = self.suffix(list(part.parts), rest)
            elif part.kind == K_REPEAT and part.value == (0, 1):
                rest = union(rest, self.suffix(list(part.parts), rest))
            else:
                raise _LooksBack
        return rest

    def allowed(self, assertion: Regex) -> Regex:
        """What may follow the assertion, to the end of the string."""
        kind = assertion.value
        if kind == "end":
            return EPSILON
        if kind == "line end":
            return union(EPSILON, concat(_NEWLINE, ALL))
        if kind == "last line end":
            return union(EPSILON, _NEWLINE)
        if kind == "ahead":
            return self.suffix([assertion.parts[0]], ALL)
        if kind == "not ahead":
            return complement(self.suffix([assertion.parts[0]], ALL))
        raise _LooksBack


def _marker(i: int) -> Regex:
    """A letter beyond Unicode."""
    return Regex(K_CHARS, CharSet.from_flat((UNIVERSE + i, UNIVERSE + i)), (), 0)


def _solved(tree: Regex, limits: Limits, own: int = 0) -> Dfa:
    """The automaton of a tree with assertions over whole strings. own: 1 when marker 0 is an ordinary letter in it."""
    # Assertions get a marker each; one that a loop repeats shares its marker, and must hold at every place.
    marked, found = _with_markers(tree, own)
    universe = UNIVERSE + own + len(found)
    leaves = _leaves_of(marked, limits)
    whole = build([marked], leaves, limits, universe)
    for i, (assertion, repeated) in enumerate(found, own):
        context = _context(assertion, limits)
        whole = combined(whole, _everywhere(context, i, own + len(found), repeated, limits), AND, limits, universe)
    if whole.is_empty:
        return NO_STRING
    leaf = Regex(K_AUTOMATON, whole, (), BOOLEAN)
    return build([leaf], {leaf: whole}, limits, UNIVERSE + own)


def _leaves_of(tree: Regex, limits: Limits) -> dict[Regex, Dfa]:
    """Automata of the boolean nodes in a tree."""
    return {node: compiler.compile(node, limits) for node in boolean_inside(tree)} if tree.flags & BOOLEAN else {}


def _with_markers(tree: Regex, own: int) -> tuple[Regex, list[tuple[Regex, bool]]]:
    """The tree with markers for its assertions, and each marker's (assertion, may it stand in several places)."""
    found: list[tuple[Regex, bool]] = []
    shared: dict[Regex, int] = {}
    done: list[Regex] = []  # results, in post-order
    todo: list[tuple[Regex, bool, bool]] = [(tree, False, False)]
    while todo:
        node, looped, ready = todo.pop()
        if not node.flags & ASSERTING:
            done.append(node)
        elif node.kind == K_ASSERTION:
            alone = bool(node.parts) and not looped
            at = len(found) if alone else shared.setdefault(node, len(found))
            if at == len(found):
                found.append((node, not alone))
            done.append(_marker(own + at))
        elif not ready:
            todo.append((node, looped, True))
            inside = looped or (node.kind == K_REPEAT and node.value[1] != 1)
            todo += [(p, inside, False) for p in reversed(node.parts)]
        else:
            parts = done[len(done) - len(node.parts) :]
            del done[len(done) - len(node.parts) :]
            if node.kind == K_CONCAT:
                done.append(concat(*parts))
            elif node.kind == K_UNION:
                done.append(Regex(K_UNION, None, tuple(parts), node.flags & ~ASSERTING))  # markers are no CharSet
            else:
                lo, hi = node.value
                done.append(repeat(parts[0], lo, None if hi < 0 else hi))
    return done[0], found


def _context(assertion: Regex, limits: Limits) -> Dfa:
    """The strings u m v, m the marker 0, for which the assertion holds between u and v."""
    here = _marker(0)
    kind = assertion.value
    if isinstance(kind, tuple):
        kind, word = kind
        inner, outer = characters(word), characters(~word)
        tree = _either(
            concat(ALL, inner, here, repeat(concat(outer, ALL), 0, 1)),
            concat(repeat(concat(ALL, outer), 0, 1), here, inner, ALL),
        )
    elif kind == "begin":
        tree = concat(here, ALL)
    elif kind == "end":
        tree = concat(ALL, here)
    elif kind == "line begin":
        tree = concat(repeat(concat(ALL, _NEWLINE), 0, 1), here, ALL)
    elif kind == "line end":
        tree = concat(ALL, here, repeat(concat(_NEWLINE, ALL), 0, 1))
    elif kind == "last line end":
        tree = concat(ALL, here, repeat(_NEWLINE, 0, 1))
    elif kind.endswith("ahead"):
        tree = concat(ALL, here, assertion.parts[0], ALL)
    else:
        tree = concat(ALL, assertion.parts[0], here, ALL)
    positive = _solved(tree, limits, 1)
    if not kind.startswith("not "):
        return positive
    anywhere = repeat(ANY, 1) if kind.endswith("not empty") else ALL
    places = _either(concat(anywhere, here, ALL), concat(ALL, here, anywhere))
    return combined(_solved(places, limits, 1), positive, MINUS, limits, UNIVERSE + 1)


def _either(a: Regex, b: Regex) -> Regex:
    """A union that keeps markers apart from characters."""
    return Regex(K_UNION, None, (a, b), (a.flags | b.flags))


def _everywhere(context: Dfa, marker: int, markers: int, repeated: bool, limits: Limits) -> Dfa:
    """The strings with any markers in which every `marker` stands as its context allows, the others not looked at.

    repeated: the marker may occur any number of times, else at most once.
    """
    universe = UNIVERSE + markers
    letters = Regex(K_CHARS, CharSet.from_flat((0, 0xD7FF, 0xE000, universe - 1)), (), 0)
    here = _marker(marker)
    if not repeated:
        before, after = _marker_range(0, marker), _marker_range(marker + 1, markers)
        others = Regex(K_CHARS, CharSet.from_flat((0, 0xD7FF, 0xE000, UNIVERSE - 1, *before, *after)), (), 0)
        absent = build([repeat(others)], {}, limits, universe)
        return combined(_moved(context, marker, markers), absent, OR, limits, universe)
    # Wrong somewhere: a string of the context's complement, in which other markers (and this one too) are loops.
    both = build([concat(ALL, _marker(0), ALL)], {}, limits, UNIVERSE + 1)
    wrong = combined(both, context, MINUS, limits, UNIVERSE + 1)
    if wrong.is_empty:
        return build([repeat(letters)], {}, limits, universe)
    column = wrong.column(UNIVERSE)
    after_marker = wrong.table[:, column]
    plain = wrong.table.copy()
    plain[:, column] = -1
    looped = _looped(wrong, plain, markers)
    leaves: dict[Regex, Dfa] = {}
    options = []
    for state in np.flatnonzero(after_marker >= 0).tolist():
        reach = np.full(wrong.n_states, -1, np.int32)
        reach[state] = 0
        first = Dfa(looped[0], looped[1], looped[2], reach, 0, None)
        second = _started_at(Dfa(looped[0], looped[1], looped[2], wrong.accept, 0, None), int(after_marker[state]))
        pieces = []
        for dfa in (first, second):
            node = Regex(K_AUTOMATON, dfa, (), BOOLEAN)
            leaves[node] = dfa
            pieces.append(node)
        options.append(concat(pieces[0], here, pieces[1]))
    tree = options[0] if len(options) == 1 else Regex(K_UNION, None, tuple(options), BOOLEAN)
    return combined(build([tree], leaves, limits, universe), NO_STRING, NOT, limits, universe)


def _marker_range(first: int, end: int) -> tuple[int, ...]:
    return (UNIVERSE + first, UNIVERSE + end - 1) if end > first else ()


def _moved(context: Dfa, marker: int, markers: int) -> Dfa:
    """A context with its marker 0 at another place, and with loops for all other markers."""
    column = context.column(UNIVERSE)
    loops = np.arange(context.n_states, dtype=np.int32)[:, None]
    table = np.hstack([context.table, context.table[:, [column]], loops])
    below = context.bounds < UNIVERSE
    bounds, classes = context.bounds[below].tolist(), context.classes[below].tolist()
    here, loop = context.n_classes, context.n_classes + 1
    if marker > 0:
        bounds.append(UNIVERSE)
        classes.append(loop)
    bounds.append(UNIVERSE + marker)
    classes.append(here)
    if marker + 1 < markers:
        bounds.append(UNIVERSE + marker + 1)
        classes.append(loop)
    return Dfa(np.array(bounds, np.int32), np.array(classes, np.int32), table, context.accept, 0, None)


def _looped(dfa: Dfa, table: Ints, markers: int) -> tuple[Ints, Ints, Ints]:
    """Bounds, classes and table of an automaton in which every marker is a loop."""
    below = dfa.bounds < UNIVERSE
    bounds = np.append(dfa.bounds[below], np.int32(UNIVERSE))
    classes = np.append(dfa.classes[below], np.int32(dfa.n_classes))
    loops = np.arange(dfa.n_states, dtype=np.int32)[:, None]
    return bounds, classes, np.hstack([table, loops])


def _started_at(dfa: Dfa, start: int) -> Dfa:
    """The automaton with another start (states 0 and `start` change places)."""
    order = np.arange(dfa.n_states, dtype=np.int32)
    order[0], order[start] = start, 0
    table = dfa.table[order]
    table = np.where(table >= 0, order[np.maximum(table, 0)], np.int32(-1)).astype(np.int32)
    return Dfa(dfa.bounds, dfa.classes, np.ascontiguousarray(table), dfa.accept[order], 0, None)
