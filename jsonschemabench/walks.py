"""What a worker does with one case: compile it cold, time its first mask, walk every instance, then once more warm."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from jsonschemabench.engines import Engine, NotSupported, Refused, Walk, has_bit

PAGE = resource.getpagesize()
NOT_CALLED = -1
BINDING_CALLS = 2000
WARM_UP_TO_NS = 5_000_000_000  # what takes longer to compile is not compiled twice


def walk_timed(
    walk: Walk, tokens: list[int], mask_ns: list[int], accept_ns: list[int], forced: list[int] | None = None
) -> tuple[str, int]:
    """Mask, then accept, for every token; a last mask at the end. -> (outcome, position).

    Outcomes: "accepted" (the text may end after its last token), "rejected" (a token is not in the mask), "unfinished"
    (the text may not end), "refused" (a token was in the mask but the engine did not take it). Both lists get one entry
    per position; `NOT_CALLED` where the walk ended with the mask. forced: gets 1 for each position where the text's
    token is the only one allowed, else 0 (counted between the timed calls).
    """
    wall, cpu = time.perf_counter_ns, time.thread_time_ns
    mask, accept, words, view = walk.mask, walk.accept, walk.words, walk.view
    for position, token in enumerate(tokens):
        c0 = cpu()
        w0 = wall()
        mask()
        w1 = wall()
        c1 = cpu()
        mask_ns.append(min(w1 - w0, c1 - c0))
        if view is not None:
            words = view()
        if not has_bit(words, token):
            accept_ns.append(NOT_CALLED)
            return "rejected", position
        if forced is not None:
            forced.append(int(only_one(words)))
        c0 = cpu()
        w0 = wall()
        taken = accept(token)
        w1 = wall()
        c1 = cpu()
        accept_ns.append(min(w1 - w0, c1 - c0))
        if taken is False:
            return "refused", position
    c0 = cpu()
    w0 = wall()
    mask()
    w1 = wall()
    c1 = cpu()
    mask_ns.append(min(w1 - w0, c1 - c0))
    accept_ns.append(NOT_CALLED)
    return ("accepted" if walk.may_end() else "unfinished"), len(tokens)


def only_one(words: Any) -> bool:
    """Is exactly one token allowed?"""
    used = words[words != 0]
    return len(used) == 1 and int(used[0]) & (int(used[0]) - 1) == 0


class Clock:
    """Time of a block: the smaller of wall time and CPU time of the whole process (a compiler may use threads)."""

    def __enter__(self) -> Clock:
        self.cpu, self.wall = time.process_time_ns(), time.perf_counter_ns()
        return self

    def __exit__(self, *_: object) -> None:
        self.ns = min(time.perf_counter_ns() - self.wall, time.process_time_ns() - self.cpu)


def resident() -> int:
    """Resident memory of this process in bytes."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * PAGE


def compile_case(engine: Engine, request: dict[str, Any]) -> Any:
    """What the engine makes of a request's schema, pattern or grammar."""
    kind = request.get("kind", "json")
    if not engine.masks and request["do"] == "walk":
        raise NotSupported(f"{engine.package} gives no access to masks", "masks")
    if kind not in ("json", "grammar") and kind not in engine.inputs:
        raise NotSupported(f"{engine.package} takes no input of the kind {kind}", kind)
    if kind == "regex":
        return engine.compile_regex(request["schema"])
    if kind == "grammar":
        dialects = request["dialects"]
        dialect = next((name for name in engine.inputs if name in dialects), None)
        if dialect is None:
            raise NotSupported(f"{engine.package} takes no grammars in {', '.join(dialects)}", "grammars")
        return engine.compile_grammar(dialect, dialects[dialect])
    if "json" not in engine.inputs:
        raise NotSupported(f"{engine.package} takes no JSON Schemas", "JSON Schema")
    options = dict(request.get("options") or {})
    if request.get("specification"):
        options |= engine.specification(json.loads(request.get("resources") or "{}"))
    return engine.compile(request["schema"], **options)


