"""Tools and response formats of OpenAI's API as constraints."""

from __future__ import annotations

import json
from typing import Any

import pytest

import constrain
from constrain.errors import InvalidSchema, UnsupportedFeature

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather at a place",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"place": {"$ref": "#/$defs/place"}, "unit": {"enum": ["C", "F"]}},
            "required": ["place"],
            "additionalProperties": False,
            "$defs": {"place": {"type": "string", "minLength": 2}},
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
SUM = {"type": "function", "name": "sum", "parameters": {"$ref": "#/$defs/l", "$defs": {"l": {"type": "object"}}}}


def call(name: str, arguments: Any, key: str = "arguments") -> str:
    return json.dumps({"name": name, key: arguments})


def test_one_tool() -> None:
    c = constrain.json(WEATHER)
    assert c.parse(call("get_weather", {"place": "Rome"})) == {"name": "get_weather", "arguments": {"place": "Rome"}}
    for wrong in (call("get_weather", {"place": "R"}), call("get_weather", {}), call("clock", {}), '{"place": "Rome"}'):
        assert not c.matches(wrong), wrong


@pytest.mark.parametrize("tools", [[WEATHER, CLOCK, SUM], json.dumps([WEATHER, CLOCK, SUM])])
def test_several_tools(tools: Any) -> None:
    c = constrain.json(tools)
    assert c.matches(call("get_weather", {"place": "Rome", "unit": "C"}))
    assert c.matches(call("clock", {})) and not c.matches(call("clock", {"a": 1}))
    assert c.matches(call("sum", {"a": 1})) and not c.matches(call("sum", {"place": 1} and 3))
    assert not c.matches(call("other", {}))
    assert not c.matches("[" + call("clock", {}) + "]")


def test_options() -> None:
    c = constrain.json([WEATHER, CLOCK], arguments="parameters", parallel=True, whitespace="compact")
    one = call("clock", {}, "parameters").replace(" ", "")
    assert c.matches(f"[{one}]") and c.matches(f"[{one},{one}]") and not c.matches("[]") and not c.matches(one)


def test_parameters_that_are_types() -> None:
    pydantic = pytest.importorskip("pydantic")
    place = pydantic.create_model("Place", city=(str, pydantic.Field(min_length=2)), zoom=(int, 1))
    tools = [{"type": "function", "function": {"name": "go", "parameters": place}}, CLOCK]
    c = constrain.json(tools, parallel=True)
    text = "[" + call("go", {"city": "Rome"}) + "," + call("clock", {}) + "]"
    assert c.parse(text) == [{"name": "go", "arguments": place(city="Rome")}, {"name": "clock", "arguments": {}}]
    assert not c.matches("[" + call("go", {"city": "R"}) + "]")
    assert not c.matches("[" + call("go", {"city": "Rome", "more": 1}) + "]")


@pytest.mark.parametrize("key", ["parameters", "input_schema", "inputSchema"])
def test_lists_of_other_makers(key: str) -> None:
    c = constrain.json([{"name": "f", key: {"type": "object", "required": ["a"]}}])
    assert c.matches(call("f", {"a": 1})) and not c.matches(call("f", {}))


def test_response_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    inner = {"name": "thing", "strict": True, "schema": schema}
    for given in ({"type": "json_schema", "json_schema": inner}, {"type": "json_schema", **inner}):
        assert constrain.json(given).parse('{"a": 1}') == {"a": 1}
        assert not constrain.json(given).matches("{}")
    c = constrain.json({"type": "json_object"})
    assert c.matches("{}") and not c.matches("1")


@pytest.mark.parametrize(
    ("given", "error", "pointer"),
    [
        ([], InvalidSchema, ""),
        ([1], InvalidSchema, "/0"),
        ([{"type": "function", "function": {}}], InvalidSchema, "/0"),
        ([CLOCK, CLOCK], InvalidSchema, "/1"),
        ([CLOCK, {"type": "web_search"}], UnsupportedFeature, "/1"),
        ([{"name": "f", "parameters": 3}], InvalidSchema, "/0"),
        ({"type": "json_schema"}, InvalidSchema, ""),
        ([{"name": "a b", "parameters": {"properties": {"x": {"pattern": r"(a)\1"}}}}], UnsupportedFeature,
         "tool:a%20b#/properties/x/pattern"),
    ],
)  # fmt: skip
def test_errors(given: Any, error: type[constrain.ConstraintError], pointer: str) -> None:
    with pytest.raises(error) as caught:
        constrain.json(given)
    assert caught.value.pointer == pointer
