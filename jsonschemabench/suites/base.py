"""Schemas, patterns and grammars with the texts that they should accept and reject, and seeded samples of them.

The file of a suite of schemas is one file of JSON lines, plain or compressed by xz:
`{"name", "split", "schema", "tests": [{"valid", "data", "description"?}]}`. A line may carry `"id"` in place of
`"name"`, a schema as text, and `"tokens"` (ids of the Llama-3 vocabulary) in place of `"data"`.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jsonschemabench.tokenizers import Tokenizer

DEFAULT_DATA = Path("../shared/data/maskbench.jsonl.xz")


class MissingData(FileNotFoundError):
    """The suite's file is not there. The message says where it was looked for."""


class InvalidData(ValueError):
    """The suite's file holds something else than cases. The message names the line."""


@dataclass(frozen=True)
class Instance:
    """One JSON text and whether the schema should accept it. tokens: its ids, where the file fixes them."""

    valid: bool
    text: str | None
    tokens: tuple[int, ...] | None = None
    description: str = ""

    def ids(self, tokenizer: Tokenizer) -> list[int]:
        """The token ids of the text: the same for every engine."""
        if self.tokens is not None:
            return list(self.tokens)
        return tokenizer.encode(self.text or "")

    def json(self, tokenizer: Tokenizer) -> str:
        """The JSON text."""
        return self.text if self.text is not None else tokenizer.decode(list(self.tokens or ())).decode()


@dataclass(frozen=True)
class Case:
    """One schema as JSON text, with its instances. name: unique in the suite. split: the collection it is from.

    kind: "json"; "regex", where `schema` is a pattern; "grammar", where `dialects` has the grammar's texts by dialect.
    specification: the schema means what the specification says, not what generation by default does with it.
    resources: a JSON object of the schemas that it may refer to, by URI.
    """

    name: str
    split: str
    schema: str
    instances: tuple[Instance, ...]
    kind: str = "json"
    dialects: tuple[tuple[str, str], ...] = ()
    specification: bool = False
    resources: str = ""


def load(path: Path) -> list[Case]:
    """All cases of a suite, in the file's order."""
    if not path.is_file():
        raise MissingData(f"no suite at {path}; name the file of MaskBench's schemas with --data")
    cases: list[Case] = []
    read = 0
    try:
        with _open(path) as lines:
            for line in lines:
                read += 1
                if line.strip():
                    cases.append(_case(json.loads(line)))
    except (ValueError, LookupError, TypeError, AttributeError, EOFError, lzma.LZMAError) as error:
        raise InvalidData(f"{path} is no suite: line {max(read, 1)}: {type(error).__name__}: {error}") from None
    return cases


def digest(path: Path) -> str:
    """Names the content of a suite's file (12 hexadecimal digits of its SHA-256)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def sample(cases: Iterable[Case], per_split: int, seed: int) -> list[Case]:
    """Up to `per_split` cases of each split, drawn among those with instances, in one shuffled order.

    The draw depends on the cases' names and on the seed only, so it is the same for every order of the file.
    """
    by_split: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda c: c.name):
        if case.instances:
            by_split.setdefault(case.split, []).append(case)
    rng = random.Random(seed)
    drawn = [case for _, group in sorted(by_split.items()) for case in rng.sample(group, min(per_split, len(group)))]
    rng.shuffle(drawn)
    return drawn


def draw(cases: Iterable[Case], per_split: int | None, seed: int) -> list[Case]:
    """Up to `per_split` cases (None: all) with instances of each split, in one shuffled order.

    A larger draw of the same seed holds every smaller one, so that engines with samples of different sizes share cases.
    """
    ranked = sorted(
        (case for case in cases if case.instances),
        key=lambda case: hashlib.sha256(f"{seed} {case.name}".encode()).digest(),
    )
    taken: dict[str, int] = {}
    drawn = []
    for case in ranked:
        taken[case.split] = taken.get(case.split, 0) + 1
        if per_split is None or taken[case.split] <= per_split:
            drawn.append(case)
    return drawn


def _open(path: Path) -> IO[str]:
    return lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8")


def _case(row: dict[str, Any]) -> Case:
    name = row["name"] if "name" in row else row["id"]
    schema = row["schema"] if isinstance(row["schema"], str) else dump(row["schema"])
    return Case(name, row.get("split", ""), schema, tuple(_instances(row["tests"])))


def _instances(tests: list[dict[str, Any]]) -> Iterator[Instance]:
    for test in tests:
        tokens = tuple(test["tokens"]) if "tokens" in test else None
        text = None if tokens is not None else dump(test["data"])
        yield Instance(bool(test["valid"]), text, tokens, test.get("description") or "")


def dump(value: Any) -> str:
    """MaskBench's spelling of an instance; escapes only where there is a lone surrogate, which UTF-8 can't hold."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
