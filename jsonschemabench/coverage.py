"""The whole suite through one engine: what is refused and by which feature, what is wrong and why, what broke down.

An instance on which the engine differs from the suite is explained, in this order, by
 - a policy of the engine that an option turns off (`POLICIES`): it is accepted with that option;
 - the test: the `jsonschema` validator contradicts the suite (with format checks, so a format that the suite does not
   assert has a reason of its own);
 - nothing: then it is WRONG, unless the option that would have told is refused for the schema (`UNDECIDED`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonschemabench import machine, suites
from jsonschemabench.engines import lookup
from jsonschemabench.limits import Limits
from jsonschemabench.measure import over_constrained, under_constrained, verdict
from jsonschemabench.runner import Pool, Row, append_row, each, open_rows, progress, read_rows
from jsonschemabench.suites import Case
from jsonschemabench.tokenizers import Tokenizer, cache_dir

POLICIES: dict[str, Row] = {
    "property order": {"property_order": "any"},
    "number spelling": {"numbers": "any"},
    "property order and number spelling": {"property_order": "any", "numbers": "any"},
}
FORMAT = "the test takes no notice of a format"
TEST = "the test is wrong"
UNDECIDED = "undecided"
WRONG = "WRONG"
MISTAKES = (WRONG, UNDECIDED)
VOID = "Unsatisfiable"
CONTEXT = 80  # characters of the instance before the place where it is rejected


class Run:
    """Rows of all cases of one engine; those that an interrupted run has left are not made again.

    Rows are kept under the state of the engine's source, the suite's content and the limits: another state begins anew.
    """

    def __init__(
        self,
        engine: str,
        data: Path,
        tokenizer: Tokenizer,
        limits: Limits,
        processes: int,
        folder: Path | None = None,
        fresh: bool = False,
    ) -> None:
        self.engine, self.tokenizer, self.limits, self.processes = engine, tokenizer, limits, processes
        bounds = f"{limits.compile_s:g}-{limits.walk_s:g}-{limits.memory_gb:g}"
        parts = (
            "coverage",
            engine.replace(":", "-"),
            machine.state(engine),
            suites.digest(data),
            tokenizer.name,
            bounds,
        )
        self.path = (folder or cache_dir()) / ("-".join(parts) + ".jsonl")
        if fresh:
            self.path.unlink(missing_ok=True)

    def rows(self, cases: Sequence[Case]) -> list[Row]:
        """A row for every case, in the order of the cases."""
        known = read_rows(self.path)
        left = [case for case in cases if case.name not in known]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        pool = Pool(self.engine, self.tokenizer, self.limits)
        try:
            with open_rows(self.path) as out, progress(self.engine, len(left)) as step:

                def done(row: Row) -> None:
                    known[row["name"]] = row
                    append_row(out, row)
                    step()

                each(left, lambda case: examine(pool, case), done, self.processes)
        finally:
            pool.close()
        return [known[case.name] for case in cases]


def examine(pool: Pool, case: Case) -> Row:
    """The row of one case, with an explanation for each instance on which the engine differs from the suite."""
    row = pool.walk(case, times=False)
    if verdict(row) == "wrong":
        differing = sorted(over_constrained(row) + under_constrained(row))
        judged = pool.judge(case.schema, [case.instances[i].json(pool.tokenizer) for i in differing])
        reasons = _policies(pool, case, over_constrained(row))
        row["differs"] = [
            {
                "place": i,
                "valid": row["valid"][i],
                "reason": _reason(row["valid"][i], reasons.get(i), said),
                "validator": said,
                "end": row["ends"][i],
                "context": _context(case, i, row["ends"][i], pool.tokenizer),
            }
            for i, said in zip(differing, judged, strict=True)
        ]
    return row


def _policies(pool: Pool, case: Case, places: Sequence[int]) -> dict[int, str]:
    """The first policy that explains each place, or UNDECIDED where an option is refused for this schema."""
    found: dict[int, str] = {}
    for reason, options in POLICIES.items():
        left = [i for i in places if found.get(i, UNDECIDED) == UNDECIDED]
        if not left or not options.keys() <= lookup(pool.engine).options:
            continue
        row = pool.walk(case, times=False, options=options, only=left)
        for n, i in enumerate(left):
            if "ends" not in row or row["ends"][n][0] == "error":
                found[i] = UNDECIDED
            elif row["ends"][n][0] == "accepted":
                found[i] = reason
    return found


def _reason(valid: bool, policy: str | None, said: Sequence[bool | None]) -> str:
    """Why the engine and the suite differ on an instance. said: what the validator says, without and with formats."""
    plain, formats = said
    if policy and policy != UNDECIDED:
        return policy
    if valid and plain is False:
        return TEST
    if valid and plain is True and formats is False:
        return FORMAT
    if not valid and plain is True and formats is True:
        return TEST
    return policy or WRONG


def _context(case: Case, place: int, end: Sequence[Any], tokenizer: Tokenizer) -> str:
    """The text before the place where a walk ended, and after a mark what was not accepted there."""
    ids = case.instances[place].ids(tokenizer)
    position = end[1] if end[1] >= 0 else len(ids)
    before, after = (tokenizer.decode(part).decode(errors="replace") for part in (ids[:position], ids[position:]))
    return before[-CONTEXT:] + "⟨here⟩" + after[: CONTEXT // 2]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """What the report needs of all rows: numbers, and every schema that is not right by name."""
    kinds = {row["name"]: kind_of(row) for row in rows}
    splits: dict[str, Counter[str]] = {}
    for row in rows:
        split = splits.setdefault(row["split"], Counter())
        split[kinds[row["name"]]] += 1
        split["declared"] += "ends" in row
        split["over"] += "ends" in row and bool(over_constrained(row))
        split["under"] += "ends" in row and bool(under_constrained(row))
    differs = [{"name": row["name"], **entry} for row in rows for entry in row.get("differs", ())]
    return {
        "schemas": len(rows),
        "counts": dict(Counter(kinds.values())),
        "without_instances": sum(not row["valid"] and kinds[row["name"]] == "right" for row in rows),
        "instances": sum(len(row["valid"]) for row in rows),
        "walked": sum(len(row.get("ends", ())) for row in rows),
        "over": sum(bool(over_constrained(row)) for row in rows if "ends" in row),
        "under": sum(bool(under_constrained(row)) for row in rows if "ends" in row),
        "refusals": refusals(rows),
        "explained": _by_reason([entry for entry in differs if entry["reason"] not in MISTAKES]),
        "wrong": [entry for entry in differs if entry["reason"] in MISTAKES],
        "failed": [_failure(row) for row in rows if kinds[row["name"]] == "failed"],
        "splits": {split: dict(counts) for split, counts in sorted(splits.items())},
    }


def kind_of(row: Row) -> str:
    """right, refused, void, explained (differs from the suite for a reason), wrong, or failed (crash, time or memory).

    void: the engine says that no value satisfies the schema, and the suite has none: an answer, not a refusal.
    """
    found = verdict(row)
    if found == "refused" and row["refused"]["class"] == VOID and not any(row["valid"]):
        return "void"
    if found in ("right", "refused"):
        return found
    if found != "wrong":
        return "failed"
    return "wrong" if any(entry["reason"] in MISTAKES for entry in row["differs"]) else "explained"


def refusals(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Refused schemas by (exception class, feature), the costliest first, each with its schemas and an example."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if kind_of(row) == "refused":
            groups.setdefault((row["refused"]["class"], row["refused"]["feature"]), []).append(row)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {
            "class": kind,
            "feature": feature,
            "schemas": len(group),
            "example": {key: group[0]["refused"].get(key) for key in ("message", "pointer")},
            "names": [row["name"] for row in group],
        }
        for (kind, feature), group in ranked
    ]


def _by_reason(entries: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["reason"], []).append(entry)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def _failure(row: Row) -> dict[str, Any]:
    broken = next((end[2] for end in row.get("ends", ()) if end[0] == "error"), "")
    said = row.get("error", {}).get("message") or row.get("first_mask_error") or broken
    return {"name": row["name"], "kind": verdict(row), "message": said}
