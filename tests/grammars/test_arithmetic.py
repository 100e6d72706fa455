"""The grammar of arithmetic against Python's, on texts that mean the same in both."""

from __future__ import annotations

import ast
import random
import re

from tests.grammars.reading import mistakes, reads

PIECES = "a b1 f ( ) , + - * / // % ** = ; 2 3.5 .5 1e-3 1. _"
SEEDS = ["area = 2 * pi * r ** 2; f(x, -1) % 3", "a", "1 + 2 - -3", "(a + b) * (c // d); x = y", "f() ** -2 ** 3"]
ALLOWED = (
    ast.Module, ast.Expr, ast.Assign, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.operator,
    ast.unaryop, ast.expr_context,
)  # fmt: skip


def valid(text: str) -> bool | None:
    """Is it arithmetic? None: Python reads it, but as something that arithmetic has not, or spells differently."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        if not isinstance(node, (*ALLOWED, ast.keyword)):
            return None
        if isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.keywords):
            return None
        if isinstance(node, ast.Assign) and (len(node.targets) > 1 or not isinstance(node.targets[0], ast.Name)):
            return None
    return True


def test_mistakes() -> None:
    rng = random.Random(3)
    read = reads("arithmetic")
    told = {True: 0, False: 0, None: 0}
    for _ in range(3000):
        text = mistakes(rng.choice(SEEDS), PIECES, rng)
        expected = valid(text)
        # Python's own: indentation, line ends, a last semicolon, commas before brackets, stars before arguments
        if text != text.strip() or re.search(r"\n|,|\(\*|;$|^$", text):
            continue
        told[expected] += 1
        if expected is not None:
            assert read(text) == expected, text
    assert min(told[True], told[False]) > 300


def test_powers_and_calls() -> None:
    read = reads("arithmetic")
    for text in ("2 ^ 3 ^ -x", "f(1, g(2), -3)", "a = 1; b = a\n", "\n\n1\n\n2\n"):
        assert read(text), text
    for text in ("f(1, )", "2x y", "a = b = c", "1 +", "()", "f(a b)", "a < b", "x = ", "", "3 4"):
        assert not read(text), text
