"""A row of generated tokens and the matcher that reads it, which can move to any other row by what they share."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Matcher(Protocol):
    """What a row needs of a matcher."""

    @property
    def is_finished(self) -> bool:
        """Was an end-of-sequence token taken?"""

    def accept(self, token_id: int) -> bool:
        """Take a token; False leaves the matcher as it was."""

    def rollback(self, n: int) -> None:
        """Forget the last n tokens."""

    def copy(self) -> Matcher:
        """A matcher of its own in the same state."""

    def fill_mask(self, mask: npt.NDArray[np.uint32]) -> None:
        """Write the bitmask of the tokens that may come next."""


class Row:
    """Generated tokens, and a matcher that has read as many of them as the language allows.

    constraint: index of the constraint that the row is under. tokens: all generated ids, padding after the end
    included. read: how many of them the matcher took, up to the end-of-sequence token or the first forbidden one.
    """

    __slots__ = ("constraint", "matcher", "read", "tokens")

    def __init__(self, constraint: int, matcher: Matcher) -> None:
        self.constraint = constraint
        self.matcher = matcher
        self.tokens = array("q")
        self.read = 0

    @property
    def is_finished(self) -> bool:
        """The text is complete and the model said so; what follows is padding."""
        return self.matcher.is_finished

    @property
    def has_strayed(self) -> bool:
        """The row holds a token that was forbidden. Beam search makes such rows when it runs out of allowed ones."""
        return self.read < len(self.tokens) and not self.matcher.is_finished

    def push(self, token: int) -> None:
        """Append one token."""
        self.tokens.append(token)
        self._catch_up()

    def move_to(self, tokens: Sequence[int]) -> None:
        """Make these the row's tokens: the matcher goes back to where they part, and reads on from there."""
        shared = common_prefix(self.tokens, tokens)
        if shared < self.read:
            self.matcher.rollback(self.read - shared)
            self.read = shared
        del self.tokens[shared:]
        self.tokens.extend(tokens[shared:])
        self._catch_up()

    def copy(self) -> Row:
        """The same row with a matcher of its own."""
        other = Row(self.constraint, self.matcher.copy())
        other.tokens = self.tokens[:]
        other.read = self.read
        return other

    def _catch_up(self) -> None:
        while self.read < len(self.tokens) and not self.matcher.is_finished:
            token = self.tokens[self.read]
            if token < 0 or not self.matcher.accept(token):
                return
            self.read += 1


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two rows share from their start."""
    n = min(len(a), len(b))
    differ = np.asarray(a[:n], np.int64) != np.asarray(b[:n], np.int64)
    return int(differ.argmax()) if differ.any() else n


def regroup(
    rows: Sequence[Row], wanted: Sequence[tuple[int, array[int]]], begin: Callable[[int], Matcher]
) -> list[Row]:
    """Rows for the wanted (constraint, tokens), made from the given ones with as little reading as possible.

    A wanted row starts from the row that shares most with it; rows wanted several times are copied, rows that nobody
    wants are dropped. `begin` makes a fresh matcher for a constraint.
    """
    known = {(row.constraint, row.tokens.tobytes()): i for i, row in enumerate(rows)}
    sources = [_source(rows, known, constraint, tokens) for constraint, tokens in wanted]
    uses = Counter(sources)
    out = []
    for (constraint, tokens), source in zip(wanted, sources, strict=True):
        uses[source] -= 1
        if source is None:
            row = Row(constraint, begin(constraint))
        else:
            row = rows[source].copy() if uses[source] else rows[source]
        row.move_to(tokens)
        out.append(row)
    return out


def _source(
    rows: Sequence[Row], known: dict[tuple[int, bytes], int], constraint: int, tokens: array[int]
) -> int | None:
    """The index of the row that shares most with the wanted one: itself, its parent, or any; None: no token shared."""
    whole = known.get((constraint, tokens.tobytes()))
    if whole is not None:
        return whole
    parent = known.get((constraint, tokens[:-1].tobytes()))
    if parent is not None:
        return parent
    shared = [(common_prefix(row.tokens, tokens), i) for i, row in enumerate(rows) if row.constraint == constraint]
    return max(shared)[1] if shared and max(shared)[0] else None
