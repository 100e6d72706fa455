"""An engine for the tests of jsonschemabench.cfg: brute force over the oracle, with one mistake of each kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from jsonschemabench.cfg import oracle
from jsonschemabench.engines import Engine, Refused, Walk, words_for
from jsonschemabench.tokenizers import Tokenizer


class Faulty(Engine):
    """RFC 8259, but after `[` the token `}` is allowed and `]` is not; `{"` is never taken; a colon breaks it."""

    package = "faulty-engine-that-is-in-no-index"
    module = "json"
    inputs = ("lark",)

    def setup(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def compile(self, schema: str, **options: Any) -> Any:
        raise Refused("no schemas")

    def compile_grammar(self, dialect: str, text: str) -> Any:
        if not text.strip():
            raise Refused("an empty grammar")
        return text

    def start(self, compiled: Any) -> Walk:
        words = np.zeros(words_for(self.tokenizer), np.uint32)
        taken = bytearray()

        def mask() -> None:
            place = oracle.after(oracle.RFC, bytes(taken))
            if place is None or place.at == "colon":
                raise RuntimeError("lost")
            words[:] = 0
            for i, token in self.tokenizer.ordinary().items():
                allowed = oracle.after(oracle.RFC, token, place) is not None
                if bytes(taken).endswith(b"[") and token in b"]}":
                    allowed = token == b"}"
                if allowed:
                    words[i >> 5] |= np.uint32(1 << (i & 31))

        def accept(token: int) -> bool:
            if self.tokenizer.tokens[token] == b'{"':
                return False
            taken.extend(self.tokenizer.tokens[token])
            return True

        def may_end() -> bool:
            place = oracle.after(oracle.RFC, bytes(taken))
            return place is not None and oracle.may_end(place)

        return Walk(words, mask, accept, may_end)
