"""What the parsers of both dialects share: a reading position, open groups, quantifiers, errors with positions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from constrain.errors import GrammarError, LimitExceeded, UnsupportedFeature
from constrain.limits import Limits
from constrain.regular.ast import Regex, concat, repeat, union

_BRACES = re.compile(r"\{(\d*)(?:(,)(\d*))?\}", re.ASCII)
MAX_LOOKS = 30  # lookarounds inside of each other


@dataclass(slots=True)
class Group:
    """A group that is being read: its finished alternatives, and the sequence at hand.

    kind: "" for plain ones, else the lookaround ("ahead", "not ahead", ...). position: of its opening parenthesis.
    flags: those to go back to when it closes.
    """

    kind: str
    position: int
    flags: int = 0
    alternatives: list[Regex] = field(default_factory=list)
    sequence: list[Regex] = field(default_factory=list)


class PatternReader:
    """Base of the two parsers. Groups are kept in a list, so nesting can't exhaust Python's stack."""

    def __init__(self, pattern: str, limits: Limits) -> None:
        if len(pattern) > limits.regex_length:
            raise LimitExceeded(
                f"a regular expression is longer than {limits.regex_length} characters", keyword="regex_length"
            )
        self.pattern = pattern
        self.limits = limits
        self.at = 0
        self.groups = [Group("", 0)]
        self.looks = 0

    def bad(self, reason: str, position: int) -> NoReturn:
        """Refuse a malformed pattern."""
        raise GrammarError(f"{reason} in the regular expression {_short(self.pattern)}", position=position)

    def unsupported(self, what: str, keyword: str, position: int, hint: str | None = None) -> NoReturn:
        """Refuse a well-formed pattern."""
        reason = f"{what} in the regular expression {_short(self.pattern)}"
        raise UnsupportedFeature(reason, keyword=keyword, position=position, hint=hint)

    def open(self, kind: str, position: int, flags: int = 0) -> None:
        """Begin a group."""
        if len(self.groups) > self.limits.regex_depth or self.looks > MAX_LOOKS:
            limit = self.limits.regex_depth if self.looks <= MAX_LOOKS else MAX_LOOKS
            raise LimitExceeded(
                f"groups of a regular expression are nested more than {limit} deep",
                keyword="regex_depth",
                position=position,
            )
        self.looks += bool(kind)
        self.groups.append(Group(kind, position, flags))

    def alternative(self) -> None:
        """Begin the next alternative of the group."""
        group = self.groups[-1]
        group.alternatives.append(concat(*group.sequence))
        group.sequence = []

    def close(self, position: int) -> tuple[Regex, Group]:
        """End the innermost group; its language and itself."""
        if len(self.groups) == 1:
            self.bad("unmatched )", position)
        group = self.groups.pop()
        self.looks -= bool(group.kind)
        return self.body(group), group

    def body(self, group: Group) -> Regex:
        """The language of a group that is read to its end."""
        last = concat(*group.sequence)
        return union(*group.alternatives, last) if group.alternatives else last

    def whole(self) -> Regex:
        """The tree of the pattern, at its end."""
        if len(self.groups) > 1:
            self.bad("unterminated group", self.groups[-1].position)
        return self.body(self.groups[0])

    def take_braces(self, open_low: bool) -> tuple[int, int | None] | None:
        """Read `{n}`, `{n,}` or `{n,m}` at the position (open_low: `{,m}` and `{,}` too); None if it is none."""
        found = _BRACES.match(self.pattern, self.at)
        if found is None:
            return None
        low, comma, high = found.groups("")
        if not low and not (open_low and comma):
            return None
        if len(low) > 9 or len(high) > 9:
            raise LimitExceeded("a repeat counts beyond 999999999", keyword="dfa_states", position=self.at)
        lo = int(low or 0)
        hi = int(high) if high else (None if comma else lo)
        if hi is not None and hi < lo:
            self.bad("bounds of a repeat out of order", self.at)
        self.at = found.end()
        return lo, hi

    def quantify(self, lo: int, hi: int | None, lazy: bool = False) -> None:
        """Repeat the last item of the sequence. lazy: as few times as possible, which is the same language."""
        sequence = self.groups[-1].sequence
        sequence[-1] = repeat(sequence[-1], lo, hi)


def _short(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 80 else pattern[:77] + "...")
