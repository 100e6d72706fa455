"""Rolling back, copying, stepping in one call, the end of the text, and what is forced."""

from __future__ import annotations

import contextlib
import json
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import constrain
from constrain.constraint import Constraint
from constrain.grammar.ir import Array, Grammar, Literal, Object, String
from constrain.grammar.ir import StringChoice as Choice
from constrain.vocabulary.vocabulary import Vocabulary
from tests.engine.strategies import FRAGMENTS, Recipe, Tokens, recipes, vocabularies
from tests.engine.twin import Twin, ids_of, pick, vocabulary_of
from tests.naive import NaiveMachine, State

RANDOM = st.integers(0, 1 << 32).map(random.Random)
BYTES = tuple(bytes([b]) for b in range(256))
TOKENS = Tokens((*BYTES, *FRAGMENTS, b""), (256 + len(FRAGMENTS),), ())
quick = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


def items(whitespace: str = "flexible") -> Recipe:
    """An array of strings and objects."""
    nodes = (Array((), 1, 0, 3), Object(("a", "b"), (2, 0), (True, False), (), 0, None, False), String(None, 0, 2))
    return Recipe(nodes, whitespace, 2)


# --- tokens back and forth


@quick
@given(recipes(), vocabularies(), RANDOM)
def test_accept_rollback_copy_in_any_order(recipe: Recipe, tokens: Tokens, rng: random.Random) -> None:
    twin = Twin(recipe, tokens)
    # matchers, each with the states after every token so far
    paths = [(twin.compiled.matcher(), [twin.machine.start()])]
    for _ in range(25):
        matcher, states = rng.choice(paths)
        act = rng.random()
        if act < 0.2:
            n = rng.randrange(len(states))
            matcher.rollback(n)
            del states[len(states) - n :]
        elif act < 0.35 and len(paths) < 5:
            paths.append((matcher.copy(), states.copy()))
        else:
            ways = twin.texts(twin.expected(states[-1]))
            if ways:
                token = pick(rng, ways, tokens.tokens)
                after = twin.machine.run(tokens.tokens[token], states[-1])
                if rng.random() < 0.5:
                    mask = twin.mask()
                    assert matcher.accept_and_fill(token, mask)
                    assert ids_of(mask) == twin.expected(after)
                else:
                    assert matcher.accept(token)
                states.append(after)
        for one, passed in paths:
            twin.check(one, passed[-1], b"")
            assert len(one.tokens) == len(passed) - 1


@quick
@given(recipes(), vocabularies(), RANDOM)
def test_equal_states_after_equal_bytes(recipe: Recipe, tokens: Tokens, rng: random.Random) -> None:
    twin = Twin(recipe, tokens)
    matcher, _, text = twin.walk(rng, 8)
    state = matcher.state
    assert hash(state) == hash(matcher.copy().state)
    single = {token: i for i, token in reversed(list(enumerate(tokens.tokens))) if i not in tokens.eos + tokens.special}
    again = twin.compiled.matcher()
    if all(bytes([b]) in single for b in text):
        assert all(again.accept(single[bytes([b])]) for b in text)
        assert again.state == state
    matcher.rollback(len(matcher.tokens))
    assert matcher.state == twin.compiled.matcher().state


def test_the_end_of_the_text() -> None:
    twin = Twin(
        items(),
        Tokens(
            (*TOKENS.tokens, b"", b"<pad>"),
            (len(BYTES + tuple(FRAGMENTS)), len(TOKENS.tokens)),
            (len(TOKENS.tokens) + 1,),
        ),
    )
    first, second = twin.tokens.eos
    matcher = twin.compiled.matcher()
    assert not matcher.accept(first)
    for byte in b'[{"a":""}]':
        assert not matcher.is_accepting
        assert not matcher.accept(second)
        assert matcher.accept(byte)
    assert matcher.is_accepting
    assert not matcher.is_finished
    before, fork = matcher.state, matcher.copy()
    assert matcher.accept(second)
    assert matcher.is_finished
    assert matcher.is_accepting
    assert not fork.is_finished
    assert twin.allowed(matcher) == {first, second}
    assert not matcher.accept(ord("]"))
    assert not matcher.accept(twin.tokens.special[0])
    assert matcher.accept(first)
    mask = twin.mask()
    assert matcher.accept_and_fill(second, mask)
    assert ids_of(mask) == {first, second}
    assert matcher.forced_bytes() == b""
    assert matcher.forced_tokens() == []
    matcher.rollback(3)
    assert matcher.state == before
    assert not matcher.is_finished
    matcher.rollback(1)
    assert not matcher.is_accepting
    twin.check(matcher, twin.machine.run(b'[{"a":""}'), b'[{"a":""}')


