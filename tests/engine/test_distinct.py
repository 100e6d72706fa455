"""Arrays with distinct items: masks against the definition, over languages that can be listed or cut by a parser."""

from __future__ import annotations

import codecs
import itertools
import json
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import constrain
from constrain.constraint import Constraint
from constrain.limits import Limits
from constrain.schema.values import key
from tests.engine.strategies import Tokens
from tests.engine.twin import ids_of, pick, vocabulary_of

PIECES = [
    *'[]",120-.eabtrufslné:{}\\/35',
    *['","', '["', '"]', '","a"', '"a","', 'a","', '","","', '""', '"a"', "1,2", ",1", "12", "2]", "tru", "true", ","],
    *['"b","a"', "\\u0061", "\\u00", "61", "\\", 'a"', 'b"]', "é", '","é"', '"},{"', '{"', '":', '"a":1', "},"],
    *["[{", "}]"],
    *["[1", "],[", "]]", ' "', "1.0", "1e0", "00", ".0", "e1", "[[", "null", '{"a":', '{"b":', ',"b":', "1}"],
]
TEXTS = list(dict.fromkeys(p.encode() if isinstance(p, str) else p for p in PIECES))
BYTES = sorted({bytes([b]) for text in TEXTS for b in text} - set(TEXTS))
TOKENS = Tokens((*TEXTS, *BYTES, b""), (len(TEXTS) + len(BYTES),), ())
RANDOM = st.integers(0, 1 << 32).map(random.Random)


def masks_agree(
    c: Constraint, lives: Callable[[bytes], bool], ends: Callable[[bytes], bool], rng: random.Random, steps: int = 12
) -> None:
    """Along a random walk the allowed tokens are those after which some text of the language still begins so."""
    compiled = c.compile(vocabulary_of(TOKENS))
    matcher = compiled.matcher()
    mask = matcher_mask(matcher)
    text = b""
    for _ in range(steps):
        found = ids_of(mask(matcher)) - set(TOKENS.eos)
        expected = {i for i, t in enumerate(TOKENS.tokens) if t and lives(text + t)}
        wrong = [TOKENS.tokens[i] for i in sorted(found ^ expected)]
        assert found == expected, f"{'missing' if expected - found else 'too many'} after {text!r}: {wrong}"
        assert matcher.is_accepting == ends(text)
        if not found:
            return
        chosen = pick(rng, sorted(found), TOKENS.tokens)
        assert matcher.accept(chosen)
        text += TOKENS.tokens[chosen]


