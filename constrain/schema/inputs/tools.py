"""Tools and response formats, as OpenAI's API and those after it write them: a call is an object of name and arguments.

Read are `{"type": "function", "function": {"name", "parameters"}}`, the same without the inner object, lists of these,
lists of `{"name", "parameters" | "input_schema" | "inputSchema"}`, and `response_format` with `json_schema` or
`json_object`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from constrain.errors import InvalidSchema, UnsupportedFeature
from constrain.schema.inputs import Input, is_type

PARAMETERS = ("parameters", "input_schema", "inputSchema")
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}  # what no parameters mean


def read(given: Any, options: dict[str, Any]) -> Input:
    """The schema of a response format, or of a call of one of the tools.

    Options: those of `constrain.json`; arguments: the member of a call that holds the arguments; parallel: a list of
    calls, at least one, instead of a call.
    """
    if isinstance(given, dict) and given["type"] != "function":
        return Input(_format(given), options=options)
    options = dict(options)
    arguments, parallel = options.pop("arguments", "arguments"), options.pop("parallel", False)
    if not isinstance(arguments, str) or arguments == "name":
        raise ValueError(f"arguments must be the name of a member, not {arguments!r}")
    tools = given if isinstance(given, (list, tuple)) else [given]
    if not tools:
        raise InvalidSchema("a list of no tools", pointer="")
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    registry: Any = options.get("registry") or Registry()
    calls: list[Any] = []
    names: set[str] = set()
    adapters: dict[str, Any] = {}
    for i, tool in enumerate(tools):
        place = f"/{i}" if tools is given else ""
        name, parameters = _function(tool, place)
        if not isinstance(parameters, dict):
            from constrain.schema.inputs.python import schema_of

            adapters[name], parameters = schema_of(parameters, closed=True)
            options = {"unknown_formats": "refuse", **options}
        if name in names:
            raise InvalidSchema(f"two tools are called {name!r}", pointer=place, keyword="name")
        names.add(name)
        uri = "tool:" + quote(name, safe="")
        registry = registry.with_resource(uri, Resource.from_contents(parameters, default_specification=DRAFT202012))
        properties = {"name": {"const": name}, arguments: {"$ref": uri}}
        calls.append(
            {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        )
    document: Any = calls[0] if len(calls) == 1 else {"anyOf": calls}
    if parallel:
        document = {"type": "array", "items": document, "minItems": 1}
    decode = _decoder(adapters, arguments) if adapters else None
    return Input(document, options=options | {"registry": registry}, decode=decode)


def _decoder(adapters: dict[str, Any], arguments: str) -> Callable[[str], Any]:
    """Calls, with arguments of the types that the tools named."""
    from constrain.schema.inputs.python import validated

    def decode(text: str) -> Any:
        value = json.loads(text)
        for call in value if isinstance(value, list) else [value]:
            if call["name"] in adapters:
                call[arguments] = validated(adapters[call["name"]], json.dumps(call[arguments]))
        return value

    return decode


def _function(tool: Any, place: str) -> tuple[str, Any]:
    """Name and parameters of a tool."""
    if not isinstance(tool, dict):
        raise InvalidSchema("a list stands for tools, and each is an object", pointer=place)
    kind = tool.get("type", "function")
    if kind != "function":
        hint = "Only tools of the type 'function' have parameters"
        raise UnsupportedFeature(f"the tool type {kind!r} is not known", pointer=place, keyword="type", hint=hint)
    inner = tool.get("function", tool)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise InvalidSchema("a tool needs a `name`", pointer=place, keyword="name")
    parameters = next((inner[k] for k in PARAMETERS if inner.get(k) is not None), NOTHING)
    if not isinstance(parameters, dict) and not is_type(parameters):
        raise InvalidSchema("the parameters of a tool are a schema, an object", pointer=place, keyword="parameters")
    return inner["name"], parameters


def _format(given: dict[str, Any]) -> Any:
    """The schema of a `response_format`."""
    if given["type"] == "json_object":
        return {"type": "object"}
    held = given.get("json_schema", given)
    if not isinstance(held, dict) or not isinstance(held.get("schema"), (dict, bool)):
        raise InvalidSchema("a response format of the type `json_schema` needs a `schema`", pointer="")
    return held["schema"]
