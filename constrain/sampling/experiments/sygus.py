"""The SyGuS tasks of Grammar-Aligned Decoding (Park et al., 2024): prompts, and grammars, whole or cut to a depth."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from constrain.constraint import Constraint
from constrain.errors import GrammarError
from constrain.grammar.ir import NEVER, Alt, Grammar, Literal, NodeId, Seq
from constrain.grammar.prune import prune
from constrain.limits import DEFAULT_LIMITS, Limits

SYMBOL = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z]\w*)|(\|)|(::=)')


@dataclass(frozen=True)
class Task:
    """One task. name, split ("SLIA", "BV4"), prompt, grammar (as published), solution."""

    name: str
    split: str
    prompt: str
    grammar: str
    solution: str

    @property
    def examples(self) -> list[str]:
        """The solved examples of the prompt, each with its question and its solution."""
        return ["Question:\n" + part.rstrip() for part in self.prompt.split("Question:\n")[1:-1]]

    @property
    def short_prompt(self) -> str:
        """The last solved example and the question."""
        parts = self.prompt.split("Question:\n")
        return "Question:\n" + "Question:\n".join(parts[-2:]) if len(parts) > 2 else self.prompt


def tasks(path: Path, *, selected: bool = True) -> Iterator[Task]:
    """The tasks of the file; `selected`: only the 29 that the papers after the first used."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["in_cars_subset"] or not selected:
                yield Task(row["id"], row["split"], row["prompt"], row["grammar"], row["solution"])


def rules(text: str) -> dict[str, list[list[tuple[str, bool]]]]:
    """Name -> alternatives -> (text, is it literal). GrammarError for anything but names, strings, `|` and `::=`."""
    out: dict[str, list[list[tuple[str, bool]]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        items = list(SYMBOL.finditer(line))
        if SYMBOL.sub("", line).strip() or len(items) < 2 or not items[0][2] or not items[1][4]:
            raise GrammarError("not a rule", line=number)
        options: list[list[tuple[str, bool]]] = [[]]
        for item in items[2:]:
            if item[3]:
                options.append([])
            elif item[2]:
                options[-1].append((item[2], False))
            else:
                options[-1].append((json.loads(f'"{item[1]}"'), True))
        out[items[0][2]] = options
    return out


def constraint(text: str, *, depth: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """The language of a grammar. With `depth`, rules below `root` stand within each other no deeper than that, which
    makes the language finite."""
    table = rules(text)
    grammar = Grammar()
    made: dict[tuple[str, int], NodeId] = {}
    todo: list[tuple[str, int]] = []

    def reach(name: str, left: int) -> NodeId:
        if left < 0:
            return NEVER
        if (name, left) not in made:
            made[name, left] = grammar.reserve()
            todo.append((name, left))
        return made[name, left]

    grammar.start = reach("root", depth if depth is not None else 0)
    while todo:
        name, left = todo.pop()
        below = left if depth is None or name == "root" else left - 1
        options = []
        for parts in table[name]:
            nodes = [
                grammar.add(Literal(symbol.encode())) if literal else reach(symbol, below) for symbol, literal in parts
            ]
            if NEVER not in nodes:
                options.append(grammar.add(Seq(tuple(nodes))))
        grammar.define(made[name, left], Alt(tuple(options)))
    prune(grammar)
    return Constraint(grammar, source="grammar", limits=limits)
