"""outlines-core: a schema becomes one regular expression, and that an index from states to allowed tokens."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Walk, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer


class OutlinesCore(Engine):
    """Finite automata in Rust: what is not regular (recursion) is refused or cut."""

    package = "outlines_core"
    module = "outlines_core"
    about = "index of a finite automaton, Rust"
    requirements = ("outlines_core==0.2.14", "numpy")
    environment = "outlines-core"
    inputs = ("json", "regex")
    slow = True

    def setup(self, tokenizer: Tokenizer) -> None:
        outlines = import_module("outlines_core")
        self.index, self.guide = outlines.Index, outlines.Guide
        self.regex = import_module("outlines_core.json_schema").build_regex_from_schema
        ids: dict[bytes, list[int]] = {}
        for token, spelled in tokenizer.ordinary().items():
            ids.setdefault(spelled, []).append(token)
        self.vocabulary = outlines.Vocabulary(tokenizer.eos, ids)
        self.eos = tokenizer.eos
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self.index(self.regex(schema), self.vocabulary)

    def compile_regex(self, pattern: str) -> Any:
        return self.index(pattern, self.vocabulary)

    def start(self, compiled: Any) -> Walk:
        guide, words = self.guide(compiled), self.words
        mask = partial(guide.write_mask_into, words.ctypes.data, words.size, 4)
        advance = guide.advance

        def accept(token: int) -> bool:
            try:
                advance(token, False)
            except Exception:  # its own word for a token that is not allowed
                return False
            return True

        return Walk(words, mask, accept, partial(has_bit, words, self.eos), nothing=guide.is_finished)
