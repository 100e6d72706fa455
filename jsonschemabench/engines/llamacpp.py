"""llama.cpp grammars: through its own sampler only; the wheel gives no access to masks, so it is scored end to end."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

from jsonschemabench.engines.base import Engine, NotSupported, Refused, Walk
from jsonschemabench.tokenizers import Tokenizer


class LlamaCpp(Engine):
    """GBNF in the sampler of a model of its own; JSON Schemas are translated by its `json_schema_to_grammar`."""

    package = "xllamacpp"
    module = "xllamacpp"
    about = "GBNF in llama.cpp's sampler, C++; end to end with a GGUF model only"
    requirements = ("xllamacpp==2026.10.11549", "numpy")
    environment = "llama.cpp"
    inputs = ("json", "gbnf")
    masks = False

    def setup(self, tokenizer: Tokenizer) -> None:
        self.library = import_module("xllamacpp")
        self.servers: dict[str, Any] = {}

    def compile(self, schema: str, **options: Any) -> Any:
        try:
            return self.library.json_schema_to_grammar(json.loads(schema))
        except Exception as error:
            raise Refused(str(error)) from error

    def compile_grammar(self, dialect: str, text: str) -> Any:
        return text

    def start(self, compiled: Any) -> Walk:
        raise NotSupported("the wheel of llama.cpp gives no access to masks", "masks")

    def write(self, model: str, prompt: str, compiled: Any, max_tokens: int) -> dict[str, Any]:
        """A whole text, greedy, by the model of a GGUF file. -> text, tokens, finished, ttft_s, tpot_s, wall_s."""
        server = self._server(model)
        begun = time.perf_counter()
        answer: list[Any] = []
        request = {"prompt": prompt, "n_predict": max_tokens, "temperature": 0.0, "cache_prompt": False}
        if compiled is not None:
            request["grammar"] = compiled
        server.handle_completions(request, answer.append)
        wall = time.perf_counter() - begun
        found = answer[-1] if answer else {}
        if isinstance(found, (str, bytes)):
            found = json.loads(found)
        if not found.get("choices"):
            raise Refused(str(found.get("error", found))[:300])
        (choice,), times = found["choices"], found.get("timings", {})
        token_s = times.get("predicted_per_token_ms", 0.0) / 1e3
        return {
            "text": choice["text"],
            "tokens": found.get("usage", {}).get("completion_tokens", times.get("predicted_n", 0)),
            "finished": choice["finish_reason"] == "stop",
            "ttft_s": times.get("prompt_ms", 0.0) / 1e3 + token_s,
            "tpot_s": token_s,
            "wall_s": wall,
        }

    def _server(self, model: str) -> Any:
        if model not in self.servers:
            params = self.library.CommonParams()
            params.model.path = model
            params.n_ctx = 4096
            params.cpuparams.n_threads = 1
            params.cpuparams_batch.n_threads = 1
            params.n_parallel = 1
            params.verbosity = -1
            self.servers[model] = self.library.Server(params)
        return self.servers[model]
