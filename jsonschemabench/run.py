"""A run: every engine over its sample of every suite, rows kept as they come; then the validators' verdicts."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jsonschemabench import machine
from jsonschemabench.engines import lookup
from jsonschemabench.environments import interpreter
from jsonschemabench.execution import Events, Job, run_here, run_on_ray
from jsonschemabench.judging import judge_differences, schema_keywords
from jsonschemabench.plan import Plan, Results
from jsonschemabench.runner import Row, append_row, open_rows, read_rows
from jsonschemabench.suites import Case, Data, MissingData, draw, find_suite
from jsonschemabench.tokenizers import TOKENIZERS, Tokenizer


def run(plan: Plan, folder: Path, data: Data, command: list[str], ray: str = "", fresh: bool = False) -> dict[str, Any]:
    """Do what the plan says; what the folder has already is not done again. -> run.json

    Raises PlanChanged; KeyboardInterrupt after everything done so far is in the folder.
    """
    if fresh and (folder / "run.json").exists():
        shutil.rmtree(folder)
    results = Results(folder)
    about = results.begin(plan, command)
    suites = _load(plan, data, about)
    tokenizer = TOKENIZERS[plan.tokenizer if suites else "bytes"]()
    if suites:
        tokenizer.encode("")  # the merges are found before anything is timed
    done = [{"suite": job["suite"], "engine": job["engine"]} for job in about["jobs"]]
    jobs = list(_jobs(plan, suites, results, done))
    begun = time.monotonic()
    try:
        with _events(jobs, results, about) as events:
            if plan.within_s is not None:
                events.deadline = begun + plan.within_s
            if ray:
                run_on_ray(jobs, tokenizer, plan.jobs, ray, events)
            else:
                run_here(jobs, tokenizer, plan.jobs, _cores(plan.jobs), events)
        judge_differences(plan, suites, results, tokenizer)
        if plan.tasks:
            from jsonschemabench.generation import write_texts

            write_texts(plan, data, results, about)
    except KeyboardInterrupt:
        _end(results, about, "interrupted", begun)
        raise
    reached = plan.within_s is None or time.monotonic() - begun < plan.within_s
    _end(results, about, "complete" if reached else "complete as far as its time went", begun)
    return about


def _end(results: Results, about: dict[str, Any], status: str, begun: float) -> None:
    about |= {"status": status, "wall_s": round(time.monotonic() - begun, 1), "load_at_end": machine.load_average()}
    about["ended"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    results.write_about(about)


def _cores(count: int) -> list[int | None]:
    """The cores that workers are pinned to: the last ones, since interrupts favour the first."""
    if not hasattr(os, "sched_getaffinity"):
        return [None]
    return sorted(os.sched_getaffinity(0), reverse=True)[: max(count, 1)]  # type: ignore[return-value]


def _load(plan: Plan, data: Data, about: dict[str, Any]) -> dict[str, list[Case]]:
    """The cases of every suite that can be had; what can't is said in run.json."""
    suites = {}
    for name in plan.suites:
        suite = find_suite(name)
        try:
            cases = [case for case in suite.cases(data) if plan.only in case.name]
        except MissingData as error:
            about["suites"][name] = {"missing": str(error)}
            continue
        suites[name] = cases
        about["suites"][name] = {
            "about": suite.about,
            "home": suite.home,
            "licence": suite.licence,
            "cases": len(cases),
            "with_instances": sum(bool(case.instances) for case in cases),
            "splits": len({case.split for case in cases}),
            "digest": _digest(cases),
        }
    return suites


def _digest(cases: Sequence[Case]) -> str:
    digest = hashlib.sha256()
    for case in cases:
        texts = [(i.valid, i.text, i.tokens) for i in case.instances]
        digest.update(repr((case.name, case.split, case.schema, case.dialects, texts)).encode(errors="replace"))
    return digest.hexdigest()[:12]


