"""This project's engine."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from jsonschemabench.engines.base import Engine, NotSupported, Walk, first_words, has_bit, words_for
from jsonschemabench.tokenizers import Tokenizer

DRAFTS = {"draft4": "DRAFT4", "draft6": "DRAFT6", "draft7": "DRAFT7", "draft2019-09": "DRAFT201909"}


class Constrain(Engine):
    """JSON Schemas under the defaults of generation; under the specification's meaning where a suite asks for it."""

    package = "constrain-decoding"
    module = "constrain"
    about = "this project"
    inputs = ("json", "regex", "lark", "gbnf")
    options = frozenset({"property_order", "numbers", "whitespace", "formats", "escapes", "draft", "registry"})

    def setup(self, tokenizer: Tokenizer) -> None:
        import constrain

        self.constrain: Any = constrain
        self.eos = tokenizer.eos
        self.refusals = (constrain.ConstraintError, NotSupported)
        tokens = [*tokenizer.tokens, *[b""] * (tokenizer.size - len(tokenizer.tokens))]
        self.vocabulary = constrain.Vocabulary.from_tokens(
            tokens, eos=[tokenizer.eos], special=sorted(tokenizer.special)
        )
        self.words = np.zeros(words_for(tokenizer), np.uint32)

    def compile(self, schema: str, **options: Any) -> Any:
        if options:  # no time is taken: an explanation is looked for, and may need more parses at once
            options["limits"] = self.constrain.Limits(live_stacks=200_000, mask_work=2_000_000_000)
        return self.constrain.json(schema, **options).compile(self.vocabulary)

    def compile_regex(self, pattern: str) -> Any:
        return self.constrain.regex(pattern).compile(self.vocabulary)

    def compile_grammar(self, dialect: str, text: str) -> Any:
        make = getattr(self.constrain, dialect, None)
        if make is None:
            raise NotSupported(f"this version has no constrain.{dialect}", f"{dialect} grammars")
        return make(text).compile(self.vocabulary)

    def specification(self, resources: dict[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {"property_order": "any", "numbers": "any"}
        if resources:
            options["registry"] = registry(resources)
        return options

    def start(self, compiled: Any) -> Walk:
        m, words = compiled.matcher(), self.words
        nothing = partial(getattr, m, "is_finished")
        return Walk(words, partial(m.fill_mask, words), m.accept, partial(has_bit, words, self.eos), nothing=nothing)

    def feature(self, error: BaseException) -> dict[str, Any]:
        named = getattr(error, "feature", None) or getattr(error, "keyword", None)
        keyword = named or first_words(getattr(error, "reason", str(error)))
        return {"feature": keyword, "pointer": getattr(error, "pointer", None)}


def registry(resources: dict[str, Any]) -> Any:
    """A `referencing.Registry` of schemas by URI; a draft is told from the URI's path, as the official suite has it."""
    import referencing
    import referencing.jsonschema as drafts

    found = []
    for uri, contents in resources.items():
        folder = next((name for name in DRAFTS if f"/{name}/" in uri), "")
        default = getattr(drafts, DRAFTS[folder]) if folder else drafts.DRAFT202012
        found.append((uri, referencing.Resource.from_contents(contents, default_specification=default)))
    return referencing.Registry().with_resources(found)
