"""Samples that follow the model: ASAp, CARS, MCMC, SMC, AWRS, AprAD, masking and rejection over one trie."""

from __future__ import annotations

from constrain.sampling.models import CallableModel, Model, Warp
from constrain.sampling.potentials import Predicate, Score
from constrain.sampling.result import Draw, Samples
from constrain.sampling.sampler import METHODS, Sampler, Stream, sample
from constrain.sampling.trie import Trie

__all__ = [
    "METHODS",
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
