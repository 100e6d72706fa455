"""Whole masks of engines against brute force: two grammars of JSON, 402 tokens, every state along random texts.

In every state, each token is tried by the reader of `oracle`: it is *valid* where some text goes on with it, the end
where the text is whole. A mask *admits an invalid token* or *refuses a valid one* where it says otherwise.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jsonschemabench.cfg import oracle, small
from jsonschemabench.cfg.speed import Dialects, with_skip
from jsonschemabench.engines import words_for
from jsonschemabench.limits import Limits
from jsonschemabench.runner import SetupFailed, Worker, WorkerDied
from jsonschemabench.suites import Case
from jsonschemabench.suites.grammars import JSON_GBNF, own_grammar
from jsonschemabench.tokenizers import Tokenizer

ENGINES = ("constrain", "llguidance", "glrmask", "xgrammar", "syncode")
LIMITS = Limits(compile_s=120.0, walk_s=60.0)
SYNCODE_LARK = r"""
start: object | array
?value: object | array | TEXT | NO_TEXT | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: TEXT ":" value
array: "[" [value ("," value)*] "]"
TEXT: /"[^"]+"/
NO_TEXT: "\"\""
NUMBER: /[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?/
WS: /[ \t\f\r\n]+/
%ignore WS
"""
SYNCODE_GBNF = r"""
root ::= ws (object | array)
value ::= (object | array | "\"\"" | text | number | "true" | "false" | "null") ws
object ::= "{" ws (pair ("," ws pair)*)? "}" ws
pair ::= text ws ":" ws value
array ::= "[" ws (value ("," ws value)*)? "]" ws
text ::= "\"" [^"] rest
rest ::= "\"" | [^"] rest
number ::= [+-]? ([0-9]+ ("." [0-9]*)? | "." [0-9]+) ([eE] [+-]? [0-9]+)?
ws ::= [ \t\n\r\x0c]*
"""


def grammars() -> dict[str, tuple[oracle.Language, Dialects]]:
    """The grammars by name, each with the language it should have. A dialect `syncode` is a grammar of SynCode's."""
    return {
        "json": (oracle.RFC, with_skip((*own_grammar("json"), ("gbnf", JSON_GBNF)))),
        "syncode-json": (
            oracle.SYNCODE,
            with_skip((("syncode", "json"), ("lark", SYNCODE_LARK), ("gbnf", SYNCODE_GBNF))),
        ),
    }


@dataclass
class Tally:
    """What became of the states. admitted, refused: states with such a token; …_tokens: such tokens altogether.

    beyond_utf8: states that admit an invalid token even if any bytes from 0x80 on may stand in strings. no_mask: states
    without a mask, since the engine failed there (SynCode falls back to no constraint); they are in no other count.
    unreached: states behind a token that the engine did not take. examples: prefix and token of the first differences.
    """

    states: int = 0
    admitted: int = 0
    admitted_tokens: int = 0
    beyond_utf8: int = 0
    refused: int = 0
    refused_tokens: int = 0
    wrong: int = 0
    no_mask: int = 0
    unreached: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        self.examples: dict[str, list[str]] = {"admitted": [], "refused": []}

    def add(self, language: oracle.Language, tokenizer: Tokenizer, prefix: bytes, allowed: set[int]) -> None:
        """One more state with its mask."""
        right = valid_tokens(language, tokenizer, prefix)
        admitted, refused = allowed - right, right - allowed
        loose = valid_tokens(replace(language, utf8=False), tokenizer, prefix) if admitted else set()
        self.states += 1
        self.admitted += bool(admitted)
        self.admitted_tokens += len(admitted)
        self.beyond_utf8 += bool(admitted - loose)
        self.refused += bool(refused)
        self.refused_tokens += len(refused)
        self.wrong += bool(admitted or refused)
        for kind, found in (("admitted", admitted - loose or admitted), ("refused", refused)):
            if found and len(self.examples[kind]) < 4:
                token = tokenizer.tokens[min(found)] if min(found) != tokenizer.eos else b"<end>"
                self.examples[kind].append(f"{shown(prefix)} then {shown(token)}")


def shown(data: bytes) -> str:
    """Bytes as a reader sees them; what is no UTF-8 as escapes, long ones without their beginning."""
    text = ascii(data.decode("utf-8", "backslashreplace"))[1:-1]
    return "…" + text[-30:] if len(text) > 30 else text


def valid_tokens(language: oracle.Language, tokenizer: Tokenizer, prefix: bytes) -> set[int]:
    """By brute force: the tokens with which some text of the language goes on; the end where the prefix is one."""
    place = oracle.after(language, prefix)
    if place is None:
        return set()
    found = {i for i, token in tokenizer.ordinary().items() if oracle.after(language, token, place) is not None}
    return found | {tokenizer.eos} if oracle.may_end(place) else found


def measure(
    engine: str, language: oracle.Language, dialects: Dialects, walks: Iterable[list[int]], tokenizer: Tokenizer
) -> Tally:
    """The masks of one engine, in a process of its own, along the texts (as ids); each state counts once."""
    tally, seen = Tally(), set[bytes]()
    case = Case(language.name, language.name, "", (), kind="grammar", dialects=dialects)
    try:
        with Worker(engine, str(tokenizer.keep()), LIMITS, None) as worker, tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mask"
            file.write_bytes(bytes(4 * words_for(tokenizer)))
            for ids in walks:
                answer = worker.open(case, file)
                if "refused" in answer or "failed" in answer:
                    about = answer.get("refused") or answer.get("error") or {}
                    tally.note = str(about.get("message", answer.get("failed")))
                    return tally
                for at in range(len(ids) + 1):
                    prefix = tokenizer.decode(ids[:at])
                    if answer.get("taken") is False:
                        tally.unreached += len(ids) + 1 - at
                        break
                    if prefix not in seen:
                        seen.add(prefix)
                        if "error" in answer:
                            tally.no_mask += 1
                            tally.note = tally.note or answer["error"]
                        else:
                            tally.add(language, tokenizer, prefix, bits(file, tokenizer.size))
                    if at < len(ids):
                        answer = worker.take(ids[at])
    except (SetupFailed, WorkerDied) as death:
        tally.note = str(death)[:200]
    return tally


def bits(file: Path, size: int) -> set[int]:
    """The tokens of the mask in a file; bits behind the vocabulary say nothing."""
    words = np.frombuffer(file.read_bytes(), np.uint8)
    return set(np.flatnonzero(np.unpackbits(words, bitorder="little")[:size]).tolist())


def run(engines: Iterable[str], count: int, seed: int) -> dict[str, Any]:
    """Everything: by grammar, then by engine. count: texts for each grammar."""
    tokenizer = small.vocabulary()
    found: dict[str, Any] = {}
    for name, (language, dialects) in grammars().items():
        rng = random.Random(seed)
        texts = small.texts(language, count, seed)
        walks = [small.tokenised(text, tokenizer, rng) for text in texts]
        rows = {}
        for engine in engines:
            tally = measure(engine, language, dialects, walks, tokenizer)
            rows[engine] = asdict(tally) | {"examples": tally.examples}
        found[name] = {"language": language.name, "texts": len(texts), "engines": rows}
    return {"vocabulary": tokenizer.size, "seed": seed, "grammars": found}
