"""What may come next in a JSON text, by hand: one byte after the other, no grammar, no automaton library, no engine.

Two languages share the reader. `RFC` is RFC 8259. `SYNCODE` is what SynCode's own JSON grammar says: a text is an
object or an array, keys are not empty, strings have no escapes (a backslash is a character, and so is a line end),
numbers may begin with a plus and with zeros and may lack digits on one side of the point, and form feeds are blanks.
Texts are UTF-8.
"""

from __future__ import annotations

from dataclasses import dataclass

HEX = frozenset(b"0123456789abcdefABCDEF")
DIGITS = frozenset(b"0123456789")
CLOSERS = {ord("{"): ord("}"), ord("["): ord("]")}
WORDS = (b"true", b"false", b"null")
Stack = tuple[int, ...]

# numbers: state -> ((bytes, next state), ...); states that may end; a shortest way to end from the others
Number = dict[str, tuple[tuple[frozenset[int], str], ...]]
_EXPONENT: Number = {
    "e": ((frozenset(b"+-"), "e-"), (DIGITS, "exp")),
    "e-": ((DIGITS, "exp"),),
    "exp": ((DIGITS, "exp"),),
}
_E = (frozenset(b"eE"), "e")
RFC_NUMBER: Number = {
    "": ((frozenset(b"-"), "-"), (frozenset(b"0"), "zero"), (DIGITS - {ord("0")}, "int")),
    "-": ((frozenset(b"0"), "zero"), (DIGITS - {ord("0")}, "int")),
    "zero": ((frozenset(b"."), "."), _E),
    "int": ((DIGITS, "int"), (frozenset(b"."), "."), _E),
    ".": ((DIGITS, "fraction"),),
    "fraction": ((DIGITS, "fraction"), _E),
    **_EXPONENT,
}
SYNCODE_NUMBER: Number = {
    "": ((frozenset(b"+-"), "-"), (DIGITS, "int"), (frozenset(b"."), ".")),
    "-": ((DIGITS, "int"), (frozenset(b"."), ".")),
    "int": ((DIGITS, "int"), (frozenset(b"."), "fraction"), _E),
    ".": ((DIGITS, "fraction"),),
    "fraction": ((DIGITS, "fraction"), _E),
    **_EXPONENT,
}
ENDS = frozenset(("zero", "int", "fraction", "exp"))


@dataclass(frozen=True)
class Language:
    """What differs between the two readings of JSON."""

    name: str
    number: Number
    blanks: frozenset[int]
    escapes: bool  # in strings: a backslash begins one, and control characters must be written as one
    empty_keys: bool
    any_value: bool  # at the top; else objects and arrays only
    utf8: bool = True  # False: any bytes from 0x80 on may stand in strings


