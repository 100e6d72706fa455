"""The process in which one engine runs: reads requests, one JSON line each, and answers with times and outcomes.

`python -m jsonschemabench.worker ENGINE [--core N] [--memory-gb G] [--tokenizer NAME]`. Requests have a `do`:

    {"do": "walk", "schema": text, "options": {}, "instances": [[token, …], …], "times": bool, "warm": bool, …}
    {"do": "judge", "schema": text, "instances": [text, …]}      what the validators say
    {"do": "open", "schema": text, "mask_file": path, …}         begin a text that is written step by step
    {"do": "take", "token": id}                                  its next token
    {"do": "write", "schema": text, "model": path, "prompt": text, "tokens": n}   by its own model

A `walk` is answered by `{"phase": "compiled", …}` and then `{"phase": "done", …}` (or by the latter at once for a
schema that is refused), so that the parent knows where a process died. The address space is limited here, for each
request anew; the parent watches the CPU time (the kernel's own limit, RLIMIT_CPU, would make the process clock as
coarse as its tick). Times are in nanoseconds; each is the smaller of wall and CPU time around one call, since on a
shared machine a preempted call takes wall time that is not its own. Nothing is subtracted.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from typing import Any

from jsonschemabench import judges, tokenizers
from jsonschemabench.engines import Engine, Refused, lookup
from jsonschemabench.sessions import Session
from jsonschemabench.walks import (
    NOT_CALLED,
    PAGE,
    answer_walk,
    binding,
    compile_case,
    describe,
    resident,
    walk_timed,
)  # fmt: skip

__all__ = ["NOT_CALLED", "main", "walk_timed"]
WARM_UP = '{"type": "object", "properties": {"warm": {"type": "string"}}}'


def main() -> None:
    parser = argparse.ArgumentParser(prog="jsonschemabench.worker")
    parser.add_argument("engine")
    parser.add_argument("--core", type=int)
    parser.add_argument("--memory-gb", type=float, default=8.0)
    parser.add_argument("--tokenizer", default="llama3", help="a name, or a file that Tokenizer.keep has written")
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
    tokenizer = tokenizers.load(args.tokenizer)
    engine.setup(tokenizer)
    ready: dict[str, Any] = {"setup_s": time.perf_counter() - begun, "version": version(engine)}
    try:
        warm = engine.start(engine.compile(WARM_UP))
        text = b'{"warm": "up"}'
        walk_timed(warm, by_bytes(tokenizer, text), [], [])
        ready |= binding(warm)
    except Exception as error:
        if not isinstance(error, (Refused, *engine.refusals)):
            raise
        # it takes no such schema: there is nothing to warm it up with
    size = int(args.memory_gb * 2**30)
    gc.collect()
    gc.freeze()
    send({"phase": "ready", **ready, "resident": resident(), "python": platform.python_version()})
    session = Session(engine, tokenizer.eos)
    for line in sys.stdin:
        request = json.loads(line)
        limit_memory(size)
        match request["do"]:
            case "judge":
                answer = judges.judge(request)
            case "open":
                answer = session.open(request)
            case "take":
                answer = session.take(request["token"])
            case "write":
                answer = write(engine, request)
            case _:
                answer = answer_walk(engine, request, send)
        send({"phase": "done", **answer})


def write(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """A whole text by an engine that brings a runtime of its own."""
    try:
        compiled = compile_case(engine, request)
        found: dict[str, Any] = engine.write(request["model"], request["prompt"], compiled, request["tokens"])
    except Exception as error:
        return describe(engine, error)
    return found


def by_bytes(tokenizer: tokenizers.Tokenizer, text: bytes) -> list[int]:
    """A tokenisation that needs no tokenizer's library: the longest token first."""
    ids = {spelled: i for i, spelled in tokenizer.ordinary().items()}
    found, at = [], 0
    while at < len(text):
        end = next(end for end in range(len(text), at, -1) if text[at:end] in ids)
        found.append(ids[text[at:end]])
        at = end
    return found


def version(engine: Engine) -> str:
    """The installed version of the engine's package."""
    try:
        return importlib.metadata.version(engine.package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def limit_memory(size: int) -> None:
    """The process may map that many bytes more than it has now."""
    with open("/proc/self/statm") as f:
        mapped = int(f.read().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (mapped + size, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
