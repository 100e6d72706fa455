"""The official suite and a sample of MaskBench: right or refused by name, and no fewer right than before.

`RIGHT` is a ratchet: how many groups of the official suite are right on all their tests. Raise it when it grows.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import referencing
from referencing.jsonschema import DRAFT202012

from constrain.errors import LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.schema import compile_schema
from tests.schema.acceptor import Acceptor

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DRAFTS = {"draft4": "4", "draft6": "6", "draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}
RIGHT = {"draft4": 153, "draft6": 219, "draft7": 243, "draft2019-09": 267, "draft2020-12": 265}
ASIDE = {
    # `draft` overrules the custom metaschema of this group; without it, the unknown dialect is refused by name.
    "schema that uses custom metaschema with with no validation vocabulary",
    # The suite registers this document without the draft it is written in, so its anchor can't be told.
    "Location-independent identifier in remote ref",
}


@lru_cache(maxsize=1)
def official() -> tuple[dict[str, Any], referencing.Registry[Any]]:
    archive = DATA / "json_schema_test_suite.tar.xz"
    if not archive.exists():
        pytest.skip("the official suite is not beside this checkout")
    files, registry = {}, referencing.Registry[Any]()
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member) if member.name.endswith(".json") else None
            if content is None:
                continue
            files[member.name] = json.load(content)
            if "remotes/" in member.name:
                resource = referencing.Resource.from_contents(files[member.name], default_specification=DRAFT202012)
                registry = registry.with_resource("http://localhost:1234/" + member.name.split("remotes/")[1], resource)
    return files, registry


def groups(draft: str) -> Iterator[dict[str, Any]]:
    for name, content in sorted(official()[0].items()):
        if f"tests/{draft}/" in name and "/optional/" not in name:
            yield from content


@pytest.mark.parametrize("draft", DRAFTS)
def test_official_suite(draft: str) -> None:
    registry = official()[1]
    right, wrong = 0, []
    for group in groups(draft):
        if group["description"] in ASIDE:
            continue
        try:
            acceptor = Acceptor(
                compile_schema(
                    group["schema"], property_order="any", numbers="any", formats="annotate", draft=DRAFTS[draft],
                    registry=registry,
                )
            )  # fmt: skip
        except UnsupportedFeature:
            continue
        except Unsatisfiable:
            acceptor = None
        answers = [
            acceptor is not None and acceptor.accepts(json.dumps(test["data"], ensure_ascii=False)) is True
            for test in group["tests"]
        ]
        if answers == [test["valid"] for test in group["tests"]]:
            right += 1
        else:
            wrong.append(group["description"])
    assert not wrong
    assert right >= RIGHT[draft]


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
    assert refused <= 0.08 * seen
