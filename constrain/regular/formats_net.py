"""Languages of network names: IP addresses, host names, e-mail addresses."""

from __future__ import annotations

from functools import cache

from constrain.regular.ast import (
    ALL,
    Regex,
    char_set,
    chars,
    concat,
    difference,
    literal,
    optional,
    repeat,
    union,
)
from constrain.regular.charset import MAX_CODE_POINT

DIGIT = chars([(48, 57)])
LETTER = chars([(65, 90), (97, 122)])
ALPHANUMERIC = chars([(48, 57), (65, 90), (97, 122)])
HEX = chars([(48, 57), (65, 70), (97, 102)])
NON_ASCII = chars([(0x80, MAX_CODE_POINT)])

HOST_LENGTH = 253  # characters of a host name (RFC 1123 2.1, RFC 1035 2.3.4: 255 octets with the lengths of labels)


@cache
def ipv4() -> Regex:
    """`dec-octet` four times (RFC 3986 3.2.2, RFC 2673 3.2): no leading zeros."""
    octet = _octet()
    return concat(octet, repeat(concat(literal("."), octet), 3, 3))


def _octet() -> Regex:
    return union(
        DIGIT,
        concat(chars([(49, 57)]), DIGIT),
        concat(literal("1"), DIGIT, DIGIT),
        concat(literal("2"), chars([(48, 52)]), DIGIT),
        concat(literal("25"), chars([(48, 53)])),
    )


@cache
def ipv6(most: int = 7, padded: bool = False) -> Regex:
    """RFC 4291 2.2 as RFC 3986 3.2.2 writes it, without a zone.

    most: groups that may stand beside `::` (7; RFC 5321 has 6). padded: octets of an embedded IPv4 address may have
    leading zeros.
    """
    group = repeat(HEX, 1, 4)
    more = concat(literal(":"), group)
    tail = _padded_ipv4() if padded else ipv4()
    ended = concat(group, literal(":"))
    full = concat(repeat(ended, 6, 6), union(concat(group, more), tail))

    def right(count: int) -> Regex:
        if not count:
            return literal("")
        plain = optional(concat(group, repeat(more, 0, count - 1)))
        return union(plain, concat(repeat(ended, 0, count - 2), tail)) if count >= 2 else plain

    short = [concat(literal("::"), right(most))]
    short += [concat(group, repeat(more, n - 1, n - 1), literal("::"), right(most - n)) for n in range(1, most + 1)]
    return union(full, *short)


def _padded_ipv4() -> Regex:
    octet = union(_octet(), concat(literal("0"), DIGIT), concat(literal("0"), DIGIT, DIGIT))
    return concat(octet, repeat(concat(literal("."), octet), 3, 3))


@cache
def hostname(reserved: bool) -> Regex:
    """Labels of 1 to 63 letters, digits and inner hyphens with dots between (RFC 1123 2.1); the length is not bounded.

    reserved: may the third and fourth characters of a label be hyphens (RFC 5890 2.3.1), as in `xn--`?
    """
    label = concat(ALPHANUMERIC, optional(concat(repeat(_LDH, 0, 61), ALPHANUMERIC)))
    if not reserved:
        label = difference(label, concat(_LDH, _LDH, literal("--"), ALL))
    return concat(label, repeat(concat(literal("."), label), 0))


_LDH = chars([(45, 45), (48, 57), (65, 90), (97, 122)])


@cache
def email(international: bool) -> Regex:
    """`Mailbox` of RFC 5321 4.1.2; international: with the additions of RFC 6531 3.3 (any character beyond ASCII).

    Tags of address literals are those that are registered: IPv6.
    """
    atext, qtext = char_set("!#$%&'*+-/=?^_`{|}~") | ALPHANUMERIC, chars([(32, 33), (35, 91), (93, 126)])
    inner, outer = _LDH, ALPHANUMERIC
    if international:
        atext, qtext, inner, outer = (c | NON_ASCII for c in (atext, qtext, inner, outer))
    atom = repeat(atext, 1)
    quoted = concat(literal('"'), repeat(union(qtext, concat(literal("\\"), chars([(32, 126)]))), 0), literal('"'))
    local = union(concat(atom, repeat(concat(literal("."), atom), 0)), quoted)
    label = concat(outer, repeat(concat(repeat(literal("-"), 0), outer), 0))
    domain = concat(label, repeat(concat(literal("."), label), 0))
    tag = concat(char_set("Ii"), char_set("Pp"), char_set("Vv"), literal("6:"))
    address = concat(literal("["), union(_padded_ipv4(), concat(tag, ipv6(6, True))), literal("]"))
    return concat(local, literal("@"), union(domain, address))


_COLORS = "aqua black blue fuchsia gray green lime maroon navy olive orange purple red silver teal white yellow"


@cache
def color() -> Regex:
    """A colour of CSS 2.1 (4.3.6): a name, #rgb, #rrggbb, or rgb() of three numbers or three percentages."""
    names = [concat(*(char_set(c + c.upper()) for c in name)) for name in _COLORS.split()]
    space = repeat(char_set(" \t\r\n\f"), 0)
    sign = optional(char_set("+-"))
    whole = concat(sign, repeat(DIGIT, 1))
    part = concat(sign, union(repeat(DIGIT, 1), concat(repeat(DIGIT, 0), literal("."), repeat(DIGIT, 1))), literal("%"))

    def three(value: Regex) -> Regex:
        spaced = concat(space, value, space)
        return concat(spaced, literal(","), spaced, literal(","), spaced)

    function = concat(
        char_set("rR"), char_set("gG"), char_set("bB"), literal("("), union(three(whole), three(part)), literal(")")
    )
    return union(*names, concat(literal("#"), union(repeat(HEX, 3, 3), repeat(HEX, 6, 6))), function)
