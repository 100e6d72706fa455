"""The results of `toy`, `speed` and `generate` as Markdown: numbers from the result alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Result = dict[str, Any]


def toy(result: Result) -> str:
    """The comparison with brute force."""
    out = ["# Masks against brute force, 402 tokens", "", *_head(result)]
    for name, part in result["grammars"].items():
        out += ["", f"## {name}", "", f"Language: {part['language']}. {part['texts']} texts.", ""]
        rows = [
            ["engine", "states", "wrong", "admit an invalid token", "(beyond UTF-8)", "such tokens",
             "refuse a valid token", "such tokens", "no mask", "unreached"]
        ]  # fmt: skip
        for engine, t in part["engines"].items():
            shares = [_share(t[key], t["states"]) for key in ("wrong", "admitted", "beyond_utf8")]
            refused = _share(t["refused"], t["states"])
            ends = [t["refused_tokens"], t["no_mask"], t["unreached"]]
            rows.append([engine, t["states"], *shares, t["admitted_tokens"], refused, *ends])
        out += _table(rows)
        for engine, t in part["engines"].items():
            for kind in ("admitted", "refused"):
                if t["examples"][kind]:
                    examples = "; ".join(f"`{_code(text)}`" for text in t["examples"][kind][:3])
                    out.append(f"- {engine}, {kind}: {examples}")
            if t["note"]:
                out.append(f"- {engine}: {_code(t['note'])}")
    return "\n".join(out) + "\n"


def speed(result: Result) -> str:
    """First masks, masks and accepts."""
    out = ["# Grammars over a large vocabulary", "", *_head(result)]
    for name, part in result["grammars"].items():
        text = f"Texts: {part['texts']}; {part['tokens']} tokens. Others before: {part['other_tokens']} tokens."
        out += ["", f"## {name}", "", text, ""]
        rows = [
            ["engine", "start (ms)", "first mask, cold", "tables in the package", "start, disk", "first mask, disk",
             "texts read", "positions", "MB compiled", "all"]
        ]  # fmt: skip
        times = ("start", "first_mask", "shipped_first_mask", "disk_start", "disk_first_mask")
        for engine, e in part["engines"].items():
            read = f"{e['whole']} of {e['texts']}" if "whole" in e else e["status"]
            rows.append(
                [engine, *(e.get(f"{what}_ms", "–") for what in times), read,
                 *(e.get(key, "–") for key in ("positions", "memory_compiled_mb", "memory_walked_mb"))]
            )  # fmt: skip
        out += [*_table(rows), ""]
        rows = [["engine", *(f"{what} {rank}" for what in ("mask", "accept", "both") for rank in RANKS)]]
        for engine, e in part["engines"].items():
            for shown, times in ((engine, e), (f"{engine}, after others", e.get("after")),
                                 (f"{engine}, prepared with others", e.get("kept"))):  # fmt: skip
                if times and "mask_us" in times:
                    cells = (times[f"{what}_us"][rank] for what in ("mask", "accept", "both") for rank in RANKS)
                    rows.append([shown, *cells])
        out += ["Microseconds:", "", *_table(rows), ""]
        for engine, e in part["engines"].items():
            if "keep_ms" in e:
                first = f"{e['kept_first_mask_ms']} ms to the first mask with it"
                first += f", {e['kept_memory_walked_mb']} MB in all" if "kept_memory_walked_mb" in e else ""
                out += [f"- {engine}: prepared in {e['keep_ms'] / 1e3:.1f} s, {e['kept_mb']} MB on disk; {first}"]
        for engine, e in part["engines"].items():
            said = [e["message"]] if e.get("message") else []
            said += [f"stopped: {text}" for text in e.get("stopped", ())]
            out += [f"- {engine}: {_code(text)}" for text in said]
    return "\n".join(out).rstrip() + "\n"


RANKS = ("mean", "p50", "p99", "p99.9", "max")


def generate(result: Result) -> str:
    """Programs of models."""
    out = ["# Programs by small models, with and without the grammar", "", *_head(result)]
    for model, tasks in result["models"].items():
        out += ["", f"## {model}", ""]
        rows = [
            ["task", "grammar", "", "texts", "cut by the limit", "syntax errors", "judged by", "right", "judged by",
             "tokens", "tokens a second"]
        ]  # fmt: skip
        for name, task in tasks.items():
            for kind in ("unconstrained", "constrained"):
                if kind in task:
                    c = task[kind]
                    right = c["works"] if task["works_judge"] else "–"
                    rows.append(
                        [name, task["grammar"], kind, c["texts"], c["cut"], c["syntax_errors"], task["syntax_judge"],
                         right, task["works_judge"] or "–", c["tokens"], c["tokens_per_s"]]
                    )  # fmt: skip
        out += _table(rows)
        out += [f"- {name}: skipped, {task['skipped']}" for name, task in tasks.items() if "skipped" in task]
    return "\n".join(out) + "\n"


def _head(result: Result) -> list[str]:
    """What was run, on what."""
    m = result["machine"]
    engines = ", ".join(f"{name} {about['version']}".strip() for name, about in m["engines"].items())
    lines = [f"Made by `{m['command']}` on {m['date']}: {m['cpu']}, {m['python']}. {result['about']}"]
    if engines:
        lines += ["", f"Engines: {engines}."]
    return lines


def _table(rows: list[list[Any]]) -> list[str]:
    lines = [_line(rows[0]), _line(["---"] * len(rows[0]))]
    return lines + [_line(row) for row in rows[1:]]


def _line(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)" if count and of else str(count)


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
