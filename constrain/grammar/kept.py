"""What was made of a context-free grammar, kept between processes: tables, lexers, and grammars themselves, as arrays.

A file is named by the content that it was made of, by the limits, and by the source of the code that makes it, so it is
never out of date. The folder is bounded: what was used longest ago goes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from constrain.array_files import Arrays, read_arrays, usable, write_arrays
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.ir import NEVER
from constrain.grammar.lalr import Tables, tables
from constrain.grammar.lexing import Lexer, lexer
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.paths import cache_dir
from constrain.regular import Dfa, Regex, compile
from constrain.regular.ast import K_AUTOMATON, K_CHARS, K_CHOICE, K_LITERAL, automaton

KEPT_BYTES = 64 << 20  # of all files together
_SPARSE = {"tables.action": 0, "tables.goto": -1}
Made = tuple[Arrays, dict[str, Any]]  # arrays, and what JSON can hold


def kept(key: bytes, make: Callable[[], Made]) -> Made:
    """What is kept under a key (16 bytes or more); else what `make` makes, from now on kept."""
    folder = cache_dir() / "grammars"
    path = folder / f"{key.hex()[:40]}.bin"
    found = read_arrays(path)
    if found is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
        return found
    made = make()
    if usable(folder):
        size = sum(a.nbytes for a in made[0].values())
        if size <= KEPT_BYTES // 4:
            _make_room(folder, KEPT_BYTES - size)
            write_arrays(path, *made)
    return made


def _make_room(folder: Path, room: int) -> None:
    """Remove the files that were used longest ago until the others fit in so many bytes."""
    files = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat()
                files.append((status.st_mtime_ns, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= room:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size


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
        out.append(repr((t.name, t.node != NEVER, t.rank, t.unless)).encode())
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


def parser(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> tuple[Tables, Lexer | None]:
    """The tables of a grammar and, with `lexing`, its lexer; from the disk where they are kept.

    Raises what `tables` and `lexer` raise.
    """
    return parser_from(*kept(key_of("parser", content_of(cfg), limits), lambda: _made(cfg, limits)))


def _made(cfg: Cfg, limits: Limits) -> Made:
    made = tables(cfg, limits)
    return parser_arrays(made, lexer(cfg, made, limits, waiting=True) if cfg.lexing else None)


def parser_arrays(made: Tables, lex: Lexer | None) -> Made:
    """Tables and a lexer as arrays; `parser_from` is the reverse. Of `_SPARSE` the cells that are not empty."""
    arrays: Arrays = {}
    meta: dict[str, Any] = {}
    for kind, part in (("tables", made), ("lexer", lex)):
        for name, value in (part._asdict() if part is not None else {}).items():
            (arrays if isinstance(value, np.ndarray) else meta)[f"{kind}.{name}"] = value
    for name, empty in _SPARSE.items():
        full = arrays.pop(name)
        places = np.flatnonzero(full != empty).astype(np.int32)
        arrays |= {f"{name} at": places, f"{name} is": full.ravel()[places]}
        meta[f"{name} shape"] = full.shape
    return arrays, meta


def parser_from(arrays: Mapping[str, Any], meta: Mapping[str, Any]) -> tuple[Tables, Lexer | None]:
    """Tables and a lexer from arrays."""
    values = {**arrays, **meta}
    for name, empty in _SPARSE.items():
        full = np.full(meta[f"{name} shape"], empty, np.int32)
        full.ravel()[arrays[f"{name} at"]] = arrays[f"{name} is"]
        values[name] = full
    made = Tables(**{name: _tuples(values[f"tables.{name}"]) for name in Tables._fields})
    if "lexer.table" not in values:
        return made, None
    return made, Lexer(**{name: values[f"lexer.{name}"] for name in Lexer._fields})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def cfg_arrays(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> Made | None:
    """A grammar as arrays, its languages as automata; None where a terminal has a node. `cfg_from` is the reverse."""
    if any(t.node != NEVER for t in cfg.terminals):
        return None
    languages: list[Dfa] = []

    def place(language: Regex | None) -> int:
        if language is None:
            return -1
        languages.append(compile(language, limits))
        return len(languages) - 1

    terminals = [(t.name, place(t.language), t.rank, t.unless, place(t.not_before)) for t in cfg.terminals]
    arrays: Arrays = {
        "sizes": np.array([(len(d.bounds), *d.table.shape) for d in languages], np.int32).reshape(-1, 3),
        "lengths": np.array([(d.min_length, d.max_length or 0, d.max_length is not None) for d in languages], np.int64),
        "data": np.concatenate(
            [np.zeros(0, np.int32), *(a.ravel() for d in languages for a in (d.bounds, d.classes, d.table, d.accept))]
        ),
        "rules": np.array([n for r in cfg.rules for n in (r.left, len(r.right), *r.right)], np.int32),
    }
    rest = {"nonterminals": cfg.nonterminals, "start": cfg.start, "lexing": cfg.lexing, "ignore": sorted(cfg.ignore)}
    return arrays, {"terminals": terminals, "indentation": cfg.indentation, **rest}


def cfg_from(arrays: Mapping[str, Any], meta: Mapping[str, Any]) -> Cfg:
    """A grammar from arrays."""
    data, at = arrays["data"], 0
    languages: list[Regex] = []
    for (k, states, columns), (least, most, bounded) in zip(
        arrays["sizes"].tolist(), arrays["lengths"].tolist(), strict=True
    ):
        ends = np.cumsum([k, k, states * columns, states]) + at
        bounds, classes, table, accept = np.split(data[at : ends[-1]], ends[:-1] - at)
        at = int(ends[-1])
        table = table.reshape(states, columns)
        languages.append(automaton(Dfa(bounds, classes, table, accept, least, most if bounded else None)))

    def language(place: int) -> Regex | None:
        return None if place < 0 else languages[place]

    terminals = tuple(
        Terminal(name, language(own), NEVER, rank, tuple(unless), language(not_before))
        for name, own, rank, unless, not_before in meta["terminals"]
    )
    flat = arrays["rules"].tolist()
    rules = []
    place = 0
    while place < len(flat):
        end = place + 2 + flat[place + 1]
        rules.append(Rule(flat[place], tuple(flat[place + 2 : end])))
        place = end
    lines = meta["indentation"]
    return Cfg(
        terminals, tuple(meta["nonterminals"]), tuple(rules), meta["start"], meta["lexing"], frozenset(meta["ignore"]),
        None if lines is None else Indentation(*map(_tuples, lines)),
    )  # fmt: skip
