"""Why a JSON text leaves the language of a schema: the keyword at fault, or the option that narrows the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from constrain.errors import ConstraintError, LimitExceeded
from constrain.explain import Reason, allowed, scan, validate, words

if TYPE_CHECKING:
    from constrain.constraint import Constraint
    from constrain.engine.matcher import Matcher
    from constrain.explain.scan import Place

# Keywords that more text could still satisfy: at fault only where their object or array ends.
LATE = frozenset(
    {"contains", "dependencies", "dependentRequired", "minContains", "minItems", "minProperties", "required"}
)
# Keywords that no further text can satisfy, once an open object or array fails them.
LASTING = frozenset(
    {"additionalItems", "additionalProperties", "maxItems", "maxProperties", "propertyNames", "uniqueItems"}
)


LONGEST = 100_000  # bytes of a text that is validated; of longer ones the keyword is not told


def reason(constraint: Constraint, data: bytes, taken: int, place: Place, matcher: Matcher) -> Reason:
    """Why `data[taken:]` can't follow `data[:taken]`, which ends at this place, where the matcher stands."""
    is_json, value, wrong_at = scan.parsed(data)
    try:
        wanted = _wanted(constraint, data, taken, place, matcher)
    except LimitExceeded:  # by what may come, not by the text
        wanted = "something else"
    if taken == len(data):  # only a number can be whole and at fault there
        return (_at_fault(constraint, data, taken, place, value, True) if is_json else None) or Reason(wanted)
    if data[taken : taken + 1] in (b" ", b"\n", b"\t", b"\r") and place.kind not in ("string", "name"):
        return _whitespace(constraint, place, wanted)
    if not is_json and wrong_at <= taken:
        return Reason(wanted, note=_not_json(data, taken, place))
    twice = _twice(data, place)
    if twice is not None:
        return twice
    found = _at_fault(constraint, data, taken, place, value if is_json else None, is_json)
    if found is None:
        found = _narrowed(constraint, data, taken, place, wanted)
        if found.keyword is None and is_json:
            found = _foreseen(constraint, data, place, value) or found
    return found


def _foreseen(constraint: Constraint, data: bytes, place: Place, value: Any) -> Reason | None:
    """An error around the place that no further text could mend, so that the text ends here already."""
    given = constraint.input
    if given is None or len(data) > LONGEST:
        return None
    for error in validate.errors(given, value, constraint.limits):
        path = tuple(error.absolute_path)
        if place.path[: len(path)] == path:
            expected, keyword = words.demand(error)
            return Reason(expected, keyword, _place_of(constraint, error), "It could no longer be put right")
    return None


def _number_ends(data: bytes, taken: int, place: Place) -> bool:
    """Does a number end here, by what follows it? Then it may be wrong, or what follows."""
    return place.kind == "number" and data[taken : taken + 1] in (b",", b"]", b"}") and place.opened != ""


def _not_json(data: bytes, taken: int, place: Place) -> str:
    """What people and models write in place of JSON."""
    rest = data[taken:]
    if place.kind == "done":
        return ""
    if rest.startswith(b"'"):
        return "This is not JSON: strings stand in double quotes"
    if rest.startswith((b"True", b"False", b"None")):
        return "This is not JSON: it writes true, false and null"
    if rest.startswith((b"//", b"/*", b"#")):
        return "This is not JSON: it has no comments"
    if rest.startswith((b"NaN", b"Infinity", b"-Infinity")):
        return "This is not JSON: its numbers are finite"
    if rest[:1] in (b"}", b"]") and data[:taken].rstrip(scan.SPACE).endswith(b","):
        return "This is not JSON: no comma stands before the end"
    if rest.startswith(b"```"):
        return "This is not JSON, but a block of Markdown"
    return "This is not JSON"


