"""The object part of a shape: what each member must satisfy, and what keys there may be besides the declared ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded
from constrain.grammar.ir import NEVER, NodeId, Object
from constrain.regular.ast import EMPTY, Regex, intersect
from constrain.schema import evaluate, strings
from constrain.schema.shape import Literal, Refusal, Shape, Some
from constrain.schema.values import STRING, is_scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constrain.schema.compiler import Compiler

_ABSENT = object()
MOST_DEMANDS = 8  # as many bits as the engine's tables of costs have
MOST_CLASSES = 256  # classes of keys that patterns may cut all keys into


def emit(c: Compiler, shape: Shape) -> NodeId:
    """The node for the objects of a shape."""
    facets, wanted = shape.facets, shape.required or {}
    demands: tuple[Some, ...] = ()
    if len(facets) == 1 and not facets[0].patterns and not shape.names and not shape.somes:
        properties, _, additional, resource, _ = facets[0]
        names = tuple(properties)
        values = tuple([c.node(s, resource) for s in properties.values()])
        other = NEVER if additional is False else c.node(additional, resource)
        if len(wanted) > 0:
            required = tuple([n in wanted for n in names])
            extra = tuple([n for n in wanted if n not in properties])
            if extra:
                if other == NEVER:
                    return NEVER
                names += extra
                values += (other,) * len(extra)
                required += (True,) * len(extra)
        else:
            required = (False,) * len(names)
        free: tuple[tuple[Regex | None, NodeId], ...] = () if other == NEVER else ((None, other),)
    elif not facets and not shape.names and not shape.somes:
        other = c.any_value()
        names = tuple(wanted)
        values, required, free = (other,) * len(names), (True,) * len(names), ((None, other),)
    else:
        declared: dict[str, None] = {}
        for facet in facets:
            declared.update(dict.fromkeys(facet.properties))
        declared.update(wanted)
        names = tuple(declared)
        required = tuple([n in wanted for n in names])
        demands = _demands(c, shape, names, required) if shape.somes else ()
        if demands:
            values, free = (NEVER,) * len(names), ()  # they come with the demands that they meet
        else:
            values = tuple([c.conjunction(member(c, shape, n)) for n in names])
            free = _free(c, shape)
    if not "".join(names).isascii() and not all(map(is_scalar_text, names)):
        kept = [i for i, n in enumerate(names) if is_scalar_text(n)]  # the others can't be written
        if any(required[i] for i in range(len(names)) if not is_scalar_text(names[i])):
            return NEVER
        names, values = tuple([names[i] for i in kept]), tuple([values[i] for i in kept])
        required = tuple([required[i] for i in kept])
    hi = shape.max_properties
    if hi is not None and hi < max(shape.min_properties, len(wanted)):
        return NEVER
    if demands:
        node = Object(names, values, required, (), shape.min_properties, hi, c.ordered)
        return _with_demands(c, shape, demands, node)
    return c.leaf(Object(names, values, required, free, shape.min_properties, hi, c.ordered))


def _demands(c: Compiler, shape: Shape, names: tuple[str, ...], required: tuple[bool, ...]) -> tuple[Some, ...]:
    """What some member must show. What a required member shows in any case is left out."""
    kept = {}
    for some in shape.somes:
        if some.value is not True or not any(r and some.holds(n) for n, r in zip(names, required, strict=True)):
            kept[id(some)] = some
    if len(kept) > MOST_DEMANDS:
        raise LimitExceeded(
            f"more than {MOST_DEMANDS} negated keywords each demand some member",
            pointer=c.pointer(shape.literals[0][0]) if shape.literals else None, keyword="MOST_DEMANDS",
        )  # fmt: skip
    return tuple(kept.values())


def _with_demands(c: Compiler, shape: Shape, demands: tuple[Some, ...], node: Object) -> NodeId:
    """The object in which some member meets each demand: each kind of member with the values by which it meets them."""
    free, options = [], []
    for name in node.names:
        possible = {i for i, some in enumerate(demands) if some.holds(name)}
        options.append(_options(c, member(c, shape, name), demands, possible))
    values = tuple([found[0][0] if found else NEVER for found in options])
    for language, literals, met in _classes_of_keys(c, shape, demands):
        options.append(_options(c, literals, demands, met))
        free.append((language, options[-1][0][0] if options[-1] else NEVER))
    while free and free[-1][1] == NEVER:
        free.pop()
        options.pop()
    return c.leaf(node._replace(values=values, free=tuple(free), demands=len(demands), options=tuple(options)))


def _options(
    c: Compiler, literals: list[Literal] | None, demands: tuple[Some, ...], possible: set[int]
) -> tuple[tuple[NodeId, int], ...]:
    """The values of a member that could meet the demands `possible`: all of them, then those that meet more."""
    if literals is None:
        return ()
    at_once = sum(1 << i for i in possible if demands[i].value is True)
    found = [(c.conjunction(literals), at_once)]
    if found[0][0] == NEVER:
        return ()
    others = sorted(i for i in possible if demands[i].value is not True)
    for chosen in range(1, 1 << len(others)):
        more = {id(schema): (schema, resource) for schema, resource in literals}
        bits = at_once
        for k, i in enumerate(others):
            if chosen >> k & 1:
                bits |= 1 << i
                more[id(demands[i].value)] = (demands[i].value, demands[i].resource)
        at = NEVER if False in [schema for schema, _ in more.values()] else c.conjunction(list(more.values()))
        if at != NEVER:
            found.append((at, bits))
    return tuple(found)


def _classes_of_keys(
    c: Compiler, shape: Shape, demands: tuple[Some, ...]
) -> list[tuple[Regex | None, list[Literal] | None, set[int]]]:
    """The classes of undeclared keys: language (None: all), what the value must satisfy, demands it may meet."""
    allowed = names_language(c, shape.names)
    if allowed is EMPTY:
        return []
    patterns: dict[Any, Regex] = {}
    for facet in shape.facets:
        for pattern, _ in facet.patterns:
            patterns[pattern] = key_language(c, pattern, facet.schema)
    for i, some in enumerate(demands):
        patterns["some", i] = some.keys()
    out: list[tuple[Regex | None, list[Literal] | None, set[int]]] = []
    for matched in _classes(c, shape, patterns):
        language: Regex | None = intersect(*[patterns[p] for p in matched]) if matched else None
        if allowed is not None:
            language = allowed if language is None else intersect(language, allowed)
        met = {p[1] for p in matched if p.__class__ is tuple}
        out.append((language, _member_of_class(shape, matched), met))
    return out


def member(c: Compiler, shape: Shape, name: str) -> list[Literal] | None:
    """What the value of a member with this name must satisfy; None: there may be no such member."""
    out: dict[int, Literal] = {}
    for properties, patterns, additional, resource, schema in shape.facets:
        found = properties.get(name, _ABSENT)
        parts = [] if found is _ABSENT else [found]
        for pattern, part in patterns:
            if matches(c, pattern, name, schema):
                parts.append(part)
        for part in parts or [additional]:
            if part is False:
                return None
            if part is not True:
                out[id(part)] = (part, resource)
    for part, resource in shape.names:
        if not evaluate.is_valid(c, name, part, resource):
            return None
    return list(out.values())


def matches(c: Compiler, pattern: str, name: str, schema: object) -> bool:
    """Does a pattern of `patternProperties` match a name?"""
    from constrain.regular import compile

    return compile(key_language(c, pattern, schema), c.limits).accepts(name)


def key_language(c: Compiler, pattern: str, schema: object) -> Regex:
    """The keys that a pattern of `patternProperties` matches."""
    language = c.pattern(pattern, schema, "patternProperties")
    if isinstance(language, Refusal):
        raise c.refuse(language)
    return language


def names_language(c: Compiler, names: tuple[Literal, ...]) -> Regex | None:
    """The keys that satisfy all these schemas (of `propertyNames`); None: all."""
    if not names:
        return None
    from constrain.regular.ast import choice, union
    from constrain.schema import algebra, finite

    named = c.shape(names)
    named.types &= STRING
    if named.values is not None:
        return choice([v for v in finite.values_of(c, named) if isinstance(v, str)])
    parts = []
    for one in algebra.expand(c, named):
        if one.values is not None:
            parts.append(choice([v for v in finite.values_of(c, one) if isinstance(v, str)]))
        elif one.types & STRING:
            if one.syntax is not None:
                raise c.refuse(one.syntax)
            for mask, why in one.poison:
                if mask & STRING:
                    raise c.refuse(why)
            parts.append(strings.whole_language(one))
    return union(*parts)


def _free(c: Compiler, shape: Shape) -> tuple[tuple[Regex | None, NodeId], ...]:
    """The classes of undeclared keys: the sets of patterns that a key can match, larger sets first."""
    free = [(language, c.conjunction(literals)) for language, literals, _ in _classes_of_keys(c, shape, ())]
    while free and free[-1][1] == NEVER:
        free.pop()
    return tuple(free)


def _classes(c: Compiler, shape: Shape, patterns: dict[Any, Regex]) -> list[tuple[Any, ...]]:
    """Sets of patterns that some key matches together, larger sets first; sets that make no difference are left out."""
    from constrain.regular import compile

    names = list(patterns)
    level: list[tuple[Any, ...]] = [(n,) for n in names if patterns[n] is not EMPTY]
    every = [*level, ()]
    content = {matched: _content(shape, matched) for matched in every}
    while level:
        larger: list[tuple[Any, ...]] = []
        known = set(level)
        for matched in level:
            for name in names[names.index(matched[-1]) + 1 :]:
                grown = (*matched, name)
                if any(grown[:i] + grown[i + 1 :] not in known for i in range(len(grown) - 2)):
                    continue
                if patterns[name] is EMPTY:
                    continue
                if not compile(intersect(*[patterns[p] for p in grown]), c.limits).is_empty:
                    larger.append(grown)
                    content[grown] = _content(shape, grown)
        every = larger + every
        if len(every) > MOST_CLASSES:
            raise LimitExceeded(
                f"the patterns of keys overlap in more than {MOST_CLASSES} ways",
                pointer=c.pointer(shape.facets[0].schema) if shape.facets else None, keyword="alternatives",
            )  # fmt: skip
        level = larger
    kept: list[tuple[Any, ...]] = []
    for matched in reversed(every):  # from the smallest on; `kept` grows at its front
        following = next((k for k in kept if set(k) <= set(matched)), None)
        if following is None or content[following] != content[matched]:
            kept.insert(0, matched)
    return kept


def _content(shape: Shape, matched: tuple[Any, ...]) -> frozenset[Any] | None:
    literals = _member_of_class(shape, matched)
    if literals is None:
        return None
    return frozenset([*(id(s) for s, _ in literals), *(p for p in matched if p.__class__ is tuple)])


def _member_of_class(shape: Shape, matched: tuple[Any, ...]) -> list[Literal] | None:
    """What the value of an undeclared member must satisfy whose key matches exactly these patterns."""
    out: dict[int, Literal] = {}
    for facet in shape.facets:
        parts = [part for pattern, part in facet.patterns if pattern in matched]
        for part in parts or [facet.additional]:
            if part is False:
                return None
            if part is not True:
                out[id(part)] = (part, facet.resource)
    return list(out.values())


def is_void(c: Compiler, shape: Shape, depth: int, since: Shape | None) -> bool:
    """Are there surely no objects in the shape? since: a smaller shape of which that is not known."""
    wanted, hi = shape.required or {}, shape.max_properties
    if hi is not None and hi < max(shape.min_properties, len(wanted)):
        return True
    for name in _touched(shape, since, wanted) if wanted else ():
        literals = member(c, shape, name)
        if literals is None or c.is_void(literals, depth):
            return True
    for some in shape.somes:
        if _unmet(c, shape, some, depth):
            return True
    if shape.min_properties > len(wanted):
        closed = [f for f in shape.facets if f.additional is False and not f.patterns]
        if closed:
            possible = [n for n in closed[0].properties if member(c, shape, n) is not None]
            return len(possible) < shape.min_properties
    return False


def _unmet(c: Compiler, shape: Shape, some: Some, depth: int) -> bool:
    """Is there surely no member that meets a demand? Told where the members are all declared."""
    closed = next((f for f in shape.facets if f.additional is False and not f.patterns), None)
    if closed is None:
        return False
    for name in closed.properties:
        if some.holds(name):
            literals = member(c, shape, name)
            if literals is not None and not c.is_void([*literals, (some.value, some.resource)], depth):
                return False
    return True


def _touched(shape: Shape, since: Shape | None, wanted: dict[str, None]) -> Iterable[str]:
    """The required names of which the shape says more than the smaller one."""
    if since is None or shape.names != since.names:
        return wanted
    fresh = shape.facets[len(since.facets) :]
    if any(f.patterns or f.additional is not True for f in fresh):
        return wanted
    known = since.required or {}
    return [n for n in wanted if n not in known or any(n in f.properties for f in fresh)]
