"""What a model is asked to write, who says whether it is a program at all, and who says whether it does what was asked.

Four tasks: Python (HumanEval), Go (HumanEval-Go), SQL (Spider), JSON (function calls of BFCL). The judges of syntax are
not this project's engine: `ast`, `gofmt` (where it is installed, else lark's parser with grammars/go.lark), SQLite,
`json`.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschemabench.suites.data import read_lines, read_text
from jsonschemabench.suites.grammars import ROOT

Row = dict[str, Any]
TEST_S = 5  # CPU seconds for the tests of one program
TEST_BYTES = 1 << 30


@dataclass(frozen=True)
class Task:
    """grammar: name of a grammar that ships. fence: the language behind ``` in the prompt.

    rows: of the folder with the data. ask: the question to the model. syntax: is the text one of the language?
    works: does it do what was asked; None where nothing can tell. judges: who says so, for the page.
    """

    name: str
    grammar: str
    fence: str
    rows: Callable[[Path], list[Row]]
    ask: Callable[[Row], str]
    syntax: Callable[[str], bool]
    works: Callable[[Row, str], bool | None]
    syntax_judge: Callable[[], str]
    works_judge: str


# -- Python -----------------------------------------------------------------------------------------------------------


def _ask_python(row: Row) -> str:
    return f"Write the whole Python function.\n\n```python\n{row['prompt'].strip()}\n```"


def is_python(text: str) -> bool:
    """Does `ast.parse` of this Python read it?"""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def passes_tests(row: Row, text: str) -> bool:
    """Runs what the model wrote, with HumanEval's tests behind it, in a process with limits of time and memory.

    What stands before the function in the prompt (imports, helpers) is put before it again.
    """
    head = row["prompt"].partition(f"def {row['entry_point']}")[0]
    program = "\n".join((_GUARD, head, text, row["test"], f"check({row['entry_point']})", 'print("passed")'))
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", program], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, errors="replace", timeout=4 * TEST_S, env={},
            )  # fmt: skip
        except (subprocess.TimeoutExpired, ValueError):
            return False
    return done.returncode == 0 and done.stdout.endswith("passed\n")


_GUARD = f"""import resource as _r
_r.setrlimit(_r.RLIMIT_CPU, ({TEST_S}, {TEST_S})); _r.setrlimit(_r.RLIMIT_AS, ({TEST_BYTES}, {TEST_BYTES}))
_r.setrlimit(_r.RLIMIT_FSIZE, (1 << 20, 1 << 20))"""


# -- Go ---------------------------------------------------------------------------------------------------------------


def _ask_go(row: Row) -> str:
    return f"Write the whole Go file.\n\n```go\n{row['prompt'].strip()}\n```"


def is_go(text: str) -> bool:
    """Does gofmt read it (without it: lark's own parser, with the grammar that ships)?"""
    gofmt = shutil.which("gofmt")
    if gofmt:
        return subprocess.run([gofmt, "-e"], input=text.encode(), capture_output=True).returncode == 0
    from lark.exceptions import LarkError

    try:
        _go_parser().parse(text)
    except LarkError:
        return False
    return True


@cache
def _go_parser() -> Any:
    from lark import Lark

    return Lark((ROOT / "grammars" / "go.lark").read_text(encoding="utf-8"), parser="lalr", lexer="contextual")


def _go_judge() -> str:
    return "gofmt" if shutil.which("gofmt") else "lark's parser with grammars/go.lark"


# -- SQL --------------------------------------------------------------------------------------------------------------


def _spider_rows(data: Path) -> list[Row]:
    tables = {t["db_id"]: t for t in json.loads(read_text(data / "spider_dev_tables.json.xz"))}
    return [{**row, "schema": _create(tables[row["db_id"]])} for row in read_lines(data / "spider_dev.jsonl.xz")]


def _create(database: Row) -> str:
    """The database's tables as statements that make them."""
    columns: dict[int, list[str]] = {}
    for (table, name), kind in zip(database["column_names_original"], database["column_types"], strict=True):
        if table >= 0:
            columns.setdefault(table, []).append(f'"{name}" {kind}')
    names = database["table_names_original"]
    return "\n".join(f'CREATE TABLE "{names[i]}" ({", ".join(parts)});' for i, parts in sorted(columns.items()))


def _ask_sql(row: Row) -> str:
    return f"{row['schema']}\n\nWrite one SQLite query: {row['question']}"


def is_sql(text: str) -> bool:
    """Does SQLite read it as one statement? Names that no table has are no fault of its syntax."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("EXPLAIN " + text)
    except sqlite3.OperationalError as error:
        return not re.search(r"syntax error|unrecognized token|incomplete input", str(error))
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return False  # more than one statement, a zero byte
    finally:
        connection.close()
    return bool(text.strip().rstrip(";"))


def is_gold_query(row: Row, text: str) -> bool:
    """Is it Spider's query, but for case, blanks, the kind of quotes and a semicolon?"""
    return normalised(text) == normalised(row["query"])


def normalised(query: str) -> str:
    """A query in one spelling."""
    plain = query.strip().rstrip(";").lower().replace('"', "'")
    return re.sub(r"\s*([(),=<>!]+)\s*", r"\1", re.sub(r"\s+", " ", plain)).strip()


# -- JSON -------------------------------------------------------------------------------------------------------------


def _bfcl_rows(data: Path) -> list[Row]:
    answers = {row["id"]: row["ground_truth"] for row in read_lines(data / "bfcl_simple_python_answers.jsonl.xz")}
    return [{**row, "answer": answers[row["id"]]} for row in read_lines(data / "bfcl_simple_python.jsonl.xz")]


def _ask_json(row: Row) -> str:
    function = json.dumps(row["function"][0])
    question = row["question"][0][0]["content"]
    how = "Answer with a call of this function, as a JSON object with the keys name and arguments:"
    return f"{question}\n\n{how}\n{function}"


def is_json(text: str) -> bool:
    """Does `json.loads` read it? NaN and Infinity are no JSON."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(text: str) -> None:
    raise ValueError(text)


def is_right_call(row: Row, text: str) -> bool:
    """The function's name, and for each argument one of the values that BFCL lists ("": it may be left out)."""
    call = json.loads(text)
    ((name, expected),) = row["answer"][0].items()
    if not isinstance(call, dict) or call.get("name") != name or not isinstance(call.get("arguments"), dict):
        return False
    arguments = call["arguments"]
    if not set(arguments) <= set(expected):
        return False
    return all(arguments[key] in values if key in arguments else "" in values for key, values in expected.items())


TASKS = {
    "humaneval": Task(
        "humaneval", "python", "python", lambda data: read_lines(data / "humaneval.jsonl.xz"), _ask_python, is_python,
        passes_tests, lambda: "ast.parse", "HumanEval's tests",
    ),
    "humaneval-go": Task(
        "humaneval-go", "go", "go", lambda data: read_lines(data / "humaneval_go.jsonl.xz"), _ask_go, is_go,
        lambda row, text: None, _go_judge, "",
    ),
    "spider": Task(
        "spider", "sql", "sql", _spider_rows, _ask_sql, is_sql, is_gold_query, lambda: "SQLite's parser",
        "Spider's query, normalised",
    ),
    "bfcl": Task(
        "bfcl", "json", "json", _bfcl_rows, _ask_json, is_json, is_right_call, lambda: "json.loads", "BFCL's answers",
    ),
}  # fmt: skip
