"""The formats of the JSON Schema specification as regular languages, by name and draft.

Which drafts define a format does not matter, with one exception: people write `"format": "date"` in draft 4 too, and
mean it. Only where a draft gives a name another meaning (`time` of draft 3, `hostname` before draft 7) is the meaning
that of the draft. A name that no draft defines is an annotation.

`NARROWED` says which languages leave out something that the specification allows; none holds anything more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from constrain.regular.ast import Regex
from constrain.regular.formats_idn import any_hostname, idn_hostname
from constrain.regular.formats_net import HOST_LENGTH, color, email, hostname, ipv4, ipv6
from constrain.regular.formats_time import date, date_time, duration, local_time, time
from constrain.regular.formats_uri import (
    iri,
    iri_reference,
    json_pointer,
    relative_json_pointer,
    uri,
    uri_reference,
    uri_template,
    uuid,
)


class Format(NamedTuple):
    """The strings of a language that have at most `longest` characters (None: of any length).

    narrowed: what the language leaves out of the format, None: nothing. Only an exact language may be complemented.
    wide: a language that leaves nothing out, and may hold more; for what is told about all strings of the format.
    """

    language: Regex
    wide: Regex
    longest: int | None = None
    narrowed: str | None = None


FORMATS: Final[Mapping[str, Callable[[], Regex]]] = MappingProxyType(
    {
        "date-time": date_time,
        "date": date,
        "time": time,
        "duration": duration,
        "email": partial(email, False),
        "idn-email": partial(email, True),
        "hostname": partial(hostname, False),
        "idn-hostname": idn_hostname,
        "ipv4": ipv4,
        "ipv6": ipv6,
        "uri": uri,
        "uri-reference": uri_reference,
        "iri": iri,
        "iri-reference": iri_reference,
        "uri-template": uri_template,
        "uuid": uuid,
        "json-pointer": json_pointer,
        "relative-json-pointer": partial(relative_json_pointer, False),
    }
)

# Where a draft means something else, or defines a format that later drafts dropped.
_BY_DRAFT: Final[Mapping[tuple[str, str], Callable[[], Regex]]] = MappingProxyType(
    {
        ("3", "time"): local_time,
        ("3", "color"): color,
        ("3", "host-name"): partial(hostname, True),
        ("3", "ip-address"): ipv4,
        ("4", "hostname"): partial(hostname, True),
        ("6", "hostname"): partial(hostname, True),
        ("2020-12", "relative-json-pointer"): partial(relative_json_pointer, True),
        ("v1", "relative-json-pointer"): partial(relative_json_pointer, True),
    }
)

_LONGEST: Final[Mapping[str, int]] = MappingProxyType(
    dict.fromkeys(("hostname", "host-name", "idn-hostname"), HOST_LENGTH)
)

UNSUPPORTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "regex": "the regular expressions are no regular language: their brackets nest",
    }
)

NARROWED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hostname": "from draft 7 on no label has hyphens as third and fourth characters: RFC 5890 reserves them, and "
        "which xn-- labels are the Punycode of an allowed name no automaton of reasonable size can tell",
        "idn-hostname": "labels beyond ASCII are short, so that their Punycode surely is, and no label is Punycode",
        "time": "a leap second has an offset in quarters of an hour",
        "date-time": "a leap second has an offset in quarters of an hour",
        "duration": "letters are capital, as in ISO 8601; the grammar in RFC 3339 allows small ones",
    }
)

# What holds all texts of a format whose language is narrowed.
_WIDE: Final[Mapping[str, Callable[[], Regex]]] = MappingProxyType(
    {
        "hostname": partial(hostname, True),
        "idn-hostname": any_hostname,
        "time": partial(time, True),
        "date-time": partial(date_time, True),
        "duration": partial(duration, True),
    }
)


def format_of(name: str, draft: str = "2020-12") -> Format | None:
    """The strings of a format; None for a name that is an annotation and for what `UNSUPPORTED` names.

    draft: "3", "4", "6", "7", "2019-09" or "2020-12", also as "draft7". Lengths are apart from the language, since an
    automaton that counts both the characters of a label and those of the whole name has more than 20 000 states.
    """
    special = _BY_DRAFT.get((draft.removeprefix("draft"), name))
    make = special or FORMATS.get(name)
    if make is None:
        return None
    narrowed = None if special else NARROWED.get(name)
    language = make()
    wide = language if narrowed is None else _WIDE[name]()
    return Format(language, wide, _LONGEST.get(name), narrowed)
