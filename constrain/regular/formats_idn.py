"""The language of internationalised host names (RFC 5890 to 5893), as far as an automaton of reasonable size goes.

What a label beyond ASCII may hold is regular: code points by class (RFC 5892), rules on what stands beside some of
them, NFC, and direction (RFC 5893). Its length is not: at most 63 octets in Punycode, whose digits depend on everything
before them. So labels are short enough that no Punycode is longer (tests/regular/test_idn.py has the proof), and so few
that no name passes 253 octets. Labels that are Punycode themselves (`xn--`) are left out.

idn.txt holds the classes of characters; tests/regular/make_idn.py writes it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from constrain.regular.ast import (
    ALL,
    ANY,
    Regex,
    char_set,
    characters,
    chars,
    complement,
    concat,
    difference,
    intersect,
    literal,
    optional,
    repeat,
    union,
)  # fmt: skip
from constrain.regular.charset import CharSet
from constrain.regular.formats_net import ALPHANUMERIC, NON_ASCII
from constrain.regular.properties import decoded, property_set

LONGEST: Final = 9  # characters of a label beyond ASCII
LONGEST_LOW: Final = 13  # of one without characters from LOW on
LOW: Final = 0x700
MOST_LABELS: Final = 3  # of a name with a label beyond ASCII
DOTS: Final = char_set(".\u3002\uff0e\uff61")  # RFC 3490 3.1

_HYPHEN = literal("-")
_LDH = chars([(45, 45), (48, 57), (65, 90), (97, 122)])
_CONTEXT = CharSet.of("\u200c\u200d\u00b7\u0375\u05f3\u05f4\u30fb") | CharSet([(0x660, 0x669), (0x6F0, 0x6F9)])


@cache
def _table() -> dict[str, CharSet]:
    """Class -> its characters."""
    text = Path(__file__).with_name("idn.txt").read_text("ascii")
    return {name: decoded(ranges) for name, _, ranges in (line.partition(" ") for line in text.splitlines())}


def _set(*names: str) -> CharSet:
    found = CharSet([])
    for name in names:
        found |= _table()[name]
    return found


def _one(chosen: CharSet) -> Regex:
    return characters(chosen)


def _script(name: str) -> CharSet:
    return property_set(f"sc={name}")


def _contains(part: Regex) -> Regex:
    return concat(ALL, part, ALL)


def _only_between(mark: str, before: Regex, after: Regex) -> Regex:
    """Labels in which the mark stands only after `before` and before `after` (languages of what is around it)."""
    middle = literal(mark)
    return complement(union(concat(complement(before), middle, ALL), concat(ALL, middle, complement(after))))


def _rules() -> list[Regex]:
    """What holds of every label beyond ASCII, one after the other (RFC 5891 4.2.3, RFC 5892 appendix A)."""
    joined = concat(ALL, _one(_set("L", "D")), repeat(_one(_set("T"))))
    joins = concat(repeat(_one(_set("T"))), _one(_set("R", "D")), ALL)
    virama = concat(ALL, _one(_set("VIRAMA")))
    non_joiner = literal("\u200c")
    hebrew = concat(ALL, _one(_script("Hebrew")))
    japanese = _contains(_one(_script("Hiragana") | _script("Katakana") | _script("Han")))
    return [
        complement(concat(_one(_set("MARK")), ALL)),
        complement(union(concat(_HYPHEN, ALL), concat(ALL, _HYPHEN), concat(ANY, ANY, literal("--"), ALL))),
        # NFC; two characters with a class beside each other are left out, and what might compose
        complement(_contains(concat(_one(_set("CLASS")), _one(_set("CLASS"))))),
        complement(_contains(concat(_one(_set("FIRST")), _one(_set("SECOND"))))),
        complement(_contains(concat(_one(_set("FIRST-0")), _one(_set("SECOND-0"))))),
        _only_between("\u00b7", concat(ALL, literal("l")), concat(literal("l"), ALL)),
        _only_between("\u0375", ALL, concat(_one(_script("Greek")), ALL)),
        _only_between("\u05f3", hebrew, ALL),
        _only_between("\u05f4", hebrew, ALL),
        union(complement(_contains(literal("\u30fb"))), japanese),
        complement(intersect(_contains(chars([(0x660, 0x669)])), _contains(chars([(0x6F0, 0x6F9)])))),
        _only_between("\u200d", virama, ALL),
        complement(union(
            concat(complement(union(virama, joined)), non_joiner, ALL),
            concat(complement(virama), non_joiner, complement(joins)),
        )),
    ]  # fmt: skip


def _directed() -> Regex:
    """Labels as names with a character from right to left must have them (RFC 5893 2)."""
    trailing = repeat(_one(_set("B-NSM")))
    right = concat(
        _one(_set("B-R")),
        optional(concat(
            repeat(_one(_set("B-R", "B-AN", "B-EN", "B-OTHER", "B-NSM"))), _one(_set("B-R", "B-AN", "B-EN")),
        )),
        trailing,
    )  # fmt: skip
    mixed = intersect(_contains(_one(_set("B-AN"))), _contains(_one(_set("B-EN"))))
    left = concat(
        _one(_set("B-L")),
        optional(concat(repeat(_one(_set("B-L", "B-EN", "B-OTHER", "B-NSM"))), _one(_set("B-L", "B-EN")))),
        trailing,
    )
    return union(difference(right, mixed), left)


@cache
def label() -> Regex:
    """Labels with a character beyond ASCII, whatever stands beside them."""
    allowed = _set("PVALID") | _CONTEXT
    low = allowed & CharSet([(0, LOW - 1)])
    sizes = union(repeat(_one(allowed), 1, LONGEST), repeat(_one(low), 1, LONGEST_LOW))
    return intersect(sizes, _contains(NON_ASCII), *_rules())


@cache
def plain_label() -> Regex:
    """Labels of ASCII characters that are not reserved (RFC 1123 2.1, RFC 5890 2.3.2.3)."""
    found = concat(ALPHANUMERIC, optional(concat(repeat(_LDH, 0, 61), ALPHANUMERIC)))
    return difference(found, concat(_LDH, _LDH, literal("--"), ALL))


@cache
def idn_hostname() -> Regex:
    """Names of labels with dots between."""
    both = union(plain_label(), label())
    to_right = complement(_contains(_one(_set("B-R", "B-AN"))))
    ascii_only = concat(plain_label(), repeat(concat(DOTS, plain_label())))
    names = [intersect(both, rule) for rule in (to_right, _directed())]
    return union(ascii_only, *(concat(one, repeat(concat(DOTS, one), 0, MOST_LABELS - 1)) for one in names))


@cache
def any_hostname() -> Regex:
    """Everything that could be an internationalised host name, and more."""
    return repeat(union(_LDH, literal("."), NON_ASCII), 1)
