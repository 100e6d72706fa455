"""GBNF, the grammars of llama.cpp: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md."""

from __future__ import annotations

from constrain.grammar.builder import Piece
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Grammar
from constrain.grammar.reader import GrammarReader, Group
from constrain.limits import DEFAULT_LIMITS, Limits

_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]", "-": "-"}


def gbnf_rules(text: str, root: str, grammar: Grammar, limits: Limits = DEFAULT_LIMITS) -> Cfg:
    """The rules of a grammar in GBNF; nodes for tokens are added to `grammar`.

    Raises GrammarError and UnsupportedFeature with line and column, LimitExceeded.
    """
    return _Reader(text, grammar, limits).cfg(root)


class _Reader(GrammarReader):
    escapes = _ESCAPES
    class_escapes = _ESCAPES

    def take_atom(self) -> Piece:
        c = self.peek()
        if c == "<" or c == "!":
            self.at += c == "!"
            return self.take_token(c == "!")
        return super().take_atom()

    def after_atom(self, group: Group, nested: bool) -> None:
        self.blanks(nested)
        while self.take_quantifier(group, nested):
            pass

    def ends_here(self) -> bool:
        """At the end of the line; but an alternative may begin the next one."""
        if self.at < len(self.text) and self.peek() not in "\r\n":
            return False
        at = self.at
        self.blanks()
        if self.peek() == "|":
            return False
        self.at = at
        return True
