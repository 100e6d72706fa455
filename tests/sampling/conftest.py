"""The small tokenizer and the tiny models of the tests of decoding."""

from __future__ import annotations

from tests.decoding.conftest import model, repeatable, tiny_model, tokenizer

__all__ = ["model", "repeatable", "tiny_model", "tokenizer"]
