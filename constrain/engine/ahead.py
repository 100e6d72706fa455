"""Looks ahead in the open item of an array with distinct items, where the kernels can't tell (fresh.py).

Values are written as the kernels write them (distinct.py): tuples of symbols, equal for equal values. What the open
item can become is listed, value by value, until one is found that is not there yet. What may grow without end
(arrays, objects with free members) has values without end, so the first of those decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from constrain.engine import layout as L
from constrain.engine.distinct import LONGEST_NUMBER
from constrain.engine.texts import END, KEY, MARK, NUMBER, OBJECT, STRING, WORD
from constrain.engine.values import Words, spelled
from constrain.errors import LimitExceeded
from constrain.grammar.ir import Alt, Grammar, Literal, NodeId, Object, String, StringChoice, Text
from constrain.limits import Limits
from constrain.regular.ast import ALL

Value = tuple[Any, ...]
Ranges = list[tuple[int, int]]
GROWS: Value = ("grows",)  # a symbol that stands for values without end
FAR = 1 << 30
COUNTED = 1 << 16  # words of a language are counted up to here
PARTS = (L.PH_OPEN, L.PH_COMMA, L.PH_KEY, L.PH_COLON, L.PH_VALUE, L.PH_AFTER)


class Level(NamedTuple):
    """An open object: its finished members, the name of the open one, the node and register of its frame."""

    members: dict[str, Value]
    open: str | None
    node: Object
    register: Any


class Ahead:
    """Answers for one grammar. The arena is only read."""

    def __init__(self, grammar: Grammar, limits: Limits) -> None:
        self.grammar, self.limits = grammar, limits
        self._words = Words(limits)
        self.questions = 0  # answered so far
        self._ways: dict[NodeId, int] = {}
        self._heights: dict[NodeId, int] = {}
        self._list, self._found = 0, set[Value]()  # the list of finished items of the last question, and its values

    def forget(self) -> None:
        """Let go of what was read from an arena that is no more."""
        self._list, self._found = 0, set()

    def answer(self, H: Any) -> None:
        """Answer the questions that wait in the arena."""
        asked = int(H[L.ASKED])
        while asked:
            before = int(H[asked + L.K_Y])
            try:
                H[asked + L.K_X] = 1 if self._is_fresh(H, asked) else 2
            except RecursionError:
                what = "objects that must differ from others are nested too deeply"
                raise LimitExceeded(what, keyword="stack_depth") from None
            H[asked + L.K_Y] = 0
            self.questions += 1
            asked = before if before != asked else 0
        H[L.ASKED] = 0

    def ways(self, at: NodeId) -> list[int]:
        """At least how many values each declared name of an object has, at most L.MANY."""
        node = self.grammar.nodes[at]
        assert isinstance(node, Object)
        return [self._count(value) if value >= 0 else 0 for value in node.values]

    def _count(self, at: NodeId) -> int:
        """At least how many values a node has, at most L.MANY."""
        if at not in self._ways:
            self._ways[at] = L.MANY  # of what may hold another one like it
            self._ways[at] = min(self._counted(self.grammar.nodes[at]), L.MANY)
        return self._ways[at]

    def _counted(self, node: Any) -> int:
        if isinstance(node, Literal):
            return 1
        if isinstance(node, StringChoice):
            return len(node.strings)
        if isinstance(node, String):
            words = self._words.count(ALL if node.language is None else node.language, node.lo, node.hi, COUNTED)
            return L.MANY if words is None else words
        if isinstance(node, Text):
            words = self._words.count(node.language, 0, None, COUNTED)
            return L.MANY if words is None else words
        if isinstance(node, Alt):
            return max((self._count(option) for option in node.options), default=0)
        if isinstance(node, Object) and not node.free:
            ways = 1
            for value, required in zip(node.values, node.required, strict=True):
                if value >= 0:
                    ways = min(ways * (self._count(value) + (not required)), L.MANY)
            return ways
        return L.MANY

    def _is_fresh(self, H: Any, asked: int) -> bool:
        """May the open item of the configuration at `asked` (layout.KIND_ASKED) become a value that is not there?"""
        pos, s, d, n, st = (int(x) for x in H[asked + 2 : asked + 7])
        frames = []
        while self._node(H, st).__class__ is Object:
            frames.append(st)
            st = int(H[st + L.S_PARENT])
        found = self._values_before(H, st)
        text = symbols(H, int(H[st + L.S_TEXT]))
        levels, tail = self._read(H, text, frames[::-1])
        wholes = self._wholes(H, levels, tail, pos, s, d, n)
        return any("grows" in value or value not in found for value in wholes)

    def _values_before(self, H: Any, st: int) -> set[Value]:
        """The values of the finished items of an array's frame."""
        at = top = int(H[int(H[st + L.S_REG]) + 2])  # the register holds the open item
        new = []
        while at and at != self._list:
            new.append(symbols(H, int(H[at + 3])))
            at = int(H[at + 2])
        if not at:
            self._found = set()
        self._list = top
        self._found.update(new)
        return self._found

    def _node(self, H: Any, st: int) -> Any:
        return self.grammar.nodes[int(H[st + L.S_NODE]) - 1]

    def _read(self, H: Any, text: Value, frames: list[int]) -> tuple[list[Level], Value]:
        """The open objects that a text is in, outermost first, and the value or name at its end."""
        levels: list[Level] = []
        i, tail = 0, ()
        for frame in frames:
            members: dict[str, Value] = {}
            name: str | None = None
            i += 1  # OBJECT
            tail = ()
            while i < len(text):
                end = i + 1
                while end < len(text) and text[end] < MARK:
                    end += 1
                name = "".join(map(chr, text[i + 1 : end]))
                if end == len(text):
                    tail = text[i:end]
                    break
                i = end
                end = whole(text, i)
                if end < 0:
                    break
                tail = text[i:end]
                members[name] = tail
                i = end
            node = self._node(H, frame)
            register = int(H[frame + L.S_REG])
            if not node.ordered and len(node.names) > 31:
                bits = 0
                for w in range(int(H[register + 2]) if register else 0):
                    bits |= (int(H[register + 3 + w]) & 0xFFFFFFFF) << 32 * w
                register = bits
            levels.append(Level(members, name, node, register))
        return levels, tail

    def _wholes(
        self, H: Any, levels: list[Level], tail: Value, pos: int, s: int, d: int, n: int
    ) -> Iterator[Value]:
        """Everything that the open item can become."""

        def at(i: int) -> Iterator[Value]:
            level = levels[i]
            if i == len(levels) - 1:
                for members, least, first in self._innermost(H, level, tail, pos, s, d, n):
                    for more in self._members(level.node, level.register, least, first):
                        yield together({**members, **more})
                return
            assert level.open is not None
            for value in at(i + 1):
                for more in self._members(level.node, level.register, 0, None):
                    yield together({**level.members, level.open: value, **more})

        return at(0)

    def _innermost(
        self, H: Any, level: Level, tail: Value, pos: int, s: int, d: int, n: int
    ) -> Iterator[tuple[dict[str, Value], int | None, tuple[str, Ranges | None] | None]]:
        """The members of the innermost open object once its open one is complete; how many more must come (None: none
        may), and what the name of the next begins with."""
        ph, pretty = pos & 15, int(H[L.WS_MODE]) != 0
        if ph not in PARTS:
            assert level.open is not None
            others = {name: value for name, value in level.members.items() if name != level.open}
            for value in self._open(pos // 16 - 1, tail, ahead(int(H[L.ESCAPES]), d)):
                yield {**others, level.open: value}, 0, None
        elif ph == L.PH_KEY:
            yield level.members, 1, ("".join(map(chr, tail[1:])), ahead(int(H[L.ESCAPES]), d))
        elif ph in (L.PH_COLON, L.PH_VALUE):
            for value in self._values(level.node.values[s]):
                yield {**level.members, level.node.names[s]: value}, 0, None
        elif ph == L.PH_AFTER and pretty and n > 0:
            yield level.members, None, None
        else:
            yield level.members, int(ph == L.PH_COMMA or (pretty and n > 0)), None

    def _members(
        self, node: Object, register: int, least: int | None, first: tuple[str, Ranges | None] | None
    ) -> Iterator[dict[str, Value]]:
        """Members that may still come, as many as `least` at least (None: none may). first: what one of them (of an
        ordered object: the next one) is called so far, and what its next character may be."""
        labels = [
            j for j, value in enumerate(node.values)
            if value >= 0 and (j >= register if node.ordered else not register >> j & 1)
        ]  # fmt: skip
        if least is None:
            if not any(node.required[j] for j in labels):
                yield {}
            return

        if first is None:
            yield from self._chosen(node, labels, 0, least)
            return
        for k, j in enumerate(labels):
            if begins(node.names[j], *first):
                others = labels[k + 1 :] if node.ordered else labels[:k] + labels[k + 1 :]
                for value in self._values(node.values[j]):
                    for more in self._chosen(node, others, 0, 0):
                        yield {node.names[j]: value, **more}
            if node.ordered and node.required[j]:
                return  # it can't be left out

    def _chosen(self, node: Object, labels: list[int], i: int, least: int) -> Iterator[dict[str, Value]]:
        """Members with some of the labels from the i-th on, `least` at least, and with all that are required."""
        if i == len(labels):
            if least <= 0:
                yield {}
            return
        j = labels[i]
        if not node.required[j]:
            yield from self._chosen(node, labels, i + 1, least)
        for value in self._values(node.values[j]):
            for more in self._chosen(node, labels, i + 1, least - 1):
                yield {node.names[j]: value, **more}

    def _values(self, at: NodeId) -> Iterator[Value]:
        """The values of a node's texts."""
        node = self.grammar.nodes[at]
        if isinstance(node, Literal):
            yield WORD, *node.text
        elif isinstance(node, StringChoice):
            for text in node.strings:
                yield STRING, *map(ord, text)
        elif isinstance(node, String):
            language = ALL if node.language is None else node.language
            for text in self._words.after(language, "", node.lo, node.hi, None):
                yield STRING, *map(ord, text)
        elif isinstance(node, Text):
            for text in self._words.after(node.language, "", 0, None, None):
                yield NUMBER, *spelled(text, LONGEST_NUMBER)
        elif isinstance(node, Alt):
            for option in sorted(node.options, key=self._height):
                yield from self._values(option)
        elif isinstance(node, Object) and not node.free:
            for members in self._members(node, 0, 0, None):
                yield together(members)
        else:
            yield GROWS

    def _height(self, at: NodeId) -> int:
        """How deep the least nested value of a node is; so that what nests without need comes last."""
        if at not in self._heights:
            reached = [at]
            for i in reached:
                self._heights[i] = FAR
                reached += [inner for inner in self._inside(i) if inner not in self._heights]
            changed = True
            while changed:
                changed = False
                for i in reversed(reached):
                    inner = [self._heights[j] for j in self._inside(i)]
                    alt = isinstance(self.grammar.nodes[i], Alt)
                    height = min(inner) if alt else 1 + max(inner, default=0)
                    if height < self._heights[i]:
                        self._heights[i], changed = height, True
        return self._heights[at]

    def _inside(self, at: NodeId) -> list[NodeId]:
        """The alternatives of a node, or the values that it can't be without."""
        node = self.grammar.nodes[at]
        if isinstance(node, Alt):
            return list(node.options)
        if isinstance(node, Object) and not node.free:
            return [value for value, required in zip(node.values, node.required, strict=True) if required]
        return []

    def _open(self, at: NodeId, written: Value, next_char: Ranges | None) -> Iterator[Value]:
        """The values of an open string, number or word, of which some symbols are written."""
        node = self.grammar.nodes[at]
        if isinstance(node, Literal):
            yield WORD, *node.text
        elif isinstance(node, StringChoice):
            text = "".join(map(chr, written[1:]))
            for word in node.strings:
                if begins(word, text, next_char):
                    yield STRING, *map(ord, word)
        elif isinstance(node, String):
            text = "".join(map(chr, written[1:]))
            language = ALL if node.language is None else node.language
            for word in self._words.after(language, text, node.lo, node.hi, next_char):
                yield STRING, *map(ord, word)
        elif isinstance(node, Text):
            text = "".join(map(chr, written[1:]))
            if set(text) & set("eE") and not set(text.lower().partition("e")[0]) & set("123456789"):
                yield NUMBER, 48  # whatever the exponent
                return
            for word in self._words.after(node.language, text, 0, None, None):
                yield NUMBER, *spelled(word, LONGEST_NUMBER)


def symbols(H: Any, text: int) -> Value:
    """The symbols of a text (distinct.py), without the first, which is 0."""
    out = []
    while text:
        out.append(int(H[text + 3]))
        text = int(H[text + 2])
    return tuple(out[-2::-1])


def whole(text: Value, i: int) -> int:
    """The end of the value that begins at text[i]; -1 where it is open. (A string or number at the end counts.)"""
    depth = 0
    while i < len(text):
        symbol = text[i]
        if symbol == END:
            depth -= 1
        elif symbol in (OBJECT, OBJECT + 1):
            depth += 1
        i += 1
        if symbol in (STRING, NUMBER, WORD) or symbol == KEY:
            while i < len(text) and text[i] < MARK:
                i += 1
        if depth == 0:
            return i
    return -1


def together(members: dict[str, Value]) -> Value:
    """The value of an object."""
    out: list[Any] = [OBJECT]
    for name in sorted(members):
        out += (KEY, *map(ord, name))
        out += members[name]
    return (*out, END)


def begins(name: str, text: str, next_char: Ranges | None) -> bool:
    """Does a name begin with a text, and go on with such a character (None: it need not go on)?"""
    if not name.startswith(text):
        return False
    if next_char is None:
        return True
    return len(name) > len(text) and any(a <= ord(name[len(text)]) <= z for a, z in next_char)


def ahead(canonical: int, d: int) -> Ranges | None:
    """The characters that decoder state d may end with; None between characters. As `becoming.range_ahead`."""
    kind = d & 15
    if kind == L.D_BODY:
        return None
    if kind == L.D_ESC:
        return [(0, 31), (34, 34), (92, 92)] if canonical else [(0, 0x10FFFF)]
    if kind == L.D_UTF8:
        rest, length, value = (d >> 4) & 3, (d >> 6) & 7, d >> 9
        least = {2: 0x80, 3: 0x800}.get(length, 0x10000)
        return [(max(value << 6 * rest, least), min(((value + 1) << 6 * rest) - 1, 0x10FFFF))]
    if kind == L.D_HEX:
        free = 4 * (4 - ((d >> 4) & 3))
        lo, hi = d >> 6 << free, ((d >> 6) + 1 << free) - 1
        high, low = max(lo, 0xD800), min(hi, 0xDBFF)
        more = [(0x10000 + (high - 0xD800 << 10), 0x10000 + (low - 0xD800 << 10) + 1023)] if high <= low else []
        return [(lo, hi), *more]
    if kind in (L.D_LOWBS, L.D_LOWU):
        return [(0x10000 + (d >> 4 << 10), 0x10000 + (d >> 4 << 10) + 1023)]
    free = 4 * (4 - ((d >> 4) & 3))
    base = 0x10000 + (((d >> 6) & 1023) << 10) - 0xDC00
    return [(base + max(d >> 16 << free, 0xDC00), base + min(((d >> 16) + 1 << free) - 1, 0xDFFF))]
