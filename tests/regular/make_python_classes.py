"""A tool: add a version of Unicode to constrain/regular/python_classes.txt, what `\\d`, `\\s` and `\\w` of `re` match.

    python -m tests.regular.make_python_classes [MODULE]

The version is that of the Python that runs, and `re` is asked; or that of a module like `unicodedata` (such as
`unicodedata2`), whose categories tell, for a Python that isn't there. Lines: version, letter, `+` or `-`, and the
ranges (see encoding.py) that are more or fewer than in the version before.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from importlib import import_module
from pathlib import Path
from typing import Any

from constrain.regular.charset import CharSet
from constrain.regular.properties import asked_of_re, python_classes
from tests.regular.encoding import encoded, ranges_of

TARGET = Path(__file__).parents[2] / "constrain" / "regular" / "python_classes.txt"


def classes_by(module: Any) -> dict[str, CharSet]:
    """The classes by the data of a module: words are letters, numbers and `_`."""
    points = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    category = {c: module.category(chr(c)) for c in points}
    words = [c for c in points if category[c][0] in "LN" or c == 95 or module.numeric(chr(c), None) is not None]
    digits = [c for c in points if category[c] == "Nd"]
    spaces = [c for c in points if re.match(r"\s", chr(c))]
    return {k: CharSet(ranges_of(v)) for k, v in (("d", digits), ("s", spaces), ("w", words))}


def lines(known: dict[str, dict[str, CharSet]]) -> list[str]:
    """The lines of the file."""
    out = []
    last = dict.fromkeys("dsw", CharSet([]))
    for version in sorted(known, key=lambda name: tuple(map(int, name.split(".")))):
        for letter, chosen in known[version].items():
            for sign, changed in (("+", chosen - last[letter]), ("-", last[letter] - chosen)):
                if changed:
                    out.append(f"{version} {letter} {sign} {encoded(changed.ranges)}")
            last[letter] = chosen
    return out


def main() -> None:
    """Write the file."""
    known = dict(python_classes())
    if sys.argv[1:]:
        module = import_module(sys.argv[1])
        known[module.unidata_version] = classes_by(module)
    else:
        known[unicodedata.unidata_version] = {letter: asked_of_re(letter) for letter in "dsw"}
    TARGET.write_text("\n".join(lines(known)) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
