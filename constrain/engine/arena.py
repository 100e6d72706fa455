"""The arena of one compiled constraint: its memory, and the records of grammar nodes and terminals put into it.

Nodes and terminals are emitted when the kernels first ask for them, a few neighbours at a time, so that compiling a
large grammar costs no more than the part of it that generation reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain import regular
from constrain.engine import kernels
from constrain.engine import layout as L
from constrain.engine.rules_record import prepared
from constrain.engine.store import Store, virtual
from constrain.engine.terminals import counted, dfa_record, distances, free_names, labels_ahead, uncounted
from constrain.errors import ConstraintError, LimitExceeded
from constrain.grammar.counting import lengths
from constrain.grammar.ir import (
    MOST_COUNTED,
    NEVER,
    Alt,
    Array,
    Grammar,
    Items,
    Lazy,
    Literal,
    NodeId,
    Object,
    Others,
    Rules,
    Seq,
    String,
    StringChoice,
    Text,
    Token,
)
from constrain.limits import Limits
from constrain.regular import ast

if TYPE_CHECKING:
    from constrain.regular.dfa import Dfa

Ints = npt.NDArray[np.int32]
BATCH = 24  # nodes emitted together
FIRST_SIZE = 1 << 15
MOST_SPREAD = 512  # masks that are kept word by word
LARGE = 1 << 20  # ints from which on an arena has memory of its own to grow in
NO_ROWS = np.zeros((1, 1), np.uint32)
NO_MASK = np.zeros(1, np.uint32)
NO_DATA = np.zeros(8, np.int64)
MOST_INTS = (1 << 31) - 1  # offsets are int32
MOST_NODES = 1 << 27  # so is a node's id with four bits for the phase


def _bounds(lo: int, hi: int | None) -> tuple[int, int]:
    """A range of lengths as the kernels hold it. An upper bound that no text reaches is none, which is -1."""
    if lo > MOST_COUNTED:
        what = f"more than {MOST_COUNTED} characters, items or members are demanded"
        raise LimitExceeded(what, keyword="MOST_COUNTED")
    return lo, -1 if hi is None or hi >= MOST_COUNTED else hi


def _costly(node: Any) -> bool:
    """Does the record of this node need an automaton, or an expansion? Such nodes are emitted when they are reached."""
    if isinstance(node, String):
        return node.language is not None and _counted(node)
    if isinstance(node, Object):
        return any(r is not None for r, _ in node.free)
    return isinstance(node, Lazy)


def _counted(node: String) -> bool:
    """Are there lengths that are better counted apart from the automaton?"""
    if node.lo > 0 or node.hi is not None:
        return True
    return node.language is not None and uncounted(node.language)[1:] != (0, None)


class Arena:
    """H of layout.py, and what has been put into it. Not thread-safe: the compiled constraint holds a lock."""

    def __init__(
        self, grammar: Grammar, words: int, limits: Limits, specs: list[tuple[str, Any]], store: Store,
        spell: Callable[[Token], bytes], others: Callable[[NodeId], NodeId],
    ) -> None:  # fmt: skip
        self.grammar = grammar
        self.spell = spell
        self.others = others
        self.limits = limits
        self.store = store
        self.words = words
        self.specs = specs  # terminals by id: ("text" | "string" | "counted" | "choice" | "keys", what)
        self.spec_ids: dict[tuple[str, Any], int] = {spec: i for i, spec in enumerate(specs)}
        self._last_free: tuple[Any, Dfa | None] = (None, None)  # an object's record needs it, then that of its keys
        self._node = grammar.start  # whose record is being written
        H = self.H = self._memory = np.zeros(FIRST_SIZE + 4 * words + L.RESERVE, np.int32)
        H[L.CAP] = len(H) - L.RESERVE
        H[L.BUMP] = L.HEADER
        H[L.TABLE_SIZE] = 256
        H[L.TABLE] = self._reserve(512)
        self._node_slots = self._term_slots = 0
        self._grow_nodes()
        self._grow_terms()
        H = self.H
        any_string = self._reserve(2)
        canonical = grammar.escapes == "canonical"
        self._prefix = b"canonical" if canonical else b""
        H[L.ESCAPES] = canonical
        H[H[L.TERMS]] = any_string
        H[any_string + 1] = store.terminal_id(self._prefix)
        pretty = grammar.whitespace == "pretty"
        H[L.WS_MODE] = 1 if pretty else 0
        H[L.WS_MAX] = 0 if grammar.whitespace == "compact" else grammar.max_whitespace
        for field, limit in (
            (L.LIVE_LIMIT, limits.live_stacks), (L.DEPTH_LIMIT, limits.stack_depth), (L.WORK_LIMIT, limits.mask_work),
        ):  # fmt: skip
            H[field] = min(limit, MOST_COUNTED)
        H[L.LISTS] = self._reserve(3 * L.MAX_LIST + 2 * L.MAX_LISTS + 8)
        H[L.DENSE] = self._reserve(words)
        H[L.SPREAD_LEFT] = min(MOST_SPREAD, limits.arena_bytes // (32 * words))
        H[L.CHAIN] = self._reserve(L.CHAIN_SIZE + 1)
        for field, size in (
            (L.COVER, 1 << L.MOST_DEMANDS), (L.PENDING, 800), (L.IDS, 2048), (L.SCRATCH, 4096), (L.LR_WORK, 256),
        ):  # fmt: skip
            self._region(field, size)
        self.fixed = int(H[L.BUMP])  # what a fresh arena takes
        self.emit_nodes(grammar.start + 1)
        self.begun = int(self.H[L.BUMP])  # the same with its first nodes

    # -- memory -------------------------------------------------------------------------------------------------------

    def _reserve(self, size: int) -> int:
        at = int(self.H[L.BUMP])
        self.ensure(at + size + 4 * int(self.H[L.TABLE_SIZE]) + 8)
        self.H[L.BUMP] = at + size
        self.H[at : at + size] = 0  # kernels may have tried something there
        return at

    def ensure(self, capacity: int, most: int = MOST_INTS) -> None:
        """Make the arena at least this many ints long, and longer, so that it need not grow soon, up to `most`."""
        before = len(self.H) - L.RESERVE
        if capacity <= before:
            return
        if capacity > MOST_INTS - L.RESERVE:
            raise LimitExceeded(f"parser states need more than {MOST_INTS} numbers", keyword="arena_bytes")
        size = min(max(2 * before, capacity + (capacity >> 2)), max(capacity, most)) + L.RESERVE
        size = min(size, MOST_INTS)
        if size > len(self._memory):
            # a large one has room to grow where it lies: what is not written takes no memory
            memory = np.zeros(size, np.int32) if size < LARGE else virtual(min(4 * size, MOST_INTS)).view(np.int32)
            used = int(self.H[L.BUMP])
            memory[:used] = self.H[:used]
            self._memory = memory
        self.H = self._memory[:size]
        self.H[L.CAP] = size - L.RESERVE

    def trim(self, most: int) -> None:
        """Give back what the arena is longer than this, as far as it is not needed soon."""
        size = max(most, int(self.H[L.BUMP]) + 4 * int(self.H[L.TABLE_SIZE]) + FIRST_SIZE) + L.RESERVE
        if size < len(self.H):
            self.H = self._memory[:size]
            self.H[L.CAP] = size - L.RESERVE

    def _region(self, field: int, size: int) -> None:
        at = self._reserve(size + (L.LOOKAHEAD + 8 if field == L.LR_WORK else 0))
        self.H[field] = at
        self.H[field + 1] = at + size

    def double(self, field: int) -> None:
        """Give one of the kernels' work regions twice its size."""
        self._region(field, 2 * int(self.H[field + 1] - self.H[field]))

    def keep_ways(self, nid: int, ways: Sequence[int]) -> None:
        """Note how many values each declared name of an object has (layout.O_WAYS)."""
        at = self._append([*ways, 0])
        self.H[int(self.H[int(self.H[L.NODES]) + nid]) + L.O_WAYS] = at

    def make_cover(self, size: int) -> None:
        """Give the kernels at least this many ints to work with."""
        self._region(L.COVER, max(size, 2 * int(self.H[L.COVER_END] - self.H[L.COVER])))

    def _grow_nodes(self) -> None:
        slots = max(len(self.grammar.nodes) + 1, 2 * self._node_slots, 16)
        if len(self.grammar.nodes) >= MOST_NODES:
            raise LimitExceeded(f"the grammar has more than {MOST_NODES} nodes", keyword="grammar_nodes")
        at = self._reserve(slots)
        old = int(self.H[L.NODES])
        self.H[at : at + self._node_slots] = self.H[old : old + self._node_slots]
        self.H[L.NODES] = at
        self._node_slots = slots

    def _grow_terms(self) -> None:
        slots = max(len(self.specs) + 8, 2 * self._term_slots, 16)
        at = self._reserve(slots)
        old = int(self.H[L.TERMS])
        self.H[at : at + self._term_slots] = self.H[old : old + self._term_slots]
        self.H[L.TERMS] = at
        self._term_slots = slots

    def _append(self, record: Sequence[int] | Ints) -> int:
        at = self._reserve(len(record))
        self.H[at : at + len(record)] = record
        return at

    # -- nodes --------------------------------------------------------------------------------------------------------

    def emit_nodes(self, nid: int) -> None:
        """Emit the node with this id (grammar index + 1) and, breadth first, some of those it leads to."""
        if len(self.grammar.nodes) + 1 > self._node_slots:
            self._grow_nodes()
        nodes = self.grammar.nodes
        table = int(self.H[L.NODES])
        todo = [nid - 1]
        seen = {nid - 1}
        places: list[tuple[int, int]] = []
        out: list[int] = []
        i = 0
        while i < len(todo) and i < BATCH:
            n = todo[i]
            i += 1
            node = nodes[n]
            if i > 1 and _costly(node):
                continue
            try:
                if isinstance(node, Rules):
                    if i > 1:
                        continue
                    at, children = self._rules(n, node)
                    self.H[self.H[L.NODES] + n + 1] = at
                    table = int(self.H[L.NODES])
                else:
                    places.append((n + 1, len(out)))
                    children = self._record(n, out)
            except ConstraintError as error:
                raise self.grammar.placed(error, n) from None
            for child in children:
                if child >= 0 and child not in seen and not self.H[table + child + 1]:
                    seen.add(child)
                    todo.append(child)
        at = self._append(out)
        if len(self.grammar.nodes) + 1 > self._node_slots:
            self._grow_nodes()  # a lazy node has added some
        table = int(self.H[L.NODES])
        for n, offset in places:
            self.H[table + n] = at + offset

    def _record(self, n: NodeId, out: list[int]) -> Iterable[NodeId]:
        """Append the record of node n to `out`; returns the nodes it refers to."""
        self._node = n
        node = self.grammar.nodes[n]
        if isinstance(node, Object):
            return self._object(node, out)
        if isinstance(node, String):
            if node.language is None:
                out += (L.OP_STRING, 0, *_bounds(node.lo, node.hi))
            elif not _counted(node):
                out += (L.OP_STRING, self._terminal("string", node.language), 0, -1)
            else:
                language, lo, hi2 = counted(node.language, node.lo, node.hi, self.limits)
                kind = "string" if hi2 is None and not lo else "counted"
                out += (L.OP_STRING, self._terminal(kind, language), *_bounds(lo, hi2))
            return ()
        if isinstance(node, Array):
            lo, hi = _bounds(node.lo, node.hi)
            out += (L.OP_ARRAY, len(node.prefix), node.item + 1 or -1, lo, hi, max(len(node.prefix), lo))
            out += [i + 1 or -1 for i in node.prefix]
            return (*node.prefix, node.item)
        if isinstance(node, Items):
            return self._items(node, out)
        if isinstance(node, Alt | Seq):
            children = node.options if isinstance(node, Alt) else node.parts
            out += (L.OP_ALT if isinstance(node, Alt) else L.OP_SEQ, len(children))
            out += [i + 1 for i in children]
            return children
        if isinstance(node, Literal):
            out += (L.OP_LITERAL, len(node.text), *node.text)
            return ()
        if isinstance(node, Token):
            text = self.spell(node)
            out += (L.OP_LITERAL, len(text), *text)
            return ()
        if isinstance(node, Text):
            out += (L.OP_TEXT, self._terminal("text", node.language))
            return ()
        if isinstance(node, Others):
            target = self.others(n)
            out += (L.OP_FORWARD, target + 1)
            return (target,)
        if isinstance(node, StringChoice):
            out += (L.OP_STRING, self._terminal("choice", node.strings), 0, -1)
            return ()
        if isinstance(node, Lazy):
            target = self.grammar.expand(n)
            out += (L.OP_FORWARD, target + 1)
            return (target,)
        raise TypeError(f"not a grammar node: {node!r}")

    def _rules(self, n: NodeId, node: Rules) -> tuple[int, Iterable[NodeId]]:
        """Emit the record of rules; returns its offset and the nodes that are terminals."""
        grammar = self.grammar
        with grammar.lock:
            made = grammar.prepared.get(n)
            if made is None:
                made = grammar.prepared[n] = prepared(node, grammar, self.limits)
        if len(grammar.nodes) + 1 > self._node_slots:
            self._grow_nodes()
        tokens = 32 * self.words
        if self.H[L.IDS_END] - self.H[L.IDS] < tokens:
            self._region(L.IDS, tokens)  # masks of rules name many tokens; a mask that lacks room is begun anew
        if self.H[L.UNITS] == 0:
            self.H[L.UNITS] = self._reserve(6 * L.UNIT_SLOTS)
        record = made.record.copy()
        record[L.R_NESTED] = n != grammar.start
        if made.lexer is not None and made.watch is not None:
            lexer = made.lexer.copy()
            lexer[1] = self.store.terminal_id((b"nested" if record[L.R_NESTED] else b"rules") + made.key)
            record[L.R_LEXER] = self._append(lexer)
            record[L.R_WATCH] = self._append(made.watch)
        return self._append(record), [i - 1 for i in made.nodes if i]

    def _object(self, node: Object, out: list[int]) -> Iterable[NodeId]:
        names, values, required = node.names, node.values, node.required
        n = len(names)
        children = (*values, *(v for _, v in node.free))
        nextreq = [n] * (n + 1)
        avail = [0] * (n + 1)
        reqafter = [0] * (n + 1)
        for i in range(n - 1, -1, -1):
            nextreq[i] = i if required[i] else nextreq[i + 1]
            avail[i] = avail[i + 1] + (values[i] >= 0)
            reqafter[i] = reqafter[i + 1] + required[i]
        lo, hi = _bounds(node.lo, node.hi)
        free = tuple((r, v >= 0) for r, v in node.free)
        any_free = any(ok for _, ok in free)
        if any_free and free[0][0] is not None:
            any_free = not self._free_names(names, free).is_empty
        at = L.O_DATA
        m = len(children)
        tight = hi >= 0 and node.demands > 0
        if tight and len(free) > 31:
            what = "more than 31 classes of keys under demands and `maxProperties`"
            raise LimitExceeded(what, keyword="alternatives")
        tid = self._terminal("keys", (names, free, tight))
        bits = n + node.demands
        if node.demands > L.MOST_DEMANDS or (n + 1) << node.demands >= 1 << 31:
            raise LimitExceeded(f"more than {L.MOST_DEMANDS} demands on members", keyword="MOST_DEMANDS")
        met = 0
        for _, gained in (pair for options in node.options[n:] for pair in options):
            met |= gained
        easy = hi < 0 and any_free and met == (1 << node.demands) - 1
        out += (
            L.OP_OBJECT, tid, n, m - n, int(node.ordered), lo, hi, int(any_free),
            at, at + m, at + m + n, at + m + 2 * n + 1, at + m + 3 * n + 2,
            node.demands, at + m + 4 * n + 3, int(easy), bits, 0,
        )  # fmt: skip
        out += [v + 1 or -1 for v in children]
        out += [int(r) for r in required]
        out += nextreq
        out += avail
        out += reqafter
        if not node.demands:
            return children
        out += accumulate((2 * len(options) for options in node.options), initial=at + m + 4 * n + 3 + m + 1)
        for options in node.options:
            for v, gained in options:
                out += (v + 1, gained)
        return (*children, *(v for options in node.options for v, _ in options))

    def _items(self, node: Items, out: list[int]) -> Iterable[NodeId]:
        lo, hi = _bounds(node.lo, node.hi)
        spans, _ = lengths(node, lambda _: True)
        out += (L.OP_ITEMS, len(node.steps), lo, hi, int(node.distinct))
        first = 5 + 3 * (len(node.steps) + 1)
        for span, row in zip(spans, node.steps, strict=True):
            least, most = span if span is not None else (MOST_COUNTED, 0)
            out += (least, -1 if most is None else most, first)
            first += 2 * len(row)
        out += (0, 0, first)
        for row in node.steps:
            for item, target in row:
                out += (item + 1, target)
        return [item for row in node.steps for item, _ in row]

    # -- terminals ----------------------------------------------------------------------------------------------------

    def _terminal(self, kind: str, what: Any) -> int:
        """The id of a terminal; its record is emitted when the kernels ask for it. Id 0 is the unrestricted string."""
        spec = (kind, what)
        i = self.spec_ids.get(spec)
        if i is None:
            i = self.spec_ids[spec] = len(self.specs)
            self.specs.append(spec)
            self.grammar.asked[id(self.specs), i] = self._node
        if i >= self._term_slots:
            self._grow_terms()
        return i

    def emit_terminal(self, tid: int, store: Store) -> None:
        """Emit the record of a terminal. An error names the place of the node that first asked for it."""
        try:
            self._emit_terminal(tid, store)
        except ConstraintError as error:
            raise self.grammar.placed(error, self.grammar.asked.get((id(self.specs), tid), NEVER)) from None

    def _emit_terminal(self, tid: int, store: Store) -> None:
        kind, what = self.specs[tid]
        if kind == "choice":
            at = self._trie(sorted(what), [0] * len(what), -1)
        elif kind == "keys":
            names, free, tight = what
            at = self._keys(names, free, tight, store)
        else:
            record = store.record((self._prefix, kind, what))
            if record is None:
                dfa = regular.compile(what, self.limits)
                if dfa.is_empty:
                    raise AssertionError("an empty language reached the engine")
                gid = store.terminal_id(self._prefix + kind.encode() + dfa.key)
                record = dfa_record(dfa, gid, distances(dfa) if kind == "counted" else None)
                store.keep_record((self._prefix, kind, what), record)
            at = self._append(record)
        self.H[self.H[L.TERMS] + tid] = at

    def _keys(
        self, names: Sequence[str], free: Sequence[tuple[ast.Regex | None, bool]], tight: bool, store: Store
    ) -> int:
        order = sorted(range(len(names)), key=names.__getitem__)
        chosen = [names[i] for i in order]
        n = len(names)
        if not free or free[0][0] is None:
            return self._trie(chosen, order, n if free and free[0][1] else -1)
        dfa = self._free_names(names, free)
        if dfa.is_empty:
            return self._trie(chosen, order, -1)
        gid = store.terminal_id(self._prefix + b"string" + dfa.key)
        at = self._append(dfa_record(dfa, gid, labels_ahead(dfa) if tight else None))
        t = self._trie(chosen, order, n)
        if (int(self.H[t + L.TT_NODES]) + 1) * (dfa.n_states + 1) >= 1 << 31:
            raise LimitExceeded(
                "the names and patterns of an object's properties are too many together", keyword="dfa_states"
            )
        self.H[t + L.TT_FREE] = at
        return t

    def _free_names(self, names: Sequence[str], free: Sequence[tuple[ast.Regex | None, bool]]) -> Dfa:
        key = (tuple(names), tuple(free))
        last, dfa = self._last_free
        if dfa is None or last != key:
            dfa = free_names(names, free, self.limits)
            self._last_free = (key, dfa)
        return dfa

    def _trie(self, names: Sequence[str], labels: Sequence[int], open_label: int) -> int:
        n = len(names)
        chars = np.frombuffer("".join(names).encode("utf-32-le", "surrogatepass"), np.uint32)
        data = np.empty(2 * n + 1 + len(chars) + 1, np.int64)
        data[:n] = labels
        data[n : 2 * n + 1] = list(accumulate(map(len, names), initial=0))
        data[2 * n + 1 : -1] = chars
        self.ensure(int(self.H[L.BUMP]) + 6 * len(chars) + 2 * n + 64 + 4 * int(self.H[L.TABLE_SIZE]))
        at = kernels.run(self.H, self.H, NO_ROWS, NO_MASK, data, kernels.RUN_TRIE, n, open_label)
        if at < 0:
            raise LimitExceeded("an enumeration is too large for the arena", keyword="arena_bytes")
        return int(at)
