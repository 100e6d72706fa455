"""Closing: masks within a budget equal the definition, and texts are complete when the budget is used up."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import constrain
from constrain.decoding.closing import Closing, Plan, Spelling
from constrain.engine.successors import Successors
from constrain.vocabulary import Vocabulary

MERGED = (b'{"', b'":', b'","', b'"}', b"},", b"}}", b'": "', b"], ", b"]]", b"ab", b"true", b"],[", b'a"', b"b]")
ALPHABET = b'{}[]":, ab0-etru'
SMALL = [*(bytes([b]) for b in ALPHABET), *MERGED]
CONSTRAINTS: dict[str, Any] = {
    "regex": lambda: constrain.regex(r"(ab)*a?(\[(0|ab){2,3}\])?"),
    "choice": lambda: constrain.choice(["ab", "abab", "[ab]", "true: ab"]),
    "array": lambda: constrain.json({"type": "array", "items": {"enum": ["a", "ab", 0]}, "minItems": 1, "maxItems": 3}),
    "object": lambda: constrain.json(
        {
            "type": "object",
            "properties": {"a": {"type": "boolean"}, "b": {"enum": ["", "ab"]}},
            "required": ["b"],
            "additionalProperties": False,
        }
    ),
    "nested": lambda: constrain.json(
        {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}, whitespace="compact"
    ),
    "gbnf": lambda: constrain.gbnf('root ::= "[" item+ "]"\nitem ::= "a" | "ab" | "{" item* "}" | root'),
    "lark": lambda: constrain.lark(
        'start: "[" e ("," e)* "]"\ne: NAME | NUMBER | e "-" e | "{" e "}"\nNAME: /[abt]+/\nNUMBER: /0+/\n%ignore " "'
    ),
    "schema in rules": lambda: constrain.lark('start: "a" %json {"type": "array", "items": {"const": 0}} "b"'),
}


def vocabulary_of(tokens: list[bytes]) -> Vocabulary:
    return Vocabulary.from_tokens([*tokens, b""], eos=[len(tokens)])


def allowed(mask: np.ndarray, size: int) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[:size]).tolist())


class Exhaustive:
    """The definition: tokens after which some sequence of at most k - 1 more leads to a complete text."""

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        self.within = cache(self._within)
        self.known: dict[tuple[int, int], Any] = {}

    def _key(self, matcher: Any) -> tuple[int, int]:
        state: tuple[int, int] = matcher.state
        self.known.setdefault(state, matcher.copy())
        return state

    def _within(self, state: tuple[int, int], k: int) -> bool:
        matcher = self.known[state]
        if matcher.is_accepting:
            return True
        return k > 0 and any(self.within(after, k - 1) for after in self.after(state).values())

    @cache  # noqa: B019 (lives as long as the test)
    def after(self, state: tuple[int, int]) -> dict[int, tuple[int, int]]:
        out = {}
        for token in range(self.compiled.vocabulary.size - 1):
            matcher = self.known[state].copy()
            if matcher.accept(token):
                out[token] = self._key(matcher)
        return out

    def mask(self, matcher: Any, k: int) -> set[int]:
        out = {t for t, after in self.after(self._key(matcher)).items() if k > 0 and self.within(after, k - 1)}
        return out | ({self.compiled.vocabulary.size - 1} if matcher.is_accepting else set())


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("tokens", [SMALL, SMALL[:1] + SMALL[2:]], ids=["all bytes", "a byte is missing"])
def test_masks_equal_the_definition(name: str, tokens: list[bytes]) -> None:
    compiled = CONSTRAINTS[name]().compile(vocabulary_of(tokens))
    naive = Exhaustive(compiled)
    rng = random.Random(name)
    mask = np.zeros(compiled.words, np.uint32)
    seen = 0
    for _ in range(12):
        matcher = compiled.matcher()
        for _ in range(rng.randrange(8)):
            options = list(naive.after(naive._key(matcher)))
            if options:
                matcher.accept(rng.choice(options))
        for k in range(6):
            want = naive.mask(matcher, k)
            closing = Closing(matcher.copy(), k, search=1_000_000)
            if not want:
                with pytest.raises(constrain.LimitExceeded):
                    closing.fill_mask(mask)
                assert closing.exact
                continue
            closing.fill_mask(mask)
            assert closing.exact
            assert allowed(mask, compiled.size) == want
            seen += 1
    assert seen


def generate(closing: Closing, vocabulary: Vocabulary, rng: random.Random) -> tuple[bytes, int]:
    """A text by a random model, and how many tokens it took, the end not counted."""
    mask = np.zeros(vocabulary.words, np.uint32)
    out, taken = [], 0
    while closing.remaining > 0:
        closing.fill_mask(mask)
        ids = sorted(allowed(mask, vocabulary.size))
        token = rng.choice(ids)
        assert closing.accept(token)
        if closing.is_finished:
            break
        taken += 1
        out.append(vocabulary.token_bytes(token))
    return b"".join(out), taken


LARGE: dict[str, Any] = {
    "person": lambda: constrain.json(
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 2},
                "tags": {"type": "array", "items": {"type": "number"}, "minItems": 2},
                "more": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["x", "y"]}]},
                "code": {"type": "string", "pattern": "^[a-z]{3}-\\d+$"},
            },
            "required": ["name", "tags"],
        }
    ),
    "any order": lambda: constrain.json(
        {"type": "object", "properties": {c: {"type": "integer"} for c in "abcdef"}, "required": list("bdf")},
        property_order="any",
    ),
    "pretty": lambda: constrain.json(
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}, "required": ["a"]},
        whitespace="pretty",
    ),
    "counts": lambda: constrain.json(
        {"type": "object", "minProperties": 3, "additionalProperties": {"type": "string", "maxLength": 5}}
    ),
    "anything": lambda: constrain.json(True),
    "json.lark": lambda: constrain.grammar("json"),
    "go": lambda: constrain.grammar("go"),
    "sql": lambda: constrain.grammar("sql"),
    "python": lambda: constrain.grammar("python"),
    "distinct": lambda: constrain.json(
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}
    ),
    "regex": lambda: constrain.regex(r"[a-z]+@[a-z]+\.(com|org)( \(\w{4,}\))?"),
}


@pytest.mark.parametrize("name", LARGE)
def test_texts_are_complete_when_the_budget_is_used_up(name: str) -> None:
    c = LARGE[name]()
    vocabulary = vocabulary_of([*(bytes([b]) for b in range(256)), *MERGED, b"name", b'{"name": "', b"\n  "])
    compiled = c.compile(vocabulary)
    rng = random.Random(name)
    cut = 0
    for trial in range(8):
        budget = rng.randrange(22, 60) if trial else 22
        text, taken = generate(Closing(compiled.matcher(), budget, search=20), vocabulary, rng)
        assert taken <= budget
        assert c.matches(text), (budget, text)
        cut += taken == budget
    assert cut or name == "json.lark", "no text felt the budget"


def test_too_small_a_budget_is_an_error_with_the_number_needed() -> None:
    vocabulary = vocabulary_of(SMALL)
    mask = np.zeros(vocabulary.words, np.uint32)
    compiled = constrain.choice(["abab"]).compile(vocabulary)
    with pytest.raises(constrain.LimitExceeded, match="takes 2") as error:
        Closing(compiled.matcher(), 1).fill_mask(mask)
    assert error.value.keyword == "max_new_tokens"
    closing = Closing(compiled.matcher(), 2)
    closing.fill_mask(mask)
    assert allowed(mask, vocabulary.size) == {SMALL.index(b"ab")}


def test_a_budget_that_is_never_felt_changes_nothing() -> None:
    vocabulary = vocabulary_of([bytes([b]) for b in range(256)])
    compiled = constrain.json({"type": "object"}).compile(vocabulary)
    plain, closed = (np.zeros(vocabulary.words, np.uint32) for _ in range(2))
    matcher, closing = compiled.matcher(), Closing(compiled.matcher(), 1000)
    for token in b'{"a": [1, {"b": "c"}]}':
        matcher.fill_mask(plain)
        closing.fill_mask(closed)
        assert (plain == closed).all()
        assert closing.exact
        assert matcher.accept(token)
        assert closing.accept(token)
    assert closing.is_accepting


def test_rollback_and_copy_keep_the_count() -> None:
    closing = Closing(constrain.json(True).compile(vocabulary_of(SMALL)).matcher(), 9)
    assert closing.accept(SMALL.index(b"["))
    other = closing.copy()
    assert other.remaining == 8
    closing.rollback(1)
    assert (closing.remaining, other.remaining, other.tokens) == (9, 8, [SMALL.index(b"[")])
    assert not closing.accept(SMALL.index(b"}"))
    assert closing.remaining == 9


def test_after_the_last_token_only_the_end_may_come() -> None:
    vocabulary = vocabulary_of(SMALL)
    closing = Closing(constrain.regex("(ab)*").compile(vocabulary).matcher(), 1)
    mask = np.zeros(vocabulary.words, np.uint32)
    assert closing.accept(SMALL.index(b"ab"))
    closing.fill_mask(mask)
    assert allowed(mask, vocabulary.size) == {vocabulary.size - 1}


def test_states_move_to_a_fresh_arena_between_two_masks() -> None:
    vocabulary = vocabulary_of([bytes([b]) for b in range(256)])
    compiled = constrain.json(True).compile(vocabulary)
    closing = Closing(compiled.matcher(), 12)
    mask, again = (np.zeros(vocabulary.words, np.uint32) for _ in range(2))
    for token in b'[{"a":[[':
        assert closing.accept(token)
    closing.fill_mask(mask)
    with compiled.lock:
        compiled.renew()
    closing.fill_mask(again)
    assert (mask == again).all()
    assert allowed(mask, 256) == set(b"]")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=6), st.text("ab", max_size=12))
def test_spelling_takes_the_fewest_tokens(tokens: list[str], text: str) -> None:
    def fewest(rest: str) -> int:
        if not rest:
            return 0
        return 1 + min((fewest(rest[len(t) :]) for t in set(tokens) if rest.startswith(t)), default=1 << 40)

    spelling = Spelling(vocabulary_of([t.encode() for t in sorted(set(tokens))]))
    assert min(spelling.of(text.encode())[0], 1 << 40) == min(fewest(text), 1 << 40)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_successors_are_the_states_after_tokens(name: str) -> None:
    compiled = CONSTRAINTS[name]().compile(vocabulary_of(SMALL))
    rng = random.Random(name)
    matcher = compiled.matcher()
    for _ in range(10):
        want = {}
        for token in range(len(SMALL)):
            copy = matcher.copy()
            if copy.accept(token):
                want[token] = copy.state[1]
        state = matcher.state[1]
        with compiled.lock:
            states, tokens, index = Successors(Plan(compiled).closings).of(state)
        assert {t: states[i] for t, i in zip(tokens.tolist(), index.tolist(), strict=True)} == want
        if not want:
            break
        matcher.accept(rng.choice(sorted(want)))


def test_the_processor_ends_every_row_within_the_budget() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    tokens = [*(bytes([b]) for b in range(256)), *MERGED]
    vocabulary = vocabulary_of(tokens)
    c = LARGE["person"]()
    processor = c.logits_processor(vocabulary, max_new_tokens=24)
    torch.manual_seed(0)
    ids = torch.zeros((3, 1), dtype=torch.long)
    for _ in range(24):
        scores = processor(ids, torch.rand(3, vocabulary.size))
        ids = torch.cat([ids, torch.softmax(10 * scores, -1).multinomial(1)], 1)
    for row in ids[:, 1:].tolist():
        text = b"".join(vocabulary.token_bytes(t) for t in row if t != vocabulary.size - 1)
        assert c.matches(text), text
    with pytest.raises(constrain.LimitExceeded):
        c.logits_processor(vocabulary, max_new_tokens=3)(ids[:, :1], torch.rand(3, vocabulary.size))
