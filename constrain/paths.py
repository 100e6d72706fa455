"""Where things that are kept between processes live: compiled kernels, vocabularies, masks. Imports nothing heavy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_dir() -> Path:
    """The folder for everything that is kept between processes (not made by this call).

    `$CONSTRAIN_CACHE_DIR`, else `$XDG_CACHE_HOME/constrain`, else `~/.cache/constrain`.
    """
    named = os.environ.get("CONSTRAIN_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "constrain"


def writable(folder: Path) -> bool:
    """Make the folder if it is missing; can files be made in it?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
