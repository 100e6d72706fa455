"""Constraints from grammars: `constrain.lark`, `constrain.gbnf`, `constrain.ebnf`, `constrain.grammar`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constrain.constraint import Constraint
from constrain.errors import GrammarError
from constrain.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from constrain.grammar.cfg import Cfg
    from constrain.grammar.ir import Grammar


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

    def read(grammar: Grammar) -> Cfg:
        from constrain.grammar.lark_frontend import lark_rules

        return lark_rules(
            text, start, grammar, scannerless=scannerless, indenter=indenter, import_paths=import_paths,
            source_path=source_path, flags=flags, json=json, limits=limits,
        )  # fmt: skip

    content = None
    if not import_paths and not _IMPORT.search(text) and (indenter is None or isinstance(indenter, str)):
        content = [text, start, repr((scannerless, indenter, int(flags))), _lark_version()]
    return _constraint("lark", content, read, limits)


def gbnf(text: str, root: str = "root", *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Texts that a grammar in llama.cpp's GBNF derives. root: the rule to begin with.

    Raises GrammarError (with line and column), Unsatisfiable, LimitExceeded.
    """

    def read(grammar: Grammar) -> Cfg:
        from constrain.grammar.gbnf import gbnf_rules

        return gbnf_rules(text, root, grammar, limits)

    return _constraint("gbnf", [text, root], read, limits)


def ebnf(text: str, root: str = "root", *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Texts that a grammar in XGrammar's EBNF derives. root: the rule to begin with.

    Raises GrammarError and UnsupportedFeature (with line and column), Unsatisfiable, LimitExceeded.
    """

    def read(grammar: Grammar) -> Cfg:
        from constrain.grammar.ebnf import ebnf_rules

        return ebnf_rules(text, root, grammar, limits)

    return _constraint("ebnf", [text, root], read, limits)


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


_IMPORT = re.compile(r"%import\s+(?!(?:common|lark|python|unicode)\b)")  # of something that is no part of lark


@cache
def _lark_version() -> str:
    """What tells versions of lark apart: its first file, which names the version (asking for that takes longer)."""
    from importlib.util import find_spec

    found = find_spec("lark")
    return Path(found.origin).read_text("utf-8") if found is not None and found.origin is not None else ""


def _constraint(kind: str, content: list[str] | None, read: Callable[[Grammar], Cfg], limits: Limits) -> Constraint:
    """The constraint of the rules that `read` gives; from the disk, where what `content` names has been read before."""
    from constrain.engine.ready import Source, cfg_of, found
    from constrain.grammar.ir import Grammar, Others, Rules

    def whole(target: Grammar) -> Cfg:
        from constrain.grammar.regular_parts import finished

        return finished(read(target), limits)

    grammar = Grammar()
    source = None if content is None else Source(kind, tuple(content))
    if source is None:
        cfg, plain = whole(grammar), False
    else:
        made = found(source, limits)
        if made is not None and "lexer" in made[0]:  # else its terminals are nodes, which only the rules have
            rules = Rules(lambda: cfg_of(source, lambda: whole(Grammar()), limits)[0], source, (limits, made))
            grammar.start = grammar.add(rules)
            return Constraint(grammar, source=kind, limits=limits)
        cfg, plain = cfg_of(source, lambda: whole(grammar), limits)
    from constrain.grammar.combine import start_of

    grammar.start = start_of(grammar, cfg, source if plain else None)
    used = {t.node for t in cfg.terminals}  # what no text needs is no reason to refuse a vocabulary
    used = used.union(*(node.but for i in used if i >= 0 and isinstance(node := grammar.nodes[i], Others)))
    for at in set(grammar.tokens) - used:
        del grammar.tokens[at]
    return Constraint(grammar, source=kind, limits=limits)
