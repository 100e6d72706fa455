"""Character classes by property: `\\p{...}` of ECMA-262, and what `\\d`, `\\w`, `\\s` and case mean in Python's `re`.

The properties of Unicode lie in properties.txt (made by tests/regular/make_properties.py); it is read when a pattern
first names one. The classes of `re` are those of the Python that runs. python_classes.txt lists them by version of
Unicode (tests/regular/make_python_classes.py adds one); where it has not the version, `re` is asked about every
character, which takes a while.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from constrain.regular.charset import CharSet

NOT_AVAILABLE = {"Changes_When_NFKC_Casefolded", "CWKCF"}  # ECMA-262 has it, our source of data does not
KEYS = {
    "gc": "gc",
    "General_Category": "gc",
    "sc": "sc",
    "Script": "sc",
    "scx": "scx",
    "Script_Extensions": "scx",
}

ASCII_DIGIT = CharSet([(48, 57)])
ASCII_WORD = CharSet([(48, 57), (65, 90), (95, 95), (97, 122)])
ASCII_SPACE = CharSet([(9, 13), (32, 32)])
ECMA_SPACE = ASCII_SPACE | CharSet.of("\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff") | CharSet([(0x2000, 0x200A)])
_LAST_CASED = 0x1FFFF  # a test looks whether a character above it has case


@cache
def _table() -> dict[str, str]:
    """Property name -> its encoded ranges."""
    out = {}
    for line in Path(__file__).with_name("properties.txt").read_text("ascii").splitlines():
        names, _, ranges = line.partition(" ")
        for name in names.split("|"):
            out[name] = ranges
    return out


@cache
def decoded(ranges: str) -> CharSet:
    flat: list[int] = []
    end = 0
    for word in ranges.split():
        gap, _, more = word.partition(".")
        lo = end + int(gap, 36)
        end = lo + (int(more, 36) if more else 0)
        flat += (lo, end)
    return CharSet.from_flat(tuple(flat))


def property_set(text: str) -> CharSet:
    """The characters with the property that stands between the braces of `\\p{...}`. KeyError: there is none such."""
    key, equals, value = text.partition("=")
    table = _table()
    if equals:
        return decoded(table[f"{KEYS[key]}={value}"])
    category = table.get("gc=" + text)
    return decoded(table[text] if category is None else category)


@cache
def python_class(letter: str) -> CharSet:
    """What `\\d`, `\\w` or `\\s` match in a `str` pattern of this Python's `re`."""
    known = python_classes().get(unicodedata.unidata_version)
    return asked_of_re(letter) if known is None else known[letter]


@cache
def python_classes() -> dict[str, dict[str, CharSet]]:
    """Version of Unicode -> letter -> what it matches. (In the file later versions are differences.)"""
    out: dict[str, dict[str, CharSet]] = {}
    last: dict[str, CharSet] = {}
    for line in Path(__file__).with_name("python_classes.txt").read_text("ascii").splitlines():
        version, letter, sign, ranges = line.split(" ", 3)
        before = last.get(letter, CharSet([]))
        last[letter] = before | decoded(ranges) if sign == "+" else before - decoded(ranges)
        out[version] = dict(last)
    return out


def asked_of_re(letter: str) -> CharSet:
    """What a letter matches, by trying all characters."""
    points = np.arange(0x110000, dtype="<u4")
    every = points[(points < 0xD800) | (points > 0xDFFF)].tobytes().decode("utf-32-le")
    spans = (m.span() for m in re.finditer(rf"\{letter}+", every))
    return CharSet((ord(every[a]), ord(every[b - 1])) for a, b in spans)


@cache
def _lowered() -> dict[int, int]:
    """Cased characters and their simple lower case, as `re` sees both."""
    import _sre  # type: ignore[import-not-found]  # what `re` is built on; nothing public gives simple lower case

    return {c: _sre.unicode_tolower(c) for c in range(_LAST_CASED + 1) if _sre.unicode_iscased(c)}


@cache
def _further_cases() -> dict[int, tuple[int, ...]]:
    """Lower-case characters that `re` takes for equal to others (ſ and s, ς and σ, ...)."""
    if hasattr(re, "_casefix"):
        found: dict[int, tuple[int, ...]] = re._casefix._EXTRA_CASES
        return found
    return {}


@lru_cache(maxsize=128)
def ignoring_case(chosen: CharSet, ascii_only: bool = False) -> CharSet:
    """What a class matches under `re.IGNORECASE`: the characters whose lower case is that of one in the class."""
    if ascii_only:
        out = list(chosen.ranges)
        for lo, hi in (CharSet([(65, 90)]) & chosen).ranges:
            out.append((lo + 32, hi + 32))
        for lo, hi in (CharSet([(97, 122)]) & chosen).ranges:
            out.append((lo - 32, hi - 32))
        return CharSet(out)
    lowered = _lowered()
    further = _further_cases()
    flat = chosen.flat
    wanted: set[int] = set()
    if len(flat) <= 8 and len(chosen) <= 256:
        inside = [c for c in chosen if c in lowered]
    else:
        inside = list(_cased_set() & chosen)
    for c in inside:
        low = lowered[c]
        wanted.add(low)
        wanted.update(further.get(low, ()))
    if not wanted:
        return chosen
    upper = _with_lower()
    return (chosen - _cased_set()) | CharSet((c, c) for low in wanted for c in upper.get(low, (low,)))


@cache
def _cased_set() -> CharSet:
    return CharSet((c, c) for c in _lowered())


@cache
def _with_lower() -> dict[int, list[int]]:
    """Simple lower case -> the characters that have it."""
    out: dict[int, list[int]] = {}
    for c, low in _lowered().items():
        out.setdefault(low, []).append(c)
    return out
