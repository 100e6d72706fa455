"""What a run is to do: engines, suites, samples, limits, seed; and the folder that holds what it has done.

RUN/run.json                  plan, machine, versions, what became of it
RUN/rows/SUITE/ENGINE.jsonl   one row for each case, written as it comes
RUN/judged.jsonl              instances on which an engine differs from the suite, with two validators' verdicts
RUN/texts/TASK/ENGINE.jsonl   one row for each text that a model wrote
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschemabench import machine
from jsonschemabench.engines import lookup
from jsonschemabench.environments import interpreter
from jsonschemabench.limits import Limits
from jsonschemabench.runner import Row

QUICK_SUITES = ("maskbench", "official-draft2020-12", "stress", "patterns", "grammars", "bfcl")  # and first in any run


class PlanChanged(RuntimeError):
    """The folder holds a run of another plan or of other versions; the message says what differs."""


@dataclass(frozen=True)
class Plan:
    """per_split, slow_per_split: cases of each split for quick and for slow engines (None: all).

    budget_s, slow_budget_s: seconds after which a job (an engine on a suite) takes no further case; its cases are in
    random order, so what it has done is a smaller sample. within_s: seconds after which the whole run takes none.
    full: engines that take every case of the suites in `full_suites`, whatever the rest says. jobs: processes at once,
    each on a core of its own. warm: also compile and walk a second time. tokens: longest text a model may write.
    """

    engines: tuple[str, ...]
    suites: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    per_split: int | None = 60
    slow_per_split: int | None = 5
    budget_s: float | None = None
    slow_budget_s: float | None = None
    within_s: float | None = None
    full: tuple[str, ...] = ()
    full_suites: tuple[str, ...] = ("maskbench",)
    seed: int = 0
    tokenizer: str = "llama3"
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    warm: bool = True
    only: str = ""
    model: str = ""
    per_task: int = 10
    tokens: int = 200
    note: str = ""

    def per_split_of(self, engine: str, suite: str, share: float = 1.0) -> int | None:
        """How many cases of each split an engine takes."""
        if engine in self.full and suite in self.full_suites:
            return None
        asked = self.slow_per_split if lookup(engine).slow else self.per_split
        return None if asked is None else max(1, round(asked * share))

    def budget_of(self, engine: str, suite: str) -> float | None:
        """Seconds for an engine on a suite."""
        if engine in self.full and suite in self.full_suites:
            return None
        return self.slow_budget_s if lookup(engine).slow else self.budget_s

    def content(self) -> dict[str, Any]:
        """As plain values, for run.json."""
        found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return found

    def digest(self) -> str:
        """Names what decides the rows: not the number of processes, not the note."""
        content = self.content()
        for key in ("jobs", "note", "within_s"):
            content.pop(key)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Results:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def about_path(self) -> Path:
        return self.folder / "run.json"

    def rows_path(self, suite: str, engine: str) -> Path:
        return self.folder / "rows" / _file(suite) / f"{_file(engine)}.jsonl"

    def texts_path(self, task: str, engine: str) -> Path:
        return self.folder / "texts" / _file(task) / f"{_file(engine)}.jsonl"

    @property
    def judged_path(self) -> Path:
        return self.folder / "judged.jsonl"

    def about(self) -> dict[str, Any]:
        """run.json. FileNotFoundError, ValueError: the folder holds no run."""
        found: dict[str, Any] = json.loads(self.about_path.read_text(encoding="utf-8"))
        return found

    def write_about(self, about: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.about_path.with_suffix(".part")
        part.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(self.about_path)

    def begin(self, plan: Plan, command: list[str]) -> dict[str, Any]:
        """run.json of a run that begins or goes on. Raises PlanChanged where its rows are of another plan."""
        kept: dict[str, Any] = {"engines": {}, "jobs": []}
        states = {name: machine.state(name) for name in plan.engines if interpreter(name)}
        if self.about_path.exists():
            known = self.about()
            if known["digest"] != plan.digest():
                raise PlanChanged(f"{self.folder} holds a run of another plan: name another folder, or use --fresh")
            changed = {name for name, state in states.items() if known["states"].get(name, state) != state}
            begun = {name for name in changed if any(self.folder.glob(f"*/*/{_file(name)}.jsonl"))}
            if begun:
                raise PlanChanged(
                    f"{self.folder} holds rows of another version of {', '.join(sorted(begun))}: "
                    "name another folder, delete its rows, or use --fresh"
                )
            kept = {
                "engines": {name: said for name, said in known["engines"].items() if name not in changed},
                "jobs": [job for job in known["jobs"] if job["engine"] not in changed],
            }
        about = {
            "format": 1,
            "status": "running",
            "begun": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "digest": plan.digest(),
            "plan": plan.content(),
            "states": states,
            "machine": machine.describe(plan.engines, command),
            "missing": [name for name in plan.engines if interpreter(name) is None],
            "suites": {},
            **kept,
        }
        self.write_about(about)
        return about


def _file(name: str) -> str:
    return name.replace(":", "-").replace("/", "-")


def key(row: Row) -> str:
    """What identifies a row in its file."""
    return str(row["name"])
