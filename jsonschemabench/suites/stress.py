"""Schemas made by code to press on one thing each, in growing sizes: where does an engine bend, and how."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from jsonschemabench.suites.base import Case, Instance, dump
from jsonschemabench.suites.suite import Suite

SIZES = (4, 16, 64, 256)
Family = tuple[Any, list[Any], list[Any]]  # schema, valid instances, invalid instances


class Stress(Suite):
    """Sixteen families in four sizes; a family is a split. What each does is the docstring of its function."""

    name = "stress"
    about = "generated: one difficulty each, in growing sizes"
    licence = "MIT"

    def cases(self, data: Any = None) -> list[Case]:
        return list(generate())


def generate() -> Iterator[Case]:
    """All cases; the same in every run."""
    for family in FAMILIES:
        for size in SIZES:
            schema, valid, invalid = family(size, random.Random(f"{family.__name__}{size}"))
            labelled = [(True, value) for value in valid] + [(False, value) for value in invalid]
            instances = tuple(Instance(label, dump(value)) for label, value in labelled)
            name = f"{family.__name__}-{size}"
            yield Case(name, family.__name__, json.dumps(schema), instances)


def deep_objects(n: int, rng: random.Random) -> Family:
    """Objects nested n deep, written out."""
    schema: dict[str, Any] = {"type": "integer"}
    value: Any = 7
    broken: Any = "seven"
    for _ in range(min(n, 64)):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
        value, broken = {"a": value}, {"a": broken}
    return schema, [value], [broken, {}]


def recursion(n: int, rng: random.Random) -> Family:
    """A list by `$ref`, with an instance n deep (60 at most: the validators recurse)."""
    node = {
        "type": "object",
        "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["value", "next"],
        "additionalProperties": False,
    }
    value: Any = None
    broken: Any = 1
    for k in range(min(n, 60)):
        value, broken = {"value": k, "next": value}, {"value": k, "next": broken}
    return {"$ref": "#/$defs/node", "$defs": {"node": node}}, [value], [broken]


def optional_properties(n: int, rng: random.Random) -> Family:
    """n optional properties, each may be there or not."""
    names = [f"property_{k}" for k in range(n)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "additionalProperties": False,
    }
    some = {name: 1 for name in names if rng.random() < 0.5}
    return schema, [{}, some, dict.fromkeys(names, 0)], [{**some, "other": 1}, {names[-1]: "x"}]


def wide_enum(n: int, rng: random.Random) -> Family:
    """One of n random words."""
    words = sorted({"".join(rng.choices("abcdefghij", k=8)) for _ in range(n * 4)})
    return {"enum": words}, words[:2] + words[-1:], [words[0] + "x", words[0][:-1], 1]


def any_of_objects(n: int, rng: random.Random) -> Family:
    """n kinds of objects that differ in the last property only."""
    common = {"type": "string", "maxLength": 20}
    branches = [
        {
            "type": "object",
            "properties": {"id": common, "name": common, f"kind_{k}": {"const": k}},
            "required": ["id", "name", f"kind_{k}"],
            "additionalProperties": False,
        }
        for k in range(n)
    ]
    valid = {"id": "i", "name": "n", f"kind_{n - 1}": n - 1}
    return {"anyOf": branches}, [valid], [{"id": "i", "name": "n", f"kind_{n - 1}": n}, {"id": "i", "name": "n"}]


def one_of_ranges(n: int, rng: random.Random) -> Family:
    """`oneOf` over n overlapping ranges of integers: what two of them hold is excluded."""
    ranges = [{"type": "integer", "minimum": 10 * k, "maximum": 10 * k + 10} for k in range(min(n, 64))]
    return {"oneOf": ranges}, [5, 15], [10, -1, 10 * len(ranges) + 1]


def max_items(n: int, rng: random.Random) -> Family:
    """Between n and 4n items."""
    schema = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": n, "maxItems": 4 * n}
    return schema, [[1] * n, [2] * (4 * n)], [[1] * (n - 1), [1] * (4 * n + 1)]


def max_length(n: int, rng: random.Random) -> Family:
    """A string of n to 16n characters, some of them outside ASCII."""
    schema = {"type": "string", "minLength": n, "maxLength": 16 * n}
    text = "".join(rng.choices("abc é日", k=16 * n))
    return schema, [text, text[:n]], [text[: n - 1], text + "a"]


def pattern_repeats(n: int, rng: random.Random) -> Family:
    """A pattern with bounded repeats inside bounded repeats."""
    schema = {"type": "string", "pattern": f"^([a-z]{{1,8}}-[0-9]{{2,{n}}};){{1,{n}}}$"}
    part = "word-" + "7" * n + ";"
    return schema, [part, part * min(n, 32)], ["word-7;", part + "x"]


def pattern_properties(n: int, rng: random.Random) -> Family:
    """n patterns of names, each with its own type of value."""
    kinds: list[tuple[str, Any]] = [("integer", 1), ("string", "s"), ("boolean", True), ("null", None)]
    schema = {
        "type": "object",
        "patternProperties": {f"^p{k}_[a-z]+$": {"type": kinds[k % 4][0]} for k in range(n)},
        "additionalProperties": False,
    }
    valid = {f"p{k}_x": kinds[k % 4][1] for k in range(0, n, max(1, n // 8))}
    return schema, [{}, valid], [{"p0_x": "s"}, {"q_x": 1}]


def all_of(n: int, rng: random.Random) -> Family:
    """An intersection of n patterns: each asks for one more letter somewhere."""
    letters = "abcdefgh"[: min(8, max(2, n.bit_length()))]
    schema = {"type": "string", "allOf": [{"pattern": c} for c in letters], "maxLength": 40}
    return schema, [letters, letters[::-1] + "zz"], [letters[1:], letters + "z" * 40]


def numbers(n: int, rng: random.Random) -> Family:
    """A range with bounds of many digits."""
    low, high = rng.randrange(10 ** min(n, 15)), 10 ** min(n, 15) + rng.randrange(10 ** min(n, 15))
    return {"type": "integer", "minimum": low, "maximum": high}, [low, high, (low + high) // 2], [low - 1, high + 1]


def multiples(n: int, rng: random.Random) -> Family:
    """Multiples of a number."""
    step = n + 3
    return {"type": "integer", "multipleOf": step}, [0, step * 17, -step], [step * 17 + 1, 1]


def counted(n: int, rng: random.Random) -> Family:
    """An array of n items or fewer of which two or three are strings."""
    schema = {
        "type": "array",
        "items": {"type": ["string", "integer"]},
        "contains": {"type": "string"},
        "minContains": 2,
        "maxContains": 3,
        "maxItems": n,
    }
    return schema, [["a", 1, "b"], ["a", "b", "c", 1]], [[1, "a"], ["a", "b", "c", "d"]]


def unique(n: int, rng: random.Random) -> Family:
    """Unique members of an enumeration of n."""
    words = [f"w{k}" for k in range(n)]
    schema = {"type": "array", "items": {"enum": words}, "uniqueItems": True}
    return schema, [[], words[:4], words], [[words[0], words[0]], [*words, words[0]]]


def dependent(n: int, rng: random.Random) -> Family:
    """n properties, each of which asks for the next one."""
    names = [f"d{k}" for k in range(n)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "dependentRequired": {a: [b] for a, b in pairwise(names)},
        "additionalProperties": False,
    }
    return schema, [{}, {names[-1]: 1}, dict.fromkeys(names[-3:], 1)], [{names[0]: 1}, {names[-2]: 1}]


FAMILIES = (
    deep_objects, recursion, optional_properties, wide_enum, any_of_objects, one_of_ranges, max_items, max_length,
    pattern_repeats, pattern_properties, all_of, numbers, multiples, counted, unique, dependent,
)  # fmt: skip
