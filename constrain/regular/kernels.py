"""The compiled entry points of the regular layer (imported on first use, since this loads or compiles them)."""

from __future__ import annotations

from constrain.jit import compile_all
from constrain.regular import arrays, determinize, layout, minimize, nfa, product, trie

_I, _M = "int32[::1]", "int32[:,::1]"

build, combine, trie_of, canonical = compile_all(
    "regular",
    [
        (determinize.build, f"({_I}, {_M}, {_I}, {_M}, {_I}, int64, int64, int64)"),
        (product.combine, f"({_I}, {_I}, {_M}, {_I}, {_I}, {_I}, {_M}, {_I}, int64, int64, int64, int64)"),
        (trie.trie, f"({_I}, {_I})"),
        (minimize.canonical, f"(int64, {_M}, int64, {_I}, {_I}, {_I}, int64, int64, int64)"),
    ],
    [str(module.__file__) for module in (arrays, layout, nfa, determinize, product, trie, minimize)],
)
