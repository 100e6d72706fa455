"""Start-up of this project in fresh processes: import, kernels from the cache or compiled, vocabulary, first schema."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from jsonschemabench.runner import ROOT

IMPORT = """
import sys, time
begun = time.perf_counter()
import constrain
took = time.perf_counter() - begun
import json
heavy = sorted({"torch", "transformers", "numba"} & set(sys.modules))
print(json.dumps({"import_s": took, "heavy": heavy}))
"""
FIRST_USE = """
import json, sys, time
from jsonschemabench.tokenizers import TOKENIZERS
tokenizer = TOKENIZERS[sys.argv[1]]()
tokens = [*tokenizer.tokens, *[b""] * (tokenizer.size - len(tokenizer.tokens))]
import numpy as np
import constrain

laps = {}
begun = time.perf_counter()
def lap(name):
    global begun
    laps[name] = time.perf_counter() - begun
    begun = time.perf_counter()

import numba
lap("numba_s")
from constrain import cli, jit
cli.warmup()
lap("kernels_s")
vocabulary = constrain.Vocabulary.from_tokens(tokens, eos=[tokenizer.eos], special=sorted(tokenizer.special))
lap("vocabulary_s")
mask = np.zeros((tokenizer.size + 31) // 32, np.uint32)
schema = '{"type": "object", "properties": {"warm": {"type": "string"}}}'
constrain.json(schema).compile(vocabulary).matcher().fill_mask(mask)
lap("first_schema_s")
print(json.dumps({**laps, "loaded": jit.loaded_count, "compiled": jit.compiled_count}))
"""


def run(tokenizer: str, repeats: int = 5) -> dict[str, Any]:
    """Wall seconds: medians of fresh processes, and of one whose cache folder is empty, as on a new machine.

    import_s: `import constrain`, numpy included, after the interpreter has started. What comes after it is under
    "cached" and "empty": numba_s: importing numba, where that has not happened. kernels_s: `constrain warmup`, all
    kernels loaded or compiled. vocabulary_s: the vocabulary from its tokens. first_schema_s: an object with one string,
    to its first mask (with an empty cache also what is kept per vocabulary).
    """
    imports = [_probe(IMPORT) for _ in range(repeats)]
    with tempfile.TemporaryDirectory() as folder:
        empty = _probe(FIRST_USE, tokenizer, cache=folder)
        cached = [_probe(FIRST_USE, tokenizer, cache=folder) for _ in range(repeats)]
    return {
        "repeats": repeats,
        "import_s": _median(imports, "import_s"),
        "import_heavy": imports[0]["heavy"],
        "cached": {name: _median(cached, name) for name in cached[0]},
        "empty": {name: round(value, 3) for name, value in empty.items()},
    }


def _median(probes: list[dict[str, Any]], name: str) -> float:
    return round(statistics.median(float(probe[name]) for probe in probes), 3)


def _probe(code: str, *arguments: str, cache: str | None = None) -> dict[str, Any]:
    """What the code prints, run by a fresh interpreter."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, "PYTHONPATH": path, "CONSTRAIN_QUIET": "1"}
    if cache is not None:
        environment["CONSTRAIN_CACHE_DIR"] = cache
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"a start-up probe failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