def _wanted(constraint: Constraint, data: bytes, taken: int, place: Place, matcher: Matcher) -> str:
    """What may come, in words that fit the place."""
    following = allowed.next_bytes(matcher)
    closing = " or '}'" if ord("}") in following else ""
    if place.kind == "value":
        kinds = allowed.value_kinds(following)
        if kinds:
            forced = matcher.forced_bytes(40)
            return repr(forced.decode("utf-8", "ignore")) if len(forced) > 1 else kinds
    if place.kind in ("key", "name") and (place.kind == "name" or ord('"') in following):
        names = _names(constraint, data, place)
        if names and place.kind == "name":
            typed = data[place.start + 1 : taken].decode("utf-8", "ignore")
            names = [n for n in names if n.startswith(typed)] or names
        if names:
            one = "the property" if len(names) == 1 else "one of the properties"
            return f"{one} {words.quoted(names, 'or')}{closing}"
        if place.kind == "key":
            return f"a property{closing}"
    forced = matcher.forced_bytes(40)
    if len(forced) > 1 and place.kind not in ("string", "number"):
        return repr(forced.decode("utf-8", "ignore"))
    if place.kind in ("string", "name") and len(following) > 1:
        if len(following) > 4 * allowed.FEW and ord('"') in following and taken == len(data):
            return f"the rest of the {place.kind}"
        if len(following) <= allowed.FEW:
            following -= {ord("\\")}
    return allowed.describe(following - frozenset(b" \t\n\r") or following)


def _names(constraint: Constraint, data: bytes, place: Place) -> list[str] | None:
    """The names that may stand at the place."""
    before = constraint.byte_matcher()
    start = data[: place.start]
    if place.kind == "key" and data[: place.start].rstrip(scan.SPACE)[-1:] in (b"{", b","):
        start = data[: len(data[: place.start].rstrip(scan.SPACE))]
    for quote in (b'"', b' "', b'\n"'):  # whatever whitespace is wanted here
        if before.accept_bytes(start + quote) == len(start) + len(quote):
            return allowed.names(before)
    return None


def _whitespace(constraint: Constraint, place: Place, wanted: str) -> Reason:
    """Whitespace where none may stand."""
    assert constraint.input is not None
    if place.kind == "done":
        return Reason("the end of the text", "whitespace", note="No whitespace stands after the document")
    if place.kind == "value" and not place.path and not place.opened:
        return Reason(wanted, "whitespace", note="No whitespace stands before the document")
    if place.kind == "word":
        return Reason(wanted)
    mode = constraint.input.options.get("whitespace", "flexible")
    notes = {
        "compact": 'whitespace="compact" allows none',
        "pretty": 'whitespace="pretty" sets it as json.dumps(value, indent=2) does',
        "flexible": f"At most {constraint.grammar.max_whitespace} blanks stand in a row",
    }
    return Reason(wanted, "whitespace", note=notes[mode])


def _twice(data: bytes, place: Place) -> Reason | None:
    """A declared name that stands in the object already."""
    if place.kind not in ("key", "name"):
        return None
    name = _name(data, place)
    if name is None or name not in place.members:
        return None
    return Reason("another property", None, note=f"'{name}' stands there already")


def _name(data: bytes, place: Place) -> str | None:
    """The name that is written at the place."""
    token = scan.token_at(data, place)
    try:
        return str(json.loads(token)) if token and token.startswith(b'"') else None
    except ValueError:
        return None


# The schema ----------------------------------------------------------------------------------------------------------


def _at_fault(
    constraint: Constraint, data: bytes, taken: int, place: Place, value: Any, whole: bool
) -> Reason | None:
    """The error of the schema that explains the place best."""
    given = constraint.input
    assert given is not None
    if len(data) > LONGEST:
        return None
    if not whole:
        text = scan.completed(data, taken, place)
        is_json, value, _ = scan.parsed(text) if text is not None else (False, None, 0)
        if not is_json:
            return None
    closing = data[taken : taken + 1] in (b"}", b"]")
    found = validate.errors(given, value, constraint.limits)
    if _number_ends(data, taken, place):
        if not any(tuple(e.absolute_path) == place.path for top in found for e, _ in _leaves(top)):
            place.kind, place.path, place.start = "after", place.path[:-1], taken
            if not whole:
                return _at_fault(constraint, data, taken, place, None, False)
    ranked = []
    for error in found:
        for leaf, depth in _leaves(error):
            rank = _rank(leaf, place, closing, whole)
            if rank is not None:
                ranked.append((rank, depth == 0, leaf, error))
    if not ranked:
        return None
    best = min(rank for rank, _, _, _ in ranked)
    chosen = [(leaf, top) for rank, _, leaf, top in ranked if rank == best]
    leaves = [leaf for leaf, _ in chosen if leaf.validator not in ("anyOf", "oneOf")] or [leaf for leaf, _ in chosen]
    if place.kind in ("key", "name", "after"):  # the last complaint that fits: names before counts
        leaves.sort(key=lambda e: e.validator in LATE)
    said: dict[str, tuple[str | None, Any]] = {}
    for leaf in leaves:
        text_of, keyword = words.demand(leaf)
        said.setdefault(text_of, (keyword, leaf))
    if leaves[0].validator is None and place.kind in ("key", "name"):
        name = _name(data, place)
        none = f"no property '{name}': the schema allows no value for it"
        return Reason("another property" if name is None else none)
    phrases = list(said)
    keyword, leaf = said[phrases[0]]
    if len(phrases) > 1 and leaf.parent is not None:  # several alternatives, each with its own complaint
        return Reason(allowed.listed(phrases[:4]), leaf.parent.validator, _place_of(constraint, leaf.parent))
    note = ""
    if leaf.validator == "required" and place.kind in ("key", "name") and not closing:
        note = 'With property_order="schema" it comes first'
    return Reason(phrases[0], keyword, _place_of(constraint, leaf), note)


