"""Programs by a language model, with and without the grammar: syntax errors, right answers, tokens a second.

The model is asked in its chat template; its answer begins with the opening fence (```python and a line end), for both,
and ends with an end-of-sequence token or with any token that begins with ``` (after blanks). Under the grammar these
tokens are allowed exactly where the program may end. So both write a program alone, from the same prompt. Greedy.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschemabench.cfg.programs import Row, Task

FENCE = re.compile(rb"\s*```")


@dataclass
class Count:
    """Texts of one task under one condition. cut: ended by the token limit, in no other count but `texts`."""

    texts: int = 0
    cut: int = 0
    syntax_errors: int = 0
    works: int = 0
    tokens: int = 0
    seconds: float = 0.0
    examples: list[str] = field(default_factory=list)


def draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """A seeded sample; a larger one holds every smaller one."""
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    return [rows[i] for i in order[:count]]


def closing(vocabulary: Any, ends: set[int]) -> set[int]:
    """The ends of the model, and every token that closes the fence."""
    special = set(vocabulary.special_ids)
    return ends | {
        i for i in range(vocabulary.size) if i not in special and FENCE.match(vocabulary.token_bytes(i) or b"")
    }


@dataclass
class Writer:
    """A model of transformers with its tokenizer. batch: prompts at once. limit: new tokens of a text."""

    model: Any
    tokenizer: Any
    limit: int
    batch: int = 1

    def __post_init__(self) -> None:
        from constrain import Vocabulary

        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        listed = self.model.generation_config.eos_token_id
        ends = {self.tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])} - {None}
        plain = Vocabulary.from_transformers(self.tokenizer, size=self.model.config.vocab_size)
        self.ends = sorted(closing(plain, ends))

    def texts(self, prompts: Sequence[str], constraint: Any) -> tuple[list[tuple[str, bool, int]], float]:
        """-> (text, ended by itself, number of tokens) for each prompt; seconds of writing, compilation apart."""
        processors = [constraint.logits_processor(self.tokenizer, eos=self.ends)] if constraint is not None else []
        begun = time.perf_counter()
        found: list[tuple[str, bool, int]] = []
        for at in range(0, len(prompts), self.batch):
            found += self._batch(prompts[at : at + self.batch], processors)
        return found, time.perf_counter() - begun

    def _batch(self, prompts: Sequence[str], processors: list[Any]) -> list[tuple[str, bool, int]]:
        inputs = self.tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=False)
        out = self.model.generate(
            **inputs, max_new_tokens=self.limit, do_sample=False, eos_token_id=self.ends, logits_processor=processors,
            pad_token_id=self.tokenizer.pad_token_id, temperature=None, top_p=None, top_k=None, repetition_penalty=1.0,
        )  # fmt: skip
        ends, found = set(self.ends), []
        for row in out[:, inputs["input_ids"].shape[1] :].tolist():
            end = next((i for i, token in enumerate(row) if token in ends), -1)
            written = row[:end] if end >= 0 else row
            text = self.tokenizer.decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False)
            found.append((text, end >= 0, len(written) + (end >= 0)))
        return found

    def prompt(self, task: Task, row: Row) -> str:
        """The question in the chat template, and the fence that the answer begins with."""
        asked = task.ask(row)
        if self.tokenizer.chat_template:
            messages = [{"role": "user", "content": asked}]
            asked = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return f"{asked}```{task.fence}\n"


def run_task(writer: Writer, task: Task, rows: Sequence[Row], constraint: Any) -> Count:
    """All rows of a task under one condition (constraint None: the model alone)."""
    prompts = [writer.prompt(task, row) for row in rows]
    texts, seconds = writer.texts(prompts, constraint)
    count = Count(texts=len(rows), seconds=round(seconds, 2))
    for row, (text, ended, tokens) in zip(rows, texts, strict=True):
        score(count, task, row, text, ended)
        count.tokens += tokens
    return count


def score(count: Count, task: Task, row: Row, text: str, ended: bool) -> None:
    """Count one text."""
    if not ended:
        count.cut += 1
        return
    if not task.syntax(text):
        count.syntax_errors += 1
        if len(count.examples) < 3:
            count.examples.append(text[-300:])
    elif task.works(row, text):
        count.works += 1


def run(writer: Writer, tasks: Sequence[Task], data: Path, count: int, seed: int, say: Any) -> dict[str, Any]:
    """Every task, the model alone and under the grammar; a task whose grammar does not ship is named and left out."""
    import constrain
    from constrain.grammar.shipped import shipped_names

    found: dict[str, Any] = {}
    for task in tasks:
        if task.grammar not in shipped_names():
            found[task.name] = {"skipped": f"no grammar {task.grammar} ships"}
            continue
        rows = draw(task.rows(data), count, seed)
        about: dict[str, Any] = {"grammar": task.grammar}
        about |= {"syntax_judge": task.syntax_judge(), "works_judge": task.works_judge}
        for name, constraint in (("unconstrained", None), ("constrained", constrain.grammar(task.grammar))):
            counted = run_task(writer, task, rows, constraint)
            about[name] = {**vars(counted), "tokens_per_s": round(counted.tokens / counted.seconds, 1)}
            say(f"{task.name} {name}: {about[name]['syntax_errors']} of {counted.texts} with syntax errors")
        found[task.name] = about
    return found
