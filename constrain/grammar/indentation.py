"""Line ends taken apart: one terminal reads a line end and all blank lines and comments after it; the machine reads
them line by line, since it counts the spaces before the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from constrain.errors import UnsupportedFeature
from constrain.grammar.cfg import Cfg
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast, compile
from constrain.regular.dfa import Dfa, finished

_END = ast.literal("\n")
_INSIDE = ast.repeat(ast.intersect(ast.ANY, ast.complement(_END)))
_SPACE = ast.char_set(" \t")


class Lines(NamedTuple):
    """first: a line end, with what may stand before it (a comment, a carriage return). blank: the same on a line of its
    own, without the spaces and tabs that it begins with."""

    first: ast.Regex
    blank: ast.Regex


def lines(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> Lines:
    """What the line ends of a grammar with `indentation` are made of. Raises UnsupportedFeature."""
    assert cfg.indentation is not None
    terminal = cfg.terminals[cfg.indentation.newline]
    if terminal.language is None:
        raise _refused(terminal.name, "it has no text")
    whole = terminal.language
    after = _after_line_end(compile(whole, limits), limits)
    if after is None:
        raise _refused(terminal.name, "it matches no line end alone")
    line = ast.concat(_INSIDE, _END)
    first, own = ast.intersect(whole, line), ast.intersect(ast.automaton(after), line)
    if not _equal(whole, ast.concat(first, ast.repeat(own)), limits):
        raise _refused(terminal.name, "it is not a line end and any number of blank lines")
    blank = ast.difference(own, ast.concat(_SPACE, ast.ALL))
    if not _equal(own, ast.concat(ast.repeat(_SPACE), blank), limits):
        raise _refused(terminal.name, "blank lines can't begin with all spaces that other lines can")
    return Lines(first, blank)


def _after_line_end(dfa: Dfa, limits: Limits) -> Dfa | None:
    """What may follow a line feed in the texts of the automaton."""
    state = dfa.state_after("\n")
    if state < 0:
        return None
    # the same automaton with another start: exchange the numbers of the two states
    order = np.arange(dfa.n_states, dtype=np.int32)
    order[0], order[state] = state, 0
    source, column = np.nonzero(dfa.table >= 0)
    edges = np.stack([order[source], column, order[dfa.table[source, column]]], 1).astype(np.int32)
    raw = (0, dfa.n_states, edges, len(edges), dfa.accept[order], dfa.bounds, dfa.classes, dfa.n_classes)
    return finished(raw, limits)


def _equal(a: ast.Regex, b: ast.Regex, limits: Limits) -> bool:
    return compile(a, limits) == compile(b, limits)


def _refused(name: str, why: str) -> UnsupportedFeature:
    return UnsupportedFeature(
        f"the terminal {name} can't be taken apart into lines: {why}",
        keyword=name,
        hint=r"Write it as /(\r?\n[ \t]*(#[^\n]*)?)+/",
    )
