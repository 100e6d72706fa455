"""First masks, masks and accepts of grammars over a large vocabulary, along real files; each engine in its own process.

Three grammars: JSON; the Python grammar that ships with constrain, exact about lines and indentation; and one of
Python's terminals and nesting alone (`python_like`), which all engines can read. An engine gets a grammar in the
dialect that it reads; what it refuses is reported in its own words.

Before the grammar, each process compiles a trivial one of the same kind and makes a mask; that time is reported apart.
constrain gets a copy of each grammar's text, as a user's own would be, since the package has tables for those that
ship; what these save is a number of its own.

The texts are walked by a new process, and once more by one that has walked *other* texts of the language before, as a
server has; for constrain also by a new process that finds what another one has kept along these others (`prepare`).
"""

from __future__ import annotations

import ast
import os
import random
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from constrain.frontends import lark
from constrain.grammar.shipped import shipped_text
from jsonschemabench import suites
from jsonschemabench.cfg import python_like
from jsonschemabench.limits import Limits
from jsonschemabench.runner import Row, SetupFailed, Worker, WorkerDied
from jsonschemabench.suites import Case, Instance
from jsonschemabench.suites.grammars import JSON_GBNF, own_grammar
from jsonschemabench.tokenizers import Tokenizer

ENGINES = ("constrain", "llguidance", "glrmask", "xgrammar")
LIMITS = Limits(compile_s=60.0, walk_s=60.0)
PYTHON_FILES = (
    *("abc.py", "bisect.py", "contextlib.py", "copy.py", "csv.py", "fnmatch.py", "heapq.py", "queue.py", "sched.py"),
    *("shlex.py", "string.py", "textwrap.py"),
)
OTHER_FILES = 400  # modules that are walked before, drawn by the seed
OTHER_TOKENS = 12_000  # each has fewer
JSON_INSTANCES = 60
SKIP = '%llguidance {"allow_initial_skip": true}\n'
Dialects = tuple[tuple[str, str], ...]
LONGEST = 6000  # characters of a JSON instance
TRIVIAL = {"lark": 'start: "a"\n', "llguidance-lark": 'start: "a"\n', "gbnf": 'root ::= "a"\n'}
COPY = "\n// a copy\n"


@dataclass(frozen=True)
class Load:
    """A grammar and the texts to walk it along."""

    case: Case
    texts: str  # what they are
    others: tuple[Instance, ...] = ()  # of the same language


def loads(data: Path, files: Sequence[str], instances: int, seed: int) -> list[Load]:
    """The three grammars. data: MaskBench's file. files: of the standard library. instances: of MaskBench."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    python = tuple(Instance(True, (folder / name).read_text(encoding="utf-8")) for name in files)
    named = f"{len(files)} modules of the standard library: {', '.join(files)}"
    others = tuple(Instance(True, text) for text in other_modules(folder, files, seed))
    jsons = tuple(Instance(True, text) for text in json_texts(data, 2 * instances, seed))
    jsons, more = jsons[:instances], jsons[instances:]
    lines = tuple(Instance(True, python_like.reprinted(instance.text or "")) for instance in python)
    reads = lark(python_like.lark()).matches  # as lark reads it, `b` is a name also before an empty literal
    reprinted = (python_like.reprinted(instance.text or "") for instance in others)
    other_lines = tuple(Instance(True, text) for text in reprinted if reads(text))
    like = with_skip((("lark", python_like.lark()), ("gbnf", python_like.gbnf())))
    json = with_skip((*own_grammar("json"), ("gbnf", JSON_GBNF)))
    return [
        Load(_case("json", json, jsons), f"{len(jsons)} instances of {data.name}, seed {seed}", more),
        Load(_case("python", with_skip(own_grammar("python")), python), named, others),
        Load(_case("python-like", like, lines), "the same modules as ast.unparse writes them", other_lines),
    ]


def other_modules(folder: Path, files: Sequence[str], seed: int) -> list[str]:
    """Other modules of the standard library and its packages, tests apart, drawn by the seed."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*.py"))
    random.Random(seed).shuffle(paths)
    texts: list[str] = []
    for path in paths:
        if len(texts) == OTHER_FILES:
            break
        apart = any(part.startswith(("test", "site-packages", "dist-packages")) for part in path.parts)
        if apart or str(path) in files:
            continue
        try:
            text = (folder / path).read_text(encoding="utf-8")
            ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        if len(text) < 4 * OTHER_TOKENS:
            texts.append(text)
    return texts


def with_skip(dialects: Dialects) -> Dialects:
    """For llguidance the same Lark text with the option that lets white space stand at the beginning, as lark does."""
    own = tuple(("llguidance-lark", SKIP + text) for dialect, text in dialects if dialect == "lark")
    return (*dialects, *own)


