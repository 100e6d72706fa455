"""The command `constrain`: `warmup` compiles the kernels ahead of time, `version` says what runs."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status (0: done, 2: wrong arguments)."""
    parser = argparse.ArgumentParser(
        prog="constrain", description="Exact constrained decoding for language models.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("warmup", help="compile the kernels now, once per machine, so that no later run waits for it")
    commands.add_parser("version", help="the versions of constrain, Python, Numba and NumPy, and the cache folder")
    command: str = parser.parse_args(arguments).command
    return {"warmup": warmup, "version": version}[command]()


def warmup() -> int:
    """Compile every kernel, or load it where that was done before. Progress goes to stderr as they compile."""
    from constrain import engine, jit, paths

    begun = time.monotonic()
    engine.warmup()
    importlib.import_module("constrain.decoding.kernels")
    seconds = time.monotonic() - begun
    if jit.DISABLED:
        print("constrain: NUMBA_DISABLE_JIT is set, there is nothing to compile")
    elif jit.compiled_count:
        print(f"constrain: {jit.compiled_count} kernels compiled in {seconds:.1f} s, cached in {paths.cache_dir()}")
    else:
        print(f"constrain: {jit.loaded_count} kernels loaded from {paths.cache_dir()} in {seconds:.2f} s")
    return 0


def version() -> int:
    """Print what a bug report needs."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from constrain import paths

    for package in ("constrain-decoding", "numba", "numpy", "lark", "torch", "transformers"):
        try:
            print(f"{package} {installed(package)}")
        except PackageNotFoundError:
            print(f"{package} is not installed")
    print(f"python {sys.version.split()[0]}")
    print(f"cache {paths.cache_dir()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
