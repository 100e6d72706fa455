"""`uniqueItems`: which arrays the engine can keep distinct items in, and how many distinct items there can be.

The engine (engine/distinct.py) refuses an item that is there already, and sees to it that an open string, number or
word can still become another one, and where the array is marked so, an object whose members are all declared
(engine/fresh.py). Other arrays and objects must be able to grow until they close. It does not see that no other item is
left, so where there are finitely many, that is counted here. Arrays beyond this are refused by name.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from constrain.grammar.counting import lengths
from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Items,
    Literal,
    Node,
    NodeId,
    Object,
    String,
    StringChoice,
    Text,
)  # fmt: skip
from constrain.grammar.prune import productive
from constrain.regular.ast import Regex, chars, concat, difference, intersect, literal, optional, repeat, union
from constrain.schema import finite, numbers
from constrain.schema.values import Json, key, number

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

MOST_VALUES = 4096  # of a kind of items, up to which they are listed
MOST_NAMES = 100  # of an object all of whose members are declared
MOST_FRONTS = 256  # ways to fill the places at the front that have few values
_WORDS = {b"null": None, b"true": True, b"false": False}
_CLOSED = "items that are arrays with an end of their own, or objects with counted members, can't be kept distinct"
_SHARED = "items of different places that have few values can't be kept distinct"
_LARGE = f"items of several kinds with more than {MOST_VALUES} values each can't be counted"


class _Refused(Exception):
    """These items can't be kept distinct."""


class Domain(NamedTuple):
    """The values that an item may have: without end (values is None and size too), counted, or listed by key."""

    values: dict[Any, Json] | None
    size: int | None
    language: Regex | None = None  # of the strings that are counted, not listed


ENDLESS = Domain(None, None)


def finish(c: Compiler) -> None:
    """Give the nodes of all arrays with distinct items, once all others are there."""
    if not c.distinct:
        return
    for at, (node, _) in c.distinct.items():
        c.grammar.define(at, node)
    alive = productive(c.grammar, c.limits)
    while True:
        domains, plain = _Domains(c, alive), _Plain(c, alive)
        for at, (node, why) in c.distinct.items():
            try:
                c.grammar.define(at, _finished(c, node, domains, plain))
            except _Refused as refused:
                raise c.refuse(why._replace(reason=str(refused))) from None
        now = productive(c.grammar, c.limits)
        if now.startswith(alive[:-1]):
            return
        alive = now  # there may be too few values for an array, which leaves fewer values for others


def _finished(c: Compiler, node: Items, domains: _Domains, plain: _Plain) -> Node:
    if node.hi is not None and node.hi <= 1:
        return node
    kinds = dict.fromkeys([item for row in node.steps for item, _ in row])
    after = {item: plain.node(item) for item in kinds}
    steps = tuple(tuple((after[item], q) for item, q in row) for row in node.steps)
    closed = any(_ends_itself(c, item, domains.alive, set()) for item in kinds)
    node = node._replace(steps=steps, distinct=3 if closed else 1)
    found = {item: domains.of(item) for item in kinds}
    if all(d.size is None for d in found.values()):
        return node
    if len(kinds) == 1 and all(q == p for p, row in enumerate(steps) for _, q in row):
        size = found[next(iter(kinds))].size
        return node if size is None else node._replace(hi=size if node.hi is None else min(node.hi, size))
    return _with_front(c, node, {after[item]: d for item, d in found.items()})


