"""`python -m jsonschemabench`: the commands of `cli`, and those of the committed pages: speed, coverage …"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsonschemabench import coverage, machine, measure, report, startup, suites
from jsonschemabench.engines import ENGINES, installed, lookup
from jsonschemabench.limits import Limits
from jsonschemabench.runner import ROOT, progress, write_rows
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import TOKENIZERS, Tokenizer

DOCS = ROOT / "docs" / "benchmarks"
DEFAULT_ENGINES = "constrain,llguidance,glrmask"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. -> its exit status (the commands of `cli` raise SystemExit)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] and given[0] in ("speed", "each", "coverage", "readme"):
        return committed(given)
    from jsonschemabench.cli import app

    app(given, prog_name="jsonschemabench")
    return 0


def committed(given: list[str]) -> int:
    """Run one of the commands of the committed pages.

    Exit status 1: something is missing or unreadable (the message says what); `coverage`: something is wrong.
    """
    args = _parser().parse_args(given)
    args.given = given
    try:
        status: int = args.command(args)
    except (suites.InvalidData, OSError, RuntimeError) as error:
        print(f"jsonschemabench: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jsonschemabench", description="The committed pages.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    speed = commands.add_parser("speed", help="times, memory and outcomes of the engines on a sample, side by side")
    _shared_options(speed, DEFAULT_ENGINES)
    speed.add_argument("--per-split", type=_positive(int), default=60, help="schemas drawn from each split (60)")
    speed.add_argument("--seed", type=int, default=0, help="seed of the draw (0)")
    speed.add_argument("--core", type=int, help="core that the workers are pinned to (the last one)")
    speed.add_argument("--no-startup", action="store_true", help="leave the start-up times out")
    speed.add_argument("--rows", type=Path, help="folder for the rows of every engine, with every single time")
    speed.add_argument("--out", type=Path, default=DOCS / "speed.md", help="Markdown; JSON is written beside it")
    speed.set_defaults(command=_speed)
    apart = commands.add_parser("each", help="every schema of a small suite on its own, the engines side by side")
    _shared_options(apart, DEFAULT_ENGINES)
    apart.add_argument("--core", type=int, help="core that the workers are pinned to (the last one)")
    apart.add_argument("--out", type=Path, default=DOCS / "hard.md", help="Markdown; JSON is written beside it")
    apart.set_defaults(command=_each)
    cover = commands.add_parser("coverage", help="the whole suite: what is refused, by which feature; what is wrong")
    _shared_options(cover, "constrain")
    cover.add_argument("--processes", type=_positive(int), default=2, help="workers at once (2)")
    cover.add_argument("--rows", type=Path, help="folder of the rows of interrupted runs (in the cache folder)")
    cover.add_argument("--fresh", action="store_true", help="begin anew, whatever an interrupted run has left")
    cover.add_argument("--out", type=Path, default=DOCS / "coverage.md", help="Markdown; JSON is written beside it")
    cover.set_defaults(command=_coverage)
    readme = commands.add_parser("readme", help="fill the README's table from the committed result")
    readme.add_argument("--result", type=Path, default=DOCS / "speed.json")
    readme.add_argument("--readme", type=Path, default=ROOT / "README.md")
    readme.add_argument("--check", action="store_true", help="change nothing; exit status 1 where the table is stale")
    readme.set_defaults(command=_readme)
    return parser


def _shared_options(parser: argparse.ArgumentParser, engines: str) -> None:
    limits, seconds = Limits(), _positive(float)
    parser.add_argument("--data", type=Path, default=suites.DEFAULT_DATA, help="the suite's file")
    parser.add_argument("--engines", default=engines, help=f"of {', '.join(ENGINES)} ({engines})")
    parser.add_argument("--tokenizer", default="llama3", choices=TOKENIZERS)
    parser.add_argument("--only", help="only schemas whose name contains this text")
    parser.add_argument("--compile-s", type=seconds, default=limits.compile_s, help="CPU seconds to compile one schema")
    parser.add_argument("--walk-s", type=seconds, default=limits.walk_s, help="CPU seconds to walk its instances")
    parser.add_argument("--memory-gb", type=_positive(float), default=limits.memory_gb, help="memory of a worker")


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Reads a number above 0."""

    def read(text: str) -> float:
        value = kind(text)
        if not (value > 0 and math.isfinite(value)):
            raise ValueError
        return value

    read.__name__ = "positive number"
    return read


