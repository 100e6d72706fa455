"""Markdown from results, and nothing else: every figure in a table is read from the JSON beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jsonschemabench.measure import SLOWEST

Result = dict[str, Any]
BEGIN, END = "<!-- speed:begin -->", "<!-- speed:end -->"
SPREADS = {  # title of the rows, key in the result, which of its figures
    "mask, µs": ("mask_us", ("mean", "p50", "p99", "p99.9", "max")),
    "accept, µs": ("accept_us", ("mean", "p50", "p99", "p99.9", "max")),
    "mask + accept, µs": ("step_us", ("mean", "p50", "p99", "p99.9", "max")),
    "first mask (compile + mask), ms": ("first_mask_ms", ("mean", "p50", "p90", "p99", "max")),
    "of which compile, ms": ("compile_ms", ("mean", "p50", "p90", "p99", "max")),
    "memory of a compiled schema, MB": ("memory_compiled_mb", ("mean", "p50", "max")),
    "memory after its instances, MB": ("memory_walked_mb", ("mean", "p50", "max")),
}
README_ROWS = {
    "mask + accept, µs": ("step_us", ("mean", "p50", "p99", "p99.9", "max")),
    "first mask (compile + mask), ms": ("first_mask_ms", ("p50", "p90", "p99", "max")),
    "memory of a compiled schema, MB": ("memory_compiled_mb", ("mean", "max")),
}
EXAMPLES = 200  # entries of a list in Markdown; the JSON has all


def speed(result: Result) -> str:
    """The page of the `speed` command."""
    sample, engines = result["sample"], list(result["outcomes"])
    parts = [
        "# Speed",
        _generated(result),
        f"{sample['schemas']} schemas (up to {sample['per_split']} of each of {sample['splits']} splits of "
        f"`{sample['data']}`, SHA-256 {sample['digest']}…, seed {sample['seed']}), {sample['instances']} instances, "
        f"{sample['tokens']} tokens of the {sample['tokenizer']} vocabulary ({sample['vocabulary']} ids, from "
        f"`{sample['tokenizer_source']}`). How it is measured: [README.md](README.md).",
        _missing(result),
        "## What each engine does with the schemas",
        _outcomes(result, engines),
        "A valid instance is also rejected where its properties are in another order than the engine writes them; "
        "[coverage.md](coverage.md) tells these from mistakes.",
    ]
    for kind, title in (("compiled", "that all engines compile"), ("right", "on which all engines are right")):
        count = result["times"][kind][engines[0]]["schemas"]
        positions = max(result["times"][kind][engine]["positions"] for engine in engines)
        parts += [f"## Times and memory over the {count} schemas {title}"]
        parts += [f"{positions} positions at most (an engine that rejects a valid instance stops early)."]
        parts += [_times(result, kind, engines, SPREADS)]
    parts += ["## Processes", _processes(result, engines)]
    if "startup" in result:
        parts += [
            "## Start-up of constrain",
            _startup(result["startup"], result["machine"]["cores"], sample["vocabulary"]),
        ]
    parts += ["## Where the time goes", _slowest(result, engines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def readme(result: Result) -> str:
    """The short table of the project's README."""
    engines, about = list(result["outcomes"]), result["machine"]
    sample, count = result["sample"], result["times"]["compiled"][engines[0]]["schemas"]
    rows = [*_spread_rows(result, "compiled", engines, README_ROWS)]
    kinds = {
        "schemas refused": "refused",
        "… an invalid instance accepted": "under",
        "… a valid instance rejected (order of properties included)": "over",
    }
    for title, kind in kinds.items():
        rows.append([f"{title} (of {sample['schemas']})", *(str(result["outcomes"][e][kind]) for e in engines)])
    caption = (
        f"One core of {about['cpu']}, {about['python']}, vocabulary of {sample['vocabulary']} tokens, "
        f"{about['date'][:10]}; times over the {count} schemas that all compile, each engine through its Python API. "
        f"All figures, and how they are taken: [docs/benchmarks](docs/benchmarks/speed.md)."
    )
    return _table(["", *_names(result, engines)], rows) + "\n\n" + caption


