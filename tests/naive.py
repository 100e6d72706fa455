"""The engine's slow twin: what a grammar allows, byte by byte, with plain tuples and no cleverness.

A *stack* is a tuple of symbols still to be read, the next one first; a *state* is the frozen set of stacks that are
possible. Reading a byte steps the first symbol of each stack. A stack is kept only if some text completes it. As the
symbols of a stack are read one after the other and independently, that is so when each symbol has a text; symbols
further down are fresh, hence have one (the grammar is pruned), so only the first is asked: strings by derivatives,
objects by counting what may still come.

Symbols: ("node", id, depth), ("bytes", text), ("space", n): up to n whitespace characters, ("text", language, raw),
("string", language, lo, hi, raw): the rest of a string up to its closing quote, ("object", id, depth, used, count):
the rest of an object after `count` members (used: the declared names, and ~i for each demand i that was met),
("array", id, depth, count), ("items", id, depth, state, count). raw: the bytes so far of a character.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Grammar,
    Items,
    Lazy,
    Literal,
    Object,
    Seq,
    String,
    StringChoice,
    Text,
)  # fmt: skip
from tests.naive_characters import code_points, finished
from tests.naive_regex import (
    ALL,
    Language,
    alive,
    alive_through,
    both,
    derivative,
    from_regex,
    negate,
    nullable,
    words,
)

Symbol: TypeAlias = tuple[Any, ...]
Stack: TypeAlias = tuple[Symbol, ...]
State: TypeAlias = frozenset[Stack]
WHITESPACE = b" \n\r\t"


class TooManyStacks(Exception):
    """An ambiguous grammar may have twice as many stacks with every byte."""


class NaiveMachine:
    """States of a pruned grammar. All methods are pure but for expanding `Lazy` nodes (once each).

    most: the number of stacks that are looked at for one state; TooManyStacks is raised for more.
    """

    def __init__(self, grammar: Grammar, most: int = 100_000) -> None:
        self.grammar = grammar
        self.most = most
        self.expanded: dict[int, int] = {}
        self.steps: dict[tuple[State, int], State] = {}
        self.closes: dict[tuple[int, frozenset[int], int], bool] = {}
        self.ends: dict[tuple[int, int, int], bool] = {}
        self.languages: dict[int, list[tuple[int, Language]]] = {}
        for node in grammar.nodes:
            if isinstance(node, String) and not alive(
                ALL if node.language is None else from_regex(node.language), node.lo, node.hi
            ):
                raise ValueError(f"no text in {node}")
            if isinstance(node, Text) and not alive(from_regex(node.language)):
                raise ValueError(f"no text in {node}")

    def start(self) -> State:
        return self.closure([(("node", self.grammar.start, 0),)])

    def accepting(self, state: State) -> bool:
        """May the text end here?"""
        return () in state

    def step(self, state: State, byte: int) -> State:
        """What is possible after one more byte; the empty set when nothing is."""
        key = (state, byte)
        if key not in self.steps:
            self.steps[key] = self.closure(after for stack in state if stack for after in self.read(stack, byte))
        return self.steps[key]

    def run(self, text: bytes, state: State | None = None) -> State:
        state = self.start() if state is None else state
        for byte in text:
            state = self.step(state, byte)
        return state

    def accepts(self, text: bytes) -> bool:
        return self.accepting(self.run(text))

    def closure(self, stacks: Iterable[Stack]) -> State:
        """Replace what reads nothing itself by what it stands for, until each stack begins with a reader."""
        todo, seen, out = list(stacks), set(), set()
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if len(seen) > self.most:
                raise TooManyStacks(self.most)
            if not stack:
                out.add(stack)
                continue
            symbol, rest = stack[0], stack[1:]
            if symbol[0] == "bytes":
                if symbol[1]:
                    out.add(stack)
                else:
                    todo.append(rest)
            elif symbol[0] == "space":
                todo.append(rest)
                if symbol[1] > 0:
                    out.add(stack)
            elif symbol[0] == "text":
                if symbol[2] == b"" and nullable(symbol[1]):
                    todo.append(rest)
                if alive_through(symbol[1], code_points(symbol[2], escapes=False), 0, None):
                    out.add(stack)
            elif symbol[0] == "string":
                _, language, lo, hi, raw = symbol
                if alive_through(language, code_points(raw, escapes=True), lo, hi) if raw else alive(language, lo, hi):
                    out.add(stack)
            else:
                todo += [made + rest for made in self.expand(symbol)]
        return frozenset(out)

    def read(self, stack: Stack, byte: int) -> Iterator[Stack]:
        """The stacks after one byte, by the kind of the first symbol."""
        symbol, rest = stack[0], stack[1:]
        if symbol[0] == "bytes":
            if symbol[1][0] == byte:
                yield (("bytes", symbol[1][1:]), *rest)
        elif symbol[0] == "space":
            if byte in WHITESPACE:
                yield (("space", symbol[1] - 1), *rest)
        elif symbol[0] == "text":
            raw = symbol[2] + bytes([byte])
            done = finished(raw, escapes=False)
            if done is not None:
                yield (("text", derivative(symbol[1], done), b""), *rest)
            elif code_points(raw, escapes=False):
                yield (("text", symbol[1], raw), *rest)
        else:
            _, language, lo, hi, raw = symbol
            if raw == b"" and byte == ord('"'):
                if lo == 0 and nullable(language):
                    yield rest
                return
            raw += bytes([byte])
            done = finished(raw, escapes=True)
            if done is not None and hi != 0:
                fewer = None if hi is None else hi - 1
                yield (("string", derivative(language, done), max(lo - 1, 0), fewer, b""), *rest)
            if done is None and code_points(raw, escapes=True):
                yield (("string", language, lo, hi, raw), *rest)

    def expand(self, symbol: Symbol) -> list[Stack]:
        """The stacks that a symbol stands for."""
        if symbol[0] == "object":
            return self.members(symbol)
        if symbol[0] == "array":
            return self.items(symbol)
        if symbol[0] == "items":
            return self.counted_items(symbol)
        _, at, depth = symbol
        node = self.grammar.nodes[at]
        if isinstance(node, Literal):
            return [(("bytes", node.text),)]
        if isinstance(node, Text):
            return [(("text", from_regex(node.language), b""),)]
        if isinstance(node, String):
            language = ALL if node.language is None else from_regex(node.language)
            return [(("bytes", b'"'), ("string", language, node.lo, node.hi, b""))]
        if isinstance(node, StringChoice):
            return [(("bytes", b'"'), ("string", words(node.strings), 0, None, b""))]
        if isinstance(node, Alt):
            return [(("node", option, depth),) for option in node.options if option != NEVER]
        if isinstance(node, Seq):
            return [tuple(("node", part, depth) for part in node.parts)]
        if isinstance(node, Object):
            return [(("bytes", b"{"), ("object", at, depth, frozenset(), 0))]
        if isinstance(node, Array):
            return [(("bytes", b"["), ("array", at, depth, 0))]
        if isinstance(node, Items):
            return [(("bytes", b"["), ("items", at, depth, 0, 0))]
        assert isinstance(node, Lazy)
        if at not in self.expanded:
            self.expanded[at] = node.expand()
        return [(("node", self.expanded[at], depth),)]

    # --- objects and arrays

    def members(self, symbol: Symbol) -> list[Stack]:
        """The ways on from an object after `count` members: close it, or one more member of each possible class."""
        _, at, depth, used, count = symbol
        node = self.grammar.nodes[at]
        assert isinstance(node, Object)
        out: list[Stack] = []
        if self.may_close(node, used, count):
            out.append((*self.gap("}", depth, count), ("bytes", b"}")))
        for _, language, value, now in self.following(at, used):
            if not self.can_finish(at, now, count + 1):
                continue
            comma: Stack = (*self.gap(",", depth, count), ("bytes", b",")) if count else ()
            out.append(
                (
                    *comma,
                    *self.gap("key", depth, count),
                    ("bytes", b'"'),
                    ("string", language, 0, None, b""),
                    *self.gap(":", depth, count),
                    ("bytes", b":"),
                    *self.gap("value", depth, count),
                    ("node", value, depth + 1),
                    ("object", at, depth, now, count + 1),
                )
            )
        return out

    def may_close(self, node: Object, used: frozenset[int], count: int) -> bool:
        missing = [i for i, wanted in enumerate(node.required) if wanted and i not in used]
        unmet = [i for i in range(node.demands) if ~i not in used]
        return not missing and not unmet and count >= node.lo and (node.hi is None or count <= node.hi)

    def following(self, at: int, used: frozenset[int]) -> Iterator[tuple[int, Language, int, frozenset[int]]]:
        """The classes of keys that may come, each with a value and what is used then."""
        node = self.grammar.nodes[at]
        assert isinstance(node, Object)
        for k, language in self.classes(at):
            declared = k < len(node.names)
            if declared and (k in used or (node.ordered and any(u > k for u in used))):
                continue
            now = used | {k} if declared else used
            value = node.values[k] if declared else node.free[k - len(node.names)][1]
            for option, met in node.options[k] if node.demands else ((value, 0),):
                if option != NEVER:
                    yield k, language, option, now | {~i for i in range(node.demands) if met >> i & 1}

    def classes(self, at: int) -> list[tuple[int, Language]]:
        """(index, language of keys) of each declared name, then of each free class, as far as they may occur."""
        if at not in self.languages:
            node = self.grammar.nodes[at]
            assert isinstance(node, Object)
            out = [(i, words([name])) for i, name in enumerate(node.names) if node.values[i] != NEVER]
            rest = negate(words(node.names))
            for k, (key, value) in enumerate(node.free):
                language = ALL if key is None else from_regex(key)
                mine = both([language, rest])
                rest = both([rest, negate(language)])
                if value != NEVER and alive(mine):
                    out.append((len(node.names) + k, mine))
            self.languages[at] = out
        return self.languages[at]

    def can_finish(self, at: int, used: frozenset[int], count: int) -> bool:
        """Can an object with these declared members, and `count` members in all, be completed?"""
        node = self.grammar.nodes[at]
        assert isinstance(node, Object)
        if node.demands:  # by trying: more members than this change nothing
            most = max(node.lo, len(node.required)) + node.demands + 1 if node.hi is None else node.hi
            key = (at, used, count)
            if key not in self.closes:
                self.closes[key] = self.may_close(node, used, count) or (
                    count < most and any(self.can_finish(at, now, count + 1) for *_, now in self.following(at, used))
                )
            return self.closes[key]
        last = max(used, default=-1) if node.ordered else -1
        missing = {i for i, wanted in enumerate(node.required) if wanted and i not in used}
        if any(i < last for i in missing):
            return False
        classes = [k for k, _ in self.classes(at)]
        open_names = {k for k in classes if k < len(node.names) and k not in used and k > last}
        if not missing <= open_names:
            return False
        most = None if any(k >= len(node.names) for k in classes) else count + len(open_names)
        return (node.hi is None or count + len(missing) <= node.hi) and (most is None or most >= node.lo)

    def items(self, symbol: Symbol) -> list[Stack]:
        """The ways on from an array after `count` items."""
        _, at, depth, count = symbol
        node = self.grammar.nodes[at]
        assert isinstance(node, Array)
        out: list[Stack] = []
        if count >= node.lo:
            out.append((*self.gap("]", depth, count), ("bytes", b"]")))
        item = node.prefix[count] if count < len(node.prefix) else node.item
        if item != NEVER and (node.hi is None or count < node.hi):
            comma: Stack = (*self.gap(",", depth, count), ("bytes", b",")) if count else ()
            more = (*self.gap("item", depth, count), ("node", item, depth + 1), ("array", at, depth, count + 1))
            out.append((*comma, *more))
        return out

    def counted_items(self, symbol: Symbol) -> list[Stack]:
        """The ways on from an array with an automaton."""
        _, at, depth, state, count = symbol
        node = self.grammar.nodes[at]
        assert isinstance(node, Items)
        out: list[Stack] = []
        if node.ends[state] and count >= node.lo:
            out.append((*self.gap("]", depth, count), ("bytes", b"]")))
        comma: Stack = (*self.gap(",", depth, count), ("bytes", b",")) if count else ()
        for item, target in node.steps[state]:
            if item != NEVER and self.can_end(at, target, count + 1):
                more = (("node", item, depth + 1), ("items", at, depth, target, count + 1))
                out.append((*comma, *self.gap("item", depth, count), *more))
        return out

    def can_end(self, at: int, state: int, count: int) -> bool:
        """Can the array be completed after `count` items in this state? By trying; longer ones change nothing."""
        node = self.grammar.nodes[at]
        assert isinstance(node, Items)
        most = node.lo + len(node.steps) + 1 if node.hi is None else node.hi
        key = (at, state, count)
        if key not in self.ends:
            self.ends[key] = count <= most and (
                (node.ends[state] and count >= node.lo)
                or any(i != NEVER and self.can_end(at, target, count + 1) for i, target in node.steps[state])
            )
        return self.ends[key]

    def gap(self, before: str, depth: int, count: int) -> Stack:
        """The whitespace before a token of an object or array that already has `count` members."""
        if self.grammar.whitespace == "compact":
            return ()
        if self.grammar.whitespace == "flexible":
            return (("space", self.grammar.max_whitespace),)
        if before in ("key", "item"):
            return (("bytes", b"\n" + b"  " * (depth + 1)),)
        if before in ("}", "]") and count:
            return (("bytes", b"\n" + b"  " * depth),)
        return (("bytes", b" "),) if before == "value" else ()


def brute_force_mask(
    machine: NaiveMachine, state: State, tokens: Sequence[bytes], eos: Collection[int], special: Collection[int] = ()
) -> set[int]:
    """The ids allowed in a state: every token tried byte by byte; end of sequence where the text may end.

    Special and empty tokens are never text.
    """
    allowed = set(eos) if machine.accepting(state) else set()
    for token_id, token in enumerate(tokens):
        if token and token_id not in eos and token_id not in special:
            after = state
            for byte in token:
                after = machine.step(after, byte)
                if not after:
                    break
            if after:
                allowed.add(token_id)
    return allowed
