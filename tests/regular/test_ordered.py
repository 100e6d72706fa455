"""What `re.match` takes of a text, for written and random patterns."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.errors import GrammarError, LimitExceeded, UnsupportedFeature
from constrain.limits import Limits
from constrain.regular import compile
from constrain.regular.ordered import leftmost_first

TEXTS = ["".join(t) for n in range(6) for t in product("ab", repeat=n)] + ["a b", "ab\n", "\n", "a-b-a", "b\na"]
STRING = r"""([ubf]?r?|r[ubf])("(?!"").*?(?<!\\)(\\\\)*?"|'(?!'').*?(?<!\\)(\\\\)*?')"""  # of lark's python.lark


def taken(pattern: str, text: str, flags: int = 0) -> str | None:
    """The longest beginning that is allowed by what follows it."""
    best = None
    for language, not_before in leftmost_first(pattern, flags):
        own, bad = compile(language), None if not_before is None else compile(not_before)
        for end in range(len(text) + 1):
            rest = text[end:]
            if own.accepts(text[:end]) and not (
                bad is not None and any(bad.accepts(rest[:k]) for k in range(len(rest) + 1))
            ):
                best = end if best is None else max(best, end)
    return None if best is None else text[:best]


def expected(pattern: str, text: str, flags: int = 0) -> str | None:
    found = re.match(pattern, text, flags)
    return found and found.group()


@pytest.mark.parametrize(
    "pattern",
    [
        "a|ab", "(a|ab)(c|bcd)", "a*(ab)?", "(?:|a)*", "(a*)*", "(a|b*)*?c?", "(a??)*b", "a.*?b", r"ab\b|aba",
        "a{2,3}?b?", "b(_?b)*(?!a)", "(?!aa)[ab]+", "a(?=b)[ab]+", "a$|ab", "(?m:a$)|a\n", r"a\Z|aa", "(?i:A|b)+",
        "[^a]+?b",        r"\S+\s", r"a(?=b)|a\b",
    ],
)  # fmt: skip
def test_written_patterns(pattern: str) -> None:
    for text in TEXTS:
        assert taken(pattern, text) == expected(pattern, text), text


@settings(deadline=None, max_examples=150)
@given(st.text("\"'\\rbx\n", max_size=10))
def test_strings_of_python(text: str) -> None:
    for piece in (text, '"' + text, "'" + text):
        assert taken(STRING, piece, re.I) == expected(STRING, piece, re.I)


ATOMS = st.sampled_from(
    ["a", "b", "[ab]", ".", "ab", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", r"\b", r"\B", "(?!ab)", "$", "^"]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{1,2}", "{0,2}?", "{2}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=400)
@given(PATTERNS, st.lists(st.sampled_from(TEXTS), min_size=8, max_size=8))
def test_random_patterns(pattern: str, texts: list[str]) -> None:
    try:
        leftmost_first(pattern)
    except UnsupportedFeature:
        return
    for text in texts:
        assert taken(pattern, text) == expected(pattern, text), (pattern, text)


@pytest.mark.parametrize(
    "pattern", ["^a", r"\ba", "a(?=b)[ab]*", "(?<=b)a", "a(?=b)", "(?:a(?!bb)|ab)", "(?<=(?=a)b)c", "(?=(?<=b)a)a"]
)
def test_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        leftmost_first(pattern)
    assert caught.value.keyword in ("lookaround", "lookahead", "lookbehind")


def test_limits() -> None:
    with pytest.raises(LimitExceeded):
        leftmost_first("a{100}" * 3, limits=Limits(dfa_states=200))
    with pytest.raises(LimitExceeded):
        leftmost_first("(?:a|b)*a(?:a|b){12}", limits=Limits(dfa_states=200))
    with pytest.raises(LimitExceeded):
        leftmost_first("(" * 300 + "a" + ")" * 300)
    with pytest.raises(GrammarError):
        leftmost_first("(a")
    assert taken("(" * 150 + "ab|a" + ")" * 150, "abc") == "ab"
