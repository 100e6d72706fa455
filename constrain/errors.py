"""Every error of the library. All are data first: fields that a program can read, and a message made from them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

from constrain.limits import Limits

if TYPE_CHECKING:
    from constrain.explain import Explanation


class ConstraintError(ValueError):
    """Base of all errors that `constrain` raises on purpose.

    pointer: JSON pointer of the place in the schema ("" is its root), where there is one. In another document, such as
        a metaschema or one of the registry: that document's URI, `#`, and the pointer there.
    position: offset in a regular expression or text, where there is one.
    line, column: place in a grammar, from 1, where there is one.
    hint: what the user can do about it, in one sentence.
    """

    node: object = None  # of the grammar, where it came up, until its place has been found

    def __init__(
        self,
        reason: str,
        *,
        pointer: str | None = None,
        keyword: str | None = None,
        position: int | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.reason = reason
        self.pointer = pointer
        self.keyword = keyword
        self.position = position
        self.line = line
        self.column = column
        self.hint = hint
        where = []
        if pointer is not None:
            where.append(f"at {pointer or '#'}")
        if position is not None:
            where.append(f"at position {position}")
        if line is not None:
            where.append(f"at line {line}" + (f", column {column}" if column is not None else ""))
        text = reason + (f" ({', '.join(where)})" if where else "")
        super().__init__(text + (f". {hint}" if hint else ""))

    def located(self, pointer: str, keyword: str | None = None) -> Self:
        """The same error with another place, and another keyword if one is given."""
        return type(self)(
            self.reason,
            pointer=pointer,
            keyword=keyword or self.keyword,
            position=self.position,
            line=self.line,
            column=self.column,
            hint=self.hint,
        )


class InvalidSchema(ConstraintError):
    """The schema is not a schema: not JSON, a keyword with a value of the wrong type, a `$ref` to nowhere."""


class UnsupportedFeature(ConstraintError):
    """A correct schema, pattern or grammar uses something that cannot be enforced exactly. `keyword` names it."""


class Unsatisfiable(ConstraintError):
    """No text satisfies the constraint."""


class GrammarError(ConstraintError):
    """A regular expression or grammar is not well formed."""


class LimitExceeded(ConstraintError):
    """A documented limit was passed (see docs/limits.md). `keyword` names the limit."""

    def __init__(self, reason: str, *, keyword: str | None = None, hint: str | None = None, **place: Any) -> None:
        if hint is None and keyword in _LIMITS:
            hint = f"Simplify it, or raise Limits.{keyword}"
        super().__init__(reason, keyword=keyword, hint=hint, **place)


_LIMITS = frozenset(field.name for field in fields(Limits))


class InvalidText(ConstraintError):
    """A text is not in the language, or does not make a value (`Constraint.parse`).

    pointer: the place in the JSON value; position: the byte; keyword: what it violates. explanation: all of it, where
    the text leaves the language.
    """

    explanation: Explanation | None = None

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """The error for a text with this explanation."""
        made = cls(str(explanation), keyword=explanation.keyword)
        made.explanation, made.pointer, made.position = explanation, explanation.pointer, explanation.byte
        made.line, made.column = explanation.line, explanation.column
        return made


class InvalidVocabulary(ConstraintError):
    """A tokenizer can't be read, or its tokens can't be told."""
