"""Texts with holes: fixed words, and a constraint for each name in braces."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import Any

from constrain.constraint import Constraint
from constrain.errors import ConstraintError, GrammarError
from constrain.grammar.combine import concatenated
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.texts import byte_vocabulary, names_in, steps
from constrain.vocabulary.vocabulary import Vocabulary


def template(text: str, /, *, limits: Limits = DEFAULT_LIMITS, **holes: Constraint) -> Template:
    """A text in which every `{name}` stands for a text of the constraint of that name (`constrain.template`).

    Braces themselves are written `{{` and `}}`. `parse` gives a dict. Raises GrammarError when names and constraints
    do not fit or a name is used twice, and what joining the parts raises.
    """
    parts: list[str | tuple[str, Constraint]] = []
    used: set[str] = set()
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise GrammarError(f"the template can't be read: {error}", hint="Write braces as {{ and }}") from None
    for words, name, form, conversion in pieces:
        if words:
            parts.append(words)
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise GrammarError(f"a hole of a template is a name in braces, not {{{name}}}")
        if name in used:
            raise GrammarError(f"the template uses {{{name}}} twice", hint="Two holes can't be made to agree")
        if name not in holes:
            raise GrammarError(f"there is no constraint for {{{name}}}", hint=f"Give one as {name}=")
        used.add(name)
        parts.append((name, holes[name]))
    unused = sorted(set(holes) - used)
    if unused:
        raise GrammarError(f"the template has no {{{unused[0]}}}")
    return Template(parts, limits)


class Template(Constraint):
    """Fixed words and named holes, in order."""

    def __init__(self, parts: list[str | tuple[str, Constraint]], limits: Limits) -> None:
        whole = concatenated([p if isinstance(p, str) else p[1] for p in parts], limits)
        super().__init__(whole.grammar, source="template", limits=limits)
        self.parts = parts

    def parse(self, text: str) -> dict[str, Any]:
        """What stands in each hole: what the hole's own `parse` gives. Raises ConstraintError.

        Where a text can be split in several ways, earlier holes are as long as they can be.
        """
        wrong = self.explain(text)
        if wrong is not None:
            raise ConstraintError(wrong)
        data = text.encode()
        ends = self._ends(data)
        out = {}
        at = 0
        for part, reached in zip(self.parts, ends, strict=True):
            end = max(reached[at])
            if not isinstance(part, str):
                out[part[0]] = part[1].parse(data[at:end].decode())
            at = end
        return out

    def _ends(self, data: bytes) -> list[dict[int, list[int]]]:
        """For each part: where it may begin, and where it may end then, so that the rest fits, too."""
        names = names_in(self.grammar)
        tokens: dict[int, tuple[int, int]] = {}
        for begin, end, token in steps(data, names):
            tokens |= {begin: (token, end)} if token >= 0 else {i: (data[i], i + 1) for i in range(begin, end)}
        found: list[dict[int, list[int]]] = []
        places = {0}
        for part in self.parts:
            step = {at: list(_part_ends(part, data, at, tokens, byte_vocabulary(names))) for at in sorted(places)}
            found.append(step)
            places = {end for ends in step.values() for end in ends}
        good = {len(data)}
        for step in reversed(found):
            for at, ends in list(step.items()):
                step[at] = [end for end in ends if end in good]
            good = {at for at, ends in step.items() if ends}
        return found


def _part_ends(
    part: str | tuple[str, Constraint], data: bytes, at: int, tokens: dict[int, tuple[int, int]], vocabulary: Vocabulary
) -> Iterator[int]:
    """Where a part that begins at a place may end. tokens: the token that begins at a place, and where it ends."""
    if isinstance(part, str):
        words = part.encode()
        if data.startswith(words, at):
            yield at + len(words)
        return
    matcher = part[1].compile(vocabulary).matcher()
    if matcher.is_accepting:
        yield at
    while at in tokens:
        token, at = tokens[at]
        if not matcher.accept(token):
            return
        if matcher.is_accepting:
            yield at
