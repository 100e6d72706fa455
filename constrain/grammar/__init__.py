"""Grammars: rules over terminals, and the languages they are written in.

The package can be called, since its name is that of a function as well: `constrain.grammar("python")` is the
constraint of the grammar of that name, see `constrain.frontends.shipped`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, name: str, *args: Any, **options: Any) -> Any:
        from constrain.frontends import shipped

        return shipped(name, *args, **options)


sys.modules[__name__].__class__ = _Callable
