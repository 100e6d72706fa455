"""Masks of a grammar with many contexts, along many texts of one constraint: all ways in which masks share what was
found for others are taken, and every mask is what `accept` says of each token."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import product

import numpy as np
import pytest

import constrain
from constrain import Vocabulary
from constrain.engine import layout as L
from constrain.engine import splices
from constrain.engine.blanks import BLANKS, K_HEAD, K_LINES
from constrain.engine.compiled import CompiledConstraint
from constrain.engine.lexeme_entries import INSIDE, TRIE
from constrain.engine.matcher import Matcher
from constrain.engine.memo import WINDOW_HEAD
from constrain.engine.store import store_of
from constrain.engine.summaries import PAIR

GRAMMAR = r"""
start: statement+
statement: simple _NEWLINE | "if" expression ":" block ["else" ":" block] | "def" NAME "(" [names] ")" ":" block
block: _NEWLINE _INDENT statement+ _DEDENT
simple: place "=" expression | "del" place | "import" NAME | "pass" | expression
names: NAME ("," NAME)*
place: NAME | place "." NAME | place "[" expression "]"
expression: comparison (("and" | "or") comparison)*
comparison: sum (("<" | "==" | "in" | "is") sum)*
sum: [sum "+"] call
call: atom | call "(" [arguments] ")" | call "[" expression "]" | call "." NAME
atom: NAME | NUMBER | STRING | "(" expression ")" | "[" [arguments] "]"
arguments: expression ("," expression)*
NAME: /[a-zé_][a-z0-9é_]*/
NUMBER: /[0-9]+(\.[0-9]+)?(e[0-9]+)?/
STRING: /"[^"\n]*"/
_NEWLINE: /(\r?\n[\t ]*)+/
COMMENT: /#[^\n]*/
%ignore /[ ]+/
%ignore COMMENT
%declare _INDENT _DEDENT
"""
WORDS = ["if", "i", "import", "in", "is", "else", "def", "d", "del", "e", "pass", "and", "or", "a", "imp", "é", "x1"]
MARKS = ["(", ")", "[", "]", ".", ",", ":", "=", "==", "<", "+", '"', " ", "#", "\n", "\n  ", "\n    ", "1", "0", "e5"]


def tokens() -> list[bytes]:
    """Bytes, words with and without a space before them and a mark behind, marks in pairs; some in threes."""
    found = {bytes([b]) for b in range(256)}
    found |= {(a + w + b).encode() for a, w, b in product(["", " "], WORDS, ["", *MARKS])}
    found |= {(a + w).encode() for a, w in product(WORDS, WORDS)}
    found |= {(a + b).encode() for a, b in product(MARKS, MARKS)}
    rng = random.Random(0)
    found |= {"".join(rng.choice(MARKS + WORDS[:6]) for _ in range(3)).encode() for _ in range(900)}
    return sorted(found)


@lru_cache(maxsize=1)
def compiled() -> tuple[CompiledConstraint, list[bytes]]:
    named = tokens()
    vocabulary = Vocabulary.from_tokens([*named, b""], eos=[len(named)])
    return constrain.lark(GRAMMAR).compile(vocabulary), named


def compare(made: CompiledConstraint, named: list[bytes], matcher: Matcher, text: bytes) -> list[int]:
    """The ids in the mask, which must be those that `accept` takes."""
    mask = np.zeros(made.vocabulary.words, np.uint32)
    matcher.fill_mask(mask)
    good = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()
    by_accept = []
    for i in range(len(named)):
        copy = matcher.copy()
        if copy.accept(i):
            by_accept.append(i)
    assert [i for i in good if i < len(named)] == by_accept, text
    assert (len(named) in good) == matcher.is_accepting, text
    return by_accept


def check(made: CompiledConstraint, named: list[bytes], rng: random.Random, steps: int) -> None:
    """Compare along a random text, of words and marks more than of single bytes."""
    matcher = made.matcher()
    text = b""
    for _ in range(steps):
        found = compare(made, named, matcher, text)
        words = [i for i in found if named[i].strip().isalnum()]
        longer = [i for i in found if len(named[i]) > 1 and named[i].isascii()]
        chosen = rng.choice((words if rng.random() < 0.6 else longer) or found)
        assert matcher.accept(chosen)
        text += named[chosen]


def check_words(made: CompiledConstraint, named: list[bytes]) -> None:
    """Compare inside of words that may become keywords."""
    for before in (b"", b"x = ", b"a.", b"if a:\n  ", b"f(a ", b"def "):
        for word in WORDS:
            for k in range(1, len(word) + 1):
                text = before + word[:k].encode()
                matcher = made.matcher()
                if matcher.accept_bytes(text) == len(text):
                    compare(made, named, matcher, text)


def test_tokens_lead_where_their_bytes_lead() -> None:
    """`accept` follows the inside of a token by itself; bytes are followed one by one."""
    made, named = compiled()
    rng = random.Random(7)
    mask = np.zeros(made.vocabulary.words, np.uint32)
    for _ in range(6):
        matcher = made.matcher()
        for _ in range(25):
            matcher.fill_mask(mask)
            good = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(named)]).tolist()
            for i in rng.sample(range(len(named)), 200) + rng.sample(good, min(len(good), 100)):
                one, other = matcher.copy(), matcher.copy()
                assert one.accept(i) == (other.accept_bytes(named[i]) == len(named[i]))
                assert one.state == other.state
            assert matcher.accept(rng.choice(good))


@pytest.mark.parametrize("seed", range(3))
def test_masks_along_many_texts(seed: int) -> None:
    made, named = compiled()
    if seed == 0:
        check_words(made, named)
    for text in range(6):
        check(made, named, random.Random(f"{seed} {text}"), 25)


def test_masks_that_are_written_often_stay_as_they_are() -> None:
    """From the third time on some are kept word by word, as many as there may be."""
    named = tokens()
    made = constrain.lark(GRAMMAR).compile(Vocabulary.from_tokens([*named, b""], eos=[len(named)]))
    made.H[L.SPREAD_LEFT] = 2
    rng = random.Random(5)
    mask = np.zeros(made.vocabulary.words, np.uint32)
    for left in (2, 0):
        matcher, first = made.matcher(), []
        assert made.H[L.SPREAD_LEFT] == left
        for _ in range(30):
            matcher.fill_mask(mask)
            first.append((matcher.copy(), mask.copy()))
            good = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(named)]).tolist()
            assert matcher.accept(rng.choice(good))
        for _ in range(5):
            for at, wanted in first:
                mask[:] = rng.getrandbits(32)
                at.fill_mask(mask)
                assert (mask == wanted).all()
        assert made.H[L.SPREAD_LEFT] == 0


def windows(made: CompiledConstraint) -> set[tuple[int, ...]]:
    """What tells the windows in the arena from others: the numbers that don't say where something lies."""
    H = made.H
    table = [r for r in H[H[L.TABLE] + 1 : H[L.TABLE] + 2 * H[L.TABLE_SIZE] : 2].tolist() if r]
    found = set()
    for r in table:
        if H[r + 1] == L.KIND_WINDOW:
            head, frames = int(H[r + 2]), int(H[r + 3])
            found.add((*H[head + 2 : head + 8].tolist(), *H[r + WINDOW_HEAD : r + WINDOW_HEAD + 2 * frames].tolist()))
    return found