def _leaves(error: Any) -> Iterator[tuple[Any, int]]:
    """The error and what its alternatives say, each with how deep it lies."""
    todo = [(error, 0)]
    for _ in range(1000):
        if not todo:
            return
        at, depth = todo.pop()
        yield at, depth
        todo += [(inner, depth + 1) for inner in reversed(at.context or ())]


def _rank(error: Any, place: Place, closing: bool, whole: bool) -> int | None:
    """How well an error fits the place: 0 best. None: it has nothing to do with it."""
    path, here = tuple(error.absolute_path), place.path
    keyword = "propertyNames" if "propertyNames" in error.absolute_schema_path else error.validator
    if path == here:
        if keyword in LATE and place.kind == "after" and not closing:
            return None
        if not whole and keyword in LATE and not closing and place.kind in ("key", "name"):
            return 50 if keyword == "required" else None
        return 0
    if here[: len(path)] == path:
        if keyword in LATE and not (closing and len(path) == len(here) - 1):
            return None
        if not whole and keyword not in LASTING and not closing:
            return None
        return len(here) - len(path)
    if path[: len(here)] == here and (whole or place.kind in ("key", "name")):
        return 100 + len(path) - len(here)
    return None


def _place_of(constraint: Constraint, error: Any) -> str | None:
    """Where the schema of an error stands."""
    locate = constraint.grammar.locate
    if locate is None or not isinstance(error.schema, dict) or error.validator is None:
        return None
    at = locate(error.schema)
    return None if at is None else f"{at}/{error.validator}"


# Options -------------------------------------------------------------------------------------------------------------

class Option(NamedTuple):
    """An option that narrows what a schema allows: its default, the value that takes everything, the places where it
    may be at fault, what it expects there (None: what may come says it), and what the reader should know."""

    default: str
    wide: str
    kinds: tuple[str, ...]
    expected: str | None
    note: str


OPTIONS = {
    "property_order": Option(
        "schema", "any", ("key", "name", "after"), None,
        'property_order="schema" wants the order in which the schema declares them; "any" takes every order',
    ),
    "numbers": Option(
        "canonical", "any", ("number", "value", "after"), "a number in canonical spelling", 'numbers="any" takes it'
    ),
    "escapes": Option(
        "canonical", "any", ("string", "name"), "escapes only where they are needed", 'escapes="any" takes it'
    ),
    "formats": Option(
        "assert", "annotate", ("string", "value"), "a string of the format, as far as it is enforced",
        'formats="annotate" takes it',
    ),
    "whitespace": Option(
        "flexible", "flexible", ("value", "key", "colon", "after", "number"), None, 'whitespace="flexible" takes it'
    ),
}  # fmt: skip
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{0,2}$")


def _narrowed(constraint: Constraint, data: bytes, taken: int, place: Place, wanted: str) -> Reason:
    """The option without which the text would go further, found by trying; else what may come."""
    given = constraint.input
    assert given is not None
    for name, option in OPTIONS.items():
        if given.options.get(name, option.default) == option.wide or place.kind not in option.kinds:
            continue
        try:
            if constraint.with_options(**{name: option.wide}).byte_matcher().accept_bytes(data) <= taken:
                continue
        except ConstraintError:
            continue
        return Reason(option.expected or wanted, name, note=option.note)
    note = "Surrogates must come in pairs" if _SURROGATE.search(data, max(0, taken - 6), taken) else ""
    return Reason(wanted, note=note)
