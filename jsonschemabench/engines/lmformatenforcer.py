"""lm-format-enforcer: character parsers in Python, walked along a trie of the vocabulary."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, Walk, Words, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer


class LMFormatEnforcer(Engine):
    """Its transformers integration does not import under transformers 5, so the token list is made here as it does."""

    package = "lm-format-enforcer"
    module = "lmformatenforcer"
    about = "character parsers over a token trie, Python"
    requirements = ("torch==2.13.0", "lm-format-enforcer==0.11.3", "transformers==5.23.0", "numpy")
    environment = "lm-format-enforcer"
    inputs = ("json", "regex")
    slow = True

    def setup(self, tokenizer: Tokenizer) -> None:
        logging.disable(logging.CRITICAL)
        import_module("torch").set_num_threads(1)
        self.library = import_module("lmformatenforcer")
        enforcer = import_module("lmformatenforcer.tokenenforcer")
        fast, self.eos = tokenizer.fast, tokenizer.eos
        zero = fast.encode("0", add_special_tokens=False)[-1]
        regular = []
        for token in tokenizer.ordinary():
            after = fast.decode([zero, token])[1:]
            regular.append((token, after, len(after) > len(fast.decode([token]))))

        def decode(ids: list[int]) -> str:
            return str(fast.decode(ids)).rstrip("\ufffd")

        self.data = enforcer.TokenEnforcerTokenizerData(regular, decode, tokenizer.eos, True, tokenizer.size)
        self.enforcer = enforcer.TokenEnforcer
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Callable[[], Any]:
        asked = json.loads(schema)
        self.library.JsonSchemaParser(asked)
        return lambda: self.library.JsonSchemaParser(asked)

    def compile_regex(self, pattern: str) -> Callable[[], Any]:
        self.library.RegexParser(pattern)
        return lambda: self.library.RegexParser(pattern)

    def start(self, compiled: Callable[[], Any]) -> Walk:
        taken: list[int] = []
        allowed = self.enforcer(self.data, compiled()).get_allowed_tokens
        held: list[Words] = [self.words]

        def mask() -> None:
            held[0] = allowed(taken).allowed_tokens.numpy().view(np.uint32)

        def accept(token: int) -> bool:
            taken.append(token)
            return True

        return Walk(self.words, mask, accept, lambda: has_bit(held[0], self.eos), view=lambda: held[0])
