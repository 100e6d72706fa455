"""The example, with a tiny model in SmolLM2's place."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_example(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("sampling_example", EXAMPLES / "sampling.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example.smollm2, "load", lambda: (model, tokenizer))
    monkeypatch.setattr(example, "LANGUAGE", "true|false|item 1")
    monkeypatch.setattr(sys, "argv", ["sampling.py", "--calls", "60", "mask", "asap", "smc"])
    assert example.main() == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}: " in out for name in ("mask", "asap", "smc"))