def _prepare(args: argparse.Namespace) -> tuple[list[str], list[Case], Tokenizer, Limits]:
    """Engines that are installed, the suite, the vocabulary, the limits."""
    asked = args.engines.split(",")
    if unknown := [name for name in asked if ":" not in name and name not in ENGINES]:
        raise RuntimeError(f"no engine {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    missing = []
    for name in asked:
        try:
            if not installed(name):
                missing.append(name)
        except (ImportError, AttributeError, LookupError, ValueError) as error:
            raise RuntimeError(f"no engine {name}: {error}") from None
    for name in missing:
        print(f"{name} is not installed (pip install {lookup(name).package}): left out", file=sys.stderr)
    args.missing = missing
    engines = [name for name in asked if name not in missing]
    if not engines:
        raise RuntimeError("no engine is left")
    cases = [case for case in suites.load(args.data) if not args.only or args.only in case.name]
    if not cases:
        raise RuntimeError(f"no schema is left of {args.data}" + (f" with {args.only!r} in its name" * bool(args.only)))
    limits = Limits(args.compile_s, args.walk_s, args.memory_gb)
    return engines, cases, TOKENIZERS[args.tokenizer](), limits


def _speed(args: argparse.Namespace) -> int:
    engines, cases, tokenizer, limits = _prepare(args)
    drawn = suites.sample(cases, args.per_split, args.seed)
    core = args.core if args.core is not None else machine.last_core()
    tokenizer.encode("")  # the merges are found before anything is timed
    about: dict[str, Any] = {
        "machine": machine.describe(engines, args.given),
        "sample": _sample(drawn, tokenizer, args),
        "missing": args.missing,
        "limits": vars_of(limits),
    }
    results, ready, load = {}, {}, {}
    for engine in engines:
        with progress(engine, len(drawn)) as step:
            begun = time.monotonic()
            results[engine], ready[engine] = measure.run(engine, drawn, tokenizer, limits, core, step)
        if args.rows:
            write_rows(args.rows / f"speed-{engine}.jsonl", results[engine].values())
        load[engine] = {"load": machine.load_average(), "wall_s": round(time.monotonic() - begun, 1)}
    about |= measure.result(results, ready) | {"load": load}
    if "constrain" in engines and not args.no_startup:
        about["startup"] = startup.run(tokenizer.name)
    return _write(args.out, about, report.speed(about))


def _each(args: argparse.Namespace) -> int:
    engines, cases, tokenizer, limits = _prepare(args)
    core = args.core if args.core is not None else machine.last_core()
    tokenizer.encode("")
    about: dict[str, Any] = {
        "machine": machine.describe(engines, args.given),
        "suite": {"data": args.data.name, "digest": suites.digest(args.data), "schemas": len(cases)},
        "missing": args.missing,
        "limits": vars_of(limits),
        "each": {case.name: {} for case in cases},
    }
    for engine in engines:
        with progress(engine, len(cases)) as step:
            rows, _ = measure.run(engine, cases, tokenizer, limits, core, step)
        for name, row in rows.items():
            about["each"][name][engine] = measure.alone(row)
    return _write(args.out, about, report.each(about))


def _sample(drawn: list[Case], tokenizer: Tokenizer, args: argparse.Namespace) -> dict[str, Any]:
    instances = [instance for case in drawn for instance in case.instances]
    return {
        "data": args.data.name,
        "digest": suites.digest(args.data),
        "per_split": args.per_split,
        "seed": args.seed,
        "tokenizer": tokenizer.name,
        "tokenizer_source": tokenizer.source,
        "vocabulary": tokenizer.size,
        "splits": len({case.split for case in drawn}),
        "schemas": len(drawn),
        "instances": len(instances),
        "tokens": sum(len(instance.ids(tokenizer)) for instance in instances),
    }


def _coverage(args: argparse.Namespace) -> int:
    engines, cases, tokenizer, limits = _prepare(args)
    tokenizer.encode("")
    about: dict[str, Any] = {
        "machine": machine.describe(engines, args.given),
        "suite": {"data": args.data.name, "digest": suites.digest(args.data), "schemas": len(cases)},
        "missing": args.missing,
        "limits": vars_of(limits),
        "coverage": {},
    }
    for engine in engines:
        run = coverage.Run(engine, args.data, tokenizer, limits, args.processes, args.rows, args.fresh)
        about["coverage"][engine] = coverage.summary(run.rows(cases))
    _write(args.out, about, report.coverage(about))
    return int(any(part["wrong"] or part["failed"] for part in about["coverage"].values()))


def _readme(args: argparse.Namespace) -> int:
    text = args.readme.read_text(encoding="utf-8")
    result = args.result.read_text(encoding="utf-8")
    try:
        filled = report.fill_readme(text, json.loads(result))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RuntimeError(f"{args.result} is no result of `speed`: {type(error).__name__}: {error}") from None
    if args.check:
        return int(filled != text)
    args.readme.write_text(filled, encoding="utf-8")
    return 0


def _write(out: Path, about: dict[str, Any], text: str) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(text)
    return 0


def vars_of(limits: Limits) -> dict[str, float]:
    """The limits by name, for the result."""
    return {"compile_s": limits.compile_s, "walk_s": limits.walk_s, "memory_gb": limits.memory_gb}


if __name__ == "__main__":
    sys.exit(main())
