"""What the engine has made of a grammar's text before: in this package, or on the disk since an earlier process.

It is found by the text alone, so nothing of the grammar needs to be read for it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from constrain import sorted_arrays
from constrain.grammar import kept
from constrain.grammar.cfg import Cfg
from constrain.grammar.cfg_arrays import cfg_arrays, cfg_from
from constrain.grammar.kept import Made
from constrain.limits import Limits


class Source(NamedTuple):
    """Where a grammar was read from: a frontend, and the text and the options that it was given."""

    kind: str
    content: tuple[str, ...]

    @property
    def parts(self) -> list[bytes]:
        """As bytes, with the version of Python: its tables of characters are part of what patterns mean."""
        python = ".".join(map(str, sys.version_info[:2]))
        return [part.encode("utf-8", "surrogatepass") for part in (self.kind, *self.content, python)]


PLAIN = ("start", "(False, None, 0)")  # start and options of a Lark grammar that are the usual ones


def found(source: Source, limits: Limits) -> Made | None:
    """What `rules_record` has made of the grammar; None: nothing that is still there."""
    if source.kind == "lark" and source.content[1:3] == PLAIN:
        from constrain.engine import shipped_tables

        made = shipped_tables.found(source.content[0], limits)
        if made is not None:
            return made
    return kept.found(_key(source, limits))


def keep(source: Source, limits: Limits, made: Made) -> None:
    """Keep what `rules_record` has made of the grammar."""
    kept.keep(_key(source, limits), made)


def _key(source: Source, limits: Limits) -> bytes:
    return kept.key_of("record of a text", [sources(), *source.parts], limits)


@lru_cache(maxsize=1)
def sources() -> bytes:
    """SHA-256 of the code that makes records, beside that of `kept.sources`."""
    digest = hashlib.sha256()
    for file in ("layout", "terminals", "rules_record", "rules_lexer"):
        digest.update(Path(__file__).with_name(f"{file}.py").read_bytes())
    digest.update(Path(sorted_arrays.__file__).read_bytes())
    return digest.digest()


def cfg_of(source: Source, read: Callable[[], Cfg], limits: Limits) -> tuple[Cfg, bool]:
    """The grammar that `read` reads, from the disk where it is kept; and whether it is one that can be kept."""
    key = kept.key_of("rules", source.parts, limits)
    made = kept.found(key)
    if made is None:
        cfg = read()
        made = cfg_arrays(cfg, limits)
        if made is None:
            return cfg, False
        kept.keep(key, made)
    return cfg_from(*made), True
