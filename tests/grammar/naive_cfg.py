"""Context-free grammars read slowly, straight from the definitions in constrain/grammar/cfg.py.

Scannerless: which texts does a symbol derive? A least fixpoint over all pieces of one text (`derives`), and of the ends
of it (`begins`: is the rest of this text the beginning of one that the symbol derives?).
"""

from __future__ import annotations

from collections.abc import Set
from functools import lru_cache

from constrain.grammar.cfg import Cfg
from constrain.regular.ast import Regex
from tests.naive_regex import NONE, Language, alive, derivative, from_regex, nullable


def terminal_languages(cfg: Cfg) -> list[Language]:
    """Of each terminal its language as the naive expressions have it."""
    return [NONE if t.language is None else from_regex(t.language) for t in cfg.terminals]


def after(language: Language, text: str) -> Language:
    """What may follow the text in a text of the language."""
    for c in text:
        language = derivative(language, ord(c))
    return language


def holds(language: Regex, text: str) -> bool:
    """Is the text in the regular language?"""
    return nullable(after(from_regex(language), text))


@lru_cache(maxsize=1000)
def productive(cfg: Cfg) -> frozenset[int]:
    """The symbols that derive some text."""
    good = {i for i, language in enumerate(terminal_languages(cfg)) if alive(language)}
    if cfg.indentation:
        good |= {cfg.indentation.indent, cfg.indentation.dedent}
    while True:
        more = {rule.left for rule in cfg.rules if good.issuperset(rule.right)} - good
        if not more:
            return frozenset(good)
        good |= more


@lru_cache(maxsize=100_000)
def spans(cfg: Cfg, text: str) -> frozenset[tuple[int, int, int]]:
    """All (symbol, i, j) such that the symbol derives text[i:j]."""
    n = len(text)
    found = {
        (s, i, j)
        for s, language in enumerate(terminal_languages(cfg))
        for i in range(n + 1)
        for j in range(i, n + 1)
        if nullable(after(language, text[i:j]))
    }
    while True:
        before = len(found)
        for rule in cfg.rules:
            for i in range(n + 1):
                found |= {(rule.left, i, j) for j in reach(found, rule.right, i, n)}
        if len(found) == before:
            return frozenset(found)


def reach(found: Set[tuple[int, int, int]], symbols: tuple[int, ...], i: int, n: int) -> set[int]:
    """The ends of the pieces from i on that the symbols derive one after the other."""
    ends = {i}
    for s in symbols:
        ends = {k for j in ends for k in range(j, n + 1) if (s, j, k) in found}
    return ends


def derives(cfg: Cfg, text: str) -> bool:
    """Is the text in the language of the grammar, scannerless?"""
    return (cfg.start, 0, len(text)) in spans(cfg, text)


@lru_cache(maxsize=100_000)
def begins(cfg: Cfg, text: str) -> bool:
    """Does some text in the language of the grammar begin so, scannerless?"""
    n = len(text)
    good, found = productive(cfg), spans(cfg, text)
    live = {
        (s, i)
        for s, language in enumerate(terminal_languages(cfg))
        for i in range(n + 1)
        if alive(after(language, text[i:]))
    }
    while True:
        before = len(live)
        for rule in cfg.rules:
            for i in range(n + 1):
                for at, s in enumerate(rule.right):
                    if good.issuperset(rule.right[at:]) and any(
                        (s, j) in live for j in reach(found, rule.right[:at], i, n)
                    ):
                        live.add((rule.left, i))
                if n in reach(found, rule.right, i, n):
                    live.add((rule.left, i))
        if len(live) == before:
            return (cfg.start, 0) in live
