"""XGrammar with its defaults, except for one compile thread; objects closed (`strict_mode`) or left open."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Walk, has_bit
from jsonschemabench.tokenizers import Tokenizer


class XGrammar(Engine):
    """Earley parser with an adaptive mask cache in C++. Strict: objects without `additionalProperties` are closed."""

    package = "xgrammar"
    module = "xgrammar"
    about = "Earley parser with mask cache, C++; strict_mode=True closes open objects"
    requirements = ("torch==2.13.0", "xgrammar==0.2.8", "transformers==5.23.0", "numpy")
    environment = "xgrammar"
    inputs = ("json", "regex", "gbnf")
    strict = True

    def setup(self, tokenizer: Tokenizer) -> None:
        import_module("torch").set_num_threads(1)
        xgrammar = self.xgrammar = import_module("xgrammar")
        self.eos = tokenizer.eos
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer.fast, vocab_size=tokenizer.size, stop_token_ids=[tokenizer.eos]
        )
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self.bitmask = xgrammar.allocate_token_bitmask(1, tokenizer.size)
        self.words = self.bitmask.numpy()[0].view(np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self.compiler.compile_json_schema(schema, any_whitespace=True, strict_mode=self.strict)

    def compile_regex(self, pattern: str) -> Any:
        return self.compiler.compile_regex(pattern)

    def compile_grammar(self, dialect: str, text: str) -> Any:
        return self.compiler.compile_grammar(text)

    def start(self, compiled: Any) -> Walk:
        m = self.xgrammar.GrammarMatcher(compiled)
        mask = partial(m.fill_next_token_bitmask, self.bitmask)
        may_end = partial(has_bit, self.words, self.eos)
        return Walk(self.words, mask, m.accept_token, may_end, nothing=m.is_terminated)


class XGrammarLoose(XGrammar):
    """XGrammar with open objects left open, as JSON Schema means them."""

    about = "the same with strict_mode=False: open objects left open"
    strict = False
