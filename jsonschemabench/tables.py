"""The tables of a report, once, as rows of cells; `markdown` and `html` write them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from jsonschemabench.report import _figure, _table

Summary = dict[str, Any]
TIMES = {
    "mask + accept, µs": ("step_us", ("mean", "p50", "p90", "p99", "p99.9", "max")),
    "mask, µs": ("mask_us", ("mean", "p50", "p90", "p99", "p99.9", "max")),
    "accept, µs": ("accept_us", ("mean", "p50", "p99", "p99.9", "max")),
    "mask + accept, warm, µs": ("warm_step_us", ("mean", "p50", "p99", "max")),
    "time to the first mask, ms": ("first_mask_ms", ("mean", "p50", "p90", "p99", "max")),
    "… the schema seen before, ms": ("warm_first_mask_ms", ("mean", "p50", "p99", "max")),
    "of which compilation, ms": ("compile_ms", ("mean", "p50", "p99", "max")),
    "memory of a case, MB": ("memory_mb", ("mean", "p50", "max")),
}


SHORT = {
    "right": "right",
    "over": "over-constrained",
    "under": "under-constrained",
    "both": "both",
    "refused": "refused",
    "unsupported": "no such input",
    "timeout": "time-out",
    "memory": "memory",
    "crash": "crash",
}


class Table(NamedTuple):
    """head: titles of the columns. rows: cells, the first of each names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def markdown(table: Table) -> str:
    return _table(list(table.head), [list(row) for row in table.rows])


def html(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def engine_name(summary: Summary, engine: str) -> str:
    """The engine with its version."""
    about = summary["about"]
    version = about["engines"].get(engine, {}).get("version") or about["machine"]["engines"].get(engine, {}).get(
        "version", ""
    )
    return f"{engine} {version}".strip()


def coverage(summary: Summary, suite: str) -> Table:
    """Cases by outcome."""
    found = summary["suites"][suite]["coverage"]
    head = ["", "cases", *SHORT.values(), "declared", "true"]
    rows = [
        [
            engine_name(summary, engine),
            str(of["cases"]),
            *(str(of[kind]) for kind in SHORT),
            percent(of["declared"]),
            percent(of["true"]),
        ]
        for engine, of in found.items()
        if engine != "none"
    ]
    return Table(head, rows)


def splits(summary: Summary, suite: str, kind: str = "splits") -> Table:
    """Right cases of all, for each split; what is over- and under-constrained behind them. kind: or "keywords"."""
    found = summary["suites"][suite][kind]
    engines = [engine for engine in found if engine != "none"]
    names = sorted({name for engine in engines for name in found[engine]})
    rows = []
    for name in names:
        cells = []
        for engine in engines:
            of = found[engine].get(name)
            if of is None:
                cells.append("–")
                continue
            over, under = of["over"] + of["both"], of["under"] + of["both"]
            marks = [f"{count} {mark}" for count, mark in ((over, "over"), (under, "under")) if count]
            cells.append(f"{of['right']}/{sum(of.values())}" + (f" ({', '.join(marks)})" if marks else ""))
        rows.append([name, *cells])
    return Table(["", *engines], rows)


def speed(summary: Summary, group: dict[str, Any]) -> Table:
    """Times of the engines of one group over the cases that they share."""
    engines = group["engines"]
    rows = [
        [f"{title}: {point}", *(_figure(group["times"][engine][name].get(point)) for engine in engines)]
        for title, (name, points) in TIMES.items()
        for point in points
    ]
    rows.append(["tokens", *(str(group["times"][engine]["tokens"]) for engine in engines)])
    shares = (group["times"][engine]["forced_share"] for engine in engines)
    rows.append(["tokens that the mask forces", *(percent(share) for share in shares)])
    rows.append(["largest process, MB", *(str(group["times"][engine]["resident_mb"]) for engine in engines)])
    return Table(["", *(engine_name(summary, engine) for engine in engines)], rows)


def pairs(summary: Summary, suite: str) -> Table:
    """This project beside each peer over the cases on which both are right."""
    rows = []
    for peer, found in summary["suites"][suite]["pairs"].items():
        ours, theirs = found["ours"], found["theirs"]
        right = " / ".join(map(str, found["right"]))
        cells = [engine_name(summary, peer), str(found["walked_by_both"]), right, str(found["cases"])]
        for name, point in (
            ("step_us", "mean"), ("step_us", "p50"), ("step_us", "p99"), ("step_us", "max"),
            ("first_mask_ms", "p50"), ("first_mask_ms", "p99"), ("memory_mb", "max"),
        ):  # fmt: skip
            cells.append(f"{_figure(ours[name].get(point))} / {_figure(theirs[name].get(point))}")
        rows.append(cells)
    head = ["constrain / the peer", "walked by both", "right", "right in both"]
    head += ["step mean, µs", "step p50, µs", "step p99, µs", "step max, µs"]
    head += ["first mask p50, ms", "first mask p99, ms", "memory max, MB"]
    return Table(head, rows)


def processes(summary: Summary) -> Table:
    """What each engine's process costs before its first schema, and what crossing its binding costs."""
    rows = []
    for engine, of in summary["about"]["engines"].items():
        rows.append(
            [
                engine_name(summary, engine),
                of.get("python", ""),
                _figure(of.get("setup_s")),
                _figure(of.get("resident", math_nan) / 1e6),
                _figure(of.get("empty_call_ns")),
                _figure(of.get("cheapest_call_ns")),
            ]
        )
    head = ["", "Python", "start, s", "memory before the first schema, MB", "clocks around nothing, ns",
            "clocks around its cheapest call, ns"]  # fmt: skip
    return Table(head, rows)


math_nan = float("nan")


def decisions(summary: Summary) -> Table:
    """Differences by what the validators say."""
    kinds = ("label", "validators differ", "format", "set aside")
    rows = [
        [suite, *(str(of.get(kind, 0)) for kind in kinds)] for suite, of in summary["disagreements"]["counts"].items()
    ]
    return Table(
        ["suite", "the label stands", "the validators differ", "set aside: a format", "set aside: the label"], rows
    )


def written(summary: Summary) -> Table | None:
    """What models wrote: quality and end-to-end times."""
    found = summary["texts"]
    if not found:
        return None
    rows = []
    for task, engines in found.items():
        for engine, of in engines.items():
            rows.append(
                [
                    task,
                    engine_name(summary, engine),
                    str(of["texts"]),
                    percent(of["correct"]),
                    percent(of["compliant"]),
                    percent(of["empirical"]),
                    percent(of["unfinished"]),
                    _figure(of["ttft_ms"].get("p50")),
                    _figure(of["tpot_ms"].get("mean")),
                    _figure(of["tokens_per_s"]),
                    _figure(of["engine_ms_per_token"]),
                    percent(of["forced_share"]),
                ]
            )
    head = [
        "task", "engine", "texts", "correct", "compliance", "empirical coverage", "unfinished", "TTFT p50, ms",
        "TPOT mean, ms", "tokens/s", "engine, ms a token", "forced tokens",
    ]  # fmt: skip
    return Table(head, rows)


def percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{100 * share:.1f} %"
