"""Python's `re` syntax (as Lark's terminals use it), read into a plain regular expression for the full match."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Final

from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular.assertions import (
    BEGIN,
    END,
    LAST_LINE_END,
    LINE_BEGIN,
    LINE_END,
    look,
    resolve,
    word_boundary,
)
from constrain.regular.ast import ANY, EMPTY, EPSILON, HOLDING, Regex, characters, literal
from constrain.regular.charset import CharSet
from constrain.regular.compiler import Cache
from constrain.regular.pattern import PatternReader
from constrain.regular.properties import ASCII_DIGIT, ASCII_SPACE, ASCII_WORD, ignoring_case, python_class

I, M, S, X, A = int(re.I), int(re.M), int(re.S), int(re.X), int(re.A)  # noqa: E741
_FLAGS: Final = {"i": I, "m": M, "s": S, "x": X, "a": A, "u": 0, "L": int(re.L)}
_PLAIN = re.compile(r"[^\\^$.*+?()\[{|\s#]+")
_NAME = re.compile(r"[^\W\d]\w*")
_MODIFIERS = re.compile(r"\(\?([aiLmsux]*)(?:-([imsx]+))?([:)])")
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_NOT_NEWLINE = characters(~CharSet([(10, 10)]))
_EMPTY_HAS_NO_BOUNDARIES = sys.version_info < (3, 14)  # until then \\B does not match in an empty string
_NO_COMPARISON = "No automaton can compare two parts of a text"


def parse_python(pattern: str, flags: int | str = 0, limits: Limits = DEFAULT_LIMITS) -> Regex:
    """The strings that `re.fullmatch(pattern, text, flags)` accepts.

    flags: as in `re`, or their letters, as Lark has them ("im"). Raises GrammarError (malformed), UnsupportedFeature
    (back-references, conditionals, atomic groups, possessive quantifiers, locale), LimitExceeded; with the position.
    """
    flags = flag_bits(flags)
    key = (pattern, int(flags), limits)
    made = _parsed.get(key)
    if made is None:
        made = resolve(PythonReader(pattern, limits, int(flags)).read(), EPSILON, EPSILON, limits)
        if not made.flags & HOLDING:  # automata are kept elsewhere
            _parsed.put(key, made, made.size() + 4 * len(pattern))
    return made


def flag_bits(flags: int | str) -> int:
    """Flags as `re` has them, from those or from letters."""
    if isinstance(flags, str):
        bits = 0
        for letter in flags:
            bits |= _FLAGS.get(letter, int(re.L))
        return bits
    return int(flags)


_parsed: Cache[Regex] = Cache(4096, 16 << 20)
_classes: Cache[CharSet] = Cache(4096, 4 << 20)
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)


def forget() -> None:
    """Forget all patterns and classes that were read."""
    _parsed.clear()
    _classes.clear()


class PythonReader(PatternReader):
    """Recursive descent without the recursion."""

    def __init__(self, pattern: str, limits: Limits, flags: int) -> None:
        super().__init__(pattern, limits)
        self.flags = flags
        self.anchored = False  # is the last item an anchor (not in a group), so that nothing can be repeated?

    def read(self) -> Regex:
        """The whole pattern as a tree (with assertions)."""
        pattern, end = self.pattern, len(self.pattern)
        self.take_global_flags()
        plain = _PLAIN.match
        while self.at < end:
            at = self.at
            c = pattern[at]
            sequence = self.groups[-1].sequence
            self.anchored = False
            run = plain(pattern, at)
            if run is not None:
                text = run.group()
                self.at = run.end()
                if len(text) > 1 and self.at < end:  # what follows may be a quantifier of the last character alone
                    self.append_text(text[:-1])
                    text = text[-1]
                self.append_text(text)
            elif self.flags & X and (c.isspace() or c == "#"):
                self.skip_blanks()
                continue
            elif c == "\\":
                sequence.append(self.take_escape())
            elif c == "[":
                chosen = self.take_class()
                sequence.append(characters(chosen))
            elif c == "(":
                self.take_open()
                continue
            elif c == ")":
                inner, group = self.close(at)
                self.at = at + 1
                self.flags = group.flags
                if group.kind:
                    inner = look(inner, group.kind.endswith("ahead"), group.kind.startswith("not"))
                self.groups[-1].sequence.append(inner)
            elif c == "|":
                self.alternative()
                self.at = at + 1
                continue
            elif c == "^":
                sequence.append(LINE_BEGIN if self.flags & M else BEGIN)
                self.anchored = True
                self.at = at + 1
            elif c == "$":
                sequence.append(LINE_END if self.flags & M else LAST_LINE_END)
                self.anchored = True
                self.at = at + 1
            elif c == ".":
                sequence.append(ANY if self.flags & S else _NOT_NEWLINE)
                self.at = at + 1
            elif c in "*+?" or (c == "{" and self.take_braces(True) is not None):
                self.bad("nothing to repeat", at)
            else:
                self.append_text(c)
                self.at = at + 1
            self.take_quantifier()
        return self.whole()

    def append_text(self, text: str) -> None:
        """Add characters that mean themselves."""
        sequence = self.groups[-1].sequence
        if not self.flags & I:
            sequence.append(literal(text))
            return
        for c in text:
            sequence.append(characters(self.cased(CharSet.of(c))))

    def cased(self, chosen: CharSet) -> CharSet:
        """A class, with the other cases of its characters where the flags ask for them."""
        return ignoring_case(chosen, bool(self.flags & A)) if self.flags & I else chosen

    def skip_blanks(self) -> None:
        """Skip whitespace and comments of the verbose syntax."""
        pattern, end = self.pattern, len(self.pattern)
        while self.at < end:
            if pattern[self.at] == "#":
                line = pattern.find("\n", self.at)
                self.at = end if line < 0 else line + 1
            elif pattern[self.at] in " \t\n\r\v\f":
                self.at += 1
            else:
                break

    def take_quantifier(self) -> None:
        """Read a quantifier, if there is one, and apply it. Lazy ones have the same language."""
        if self.flags & X:
            self.skip_blanks()
        c = self.pattern[self.at : self.at + 1]
        at = self.at
        if c == "{":
            bounds = self.take_braces(True)
            if bounds is None:
                return
            lo, hi = bounds
        elif c and c in "*+?":
            lo, hi = (1 if c == "+" else 0), (1 if c == "?" else None)
            self.at += 1
        else:
            return
        if self.anchored:
            self.bad("nothing to repeat", at)
        lazy = self.pattern.startswith("?", self.at)
        if lazy:
            self.at += 1
        elif self.pattern.startswith("+", self.at):
            self.unsupported("a possessive quantifier", "possessive quantifier", self.at)
        self.quantify(lo, hi, lazy)
        if self.flags & X:
            self.skip_blanks()
        at = self.at
        c = self.pattern[at : at + 1]
        if c and (c in "*+?" or (c == "{" and self.take_braces(True) is not None)):
            self.bad("multiple repeat", at)

    def take_global_flags(self) -> None:
        """Read `(?imsx)` at the start."""
        while (found := _MODIFIERS.match(self.pattern, self.at)) and found.group(3) == ")" and found.group(1):
            if found.group(2):
                self.bad("flags are turned off for the whole pattern", self.at)
            for letter in found.group(1):
                self.set_flag(letter)
            self.at = found.end()

    def set_flag(self, letter: str) -> None:
        """Turn a flag on."""
        if letter == "L":
            self.unsupported("the locale flag", "(?L)", self.at)
        self.flags = self.flags & ~A if letter == "u" else self.flags | _FLAGS[letter]

    def take_open(self) -> None:
        """Read an opening parenthesis and what belongs to it."""
        pattern, at = self.pattern, self.at
        before = self.flags
        kind = ""
        if not pattern.startswith("(?", at):
            self.at = at + 1
        elif pattern.startswith("(?:", at):
            self.at = at + 3
        elif pattern.startswith("(?P<", at):
            name = _NAME.match(pattern, at + 4)
            if name is None or not pattern.startswith(">", name.end()):
                self.bad("invalid group name", at)
            self.at = name.end() + 1
        elif pattern.startswith(("(?=", "(?!"), at):
            kind = "ahead" if pattern[at + 2] == "=" else "not ahead"
            self.at = at + 3
        elif pattern.startswith(("(?<=", "(?<!"), at):
            kind = "behind" if pattern[at + 3] == "=" else "not behind"
            self.at = at + 4
        elif pattern.startswith("(?#", at):
            end = pattern.find(")", at)
            if end < 0:
                self.bad("unterminated comment", at)
            self.at = end + 1
            if self.groups[-1].sequence:  # a quantifier after a comment is for what comes before it
                self.take_quantifier()
            return
        elif pattern.startswith("(?P=", at):
            self.unsupported("a back-reference", "(?P=", at, _NO_COMPARISON)
        elif pattern.startswith("(?(", at):
            self.unsupported("a conditional group", "(?(", at, _NO_COMPARISON)
        elif pattern.startswith("(?>", at):
            self.unsupported("an atomic group", "(?>", at)
        else:
            found = _MODIFIERS.match(pattern, at)
            if found is None or not (found.group(1) or found.group(2)):
                self.bad("unknown group", at)
            if found.group(3) == ")":
                self.bad("flags for the whole pattern that are not at its start", at)
            for letter in found.group(1):
                self.set_flag(letter)
            for letter in found.group(2) or "":
                self.flags &= ~_FLAGS[letter]
            self.at = found.end()
        self.open(kind, at, before)

    def take_escape(self) -> Regex:
        """Read an escape outside of a class."""
        at = self.at
        c = self.pattern[at + 1 : at + 2]
        if c and c in "dDwWsS":
            self.at = at + 2
            return characters(self.category(c))
        if c and c in "AZbB":
            self.at = at + 2
            self.anchored = True
            if c == "A" or c == "Z":
                return BEGIN if c == "A" else END
            return word_boundary(self.category("w"), c == "B", _EMPTY_HAS_NO_BOUNDARIES)
        digits = self.pattern[at + 1 : at + 4]
        if c.isdigit() and c.isascii() and c != "0" and not (len(digits) == 3 and _octal(digits)):
            self.unsupported("a back-reference", f"\\{c}", at, _NO_COMPARISON)
        point = self.take_character(False)
        if 0xD800 <= point <= 0xDFFF:
            return EMPTY
        return characters(self.cased(CharSet([(point, point)])))

    def category(self, letter: str) -> CharSet:
        """The class of `\\d`, `\\w`, `\\s` or of their complements."""
        lower = letter.lower()
        if self.flags & A:
            chosen = {"d": ASCII_DIGIT, "w": ASCII_WORD, "s": ASCII_SPACE}[lower]
        else:
            chosen = python_class(lower)
        return chosen if letter == lower else ~chosen

    def take_character(self, in_class: bool) -> int:
        """Read an escape that stands for one character; its code point."""
        pattern, at = self.pattern, self.at
        c = pattern[at + 1 : at + 2]
        self.at = at + 2
        if not c:
            self.bad("the pattern ends in a backslash", at)
        if c in _CONTROLS:
            return _CONTROLS[c]
        if c == "b" and in_class:
            return 8
        if c in "xuU":
            size = {"x": 2, "u": 4, "U": 8}[c]
            digits = pattern[at + 2 : at + 2 + size]
            if len(digits) < size or not all(d in "0123456789abcdefABCDEF" for d in digits):
                self.bad(f"incomplete escape \\{c}", at)
            self.at = at + 2 + size
            if int(digits, 16) > 0x10FFFF:
                self.bad("code point beyond 10FFFF", at)
            return int(digits, 16)
        if c == "N":
            end = pattern.find("}", at)
            if not pattern.startswith("{", at + 2) or end < 0:
                self.bad("\\N without a name in braces", at)
            try:
                named = unicodedata.lookup(pattern[at + 3 : end])
            except KeyError:
                named = ""
            if len(named) != 1:
                self.bad("unknown character name", at)
            self.at = end + 1
            return ord(named)
        if c in "0123456789":
            return self.take_octal(in_class)
        if c.isascii() and c.isalpha():
            self.bad(f"bad escape \\{c}", at)
        return ord(c)

    def take_octal(self, in_class: bool) -> int:
        """Read `\\0`, `\\0o`, `\\0oo` or `\\ooo`."""
        at = self.at - 2
        digits = self.pattern[at + 1 : at + 4]
        while digits and not _octal(digits):
            digits = digits[:-1]
        if not digits or (digits[0] != "0" and len(digits) < 3 and not in_class):
            self.bad("bad escape", at)
        value = int(digits, 8)
        if value > 0o377:
            self.bad("octal escape beyond \\377", at)
        self.at = at + 1 + len(digits)
        return value

    def take_class(self) -> CharSet:
        """Read a class `[...]`."""
        whole = _CLASS.match(self.pattern, self.at)
        if whole is None or self.flags & I:
            return self.read_class()
        key = (whole.group(), self.flags & A)
        known = _classes.get(key)
        if known is None:
            known = self.read_class()
            if self.at == whole.end():
                _classes.put(key, known, 100 + 8 * len(known.flat))
        else:
            self.at = whole.end()
        return known

    def read_class(self) -> CharSet:
        """Read a class that has not been read before."""
        pattern, begin, end = self.pattern, self.at, len(self.pattern)
        self.at += 1
        negated = pattern.startswith("^", self.at)
        self.at += negated
        first_at = self.at
        ranges: list[tuple[int, int]] = []
        while True:
            if self.at >= end:
                self.bad("unterminated character class", begin)
            at = self.at
            if pattern[at] == "]" and at > first_at:
                break
            first = self.take_member()
            if pattern.startswith("-", self.at) and self.at + 1 < end and pattern[self.at + 1] != "]":
                self.at += 1
                last = self.take_member()
                if not (isinstance(first, int) and isinstance(last, int)) or last < first:
                    self.bad("bad range in a character class", at)
                ranges.append((first, last))
            elif isinstance(first, int):
                ranges.append((first, first))
            else:
                ranges += first.ranges
        self.at += 1
        chosen = self.cased(CharSet(ranges))
        return ~chosen if negated else chosen

    def take_member(self) -> int | CharSet:
        """Read one character or class escape of a class."""
        c = self.pattern[self.at]
        if c != "\\":
            self.at += 1
            return ord(c)
        c = self.pattern[self.at + 1 : self.at + 2]
        if c and c in "dDwWsS":
            self.at += 2
            return self.category(c)
        return self.take_character(True)


def _octal(digits: str) -> bool:
    return all(d in "01234567" for d in digits)
