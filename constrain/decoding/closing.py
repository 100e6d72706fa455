"""Never half-open: masks that leave a way to a complete text within the tokens that remain.

With k tokens left, a token may come when the text after it can be completed with k - 1 more (an end-of-sequence token
is not counted: a text that is complete needs none). Whether that is so is mostly told by a *closing*, one short text
that completes what is written (engine/closing.py), spelled with as few tokens as it can be. Where the closing found is
too long, the states that can be reached in k - 1 tokens are searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from constrain.engine.closing import Closings, Renewed
from constrain.engine.successors import Successors
from constrain.errors import LimitExceeded
from constrain.vocabulary.special import spelling

if TYPE_CHECKING:
    from constrain.engine.compiled import CompiledConstraint
    from constrain.engine.matcher import Mask, Matcher
    from constrain.vocabulary.vocabulary import Vocabulary

FAR = 1 << 40
MOST_ROWS = 50_000  # states whose bytes are remembered
MOST_SPELLINGS = 200_000  # texts whose fewest tokens are remembered
SEARCH = 256  # states that may be searched for one mask, unless told otherwise

_spellings: WeakKeyDictionary[Vocabulary, Spelling] = WeakKeyDictionary()


class Spelling:
    """The fewest tokens that spell a text."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tokens = {text for text in vocabulary.tokens if text}
        self._tokens.update(map(spelling, vocabulary.special_names.values()))
        self._longest = max(map(len, self._tokens), default=0)
        self._known: dict[bytes, tuple[int, int]] = {b"": (0, 0)}

    def of(self, text: bytes) -> tuple[int, int]:
        """(number of tokens, length of the first one); FAR tokens where the vocabulary can't spell it."""
        if len(self._known) > MOST_SPELLINGS:
            self._known = {b"": (0, 0)}
        known, tokens = self._known, self._tokens
        start = 0
        while text[start:] not in known:
            start += 1
        for i in range(start - 1, -1, -1):
            best = (FAR, 0)
            for j in range(i + 1, min(len(text), i + self._longest) + 1):
                if text[i:j] in tokens:
                    best = min(best, (known[text[j:]][0] + 1, j - i))
            known[text[i:]] = best
        return known[text]


class Plan:
    """What is known about the states of a compiled constraint, in one generation of its arena.

    most: upper bounds of the fewest tokens to completion, each with a way that takes so many. least: lower bounds.
    """

    def __init__(self, compiled: CompiledConstraint, before: Plan | None = None) -> None:
        self.generation = compiled.generation
        self.closings: Closings = Closings(compiled, before.closings.texts if before else None)
        self.successors = Successors(self.closings)
        spelling = _spellings.get(compiled.vocabulary)
        if spelling is None:
            spelling = _spellings[compiled.vocabulary] = Spelling(compiled.vocabulary)
        self._spelling = spelling
        self._most: dict[int, int] = {}
        self._least: dict[int, int] = {}
        self._enough: dict[int, int] = {}  # state -> remaining tokens from which on its mask is the plain one

    def most(self, state: int) -> int:
        """A number of tokens with which the text can surely be completed (FAR: none known)."""
        known = self._most.get(state)
        if known is None:
            text = self.closings.closing(state)
            known = self._most[state] = FAR if text is None else self._spelling.of(text)[0]
        return known

    def fill(self, state: int, left: int, mask: Mask, search: int) -> bool:
        """Clear the tokens of the plain mask after which the text can't be completed within left - 1 tokens.

        Returns whether the mask is exact: False when the search for one of the tokens was given up, and it was cleared.
        """
        if left >= self._enough.get(state, FAR):
            return True
        if left <= 0:
            mask[:] = 0
            return True
        self._follow_closing(state)
        states, tokens, index = self.successors.of(state)
        most = [self.most(s) for s in states]
        self._enough[state] = 1 + max(most, default=0)
        short = np.array([m < left for m in most], bool)
        exact = True
        for i, s in enumerate(states):
            if not short[i] and self._least.get(s, 0) < left:
                found, search = self._search(s, left - 1, search)
                short[i] = found is True
                exact = exact and found is not None
        drop = tokens[~short[index]]
        np.bitwise_and.at(mask, drop >> 5, ~(np.uint32(1) << (drop & 31).astype(np.uint32)))
        return exact

    def _follow_closing(self, state: int) -> None:
        """Note what the known closing of a state says about the state after its first token."""
        text = self.closings.closing(state)
        if text and self.most(state) == self._spelling.of(text)[0] < FAR:
            length = self._spelling.of(text)[1]
            after = self.closings.step(state, text[:length])
            if self.most(after) > self.most(state) - 1:
                self._most[after] = self.most(state) - 1
                self.closings.note(after, text[length:])

    def _search(self, start: int, left: int, search: int) -> tuple[bool | None, int]:
        """Can the text be completed within `left` tokens? Also returns how many states may still be searched.

        None: not known, the search was given up. What is found stays known.
        """
        level = {start: -1}
        before = dict(level)
        for depth in range(left + 1):
            following: dict[int, int] = {}
            for state in level:
                if self._least.get(state, 0) > left - depth:
                    continue
                ends = self.closings.accepting(state)
                if ends or (depth < left and depth + self.most(state) <= left):
                    tokens = 0 if ends else self.most(state)
                    while state != -1:
                        self._most[state] = min(self.most(state), tokens)
                        state, tokens = before[state], tokens + 1
                    return True, search
                if depth == left:
                    continue
                if search <= 0:
                    return None, 0
                search -= 1
                for after in self.successors.of(state)[0]:
                    if after not in before:
                        before[after] = following[after] = state
            level = following
        self._least[start] = max(self._least.get(start, 0), left + 1)
        return False, search


