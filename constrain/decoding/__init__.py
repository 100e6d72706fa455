"""From masks to decoding loops: the logits processor for Hugging Face `generate`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constrain.constraint import Constraint
    from constrain.decoding.huggingface import ConstraintProcessor


def logits_processor(
    constraint: Constraint | Sequence[Constraint | None],
    tokenizer: Any,
    *,
    eos: int | Iterable[int] | None = None,
    max_new_tokens: int | None = None,
) -> ConstraintProcessor:
    """A logits processor for Hugging Face `generate`, see `ConstraintProcessor`. Imports torch and transformers."""
    from constrain.decoding.huggingface import ConstraintProcessor

    return ConstraintProcessor(constraint, tokenizer, eos=eos, max_new_tokens=max_new_tokens)
