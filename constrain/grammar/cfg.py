"""Context-free grammars as frontends write them: rules over terminals. `constrain/grammar/lalr.py` makes tables of one.

A symbol is an int: terminal i of `terminals` is i, nonterminal i of `nonterminals` is `len(terminals) + i`.

Two meanings (`lexing`):

- False, scannerless (GBNF, EBNF): the texts that some derivation spells, whatever the split into terminals.
- True, as Lark's contextual lexer: at each place the lexer looks only for the terminals that the parser's state has an
  action for, and for `ignore`; in the order of preference the first that matches there is the token, as long as it can
  be; tokens of `ignore` are dropped. A terminal with a `node` stands outside the lexer: its text is tried beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from constrain.grammar.ir import NEVER, NodeId

if TYPE_CHECKING:
    from constrain.regular.ast import Regex


class Terminal(NamedTuple):
    """What the parser reads as one symbol.

    language: its texts, as characters; None where `node` gives them. node: a node of the grammar that the rules are
    part of (an embedded schema, a literal, a text). unless: with `lexing`, terminals (by index) whose texts are theirs
    and not this terminal's where the parser can take them: keywords among names. The first of them that holds the text
    and can be taken is the token. rank: with `lexing`, terminals of a smaller rank are preferred; among equal ranks the
    longest, and of equally long ones that with the smaller index. not_before: the terminal does not end where text of
    this language follows (a negative look-ahead at its end); the token is the longest text that may end. special: the
    node is a special token of the vocabulary, over which no text goes on.
    """

    name: str
    language: Regex | None = None
    node: NodeId = NEVER
    rank: int = 0
    unless: tuple[int, ...] = ()
    not_before: Regex | None = None
    special: bool = False


class Rule(NamedTuple):
    """A nonterminal and the symbols that it may be."""

    left: int
    right: tuple[int, ...]


class Indentation(NamedTuple):
    """Lines and blocks, as in Python, and as `lark.indenter.Indenter` makes them. Terminals by index.

    `newline` reads a line end with all blank lines and comments after it, up to the last line feed (`indentation.py`).
    The spaces before the first character of the next line are counted, a tab as `tab` of them: more than before is an
    `indent`, less is one `dedent` for each block that ends, and must come back to an earlier column; these two have no
    text. Between `opening` and `closing` terminals line ends are dropped. At the end of the text all blocks end. Unlike
    lark's, no spaces may stand before the first line, and a last line of spaces or a comment alone is blank.
    """

    newline: int
    indent: int
    dedent: int
    opening: tuple[int, ...] = ()
    closing: tuple[int, ...] = ()
    tab: int = 8


class Cfg(NamedTuple):
    """A context-free grammar. start: the symbol (terminal or nonterminal) of a whole text."""

    terminals: tuple[Terminal, ...]
    nonterminals: tuple[str, ...]
    rules: tuple[Rule, ...]
    start: int
    lexing: bool = False
    ignore: frozenset[int] = frozenset()
    indentation: Indentation | None = None