def _with_front(c: Compiler, node: Items, domains: dict[NodeId, Domain]) -> Node:
    """Places at the front with few values: one alternative for each way to fill them."""
    width = len(node.steps) - 1
    in_line = all(len(row) == 1 and row[0][1] == p + 1 for p, row in enumerate(node.steps[:-1]))
    if not in_line or not all(node.ends):
        raise _Refused(_SHARED)
    tail = node.steps[-1]
    if len(tail) > 1 or (tail and tail[0][1] != width):
        raise _Refused(_SHARED)
    places = [domains[row[0][0]] for row in node.steps[:-1]]
    listed = [p for p, d in enumerate(places) if d.size is not None]
    ways = 1
    for p in listed:
        values = places[p].values
        if values is None:
            raise _Refused(_SHARED)
        ways *= max(len(values), 1)
    if ways > MOST_FRONTS:
        raise _Refused(_SHARED)
    fronts = []
    for chosen in product(*((places[p].values or {}).items() for p in listed)):
        keys = [k for k, _ in chosen]
        if len(set(keys)) < len(keys):
            continue
        nodes = dict(zip(listed, (finite.node(c, value) for _, value in chosen), strict=True))
        for p, row in enumerate(node.steps[:-1]):
            # what comes before must leave the values for the places that have only one
            if p not in nodes and any(_may_hold(c, row[0][0], v, set()) for _, v in chosen):
                raise _Refused(_SHARED)
        hi = node.hi
        if tail and domains[tail[0][0]].size is not None:
            values = domains[tail[0][0]].values
            if values is None or len(listed) < width:
                raise _Refused(_SHARED)
            most = width + len(values.keys() - set(keys))
            hi = most if hi is None else min(hi, most)
        steps = [((nodes.get(p, row[0][0]), row[0][1]),) for p, row in enumerate(node.steps[:-1])]
        fronts.append(c.leaf(node._replace(steps=(*steps, tail), hi=hi)))
    # an array may also end before all places are filled: shorter fronts are in the longer ones, but for clashes
    if listed and (node.lo <= max(listed)):
        cut = max(listed)
        shorter = _finish_shorter(c, node, cut, domains)
        fronts.append(shorter)
    return Alt(tuple(f for f in fronts if f != NEVER))


def _finish_shorter(c: Compiler, node: Items, cut: int, domains: dict[NodeId, Domain]) -> NodeId:
    """The arrays of at most `cut` items."""
    steps = (*node.steps[:cut], ())
    short = Items(steps, (True,) * (cut + 1), node.lo, cut if node.hi is None else min(node.hi, cut), 1)
    if short.hi is not None and short.lo > short.hi:
        return NEVER
    if cut < 2 or all(domains[row[0][0]].size is None for row in steps[:-1]):
        return c.leaf(short)
    return c.grammar.add(_with_front(c, short, domains))


class _Domains:
    """The values of nodes. alive: which nodes of the grammar have texts at all."""

    def __init__(self, c: Compiler, alive: bytearray) -> None:
        self.c, self.alive = c, alive
        self._known: dict[NodeId, Domain] = {}
        self._active: dict[NodeId, int] = {}  # nodes that are looked at, and the objects around each
        self._cuts = 0  # how often a node was found to be one of its own alternatives

    def of(self, at: NodeId, depth: int = 0) -> Domain:
        """The values of the texts of a node. Raises `_Refused`."""
        if not self.alive[at]:
            return Domain({}, 0)
        around = self._active.get(at)
        if around == depth:
            self._cuts += 1
            return Domain({}, 0)
        if around is not None:  # what holds another one like it has more values than that
            return ENDLESS
        found = self._known.get(at)
        if found is None:
            cuts = self._cuts
            self._active[at] = depth
            found = self._of(at, depth)
            del self._active[at]
            if cuts == self._cuts:
                self._known[at] = found
        return found

    def _of(self, at: NodeId, depth: int) -> Domain:
        c = self.c
        node = c.distinct[at][0] if at in c.distinct else c.grammar.nodes[at]
        if isinstance(node, Alt):
            return _together(c, [self.of(option, depth) for option in node.options])
        if isinstance(node, Literal):
            return _listed([_WORDS[node.text]])
        if isinstance(node, StringChoice):
            return _listed(list(node.strings))
        if isinstance(node, String):
            return _strings(c, node)
        if isinstance(node, Text):
            return _numbers(c, node)
        if isinstance(node, Object):
            return ENDLESS if _grows(c, node, self.alive) else self._declared(node, depth + 1)
        if isinstance(node, Array):
            if node.hi is None and all(self.alive[item] for item in (*node.prefix, node.item)):
                return ENDLESS
        elif isinstance(node, Items) and node.hi is None and not (at in c.distinct and self._is_few(node, depth + 1)):
            found, _ = lengths(node, lambda item: self.alive[item] != 0)
            if all(span is None or span[1] is None for span in found):
                return ENDLESS
        raise _Refused(_CLOSED)

    def _declared(self, node: Object, depth: int) -> Domain:
        """The values of objects all of whose members are declared: how many, if there are finitely many."""
        possible = [i for i, value in enumerate(node.values) if self.alive[value]]
        bounded = node.lo > sum(node.required) or (node.hi is not None and node.hi < len(possible))
        free = any(self.alive[value] for _, value in node.free)
        if free or node.demands or bounded or len(node.names) > MOST_NAMES:
            raise _Refused(_CLOSED)
        size: int | None = 1
        for i in possible:
            values = self.of(node.values[i], depth).size
            size = None if size is None or values is None else size * (values + (not node.required[i]))
        return ENDLESS if size is None or size >= 1 << 20 else Domain(None, size)

    def _is_few(self, node: Items, depth: int) -> bool:
        return any(self.of(item, depth).size is not None for row in node.steps for item, _ in row)