def test_masks_in_an_arena_that_took_over_what_another_had_found() -> None:
    """Nothing is lost on the way, and masks are right: those found before, and new ones made of it."""
    named = tokens()
    vocabulary = Vocabulary.from_tokens([*named, b""], eos=[len(named)])
    made = constrain.lark(GRAMMAR).compile(vocabulary)
    check_words(made, named)
    for text in range(4):
        check(made, named, random.Random(f"before {text}"), 25)
    before, size = windows(made), made.memory
    with made.lock:
        made.renew()
    assert windows(made) == before and len(before) > 300
    assert made.memory < size  # stacks and states were left behind
    check_words(made, named)
    known = windows(made)
    assert len(known) < len(before) * 1.05  # next to nothing had to be found again
    for text in range(6):
        check(made, named, random.Random(f"before {text}"), 25)
    with made.lock:
        made.renew()
    for text in range(2):
        check(made, named, random.Random(f"after {text}"), 25)
    assert windows(made) > known


def test_all_ways_to_share_were_taken() -> None:
    """The test above would miss faults of what it does not reach."""
    made, named = compiled()
    check_words(made, named)
    for text in range(6):
        check(made, named, random.Random(f"0 {text}"), 25)
    H, X = made.H, store_of(made.vocabulary).X
    table = [r for r in H[H[L.TABLE] + 1 : H[L.TABLE] + 2 * H[L.TABLE_SIZE] : 2].tolist() if r]
    memo = [r for r in table if H[r + 1] == L.KIND_MEMO]
    pairs = [r for r in memo if H[r + 7] == PAIR and H[r + 8]]
    assert sum(bool(H[H[r + 8] + 2]) for r in pairs) > 20  # summaries of sections
    assert {int(H[r + 3]) for r in table if H[r + 1] == L.KIND_WINDOW} >= {1, 2, 3, 4}  # frames in windows
    states = [r for r in table if H[r + 1] == L.KIND_STATE and H[r + 2]]
    rules = int(H[H[L.NODES] + 1])
    entries = [e for e in X[X[L.X_ETABLE] : X[L.X_ETABLE] + X[L.X_ESIZE]].tolist() if e]
    tries = {int(X[e + 6]) for e in entries if X[e] == TRIE}
    blanks = [e for e in entries if X[e] > 0 and X[e + 1] == BLANKS]
    lines = {int(X[e + K_HEAD + 3 * i + 1]) for e in blanks for i in range(X[e + K_LINES])}
    assert lines == {0, 1}  # lines after a blank one, and after spaces that go on
    lexer = int(H[H[rules + L.R_LEXER] + 1])  # other constraints of an equal vocabulary share the store
    entries = [e for e in entries if X[e] == lexer and X[e + 1] >= 0]
    assert sum(bool(X[e + 2] & INSIDE) for e in entries) > 3  # between brackets
    words = int(H[rules + L.R_WORDS])
    sections = [
        e + L.L_HEAD + int(X[e + L.L_GROUPS]) * (L.L_GROUP + words) + L.L_SEC * i
        for e in entries
        for i in range(X[e + L.L_SECTIONS])
    ]
    used = [int(X[section + 1]) for section in sections if X[section + 1]]
    assert set(used) <= tries
    assert 2 * len(set(used)) < len(used)  # tries of suffixes that entries share
    roots = {int(X[e + 1]) for e in entries if X[e + 2] == L.D_BODY and X[e + 3] == 0 and X[e + 4] == 0}
    inside = {int(H[r + 6]) for r in states if H[r + 4] == 1 and H[r + 5] & 15 == L.PH_IN and H[r + 7] == L.D_BODY}
    like = rules + H[rules + L.R_LIKE]
    borrowed = [s for s in inside - roots if H[like + s] >= 0]
    assert len(borrowed) > 5 and all(int(H[like + s]) in roots for s in borrowed)
    bases, base = 0, int(X[L.X_BASES])
    while base:
        bases, base = bases + 1, int(X[base])
    assert 0 < bases <= splices.MOST_BASES
