"""Special tokens with the vocabulary of Llama 3: a tool call, and llguidance's masks on the same grammars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import constrain
from constrain import Constraint, Vocabulary
from jsonschemabench import tokenizers

CALL = """
start: TEXT | <|python_tag|> call <|eom_id|>
call: %json {
    "type": "object", "properties": {"name": {"enum": ["weather"]}, "city": {"type": "string", "maxLength": 20}},
    "required": ["name", "city"], "additionalProperties": false
}
TEXT: /[^{}]+/
"""
WORDS = """
start: <|begin_of_text|>? item (SPACE item)* <|eom_id|>
item: WORD | NUMBER | <|python_tag|> WORD
WORD: /[a-z]+/
NUMBER: /[0-9]+/
SPACE: / +/
"""
HEADERS = """
start: turn+
turn: <|start_header_id|> ("user" | "assistant") <|end_header_id|> "\\n\\n" TEXT? <|eot_id|>
TEXT: /[a-z ]+/
"""
NAMES = {128008: "<|eom_id|>", 128010: "<|python_tag|>"}  # reserved in 3.0, named in 3.1


@pytest.fixture(scope="module")
def llama() -> tokenizers.Tokenizer:
    try:
        return tokenizers.load("llama3")
    except tokenizers.MissingTokenizer as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def vocabulary(llama: tokenizers.Tokenizer) -> Vocabulary:
    names = {name: i for i, name in {**llama.special, **NAMES}.items()}
    return Vocabulary.from_tokens([*llama.tokens, *[b""] * 256], eos=[128001], names=names)


def allowed(matcher: Any) -> set[int]:
    mask = np.zeros(matcher.vocabulary.words, np.uint32)
    matcher.fill_mask(mask)
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


def test_a_tool_call(llama: tokenizers.Tokenizer, vocabulary: Vocabulary) -> None:
    call = constrain.lark(CALL)
    ids = {token: i for i, token in enumerate(llama.tokens)}
    matcher = call.compile(vocabulary).matcher()
    first = allowed(matcher)
    assert 128010 in first and ids[b"The"] in first and not first & {*NAMES} - {128010}
    assert first & set(range(128_000, 128_256)) == {128010}
    text = matcher.copy()
    assert text.accept(ids[b"The"]) and allowed(text) & set(range(128_000, 128_256)) == {128001}
    assert matcher.accept(128010) and allowed(matcher) <= {i for i, t in enumerate(llama.tokens) if t[:1] in b"{ \n\t"}
    for token in (b'{"', b"name", b'":', b' "', b"weather", b'",', b' "', b"city", b'":', b' "', b"Os", b"lo", b'"}'):
        assert matcher.accept(ids[token]), token
    assert matcher.forced_tokens() == [128008] and allowed(matcher) == {128008}
    assert matcher.accept(128008) and matcher.is_accepting and allowed(matcher) == {128001}
    assert call.parse('<|python_tag|>{"name": "weather", "city": "Oslo"}<|eom_id|>')


def test_the_vocabulary_grows_by_its_special_tokens_alone(llama: tokenizers.Tokenizer, vocabulary: Vocabulary) -> None:
    plain = Vocabulary.from_tokens([*llama.tokens, *[b""] * 256], eos=[128001])
    foreign = {i for i, t in enumerate(llama.tokens) if max(t) >= 0xF8}
    assert len(plain.trie.ids) == 128_000 - len(foreign)
    assert len(vocabulary.trie.ids) - len(plain.trie.ids) == 256
    assert vocabulary.trie.nodes - plain.trie.nodes <= 256 + 4
    assert not constrain.regex(".").compile(vocabulary).matcher().accept(min(foreign))


@pytest.mark.parametrize("grammar", [CALL, WORDS, HEADERS], ids=["call", "words", "headers"])
def test_masks_are_those_of_llguidance(grammar: str, llama: tokenizers.Tokenizer) -> None:
    llguidance = pytest.importorskip("llguidance")
    pytest.importorskip("transformers")
    from llguidance.hf import from_tokenizer

    names = {name: i for i, name in llama.special.items()}
    for real, reserved in NAMES.items():
        grammar = grammar.replace(reserved, llama.special[real])
    vocabulary = Vocabulary.from_tokens([*llama.tokens, *[b""] * 256], eos=[128009], names=names)
    other = llguidance.LLMatcher(from_tokenizer(llama.fast, n_vocab=llama.size), grammar_of(grammar), log_level=0)
    assert not other.is_error(), other.get_error()
    matcher = compact(grammar).compile(vocabulary).matcher()
    rng = np.random.default_rng(5)
    words = np.zeros(vocabulary.words, np.uint32)
    for _ in range(40):
        mine = allowed(matcher)
        other.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        theirs = set(np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist())
        if matcher.forced_bytes() and len(theirs) == 1:  # of forced bytes they have the usual token only
            assert theirs <= mine
        else:
            assert mine == theirs, (matcher.tokens, sorted(mine ^ theirs)[:10])
        special = sorted(theirs & set(range(128_000, 128_256)) - {128009})
        choices = special if special and rng.random() < 0.4 else sorted(theirs - {128009})
        if not choices:
            return
        token = int(rng.choice(choices))
        assert matcher.accept(token) and other.consume_token(token)


def grammar_of(grammar: str) -> str:
    """The grammar as llguidance is to read it: JSON without spaces."""
    return "%llguidance {}\n" + grammar.replace("%json {", '%json {"x-guidance": {"whitespace_flexible": false},')


def compact(grammar: str) -> Constraint:
    return constrain.lark(grammar, json={"whitespace": "compact"})
