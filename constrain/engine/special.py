"""What the special tokens that a grammar names stand for in a vocabulary: bytes that no text has, or an error.

A token that is text may be named as well. For this grammar it is special then: its id is never read as text.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import NoReturn

from constrain.errors import UnsupportedFeature
from constrain.grammar.ir import Grammar, Token
from constrain.vocabulary.special import spelling
from constrain.vocabulary.vocabulary import Vocabulary

MOST_NAMES = 3  # that an error proposes


def vocabulary_for(grammar: Grammar, vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary in which all tokens that the grammar names are special.

    Raises UnsupportedFeature, with the place where the grammar names it, for a token that the vocabulary lacks.
    """
    if not grammar.tokens:
        return vocabulary
    named = vocabulary.named_ids
    texts: dict[bytes, int] | None = None
    more: dict[str, int] = {}
    for token in grammar.tokens.values():
        if isinstance(token.token, int):
            if token.token >= vocabulary.size:
                _refuse(token, f"the vocabulary has {vocabulary.size} tokens, none with the id {token.token}", None)
            if token.token not in named:
                more[token.shown] = token.token
        elif token.token not in vocabulary.special_names:
            if texts is None:
                texts = {text: i for i, text in reversed(list(enumerate(vocabulary.tokens))) if text}
            found = texts.get(token.token.encode("utf-8", "surrogatepass"))
            if found is None:
                close = get_close_matches(token.token, vocabulary.special_names, MOST_NAMES, 0.5)
                _refuse(token, f"the vocabulary has no token {token.token}", _hint(close, vocabulary))
            more[token.token] = found
    return vocabulary.with_special(more) if more else vocabulary


def spelling_of(token: Token, vocabulary: Vocabulary) -> bytes:
    """The bytes that the engine reads for a token, in a vocabulary made by `vocabulary_for`."""
    return spelling(token.token if isinstance(token.token, int) else vocabulary.special_names[token.token])


def _hint(close: list[str], vocabulary: Vocabulary) -> str:
    if close:
        return f"There {'is' if len(close) == 1 else 'are'} {', '.join(close)}"
    names = list(vocabulary.special_names)
    if not names:
        return "It has no special tokens with names; names= of Vocabulary.from_tokens gives them"
    return "There are " + ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")


def _refuse(token: Token, reason: str, hint: str | None) -> NoReturn:
    raise UnsupportedFeature(reason, keyword="token", line=token.line or None, column=token.column or None, hint=hint)
