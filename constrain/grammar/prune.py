"""Remove from a grammar what no text can complete, so that the engine never offers a way into a dead end.

A node is productive when some finite text is in it: the least fixpoint of "an `Alt` needs one productive option, a
`Seq` all its parts, an `Object` its required members and enough others for `lo`, an `Array` its first `lo` items".
What is not productive becomes NEVER where it is used. Chains of `Alt` are flattened, and cycles of references that
read no text are cut (`Alt`) or refused (`Seq`: left recursion).

One pass over the nodes settles everything that is built bottom-up; only what is left of recursion goes through the
work list. Both are linear in the size of the grammar, and neither recurses.
"""

from __future__ import annotations

from typing import NamedTuple

from constrain.errors import ConstraintError, Unsatisfiable
from constrain.grammar.counting import FAR, can_end, fewest_members, without_dead
from constrain.grammar.fixpoint import Need, fixpoint
from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Grammar,
    Items,
    Node,
    NodeId,
    Object,
    Seq,
    String,
    StringChoice,
    Text,
)
from constrain.grammar.tidy import tidy
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.ast import EMPTY, choice, complement, intersect, union

NOTHING = Alt(())


def prune(grammar: Grammar, limits: Limits = DEFAULT_LIMITS) -> Grammar:
    """Prune in place and return the same grammar.

    Raises `Unsatisfiable`, `GrammarError` for left recursion, `LimitExceeded` for languages of keys.
    """
    grammar.start = prune_from(grammar, grammar.start, 0, limits)
    return grammar


def prune_from(grammar: Grammar, root: NodeId, since: int, limits: Limits = DEFAULT_LIMITS) -> NodeId:
    """Prune the nodes from index `since` on (the older ones are pruned already); return the id to use for `root`.

    For what a `Lazy` node adds when it is expanded. Raises `Unsatisfiable` when `root` has no text.
    """
    nodes = grammar.nodes
    productive, first = _marks(grammar, since, limits)
    if not productive[root]:
        raise Unsatisfiable("no text satisfies the constraint")
    dead = productive.find(0, since) < len(nodes)
    if dead or first.loose:
        for i in range(since, len(nodes)):
            nodes[i] = _without_dead(nodes[i], productive) if productive[i] else NOTHING
    if dead or first.loose or first.forward:
        return tidy(nodes, since, root, first.forward)
    return root


def productive(grammar: Grammar, limits: Limits = DEFAULT_LIMITS) -> bytearray:
    """For each node 1 if it has texts, else 0; then a 0, so that index NEVER (-1) reads as 0. Raises as `prune`."""
    return _marks(grammar, 0, limits)[0]


def _marks(grammar: Grammar, since: int, limits: Limits) -> tuple[bytearray, _First]:
    """Which nodes are productive (those before `since` are pruned already), and what else was seen."""
    nodes = grammar.nodes
    marks = bytearray(len(nodes) + 1)
    for i in range(since):
        marks[i] = nodes[i] != NOTHING
    try:
        first = _first_pass(nodes, since, marks, limits)
        if first.unsettled:
            fixpoint(nodes, since, marks, lambda node, known: _need(node, known, limits))
    except ConstraintError as error:
        at = next((i for i, node in enumerate(nodes) if node is error.node), NEVER)
        raise grammar.placed(error, at) from None
    return marks, first


class _First(NamedTuple):
    """What the first pass leaves to do."""

    unsettled: bool  # some node waits for a later one, or is dead
    loose: bool  # some productive node can be written shorter
    forward: bool  # an `Alt` or `Seq` refers to a later one or itself: there may be cycles without text


def _first_pass(nodes: list[Node], since: int, productive: bytearray, limits: Limits) -> _First:
    """Settle every node that needs only earlier ones."""
    unsettled = loose = forward = False
    for i in range(since, len(nodes)):
        node = nodes[i]
        if isinstance(node, Object):
            productive[i] = _object_need(node, productive, limits) is None
            unsettled = unsettled or not productive[i]
            if node.free:
                loose = loose or node.free[-1][1] == NEVER or any(key is None for key, _ in node.free[:-1])
        elif isinstance(node, Items):
            productive[i] = can_end(node, lambda at: productive[at] != 0)
            unsettled = unsettled or not productive[i]
            loose = True
        elif isinstance(node, Array):
            productive[i] = _array_need(node, productive) is None
            unsettled = unsettled or not productive[i]
            loose = loose or _is_long(node)
        elif isinstance(node, (Alt, Seq)):
            parts = node[0]
            found = 0
            for part in parts:
                found += productive[part]
                if part == NEVER:
                    loose = True
                elif isinstance(nodes[part], Alt):
                    loose = loose or type(node) is Alt
                    forward = forward or part >= i
                elif part >= i and isinstance(nodes[part], Seq):
                    forward = True
            productive[i] = found == len(parts) if type(node) is Seq else found > 0
            loose = loose or len(parts) == 1
            unsettled = unsettled or not productive[i]
        elif _leaf_is_empty(node):
            unsettled = True
        else:
            productive[i] = 1
    return _First(unsettled, loose, forward)


