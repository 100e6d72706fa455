"""A slow, obviously right constraint: partial matches of the `regex` module, tried token by token."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import regex

from constrain.vocabulary import Vocabulary


class NaiveConstraint:
    """A regular expression over bytes; `compile` and `matcher` as the library's constraints have them."""

    def __init__(self, pattern: str) -> None:
        self.pattern = regex.compile(pattern.encode())

    def compile(self, vocabulary: Vocabulary) -> NaiveCompiled:
        return NaiveCompiled(self.pattern, vocabulary)

    def holds(self, text: str) -> bool:
        return self.pattern.fullmatch(text.encode()) is not None

    def begins(self, text: str) -> bool:
        """Does some text of the language start with this?"""
        return self.pattern.fullmatch(text.encode(), partial=True) is not None


class NaiveCompiled:
    def __init__(self, pattern: regex.Pattern[bytes], vocabulary: Vocabulary) -> None:
        self.pattern = pattern
        self.vocabulary = vocabulary
        self.tokens = vocabulary.tokens
        self.masks: dict[bytes, npt.NDArray[np.uint32]] = {}

    def matcher(self) -> NaiveMatcher:
        return NaiveMatcher(self, ())

    def is_allowed(self, text: bytes, token: int) -> bool:
        if token in self.vocabulary.eos_ids:
            return self.pattern.fullmatch(text) is not None
        if not 0 <= token < self.vocabulary.size or not self.tokens[token]:
            return False
        return self.pattern.fullmatch(text + self.tokens[token], partial=True) is not None

    def mask(self, text: bytes) -> npt.NDArray[np.uint32]:
        if text not in self.masks:
            mask = np.zeros(self.vocabulary.words, np.uint32)
            for token in range(self.vocabulary.size):
                if self.is_allowed(text, token):
                    mask[token // 32] |= np.uint32(1 << token % 32)
            self.masks[text] = mask
        return self.masks[text]


class NaiveMatcher:
    def __init__(self, compiled: NaiveCompiled, taken: tuple[int, ...]) -> None:
        self.compiled = compiled
        self.taken = taken

    @property
    def text(self) -> bytes:
        return b"".join(self.compiled.tokens[t] for t in self.taken)

    @property
    def is_finished(self) -> bool:
        return bool(self.taken) and self.taken[-1] in self.compiled.vocabulary.eos_ids

    def accept(self, token_id: int) -> bool:
        if self.is_finished or not self.compiled.is_allowed(self.text, token_id):
            return False
        self.taken = (*self.taken, token_id)
        return True

    def rollback(self, n: int) -> None:
        assert 0 <= n <= len(self.taken)
        self.taken = self.taken[: len(self.taken) - n]

    def copy(self) -> NaiveMatcher:
        return NaiveMatcher(self.compiled, self.taken)

    def fill_mask(self, mask: npt.NDArray[np.uint32]) -> None:
        mask[:] = self.compiled.mask(self.text)
