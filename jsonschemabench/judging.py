"""Differences between engines and suites, put before two validators: `jsonschema` and `jsonschema-rs`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jsonschemabench.limits import Limits
from jsonschemabench.plan import Plan, Results
from jsonschemabench.runner import Row, Worker, WorkerDied, append_row, read_rows
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import Tokenizer

LONGEST = 2400  # characters of a schema or an instance that are kept for the report
LIMITS = Limits(compile_s=20, walk_s=20)


def judge_differences(plan: Plan, suites: dict[str, list[Case]], results: Results, tokenizer: Tokenizer) -> None:
    """Write judged.jsonl: every instance on which some engine differs from the suite's label."""
    worker: Worker | None = None
    with results.judged_path.open("w", encoding="utf-8") as out:
        try:
            for name, cases in suites.items():
                rows = {engine: read_rows(results.rows_path(name, engine)) for engine in plan.engines}
                for case in cases:
                    said = {engine: rows[engine][case.name] for engine in plan.engines if case.name in rows[engine]}
                    places = differing(said)
                    if not places:
                        continue
                    if case.kind == "json" and worker is None:
                        worker = Worker("none", "bytes", LIMITS, None)
                    texts = [case.instances[place].json(tokenizer) for place in places]
                    try:
                        verdicts = _ask(worker, case, texts) if case.kind == "json" and worker else [None] * len(texts)
                    except WorkerDied:
                        worker, verdicts = None, [None] * len(texts)
                    for place, text, verdict in zip(places, texts, verdicts, strict=True):
                        append_row(out, _judged(name, case, place, text, verdict, said))
        finally:
            if worker is not None:
                worker.close()


def _ask(worker: Worker, case: Case, texts: list[str]) -> list[Any]:
    answer = worker.judge(case.schema, texts, both=True, resources=case.resources)
    return [list(pair) for pair in zip(answer["verdicts"], answer["others"], strict=True)]


def differing(said: dict[str, Row]) -> list[int]:
    """Places of the instances on which some engine that walked them differs from the label. `none` is not asked."""
    places = set()
    for engine, row in said.items():
        if engine == "none" or "ends" not in row:
            continue
        for place, (valid, end) in enumerate(zip(row["valid"], row["ends"], strict=False)):
            if end[0] != "error" and (end[0] == "accepted") != valid:
                places.add(place)
    return sorted(places)


def _judged(suite: str, case: Case, place: int, text: str, verdict: Any, said: dict[str, Row]) -> Row:
    outcomes = {
        engine: row["ends"][place][0] if "ends" in row else ("refused" if "refused" in row else row.get("failed", ""))
        for engine, row in said.items()
        if engine != "none"
    }
    first, second = verdict if verdict is not None else ([None, None], [None, None])
    label = case.instances[place].valid
    return {
        "suite": suite,
        "name": case.name,
        "split": case.split,
        "place": place,
        "label": label,
        "jsonschema": first,
        "jsonschema_rs": second,
        "decision": decide(label, first, second),
        "engines": outcomes,
        "schema": shorten(case.schema),
        "instance": shorten(text),
    }


def decide(label: bool, first: Sequence[bool | None], second: Sequence[bool | None]) -> str:
    """What becomes of a label that an engine contradicts. first, second: verdicts [without formats, with them].

    "label": it stands. "set aside": every validator that can tell contradicts it, with and without format checks.
    "format": valid, but not by its formats: an engine may assert them or not. "validators differ": listed, it stands.
    """
    verdicts = [verdict for verdict in (*first, *second) if verdict is not None]
    if verdicts and all(verdict != label for verdict in verdicts):
        return "set aside"
    known = [pair for pair in (first, second) if None not in pair]
    if label and known and all(pair[0] is True for pair in known) and any(pair[1] is False for pair in known):
        return "format"
    if len(known) == 2 and list(first) != list(second):
        return "validators differ"
    return "label"


def shorten(text: str) -> str:
    """A long text cut in the middle, with a mark that says so."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"


def set_aside(judged: Sequence[Row]) -> dict[tuple[str, str], set[int]]:
    """Places of the instances that count for nobody, by (suite, case)."""
    found: dict[tuple[str, str], set[int]] = {}
    for row in judged:
        if row["decision"] in ("set aside", "format"):
            found.setdefault((row["suite"], row["name"]), set()).add(row["place"])
    return found


def schema_keywords(text: str) -> set[str]:
    """Keywords of a schema that constrain something, wherever they stand."""
    found: set[str] = set()
    waiting = [json.loads(text)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name in KEYWORDS:
                    found.add(name)
                if name in ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"):
                    waiting += list(inner.values()) if isinstance(inner, dict) else []
                elif name not in ("enum", "const", "default", "examples", "required"):
                    waiting.append(inner)
    return found


_NAMES = """
$ref $dynamicRef $recursiveRef additionalItems additionalProperties allOf anyOf const contains dependencies
dependentRequired dependentSchemas enum exclusiveMaximum exclusiveMinimum format if items maxContains maxItems
maxLength maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not oneOf pattern
patternProperties prefixItems properties propertyNames required type unevaluatedItems unevaluatedProperties
uniqueItems
"""
KEYWORDS = frozenset(_NAMES.split())
