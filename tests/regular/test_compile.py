"""Compiled automata against brute force over small alphabets, and the laws of canonical automata."""

from __future__ import annotations

import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.errors import LimitExceeded
from constrain.limits import Limits
from constrain.regular import compile, compile_labelled, parse_ecma, parse_python
from constrain.regular.ast import (
    ALL,
    ANY,
    EMPTY,
    EPSILON,
    Regex,
    automaton,
    chars,
    choice,
    complement,
    concat,
    difference,
    intersect,
    literal,
    repeat,
    union,
)
from constrain.regular.charset import CharSet
from constrain.regular.compiler import Cache
from tests.regular.naive import all_strings, language

compiled_only = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="minutes without the compiler")

ALPHABET, N = "ab\U0001f600", 5
WORDS = sorted(all_strings(ALPHABET, N))

leaf = st.one_of(
    st.sampled_from([EMPTY, EPSILON, ANY, ALL]),
    st.text(ALPHABET, max_size=3).map(literal),
    st.sets(st.sampled_from(ALPHABET + "c")).map(lambda s: chars((ord(c), ord(c)) for c in s)),
    st.sets(st.text(ALPHABET, max_size=3), max_size=5).map(choice),
)


def grow(inner: st.SearchStrategy[Regex]) -> st.SearchStrategy[Regex]:
    counts = st.integers(0, 3)
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda p: concat(*p)),
        st.lists(inner, min_size=2, max_size=4).map(lambda p: union(*p)),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: intersect(*p)),
        inner.map(complement),
        st.tuples(inner, inner).map(lambda p: difference(*p)),
        st.tuples(inner, counts, counts).map(lambda t: repeat(t[0], t[1], t[1] + t[2])),
        st.tuples(inner, counts).map(lambda t: repeat(t[0], t[1], None)),
    )