def _grows(c: Compiler, node: Object, alive: bytearray) -> bool:
    """May an object of the node get a member with a new name at any time?"""
    if node.hi is not None:
        return False
    from constrain.regular import compile

    before: list[Regex] = []
    for language, value in node.free:
        if language is None:
            return alive[value] != 0
        if alive[value]:
            left = difference(language, union(*before)) if before else language
            dfa = compile(left, c.limits)
            if not dfa.is_empty and dfa.max_length is None:
                return True
        before.append(language)
    return False


def _ends_itself(c: Compiler, at: NodeId, alive: bytearray, seen: set[NodeId]) -> bool:
    """May an item of this kind, which has a domain, be an object all of whose members are declared?"""
    if not alive[at] or at in seen:
        return False
    seen.add(at)
    node = c.grammar.nodes[at]
    if isinstance(node, Alt):
        return any(_ends_itself(c, option, alive, seen) for option in node.options)
    return isinstance(node, Object) and not _grows(c, node, alive)


def _listed(values: list[Json]) -> Domain:
    found = {key(v) if v is not None else None: v for v in values}
    return Domain(found, len(found))


def _together(c: Compiler, parts: list[Domain]) -> Domain:
    if any(d.size is None for d in parts):
        return ENDLESS
    counted = [d for d in parts if d.values is None]
    found = {k: v for d in parts for k, v in (d.values or {}).items()}
    if not counted:
        return Domain(found, len(found)) if len(found) <= MOST_VALUES else Domain(None, len(found))
    if len(counted) > 1 or counted[0].language is None:
        raise _Refused(_LARGE)
    from constrain.regular import compile

    dfa = compile(counted[0].language, c.limits)
    others = sum(not (isinstance(v, str) and dfa.accepts(v)) for v in found.values())
    return Domain(None, (counted[0].size or 0) + others)


def _strings(c: Compiler, node: String) -> Domain:
    from constrain.regular import compile
    from constrain.regular.ast import ALL, ANY

    if node.language is None and node.hi is None:
        return ENDLESS
    if node.language is None and (node.hi or 0) > 0:
        return ENDLESS  # more than a million
    language = ALL if node.language is None else node.language
    if node.lo or node.hi is not None:
        language = intersect(language, repeat(ANY, node.lo, node.hi))
    dfa = compile(language, c.limits)
    if dfa.is_empty:
        return Domain({}, 0)
    if dfa.max_length is None:
        return ENDLESS
    size = _count(dfa)
    if size > MOST_VALUES:
        return Domain(None, size, language) if size < 1 << 20 else ENDLESS
    return _listed(_words(dfa))


def _numbers(c: Compiler, node: Text) -> Domain:
    from constrain.regular import compile

    if node.language is numbers.every() or _is_free_integer(c, node.language):
        return ENDLESS
    dfa = compile(intersect(node.language, one_spelling()), c.limits)
    if dfa.is_empty:
        return Domain({}, 0)
    if dfa.max_length is None:
        return ENDLESS
    size = _count(dfa)
    if size > MOST_VALUES:
        return Domain(None, size) if size < 1 << 20 else ENDLESS
    from decimal import Decimal

    return _listed([int(w) if "." not in w else Decimal(w) for w in _words(dfa)])


def _is_free_integer(c: Compiler, language: Regex) -> bool:
    from constrain.regular.numbers import bounded

    return any(language == bounded("integer", spelling=s) for s in ("canonical", "any"))


