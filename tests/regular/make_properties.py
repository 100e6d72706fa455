"""A tool: write constrain/regular/properties.txt from the Unicode data of the packages `regex` and `fonttools`.

    python -m tests.regular.make_properties

One line for each property: its names, separated by `|`, and its ranges (see encoding.py).
"""

from __future__ import annotations

from pathlib import Path

import regex
from fontTools.unicodedata import Scripts  # type: ignore[import-not-found]

from tests.regular.encoding import encoded

TARGET = Path(__file__).parents[2] / "constrain" / "regular" / "properties.txt"
CHARACTERS = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))

CATEGORIES = """
Lu|Uppercase_Letter Ll|Lowercase_Letter Lt|Titlecase_Letter LC|Cased_Letter Lm|Modifier_Letter Lo|Other_Letter
L|Letter Mn|Nonspacing_Mark Mc|Spacing_Mark Me|Enclosing_Mark M|Mark|Combining_Mark Nd|Decimal_Number|digit
Nl|Letter_Number No|Other_Number N|Number Pc|Connector_Punctuation Pd|Dash_Punctuation Ps|Open_Punctuation
Pe|Close_Punctuation Pi|Initial_Punctuation Pf|Final_Punctuation Po|Other_Punctuation P|Punctuation|punct
Sm|Math_Symbol Sc|Currency_Symbol Sk|Modifier_Symbol So|Other_Symbol S|Symbol Zs|Space_Separator
Zl|Line_Separator Zp|Paragraph_Separator Z|Separator Cc|Control|cntrl Cf|Format Cs|Surrogate Co|Private_Use
Cn|Unassigned C|Other
"""
BINARY = """
ASCII ASCII_Hex_Digit|AHex Alphabetic|Alpha Any Assigned Bidi_Control|Bidi_C Bidi_Mirrored|Bidi_M
Case_Ignorable|CI Cased Changes_When_Casefolded|CWCF Changes_When_Casemapped|CWCM Changes_When_Lowercased|CWL
Changes_When_Titlecased|CWT Changes_When_Uppercased|CWU Dash Default_Ignorable_Code_Point|DI Deprecated|Dep
Diacritic|Dia Emoji Emoji_Component|EComp Emoji_Modifier|EMod Emoji_Modifier_Base|EBase
Emoji_Presentation|EPres Extended_Pictographic|ExtPict Extender|Ext Grapheme_Base|Gr_Base
Grapheme_Extend|Gr_Ext Hex_Digit|Hex IDS_Binary_Operator|IDSB IDS_Trinary_Operator|IDST ID_Continue|IDC
ID_Start|IDS Ideographic|Ideo Join_Control|Join_C Logical_Order_Exception|LOE Lowercase|Lower Math
Noncharacter_Code_Point|NChar Pattern_Syntax|Pat_Syn Pattern_White_Space|Pat_WS Quotation_Mark|QMark Radical
Regional_Indicator|RI Sentence_Terminal|STerm Soft_Dotted|SD Terminal_Punctuation|Term Unified_Ideograph|UIdeo
Uppercase|Upper Variation_Selector|VS White_Space|space XID_Continue|XIDC XID_Start|XIDS
"""
SPECIAL = {"Zinh": ["Qaai"], "Copt": ["Qaac"]}  # further script codes


def line(names: str, prop: str) -> str:
    """The line of a property, as `regex` has it."""
    ranges = []
    for m in regex.finditer(rf"\p{{{prop}}}+", CHARACTERS):
        lo, hi = ord(CHARACTERS[m.start()]), ord(CHARACTERS[m.end() - 1])
        ranges += [(lo, 0xD7FF), (0xE000, hi)] if lo < 0xD800 < hi else [(lo, hi)]
    return f"{names} {encoded(ranges)}".rstrip()


def main() -> None:
    """Write the file."""
    lines = [
        line("|".join("gc=" + n for n in names.split("|")), "gc=" + names.split("|")[0]) for names in CATEGORIES.split()
    ]
    for code, name in sorted(Scripts.NAMES.items()):
        for key, prop in ("sc", "Script"), ("scx", "Script_Extensions"):
            names = "|".join(f"{key}={n}" for n in dict.fromkeys([code, name, *SPECIAL.get(code, [])]))
            lines.append(line(names, f"{prop}={name}"))
    lines += [line(names, names.split("|")[0]) for names in BINARY.split()]
    TARGET.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