RFC = Language("RFC 8259", RFC_NUMBER, frozenset(b" \t\n\r"), True, True, True)
SYNCODE = Language("SynCode's own JSON grammar", SYNCODE_NUMBER, frozenset(b" \t\n\r\f"), False, False, False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands. stack: open brackets. at: what is expected or half read; rest: how far it has come."""

    stack: Stack = ()
    at: str = "value"
    rest: str | bytes = b""


START = Place()


def after(language: Language, text: bytes, place: Place | None = START) -> Place | None:
    """The place behind some more bytes; None where no text of the language begins like that."""
    for byte in text:
        if place is None:
            return None
        place = _step(language, place, byte)
    return place


def may_end(place: Place) -> bool:
    """Is what was read a whole text?"""
    return not place.stack and (place.at == "end" or (place.at == "number" and place.rest in ENDS))


def completion(language: Language, place: Place) -> bytes:
    """Bytes that make a whole text of what was read: the proof that it could be gone on with."""
    written = b""
    while not may_end(place):
        for part in (b"", *_ways(place)):
            reached = after(language, part, place)
            if reached is not None and part:
                written, place = written + part, reached
                break
        else:
            raise AssertionError(f"no way on from {place}")
    return written


def _ways(place: Place) -> tuple[bytes, ...]:
    """Some bytes that lead towards the end, the best first."""
    if place.at == "word":
        assert isinstance(place.rest, bytes)
        return (place.rest,)
    if place.at in ("string", "key"):
        return (b'"', b"\x80", b"\x90", b"\xa0", b"0", b"n", b'0"')
    closers = tuple(bytes([CLOSERS[b]]) for b in reversed(place.stack[-1:]))
    return (*closers, b":", b"0", b"[", b'"')


def _step(language: Language, place: Place, byte: int) -> Place | None:
    stack, at, rest = place.stack, place.at, place.rest
    if at == "word":
        assert isinstance(rest, bytes)
        if byte != rest[0]:
            return None
        return Place(stack, "word", rest[1:]) if len(rest) > 1 else Place(stack, "end")
    if at == "number":
        assert isinstance(rest, str)
        for accepted, state in language.number[rest]:
            if byte in accepted:
                return Place(stack, "number", state)
        return _step(language, Place(stack, "end"), byte) if rest in ENDS else None
    if at in ("string", "key"):
        assert isinstance(rest, str)
        return _in_string(language, place, rest, byte)
    if byte in language.blanks:
        return place
    match at:
        case "end":
            return _after_value(stack, byte)
        case "colon":
            return Place(stack, "value") if byte == ord(":") else None
        case "first key" | "next key":
            if byte == ord("}") and at == "first key":
                return Place(stack[:-1], "end")
            return Place(stack, "key", "empty") if byte == ord('"') else None
        case _:  # "value" or "first item"
            if byte == ord("]") and at == "first item":
                return Place(stack[:-1], "end")
            return _begin(language, stack, byte)


def _after_value(stack: Stack, byte: int) -> Place | None:
    if not stack:
        return None
    if byte == ord(","):
        return Place(stack, "next key" if stack[-1] == ord("{") else "value")
    return Place(stack[:-1], "end") if byte == CLOSERS[stack[-1]] else None


def _begin(language: Language, stack: Stack, byte: int) -> Place | None:
    """The first byte of a value."""
    if byte in CLOSERS:
        return Place((*stack, byte), "first key" if byte == ord("{") else "first item")
    if not stack and not language.any_value:
        return None
    if byte == ord('"'):
        return Place(stack, "string", "empty")
    for word in WORDS:
        if byte == word[0]:
            return Place(stack, "word", word[1:])
    return _step(language, Place(stack, "number", ""), byte)


def _in_string(language: Language, place: Place, rest: str, byte: int) -> Place | None:
    """rest: "empty", "" (between characters), a backslash, "u4" … "u1" (n digits), "low-high-n" (n bytes)."""
    stack, at = place.stack, place.at
    if rest == "\\":
        if byte == ord("u"):
            return Place(stack, at, "u4")
        return Place(stack, at, "") if byte in b'"\\/bfnrt' else None
    if rest.startswith("u"):
        left = int(rest[1:]) - 1
        return Place(stack, at, f"u{left}" if left else "") if byte in HEX else None
    if "-" in rest:
        low, high, more = map(int, rest.split("-"))
        if not low <= byte <= high:
            return None
        return Place(stack, at, f"128-191-{more - 1}" if more > 1 else "")
    if byte == ord('"'):
        if at == "string":
            return Place(stack, "end")
        return Place(stack, "colon") if rest == "" or language.empty_keys else None
    if byte < 0x80:
        if language.escapes and byte < 0x20:
            return None
        return Place(stack, at, "\\" if language.escapes and byte == ord("\\") else "")
    more_bytes = _utf8(byte) if language.utf8 else ""
    return Place(stack, at, more_bytes) if more_bytes or not language.utf8 else None


def _utf8(lead: int) -> str:
    """What must follow the first byte of a character: lowest and highest next byte, number of bytes (RFC 3629, 4)."""
    if 0xC2 <= lead <= 0xDF:
        return "128-191-1"
    if 0xE0 <= lead <= 0xEF:
        return f"{0xA0 if lead == 0xE0 else 0x80}-{0x9F if lead == 0xED else 0xBF}-2"
    if 0xF0 <= lead <= 0xF4:
        return f"{0x90 if lead == 0xF0 else 0x80}-{0x8F if lead == 0xF4 else 0xBF}-3"
    return ""
