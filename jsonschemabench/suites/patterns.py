"""Regular expressions of genlm-eval, with texts that an independent automata library finds and `re` confirms."""

from __future__ import annotations

import random
import re
import warnings
from typing import Any

from jsonschemabench.suites.base import Case, Instance
from jsonschemabench.suites.data import Data, read_csv
from jsonschemabench.suites.suite import Suite

PRINTABLE = [chr(c) for c in range(0x20, 0x7F)]
TEXTS = 3  # valid ones for each pattern, and as many invalid ones
LONGEST = 60
STATES = 400


class Patterns(Suite):
    """The patterns that are regular: Python's `re` takes them and `interegular` makes an automaton of them.

    Whole texts are meant, so one `^` at the beginning and one `$` at the end are left off. Valid texts: seeded walks
    through the automaton. Invalid ones: a character of a valid one changed, left out or added, refused by `re`.
    """

    name = "patterns"
    about = "regular expressions of genlm-eval"
    home = "https://raw.githubusercontent.com/genlm/genlm-eval/main/assets/pattern_matching/patterns.csv"
    licence = "Apache-2.0"

    def cases(self, data: Data) -> list[Case]:
        rows = read_csv(data.find("genlm_patterns.csv", self.home))
        cases = []
        for n, row in enumerate(rows):
            pattern = unanchored(row["regex"])
            texts = examples(pattern, random.Random(n))
            if texts:
                instances = tuple(Instance(valid, text) for valid, text in texts)
                cases.append(Case(f"genlm-{n}", "genlm", pattern, instances, kind="regex"))
        return cases


def unanchored(pattern: str) -> str:
    """The pattern without its outer anchors, where no alternative stands beside them."""
    if not has_outer_bar(pattern):
        pattern = pattern.removeprefix("^")
        if pattern.endswith("$") and not pattern.endswith("\\$"):
            pattern = pattern[:-1]
    return pattern


def has_outer_bar(pattern: str) -> bool:
    """Is there a `|` outside all brackets?"""
    depth, in_class, escaped = 0, False, False
    for c in pattern:
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif in_class:
            in_class = c != "]"
        elif c == "[":
            in_class = True
        elif c in "()":
            depth += 1 if c == "(" else -1
        elif c == "|" and depth == 0:
            return True
    return False


def examples(pattern: str, rng: random.Random) -> list[tuple[bool, str]]:
    """Valid and invalid texts; none where the pattern is not regular or not Python's."""
    import interegular

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(pattern)
            machine = interegular.parse_pattern(pattern).to_fsm()
    except Exception:  # whatever either of them says: the pattern is left out
        return []
    if len(machine.states) > STATES:
        return []
    found: dict[str, bool] = {}
    for _ in range(TEXTS * 4):
        text = walk(machine, rng)
        if text is not None and compiled.fullmatch(text):
            found[text] = True
        if len(found) == TEXTS:
            break
    for text in list(found):
        for _ in range(8):
            spoilt = spoil(text, rng)
            if spoilt not in found and not compiled.fullmatch(spoilt):
                found[spoilt] = False
                break
    return [(valid, text) for text, valid in found.items()]


def walk(machine: Any, rng: random.Random) -> str | None:
    """A text that the automaton accepts, by a random walk through states from which it can still accept."""
    symbols = _symbols(machine)
    state, text = machine.initial, ""
    while len(text) < LONGEST:
        if state in machine.finals and (rng.random() < 0.3 or not text):
            if text or rng.random() < 0.2:
                return text
        moves = [(c, to) for c, to in _moves(machine, state, symbols) if machine.islive(to)]
        if not moves:
            return text if state in machine.finals else None
        characters, state = rng.choice(moves)
        text += rng.choice(characters)
    return text if state in machine.finals else None


def _moves(machine: Any, state: Any, symbols: dict[Any, list[str]]) -> list[tuple[list[str], Any]]:
    steps = machine.map.get(state, {})
    return [(symbols[key], to) for key, to in sorted(steps.items()) if symbols.get(key)]


def _symbols(machine: Any) -> dict[Any, list[str]]:
    """Characters for each transition key, printable ones where there are some."""
    keys: dict[Any, list[str]] = {}
    for c in PRINTABLE:
        keys.setdefault(machine.alphabet[c], []).append(c)
    for symbol, key in machine.alphabet.items():
        if key not in keys and isinstance(symbol, str):
            keys[key] = [symbol]
    return keys


def spoil(text: str, rng: random.Random) -> str:
    """The text with one character changed, left out or added."""
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + rng.choice(PRINTABLE) + text[at:]
    return text[:at] + (rng.choice(PRINTABLE) if kind == 1 else "") + text[at + 1 :]
