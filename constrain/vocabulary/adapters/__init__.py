"""Tokenizer families, one module each: every module reads a tokenizer into token bytes."""
