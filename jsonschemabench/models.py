"""Models that write: a small protocol, one of transformers (folders, GGUF files), and one that needs no weights.

`logits` of a model are float32 over its vocabulary, for the next token.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jsonschemabench.runner import ROOT
from jsonschemabench.tokenizers import TOKENIZERS, Tokenizer

Logits = NDArray[np.float32]


class Model(ABC):
    """tokenizer: its vocabulary. `begin` reads a prompt, `step` takes a token; both give the logits of the next one."""

    name: str
    tokenizer: Tokenizer
    file: str = ""  # of a GGUF, for engines that bring a runtime of their own

    @abstractmethod
    def begin(self, prompt: str) -> Logits:
        """Logits after the prompt."""

    @abstractmethod
    def step(self, token: int) -> Logits:
        """Logits after the token."""

    def chat(self, prompt: str) -> str:
        """The prompt as the model's chat template has it."""
        return prompt


class NGram(Model):
    """Counts of three tokens in a row in some texts, and nothing else: deterministic, quick, and it ends its texts.

    It stands in for a language model where there is none: what it writes under a constraint is at least like JSON.
    """

    name = "ngram"

    def __init__(self, tokenizer: Tokenizer, texts: Iterable[str]) -> None:
        self.tokenizer = tokenizer
        self.counts: list[dict[tuple[int, ...], dict[int, int]]] = [{}, {}, {}]
        for text in texts:
            ids = [-1, -1, *tokenizer.encode(text), tokenizer.eos]
            for at in range(2, len(ids)):
                for order in range(3):
                    of = self.counts[order].setdefault(tuple(ids[at - order : at]), {})
                    of[ids[at]] = of.get(ids[at], 0) + 1
        self.base = np.full(tokenizer.size, -1e6, np.float32)
        for token, count in self.counts[0].get((), {}).items():
            self.base[token] = np.log(count)
        shorter = [(len(spelled), token) for token, spelled in tokenizer.ordinary().items()]
        for length, token in shorter:  # rather a short token than a long one that was never seen, never white space
            if self.base[token] <= -1e6:
                self.base[token] = -1000.0 - length - token * 1e-6
            if tokenizer.tokens[token].isspace():
                self.base[token] -= 2000.0

    def begin(self, prompt: str) -> Logits:
        self.last = [-1, -1]
        self.seen: dict[tuple[int, ...], int] = {}
        return self._logits()

    def step(self, token: int) -> Logits:
        self.last = [*self.last[1:], token]
        return self._logits()

    def _logits(self) -> Logits:
        logits = self.base.copy()
        for order in (1, 2):
            key = tuple(self.last[2 - order :])
            visits = self.seen[key] = self.seen.get(key, 0) + 1
            for token, count in self.counts[order].get(key, {}).items():
                # what was followed often is left alone after some visits, so that no text goes round for ever
                logits[token] = max(logits[token], 100.0 * order + np.log(count) - visits)
        logits[self.tokenizer.eos] = max(float(logits[self.tokenizer.eos]), 50.0)
        return logits


class Transformers(Model):
    """Any causal model that transformers loads from a folder or a GGUF file; greedy, float32, one thread."""

    def __init__(self, path: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(1)
        self.torch = torch
        if path == "smollm2":
            self.model, tokenizer, self.file = _smollm2()
            self.name = "SmolLM2-135M-Instruct"
        elif path.endswith(".gguf"):
            folder, file = str(Path(path).parent), Path(path).name
            self.model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
            tokenizer, self.file, self.name = AutoTokenizer.from_pretrained(folder, gguf_file=file), path, file
        else:
            self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
            tokenizer, self.name = AutoTokenizer.from_pretrained(path), Path(path).name
        self.hf = tokenizer
        self.tokenizer = from_transformers(tokenizer, self.name, self.model.config.vocab_size)
        self.past: Any = None

    def chat(self, prompt: str) -> str:
        if not self.hf.chat_template:
            return prompt
        messages = [{"role": "user", "content": prompt}]
        return str(self.hf.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def begin(self, prompt: str) -> Logits:
        self.past = None
        return self._run(self.hf(prompt, add_special_tokens=False).input_ids)

    def step(self, token: int) -> Logits:
        return self._run([token])

    def _run(self, ids: Sequence[int]) -> Logits:
        with self.torch.inference_mode():
            given = self.torch.tensor([list(ids)])
            out = self.model(given, past_key_values=self.past, use_cache=True, logits_to_keep=1)
        self.past = out.past_key_values
        logits: Logits = out.logits[0, -1].numpy()
        return logits


def _smollm2() -> tuple[Any, Any, str]:
    """The model of the project's examples, and its GGUF file. RuntimeError says what to install."""
    spec = importlib.util.spec_from_file_location("smollm2", ROOT / "examples" / "smollm2.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model, tokenizer = module.load(lambda text: print(text, file=sys.stderr))
    try:
        file = str(module.find())
    except RuntimeError:
        file = ""  # converted before; only engines with a runtime of their own need the file
    return model, tokenizer, file


def from_transformers(tokenizer: Any, name: str, size: int) -> Tokenizer:
    """The vocabulary of a fast tokenizer of transformers, padded to the width of the model's logits."""
    from constrain import Vocabulary

    vocabulary = Vocabulary.from_transformers(tokenizer, size=size)
    tokens = tuple(vocabulary.token_bytes(i) for i in range(size))
    special = {i: tokenizer.convert_ids_to_tokens(i) or f"<{i}>" for i, spelled in enumerate(tokens) if not spelled}
    backend = Path(tempfile.mkdtemp(prefix="jsonschemabench-")) / "tokenizer.json"
    tokenizer.backend_tokenizer.save(str(backend))
    return Tokenizer(name, tokens, special, tokenizer.eos_token_id, "", name, str(backend))


def load(name: str, texts: Iterable[str]) -> Model:
    """A model by the name or path that the command line takes. texts: what `ngram` counts."""
    if name.partition(":")[0] == "ngram":
        return NGram(TOKENIZERS[name.partition(":")[2] or "llama3"](), texts)
    return Transformers(name)
