"""JSON Schema to grammar: `compile_schema` reads a schema (drafts 4 to 2020-12) and writes nodes for the engine.

The way of a schema: document.py parses its text, resolve.py follows references, keywords.py reads each keyword into
shapes (shape.py), algebra.py and negation.py combine them, and compiler.py writes the nodes with the help of one
module per JSON type (objects.py, arrays.py, strings.py, numbers.py, finite.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded, Unsatisfiable
from constrain.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from constrain.grammar.ir import Grammar

__all__ = ["compile_schema"]

_CHOICES = {
    "whitespace": ("flexible", "compact", "pretty"),
    "property_order": ("schema", "any"),
    "numbers": ("canonical", "any"),
    "formats": ("assert", "annotate"),
    "unknown_formats": ("annotate", "refuse"),
    "escapes": ("any", "canonical"),
}


def compile_schema(
    schema: dict[str, Any] | bool | str | bytes,
    *,
    at: str = "",
    whitespace: str = "flexible",
    property_order: str = "schema",
    numbers: str = "canonical",
    draft: str | None = None,
    registry: Any = None,
    formats: str = "assert",
    unknown_formats: str = "annotate",
    escapes: str = "any",
    limits: Limits = DEFAULT_LIMITS,
) -> Grammar:
    """The pruned grammar of the JSON texts whose value satisfies a schema.

    schema: a document (dict or bool), or its JSON text. at: the JSON pointer of the schema in it. property_order:
    "schema" (declared members in the order in which the schema first mentions them, members that are only required
    after those, others anywhere) or "any".
    numbers: how integers and bounded numbers are spelled, see `constrain.regular.numbers`. draft: "4", "6", "7",
    "2019-09", "2020-12"; None: what `$schema` says, else 2020-12, where array-form `items` with `additionalItems`,
    boolean `exclusiveMinimum` and `exclusiveMaximum`, and `dependencies` are read as earlier drafts meant them.
    registry: a `referencing.Registry` for `$ref` to other documents; nothing is ever fetched otherwise. formats:
    "assert" or "annotate"; unknown_formats: what to do under "assert" with a format that nobody knows. whitespace and
    escapes: see `Grammar`.

    Raises InvalidSchema, UnsupportedFeature (both with a JSON pointer), Unsatisfiable, LimitExceeded.
    """
    given = (whitespace, property_order, numbers, formats, unknown_formats, escapes)
    for (name, allowed), value in zip(_CHOICES.items(), given, strict=True):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    from constrain.grammar.prune import prune
    from constrain.schema.compiler import Compiler
    from constrain.schema.document import check_depth, load
    from constrain.schema.resolve import draft_named
    from constrain.schema.scopes import NeedsScopes

    if isinstance(schema, (str, bytes, bytearray)):
        schema = load(schema, limits)
    else:
        check_depth(schema, limits)

    def compiled(document: Any, at: str, scoped: bool) -> Grammar:
        compiler = Compiler(
            document,
            at=at,
            whitespace=whitespace,
            ordered=property_order == "schema",
            canonical=numbers == "canonical",
            draft=None if draft is None else draft_named(draft),
            registry=registry,
            assert_formats=formats == "assert",
            refuse_unknown_formats=unknown_formats == "refuse",
            limits=limits,
            scoped=scoped,
        )
        compiler.grammar.escapes = escapes
        return compiler.compile()

    def made(document: Any, at: str) -> Grammar:
        try:
            try:
                grammar = compiled(document, at, False)
            except NeedsScopes:
                grammar = compiled(document, at, True)
        except RecursionError:
            reason = "schemas are nested or refer to each other too deeply"
            raise LimitExceeded(reason, keyword="schema_depth") from None
        return prune(grammar, limits)

    def has_values(document: Any, at: str) -> bool:
        try:
            made(document, at)
        except Unsatisfiable:
            return False
        return True

    try:
        return made(schema, at)
    except Unsatisfiable:
        from constrain.schema.contradiction import explained

        raise explained(schema, at, has_values) from None
