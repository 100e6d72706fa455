"""Suites: cases with texts that are valid or invalid, each kind of source a small class in a module of its own."""

from __future__ import annotations

from importlib import import_module

from jsonschemabench.suites.base import (
    DEFAULT_DATA,
    Case,
    Instance,
    InvalidData,
    MissingData,
    digest,
    draw,
    dump,
    load,
    sample,
)  # fmt: skip
from jsonschemabench.suites.data import Data
from jsonschemabench.suites.functions import FunctionCalls
from jsonschemabench.suites.grammars import Grammars
from jsonschemabench.suites.patterns import Patterns
from jsonschemabench.suites.schemas import OFFICIAL, JSONSchemaBench, MaskBench
from jsonschemabench.suites.stress import Stress
from jsonschemabench.suites.suite import Suite

__all__ = [
    "DEFAULT_DATA", "SUITES", "Case", "Data", "Instance", "InvalidData", "MissingData", "Suite",
    "digest", "draw", "dump", "find_suite", "load", "sample",
]  # fmt: skip

_ALL: tuple[type[Suite], ...] = (
    MaskBench, JSONSchemaBench, *OFFICIAL.values(), FunctionCalls, Grammars, Patterns, Stress,
)  # fmt: skip
SUITES: dict[str, type[Suite]] = {suite.name: suite for suite in _ALL}


def find_suite(name: str) -> Suite:
    """The suite of that name, or of the class `package.module:Class`. KeyError: there is none."""
    if ":" not in name:
        return SUITES[name]()
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Suite)):
        raise KeyError(name)
    return found()
