"""Distinct objects whose members are all declared: masks against a list of all arrays, and answers against a list of
all values."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import constrain
from tests.engine.test_distinct import masks_agree
from tests.engine.twin import ids_of, pick

SCALARS: list[tuple[Any, list[str]]] = [
    ({"enum": ["a", "b"]}, ['"a"', '"b"']),
    ({"type": "boolean"}, ["true", "false"]),
    ({"const": 1}, ["1"]),
    ({"type": "integer", "minimum": 11, "maximum": 12}, ["11", "12"]),
    ({"type": "number", "minimum": 0.1, "maximum": 0.2, "multipleOf": 0.1}, ["0.1", "0.2"]),
    ({"type": "string", "pattern": "^(a|ab)$"}, ['"a"', '"ab"']),
    ({"type": "string", "pattern": "^[bé]*$", "maxLength": 1}, ['""', '"b"', '"é"']),
    ({"anyOf": [{"enum": ["a", "ab"]}, {"enum": [None]}, {"const": "a"}]}, ['"a"', '"ab"', "null"]),
]


def closed(members: list[tuple[str, bool, Any, list[str]]], ordered: bool) -> tuple[Any, list[str]]:
    """An object schema of members (name, required, schema, texts) with the texts of its values."""
    schema = {
        "type": "object",
        "properties": {name: inner for name, _, inner, _ in members},
        "required": [name for name, required, _, _ in members if required],
        "additionalProperties": False,
    }
    texts = []
    choices = [[*texts_of, *([] if required else [None])] for _, required, _, texts_of in members]
    for chosen in itertools.product(*choices):
        parts = [f'"{m[0]}":{text}' for m, text in zip(members, chosen, strict=True) if text is not None]
        for order in [parts] if ordered else itertools.permutations(parts):
            texts.append("{" + ",".join(order) + "}")
    return schema, texts


def values(texts: list[str]) -> int:
    """The number of different values of some texts."""
    return len({json.dumps(json.loads(text), sort_keys=True) for text in texts})


def objects(rng: random.Random, ordered: bool, depth: int = 0) -> tuple[Any, list[str]]:
    """A schema of an object with few values, and their texts."""
    while True:
        members = []
        for name in rng.sample(["a", "b", "ab"], rng.randint(1, 2)):
            inner = objects(rng, ordered, depth + 1) if depth < 1 and rng.random() < 0.3 else rng.choice(SCALARS)
            members.append((name, rng.random() < 0.5, *inner))
        schema, texts = closed(members, ordered)
        if values(texts) <= 5 and len(texts) <= 12:
            return schema, texts


def arrays(texts: list[str], lo: int, most: int) -> frozenset[bytes]:
    """All compact arrays of lo..most of these texts with different values."""
    names = {text: json.dumps(json.loads(text), sort_keys=True) for text in texts}
    return frozenset(
        ("[" + ",".join(chosen) + "]").encode()
        for n in range(lo, most + 1)
        for chosen in itertools.product(texts, repeat=n)
        if len({names[text] for text in chosen}) == n
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32).map(random.Random))
def test_masks(rng: random.Random) -> None:
    ordered = rng.random() < 0.6
    schema, texts = objects(rng, ordered)
    most = min(values(texts), 3 if len(texts) > 6 else 4)
    lo = rng.choice([0, 0, 1, most])
    whole = {"type": "array", "items": schema, "uniqueItems": True, "minItems": lo, "maxItems": max(most, 2)}
    order = "schema" if ordered else "any"
    c = constrain.json(whole, whitespace="compact", escapes="canonical", property_order=order)
    words = arrays(texts, lo, most)
    beginnings = frozenset(w[:i] for w in words for i in range(len(w) + 1))
    for _ in range(3):
        masks_agree(c, beginnings.__contains__, words.__contains__, rng, 30)


def test_all_values_are_used_up() -> None:
    for ordered in (True, False):
        schema, texts = closed([("a", True, *SCALARS[0]), ("b", False, *SCALARS[1])], ordered)
        whole = {"type": "array", "items": schema, "uniqueItems": True, "minItems": 6}
        c = constrain.json(whole, property_order="schema" if ordered else "any")
        text = "[" + ",".join(t for t in texts if not t.startswith('{"b"')) + "]"
        assert c.matches(text)
        assert not c.matches(text[:-1] + ',{"a":"a"}]')
        with pytest.raises(constrain.Unsatisfiable):
            constrain.json({**whole, "minItems": 7})


OPEN = {
    "strings": {"a": {"type": "string"}, "b": {"type": "boolean"}},
    "last": {"b": {"enum": ["a", "b"]}, "a": {"type": "string", "minLength": 1}},
    "numbers": {"a": {"type": "number"}, "b": {"type": "integer"}},
    "bounds": {"a": {"type": "integer", "minimum": 3}, "b": {"type": "number", "minimum": 0, "maximum": 0.5}},
    "nested": {"a": {"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": False}},
    "lists": {"a": {"type": "array", "items": {"type": "boolean"}}, "b": {"const": 1}},
    "any": {"a": {}, "b": {"type": "null"}},
}


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("name", OPEN)
def test_no_dead_ends(name: str, order: Any) -> None:
    """Random texts of endless languages: some token may always come, and what was finished has different items."""
    import numpy as np

    from tests.engine.test_distinct import TOKENS
    from tests.engine.twin import vocabulary_of

    item = {"type": "object", "properties": OPEN[name], "additionalProperties": False}
    c = constrain.json(
        {"type": "array", "items": item, "uniqueItems": True}, whitespace="compact", property_order=order, numbers="any"
    )
    compiled = c.compile(vocabulary_of(TOKENS))
    mask = np.zeros((len(TOKENS.tokens) + 31) // 32, np.uint32)
    rng = random.Random(name)
    several = 0
    for _ in range(12):
        matcher, text = compiled.matcher(), b""
        for _ in range(70):
            matcher.fill_mask(mask)
            found = sorted(ids_of(mask) - set(TOKENS.eos))
            assert found or matcher.is_accepting, text
            if not found or (matcher.is_accepting and rng.random() < 0.7):
                break
            chosen = pick(rng, found, TOKENS.tokens)
            assert matcher.accept(chosen)
            text += TOKENS.tokens[chosen]
        if matcher.is_accepting:
            items = json.loads(text)
            assert c.matches(text)
            several += len(items) > 1
            for one, other in itertools.combinations(items, 2):
                assert json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True), text
    assert several or name in ("any", "nested")


def test_what_must_be_left_out_or_in() -> None:
    """By hand: what may follow a member decides how it may end."""
    item = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"const": 1}}, "required": ["a"],
            "additionalProperties": False}  # fmt: skip
    c = constrain.json({"type": "array", "items": item, "uniqueItems": True}, whitespace="compact")
    assert c.matches('[{"a":"x"},{"a":"x","b":1},{"a":"y"}]')
    for text, position in (
        ('[{"a":"x"},{"a":"x"}]', 19),  # `}` after the same value
        ('[{"a":"x","b":1},{"a":"x"},{"a":"x"', 34),  # the quote: both values with "x" are there
    ):
        said = c.explain(text)
        assert said is not None
        assert said.byte == position


NODE = {"type": "object", "properties": {"n": {"$ref": "#/$defs/node"}}, "additionalProperties": False}
VOID = {"type": "object", "properties": {"v": {"$ref": "#/$defs/void"}}, "required": ["v"]}
DEFINED = {"node": NODE, "void": VOID}


def of_distinct(item: Any, **more: Any) -> constrain.Constraint:
    return constrain.json({"type": "array", "items": item, "uniqueItems": True, "$defs": DEFINED, **more},
                          whitespace="compact", escapes="canonical")  # fmt: skip


@pytest.mark.parametrize("least", [0, 2])
def test_objects_in_themselves(least: int) -> None:
    """Chains of objects, deeper than the walks are long."""
    chains = ["{}"]
    for _ in range(24):
        chains.append('{"n":' + chains[-1] + "}")
    c = of_distinct({"$ref": "#/$defs/node"}, minItems=least, maxItems=2)
    words = arrays(chains, least, 2)
    beginnings = frozenset(w[:i] for w in words for i in range(min(len(w), 100) + 1))
    for seed in range(12):
        masks_agree(c, beginnings.__contains__, words.__contains__, random.Random(seed), 12)


EITHER_WAY = {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/node"}]}


def test_objects_in_themselves_or_words() -> None:
    c = of_distinct(EITHER_WAY)
    for text in ('[true,false,{},{"n":{}},{"n":{"n":{}}}]', "[{},false,true]"):
        assert c.matches(text)
    for text, position in (('[true,{"n":{}},{"n":{}},true]', 21), ("[{},{}]", 5), ("[false,false]", 7)):
        said = c.explain(text)
        assert said is not None
        assert said.byte == position, text
    deep = "[" + ",".join('{"n":' * k + "{}" + "}" * k for k in range(40)) + "]"
    assert c.matches(deep)
    assert not c.matches(deep[:-1] + "," + '{"n":' * 20 + "{}" + "}" * 20 + "]")
    with pytest.raises(constrain.LimitExceeded):
        c.matches("[" + '{"n":' * 3000)


@pytest.mark.parametrize(
    ("item", "texts"),
    [
        ({"anyOf": [{"const": True}, {"$ref": "#/$defs/void"}]}, ["true"]),
        ({"anyOf": [{"const": True}, {"type": "array", "minItems": 1, "items": VOID}]}, ["true"]),
        ({"type": "object", "properties": {"v": VOID, "b": {"const": 1}}, "additionalProperties": False},
         ["{}", '{"b":1}']),
        ({"type": "object", "properties": {"b": {"const": 1}}, "additionalProperties": VOID}, ["{}", '{"b":1}']),
        ({"type": "object", "properties": {"b": {"const": 1}}, "additionalProperties": {
            "type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}}}, ["{}", '{"b":1}']),
    ],
)  # fmt: skip
def test_what_has_no_values(item: Any, texts: list[str]) -> None:
    """What can't be completed anywhere adds no values: the number of items is bounded all the same."""
    c = of_distinct(item)
    words = arrays(texts, 0, len(texts))
    beginnings = frozenset(w[:i] for w in words for i in range(len(w) + 1))
    for seed in range(6):
        masks_agree(c, beginnings.__contains__, words.__contains__, random.Random(seed))


