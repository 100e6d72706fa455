"""Schemas of the field: MaskBench, the ten splits of JSONSchemaBench, the official JSON Schema Test Suite."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

from jsonschemabench.suites.base import Case, Instance, dump, load
from jsonschemabench.suites.data import Data, read_archive
from jsonschemabench.suites.suite import Suite

SPLITS = (
    "Glaiveai2K", "Github_trivial", "Github_easy", "Github_medium", "Github_hard", "Github_ultra",
    "JsonSchemaStore", "Kubernetes", "Snowplow", "WashingtonPost",
)  # fmt: skip
DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
}
REMOTES = "http://localhost:1234/"


class MaskBench(Suite):
    """One file of JSON lines, or the archive of the repository with a file for each schema."""

    name = "maskbench"
    about = "real-world schemas with valid and invalid instances (MaskBench)"
    home = "https://github.com/guidance-ai/jsonschemabench/archive/refs/heads/main.tar.gz"
    licence = "MIT"

    def cases(self, data: Data) -> list[Case]:
        return _maskbench(data)


class JSONSchemaBench(Suite):
    """The schemas of the ten splits of JSONSchemaBench; those with instances have them from MaskBench."""

    name = "jsonschemabench"
    about = "the ten splits of JSONSchemaBench"
    home = MaskBench.home
    licence = "MIT"

    def cases(self, data: Data) -> list[Case]:
        return [case for case in _maskbench(data) if case.split in SPLITS]


def _maskbench(data: Data) -> list[Case]:
    path = data.find("maskbench.jsonl", MaskBench.home)
    return load(path) if _is_lines(path) else from_repository(path)


def _is_lines(path: Path) -> bool:
    return path.suffix == ".xz" or path.read_bytes()[:1] == b"{"


def from_repository(path: Path) -> list[Case]:
    """The cases in an archive of the repository: one file each in `maskbench/data`."""
    cases = []
    for member, text in read_archive(path):
        found = re.search(r"maskbench/data/([^/]+)\.json$", member)
        if found:
            row = json.loads(text)
            name = found[1]
            split = name.split("---")[0] if "---" in name else re.sub(r"_[a-z_]*\d+$", "", name)
            instances = tuple(
                Instance(bool(t["valid"]), dump(t["data"]), description=t.get("description") or "")
                for t in row["tests"]
            )
            cases.append(Case(name, split, dump(row["schema"]), instances))
    return cases


class Official(Suite):
    """Each group of tests is a case, its split the keyword; under the meaning that the specification gives."""

    home = "https://github.com/json-schema-org/JSON-Schema-Test-Suite/archive/refs/heads/main.tar.gz"
    licence = "MIT"
    draft: ClassVar[str]

    def cases(self, data: Data) -> list[Case]:
        path = data.find("json_schema_test_suite.tar.xz", self.home)
        files = list(read_archive(path))
        remotes = {
            REMOTES + found[1]: json.loads(text)
            for member, text in files
            if (found := re.search(r"(?:^|/)remotes/(.+)$", member))
        }
        cases: list[Case] = []
        for member, text in files:
            found = re.search(rf"(?:^|/)tests/{re.escape(self.draft)}/(.+)\.json$", member)
            if found:
                cases += self._groups(found[1], json.loads(text), remotes)
        return cases

    def _groups(self, keyword: str, groups: list[dict[str, Any]], remotes: dict[str, Any]) -> list[Case]:
        cases = []
        for n, group in enumerate(groups):
            schema = group["schema"]
            if isinstance(schema, dict) and "$schema" not in schema:
                schema = {"$schema": DRAFTS[self.draft], **schema}
            text = json.dumps(schema, ensure_ascii=False)
            resources = json.dumps(remotes) if REMOTES in text else ""
            instances = tuple(
                Instance(bool(t["valid"]), dump(t["data"]), description=t.get("description") or "")
                for t in group["tests"]
            )
            name = f"{self.draft}/{keyword}#{n}"
            cases.append(Case(name, keyword, text, instances, specification=True, resources=resources))
        return cases


def _draft(draft: str) -> type[Official]:
    title = draft.replace("draft", "draft ")
    members = {"name": f"official-{draft}", "about": f"the official JSON Schema Test Suite, {title}", "draft": draft}
    return type(f"Official_{draft}", (Official,), members)


OFFICIAL = {f"official-{draft}": _draft(draft) for draft in DRAFTS}
