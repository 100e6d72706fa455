"""constrain: language models write only what a JSON Schema, a grammar or a regular expression allows.

    import constrain
    c = constrain.json({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
    model.generate(**inputs, logits_processor=[c.logits_processor(tokenizer)])

Names are loaded when they are first used, so importing the package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.constraint import Constraint, choice, openapi, regex, token
from constrain.constraint import json_constraint as json
from constrain.errors import (
    ConstraintError,
    GrammarError,
    InvalidSchema,
    InvalidText,
    InvalidVocabulary,
    LimitExceeded,
    Unsatisfiable,
    UnsupportedFeature,
)
from constrain.limits import Limits

if TYPE_CHECKING:
    from constrain import sampling
    from constrain.engine.matcher import Matcher, fill_masks
    from constrain.frontends import ebnf, gbnf, lark
    from constrain.frontends import shipped as grammar
    from constrain.sampling import Sampler, sample
    from constrain.templates import template
    from constrain.vocabulary import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Constraint",
    "ConstraintError",
    "Explanation",
    "GrammarError",
    "InvalidSchema",
    "InvalidText",
    "InvalidVocabulary",
    "LimitExceeded",
    "Limits",
    "Matcher",
    "Sampler",
    "Unsatisfiable",
    "UnsupportedFeature",
    "Vocabulary",
    "choice",
    "ebnf",
    "fill_masks",
    "gbnf",
    "grammar",
    "json",
    "lark",
    "openapi",
    "regex",
    "sample",
    "sampling",
    "template",
    "token",
]

_LATE = {
    "Explanation": "constrain.explain",
    "Matcher": "constrain.engine.matcher",
    "fill_masks": "constrain.engine.matcher",
    "Sampler": "constrain.sampling",
    "Vocabulary": "constrain.vocabulary",
    "sample": "constrain.sampling",
    "ebnf": "constrain.frontends",
    "gbnf": "constrain.frontends",
    "lark": "constrain.frontends",
    "template": "constrain.templates",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    if name == "sampling":
        return importlib.import_module("constrain.sampling")
    if name == "grammar":
        return importlib.import_module("constrain.grammar")  # it can be called
    raise AttributeError(f"module 'constrain' has no attribute {name!r}")
