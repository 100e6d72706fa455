"""Where vocabularies are kept between processes."""

from __future__ import annotations

from pathlib import Path

from constrain.paths import cache_dir


def vocabulary_folder(fingerprint: str) -> Path:
    """The folder of one vocabulary and what was derived from it (not made by this call)."""
    return cache_dir() / "vocabularies" / fingerprint[:32]
