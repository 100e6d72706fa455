"""The grammar that frontends write and the engine reads: nodes over terminals, objects, arrays and sequences.

A grammar is a list of nodes; a node refers to others by index, so recursion is plain. Each node denotes a set of
texts (as bytes). Frontends add nodes, choose `start`, and hand the grammar over; `prune` (constrain/grammar/prune.py)
removes what can never be completed, so that the engine meets only nodes from which some text can be finished.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from constrain.errors import ConstraintError
    from constrain.grammar.cfg import Cfg
    from constrain.regular.ast import Regex

NodeId: TypeAlias = int
NEVER: NodeId = -1  # stands for "no text at all" wherever a node id is expected
MOST_COUNTED = 1 << 30  # characters, items or members of one value; an upper bound from here on is none


class Literal(NamedTuple):
    """Exactly these bytes (not empty)."""

    text: bytes


class Text(NamedTuple):
    """Text of a regular language as it stands, in UTF-8. Numbers are this. Must not be an empty language."""

    language: Regex


class String(NamedTuple):
    """A JSON string, quotes included, whose *value* is in `language` (None: any) and has lo..hi characters.

    Characters are Unicode code points; any JSON escape of an allowed character is allowed; unpaired surrogates are not.
    """

    language: Regex | None
    lo: int = 0
    hi: int | None = None


class StringChoice(NamedTuple):
    """A JSON string, quotes included, whose value is one of these (distinct, not empty tuple)."""

    strings: tuple[str, ...]


class Alt(NamedTuple):
    """Any of these nodes. No options: no text."""

    options: tuple[NodeId, ...]


class Seq(NamedTuple):
    """These nodes one after the other (no whitespace between). No parts: the empty text. Must not be left-recursive."""

    parts: tuple[NodeId, ...]


class Object(NamedTuple):
    """A JSON object.

    Declared names have a value each (NEVER: the name may not occur). A name that is not declared belongs to the first
    entry of `free` whose key language holds it (None: every name); to none: it may not occur. Free keys may stand
    anywhere between declared ones. ordered: declared names come in the order given; else in any order. No declared
    name occurs twice. lo..hi bound the number of members. No value may be empty or begin with whitespace.

    demands: how many things some member has to show, each at least once. `options` then has, for each declared name
    and after those for each entry of `free`, the values that such a member may have, each with the set of demands (as
    bits) that it meets. The first holds all others, and has the texts of the `values` or `free` node.
    """

    names: tuple[str, ...]
    values: tuple[NodeId, ...]
    required: tuple[bool, ...]
    free: tuple[tuple[Regex | None, NodeId], ...] = ()
    lo: int = 0
    hi: int | None = None
    ordered: bool = True
    demands: int = 0
    options: tuple[tuple[tuple[NodeId, int], ...], ...] = ()


class Array(NamedTuple):
    """A JSON array: `prefix` items first, then items of `item` (NEVER: none); lo..hi items in all.

    No item may be empty or begin with whitespace or `]`.
    """

    prefix: tuple[NodeId, ...]
    item: NodeId
    lo: int = 0
    hi: int | None = None


class Items(NamedTuple):
    """A JSON array whose items an automaton follows: from state 0, an item of `item` leads from q to `target` for each
    (item, target) of `steps[q]`. It may end in the states with `ends`, after lo..hi items.

    distinct: 1: no two items have the same JSON value; `schema/distinct.py` says which items that can be asked of.
    3: as 1, and the value of some item may be decided before its last bracket, so the engine looks ahead (fresh.py).
    2: some two have; then the states of the second half are those after they came, and the others do not end.

    Steps lead to the same or to later states. No item may be empty or begin with whitespace or `]`.
    """

    steps: tuple[tuple[tuple[NodeId, int], ...], ...]
    ends: tuple[bool, ...]
    lo: int = 0
    hi: int | None = None
    distinct: int = 0


class Lazy(NamedTuple):
    """A node made when generation first reaches it. `expand` returns the id of the node that stands for it.

    It may add nodes to the grammar, is called at most once, and must return a node that some text completes.
    """

    expand: Callable[[], NodeId]


class Token(NamedTuple):
    """One special token of the vocabulary.

    token: its text as the vocabulary has it ("<|eot_id|>"), or its id. What it stands for is found when a constraint
    meets a vocabulary. line, column: where a grammar names it (0: nowhere).
    """

    token: str | int
    line: int = 0
    column: int = 0

    @property
    def shown(self) -> str:
        """The token as a grammar writes it."""
        return self.token if isinstance(self.token, str) else f"<[{self.token}]>"


class Others(NamedTuple):
    """Any one special token that the vocabulary has a name for, but those of these nodes, and those that end a text.

    Where there is none, no text completes it: something else must be possible wherever it stands.
    """

    but: tuple[NodeId, ...]


class Rules:
    """The texts of a context-free grammar.

    cfg: the grammar, or what reads it when it is first asked for. source: where it was read from, which names what the
    engine has made of it (`constrain/engine/ready.py`); ready: that, where it is there already.
    """

    __slots__ = ("_cfg", "_read", "ready", "source")

    def __init__(self, cfg: Cfg | Callable[[], Cfg], source: Any = None, ready: Any = None) -> None:
        self._cfg: Cfg | None = None
        self._read: Callable[[], Cfg] | None = None
        if callable(cfg):
            self._read = cfg
        else:
            self._cfg = cfg
        self.source = source
        self.ready = ready

    @property
    def cfg(self) -> Cfg:
        """The grammar."""
        if self._cfg is None:
            assert self._read is not None
            self._cfg = self._read()
        return self._cfg

    def __repr__(self) -> str:
        return f"Rules({self.cfg!r})"


Node: TypeAlias = (
    Literal | Text | String | StringChoice | Alt | Seq | Object | Array | Items | Lazy | Token | Others | Rules
)


class Grammar:
    """A growing list of nodes with a start node, and how whitespace stands between JSON tokens.

    whitespace: "flexible" (up to `max_whitespace` JSON whitespace characters wherever JSON allows them, except before
    and after the whole text), "compact" (none), "pretty" (exactly as `json.dumps(..., indent=2)` writes it).
    escapes: "any" JSON escape of a character in strings and keys, or "canonical": only where one is needed, and the one
    that `json.dumps(..., ensure_ascii=False)` writes.
    places: what a node was made from, where a frontend notes it; locate: the JSON pointer of such a place, for errors
    that turn up when generation first reaches the node. asked: terminals of the engine (by list and index) -> the
    node that asked first.
    """

    __slots__ = (
        "asked", "escapes", "expanded", "locate", "lock", "max_whitespace", "nodes", "places", "prepared", "start",
        "tokens", "whitespace",
    )  # fmt: skip

    def __init__(self, whitespace: str = "flexible", max_whitespace: int = 64) -> None:
        self.nodes: list[Node] = []
        self.start: NodeId = NEVER
        self.whitespace = whitespace
        self.max_whitespace = max_whitespace
        self.escapes = "any"
        self.lock = threading.Lock()  # held while a lazy node is expanded
        self.expanded: dict[NodeId, NodeId] = {}
        self.places: dict[NodeId, Any] = {}
        self.locate: Callable[[Any], str | None] | None = None
        self.asked: dict[tuple[int, int], NodeId] = {}
        self.prepared: dict[NodeId, Any] = {}  # what the engine has made of nodes that are `Rules`
        self.tokens: dict[NodeId, Token] = {}  # nodes that are a `Token`

    def add(self, node: Node) -> NodeId:
        """Append a node, return its id."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def add_token(self, token: Token) -> NodeId:
        """The node of a special token."""
        at = self.reserve()
        self.define(at, token)
        return at

    def reserve(self) -> NodeId:
        """An id for a node that `define` gives later (for recursion)."""
        return self.add(Alt(()))

    def expand(self, at: NodeId) -> NodeId:
        """The node that stands for the lazy node `at`; made by the first call."""
        with self.lock:
            target = self.expanded.get(at)
            if target is None:
                node = self.nodes[at]
                if not isinstance(node, Lazy):
                    raise TypeError(f"node {at} is not lazy")
                target = self.expanded[at] = node.expand()
            return target

    def define(self, at: NodeId, node: Node) -> None:
        """Give the node of a reserved id."""
        self.nodes[at] = node
        if isinstance(node, Token):
            self.tokens[at] = node

    def placed(self, error: ConstraintError, at: NodeId) -> ConstraintError:
        """The error with the place that node `at` was made from, where it has none of its own and that is known."""
        if error.pointer is not None or self.locate is None or at not in self.places:
            return error
        pointer = self.locate(self.places[at])
        return error if pointer is None else error.located(pointer)
