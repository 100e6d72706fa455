"""The parent's side of a worker: start it, ask it one thing at a time, and tell what became of it when it dies."""

from __future__ import annotations

import functools
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from jsonschemabench.environments import interpreter
from jsonschemabench.limits import Limits
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import Tokenizer

Row = dict[str, Any]
SETUP_S = 300.0  # CPU seconds for an engine's own start: it may have kernels to compile
WALL_FACTOR = 5.0  # a worker that is not given the CPU (or sleeps) is ended after so many times its CPU limit
TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent


class WorkerDied(RuntimeError):
    """The process ended or hung. kind: "timeout", "memory" or "crash". partial: what it had answered before."""

    def __init__(self, kind: str, detail: str, partial: Row | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail, self.partial = kind, detail, partial or {}


class SetupFailed(RuntimeError):
    """An engine's process did not get as far as its first schema: nothing can be measured."""


LIVE: weakref.WeakSet[Worker] = weakref.WeakSet()


def end_all() -> None:
    """End every worker of this process, whatever it is at."""
    for worker in list(LIVE):
        worker.process.kill()


class Worker:
    """One worker process of one engine, pinned to a core. A context manager; `ready` is its first answer."""

    def __init__(self, engine: str, tokenizer: str, limits: Limits, core: int | None) -> None:
        python = interpreter(engine) or sys.executable
        command = [python, "-m", "jsonschemabench.worker", engine, "--tokenizer", tokenizer]
        command += ["--memory-gb", str(limits.memory_gb)] + (["--core", str(core)] if core is not None else [])
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the run, not for its workers
        )
        LIVE.add(self)
        self.limits, self.buffer, self.resident = limits, b"", 0
        try:
            self.ready = self._read(SETUP_S)
        except WorkerDied as death:
            raise SetupFailed(f"{engine} does not start: {death.detail}") from death
        finally:
            if not hasattr(self, "ready"):
                self.close()

    def walk(
        self,
        case: Case,
        tokens: Sequence[Sequence[int]],
        *,
        times: bool,
        warm: bool = False,
        options: Row | None = None,
    ) -> Row:
        """Compile the case and walk the instances (given as ids)."""
        request = {"do": "walk", **asked(case), "instances": tokens, "times": times, "warm": warm}
        return self._ask({**request, "options": options or {}}, [self.limits.compile_s, self.limits.walk_s])

    def judge(self, schema: str, instances: Sequence[str], **more: Any) -> Row:
        """What the validators say of each text (see `judges`)."""
        return self._ask({"do": "judge", "schema": schema, "instances": instances, **more}, [self.limits.walk_s])

    def open(self, case: Case, mask_file: Path) -> Row:
        """Begin a text that is written step by step (see `sessions`)."""
        return self._ask({"do": "open", **asked(case), "mask_file": str(mask_file)}, [self.limits.compile_s])

    def take(self, token: int) -> Row:
        """The next token of that text."""
        return self._ask({"do": "take", "token": token}, [self.limits.walk_s])

    def write(self, case: Case, model: str, prompt: str, tokens: int) -> Row:
        """A whole text by an engine with a runtime of its own."""
        request = {"do": "write", **asked(case), "model": model, "prompt": prompt, "tokens": tokens}
        return self._ask(request, [self.limits.compile_s + self.limits.walk_s])

    def _ask(self, request: Row, seconds: list[float]) -> Row:
        assert self.process.stdin is not None
        partial: Row = {}
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            for limit in seconds:
                answer = self._read(limit)
                if answer.pop("phase") == "done":
                    return answer
                partial = answer
            raise WorkerDied("crash", "an answer too many")
        except BrokenPipeError:
            raise self._death(partial) from None
        except WorkerDied as death:
            death.partial.update(partial)
            raise

    def _read(self, cpu_s: float) -> Row:
        """The next answer, waited for while the process uses that much CPU time at most."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        end, used = time.monotonic() + cpu_s * WALL_FACTOR + 10, self._cpu_s()
        while b"\n" not in self.buffer:
            if self._cpu_s() - used > cpu_s:
                raise WorkerDied("timeout", f"more than {cpu_s:g} CPU seconds")
            if time.monotonic() > end:
                raise WorkerDied("timeout", f"no answer, though less than {cpu_s:g} CPU seconds were used")
            if select.select([descriptor], [], [], 0.5)[0]:
                chunk = os.read(descriptor, 1 << 20)
                if not chunk:
                    raise self._death({})
                self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        answer: Row = json.loads(line)
        return answer

    def _cpu_s(self) -> float:
        """CPU seconds that the process has used."""
        try:
            with open(f"/proc/{self.process.pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _death(self, partial: Row) -> WorkerDied:
        code = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()
        last = next((line for line in reversed(said.split("\n")) if line.strip()), "")[:300]
        if "memory allocation" in said or "MemoryError" in last or "bad_alloc" in said:
            return WorkerDied("memory", last, partial)
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return WorkerDied("crash", f"{name} {last}".strip(), partial)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def asked(case: Case) -> Row:
    """What a worker needs to compile a case."""
    return {
        "kind": case.kind,
        "schema": case.schema,
        "dialects": dict(case.dialects),
        "specification": case.specification,
        "resources": case.resources,
    }


class Pool:
    """Workers of one engine, at most one per thread that asks; one that died is replaced when it is next needed."""

    def __init__(self, engine: str, tokenizer: Tokenizer, limits: Limits, core: int | None = None) -> None:
        self.engine, self.tokenizer, self.limits, self.core = engine, tokenizer, limits, core
        self.idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self.ready: Row = {}

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        try:
            worker = self.idle.get_nowait()
        except queue.Empty:
            worker = Worker(self.engine, self.vocabulary, self.limits, self.core)
            self.ready = self.ready or worker.ready
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        if worker.resident > self.limits.memory_gb * 2**30:  # what it kept of earlier schemas is no later one's fault
            worker.close()
        else:
            self.idle.put(worker)

    @functools.cached_property
    def vocabulary(self) -> str:
        """What the workers load the vocabulary from: a file, so that their environment needs no package for it."""
        return self.tokenizer.name if self.tokenizer.name == "bytes" else str(self.tokenizer.keep())

    def walk(
        self,
        case: Case,
        *,
        times: bool,
        warm: bool = False,
        options: Row | None = None,
        only: Sequence[int] | None = None,
    ) -> Row:
        """A row for the case, whatever happens. only: the places of the instances to walk (all of them)."""
        places = range(len(case.instances)) if only is None else only
        tokens = [case.instances[i].ids(self.tokenizer) for i in places]
        row: Row = {"name": case.name, "split": case.split, "valid": [case.instances[i].valid for i in places]}
        try:
            with self.worker() as worker:
                row |= worker.walk(case, tokens, times=times, warm=warm, options=options)
                worker.resident = row.get("resident", 0)
        except WorkerDied as death:
            row |= {**death.partial, "failed": death.kind, "error": {"class": death.kind, "message": death.detail}}
            row.pop("ends", None)
        return row

    def judge(self, schema: str, instances: Sequence[str]) -> list[list[bool | None]]:
        """As `Worker.judge`; a validator that hangs can't tell."""
        try:
            with self.worker() as worker:
                verdicts: list[list[bool | None]] = worker.judge(schema, instances)["verdicts"]
        except WorkerDied:
            return [[None, None] for _ in instances]
        return verdicts

    def close(self) -> None:
        while True:
            try:
                self.idle.get_nowait().close()
            except queue.Empty:
                return


