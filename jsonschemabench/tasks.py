"""Tasks for a model: questions, a schema for the answer, and a score. How an answer is read from a text stands here.

An answer is the value of "answer" where the text is a JSON object that has it. Other texts (a model without constraint
writes what it likes) are read as the field does it: the last number for GSM8K, the last "(A)" or lone letter for
shuffled objects, the last word of four letters or its letters apart for last-letter, a JSON object inside for a call.
"""

from __future__ import annotations

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from jsonschemabench.suites import Case, Data, draw
from jsonschemabench.suites.data import read_lines, read_text
from jsonschemabench.suites.functions import HOME as BFCL_HOME
from jsonschemabench.suites.functions import call_schema
from jsonschemabench.suites.schemas import MaskBench

_NAMES = """
Ada Alan Barbara Claude Donald Edsger Frances Grace Hedy Ivan John Kathleen Leslie Margaret Niklaus Ole Peter
Radia Stephen Tony Ursula Vint Whitfield Xavier Yukihiro Zohar Lovelace Turing Liskov Shannon Knuth Dijkstra
Allen Hopper Lamarr Sutherland Backus Booth Lamport Hamilton Wirth Dahl Naur Perlman Cook Hoare
"""
NAMES = _NAMES.split()
REASONED = "Answer with a JSON object with the keys reasoning (a short text) and answer."


@dataclass(frozen=True)
class Question:
    """prompt: what the model is asked. case: its constraint (no instances). answer: what the score compares with."""

    name: str
    prompt: str
    case: Case
    answer: Any


class Task(ABC):
    """Questions of one kind. `correct`: None where there is no right answer, only a schema to hold to."""

    name: ClassVar[str]
    about: ClassVar[str]
    home: ClassVar[str] = "(generated)"

    @abstractmethod
    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        """A seeded sample. Raises MissingData."""

    @abstractmethod
    def correct(self, text: str, answer: Any) -> bool | None:
        """Is the text's answer right?"""


def reasoned(answer: dict[str, Any]) -> str:
    """A schema for a reasoning and then an answer."""
    return json.dumps(
        {
            "type": "object",
            "properties": {"reasoning": {"type": "string", "maxLength": 400}, "answer": answer},
            "required": ["reasoning", "answer"],
            "additionalProperties": False,
        }
    )


