"""Function calls of the Berkeley Function Calling Leaderboard: schemas for calls, with right and wrong ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from jsonschemabench.suites.base import Case, Instance, dump
from jsonschemabench.suites.data import Data, read_lines
from jsonschemabench.suites.suite import Suite

HOME = "https://raw.githubusercontent.com/ShishirPatil/gorilla/main/berkeley-function-call-leaderboard/bfcl_eval/data/"
TYPES = {"dict": "object", "float": "number", "tuple": "array", "list": "array"}
KEPT = ("enum", "required", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "pattern", "format")


class FunctionCalls(Suite):
    """`{"name": …, "arguments": {…}}` for one function; any of several; a list of calls for parallel ones.

    Valid: the ground truth, with the first of the values that it allows. Invalid: the same call with an argument
    missing, of another type, or for another function. Labels are those of the `jsonschema` validator.
    """

    name = "bfcl"
    about = "function calls of BFCL: simple, multiple, parallel, live"
    home = HOME
    licence = "Apache-2.0"
    parts: ClassVar[dict[str, str]] = {
        "bfcl_simple_python": "BFCL_v4_simple_python.json",
        "bfcl_multiple": "BFCL_v4_multiple.json",
        "bfcl_parallel": "BFCL_v4_parallel.json",
        "bfcl_live_simple": "BFCL_v4_live_simple.json",
    }

    def cases(self, data: Data) -> list[Case]:
        cases = []
        for part, public in self.parts.items():
            questions = read_lines(data.find(f"{part}.jsonl", HOME + public))
            answers = read_lines(data.find(f"{part}_answers.jsonl", HOME + "possible_answer/" + public))
            truth = {answer["id"]: answer["ground_truth"] for answer in answers}
            for question in questions:
                cases.append(call_case(question, truth[question["id"]], part.removeprefix("bfcl_")))
        return cases


def call_case(question: dict[str, Any], truth: list[dict[str, Any]], split: str) -> Case:
    """The case of one question."""
    functions, several = question["function"], split == "parallel"
    schema = call_schema(functions, several)
    calls = [first_call(answer, functions) for answer in truth]
    right: Any = calls if several else calls[0]
    wrong = [[*calls[:-1], call] if several else call for call in spoiled(calls[-1])]
    labelled = [(value, valid(schema, value)) for value in [right, *wrong]]
    instances = tuple(Instance(verdict, dump(value)) for value, verdict in labelled)
    return Case(question["id"], split, json.dumps(schema), instances)


def call_schema(functions: list[dict[str, Any]], several: bool) -> dict[str, Any]:
    """A JSON Schema for a call of one of the functions, or for a list of such calls."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": function["name"]}, "arguments": parameters(function["parameters"])},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for function in functions
    ]
    one = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {"type": "array", "items": one, "minItems": 1} if several else one


def parameters(given: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of BFCL's description of a value: its own names of types, no prose, no defaults."""
    kind = given.get("type")
    made: dict[str, Any] = {} if kind in (None, "any") else {"type": TYPES.get(kind, kind)}
    made |= {key: given[key] for key in KEPT if key in given}
    if "properties" in given:
        made["properties"] = {name: parameters(value) for name, value in given["properties"].items()}
        made["additionalProperties"] = False
    if isinstance(given.get("items"), dict) and made.get("type") == "array":
        made["items"] = parameters(given["items"])
    return made


def first_call(answer: dict[str, Any], functions: list[dict[str, Any]]) -> dict[str, Any]:
    """The call that a ground truth describes, each argument with the first value allowed, in the schema's order."""
    ((name, allowed),) = answer.items()
    described: dict[str, Any] = next(
        (f["parameters"].get("properties", {}) for f in functions if f["name"] == name), {}
    )
    order = [*(key for key in described if key in allowed), *(key for key in allowed if key not in described)]
    given = {key: first_value(allowed[key]) for key in order if allowed[key] and allowed[key][0] != ""}
    return {"name": name, "arguments": given}


def first_value(allowed: list[Any]) -> Any:
    """The first of the allowed values; inside objects each value is again a list of allowed ones."""
    found = allowed[0]
    if isinstance(found, dict):
        return {key: first_value(value) if isinstance(value, list) and value else value for key, value in found.items()}
    if isinstance(found, list):
        return [first_value([x]) if isinstance(x, dict) else x for x in found]
    return found


def spoiled(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Calls that should be refused: another function, an argument too few, one of another type."""
    yield {**call, "name": call["name"] + "_"}
    given = call["arguments"]
    if given:
        last = list(given)[-1]
        yield {**call, "arguments": {key: value for key, value in given.items() if key != next(iter(given))}}
        yield {**call, "arguments": {**given, last: {"unexpected": True} if isinstance(given[last], str) else "x y"}}


def valid(schema: dict[str, Any], value: Any) -> bool:
    """The verdict of `jsonschema`, format checks included."""
    import jsonschema

    kind = jsonschema.Draft202012Validator
    return bool(kind(schema, format_checker=kind.FORMAT_CHECKER).is_valid(value))