def each(cases: Sequence[Case], work: Callable[[Case], Row], done: Callable[[Row], None], threads: int = 1) -> None:
    """Do the work for every case, in order, with so many at once; `done` is called by one thread at a time."""
    left, lock = iter(cases), threading.Lock()
    errors: list[BaseException] = []

    def run() -> None:
        while not errors:
            with lock:
                case = next(left, None)
            if case is None:
                return
            try:
                row = work(case)
                with lock:
                    done(row)
            except BaseException as error:
                errors.append(error)

    pool = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    if errors:
        raise errors[0]


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr where it is a terminal; one plain line at the end elsewhere. Yields its step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def read_rows(path: Path) -> dict[str, Row]:
    """The rows of an earlier run by name; a line cut short by an interruption is left out."""
    rows: dict[str, Row] = {}
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue
                rows[row["name"]] = row
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """All rows of a finished run as one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def open_rows(path: Path) -> IO[str]:
    """The file for more rows; after a line that an interruption has cut short a new one begins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cut = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    out = path.open("a", encoding="utf-8")
    if cut:
        out.write("\n")
    return out


def append_row(out: IO[str], row: Row) -> None:
    """Write one row so that it is on disk before the next case begins."""
    out.write(json.dumps(row) + "\n")
    out.flush()


def _environment() -> dict[str, str]:
    """One thread for everything, no network, and this package on the path."""
    fixed = {
        "RAYON_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, **fixed, "PYTHONPATH": path}
