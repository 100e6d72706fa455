"""The regular layer: regular expressions over Unicode, and the automata made from them.

`ast` has the constructors of regular expressions, `compile` makes an automaton of one. Importing this package is cheap;
the kernels are loaded by the first compilation.
"""

from __future__ import annotations

from constrain.regular.ast import Regex
from constrain.regular.compiler import compile, compile_labelled
from constrain.regular.dfa import Dfa

__all__ = ["Dfa", "Regex", "compile", "compile_labelled"]
