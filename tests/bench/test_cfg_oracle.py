"""The hand-written reader of JSON against `json`, lark's parser, and Python's UTF-8 decoder."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from jsonschemabench.cfg import oracle, small, toy


def reads(language: oracle.Language, text: bytes) -> bool:
    place = oracle.after(language, text)
    return place is not None and oracle.may_end(place)


def loads(text: bytes) -> bool:
    try:
        json.loads(text.decode(), parse_constant=int)
    except ValueError:
        return False
    return True


def test_every_short_text_and_every_prefix() -> None:
    viable = set()
    for length in range(6):
        for letters in itertools.product(b'{}[]":,0-\\', repeat=length):
            text = bytes(letters)
            whole = loads(text)
            assert reads(oracle.RFC, text) == whole, text
            if whole:
                viable |= {text[:n] for n in range(length + 1)}
    for text in viable:
        assert oracle.after(oracle.RFC, text) is not None, text


@settings(max_examples=300)
@given(st.text(st.sampled_from('{}[]":,.eE+-01tnrufalse \n\\é😀'), max_size=12))
def test_what_has_a_place_can_be_completed(text: str) -> None:
    data = text.encode()
    assert reads(oracle.RFC, data) == loads(data)
    for language in (oracle.RFC, oracle.SYNCODE):
        for n in range(len(data) + 1):
            place = oracle.after(language, data[:n])
            if place is not None:
                whole = data[:n] + oracle.completion(language, place)
                assert reads(language, whole)
                if language is oracle.RFC:
                    json.loads(whole)


@settings(max_examples=300)
@given(st.binary(max_size=6) | st.text(max_size=3).map(str.encode))
def test_strings_are_utf8(inside: bytes) -> None:
    inside = bytes(b for b in inside if b >= 0x20 and b not in b'"\\')
    try:
        inside.decode()
        right = True
    except UnicodeDecodeError:
        right = False
    assert reads(oracle.RFC, b'"' + inside + b'"') == right


SYNCODE = Lark(toy.SYNCODE_LARK, parser="lalr", lexer="contextual")
STRICT = Lark(dict(toy.grammars()["json"][1])["lark"], parser="lalr", lexer="contextual")


@settings(max_examples=400)
@given(st.text(st.sampled_from('{}[]":,.e+-01 \f\\n'), max_size=9), st.sampled_from(["[{}]", '{{"a":{}}}', "{}"]))
def test_the_grammars_say_the_same(text: str, around: str) -> None:
    text = around.replace("{}", text) if around != '{{"a":{}}}' else '{"a":' + text + "}"
    for language, parser in ((oracle.SYNCODE, SYNCODE), (oracle.RFC, STRICT)):
        try:
            parser.parse(text)
            right = True
        except LarkError:
            right = False
        assert reads(language, text.encode()) == right, (language.name, text)


def test_texts_are_in_their_language() -> None:
    tokenizer = small.vocabulary()
    assert tokenizer.size == 402
    assert len(set(tokenizer.tokens)) == 401
    for language in (oracle.RFC, oracle.SYNCODE):
        texts = small.texts(language, 10)
        assert texts == small.texts(language, 10)
        assert all(reads(language, text.encode()) for text in texts)
    assert all(loads(text.encode()) for text in small.texts(oracle.RFC, 10))
