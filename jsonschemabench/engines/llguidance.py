"""llguidance: a compiled matcher is copied for each text; errors are states of the matcher, not exceptions."""

from __future__ import annotations

import json
import re
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Refused, Walk, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer


class LLGuidance(Engine):
    """Derivative lexer and Earley parser in Rust."""

    package = "llguidance"
    module = "llguidance"
    about = "lazy lexer and Earley parser, Rust"
    requirements = ("llguidance==1.9.1", "transformers==5.23.0", "numpy")
    inputs = ("json", "regex", "llguidance-lark", "lark")

    def setup(self, tokenizer: Tokenizer) -> None:
        self.matcher, self.eos = import_module("llguidance").LLMatcher, tokenizer.eos
        self.tokenizer = import_module("llguidance.hf").from_tokenizer(tokenizer.fast, n_vocab=tokenizer.size)
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        return self._made(self.matcher.grammar_from_json_schema(schema))

    def compile_regex(self, pattern: str) -> Any:
        return self._made(self.matcher.grammar_from_regex(pattern))

    def compile_grammar(self, dialect: str, text: str) -> Any:
        return self._made(self.matcher.grammar_from_lark(text))

    def _made(self, grammar: str) -> Any:
        matcher = self.matcher(self.tokenizer, grammar, log_level=0)
        self._check(matcher)
        return matcher

    def start(self, compiled: Any) -> Walk:
        m, words = compiled.deep_copy(), self.words
        mask = partial(m.unsafe_compute_mask_ptr, words.ctypes.data, words.nbytes)
        may_end = partial(has_bit, words, self.eos)
        return Walk(words, mask, m.consume_token, may_end, partial(self._check, m), m.is_error)

    def feature(self, error: BaseException) -> dict[str, Any]:
        keys = re.search(r"Unimplemented keys: (\[.*?\])", str(error))
        return {"feature": ", ".join(json.loads(keys[1]))} if keys else super().feature(error)

    @staticmethod
    def _check(matcher: Any) -> None:
        if matcher.is_error():
            raise Refused(matcher.get_error())
