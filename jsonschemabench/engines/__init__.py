"""Engines by name, each a small adapter behind the protocol of `base`; which are installed, where, in what version."""

from __future__ import annotations

from importlib import import_module

from jsonschemabench.engines.base import Engine, NotSupported, Refused, Walk, Words, first_words, has_bit, words_for
from jsonschemabench.engines.constrain import Constrain
from jsonschemabench.engines.glrmask import GlrMask
from jsonschemabench.engines.llamacpp import LlamaCpp
from jsonschemabench.engines.llguidance import LLGuidance
from jsonschemabench.engines.lmformatenforcer import LMFormatEnforcer
from jsonschemabench.engines.none import Unconstrained
from jsonschemabench.engines.outlines_core import OutlinesCore
from jsonschemabench.engines.syncode import SynCode
from jsonschemabench.engines.xgrammar import XGrammar, XGrammarLoose

__all__ = [
    "ENGINES", "Engine", "GlrMask", "NotSupported", "Refused", "Walk", "Words",
    "first_words", "has_bit", "installed", "lookup", "version", "words_for",
]  # fmt: skip

ENGINES: dict[str, type[Engine]] = {
    "constrain": Constrain,
    "llguidance": LLGuidance,
    "glrmask": GlrMask,
    "xgrammar": XGrammar,
    "xgrammar-loose": XGrammarLoose,
    "outlines-core": OutlinesCore,
    "lm-format-enforcer": LMFormatEnforcer,
    "syncode": SynCode,
    "llama.cpp": LlamaCpp,
    "none": Unconstrained,
}


def lookup(name: str) -> type[Engine]:
    """The adapter of that name, or the class `package.module:Class` anywhere on the path. KeyError: there is none."""
    if ":" not in name:
        return ENGINES[name]
    module, _, attribute = name.partition(":")
    adapter = getattr(import_module(module), attribute)
    if not (isinstance(adapter, type) and issubclass(adapter, Engine)):
        raise KeyError(name)
    return adapter


def installed(name: str) -> bool:
    """Is there an interpreter that can import the engine?"""
    from jsonschemabench.environments import interpreter

    return interpreter(name) is not None


def version(name: str) -> str:
    """Version of an installed engine's package; empty where it has no metadata (a source tree on the path)."""
    from jsonschemabench.environments import versions

    return versions(name).get(lookup(name).package, "")
