"""The array part of a shape: what stands at each position, and how many items there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constrain.errors import LimitExceeded
from constrain.grammar.counting import lengths
from constrain.grammar.ir import NEVER, Array, Items, NodeId
from constrain.schema.shape import Count, Literal, Shape

MOST_KINDS = 6  # of items that are counted in one array, at one place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constrain.schema.compiler import Compiler


def emit(c: Compiler, shape: Shape) -> NodeId:
    """The node for the arrays of a shape."""
    lo, hi = shape.min_items, shape.max_items
    if hi is not None and hi < lo:
        return NEVER
    node = _counted(c, shape) if shape.counts else _array(c, shape)
    if not (shape.distinct or shape.double):
        return c.leaf(node)
    if isinstance(node, Array):
        width = len(node.prefix)
        tail = ((node.item, width),) if node.item != NEVER else ()
        steps = tuple(((at, i + 1),) for i, at in enumerate(node.prefix))
        node = Items((*steps, tail), (True,) * (width + 1), lo, hi)
    return _distinct(c, shape, node)


def _distinct(c: Compiler, shape: Shape, node: Items) -> NodeId:
    """The node for arrays whose items differ, or of which two are equal."""
    if shape.distinct is None:
        assert shape.double is not None
        found, _ = lengths(node, lambda _: True)
        if node.hi is not None or any(span is not None and span[1] is not None for span in found):
            raise c.refuse(shape.double)
        size = len(node.steps)
        after = tuple(tuple((at, q + size) for at, q in row) for row in node.steps)
        return c.leaf(Items((*node.steps, *after), (False,) * size + node.ends, node.lo, None, 2))
    if shape.double is not None:
        return NEVER
    at = c.grammar.reserve()
    c.distinct[at] = (node, shape.distinct)
    return at


def _array(c: Compiler, shape: Shape) -> Array:
    rows, lo, hi = shape.rows, shape.min_items, shape.max_items
    if not rows:
        return Array((), c.any_value(), lo, hi)
    if len(rows) == 1:
        prefix, rest, resource = rows[0]
        front = tuple([c.node(p, resource) for p in (prefix if hi is None else prefix[:hi])]) if prefix else ()
        if hi is not None and hi <= len(front):
            return Array(front, NEVER, lo, hi)
        return Array(front, c.node(rest, resource), lo, hi)
    width = max(len(row.prefix) for row in rows)
    if hi is not None and hi < width:
        width = hi
    front = tuple([c.conjunction(item(shape, i)) for i in range(width)])
    return Array(front, c.conjunction(item(shape, None)), lo, hi)


def _counted(c: Compiler, shape: Shape) -> Items:
    """The node for arrays some of whose items are counted.

    An automaton whose states are the position (as far as that matters) and a number for each kind of item. Items that
    are counted up to a lower bound need not be told from others: some way of counting reaches the bound. With an upper
    bound, each item is either counted or fails the schema.
    """
    counts = {(x.start, id(x.value), x.least, x.most): x for x in shape.counts}
    kinds = tuple(counts.values())
    width = max([*(len(row.prefix) for row in shape.rows), *(x.start for x in kinds)], default=0)
    start = (0, *(0 for _ in kinds))
    numbers = {start: 0}
    order = [start]
    found: list[list[tuple[NodeId, tuple[int, ...]]]] = []
    size = 0
    for state in order:  # grows
        found.append([])
        for at, step in _items_from(c, shape, kinds, state, width):
            after = (min(state[0] + 1, width), *(n + d for n, d in zip(state[1:], step, strict=True)))
            found[-1].append((at, after))
            if after not in numbers:
                numbers[after] = len(order)
                order.append(after)
        size += len(found[-1])
        if size > c.limits.alternatives:
            raise LimitExceeded(
                f"counting items needs more than {c.limits.alternatives} steps of an automaton", keyword="alternatives"
            )
    ranks = sorted(range(len(order)), key=lambda i: (order[i][0], sum(order[i]), order[i]))
    place = {order[i]: rank for rank, i in enumerate(ranks)}
    steps = tuple(tuple((at, place[after]) for at, after in found[i]) for i in ranks)
    ends = tuple(all(n >= x.least for n, x in zip(order[i][1:], kinds, strict=True)) for i in ranks)
    return Items(steps, ends, shape.min_items, shape.max_items)


def _items_from(
    c: Compiler, shape: Shape, kinds: tuple[Count, ...], state: tuple[int, ...], width: int
) -> Iterator[tuple[NodeId, tuple[int, ...]]]:
    """The items that may come in a state, each with what it adds to the numbers."""
    i = state[0]
    base = item(shape, i if i < width else None)
    if base is None:
        return
    open_kinds = [
        k for k, x in enumerate(kinds) if i >= x.start and (x.most is not None or state[k + 1] < x.least)
    ]
    if len(open_kinds) > MOST_KINDS:
        raise LimitExceeded(f"more than {MOST_KINDS} kinds of items are counted", keyword="MOST_KINDS")
    for chosen in range(1 << len(open_kinds)):
        literals = {id(schema): (schema, resource) for schema, resource in base}
        step = [0] * len(kinds)
        possible = True
        for bit, k in enumerate(open_kinds):
            x = kinds[k]
            if chosen >> bit & 1:
                step[k] = 1
                possible = possible and (x.most is None or state[k + 1] < x.most)
                literals[id(x.value)] = (x.value, x.resource)
            elif x.most is not None:
                unlike = c.opposite(x.value)
                literals[id(unlike)] = (unlike, x.resource)
        if possible:
            at = c.conjunction(list(literals.values()))
            if at != NEVER:
                yield at, tuple(step)


def item(shape: Shape, i: int | None) -> list[Literal] | None:
    """What the item at position i (None: at any after all prefixes) must satisfy; None: no item may stand there."""
    out: dict[int, Literal] = {}
    for prefix, rest, resource in shape.rows:
        schema = rest if i is None or i >= len(prefix) else prefix[i]
        if schema is False:
            return None
        if schema is not True:
            out[id(schema)] = (schema, resource)
    return list(out.values())


def most_items(shape: Shape) -> int | None:
    """How many items there can be at most, as far as counts and `false` tell; None: without end."""
    most = shape.max_items
    for prefix, rest, _ in shape.rows:
        if rest is False and (most is None or len(prefix) < most):
            most = len(prefix)
    return most


def is_void(c: Compiler, shape: Shape, depth: int, since: Shape | None) -> bool:
    """Are there surely no arrays in the shape? since: a smaller shape of which that is not known."""
    if since is not None and len(since.rows) == len(shape.rows) and len(since.counts) == len(shape.counts):
        if since.min_items == shape.min_items and since.max_items == shape.max_items:
            return False
    lo, hi = shape.min_items, shape.max_items
    if hi is not None and hi < lo:
        return True
    for count in shape.counts:
        if count.least and _uncounted(c, shape, count, depth):
            return True
    width = max([len(row.prefix) for row in shape.rows], default=0)
    for i in range(min(lo, width)):
        wanted = item(shape, i)
        if wanted is None or c.is_void(wanted, depth):
            return True
    if lo > width and shape.rows:
        wanted = item(shape, None)
        return wanted is None or c.is_void(wanted, depth)
    return False


def _uncounted(c: Compiler, shape: Shape, count: Count, depth: int) -> bool:
    """Are there surely too few places for the items that are demanded?"""
    width = max(len(row.prefix) for row in shape.rows) if shape.rows else 0
    most = most_items(shape)
    end = width if most is None else min(width, most)
    places = 0
    for i in range(count.start, end):
        wanted = item(shape, i)
        if wanted is not None and not c.is_void([*wanted, (count.value, count.resource)], depth):
            places += 1
            if places >= count.least:
                return False
    if most is not None and max(most, count.start) - max(end, count.start) + places < count.least:
        return True
    wanted = item(shape, None)
    return wanted is None or c.is_void([*wanted, (count.value, count.resource)], depth)
