"""Why no value satisfies a schema: which keywords contradict each other, found by leaving parts out and trying again.

Only for the error's words, so it is bounded by a number of trials and gives up on large documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from constrain.errors import Unsatisfiable
from constrain.schema.values import Json

TRIALS = 80
LARGEST = 2_000  # objects, lists and values of a document that is tried again and again
NOTES = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema", "$vocabulary",
        "default", "definitions", "deprecated", "description", "examples", "id", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
Has = Callable[[Json, str], bool]  # does the schema at a place of a document have values? May raise ConstraintError


class _Tired(Exception):
    """Enough trials."""


class _Search:
    def __init__(self, document: Json, has_values: Has) -> None:
        self.document = document
        self.has_values = has_values
        self.left = TRIALS

    def empty(self, at: str, document: Json = None) -> bool:
        """Has the schema at this place no values?"""
        if self.left == 0:
            raise _Tired
        self.left -= 1
        try:
            return not self.has_values(self.document if document is None else document, at)
        except ValueError:  # what is refused by itself says nothing
            return False

    def minimal(self, root: str, at: str, parts: list[Any], without: Callable[[Any, list[Any]], Any]) -> list[Any]:
        """Parts of the value at a place `at` without which the schema at `root` would have values; fewer would not do.

        without: (the value, the parts to keep) -> the value with these parts only.
        """
        kept = list(parts)
        for part in parts:
            fewer = [p for p in kept if p != part]
            if self.empty(root, _replaced(self.document, at, without(_find(self.document, at), fewer))):
                kept = fewer
        return kept


def explained(document: Json, at: str, has_values: Has) -> Unsatisfiable:
    """The error for a schema at a place of a document that has no values."""
    try:
        if _size(document) > LARGEST:
            raise _Tired
        search = _Search(document, has_values)
        pointer, keywords, reason = _innermost(search, at)
    except (_Tired, KeyError, IndexError, TypeError):
        return Unsatisfiable("no value satisfies the schema", pointer=at)
    return Unsatisfiable(
        reason,
        pointer=pointer,
        keyword=keywords[0] if keywords else None,
        hint="Leave one of them out, or let it allow more" if len(keywords) > 1 else None,
    )


def _innermost(search: _Search, at: str) -> tuple[str, list[str], str]:
    """(pointer, keywords, reason): the smallest part that allows nothing by itself."""
    passed: list[str] = []
    while True:
        if at in passed:
            return at, ["$ref"], "each value would have to hold another one of the same kind, without end"
        passed.append(at)
        schema = _find(search.document, at)
        if not isinstance(schema, dict):
            return at, [], "no value satisfies the schema `false`"
        names = [k for k in schema if k not in NOTES]
        chosen = search.minimal(at, at, names, lambda s, kept: {k: v for k, v in s.items() if k in kept or k in NOTES})
        chosen.sort(key=lambda k: k == "type")  # it is seldom what is wrong
        inner = _further(search, at, schema, chosen)
        if inner is None:
            named = [f"`{k}`" for k in chosen]
            if len(chosen) == 1:
                return f"{at}/{_token(chosen[0])}", chosen, f"no value satisfies {named[0]}"
            return at, chosen, f"no value satisfies {', '.join(named[:-1])} and {named[-1]} together"
        if isinstance(inner, tuple):
            return inner
        at = inner


def _further(search: _Search, at: str, schema: dict[str, Any], chosen: list[str]) -> Any:
    """The place of a part that is to blame, or what to say about several; None: the keywords themselves are."""
    if chosen == ["$ref"] and str(schema["$ref"]).startswith("#"):
        place = str(schema["$ref"])[1:]
        return place if "%" not in place and place[:1] in ("", "/") and search.empty(place) else None
    if chosen == ["allOf"]:
        numbers = list(range(len(schema["allOf"])))
        place = f"{at}/allOf"
        kept = search.minimal(at, place, numbers, lambda parts, left: [parts[i] for i in left])
        if len(kept) == 1:
            return f"{place}/{kept[0]}"
        named = [f"{place}/{i}" for i in kept]
        return at, ["allOf"], f"no value satisfies {', '.join(named[:-1])} and {named[-1]} together"
    if "required" in chosen and "properties" in chosen and isinstance(schema["properties"], dict):
        for name in schema["required"]:
            place = f"{at}/properties/{_token(name)}"
            if name in schema["properties"] and search.empty(place):
                return place
    if "items" in chosen and "minItems" in chosen and isinstance(schema["items"], (dict, bool)):
        if search.empty(f"{at}/items"):
            return f"{at}/items"
    return None


def _token(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _tokens(pointer: str) -> list[str]:
    return [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]


def _find(value: Any, pointer: str) -> Any:
    for token in _tokens(pointer):
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def _replaced(value: Any, pointer: str, part: Any) -> Any:
    """A copy of the document with another part at the place. Only what leads there is copied."""
    tokens = _tokens(pointer)
    if not tokens:
        return part
    made = held = dict(value) if isinstance(value, dict) else list(value)
    for i, token in enumerate(tokens):
        key: Any = int(token) if isinstance(held, list) else token
        if i == len(tokens) - 1:
            held[key] = part
        else:
            inner = held[key]
            held[key] = dict(inner) if isinstance(inner, dict) else list(inner)
            held = held[key]
    return made


def _size(document: Any) -> int:
    """Values in a document, counted up to a bit more than `LARGEST`."""
    todo, n = [document], 0
    while todo and n <= LARGEST:
        value = todo.pop()
        n += 1
        if isinstance(value, (dict, list, tuple)):
            todo += list(value.values()) if isinstance(value, dict) else list(value)
    return n
