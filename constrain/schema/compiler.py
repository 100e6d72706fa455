"""From a schema document to a grammar: which conjunctions of schemas there are, and one node for each.

The unit of work is a conjunction of places in the document. It is read into a shape (keywords.py), its unions are
multiplied out where they must be (algebra.py), and each resulting shape gives one node per JSON type (objects.py,
arrays.py, strings.py, numbers.py, finite.py). Nodes are remembered by the set of places, so recursion ends.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from constrain.errors import (
    ConstraintError,
    GrammarError,
    InvalidSchema,
    LimitExceeded,
    UnsupportedFeature,
)
from constrain.grammar.ir import NEVER, Alt, Array, Grammar, Items, Node, NodeId, Object, String, Text
from constrain.grammar.ir import Literal as Words
from constrain.limits import Limits
from constrain.regular.ast import BOOLEAN as HAS_ALGEBRA
from constrain.regular.ast import Regex
from constrain.schema import algebra, arrays, distinct, finite, negation, numbers, objects, strings
from constrain.schema.dialects import ASSERTED
from constrain.schema.keywords import tables
from constrain.schema.resolve import MIXED, Resolver, Resource
from constrain.schema.shape import Literal, Refusal, Shape
from constrain.schema.values import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, STRING, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constrain.regular.formats import Format

TABLES = tables(negation.INTERNAL)
DEEPEST = 60  # nested sub-schemas that are compiled by recursion; deeper ones wait in a list
FORMAT_DRAFTS = {4: "4", 6: "6", 7: "7", 2019: "2019-09", 2020: "2020-12", MIXED: "2020-12"}
_BUSY = -2


class EndlessReference(InvalidSchema):
    """A schema refers to itself without anything in between."""


class Compiler:
    """Everything that one compilation remembers."""

    def __init__(
        self, root: Json, *, at: str = "", whitespace: str, ordered: bool, canonical: bool, draft: int | None,
        registry: Any, assert_formats: bool, refuse_unknown_formats: bool, limits: Limits, scoped: bool = False,
    ) -> None:  # fmt: skip
        self.root = root
        self.at = at
        self.limits = limits
        self.ordered = ordered
        self.canonical = canonical
        self.assert_formats = assert_formats
        self.refuse_unknown_formats = refuse_unknown_formats
        self.resolver = Resolver(root, draft, registry, TABLES, limits, scoped)
        self.grammar = Grammar(whitespace)
        self.active: set[int] = set()  # schemas that are being read, outermost first
        self.checking: set[tuple[int, int]] = set()  # schemas and values that are being compared by evaluate.py
        self.derived: dict[Any, Any] = {}  # what rewriting made, by what it was made from (keeps it alive, too)
        self.origin: dict[int, Any] = {}  # schemas made by rewriting -> the schema that they were made from
        self.voids: dict[frozenset[int], bool] = {}  # conjunctions -> are they surely without values?
        self.filtered: dict[tuple[int, int], tuple[int, list[Json]]] = {}  # which of some values satisfy a schema
        self.proved = 0  # alternatives that proofs of voidness have looked at
        self._nodes: dict[Any, NodeId] = {id(False): NEVER}
        self._leaves: dict[Node, NodeId] = {}
        self._depth = 0
        self._todo: list[tuple[NodeId, Sequence[Literal]]] = []
        self._any: NodeId | None = None
        self.distinct: dict[NodeId, tuple[Items, Refusal]] = {}  # arrays with `uniqueItems`, finished at the end
        self._place: Json = root  # the schema whose nodes are being written
        self.grammar.locate = partial(_pointer, self.resolver, self.origin)

    # Nodes -------------------------------------------------------------------------------------------------------

    def compile(self) -> Grammar:
        """The whole grammar, not pruned."""
        try:
            schema, resource = self.root, self.resolver.root
            if self.at:
                schema, resource = self.resolver.follow("#" + self.at.replace("%", "%25"), resource)
            self.grammar.start = self.node(schema, resource)
            while self._todo:
                at, literals = self._todo.pop()
                made = self._build(literals)
                self.grammar.define(at, Alt((made,)) if made != NEVER else Alt(()))
            distinct.finish(self)
        except RecursionError:
            raise LimitExceeded("schemas are nested too deeply in place", keyword="schema_depth") from None
        return self.grammar

    def node(self, schema: Json, resource: Resource) -> NodeId:
        """The node for the values of one schema. NEVER only for what is visibly nothing."""
        if schema is True:
            return self.any_value()
        key = id(schema) if resource is self.resolver.root else (id(schema), id(resource))
        at = self._nodes.get(key)
        if at is None:
            return self._make(key, [(schema, resource)])
        if at == _BUSY:
            at = self._nodes[key] = self.grammar.reserve()
        return at

    def conjunction(self, literals: Sequence[Literal] | None) -> NodeId:
        """The node for the values of all these schemas (None: nothing)."""
        if literals is None:
            return NEVER
        if len(literals) < 2:
            return self.node(*literals[0]) if literals else self.any_value()
        key = frozenset([(id(s), id(r)) for s, r in literals])
        at = self._nodes.get(key)
        if at is None:
            return self._make(key, literals)
        if at == _BUSY:
            at = self._nodes[key] = self.grammar.reserve()
        return at

    def _make(self, key: Any, literals: Sequence[Literal]) -> NodeId:
        if self._depth > DEEPEST:
            at = self._nodes[key] = self.grammar.reserve()
            self._todo.append((at, literals))
            return at
        self._nodes[key] = _BUSY
        self._depth += 1
        made = self._build(literals)
        self._depth -= 1
        reserved = self._nodes[key]
        if reserved != _BUSY:  # something inside refers to it
            self.grammar.define(reserved, Alt((made,)) if made != NEVER else Alt(()))
            return reserved
        self._nodes[key] = made
        return made

    def _build(self, literals: Sequence[Literal]) -> NodeId:
        before, self._place = self._place, literals[0][0]
        try:
            made = self.emit(self.shape(literals))
        except ConstraintError as error:
            if error.pointer is None:
                raise error.located(self.pointer(literals[0][0])) from None
            raise
        finally:
            self._place = before
        if len(self.grammar.nodes) > self.limits.grammar_nodes:
            most = self.limits.grammar_nodes
            raise LimitExceeded(f"the schema needs more than {most} nodes", keyword="grammar_nodes")
        return made

    def shape(self, literals: Sequence[Literal]) -> Shape:
        """All keywords of these schemas in one shape; unions are not multiplied out yet."""
        shape = Shape(list(literals))
        for schema, resource in literals:
            self.add(shape, schema, resource)
        return shape

    def emit(self, shape: Shape) -> NodeId:
        """The node for a shape."""
        if shape.values is not None or not shape.unions:
            return self._emit_one(shape)
        if len(shape.unions) == 1 and shape.is_free():
            plain = algebra.plain_options(self, shape)
            if plain is not None:
                resource = shape.unions[0].resource
                return self.alternatives([self.node(option, resource) for option in plain])
        return self.alternatives([self._emit_one(s) for s in algebra.expand(self, shape)])

    def _emit_one(self, shape: Shape) -> NodeId:
        """The node for a shape without unions: one alternative per JSON type."""
        if shape.values is not None:
            return self.alternatives(finite.emit(self, shape))
        types = shape.types
        if shape.poison:
            algebra.check_poison(self, shape)
        if types == OBJECT:
            return objects.emit(self, shape)
        if types == STRING:
            return strings.emit(self, shape)
        if types == NUMBER:
            return numbers.emit(self, shape)
        if types == ARRAY:
            return arrays.emit(self, shape)
        if shape.is_free():
            return self.any_value()
        made = []
        if types & NULL and not finite.excludes(shape, None):
            made.append(self.leaf(Words(b"null")))
        if types & BOOLEAN:
            made += [finite.node(self, value) for value in (True, False) if not finite.excludes(shape, value)]
        if types & NUMBER:
            made.append(numbers.emit(self, shape))
        if types & STRING:
            made.append(strings.emit(self, shape))
        if types & ARRAY:
            made.append(arrays.emit(self, shape))
        if types & OBJECT:
            made.append(objects.emit(self, shape))
        return self.alternatives(made)

    def alternatives(self, options: list[NodeId]) -> NodeId:
        """The union of nodes."""
        chosen = tuple(dict.fromkeys([o for o in options if o != NEVER]))
        if not chosen:
            return NEVER
        return chosen[0] if len(chosen) == 1 else self.leaf(Alt(chosen))

    def leaf(self, node: Node) -> NodeId:
        """Add a node, or find the same one."""
        at = self._leaves.get(node)
        if at is None:
            at = self._leaves[node] = self.grammar.add(node)
            self.grammar.places[at] = self._place
        return at

    def any_value(self) -> NodeId:
        """The node for every JSON value."""
        if self._any is None:
            self._any = at = self.grammar.reserve()
            self.grammar.define(
                at,
                Alt(
                    (
                        self.leaf(Words(b"null")),
                        self.leaf(Words(b"true")),
                        self.leaf(Words(b"false")),
                        self.leaf(Text(numbers.every())),
                        self.leaf(String(None)),
                        self.leaf(Array((), at)),
                        self.leaf(Object((), (), (), ((None, at),))),
                    )
                ),
            )
        return self._any

    def is_void(self, literals: Sequence[Literal], depth: int) -> bool:
        """Have these schemas surely no common value?"""
        return algebra.is_void(self, literals, depth)

    # Reading schemas ---------------------------------------------------------------------------------------------

    def add(self, shape: Shape, schema: Json, resource: Resource) -> None:
        """Add everything that a schema says to a shape."""
        if schema.__class__ is not dict:
            if schema is True:
                return
            if schema is False:
                shape.types = 0
                return
            raise self.invalid(schema, None, "a schema must be an object, or true or false")
        if resource.id_keyword in schema:
            resource = self.resolver.enter(schema, resource)
        key = id(schema)
        if key in shape.seen:
            if key in self.active:
                raise EndlessReference("a schema refers to itself without end", pointer=self.pointer(schema))
            return
        if -key in shape.seen:
            shape.types = 0  # the conjunction holds the schema and its negation
            return
        shape.seen.add(key)
        active = self.active
        active.add(key)
        if "$ref" in schema and resource.ref_alone:
            resource.keywords["$ref"](self, shape, schema["$ref"], schema, resource)
        else:
            keywords = resource.keywords
            if resource.unknown:
                schema = self.known_part(schema, resource)
            for keyword, value in schema.items():
                handler = keywords.get(keyword)
                if handler is not None:
                    handler(self, shape, value, schema, resource)
        active.discard(key)

    def follow(self, ref: Json, schema: Json, resource: Resource, keyword: str = "$ref") -> tuple[Json, Resource]:
        """What a `$ref`, `$dynamicRef` or `$recursiveRef` refers to."""
        if not isinstance(ref, str):
            raise self.invalid(schema, keyword, f"`{keyword}` must be a text")
        try:
            return self.resolver.follow(ref, resource, keyword)
        except ConstraintError as error:
            if error.pointer is None:
                raise error.located(self.pointer(schema, keyword), keyword) from None
            raise

    def negate(self, schema: Json, resource: Resource, around: Json) -> Json:
        """A schema for the values that `schema` does not allow. around: the schema that asks for it."""
        if isinstance(schema, bool):
            return not schema
        if schema.__class__ is not dict:
            raise self.invalid(schema, "not", "a schema must be an object, or true or false")
        found = self.derived.get((id(schema), "not"))
        if found is None:
            found = negation.negation(self, schema, resource)
            self.derive((id(schema), "not"), found, schema)
        return found

    def known_part(self, schema: dict[Any, Json], resource: Resource) -> dict[Any, Json]:
        """A schema of a document without the keywords that its dialect does not have."""
        if not resource.unknown or resource.unknown.isdisjoint(schema) or self.resolver.place(schema) is None:
            return schema
        found = self.derived.get((id(schema), "known"))
        if found is None:
            found = {keyword: value for keyword, value in schema.items() if keyword not in resource.unknown}
            self.derive((id(schema), "known"), found, schema)
        return found

    def opposite(self, schema: Json) -> Json:
        """`{"not": schema}`, always the same one."""
        found = self.derived.get((id(schema), "opposite"))
        if found is None:
            found = {"not": schema}
            self.derive((id(schema), "opposite"), found, schema)
        return found

    def derive(self, key: Any, made: Any, source: Json) -> None:
        """Remember schemas that were made from `source`, and that errors in them are errors there."""
        self.derived[key] = made
        level = [made]
        for _ in range(4):  # what is made is no deeper than this; parts of the document below it do no harm
            inner: list[Any] = []
            for part in level:
                if isinstance(part, dict):
                    self.origin.setdefault(id(part), source)
                    inner += part.values()
                elif isinstance(part, list):
                    inner += part
            level = inner

    def pattern(self, text: Json, schema: Json, keyword: str) -> Regex | Refusal:
        """The language of a pattern, or why it can't be enforced."""
        if not isinstance(text, str):
            raise self.invalid(schema, keyword, f"`{keyword}` must be a text")
        if len(text) > self.limits.regex_length:
            raise LimitExceeded(
                f"the pattern has {len(text)} characters, the limit is {self.limits.regex_length}",
                pointer=self.pointer(schema, keyword), keyword="regex_length",
            )  # fmt: skip
        found = _pattern(text, self.limits)
        if isinstance(found, Regex):
            return found
        if isinstance(found, UnsupportedFeature):
            return Refusal(schema, keyword, found.reason, found.position, found.hint)
        place = self.pointer(schema, keyword)
        if isinstance(found, GrammarError):
            raise InvalidSchema(found.reason, pointer=place, keyword=keyword, position=found.position, hint=found.hint)
        raise found.located(place)

    def format(self, name: Json, schema: Json, resource: Resource) -> Format | Refusal | None:
        """The strings of a format; None where it is only an annotation; or why it can't be enforced."""
        if not self.assert_formats and ASSERTED not in resource.unknown:
            return None
        if not isinstance(name, str):
            raise self.invalid(schema, "format", "`format` must be a text")
        found = _format(name, FORMAT_DRAFTS[resource.draft])
        if isinstance(found, str):
            return Refusal(schema, "format", f"the format {name!r} can't be enforced: {found}")
        if found is None and self.refuse_unknown_formats:
            hint = 'Under unknown_formats="annotate" it says nothing'
            return Refusal(schema, "format", f"the format {name!r} is not known", None, hint)
        return found

    # Errors ------------------------------------------------------------------------------------------------------

    def invalid(self, schema: Json, keyword: str | None, reason: str) -> InvalidSchema:
        """The error to raise for a schema that is none."""
        return InvalidSchema(reason, pointer=self.pointer(schema, keyword), keyword=keyword)

    def refuse(self, why: Refusal) -> ConstraintError:
        """The error to raise for what can't be enforced."""
        place = self.pointer(why.schema, why.keyword)
        keyword = why.keyword
        if why.limit:
            return LimitExceeded(why.reason, pointer=place, keyword=keyword)
        if why.negated:  # named by what asks for the negation
            around = [token for token in place.split("/") if token in ("not", "oneOf", "if")]
            keyword = around[-1] if around else "not" if _has_key(self.root, "not") else "oneOf"
        hint = why.hint or "Leave it out of the schema, and check it after parsing"
        return UnsupportedFeature(why.reason, pointer=place, keyword=keyword, position=why.position, hint=hint)

    def pointer(self, schema: Json, keyword: str | None = None) -> str:
        """Where a part of the documents stands; what was made by rewriting: where that comes from."""
        return _pointer(self.resolver, self.origin, schema, keyword)


