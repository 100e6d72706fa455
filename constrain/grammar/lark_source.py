"""The text of a Lark grammar before lark reads it: embedded schemas and special tokens are cut out, places are noted.

`%json {...}` and `<|token|>` (llguidance's additions) are no syntax of lark's. Each is replaced by the name of a
terminal that is declared at the end of the text; line ends inside of it stay, so that lark's line numbers are right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from constrain.errors import GrammarError, LimitExceeded, UnsupportedFeature
from constrain.limits import Limits

MARK: Final = "CONSTRAIN_PART_"  # names of terminals that stand for what was cut out begin so
MOST_IDS = 4096  # ids that one <[...]> may list
_PIECES = re.compile(
    r"""
    (?P<line>\n)
  | (?P<blank>[ \t\r\f]+)
  | (?P<comment>//[^\n]*|\#[^\n]*)
  | (?P<string>"(?:\\"|\\\\|[^"\n])*?"i?)
  | (?P<regexp>/(?!/)(?:\\/|\\\\|[^/])*?/[imslux]*)
  | (?P<directive>%[a-z_]+)
  | (?P<token><[^<>\s]+>)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<other>.)
    """,
    re.VERBOSE,
)
_DEFINITION = re.compile(r"[ \t]*(?:%override|%extend)?[ \t]*[!?]*(\w+)[ \t]*(?:\{[^}\n]*\})?(?:\.[+-]?\d+)?[ \t]*:")
_ATTRIBUTES = re.compile(r"[!?]*\w+(?:\[[^\]\n]*\](?:\.\d+)?[ \t]*:|::)")
_IDS = re.compile(r"<\[(\^?)(\*|\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)\]>")
_NOT_HERE: Final = {
    "%llguidance": "Options are arguments of constrain.lark",
    "%regex": "Write a terminal",
    "%lark": "Write its rules into the grammar, or use %import",
}


class Embedded(NamedTuple):
    """What was cut out: a schema, or tokens of which one is meant (texts or ids), and where it stood."""

    schema: Any
    tokens: tuple[str | int, ...]
    line: int
    column: int
    name: str


@dataclass(slots=True)
class Parts:
    """What was cut out of a grammar and the files that it imports, and where things stand in the grammar itself."""

    limits: Limits
    embedded: list[Embedded] = field(default_factory=list)
    tokens: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    definitions: dict[str, tuple[int, int]] = field(default_factory=dict)
    again: dict[str, tuple[int, int]] = field(default_factory=dict)  # where something is defined a second time
    literals: dict[str, tuple[int, int]] = field(default_factory=dict)
    characters: int = 0  # read so far

    def find(self, name: str) -> Embedded | None:
        """What the terminal of this name (as lark has it after imports) stands for."""
        _, mark, number = name.rpartition(MARK)
        return self.embedded[int(number)] if mark and number.isdigit() else None

    def add(self, part: Embedded) -> str:
        """The name of the terminal for a part."""
        number = len(self.embedded)
        if part.tokens:
            number = self.tokens.setdefault(part.tokens, number)
        if number == len(self.embedded):
            self.embedded.append(part)
        return f"{MARK}{number}"


def prepared(text: str, parts: Parts, top: bool) -> str:
    """The text as lark can read it. top: it is the grammar itself, not an imported file.

    Raises GrammarError, UnsupportedFeature with line and column, LimitExceeded.
    """
    limits = parts.limits
    parts.characters += len(text)
    if parts.characters > limits.grammar_bytes:
        raise LimitExceeded(f"a grammar is longer than {limits.grammar_bytes} characters", keyword="grammar_bytes")
    if MARK in text:
        raise GrammarError(f"names that begin with {MARK} are taken")
    return _Scanner(text, parts, top).run()


class _Scanner:
    """One pass over the text."""

    def __init__(self, text: str, parts: Parts, top: bool) -> None:
        self.text = text
        self.parts = parts
        self.top = top
        self.at = 0
        self.line = 1
        self.line_start = 0
        self.out: list[str] = []
        self.names: dict[str, None] = {}  # of the terminals to declare
        self.bodies: dict[str, list[str]] = {}  # what each terminal is made of: names and literals
        self.body: list[str] = []

    def run(self) -> str:
        depth = 0
        begins = True  # is this the beginning of a line?
        while self.at < len(self.text):
            if begins:
                self.note_definition()
                begins = False
            found = _PIECES.match(self.text, self.at)
            assert found is not None
            kind, piece = found.lastgroup, found.group()
            if kind == "directive" and piece in _NOT_HERE:
                raise UnsupportedFeature(
                    f"{piece} is not read", keyword=piece, line=self.line, column=self.column, hint=_NOT_HERE[piece]
                )
            if kind == "directive" and piece == "%json":
                self.take_schema()
                continue
            if kind == "token":
                self.keep(Embedded(None, self.chosen(piece), self.line, self.column, piece), piece)
                continue
            if kind in ("string", "regexp", "name"):
                self.body.append(piece)
            if kind in ("string", "regexp") and self.top:
                self.parts.literals.setdefault(piece, (self.line, self.column))
            if kind == "open" or kind == "close":
                depth += 1 if kind == "open" else -1
                if depth > self.parts.limits.regex_depth:
                    raise LimitExceeded(
                        f"groups of a grammar are nested more than {self.parts.limits.regex_depth} deep",
                        keyword="regex_depth", line=self.line, column=self.column,
                    )  # fmt: skip
            self.out.append(piece)
            self.skip(piece)
            begins = kind == "line"
        self.check_sizes()
        if self.names:
            self.out.append("\n%declare " + " ".join(self.names) + "\n")
        return "".join(self.out)

    @property
    def column(self) -> int:
        return self.at - self.line_start + 1

    def skip(self, piece: str) -> None:
        """Go on behind the piece."""
        lines = piece.count("\n")
        if lines:
            self.line += lines
            self.line_start = self.at + piece.rfind("\n") + 1
        self.at += len(piece)

    def note_definition(self) -> None:
        """Remember what the line defines."""
        if _ATTRIBUTES.match(self.text, self.at):
            raise UnsupportedFeature(
                "attributes and parameters of rules are not read",
                keyword="attribute", line=self.line, column=self.column,
                hint="Templates are written rule{argument}: ...",
            )  # fmt: skip
        found = _DEFINITION.match(self.text, self.at)
        if found is not None:
            self.body = self.bodies.setdefault(found.group(1), []) if found.group(1).isupper() else []
        if found is not None and self.top:
            name, place = found.group(1), (self.line, found.start(1) - self.line_start + 1)
            if self.parts.definitions.setdefault(name, place) != place:
                self.parts.again.setdefault(name, place)

    def check_sizes(self) -> None:
        """Refuse terminals that are too long when the terminals that they name are written out."""
        limit = self.parts.limits.regex_length
        sizes: dict[str, int] = {}
        for name in self.bodies:
            todo = [name]
            while todo:
                at = todo[-1]
                if at not in sizes:
                    sizes[at] = 0  # for now; lark refuses recursion
                    todo += [piece for piece in self.bodies[at] if piece in self.bodies and piece not in sizes]
                    continue
                todo.pop()
                sizes[at] = sum(1 + (sizes[p] if p in self.bodies else len(p)) for p in self.bodies[at] if p != at)
                if sizes[at] > limit:
                    line, column = self.parts.definitions.get(at, (None, None))
                    raise LimitExceeded(
                        f"the terminal {at} is a regular expression of more than {limit} characters",
                        keyword="regex_length", line=line, column=column,
                    )  # fmt: skip

    def keep(self, part: Embedded, piece: str) -> None:
        """Write the name of a part in place of the piece."""
        name = self.parts.add(part)
        self.names[name] = None
        self.out.append(f" {name} " + "\\\n" * piece.count("\n"))
        self.skip(piece)

    def take_schema(self) -> None:
        """Cut out `%json` and the JSON value after it."""
        begin = self.at + len("%json")
        begin += len(self.text[begin:]) - len(self.text[begin:].lstrip())
        try:
            schema, end = json.JSONDecoder().raw_decode(self.text, begin)
        except json.JSONDecodeError as error:
            raise GrammarError(
                f"%json is followed by something that is no JSON: {error.msg}", line=error.lineno, column=error.colno
            ) from None
        except RecursionError:
            raise LimitExceeded("a schema is nested too deeply", keyword="schema_depth", line=self.line) from None
        self.keep(Embedded(schema, (), self.line, self.column, "%json"), self.text[self.at : end])

    def chosen(self, piece: str) -> tuple[str | int, ...]:
        """The tokens that `<|name|>`, `<[1]>` or `<[1,2-5]>` stands for."""
        if not piece.startswith("<["):
            return (piece,)
        found = _IDS.fullmatch(piece)
        if found is None:
            raise GrammarError(
                "a token is <[1]>, <[1,2-5]>, <[^1]>, <[*]> or <|text|>", line=self.line, column=self.column
            )
        negated, listed = found.groups()
        if negated or listed == "*":
            raise UnsupportedFeature(
                f"{piece} stands for tokens that are text, too", keyword="token", line=self.line, column=self.column,
                hint="Name the special tokens that may come, and write texts as terminals",
            )  # fmt: skip
        ids: dict[int, None] = {}
        for part in listed.split(","):
            first, _, last = part.partition("-")
            lo, hi = int(first), int(last or first)
            if hi < lo or hi - lo + len(ids) >= MOST_IDS:
                raise LimitExceeded(
                    f"a list of tokens has more than {MOST_IDS} ids or is out of order",
                    keyword="alternatives", line=self.line, column=self.column,
                )  # fmt: skip
            ids.update(dict.fromkeys(range(lo, hi + 1)))
        return tuple(sorted(ids))