def matcher_mask(matcher: Any) -> Callable[[Any], Any]:
    import numpy as np

    def mask(m: Any) -> Any:
        out = np.full((len(TOKENS.tokens) + 31) // 32, 0xFFFFFFFF, np.uint32)
        m.fill_mask(out)
        return out

    return mask


def listed(items: Iterable[str], most: int) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """All compact arrays of distinct ones of these items, and everything that they begin with."""
    words = {
        ("[" + ",".join(chosen) + "]").encode()
        for n in range(most + 1)
        for chosen in itertools.product(items, repeat=n)
        if len({key(json.loads(i, parse_float=Decimal)) for i in chosen}) == n
    }
    return frozenset(words), frozenset(w[:i] for w in words for i in range(len(w) + 1))


FINITE: dict[str, tuple[Any, list[str]]] = {
    "names": ({"enum": ["a", "b", "aé", ""]}, ['"a"', '"b"', '"aé"', '""']),
    "accents": ({"enum": ["a", "aé"]}, ['"a"', '"aé"']),
    "words": ({"type": ["boolean", "null"]}, ["true", "false", "null"]),
    "mixed": ({"enum": ["a", True, 1, 12]}, ['"a"', "true", "1", "12"]),
    "range": ({"type": "integer", "minimum": 0, "maximum": 3}, ["0", "1", "2", "3"]),
    "tenths": ({"type": "number", "minimum": 0, "maximum": 0.3, "multipleOf": 0.1}, ["0", "0.1", "0.2", "0.3"]),
    "pattern": ({"type": "string", "pattern": "^(a|ab|b)$"}, ['"a"', '"ab"', '"b"']),
    "length": ({"type": "string", "pattern": "^[ab]*$", "maxLength": 1}, ['""', '"a"', '"b"']),
    "either": ({"anyOf": [{"enum": ["a", "b"]}, {"pattern": "^b?$", "type": "string"}]}, ['"a"', '"b"', '""']),
}


@pytest.mark.parametrize("name", FINITE)
def test_few_values(name: str) -> None:
    item, texts = FINITE[name]
    for lo, hi in ((0, None), (2, None), (1, 2), (len(texts), None)):
        schema = {"type": "array", "items": item, "uniqueItems": True, "minItems": lo}
        schema |= {} if hi is None else {"maxItems": hi}
        c = constrain.json(schema, whitespace="compact", escapes="canonical")
        most = len(texts) if hi is None else hi
        words, _ = listed(texts, most)
        words = frozenset(w for w in words if len(json.loads(w)) >= lo)
        beginnings = frozenset(w[:i] for w in words for i in range(len(w) + 1))
        for seed in range(6):
            masks_agree(c, beginnings.__contains__, words.__contains__, random.Random(seed))
    with pytest.raises(constrain.Unsatisfiable):
        constrain.json({"type": "array", "items": item, "uniqueItems": True, "minItems": len(texts) + 1})


def partial(text: str, scalar: str) -> tuple[list[Any], str] | None:
    """The finished items of a compact array that begins so, and the open one, if any ("end": none may follow)."""
    if text in ("", "[", "[]"):
        return [], "end" if text == "[]" else ""
    if text[0] != "[":
        return None
    items: list[Any] = []
    at = 1
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
    while True:
        if text[at : at + 1] == " " or (scalar == "number" and " " in text):  # the decoder skips blanks
            return None
        end = at
        while scalar == "number" and end < len(text) and text[end] not in ",]":
            end += 1
        if scalar == "number" and end == len(text):  # it may still grow
            return (items, text[at:]) if open_number(text[at:]) else None
        try:
            value, end = decoder.raw_decode(text[:end] if scalar == "number" else text, at)
        except (ValueError, IndexError):
            return (items, text[at:]) if scalar == "string" and open_string(text[at:]) else None
        if scalar == "number" and text[end] not in ",]":
            return None
        if not FITS[scalar](value):
            return None
        items.append(value)
        if len({key(v) for v in items}) < len(items):
            return None
        if end == len(text):
            return items, ""
        if text[end] == "]":
            return (items, "end") if end + 1 == len(text) else None
        if text[end] != ",":
            return None
        at = end + 1


def open_string(text: str) -> bool:
    """Can characters after it make it a string?"""
    if not text:
        return True
    for more in ("", '"', 'a"', '0"', '00"', '000"', '0000"', 'u0000"'):
        try:
            value = json.loads(text + more)
        except ValueError:
            continue
        return (isinstance(value, str) and value.isascii()) or "\ufffd" not in text
    return False


def open_number(text: str) -> bool:
    for more in ("", "1", "+1"):
        try:
            value = json.loads(text + more)
        except ValueError:
            continue
        return not isinstance(value, bool) and isinstance(value, (int, float))
    return text == ""


FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "number": lambda v: isinstance(v, Decimal),
}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["string", "number"]), RANDOM)
def test_values_without_end(scalar: str, rng: random.Random) -> None:
    c = constrain.json({"type": "array", "items": {"type": scalar}, "uniqueItems": True}, whitespace="compact")

    def read(data: bytes) -> tuple[list[Any], str] | None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            text = decoder.decode(data)
        except UnicodeDecodeError:
            return None
        cut = "é" if decoder.getstate()[0] else ""  # a character that is cut
        return partial(text + cut, scalar)

    masks_agree(c, lambda data: read(data) is not None, lambda data: (read(data) or ((), ""))[1] == "end", rng)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.0, 0.5, 100.0, 1e2]) | st.sampled_from("abé"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
ANYTHING = constrain.json({"type": "array", "uniqueItems": True})
TWICE = constrain.json({"type": "array", "not": {"uniqueItems": True}})


def spelled(value: Any, rng: random.Random) -> str:
    """A JSON text of the value, spelled at random."""
    gap = rng.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{gap}{spelled(k, rng)}:{gap}{spelled(v, rng)}" for k, v in value.items()]
        rng.shuffle(members)
        return "{" + ",".join(members) + gap + "}"
    if isinstance(value, list):
        return "[" + ",".join(gap + spelled(v, rng) for v in value) + gap + "]"
    if isinstance(value, str) and rng.random() < 0.5:
        return '"' + "".join(f"\\u{ord(x):04x}" for x in value) + '"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value == int(value):
            return rng.choice([f"{int(value)}", f"{int(value)}.0", f"{int(value)}.00e0", f"{int(value * 10)}E-1"])
        return rng.choice([repr(value), f"{value * 10}e-1", f"{value}0", f"{value / 100}e+2"])
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=5), RANDOM)
def test_equal_values_have_many_texts(values: list[Any], rng: random.Random) -> None:
    if values and rng.random() < 0.5:
        values = [*values, rng.choice(values)]
    text = "[" + ", ".join(spelled(v, rng) for v in values) + "]"
    exact = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    different = len({key(v) for v in exact}) == len(exact)
    assert ANYTHING.matches(text) == different
    assert TWICE.matches(text) != different


