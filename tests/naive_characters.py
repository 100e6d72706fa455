"""Which characters a few bytes may begin: UTF-8, and the escapes of JSON strings (RFC 8259, section 7)."""

from __future__ import annotations

from functools import lru_cache

SHORT = {
    ord('"'): 0x22,
    ord("\\"): 0x5C,
    ord("/"): 0x2F,
    ord("b"): 8,
    ord("f"): 12,
    ord("n"): 10,
    ord("r"): 13,
    ord("t"): 9,
}
HEX = b"0123456789abcdefABCDEF"
Ranges = tuple[tuple[int, int], ...]
EVERY: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))


@lru_cache(maxsize=100_000)
def finished(raw: bytes, escapes: bool) -> int | None:
    """The code point that these bytes spell completely; None if they don't.

    escapes: inside a JSON string, where control characters and quotes must be escaped.
    """
    if escapes and raw[:1] == b"\\":
        if len(raw) == 2 and raw[1] in SHORT:
            return SHORT[raw[1]]
        units = _units(raw)
        if units is None or len(raw) not in (6, 12):
            return None
        first = units[0]
        if len(raw) == 6:
            return None if 0xD800 <= first <= 0xDFFF else first
        return 0x10000 + ((first - 0xD800) << 10) + (units[1] - 0xDC00)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(text) != 1 or (escapes and (text < " " or text in '"\\')):
        return None
    return ord(text)


def _units(raw: bytes) -> tuple[int, ...] | None:
    """The UTF-16 code units of one or two complete `\\uXXXX`, if they are a character or the first half of one."""
    units = []
    for at in range(0, len(raw), 6):
        part = raw[at : at + 6]
        if len(part) != 6 or part[:2] != b"\\u" or any(c not in HEX for c in part[2:]):
            return None
        units.append(int(part[2:], 16))
    if 0xDC00 <= units[0] <= 0xDFFF:
        return None
    if len(units) == 2 and not (0xD800 <= units[0] <= 0xDBFF and 0xDC00 <= units[1] <= 0xDFFF):
        return None
    return tuple(units) if len(units) <= 2 else None


@lru_cache(maxsize=100_000)
def code_points(raw: bytes, escapes: bool) -> Ranges:
    """The code points of which a spelling begins with `raw` and is longer; () if there are none."""
    if raw == b"":
        return EVERY
    if escapes and raw[0] == ord("\\"):
        return _escaped(raw)
    first = raw[0]
    for length, lead, low in ((2, 0xC0, 0x80), (3, 0xE0, 0x800), (4, 0xF0, 0x10000)):
        bits = 0xFF & ~(0xFF >> (length + 1))  # the leading bits of such a character: length ones and a zero
        if first & bits == lead:
            if len(raw) >= length or any(b & 0xC0 != 0x80 for b in raw[1:]):
                return ()
            rest = length - len(raw)
            value = first & ~bits & 0xFF
            for b in raw[1:]:
                value = value << 6 | b & 0x3F
            return _scalars(max(value << 6 * rest, low), min((value + 1 << 6 * rest) - 1, 0x10FFFF))
    return ()


def _scalars(lo: int, hi: int) -> Ranges:
    """The range without surrogates."""
    parts = ((lo, min(hi, 0xD7FF)), (max(lo, 0xE000), hi))
    return tuple((a, b) for a, b in parts if a <= b)


def _escaped(raw: bytes) -> Ranges:
    """The code points that an unfinished escape may become."""
    if raw == b"\\" or raw == b"\\u":
        return EVERY
    if raw[1] != ord("u") or len(raw) >= 12:
        return ()
    digits = raw[2:6]
    if any(d not in HEX for d in digits):
        return ()
    missing = 4 - len(digits)
    lo = int(digits, 16) << 4 * missing
    hi = lo + (1 << 4 * missing) - 1
    if missing:
        return _scalars(lo, hi) + _astral(max(lo, 0xD800), min(hi, 0xDBFF), 0xDC00, 0xDFFF)
    if not 0xD800 <= lo <= 0xDBFF:  # finished, or half of a pair that has no first half
        return ()
    second = raw[6:]
    if not b"\\u".startswith(second[:2]) or any(d not in HEX for d in second[2:]):
        return ()
    missing = 4 - len(second[2:])
    low = int(second[2:] or b"0", 16) << 4 * missing
    return _astral(lo, lo, max(low, 0xDC00), min(low + (1 << 4 * missing) - 1, 0xDFFF))


def _astral(high_lo: int, high_hi: int, low_lo: int, low_hi: int) -> Ranges:
    """The characters of surrogate pairs with halves in these ranges."""
    if high_lo > high_hi or low_lo > low_hi:
        return ()
    # one first half, or all second halves: either way one range
    return (
        (0x10000 + (high_lo - 0xD800 << 10) + low_lo - 0xDC00, 0x10000 + (high_hi - 0xD800 << 10) + low_hi - 0xDC00),
    )
