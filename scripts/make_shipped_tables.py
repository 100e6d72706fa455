"""Make the tables of the grammars that ship: `python scripts/make_shipped_tables.py [NAME...]` writes grammars/tables.

To be run after a change of a grammar, or of code that changes what is made of one (`tests/grammars/test_tables.py` says
so). Tables are made once for each version of Unicode in constrain/regular/python_classes.txt, as a Python of that
version would make them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from constrain.engine import rules_record, shipped_tables
from constrain.grammar import cfg_arrays
from constrain.grammar.ir import Grammar
from constrain.grammar.kept import Made
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.regular_parts import finished
from constrain.grammar.shipped import shipped_names, shipped_text
from constrain.limits import DEFAULT_LIMITS
from constrain.regular import ordered, python_re
from constrain.regular.charset import CharSet
from constrain.regular.properties import python_classes

FOLDER = Path(__file__).resolve().parent.parent / "grammars" / "tables"


def made_under(text: str, own: dict[str, CharSet] | None) -> tuple[Made, bool]:
    """What is made of a grammar where the classes of `re` are these (None: this Python's), and: were any used?"""
    used = []
    usual = python_re.python_class

    def of_version(letter: str) -> CharSet:
        used.append(letter)
        return usual(letter) if own is None else own[letter]

    python_re.python_class = of_version
    ordered.forget()  # what was made of these patterns under other versions
    try:
        cfg = finished(lark_rules(text, "start", Grammar()), DEFAULT_LIMITS)
    finally:
        python_re.python_class = usual
        ordered.forget()
    arrays = cfg_arrays.cfg_arrays(cfg)
    assert arrays is not None, "a grammar that ships has nodes"
    made = rules_record.tables_of(cfg_arrays.cfg_from(*arrays), DEFAULT_LIMITS)
    assert "lexer" in made[0] and "\\B" not in text, "no lexer, or \\B, which Pythons differ in"
    return made, bool(used)


def tables(text: str, versions: list[str]) -> Made:
    """The content of a file of `grammars/tables`, for these versions of Unicode."""
    known = python_classes()
    made, used = made_under(text, known[versions[0]])
    if not used:
        return shipped_tables.joined({shipped_tables.ANY: made})
    rest = {version: made_under(text, known[version])[0] for version in versions[1:]}
    return shipped_tables.joined({versions[0]: made, **rest})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="grammars (all)")
    names = parser.parse_args().names or shipped_names()
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        text = shipped_text(name) or ""
        made = tables(text, list(python_classes()))
        data = shipped_tables.compressed(made)
        (FOLDER / f"{name}.bin").write_bytes(data)
        print(f"{name}: {len(data)} bytes, for {', '.join(made[1]['keys'])}")
    index = {hashlib.sha256((shipped_text(name) or "").encode()).hexdigest(): name for name in shipped_names()}
    (FOLDER / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
