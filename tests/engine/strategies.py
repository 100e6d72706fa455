"""Small random languages, grammars and vocabularies.

A grammar is drawn as a *recipe*, plain data from which any number of equal grammars can be built: engine and naive
machine each get their own, since expanding lazy nodes changes a grammar. Composite nodes have the ids 0, 1, …, leaves
follow. Most references go to later composites or leaves, some go back, which makes recursion.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from constrain.errors import GrammarError, Unsatisfiable
from constrain.grammar.ir import (
    NEVER,
    Alt,
    Array,
    Grammar,
    Items,
    Lazy,
    Literal,
    Node,
    NodeId,
    Object,
    Seq,
    String,
    Text,
)
from constrain.grammar.ir import StringChoice as Choice
from constrain.grammar.prune import NOTHING, prune
from constrain.regular import ast
from tests.naive import NaiveMachine, TooManyStacks
from tests.naive_regex import ALL, alive, from_regex

CHARACTERS = 'ab1é😀"\\\n '
NAMES = ["a", "b", "ab", "é", 'q"', "", "😀", "a1", "\n"]
NOT_A_VALUE = b" \n\r\t]},:"  # no member or item is empty or begins so (see ir.py)
FRAGMENTS = [
    *b'{ } [ ] : , " ": "," {" ":" "} "] ":[ }} ]} {} []'.split(),  # JSON tokens, and several at once
    *[b" ", b"  ", b"\n", b"\n  ", b", ", b'": ', b"\t\r", b" " * 7],
    *b"a b ab aab 1 11 -1 0 e d8 true null tr".split(),
    *["é".encode(), "😀".encode(), b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x80"],  # whole and cut characters
    *[b"\xed\xa0", b"\xff", b"\x00"],  # never right in a string
    *rb"\ \u \u00 61 \u0061 \n \" \\ \ud83d \ude00 \uD83D\u E9 \u00e9".split(),
]


class Recipe(NamedTuple):
    """Nodes with fixed ids; ("lazy", id): a `Lazy` node that expands to a copy of that node."""

    nodes: tuple[Node | tuple[str, NodeId], ...]
    whitespace: str
    max_whitespace: int
    start: NodeId = 0

    def build(self) -> Grammar:
        """A pruned grammar of its own."""
        grammar = Grammar(self.whitespace, self.max_whitespace)
        for node in self.nodes:
            if node[0] == "lazy":
                target = node[1]
                node = Lazy(lambda target=target: grammar.add(grammar.nodes[target]))  # type: ignore[misc]
            grammar.add(node)  # type: ignore[arg-type]
        grammar.start = self.start
        return prune(grammar)


@st.composite
def languages(draw: st.DrawFn, alphabet: str = CHARACTERS, depth: int = 2) -> ast.Regex:
    """Any expression, possibly of an empty language."""
    kinds = ["set", "text", "words", "any"]
    if depth:
        kinds += ["join", "either", "repeat", "repeat", "both", "not", "minus"]
    kind = draw(st.sampled_from(kinds))
    if kind == "set":
        return ast.char_set(draw(st.text(alphabet, min_size=1, max_size=4)))
    if kind == "any":
        return ast.ANY
    if kind == "text":
        return ast.literal(draw(st.text(alphabet, max_size=3)))
    if kind == "words":
        return ast.choice(draw(st.lists(st.text(alphabet, max_size=3), min_size=1, max_size=3)))
    one = draw(languages(alphabet, depth - 1))
    if kind == "repeat":
        lo = draw(st.integers(0, 2))
        hi = draw(st.none() | st.integers(lo, 4))
        return ast.repeat(one, lo, hi)
    if kind == "not":
        return ast.complement(one)
    make = {"join": ast.concat, "either": ast.union, "both": ast.intersect, "minus": ast.difference}[kind]
    return make(one, draw(languages(alphabet, depth - 1)))


bounds = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 4))


@st.composite
def strings(draw: st.DrawFn) -> String:
    language = draw(st.none() | languages())
    lo, hi = draw(bounds)
    if not alive(ALL if language is None else from_regex(language), lo, hi):
        return String(None)
    return String(language, lo, hi)


@st.composite
def texts(draw: st.DrawFn) -> Text:
    language = draw(languages(draw(st.sampled_from(["ab1", "ab1é😀", 'a1,]"', "a \n"])), 2))
    return Text(language if alive(from_regex(language)) else ast.literal("a"))


@st.composite
def json_like(draw: st.DrawFn) -> Node:
    """A leaf for members and items: not empty, and not beginning with what can't begin a JSON value."""
    leaf = draw(leaves)
    if leaf == Literal(b" "):
        return Literal(b"0")
    if isinstance(leaf, Text):
        blank = ast.union(ast.EPSILON, ast.concat(ast.char_set(NOT_A_VALUE.decode()), ast.ALL))
        rest = ast.difference(leaf.language, blank)
        return Text(rest if alive(from_regex(rest)) else ast.literal("a"))
    return leaf


