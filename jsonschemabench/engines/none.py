"""No constraint: every token at every place. What is left of a measurement when an engine does nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Walk, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer


class Unconstrained(Engine):
    """The line to compare end-to-end times and task accuracy with."""

    package = "none"
    module = "numpy"
    about = "unconstrained: the line to compare with"
    inputs = ("json", "regex", "lark", "gbnf", "llguidance-lark")

    def setup(self, tokenizer: Tokenizer) -> None:
        self.eos = tokenizer.eos
        self.words = np.full(words_for(tokenizer), 0xFFFFFFFF, np.uint32)

    def compile(self, schema: str, **options: Any) -> None:
        return None

    def compile_regex(self, pattern: str) -> None:
        return None

    def compile_grammar(self, dialect: str, text: str) -> None:
        return None

    def start(self, compiled: None) -> Walk:
        words = self.words
        full = words.copy()
        return Walk(words, partial(np.copyto, words, full), _taken, partial(has_bit, words, self.eos), nothing=_nothing)


def _taken(token: int) -> bool:
    return True


def _nothing() -> None:
    return None
