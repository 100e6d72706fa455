"""What a result was measured on and with: machine, Python, versions of every package, state of the source, date."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonschemabench.engines import installed, version

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("numpy", "numba", "tokenizers", "transformers", "jsonschema")


def describe(engines: Iterable[str], arguments: list[str]) -> dict[str, Any]:
    """The facts that stand at the head of every result."""
    packages = {name: found for name in PACKAGES if (found := _package(name))}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join(["python -m jsonschemabench", *map(_shown, arguments)]),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": packages,
        "engines": {name: engine(name) for name in engines if installed(name)},
    }


def engine(name: str) -> dict[str, str]:
    """The package's version; for this project the source's commit too, since it is measured between releases."""
    if name != "constrain":
        return {"version": version(name), "commit": ""}
    return {"version": version(name) or _declared_version(), "commit": _commit()}


def state(name: str) -> str:
    """Names what an engine would do: its version, or for this project the content of its source."""
    return source_digest() if name == "constrain" else version(name)


def source_digest() -> str:
    """Names the content of the project's Python source, the benchmark's included (12 hexadecimal digits)."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in ("constrain", "jsonschemabench") for path in (ROOT / folder).rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def cpu_model() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def load_average() -> float:
    """Processes that wanted a core in the last minute: above 1 beside one busy worker, others ran too."""
    return round(os.getloadavg()[0], 2)


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _shown(argument: str) -> str:
    """An argument as a reader can use it: no absolute path of this machine."""
    shown = Path(argument).name if argument.startswith("/") else argument
    return f'"{shown}"' if " " in shown else shown


def _commit() -> str:
    """The commit of the source, with a note where the constrain package differs from it."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        dirty = subprocess.run([*git, "status", "--porcelain", "--", "constrain"], capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + (", modified" if dirty.stdout.strip() else "")


def _declared_version() -> str:
    """The version in pyproject.toml, for a source tree that is not installed."""
    try:
        declared: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""
    return declared


def last_core() -> int | None:
    """The core that workers are pinned to unless one is named: the last one, since interrupts favour the first."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
