"""The language model and the tokenizer of the experiments."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

LOADER = Path(__file__).parents[3] / "examples" / "smollm2.py"


def _loader() -> Any:
    """The example that makes SmolLM2 from a package; in a checkout only."""
    spec = importlib.util.spec_from_file_location("smollm2", LOADER)
    if spec is None or spec.loader is None or not LOADER.exists():
        sys.exit("SmolLM2 is loaded by an example of the checkout; elsewhere name a model: --model FOLDER")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(name: str) -> tuple[Any, Any]:
    """A model on the CPU and its tokenizer."""
    if name == "smollm2":
        model, tokenizer = _loader().load()
        return model, tokenizer
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(name).eval(), AutoTokenizer.from_pretrained(name)


def tokenizer_of(name: str) -> Any:
    """A tokenizer."""
    return load(name)[1] if name == "smollm2" else load_tokenizer(name)


def load_tokenizer(name: str) -> Any:
    """A tokenizer by its folder or hub name."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)
