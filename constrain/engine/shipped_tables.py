"""Tables of the grammars that ship, made ahead: `scripts/make_shipped_tables.py` writes them, a test makes them again.

`grammars/tables/index.json` names the grammar of each text by its SHA-256, so a text that was changed finds none and is
read as any other. What patterns mean depends on Unicode as Python knows it; of a lexer that is which characters are in
which column, so a file has those for each version that the script knows. Another Python reads the grammar itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import unicodedata
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from constrain.array_files import Arrays, packed, unpacked
from constrain.engine import layout
from constrain.engine.rules_lexer import Table
from constrain.engine.terminals import dfa_record
from constrain.grammar.kept import Made
from constrain.grammar.shipped import shipped_folders
from constrain.limits import DEFAULT_LIMITS, Limits

RUNNING = ("stack_depth", "live_stacks", "mask_work", "arena_bytes", "store_bytes")  # limits of what follows later
ANY = "any"  # stands for a version of Unicode where it makes no difference


def found(text: str, limits: Limits) -> Made | None:
    """What `rules_record` makes of the text of a grammar that ships (its start, no options); None: not known here."""
    if replace(limits, **{name: getattr(DEFAULT_LIMITS, name) for name in RUNNING}) != DEFAULT_LIMITS:
        return None
    named = _index().get(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    if named is None:
        return None
    for folder in shipped_folders():
        with contextlib.suppress(OSError, zlib.error):
            made = unpacked(bytearray(zlib.decompress((folder / "tables" / f"{named}.bin").read_bytes())))
            if made is not None and made[1]["layout"] == layout_digest():
                return of_version(made, unicodedata.unidata_version)
    return None


@cache
def _index() -> dict[str, str]:
    for folder in shipped_folders():
        with contextlib.suppress(OSError, ValueError):
            names: dict[str, str] = json.loads((folder / "tables" / "index.json").read_bytes())
            return names
    return {}


@cache
def layout_digest() -> str:
    """Of the constants of layout.py that say how the records of rules and automata are laid out."""
    wanted = ("R_", "TD_", "OP_RULES", "T_DFA")
    constants = {name: value for name, value in vars(layout).items() if name.startswith(wanted)}
    return hashlib.sha256(repr(sorted(constants.items())).encode()).hexdigest()


def joined(versions: dict[str, Made]) -> Made:
    """What `rules_record` has made under versions of Unicode as one. ValueError: they differ by more than columns."""
    arrays: Arrays = {}
    meta: dict[str, Any] = {"layout": layout_digest(), "keys": {}}
    for version, (own, told) in versions.items():
        parts: Arrays = {"record": own["record"]}
        for name in ("lexer", "watch"):
            table = table_of(own[name])
            parts |= {f"{name} table": table.table, f"{name} accept": table.accept}
            arrays |= {f"bounds {version}": table.bounds, f"classes {version}": table.classes}
        for name, array in parts.items():
            if not np.array_equal(arrays.setdefault(name, array), array):
                raise ValueError(f"{name} differs between versions of Unicode")
        meta["keys"][version] = told["key"]
    return arrays, meta


def of_version(made: Made, version: str) -> Made | None:
    """The reverse of `joined`, for one version of Unicode; None: it is not among them."""
    arrays, meta = made
    version = ANY if ANY in meta["keys"] else version
    if version not in meta["keys"]:
        return None
    out: Arrays = {"record": arrays["record"]}
    for name in ("lexer", "watch"):
        parts = (f"bounds {version}", f"classes {version}", f"{name} table", f"{name} accept")
        out[name] = dfa_record(Table(*(arrays[part] for part in parts)), 0)
    return out, {"key": meta["keys"][version]}


def table_of(record: Any) -> Table:
    """The automaton of a record that `dfa_record` has made."""
    states, columns, k = (int(record[i]) for i in (layout.TD_STATES, layout.TD_NCLS, layout.TD_NINT))
    sizes = {layout.TD_BOUNDS: k, layout.TD_CLASSES: k, layout.TD_TABLE: states * columns, layout.TD_ACCEPT: states}
    bounds, classes, table, accept = (record[record[field] :][:size] for field, size in sizes.items())
    return Table(bounds, classes, table.reshape(states, columns), accept)


def compressed(made: Made) -> bytes:
    """The content of a file."""
    return zlib.compress(packed(*made), 9)