def _pointer(resolver: Resolver, origin: dict[int, Any], schema: Json, keyword: str | None = None) -> str:
    """`Compiler.pointer`, without the compiler: what a grammar needs to name places later."""
    passed: set[int] = set()
    while (found := resolver.place(schema)) is None:
        passed.add(id(schema))
        schema = origin.get(id(schema))
        if schema is None or id(schema) in passed:
            return ""
        if not isinstance(schema, dict) or keyword not in schema:
            keyword = None
    return found if keyword is None else f"{found}/{keyword}"


def _has_key(root: Json, key: str) -> bool:
    todo, seen = [root], set()
    while todo:
        value = todo.pop()
        if isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, dict):
                if key in value:
                    return True
                todo += value.values()
            else:
                todo += value
    return False


@lru_cache(maxsize=4096)
def _pattern(text: str, limits: Limits) -> Regex | ConstraintError:
    from constrain.regular import compile
    from constrain.regular.ecma import parse_ecma

    try:
        language = parse_ecma(text, limits)
        if language.flags & HAS_ALGEBRA and compile(language, limits).is_empty:
            from constrain.regular.ast import EMPTY

            return EMPTY
        return language
    except ConstraintError as error:
        return error


@lru_cache(maxsize=1024)
def _format(name: str, draft: str) -> Format | str | None:
    from constrain.regular.formats import UNSUPPORTED, format_of

    return UNSUPPORTED.get(name) or format_of(name, draft)