def answer_walk(engine: Engine, request: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Compile once, time the first mask, walk every instance; with `warm`, everything once more for the first one."""
    before = resident()
    clock = Clock()
    try:
        with clock:
            compiled = compile_case(engine, request)
    except MemoryError:
        return {"failed": "memory", "compile_ns": clock.ns}
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__module__ == "builtins":
            raise
        return {"compile_ns": clock.ns, **describe(engine, error), "resident": resident()}
    after = resident()
    row: dict[str, Any] = {"compile_ns": clock.ns, "memory_compiled": after - before}
    try:
        with clock:
            walk = engine.start(compiled)
            walk.mask()
        if walk.check:
            walk.check()
        row["first_mask_ns"] = row["compile_ns"] + clock.ns
    except Exception as error:
        row["first_mask_error"] = message(error)
    send({"phase": "compiled", **row})
    mask_ns: list[int] = []
    accept_ns: list[int] = []
    row["ends"] = [walk_one(engine, compiled, tokens, mask_ns, accept_ns) for tokens in request["instances"]]
    row["memory_walked"] = resident() - before
    if request.get("times"):
        row["mask_ns"], row["accept_ns"] = mask_ns, accept_ns
    quick = row["compile_ns"] < WARM_UP_TO_NS
    if request.get("warm") and quick and request["instances"] and "first_mask_error" not in row:
        row |= warm(engine, request, request["instances"][0])
    row["resident"] = resident()
    return row


def warm(engine: Engine, request: dict[str, Any], tokens: list[int]) -> dict[str, Any]:
    """The same schema again, compiled anew by the same process, and its first instance again: what caches give."""
    clock = Clock()
    try:
        with clock:
            compiled = compile_case(engine, request)
            engine.start(compiled).mask()
        mask_ns: list[int] = []
        accept_ns: list[int] = []
        forced: list[int] = []
        end = walk_one(engine, compiled, tokens, mask_ns, accept_ns, forced)
    except Exception as error:
        return {"warm_error": message(error)}
    return {
        "warm_first_mask_ns": clock.ns,
        "warm_mask_ns": mask_ns,
        "warm_accept_ns": accept_ns,
        "forced": sum(forced),
        "forced_of": len(forced),
        "warm_end": end[0],
    }


def walk_one(
    engine: Engine,
    compiled: Any,
    tokens: list[int],
    mask_ns: list[int],
    accept_ns: list[int],
    forced: list[int] | None = None,
) -> list[Any]:
    """-> [outcome, position] or ["error", -1, message] where the engine broke down on the way."""
    try:
        walk = engine.start(compiled)
        outcome, position = walk_timed(walk, tokens, mask_ns, accept_ns, forced)
        if outcome != "accepted" and walk.check:
            walk.check()
        return [outcome, position]
    except Exception as error:
        accept_ns.extend([NOT_CALLED] * (len(mask_ns) - len(accept_ns)))
        return ["error", -1, message(error)]


def describe(engine: Engine, error: BaseException) -> dict[str, Any]:
    """A refusal, if it is one of the engine's, else a crash."""
    about = {"class": type(error).__name__, "message": message(error)}
    if isinstance(error, NotSupported):
        return {"refused": {**about, "feature": error.feature, "unsupported": True}}
    if isinstance(error, (Refused, *engine.refusals)):
        return {"refused": {**about, **engine.feature(error)}}
    return {"failed": "crash", "error": about}


def message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def binding(walk: Walk) -> dict[str, float]:
    """Nanoseconds (medians): the clocks around nothing, and around the engine's cheapest call."""

    def nothing() -> None:
        return None

    def median(call: Callable[[], object]) -> float:
        wall, cpu = time.perf_counter_ns, time.thread_time_ns
        taken = []
        for _ in range(BINDING_CALLS):
            c0 = cpu()
            w0 = wall()
            call()
            w1 = wall()
            c1 = cpu()
            taken.append(min(w1 - w0, c1 - c0))
        return float(np.median(taken))

    found = {"empty_call_ns": median(nothing)}
    if walk.nothing is not None:
        found["cheapest_call_ns"] = median(walk.nothing)
    return found
