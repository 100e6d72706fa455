"""EBNF as XGrammar reads it: https://github.com/mlc-ai/xgrammar, docs/defining_structures/ebnf_grammar.md."""

from __future__ import annotations

import re
from typing import Final

from constrain.grammar.builder import Piece
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar
from constrain.grammar.reader import GrammarReader, Group
from constrain.limits import DEFAULT_LIMITS, Limits

_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "'": "'", "?": "?",
    "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0", "e": "\x1b",
}  # fmt: skip
_CLASS_ESCAPES: Final = {**_ESCAPES, **{c: c for c in "^$\\.*+?()[]{}|/-"}}
_MACROS: Final = ("TagDispatch", "Token", "ExcludeToken", "TokenTagDispatch", "Regex", "Substring")
_NEXT_RULE = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*(?:[ \t]*\[[^\]\n]*\])?[ \t]*::=")
_HEX_RUN = re.compile(r"[0-9a-fA-F]+")


def ebnf_rules(text: str, root: str, grammar: Grammar, limits: Limits = DEFAULT_LIMITS) -> Cfg:
    """The rules of a grammar in EBNF.

    Raises GrammarError and UnsupportedFeature (macros, lookaheads, options of rules) with line and column,
    LimitExceeded.
    """
    return _Reader(text, grammar, limits).cfg(root)


class _Reader(GrammarReader):
    escapes = _ESCAPES
    class_escapes = _CLASS_ESCAPES
    name = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
    newline_in_literal = False
    any_class = True

    def take_escape(self, escapes: object) -> int:
        if self.peek(2) == "\\x":  # any number of digits
            found = _HEX_RUN.match(self.text, self.at + 2)
            if found is None:
                self.bad("\\x needs hexadecimal digits")
            at, self.at = self.at, found.end()
            return self.scalar(int(found.group()[:16], 16) if len(found.group().lstrip("0")) < 16 else 1 << 30, at)
        return super().take_escape(escapes)  # type: ignore[arg-type]

    def take_atom(self) -> Piece:
        at = self.at
        c = self.peek()
        if c == ".":  # names may begin with one
            found = self.name.match(self.text, at)
            if found is not None and found.group() == ".":
                self.bad("a single dot has no meaning in EBNF: write [^] for any character")
        elif c not in '"[':
            found = self.name.match(self.text, at)
            if found is not None and found.group() in _MACROS and self.macro_follows(found.end()):
                self.unsupported(f"the macro {found.group()}", found.group(), at)
        if c == ".":
            name = self.take_name()
            self.used.setdefault(name, at)
            return self.builder.rule(name)
        return super().take_atom()

    def macro_follows(self, at: int) -> bool:
        return self.text[at:].lstrip(" \t\r\n")[:1] == "("

    def check_open(self) -> None:
        if self.peek(2) == "(=":
            self.unsupported("a lookahead", "(=", self.at, "It only speeds up other engines: leave it out")

    def after_atom(self, group: Group, nested: bool) -> None:
        self.blanks()
        if self.take_quantifier(group, True) and self.peek() in ("*", "+", "?", "{"):
            self.bad("a repeat of a repeat needs parentheses")

    def ends_here(self) -> bool:
        """At the end of the text, or where the next rule begins a line."""
        if self.at == len(self.text):
            return True
        line = self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at]
        return not line.strip(" \t\r") and _NEXT_RULE.match(self.text, self.at) is not None

    def take_options(self) -> None:
        at = self.at
        self.blanks(False)
        if self.peek() == "[":
            self.unsupported("an option of a rule", "[...]", at)
