"""`unevaluatedProperties` and `unevaluatedItems`: which members and items other keywords may have evaluated.

What a schema's other keywords evaluate depends on the branches that hold. A *way* is one possibility: schemas that must
hold besides, and what is evaluated then. The union over all ways of "the conditions hold, and what is not evaluated
satisfies the keyword" is exact although a way does not ask that other branches fail: where they hold, another way has
more evaluated, and so demands less. For the negation it is the other way round (`all_ways`): branches that are not
counted must fail.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from constrain.errors import LimitExceeded
from constrain.regular.ast import Regex, choice, complement, union
from constrain.schema import objects
from constrain.schema.resolve import MIXED, Resource
from constrain.schema.shape import Count, Facet, Row, Shape, Some, Union
from constrain.schema.values import OBJECT, Json

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler


class Place:
    """A schema and the resource that it stands in, equal only to itself."""

    __slots__ = ("resource", "schema")

    def __init__(self, schema: Json, resource: Resource) -> None:
        self.schema = schema
        self.resource = resource

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self.schema is other.schema and self.resource is other.resource

    def __hash__(self) -> int:
        return hash((id(self.schema), id(self.resource)))

    def as_schema(self) -> Json:
        """A schema that says the same."""
        return {("ref",): (self.schema, self.resource)}


class Way(NamedTuple):
    """What is evaluated when the conditions hold: everything, or these members, or the items at the front."""

    conditions: tuple[Place, ...] = ()
    everything: bool = False
    names: frozenset[str] = frozenset()
    patterns: tuple[tuple[str, Place], ...] = ()  # with the schemas that they stand in
    front: int = 0
    like: tuple[Place, ...] = ()  # items that satisfy one of these

    @property
    def idle(self) -> bool:
        """Is nothing evaluated?"""
        return not (self.everything or self.names or self.patterns or self.front or self.like)


NOTHING = Way()
EVERYTHING = Way(everything=True)


def add(c: Compiler, shape: Shape, kind: int, value: Json, schema: dict[str, Json], resource: Resource) -> None:
    """Add what `unevaluatedProperties` (kind OBJECT) or `unevaluatedItems` (ARRAY) demands to a shape."""
    key = (id(schema), kind, "unevaluated")
    options = c.derived.get(key)
    if options is None:
        options = []
        for way in _Ways(c, kind, True).of(schema, resource, own=True):
            rest = _rest(c, way, kind, value, schema, resource)
            options.append({"allOf": [place.as_schema() for place in way.conditions], **rest})
        c.derive(key, options, schema)
    if len(options) == 1:
        c.add(shape, options[0], resource)
    else:
        shape.unions += (Union(options, resource, False, schema, frozenset(c.active), None),)


def _rest(c: Compiler, way: Way, kind: int, value: Json, schema: Json, resource: Resource) -> dict[object, Json]:
    """A schema for what is not evaluated in a way."""
    if way.everything:
        return {}
    if kind == OBJECT:
        names, patterns = dict.fromkeys(sorted(way.names), True), tuple((p, True) for p, _ in way.patterns)
        origin = way.patterns[0][1].schema if way.patterns else schema
        return {("facet",): Facet(names, patterns, value, resource, origin)}
    return {("row",): Row((True,) * way.front, _or_like(c, way, value), resource)}


def _or_like(c: Compiler, way: Way, value: Json) -> Json:
    if not way.like:
        return value
    return {"anyOf": [value, *(place.as_schema() for place in way.like)]}


def negated(c: Compiler, kind: int, value: Json, schema: dict[str, Json], resource: Resource) -> list[Json]:
    """Schemas whose union are the values of which something that is not evaluated fails `value`."""
    out: list[Json] = []
    for way in _Ways(c, kind, False).of(schema, resource, own=True):
        if way.everything:
            continue
        made: dict[object, Json] = {"allOf": [place.as_schema() for place in way.conditions]}
        if kind == OBJECT:
            made["type"] = "object"
            made["some",] = _some(c, way, value, resource)
        else:
            made["type"] = "array"
            made["count",] = Count(way.front, {"not": _or_like(c, way, value)}, resource, 1, None)
        out.append(made)
    return out


def _some(c: Compiler, way: Way, value: Json, resource: Resource) -> Some:
    def keys() -> Regex:
        return complement(union(choice(way.names), *(objects.key_language(c, p, s.schema) for p, s in way.patterns)))

    def holds(name: str) -> bool:
        return name not in way.names and not any(objects.matches(c, p, name, s.schema) for p, s in way.patterns)

    return Some(holds, keys, {"not": value}, resource)


class _Ways:
    """The ways of schemas. positive: as few conditions as the positive keyword needs; else those of its negation."""

    def __init__(self, c: Compiler, kind: int, positive: bool) -> None:
        self.c = c
        self.kind = kind
        self.positive = positive
        self.active: set[int] = set()

    def of(self, schema: Json, resource: Resource, own: bool = False) -> list[Way]:
        """The ways of a schema. own: it is the one with the keyword in question, which itself does not count."""
        if not isinstance(schema, dict) or id(schema) in self.active:
            return [NOTHING]
        self.active.add(id(schema))
        resource = self.c.resolver.enter(schema, resource)
        read = self.members if self.kind == OBJECT else self.items
        parts = [read(schema, resource)]
        skipped = "unevaluatedProperties" if self.kind == OBJECT else "unevaluatedItems"
        if not own and skipped in schema and skipped in resource.keywords:
            parts = [[EVERYTHING]]
        else:
            parts += self.applicators(schema, resource)
        self.active.discard(id(schema))
        return self.together(parts)

    def together(self, parts: list[list[Way]]) -> list[Way]:
        """What keywords, or schemas, that all hold evaluate together."""
        out = [NOTHING]
        for ways in parts:
            if ways == [NOTHING]:
                continue
            out = list(dict.fromkeys(_both(a, b) for a, b in product(out, ways)))
            if len(out) > self.c.limits.alternatives // 10:
                raise LimitExceeded(
                    "branches can evaluate members or items in too many ways", keyword="alternatives"
                )
        return out

    def members(self, schema: dict[str, Json], resource: Resource) -> list[Way]:
        if schema.get("additionalProperties") is not None and "additionalProperties" in resource.keywords:
            return [EVERYTHING]
        names, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        if not names and not patterns:
            return [NOTHING]
        return [Way(names=frozenset(names), patterns=tuple((p, Place(schema, resource)) for p in patterns))]

    def items(self, schema: dict[str, Json], resource: Resource) -> list[Way]:
        front: Json = ()
        if "prefixItems" in schema and "prefixItems" in resource.keywords:
            front = schema["prefixItems"]
            if "items" in schema:
                return [EVERYTHING]
        elif isinstance(schema.get("items"), list):
            front = schema["items"]
            if "additionalItems" in schema:
                return [EVERYTHING]
        elif "items" in schema:
            return [EVERYTHING]
        like: tuple[Place, ...] = ()
        if "contains" in schema and resource.draft in (2020, MIXED):
            like = (Place(schema["contains"], resource),)
        return [Way(front=len(front), like=like)]

    def applicators(self, schema: dict[str, Json], resource: Resource) -> list[list[Way]]:
        parts: list[list[Way]] = []
        known = resource.keywords
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema and keyword in known:
                parts.append(self.of(*self.c.follow(schema[keyword], schema, resource, keyword)))
        parts += [self.of(part, resource) for part in schema.get("allOf", ())]
        if "anyOf" in schema:
            parts += [self.optional(part, resource) for part in schema["anyOf"]]
        if "oneOf" in schema:
            parts.append(self.one_of(schema["oneOf"], resource))
        if "if" in schema and "if" in known:
            parts.append(self.condition(schema, resource))
        for keyword in ("dependentSchemas", "dependencies"):
            if keyword in schema and keyword in known:
                for name, part in schema[keyword].items():
                    if not isinstance(part, (list, tuple)):
                        parts.append(self.dependent(name, part, resource))
        return parts

    def optional(self, part: Json, resource: Resource) -> list[Way]:
        """A branch that may hold or not."""
        ways = self.of(part, resource)
        if ways == [NOTHING]:
            return ways
        if self.positive:
            return [_given(way, Place(part, resource)) for way in ways] + [NOTHING]
        return [*ways, Way((Place(self.c.opposite(part), resource),))]

    def one_of(self, options: list[Json], resource: Resource) -> list[Way]:
        ways = [(part, way) for part in options for way in self.of(part, resource)]
        if all(way == NOTHING for _, way in ways):
            return [NOTHING]
        out = [_given(way, Place(part, resource)) for part, way in ways if not (self.positive and way.idle)]
        return [*out, NOTHING] if len(out) < len(ways) else out

    def condition(self, schema: dict[str, Json], resource: Resource) -> list[Way]:
        test = Place(schema["if"], resource)
        fails = Place(self.c.opposite(schema["if"]), resource)
        yes = self.together([self.of(schema["if"], resource), self.of(schema.get("then", True), resource)])
        no = self.of(schema.get("else", True), resource)
        if yes == [NOTHING] and no == [NOTHING]:
            return yes
        return [way if self.positive and way.idle else _given(way, test) for way in yes] + [
            way if self.positive and way.idle else _given(way, fails) for way in no
        ]

    def dependent(self, name: str, part: Json, resource: Resource) -> list[Way]:
        ways = self.of(part, resource)
        if ways == [NOTHING]:
            return ways
        present: Json = {"type": "object", "required": [name]}
        absent: Json = {"properties": {name: False}}
        self.c.derived[id(part), name, self.kind, self.positive, "dependent"] = (present, absent)
        return [_given(way, Place(present, resource)) for way in ways] + [
            NOTHING if self.positive else Way((Place(absent, resource),))
        ]


def _given(way: Way, condition: Place) -> Way:
    return way._replace(conditions=(condition, *way.conditions))


def _both(a: Way, b: Way) -> Way:
    conditions = (*a.conditions, *(x for x in b.conditions if x not in a.conditions))
    if a.everything or b.everything:
        return Way(conditions, True)
    return Way(
        conditions, False, a.names | b.names, (*a.patterns, *(p for p in b.patterns if p not in a.patterns)),
        max(a.front, b.front), (*a.like, *(x for x in b.like if x not in a.like)),
    )  # fmt: skip
