"""Following a text byte by byte. Special tokens of the grammar stand in it by their names, as tokenizers read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from constrain.errors import UnsupportedFeature

if TYPE_CHECKING:
    from constrain.engine.matcher import Matcher
    from constrain.grammar.ir import Grammar
    from constrain.vocabulary.vocabulary import Vocabulary

END: Final = 256  # the end of the text, in the vocabulary of single bytes; special tokens follow

Names = tuple[str, ...]


def names_in(grammar: Grammar) -> Names:
    """The special tokens of a grammar. Raises UnsupportedFeature where one has a number only."""
    names = set()
    for token in grammar.tokens.values():
        if not isinstance(token.token, str):
            raise UnsupportedFeature(
                f"a text can't hold the token {token.shown}: it has no name there", keyword="token",
                line=token.line or None, column=token.column or None,
                hint="Give its name in the grammar, or follow token ids with a matcher of compile(vocabulary)",
            )  # fmt: skip
        names.add(token.token)
    return tuple(sorted(names))


@lru_cache(maxsize=64)
def byte_vocabulary(names: Names = ()) -> Vocabulary:
    """256 one-byte tokens, an end, and these special tokens: for following texts byte by byte."""
    import numpy as np

    from constrain.vocabulary.vocabulary import Vocabulary

    lengths = np.repeat([1, 0], [256, 1 + len(names)])
    ids = {name: END + 1 + i for i, name in enumerate(names)}
    return Vocabulary.from_packed(bytes(range(256)), lengths, eos=[END], names=ids, keep=False)


@lru_cache(maxsize=64)
def _pattern(names: Names) -> re.Pattern[bytes]:
    """Any of the names, longer ones first."""
    spelled = sorted((name.encode("utf-8", "surrogatepass") for name in names), key=len, reverse=True)
    return re.compile(b"|".join(map(re.escape, spelled)))


def steps(data: bytes, names: Names) -> Iterator[tuple[int, int, int]]:
    """The special tokens of a text and what stands between: (begin, end, id of `byte_vocabulary`), -1 for text."""
    at = 0
    for found in _pattern(names).finditer(data) if names else ():
        if at < found.start():
            yield at, found.start(), -1
        at = found.end()
        yield found.start(), at, END + 1 + names.index(found.group().decode("utf-8", "surrogatepass"))
    if at < len(data):
        yield at, len(data), -1


def follow(matcher: Matcher, data: bytes) -> int:
    """`Matcher.accept_bytes` for a text with special tokens in it, under a matcher over `byte_vocabulary`.

    Returns how many bytes could be taken; the matcher moves when that is all of them.
    """
    names = tuple(matcher.vocabulary.special_names)
    if not names:
        return matcher.accept_bytes(data)
    for count, (begin, end, token) in enumerate(steps(data, names)):
        taken = matcher.accept_bytes(data[begin:end]) if token < 0 else (end - begin) * matcher.accept(token)
        if taken < end - begin:
            matcher.rollback(count)
            return begin + taken
    return len(data)


def name_of(matcher: Matcher, token: int) -> str:
    """The name of a special token of `byte_vocabulary`."""
    return list(matcher.vocabulary.special_names)[token - END - 1]
