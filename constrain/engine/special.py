"""What the special tokens that a grammar names stand for in a vocabulary: bytes that no text has, or an error.

A token that is text may be named as well. For this grammar it is special then: its id is never read as text.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import groupby
from typing import NoReturn

from constrain.errors import UnsupportedFeature
from constrain.grammar.ir import Alt, Grammar, Literal, NodeId, Others, Seq, Token
from constrain.vocabulary.special import spelling
from constrain.vocabulary.vocabulary import Vocabulary

MOST_NAMES = 3  # that an error proposes
NO_ID = (1 << 24) - 1  # no vocabulary is so large


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


def others_node(grammar: Grammar, at: NodeId, vocabulary: Vocabulary) -> NodeId:
    """A new node for an `Others`: all its tokens as the engine reads them."""
    node = grammar.nodes[at]
    assert isinstance(node, Others)
    left_out = {spelling_of(grammar.tokens[i], vocabulary) for i in node.but} | set(map(spelling, vocabulary.eos_ids))
    texts = {spelling(i) for i in vocabulary.named_ids} - left_out
    return _choice(grammar, sorted(texts) or [spelling(NO_ID)])


def _choice(grammar: Grammar, texts: list[bytes]) -> NodeId:
    """The node of any of these texts, which are equally long: a tree, so that few of its branches are followed."""
    if len(texts) == 1:
        return grammar.add(Literal(texts[0]))
    if len(texts[0]) == 1:
        return grammar.add(Alt(tuple([grammar.add(Literal(text)) for text in texts])))
    options = []
    for first, group in groupby(texts, lambda text: text[:1]):
        rest = _choice(grammar, [text[1:] for text in group])
        options.append(grammar.add(Seq((grammar.add(Literal(first)), rest))))
    return options[0] if len(options) == 1 else grammar.add(Alt(tuple(options)))


def _hint(close: list[str], vocabulary: Vocabulary) -> str:
    if close:
        return f"There {'is' if len(close) == 1 else 'are'} {', '.join(close)}"
    names = list(vocabulary.special_names)
    if not names:
        return "It has no special tokens with names; names= of Vocabulary.from_tokens gives them"
    return "There are " + ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")


def _refuse(token: Token, reason: str, hint: str | None) -> NoReturn:
    raise UnsupportedFeature(reason, keyword="token", line=token.line or None, column=token.column or None, hint=hint)
