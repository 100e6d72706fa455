"""constrain: language models write only what a JSON Schema, a grammar or a regular expression allows.

    import constrain
    c = constrain.json({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
    model.generate(**inputs, logits_processor=[c.logits_processor(tokenizer)])

Names are loaded when they are first used, so importing the package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.constraint import Constraint, choice, regex
from constrain.constraint import json_constraint as json
from constrain.errors import (
    ConstraintError,
    GrammarError,
    InvalidSchema,
    InvalidVocabulary,
    LimitExceeded,
    Unsatisfiable,
    UnsupportedFeature,
)
from constrain.limits import Limits

if TYPE_CHECKING:
    from constrain.engine.matcher import Matcher, fill_masks
    from constrain.vocabulary import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Constraint",
    "ConstraintError",
    "GrammarError",
    "InvalidSchema",
    "InvalidVocabulary",
    "LimitExceeded",
    "Limits",
    "Matcher",
    "Unsatisfiable",
    "UnsupportedFeature",
    "Vocabulary",
    "choice",
    "fill_masks",
    "json",
    "regex",
]

_LATE = {
    "Matcher": "constrain.engine.matcher",
    "fill_masks": "constrain.engine.matcher",
    "Vocabulary": "constrain.vocabulary",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        import importlib

        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'constrain' has no attribute {name!r}")
