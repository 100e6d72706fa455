"""Where jobs run: threads of this process with a worker process each, or actors of a Ray cluster."""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jsonschemabench.limits import Limits
from jsonschemabench.runner import Pool, Row, SetupFailed, end_all
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import Tokenizer, load

CHUNK = 25  # cases that a Ray actor is given at a time


@dataclass(frozen=True)
class Job:
    """Cases of one suite for one engine. budget_s: no case is begun after so many seconds (None: no bound)."""

    suite: str
    engine: str
    cases: Sequence[Case]
    limits: Limits
    warm: bool
    budget_s: float | None = None


@dataclass
class Events:
    """What the caller wants to hear: a row is there, a job ends (with the first answer of its worker)."""

    row: Callable[[Job, Row], None]
    ended: Callable[[Job, Row], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    deadline: float = math.inf  # of time.monotonic(): no case is begun after it, and the rest is left for another run

    def over(self) -> bool:
        return self.stopped.is_set() or time.monotonic() > self.deadline


def run_here(
    jobs: Sequence[Job], tokenizer: Tokenizer, count: int, cores: Sequence[int | None], events: Events
) -> None:
    """`count` jobs at a time, each with one worker process pinned to a core of its own.

    KeyboardInterrupt ends the workers and is passed on; every row that was told stays.
    """
    left: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        left.put(job)
    lock = threading.Lock()
    errors: list[BaseException] = []

    def work(core: int | None) -> None:
        while not events.over() and not errors:
            try:
                job = left.get_nowait()
            except queue.Empty:
                return
            try:
                _one(job, tokenizer, core, events, lock)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(cores[n % len(cores)],), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt:
        events.stopped.set()
        end_all()
        for thread in threads:
            thread.join(10)
        raise
    if errors:
        raise errors[0]


def _one(job: Job, tokenizer: Tokenizer, core: int | None, events: Events, lock: threading.Lock) -> None:
    pool = Pool(job.engine, tokenizer, job.limits, core)
    begun = 0.0  # the time that a process takes to start is not the job's
    problem = {}
    try:
        for case in job.cases:
            if events.over():
                return
            if job.budget_s is not None and begun and time.monotonic() - begun > job.budget_s:
                break
            row = pool.walk(case, times=True, warm=job.warm)
            if events.stopped.is_set():
                return  # its worker was ended from outside
            with lock:
                events.row(job, row)
            begun = begun or time.monotonic()
    except SetupFailed as error:  # costs this engine's rows, not the run
        problem = {"failed": str(error)}
    finally:
        pool.close()
    with lock:
        events.ended(job, {**pool.ready, **problem})


class Remote:
    """What a Ray actor does: the cases that it is given, with a worker process that it keeps while the engine stays."""

    def __init__(self, vocabulary: str, place: int) -> None:
        self.tokenizer = load(vocabulary)
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
        self.core = allowed[place % len(allowed)]
        self.pool: Pool | None = None
        self.of: tuple[str, Limits] | None = None

    def walk(self, engine: str, limits: Limits, cases: list[Case], warm: bool) -> tuple[list[Row], Row]:
        """-> (rows in the order of the cases, first answer of the worker)"""
        if self.of != (engine, limits):
            self.close()
            self.pool, self.of = Pool(engine, self.tokenizer, limits, self.core), (engine, limits)
        assert self.pool is not None
        try:
            return [self.pool.walk(case, times=True, warm=warm) for case in cases], self.pool.ready
        except SetupFailed as error:
            return [], {"failed": str(error)}

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()
        self.pool = self.of = None


def run_on_ray(jobs: Sequence[Job], tokenizer: Tokenizer, count: int, address: str, events: Events) -> None:
    """The same on `count` actors of a Ray cluster ("auto": the one of this machine, started if there is none).

    Every machine of the cluster needs this package and the engines; rows come back in chunks. RuntimeError: no Ray.
    """
    try:
        import ray
    except ImportError:
        raise RuntimeError("--ray needs Ray: pip install ray") from None
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except ConnectionError:
        if address != "auto":
            raise RuntimeError(f"no Ray cluster at {address}") from None
        ray.init(
            num_cpus=count,
            include_dashboard=False,
            object_store_memory=100_000_000,
            log_to_driver=False,
            logging_level="ERROR",
        )
    vocabulary = tokenizer.name if tokenizer.name == "bytes" else str(tokenizer.keep())
    actor = ray.remote(num_cpus=1)(Remote)
    actors = [actor.remote(vocabulary, place) for place in range(count)]
    waiting = iter(list(_chunks(jobs)))
    open_parts = {id(job): -(-len(job.cases) // CHUNK) for job in jobs}
    running: dict[Any, tuple[Any, Job]] = {}
    begun: dict[int, float] = {}

    def give(to: Any) -> None:
        for job, cases in waiting:
            if events.over():
                return
            spent = time.monotonic() - begun.setdefault(id(job), time.monotonic())
            if job.budget_s is not None and spent > job.budget_s:
                open_parts[id(job)] -= 1
                if not open_parts[id(job)]:
                    events.ended(job, {})
                continue
            running[to.walk.remote(job.engine, job.limits, cases, job.warm)] = (to, job)
            return

    try:
        for one in actors:
            give(one)
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            to, job = running.pop(done)
            rows, ready = ray.get(done)
            for row in rows:
                events.row(job, row)
            open_parts[id(job)] -= 1
            if not open_parts[id(job)]:
                events.ended(job, ready)
            give(to)
    finally:
        for one in actors:
            one.close.remote()
        ray.shutdown()


def _chunks(jobs: Sequence[Job]) -> Iterator[tuple[Job, list[Case]]]:
    for job in jobs:
        for at in range(0, len(job.cases), CHUNK):
            yield job, list(job.cases[at : at + CHUNK])
