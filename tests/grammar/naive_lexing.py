"""Grammars with a lexer read slowly, straight from the definitions in constrain/grammar/cfg.py.

`token`: the next token after a state of the parser that can take some terminals. `run`: where all parses of a text
stand. The parser's tables are those of the library (tests/grammar/test_lalr.py has their twins); the automaton of the
lexer is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from constrain.grammar.cfg import Cfg
from constrain.grammar.lalr import ACCEPT, Tables
from tests.naive_regex import NONE, Language, derivative, from_regex, nullable

Stack = tuple[int, ...]


@lru_cache(maxsize=10_000)
def _language(cfg: Cfg, terminal: int) -> Language:
    language = cfg.terminals[terminal].language
    return NONE if language is None else from_regex(language)


@lru_cache(maxsize=200_000)
def holds(cfg: Cfg, terminal: int, text: str) -> bool:
    """Is this a text of the terminal?"""
    language = _language(cfg, terminal)
    for c in text:
        language = derivative(language, ord(c))
    return nullable(language)


def may_end(cfg: Cfg, terminal: int, rest: str) -> bool:
    """May the terminal end where this follows?"""
    given = cfg.terminals[terminal].not_before
    if given is None:
        return True
    language = from_regex(given)
    for c in rest:
        if nullable(language):
            return False
        language = derivative(language, ord(c))
    return not nullable(language)


def token(cfg: Cfg, context: Collection[int], text: str, at: int) -> tuple[int, int] | None:
    """The terminal of the token that begins there, and where it ends; terminal -1 is taken by no rule."""
    best: tuple[int, int, int] | None = None  # rank, -end, terminal
    for t in {*context, *cfg.ignore}:
        for end in range(at + 1, len(text) + 1):
            found = (cfg.terminals[t].rank, -end, t)
            if (best is None or found < best) and holds(cfg, t, text[at:end]) and may_end(cfg, t, text[end:]):
                best = found
    if best is None:
        return None
    _, end, t = best
    if t not in cfg.ignore:
        for u in cfg.terminals[t].unless:
            if u in {*context, *cfg.ignore} and holds(cfg, u, text[at:-end]):
                return (-1 if u in cfg.ignore else u), -end
    return t, -end


def reduced(t: Tables, stacks: set[Stack], terminal: int) -> set[Stack]:
    """The stacks from all reductions before a terminal, those given included."""
    seen = set(stacks)
    todo = list(stacks)
    while todo:
        stack = todo.pop()
        for code in t.actions_of(stack[-1], terminal):
            if code < ACCEPT:
                left = stack[: len(stack) - t.rule_length[-code - 1]]
                made = (*left, int(t.goto[left[-1], t.rule_left[-code - 1]]))
                if made[-1] >= 0 and made not in seen:
                    seen.add(made)
                    todo.append(made)
    return seen


def shifted(t: Tables, stacks: set[Stack], terminal: int) -> set[Stack]:
    """The stacks after a terminal."""
    return {
        (*stack, code - 1)
        for stack in reduced(t, stacks, terminal)
        for code in t.actions_of(stack[-1], terminal)
        if code > 0
    }


class Reading(NamedTuple):
    """Where a parse stands. blocks: the columns of the open blocks; brackets: how many are open."""

    stack: Stack
    blocks: tuple[int, ...] = (0,)
    brackets: int = 0


def take(cfg: Cfg, t: Tables, reading: Reading, terminal: int, text: str) -> Iterator[Reading]:
    """Where the parse stands after a token, as `lark.indenter.Indenter` passes it on."""
    lines = cfg.indentation
    if terminal in cfg.ignore:
        yield reading
        return
    if lines is None or terminal != lines.newline:
        brackets = reading.brackets
        if lines is not None:
            brackets += (terminal in lines.opening) - (terminal in lines.closing)
        for stack in shifted(t, {reading.stack}, terminal):
            yield Reading(stack, reading.blocks, brackets)
        return
    if reading.brackets:
        yield reading
        return
    spaces = text.rpartition("\n")[2]
    column = spaces.count(" ") + lines.tab * spaces.count("\t")
    stacks = shifted(t, {reading.stack}, terminal)
    blocks = reading.blocks
    if column > blocks[-1]:
        stacks = shifted(t, stacks, lines.indent)
        blocks = (*blocks, column)
    while column < blocks[-1]:
        stacks = shifted(t, stacks, lines.dedent)
        blocks = blocks[:-1]
    if column == blocks[-1]:
        for stack in stacks:
            yield Reading(stack, blocks)


def accepts(cfg: Cfg, t: Tables, text: str) -> bool:
    """Is the text in the language? Each parse has a lexer of its own, which asks what its state can take."""
    lines = cfg.indentation
    level: dict[int, set[Reading]] = {0: {Reading((t.start_state,))}}
    for at in range(len(text)):
        for reading in level.pop(at, ()):
            context = t.contexts[t.context[reading.stack[-1]]]
            found = token(cfg, context if lines is None else (*context, lines.newline), text, at)
            if found is not None and found[0] >= 0:
                terminal, end = found
                level.setdefault(end, set()).update(take(cfg, t, reading, terminal, text[at:end]))
    for stack, blocks, _ in level.get(len(text), ()):
        stacks = {stack}
        for _ in blocks[1:]:
            assert lines is not None
            stacks = shifted(t, stacks, lines.dedent)
        if any(ACCEPT in t.actions_of(s[-1], t.n_terminals) for s in reduced(t, stacks, t.n_terminals)):
            return True
    return False


def begins(cfg: Cfg, t: Tables, text: str, letters: str, more: int) -> bool:
    """Is there a text in the language that begins so, with at most so many letters more?"""
    return any(
        accepts(cfg, t, text + "".join(rest)) for n in range(more + 1) for rest in product(letters, repeat=n)
    )
