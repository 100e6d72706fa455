"""How values of Python types stand in JSON strings: patterns (ECMA-262), narrower than what pydantic reads.

Each holds what pydantic itself writes for a value of the type, up to what its function says.
"""

from __future__ import annotations

from collections.abc import Sequence

_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = (
    r"\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
)
DATE = rf"(?!0000)(?:{_DAY}|{_LEAP}-02-29)"  # years 1 to 9999, as `datetime` has them
TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
ZONE = r"(?:Z|[+\-](?:[01]\d|2[0-3]):[0-5]\d)"

_CLOCK = r"(?:T(?=\d)(?:\d{1,4}H)?(?:\d{1,4}M)?(?:\d{1,6}(?:\.\d{1,6})?S)?)?"
_YEARS = r"(?:\d{1,6}|1\d{6}|2[0-6]\d{5})Y"
# ISO 8601 with days or weeks, hours, minutes and seconds. Years are 365 days, as pydantic writes and reads them.
DURATION = rf"-?P(?:\d{{1,5}}W|(?=[\dT])(?:{_YEARS})?(?:\d{{1,6}}D)?{_CLOCK})"

BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
BASE64URL = BASE64.replace("+/", "_\\-")
_HEX = "[0-9a-fA-F]"


def whole(pattern: str) -> str:
    """The pattern of exactly these strings."""
    return f"^(?:{pattern})$"


def moment(date: bool, zone: bool | None) -> str:
    """A time of day, or with `date` a moment, as `isoformat` writes it. zone: whether an offset stands there; None:
    either."""
    return whole((DATE + "T" if date else "") + TIME + {True: ZONE, False: "", None: ZONE + "?"}[zone])


def uuid(version: int) -> str:
    """A UUID of this version, in the form with hyphens."""
    return f"^.{{14}}{version}.{{4}}[89abAB]"


def hexadecimal(lo: int, hi: int | None) -> str:
    """lo to hi bytes."""
    return whole(f"(?:{_HEX}{{2}}){{{lo},{'' if hi is None else hi}}}")


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_LAST = r"[A-Za-z](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PORT = r"(?::(?:[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]|\d{1,4}))?"
_UNIT = r"[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}"


def url(schemes: Sequence[str] | None) -> str:
    """scheme://host with port, path, query and fragment in ASCII. The host is a name (without encoded labels) or an
    IPv4 address. schemes: None for any but `file`."""
    scheme = "(?!file:)[a-z][a-z0-9+.\\-]*" if schemes is None else "(?:" + "|".join(map(_literal, schemes)) + ")"
    host = rf"(?:{_BYTE}(?:\.{_BYTE}){{3}}|(?!(?:[^/?#:]*\.)?[xX][nN]--)(?:{_LABEL}\.)*{_LAST})"
    user = rf"(?:(?:{_UNIT})+(?::(?:{_UNIT})+)?@)?"
    path = rf"(?:/(?:{_UNIT}|[:@/])*)?(?:\?(?:{_UNIT}|[:@/?])*)?(?:#(?:{_UNIT}|[:@/?])*)?"
    return whole(f"{scheme}://{user}{host}{_PORT}{path}")


def _literal(text: str) -> str:
    return "".join("\\" + c if c in "+." else c for c in text)