regexes = st.recursive(leaf, grow, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(regexes)
def test_against_brute_force(r: Regex) -> None:
    expected = language(r, ALPHABET, N)
    dfa = compile(r)
    assert frozenset(w for w in WORDS if dfa.accepts(w)) == expected
    assert dfa.accepts_each(WORDS) == [w in expected for w in WORDS]
    assert r.nullable == ("" in expected)
    if r == EMPTY:
        assert not expected
    check(dfa)


def check(dfa) -> None:
    """The invariants that docstring of Dfa promises."""
    assert dfa.bounds[0] == 0 and (np.diff(dfa.bounds) > 0).all() and dfa.bounds[-1] <= 0x10FFFF
    assert (np.diff(dfa.classes) != 0).all()
    if dfa.is_empty:
        assert dfa.is_finite
        return
    first_seen = list(dict.fromkeys(dfa.classes.tolist()))
    assert first_seen == list(range(dfa.n_classes))
    assert len({tuple(column) for column in dfa.table.T.tolist()}) == dfa.n_classes
    assert not dfa.accepts("\ud800") and not dfa.accepts("\udfff")
    order, todo = {0: 0}, [0]
    while todo:
        following = []
        for s in todo:
            for t in dfa.table[s].tolist():
                if t >= 0 and t not in order:
                    order[t] = len(order)
                    following.append(t)
        todo = following
    assert list(order) == list(range(dfa.n_states))
    live = set(np.flatnonzero(dfa.accept >= 0).tolist())
    while True:
        more = {s for s in range(dfa.n_states) if s not in live and live & set(dfa.table[s].tolist())}
        if not more:
            break
        live |= more
    assert len(live) == dfa.n_states


@settings(max_examples=100, deadline=None)
@given(regexes, regexes)
def test_equal_languages_have_equal_keys(a: Regex, b: Regex) -> None:
    x, y = compile(a), compile(b)
    assert compile(union(a, b)).key == (x | y).key
    assert compile(intersect(a, b)).key == (x & y).key
    assert compile(difference(a, b)).key == (x - y).key
    assert compile(complement(a)).key == (~x).key == compile(complement(automaton(x))).key
    assert (~~x).key == x.key
    assert (x.key == y.key) == ((x - y).is_empty and (y - x).is_empty)
    assert compile(concat(automaton(x), b)).key == compile(concat(a, b)).key
    assert compile(repeat(automaton(x), 1, 2)).key == compile(union(a, concat(a, a))).key
    assert pickle.loads(pickle.dumps(x)) == x and pickle.loads(pickle.dumps(a)) == a


@settings(max_examples=60, deadline=None)
@given(st.lists(regexes, min_size=1, max_size=4))
def test_labels(parts: list[Regex]) -> None:
    dfa = compile_labelled(parts)
    languages = [language(r, ALPHABET, N) for r in parts]
    for w in WORDS[:200]:
        assert dfa.label(w) == next((i for i, known in enumerate(languages) if w in known), -1)
    check(dfa)


@settings(max_examples=60, deadline=None)
@given(regexes)
def test_lengths(r: Regex) -> None:
    dfa = compile(r)
    lengths = {len(w) for w in language(r, ALPHABET + "cz", 4)}
    if lengths:
        assert dfa.min_length == min(lengths)
    if dfa.is_finite and not dfa.is_empty and dfa.max_length <= 4:
        assert dfa.max_length == max(lengths)
    if not dfa.is_finite:
        assert not compile(intersect(r, repeat(ANY, dfa.n_states, None))).is_empty
    for text in dfa.strings(20):
        assert dfa.accepts(text)


def test_strings_come_shortest_first() -> None:
    assert list(compile(repeat(literal("ab"), 0, None)).strings(3)) == ["", "ab", "abab"]
    assert list(compile(EMPTY).strings(3)) == []


@given(st.sets(st.text(max_size=6), max_size=40))
def test_choices(strings: set[str]) -> None:
    dfa = compile(choice(strings))
    assert dfa.key == compile(union(EMPTY, *map(literal, strings))).key
    inside = {s for s in strings if not any("\ud800" <= c <= "\udfff" for c in s)}
    assert all(dfa.accepts(s) for s in inside)
    assert not dfa.accepts("never in there")


@compiled_only
def test_ten_thousand_strings() -> None:
    strings = [f"item-{i:05d}-{i * 7919 % 9973}" for i in range(10_000)]
    dfa = compile(choice(strings))
    assert dfa.accepts_each([*strings, "item-", "item-00001-0"]) == [True] * 10_000 + [False] * 2
    even = compile(intersect(choice(strings), concat(ALL, chars([(48, 48), (50, 50), (52, 52), (54, 54), (56, 56)]))))
    assert even.accepts_each(strings) == [s[-1] in "02468" for s in strings]
    both = compile(union(choice(strings[:500]), concat(literal("x"), repeat(ANY, 2, 2))))
    assert both.accepts(strings[77]) and both.accepts("xyz") and not both.accepts("xy")


@compiled_only
def test_counted_repeats() -> None:
    lower = chars([(97, 122)])
    dfa = compile(repeat(lower, 1, 5000))
    assert dfa.n_states == 5001 and dfa.max_length == 5000
    dfa = compile(repeat(union(literal("ab"), literal("c")), 0, 2000))
    assert dfa.max_length == 4000 and dfa.accepts("c" * 2000) and not dfa.accepts("c" * 2001)
    assert dfa.accepts("ab" * 2000) and not dfa.accepts("ab" * 1999 + "cc")


@compiled_only
def test_explosion_is_bounded() -> None:
    def nth_from_end(n: int) -> Regex:
        ab = chars([(97, 98)])
        return concat(repeat(ab), literal("a"), repeat(ab, n, n))

    assert compile(nth_from_end(12)).n_states == 8192
    with pytest.raises(LimitExceeded) as error:
        compile(nth_from_end(30))
    assert error.value.keyword == "dfa_states"
    with pytest.raises(LimitExceeded):
        compile(repeat(literal("abc"), 0, 9_000_000))
    with pytest.raises(LimitExceeded):
        compile(repeat(literal("abc"), 0, 1 << 40))
    with pytest.raises(LimitExceeded) as error:
        compile(repeat(ANY, 0, 1000), Limits(dfa_states=100))
    assert error.value.keyword == "dfa_states"
    with pytest.raises(LimitExceeded) as error:
        compile(concat(nth_from_end(10), literal("x")), Limits(dfa_work=1000))
    assert error.value.keyword == "dfa_work"
    with pytest.raises(LimitExceeded) as error:
        compile(choice(["x" * 600, "y" * 600]), Limits(dfa_work=1000))
    assert error.value.keyword == "dfa_work"
    with pytest.raises(LimitExceeded):
        ends = [concat(ALL, literal("a"), repeat(ANY, n, n)) for n in range(5, 13)]
        compile(intersect(*ends), Limits(dfa_states=500))


@compiled_only
def test_deep_nesting_does_not_recurse() -> None:
    r = literal("x")
    for i in range(5000):
        r = union(concat(literal("("), r, literal(")")), chars([(97 + i % 26, 98 + i % 26)]))
    assert hash(r) and r == r and repr(r)
    with pytest.raises(LimitExceeded):
        compile(r, Limits(dfa_states=500))
    for i in range(2000):
        r = complement(concat(r, chars([(97 + i % 26, 98 + i % 26)])))
    with pytest.raises(LimitExceeded):
        compile(r, Limits(dfa_states=500))


def test_threads() -> None:
    def job(i: int) -> bytes:
        return compile(concat(repeat(chars([(97, 99)]), i % 7, None), literal("end"))).key

    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(job, range(70)))
    assert keys[:7] * 10 == keys and len(set(keys)) == 7


