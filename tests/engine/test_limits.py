"""Memory stays bounded, results stay right when memory was dropped, and a passed limit is an error that names it."""

from __future__ import annotations

import gc
import itertools
import random
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import constrain
from constrain.constraint import Constraint
from constrain.engine.store import store_of
from constrain.errors import LimitExceeded
from constrain.grammar.ir import MOST_COUNTED, NEVER, Alt, Array, Grammar, Literal, Object, Seq, String, Text
from constrain.limits import Limits
from constrain.regular import ast
from constrain.vocabulary.vocabulary import Vocabulary
from tests.engine.strategies import FRAGMENTS, Recipe, Tokens
from tests.engine.twin import Twin, ids_of, pick, vocabulary_of

BYTES = tuple(bytes([b]) for b in range(256))


def tokens_of(salt: str) -> Tokens:
    """Another salt makes another vocabulary, whose store is empty and has its own budget."""
    tokens = (*BYTES, *FRAGMENTS, salt.encode(), b"")
    return Tokens(tokens, (len(tokens) - 1,), ())


def endless() -> Recipe:
    """Every item brings a new count, every object new sets of names seen."""
    names = tuple(f"{chr(97 + i % 7)}{i}" for i in range(40))
    lo = 100_000
    return Recipe(
        (
            Array((), 1, lo, None),
            Alt((2, 3, 0)),
            Object(names, (4,) * 40, (False,) * 40, (), 0, None, False),
            String(None, 0, 90_000),
            Literal(b"1"),
        ),
        "compact",
        0,
    )


# --- endless generation


def test_endless_generation_in_a_small_arena() -> None:
    limits = Limits(arena_bytes=1 << 18)
    twin = Twin(endless(), tokens_of("endless"), limits)
    rng = random.Random(3)
    matcher, state = twin.compiled.matcher(), twin.machine.start()
    mask = twin.mask()
    kept = []  # older matchers with their states
    generations, most = set(), 0
    for step in range(12_000):
        if step % 100 == 0:
            twin.check(matcher, state, b"")
        if step % 1_000 == 150:
            kept.append((matcher.copy(), state))
        matcher.fill_mask(mask)
        token = pick(rng, sorted(ids_of(mask) - set(twin.tokens.eos)), twin.tokens.tokens)
        assert matcher.accept(token)
        state = twin.machine.run(twin.tokens.tokens[token], state)
        assert state, "the engine let a token in that the naive machine refuses"
        twin.machine.steps.clear()
        twin.known.clear()
        generations.add(twin.compiled.generation)
        most = max(most, twin.compiled.memory)
    assert len(generations) > 3, "the arena was never dropped: the test shows nothing"
    assert most <= 8 * limits.arena_bytes
    for old, at in kept:
        twin.check(old, at, b"an older matcher")


def test_rolling_back_over_a_dropped_arena() -> None:
    twin = Twin(endless(), tokens_of("rollback"), Limits(arena_bytes=1 << 16))
    rng = random.Random(4)
    matcher, states = twin.compiled.matcher(), [twin.machine.start()]
    for step in range(400):
        if step % 7 == 0:
            twin.check(matcher, states[-1], b"")
        if step % 40 == 39:
            twin.compiled.renew()
        if rng.random() < 0.1:
            n = rng.randrange(len(states))
            matcher.rollback(n)
            del states[len(states) - n :]
            continue
        token = pick(rng, twin.texts(twin.expected(states[-1])), twin.tokens.tokens)
        assert matcher.accept(token)
        states.append(twin.machine.run(twin.tokens.tokens[token], states[-1]))
    matcher.rollback(len(matcher.tokens))
    twin.check(matcher, states[0], b"")


