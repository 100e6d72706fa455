"""A page that reads a result in plain sentences, this project's losses first; each is made from the figures."""

from __future__ import annotations

from typing import Any

from jsonschemabench import tables
from jsonschemabench.report import _figure

Summary = dict[str, Any]
OURS = "constrain"
MEASURES = (  # name in `times`, its figure, what it is called
    ("step_us", "mean", "µs", "mean time of a token (mask + accept)"),
    ("step_us", "p50", "µs", "median time of a token"),
    ("step_us", "p99", "µs", "99th percentile of a token"),
    ("step_us", "p99.9", "µs", "99.9th percentile of a token"),
    ("step_us", "max", "µs", "slowest token"),
    ("warm_step_us", "mean", "µs", "mean time of a token on the second visit"),
    ("first_mask_ms", "p50", "ms", "median time to the first mask"),
    ("first_mask_ms", "p99", "ms", "99th percentile of the time to the first mask"),
    ("first_mask_ms", "max", "ms", "slowest first mask"),
    ("warm_first_mask_ms", "p50", "ms", "median time to the first mask of a schema seen before"),
    ("memory_mb", "max", "MB", "largest memory of a case"),
)


def reading(summary: Summary) -> str:
    """The page."""
    about = summary["about"]
    lost, won = findings(summary)
    parts = [
        "# Reading the result",
        f"Generated with the tables beside it on {about['machine']['date']}; no sentence here is written by hand. "
        f"{about['machine']['cpu']}, {about['machine']['cores']} cores, {about['plan']['jobs']} processes at once."
        + (f" **{about['plan']['note']}.**" if about["plan"]["note"] else ""),
        _status(about),
        "## Where constrain loses",
        _bullets(lost) or "Nowhere in this run.",
        "## Where it is wrong or refuses",
        _bullets(own_failures(summary)) or "Nowhere in this run.",
        "## Where it wins",
        _bullets(won) or "Nowhere in this run.",
        "## What the figures don't say",
        _bullets(caveats(summary)) or "See [README.md](README.md).",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def findings(summary: Summary) -> tuple[list[str], list[str]]:
    """Sentences on every comparison with a peer: (lost, won). Ties are in neither."""
    lost: list[str] = []
    won: list[str] = []
    for suite, found in summary["suites"].items():
        for peer, pair in found["pairs"].items():
            mine, theirs = pair["right"]
            if mine != theirs:
                better, worse = (peer, OURS) if theirs > mine else (OURS, peer)
                (lost if theirs > mine else won).append(
                    f"{suite}: of {pair['walked_by_both']} cases that both walked, {better} is right on "
                    f"{max(mine, theirs)}, {worse} on {min(mine, theirs)}."
                )
            for name, point, unit, title in MEASURES:
                mine, theirs = pair["ours"][name].get(point), pair["theirs"][name].get(point)
                if mine is None or theirs is None or _figure(mine) == _figure(theirs):
                    continue
                text = (
                    f"{suite}, {title}, against {peer} on the {pair['cases']} cases that both get right: "
                    f"{_figure(mine)} {unit} against {_figure(theirs)} {unit}."
                )
                (lost if mine > theirs else won).append(text)
    for task, engines in summary["texts"].items():
        for peer, of in engines.items():
            if peer != OURS and OURS in engines:
                for name, title in (("correct", "correct"), ("empirical", "valid, of all texts asked for")):
                    mine, theirs = engines[OURS][name], of[name]
                    shares = tables.percent(mine), tables.percent(theirs)
                    if shares[0] != shares[1] and "–" not in shares:
                        (lost if theirs > mine else won).append(
                            f"{task}: {shares[0]} {title} under {OURS}, {shares[1]} under {peer} ({of['texts']} texts)."
                        )
    return lost, won


def own_failures(summary: Summary) -> list[str]:
    """What constrain refuses and gets wrong, by suite."""
    sentences = []
    for suite, found in summary["suites"].items():
        of = found["coverage"].get(OURS)
        if of is None:
            continue
        kinds = {
            "refuses": of["refused"],
            "has no such input for": of["unsupported"],
            "rejects a valid instance of": of["over"] + of["both"],
            "accepts an invalid instance of": of["under"] + of["both"],
            "times out on": of["timeout"],
            "runs out of memory on": of["memory"],
            "crashes on": of["crash"],
        }
        told = [f"{kind} {count}" for kind, count in kinds.items() if count]
        if told:
            refused = ", ".join(f"`{feature}` {count}" for feature, count in found["refusals"].get(OURS, [])[:5])
            sentences.append(
                f"{suite}: of {of['cases']} cases it {', '.join(told)}."
                + (f" Refused most: {refused}." if refused else "")
            )
    return sentences


def caveats(summary: Summary) -> list[str]:
    """Sizes of samples and of intersections, what was set aside, load."""
    sentences = []
    for suite, found in summary["suites"].items():
        for group in found["speed"]:
            sentences.append(
                f"{suite}: speed of {', '.join(group['engines'])} is compared over the {group['cases']} cases that all "
                f"of them get right, of {group['walked_by_all']} that all walked."
            )
        sizes = sorted({of["cases"] for of in found["coverage"].values()})
        if len(sizes) > 1:
            sentences.append(f"{suite}: samples differ in size ({', '.join(map(str, sizes))}): shares are comparable, "
                             "counts are not.")  # fmt: skip
        if found["set_aside"]:
            sentences.append(
                f"{suite}: {found['set_aside']} instances count for nobody, since validators contradict their label "
                "or they rest on a format."
            )
    for task, engines in summary["texts"].items():
        free = engines.get("none", {}).get("tokens_per_s")
        for engine, of in engines.items():
            if engine != "none" and of["tokens_per_s"] == of["tokens_per_s"]:
                sentences.append(
                    f"{task}: {_figure(of['tokens_per_s'])} tokens/s under {engine}"
                    + (f", {_figure(free)} without constraint" if free else "")
                    + f"; {of['texts']} texts, which is few."
                )
    loads = [job["load"] for job in summary["about"]["jobs"]]
    if loads:
        sentences.append(f"The load average at the ends of the jobs was between {min(loads)} and {max(loads)}.")
    for engine, of in summary["about"]["engines"].items():
        if "failed" in of:
            sentences.append(f"{engine} did not start: {of['failed']}.")
    missing = summary["about"]["missing"]
    if missing:
        sentences.append(f"Not installed here: {', '.join(missing)}.")
    return sentences


def _status(about: dict[str, Any]) -> str:
    return (
        ""
        if about["status"].startswith("complete")
        else f"**The run is {about['status']}: figures are of what is done.**"
    )


def _bullets(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
