"""Two validators of JSON Schema written by others, `jsonschema` and `jsonschema-rs`, asked about single instances."""

from __future__ import annotations

import json
from typing import Any

Verdict = list[bool | None]  # [without format checks, with them]; None: it can't tell
DRAFTS = {
    "draft-04": "Draft4Validator",
    "draft-06": "Draft6Validator",
    "draft-07": "Draft7Validator",
    "2019-09": "Draft201909Validator",
    "2020-12": "Draft202012Validator",
}


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """`verdicts`: what `jsonschema` says of each instance; `others`: what `jsonschema-rs` says, where asked for."""
    schema = json.loads(request["schema"])
    resources = json.loads(request.get("resources") or "{}")
    answer = {"verdicts": [_jsonschema(schema, text, resources) for text in request["instances"]]}
    if request.get("both"):
        answer["others"] = _jsonschema_rs(schema, request["instances"], resources)
    return answer


def _jsonschema(schema: Any, text: str, resources: dict[str, Any]) -> Verdict:
    import jsonschema
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY  # given, so that no `$ref` is looked up on the network

    known = REGISTRY
    if resources:
        from jsonschemabench.engines.constrain import registry

        known = registry(resources).combine(REGISTRY)
    pair: Verdict = []
    for formats in (False, True):
        try:
            kind = validator_for(schema, default=jsonschema.Draft202012Validator)
            checker = kind.FORMAT_CHECKER if formats else None
            pair.append(bool(kind(schema, format_checker=checker, registry=known).is_valid(json.loads(text))))
        except Exception:
            pair.append(None)
    return pair


def _jsonschema_rs(schema: Any, texts: list[str], resources: dict[str, Any]) -> list[Verdict]:
    try:
        import jsonschema_rs
    except ImportError:
        return [[None, None] for _ in texts]
    name = next((name for uri, name in DRAFTS.items() if uri in _dialect(schema)), "Draft202012Validator")
    known = None
    verdicts: list[Verdict] = [[] for _ in texts]
    for formats in (False, True):
        try:
            if resources:
                known = jsonschema_rs.Registry(list(resources.items()))
            validator = getattr(jsonschema_rs, name)(schema, validate_formats=formats, registry=known)
        except Exception:
            validator = None
        for verdict, text in zip(verdicts, texts, strict=True):
            try:
                verdict.append(None if validator is None else bool(validator.is_valid(json.loads(text))))
            except Exception:
                verdict.append(None)
    return verdicts


def _dialect(schema: Any) -> str:
    found = schema.get("$schema", "") if isinstance(schema, dict) else ""
    return found if isinstance(found, str) else ""
