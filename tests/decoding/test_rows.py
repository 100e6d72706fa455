"""Rows: wherever a row moves, its matcher is in the state of a fresh one that read the same tokens."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.decoding.rows import Row, common_prefix, regroup
from constrain.vocabulary import Vocabulary
from tests.decoding.naive import NaiveConstraint, NaiveMatcher

VOCABULARY = Vocabulary.from_tokens([b"", b"a", b"b", b"ab", b"c"], eos=0)
COMPILED = [NaiveConstraint("(a|bc)*").compile(VOCABULARY), NaiveConstraint("(ab){0,3}c?").compile(VOCABULARY)]
TOKENS = st.lists(st.integers(-1, 6), max_size=6)


def begin(constraint: int) -> NaiveMatcher:
    return COMPILED[constraint].matcher()


def fresh(constraint: int, tokens: list[int]) -> Row:
    row = Row(constraint, begin(constraint))
    for token in tokens:
        row.push(token)
    return row


def described(row: Row) -> tuple[object, ...]:
    assert isinstance(row.matcher, NaiveMatcher)
    return row.constraint, list(row.tokens), row.read, row.matcher.taken, row.is_finished, row.has_strayed


@given(st.lists(TOKENS, min_size=1, max_size=6))
def test_moving_is_like_reading_from_the_start(journey: list[list[int]]) -> None:
    row = Row(0, begin(0))
    for tokens in journey:
        row.move_to(tokens)
        assert described(row) == described(fresh(0, tokens))


@settings(max_examples=200)
@given(st.lists(st.lists(st.tuples(st.integers(0, 1), TOKENS), min_size=1, max_size=5), min_size=1, max_size=4))
def test_regrouping_is_like_reading_from_the_start(steps: list[list[tuple[int, list[int]]]]) -> None:
    rows: list[Row] = []
    for wanted in steps:
        rows = regroup(rows, [(c, array("q", tokens)) for c, tokens in wanted], begin)
        assert [described(row) for row in rows] == [described(fresh(c, tokens)) for c, tokens in wanted]
        assert len({id(row.matcher) for row in rows}) == len(rows)


def test_states_of_a_row() -> None:
    row = fresh(1, [3, 4, 0])
    assert row.is_finished and not row.has_strayed
    row.push(0)
    row.push(2)
    assert row.is_finished and not row.has_strayed and row.read == 3
    row.push(-1)
    row.move_to([3, 4, 2])
    assert row.has_strayed and not row.is_finished and row.read == 2


@given(TOKENS, TOKENS)
def test_common_prefix(a: list[int], b: list[int]) -> None:
    n = common_prefix(a, b)
    assert a[:n] == b[:n] and (n == min(len(a), len(b)) or a[n] != b[n])