literals = st.sampled_from([b"true", b"null", b"a", b"ab", b"1", b"11", b'"', "é".encode(), b"\xc3", b" "]).map(Literal)
choices = st.lists(st.sampled_from([*NAMES, "aab", "ba"]), min_size=1, max_size=4, unique=True).map(
    lambda chosen: Choice(tuple(chosen))
)
leaves = st.one_of(strings(), texts(), literals, choices)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """A grammar with a text, and no left recursion."""
    size = draw(st.integers(1, 6))
    nodes: list[Node | tuple[str, NodeId]] = [NOTHING] * size

    def child(at: NodeId, value: bool = True) -> NodeId:
        kind = draw(st.sampled_from(["leaf", "leaf", "later", "later", "any", "lazy"]))
        if kind == "later" and at + 1 < size:
            return draw(st.integers(at + 1, size - 1))
        if kind == "any":
            return draw(st.integers(0, size - 1))
        nodes.append(
            ("lazy", draw(st.integers(0, size - 1))) if kind == "lazy" else draw(json_like() if value else leaves)
        )
        return len(nodes) - 1

    def children(at: NodeId, most: int, value: bool = True) -> tuple[NodeId, ...]:
        return tuple(child(at, value) for _ in range(draw(st.integers(0, most))))

    for at in range(size):
        kind = draw(st.sampled_from(["object", "object", "object", "array", "array", "alt", "alt", "seq", "leaf"]))
        if kind == "object":
            names = tuple(draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4)))
            values = tuple(NEVER if draw(st.integers(0, 9)) == 0 else child(at) for _ in names)
            required = tuple(v != NEVER and draw(st.integers(0, 2)) == 0 for v in values)
            free = tuple(
                (draw(st.none() | languages()), NEVER if draw(st.integers(0, 4)) == 0 else child(at))
                for _ in range(draw(st.sampled_from([0, 0, 1, 2, 3])))
            )
            lo, hi = draw(bounds)
            demands = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
            options: list[tuple[tuple[NodeId, int], ...]] = []
            for value in (*values, *(v for _, v in free)) if demands else ():
                held = tuple((inner, draw(st.integers(0, (1 << demands) - 1))) for inner in children(at, 2))
                if value == NEVER:
                    options.append(())
                    continue
                nodes.append(Alt((value, *(inner for inner, _ in held))))
                options.append(((len(nodes) - 1, draw(st.sampled_from([0, 0, 1]))), *held))
            if demands:
                bases = [o[0][0] if o else NEVER for o in options]
                values = tuple(bases[: len(names)])
                free = tuple((k, v) for (k, _), v in zip(free, bases[len(names) :], strict=True))
            nodes[at] = Object(names, values, required, free, lo, hi, draw(st.booleans()), demands, tuple(options))
        elif kind == "array" and draw(st.integers(0, 2)) == 0:
            width = draw(st.integers(1, 4))
            steps = tuple(
                tuple((child(at), draw(st.integers(q, width - 1))) for _ in range(draw(st.integers(0, 2))))
                for q in range(width)
            )
            nodes[at] = Items(steps, tuple(draw(st.booleans()) for _ in range(width)), *draw(bounds))
        elif kind == "array":
            item = NEVER if draw(st.integers(0, 4)) == 0 else child(at)
            nodes[at] = Array(children(at, 3), item, *draw(bounds))
        elif kind == "alt":
            nodes[at] = Alt((child(at), *children(at, 2)))
        elif kind == "seq":
            nodes[at] = Seq(children(at, 3, False))
        else:
            nodes[at] = draw(leaves)
    policy = draw(st.sampled_from(["flexible", "flexible", "compact", "pretty"]))
    made = Recipe(tuple(nodes), policy, draw(st.sampled_from([0, 1, 2, 5, 8, 64])))
    try:
        after = made.build()
    except (GrammarError, Unsatisfiable):
        assume(False)
    # a lazy node must have a text, and must not be a way around the test for left recursion
    values_kinds = (Object, Array, Items, String, Choice, Literal)
    for node in nodes:
        if node[0] == "lazy":
            assume(isinstance(after.nodes[node[1]], values_kinds))
    machine = NaiveMachine(after, most=5000)
    for node in after.nodes:
        values = (*node.values, *(v for _, v in node.free)) if isinstance(node, Object) else ()
        values = (*node.prefix, node.item) if isinstance(node, Array) else values
        values = tuple(i for row in node.steps for i, _ in row) if isinstance(node, Items) else values
        for value in set(values) - {NEVER}:
            try:
                state = machine.closure([(("node", value, 0),)])
            except TooManyStacks:
                assume(False)
            assume(not machine.accepting(state) and not any(machine.step(state, b) for b in NOT_A_VALUE))
    return made


class Tokens(NamedTuple):
    """What `Vocabulary.from_tokens` takes."""

    tokens: tuple[bytes, ...]
    eos: tuple[int, ...]
    special: tuple[int, ...]


@st.composite
def vocabularies(draw: st.DrawFn) -> Tokens:
    """Single bytes (most of the time all of FRAGMENTS), and random pieces across every boundary."""
    joined = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=5).map(b"".join)
    piece = st.tuples(joined, st.integers(0, 2), st.integers(0, 2)).map(lambda t: t[0][t[1] : len(t[0]) - t[2]])
    single = [bytes([b]) for b in sorted(set(b"".join(FRAGMENTS)))]
    missing = draw(st.sets(st.sampled_from(single), max_size=3))
    tokens = [b for b in single if b not in missing] + FRAGMENTS + draw(st.lists(piece, max_size=20))
    tokens += [b"", tokens[0], b"<eos>", b"<pad>", b"{}"]  # empty, twice the same, special, text of a special token
    eos = len(tokens) - 3
    more = draw(st.booleans())
    return Tokens(tuple(tokens), (eos, len(tokens) - 1) if more else (eos,), (len(tokens) - 2,))
