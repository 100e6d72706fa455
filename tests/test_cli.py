"""The command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constrain import cli


def test_version_names_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    out = capsys.readouterr().out
    assert "numba " in out and f"python {sys.version.split()[0]}" in out and "cache " in out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["frobnicate"])
    assert exit_.value.code == 2
    assert "frobnicate" in capsys.readouterr().err


def test_warmup_loads_every_kernel() -> None:
    """In a process of its own, where nothing is loaded yet; the kernels of this run's cache folder are used."""
    run = subprocess.run(
        [sys.executable, "-m", "constrain.cli", "warmup"],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=Path(__file__).parents[1],
        check=True,
    )
    expected = "NUMBA_DISABLE_JIT" if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" else "kernels"
    assert expected in run.stdout
