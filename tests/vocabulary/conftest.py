"""Every test has a cache folder of its own, so that no result comes from an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(folder))
    return folder
