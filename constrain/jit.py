"""One place that owns Numba: the options of every kernel, where compiled code is kept, and the line that announces it.

A module of kernels ends in one call of `compile_all`, so compilation happens at a known moment (the import of that
module), is announced and counted, and is found in the disk cache the next time. Functions that kernels call are marked
`device`. With `NUMBA_DISABLE_JIT=1` everything stays plain Python.

The cache folder is `$CONSTRAIN_CACHE_DIR`, else `$XDG_CACHE_HOME/constrain`, else `~/.cache/constrain`. Its kernels are
keyed by the source, place and time of every module that holds one, since Numba's own check sees only the file of the
caller. A folder that can't be written to costs the cache, not the import.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy.typing as npt
from numba import njit
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from constrain.paths import cache_dir, writable

F = TypeVar("F", bound=Callable[..., Any])
DISABLED = bool(numba.config.DISABLE_JIT)

compiled_count = 0  # kernels compiled by this process
loaded_count = 0  # kernels found in the cache by this process


def device(function: F) -> F:
    """Mark a function that kernels call; it is compiled as a part of them."""
    if DISABLED:
        return function
    marked: F = njit(nogil=True)(function)
    return marked


def handle(array: npt.NDArray[Any]) -> Any:
    """An array as an argument that costs a kernel nothing to unpack: its address. The caller keeps the array alive."""
    return array if DISABLED else array.ctypes.data


def _same(array: Any, *_: Any) -> Any:
    return array


# Inside of kernels: the array whose handle this is (of int32; uint32 of this size; uint32 [any, this width]).
ints_at: Any = _same
words_at: Any = _same
rows_at: Any = _same

def _pointer_to(kind: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return lambda typing_context, address: (numba.types.CPointer(kind)(address), code)


if not DISABLED:
    _MANY = 1 << 40
    _int32_pointer = intrinsic(_pointer_to(numba.types.int32))
    _uint32_pointer = intrinsic(_pointer_to(numba.types.uint32))
    ints_at = njit(nogil=True)(lambda address: numba.carray(_int32_pointer(address), (_MANY,)))
    words_at = njit(nogil=True)(lambda address, size: numba.carray(_uint32_pointer(address), (size,)))
    rows_at = njit(nogil=True)(lambda address, width: numba.carray(_uint32_pointer(address), (_MANY // width, width)))


_TYPES = {"H": "int32[::1]", "X": "int32[::1]", "B": "uint32[:, ::1]", "mask": "uint32[::1]", "data": "int64[::1]"}
_TYPES |= {"list32": "int32[::1]", "table32": "int32[:, ::1]", "table_ids": "int32[::1]", "exit_table": "int32[:, ::1]"}
_TYPES |= {"out32": "int32[::1]", "sets": "int32[:, ::1]"}
_ANNOTATIONS = {"int": "int64", "Ints": "int32[::1]", "Rows": "int32[:, ::1]"}
_NUMBA_TYPES = {
    "int64": numba.types.int64,
    "int32[::1]": numba.types.int32[::1],
    "int32[:, ::1]": numba.types.int32[:, ::1],
    "uint32[::1]": numba.types.uint32[::1],
    "uint32[:, ::1]": numba.types.uint32[:, ::1],
    "int64[::1]": numba.types.int64[::1],
}
MAKES_ARRAYS = {"empty", "full", "zeros", "wider"}  # names in functions that make arrays, or get them from a call
_waiting: list[tuple[Any, list[str]]] = []  # functions of fixed types that have not been compiled, and these types


def engine_device(function: F) -> F:
    """Mark a function that the engine's kernels call: like `device`, with one fixed type for each parameter.

    The parameter's name tells it (`_TYPES`; every other one is int64). Without that, Numba compiles a function once
    more for each mixture of 32-bit, 64-bit and constant arguments, and all of that again into each caller.
    Functions that make no arrays do not count references to those they are given.
    """
    code = function.__code__
    types = [_TYPES.get(n, "int64") for n in code.co_varnames[: code.co_argcount]]
    return _of_types(function, types, counted=not MAKES_ARRAYS.isdisjoint(code.co_names))


def typed_device(function: F) -> F:
    """Like `engine_device`, with the types that the annotations tell (`int`, `Ints`: a vector, `Rows`: a matrix)."""
    annotated = function.__annotations__
    return _of_types(function, [_ANNOTATIONS[t] for name, t in annotated.items() if name != "return"])


def _of_types(function: F, types: list[str], counted: bool = True) -> F:
    if DISABLED:
        return function
    marked: Any = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=counted)(function)
    _waiting.append((marked, types))
    typed: F = marked
    return typed


def _compile_waiting() -> None:
    """Give each function of fixed types its one type, in order of definition."""
    with _left_to_kernels():
        for marked, types in _waiting:
            marked.compile(tuple(_NUMBA_TYPES[t] for t in types))
            marked.disable_compile()
    _waiting.clear()


@contextmanager
def _left_to_kernels() -> Iterator[None]:
    """Leave the full optimisation out: what is compiled now becomes a part of kernels, whose code gets it as a whole.

    It takes a third of the time. Numba has no option for it; a version without this internal method does it twice.
    """
    codegen = cpu_target.target_context.codegen()
    make = getattr(codegen, "_module_pass_manager", None)
    if make is None:
        yield
        return

    class Nothing:
        def run(self, *_: Any) -> bool:
            return False

    def managers(**options: Any) -> Any:
        made = make(**options)
        return made if options.get("cost") == "cheap" else (Nothing(), *made[1:])

    codegen._module_pass_manager = managers
    try:
        yield
    finally:
        del codegen._module_pass_manager


def compile_all(
    group: str, kernels: Sequence[tuple[Callable[..., Any], str]], sources: Sequence[str], *, checked: bool = False
) -> list[Callable[..., Any]]:
    """Compile (or load from the cache) the kernels of one module, in order.

    kernels: (function, Numba signature) pairs. sources: paths of all files whose code the kernels contain.
    checked: return dispatchers, which check argument types at each call (0.15 µs); otherwise the bare entry points,
    which trust the caller to pass arrays of exactly the declared types.
    """
    global compiled_count, loaded_count
    if DISABLED:
        return [f for f, _ in kernels]
    digest = hashlib.sha256(f"{numba.__version__} {sys.version} {numba.config.CPU_NAME}".encode())
    for source in (*sources, __file__):
        # Numba takes what it has cached only for a file of the same place and time
        digest.update(f"{source} {Path(source).stat().st_mtime_ns} ".encode() + Path(source).read_bytes())
    folder = cache_dir() / "kernels" / f"{group}-{digest.hexdigest()[:16]}"
    cached = writable(folder)
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    announce = _Announcer(group, len(kernels), cached, str(folder))
    out: list[Callable[..., Any]] = []
    try:
        for i, (function, signature) in enumerate(kernels):
            dispatcher = njit(nogil=True, cache=cached)(function)
            complete = (folder / "complete").exists()
            announce.step(i, function.__name__, complete)
            if not complete:
                _compile_waiting()
            dispatcher.compile(signature)
            hit = cached and sum(dispatcher.stats.cache_hits.values()) > 0
            loaded_count += hit
            compiled_count += not hit
            out.append(dispatcher if checked else next(iter(dispatcher.overloads.values())).entry_point)
        if cached:
            (folder / "complete").touch()
    finally:
        numba.config.CACHE_DIR = before
        announce.done()
    return out


class _Announcer:
    """Says on stderr that kernels are being compiled; silent when they come from the cache."""

    def __init__(self, group: str, total: int, cached: bool, folder: str) -> None:
        self.group, self.total, self.cached, self.folder = group, total, cached, folder
        self.begun: float | None = None
        self.quiet = bool(os.environ.get("CONSTRAIN_QUIET"))

    def step(self, i: int, name: str, complete: bool) -> None:
        if complete or self.quiet:
            return
        if self.begun is None:
            self.begun = time.monotonic()
            why = "once per machine" if self.cached else f"in every process, since {self.folder} can't be written to"
            print(f"constrain: compiling {self.total} kernels of {self.group}, {why}", file=sys.stderr)
        print(f"constrain:   {i + 1}/{self.total} {name.lstrip('_')}", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self.begun is not None:
            print(f"constrain: compiled in {time.monotonic() - self.begun:.1f} s", file=sys.stderr, flush=True)
