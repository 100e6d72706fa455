"""`python -m jsonschemabench.cfg toy|speed|generate`: each writes a page and its JSON into docs/benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from jsonschemabench import machine, tokenizers
from jsonschemabench.cfg import pages, speed, toy
from jsonschemabench.engines import installed
from jsonschemabench.runner import ROOT

DOCS = ROOT / "docs" / "benchmarks"
SHARED = Path("../shared/data")


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0; 1 where constrain's masks or texts were wrong; 2 where something is missing."""
    args = _parser().parse_args(arguments)
    args.given = ["cfg", *(sys.argv[1:] if arguments is None else arguments)]
    try:
        status: int = args.command(args)
    except (RuntimeError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jsonschemabench.cfg", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("toy", help="whole masks against brute force over 402 tokens")
    one.add_argument("--engines", default=",".join(toy.ENGINES))
    one.add_argument("--texts", type=int, default=4, help="texts for each grammar (4)")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--out", type=Path, default=DOCS / "cfg-toy.md")
    one.set_defaults(command=_toy)
    two = commands.add_parser("speed", help="first mask, mask and accept over a large vocabulary")
    two.add_argument("--engines", default=",".join(speed.ENGINES))
    two.add_argument("--grammars", default="json,python,python-like")
    two.add_argument("--tokenizer", default="llama3", help="a name, or a file that an earlier run has kept")
    two.add_argument("--data", type=Path, default=SHARED / "maskbench.jsonl.xz")
    two.add_argument("--files", default=",".join(speed.PYTHON_FILES), help="modules of the standard library")
    two.add_argument("--instances", type=int, default=speed.JSON_INSTANCES, help="JSON texts")
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--core", type=int, help="the core that engines are pinned to (the last)")
    two.add_argument("--out", type=Path, default=DOCS / "cfg-speed.md")
    two.set_defaults(command=_speed)
    three = commands.add_parser("generate", help="programs by language models, with and without the grammar")
    three.add_argument("--models", default="smollm2,qwen-coder", help="of smollm2, qwen-coder, folders, GGUF files")
    three.add_argument("--tasks", default="humaneval,humaneval-go,spider,bfcl")
    three.add_argument("--per-task", type=int, default=20, help="prompts of each task (20)")
    three.add_argument("--tokens", type=int, default=400, help="new tokens of a text at most (400)")
    three.add_argument("--batch", type=int, default=1, help="prompts at once; 1 for the times of single texts")
    three.add_argument("--seed", type=int, default=0)
    three.add_argument("--data", type=Path, default=SHARED / "aligned")
    three.add_argument("--out", type=Path, default=DOCS / "cfg-generate.md")
    three.set_defaults(command=_generate)
    return parser


def _toy(args: argparse.Namespace) -> int:
    engines = _there(args.engines)
    found = toy.run(engines, args.texts, args.seed)
    about = (
        f"{found['vocabulary']} tokens, seed {args.seed}; every state along the texts counts once. "
        "`jsonschemabench/cfg/oracle.py` says what is valid, `small.py` what the tokens and texts are."
    )
    _write(args, {"about": about, **found}, engines, pages.toy)
    ours = [part["engines"]["constrain"] for part in found["grammars"].values() if "constrain" in part["engines"]]
    return int(any(t["wrong"] or t["no_mask"] or t["unreached"] or not t["states"] for t in ours))


def _speed(args: argparse.Namespace) -> int:
    engines = _there(args.engines)
    tokenizer = tokenizers.load(args.tokenizer)
    tokenizer.encode("")  # what is kept of the tokenizer is made before anything is timed
    todo = speed.loads(args.data, args.files.split(","), args.instances, args.seed)
    asked = set(args.grammars.split(","))
    core = args.core if args.core is not None else machine.last_core()
    found = speed.run(engines, [load for load in todo if load.case.name in asked], tokenizer, core)
    about = (
        f"{found['vocabulary']} tokens ({tokenizer.name}); one process for each engine and grammar, one core, one "
        "thread. Each time is one call from Python. *Start*: from the text of a grammar of one letter to its mask, the "
        "first grammar of the process (the engine is loaded, and has made a mask of a JSON Schema where it takes any). "
        "*First mask*: from the grammar's text to its mask, after that. *Cold*: a text that the process and the disk "
        "have not seen, as a user's own. *Tables in the package*: cold, for grammars that ship with constrain. "
        "*Disk*: in a new process that finds what the first one kept. *Both*: a position's mask and its token's "
        "accept. Memory is what the process grew by. *After others*: in a process that has walked other texts of the "
        "language before. *Prepared with others*: in a new process that finds on disk what another process has kept "
        "along these others (`CompiledConstraint.prepare`)."
    )
    result = {"about": about, "load": machine.load_average(), **found}
    return _write(args, result, engines, pages.speed)


def _generate(args: argparse.Namespace) -> int:
    from jsonschemabench.cfg import generate, programs, weights

    unknown = set(args.tasks.split(",")) - set(programs.TASKS)
    if unknown:
        raise RuntimeError(f"no task {', '.join(sorted(unknown))}; there are {', '.join(programs.TASKS)}")
    tasks = [programs.TASKS[name] for name in args.tasks.split(",")]
    models: dict[str, Any] = {}
    for name in args.models.split(","):
        model, tokenizer, shown = weights.load(name)
        writer = generate.Writer(model, tokenizer, args.tokens, args.batch)

        def say(text: str, shown: str = shown) -> None:
            print(f"{shown} {text}", file=sys.stderr, flush=True)

        models[shown] = generate.run(writer, tasks, args.data, args.per_task, args.seed, say)
    about = (
        f"{args.per_task} prompts of each task (seed {args.seed}), at most {args.tokens} new tokens, greedy, "
        f"{args.batch} at once, float32, one thread. A text that the limit cuts off counts as cut alone. Load "
        f"average at the end: {machine.load_average()}."
    )
    _write(args, {"about": about, "models": models}, ["constrain"], pages.generate)
    ours = [task["constrained"] for tasks in models.values() for task in tasks.values() if "constrained" in task]
    return int(any(count["syntax_errors"] for count in ours))


def _there(asked: str) -> list[str]:
    """The engines that are installed; the others are named."""
    engines = [name for name in asked.split(",") if installed(name)]
    for name in asked.split(","):
        if name not in engines:
            print(f"{name} is not installed (jsonschemabench install {name}): left out", file=sys.stderr)
    if not engines:
        raise RuntimeError("no engine is left")
    return engines


def _write(args: argparse.Namespace, result: dict[str, Any], engines: list[str], page: Any) -> int:
    about = machine.describe(engines, args.given)
    about["command"] = about["command"].replace("jsonschemabench cfg ", "jsonschemabench.cfg ", 1)
    result = {"machine": about, **result}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    text = page(result)
    args.out.write_text(text, encoding="utf-8")
    args.out.with_suffix(".json").write_text(
        json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(text)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
