"""ECMA-262 regular expressions as JSON Schema's `pattern` means them: search, Unicode characters.

Patterns are read with the syntax of the `u` flag. Where that is an error, the syntax of Annex B (without `u`) is taken
for this place: identity escapes as in `\\-`, a lone `{`, `}` or `]`, octal escapes, a quantified lookahead. Characters
are code points throughout, and `\\p{...}` and `\\u{...}` keep their meaning.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from constrain.errors import ConstraintError
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.assertions import BEGIN, END, LINE_BEGIN, LINE_END, look, resolve, word_boundary
from constrain.regular.ast import ALL, ANY, EMPTY, EPSILON, HOLDING, Regex, characters, literal
from constrain.regular.charset import CharSet
from constrain.regular.compiler import Cache
from constrain.regular.pattern import PatternReader
from constrain.regular.properties import ASCII_DIGIT, ASCII_WORD, ECMA_SPACE, NOT_AVAILABLE, property_set

_PLAIN = re.compile(r"[^\\^$.*+?()\[\]{}|]+")
_NAME = re.compile(r"[\w$\u200c\u200d]+")
_CLASS_TEXT = re.compile(r"\[(?:[^\]\\]|\\.)*\]", re.DOTALL)
_LINE_TERMINATORS = CharSet.of("\n\r\u2028\u2029")
_DOT = characters(~_LINE_TERMINATORS)
_CLASSES: Final = {
    "d": ASCII_DIGIT,
    "D": ~ASCII_DIGIT,
    "w": ASCII_WORD,
    "W": ~ASCII_WORD,
    "s": ECMA_SPACE,
    "S": ~ECMA_SPACE,
}
_SETS: Final = {letter: characters(chosen) for letter, chosen in _CLASSES.items()}
_CONTROLS: Final = {"f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_WORD = word_boundary(ASCII_WORD, False)
_NOT_WORD = word_boundary(ASCII_WORD, True)
_DOT_ALL, _MULTILINE = 1, 2
_parsed: Cache[Regex] = Cache(4096, 16 << 20)
_MODIFIERS = re.compile(r"\(\?([ims]*)(-?)([ims]*):")
_NO_COMPARISON = "No automaton can compare two parts of a text"


def parse_ecma(pattern: str, limits: Limits = DEFAULT_LIMITS) -> Regex:
    """All strings in which the pattern matches somewhere.

    Raises GrammarError (malformed), UnsupportedFeature (back-references, and what else is named), LimitExceeded; each
    with the position in the pattern.
    """
    made = _parsed.get((pattern, limits))
    if made is None:
        made = resolve(_Reader(pattern, limits).read(), ALL, ALL, limits)
        if not made.flags & HOLDING:  # automata are kept elsewhere
            _parsed.put((pattern, limits), made, made.size() + 4 * len(pattern))
    return made


def parse_ecma_full(pattern: str, limits: Limits = DEFAULT_LIMITS) -> Regex:
    """The strings that the pattern matches from end to end."""
    return resolve(_Reader(pattern, limits).read(), EPSILON, EPSILON, limits)


@lru_cache(maxsize=1024)
def _small_class(text: str) -> CharSet:
    return _Reader(text, Limits(regex_length=len(text))).take_class()


def _class(text: str) -> CharSet:
    """The characters of a class `[...]` (text includes the brackets); classes recur between patterns."""
    return _small_class(text) if len(text) < 100 else _small_class.__wrapped__(text)


class _Reader(PatternReader):
    """Recursive descent without the recursion."""

    def read(self) -> Regex:
        """The whole pattern as a tree (with assertions)."""
        pattern, end = self.pattern, len(self.pattern)
        flags = 0
        plain = _PLAIN.match
        while self.at < end:
            at = self.at
            c = pattern[at]
            sequence = self.groups[-1].sequence
            run = plain(pattern, at)
            if run is not None:
                text = run.group()
                self.at = run.end()
                if len(text) > 1 and self.at < end and pattern[self.at] in "*+?{":
                    sequence.append(literal(text[:-1]))
                    text = text[-1]
                sequence.append(literal(text))
            elif c == "\\":
                sequence.append(self.take_escape())
                if sequence[-1] is _WORD or sequence[-1] is _NOT_WORD:
                    self.no_quantifier()
                    continue
            elif c == "[":
                found = _CLASS_TEXT.match(pattern, at)
                if found is None:
                    self.bad("unterminated character class", at)
                try:
                    sequence.append(characters(_class(found.group())))
                except ConstraintError:
                    self.take_class()  # raises it again, with the position in the whole pattern
                    raise
                self.at = found.end()
            elif c == "(":
                flags = self.take_open(flags)
                continue
            elif c == ")":
                inner, group = self.close(at)
                self.at = at + 1
                flags = group.flags
                if group.kind:
                    inner = look(inner, group.kind.endswith("ahead"), group.kind.startswith("not"))
                self.groups[-1].sequence.append(inner)
                if group.kind.endswith("behind"):
                    self.no_quantifier()
                    continue
            elif c == "|":
                self.alternative()
                self.at = at + 1
                continue
            elif c == "^" or c == "$":
                multiline = flags & _MULTILINE
                sequence.append((LINE_BEGIN if multiline else BEGIN) if c == "^" else (LINE_END if multiline else END))
                self.at = at + 1
                self.no_quantifier()
                continue
            elif c == ".":
                sequence.append(ANY if flags & _DOT_ALL else _DOT)
                self.at = at + 1
            elif c in "*+?" or (c == "{" and self.take_braces(False) is not None):
                self.bad("nothing to repeat", at)
            else:  # Annex B: a brace or bracket that means itself
                sequence.append(literal(c))
                self.at = at + 1
            if self.at < end and pattern[self.at] in "*+?{":
                self.take_quantifier()
        return self.whole()

    def no_quantifier(self) -> None:
        """After an assertion: a quantifier has nothing to repeat."""
        at = self.at
        if at < len(self.pattern) and (
            self.pattern[at] in "*+?" or (self.pattern[at] == "{" and self.take_braces(False) is not None)
        ):
            self.bad("nothing to repeat", at)

    def take_quantifier(self) -> None:
        """Read a quantifier, if there is one, and apply it. Lazy ones have the same language."""
        c = self.pattern[self.at]
        if c == "{":
            bounds = self.take_braces(False)
            if bounds is None:
                return
            lo, hi = bounds
        else:
            lo, hi = (1 if c == "+" else 0), (1 if c == "?" else None)
            self.at += 1
        if self.pattern.startswith("?", self.at):
            self.at += 1
        self.quantify(lo, hi)
        self.no_quantifier()

    def take_open(self, flags: int) -> int:
        """Read an opening parenthesis and what belongs to it; the flags inside."""
        pattern, at = self.pattern, self.at
        kind, inside = "", flags
        if not pattern.startswith("(?", at):
            self.at = at + 1
        elif pattern.startswith("(?:", at):
            self.at = at + 3
        elif pattern.startswith(("(?=", "(?!"), at):
            kind = "ahead" if pattern[at + 2] == "=" else "not ahead"
            self.at = at + 3
        elif pattern.startswith(("(?<=", "(?<!"), at):
            kind = "behind" if pattern[at + 3] == "=" else "not behind"
            self.at = at + 4
        elif pattern.startswith("(?<", at):
            name = _NAME.match(pattern, at + 3)
            if name is None or name.group()[0].isdecimal() or not pattern.startswith(">", name.end()):
                self.bad("invalid group name", at)
            self.at = name.end() + 1
        else:
            inside = self.take_modifiers(flags)
        self.open(kind, at, flags)
        return inside

    def take_modifiers(self, flags: int) -> int:
        """Read `(?ims-ims:`; the flags inside of the group."""
        at = self.at
        found = _MODIFIERS.match(self.pattern, at)
        letters = found.group(1) + found.group(3) if found else ""
        if found is None or not letters or len(set(letters)) < len(letters):
            self.bad("invalid group", at)
        if "i" in letters:
            self.unsupported("case-insensitive groups", "(?i:)", at)
        bits = {"s": _DOT_ALL, "m": _MULTILINE}
        for letter in found.group(1):
            flags |= bits[letter]
        for letter in found.group(3):
            flags &= ~bits[letter]
        self.at = found.end()
        return flags

    def take_escape(self) -> Regex:
        """Read an escape outside of a class."""
        pattern, at = self.pattern, self.at
        c = pattern[at + 1 : at + 2]
        chosen = _SETS.get(c)
        if chosen is not None:
            self.at = at + 2
            return chosen
        if c == "b" or c == "B":
            self.at = at + 2
            return _WORD if c == "b" else _NOT_WORD
        if c in "pP" and c:
            return characters(self.take_property())
        if c.isdecimal() and c.isascii() and c != "0":
            digits = pattern[at + 1 : at + 7]
            digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
            if int(digits) <= self.group_count():
                self.unsupported("a back-reference", f"\\{digits}", at, _NO_COMPARISON)
        if c == "k" and (pattern.startswith("<", at + 2) or "(?<" in pattern):
            self.unsupported("a back-reference", "\\k", at, _NO_COMPARISON)
        point = self.take_character(False)
        return EMPTY if 0xD800 <= point <= 0xDFFF else literal(chr(point))

    def group_count(self) -> int:
        """Capturing groups of the whole pattern."""
        without = re.sub(r"\\.|\[(?:[^\]\\]|\\.)*\]", "", self.pattern, flags=re.DOTALL)
        return len(re.findall(r"\((?!\?)|\(\?<(?![=!])", without))

    def take_property(self) -> CharSet:
        """Read `\\p{...}` or `\\P{...}`."""
        pattern, at = self.pattern, self.at
        end = pattern.find("}", at)
        if pattern[at + 2 : at + 3] != "{" or end < 0:
            self.bad("\\p without a property in braces", at)
        name = pattern[at + 3 : end]
        if name in NOT_AVAILABLE:
            self.unsupported(f"the property {name}", f"\\p{{{name}}}", at)
        try:
            chosen = property_set(name)
        except KeyError:
            self.bad(f"unknown property {name[:40]!r}", at)
        self.at = end + 1
        return ~chosen if pattern[at + 1] == "P" else chosen

    def take_character(self, in_class: bool) -> int:
        """Read an escape that stands for one character; its code point (it may be a lone surrogate)."""
        pattern, at = self.pattern, self.at
        c = pattern[at + 1 : at + 2]
        self.at = at + 2
        if not c:
            self.bad("the pattern ends in a backslash", at)
        if c in _CONTROLS:
            return _CONTROLS[c]
        if c == "u":
            return self.take_unicode(at)
        if c == "x":
            digits = pattern[at + 2 : at + 4]
            if len(digits) == 2 and _hex(digits):
                self.at = at + 4
                return int(digits, 16)
            return ord("x")  # Annex B
        if c == "c":
            letter = pattern[at + 2 : at + 3]
            if letter.isascii() and (letter.isalpha() or (in_class and (letter.isdigit() or letter == "_"))):
                self.at = at + 3
                return ord(letter) % 32
            self.at = at + 1  # Annex B: the backslash means itself
            return ord("\\")
        if c.isascii() and c.isdigit():
            return self.take_octal(at)
        if c == "b" and in_class:
            return 8
        return ord(c)

    def take_octal(self, at: int) -> int:
        """Read `\\0`, or the octal escapes of Annex B, at most `\\377`."""
        value, n = 0, 0
        while n < 3 and at + 1 + n < len(self.pattern) and self.pattern[at + 1 + n] in "01234567":
            if value * 8 > 0o377:
                break
            value = value * 8 + int(self.pattern[at + 1 + n])
            n += 1
        if n == 0:
            return ord(self.pattern[at + 1])  # \8 and \9
        self.at = at + 1 + n
        return value

    def take_unicode(self, at: int) -> int:
        """Read `\\uXXXX`, a pair of them for a character beyond the first plane, or `\\u{X...}`."""
        pattern = self.pattern
        if pattern.startswith("{", at + 2):
            end = pattern.find("}", at)
            digits = pattern[at + 3 : end] if end > 0 else ""
            if not _hex(digits):
                self.bad("invalid \\u{...} escape", at)
            digits = digits.lstrip("0") or "0"
            if len(digits) > 6 or int(digits, 16) > 0x10FFFF:
                self.bad("code point beyond 10FFFF", at)
            self.at = end + 1
            return int(digits, 16)
        digits = pattern[at + 2 : at + 6]
        if len(digits) < 4 or not _hex(digits):
            return ord("u")  # Annex B
        self.at = at + 6
        high = int(digits, 16)
        following = pattern[at + 8 : at + 12]
        if 0xD800 <= high < 0xDC00 and pattern.startswith("\\u", at + 6) and len(following) == 4 and _hex(following):
            low = int(following, 16)
            if 0xDC00 <= low < 0xE000:
                self.at = at + 12
                return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        return high

    def take_class(self) -> CharSet:
        """Read a class `[...]`."""
        pattern, begin = self.pattern, self.at
        self.at += 1
        negated = pattern.startswith("^", self.at)
        self.at += negated
        ranges: list[tuple[int, int]] = []
        end = len(pattern)
        while True:
            if self.at >= end:
                self.bad("unterminated character class", begin)
            if pattern[self.at] == "]":
                break
            at = self.at
            first = self.take_member()
            if pattern.startswith("-", self.at) and self.at + 1 < end and pattern[self.at + 1] != "]":
                self.at += 1
                last = self.take_member()
                if type(first) is int and type(last) is int:
                    if last < first:
                        self.bad("range out of order in a character class", at)
                    ranges.append((first, last))
                    continue
                ranges.append((45, 45))  # Annex B: [\w-a] has the hyphen in it
                ranges += [(last, last)] if type(last) is int else last.ranges  # type: ignore[union-attr]
            ranges += [(first, first)] if type(first) is int else first.ranges  # type: ignore[union-attr]
        self.at += 1
        chosen = CharSet(ranges)
        return ~chosen if negated else chosen

    def take_member(self) -> int | CharSet:
        """Read one character or class escape of a class."""
        c = self.pattern[self.at]
        if c != "\\":
            self.at += 1
            return ord(c)
        c = self.pattern[self.at + 1 : self.at + 2]
        chosen = _CLASSES.get(c)
        if chosen is not None:
            self.at += 2
            return chosen
        return self.take_property() if c and c in "pP" else self.take_character(True)


def _hex(digits: str) -> bool:
    return bool(digits) and all(d in "0123456789abcdefABCDEF" for d in digits)
