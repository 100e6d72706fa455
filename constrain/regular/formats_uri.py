"""Languages of identifiers: URI and IRI with their references, URI templates, JSON pointers, UUID."""

from __future__ import annotations

from functools import cache

from constrain.regular.ast import Regex, char_set, chars, concat, literal, optional, repeat, union
from constrain.regular.charset import MAX_CODE_POINT
from constrain.regular.formats_net import ALPHANUMERIC, DIGIT, HEX, LETTER, ipv6

# RFC 3987 2.2
_UCS = [(0xA0, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFEF)]
_UCS += [(plane + (0x1000 if plane == 0xE0000 else 0), plane + 0xFFFD) for plane in range(0x10000, 0xF0000, 0x10000)]
_PRIVATE = [(0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD)]

_PERCENT = concat(literal("%"), HEX, HEX)
_SUB_DELIMS = char_set("!$&'()*+,;=")
_UNRESERVED = char_set("-._~") | ALPHANUMERIC
_SCHEME = concat(LETTER, repeat(ALPHANUMERIC | char_set("+-."), 0))


class _Parts:
    """The parts of RFC 3986 appendix A, or of RFC 3987 2.2 where characters beyond ASCII may stand."""

    def __init__(self, international: bool) -> None:
        unreserved = _UNRESERVED | chars(_UCS) if international else _UNRESERVED
        named = unreserved | _SUB_DELIMS
        character = named | char_set(":@")
        segment = repeat(union(character, _PERCENT), 0)
        non_empty = repeat(union(character, _PERCENT), 1)
        no_colon = repeat(union(named | char_set("@"), _PERCENT), 1)
        slashed = repeat(concat(literal("/"), segment), 0)
        future = concat(
            char_set("vV"), repeat(HEX, 1), literal("."), repeat(_UNRESERVED | _SUB_DELIMS | char_set(":"), 1)
        )
        host = union(concat(literal("["), union(ipv6(), future), literal("]")), repeat(union(named, _PERCENT), 0))
        user = optional(concat(repeat(union(named | char_set(":"), _PERCENT), 0), literal("@")))
        port = optional(concat(literal(":"), repeat(DIGIT, 0)))
        authority = concat(literal("//"), user, host, port, slashed)
        absolute = concat(literal("/"), optional(concat(non_empty, slashed)))
        queried = character | char_set("/?")
        query = repeat(union(queried | chars(_PRIVATE) if international else queried, _PERCENT), 0)
        fragment = repeat(union(queried, _PERCENT), 0)
        tail = concat(optional(concat(literal("?"), query)), optional(concat(literal("#"), fragment)))
        scheme = concat(_SCHEME, literal(":"))
        hierarchical = union(authority, absolute, literal(""))
        rootless = concat(non_empty, slashed)
        self.identifier = concat(scheme, union(hierarchical, rootless), tail)
        relative = concat(no_colon, slashed)
        self.reference = concat(union(concat(optional(scheme), hierarchical), concat(scheme, rootless), relative), tail)


@cache
def _parts(international: bool) -> _Parts:
    return _Parts(international)


def uri() -> Regex:
    """`URI` of RFC 3986: with a scheme."""
    return _parts(False).identifier


def uri_reference() -> Regex:
    """`URI-reference` of RFC 3986."""
    return _parts(False).reference


def iri() -> Regex:
    """`IRI` of RFC 3987."""
    return _parts(True).identifier


def iri_reference() -> Regex:
    """`IRI-reference` of RFC 3987."""
    return _parts(True).reference


@cache
def uri_template() -> Regex:
    """`URI-Template` of RFC 6570 (with erratum 6937: an apostrophe is a literal)."""
    plain = [(0x21, 0x21), (0x23, 0x24), (0x26, 0x3B), (0x3D, 0x3D), (0x3F, 0x5B), (0x5D, 0x5D), (0x5F, 0x5F)]
    plain += [(0x61, 0x7A), (0x7E, 0x7E)]
    text = union(chars(plain + _UCS + _PRIVATE), _PERCENT)
    letter = union(ALPHANUMERIC | char_set("_"), _PERCENT)
    name = concat(letter, repeat(concat(optional(literal(".")), letter), 0))
    prefix = concat(literal(":"), chars([(49, 57)]), repeat(DIGIT, 0, 3))
    variable = concat(name, optional(union(prefix, literal("*"))))
    listed = concat(variable, repeat(concat(literal(","), variable), 0))
    expression = concat(literal("{"), optional(char_set("+#./;?&=,!@|")), listed, literal("}"))
    return repeat(union(text, expression), 0)


@cache
def json_pointer() -> Regex:
    """RFC 6901."""
    character = union(chars([(0, 0x2E), (0x30, 0x7D), (0x7F, MAX_CODE_POINT)]), literal("~0"), literal("~1"))
    return repeat(concat(literal("/"), repeat(character, 0)), 0)


@cache
def relative_json_pointer(shifts: bool) -> Regex:
    """A JSON pointer after a number of levels; shifts: an index may be moved (`0-1`), as since draft 2020-12."""
    natural = union(literal("0"), concat(chars([(49, 57)]), repeat(DIGIT, 0)))
    levels = (
        concat(natural, optional(concat(char_set("+-"), chars([(49, 57)]), repeat(DIGIT, 0)))) if shifts else natural
    )
    return concat(levels, union(literal("#"), json_pointer()))


@cache
def uuid() -> Regex:
    """RFC 4122 3: 8-4-4-4-12 hexadecimal digits, of any version and variant."""
    four = concat(literal("-"), repeat(HEX, 4, 4))
    return concat(repeat(HEX, 8, 8), four, four, four, literal("-"), repeat(HEX, 12, 12))
