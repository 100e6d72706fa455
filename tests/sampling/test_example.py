"""The example, and the blocks of the page that need a model, with a tiny one in its place."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import constrain

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = Path(__file__).parents[2] / "docs" / "sampling.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def test_the_page_with_a_model(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, but for the numbers of draws and tokens."""
    import transformers

    blocks = [code for code in BLOCK.findall(PAGE.read_text("utf-8")) if "AutoModelForCausalLM" in code]
    assert len(blocks) == 2
    for one, found in ((transformers.AutoModelForCausalLM, model), (transformers.AutoTokenizer, tokenizer)):
        monkeypatch.setattr(one, "from_pretrained", lambda name, found=found: found)
    monkeypatch.setattr(tokenizer, "chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}", raising=False)
    names: dict[str, Any] = {"constrain": constrain, "name": "tiny", "schema": {"enum": [True, "item 1"]}}
    exec(blocks[0].replace("n=50", "n=5").replace("budget=5000", "budget=60"), names)
    assert len(names["samples"]) == 5
    assert {json.dumps(json.loads(text)) for text in names["samples"].texts} <= {"true", '"item 1"'}
    names["c"] = constrain.choice(["true", "item 1"])
    names["inputs"] = tokenizer(["a", "b"], return_tensors="pt")
    exec(blocks[1].replace("range(20)", "range(3)").replace("_tokens=200", "_tokens=20"), names)
    assert len(names["log_weights"]) == 2 and len(names["processor"].tries) == 2
