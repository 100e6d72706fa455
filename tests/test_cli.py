"""The command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

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


def run(
    *arguments: str, output: int | IO[str] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "constrain.cli", *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
        cwd=Path(__file__).parents[1],
        env=os.environ | environment,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["--nonsense"], ["warm"], ["warmup", "--nonsense"], ["warmup", "a.json"], ["version", "1"], ["--help", "x"]],
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    shown = capsys.readouterr()
    if "--help" in arguments:
        assert exit_.value.code == 0 and "warmup" in shown.out and "version" in shown.out
    else:
        assert exit_.value.code == 2 and shown.err.startswith("usage: constrain") and not shown.out


def test_warmup_into_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """It would compile for a minute and keep nothing."""
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file")
    done = run("warmup", CONSTRAIN_CACHE_DIR=folder, NUMBA_DISABLE_JIT="0")
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("constrain: ") and folder in line and "CONSTRAIN_CACHE_DIR" in line
    done = run("version", CONSTRAIN_CACHE_DIR=folder)
    assert done.returncode == 0 and folder in done.stdout and not done.stderr


def test_output_that_nobody_takes() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as gone:
        done = run("version", output=gone)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("constrain: ")


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "warmup", interrupted)
    assert cli.main(["warmup"]) == 130
    assert capsys.readouterr().err == "constrain: interrupted\n"


def test_warmup_loads_every_kernel() -> None:
    """In a process of its own, where nothing is loaded yet; the kernels of this run's cache folder are used."""
    done = run("warmup")
    assert done.returncode == 0
    expected = "NUMBA_DISABLE_JIT" if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" else "kernels"
    assert expected in done.stdout