def test_a_matcher_at_the_end_outlives_the_arena() -> None:
    twin = Twin(Recipe((Array((), 1, 0, 2), Literal(b"1")), "compact", 0), tokens_of("end"))
    matcher = twin.compiled.matcher()
    assert all(matcher.accept(b) for b in b"[1]")
    assert matcher.accept(twin.tokens.eos[0])
    twin.compiled.renew()
    assert matcher.is_finished
    assert twin.allowed(matcher) == {twin.tokens.eos[0]}
    matcher.rollback(2)
    twin.check(matcher, twin.machine.run(b"[1"), b"[1")


# --- endless new constraints


def letters_of(salt: str) -> Tokens:
    """All words of up to four of six letters, and JSON."""
    words = [bytes(w) for n in range(1, 5) for w in itertools.product(b"abcdef", repeat=n)]
    tokens = (*BYTES, *FRAGMENTS, *words, salt.encode(), b"")
    return Tokens(tokens, (len(tokens) - 1,), ())


def strange(k: int) -> Recipe:
    """A grammar with languages that no other has: words with a certain part."""
    some = ast.repeat(ast.char_set("abcdef"), 0, None)
    part = "".join("abcdef"[k // 6**i % 6] for i in range(6))
    language = ast.concat(some, ast.literal(part), some)
    return Recipe((Array((), 1, 0, None), Alt((2, 3)), String(language, 0, 40), Text(language)), "flexible", 2)


def test_endless_new_constraints_share_a_bounded_store() -> None:
    limits = Limits(store_bytes=1 << 18)
    tokens = letters_of("new constraints")
    vocabulary = vocabulary_of(tokens)
    stores, most = set(), 0
    alive: list[weakref.ref[Any]] = []
    old = None
    mask = np.zeros(vocabulary.words, np.uint32)
    for k in range(600):
        twin = Twin(strange(k), tokens, limits)
        matcher, state = twin.compiled.matcher(), twin.machine.start()
        if k % 20 == 0:
            matcher, state, _ = twin.walk(random.Random(k), 3)
        else:
            assert matcher.accept_bytes(b'["' + b"a" * 28) == 30
            for _ in range(6):  # the bound on the length comes near: each step has an entry of its own
                matcher.fill_mask(mask)
                assert matcher.accept(ord("b"))
        store = store_of(vocabulary)
        stores.add(id(store))
        most = max(most, store.used_bytes)
        alive.append(weakref.ref(twin.compiled))
        if k == 0:
            old = (twin, matcher, state)
        if k % 200 == 199:  # a constraint from before goes on with whatever store there is now
            assert old is not None
            first, matcher, state = old
            first.check(matcher, state, b"")
            first.walk(random.Random(k), 5)
    assert len(stores) > 2, "the store was never replaced: the test shows nothing"
    assert most <= limits.store_bytes + (2 << 20)
    del twin, matcher, store
    gc.collect()
    assert sum(ref() is not None for ref in alive) <= 2, "constraints that nobody uses stay in memory"


def test_memory_of_a_stream_of_constraints() -> None:
    """Python's own memory does not grow with the number of constraints that came and went."""
    tokens = letters_of("stream")
    vocabulary_of(tokens)
    used = []
    tracemalloc.start()
    try:
        for k in range(240):
            grammar = strange(10_000 + k).build()
            matcher = Constraint(grammar, limits=Limits(store_bytes=1 << 18)).compile(vocabulary_of(tokens)).matcher()
            matcher.fill_mask(np.zeros((len(tokens.tokens) + 31) // 32, np.uint32))
            if k in (119, 239):
                del matcher, grammar
                gc.collect()
                used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # languages that were compiled are remembered, up to the bound of that cache: a few KB each
    assert used[1] - used[0] < 120 * 40_000


# --- limits that end in an error


def deep() -> Grammar:
    grammar = Grammar("compact")
    grammar.start = grammar.reserve()
    grammar.define(grammar.start, Array((), grammar.start))
    return grammar


def test_stack_depth() -> None:
    vocabulary = Vocabulary.from_tokens([b"[", b"]", b"[[[", b""], eos=3)
    mask = np.zeros(1, np.uint32)
    matcher = Constraint(deep(), limits=Limits(stack_depth=50)).compile(vocabulary).matcher()
    depth = 0
    with pytest.raises(LimitExceeded) as caught:
        while True:
            matcher.fill_mask(mask)
            assert matcher.accept(0)
            depth += 1
    assert caught.value.keyword == "stack_depth"
    assert 40 <= depth <= 51
    # the matcher stands where it stood: the way back is open
    assert all(matcher.accept(1) for _ in range(depth))
    assert matcher.is_accepting
    roomy = Constraint(deep()).compile(vocabulary).matcher()
    assert all(roomy.accept(2) for _ in range(3_000))
    assert all(roomy.accept(1) for _ in range(9_000))
    assert roomy.is_accepting


def ambiguous(ways: int) -> Grammar:
    """Texts of a's that have as many parses as there are ways to cut them."""
    grammar = Grammar("compact")
    many = grammar.add(Text(ast.repeat(ast.literal("a"), 1, None)))
    end = [grammar.add(Literal(b"b" * (i + 1) + b"c")) for i in range(ways)]
    grammar.start = grammar.add(Alt(tuple(grammar.add(Seq((many, many, e))) for e in end)))
    return grammar


def test_live_stacks() -> None:
    vocabulary = Vocabulary.from_tokens([b"a", b"b", b"c", b"aaa", b""], eos=4)
    matcher = Constraint(ambiguous(100), limits=Limits(live_stacks=50)).compile(vocabulary)
    with pytest.raises(LimitExceeded) as caught:
        one = matcher.matcher()
        one.fill_mask(np.zeros(1, np.uint32))
        one.accept(0)
        one.accept(0)
    assert caught.value.keyword == "live_stacks"
    roomy = Constraint(ambiguous(100)).compile(vocabulary).matcher()
    mask = np.zeros(1, np.uint32)
    for token, expected in ((0, {0, 3}), (3, {0, 1, 3}), (1, {1, 2}), (2, {4})):
        assert roomy.accept_and_fill(token, mask)
        assert ids_of(mask) == expected


def test_mask_work() -> None:
    tokens = tokens_of("work")
    vocabulary = vocabulary_of(tokens)
    matcher = Constraint(ambiguous(60), limits=Limits(mask_work=200)).compile(vocabulary).matcher()
    with pytest.raises(LimitExceeded) as caught:
        for _ in range(3):
            matcher.fill_mask(np.zeros(vocabulary.words, np.uint32))
            matcher.accept(ord("a"))
    assert caught.value.keyword == "mask_work"


def test_arena_that_is_too_small_for_what_lives() -> None:
    """More matchers at different places than the budget holds: an error in the end, and right until then."""
    twin = Twin(endless(), tokens_of("live"), Limits(arena_bytes=1 << 16))
    kept = []
    rng = random.Random(9)
    matcher, state = twin.compiled.matcher(), twin.machine.start()
    try:
        for _ in range(1_500):
            token = pick(rng, twin.texts(twin.expected(state)), twin.tokens.tokens)
            assert matcher.accept(token)
            state = twin.machine.run(twin.tokens.tokens[token], state)
            kept.append((matcher.copy(), state))
    except LimitExceeded as error:
        assert error.keyword == "arena_bytes"
    for old, at in rng.sample(kept, 10):
        twin.check(old, at, b"an older matcher")


# --- large counts


def test_large_counts_cost_no_states() -> None:
    tokens = (*BYTES, b"a" * 7, b'"a', b'a"]', b"")
    nodes = (Array((1,), NEVER, 1), String(None, 99_990, 100_000))
    twin = Twin(Recipe(nodes, "compact", 0), Tokens(tokens, (len(tokens) - 1,), ()))
    matcher = twin.compiled.matcher()
    assert matcher.accept_bytes(b'["' + b"a" * 99_980) == 99_982
    before = twin.compiled.memory
    mask = twin.mask()
    inside = {i for i, t in enumerate(tokens) if t in BYTES[0x20:0x80] and t not in b'"'} | {
        i for i, t in enumerate(tokens) if t in [bytes([b]) for b in (*range(0xC2, 0xF5), ord("\\"))]
    }
    for n in range(99_980, 100_001):
        matcher.fill_mask(mask)
        expected = set() if n == 100_000 else set(inside)
        expected |= {256} if n + 7 <= 100_000 else set()
        expected |= {ord('"')} if n >= 99_990 else set()
        expected |= {258} if 99_989 <= n < 100_000 else set()
        assert ids_of(mask) == expected, n
        assert n == 100_000 or matcher.accept(ord("a"))
    assert twin.compiled.memory - before < 1 << 20
    assert not matcher.accept(ord("a"))


FAR = 1 << 31
COUNTED = [
    (String(None), b'"abc"'),
    (String(ast.repeat(ast.char_set("abc"), 0)), b'"abc"'),
    (Array((1, 1), 1), b"[1,1,1]"),
    (Object(("a",), (1,), (True,), ((None, 1),)), b'{"a":1,"b":1}'),
    (Object(("a",), (1,), (False,), ((ast.char_set("bc"), 1),), ordered=False), b'{"b":1,"a":1}'),
]


@pytest.mark.parametrize(("node", "text"), COUNTED, ids=lambda value: type(value).__name__)
def test_bounds_that_no_text_reaches(node: Any, text: bytes) -> None:
    """In a grammar of one's own, too, an upper bound from 2**30 on is none, and a lower bound an error."""

    def constraint(**bounds: int) -> Constraint:
        grammar = Grammar("compact")
        grammar.add(node._replace(**bounds))
        grammar.add(Literal(b"1"))
        grammar.start = 0
        return Constraint(grammar)

    for hi in (MOST_COUNTED - 1, MOST_COUNTED, FAR - 1, FAR, 10**30):
        assert constraint(hi=hi).matches(text)
        assert not constraint(lo=MOST_COUNTED, hi=hi).matches(text)
    with pytest.raises(LimitExceeded):
        constraint(lo=FAR).matches(text)


def test_repeats_that_no_text_reaches() -> None:
    """They are counted apart from the automaton, as bounds are."""
    grammar = Grammar()
    many = ast.repeat(ast.char_set("ab"), 0, FAR - 1)
    grammar.start = grammar.add(String(ast.concat(ast.literal("cc"), many)))
    assert Constraint(grammar).matches('"ccabba"')


def test_limits_of_any_size() -> None:
    grammar = Grammar()
    grammar.start = grammar.add(Text(ast.literal("a")))
    limits = Limits(live_stacks=FAR, stack_depth=FAR, mask_work=10**30, arena_bytes=10**30)
    assert Constraint(grammar, limits=limits).matches("a")


def test_an_arena_has_no_more_numbers_than_offsets() -> None:
    arena = Constraint(ambiguous(1)).compile(vocabulary_of(tokens_of("offsets")))._arena
    with pytest.raises(LimitExceeded) as caught:
        arena.ensure(FAR)
    assert caught.value.keyword == "arena_bytes"


def test_a_long_text_at_once_in_a_small_arena() -> None:
    """`accept_bytes` keeps its place when the arena is dropped."""
    limits = Limits(arena_bytes=1 << 16)
    c = constrain.json({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, limits=limits)
    text = '["' + 20_000 * "é" + '","' + 20_000 * "é" + '!"]'
    m = c.byte_matcher()
    assert m.accept_bytes(text[:-1].encode()) == len(text[:-1].encode())
    assert m._c.generation > 0
    assert m.accept_bytes(b',"x"]') == 5
    m.rollback(2)
    assert m.accept_bytes(text.replace("!", "").encode()) == len(text.replace("!", "").encode()) - 2
    assert m.accept_bytes(text.encode()) == len(text.encode())
    assert m.is_accepting
