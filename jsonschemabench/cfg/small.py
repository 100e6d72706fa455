"""A vocabulary of 402 tokens and texts to walk it along: made by code from a seed, small enough for brute force.

256 single bytes, 145 pieces of JSON that a byte-pair encoding would find (many cross the border of two terminals, as
`": "` does), and an end.
"""

from __future__ import annotations

import json
import random

from jsonschemabench.cfg.oracle import Language, after, may_end
from jsonschemabench.tokenizers import Tokenizer

SIZE = 402
PUNCTUATION = (
    *('{"', '":', '": ', '":"', '": "', '",', '", ', '","', '", "', '"}', '"]', '"},', '"],', '"}}'),
    *('{}', '[]', '{},', '[],', '}}', ']]', '}]', ']}', '},', '],', '}, ', '], ', '},{'),
    *('[[', '[{', '["', '[ ', '{ ', ' ]', ' }', ': ', ', ', ',"', ', "', ':{', ':[', ': {', ': [', ': ["'),
    *('": {', '": [', '":{', '":[', '""', '"",', '"":', '" ', '"\n'),
)  # fmt: skip
BLANKS = (
    *("  ", "    ", "\n", "\n  ", "\n    ", ",\n", ",\n  ", "{\n", "{\n  ", "[\n", "\n}", "\n]", '",\n', "\r\n"),
    "\t\t",
)
WORDS = ("tr", "true", "true,", "ue", "fal", "false", "se", "nu", "null", "null,", "ll", ":null", ": true", "false}")
NUMBERS = (
    *("10", "12", "00", "000", "-1", "-0", "0.", "1.", ".5", ".0", "1e", "e1", "e+", "E-", "e-1", "1,", "0]", "2}"),
    *(":1", ": 0", ", 1", "[1", "19", "20", "3.14", ":-"),
)  # fmt: skip
ESCAPES = (
    *("\\n", "\\t", '\\"', "\\\\", "\\u", "\\u0", "\\u00", "\\u00e9", "u0", '\\""', 'a"', 'e":', 's", "', "x\\", "/"),
)
TEXT = (
    *("id", "name", "na", "me", "type", "value", "a", "ab", "the", " the", "ing", "er", "on", "es", "é", "ö", "日本"),
    *("😀", "key", "data", "list", "x1", "http", "://", ".com", "str"),
)  # fmt: skip


def vocabulary() -> Tokenizer:
    """The tokens: bytes in order, then the pieces in the order of this file, then the end."""
    tokens = [bytes([b]) for b in range(256)]
    for piece in (*PUNCTUATION, *BLANKS, *WORDS, *NUMBERS, *ESCAPES, *TEXT):
        spelled = piece.encode()
        if spelled not in tokens:
            tokens.append(spelled)
    assert len(tokens) == SIZE - 1, len(tokens)
    return Tokenizer("small402", tuple(tokens), {SIZE - 1: "<|end|>"}, SIZE - 1, r"[\s\S]+", "made by code")


def texts(language: Language, count: int, seed: int = 0) -> list[str]:
    """Random values, written with random blanks and escapes, that are texts of the language."""
    rng = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        text = _written(_value(rng, 0), rng)
        place = after(language, text.encode())
        if place is not None and may_end(place) and 8 <= len(text) <= 160:
            found.append(text)
    return found


def tokenised(text: str, tokenizer: Tokenizer, rng: random.Random) -> list[int]:
    """The text as ids: mostly the longest token that fits, now and then any that does."""
    data, ids, at = text.encode(), [], 0
    ordinary = tokenizer.ordinary()
    while at < len(data):
        fitting = [i for i, spelled in ordinary.items() if data.startswith(spelled, at)]
        longest = max(fitting, key=lambda i: len(ordinary[i]))
        ids.append(longest if rng.random() < 0.7 else rng.choice(fitting))
        at += len(ordinary[ids[-1]])
    return ids


def _value(rng: random.Random, depth: int) -> object:
    kind = rng.randrange(5 if depth < 3 else 3) if depth else rng.choice((3, 3, 4, 4, 0, 1))
    match kind:
        case 0:
            strings = ("", "a", "name", "x1 y", "é", "日本 😀", 'say "hi"', "a\\b", "line\nbreak", "\u0007", "~/")
            return rng.choice(strings)
        case 1:
            return rng.choice((0, 1, -1, 12, 2000, 0.5, -3.25, 1e-7, 1.5e300, 10**20))
        case 2:
            return rng.choice((True, False, None))
        case 3:
            names = rng.sample(("id", "name", "type", "value", "a", "key", "é", "x1", "a b"), rng.randrange(4))
            return {name: _value(rng, depth + 1) for name in names}
        case _:
            return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def _written(value: object, rng: random.Random) -> str:
    style = rng.randrange(4)
    separators = (",", ":") if style == 0 else None
    indent = 2 if style == 1 else None
    text = json.dumps(value, ensure_ascii=rng.random() < 0.3, separators=separators, indent=indent)
    return f" {text}\n" if style == 3 else text
