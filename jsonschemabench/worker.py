"""The process in which one engine runs: reads requests, one JSON line each, and answers with times and outcomes.

`python -m jsonschemabench.worker ENGINE [--core N] [--memory-gb G] [--tokenizer NAME]`. Requests have a `do`:

    {"do": "walk", "schema": text, "options": {}, "instances": [[token, …], …], "times": bool}
    {"do": "judge", "schema": text, "instances": [text, …]}      what the `jsonschema` validator says

A `walk` is answered by `{"phase": "compiled", …}` and then `{"phase": "done", …}` (or by the latter at once for a
schema that is refused), so that the parent knows where a process died. The address space is limited here; the parent
watches the CPU time (the kernel's own limit, RLIMIT_CPU, would make the process clock as coarse as its tick). Times
are in nanoseconds; each is the smaller of wall and CPU time around one call, since on a shared machine a preempted call
takes wall time that is not its own. Nothing is subtracted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from jsonschemabench.engines import Engine, Refused, Walk, has_bit, lookup
from jsonschemabench.tokenizers import TOKENIZERS

WARM_UP = '{"type": "object", "properties": {"warm": {"type": "string"}}}'
PAGE = resource.getpagesize()
NOT_CALLED = -1


def walk_timed(walk: Walk, tokens: list[int], mask_ns: list[int], accept_ns: list[int]) -> tuple[str, int]:
    """Mask, then accept, for every token; a last mask at the end. -> (outcome, position).

    Outcomes: "accepted" (the text may end after its last token), "rejected" (a token is not in the mask), "unfinished"
    (the text may not end), "refused" (a token was in the mask but the engine did not take it). Both lists get one entry
    per position; `NOT_CALLED` where the walk ended with the mask.
    """
    wall, cpu = time.perf_counter_ns, time.thread_time_ns
    mask, accept, words = walk.mask, walk.accept, walk.words
    for position, token in enumerate(tokens):
        c0 = cpu()
        w0 = wall()
        mask()
        w1 = wall()
        c1 = cpu()
        mask_ns.append(min(w1 - w0, c1 - c0))
        if not has_bit(words, token):
            accept_ns.append(NOT_CALLED)
            return "rejected", position
        c0 = cpu()
        w0 = wall()
        taken = accept(token)
        w1 = wall()
        c1 = cpu()
        accept_ns.append(min(w1 - w0, c1 - c0))
        if not taken:
            return "refused", position
    c0 = cpu()
    w0 = wall()
    mask()
    w1 = wall()
    c1 = cpu()
    mask_ns.append(min(w1 - w0, c1 - c0))
    accept_ns.append(NOT_CALLED)
    return ("accepted" if walk.may_end() else "unfinished"), len(tokens)


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


def answer_walk(engine: Engine, request: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Compile once, time the first mask, walk every instance."""
    before = resident()
    clock = Clock()
    try:
        with clock:
            compiled = engine.compile(request["schema"], **request.get("options", {}))
    except MemoryError:
        return {"failed": "memory", "compile_ns": clock.ns}
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__module__ == "builtins":
            raise
        return {"compile_ns": clock.ns, **describe(engine, error)}
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
    row["resident"] = resident()
    if request.get("times"):
        row["mask_ns"], row["accept_ns"] = mask_ns, accept_ns
    return row


def walk_one(engine: Engine, compiled: Any, tokens: list[int], mask_ns: list[int], accept_ns: list[int]) -> list[Any]:
    """-> [outcome, position] or ["error", -1, message] where the engine broke down on the way."""
    try:
        walk = engine.start(compiled)
        outcome, position = walk_timed(walk, tokens, mask_ns, accept_ns)
        if outcome != "accepted" and walk.check:
            walk.check()
        return [outcome, position]
    except Exception as error:
        accept_ns.extend([NOT_CALLED] * (len(mask_ns) - len(accept_ns)))
        return ["error", -1, message(error)]


def describe(engine: Engine, error: BaseException) -> dict[str, Any]:
    """A refusal, if it is one of the engine's, else a crash."""
    about = {"class": type(error).__name__, "message": message(error)}
    if isinstance(error, (Refused, *engine.refusals)):
        return {"refused": {**about, **engine.feature(error)}}
    return {"failed": "crash", "error": about}


def message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """Is each instance valid to the `jsonschema` validator, without and with format checks? None: it can't tell."""
    import jsonschema
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY  # given, so that no `$ref` is looked up on the network

    schema = json.loads(request["schema"])
    verdicts: list[list[bool | None]] = []
    for text in request["instances"]:
        pair: list[bool | None] = []
        for formats in (False, True):
            try:
                kind = validator_for(schema, default=jsonschema.Draft202012Validator)
                checker = kind.FORMAT_CHECKER if formats else None
                pair.append(bool(kind(schema, format_checker=checker, registry=REGISTRY).is_valid(json.loads(text))))
            except Exception:
                pair.append(None)
        verdicts.append(pair)
    return {"verdicts": verdicts}


def main() -> None:
    parser = argparse.ArgumentParser(prog="jsonschemabench.worker")
    parser.add_argument("engine")
    parser.add_argument("--core", type=int)
    parser.add_argument("--memory-gb", type=float, default=8.0)
    parser.add_argument("--tokenizer", default="llama3")
    args = parser.parse_args()
    if args.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {args.core})
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what engines print must not mix with the answers
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def send(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")

    begun = time.perf_counter()
    engine = lookup(args.engine)()
    tokenizer = TOKENIZERS[args.tokenizer]()
    engine.setup(tokenizer)
    ready = time.perf_counter() - begun
    warm = engine.start(engine.compile(WARM_UP))
    walk_timed(warm, tokenizer.encode('{"warm": "up"}'), [], [])
    limit_memory(int(args.memory_gb * 2**30))
    gc.collect()
    gc.freeze()
    send({"phase": "ready", "setup_s": ready, "resident": resident()})
    for line in sys.stdin:
        request = json.loads(line)
        answer = judge(request) if request["do"] == "judge" else answer_walk(engine, request, send)
        send({"phase": "done", **answer})


def limit_memory(size: int) -> None:
    """The process may map that many bytes more than it has now."""
    with open("/proc/self/statm") as f:
        mapped = int(f.read().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (mapped + size, mapped + size))


if __name__ == "__main__":
    main()