def test_a_state_survives_a_new_arena() -> None:
    c = constrain.json({"type": "array", "uniqueItems": True}, limits=Limits(arena_bytes=1 << 16))
    compiled = c.compile(vocabulary_of(TOKENS))
    matcher = compiled.matcher()
    begun = b'[1, "a", {"b": [1, 2]}, [['
    assert matcher.accept_bytes(begun) == len(begun)
    before = compiled.generation
    compiled.renew()
    assert compiled.generation > before
    copy = matcher.copy()
    again = b'1]], {"b": [1.0, 2'
    assert copy.accept_bytes(again) == len(again)
    assert copy.accept_bytes(b"]}") == 1  # the object is there already
    rest = b'1]], "b", 2]'
    assert matcher.accept_bytes(rest) == len(rest)
    assert matcher.is_accepting


def test_a_thousand_items() -> None:
    c = constrain.json({"type": "array", "items": {"type": "string"}, "uniqueItems": True})
    items = [f"item {i}" for i in range(1000)]
    assert c.matches(json.dumps(items))
    assert not c.matches(json.dumps([*items, "item 500"]))


@pytest.mark.parametrize("item", [
    {"type": "string", "pattern": "^[abé]*$", "maxLength": 2},
    {"type": "string", "pattern": "^[abé]{1,2}$"},
    {"type": "string", "pattern": "^(a|b|é)*$", "minLength": 1, "maxLength": 2},
])  # fmt: skip
def test_strings_with_an_end(item: Any) -> None:
    """Near the end of what a string may be, some tokens could only repeat an item."""
    letters = ["", "a", "b", "é"]
    lo = 0 if item["pattern"] == "^[abé]*$" else 1
    texts = [f'"{x}"' for x in sorted({a + b for a in letters for b in letters}) if len(x) >= lo]
    words, beginnings = listed(texts, 3)
    c = constrain.json(
        {"type": "array", "items": item, "uniqueItems": True, "maxItems": 3}, whitespace="compact", escapes="canonical"
    )
    for seed in range(40):
        masks_agree(c, beginnings.__contains__, words.__contains__, random.Random(seed))
