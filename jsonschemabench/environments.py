"""Where each engine lives: its own interpreter, since peers pin packages that conflict, or the one that runs this.

An engine's interpreter is, in this order: the one named by `JSONSCHEMABENCH_PYTHON_<ENGINE>` (upper case, other
characters as `_`), the one of the environment that `jsonschemabench install ENGINE` made, this interpreter where it can
import the engine. Environments lie in the folder `environments` of the cache, outside the repository.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from jsonschemabench.engines import lookup
from jsonschemabench.tokenizers import cache_dir

ASK = """
import importlib.metadata as m, importlib.util as u, json, sys
found = {d.metadata["Name"]: d.version for d in m.distributions() if d.metadata["Name"]}
print(json.dumps({"module": u.find_spec(sys.argv[1]) is not None, "python": sys.version.split()[0], "packages": found}))
"""


class InstallFailed(RuntimeError):
    """pip or venv ended with an error; the message says which."""


def folder(name: str) -> Path:
    """Where the environment of an engine is, or would be."""
    return cache_dir() / "environments" / (lookup(name).environment or re.sub(r"[^\w.-]", "_", name))


def variable(name: str) -> str:
    """The environment variable that names an engine's interpreter."""
    return "JSONSCHEMABENCH_PYTHON_" + re.sub(r"\W", "_", name).upper()


def interpreter(name: str) -> str | None:
    """The Python that can import the engine, or None. LookupError and ImportError as `lookup` raises them."""
    module = lookup(name).module
    if named := os.environ.get(variable(name)):
        return named if _ask(named, module)["module"] else None
    made = folder(name) / "bin" / "python"
    if ":" not in name and made.exists() and _ask(str(made), module)["module"]:
        return str(made)
    return sys.executable if importlib.util.find_spec(module) is not None else None


def versions(name: str) -> dict[str, str]:
    """Versions of the packages in the engine's environment, by name as their metadata spells it."""
    python = interpreter(name)
    if python is None:
        return {}
    packages: dict[str, str] = _ask(python, lookup(name).module)["packages"]
    return packages


@functools.cache
def _ask(python: str, module: str) -> dict[str, Any]:
    done = subprocess.run([python, "-c", ASK, module], capture_output=True, text=True)
    if done.returncode:
        return {"module": False, "python": "", "packages": {}}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def install(name: str) -> Path:
    """Make an environment for the engine and install its requirements with pip. -> its folder

    Raises InstallFailed; ValueError for an engine that needs no environment.
    """
    adapter = lookup(name)
    if not adapter.requirements:
        raise ValueError(f"{name} needs no environment of its own")
    place = folder(name)
    for command in (
        [sys.executable, "-m", "venv", str(place)],
        [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *adapter.requirements],
    ):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise InstallFailed(f"{' '.join(command[1:4])} … failed: {''.join(last)}")
    _ask.cache_clear()
    return place