def holds_keys(node: Object, k: int, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Does any name belong to the k-th free class: not declared, and in no earlier class? (May compile languages.)"""
    from constrain.regular import compile  # loads the automata, which few grammars need here

    language = node.free[k][0]
    if k == 0 and language is None:
        return True
    taken = [choice(node.names)]
    for earlier, _ in node.free[:k]:
        if earlier is None:
            return False
        taken.append(earlier)
    rest = complement(union(*taken))
    try:
        return not compile(rest if language is None else intersect(language, rest), limits).is_empty
    except ConstraintError as error:
        error.node = node
        raise


def _leaf_is_empty(node: Node) -> bool:
    """Is this node without references visibly without text? (Languages are not compiled for the question.)"""
    if isinstance(node, String):
        return node.language is EMPTY or (node.hi is not None and node.hi < max(node.lo, 0))
    if isinstance(node, Text):
        return node.language is EMPTY
    return isinstance(node, StringChoice) and not node.strings


def _is_long(node: Array) -> bool:
    """Would `_short_array` change this array, all of whose items but NEVER have texts?"""
    size = len(node.prefix)
    if NEVER in node.prefix:
        return True
    if node.item == NEVER:
        return node.hi != size
    return node.hi is not None and node.hi <= size


def _object_need(node: Object, productive: bytearray, limits: Limits) -> Need | None:
    """What this object still waits for; None: it is productive."""
    hi = node.hi
    hard = 0
    if True in node.required:
        for required, value in zip(node.required, node.values, strict=True):
            hard += required and not productive[value]
    impossible = hi is not None and (hi < node.lo or hi < 0 or hi < sum(node.required))
    soft = 0
    if node.lo > 0:
        soft = node.lo - sum(productive[v] for v in node.values)
        if soft > 0 and not hard and not impossible:
            for k, (_, value) in enumerate(node.free):
                if productive[value] and holds_keys(node, k, limits):
                    soft = 0
                    break
    if node.demands and not impossible and not hard:
        fewest = fewest_members(node, lambda at: productive[at] != 0, lambda k: holds_keys(node, k, limits))
        hard += fewest >= FAR or (hi is not None and fewest + sum(node.required) > hi)
    if not impossible and not hard and soft <= 0:
        return None
    if impossible:
        return Need(1, 0, [])
    waits = []
    for options in node.options:
        waits += [(at, 0, 0) for at, bits in options if at != NEVER and bits and not productive[at]]
    for required, value in zip(node.required, node.values, strict=True):
        if value != NEVER and not productive[value]:
            waits.append((value, int(required), 1))
    if soft > 0:
        for k, (_, value) in enumerate(node.free):
            if value != NEVER and holds_keys(node, k, limits):
                if productive[value]:
                    soft = 0
                else:
                    waits.append((value, 0, soft))
    return Need(hard, soft, waits, again=node.demands > 0)


def _array_need(node: Array, productive: bytearray) -> Need | None:
    """What this array still waits for; None: it is productive."""
    lo = node.lo
    if node.hi is not None and (node.hi < lo or node.hi < 0):
        return Need(1, 0, [])
    if lo <= 0:
        return None
    wanted = list(node.prefix[:lo])
    if lo > len(node.prefix):
        wanted.append(node.item)
    waits = [(w, 1, 0) for w in wanted if not productive[w]]
    return Need(len(waits), 0, waits) if waits else None


def _need(node: Node, productive: bytearray, limits: Limits) -> Need:
    """What a node that is not productive yet waits for."""
    need: Need | None = None
    if isinstance(node, Alt):
        if any(productive[p] for p in node.options):
            return Need(0, 0, [])
        return Need(0, 1, [(p, 0, 1) for p in node.options])
    if isinstance(node, Seq):
        waits = [(p, 1, 0) for p in node.parts if not productive[p]]
        return Need(len(waits), 0, waits)
    if isinstance(node, Object):
        need = _object_need(node, productive, limits)
    elif isinstance(node, Array):
        need = _array_need(node, productive)
    elif isinstance(node, Items):
        if not can_end(node, lambda at: productive[at] != 0):
            waits = [(item, 0, 0) for row in node.steps for item, _ in row if not productive[item]]
            need = Need(1, 0, waits, again=True)
    else:
        return Need(1, 0, [])  # a leaf without text
    return need or Need(0, 0, [])


def _without_dead(node: Node, productive: bytearray) -> Node:
    """The productive node without its unproductive parts."""
    if isinstance(node, Alt):
        if all(productive[p] for p in node.options):
            return node
        return Alt(tuple(p for p in node.options if productive[p]))
    if isinstance(node, Object):
        values = tuple(v if productive[v] else NEVER for v in node.values)
        free = tuple((k, v if productive[v] else NEVER) for k, v in node.free)
        while any(key is None for key, _ in free[:-1]):  # it claims every key: later classes have none
            free = free[:-1]
        while free and free[-1][1] == NEVER:  # a class that allows nothing matters only to classes after it
            free = free[:-1]
        if node.demands:
            options = tuple([tuple([(v, bits) for v, bits in o if productive[v]]) for o in node.options])
            return node._replace(values=values, free=free, options=options[: len(values) + len(free)])
        return node if values == node.values and free == node.free else node._replace(values=values, free=free)
    if isinstance(node, Items):
        return without_dead(node, lambda at: productive[at] != 0)
    if isinstance(node, Array):
        return _short_array(node, productive)
    return node


def _short_array(node: Array, productive: bytearray) -> Array:
    """The array cut before the first item that has no text, or that `hi` leaves no room for."""
    prefix, item, hi = node.prefix, node.item if productive[node.item] else NEVER, node.hi
    for k, p in enumerate(prefix):
        if not productive[p]:
            prefix, item = prefix[:k], NEVER
            break
    if hi is not None and hi <= len(prefix):
        prefix, item = prefix[:hi], NEVER
    if item == NEVER:
        hi = len(prefix)
    return Array(prefix, item, node.lo, hi)
