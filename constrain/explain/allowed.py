"""What could have come: the next bytes that a matcher allows, in words, and whole names or texts where they are few."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from constrain.texts import END, follow, name_of

if TYPE_CHECKING:
    from constrain.engine.matcher import Matcher

FEW = 12
STEPS = 200  # of looking for whole texts
NAME_STEPS = 2_000
_SPACE = frozenset(b" \t\n\r")
_HIGH = frozenset(range(0x80, 0x100))
_PRINTABLE = frozenset(range(33, 127))


def next_bytes(matcher: Matcher) -> frozenset[int]:
    """The bytes that may come next, `END`, and special tokens (numbers after it)."""
    mask = np.zeros(matcher.vocabulary.words, np.uint32)
    matcher.fill_mask(mask)
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    return frozenset(np.flatnonzero(bits).tolist())


def following(matcher: Matcher, text: bytes) -> Matcher | None:
    """A matcher that has taken the text, too."""
    copy = matcher.copy()
    return copy if not text or follow(copy, text) == len(text) else None


def texts(matcher: Matcher) -> list[bytes] | None:
    """The ways on to the end of the text. None: they are too many, or too long."""
    found: list[bytes] = []
    todo = [(matcher.copy(), b"")]
    for _ in range(STEPS):
        if not todo:
            return sorted(found)
        at, text = todo.pop()
        forced = at.forced_bytes(STEPS)
        if forced and at.accept_bytes(forced) != len(forced):
            return None
        text += forced
        following = next_bytes(at)
        if END in following:
            found.append(text)
        if len(found) > FEW or len(following) > FEW:
            return None
        todo += [(_after(at, token), text + _text(at, token)) for token in sorted(following - {END})]
    return None


def _text(matcher: Matcher, token: int) -> bytes:
    return bytes([token]) if token < END else name_of(matcher, token).encode("utf-8", "surrogatepass")


def special(matcher: Matcher, token: int) -> str:
    """A special token in words."""
    return f"the special token {name_of(matcher, token)}"


def _after(matcher: Matcher, byte: int) -> Matcher:
    copy = matcher.copy()
    copy.accept(byte)
    return copy


def names(matcher: Matcher) -> list[str] | None:
    """The names that may come where a matcher stands right after the quote before a name, in order of their
    characters. None: they are too many. Escapes are left aside where a character can stand for itself."""
    found: list[str] = []
    todo = [(matcher, b"")]
    steps = 0
    while todo:
        at, text = todo.pop()
        following = next_bytes(at)
        if len(following) > 4 * FEW:
            return None
        if ord('"') in following:
            try:
                found.append(str(json.loads(b'"' + text + b'"')))
            except ValueError:
                return None
        following -= {ord('"')}
        if len(following) > 1:
            following -= {ord("\\")}
        steps += len(following)
        if steps > NAME_STEPS or len(found) > FEW:
            return None
        todo += [(_after(at, byte), text + bytes([byte])) for byte in sorted(following, reverse=True)]
    return found


def describe(allowed: frozenset[int], matcher: Matcher | None = None) -> str:
    """A set of bytes in words. matcher: which has them, for the names of special tokens."""
    if not allowed:
        return "nothing"
    parts: list[str] = []
    rest = {b for b in allowed if b < END}
    if len(_PRINTABLE - rest) <= 8 and _HIGH & rest:
        missing = sorted(_PRINTABLE - rest)
        parts.append("any character" + (" but " + _listed([repr(chr(b)) for b in missing]) if missing else ""))
        rest = set()
    for run in _runs(sorted(b for b in rest if chr(b).isalnum() and b < 128)):
        low, high = chr(run[0]), chr(run[-1])
        if low == "0" and high == "9":
            parts.append("a digit")
        elif len(run) > 2:
            parts.append(f"{low!r} to {high!r}")
        else:
            parts += [repr(chr(b)) for b in run]
    parts += [repr(chr(b)) for b in sorted(rest) if 32 < b < 127 and not chr(b).isalnum()]
    if rest & _SPACE:
        parts.append("whitespace")
    if rest & _HIGH:
        parts.append("a character beyond ASCII")
    if any((b < 32 and b not in _SPACE) or b == 127 for b in rest):
        parts.append("a control character")
    parts += [special(matcher, token) for token in sorted(allowed) if token > END and matcher is not None]
    if END in allowed:
        parts.append("the end of the text")
    return _listed(parts)


def _runs(values: list[int]) -> list[list[int]]:
    """Consecutive numbers together, digits and letters apart."""
    out: list[list[int]] = []
    for value in values:
        if out and value == out[-1][-1] + 1:
            out[-1].append(value)
        else:
            out.append([value])
    return out


def _listed(parts: list[str], word: str = "or") -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def value_kinds(allowed: frozenset[int]) -> str:
    """The JSON values that may begin with these bytes, in words. "": something else may come, too."""
    kinds = (
        (b'"', "a string"), (b"{", "an object"), (b"[", "an array"), (b"-0123456789", "a number"), (b"t", "true"),
        (b"f", "false"), (b"n", "null"),
    )  # fmt: skip
    out, known = [], set(_SPACE)
    for first, word in kinds:
        if allowed & frozenset(first):
            out.append(word)
            known |= frozenset(first)
    return _listed(out) if allowed <= known else ""


listed = _listed
