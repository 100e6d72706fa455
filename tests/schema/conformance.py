"""The official JSON Schema Test Suite, case by case: what `constrain.json` makes of each, and the file that holds it.

`python -m tests.schema.conformance` prints counts per draft and what differs from `conformance.json` beside this file;
with `--update` it writes the file anew. What is otherwise by a choice that json-schema.md names is counted apart. An
outcome is one character for each test of a group: `+` right, `-` wrong, with the instance as `json.dumps` writes it and
with its keys in another order; or `refused`, the error and its keyword.
"""

from __future__ import annotations

import json
import random
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import referencing
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

import constrain
from constrain.errors import ConstraintError, Unsatisfiable

SUITE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "json_schema_test_suite.tar.xz"
FILE = Path(__file__).with_name("conformance.json")
DRAFTS = {"draft4": "4", "draft6": "6", "draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}
SPECIFICATIONS = {
    "draft4": DRAFT4, "draft6": DRAFT6, "draft7": DRAFT7, "draft2019-09": DRAFT201909, "draft2020-12": DRAFT202012,
}  # fmt: skip
# Where the specification leaves a choice, or json-schema.md narrows a format: file -> the choice, and the validity of
# the tests that it answers otherwise.
ANNOTATED = "contentEncoding and contentMediaType are annotations"
HOSTS = "host names whose labels are Punycode, or that may be too long in Punycode, are left out"
REGEXES = "regular expressions with group names and back-references are left out"
CHOICES = {
    "optional/content": (ANNOTATED, False),
    "optional/format/hostname": (HOSTS, True),
    "optional/format/idn-hostname": (HOSTS, True),
    "optional/format/ecmascript-regex": (REGEXES, True),
}


class Group(NamedTuple):
    """A schema with its tests. place: draft, file (required or optional) and number of the group in it."""

    draft: str
    file: str
    place: str
    content: dict[str, Any]

    @property
    def required(self) -> bool:
        return not self.file.startswith("optional/")


@lru_cache(maxsize=1)
def files() -> dict[str, Any]:
    """Every JSON file of the suite, by its path below the top folder."""
    found = {}
    with tarfile.open(SUITE) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member) if member.name.endswith(".json") else None
            if content is not None:
                at = member.name.find("tests/draft")
                at = at if at >= 0 else member.name.find("remotes/")
                if at >= 0:
                    found[member.name[at:]] = json.load(content)
    return found


@lru_cache(maxsize=1)
def registry() -> referencing.Registry[Any]:
    """The documents that the suite serves at localhost:1234."""
    made = referencing.Registry[Any]()
    for name, content in files().items():
        if name.startswith("remotes/"):
            path = name.removeprefix("remotes/")
            specification = SPECIFICATIONS.get(path.split("/")[0], DRAFT202012)
            resource = referencing.Resource.from_contents(content, default_specification=specification)
            made = made.with_resource("http://localhost:1234/" + path, resource)
    return made


def groups() -> Iterator[Group]:
    """All groups of the drafts, in the order of the files."""
    for name, content in sorted(files().items()):
        parts = name.split("/")
        if parts[0] == "tests" and parts[1] in DRAFTS:
            file = "/".join(parts[2:]).removesuffix(".json")
            for i, group in enumerate(content):
                yield Group(parts[1], file, f"{i} {group['description']}", group)


def outcome(group: Group) -> str:
    """What becomes of a group."""
    schema = group.content["schema"]
    named = isinstance(schema, dict) and "$schema" in schema
    formats = "assert" if group.file.startswith("optional/format/") else "annotate"
    try:
        c = constrain.json(
            schema, property_order="any", numbers="any", formats=formats, registry=registry(),
            draft=None if named else DRAFTS[group.draft],
        )  # fmt: skip
    except Unsatisfiable:
        return "".join("-" if test["valid"] else "+" for test in group.content["tests"])
    except ConstraintError as error:
        return f"refused {type(error).__name__} {error.keyword}"
    return "".join("+" if judged(c, test) else "-" for test in group.content["tests"])


def judged(c: constrain.Constraint, test: dict[str, Any]) -> bool:
    """Are the texts of a test's instance judged rightly?"""
    texts = {json.dumps(test["data"]), json.dumps(shuffled(test["data"], random.Random(test["description"])))}
    return all(c.matches(text) == test["valid"] for text in texts)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The value with the keys of its objects in another order."""
    if isinstance(value, list):
        return [shuffled(v, rng) for v in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    rng.shuffle(names)
    return {name: shuffled(value[name], rng) for name in names}


def by_choice(group: Group, got: str) -> int:
    """How many tests of a group have the outcome `-` because of a choice that is named in `CHOICES`."""
    if got.startswith("refused") or group.file not in CHOICES:
        return 0
    valid = CHOICES[group.file][1]
    return sum(o == "-" and test["valid"] is valid for o, test in zip(got, group.content["tests"], strict=True))


def recorded() -> dict[str, dict[str, dict[str, str]]]:
    """Draft -> file -> group -> outcome."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads(FILE.read_text("utf-8"))
    return found


def kept(group: Group, known: dict[str, dict[str, dict[str, str]]]) -> str | None:
    """The recorded outcome of a group."""
    return known.get(group.draft, {}).get(group.file, {}).get(group.place)


def main(arguments: list[str]) -> int:
    known = recorded() if FILE.exists() else {}
    found: dict[str, dict[str, dict[str, str]]] = {}
    counts: dict[tuple[str, bool], Counter[str]] = {}
    for group in groups():
        got = outcome(group)
        found.setdefault(group.draft, {}).setdefault(group.file, {})[group.place] = got
        count = counts.setdefault((group.draft, group.required), Counter())
        count["groups"] += 1
        count["cases"] += len(group.content["tests"])
        if got.startswith("refused"):
            count["groups refused"] += 1
            count["cases refused"] += len(group.content["tests"])
        chosen = by_choice(group, got)
        if chosen:
            count[f"otherwise by choice: {CHOICES[group.file][0]}"] += chosen
        count["cases wrong"] += got.count("-") - chosen if not got.startswith("refused") else 0
        before = kept(group, known)
        if got != before or ("-v" in arguments and (got.startswith("refused") or "-" in got)):
            print(f"{group.draft}/{group.file} {group.place}: {before} -> {got}")
    for (draft, required), count in counts.items():
        wrong = sum(n for name, n in count.items() if name.startswith("otherwise")) + count["cases wrong"]
        right = count["cases"] - count["cases refused"] - wrong
        print(draft, "required" if required else "optional", f"{100 * right / count['cases']:.1f} % of cases right")
        for name, n in count.items():
            print("   ", name, n)
    if "--update" in arguments:
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if found == known or "--update" in arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