def json_answer(text: str) -> Any:
    """The value of "answer" in a text that is a JSON object; None otherwise."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value.get("answer") if isinstance(value, dict) else None


def pick(rows: Sequence[Any], count: int, seed: int) -> list[tuple[int, Any]]:
    """Some of the rows, with their places."""
    places = sorted(random.Random(seed).sample(range(len(rows)), min(count, len(rows))))
    return [(place, rows[place]) for place in places]


class GSM8K(Task):
    """Word problems with a number as the answer."""

    name = "gsm8k"
    about = "grade-school word problems (GSM8K)"
    home = "https://raw.githubusercontent.com/openai/grade-school-math/master/grade_school_math/data/test.jsonl"

    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        rows = read_lines(data.find("gsm8k_test.jsonl", self.home))
        schema = reasoned({"type": "number"})
        return [
            Question(
                f"gsm8k-{place}",
                f"{row['question']}\n{REASONED} The answer is a number.",
                Case(f"gsm8k-{place}", self.name, schema, ()),
                float(row["answer"].rsplit("####", 1)[1].strip().replace(",", "")),
            )
            for place, row in pick(rows, count, seed)
        ]

    def correct(self, text: str, answer: Any) -> bool:
        found = json_answer(text)
        if not isinstance(found, (int, float)) or isinstance(found, bool):
            numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
            found = float(numbers[-1].replace(",", "")) if numbers else None
        return found is not None and bool(abs(found - answer) < 1e-6)


class ShuffledObjects(Task):
    """Who has what after some swaps: one of three."""

    name = "shuffled"
    about = "tracking three shuffled objects (BIG-Bench Hard)"
    home = (
        "https://raw.githubusercontent.com/suzgunmirac/BIG-Bench-Hard/main/bbh/"
        "tracking_shuffled_objects_three_objects.json"
    )

    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        rows = json.loads(read_text(data.find("bbh_tracking_shuffled_three.json", self.home)))["examples"]
        schema = reasoned({"enum": ["A", "B", "C"]})
        return [
            Question(
                f"shuffled-{place}",
                f"{row['input']}\n{REASONED} The answer is A, B or C.",
                Case(f"shuffled-{place}", self.name, schema, ()),
                row["target"].strip("()"),
            )
            for place, row in pick(rows, count, seed)
        ]

    def correct(self, text: str, answer: Any) -> bool:
        found = json_answer(text)
        if not isinstance(found, str):
            letters = re.findall(r"\(([A-C])\)|\b([A-C])\b", text)
            found = "".join(letters[-1]) if letters else ""
        return bool(found.strip("()") == answer)


class LastLetter(Task):
    """The last letters of four names; generated, so there is nothing to copy."""

    name = "last-letter"
    about = "concatenate the last letters of four names (generated)"

    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        rng = random.Random(f"last letter {seed}")
        schema = reasoned({"type": "string", "pattern": "^[a-z]{4}$"})
        found = []
        for n in range(count):
            names = rng.sample(NAMES, 4)
            prompt = f'Take the last letter of each word in "{" ".join(names)}" and put the letters together.'
            case = Case(f"last-letter-{n}", self.name, schema, ())
            found.append(Question(case.name, f"{prompt}\n{REASONED}", case, "".join(name[-1] for name in names)))
        return found

    def correct(self, text: str, answer: Any) -> bool:
        found = json_answer(text)
        if not isinstance(found, str):
            words = re.findall(r"\b[a-z]{4}\b|\b[a-z](?:[-, ]+[a-z]){3}\b", text.lower())
            found = re.sub("[^a-z]", "", words[-1]) if words else ""
        return bool(found == answer)


class FunctionCall(Task):
    """One function, one call: right if the name and every argument are among what the ground truth allows."""

    name = "bfcl-call"
    about = "write the function call that a request asks for (BFCL simple)"
    home = BFCL_HOME

    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        public = "BFCL_v4_simple_python.json"
        rows = read_lines(data.find("bfcl_simple_python.jsonl", BFCL_HOME + public))
        answers = read_lines(data.find("bfcl_simple_python_answers.jsonl", f"{BFCL_HOME}possible_answer/{public}"))
        truth = {row["id"]: row["ground_truth"][0] for row in answers}
        found = []
        for _, row in pick(rows, count, seed):
            asked = row["question"][0][-1]["content"]
            prompt = (
                f"{asked}\nAnswer with a JSON object that calls this function, with the keys name and arguments.\n"
                f"{json.dumps(row['function'])}"
            )
            case = Case(row["id"], self.name, json.dumps(call_schema(row["function"], False)), ())
            found.append(Question(row["id"], prompt, case, truth[row["id"]]))
        return found

    def correct(self, text: str, answer: Any) -> bool:
        call = _json_object(text)
        if not isinstance(call, dict) or not isinstance(call.get("arguments"), dict):
            return False
        ((name, allowed),) = answer.items()
        given = call["arguments"]
        if call.get("name") != name or any(key not in allowed for key in given):
            return False
        return all(_allowed(given.get(key), values, key in given) for key, values in allowed.items())


def _json_object(text: str) -> Any:
    """The text as JSON, or the first JSON object inside it."""
    at = text.find("{")
    if at < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(text[at:])[0]
    except ValueError:
        return None


def _allowed(value: Any, values: Sequence[Any], given: bool) -> bool:
    """Is the argument among the allowed values; "" among them: it may be left out."""
    if not given:
        return "" in values
    return any(_same(value, wanted) for wanted in values)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(value, dict):
        if any(key not in wanted for key in value):
            return False
        return all(
            _allowed(value.get(key), options if isinstance(options, list) else [options], key in value)
            for key, options in wanted.items()
        )
    if isinstance(wanted, str) and isinstance(value, str):
        return re.sub(r"[\s,./_*^-]", "", wanted.lower()) == re.sub(r"[\s,./_*^-]", "", value.lower())
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    if isinstance(wanted, list) and isinstance(value, list):
        return len(value) == len(wanted) and all(map(_same, value, wanted))
    return bool(value == wanted)


class Compliance(Task):
    """Any text that fits a real schema: what JSONSchemaBench calls empirical coverage and compliance."""

    name = "schemas"
    about = "write any text that fits a schema of MaskBench: empirical coverage and compliance"
    home = MaskBench.home

    def questions(self, data: Data, count: int, seed: int) -> list[Question]:
        cases = draw(MaskBench().cases(data), None, seed)[:count]
        return [
            Question(
                case.name,
                f"Write a JSON value that is valid under this JSON Schema.\n{case.schema[:3000]}",
                Case(case.name, self.name, case.schema, ()),
                None,
            )
            for case in cases
        ]

    def correct(self, text: str, answer: Any) -> None:
        return None


TASKS: dict[str, Task] = {
    task.name: task for task in (GSM8K(), ShuffledObjects(), LastLetter(), FunctionCall(), Compliance())
}
