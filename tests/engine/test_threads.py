"""Several threads at once: on one compiled constraint, on constraints that share a vocabulary, and in batches."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import constrain
from constrain.constraint import Constraint
from constrain.engine.compiled import CompiledConstraint
from constrain.grammar.ir import Alt, Array, Grammar, Lazy, NodeId, Object, String, Text
from constrain.grammar.ir import StringChoice as Choice
from constrain.grammar.prune import prune
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast
from constrain.vocabulary.vocabulary import Vocabulary
from tests.engine.strategies import FRAGMENTS
from tests.engine.twin import ids_of, pick
from tests.naive import NaiveMachine, brute_force_mask

THREADS = 8
SMALL = Limits(arena_bytes=1 << 16)
Trace = list[tuple[set[int], int]]  # the allowed ids, then the token that is taken


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Let threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def tokens_of(salt: str) -> list[bytes]:
    """Token bytes; another salt makes another vocabulary, whose store is empty."""
    return [*(bytes([b]) for b in range(256)), *FRAGMENTS, b'"name": "', b"}, {", salt.encode(), b""]


def vocabulary(salt: str) -> Vocabulary:
    tokens = tokens_of(salt)
    return Vocabulary.from_tokens(tokens, eos=len(tokens) - 1)


def documents(k: int) -> Grammar:
    """Nested objects with counts, languages, lazy values and more than 31 names; k makes each different."""
    grammar = Grammar("flexible", 2)
    anything = grammar.reserve()
    word = grammar.add(String(ast.repeat(ast.char_set("ab1" + chr(99 + k)), 1, None), 2, 20))
    number = grammar.add(Text(ast.repeat(ast.char_set("123"), 1, 5 + k)))

    calls = []

    def later() -> NodeId:
        calls.append(1)
        assert len(calls) == 1, "a lazy node is expanded twice"
        return grammar.add(Alt((word, number, anything)))

    lazy = grammar.add(Lazy(later))
    many = tuple(f"{chr(97 + i % 5)}{i}" for i in range(33 + k))
    wide = grammar.add(Object(many, (number,) * len(many), (False,) * len(many), (), 0, None, False))
    names, values = ("name", "a", "wide"), (word, lazy, wide)
    item = grammar.add(Object(names, values, (True, False, False), ((ast.char_set("xé"), lazy),), 0, 4, False))
    grammar.define(
        anything, Alt((item, grammar.add(Array((word,), anything, 0, 9)), grammar.add(Choice(("a", "é", "😀")))))
    )
    grammar.start = grammar.add(Array((), anything, 1, None))
    return prune(grammar)


def traces(k: int, salt: str, count: int, steps: int) -> list[Trace]:
    """Random walks, by the naive machine alone."""
    machine, tokens = NaiveMachine(documents(k)), tokens_of(salt)
    eos = {len(tokens) - 1}
    out = []
    for seed in range(count):
        rng, state, trace = random.Random(1000 * k + seed), machine.start(), []
        for _ in range(steps):
            allowed = brute_force_mask(machine, state, tokens, eos)
            ways = sorted(allowed - eos)
            if not ways:
                break
            token = pick(rng, ways, tokens)
            trace.append((allowed, token))
            state = machine.run(tokens[token], state)
        out.append(trace)
    return out


def replay(compiled: CompiledConstraint, trace: Trace, rng: random.Random) -> None:
    """Walk the trace, sometimes back and forth, and compare every mask."""
    matcher = compiled.matcher()
    mask = np.zeros(compiled.vocabulary.words, np.uint32)
    at = 0
    while at < len(trace):
        matcher.fill_mask(mask)
        assert ids_of(mask) == trace[at][0]
        assert matcher.accept(trace[at][1])
        at += 1
        if rng.random() < 0.1:
            back = rng.randint(1, min(at, 4))
            matcher.rollback(back)
            at -= back
        if rng.random() < 0.05:
            matcher = matcher.copy()
            mask = mask.copy()


def together(work: list[Callable[[], None]]) -> None:
    """Run all at the same moment; raise what any of them raises."""
    ready = threading.Barrier(len(work))

    def begin(one: Callable[[], None]) -> None:
        ready.wait(60)
        one()

    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(begin, one) for one in work]:
            done.result(120)


@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, SMALL], ids=["roomy", "small arena"])
def test_matchers_of_one_compiled_constraint(limits: Limits) -> None:
    salt = f"one {limits.arena_bytes}"
    known = traces(0, salt, THREADS, 25)
    compiled = Constraint(documents(0), limits=limits).compile(vocabulary(salt))
    together([lambda i=i: replay(compiled, known[i], random.Random(i)) for i in range(THREADS)])  # type: ignore[misc]


def test_constraints_that_share_a_vocabulary() -> None:
    known = [traces(k, "shared", 2, 20) for k in range(THREADS)]
    words = vocabulary("shared")

    def work(k: int) -> None:
        compiled = Constraint(documents(k)).compile(words)
        for trace in known[k]:
            replay(compiled, trace, random.Random(k))

    together([lambda k=k: work(k) for k in range(THREADS)])  # type: ignore[misc]


def test_one_grammar_over_several_vocabularies() -> None:
    """Lazy nodes of the grammar are expanded once, whoever comes first."""
    constraint = Constraint(documents(1))
    known = [traces(1, f"several {k}", 1, 20)[0] for k in range(THREADS)]

    def work(k: int) -> None:
        replay(constraint.compile(vocabulary(f"several {k}")), known[k], random.Random(k))

    together([lambda k=k: work(k) for k in range(THREADS)])  # type: ignore[misc]


def test_batches_from_many_threads() -> None:
    """Each thread fills batches over the same two constraints while the others do."""
    known = [traces(k, "batch", THREADS, 12) for k in range(2)]
    words = vocabulary("batch")
    compiled = [Constraint(documents(k)).compile(words) for k in range(2)]

    def work(i: int) -> None:
        rows = [(compiled[k].matcher(), known[k][i]) for k in range(2)] * 2
        rows = [(matcher.copy(), trace) for matcher, trace in rows]
        masks = np.zeros((len(rows), words.words), np.uint32)
        for step in range(12):
            constrain.fill_masks([matcher for matcher, _ in rows], masks)
            for mask, (matcher, trace) in zip(masks, rows, strict=True):
                if step < len(trace):
                    assert ids_of(mask) == trace[step][0]
                    assert matcher.accept(trace[step][1])

    together([lambda i=i: work(i) for i in range(THREADS)])  # type: ignore[misc]


def test_kernels_run_without_the_interpreter_lock() -> None:
    """While one thread is inside a kernel call, another goes on with Python code."""
    grammar = Grammar("compact")
    grammar.start = grammar.add(Text(ast.repeat(ast.char_set("ab"), 0, None)))
    tokens = [*(bytes([b]) for b in range(256)), b""]
    matcher = Constraint(grammar).compile(Vocabulary.from_tokens(tokens, eos=256)).matcher()
    text = b"ab" * 4_000_000
    stop = threading.Event()
    ticks = [0]

    def tick() -> None:
        while not stop.wait(0.001):
            ticks[0] += 1

    other = threading.Thread(target=tick)
    other.start()
    begun, before = time.monotonic(), ticks[0]
    assert matcher.accept_bytes(text) == len(text)
    during, took = ticks[0] - before, time.monotonic() - begun
    stop.set()
    other.join(60)
    assert during > 100 * took, f"{during} ticks in {took:.3f} s"
