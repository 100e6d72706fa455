"""Masks over large vocabularies, every token compared: a generated one, and real ones where they are installed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from constrain.grammar.ir import NEVER, Alt, Array, Grammar, Literal, NodeId, Object, String, Text
from constrain.grammar.ir import StringChoice as Choice
from constrain.regular import ast
from tests.engine.strategies import Recipe, Tokens
from tests.engine.twin import Twin
from tests.vocabulary.packages import quicktok_ranks

DOCUMENT = {
    "name": 'Ada "the" Lovelace',
    "age": 36,
    "tags": ["mathematics", "größe", "日本語", "😀🏳️‍🌈"],
    "address": {"street": "12 St James's Square\n", "zip": None, "geo": [51.5, -0.13, 1e-7]},
    "active": True,
    "notes": "\\ backslash \u0000 \x7f / slash",
    "children": [{"name": "Byron", "age": 0}, {}, []],
}


def generated() -> Tokens:
    """All pieces of up to five bytes of one document in several spellings, and single bytes: about 3 000 tokens."""
    texts = [json.dumps(DOCUMENT, indent=i, ensure_ascii=a) for i in (None, 2) for a in (False, True)]
    pieces = {t[i : i + n] for t in map(str.encode, texts) for n in range(2, 6) for i in range(len(t))}
    tokens = [*(bytes([b]) for b in range(256)), *sorted(pieces), b'"' * 3, b" " * 70, b"\n" * 65, b""]
    return Tokens(tuple(tokens), (len(tokens) - 1,), ())


def real(name: str) -> Callable[[], Tokens]:
    def load() -> Tokens:
        ranks = quicktok_ranks(name)
        tokens = [b""] * (max(ranks.values()) + 2)
        for token, i in ranks.items():
            tokens[i] = token
        return Tokens(tuple(tokens), (len(tokens) - 1,), tuple(i for i, t in enumerate(tokens[:-1]) if not t))

    return load


VOCABULARIES = {"generated": generated, "llama3": real("llama3"), "o200k": real("o200k")}

DIGITS = ast.chars([(48, 57)])
NUMBER = ast.concat(
    ast.repeat(ast.literal("-"), 0, 1),
    ast.union(ast.literal("0"), ast.concat(ast.chars([(49, 57)]), ast.repeat(DIGITS, 0, None))),
    ast.repeat(ast.concat(ast.literal("."), ast.repeat(DIGITS, 1, 3)), 0, 1),
)


def anything(add: Any, grammar: Grammar) -> NodeId:
    """Any JSON."""
    at = grammar.reserve()
    words = [add(Literal(w)) for w in (b"true", b"false", b"null")]
    thing, array = add(Object((), (), (), ((None, at),))), add(Array((), at))
    grammar.define(at, Alt((add(String(None)), add(Text(NUMBER)), thing, array, *words)))
    return at


def person(add: Any, grammar: Grammar) -> NodeId:
    text, number = add(String(None, 1, 30)), add(Text(NUMBER))
    tags = add(
        Array((), add(String(ast.repeat(ast.complement(ast.char_set(" \n")), 1, 1) | ast.repeat(ast.ANY, 4, 12))), 0, 4)
    )
    at = grammar.reserve()
    address = add(
        Object(("street", "zip"), (text, add(Literal(b"null"))), (True, True), ((None, number),), 0, 5, False)
    )
    names = ("name", "age", "tags", "address", "children")
    grammar.define(at, Object(names, (text, number, tags, address, add(Array((), at, 0, 3))), (True,) + (False,) * 4))
    return at


def patterns(add: Any, grammar: Grammar) -> NodeId:
    """Languages and choices, of keys as of values."""
    word = ast.repeat(ast.chars([(97, 122), (0xDF, 0xFF)]), 1, None)
    iso = ast.concat(ast.repeat(DIGITS, 4, 4), ast.literal("-"), ast.repeat(DIGITS, 2, 2))
    one = add(Choice(("mathematics", "math", "größe", "日本語", "日", "😀", '"', "")))
    two = add(String(ast.union(iso, ast.complement(ast.concat(ast.ALL, ast.char_set("e😀"), ast.ALL))), 0, 12))
    free = ((ast.concat(ast.literal("na"), ast.ALL), one), (word, two), (None, NEVER))
    return add(Object(("name", "größe"), (two, one), (True, False), free, 1, 4, False))


@pytest.fixture(scope="module", params=VOCABULARIES)
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return VOCABULARIES[request.param]()


@pytest.mark.parametrize("whitespace", ["flexible", "pretty"])
@pytest.mark.parametrize("shape", [anything, person, patterns])
def test_every_token_along_random_walks(tokens: Tokens, shape: Any, whitespace: str) -> None:
    grammar = Grammar()
    start = shape(grammar.add, grammar)
    twin = Twin(Recipe(tuple(grammar.nodes), whitespace, 64, start), tokens)
    rng = random.Random(f"{shape.__name__} {whitespace}")
    small = len(tokens.tokens) < 10_000
    for _ in range(6 if small else 3):
        twin.walk(rng, 12 if small else 8)


def test_the_tokens_of_a_document(tokens: Tokens) -> None:
    """Along one document, cut into its longest tokens."""
    grammar = Grammar()
    start = anything(grammar.add, grammar)
    twin = Twin(Recipe(tuple(grammar.nodes), "flexible", 64, start), tokens)
    # numbers of the grammar have no exponent
    text = json.dumps(DOCUMENT, ensure_ascii=False, indent=1).replace("1e-07", "0.5").encode()
    ids = {t: i for i, t in reversed(list(enumerate(tokens.tokens))) if t}
    longest = max(map(len, ids))
    matcher, state, at, steps = twin.compiled.matcher(), twin.machine.start(), 0, 0
    while at < len(text):
        token = next(text[at : at + n] for n in range(min(longest, len(text) - at), 0, -1) if text[at : at + n] in ids)
        if len(tokens.tokens) < 10_000 or steps % 40 == 0:
            twin.check(matcher, state, text[:at])
        assert matcher.accept(ids[token])
        at, state, steps = at + len(token), twin.machine.run(token, state), steps + 1
    twin.check(matcher, state, text)
    assert matcher.is_accepting
