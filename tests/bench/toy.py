"""An engine for the benchmark's own tests: a schema lists the texts it allows, and how the engine is to misbehave.

{"texts": [...], "annotated": [...]}: exactly these texts; the latter only with property_order="any". "do": what else.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from jsonschemabench.engines import Engine, Refused, Walk, words_for
from jsonschemabench.tokenizers import Tokenizer


class Toy(Engine):
    """Exact by brute force: a token is allowed where some text goes on with it."""

    package = "toy-engine-that-is-in-no-index"
    module = "json"
    options = frozenset({"property_order", "numbers"})

    def setup(self, tokenizer: Tokenizer) -> None:
        print("noise on standard output")
        self.tokenizer = tokenizer

    def compile(self, schema: str, **options: Any) -> Any:
        asked = json.loads(schema)
        match asked.get("do"):
            case "refuse":
                raise Refused("Unsupported keyword: 'not' at #/a", "not")
            case "crash":
                os._exit(3)
            case "hang":
                while True:
                    pass
            case "memory":
                return bytearray(64 << 30)
            case "exit":
                raise SystemExit("an engine must not end the run")
        texts = asked.get("texts", ['{"warm": "up"}'])
        if options.get("property_order") == "any":
            texts = texts + asked.get("annotated", [])
        return [self.tokenizer.encode(text) for text in texts], asked.get("do")

    def start(self, compiled: Any) -> Walk:
        allowed, do = compiled
        taken: list[int] = []
        words = np.zeros(words_for(self.tokenizer), np.uint32)

        def mask() -> None:
            words[:] = 0
            for ids in allowed:
                if ids[: len(taken)] == taken:
                    token = ids[len(taken)] if len(taken) < len(ids) else self.tokenizer.eos
                    words[token >> 5] |= np.uint32(1 << (token & 31))

        def accept(token: int) -> bool:
            if do == "raise" and len(taken) == 2:
                raise RuntimeError("broke down")
            taken.append(token)
            return do != "decline" or len(taken) < 2

        return Walk(words, mask, accept, lambda: taken in allowed)


class Broken(Toy):
    """An engine that does not start."""

    def setup(self, tokenizer: Tokenizer) -> None:
        raise RuntimeError("no vocabulary like that")


class Absent(Toy):
    """An engine that is not installed."""

    module = "a_module_that_is_nowhere"