def test_a_refused_token_leaves_the_mask_alone() -> None:
    twin = Twin(items(), TOKENS)
    matcher = twin.compiled.matcher()
    mask = twin.mask()
    assert not matcher.accept_and_fill(ord("x"), mask)
    assert (mask == 0xFFFFFFFF).all()
    assert not matcher.accept_and_fill(1 << 20, mask)
    assert not matcher.accept_and_fill(-1, mask)
    assert matcher.accept_and_fill(ord("["), mask)
    assert ids_of(mask) == twin.expected(twin.machine.run(b"["))


def test_wrong_uses_are_errors() -> None:
    twin = Twin(items(), TOKENS)
    matcher = twin.compiled.matcher()
    matcher.accept(ord("["))
    for n in (-1, 2):
        with pytest.raises(ValueError, match="take back"):
            matcher.rollback(n)
    good = twin.mask()
    for wrong in (
        good[:-1],
        good.astype(np.int32),
        good.astype(np.uint64),
        np.zeros((2, len(good)), np.uint32),
        np.zeros(2 * len(good), np.uint32)[::2],
        list(good),
    ):
        with pytest.raises(ValueError, match="mask"):
            matcher.fill_mask(wrong)
        with pytest.raises(ValueError, match="mask"):
            matcher.accept_and_fill(ord("]"), wrong)
    frozen = twin.mask()
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="mask"):
        matcher.fill_mask(frozen)
    with pytest.raises(ValueError, match="mask"):
        constrain.fill_masks([matcher], good)
    with pytest.raises(ValueError, match="mask"):
        constrain.fill_masks([matcher, matcher], np.zeros((1, len(good)), np.uint32))
    matcher.fill_mask(good)
    assert ids_of(good) == twin.expected(twin.machine.run(b"["))


# --- what must come


def forced(machine: NaiveMachine, state: State, limit: int) -> bytes:
    """The bytes that every text of the language goes on with."""
    text = b""
    while len(text) < limit and not machine.accepting(state):
        ways = [b for b in range(256) if machine.step(state, b)]
        if len(ways) != 1:
            break
        text, state = text + bytes(ways), machine.step(state, ways[0])
    return text


@quick
@given(recipes(), vocabularies(), RANDOM)
def test_forced_bytes_and_tokens(recipe: Recipe, tokens: Tokens, rng: random.Random) -> None:
    twin = Twin(recipe, tokens)
    for _ in range(3):
        matcher, state, _ = twin.walk(rng, rng.randrange(6))
        expected = forced(twin.machine, state, 64)
        before = matcher.state
        assert matcher.forced_bytes(64) == expected
        assert matcher.forced_bytes(3) == expected[:3]
        chosen = matcher.forced_tokens()
        assert matcher.state == before
        text = b"".join(tokens.tokens[i] for i in chosen)
        assert matcher.forced_bytes(4096).startswith(text)
        assert all(matcher.accept(i) for i in chosen)
        assert not set(chosen) & {*tokens.eos, *tokens.special}
        twin.check(matcher, twin.machine.run(text, state), text)


def array_of(text: bytes, whitespace: str = "compact") -> Grammar:
    grammar = Grammar(whitespace)
    grammar.start = grammar.add(Array((grammar.add(Literal(text)),), -1, 1))
    return grammar


def test_forced_tokens_stop_before_what_a_longer_token_could_join() -> None:
    vocabulary = Vocabulary.from_tokens([b"[", b"[tr", b"t", b"true", b"ue", b"true,", b"]", b"] ", b""], eos=8)
    matcher = Constraint(array_of(b"true")).compile(vocabulary).matcher()
    assert matcher.forced_bytes() == b"[true]"
    # `]` could be the beginning of `] `; that this can't come here is not looked at
    assert matcher.forced_tokens() == [1, 4]
    spaced = Constraint(array_of(b"true", "flexible")).compile(vocabulary).matcher()
    assert spaced.forced_bytes() == b"["


def test_escapes_leave_the_spelling_of_keys_open() -> None:
    grammar = Grammar("compact")
    grammar.start = grammar.add(Object(("name",), (grammar.add(String(None)),), (True,)))
    matcher = Constraint(grammar).compile(vocabulary_of(TOKENS)).matcher()
    assert matcher.forced_bytes() == b'{"'
    assert matcher.accept_bytes(b'{"\\u00') == 6
    assert matcher.forced_bytes() == b"6"  # n is \u006e or \u006E


