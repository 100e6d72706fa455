"""The command line: what there is, run it, look at it, compare it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jsonschemabench.limits import Limits

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measure engines of constrained decoding: what they cover, how fast they are, what models write under them. "
    "Begin with `jsonschemabench list`, then `jsonschemabench run --quick`, then `jsonschemabench report`.",
)
DATA = Path("../shared/data")
RUNS = Path("runs")
QUICK = {"per_split": 6, "slow_per_split": 1, "budget_s": 20.0, "slow_budget_s": 12.0, "within": 4.5}
USUAL = {"per_split": 60, "slow_per_split": 5, "budget_s": 0.0, "slow_budget_s": 0.0, "within": 0.0}


@app.command("list")
def list_() -> None:
    """Suites, engines and tasks: what each is, and whether it can be used here."""
    from jsonschemabench.engines import ENGINES
    from jsonschemabench.environments import interpreter, versions
    from jsonschemabench.suites import SUITES
    from jsonschemabench.tasks import TASKS

    console = Console()
    table = Table("engine", "version", "what it is", title="Engines", title_justify="left")
    for name, adapter in ENGINES.items():
        here = interpreter(name) is not None
        version = versions(name).get(adapter.package, "") or "this source"
        fetch = f"not installed (jsonschemabench install {name})"
        table.add_row(name, ("–" if name == "none" else version) if here else fetch, adapter.about)
    console.print(table)
    table = Table("suite", "what it is", "from", "licence", title="Suites", title_justify="left")
    for name, suite in SUITES.items():
        table.add_row(name, suite.about, suite.home, suite.licence)
    console.print(table)
    table = Table("task", "what it is", "from", title="Tasks (with --model)", title_justify="left")
    for name, task in TASKS.items():
        table.add_row(name, task.about, task.home)
    console.print(table)


@app.command()
def install(
    engines: Annotated[list[str], typer.Argument(help="engines by name, or `all`")],
) -> None:
    """Give engines environments of their own, outside the repository: peers pin packages that conflict."""
    from jsonschemabench import environments
    from jsonschemabench.engines import ENGINES

    names = [name for name, e in ENGINES.items() if e.requirements] if engines == ["all"] else engines
    done: set[Path] = set()
    for name in names:
        if name not in ENGINES:
            _fail(f"no engine {name}; there are {', '.join(ENGINES)}")
        if environments.folder(name) in done:
            continue
        print(f"{name}: installing {' '.join(ENGINES[name].requirements) or 'nothing'}", file=sys.stderr)
        try:
            done.add(environments.install(name))
        except (environments.InstallFailed, ValueError) as error:
            _fail(str(error))


@app.command()
def run(
    out: Annotated[Path | None, typer.Option(help="folder of the run; one that exists goes on  [runs/latest]")] = None,
    quick: Annotated[bool, typer.Option(help="a fair first picture within five minutes on two cores")] = False,
    engines: Annotated[str, typer.Option(help="comma-separated; all: every one that is installed")] = "all",
    suites: Annotated[str, typer.Option(help="comma-separated, or module:Class; see `list`; none: tasks only")] = "",
    per_split: Annotated[int | None, typer.Option(help="cases of each split; 0: all  [60]")] = None,
    slow_per_split: Annotated[int | None, typer.Option(help="the same for slow engines; 0: all  [5]")] = None,
    budget_s: Annotated[float | None, typer.Option(help="seconds for an engine on a suite; 0: no bound  [0]")] = None,
    slow_budget_s: Annotated[float | None, typer.Option(help="the same for slow engines  [0]")] = None,
    within: Annotated[float | None, typer.Option(help="minutes for all walks; the same command goes on  [0]")] = None,
    full: Annotated[str, typer.Option(help="engines that take all of MaskBench, whatever --per-split says")] = "",
    seed: Annotated[int, typer.Option(help="seed of the samples")] = 0,
    jobs: Annotated[int | None, typer.Option(help="engines at once, each on a core  [1; --quick: 2]", min=1)] = None,
    ray: Annotated[str, typer.Option(help="address of a Ray cluster, or `auto`")] = "",
    data: Annotated[Path, typer.Option(help="folder of the suites' files; what is not there is fetched")] = DATA,
    fetch: Annotated[bool, typer.Option(help="fetch missing files from their public homes")] = True,
    tokenizer: Annotated[str, typer.Option(help="vocabulary of the walks: llama3, bytes")] = "llama3",
    only: Annotated[str, typer.Option(help="only cases with this text in their name")] = "",
    compile_s: Annotated[float, typer.Option(help="CPU seconds to compile one case", min=0.01)] = Limits.compile_s,
    walk_s: Annotated[float, typer.Option(help="CPU seconds to walk its instances", min=0.01)] = Limits.walk_s,
    memory_gb: Annotated[float, typer.Option(help="memory for one case", min=0.1)] = Limits.memory_gb,
    warm: Annotated[bool, typer.Option(help="compile and walk a second time, warm")] = True,
    tasks: Annotated[str, typer.Option(help="comma-separated tasks for a model to write; see `list`")] = "",
    model: Annotated[str, typer.Option(help="folder or GGUF file of a model, or `smollm2`; `ngram`: none")] = "",
    per_task: Annotated[int, typer.Option(help="questions of each task", min=1)] = 10,
    tokens: Annotated[int, typer.Option(help="longest text of a model", min=1)] = 200,
    note: Annotated[str, typer.Option(help="a remark that every report shows")] = "",
    fresh: Annotated[bool, typer.Option(help="begin anew in a folder that holds a run")] = False,
) -> None:
    """Measure. What is done is kept: the same command goes on where an interrupted one stopped."""
    from jsonschemabench import suites as all_suites
    from jsonschemabench.engines import ENGINES, installed, lookup
    from jsonschemabench.plan import QUICK_SUITES, Plan, PlanChanged
    from jsonschemabench.run import run as run_plan
    from jsonschemabench.tasks import TASKS
    from jsonschemabench.tokenizers import TOKENIZERS, MissingTokenizer

    names = list(ENGINES) if engines == "all" else engines.split(",")
    if quick and engines == "all":
        names = [name for name in names if ENGINES[name].quick]
    for name in [*names, *filter(None, full.split(","))]:
        try:
            lookup(name)
        except (LookupError, ImportError, AttributeError, ValueError):
            _fail(f"no engine {name}; there are {', '.join(ENGINES)}")
    for name in names:
        if not installed(name):
            print(f"{name} is not installed (jsonschemabench install {name}): left out", file=sys.stderr)
    asked = suites.split(",") if suites else list(dict.fromkeys([*QUICK_SUITES, *all_suites.SUITES]))
    if quick and not suites:
        asked = list(QUICK_SUITES)
    if suites == "none":
        asked = []
    if not suites and not quick:
        asked.remove("jsonschemabench")  # its cases are MaskBench's
    for name in asked:
        try:
            all_suites.find_suite(name)
        except (LookupError, ImportError, AttributeError, ValueError):
            _fail(f"no suite {name}; there are {', '.join(all_suites.SUITES)}")
    wanted = tuple(filter(None, tasks.split(",")))
    if unknown := [name for name in wanted if name not in TASKS]:
        _fail(f"no task {', '.join(unknown)}; there are {', '.join(TASKS)}")
    if wanted and not model:
        _fail("tasks need a model: --model")
    if tokenizer not in TOKENIZERS:
        _fail(f"no tokenizer {tokenizer}; there are {', '.join(TOKENIZERS)}")
    given = {
        "per_split": per_split,
        "slow_per_split": slow_per_split,
        "budget_s": budget_s,
        "slow_budget_s": slow_budget_s,
        "within": within,
    }
    usual = {**(QUICK if quick else USUAL), **{name: value for name, value in given.items() if value is not None}}
    plan = Plan(
        engines=tuple(names),
        suites=tuple(asked),
        tasks=wanted,
        per_split=int(usual["per_split"]) or None,
        slow_per_split=int(usual["slow_per_split"]) or None,
        budget_s=usual["budget_s"] or None,
        slow_budget_s=usual["slow_budget_s"] or None,
        within_s=60 * usual["within"] or None,
        full=tuple(filter(None, full.split(","))),
        seed=seed,
        tokenizer=tokenizer,
        limits=Limits(compile_s, walk_s, memory_gb),
        jobs=jobs or (min(2, os.cpu_count() or 1) if quick else 1),
        warm=warm,
        only=only,
        model=model,
        per_task=per_task,
        tokens=tokens,
        note=note,
    )
    folder = out or RUNS / "latest"
    try:
        about = run_plan(plan, folder, all_suites.Data(data, fetch), sys.argv[1:], ray, fresh)
    except KeyboardInterrupt:
        print(f"stopped; what is done is in {folder}, the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    except (PlanChanged, MissingTokenizer, RuntimeError, OSError, ValueError) as error:
        _fail(str(error))
    for name, found in about["suites"].items():
        if "missing" in found:
            print(f"{name} was left out: {found['missing']}", file=sys.stderr)
    print(f"{folder}: {about['wall_s']:.0f} s. Now: jsonschemabench report {folder}", file=sys.stderr)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="folder of a run")] = RUNS / "latest",
    out: Annotated[
        Path | None, typer.Option(help="folder for report.html, result.json and the pages  [the run's]")
    ] = None,
    name: Annotated[str, typer.Option(help="name of the files")] = "report",
    parquet: Annotated[bool, typer.Option(help="also all rows as NAME.parquet (needs pyarrow)")] = False,
) -> None:
    """Make of a run: an HTML page that needs nothing else, Markdown tables, a page that reads them, the figures."""
    from jsonschemabench.pages import write_pages

    try:
        made = write_pages(folder, out or folder, name)
        if parquet:
            from jsonschemabench.export import write_parquet

            made.append(write_parquet(folder, (out or folder) / f"{name}.parquet"))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        _fail(f"{folder} holds no run that can be reported: {type(error).__name__}: {error}")
    for path in made:
        print(path)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="folder of a run")],
    after: Annotated[Path, typer.Argument(help="folder of another one")],
    seed: Annotated[int, typer.Option(help="seed of the resampling")] = 0,
) -> None:
    """What changed from one run to another beyond noise: outcomes case by case, times over the cases of both.

    Exit status 1 where something became wrong or slower.
    """
    from jsonschemabench.comparison import compare_runs, show

    try:
        found = compare_runs(before, after, seed)
    except (OSError, ValueError, KeyError) as error:
        _fail(f"no two runs to compare: {type(error).__name__}: {error}")
    show(found, Console())
    raise typer.Exit(int(found["worse"]))


def _passed_on(name: str, text: str) -> None:
    """Commands of the committed pages, with options of their own (`--help` shows them)."""
    settings: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

    @app.command(name, help=text, context_settings=settings)
    def command(context: typer.Context) -> None:
        from jsonschemabench.__main__ import committed

        raise typer.Exit(committed([name, *context.args]))


_passed_on("speed", "The committed page on speed: three engines side by side (docs/benchmarks/speed.md).")
_passed_on("coverage", "The committed page on coverage: all of MaskBench, every difference explained.")
_passed_on("readme", "Fill the README's table from the committed result.")


def _fail(message: str) -> None:
    print(f"jsonschemabench: {message}", file=sys.stderr)
    raise typer.Exit(1)


def main() -> None:
    app(prog_name="jsonschemabench")
