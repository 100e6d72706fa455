"""Random Lark grammars, whose terminals overlap, look ahead and are lazy, against lark's contextual lexer."""

from __future__ import annotations

import random

import lark
import pytest

from constrain.errors import ConstraintError
from constrain.grammar.ir import Grammar
from constrain.grammar.lalr import tables
from constrain.grammar.lark_frontend import lark_rules
from constrain.grammar.regular_parts import productive
from tests.grammar import naive_lexing

PATTERNS = [
    "a", "b", "[ab]", "[a-c]", "a*?b", "(a|ab)", "(ab|a)", "a+", "[bc]+", "a(?!b)", "[ab]+(?!c)", "a??b", r"a\b",
    "(?:a|b)*?c", "b{1,2}", "[^a]", "(?:ab?)+", "a|abc", "(?=ab)[a-c]+", "(?<!b)c", "a(?<=a)b", "(a*)*b", "(a|b*)+",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _without_warnings_of_collisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where interegular can read none of some terminals, what lark does to warn of those that overlap fails."""
    monkeypatch.setattr(lark.lexer, "has_interegular", False)


class Writer:
    """Writes random grammars."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.terminals = [f"T{i}" for i in range(self.rng.randint(2, 4))]

    def literal(self) -> str:
        pick, flag = self.rng.choice, self.rng.choice(["", "", "", "i"])
        if self.rng.random() < 0.4:
            return f'"{"".join(pick("abc") for _ in range(self.rng.randint(1, 3)))}"{flag}'
        return f"/{pick(PATTERNS)}{pick(PATTERNS) if self.rng.random() < 0.3 else ''}/{flag}"

    def atom(self) -> str:
        r = self.rng.random()
        return self.rng.choice(self.terminals) if r < 0.6 else self.literal() if r < 0.75 else self.rng.choice("xy")

    def item(self) -> str:
        atom, r = self.atom(), self.rng.random()
        for limit, made in (
            (0.2, atom + self.rng.choice("?*+")), (0.25, f"{atom}~1..2"), (0.35, f"({atom} | {self.atom()})"),
            (0.4, f"[{atom}]"),
        ):  # fmt: skip
            if r < limit:
                return made
        return atom

    def grammar(self) -> str:
        pick, count = self.rng.choice, self.rng.randint
        lines = [
            f"{t}{pick(['', '', '', '.2', '.-1'])}: " + " | ".join(self.literal() for _ in range(pick([1, 1, 2])))
            for t in self.terminals
        ]
        for name in ("start", "x", "y"):
            options = (" ".join(self.item() for _ in range(count(1, 3))) for _ in range(count(1, 2)))
            lines.append(f"{name}: " + " | ".join(options))
        if self.rng.random() < 0.4:
            lines.append("%ignore " + pick(['" "', '"d"', "/b+/", self.terminals[0]]))
        return "\n".join(lines) + "\n"


def compare(seed: int) -> int:
    """How many texts of a random grammar both sides take or refuse; 0 when one of them refuses the grammar."""
    writer = Writer(seed)
    text = writer.grammar()
    try:
        parser = lark.Lark(text, parser="lalr")
        cfg = lark_rules(text, "start", Grammar())
        made = tables(cfg)
    except (lark.exceptions.LarkError, ConstraintError):
        return 0
    # Lark decides conflicts, and looks for the terminals of rules that no text can be derived from.
    if made.has_conflicts or len(productive(cfg)) < len(cfg.terminals) + len(cfg.nonterminals):
        return 0
    for _ in range(40):
        piece = "".join(writer.rng.choice("abcABd ") for _ in range(writer.rng.randint(0, 7)))
        try:
            parser.parse(piece)
            want = True
        except lark.exceptions.UnexpectedInput:
            want = False
        assert naive_lexing.accepts(cfg, made, piece) == want, f"{piece!r} should be {want}:\n{text}"
    return 40


def test_random_grammars() -> None:
    assert sum(compare(seed) for seed in range(250)) > 2000


@pytest.mark.slow
def test_many_random_grammars() -> None:
    assert sum(compare(seed) for seed in range(1000, 11000)) > 80_000
