"""Terminals of a Lark grammar as lark's lexer takes them: in its order, with its keywords, with what `re` matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from constrain.errors import ConstraintError, GrammarError, UnsupportedFeature
from constrain.grammar.cfg import Terminal
from constrain.limits import Limits
from constrain.regular import compile, parse_python
from constrain.regular.ast import EMPTY, literal
from constrain.regular.ordered import Taken, leftmost_first

Place = Callable[[str], dict[str, Any]]


class Lexed(NamedTuple):
    """Terminals of the grammar, and for each terminal of lark's its places among them (more than one where what may
    follow differs from text to text)."""

    terminals: list[Terminal]
    places: dict[str, tuple[int, ...]]


def lexer_terminals(
    definitions: list[Any], ignored: Collection[str], flags: int, place: Place, limits: Limits
) -> Lexed:
    """Terminals with ranks and keywords, from lark's `TerminalDef`s. ignored: names of those that are dropped."""
    taken = {d.name: _taken(d, flags, place, limits) for d in definitions}
    ordered = sorted(definitions, key=_lark_order)
    terminals: list[Terminal] = []
    places: dict[str, tuple[int, ...]] = {}
    for rank, definition in enumerate(ordered):
        first = len(terminals)
        for number, (language, not_before) in enumerate(taken[definition.name]):
            name = definition.name + ("" if len(taken[definition.name]) == 1 else f".{number}")
            terminals.append(Terminal(name, language, rank=rank, not_before=not_before))
        places[definition.name] = tuple(range(first, len(terminals)))
    strings = [d for d in ordered if d.pattern.type == "str"]
    for definition in ordered:
        if definition.pattern.type == "str" or definition.name in ignored:
            continue  # what an ignored pattern matches is dropped, keyword or not
        for at in places[definition.name]:
            keywords: list[int] = []
            for string in strings:
                value = string.pattern.value
                if string.priority == definition.priority and compile(_language(terminals[at]), limits).accepts(value):
                    if terminals[at].not_before is not None and string.pattern.flags <= definition.pattern.flags:
                        raise UnsupportedFeature(
                            f"the terminal {definition.name} looks ahead after {value!r}, which is a terminal as well",
                            keyword="lookahead", **place(definition.name),
                        )  # fmt: skip
                    if string.name in ignored:
                        raise UnsupportedFeature(
                            f"{value!r} is ignored, and a text of the terminal {definition.name} as well",
                            keyword="%ignore",
                            hint="As a regular expression it is ignored only where that terminal does not match",
                            **place(definition.name),
                        )
                    keywords += places[string.name]
            if keywords:
                terminals[at] = terminals[at]._replace(unless=tuple(keywords))
    return Lexed(terminals, places)


def plain_terminals(
    definitions: list[Any], ignored: Collection[str], flags: int, place: Place, limits: Limits
) -> Lexed:
    """Terminals without a lexer: the texts that `re.fullmatch` accepts."""
    terminals: list[Terminal] = []
    places: dict[str, tuple[int, ...]] = {}
    for definition in definitions:
        with _located(definition, place):
            terminals.append(Terminal(definition.name, parse_python(_pattern(definition), flags, limits)))
        places[definition.name] = (len(terminals) - 1,)
    return Lexed(terminals, places)


def _language(terminal: Terminal) -> Any:
    assert terminal.language is not None
    return terminal.language


def _lark_order(definition: Any) -> tuple[int, int, int, str]:
    """The order in which lark's lexer tries terminals."""
    pattern = definition.pattern
    return -definition.priority, -pattern.max_width, -len(pattern.value), definition.name


def _pattern(definition: Any) -> str:
    return str(definition.pattern.to_regexp())


def _taken(definition: Any, flags: int, place: Place, limits: Limits) -> tuple[Taken, ...]:
    """What a terminal takes of a text."""
    pattern = definition.pattern
    with _located(definition, place):
        if pattern.type == "str" and not pattern.flags and not flags & re.I:
            return (Taken(literal(pattern.value), None),)
        taken = leftmost_first(_pattern(definition), flags, limits)
        try:
            width = pattern.min_width
        except Exception as error:  # of re or of regex, whichever lark uses
            raise GrammarError(f"lark can't read the regular expression: {error}") from None
    if width == 0 or any(t.language.nullable for t in taken):
        raise GrammarError(
            f"the terminal {definition.name} may be empty",
            hint="A lexer can't take empty text: make the rule that uses the terminal optional",
            **_where(definition, place),
        )
    return taken or (Taken(EMPTY, None),)


def _where(definition: Any, place: Place) -> dict[str, Any]:
    """Where a terminal is defined, or first used if it has no name."""
    return place(definition.name) or place(str(getattr(definition.pattern, "raw", None)))


class _located:
    """Errors inside are given the place of a terminal."""

    def __init__(self, definition: Any, place: Place) -> None:
        self.definition = definition
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: object, traceback: object) -> None:
        if not isinstance(error, ConstraintError) or error.line is not None:
            return
        where = _where(self.definition, self.place)
        raise type(error)(
            f"terminal {self.definition.name}: {error.reason}",
            keyword=error.keyword, position=error.position, hint=error.hint, **where,
        ) from None  # fmt: skip