def one_spelling() -> Regex:
    """Each number once: no exponent, no zeros at the end of a fraction, no -0."""
    digit, nonzero = chars([(48, 57)]), chars([(49, 57)])
    whole = concat(nonzero, repeat(digit))
    fraction = concat(literal("."), repeat(digit), nonzero)
    minus = optional(literal("-"))
    return union(literal("0"), concat(minus, whole, optional(fraction)), concat(minus, literal("0"), fraction))


class _Plain:
    """Nodes with one spelling for each of their numbers, where not every number is allowed."""

    def __init__(self, c: Compiler, alive: bytearray) -> None:
        self.c, self.alive = c, alive
        self._made: dict[tuple[NodeId, bool], NodeId] = {}  # NEVER: it is being made

    def node(self, at: NodeId, inside: bool = False) -> NodeId:
        """The node to use for `at`. inside: it is a member of an object all of whose members are declared."""
        if at in self.c.distinct or not self.alive[at]:
            return at
        key = at, inside
        found = self._made.get(key)
        if found is None:
            self._made[key] = NEVER
            made = self._make(at, inside)
            found = self._made[key]
            if found != NEVER:  # something inside refers to it
                self.c.grammar.define(found, Alt((made,)))
            else:
                found = self._made[key] = made
        elif found == NEVER:
            found = self._made[key] = self.c.grammar.reserve()
        return found

    def _make(self, at: NodeId, inside: bool) -> NodeId:
        c = self.c
        node = c.grammar.nodes[at]
        if isinstance(node, Text) and node.language is not numbers.every():
            if inside or not _is_free_integer(c, node.language):
                return c.leaf(Text(intersect(node.language, one_spelling())))
        elif isinstance(node, Alt):
            return c.alternatives([self.node(option, inside) for option in node.options])
        elif isinstance(node, Object) and not _grows(c, node, self.alive):
            values = tuple([self.node(value, True) for value in node.values])
            return c.leaf(node._replace(values=values)) if values != node.values else at
        return at


def _may_hold(c: Compiler, at: NodeId, value: Json, active: set[NodeId]) -> bool:
    """May a text of the node have this value, which is no array or object? (True where it is not clear.)"""
    if at == NEVER or at in active:
        return False
    node = c.grammar.nodes[at]
    if isinstance(node, Alt):
        return any(_may_hold(c, option, value, active | {at}) for option in node.options)
    if isinstance(node, Literal):
        return _WORDS[node.text] is value
    if isinstance(node, StringChoice):
        return value in node.strings
    if isinstance(node, String):
        return isinstance(value, str)
    return isinstance(node, Text) and number(value) is not None


def _count(dfa: Any) -> int:
    """The number of words of a finite language."""
    rows = dfa.table.tolist()
    widths = [0] * dfa.table.shape[1]
    bounds, classes = dfa.bounds.tolist(), dfa.classes.tolist()
    for i, first in enumerate(bounds):
        last = bounds[i + 1] - 1 if i + 1 < len(bounds) else 0x10FFFF
        widths[classes[i]] += last - first + 1 - max(min(last, 0xDFFF) - max(first, 0xD800) + 1, 0)
    known: dict[int, int] = {}
    order: list[int] = []
    todo = [(dfa.start, False)]
    while todo:
        q, ready = todo.pop()
        if ready:
            known[q] = int(dfa.accept[q] >= 0) + sum(widths[i] * known[t] for i, t in enumerate(rows[q]) if t >= 0)
        elif q not in known:
            order.append(q)
            todo.append((q, True))
            todo += [(t, False) for t in set(rows[q]) if t >= 0 and t not in known]
    return known[dfa.start]


def _words(dfa: Any) -> list[str]:
    """The words of a finite language that has few."""
    bounds, classes = dfa.bounds.tolist(), dfa.classes.tolist()
    members: dict[int, list[int]] = {}
    for i in range(len(bounds)):
        members.setdefault(classes[i], []).append(i)
    out: list[str] = []
    todo = [(dfa.start, "")]
    while todo:
        q, word = todo.pop()
        if dfa.accept[q] >= 0:
            out.append(word)
        for column, intervals in members.items():
            to = int(dfa.table[q, column])
            if to < 0:
                continue
            for i in intervals:
                last = bounds[i + 1] - 1 if i + 1 < len(bounds) else 0x10FFFF
                todo += [(to, word + chr(x)) for x in range(bounds[i], last + 1) if not 0xD800 <= x <= 0xDFFF]
    return out
