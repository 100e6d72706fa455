"""What the readers of GBNF and EBNF share: a position in the text, escapes, classes of characters, groups, repeats."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from constrain.errors import ConstraintError, GrammarError, LimitExceeded, UnsupportedFeature
from constrain.grammar.builder import Builder, Piece, Symbol
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar, NodeId, Others, Token
from constrain.limits import Limits
from constrain.regular.ast import ANY, Regex, characters, literal, repeat
from constrain.regular.charset import CharSet

_HEX: Final = "0123456789abcdefABCDEF"
_BRACES = re.compile(r"\{\s*([0-9]+)\s*(?:(,)\s*([0-9]*|-1)\s*)?\}")
_TOKEN = re.compile(r"<(?:\[([0-9]+)\]|([^>\n]+))>")


@dataclass(slots=True)
class Group:
    """A group that is being read. position: where it began."""

    position: int
    alternatives: list[list[Piece]] = field(default_factory=list)
    sequence: list[Piece] = field(default_factory=list)


class GrammarReader(ABC):
    """Base of the two readers. Groups are kept in a list, so nesting can't exhaust Python's stack."""

    comment = "#"
    escapes: Mapping[str, str] = {}  # after a backslash: letter -> character
    class_escapes: Mapping[str, str] = {}  # the same in classes
    name = re.compile(r"[A-Za-z0-9_-]+")

    def __init__(self, text: str, grammar: Grammar, limits: Limits) -> None:
        if len(text) > limits.grammar_bytes:
            raise LimitExceeded(f"a grammar is longer than {limits.grammar_bytes} characters", keyword="grammar_bytes")
        self.text = text
        self.grammar = grammar
        self.limits = limits
        self.at = 0
        self.builder = Builder(limits)
        self.defined: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.rule = ""  # the rule that is being read
        self.tokens: dict[str | int, tuple[Symbol, NodeId]] = {}
        self.others: dict[Piece, int] = {}  # "any token but" that waits for its repeat -> where it stands

    # Errors ------------------------------------------------------------------------------------------------------

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, from 1."""
        before = self.text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def bad(self, reason: str, at: int | None = None) -> NoReturn:
        """Refuse a malformed grammar."""
        line, column = self.place(self.at if at is None else at)
        raise GrammarError(reason, line=line, column=column)

    def unsupported(self, what: str, keyword: str, at: int, hint: str | None = None) -> NoReturn:
        """Refuse a well-formed one."""
        line, column = self.place(at)
        raise UnsupportedFeature(f"{what} can't be enforced", keyword=keyword, line=line, column=column, hint=hint)

    # Reading -----------------------------------------------------------------------------------------------------

    def peek(self, size: int = 1) -> str:
        return self.text[self.at : self.at + size]

    def blanks(self, newlines: bool = True) -> None:
        """Skip whitespace and comments."""
        text, end = self.text, len(self.text)
        while self.at < end:
            c = text[self.at]
            if c == self.comment:
                line = text.find("\n", self.at)
                self.at = end if line < 0 else line
            elif c in " \t" or (newlines and c in "\r\n"):
                self.at += 1
            else:
                break

    def take_name(self) -> str:
        """Read the name of a rule."""
        found = self.name.match(self.text, self.at)
        if found is None:
            self.bad("a name is expected" if self.at < len(self.text) else "the grammar ends in the middle of a rule")
        self.at = found.end()
        return found.group()

    def take_escape(self, escapes: Mapping[str, str]) -> int:
        """Read an escape, the backslash at the position; its code point."""
        at = self.at
        c = self.text[at + 1 : at + 2]
        if c in ("x", "u", "U"):
            size = {"x": 2, "u": 4, "U": 8}[c]
            digits = self.text[at + 2 : at + 2 + size]
            if len(digits) < size or any(d not in _HEX for d in digits):
                self.bad(f"\\{c} needs {size} hexadecimal digits")
            self.at = at + 2 + size
            return self.scalar(int(digits, 16), at)
        if c not in escapes or not c:
            self.bad(f"unknown escape \\{c}")
        self.at = at + 2
        return ord(escapes[c])

    def scalar(self, point: int, at: int) -> int:
        """The code point, if it is a character."""
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            self.bad(f"{point:X} is no character", at)
        return point

    def take_literal(self) -> Regex:
        """Read a text in quotes."""
        begin = self.at
        self.at += 1
        out: list[str] = []
        while True:
            c = self.peek()
            if not c or (c in "\r\n" and not self.newline_in_literal):
                self.bad("a text in quotes does not end", begin)
            if c == '"':
                self.at += 1
                return literal("".join(out))
            if c == "\\":
                out.append(chr(self.take_escape(self.escapes)))
            else:
                out.append(chr(self.scalar(ord(c), self.at)))
                self.at += 1

    newline_in_literal = True  # may texts and classes hold the end of a line as it is?
    any_class = False  # is [^] any character?

    def take_class(self) -> Regex:
        """Read a class of characters."""
        begin = self.at
        self.at += 1
        negated = self.peek() == "^"
        self.at += negated
        ranges = []
        while self.peek() != "]":
            at = self.at
            first = self.take_member(begin)
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self.take_member(begin)
                if last < first:
                    self.bad("the bounds of a range are out of order", at)
                ranges.append((first, last))
            else:
                ranges.append((first, first))
        self.at += 1
        if not ranges and not (negated and self.any_class):
            self.bad("a class without characters", begin)
        chosen = CharSet(ranges)
        return characters(~chosen if negated else chosen)

    def take_member(self, begin: int) -> int:
        """Read a character of a class."""
        c = self.peek()
        if not c or (c in "\r\n" and not self.newline_in_literal):
            self.bad("a class of characters does not end", begin)
        if c == "\\":
            return self.take_escape(self.class_escapes)
        self.at += 1
        return self.scalar(ord(c), self.at - 1)

    def take_token(self, negated: bool) -> Symbol:
        """Read `<[id]>` or `<text>`."""
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            self.bad("a token is <[id]> or <text>")
        at, self.at = self.at, found.end()
        number, name = found.groups()
        named = int(number) if number else f"<{name}>"
        made = self.tokens.get(named)
        if made is None:
            token = Token(named, *self.place(at))
            node = self.grammar.add_token(token)
            made = self.tokens[named] = self.builder.node(token.shown, node), node
        if not negated:
            return made[0]
        any_but = self.any_but(f"!{found.group()}", made[1])
        self.others[any_but] = at - 1
        return any_but

    def any_but(self, name: str, node: NodeId) -> Symbol:
        """One token or more, but that of the node: text, and special tokens between."""
        text, special = repeat(ANY, 1), self.builder.node(name, self.grammar.add(Others((node,))))
        some, tail = self.builder.fresh(name), self.builder.fresh(name)
        self.builder.define(some, [text])
        self.builder.define(some, [text, tail])
        self.builder.define(some, [tail])
        self.builder.define(tail, [special])
        self.builder.define(tail, [special, some])
        return some

    def take_quantifier(self, group: Group, newlines: bool) -> bool:
        """Read `*`, `+`, `?` or `{m,n}`, if one stands here, and apply it to the last piece."""
        c = self.peek()
        at = self.at
        if not c or c not in "*+?{":
            return False
        if not group.sequence:
            self.bad("nothing to repeat")
        if c == "{":
            found = _BRACES.match(self.text, at)
            if found is None:
                self.bad("a repeat is {m}, {m,} or {m,n}")
            low, comma, high = found.groups()
            self.at = found.end()
            if len(low) > 9 or len(high or "") > 9:
                raise LimitExceeded("a repeat counts beyond 999999999", keyword="dfa_states")
            lo = int(low)
            hi = int(high) if high and high != "-1" else (None if comma else lo)
            if hi is not None and hi < lo:
                self.bad("the bounds of a repeat are out of order", at)
        else:
            lo, hi = (1 if c == "+" else 0), (1 if c == "?" else None)
            self.at += 1
        if self.others.pop(group.sequence[-1], None) is None:
            group.sequence[-1] = self.builder.repeated(group.sequence[-1], lo, hi, self.rule)
        elif lo > 1 or hi is not None:
            self.unsupported("a number of tokens that may be text", "token", at, "Repeat them with * or +")
        elif lo == 0:
            group.sequence[-1] = self.builder.alternatives([[], [group.sequence[-1]]], self.rule)
        self.blanks(newlines)
        return True

    def take_atom(self) -> Piece:
        """Read what is not a group. Dialects add theirs."""
        c = self.peek()
        if c == '"':
            return self.take_literal()
        if c == "[":
            return self.take_class()
        if c == ".":
            self.at += 1
            return ANY
        if c and c in "*+?{":
            self.bad("nothing to repeat")
        at = self.at
        name = self.take_name()
        self.used.setdefault(name, at)
        return self.builder.rule(name)

    def take_body(self) -> list[list[Piece]]:
        """Read alternatives to where the rule ends: at the end of a line (`ends_here`) outside of groups."""
        groups = [Group(self.at)]
        while True:
            group = groups[-1]
            nested = len(groups) > 1
            if not nested and self.ends_here():
                return [*group.alternatives, group.sequence]
            c = self.peek()
            if c == "|":
                group.alternatives.append(group.sequence)
                group.sequence = []
                self.at += 1
                self.blanks()
            elif c == "(":
                if len(groups) > self.limits.regex_depth:
                    raise LimitExceeded(
                        f"groups of a grammar are nested more than {self.limits.regex_depth} deep",
                        keyword="regex_depth",
                    )
                self.check_open()
                groups.append(Group(self.at))
                self.at += 1
                self.blanks()
            elif c == ")" and nested:
                groups.pop()
                made = self.builder.alternatives([*group.alternatives, group.sequence], self.rule)
                self.at += 1
                groups[-1].sequence.append(made)
                self.after_atom(groups[-1], len(groups) > 1)
            elif not c:
                self.bad("a group does not end", group.position)
            else:
                group.sequence.append(self.take_atom())
                self.after_atom(group, nested)

    @abstractmethod
    def after_atom(self, group: Group, nested: bool) -> None:
        """Skip blanks and read quantifiers after a piece."""

    @abstractmethod
    def ends_here(self) -> bool:
        """Does the rule end at the position? (Blanks before an alternative may be skipped.)"""

    def check_open(self) -> None:  # noqa: B027 (a dialect may have none)
        """Refuse groups of a special kind."""

    # The whole ---------------------------------------------------------------------------------------------------

    def cfg(self, root: str) -> Cfg:
        """Read all rules."""
        self.blanks()
        while self.at < len(self.text):
            at = self.at
            self.rule = self.take_name()
            if self.rule in self.defined:
                self.bad(f"the rule {self.rule!r} is defined twice", at)
            self.defined[self.rule] = at
            self.take_options()
            self.blanks(False)
            if self.peek(3) != "::=":
                self.bad("::= is expected")
            self.at += 3
            self.blanks()
            left = self.builder.rule(self.rule)
            try:
                for pieces in self.take_body():
                    self.builder.define(left, pieces)
            except LimitExceeded as error:
                raise _placed(error, *self.place(at)) from None
            self.blanks()
        for name, at in self.used.items():
            if name not in self.defined:
                self.bad(f"the rule {name!r} is used but not defined", at)
        for at in self.others.values():
            self.unsupported("one token that may be text", "token", at, "Repeat it with * or +, or name what may come")
        if root not in self.defined:
            raise GrammarError(f"the grammar has no rule {root!r}", hint="Give the name of its first rule as root=")
        return self.builder.cfg(self.builder.rule(root))

    def take_options(self) -> None:  # noqa: B027 (a dialect may have none)
        """Read what may stand between the name of a rule and `::=`."""


def _placed(error: LimitExceeded, line: int, column: int) -> ConstraintError:
    return LimitExceeded(error.reason, keyword=error.keyword, line=line, column=column, hint=error.hint)
