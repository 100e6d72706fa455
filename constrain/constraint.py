"""A constraint: a language of texts, before any vocabulary is known."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from constrain.errors import InvalidText
from constrain.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from constrain.engine.compiled import CompiledConstraint
    from constrain.engine.matcher import Matcher
    from constrain.explain import Explanation
    from constrain.grammar.ir import Grammar
    from constrain.schema.inputs import Input
    from constrain.vocabulary.vocabulary import Vocabulary


class Constraint:
    """A language of texts. Made by `constrain.json`, `constrain.regex`, `constrain.choice`, `constrain.lark` and more.

    grammar: what the engine runs. source: "json", "regex", "choice", "token", "lark", "gbnf", "ebnf" or "grammar".
    input: the schema it was made from.
    """

    def __init__(
        self,
        grammar: Grammar,
        *,
        source: str = "grammar",
        limits: Limits = DEFAULT_LIMITS,
        input: Input | None = None,
    ) -> None:
        self.grammar = grammar
        self.source = source
        self.limits = limits
        self.input = input
        self._compiled: dict[Vocabulary, CompiledConstraint] = {}
        self._lock = threading.Lock()

    def compile(self, vocabulary: Vocabulary) -> CompiledConstraint:
        """The constraint over a vocabulary. Kept: a second call with the same vocabulary gives the same object."""
        from constrain.engine.compiled import CompiledConstraint

        with self._lock:
            made = self._compiled.get(vocabulary)
            if made is None:
                made = self._compiled[vocabulary] = CompiledConstraint(self.grammar, vocabulary, self.limits)
            return made

    def logits_processor(self, tokenizer: Any, **options: Any) -> Any:
        """A logits processor for `model.generate(..., logits_processor=[...])` of Hugging Face transformers.

        tokenizer: the model's tokenizer, or a `Vocabulary`. Options: see `constrain.decoding.huggingface`.
        """
        from constrain.decoding.huggingface import ConstraintProcessor

        return ConstraintProcessor(self, tokenizer, **options)

    def matches(self, text: str | bytes) -> bool:
        """Is the text, whole, in the language? Special tokens that the grammar names stand in it by their names."""
        from constrain.texts import follow

        data = text.encode() if isinstance(text, str) else text
        matcher = self.byte_matcher()
        return follow(matcher, data) == len(data) and matcher.is_accepting

    def explain(self, text: str | bytes) -> Explanation | None:
        """None when the text is in the language, else where it leaves it, and why (a `str` with attributes)."""
        from constrain.explain import explain

        return explain(self, text)

    def __add__(self, other: Constraint | str) -> Constraint:
        """Texts of this constraint with a text of the other right behind."""
        from constrain.grammar.combine import concatenated

        return concatenated([self, other], self.limits)

    def __radd__(self, other: str) -> Constraint:
        from constrain.grammar.combine import concatenated

        return concatenated([other, self], self.limits)

    def __or__(self, other: Constraint | str) -> Constraint:
        """Texts of this constraint or of the other."""
        from constrain.grammar.combine import either

        return either([self, other], self.limits)

    def __ror__(self, other: str) -> Constraint:
        from constrain.grammar.combine import either

        return either([other, self], self.limits)

    def repeat(self, lo: int = 0, hi: int | None = None) -> Constraint:
        """lo to hi texts of this constraint one after the other (None: without end)."""
        from constrain.grammar.combine import repeated

        return repeated(self, lo, hi, self.limits)

    def optional(self) -> Constraint:
        """Texts of this constraint, or nothing."""
        return self.repeat(0, 1)

    def parse(self, text: str) -> Any:
        """The value of a text in the language: of JSON, what the schema stands for (a Python object, a Pydantic
        model, ...); of other texts, the text itself. Raises InvalidText."""
        wrong = self.explain(text)
        if wrong is not None:
            raise InvalidText.of(wrong)
        if self.input is None:
            return text
        return json.loads(text) if self.input.decode is None else self.input.decode(text)

    def byte_matcher(self) -> Matcher:
        """A matcher over single bytes (256 is the end, the special tokens of the grammar come after it in the order of
        their names), for following texts. Raises UnsupportedFeature where a token of the grammar has no name."""
        from constrain.texts import byte_vocabulary, names_in

        return self.compile(byte_vocabulary(names_in(self.grammar))).matcher()

    def with_options(self, **options: Any) -> Constraint:
        """The same schema under other options of `constrain.json`."""
        if self.input is None:
            raise ValueError("only constraints from schemas have options")
        from dataclasses import replace

        return _from_input(replace(self.input, options=self.input.options | options), self.limits)


def json_constraint(schema: Any, *, limits: Limits = DEFAULT_LIMITS, **options: Any) -> Constraint:
    """Texts that are JSON and valid under a JSON Schema (`constrain.json`).

    schema: a dict, a bool, or JSON text; a Pydantic model, dataclass, TypedDict, enum, annotation (`list[int]`) or
    `TypeAdapter`; a tool or a list of tools in the form of OpenAI's API, or a `response_format` (docs/inputs.md).

    Options: whitespace ("flexible", "compact", "pretty"), property_order ("schema", "any"), numbers ("canonical",
    "any"), draft, registry, formats ("assert", "annotate"), unknown_formats ("annotate", "refuse"), escapes ("any",
    "canonical"). For Python types: extra ("forbid", "ignore"). For tools: arguments, parallel. Raises InvalidSchema,
    UnsupportedFeature, Unsatisfiable, LimitExceeded.
    """
    from constrain.schema.inputs import read

    return _from_input(read(schema, options, limits), limits)


def openapi(
    document: Any, at: str = "", *, version: str | None = None, limits: Limits = DEFAULT_LIMITS, **options: Any
) -> Constraint:
    """Texts that are JSON and valid under a schema of an OpenAPI document, 3.0 to 3.2.

    document: a dict or JSON text. at: "#/components/schemas/Pet", or "Pet" for short. version: "3.0" or "3.1", for a
    schema without a document around it. Options and errors: as for `constrain.json`.
    """
    from constrain.schema.inputs.openapi import read

    return _from_input(read(document, at, version, options, limits), limits)


def _from_input(given: Input, limits: Limits) -> Constraint:
    from constrain.schema import compile_schema

    grammar = compile_schema(given.document, at=given.at, limits=limits, **given.options)
    return Constraint(grammar, source="json", limits=limits, input=given)


def regex(pattern: str, *, flags: int | str = 0, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Texts that match a regular expression from end to end (Python's dialect). Raises GrammarError, Unsatisfiable."""
    from constrain import regular
    from constrain.errors import Unsatisfiable
    from constrain.grammar.ir import Grammar, Text

    language = regular.parse_python(pattern, flags, limits)
    if regular.compile(language, limits).is_empty:
        raise Unsatisfiable(f"no text matches {pattern!r}")
    grammar = Grammar()
    grammar.start = grammar.add(Text(language))
    return Constraint(grammar, source="regex", limits=limits)


def token(named: str | int, *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Exactly one special token of the vocabulary: its text as the tokenizer has it ("<|eot_id|>"), or its id.

    To join with other constraints. `compile` raises UnsupportedFeature where the vocabulary has no such special token.
    """
    from constrain.grammar.ir import Grammar, Token

    grammar = Grammar()
    grammar.start = grammar.add_token(Token(named))
    return Constraint(grammar, source="token", limits=limits)


def choice(options: Iterable[str], *, limits: Limits = DEFAULT_LIMITS) -> Constraint:
    """Exactly one of these texts. Raises Unsatisfiable when there are none, LimitExceeded when there are too many."""
    from constrain import regular
    from constrain.errors import Unsatisfiable
    from constrain.grammar.ir import Grammar, Text

    language = regular.ast.choice(options)
    if language is regular.ast.EMPTY:
        raise Unsatisfiable("a choice of no texts")
    regular.compile(language, limits)
    grammar = Grammar()
    grammar.start = grammar.add(Text(language))
    return Constraint(grammar, source="choice", limits=limits)