def json_texts(data: Path, count: int, seed: int) -> list[str]:
    """Valid instances of MaskBench, at most one of each schema, drawn by the seed."""
    cases = suites.load(data)
    random.Random(seed).shuffle(cases)
    found: list[str] = []
    for case in cases:
        text = next((i.text for i in case.instances if i.valid and i.text and len(i.text) <= LONGEST), None)
        if text is not None and len(found) < count:
            found.append(text)
    return found


def _case(name: str, dialects: tuple[tuple[str, str], ...], instances: tuple[Instance, ...]) -> Case:
    return Case(name, name, "", instances, kind="grammar", dialects=dialects)


def measure(
    engine: str, case: Case, others: Sequence[Instance], tokenizer: Tokenizer, limits: Limits, core: int | None
) -> Row:
    """One row: compile cold, first mask, every text, and every text after others; for constrain once more in a process
    that finds it on the disk, with what is kept of these others, and where the grammar ships, once with the tables of
    the package."""
    tokens = [instance.ids(tokenizer) for instance in case.instances]
    before = [instance.ids(tokenizer) for instance in others]
    if engine != "constrain":
        row = _walk(engine, case, tokens, tokenizer, limits, core)
        return row | _after(row, engine, case, before, tokens, tokenizer, limits, core)
    own = copied(case)
    with cold_cache():
        row = _walk(engine, own, tokens, tokenizer, limits, core)
        row |= _after(row, engine, own, before, tokens, tokenizer, limits, core)
        if before and _all_read(row):
            begun = time.perf_counter()
            row["kept_bytes"] = _keep(own, before, tokenizer)
            row["keep_ns"] = round((time.perf_counter() - begun) * 1e9)
            kept = _walk(engine, own, tokens, tokenizer, limits, core)
            names = ("mask_ns", "accept_ns", "first_mask_ns", "memory_walked")
            row |= {f"kept_{name}": kept.get(name) for name in names}
    with cold_cache():
        _walk(engine, own, tokens[:1], tokenizer, limits, core)
        if "first_mask_ns" in row:
            again = _walk(engine, own, tokens[:1], tokenizer, limits, core)
            row |= {"disk_first_mask_ns": again.get("first_mask_ns"), "disk_start_ns": again.get("start_ns")}
    if shipped_text(case.name) in dict(case.dialects).values():
        with cold_cache():
            ahead = _walk(engine, case, tokens[:1], tokenizer, limits, core)
            row["shipped_first_mask_ns"] = ahead.get("first_mask_ns")
    return row


def _all_read(row: Row) -> bool:
    return "ends" in row and all(end[0] == "accepted" for end in row["ends"])


def _after(
    row: Row, engine: str, case: Case, before: list[list[int]], tokens: list[list[int]], tokenizer: Tokenizer,
    limits: Limits, core: int | None,
) -> Row:  # fmt: skip
    """The times along the texts in a process that has walked others before; nothing where not all are read."""
    if not before or not _all_read(row):
        return {}
    walked = _walk(engine, case, [*before, *tokens], tokenizer, limits, core)
    if not _all_read(walked):
        return {}
    count = len(row["mask_ns"])
    return {f"after_{name}": walked[name][-count:] for name in ("mask_ns", "accept_ns")}


def _keep(case: Case, texts: list[list[int]], tokenizer: Tokenizer) -> int:
    """Let constrain prepare along some texts; returns the size of what it keeps."""
    from constrain.paths import cache_dir
    from jsonschemabench.engines.constrain import Constrain

    made = Constrain()
    made.setup(tokenizer)
    constraint = made.constrain.lark(dict(case.dialects)["lark"])
    constraint.compile(made.vocabulary).prepare(texts)
    folders = [cache_dir() / name for name in ("stores", "arenas")]
    return sum(file.stat().st_size for folder in folders if folder.is_dir() for file in folder.iterdir())


def copied(case: Case) -> Case:
    """The same grammar in a text that does not ship."""
    return replace(case, dialects=tuple((d, text + COPY if d == "lark" else text) for d, text in case.dialects))


def _walk(
    engine: str, case: Case, tokens: list[list[int]], tokenizer: Tokenizer, limits: Limits, core: int | None
) -> Row:
    trivial = replace(case, dialects=tuple((d, TRIVIAL[d]) for d, _ in case.dialects if d in TRIVIAL))
    try:
        with Worker(engine, str(tokenizer.keep()), limits, core) as worker:
            start = worker.walk(trivial, [], times=False).get("first_mask_ns")
            return {**worker.walk(case, tokens, times=True), "start_ns": start}
    except SetupFailed as failure:
        return {"failed": "start", "error": {"message": str(failure)[:300]}}
    except WorkerDied as death:
        return {**death.partial, "failed": death.kind, "error": {"message": death.detail}}


