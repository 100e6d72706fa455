"""A tool: write constrain/regular/idn.txt, what host names may consist of, from `idna` and Python's `unicodedata`.

    python -m tests.regular.make_idn

Lines as in properties.txt (see encoding.py), for the characters that both sources know:
PVALID: in every label (RFC 5892); L, R, D, T: joining types; FIRST, SECOND: what composes with some mark after it, and
such marks (NFC); FIRST-0, SECOND-0: the same where the second has no Canonical_Combining_Class;
MARK: General_Category M; CLASS: Canonical_Combining_Class other than 0; VIRAMA: class 9;
B-L, B-R, B-AN, B-EN, B-NSM, B-OTHER: by Bidi_Class (RFC 5893: R with AL; ES, CS, ET, ON, BN together; others in none).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from idna import idnadata

from tests.regular.encoding import encoded, ranges_of

CAPITAL = frozenset(range(65, 91))  # in labels of ASCII only
TARGET = Path(__file__).parents[2] / "constrain" / "regular" / "idn.txt"
CONTEXT = frozenset([0x200C, 0x200D, 0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB, *range(0x660, 0x66A), *range(0x6F0, 0x6FA)])


def line(name: str, chosen: Iterable[int]) -> str:
    """The line of a set of code points."""
    return f"{name} {encoded(ranges_of(chosen))}"


def unpacked(ranges: Iterable[int]) -> set[int]:
    """The code points of ranges as `idna` has them: the first in the upper 32 bits, the one after the last below."""
    return {x for packed in ranges for x in range(packed >> 32, packed & 0xFFFFFFFF)}


def main() -> None:
    """Write the file."""
    allowed = unpacked(idnadata.codepoint_classes["PVALID"])
    allowed = {x for x in allowed if unicodedata.category(chr(x)) != "Cn"}
    allowed = {x for x in allowed if unicodedata.is_normalized("NFC", chr(x))}
    known = allowed | CONTEXT
    pairs: set[tuple[int, int]] = set()
    for x in range(0x110000):
        parts = unicodedata.decomposition(chr(x)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            a, b = (int(p, 16) for p in parts)
            if {a, b} <= known:
                pairs.add((a, b))
    marks = [(a, b) for a, b in pairs if unicodedata.combining(chr(b))]
    others = [(a, b) for a, b in pairs if not unicodedata.combining(chr(b))]

    def bidi(*classes: str) -> set[int]:
        return {x for x in known | CAPITAL if unicodedata.bidirectional(chr(x)) in classes}

    joining = {letter: unpacked(idnadata.joining_types[letter]) & known for letter in "LRDT"}
    TARGET.write_text(
        "\n".join(
            [
                line("PVALID", allowed),
                *(line(letter, joining[letter]) for letter in "LRDT"),
                line("FIRST", {a for a, _ in marks}),
                line("SECOND", {b for _, b in marks}),
                line("FIRST-0", {a for a, _ in others}),
                line("SECOND-0", {b for _, b in others}),
                line("MARK", {x for x in known if unicodedata.category(chr(x)).startswith("M")}),
                line("CLASS", {x for x in known if unicodedata.combining(chr(x))}),
                line("VIRAMA", {x for x in known if unicodedata.combining(chr(x)) == 9}),
                line("B-L", bidi("L")),
                line("B-R", bidi("R", "AL")),
                line("B-AN", bidi("AN")),
                line("B-EN", bidi("EN")),
                line("B-NSM", bidi("NSM")),
                line("B-OTHER", bidi("ES", "CS", "ET", "ON", "BN")),
            ]
        )
        + "\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    main()
