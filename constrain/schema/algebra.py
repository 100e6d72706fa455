"""Unions of shapes: multiplied out where a conjunction needs it, told apart where `oneOf` asks for it.

`is_void` proves that a conjunction has no values; it may fail to prove it (then the answer is False), but never claims
it wrongly. Disjointness of two schemas is voidness of their conjunction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded, UnsupportedFeature
from constrain.schema import arrays, finite, numbers, objects, strings
from constrain.schema.shape import Literal, Shape, Union
from constrain.schema.values import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, STRING, Json, key, type_of

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

DEEPEST_PROOF = 6  # how far into required members and items a proof of voidness looks
MOST_COMPARED = 512  # alternatives up to which those within others are left out
LARGEST_PROOF = 200  # alternatives that one proof of voidness may look at


class _TooMany(Exception):
    """A proof would have to look at too many alternatives."""


def expand(c: Compiler, shape: Shape, *, proof: int | None = None) -> list[Shape]:
    """The shapes without unions whose union is `shape`. Alternatives that are surely void are left out.

    proof: only a proof of voidness is wanted, at this depth; `oneOf` is then taken for `anyOf`.
    """
    done: list[Shape] = []
    todo = [shape]
    made = 0
    while todo:
        now = todo.pop()
        if not now.unions:
            done.append(now)
            continue
        chosen = _take(now)
        options = chosen.options
        if _holds(now, chosen) or (chosen.negated is not None and _excludes(c, now, chosen, proof)):
            todo.append(now)
            continue
        if chosen.exclusive and proof is None:
            options = exclusive_options(c, now, chosen)
        made += len(options)
        if proof is not None:
            c.proved += len(options)
            if made > LARGEST_PROOF or c.proved > c.limits.alternatives // 4:
                raise _TooMany
        elif made > c.limits.alternatives:
            raise LimitExceeded(
                f"`anyOf`, `oneOf`, `if` and dependencies combine to more than {c.limits.alternatives} alternatives",
                pointer=c.pointer(shape.literals[0][0]) if shape.literals else None, keyword="alternatives",
            )  # fmt: skip
        for option in reversed(finite.merged(c, chosen, options)):
            if _barred(now, option):
                continue
            grown = _with(c, now, option, chosen)
            if grown is not None and alive(c, grown, proof or 0, now):
                todo.append(grown)
    return done if proof is not None or not 1 < len(done) <= MOST_COMPARED else _widest(done)


def _barred(shape: Shape, option: Json) -> bool:
    """Does an option ask for an object with a member that the shape forbids? Told at first sight, before it is read."""
    if option.__class__ is not dict or option.get("type") != "object" or "$ref" in option or len(option) > 3:
        return False
    wanted = option.get("required")
    if wanted.__class__ is not list:
        return False
    closed = [facet.properties for facet in shape.facets if facet.additional is False and not facet.patterns]
    return any(name not in properties for properties in closed for name in wanted)


def _widest(shapes: list[Shape]) -> list[Shape]:
    """Without the shapes that say all that another one says, and more: its values are among those of the other."""
    return [s for s in shapes if not any(other.seen < s.seen for other in shapes)]


def _holds(shape: Shape, union: Union) -> bool:
    """Is an option of the union a part of the conjunction already?"""
    if union.exclusive:
        return False
    return any(option is True or id(option) in shape.seen for option in union.options)


def _take(shape: Shape) -> Union:
    """Take the next union out of a shape: in the order of the document, negations (which then exclude less) last."""
    unions = shape.unions
    i = next((i for i, union in enumerate(unions) if union.negated is None), None)
    if i is None:
        i = min(range(len(unions)), key=lambda k: len(unions[k].options))
    shape.unions = unions[:i] + unions[i + 1 :]
    return unions[i]


def _excludes(c: Compiler, shape: Shape, union: Union, proof: int | None) -> bool:
    """Is the schema whose negation the union is surely void under the shape already?"""
    schema, resource = union.negated or (False, union.resource)
    rest = shape.copy()
    rest.seen.discard(-id(schema))  # that it must fail is what is asked about
    both = _with(c, rest, schema, union._replace(resource=resource))
    if both is None:
        return True
    both.unions = both.unions[len(shape.unions) :]  # what else the shape demands is not needed for a proof
    both.literals = [(schema, resource)]
    return _is_void(c, both, proof or 0, shape)


def _with(c: Compiler, shape: Shape, option: Json, union: Union) -> Shape | None:
    """The shape with one option of a union; None where the option leads back to the union (it adds no values then)."""
    from constrain.schema.compiler import EndlessReference

    grown = shape.copy()
    before, c.active = c.active, set(union.path)
    try:
        c.add(grown, option, union.resource)
    except EndlessReference:
        if option is not False and union.path:
            return None
        raise
    finally:
        c.active = before
    return grown if grown.types else None


def plain_options(c: Compiler, shape: Shape) -> list[Json]:
    """The options of the only union of a shape that says nothing else, as schemas whose plain union it is."""
    (union,) = shape.unions
    return exclusive_options(c, shape, union) if union.exclusive else union.options


# oneOf -----------------------------------------------------------------------------------------------------------


def exclusive_options(c: Compiler, around: Shape, union: Union) -> list[Json]:
    """Schemas whose plain union is "exactly one of the options", for values that satisfy `around`."""
    base = around.copy()
    base.unions = ()
    options = union.options
    views = [_view(c, base, option, union) for option in options]
    overlaps: list[list[int]] = [[] for _ in options]
    for i, one in enumerate(views):
        if one is None:
            continue
        for j in range(i + 1, len(views)):
            other = views[j]
            if other is not None and not _disjoint(c, one, other, (options[i], options[j]), union):
                overlaps[i].append(j)
                overlaps[j].append(i)
    if not any(overlaps):
        return [o for o, view in zip(options, views, strict=True) if view is not None]
    name = (id(union.options), "oneOf", tuple(map(tuple, overlaps)))
    made = c.derived.get(name)
    if made is None:
        made = [
            {"allOf": [option, *({"not": options[j]} for j in others)]} if others else option
            for option, others in zip(options, overlaps, strict=True)
        ]
        c.derive(name, made, union.schema)
    return [o for o, view in zip(made, views, strict=True) if view is not None]


class _View:
    """What can be told at once about an option: its types, and the values that required members must have."""

    __slots__ = ("listed", "shape", "tags", "types")

    def __init__(
        self, shape: Shape, types: int, tags: dict[str, frozenset[Any]], listed: frozenset[Any] | None
    ) -> None:
        self.shape, self.types, self.tags, self.listed = shape, types, tags, listed


def _view(c: Compiler, base: Shape, option: Json, union: Union) -> _View | None:
    grown = _with(c, base, option, union)
    if grown is None:
        return None
    grown.literals = [(option, union.resource)]
    types = grown.types
    listed = None
    if grown.values is not None:
        try:
            found = finite.values_of(c, grown)
        except UnsupportedFeature:
            found = grown.values
        types = 0
        for value in found:
            types |= type_of(value)
        listed = frozenset([key(v) for v in found])
    return _View(grown, types, _tags(c, grown) if types & OBJECT else {}, listed)


def _tags(c: Compiler, shape: Shape) -> dict[str, frozenset[Any]]:
    """The required members for which one of the schemas lists the values, at first sight."""
    tags = {}
    for name in shape.required or ():
        for facet in shape.facets:
            part = facet.properties.get(name)
            if part.__class__ is dict:
                if "enum" in part and part["enum"].__class__ is list:
                    tags[name] = frozenset([key(v) for v in part["enum"]])
                elif "const" in part and "const" in facet.resource.keywords:
                    tags[name] = frozenset([key(part["const"])])
                else:
                    continue
                break
    return tags


def _disjoint(c: Compiler, one: _View, other: _View, options: tuple[Json, Json], union: Union) -> bool:
    """Is no value in both options, surely?"""
    common = one.types & other.types
    if not common or (one.listed is not None and other.listed is not None and one.listed.isdisjoint(other.listed)):
        return True
    if common == OBJECT:
        for name, values in one.tags.items():
            if name in other.tags and values.isdisjoint(other.tags[name]):
                return True
    both = _with(c, one.shape, options[1], union)
    if both is None:
        return True
    both.types &= common
    both.literals = [(option, union.resource) for option in options]
    return _is_void(c, both, 0)


# Voidness --------------------------------------------------------------------------------------------------------


def is_void(c: Compiler, literals: Sequence[Literal], depth: int) -> bool:
    """Have these schemas surely no common value?"""
    if depth > DEEPEST_PROOF:
        return False
    name = frozenset([id(schema) for schema, _ in literals])
    known = c.voids.get(name)
    if known is not None:
        return known
    try:
        listed = finite.surely_none(c, literals)
    except UnsupportedFeature:
        listed = None
    if listed is not None:
        c.voids[name] = listed
        return listed
    c.voids[name] = False  # while it is looked at, being recursive proves nothing
    before, c.active = c.active, set()
    try:
        found = _is_void(c, c.shape(literals), depth)
    finally:
        c.active = before
    c.voids[name] = found
    return found


def _is_void(c: Compiler, shape: Shape, depth: int, since: Shape | None = None) -> bool:
    if not alive(c, shape, depth + 1, since):
        return True
    if not shape.unions:
        return False
    try:
        return not expand(c, shape.copy(), proof=depth + 1)
    except _TooMany:
        return False


def alive(c: Compiler, shape: Shape, depth: int, since: Shape | None = None) -> int:
    """The types of which the shape may have values, unions apart. since: a smaller shape that was found alive."""
    types = shape.types
    if shape.values is not None:
        try:
            found = finite.values_of(c, shape)
        except UnsupportedFeature:
            return types
        kinds = 0
        for value in found:
            kinds |= type_of(value)
        return types & kinds
    if types & NULL and finite.excludes(shape, None):
        types &= ~NULL
    if types & BOOLEAN and finite.excludes(shape, True) and finite.excludes(shape, False):
        types &= ~BOOLEAN
    if types & NUMBER and _has_numbers(shape) and numbers.is_void(c, shape):
        types &= ~NUMBER
    if types & STRING and strings.is_void(c, shape):
        types &= ~STRING
    if types & ARRAY and arrays.is_void(c, shape, depth, since):
        types &= ~ARRAY
    if types & OBJECT and objects.is_void(c, shape, depth, since):
        types &= ~OBJECT
    return types


def _has_numbers(shape: Shape) -> bool:
    """Does the shape say anything about numbers that could leave none?"""
    return bool(
        shape.low is not None or shape.high is not None or shape.not_integer or shape.not_multiples or shape.excluded
    )


def check_poison(c: Compiler, shape: Shape) -> None:
    """Raise what makes the shape impossible to enforce, if any value is concerned."""
    for mask, why in shape.poison:
        if not mask & shape.types:
            continue
        concerned = shape.copy()
        concerned.types &= mask
        if alive(c, concerned, 0):
            raise c.refuse(why)
