"""Samples that follow the model: ASAp, CARS, MCMC, SMC, AWRS, AprAD, masking and rejection over one trie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.sampling.models import CallableModel, Model, Warp
from constrain.sampling.potentials import Predicate, Score
from constrain.sampling.result import Draw, Samples
from constrain.sampling.sampler import METHODS, Sampler, Stream, sample
from constrain.sampling.trie import Trie

if TYPE_CHECKING:
    from constrain.sampling.processor import AsapProcessor

__all__ = [
    "METHODS",
    "AsapProcessor",
    "CallableModel",
    "Draw",
    "Model",
    "Predicate",
    "Sampler",
    "Samples",
    "Score",
    "Stream",
    "Trie",
    "Warp",
    "sample",
]


def __getattr__(name: str) -> Any:
    if name == "AsapProcessor":  # needs torch and transformers
        from constrain.sampling.processor import AsapProcessor

        return AsapProcessor
    raise AttributeError(f"module 'constrain.sampling' has no attribute {name!r}")
