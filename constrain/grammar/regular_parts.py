"""What of a grammar is regular becomes terminals, as long as they can be: fewer, larger steps, and the same texts.

Grammars without a lexer are often written character by character. A nonterminal is regular when its rules refer to no
nonterminal that is not, except to itself and its like always at the end or always at the beginning of a rule: such
systems of equations have a solution by Arden's rule (X = A X | B is X = A* B). Neighbouring regular symbols of a rule
become one terminal, unless one of them is a long text that several rules share: its masks are then shared, too.
"""

from __future__ import annotations

from constrain.errors import Unsatisfiable
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import NEVER
from constrain.grammar.simplify import closed
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import compile


def finished(cfg: Cfg, limits: Limits = DEFAULT_LIMITS) -> Cfg:
    """The grammar as the engine takes it. Raises Unsatisfiable when its start has no text, LimitExceeded."""
    check_start(cfg, limits)
    return cfg


def check_start(cfg: Cfg, limits: Limits) -> None:
    """Raise Unsatisfiable when no text can be derived."""
    textless = {cfg.indentation.indent, cfg.indentation.dedent} if cfg.indentation else set()
    good = [
        i
        for i, t in enumerate(cfg.terminals)
        if i in textless or t.node != NEVER or (t.language is not None and not compile(t.language, limits).is_empty)
    ]
    if cfg.start not in closed([(r.left, r.right) for r in cfg.rules], good):
        n = len(cfg.terminals)
        name = cfg.nonterminals[cfg.start - n] if cfg.start >= n else cfg.terminals[cfg.start].name
        raise Unsatisfiable(f"no text can be derived from the rule {name!r}")
