"""Where a JSON text stands after some of its bytes: the place in the value, and the token that is being written.

The bytes up to that point are the beginning of some JSON text; what comes after them may be anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

SPACE = b" \t\n\r"
NUMBER = re.compile(rb"[-+0-9.eE]*")
WORD = re.compile(rb"[a-zA-Z]*")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass
class Place:
    """What stands at a byte of a JSON text.

    kind: "value" (one begins here), "string", "number" or "word" (inside of one), "key" (a name or `}` is expected),
    "name" (inside of a name), "colon", "after" (a value has ended), "done" (the whole text has). start: the byte where
    the token, or the next one, begins. path: of the value; of the object in "key", "name" and "colon". members: the
    names that the object at hand has so far.
    """

    kind: str
    start: int
    path: tuple[str | int, ...] = ()
    members: list[str] = field(default_factory=list)
    container: str = ""  # "{" or "[" around the place
    opened: str = ""  # all of them, outermost first


def scan(data: bytes, end: int) -> Place:
    """The place after `data[:end]`, the beginning of a JSON text."""
    stack: list[tuple[str, list[str]]] = []  # "{" with its names, "[" with one entry for each item
    kind, i = "value", 0
    while i < end:
        c = data[i : i + 1]
        if c in b" \t\n\r":
            i += 1
        elif kind in ("value", "item") and c in (b"{", b"["):
            if kind == "item":
                stack[-1][1].append("")
            stack.append((c.decode(), []))
            kind = "key" if c == b"{" else "item"
            i += 1
        elif c == b'"' and kind in ("value", "item", "key"):
            found = STRING.match(data, i, end)
            inside = "name" if kind == "key" else "string"
            if kind == "item":
                stack[-1][1].append("")
            if found is None:
                return _place(inside, i, stack)
            i = found.end()
            if inside == "name":
                stack[-1][1].append(_text(found[0]))
            kind = "colon" if inside == "name" else "after"
        elif kind in ("value", "item") and c not in b"]":
            if kind == "item":
                stack[-1][1].append("")
            number = c in b"-0123456789"
            found = (NUMBER if number else WORD).match(data, i, end)
            assert found is not None
            if found.end() == end:
                return _place("number" if number else "word", i, stack)
            i = max(found.end(), i + 1)
            kind = "after"
        elif c == b":":
            kind = "value"
            i += 1
        elif c == b",":
            kind = "key" if stack and stack[-1][0] == "{" else "item"
            i += 1
        elif c in (b"}", b"]") and stack:
            stack.pop()
            kind = "after"
            i += 1
        else:  # not JSON
            break
    return _place(kind, i, stack)


def _place(kind: str, at: int, stack: list[tuple[str, list[str]]]) -> Place:
    path: list[str | int] = []
    for depth, (opening, entries) in enumerate(stack):
        last = depth == len(stack) - 1
        if last and kind in ("key", "name", "colon", "after"):
            break
        if opening == "{":
            path.append(entries[-1] if entries else "")
        else:
            path.append(len(entries) - (kind != "item" or not last))
    members = stack[-1][1] if stack and stack[-1][0] == "{" else []
    kind = "value" if kind == "item" else "done" if kind == "after" and not stack else kind
    opened = "".join(opening for opening, _ in stack)
    return Place(kind, at, tuple(path), members, opened[-1:], opened)


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1].decode("utf-8", "replace")


def token_at(data: bytes, place: Place) -> bytes | None:
    """The scalar or name that begins at the place, whole. None: there is none."""
    start = place.start
    c = data[start : start + 1]
    if c == b'"':
        found = STRING.match(data, start)
        return found[0] if found else None
    found = (NUMBER if c in b"-0123456789" and c else WORD).match(data, start)
    return found[0] if found and found[0] else None


def completed(data: bytes, at: int, place: Place) -> bytes | None:
    """A JSON text: what stands before byte `at`, the token or bracket there, and the ends of all that is open."""
    tail = "".join("}" if c == "{" else "]" for c in reversed(place.opened)).encode()
    c = data[at : at + 1]
    if place.kind in ("value", "string", "number", "word"):
        if place.kind == "value" and c in (b"{", b"["):
            return data[: place.start] + (b"{}" if c == b"{" else b"[]") + tail
        token = token_at(data, place)
        return None if token is None else data[: place.start] + token + tail
    if place.kind in ("key", "name"):
        token = token_at(data, place)
        if token is not None and token.startswith(b'"'):
            return data[: place.start] + token + b":null" + tail
        return data[: place.start].rstrip(SPACE).removesuffix(b",") + tail
    if place.kind == "after":
        extra = b",null" if c == b"," and place.container == "[" else b""
        return data[:at] + extra + tail
    return None


def pointer(path: tuple[str | int, ...]) -> str:
    """A path as a JSON pointer."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)


def parsed(text: bytes) -> tuple[bool, Any, int]:
    """(is it JSON, its value with exact numbers, the byte where it stops being JSON)."""
    from decimal import Decimal

    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        return False, None, error.start
    try:
        return True, json.loads(decoded, parse_float=Decimal, parse_constant=_no_constant), len(text)
    except json.JSONDecodeError as error:
        return False, None, len(decoded[: error.pos].encode())
    except (ValueError, ArithmeticError, RecursionError):
        return False, None, len(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