def test_cache_is_bounded() -> None:
    dfas = [compile(literal("x" * n)) for n in range(1, 20)]
    by_count, by_size = Cache(5, 1 << 30), Cache(100, 599)
    for cache in (by_count, by_size):
        for i, dfa in enumerate(dfas):
            cache.put(i, dfa, 100)
        cache.put(99, dfas[0], 1 << 31)
        assert (
            len(cache) == 5
            and cache.get(99) is None
            and cache.bytes == 500
            and cache.get(18) is dfas[18]
            and cache.get(0) is None
        )
        cache.clear()
        assert len(cache) == 0 and cache.bytes == 0


@compiled_only
def test_the_cache_of_automata_counts_its_keys() -> None:
    from constrain.regular import compiler

    compiler.cache.clear()
    listed = choice([f"{j}-{'x' * 20}" for j in range(5000)])
    dfa = compile(listed)
    assert compiler.cache.bytes >= listed.size() + dfa.table.nbytes > 5000 * 20
    assert compile(listed) is dfa and len(compiler.cache) == 1
    compile(intersect(automaton(dfa), repeat(chars([(48, 57)]), 1)))
    assert compiler.cache.bytes >= listed.size() + 2 * dfa.table.nbytes
    assert choice(["a" * 1000, "b" * 1000]).size() > 2000


@given(*[st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=6)] * 2)
def test_charset_algebra(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    x, y = CharSet(a), CharSet(b)
    p = {c for lo, hi in a for c in range(lo, hi + 1)}
    q = {c for lo, hi in b for c in range(lo, hi + 1)}
    assert set(x) == p and len(x) == len(p) and bool(x) == bool(p)
    assert set(x | y) == p | q and set(x & y) == p & q and set(x - y) == p - q
    assert ~~x == x and not (~x & x) and len(~x) == 0x110000 - 0x800 - len(p)
    assert all((c in x) == (c in p) for c in range(0, 302, 7))
    assert (x == y) == (p == q) and (p != q or hash(x) == hash(y))


@pytest.mark.parametrize(("lo", "hi"), [(1, 16), (2, 82), (3, 17), (1, 2), (4, 4)])
def test_a_search_for_a_counted_repeat(lo: int, hi: int) -> None:
    """A state that accepts whatever follows keeps two of its rows; the others must not make it look like another."""
    for dfa in (compile(parse_ecma(f"a{{{lo},{hi}}}")), compile(parse_python(f"(?s:.*a{{{lo},{hi}}}.*)"))):
        assert dfa == compile(concat(ALL, literal("a" * lo), ALL)) and dfa.n_states == lo + 1
        assert dfa.accepts("\n" + "a" * lo + "b") and not dfa.accepts("ba" + "ba" * lo if lo > 1 else "b")


def counted(atoms: str, most: int) -> st.SearchStrategy[str]:
    """Patterns a{m,n}."""
    return st.builds(
        lambda atom, lo, more: f"{atom}{{{lo},{lo + more}}}",
        st.sampled_from(atoms.split()), st.integers(0, 3), st.integers(0, most),
    )  # fmt: skip


@st.composite
def searches(draw: st.DrawFn) -> str:
    """Patterns like X*a{m,n}Y*: counted parts between parts that repeat for ever."""
    atoms = ". a b [ab] [^a] (?:ab|b) (?:a|.b)"
    plain = st.builds("".join, st.tuples(st.sampled_from(atoms.split()), st.sampled_from(["*", "+", ""])))
    parts = draw(st.lists(st.one_of(plain, counted("a b", 20), counted(atoms, 4)), max_size=2))
    parts.insert(draw(st.integers(0, len(parts))), draw(st.one_of(counted("a b", 20), counted(atoms, 4))))
    before = draw(st.sampled_from([".*", ".*", "a*", "[^a]*", ""]))
    return before + "".join(parts) + draw(st.sampled_from([".*", ".*", "b*", ""]))


@settings(max_examples=120, deadline=None)
@given(searches(), st.lists(st.text("ab\U0001f600", min_size=6, max_size=30), max_size=5))
def test_searches_against_the_standard_library(pattern: str, longer: list[str]) -> None:
    texts = [*WORDS, *longer, *("a" * n for n in range(N, 30)), *("ab" * n for n in range(N, 15))]
    expected = [re.fullmatch(pattern, text, re.DOTALL) is not None for text in texts]
    regex = parse_python(pattern, re.DOTALL)
    assert compile(regex).accepts_each(texts) == expected
    assert compile(complement(regex)).accepts_each(texts) == [not e for e in expected]


def test_surrogates_are_no_characters() -> None:
    assert len(CharSet([(0xD000, 0xE000)])) == 0xE001 - 0xD000 - 0x800
    assert not CharSet([(0xD900, 0xDA00)])
    assert literal("a\ud800") is EMPTY and choice(["\udfff"]) is EMPTY
