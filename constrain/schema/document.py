"""The text of a schema becomes Python values: numbers exact, no duplicate keys, bounded size and depth."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

from constrain.errors import InvalidSchema, LimitExceeded
from constrain.limits import Limits
from constrain.schema.values import Json


def load(text: str | bytes, limits: Limits) -> Json:
    """Parse JSON text. Raises `InvalidSchema` (not JSON, not UTF-8, a key twice) and `LimitExceeded`.

    How deep the text nests is counted before it is parsed, since `json` recurses: how far it gets depends on the
    version of Python, its settings and the place of the call.
    """
    if len(text) > limits.schema_bytes:
        raise LimitExceeded(
            f"the schema has {len(text)} bytes, the limit is {limits.schema_bytes}", keyword="schema_bytes"
        )
    if isinstance(text, (bytes, bytearray)):
        try:
            text = bytes(text).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidSchema(f"the schema is not UTF-8: {error.reason}", position=error.start) from None
    depth = text.count("[") + text.count("{")
    if depth > min(_SHALLOW, limits.schema_depth):
        depth = _depth(text)
        if depth > limits.schema_depth:
            raise _too_deep(limits.schema_depth)
    try:
        if depth > _SHALLOW:
            return _load_deep(text)
        try:
            return json.loads(text, object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant)
        except RecursionError:  # called where the stack is nearly full
            return _load_deep(text)
    except json.JSONDecodeError as error:
        raise InvalidSchema(f"the schema is not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except (ValueError, ArithmeticError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> InvalidSchema:
    """What to raise when numbers (or our own hooks) refuse: integers of thousands of digits, enormous exponents."""
    if isinstance(error, InvalidSchema):
        return error
    why = "its exponent is too large" if isinstance(error, ArithmeticError) else str(error)
    return InvalidSchema(f"the schema holds a number that can't be read: {why}")


def _too_deep(most: int, uri: str = "") -> LimitExceeded:
    """The error to raise for a document with more nested objects and lists than this."""
    what = f"the document {uri!r}" if uri else "the schema"
    place = f"{uri}#" if uri else None
    return LimitExceeded(f"{what} is nested deeper than {most}", pointer=place, keyword="schema_depth")


def check_depth(value: Json, limits: Limits, uri: str = "") -> None:
    """Raise `LimitExceeded` for Python values that nest deeper than `schema_depth` (or without end)."""
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(limits.schema_depth):
        if not level:
            return
        parts = [p for held in level for p in (held.values() if isinstance(held, dict) else held)]
        level = [p for p in parts if p.__class__ not in _ATOMS and isinstance(p, _CONTAINERS)]
        if len(level) > _MANY:  # what stands in several places need be looked at once only
            level = list({id(p): p for p in level}.values())
    if level:
        raise _too_deep(limits.schema_depth, uri)


_SHALLOW = 200  # nesting up to which `json` does it
_MANY = 100
_CONTAINERS = (dict, list, tuple)
_ATOMS = frozenset({str, bool, int, float, Decimal, type(None)})
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")


def _depth(text: str) -> int:
    """How deep objects and lists nest in a JSON text. (Of one that is not JSON: as deep as a parser gets, at least.)"""
    depth = deepest = 0
    for c in _NO_BRACKET.sub("", _STRING.sub("", text)):
        if c in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InvalidSchema(f"the key {json.dumps(name)} stands twice in one object of the schema")
            seen.add(name)
    return made


def _constant(name: str) -> NoReturn:
    raise InvalidSchema(f"the schema is not JSON: {name} is no JSON number")


_SPACE = re.compile(r"[ \t\n\r]*")
_ATOM = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null")
_NAMED = {"true": True, "false": False, "null": None}


def _load_deep(text: str) -> Json:
    """Parse without recursion what `json` might not take."""

    def wrong(what: str, at: int) -> json.JSONDecodeError:
        return json.JSONDecodeError(what, text, min(at, len(text)))

    stack: list[tuple[list[Any], bool]] = []  # (items, or alternating names and values; is it an object)
    i = 0
    while True:
        i = _end(_SPACE, text, i)
        c = text[i : i + 1]
        if c in ("[", "{") and c:
            stack.append(([], c == "{"))
            i = _end(_SPACE, text, i + 1)
            if text[i : i + 1] != ("}" if c == "{" else "]"):
                if c == "{":
                    i = _name(text, i, stack[-1][0], wrong)
                continue
            value: Json = [] if c == "[" else {}
            stack.pop()
            i += 1
        elif c == '"':
            value, i = scanstring(text, i + 1, True)
        else:
            match = _ATOM.match(text, i)
            if match is None:
                raise wrong("Expecting value", i)
            word = match.group()
            if word in _NAMED:
                value = _NAMED[word]
            else:
                value = Decimal(word) if match.group(2) or match.group(3) else int(word)
            i = match.end()
        while True:  # a value has ended: give it to what holds it, and close what ends after it
            i = _end(_SPACE, text, i)
            if not stack:
                if i != len(text):
                    raise wrong("Extra data", i)
                return value
            held, is_object = stack[-1]
            held.append(value)
            c = text[i : i + 1]
            i += 1
            if c == ",":
                if is_object:
                    i = _name(text, _end(_SPACE, text, i), held, wrong)
                break
            if c != ("}" if is_object else "]") or not c:
                raise wrong("Expecting ',' delimiter", i - 1)
            stack.pop()
            value = _object(list(zip(held[::2], held[1::2], strict=True))) if is_object else held


def _end(pattern: re.Pattern[str], text: str, i: int) -> int:
    match = pattern.match(text, i)
    return match.end() if match else i


def _name(text: str, i: int, held: list[Any], wrong: Any) -> int:
    """Read a member's name and colon; return where its value begins."""
    if text[i : i + 1] != '"':
        raise wrong("Expecting property name enclosed in double quotes", i)
    name, i = scanstring(text, i + 1, True)
    held.append(name)
    i = _end(_SPACE, text, i)
    if text[i : i + 1] != ":":
        raise wrong("Expecting ':' delimiter", i)
    return i + 1
