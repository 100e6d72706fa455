"""Where and why a text leaves a language, in the words of a person: `Constraint.explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded
from constrain.explain import allowed, scan
from constrain.texts import follow, names_in, steps

if TYPE_CHECKING:
    from constrain.constraint import Constraint
    from constrain.engine.matcher import Matcher
    from constrain.explain.scan import Place


@dataclass(frozen=True)
class Reason:
    """What was expected at a place, and why.

    keyword: of the schema, or the option that narrows it ("property_order", "numbers", "whitespace", "escapes",
    "formats"). schema_pointer: where the keyword's schema stands. note: what else the reader should know.
    """

    expected: str
    keyword: str | None = None
    schema_pointer: str | None = None
    note: str = ""


class Explanation(str):
    """Why a text is not in a language: a sentence, and its parts as attributes.

    byte: the first byte that can't come there, from 0; the length of the text where something is missing. line,
    column: the same place, from 1, in characters. pointer: the place in the JSON value ("" is the whole), None for
    other texts. expected, found: in words. keyword: of the schema, or the option of `constrain.json` that is at fault.
    schema_pointer: where the schema with that keyword stands. message: the sentence without the place.
    """

    byte: int
    line: int
    column: int
    pointer: str | None
    keyword: str | None
    schema_pointer: str | None
    expected: str
    found: str
    message: str

    def __new__(cls, data: bytes, byte: int, pointer: str | None, reason: Reason, found: str) -> Explanation:
        line, column = position(data, byte)
        keyword = f" ({reason.keyword})" if reason.keyword else ""
        message = f"expected {reason.expected}{keyword}, found {found}" + (f". {reason.note}" if reason.note else "")
        place = f"at byte {byte} (line {line}, column {column})" + (f", in {pointer}" if pointer else "")
        made = super().__new__(cls, f"{place}: {message}")
        made.byte, made.line, made.column, made.pointer = byte, line, column, pointer
        made.keyword, made.schema_pointer = reason.keyword, reason.schema_pointer
        made.expected, made.found, made.message = reason.expected, found, message
        return made

    def __reduce__(self) -> Any:
        return _restored, (str(self), dict(self.__dict__))


def _restored(text: str, state: dict[str, Any]) -> Explanation:
    made = str.__new__(Explanation, text)
    made.__dict__.update(state)
    return made


def position(data: bytes, byte: int) -> tuple[int, int]:
    """Line and column of a byte, from 1; columns count characters."""
    before = data[:byte]
    line_start = before.rfind(b"\n") + 1
    column = sum(b & 0xC0 != 0x80 for b in before[line_start:])
    inside = byte < len(data) and data[byte] & 0xC0 == 0x80 and column > 0
    return before.count(b"\n") + 1, column + (not inside)


def found_at(data: bytes, byte: int, place: Place | None) -> str:
    """What stands at a byte, in words."""
    if byte >= len(data):
        return "the end of the text"
    if place is not None and place.kind in ("string", "name") and data[byte : byte + 1] == b'"' and byte > place.start:
        return f"the end of the {'string' if place.kind == 'string' else 'name'}"
    start = byte
    while start > 0 and data[start] & 0xC0 == 0x80 and byte - start < 3:
        start -= 1
    for size in range(1, 5):
        try:
            character = data[start : start + size].decode()
            break
        except UnicodeDecodeError:
            continue
    else:
        return f"the byte 0x{data[byte]:02x}, which is not UTF-8"
    words = {" ": "a space", "\n": "a line end", "\t": "a tab", "\r": "a carriage return"}
    text = words.get(character, repr(character))
    if place is not None and place.kind == "number" and byte > place.start and character not in "+-.eE0123456789":
        text += f" after {data[place.start : byte].decode()}"
    return text


def explain(constraint: Constraint, text: str | bytes) -> Explanation | None:
    """None when the text is in the language; else where it leaves it, and why. May raise LimitExceeded."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    matcher = constraint.byte_matcher()
    taken = follow(matcher, data)
    if taken == len(data):
        if matcher.is_accepting:
            return None
    else:
        matcher = constraint.byte_matcher()
        if taken:
            follow(matcher, data[:taken])
    if constraint.input is None:
        named = [i for begin, _, i in steps(data, names_in(constraint.grammar)) if begin == taken and i >= 0]
        found = allowed.special(matcher, named[0]) if named else found_at(data, taken, None)
        return Explanation(data, taken, None, Reason(ways_on(matcher)), found)
    from constrain.explain import json

    place = scan.scan(data, taken)
    if place.kind == "value" and place.container == "[" and data[taken : taken + 1] == b"]":
        place.kind, place.path = "after", place.path[:-1]  # no item: the end of the array
    reason = json.reason(constraint, data, taken, place, matcher)
    return Explanation(data, taken, scan.pointer(place.path), reason, found_at(data, taken, place))


def ways_on(matcher: Matcher) -> str:
    """What may come next: whole endings where they are few, else the next characters."""
    try:
        return _ways_on(matcher)
    except LimitExceeded:  # by what may come, not by the text
        return "something else"


def _ways_on(matcher: Matcher) -> str:
    found = allowed.texts(matcher)
    if found is not None and not (len(found) > 3 and max(map(len, found)) < 2):
        words = ["the end of the text" if not t else shown(t) for t in found]
        return allowed.listed(words)
    forced = matcher.forced_bytes(60)
    if len(forced) > 1:
        return shown(forced)
    return allowed.describe(allowed.next_bytes(matcher), matcher)


def shown(text: bytes, most: int = 60) -> str:
    """Bytes as quoted text, cut where it is long."""
    characters = text.decode("utf-8", "replace")
    return repr(characters if len(characters) <= most else characters[: most - 1] + "…")


__all__ = ["Explanation", "Reason", "explain"]