def test_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and the bytes that are read for them grow with the text, not with its square."""
    from constrain.engine import kernels, matcher
    from constrain.engine import layout as L

    item = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}, "required": ["a"],
            "additionalProperties": False}  # fmt: skip
    c = of_distinct(item)
    read = []

    def counting(H: Any, X: Any, B: Any, mask: Any, data: Any, op: int, a: int, b: int) -> int:
        found = kernels.run(H, X, B, mask, data, op, a, b)
        read.append(int(H[L.PLACE_BYTES]) + 1 if found < 0 else b)
        return int(found)

    monkeypatch.setattr(matcher, "_run", counting)
    spent = []
    for n in (100, 400):
        values = [{"a": f"x{i // 3}", **({} if i % 3 == 0 else {"b": i % 3 == 1})} for i in range(n)]
        text = json.dumps(values, separators=(",", ":"))
        m = c.byte_matcher()
        asked, start = m._c._ahead.questions, len(read)
        assert m.accept_bytes(text.encode()) == len(text)
        assert m.is_accepting
        spent.append((m._c._ahead.questions - asked, sum(read[start:])))
        assert not c.matches(text[:-1] + ',{"a":"x7"}]')
    for small, large in zip(*spent, strict=True):
        assert 0 < large <= 5 * small


@pytest.mark.parametrize(
    "item",
    [
        {"type": "object", "properties": {"a": {"type": "array", "maxItems": 2}}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False, "minProperties": 1},
        {"type": "array", "items": {"$ref": "#/$defs/void"}},
    ],
)
def test_refused(item: Any) -> None:
    with pytest.raises(constrain.UnsupportedFeature) as caught:
        of_distinct(item)
    assert (caught.value.keyword, caught.value.pointer) == ("uniqueItems", "/uniqueItems")


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("free", [{"^x": {}}, {"^x": {"type": "integer"}, "a$": {"enum": [1, 2]}}])
def test_declared_names_beside_patterns(order: str, free: dict[str, Any]) -> None:
    """A mask holds the declared names of a distinct object where free keys begin otherwise: as `accept` says."""
    item = {
        "type": "object",
        "properties": {"in": {"enum": ["body", "path"]}, "name": {"type": "string"}, "items": {}},
        "patternProperties": free,
        "required": ["in"],
        "additionalProperties": False,
    }
    schema = {"type": "array", "uniqueItems": True, "items": {"oneOf": [item, {"type": "integer"}]}}
    tokens = [bytes([i]) for i in range(128)] + [b'{"', b'":', b'"in', b"in", b"na", b"name", b"xa", b'",', b'"}']
    vocabulary = constrain.Vocabulary.from_tokens([*tokens, b""], eos=[len(tokens)])
    matcher = constrain.json(schema, property_order=order).compile(vocabulary).matcher()  # type: ignore[arg-type]
    mask = np.zeros(vocabulary.words, np.uint32)
    for byte in b'[{"in":"body","name":"x","xa":1},{"in":"body","name":"x"},7,{"in":"path","xa":2}]':
        matcher.fill_mask(mask)
        good = ids_of(mask) - {len(tokens)}
        assert good == {i for i in range(len(tokens)) if matcher.copy().accept(i)}
        assert matcher.accept(byte)
    assert matcher.is_accepting
