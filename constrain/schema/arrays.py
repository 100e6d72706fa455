"""The array part of a shape: what stands at each position, and how many items there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constrain.grammar.ir import NEVER, Array, NodeId
from constrain.schema.shape import Literal, Shape

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler


def emit(c: Compiler, shape: Shape) -> NodeId:
    """The node for the arrays of a shape."""
    rows, lo, hi = shape.rows, shape.min_items, shape.max_items
    if hi is not None and hi < lo:
        return NEVER
    if not rows:
        return c.leaf(Array((), c.any_value(), lo, hi))
    if len(rows) == 1:
        prefix, rest, resource = rows[0]
        front = tuple([c.node(p, resource) for p in (prefix if hi is None else prefix[:hi])]) if prefix else ()
        if hi is not None and hi <= len(front):
            return c.leaf(Array(front, NEVER, lo, hi))
        return c.leaf(Array(front, c.node(rest, resource), lo, hi))
    width = max(len(row.prefix) for row in rows)
    if hi is not None and hi < width:
        width = hi
    front = tuple([c.conjunction(item(shape, i)) for i in range(width)])
    return c.leaf(Array(front, c.conjunction(item(shape, None)), lo, hi))


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
    if since is not None and len(since.rows) == len(shape.rows):
        if since.min_items == shape.min_items and since.max_items == shape.max_items:
            return False
    lo, hi = shape.min_items, shape.max_items
    if hi is not None and hi < lo:
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
