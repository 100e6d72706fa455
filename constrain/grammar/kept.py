"""What was made of a context-free grammar, kept between processes as arrays in files, and how they are named.

A file is named by the content that it was made of, by the limits, and by the source of the code that makes it, so it is
never out of date. The folder is bounded: what was used longest ago goes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from constrain.array_files import Arrays, make_room, read_arrays, usable, write_arrays
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import NEVER
from constrain.limits import Limits
from constrain.paths import cache_dir
from constrain.regular.ast import K_AUTOMATON, K_CHARS, K_CHOICE, K_LITERAL, Regex

KEPT_BYTES = 64 << 20  # of all files together
Made = tuple[Arrays, dict[str, Any]]  # arrays, and what JSON can hold


def kept(key: bytes, make: Callable[[], Made]) -> Made:
    """What is kept under a key (16 bytes or more); else what `make` makes, from now on kept."""
    made = found(key)
    if made is None:
        made = make()
        keep(key, made)
    return made


def found(key: bytes) -> Made | None:
    """What is kept under a key; None: nothing."""
    path = _path(key)
    made = read_arrays(path)
    if made is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
    return made


def keep(key: bytes, made: Made) -> None:
    """Keep something under a key from now on, if there is a folder for it."""
    path = _path(key)
    if usable(path.parent):
        size = sum(a.nbytes for a in made[0].values())
        if size <= KEPT_BYTES // 4:
            make_room(path.parent, KEPT_BYTES - size)
            write_arrays(path, *made)


def _path(key: bytes) -> Path:
    return cache_dir() / "grammars" / f"{key.hex()[:40]}.bin"


@lru_cache(maxsize=1)
def sources() -> bytes:
    """SHA-256 of the code that reads grammars and makes automata and tables of them."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted([*(package / "grammar").glob("*.py"), *(package / "regular").glob("*.py")]):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.digest()


def key_of(kind: str, content: Iterable[bytes], limits: Limits) -> bytes:
    """A key for `kept`: of what kind, made of what content."""
    digest = hashlib.sha256(sources())
    for part in (kind.encode(), repr(limits).encode(), *content):
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()


def content_of(cfg: Cfg) -> list[bytes]:
    """The content of a grammar, equal for equal ones. Nodes of terminals count as such; what they are is not in it."""
    known: dict[int, bytes] = {}
    plain = [cfg.nonterminals, cfg.rules, cfg.start, cfg.lexing, sorted(cfg.ignore), cfg.indentation]
    out = [repr(plain).encode()]
    for t in cfg.terminals:
        out.append(repr((t.name, t.node != NEVER, t.special, t.rank, t.unless)).encode())
        for language in (t.language, t.not_before):
            out.append(b"" if language is None else digest_of(language, known))
    return out


def digest_of(regex: Regex, known: dict[int, bytes]) -> bytes:
    """SHA-256 of an expression's content. known: digests by id, of expressions that live as long as it."""
    todo = [regex]
    while todo:
        r = todo[-1]
        missing = [p for p in r.parts if id(p) not in known]
        if missing:
            todo += missing
            continue
        todo.pop()
        if id(r) in known:
            continue
        value = r.value
        if r.kind == K_CHARS:
            content = value.packed
        elif r.kind == K_AUTOMATON:
            content = value.key
        elif r.kind in (K_LITERAL, K_CHOICE):
            content = repr(value).encode()
        else:
            content = repr(value).encode() + b"".join(known[id(p)] for p in r.parts)
        known[id(r)] = hashlib.sha256(b"%d:" % r.kind + content).digest()
    return known[id(regex)]
