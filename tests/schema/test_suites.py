"""The official suite and a sample of MaskBench: right or refused by name, and nothing worse than what is recorded."""

from __future__ import annotations

import json
import lzma

import pytest

from constrain.errors import LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.schema import compile_schema
from tests.schema import conformance
from tests.schema.acceptor import Acceptor

DATA = conformance.SUITE.parent
UPDATE = "python -m tests.schema.conformance --update"


def test_the_official_suite() -> None:
    """Every group has the outcome that conformance.json holds; improvements have to be recorded, too."""
    if not conformance.SUITE.exists():
        pytest.skip("the official suite is not beside this checkout")
    known = conformance.recorded()
    groups = list(conformance.groups())
    right, optional = 0, 0
    assert sum(len(file) for files in known.values() for file in files.values()) == len(groups)
    changed = []
    for group in groups:
        got, before = conformance.outcome(group), conformance.kept(group, known)
        assert got.startswith("refused") or got.count("-") == conformance.by_choice(group, got), group
        if not group.required:
            optional += len(group.content["tests"])
            right += 0 if got.startswith("refused") else got.count("+")
        if got != before:
            changed.append(f"{group.draft}/{group.file} {group.place}: {before} -> {got}")
    assert right >= 0.95 * optional
    assert not changed, f"other outcomes than recorded; if they are better: {UPDATE}"


def test_what_is_recorded() -> None:
    """Required tests: at most 1 % of the groups refused. Wrong is only what json-schema.md says is meant otherwise."""
    for draft, files in conformance.recorded().items():
        required = [o for file, groups in files.items() if "optional/" not in file for o in groups.values()]
        assert sum(o.startswith("refused") for o in required) <= 0.01 * len(required), draft
        wrong = {f for f, groups in files.items() for o in groups.values() if set(o) <= {"+", "-"} and "-" in o}
        assert wrong <= conformance.CHOICES.keys(), draft


def test_maskbench_sample() -> None:
    """Every 40th schema: no instance judged wrongly; property order and number spelling apart, which are defaults."""
    archive = DATA / "maskbench.jsonl.xz"
    if not archive.exists():
        pytest.skip("MaskBench is not beside this checkout")
    refused, seen, wrong = 0, 0, []
    with lzma.open(archive, "rt") as lines:
        for i, line in enumerate(lines):
            if i % 40:
                continue
            row = json.loads(line)
            seen += 1
            try:
                acceptor = Acceptor(compile_schema(json.dumps(row["schema"]), property_order="any", numbers="any"))
            except (UnsupportedFeature, LimitExceeded, Unsatisfiable) as error:
                refused += not isinstance(error, Unsatisfiable)
                continue
            for test in row["tests"]:
                if acceptor.accepts(json.dumps(test["data"], ensure_ascii=False)) != test["valid"]:
                    wrong.append(row["name"])
    assert not wrong
    assert refused <= 0.01 * seen