def test_canonical_escapes_are_those_of_json_dumps() -> None:
    """In values and keys, character by character: control characters, the ends of planes, what may be escaped."""
    value, key = (constrain.json({"type": kind}, escapes="canonical") for kind in ("string", "object"))
    for point in (*range(0x180), *range(0x2020, 0x2030), 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF):
        character = chr(point)
        written = json.dumps(character, ensure_ascii=False)
        assert value.matches(written) and key.matches(f"{{{written}: 0}}"), written
        for other in (json.dumps(character), f'"\\u{point:04x}"', f'"\\u{point:04X}"', f'"\\{character}"'):
            with contextlib.suppress(json.JSONDecodeError):
                if other != written and json.loads(other) == character:
                    assert not value.matches(other) and not key.matches(f"{{{other}: 0}}"), other


def test_forced_bytes_of_long_texts_are_cut_at_the_limit() -> None:
    matcher = Constraint(array_of(b"a" * 10_000)).compile(vocabulary_of(TOKENS)).matcher()
    assert matcher.forced_bytes() == b"[" + b"a" * 4095
    assert len(matcher.forced_bytes(20_000)) == 10_002
    assert matcher.forced_bytes(0) == b""


# --- bytes instead of tokens


def test_following_bytes() -> None:
    twin = Twin(items(), TOKENS)
    matcher = twin.compiled.matcher()
    text = '[ {"a" : "é😀"},{"b":[], "\\u0061":""} ]'.encode()
    for cut in range(len(text) + 1):
        one = twin.compiled.matcher()
        assert one.accept_bytes(text[:cut]) == cut
        assert one.is_accepting == twin.machine.accepts(text[:cut])
        twin.check(one, twin.machine.run(text[:cut]), text[:cut])
    before = matcher.state
    assert matcher.accept_bytes(b'[{"a":"","a"') == len(b'[{"a":"","')
    assert matcher.state == before


def test_taking_back_tokens_after_bytes_when_the_arena_was_dropped() -> None:
    twin = Twin(items(), TOKENS)
    matcher = twin.compiled.matcher()
    assert matcher.accept(ord("["))
    assert matcher.accept_bytes(b'{"a":') == 5
    assert matcher.accept(ord('"'))
    twin.compiled.renew()
    matcher.rollback(1)
    twin.check(matcher, twin.machine.run(b'[{"a":'), b'[{"a":')


# --- batches


@quick
@given(st.lists(recipes(), min_size=1, max_size=3), vocabularies(), RANDOM)
def test_batches_over_several_constraints(several: list[Recipe], tokens: Tokens, rng: random.Random) -> None:
    twins = [Twin(recipe, tokens) for recipe in several]
    rows = []
    for _ in range(6):
        twin = rng.choice(twins)
        matcher, state, _ = twin.walk(rng, rng.randrange(5))
        expected = set(twin.expected(state))
        if matcher.is_accepting and rng.random() < 0.5:
            matcher.accept(tokens.eos[0])
            expected = set(tokens.eos)
        rows.append((matcher, expected))
    rows.append(rows[0])  # the same matcher twice
    masks = np.full((len(rows) + 1, twins[0].words), 0xFFFFFFFF, np.uint32)
    constrain.fill_masks([matcher for matcher, _ in rows], masks)
    for mask, (_, expected) in zip(masks, rows, strict=False):
        assert ids_of(mask) == expected
    assert (masks[-1] == 0xFFFFFFFF).all()
    constrain.fill_masks([], masks)


# --- small things


def test_literals_over_every_cut_of_a_text() -> None:
    """Every way to cut one text into tokens leads to the same place."""
    text = '{"é": [true, "\\ud83d\\ude00"]}'.encode()
    cuts = sorted({text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)})
    tokens = Tokens((*cuts, b""), (len(cuts),), ())
    true, smile = Literal(b"true"), Choice(("😀",))
    twin = Twin(Recipe((Object(("é",), (1,), (True,)), Array((2, 3), -1, 2), true, smile), "flexible", 1), tokens)
    rng = random.Random(5)
    for _ in range(30):
        matcher, at = twin.compiled.matcher(), 0
        while at < len(text):
            end = rng.randint(at + 1, len(text))
            assert matcher.accept(cuts.index(text[at:end]))
            at = end
            twin.check(matcher, twin.machine.run(text[:at]), text[:at])
        assert matcher.is_accepting
