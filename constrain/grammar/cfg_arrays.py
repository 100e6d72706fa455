"""A context-free grammar as plain arrays, its languages as automata, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from constrain.array_files import Arrays
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.ir import NEVER
from constrain.grammar.kept import Made
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import Dfa, Regex, compile
from constrain.regular.ast import automaton


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


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


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
