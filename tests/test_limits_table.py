"""docs/limits.md says what the code does: its rows are the limits, its defaults theirs, its tests exist."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

import constrain
from constrain.errors import InvalidVocabulary, LimitExceeded, UnsupportedFeature
from constrain.grammar.ir import Grammar, Items, Literal
from constrain.grammar.prune import prune
from constrain.limits import Limits

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| `([^`]+)` \|$", re.MULTILINE)
ROWS: list[tuple[str, str, str]] = ROW.findall((ROOT / "docs" / "limits.md").read_text("utf-8"))
FIELDS = {field.name: field.default for field in dataclasses.fields(Limits)}


def number(text: str) -> int:
    """`20_000` or `64 MiB`."""
    digits, _, unit = text.partition(" ")
    return int(digits) * {"": 1, "MiB": 1 << 20}[unit]


def constant(path: str) -> Any:
    """The value of `module.NAME`, or the default of a parameter, `module.Class.method(parameter)`."""
    path, _, parameter = path.rstrip(")").partition("(")
    names = path.split(".")
    cut = next(i for i, name in enumerate(names) if not name.islower())
    found: Any = importlib.import_module(".".join(["constrain", *names[:cut]]))
    for name in names[cut:]:
        found = getattr(found, name)
    return inspect.signature(found).parameters[parameter].default if parameter else found


def test_the_table_has_every_field_once() -> None:
    named = [name for name, _, _ in ROWS if name.isidentifier()]
    assert sorted(named) == sorted(FIELDS)
    assert len(ROWS) == (ROOT / "docs" / "limits.md").read_text("utf-8").count("\n| `"), (
        "a row is not read by this test"
    )


@pytest.mark.parametrize(("name", "default", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row(name: str, default: str, test: str) -> None:
    assert number(default) == (FIELDS[name] if name in FIELDS else constant(name))
    file, _, function = test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_grammar_nodes() -> None:
    schema = {"properties": {f"p{i}": {"type": "string", "maxLength": i} for i in range(50)}}
    with pytest.raises(LimitExceeded) as caught:
        constrain.json(schema, limits=Limits(grammar_nodes=20))
    assert caught.value.keyword == "grammar_nodes"
    constrain.json(schema)


def test_overlapping_key_patterns() -> None:
    def overlapping(n: int) -> dict[str, Any]:
        return {"type": "object", "patternProperties": {chr(97 + i): {"maxLength": i} for i in range(n)}}

    with pytest.raises(LimitExceeded) as caught:
        constrain.json(overlapping(9))
    assert caught.value.keyword == "alternatives"
    assert constrain.json(overlapping(3)).matches('{"abc": "", "a": 1}')


def tagged(depth: int, value: int) -> dict[str, Any]:
    """Objects told apart by a value so many required members deep, whose negation can't be enforced."""
    schema: dict[str, Any] = {"const": value}
    for _ in range(depth):
        schema = {
            "type": "object", "required": ["a"], "properties": {"a": schema},
            "additionalProperties": {"format": "date-time"},
        }  # fmt: skip
    return schema


def test_proofs_look_only_so_deep() -> None:
    assert constrain.json({"oneOf": [tagged(6, 1), tagged(6, 2)]}).matches('{"a":' * 6 + "2" + "}" * 6)
    with pytest.raises(UnsupportedFeature) as caught:
        constrain.json({"oneOf": [tagged(7, 1), tagged(7, 2)]})
    assert caught.value.keyword == "oneOf"


def test_proofs_look_only_so_far() -> None:
    def chosen(options: int, value: int) -> dict[str, Any]:
        """As many ways to be valid as there are options, squared; only the value of `a` tells the branches apart."""
        unions: list[Any] = [{"anyOf": [{"required": [f"{part}{i}"]} for i in range(options)]} for part in "xy"]
        unions.append({"anyOf": [{"properties": {"a": {"const": value + k}}} for k in (0, 10)]})
        return {**tagged(1, 0), "properties": {"a": {"type": "integer"}}, "allOf": unions}

    constrain.json({"oneOf": [chosen(2, 1), chosen(2, 2)]})
    with pytest.raises(UnsupportedFeature) as caught:
        constrain.json({"oneOf": [chosen(12, 1), chosen(12, 2)]})
    assert caught.value.keyword == "oneOf"


def test_demands_on_members() -> None:
    def demanding(n: int) -> dict[str, Any]:
        return {"type": "object", "allOf": [{"not": {"patternProperties": {f"^{i}": {"const": i}}}} for i in range(n)]}

    c = constrain.json(demanding(8))
    assert c.matches(json.dumps({str(i): None for i in range(8)}))
    assert not c.matches(json.dumps({str(i): None for i in range(7)}))
    with pytest.raises(LimitExceeded) as caught:
        constrain.json(demanding(9))
    assert caught.value.keyword == "MOST_DEMANDS"


def test_kinds_of_items() -> None:
    def counted(n: int) -> dict[str, Any]:
        return {"type": "array", "allOf": [{"contains": {"const": i}} for i in range(n)]}

    c = constrain.json(counted(6))
    assert c.matches("[5,4,3,2,1,0]") and not c.matches("[5,4,3,2,1,1]")
    with pytest.raises(LimitExceeded) as caught:
        constrain.json(counted(7))
    assert caught.value.keyword == "MOST_KINDS"


