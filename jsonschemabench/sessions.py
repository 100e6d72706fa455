"""A text that is written step by step: a worker keeps the engine's state and leaves each mask in a shared file."""

from __future__ import annotations

import mmap
import os
import time
from typing import Any

import numpy as np

from jsonschemabench.engines import Engine, Refused, Walk
from jsonschemabench.walks import Clock, compile_case, describe, message


class Session:
    """The worker's side. The mask file holds the words of the mask; the token that ends is set in it where it may end.

    `open` compiles and fills the first mask, `take` takes a token and fills the next one. Times as in `walks`.
    """

    def __init__(self, engine: Engine, eos: int) -> None:
        self.engine, self.eos = engine, eos
        self.walk: Walk | None = None
        self.shared: Any = None

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Compile and begin. -> compile_ns, mask_ns; or a refusal."""
        descriptor = os.open(request["mask_file"], os.O_RDWR)
        try:
            self.shared = np.frombuffer(mmap.mmap(descriptor, 0), np.uint32)
        finally:
            os.close(descriptor)
        clock = Clock()
        try:
            with clock:
                compiled = compile_case(self.engine, request)
                self.walk = self.engine.start(compiled)
        except MemoryError:
            return {"failed": "memory"}
        except Exception as error:
            return {"compile_ns": clock.ns, **describe(self.engine, error)}
        return {"compile_ns": clock.ns, **self._mask()}

    def take(self, token: int) -> dict[str, Any]:
        """-> accept_ns, mask_ns, taken; error where the engine broke down."""
        assert self.walk is not None
        try:
            c0, w0 = time.thread_time_ns(), time.perf_counter_ns()
            taken = self.walk.accept(token)
            accept_ns = min(time.perf_counter_ns() - w0, time.thread_time_ns() - c0)
        except Exception as error:
            return {"error": message(error)}
        if taken is False:
            return {"accept_ns": accept_ns, "taken": False}
        return {"accept_ns": accept_ns, "taken": True, **self._mask()}

    def _mask(self) -> dict[str, Any]:
        walk = self.walk
        assert walk is not None
        try:
            c0, w0 = time.thread_time_ns(), time.perf_counter_ns()
            walk.mask()
            mask_ns = min(time.perf_counter_ns() - w0, time.thread_time_ns() - c0)
            if walk.check:
                walk.check()
            self.shared[:] = walk.view() if walk.view is not None else walk.words
            end = np.uint32(1 << (self.eos & 31))
            if walk.may_end():
                self.shared[self.eos >> 5] |= end
            else:
                self.shared[self.eos >> 5] &= ~end
        except (Refused, Exception) as error:
            return {"error": message(error)}
        return {"mask_ns": mask_ns}
