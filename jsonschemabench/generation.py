"""Texts that a model writes under each engine: end-to-end times, forced tokens, and the texts themselves.

The model is in this process, the engine in its worker; masks come through shared memory. So every engine meets the same
model at the same cost of crossing processes, which is measured (`other_s`) and not counted as the engine's.
Decoding is greedy. Mask and model do not overlap here, as they may in a serving engine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jsonschemabench import models
from jsonschemabench.engines import lookup
from jsonschemabench.environments import interpreter
from jsonschemabench.judges import judge
from jsonschemabench.models import Model
from jsonschemabench.plan import Plan, Results
from jsonschemabench.runner import Row, Worker, WorkerDied, append_row, open_rows, progress, read_rows
from jsonschemabench.suites import Data, MissingData, draw
from jsonschemabench.suites.schemas import MaskBench
from jsonschemabench.tasks import TASKS, Question, Task

TRAINED = 8  # cases of each split whose instances the model that only counts has seen


def write_texts(plan: Plan, data: Data, results: Results, about: dict[str, Any]) -> None:
    """Every engine on every task; rows as they come, those that are there are not made again."""
    model = models.load(plan.model, _training(plan, data))
    about["model"] = {"name": model.name, "vocabulary": model.tokenizer.size}
    vocabulary = model.tokenizer.name if model.tokenizer.name == "bytes" else str(model.tokenizer.keep())
    for name in plan.tasks:
        task = TASKS[name]
        try:
            questions = task.questions(data, plan.per_task, plan.seed)
        except MissingData as error:
            about.setdefault("tasks", {})[name] = {"missing": str(error)}
            continue
        for engine in plan.engines:
            if interpreter(engine) is None or (not lookup(engine).masks and not model.file):
                continue
            path = results.texts_path(name, engine)
            known = read_rows(path)
            left = [question for question in questions if question.name not in known]
            with open_rows(path) as out, progress(f"{engine} · {name}", len(left)) as step:
                for row in _texts(engine, model, vocabulary, task, left, plan):
                    append_row(out, row)
                    step()
        results.write_about(about)


def _training(plan: Plan, data: Data) -> Iterator[str]:
    """Valid instances of MaskBench, for the model that only counts."""
    if plan.model.startswith("ngram"):
        try:
            for case in draw(MaskBench().cases(data), TRAINED, plan.seed):
                yield from (instance.text or "" for instance in case.instances if instance.valid)
        except MissingData:
            return


def _texts(
    engine: str, model: Model, vocabulary: str, task: Task, questions: Sequence[Question], plan: Plan
) -> Iterator[Row]:
    worker: Worker | None = None
    words = (model.tokenizer.size + 31) // 32
    with tempfile.NamedTemporaryFile(prefix="jsonschemabench-mask-") as shared:
        shared.truncate(words * 4)
        mask = np.memmap(shared.name, np.uint32, "r", shape=(words,))
        try:
            for question in questions:
                worker = worker or Worker(engine, vocabulary, plan.limits, None)
                try:
                    if lookup(engine).masks:
                        row = write(model, worker, question, Path(shared.name), mask, plan.tokens)
                    else:
                        row = worker.write(question.case, model.file, model.chat(question.prompt), plan.tokens)
                except WorkerDied as death:
                    worker, row = None, {"failed": death.kind, "message": death.detail}
                yield {"name": question.name, **row, **scored(task, question, row)}
        finally:
            if worker is not None:
                worker.close()


def write(model: Model, worker: Worker, question: Question, file: Path, mask: NDArray[np.uint32], tokens: int) -> Row:
    """One text. -> text, tokens, finished, and seconds; or a refusal as `walks.describe` has it."""
    begun = time.perf_counter()
    logits = model.begin(model.chat(question.prompt))
    in_model = time.perf_counter() - begun
    opened = worker.open(question.case, file)
    if "refused" in opened or "failed" in opened or "error" in opened:
        return opened
    in_engine = (opened["compile_ns"] + opened["mask_ns"]) / 1e9
    ids: list[int] = []
    forced, finished, first = 0, False, 0.0
    problem = ""
    while True:
        allowed = np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(logits)].astype(bool)
        choices = int(allowed.sum())
        if not choices:
            problem = "no token is allowed"
            break
        token = int(np.where(allowed, logits[: len(allowed)], -np.inf).argmax())
        if not ids:
            first = time.perf_counter() - begun
        if token == model.tokenizer.eos:
            finished = True
            break
        ids.append(token)
        forced += choices == 1
        if len(ids) == tokens:
            break
        taken = worker.take(token)
        if "error" in taken or not taken["taken"]:
            problem = taken.get("error", "the engine does not take a token of its mask")
            break
        in_engine += (taken["accept_ns"] + taken["mask_ns"]) / 1e9
        stepped = time.perf_counter()
        logits = model.step(token)
        in_model += time.perf_counter() - stepped
    wall = time.perf_counter() - begun
    return {
        "text": model.tokenizer.decode(ids).decode("utf-8", "replace"),
        "tokens": len(ids),
        "forced": forced,
        "finished": finished,
        "problem": problem,
        "ttft_s": first,
        "tpot_s": (wall - first) / max(1, len(ids) - 1),
        "wall_s": wall,
        "model_s": in_model,
        "engine_s": in_engine,
        "other_s": wall - in_model - in_engine,
    }


def scored(task: Task, question: Question, row: Row) -> Row:
    """correct: as the task says. compliant: JSON that `jsonschema` finds valid, formats included."""
    if "text" not in row:
        return {"correct": False if task.correct("", question.answer) is not None else None, "compliant": False}
    request = {"schema": question.case.schema, "instances": [row["text"]]}
    try:
        compliant = judge(request)["verdicts"][0][1] is True
    except ValueError:
        compliant = False
    return {"correct": task.correct(row["text"], question.answer), "compliant": compliant}
