"""Reading texts with the shipped grammars: with lark's own parser, and random mistakes to try."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import lark
import lark.lexer
from lark.indenter import Indenter

GRAMMARS = Path(__file__).parents[2] / "grammars"
SHARED = Path(__file__).parents[2] / "../shared"

Reads = Callable[[str], bool]


def names() -> list[str]:
    """The grammars that there are."""
    return sorted(file.stem for file in GRAMMARS.glob("*.lark"))


class Lines(Indenter):
    """Lines and blocks as Python's tokenizer finds them: tabs go to multiples of eight, a form feed begins anew, lines
    with a comment only and the end of the text have no indentation."""

    NL_type = "_NEWLINE"
    OPEN_PAREN_types = ["LPAR", "LSQB", "LBRACE"]  # noqa: RUF012
    CLOSE_PAREN_types = ["RPAR", "RSQB", "RBRACE"]  # noqa: RUF012
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8
    size = 0

    def handle_NL(self, token: lark.Token) -> Iterator[lark.Token]:
        if self.paren_level > 0:
            return
        yield token
        line = re.split(r"\r\n?|\n", token)[-1]
        if "#" in line or token.end_pos == self.size:
            return
        column = 0
        for c in line:
            column = 0 if c == "\f" else (column // 8 + 1) * 8 if c == "\t" else column + 1
        if column > self.indent_level[-1]:
            self.indent_level.append(column)
            yield lark.Token.new_borrow_pos(self.INDENT_type, line, token)
        while column < self.indent_level[-1]:
            self.indent_level.pop()
            yield lark.Token.new_borrow_pos(self.DEDENT_type, line, token)
        if column != self.indent_level[-1]:
            raise lark.exceptions.LarkError(f"no block began at column {column}")



def _keep_text_whole(parser: lark.Lark) -> None:
    """Where the parser can take the text of an f-string, don't look for line ends, as the engine does not: lark would
    drop them between brackets, also in a string in single quotes."""
    lexer: Any = parser.parser.lexer
    for one in lexer.lexer.lexers.values():
        if any(re.search("TEXT|SPEC", terminal.name) for terminal in one.terminals):
            one.terminals = [terminal for terminal in one.terminals if terminal.name != Lines.NL_type]
            one._scanner = None


@cache
def _parser(name: str) -> tuple[lark.Lark, Lines | None, tuple[str, ...]]:
    text = (GRAMMARS / f"{name}.lark").read_text("utf-8")
    lines = Lines() if "%declare _INDENT" in text else None
    log = StringIO()
    handler = logging.StreamHandler(log)
    level = lark.logger.level
    lark.logger.addHandler(handler)
    lark.logger.setLevel(logging.DEBUG)
    options: dict[str, Any] = {"parser": "lalr", "lexer": "contextual", "postlex": lines, "import_paths": [GRAMMARS]}
    try:
        with mock.patch.object(lark.lexer, "has_interegular", False):
            parser = lark.Lark(text, **options)
    finally:
        lark.logger.removeHandler(handler)
        lark.logger.setLevel(level)
    if lines is not None:
        _keep_text_whole(parser)
    found = re.findall(r"Shift/Reduce conflict for terminal (\w+):.*\n \* <(.*)>", log.getvalue())
    return parser, lines, tuple(sorted({f"{terminal} after {rule}" for terminal, rule in found}))


def conflicts(name: str) -> tuple[str, ...]:
    """Where LALR(1) leaves more than one way, which lark decides and an engine for general grammars follows."""
    return _parser(name)[2]


def reads(name: str) -> Reads:
    """Does lark's own parser read a text with this grammar (as LALR(1), with the contextual lexer)?"""
    parser, lines, _ = _parser(name)

    def read(text: str) -> bool:
        if lines is not None:
            lines.size = len(text)
        try:
            parser.parse(text)
        except (lark.exceptions.LarkError, AssertionError):  # lark asserts that brackets are not closed unopened
            return False
        return True

    return read


def mistakes(text: str, pieces: str, rng: random.Random) -> str:
    """The text with a few random edits: characters and words left out, doubled, swapped, replaced, put in.

    pieces: words and characters to put in, separated by spaces.
    """
    words = pieces.split(" ")
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        tokens = re.findall(r"\w+|[ \t]+|\n|.", text, re.S)
        if not tokens:
            return rng.choice(words)
        at = rng.randrange(len(tokens))
        kind = rng.randrange(7)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, rng.choice(words))
        elif kind == 2:
            tokens[at] = rng.choice(words)
        elif kind == 3:
            tokens.insert(at, tokens[rng.randrange(len(tokens))])
        elif kind == 4:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 5:
            cut = rng.randrange(len(tokens[at]))
            tokens[at] = tokens[at][:cut] + tokens[at][cut + 1 :]
        else:
            tokens.insert(at, " " if rng.random() < 0.5 else "\n")
        text = "".join(tokens)
    return text