def plan_of(compiled: CompiledConstraint) -> Plan:
    """The plan of a constraint for its arena of now. The caller holds the lock."""
    plan = compiled.plan
    if not isinstance(plan, Plan):
        plan = compiled.plan = Plan(compiled)
    elif plan.generation != compiled.generation or len(plan.successors) > MOST_ROWS:
        plan = compiled.plan = Plan(compiled, plan)
    return plan


class Closing:
    """A matcher whose text is complete when its tokens are used up.

    remaining: tokens that may still be written, from where the matcher stands. An end-of-sequence token is not counted
    as needed: after the last token the text is complete, with one or without.
    search: how many states may be searched for one mask.

    What holds: a text that goes on only with tokens of the masks is complete after `remaining` tokens at the latest.
    `exact` says more: the latest mask has exactly the tokens after which a completion fits. It is False when the search
    was given up for some token; that token was left out. Where no completion fits, or none was found, `fill_mask`
    raises LimitExceeded.
    """

    __slots__ = ("_matcher", "exact", "remaining", "search")

    def __init__(self, matcher: Matcher, remaining: int, *, search: int = SEARCH) -> None:
        self._matcher = matcher
        self.remaining = remaining
        self.search = search
        self.exact = True

    def fill_mask(self, mask: Mask) -> None:
        """Write the tokens that leave a way to the end: uint32[ceil(V / 32)], as `Matcher.fill_mask` does."""
        matcher = self._matcher
        matcher.fill_mask(mask)
        self.exact = True
        if matcher.is_finished:
            return
        compiled = matcher._c
        for _ in range(3):
            try:
                with compiled.lock:
                    state = matcher._state
                    self.exact = plan_of(compiled).fill(state, self.remaining, mask, self.search)
                    if self.remaining <= 0 and matcher._accepting():
                        matcher._fill_finished(mask)
                    if mask.any():
                        return
                    least = plan_of(compiled).most(state)
                    break
            except Renewed:
                matcher.fill_mask(mask)
        else:
            raise LimitExceeded("closing the text needs more parser states than are kept", keyword="arena_bytes")
        needed = f"the shortest that was found takes {least}" if least < FAR else "none was found"
        raise LimitExceeded(
            f"{max(self.remaining, 0)} tokens are left, in which no complete text was found; {needed}",
            keyword="max_new_tokens",
            hint="Allow more tokens" if self.exact else "Allow more tokens, or a longer search",
        )

    def accept(self, token_id: int) -> bool:
        """Take a token that the constraint allows; False, and nothing changes, where it does not."""
        if not self._matcher.accept(token_id):
            return False
        self.remaining -= 1
        return True

    def rollback(self, n: int) -> None:
        """Take back the last n tokens."""
        self._matcher.rollback(n)
        self.remaining += n

    def copy(self) -> Closing:
        """An independent one at the same place."""
        return Closing(self._matcher.copy(), self.remaining, search=self.search)

    @property
    def is_accepting(self) -> bool:
        """Is the text complete as it stands?"""
        return self._matcher.is_accepting

    @property
    def is_finished(self) -> bool:
        """Has an end-of-sequence token been taken?"""
        return self._matcher.is_finished

    @property
    def tokens(self) -> list[int]:
        """The tokens taken so far."""
        return self._matcher.tokens
