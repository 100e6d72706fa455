"""The command `constrain`: `warmup` compiles the kernels ahead of time, `version` says what runs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status (0: done, 1: not done, stderr says why, 2: wrong arguments)."""
    parser = argparse.ArgumentParser(
        prog="constrain", description="Exact constrained decoding for language models.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("warmup", help="compile the kernels now, once per machine, so that no later run waits for it")
    commands.add_parser("version", help="the versions of constrain, Python, Numba and NumPy, and the cache folder")
    command: str = parser.parse_args(arguments).command
    try:
        status = {"warmup": warmup, "version": version}[command]()
        print(end="", flush=True)
    except KeyboardInterrupt:
        print("constrain: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"constrain: {error}", file=sys.stderr)
        if sys.stdout is sys.__stdout__:  # Python would try again, at its end, to write what is left
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return status


def warmup() -> int:
    """Compile every kernel, or load it where that was done before. Progress goes to stderr as they compile."""
    from constrain import jit, paths

    folder = paths.cache_dir() / "kernels"
    if not jit.DISABLED and not paths.writable(folder):
        other = "CONSTRAIN_CACHE_DIR can name another folder"
        print(f"constrain: {folder} can't be written to, so no kernel would be kept; {other}", file=sys.stderr)
        return 1
    from constrain import engine

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