def test_items_whose_number_has_gaps() -> None:
    """One item or three: where a number of items is asked for, it is counted in the states."""

    def one_or_three(lo: int) -> Grammar:
        grammar = Grammar("compact")
        one = grammar.add(Literal(b"1"))
        steps = (((one, 3), (one, 1)), ((one, 2),), ((one, 3),), ())
        grammar.start = grammar.add(Items(steps, (False, False, False, True), lo))
        return grammar

    c = constrain.Constraint(prune(one_or_three(2)))
    assert [n for n in range(6) if c.matches("[" + ",".join("1" * n) + "]")] == [3]
    with pytest.raises(LimitExceeded) as caught:
        prune(one_or_three(10_000))
    assert caught.value.keyword == "MOST_STATES"


def test_distinct_items() -> None:
    def pairs(n: int) -> dict[str, Any]:
        places = [{"enum": [f"{name}{i}" for i in range(n)]} for name in "ab"]
        return {"type": "array", "prefixItems": places, "items": False, "uniqueItems": True}

    constrain.json(pairs(16))
    with pytest.raises(UnsupportedFeature):
        constrain.json(pairs(17))
    words = [{"type": "string", "pattern": pattern} for pattern in ("^[a-z]{3}$", "^[A-Z]{3}$")]
    few = [{"type": "string", "pattern": "^[a-z]{2}$"}, words[1]]
    constrain.json({"type": "array", "items": {"anyOf": few}, "uniqueItems": True})
    with pytest.raises(UnsupportedFeature):
        constrain.json({"type": "array", "items": {"anyOf": words}, "uniqueItems": True})

    def members(n: int) -> dict[str, Any]:
        declared = {"properties": {f"m{i}": {} for i in range(n)}, "additionalProperties": False, "type": "object"}
        return {"type": "array", "items": declared, "uniqueItems": True}

    constrain.json(members(100))
    with pytest.raises(UnsupportedFeature):
        constrain.json(members(101))


def test_exponents_of_any() -> None:
    c = constrain.json({"type": "integer"}, numbers="any")
    assert c.matches("1" + "0" * 25 + "e-20") and not c.matches("1" + "0" * 25 + "e-21")
    assert c.matches("1." + "1" * 20 + "e20") and not c.matches("1." + "1" * 21 + "e21")


def test_runs_of_whitespace() -> None:
    c = constrain.json({"type": "array", "items": {"type": "null"}})
    assert c.matches("[" + " " * 64 + "]") and not c.matches("[" + " " * 65 + "]")
    assert c.matches("[null" + "\n" * 64 + ",\t" + " " * 63 + "null]")


def test_bytes_of_a_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constrain.vocabulary.vocabulary.MAX_BYTES", 10)
    constrain.Vocabulary.from_tokens([b"12345", b"67890", b""], eos=2)
    with pytest.raises(InvalidVocabulary):
        constrain.Vocabulary.from_tokens([b"12345", b"67890!", b""], eos=2)


REACHED: dict[str, tuple[Any, Limits]] = {
    "regex, its length": (lambda **k: constrain.regex("rx1" * 9, **k), Limits(regex_length=20)),
    "regex, its groups": (lambda **k: constrain.regex("(((rx2)))", **k), Limits(regex_depth=2)),
    "regex, its assertions": (lambda **k: constrain.regex(r"[r-]{30}\bx{30}", **k), Limits(dfa_states=20)),
    "regex, its automaton": (lambda **k: constrain.regex("(rx3|s){9}", **k), Limits(dfa_states=9)),
    "choice": (lambda **k: constrain.choice([f"choice {i}" for i in range(99)], **k), Limits(dfa_work=99)),
    "pattern": (lambda **k: constrain.json({"pattern": "(((p1)))"}, **k), Limits(regex_depth=2)),
    "bounds": (lambda **k: constrain.json({"type": "number", "minimum": -98765.43}, **k), Limits(dfa_states=9)),
    "integers": (lambda **k: constrain.json({"type": "integer"}, numbers="any", **k), Limits(dfa_states=9)),
    "listed numbers": (lambda **k: constrain.json({"enum": [1, 2.5]}, numbers="any", **k), Limits(dfa_states=9)),
    "multiples": (lambda **k: constrain.json({"multipleOf": 0.97}, **k), Limits(dfa_states=9)),
    "whole multiples": (lambda **k: constrain.json({"type": "integer", "multipleOf": 97}, **k), Limits(dfa_states=9)),
    "negated multiples": (lambda **k: constrain.json({"not": {"multipleOf": 0.89}}, **k), Limits(dfa_states=9)),
    "free keys": (
        lambda **k: constrain.json(
            {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {"^(?:k1|b){9}$": {"type": "null"}},
                "additionalProperties": False,
            },
            **k,
        ),
        Limits(dfa_states=9),
    ),
}


@pytest.mark.parametrize("what", REACHED)
def test_limits_reach_every_automaton(what: str) -> None:
    make, limits = REACHED[what]
    with pytest.raises(LimitExceeded) as caught:
        make(limits=limits)
    assert caught.value.keyword in FIELDS
    make()  # within the defaults; last, since automata are kept


def test_more_than_the_default() -> None:
    """A range whose automaton has more states than the default allows."""
    schema = {"type": "number", "minimum": int("123456789" * 100), "maximum": int("987654321" * 110)}
    with pytest.raises(LimitExceeded):
        constrain.json(schema, numbers="any")
    constrain.json(schema, numbers="any", limits=Limits(dfa_states=200_000))


def test_a_choice_of_nothing() -> None:
    for options in ([], ["\ud800"]):  # a lone surrogate can't be written
        with pytest.raises(constrain.Unsatisfiable):
            constrain.choice(options)