def sample_of(plan: Plan, engine: str, suite: str, cases: Sequence[Case]) -> list[Case]:
    """The cases that an engine walks."""
    found = find_suite(suite)
    return draw(cases, plan.per_split_of(engine, suite, found.share), plan.seed)


def _jobs(
    plan: Plan, suites: dict[str, list[Case]], results: Results, done: Sequence[dict[str, str]] = ()
) -> Iterator[Job]:
    """What is left to do: first the longest, which are those that take all of a suite, then suite by suite."""
    able = [engine for engine in plan.engines if interpreter(engine) is not None and lookup(engine).masks]
    pairs = [(name, engine) for name in suites for engine in able]
    pairs.sort(key=lambda pair: not (pair[1] in plan.full and pair[0] in plan.full_suites))  # keeps the order else
    for name, engine in pairs:
        cases = suites[name]
        if {"suite": name, "engine": engine} in done:
            continue
        known = read_rows(results.rows_path(name, engine))
        left = [case for case in sample_of(plan, engine, name, cases) if case.name not in known]
        if left and not any(takes(engine, case) for case in left):
            _write_unsupported(results, name, engine, left)
        elif left:
            suite = find_suite(name)
            budget = plan.budget_of(engine, name) if suite.budget else None
            yield Job(name, engine, left, suite.limits or plan.limits, plan.warm, budget)


def takes(engine: str, case: Case) -> bool:
    """Has the engine such an input at all?"""
    adapter = lookup(engine)
    if case.kind == "grammar":
        return any(dialect in adapter.inputs for dialect, _ in case.dialects)
    return case.kind in adapter.inputs


def _write_unsupported(results: Results, suite: str, engine: str, cases: Sequence[Case]) -> None:
    path = results.rows_path(suite, engine)
    refused = {"class": "NotSupported", "message": "no such input", "feature": "input", "unsupported": True}
    with open_rows(path) as out:
        for case in cases:
            append_row(out, {"name": case.name, "split": case.split, "valid": [], "refused": refused})


@contextmanager
def _events(jobs: Sequence[Job], results: Results, about: dict[str, Any]) -> Iterator[Events]:
    """Writes rows, keeps what workers say of themselves, shows what is left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    files: dict[Path, IO[str]] = {}
    begun: dict[int, float] = {}
    keywords = {
        (job.suite, case.name): sorted(schema_keywords(case.schema))
        for job in jobs
        for case in job.cases
        if case.kind == "json"
    }
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as bar:
        whole = bar.add_task("all", total=sum(len(job.cases) for job in jobs))
        shown: dict[int, Any] = {}

        def row(job: Job, made: Row) -> None:
            made["keywords"] = keywords.get((job.suite, made["name"]), [])
            path = results.rows_path(job.suite, job.engine)
            if path not in files:
                files[path] = open_rows(path)
            append_row(files[path], made)
            if id(job) not in shown:
                shown[id(job)] = bar.add_task(f"{job.engine} · {job.suite}", total=len(job.cases))
                begun[id(job)] = time.monotonic()
            bar.advance(shown[id(job)])
            bar.advance(whole)

        def ended(job: Job, ready: Row) -> None:
            took = round(time.monotonic() - begun.get(id(job), time.monotonic()), 1)
            load = machine.load_average()
            about["jobs"].append({"suite": job.suite, "engine": job.engine, "wall_s": took, "load": load})
            known = about["engines"].setdefault(job.engine, {})
            known.update({name: value for name, value in ready.items() if name not in known and name != "phase"})
            results.write_about(about)
            if id(job) in shown:
                bar.update(shown[id(job)], visible=False)

        events = Events(row, ended)
        try:
            yield events
        finally:
            for file in files.values():
                file.close()


def read_judged(results: Results) -> list[dict[str, Any]]:
    """The judged instances; none where the run has not come so far."""
    if not results.judged_path.exists():
        return []
    with results.judged_path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def tokenizer_of(plan: Plan) -> Tokenizer:
    """The vocabulary of the walks."""
    return TOKENIZERS[plan.tokenizer]()