@contextmanager
def cold_cache() -> Iterator[None]:
    """A cache folder of constrain's that has its kernels and the vocabulary, but has seen no grammar."""
    from constrain.paths import cache_dir

    kept = os.environ.get("CONSTRAIN_CACHE_DIR")
    with tempfile.TemporaryDirectory(prefix="jsonschemabench-cold-") as folder:
        for name in ("kernels", "vocabularies"):
            (cache_dir() / name).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).symlink_to((cache_dir() / name).resolve())
        os.environ["CONSTRAIN_CACHE_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["CONSTRAIN_CACHE_DIR"]
            if kept is not None:
                os.environ["CONSTRAIN_CACHE_DIR"] = kept


def summary(row: Row, texts: int) -> dict[str, Any]:
    """What of a row goes into the result: milliseconds, microseconds, MB."""
    error = row.get("refused") or row.get("error") or {}
    found: dict[str, Any] = {"status": "refused" if "refused" in row else row.get("failed", "ok")}
    if error:
        found["message"] = error.get("message", "")
    times = ["start", "compile", "first_mask", "disk_start", "disk_first_mask", "shipped_first_mask"]
    for name in [f"{what}_ns" for what in (*times, "keep", "kept_first_mask")]:
        if row.get(name) is not None:
            found[name.replace("_ns", "_ms")] = round(row[name] / 1e6, 3)
    if row.get("first_mask_error"):
        found |= {"status": "no mask", "message": row["first_mask_error"]}
    for name in ("memory_compiled", "memory_walked", "kept_memory_walked"):
        if name in row:
            found[name + "_mb"] = round(row[name] / 1e6, 1)
    if "ends" in row:
        found["whole"] = sum(end[0] == "accepted" for end in row["ends"])
        found["texts"] = texts
        stopped = [end for end in row["ends"] if end[0] != "accepted"]
        if stopped:
            found["stopped"] = [" ".join(map(str, end)) for end in stopped[:3]]
        masks, accepts = row["mask_ns"], [ns for ns in row["accept_ns"] if ns >= 0]
        both = [m + max(a, 0) for m, a in zip(row["mask_ns"], row["accept_ns"], strict=True)]
        for name, values in (("mask", masks), ("accept", accepts), ("both", both)):
            if values:
                found[name + "_us"] = percentiles(values)
        found["positions"] = len(masks)
        for kind in ("after", "kept"):
            if row.get(f"{kind}_mask_ns"):
                pairs = zip(row[f"{kind}_mask_ns"], row[f"{kind}_accept_ns"], strict=True)
                both = [m + max(a, 0) for m, a in pairs]
                accepts = [ns for ns in row[f"{kind}_accept_ns"] if ns >= 0]
                found[kind] = {
                    "mask_us": percentiles(row[f"{kind}_mask_ns"]),
                    "accept_us": percentiles(accepts),
                    "both_us": percentiles(both),
                }
        if "kept_bytes" in row:
            found["kept_mb"] = round(row["kept_bytes"] / 1e6, 1)
    return found


def percentiles(values: list[int]) -> dict[str, float]:
    """Mean and nearest ranks, in microseconds. values: nanoseconds."""
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))] / 1e3, 2)

    mean = round(sum(ordered) / len(ordered) / 1e3, 2)
    return {"mean": mean, "p50": rank(0.5), "p99": rank(0.99), "p99.9": rank(0.999), "max": round(ordered[-1] / 1e3, 2)}


def run(engines: Sequence[str], todo: Sequence[Load], tokenizer: Tokenizer, core: int | None) -> dict[str, Any]:
    """All engines on all grammars. The processes of an engine run one after the other."""
    if "constrain" in engines:  # kernels and the vocabulary's tables are made now, not in what is measured
        small = Case("warm", "warm", "", (), kind="grammar", dialects=(("lark", 'start: "a"'),))
        _walk("constrain", small, [], tokenizer, LIMITS, core)
    found: dict[str, Any] = {}
    for load in todo:
        rows = {
            engine: summary(measure(engine, load.case, load.others, tokenizer, LIMITS, core), len(load.case.instances))
            for engine in engines
        }
        tokens = sum(len(instance.ids(tokenizer)) for instance in load.case.instances)
        before = sum(len(instance.ids(tokenizer)) for instance in load.others)
        found[load.case.name] = {"texts": load.texts, "tokens": tokens, "other_tokens": before, "engines": rows}
    return {"vocabulary": tokenizer.size, "tokenizer_source": tokenizer.source, "grammars": found}
