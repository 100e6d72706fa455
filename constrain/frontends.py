"""Constraints from grammars: `constrain.lark`, `constrain.gbnf`, `constrain.ebnf`, `constrain.grammar`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from constrain.constraint import Constraint
from constrain.errors import GrammarError
from constrain.limits import DEFAULT_LIMITS, Limits


def lark(
    text: str,
    start: str = "start",
    *,
    scannerless: bool = False,
    indenter: Any = None,
    import_paths: Sequence[str | Path] = (),
    source_path: str | Path | None = None,
    flags: int = 0,
    json: Mapping[str, Any] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Constraint:
    """Texts that a Lark grammar derives, split into terminals as lark's contextual lexer splits them.

    start: the rule to begin with. scannerless: any split into terminals is a parse. indenter: who finds blocks, a
    `lark.indenter.Indenter` or "python" (the default where _INDENT and _DEDENT are declared). import_paths: folders
    where `%import` looks; source_path: the file that the text is from, for relative imports. flags: of all regular
    expressions. json: options of `constrain.json` for `%json`. See docs/grammars.md.

    Raises GrammarError, UnsupportedFeature (with line and column where there are), Unsatisfiable, LimitExceeded.
    """
    from constrain.grammar.combine import start_of
    from constrain.grammar.ir import Grammar
    from constrain.grammar.lark_frontend import lark_rules

    grammar = Grammar()
    cfg = lark_rules(
        text, start, grammar, scannerless=scannerless, indenter=indenter, import_paths=import_paths,
        source_path=source_path, flags=flags, json=json, limits=limits,
    )  # fmt: skip
    grammar.start = start_of(grammar, cfg, limits)
    return Constraint(grammar, source="lark", limits=limits)


def gbnf(text: str, root: str = "root", *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Texts that a grammar in llama.cpp's GBNF derives. root: the rule to begin with.

    Raises GrammarError (with line and column), Unsatisfiable, LimitExceeded.
    """
    from constrain.grammar.combine import start_of
    from constrain.grammar.gbnf import gbnf_rules
    from constrain.grammar.ir import Grammar

    grammar = Grammar()
    cfg = gbnf_rules(text, root, grammar, limits)
    grammar.start = start_of(grammar, cfg, limits)
    return Constraint(grammar, source="gbnf", limits=limits)


def ebnf(text: str, root: str = "root", *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Texts that a grammar in XGrammar's EBNF derives. root: the rule to begin with.

    Raises GrammarError and UnsupportedFeature (with line and column), Unsatisfiable, LimitExceeded.
    """
    from constrain.grammar.combine import start_of
    from constrain.grammar.ebnf import ebnf_rules
    from constrain.grammar.ir import Grammar

    grammar = Grammar()
    cfg = ebnf_rules(text, root, grammar, limits)
    grammar.start = start_of(grammar, cfg, limits)
    return Constraint(grammar, source="ebnf", limits=limits)


def shipped(name: str, start: str = "start", *, limits: Limits = DEFAULT_LIMITS, **options: Any) -> Constraint:
    """One of the grammars that come with the package (`constrain.grammar`), such as "json" or "python".

    start: another rule of it to begin with. Options: those of `constrain.lark`. Raises GrammarError for a name that no
    grammar has.
    """
    from constrain.grammar.shipped import shipped_file, shipped_names

    file = shipped_file(name)
    if file is None:
        raise GrammarError(f"there is no grammar {name!r}", hint="There are: " + ", ".join(shipped_names()))
    return lark(file.read_text("utf-8"), start, source_path=file, limits=limits, **options)
