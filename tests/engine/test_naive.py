"""The naive machine itself, against `json`, `jsonschema` and the definition of a live state."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constrain.grammar.ir import NEVER, Alt, Array, Grammar, Literal, NodeId, Object, Seq, String, Text
from constrain.grammar.ir import StringChoice as Choice
from constrain.grammar.prune import prune
from constrain.regular import ast
from tests.engine.strategies import Recipe, languages, recipes
from tests.naive import NaiveMachine, State
from tests.naive_characters import code_points, finished
from tests.naive_regex import alive, contains, from_regex

DIGITS = ast.chars([(48, 57)])
INTEGER = ast.concat(
    ast.repeat(ast.literal("-"), 0, 1),
    ast.union(ast.literal("0"), ast.concat(ast.chars([(49, 57)]), ast.repeat(DIGITS, 0, None))),
)
RANDOM = st.integers(0, 1 << 32).map(random.Random)  # `st.randoms` draws adversarially: walks that never end


def machine(build: Any, whitespace: str = "flexible", most: int = 2) -> NaiveMachine:
    grammar = Grammar(whitespace, most)
    grammar.start = build(grammar.add)
    return NaiveMachine(prune(grammar))


# --- characters


def test_every_spelling_of_every_kind_of_character_and_each_of_its_beginnings() -> None:
    for point in [
        0,
        9,
        0x1F,
        0x20,
        0x22,
        0x2F,
        0x5C,
        0x7F,
        0x80,
        0x7FF,
        0x800,
        0xD7FF,
        0xE000,
        0xFFFF,
        0x10000,
        0x10FFFF,
    ]:
        units = chr(point).encode("utf-16-be")
        escape = "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2)).encode()
        spellings = [escape]
        if point >= 0x20 and point not in (0x22, 0x5C):
            spellings.append(chr(point).encode())
        for spelling in spellings:
            assert finished(spelling, escapes=True) == point
            for length in range(len(spelling)):
                assert any(lo <= point <= hi for lo, hi in code_points(spelling[:length], escapes=True))
                assert finished(spelling[:length], escapes=True) is None
            assert code_points(spelling, escapes=True) == ()


@given(st.binary(min_size=1, max_size=4) | st.text('\\u0dD8cC9fn"', min_size=1, max_size=12).map(str.encode))
def test_decoding_agrees_with_json(raw: bytes) -> None:
    try:
        value = json.loads(b'"' + raw + b'"')
        right = len(value) == 1 and not "\ud800" <= value <= "\udfff"
    except ValueError:
        right = False
    assert (finished(raw, escapes=True) is not None) == right
    if right:
        assert finished(raw, escapes=True) == ord(value)


# --- languages


@settings(max_examples=150, deadline=None)
@given(languages())
def test_languages_by_enumeration(language: ast.Regex) -> None:
    texts = ["".join(t) for n in range(4) for t in itertools.product('a1é"', repeat=n)]
    r = from_regex(language)
    inside = {t for t in texts if contains(r, t)}
    for lo, hi in ((0, 0), (0, 3), (2, 3), (3, 3)):
        if any(lo <= len(t) <= hi for t in inside):
            assert alive(r, lo, hi)
    assert inside == {t for t in texts if member(language, t)}


def member(r: ast.Regex, text: str) -> bool:
    """The definition, by cutting the text in every way."""
    if r.kind in (ast.K_LITERAL, ast.K_CHOICE):
        return text == r.value if r.kind == ast.K_LITERAL else text in r.value
    if r.kind == ast.K_CHARS:
        return len(text) == 1 and text in r.value
    if r.kind == ast.K_UNION:
        return any(member(p, text) for p in r.parts)
    if r.kind == ast.K_INTERSECT:
        return all(member(p, text) for p in r.parts)
    if r.kind == ast.K_COMPLEMENT:
        return not member(r.parts[0], text)
    if r.kind == ast.K_CONCAT:
        return concatenated(r.parts, text)
    if r.kind == ast.K_REPEAT:
        lo, hi = r.value
        most = lo + len(text) if hi < 0 else min(hi, lo + len(text))
        return any(concatenated((r.parts[0],) * n, text) for n in range(lo, most + 1))
    assert r.kind == ast.K_EMPTY
    return False


def concatenated(parts: tuple[ast.Regex, ...], text: str) -> bool:
    if not parts:
        return text == ""
    return any(member(parts[0], text[:i]) and concatenated(parts[1:], text[i:]) for i in range(len(text) + 1))


def test_length_bounds_with_languages() -> None:
    r = from_regex(ast.union(ast.literal("a"), ast.literal("bbb"), ast.repeat(ast.literal("cc"), 2, None)))
    assert [alive(r, n, n) for n in range(9)] == [False, True, False, True, True, False, True, False, True]
    assert alive(r, 1001, None)
    assert not alive(from_regex(ast.repeat(ast.literal("cc"), 0, None)), 1001, 1001)


# --- schemas written as grammars


def person(add: Any) -> NodeId:
    return add(
        Object(
            ("name", "age", "tags"),
            (add(String(None, 1, 2)), add(Text(INTEGER)), add(Array((), add(Choice(("a", "b"))), 1, 2))),
            (True, False, False),
            ((ast.concat(ast.literal("x"), ast.ALL), add(Alt((add(Literal(b"null")), add(Literal(b"true")))))),),
            0,
            3,
            ordered=False,
        )
    )


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 2},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 2},
    },
    "patternProperties": {"^x": {"enum": [None, True]}},
    "additionalProperties": False,
    "required": ["name"],
    "maxProperties": 3,
}

KEYS = st.sampled_from(["name", "age", "tags", "x", "xy", "y"])
values = st.recursive(
    st.sampled_from([None, True, 1, -20, "", "a", "b", "é😀", "abc", []]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
members = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text("aé😀\n", max_size=3),
        "age": st.integers(-20, 20) | values,
        "tags": st.lists(st.sampled_from("abc"), max_size=3),
        "x": st.sampled_from([None, True, False]),
        "xy": st.none(),
        "y": st.none(),
    },
)


@settings(max_examples=150, deadline=None)
@given(members | values, st.booleans())
def test_acceptance_agrees_with_jsonschema(value: Any, ascii_only: bool) -> None:
    right = jsonschema.Draft202012Validator(PERSON).is_valid(value)
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert machine(person).accepts(text.encode()) == right
    compact = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    assert machine(person, "compact").accepts(compact.encode()) == right
    assert machine(person, "compact").accepts(text.encode()) == (right and text == compact)
    pretty = json.dumps(value, ensure_ascii=ascii_only, indent=2)
    assert machine(person, "pretty").accepts(pretty.encode()) == right


@settings(max_examples=40, deadline=None)
@given(RANDOM, st.sampled_from(["flexible", "compact", "pretty"]))
def test_what_is_generated_is_valid(rng: random.Random, whitespace: str) -> None:
    made = machine(person, whitespace)
    text = finish(made, made.start(), rng, b"")
    assert text is not None
    jsonschema.validate(json.loads(text), PERSON)


def test_order_of_properties() -> None:
    def build(ordered: bool) -> Any:
        def inner(add: Any) -> NodeId:
            one = add(Literal(b"1"))
            free = ((ast.char_set("xy"), one),)
            return add(Object(("a", "b", "c"), (one, one, one), (False, True, False), free, 0, None, ordered))

        return inner

    ordered, free = machine(build(True), "compact"), machine(build(False), "compact")
    for keys in itertools.chain.from_iterable(itertools.permutations("abcx", n) for n in range(5)):
        text = ("{" + ",".join(f'"{k}":1' for k in keys) + "}").encode()
        declared = [k for k in keys if k != "x"]
        assert free.accepts(text) == ("b" in keys)
        assert ordered.accepts(text) == ("b" in keys and declared == sorted(declared))
    assert free.accepts(b'{"b":1,"x":1,"x":1}')
    assert not free.accepts(b'{"b":1,"b":1}')
    assert not ordered.run(b'{"c')
    assert not ordered.run(rb'{"\u0063')


@pytest.mark.parametrize("most", [0, 1, 3])
def test_whitespace_runs(most: int) -> None:
    made = machine(lambda add: add(Object(("a",), (add(Array((), add(Literal(b"1")))),), (False,))), "flexible", most)
    pattern = re.sub("_", r"[ \\n\\r\\t]{0,MOST}", r'\{(_"a"_:_\[(_1(_,_1)*)?_\])?_\}').replace("MOST", str(most))
    rng = random.Random(1)
    for _ in range(300):
        text = "".join(
            c + " " * rng.choice([0, 0, 0, most, most + 1])
            for c in rng.choice(['{"a":[1,1]}', "{}", '{"a":[]}', "x{}"])
        )
        text = text.replace('"a ', '"a')
        assert made.accepts(text.encode()) == bool(re.fullmatch(pattern, text))


@pytest.mark.parametrize("value", [{}, [], {"a": []}, {"a": {}}, [[], {}], {"a": [1, {"a": [1]}], "b": 1}])
def test_pretty_is_what_json_writes(value: Any) -> None:
    grammar = Grammar("pretty")
    anything = grammar.reserve()
    array = grammar.add(Array((), anything))
    thing = grammar.add(Object((), (), (), ((None, anything),)))
    grammar.define(anything, Alt((array, thing, grammar.add(Literal(b"1")))))
    # a sequence around it changes no depth
    grammar.start = grammar.add(Seq((grammar.add(Literal(b"> ")), anything, grammar.add(Literal(b"\n")))))
    made = NaiveMachine(prune(grammar))
    assert made.accepts(f"> {json.dumps(value, indent=2)}\n".encode())
    assert not made.accepts(f"> {json.dumps(value, indent=1)}\n".encode()) or value in ({}, [])


# --- every state that is kept can be completed


def finish(made: NaiveMachine, state: State, rng: random.Random, text: bytes, steps: int = 400) -> bytes | None:
    """Complete a text at random, mostly by what closes something once it is long. None: not completed in time."""
    for step in range(steps):
        if made.accepting(state) and (step > 10 or rng.random() < 0.3):
            return text
        ways = [b for b in b'"}],:\n {[xaenl10\\u' if made.step(state, b)] or [
            b for b in range(256) if made.step(state, b)
        ]
        assert ways or made.accepting(state), text
        if not ways:
            return text
        near = ways[:1] if step > 10 and rng.random() < 0.5 else ways
        byte = rng.choice(near)
        text, state = text + bytes([byte]), made.step(state, byte)
    return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipes(), RANDOM)
def test_live_states_can_be_completed(recipe: Recipe, rng: random.Random) -> None:
    made = NaiveMachine(recipe.build())
    state = made.start()
    assert state
    finish(made, state, rng, b"", 60)  # asserts that there is a way on from every state


def test_dead_ends_are_seen_at_once() -> None:
    numbers = ast.concat(ast.literal("é"), ast.char_set("😀a"), ast.literal("b"))
    made = machine(lambda add: add(Array((add(String(numbers)), add(String(None, 2, 2))), NEVER, 2)), "compact")
    assert made.accepts('["é😀b","ab"]'.encode())
    for live in (b'["\xc3', b'["\\u', b'["\\u00e9\\ud83d\\ude', b'["\\u00e9\\ud83d\\ude00b"', b'["\\u00e9a\\u006'):
        assert made.run(live), live
    for dead in (
        b'["\xc4',
        b'["\\n',
        b'["\\u00e8',
        b'["\\u00e9\\ud83e',
        b'["\\u00e9\\ud83d\\ude1',
        b'["\xc3\xa9a\\u007',
    ):
        assert not made.run(dead), dead
    assert made.run('["éab","😀\\'.encode())
    assert not made.run('["éab","😀"'.encode())
    assert not made.run('["éab","😀😀\\'.encode())
