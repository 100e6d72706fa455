"""Start-up of this project in fresh processes: the import, the kernels from the cache, the kernels compiled once."""

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
import numpy as np
begun = time.perf_counter()
import constrain
imported = time.perf_counter()
import numba
numba_s = time.perf_counter()
vocabulary = constrain.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [b""], eos=[256], special=[256])
mask = np.zeros(9, np.uint32)
schema = '{"type": "object", "properties": {"warm": {"type": "string"}}}'
matcher = constrain.json(schema).compile(vocabulary).matcher()
matcher.fill_mask(mask)
matcher.accept(ord("{"))
matcher.fill_mask(mask)
used = time.perf_counter()
from constrain import jit
print(json.dumps({
    "import_s": imported - begun, "numba_s": numba_s - imported, "first_use_s": used - numba_s,
    "loaded": jit.loaded_count, "compiled": jit.compiled_count,
}))
"""


def run(repeats: int = 5) -> dict[str, Any]:
    """Wall seconds, medians of fresh processes; the one-time compilation is done once, in a cache of its own.

    import_s: `import constrain`, numpy included, after the interpreter has started. numba_s: importing numba then,
    where the former has not. cached_s: from there to a first mask over 256 byte tokens, kernels read from the cache.
    compile_s: the same with an empty cache, which is what happens once per machine.
    """
    imports = [_probe(IMPORT) for _ in range(repeats)]
    with tempfile.TemporaryDirectory() as empty:
        compiled = _probe(FIRST_USE, cache=empty)
        cached = [_probe(FIRST_USE, cache=empty) for _ in range(repeats)]
    return {
        "repeats": repeats,
        "import_s": _median(imports, "import_s"),
        "import_heavy": imports[0]["heavy"],
        "numba_s": _median(cached, "numba_s"),
        "cached_s": _median(cached, "first_use_s"),
        "kernels_loaded": cached[0]["loaded"],
        "compile_s": round(compiled["first_use_s"], 2),
        "kernels_compiled": compiled["compiled"],
    }


def _median(probes: list[dict[str, Any]], name: str) -> float:
    return round(statistics.median(float(probe[name]) for probe in probes), 3)


def _probe(code: str, cache: str | None = None) -> dict[str, Any]:
    """What the code prints, run by a fresh interpreter."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, "PYTHONPATH": path, "CONSTRAIN_QUIET": "1"}
    if cache is not None:
        environment["CONSTRAIN_CACHE_DIR"] = cache
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"a start-up probe failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
