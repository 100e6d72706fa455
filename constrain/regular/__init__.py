"""The regular layer: regular expressions over Unicode, and the automata made from them.

`ast` has the constructors of regular expressions, `parse_python` and `parse_ecma` read two dialects, `compile` makes an
automaton. Importing this package is cheap; the kernels are loaded by the first compilation.
"""

from __future__ import annotations

from constrain.regular.ast import Regex
from constrain.regular.compiler import compile, compile_labelled
from constrain.regular.dfa import Dfa
from constrain.regular.ecma import parse_ecma, parse_ecma_full
from constrain.regular.python_re import parse_python

__all__ = ["Dfa", "Regex", "compile", "compile_labelled", "parse_ecma", "parse_ecma_full", "parse_python"]