def fill_readme(text: str, result: Result) -> str:
    """The README with the table between its two marks replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise RuntimeError(f"the README needs one {BEGIN} and after it one {END}")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{readme(result)}\n{END}{rest.split(END)[1]}"


def each(result: Result) -> str:
    """The page of the `each` command: a table for every schema, a row for every engine."""
    suite = result["suite"]
    parts = ["# Schemas that multiply", _generated(result), _missing(result)]
    parts += [
        f"{suite['schemas']} schemas of `{suite['data']}` (SHA-256 {suite['digest']}…), which "
        "`python scripts/hard_schemas.py` writes and has measured, one after the other. "
        "How it is measured: [README.md](README.md)."
    ]
    head = ["engine", "outcome", "compile, ms", "first mask, ms", "masks", "mask, µs: mean", "p50", "p99", "max"]
    for name, found in result["each"].items():
        rows = []
        for engine, row in found.items():
            mask = row.get("mask_us", {})
            outcome = row["verdict"] + (f": `{row['feature']}`" if "feature" in row else "")
            figures = [row.get("compile_ms"), row.get("first_mask_ms"), row.get("masks")]
            figures += [mask.get(point) for point in ("mean", "p50", "p99", "max")]
            rows.append([*_names(result, [engine]), outcome, *map(_figure, figures)])
        parts += [f"## {name}", _table(head, rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def coverage(result: Result) -> str:
    """The page of the `coverage` command."""
    suite = result["suite"]
    parts = ["# Coverage", _generated(result)]
    parts += [f"All {suite['schemas']} schemas of `{suite['data']}` (SHA-256 {suite['digest']}…)."]
    parts += ["How it is measured: [README.md](README.md).", _missing(result)]
    for engine, summary in result["coverage"].items():
        parts += _engine_coverage(engine, summary)
    return "\n\n".join(part for part in parts if part) + "\n"


def _engine_coverage(engine: str, summary: Result) -> list[str]:
    counts, total = summary["counts"], summary["schemas"]
    kinds = {
        "right on all instances": counts.get("right", 0),
        "… of which have no instance": summary["without_instances"],
        "refused": counts.get("refused", 0),
        **({"no value satisfies the schema, and the suite has none": counts["void"]} if "void" in counts else {}),
        "differs from the suite for a reason (below)": counts.get("explained", 0),
        "wrong": counts.get("wrong", 0),
        "crash, time-out or memory": counts.get("failed", 0),
    }
    parts = [f"## {engine}"]
    parts += [_table(["", "schemas", "share"], [[k, str(n), _share(n, total)] for k, n in kinds.items()])]
    parts += [
        f"{summary['walked']} of {summary['instances']} instances walked; {summary['over']} schemas reject a valid "
        f"instance, {summary['under']} accept an invalid one (explained ones included)."
    ]
    rows = [
        [f"`{g['feature']}`", g["class"], str(g["schemas"]), _share(g["schemas"], total), _example(g)]
        for g in summary["refusals"]
    ]
    head = ["feature", "error", "schemas", "share", "example"]
    parts += ["### Refused, by the first feature that is refused", _table(head, rows) if rows else "Nothing."]
    parts += ["### Wrong", _differences(summary["wrong"])]
    parts += ["### Crashes, time-outs, memory", _bullets([_failed(f) for f in summary["failed"]])]
    parts += ["### Differs from the suite for a reason"]
    if not summary["explained"]:
        parts += ["Nothing."]
    for reason, entries in summary["explained"].items():
        schemas = len({entry["name"] for entry in entries})
        parts += [f"#### {reason}: {len(entries)} instances of {schemas} schemas", _differences(entries)]
    parts += ["### By split", _splits(summary["splits"])]
    return parts


def _splits(splits: dict[str, dict[str, int]]) -> str:
    kinds = ["right", "refused", "explained", "wrong", "failed"]
    counted = any("declared" in counts for counts in splits.values())
    if counted:
        kinds[2:2] = ["void"]
        kinds += ["declared", "over", "under"]
    rows = []
    for split, counts in splits.items():
        total = sum(counts.values())
        numbers = [str(counts.get(kind, 0)) for kind in kinds]
        rows.append([split, str(total), *numbers, _share(counts.get("refused", 0), total)])
    note = (
        "Declared: it compiles. Over, under: a valid instance is rejected, an invalid one accepted, explained ones "
        "included. Void: no value satisfies the schema."
    )
    return _table(["split", "schemas", *kinds, "share refused"], rows) + ("\n\n" + note) * counted


def _differences(entries: Sequence[Result]) -> str:
    return _bullets(
        [
            f"`{e['name']}` [{e['place']}] {'valid, rejected' if e['valid'] else 'invalid, accepted'}: "
            f"{_code(e['context'] if e['valid'] else e['context'][:80])}"
            for e in entries
        ]
    )


def _failed(entry: Result) -> str:
    return f"`{entry['name']}`: {entry['kind']}, {_code(entry['message'])}"


def _example(group: Result) -> str:
    place = group["example"].get("pointer")
    where = f" at {_code(place)}" if place else ""
    return f"`{group['names'][0]}`{where}"


def _bullets(lines: Sequence[str]) -> str:
    if not lines:
        return "Nothing."
    more = [f"- … and {len(lines) - EXAMPLES} more (in the JSON)"] if len(lines) > EXAMPLES else []
    return "\n".join([*(f"- {line}" for line in lines[:EXAMPLES]), *more])


def _outcomes(result: Result, engines: Sequence[str]) -> str:
    rows = {
        "right on all instances": "right",
        "refused": "refused",
        "wrong": "wrong",
        "… rejects a valid instance": "over",
        "… accepts an invalid instance": "under",
        "timed out": "timeout",
        "out of memory": "memory",
        "crashed": "crash",
    }
    body = [[title, *(str(result["outcomes"][e][kind]) for e in engines)] for title, kind in rows.items()]
    return _table(["schemas", *_names(result, engines)], body)


def _times(result: Result, kind: str, engines: Sequence[str], spreads: dict[str, tuple[str, tuple[str, ...]]]) -> str:
    return _table(["", *_names(result, engines)], _spread_rows(result, kind, engines, spreads))


def _spread_rows(
    result: Result, kind: str, engines: Sequence[str], spreads: dict[str, tuple[str, tuple[str, ...]]]
) -> list[list[str]]:
    figures = result["times"][kind]
    return [
        [f"{title}: {point}", *(_figure(figures[engine][key].get(point)) for engine in engines)]
        for title, (key, points) in spreads.items()
        for point in points
    ]


def _processes(result: Result, engines: Sequence[str]) -> str:
    rows: list[tuple[str, Callable[[str], float]]] = [
        ("engine imported and vocabulary ready, s", lambda e: result["processes"][e]["setup_s"]),
        ("resident memory before the first schema, MB", lambda e: result["processes"][e]["ready_mb"]),
        ("largest resident memory after a schema, MB", lambda e: result["processes"][e]["peak_mb"]),
        ("whole run, s", lambda e: result["load"][e]["wall_s"]),
        ("load average at its end", lambda e: result["load"][e]["load"]),
    ]
    return _table(["", *_names(result, engines)], [[t, *(_figure(f(e)) for e in engines)] for t, f in rows])


def _startup(startup: Result, cores: int, vocabulary: int) -> str:
    heavy = ", ".join(startup["import_heavy"]) or "none of torch, transformers, numba"
    cached, empty = startup["cached"], startup["empty"]
    rows = [[f"`import constrain` (loads {heavy})", _figure(startup["import_s"]), "–"]]
    for title, key in (
        ("`import numba`, at first use", "numba_s"),
        (f"all kernels ({empty['compiled']:.0f})", "kernels_s"),
        (f"vocabulary of {vocabulary} tokens, from their bytes", "vocabulary_s"),
        ("first schema: compile, matcher, first mask", "first_schema_s"),
    ):
        rows.append([title, _figure(cached[key]), _figure(empty[key])])
    note = (
        f"Medians of {startup['repeats']} fresh processes; the last column, as on a new machine ({cores} cores), once. "
        f"Kernels loaded from the cache: {cached['loaded']:.0f}, compiled with an empty one: {empty['compiled']:.0f}."
    )
    return _table(["", "s", "s, cache empty"], rows) + "\n\n" + note


def _slowest(result: Result, engines: Sequence[str]) -> str:
    parts = []
    for key, title in (("step_us", "slowest step, µs"), ("first_mask_ms", "slowest first mask, ms")):
        found = [result["slowest"][engine][key] for engine in engines]
        rows = [[f"`{r[n][0]}` {_figure(r[n][1])}" if n < len(r) else "" for r in found] for n in range(SLOWEST)]
        parts.append(f"Schemas with the {title}:\n\n" + _table(_names(result, engines), [r for r in rows if any(r)]))
    return "\n\n".join(parts)


def _generated(result: Result) -> str:
    about, limits = result["machine"], result["limits"]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    engines = ", ".join(_engine(name, found) for name, found in about["engines"].items())
    return (
        f"Generated by `{about['command']}` on {about['date']}; not written by hand.\n\n"
        f"{about['cpu']}, {about['cores']} cores (one per engine process), {about['system']}, {about['python']}. "
        f"Engines: {engines}. Packages: {packages}. "
        f"Limits: {limits['compile_s']:g} CPU s to compile a schema, {limits['walk_s']:g} CPU s to walk its instances, "
        f"{limits['memory_gb']:g} GiB."
    )


def _missing(result: Result) -> str:
    return f"Not installed, left out: {', '.join(result['missing'])}." if result["missing"] else ""


def _names(result: Result, engines: Sequence[str]) -> list[str]:
    return [f"{engine} {result['machine']['engines'][engine]['version']}".strip() for engine in engines]


def _engine(name: str, found: dict[str, str]) -> str:
    commit = f" (commit {found['commit']})" if found["commit"] else ""
    return f"{name} {found['version']}".strip() + commit


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = [all(_is_number(row[n]) for row in rows) for n in range(len(head))]
    lines = ["| " + " | ".join(head) + " |", "|" + "".join("---:|" if number else "---|" for number in numbers)]
    return "\n".join([*lines, *("| " + " | ".join(_cell(c) for c in row) + " |" for row in rows)])


def _is_number(cell: str) -> bool:
    return not cell.removesuffix(" %").strip("-0123456789.–")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    """A text as inline code, whatever backquotes it holds."""
    flat = " ".join(text.split())
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _figure(value: float | None) -> str:
    """Three significant digits, and never more than three after the point."""
    if value is None or value != value:
        return "–"
    if isinstance(value, int) or abs(value) >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
