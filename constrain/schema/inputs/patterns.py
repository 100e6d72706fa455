r"""Patterns of pydantic (Rust's `regex`, or Python's `re`) as ECMA-262 patterns of the same strings.

The dialects differ in what `\d`, `\w`, `\s`, `.`, `$` and `\b` mean, and in syntax. What is not known to mean the same
is refused.
"""

from __future__ import annotations

import re

from constrain.errors import UnsupportedFeature

# Unicode's White_Space, which Rust's \s is; Python's has four control characters more.
_SPACE = r"\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"  # https://docs.rs/regex: \w is UTS #18's
_POSIX = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9", "upper": "A-Z", "lower": "a-z", "word": r"A-Za-z0-9_",
    "xdigit": "0-9A-Fa-f", "space": r"\t\n\v\f\r ", "blank": r"\t ", "ascii": r"\x00-\x7f", "cntrl": r"\x00-\x1f\x7f",
    "punct": r"!-\/:-@\[-`{-~", "graph": "!-~", "print": " -~",
}  # fmt: skip
_PROPERTY = re.compile(r"\\([pP])(?:\{(\^?)([A-Za-z0-9_=]+)\}|([A-Z]))")
_HEX = re.compile(r"\\(?:x\{(\w+)\}|x([0-9a-fA-F]{2})|u\{(\w+)\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_COUNT = re.compile(r"\{(\d*)(,?)(\d*)\}")
_NAME = re.compile(r"\?P?<[A-Za-z_]\w*>")
_KEPT = {"t": r"\t", "n": r"\n", "r": r"\r", "f": r"\f", "v": r"\v", "a": r"\x07"}


def to_ecma(pattern: str, python: bool = False) -> str:
    """The ECMA-262 pattern (syntax of the `u` flag). Raises UnsupportedFeature, with the position."""
    return _Reader(pattern, python).read()


class _Reader:
    def __init__(self, text: str, python: bool) -> None:
        self.text = text
        self.python = python
        self.at = 0
        self.space = _SPACE + (r"\x1c-\x1f" if python else "")

    def refuse(self, what: str) -> UnsupportedFeature:
        reason = f"{what} in {self.text!r} has no certain meaning outside of {'re' if self.python else 'Rust'}"
        hint = "Write it in other words, with plain characters and classes"
        return UnsupportedFeature(reason, keyword="pattern", position=self.at, hint=hint)

    def read(self) -> str:
        """The whole pattern, one element after the other."""
        out = []
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == "[":
                out.append(self.char_class())
            elif c == "\\":
                out.append(self.escape(False))
            elif c == "(":
                out.append(self.group())
            elif c in "*+?{":
                out.append(self.repeat())
            else:
                self.at += 1
                if c == ".":
                    c = r"[^\n]"
                elif c == "$" and self.python:
                    c = r"(?=\n?$)"
                elif c in "]}":
                    c = "\\" + c
                out.append(c)
        return "".join(out)

    def group(self) -> str:
        rest = self.text[self.at + 1 :]
        if not rest.startswith("?"):
            self.at += 1
            return "(?:"
        named = _NAME.match(rest)
        if named:
            self.at += 1 + named.end()
            return "(?:"
        for opening in ("?:", "?=", "?!", "?<=", "?<!"):
            if rest.startswith(opening):
                self.at += 1 + len(opening)
                return "(" + opening
        raise self.refuse(f"`({rest[:3]}`")

    def repeat(self) -> str:
        c = self.text[self.at]
        if c == "{":
            found = _COUNT.match(self.text, self.at)
            if found is None or not (found[1] or found[3]):
                if self.python:
                    self.at += 1
                    return r"\{"
                raise self.refuse("`{`")
            self.at = found.end()
            out = f"{{{found[1] or 0}{found[2]}{found[3]}}}"
        else:
            self.at += 1
            out = c
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1
        elif self.text[self.at : self.at + 1] in ("+", "*", "{"):
            raise self.refuse("a repeat of a repeat")
        return out

    def escape(self, inside: bool) -> str:
        """An escape sequence. inside: of a class, where only its contents are written."""
        text, at = self.text, self.at
        found = _HEX.match(text, at)
        if found:
            self.at = found.end()
            return _character(chr(int(next(filter(None, found.groups())), 16)))
        found = None if self.python else _PROPERTY.match(text, at)
        if found:
            self.at = found.end()
            letter = "pP"[(found[1] == "P") != (found[2] == "^")]
            return f"\\{letter}{{{found[3] or found[4]}}}"
        self.at += 2
        c = text[at + 1 : at + 2]
        if c in "dD" and c:
            return r"\p{Nd}" if c == "d" else r"\P{Nd}"
        if c in ("s", "w"):
            held = self.space if c == "s" else self.word()
            return held if inside else f"[{held}]"
        if c in ("S", "W") and not inside:
            return f"[^{self.space if c == 'S' else self.word()}]"
        if c in _KEPT:
            return _KEPT[c]
        if not inside and c == "A":
            return "^"
        if not inside and c == ("Z" if self.python else "z"):
            return "$"
        if not inside and c in ("b", "B"):
            word = f"[{self.word()}]"
            if c == "b":
                return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
            return f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"
        if c and not c.isalnum() and c.isascii():
            return _character(c)
        self.at = at
        raise self.refuse(f"`\\{c}`")

    def word(self) -> str:
        if self.python:
            raise self.refuse(r"`\w` or `\b`")
        return _WORD

    def char_class(self) -> str:
        text = self.text
        self.at += 1
        out = ["["]
        if text[self.at : self.at + 1] == "^":
            out.append("^")
            self.at += 1
        first = True
        while True:
            c = text[self.at : self.at + 1]
            if not c:
                raise self.refuse("a class without end")
            if c == "]" and not first:
                self.at += 1
                return "".join(out) + "]"
            first = False
            pair = text[self.at : self.at + 2]
            if pair in ("&&", "--", "~~", "||"):
                raise self.refuse(f"`{pair}` in a class")
            if c == "\\":
                out.append(self.escape(True))
            elif c == "[" and not self.python:
                out.append(self.posix())
            elif c == "-":
                self.at += 1
                edge = out[-1] in ("[", "^") or text[self.at : self.at + 1] == "]"
                out.append(r"\-" if edge else "-")
            else:
                self.at += 1
                out.append(_character(c))

    def posix(self) -> str:
        found = re.compile(r"\[:([a-z]+):\]").match(self.text, self.at)
        if found is None or found[1] not in _POSIX:
            raise self.refuse("a class in a class")
        self.at = found.end()
        return _POSIX[found[1]]


def _character(c: str) -> str:
    """One character, meaning itself in and out of a class."""
    if c.isalnum() and c.isascii():
        return c
    return f"\\u{{{ord(c):x}}}"
