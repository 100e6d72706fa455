"""What a JSON Schema has against a value: the errors of `jsonschema`, with exact numbers and our formats."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

from constrain.limits import Limits

if TYPE_CHECKING:
    from constrain.schema.inputs import Input

DOCUMENT = "urn:constrain:document"
MOST = 1_000  # errors that are looked at
_HUGE = 5_000  # exponents beyond this are not turned into fractions


def errors(given: Input, value: Any, limits: Limits) -> list[Any]:
    """The errors, outermost first; none where the library can't say. It is asked for words only."""
    try:
        return list(islice(_validator(given, limits).iter_errors(value), MOST))
    except Exception:  # references that only our resolver follows, recursion without end, odd schemas
        return []


def _validator(given: Input, limits: Limits) -> Any:
    import jsonschema
    from jsonschema_specifications import REGISTRY
    from referencing import Resource
    from referencing.jsonschema import specification_with

    from constrain.schema.resolve import MIXED, draft_named

    named = given.options.get("draft")
    if named is None and isinstance(given.document, dict):
        named = given.document.get("$schema")
    draft = MIXED if named is None else draft_named(named)
    kinds: dict[int, Any] = {
        4: jsonschema.Draft4Validator,
        6: jsonschema.Draft6Validator,
        7: jsonschema.Draft7Validator,
        2019: jsonschema.Draft201909Validator,
    }
    base = kinds.get(draft, jsonschema.Draft202012Validator)
    checks = {
        "enum": _enum, "const": _const, "multipleOf": _multiple, "minimum": _minimum, "maximum": _maximum,
        "exclusiveMinimum": _exclusive_minimum, "exclusiveMaximum": _exclusive_maximum, "pattern": _pattern(limits),
    }  # fmt: skip
    if draft == 4:
        del checks["const"]
    if draft == MIXED:
        checks |= {"items": _items, "dependencies": jsonschema.Draft7Validator.VALIDATORS["dependencies"]}
    if given.options.get("formats", "assert") == "assert":
        checks["format"] = _format(draft)
    types = base.TYPE_CHECKER.redefine("integer", lambda _, v: _is_integer(v, draft))
    cls = jsonschema.validators.extend(base, checks, type_checker=types)
    registry = REGISTRY if given.options.get("registry") is None else given.options["registry"].combine(REGISTRY)
    if not given.at:
        return cls(given.document, registry=registry)
    specification = specification_with(base.META_SCHEMA.get("$schema") or base.META_SCHEMA["$id"])
    resource: Any = Resource.from_contents(given.document, default_specification=specification)
    registry = registry.with_resource(DOCUMENT, resource)
    return cls({"$ref": f"{DOCUMENT}#{given.at.replace('%', '%25')}"}, registry=registry)


def _is_integer(value: Any, draft: int) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (draft != 4 and isinstance(value, Decimal) and value == value.to_integral_value())


def _fraction(value: Any) -> Fraction | None:
    """A number as it is written. None: it is none, or too long to look at."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if isinstance(exact, Decimal) and (not exact.is_finite() or abs(exact.adjusted()) > _HUGE):
        return None
    return Fraction(exact)


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _multiple(validator: Any, step: Any, value: Any, schema: Any) -> Iterator[Any]:
    a, b = _fraction(value), _fraction(step)
    if a is not None and b and (a / b).denominator != 1:
        yield _error("not a multiple")


def _compare(value: Any, bound: Any) -> int | None:
    """Sign of value - bound; None: not numbers."""
    a, b = _fraction(value), _fraction(bound)
    return None if a is None or b is None else (a > b) - (a < b)


def _minimum(validator: Any, bound: Any, value: Any, schema: Any) -> Iterator[Any]:
    sign = _compare(value, bound)
    if sign is not None and (sign < 0 or (sign == 0 and schema.get("exclusiveMinimum") is True)):
        yield _error("too small")


def _maximum(validator: Any, bound: Any, value: Any, schema: Any) -> Iterator[Any]:
    sign = _compare(value, bound)
    if sign is not None and (sign > 0 or (sign == 0 and schema.get("exclusiveMaximum") is True)):
        yield _error("too large")


def _exclusive_minimum(validator: Any, bound: Any, value: Any, schema: Any) -> Iterator[Any]:
    sign = _compare(value, bound)
    if sign is not None and sign <= 0:
        yield _error("too small")


def _exclusive_maximum(validator: Any, bound: Any, value: Any, schema: Any) -> Iterator[Any]:
    sign = _compare(value, bound)
    if sign is not None and sign >= 0:
        yield _error("too large")


def _enum(validator: Any, values: Any, value: Any, schema: Any) -> Iterator[Any]:
    from constrain.schema.values import key

    if key(value) not in [key(v) for v in values]:
        yield _error("not listed")


def _const(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
    yield from _enum(validator, [wanted], value, schema)


def _pattern(limits: Limits) -> Any:
    def check(validator: Any, pattern: Any, value: Any, schema: Any) -> Iterator[Any]:
        from constrain.regular import compile
        from constrain.regular.ecma import parse_ecma

        if isinstance(value, str) and not compile(parse_ecma(pattern, limits), limits).accepts(value):
            yield _error("no match")

    return check


def _format(draft: int) -> Any:
    from constrain.schema.compiler import FORMAT_DRAFTS

    def check(validator: Any, name: Any, value: Any, schema: Any) -> Iterator[Any]:
        from constrain.regular import compile
        from constrain.regular.formats import UNSUPPORTED, format_of

        if isinstance(value, str) and name not in UNSUPPORTED:
            found = format_of(name, FORMAT_DRAFTS[draft])
            if found is not None and not (
                compile(found.language).accepts(value) and (found.longest is None or len(value) <= found.longest)
            ):
                yield _error("not in the format")

    return check


def _items(validator: Any, items: Any, value: Any, schema: Any) -> Iterator[Any]:
    """`items` as 2020-12 has it, and as a list, as earlier drafts did."""
    import jsonschema

    if isinstance(items, list) and "prefixItems" not in schema:
        if isinstance(value, list):
            rest = schema.get("additionalItems", True)
            for i, item in enumerate(value):
                part = items[i] if i < len(items) else rest
                yield from validator.descend(item, part, path=i, schema_path=i)
        return
    yield from jsonschema.Draft202012Validator.VALIDATORS["items"](validator, items, value, schema)
