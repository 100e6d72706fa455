"""SynCode: an incremental LALR parser in Python and a store of masks for pairs of terminals; grammars only."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, NotSupported, Walk, Words, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer


class SynCode(Engine):
    """Its default mode, `grammar_mask`, which allows more than the grammar does. Mask stores are made anew, not loaded.

    Where its parser fails it falls back to no constraint at all; here that is an error of the walk.
    """

    package = "syncode"
    module = "syncode"
    about = "LALR parser and mask store, Python; grammars only, allows more than the grammar"
    requirements = ("torch==2.13.0", "syncode==0.4.16", "numpy")
    environment = "syncode"
    inputs = ("syncode", "lark")  # "syncode": the name of a grammar that comes with it
    slow = True
    quick = False

    def setup(self, tokenizer: Tokenizer) -> None:
        self.cache = tempfile.TemporaryDirectory()
        os.environ["SYNCODE_CACHE"] = self.cache.name + "/"
        os.environ["HF_CACHE"] = self.cache.name + "/"
        self.torch = import_module("torch")
        self.torch.set_num_threads(1)
        logging.disable(logging.CRITICAL)
        self.constrainer = import_module("syncode.grammar_mask.grammar_constrainer").GrammarConstrainer
        self.grammar = import_module("syncode.parsers.grammars").Grammar
        self.bytes = import_module("syncode.mask_store.byte_tokenizer").ByteTokenizer(tokenizer.fast)
        self.fast, self.eos, self.size = tokenizer.fast, tokenizer.eos, words_for(tokenizer)

    def compile(self, schema: str, **options: Any) -> Any:
        raise NotSupported("SynCode takes no JSON Schemas", "JSON Schema")

    def compile_grammar(self, dialect: str, text: str) -> Any:
        return self.constrainer(self.grammar(text), self.fast, self.bytes, use_cache=False, parse_output_only=True)

    def start(self, compiled: Any) -> Walk:
        compiled.reset()
        taken: list[int] = []
        held: list[Any] = []

        def mask() -> None:
            ids = self.torch.tensor([taken], dtype=self.torch.long)
            compiled.start_from = 0
            ((text, rest),) = compiled._get_partial_outputs(ids)
            result, failed = compiled._parse_partial_output(0, text, rest, accepted_generation=True)
            if failed:
                raise RuntimeError("parsing failed: falls back to unconstrained decoding")
            held[:] = [compiled.dfa_mask_store.get_accept_mask(result)]

        def view() -> Words:
            packed = np.packbits(held[0].numpy(), bitorder="little")
            words = np.zeros(self.size * 4, np.uint8)
            words[: min(len(packed), len(words))] = packed[: len(words)]
            return words.view(np.uint32)

        def accept(token: int) -> bool:
            taken.append(token)
            return True

        empty = np.zeros(self.size, np.uint32)
        return Walk(empty, mask, accept, lambda: has_bit(view(), self.eos), view=view, nothing=partial(len, taken))
