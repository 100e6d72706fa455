"""Vocabularies: tokenizers of every family, read into token bytes and one byte trie."""

from constrain.vocabulary.trie import Trie
from constrain.vocabulary.vocabulary import Vocabulary

__all__ = ["Trie", "Vocabulary"]
