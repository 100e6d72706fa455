"""Schemas that multiply: the time to compile each of them and to make the masks of its instances, engine by engine.

    python scripts/hard_schemas.py              # measures, and writes docs/benchmarks/hard.md and hard.json
    python scripts/hard_schemas.py --print      # the schemas alone, as a suite for the benchmark: JSON lines

Other options are those of `python -m jsonschemabench each`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout, where it is not installed


def nested(keyword: str, depth: int) -> dict[str, Any]:
    """Unions of `keyword` inside of each other, several of which have to hold at once."""
    schema: dict[str, Any] = {"type": "integer"}
    for level in range(depth):
        name = f"m{level}"
        wanted = [name, "kind"]
        options = [
            {"properties": {name: schema, "kind": {"const": level}}, "required": wanted},
            {"properties": {name: {"type": "string"}, "kind": {"enum": ["text", level + 100]}}, "required": wanted},
        ]
        schema = {"type": "object", "allOf": [{keyword: options}, {keyword: list(reversed(options))}]}
    return schema


def chained(n: int) -> dict[str, Any]:
    """Each name demands the next one."""
    names = [f"n{i}" for i in range(n + 1)]
    return {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "dependentRequired": {a: [b] for a, b in pairwise(names)},
        "additionalProperties": False,
    }


def cases() -> list[dict[str, Any]]:
    """Names, schemas and instances as the benchmark reads them."""
    inner: Any = 1
    for level in range(6):
        inner = {f"m{level}": inner, "kind": level}
    items = [f"item {i}" for i in range(1000)]
    found = [
        ("oneOf under allOf", nested("oneOf", 6), [inner], [{**inner, "kind": 99}]),
        ("anyOf under allOf", nested("anyOf", 6), [inner], [{**inner, "kind": 99}]),
        ("12 dependentRequired", chained(12), [{f"n{i}": i for i in range(13)}, {"n12": 1}], [{"n0": 1}]),
        (
            "uniqueItems of 1000", {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            [items], [[*items, "item 500"]],
        ),
        (
            "contains with bounds",
            {"type": "array", "contains": {"type": "integer"}, "minContains": 100, "maxContains": 200},
            [[*range(150), "x"]], [[*range(99), "x"]],
        ),
        (
            "not patternProperties",
            {"type": "object", "allOf": [{"not": {"patternProperties": {f"^{x}": False}}} for x in "abcdef"]},
            [dict.fromkeys("abcdef", 1)], [dict.fromkeys("abcde", 1)],
        ),
    ]  # fmt: skip
    return [
        {
            "name": name, "split": "hard", "schema": schema,
            "tests": [
                *({"valid": True, "data": instance} for instance in good),
                *({"valid": False, "data": instance} for instance in bad),
            ],
        }
        for name, schema, good, bad in found
    ]  # fmt: skip


def main(given: list[str]) -> int:
    """Print the suite, or measure it."""
    lines = "".join(json.dumps(case) + "\n" for case in cases())
    if "--print" in given:
        print(lines, end="")
        return 0
    from jsonschemabench.__main__ import committed

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hard.jsonl"
        path.write_text(lines, "utf-8")
        return committed(["each", "--data", str(path), *given])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
