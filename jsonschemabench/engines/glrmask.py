"""glrmask: everything is made at compile time; its mask has no bit for the end, it is asked apart."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Walk, words_for
from jsonschemabench.tokenizers import Tokenizer


class GlrMask(Engine):
    """GLR parser with precomputed masks in Rust. JSON texts are written with ", " and ": " only."""

    package = "glrmask"
    module = "glrmask"
    about = "GLR parser, masks precomputed, Rust"
    requirements = ("glrmask==0.5.0", "numpy")
    inputs = ("json", "lark")

    def setup(self, tokenizer: Tokenizer) -> None:
        glrmask = import_module("glrmask")
        self.grammar = glrmask.Grammar
        self.vocabulary = glrmask.Vocab.from_id_to_bytes(tokenizer.ordinary())
        self.buffer = np.zeros(words_for(tokenizer), np.int32)
        self.words = self.buffer.view(np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self.grammar.from_json_schema(schema).compile(self.vocabulary)

    def compile_grammar(self, dialect: str, text: str) -> Any:
        return self.grammar.from_lark(text).compile(self.vocabulary)

    def start(self, compiled: Any) -> Walk:
        m = compiled.start()
        mask = partial(m.fill_mask, self.buffer)
        return Walk(self.words, mask, m.commit_token, m.is_accepting, nothing=m.is_accepting)
