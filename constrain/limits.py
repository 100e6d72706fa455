"""Limits that keep untrusted schemas and grammars within bounded time and memory (docs/limits.md explains each)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one constraint may use. Passing a limit raises `LimitExceeded`, never a wrong answer."""

    schema_bytes: int = 16_000_000  # length of a schema given as text
    schema_depth: int = 1_000  # nesting of the schema document
    grammar_bytes: int = 400_000  # characters of a grammar given as text, with what it imports
    grammar_nodes: int = 1_000_000  # nodes of the grammar made from it
    alternatives: int = 20_000  # branches of one union after normalisation
    regex_length: int = 100_000  # characters of one regular expression
    regex_depth: int = 200  # nesting of groups
    dfa_states: int = 20_000  # states of one automaton, before it is minimised
    dfa_work: int = 20_000_000  # transitions made while one automaton is built
    lr_states: int = 20_000  # states of a context-free grammar's parser
    lr_cells: int = 50_000_000  # states times symbols of it, before the tables are written
    lr_work: int = 5_000_000  # steps of making it
    lexer_states: int = 50_000  # states of a grammar's lexer, before equal ones are joined
    stack_depth: int = 10_000  # nesting of generated text
    live_stacks: int = 2_000  # parses that one text may have at the same moment
    mask_work: int = 50_000_000  # parser steps for one mask
    arena_bytes: int = 64 << 20  # parser states remembered per compiled constraint; more are dropped and made anew
    store_bytes: int = 256 << 20  # masks remembered per vocabulary; more are dropped and made anew


DEFAULT_LIMITS = Limits()
