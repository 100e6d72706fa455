"""Context-free grammars along real files: JSON, and every grammar of `grammars/` for which there are files."""

from __future__ import annotations

import ast
import json
import random
import re
import sysconfig
import warnings
from collections.abc import Callable
from pathlib import Path

from jsonschemabench.limits import Limits
from jsonschemabench.suites.base import Case, Instance, MissingData
from jsonschemabench.suites.data import Data, read_archive, read_lines
from jsonschemabench.suites.schemas import Official
from jsonschemabench.suites.suite import Suite

ROOT = Path(__file__).resolve().parents[2]
JSON_LARK = r"""
start: value
?value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
WS: /[ \t\n\r]+/
%ignore WS
"""
JSON_GBNF = r"""
root ::= ws value
value ::= (object | array | string | number | "true" | "false" | "null") ws
object ::= "{" ws (pair ("," ws pair)*)? "}"
pair ::= string ws ":" ws value
array ::= "[" ws (value ("," ws value)*)? "]"
string ::= "\"" rest
rest ::= "\"" | [^"\\\x00-\x1f] rest | "\\" escape rest
escape ::= ["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
ws ::= [ \t\n\r]*
"""
FILES = 12  # of each language
LONGEST = 6000  # characters of a file
SPIDER = "https://raw.githubusercontent.com/taoyds/spider/master/evaluation_examples/examples/dev.json"
Judge = Callable[[str], bool]


class Grammars(Suite):
    """A language is a case: its files are valid; with a character changed they are judged by the language's own parser.

    json: files of the official JSON Schema Test Suite, judged by `json`. python: modules of the standard library,
    judged by `ast`. sql: queries of Spider, valid ones only.
    """

    name = "grammars"
    about = "context-free grammars over real files: JSON, and those of grammars/"
    home = "(files of other suites, and Python's standard library)"
    limits = Limits(compile_s=60.0, walk_s=120.0)
    budget = False  # a few cases, each a language

    def cases(self, data: Data) -> list[Case]:
        cases = [language("json", (("lark", JSON_LARK), ("gbnf", JSON_GBNF)), json_files(data), is_json)]
        for name, files, judge in (("python", python_files, is_python), ("sql", sql_files, None)):
            dialects = own_grammar(name)
            if dialects:
                try:
                    cases.append(language(name, dialects, files(data), judge))
                except MissingData:
                    continue
        return cases


def own_grammar(name: str) -> tuple[tuple[str, str], ...]:
    """The project's grammar of that name, by dialect (the ending of its file)."""
    found = [(path.suffix[1:], path) for path in sorted((ROOT / "grammars").glob(f"{name}.*"))]
    return tuple((kind, path.read_text(encoding="utf-8")) for kind, path in found if kind in ("lark", "gbnf"))


def language(name: str, dialects: tuple[tuple[str, str], ...], files: list[str], judge: Judge | None) -> Case:
    """The case of one language."""
    rng = random.Random(name)
    instances = [Instance(True, text) for text in files]
    if judge is not None:
        spoilt = [spoil(text, rng) for text in files]
        instances += [Instance(judge(text), text) for text in spoilt]
    return Case(name, name, "", tuple(instances), kind="grammar", dialects=dialects)


def spoil(text: str, rng: random.Random) -> str:
    """The text with one character left out or replaced by another of it."""
    at = rng.randrange(len(text))
    return text[:at] + (rng.choice(text) if rng.random() < 0.5 else "") + text[at + 1 :]


def json_files(data: Data) -> list[str]:
    files = [text for _, text in read_archive(data.find("json_schema_test_suite.tar.xz", Official.home))]
    return _some([text.strip() for text in files])


def python_files(data: Data) -> list[str]:
    folder = Path(sysconfig.get_paths()["stdlib"])
    return _some([path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))])


def sql_files(data: Data) -> list[str]:
    return _some([row["query"] for row in read_lines(data.find("spider_dev.jsonl", SPIDER))])


def _some(texts: list[str]) -> list[str]:
    fitting = sorted({text for text in texts if 0 < len(text) <= LONGEST})
    return random.Random(0).sample(fitting, min(FILES, len(fitting)))


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        return False
    return not re.search(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})", text)


def _refuse(text: str) -> None:
    raise ValueError(text)


def is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
