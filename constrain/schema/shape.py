"""A shape: one conjunction of constraints, sorted by the JSON type that each of them speaks about.

A shape stands for all values that satisfy every record in it, and, while `unions` is not empty, one option of each
union besides. Sub-schemas stay as they are in the document: what a member or an item must satisfy is read from the
facets of all schemas in the conjunction when it is needed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from constrain.schema.values import EVERY_TYPE, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from constrain.regular.ast import Regex
    from constrain.schema.resolve import Resource

Number: TypeAlias = int | Decimal
Literal: TypeAlias = "tuple[Json, Resource]"  # a schema, and the resource that it stands in


class Refusal(NamedTuple):
    """Why something can't be enforced, and where; an error only if it matters."""

    schema: Json
    keyword: str
    reason: str
    position: int | None = None
    hint: str | None = None
    negated: bool = False  # the keyword itself could be enforced, but not that it fails
    limit: bool = False  # it could be enforced, if it were not so large


class Source(NamedTuple):
    """Where a number in a shape comes from."""

    keyword: str
    value: Number
    schema: Json


class Facet(NamedTuple):
    """What one schema says about members: `properties`, `patternProperties`, `additionalProperties`."""

    properties: dict[str, Json]
    patterns: tuple[tuple[str, Json], ...]
    additional: Json
    resource: Resource
    schema: Json


class Row(NamedTuple):
    """What one schema says about items: those at the front one by one, and the others."""

    prefix: tuple[Json, ...] | list[Json]
    rest: Json
    resource: Resource


class Union(NamedTuple):
    """Values must satisfy one of the options (`exclusive`: exactly one). `path`: the schemas around, by id."""

    options: list[Json]
    resource: Resource
    exclusive: bool
    schema: Json
    path: frozenset[int]
    negated: Literal | None  # the schema whose negation the options are


class Some(NamedTuple):
    """Some member whose name `holds` and whose value satisfies `value` must be there. keys: the language of names."""

    holds: Callable[[str], bool]
    keys: Callable[[], Regex]
    value: Json
    resource: Resource


class Count(NamedTuple):
    """Of the items from position `start` on, least..most satisfy `value`."""

    start: int
    value: Json
    resource: Resource
    least: int
    most: int | None


class Shape:
    """Mutable while the conjunction is being read; afterwards only the emitter looks at it."""

    __slots__ = (
        "counts",
        "distinct",
        "double",
        "excluded",
        "facets",
        "high",
        "high_open",
        "integer",
        "languages",
        "literals",
        "low",
        "low_open",
        "max_items",
        "max_length",
        "max_properties",
        "min_items",
        "min_length",
        "min_properties",
        "multiples",
        "names",
        "not_integer",
        "not_multiples",
        "poison",
        "required",
        "rows",
        "seen",
        "somes",
        "sources",
        "syntax",
        "types",
        "unions",
        "values",
        "wide",
    )  # fmt: skip

    def __init__(self, literals: list[Literal]) -> None:
        self.types = EVERY_TYPE
        self.integer = 0  # 1: integral numbers only; 2: spelled without a fraction too (draft 4)
        self.low: Number | None = None
        self.low_open = False
        self.high: Number | None = None
        self.high_open = False
        self.sources: tuple[Source, ...] = ()  # of bounds and multiples
        self.multiples: tuple[Number, ...] = ()
        self.not_multiples: tuple[Number, ...] = ()
        self.not_integer = False
        self.min_length = 0
        self.max_length: int | None = None
        self.languages: tuple[Regex, ...] = ()  # of the strings that are written
        self.wide: tuple[Regex, ...] = ()  # the same, with what narrowed formats leave out: for proofs about the schema
        self.syntax: Refusal | None = None  # a regular expression is wanted; the error where more is
        self.rows: tuple[Row, ...] = ()
        self.min_items = 0
        self.max_items: int | None = None
        self.counts: tuple[Count, ...] = ()
        self.distinct: Refusal | None = None  # items must differ; the error where that can't be seen to
        self.double: Refusal | None = None  # some two items must be equal
        self.facets: tuple[Facet, ...] = ()
        self.required: dict[str, None] | None = None
        self.min_properties = 0
        self.max_properties: int | None = None
        self.names: tuple[Literal, ...] = ()
        self.somes: tuple[Some, ...] = ()
        self.values: list[Json] | None = None  # a finite set, to be filtered by all of `literals`
        self.excluded: tuple[Json, ...] = ()
        self.unions: tuple[Union, ...] = ()
        self.poison: tuple[tuple[int, Refusal], ...] = ()  # what can't be enforced on values of these types
        self.literals = literals  # the schemas whose conjunction this is
        self.seen: set[int] = set()

    def copy(self) -> Shape:
        """An independent copy."""
        made = Shape.__new__(Shape)
        made.types = self.types
        made.integer = self.integer
        made.low = self.low
        made.low_open = self.low_open
        made.high = self.high
        made.high_open = self.high_open
        made.sources = self.sources
        made.multiples = self.multiples
        made.not_multiples = self.not_multiples
        made.not_integer = self.not_integer
        made.min_length = self.min_length
        made.max_length = self.max_length
        made.languages = self.languages
        made.wide = self.wide
        made.syntax = self.syntax
        made.rows = self.rows
        made.min_items = self.min_items
        made.max_items = self.max_items
        made.counts = self.counts
        made.distinct = self.distinct
        made.double = self.double
        made.facets = self.facets
        made.required = None if self.required is None else dict(self.required)
        made.min_properties = self.min_properties
        made.max_properties = self.max_properties
        made.names = self.names
        made.somes = self.somes
        made.values = self.values
        made.excluded = self.excluded
        made.unions = self.unions
        made.poison = self.poison
        made.literals = self.literals
        made.seen = set(self.seen)
        return made

    def is_free(self) -> bool:
        """Does it constrain nothing (apart from `unions`)?"""
        return (
            self.types == EVERY_TYPE
            and not (self.integer or self.multiples or self.not_multiples or self.not_integer)
            and self.low is None and self.high is None
            and self.min_length == 0 and self.max_length is None and not self.languages
            and not self.rows and self.min_items == 0 and self.max_items is None and not self.counts
            and self.distinct is None and self.double is None and self.syntax is None
            and not self.facets and not self.required and not self.names and not self.somes
            and self.min_properties == 0 and self.max_properties is None
            and self.values is None and not self.excluded and not self.poison
        )  # fmt: skip
