"""`"format": "regex"`: the texts of regular expressions (ECMA-262, syntax of the `u` flag) as nodes of the grammar.

Brackets nest, so this is no regular language: a group is a sequence of its bracket, what is in it, and the closing one.
Everything between groups is regular. The nodes are of the JSON text itself, so each character is written out as JSON
spells it. Left out is what can only be told by counting or comparing: group names, back-references, `\\0`, ranges in
classes whose ends are not printable ASCII, `{n,m}` with n above 20; and ASCII characters written as `\\u00xx`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from constrain.grammar.ir import Alt, Grammar, Literal, NodeId, Seq, Text
from constrain.regular.ast import Regex, characters, choice, concat, intersect, literal, optional, repeat, union
from constrain.regular.charset import CharSet

if TYPE_CHECKING:
    from constrain.schema.compiler import Compiler

_SYNTAX = r"^$\.*+?()[]{}|"
_SHORT = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}
_CATEGORIES = "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn"


def node(c: Compiler, least: int) -> NodeId:
    """The node for JSON strings that hold a regular expression of at least `least` (0 or 1) characters."""
    key = ("format", "regex", least)
    made = c.derived.get(key)
    if made is None:
        made = c.derived[key] = _add(c.grammar, least)
    found: NodeId = made
    return found


def _add(grammar: Grammar, least: int) -> NodeId:
    parts = _parts()
    if grammar.escapes == "canonical":
        flat, opening, closing, looking, closed = [intersect(part, _canonical()) for part in parts]
    else:
        flat, opening, closing, looking, closed = parts
    inside = grammar.reserve()
    groups = grammar.add(
        Alt(
            (
                grammar.add(Seq((grammar.add(Text(opening)), inside, grammar.add(Text(closing))))),
                grammar.add(Seq((grammar.add(Text(looking)), inside, grammar.add(Text(closed))))),
            )
        )
    )
    more = grammar.add(Seq((groups, inside)))
    rest = grammar.add(Alt((grammar.add(Seq(())), more)))
    grammar.define(inside, Seq((grammar.add(Text(repeat(flat))), rest)))
    whole = inside
    if least:
        whole = grammar.add(Alt((grammar.add(Seq((grammar.add(Text(repeat(flat, 1))), rest))), more)))
    quote = grammar.add(Literal(b'"'))
    return grammar.add(Seq((quote, whole, quote)))


@lru_cache(maxsize=1)
def _parts() -> tuple[Regex, Regex, Regex, Regex, Regex]:
    """A piece without groups; brackets of groups before and after; brackets of lookarounds before and after."""
    digit, letter = _one(_chosen("0123456789")), _one(CharSet([(65, 90), (97, 122)]))
    hexes = _one(_chosen("0123456789abcdefABCDEF"))
    code = union(repeat(hexes, 1, 5), concat(_text("10"), repeat(hexes, 4, 4)))
    escaped = union(
        _one(_chosen("dDsSwWtnvfr" + _SYNTAX + "/")),
        concat(_text("c"), letter),
        concat(_text("x"), repeat(hexes, 2, 2)),
        concat(_text("u"), union(repeat(hexes, 4, 4), concat(_text("{"), code, _text("}")))),
        concat(_one(_chosen("pP")), _text("{"), choice(_CATEGORIES.split()), _text("}")),
    )
    escape = concat(_text("\\"), escaped)
    listed = union(_one(_without("\\]-")), escape, concat(_text("\\"), _one(_chosen("b-"))))
    printable = [chr(x) for x in range(0x20, 0x7F) if chr(x) not in "\\]-"]
    spans = union(
        *(concat(_text(a), _text("-"), _one(_chosen("".join(printable[i:])))) for i, a in enumerate(printable))
    )
    dash = optional(_text("-"))
    several = concat(_text("["), optional(_text("^")), dash, repeat(union(listed, spans)), dash, _text("]"))
    counts = [concat(repeat(digit, 1), optional(_text(",")))]
    large = concat(_one(_chosen("123456789")), repeat(digit, 2, 3))
    for n in range(21):
        most = union(choice([str(m) for m in range(n, 100)]), large)
        counts.append(concat(literal(str(n)), _text(","), most))
    times = union(_one(_chosen("*+?")), concat(_text("{"), union(*counts), _text("}")))
    quantifier = optional(concat(times, optional(_text("?"))))
    atom = union(_one(_without(_SYNTAX)), _text("."), escape, several)
    assertion = union(_one(_chosen("^$")), concat(_text("\\"), _one(_chosen("bB"))))
    flat = union(assertion, concat(atom, quantifier), _text("|"))
    looking = choice(["(?=", "(?!", "(?<=", "(?<!"])
    return flat, choice(["(", "(?:"]), concat(_text(")"), quantifier), looking, _text(")")


@lru_cache(maxsize=1)
def _canonical() -> Regex:
    """JSON texts of characters with `escapes="canonical"`."""
    some = union(
        concat(literal("0"), characters(CharSet.of("01234567bef"))),
        concat(literal("1"), characters(CharSet.of("0123456789abcdef"))),
    )
    escape = concat(literal("\\"), union(characters(CharSet.of('\\"bfnrt')), concat(literal("u00"), some)))
    return repeat(union(characters(_RAW), escape))


def _chosen(text: str) -> CharSet:
    return CharSet.of(text)


def _without(text: str) -> CharSet:
    """Every character but these, which are ASCII."""
    left, at = [], 0
    for x in sorted(map(ord, text)):
        left.append((at, x - 1))
        at = x + 1
    return CharSet([(a, z) for a, z in [*left, (at, 0x10FFFF)] if a <= z])


def _text(text: str) -> Regex:
    return concat(*(_one(CharSet.of(c)) for c in text))


def _one(chosen: CharSet) -> Regex:
    """One of these characters, in a JSON string. A set that has one character beyond ASCII must have them all."""
    plain, parts = [], []
    for a, z in chosen.ranges:
        plain += [(max(a, 32), z)] if z >= 32 else []
        for x in range(a, min(z, 92) + 1):
            if x in (34, 92):
                parts.append(literal("\\" + chr(x)))
            elif x in _SHORT:
                parts.append(literal("\\" + _SHORT[x]))
    kept = CharSet(plain) & _RAW
    if kept.flat:
        parts.append(characters(kept))
    if chosen.ranges[0][0] == 0:
        parts.append(concat(literal("\\u00"), characters(CharSet.of("01")), _HEX))
    if chosen.ranges[-1][1] == 0x10FFFF:
        parts.append(_beyond_ascii())
    return union(*parts)


_RAW = CharSet([(32, 33), (35, 91), (93, 0x10FFFF)])
_HEX = characters(CharSet.of("0123456789abcdefABCDEF"))


@lru_cache(maxsize=1)
def _beyond_ascii() -> Regex:
    """The escapes of all characters beyond ASCII."""

    def digits(text: str) -> Regex:
        return characters(CharSet.of(text + text.upper()))

    some = repeat(_HEX, 2, 2)
    basic = union(
        concat(literal("00"), digits("89abcdef"), _HEX),
        concat(literal("0"), digits("123456789abcdef"), some),
        concat(digits("123456789abcef"), _HEX, some),
        concat(digits("d"), digits("01234567"), some),
    )
    pair = concat(digits("d"), digits("89ab"), some, literal("\\u"), digits("d"), digits("cdef"), some)
    return concat(literal("\\u"), union(basic, pair))
