"""Lark grammars: lark itself reads the text; its rules and terminals become a `Cfg`.

What lark does not say with an error of ours is said here: bounds (lark_bounds.py), places of errors, schemas and tokens
in rules (lark_source.py), and what the terminals take (lark_terminals.py).
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from constrain.errors import ConstraintError, GrammarError, LimitExceeded, UnsupportedFeature
from constrain.grammar import lark_bounds
from constrain.grammar.cfg import Cfg, Indentation
from constrain.grammar.combine import graft
from constrain.grammar.ir import Grammar, NodeId, Token
from constrain.grammar.lark_source import Embedded, Parts, prepared
from constrain.grammar.lark_terminals import lexer_terminals, plain_terminals
from constrain.grammar.lark_writer import RulesWriter, language_of
from constrain.grammar.shipped import shipped_text
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import compile
from constrain.regular.ast import ALL, automaton, char_set, concat, difference, intersect, literal, repeat

_AT = re.compile(r"(?:at )?line (\d+),? col(?:umn)? (\d+)")
_WORD = re.compile(r"[A-Za-z_]\w*")


def lark_rules(
    text: str,
    start: str,
    grammar: Grammar,
    *,
    scannerless: bool = False,
    indenter: Any = None,
    import_paths: Sequence[str | Path] = (),
    source_path: str | Path | None = None,
    flags: int = 0,
    json: Mapping[str, Any] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Cfg:
    """The rules of a Lark grammar; nodes for schemas and tokens are added to `grammar`.

    scannerless: any split of the text into terminals is a parse; else as lark's contextual lexer splits it. indenter: a
    `lark.indenter.Indenter` class or object, or "python"; left out, "python" where the grammar declares _INDENT and
    _DEDENT and has a _NEWLINE. import_paths: folders for `%import`; source_path: the file
    that the text is from, for relative imports. flags: of all regular expressions, as in `re`. json: options of
    `constrain.json` for `%json`.

    Raises GrammarError, UnsupportedFeature (with line and column where there are), LimitExceeded.
    """
    return _Loader(text, start, grammar, limits, [str(p) for p in import_paths], source_path, flags, json or {}).cfg(
        scannerless, indenter
    )


class _Loader:
    """One reading of a grammar."""

    def __init__(
        self, text: str, start: str, grammar: Grammar, limits: Limits, import_paths: list[str],
        source_path: str | Path | None, flags: int, json: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.text = text
        self.start = start
        self.grammar = grammar
        self.limits = limits
        self.import_paths = import_paths
        self.source_path = None if source_path is None else str(source_path)
        self.flags = flags
        self.json = json
        self.parts = Parts(limits)
        self.tokens: dict[str | int, tuple[str, NodeId]] = {}  # special tokens: name and node
        self.lark_error: type[Exception] = Exception

    def cfg(self, scannerless: bool, indenter: Any) -> Cfg:
        """The rules."""
        indents = None if indenter is None else _indenter(indenter)
        definitions, rules, ignored = self.load(("_NEWLINE",) if indents is None else (indents.NL_type,))
        if indents is None:
            indents = self.usual_indenter(definitions, rules)
        if indents is not None and scannerless:
            raise GrammarError("indentation needs a lexer: leave scannerless out")
        rules = self.reached(rules)
        self.check_symbols(definitions, rules, indents)
        used = {s.name for rule in rules for s in rule.expansion}.union(
            ignored, () if indents is None else [indents.NL_type]
        )
        definitions = [d for d in definitions if d.name in used]
        make = plain_terminals if scannerless else lexer_terminals
        terminals, places = make(definitions, ignored, self.flags, self.place, self.limits)
        made = RulesWriter(terminals, places)
        for rule in rules:
            self.add(made, rule)
        if scannerless:
            return made.without_lexer(self.start, ignored)
        ignore = frozenset(i for name in ignored for i in places[name])
        indentation = None if indents is None else self.indentation(indents, made)
        return made.cfg(self.start)._replace(lexing=True, ignore=ignore, indentation=indentation)

    # Lark --------------------------------------------------------------------------------------------------------

    def load(self, keep: Sequence[str]) -> tuple[list[Any], list[Any], list[str]]:
        """Lark's terminals, rules, and the names of what is ignored."""
        import lark
        from lark.load_grammar import load_grammar

        self.lark_error = lark.exceptions.LarkError
        _ready()

        text = prepared(self.text, self.parts, True)
        source = self.source_path or "<grammar>"
        try:
            load: Any = load_grammar
            loaded = load(text, source, [self.find_import], False)[0]
            lark_bounds.check(loaded, self.place, self.limits)
            terminals, rules, ignored = loaded.compile([self.start], set(keep))
            return terminals, rules, ignored
        except ConstraintError:
            raise
        except lark.exceptions.UnexpectedInput as error:
            reason = str(error).split("\n")[0]
            raise GrammarError(reason, line=_number(error.line), column=_number(error.column)) from None
        except RecursionError:
            raise LimitExceeded("a grammar is nested too deeply", keyword="regex_depth") from None
        except ImportError as error:
            raise UnsupportedFeature(
                f"a Unicode property in a regular expression: {error}", keyword="\\p",
                hint="Write the characters as a class",
            ) from None  # fmt: skip
        except Exception as error:  # lark has no class for all its complaints, and asserts some
            self.refuse(error)

    def refuse(self, error: Exception) -> NoReturn:
        """Lark's complaint, with a place where one can be found."""
        reason = str(error).strip() or "lark can't read the grammar"
        place = _AT.search(reason)
        if place is not None:
            first = reason.split("\n")[0].rstrip(": ")
            raise GrammarError(
                _AT.sub("", first).replace("  ", " ").strip(" ,") or first,
                line=int(place[1]), column=int(place[2]),
            ) from None  # fmt: skip
        if not isinstance(error, self.lark_error):
            reason = f"lark can't read a regular expression or a rule: {reason}"
        again = self.parts.again if "more than once" in reason else {}
        for word in _WORD.findall(reason):
            where = self.place(word, again)
            if where:
                raise GrammarError(reason.split("\n")[0], **where) from None
        raise GrammarError(reason.split("\n")[0]) from None

    def place(self, name: str, first: Mapping[str, tuple[int, int]] = MappingProxyType({})) -> dict[str, Any]:
        """Line and column of what a name or a literal stands for, if it stands in the grammar itself."""
        found = first.get(name) or self.parts.definitions.get(name) or self.parts.literals.get(name)
        return {} if found is None else {"line": found[0], "column": found[1]}

    def find_import(self, base: Any, path: str) -> tuple[str, str]:
        """The file that `%import` names: (its path, its text)."""
        from lark.load_grammar import stdlib_loader

        tried = list(self.import_paths)
        if base is not None:
            if not isinstance(base, str) or (self.source_path is None and not base):
                raise GrammarError(
                    f"a relative import of {path}", hint="Say with source_path= which file the grammar is from"
                )
            tried.append(base)
        for folder in tried:
            file = Path(folder) / path
            if file.is_file():
                return str(file), prepared(file.read_text("utf-8"), self.parts, False)
        if base is None:
            shipped = shipped_text(path.removesuffix(".lark").removeprefix("constrain/")) if "/" in path else None
            if shipped is not None:
                return f"constrain:{path}", prepared(shipped, self.parts, False)
            try:
                where, text = stdlib_loader(None, path)
            except OSError:
                pass
            else:
                return str(where.path), prepared(text, self.parts, False)
        raise GrammarError(f"%import: there is no grammar {path}")

    # Indentation -------------------------------------------------------------------------------------------------

    def usual_indenter(self, definitions: list[Any], rules: list[Any]) -> Any:
        """Lark's PythonIndenter, if the grammar declares its terminals and defines its _NEWLINE."""
        known = {d.name for d in definitions}
        used = {s.name for rule in rules for s in rule.expansion if s.is_term}
        usual = {"_INDENT", "_DEDENT"} <= used - known and "_NEWLINE" in known
        return _indenter("python") if usual else None

    def indentation(self, indents: Any, made: RulesWriter) -> Indentation:
        """Lines and blocks by the terminals that the indenter names.

        Lark's newline takes the indentation of the next line with it; here it ends before that.
        """
        for name in (indents.NL_type, indents.INDENT_type, indents.DEDENT_type):
            if name not in made.places:
                raise GrammarError(f"the indenter speaks of {name}, which no rule uses")
        newline = made.places[indents.NL_type]
        given = made.terminals[newline[0]]
        blanks = repeat(char_set(" \t"))
        ends = concat(ALL, literal("\n"))
        whole = intersect(language_of(given), concat(ends, blanks))
        ended = intersect(whole, ends)
        if (
            len(newline) > 1
            or given.not_before is not None
            or compile(concat(ended, blanks), self.limits) != compile(whole, self.limits)
            or not compile(difference(concat(ended, ended), ended), self.limits).is_empty
        ):
            raise UnsupportedFeature(
                f"the terminal {indents.NL_type} is not line ends, blank lines and comments, each line end with all "
                "spaces and tabs behind it",
                keyword="indentation",
                hint=r"Write it as _NEWLINE: (/\r?\n[\t ]*/ | COMMENT)+",
                **self.place(indents.NL_type),
            )
        made.terminals[newline[0]] = given._replace(language=automaton(compile(ended, self.limits)))

        def places(names: Sequence[str]) -> tuple[int, ...]:
            return tuple([i for name in names for i in made.places.get(name, ())])

        return Indentation(
            newline[0], made.places[indents.INDENT_type][0], made.places[indents.DEDENT_type][0],
            places(indents.OPEN_PAREN_types), places(indents.CLOSE_PAREN_types), indents.tab_len,
        )  # fmt: skip

    # Symbols -----------------------------------------------------------------------------------------------------

    def reached(self, rules: list[Any]) -> list[Any]:
        """The rules that the start reaches."""
        by_name: dict[str, list[Any]] = {}
        for rule in rules:
            by_name.setdefault(rule.origin.name, []).append(rule)
        todo = [self.start]
        seen = set(todo)
        for name in todo:  # grows
            for rule in by_name.get(name, ()):
                new = {s.name for s in rule.expansion if not s.is_term} - seen
                seen |= new
                todo += sorted(new)
        return [rule for rule in rules if rule.origin.name in seen]

    def check_symbols(self, definitions: list[Any], rules: list[Any], indents: Any) -> None:
        """Refuse rules and terminals without a definition."""
        defined = {rule.origin.name for rule in rules}
        if self.start not in defined:
            raise GrammarError(f"the grammar has no rule {self.start!r}", hint="Give the name of a rule as start=")
        known = {d.name for d in definitions}
        if indents is not None:
            known |= {indents.INDENT_type, indents.DEDENT_type}
        for rule in rules:
            for symbol in rule.expansion:
                if symbol.is_term:
                    if symbol.name not in known and self.parts.find(symbol.name) is None:
                        raise GrammarError(
                            f"the terminal {symbol.name} is declared, but nothing says what it is",
                            hint="Indentation needs indenter=", **self.place(rule.origin.name),
                        )  # fmt: skip
                elif symbol.name not in defined:
                    raise GrammarError(f"the rule {symbol.name} has no definition", **self.place(rule.origin.name))

    def add(self, made: RulesWriter, rule: Any) -> None:
        """Add a rule; where one of its terminals is several of ours, once for each of them.

        (A nonterminal for them would change what the lexer looks for: the parser's states would be others.)
        """
        options = [self.symbol(made, s) for s in rule.expansion]
        if math.prod(map(len, options)) > self.limits.alternatives:
            raise LimitExceeded(
                f"the rule {rule.origin.name} uses terminals that look ahead too often",
                keyword="alternatives", **self.place(rule.origin.name),
            )  # fmt: skip
        for right in product(*options):
            made.add(str(rule.origin.name), list(right))  # a Token of lark's otherwise, which is written differently

    def symbol(self, made: RulesWriter, symbol: Any) -> tuple[int | str, ...]:
        """What a symbol of lark's may be: places among the terminals, or the name of a rule."""
        if not symbol.is_term:
            return (str(symbol.name),)
        part = self.parts.find(symbol.name)
        return made.terminal(symbol.name) if part is None else made.part(symbol.name, self.embed, part)

    def embed(self, part: Embedded) -> list[tuple[str, NodeId]]:
        """Names and nodes of a schema or of tokens."""
        if part.tokens:
            for named in part.tokens:
                if named not in self.tokens:
                    token = Token(named, part.line, part.column)
                    self.tokens[named] = token.shown, self.grammar.add_token(token)
            return [self.tokens[named] for named in part.tokens]
        from constrain.schema import compile_schema

        try:
            made = graft(self.grammar, compile_schema(part.schema, limits=self.limits, **self.json))
        except ConstraintError as error:
            raise type(error)(
                f"%json: {error.reason}", pointer=error.pointer, keyword=error.keyword,
                line=part.line, column=part.column, hint=error.hint,
            ) from None  # fmt: skip
        return [(part.name, made)]


_lock = threading.Lock()


def _ready() -> None:
    """Let lark make the parser of its own language, once a process, without comparing that language's terminals.

    The comparison would only write to lark's log, and takes longer than reading most grammars.
    """
    from lark import lexer
    from lark.load_grammar import _get_parser

    make: Any = _get_parser
    with _lock:
        if hasattr(make, "cache") or not getattr(lexer, "has_interegular", False):
            return
        lexer.has_interegular = False
        try:
            make()
        finally:
            lexer.has_interegular = True


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _indenter(given: Any) -> Any:
    """An object with the attributes of `lark.indenter.Indenter`."""
    from lark.indenter import PythonIndenter

    if given == "python":
        return PythonIndenter()
    made = given() if isinstance(given, type) else given
    for name in ("NL_type", "OPEN_PAREN_types", "CLOSE_PAREN_types", "INDENT_type", "DEDENT_type", "tab_len"):
        if not hasattr(made, name):
            raise TypeError(f"an indenter needs {name}, as lark.indenter.Indenter has it")
    return made
