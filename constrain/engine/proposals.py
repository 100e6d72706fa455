"""Pieces of text that might bring a configuration nearer to its end, those that should be tried first in front.

Nothing here has to be right: the machine reads each piece before it is used (closing.py). What is offered decides how
short closings are. The functions read records of the arena (layout.py) as plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from constrain.engine import layout as L
from constrain.engine.shortest import ShortTexts, Ways, spelled
from constrain.grammar.ir import Alt

if TYPE_CHECKING:
    from constrain.engine.compiled import CompiledConstraint
    from constrain.engine.rules_closing import RulesPieces

MOST_NAMES = 64  # of an object, or strings of an enumeration, that are tried from one place
CONTINUATION = [bytes([b]) for b in range(0x80, 0xC0)]
ESCAPED = [bytes([b]) for b in b'n"\\/bfrtu0123456789abcdefDABCEF']


class Proposals:
    """Pieces for the configurations of one arena."""

    def __init__(self, compiled: CompiledConstraint, texts: ShortTexts) -> None:
        self._c = compiled
        self.texts = texts
        self._ways: dict[tuple[int, bool], Ways] = {}
        self._depths: dict[int, list[int]] = {}
        self._rules: dict[int, RulesPieces] = {}

    def of(self, pos: int, s: int, d: int, n: int, st: int) -> Iterator[bytes]:
        """Pieces for a configuration."""
        H = self._c.H
        nid, ph = pos >> 4, pos & 15
        if ph == L.PH_DONE:
            return
        off = int(H[H[L.NODES] + nid])
        if off == 0:
            return
        op = int(H[off])
        if ph == L.PH_START and op != L.OP_RULES:
            yield from self._start(nid, op, st)
        elif d & 15 != L.D_BODY and ph in (L.PH_IN, L.PH_KEY, L.PH_BLANK) and op != L.OP_LITERAL:
            yield from CONTINUATION if d & 15 == L.D_UTF8 else ESCAPED
        elif op == L.OP_RULES:
            yield from self._of_rules(nid, off, ph, s, n, st)
        elif op == L.OP_LITERAL:
            literal: Any = self._c.grammar.nodes[nid - 1]
            yield literal.text[s:]
        elif op == L.OP_TEXT:
            for least in range(3):  # longer ones where an item must differ from another
                text = self._terminal_ways(int(H[off + 1]), False).text(s, least)
                if text:
                    yield text
                elif text == b"":
                    yield from self._behind(st)
        elif op == L.OP_STRING:
            for text in self._string(off, s, n):
                yield text + b'"'
        elif op == L.OP_OBJECT:
            yield from self._object(nid, off, ph, s, n, st)
        elif op in (L.OP_ARRAY, L.OP_ITEMS):
            yield from self._array(off, ph, n, st)

    # -- values -------------------------------------------------------------------------------------------------------

    def _start(self, nid: int, op: int, st: int) -> Iterator[bytes]:
        """A whole value, or how it begins."""
        node: Any = self._c.grammar.nodes[nid - 1]
        options = node.options if isinstance(node, Alt) else (nid - 1,)
        texts = [text for i in options if (text := self.texts.of(i)) is not None]
        empty = False
        for text in sorted(texts, key=len)[:MOST_NAMES]:
            if text:
                yield text
            empty = empty or not text
        if empty:
            yield from self._behind(st)
        yield from (b"{", b"[", b'"')

    def _behind(self, st: int) -> Iterator[bytes]:
        """Pieces for what comes after a finished value above stack st."""
        H = self._c.H
        while st != 0:
            nid = int(H[st + L.S_NODE])
            off = int(H[H[L.NODES] + nid])
            if H[off] != L.OP_SEQ:
                yield from self.of(nid << 4 | L.PH_AFTER, 0, 0, 0, st)
                return
            i = int(H[st + L.S_CNT]) + 1
            parts = [self.texts.of(int(p) - 1) for p in H[off + 2 + i : off + 2 + int(H[off + 1])]]
            if None in parts:
                return
            text = b"".join(part for part in parts if part is not None)
            if text:
                yield text
                return
            st = int(H[st + L.S_PARENT])

    def _of_rules(self, nid: int, off: int, ph: int, s: int, n: int, st: int) -> Iterator[bytes]:
        """Pieces inside context-free rules; where they lack nothing, for what comes after them."""
        H = self._c.H
        if ph == L.PH_START:
            whole = self.texts.of(nid - 1)
            if whole:
                yield whole
            else:
                yield from self._behind(st)
            return
        made = self._rules.get(nid)
        if made is None:
            from constrain.engine.rules_closing import RulesPieces

            made = self._rules[nid] = RulesPieces(self.texts.rules(nid - 1), self._c)
        lexer = int(H[off + L.R_LEXER])
        for piece in made.of(off, ph, s, n, st, self._ways_at(lexer, False) if lexer else None):
            if piece:
                yield piece
                continue
            bottom = st
            while int(H[int(H[bottom + L.S_PARENT]) + L.S_NODE]) == nid and int(H[bottom + L.S_PARENT]) != 0:
                bottom = int(H[bottom + L.S_PARENT])
            yield from self._behind(int(H[bottom + L.S_PARENT]))

    # -- strings and keys ---------------------------------------------------------------------------------------------

    def _terminal_ways(self, tid: int, quoted: bool) -> Ways:
        return self._ways_at(int(self._c.H[self._c.H[L.TERMS] + tid]), quoted)

    def _ways_at(self, t: int, quoted: bool) -> Ways:
        """Ways of the automaton whose record is at t."""
        made = self._ways.get((t, quoted))
        if made is None:
            H = self._c.H
            states, columns, k = (int(H[t + i]) for i in (L.TD_STATES, L.TD_NCLS, L.TD_NINT))
            parts = [
                H[t + int(H[t + field]) :][:size].copy()
                for field, size in (
                    (L.TD_BOUNDS, k), (L.TD_CLASSES, k), (L.TD_TABLE, states * columns), (L.TD_ACCEPT, states),
                )
            ]  # fmt: skip
            made = self._ways[t, quoted] = Ways(parts[0], parts[1], parts[2].reshape(states, columns), parts[3], quoted)
        return made

    def _string(self, off: int, s: int, n: int) -> Iterator[bytes]:
        """The rest of a string, without its closing quote."""
        H = self._c.H
        tid, least = int(H[off + 1]), int(H[off + 2]) - n
        t = int(H[H[L.TERMS] + tid])
        if H[t] == L.T_ANY:
            for more in range(3):
                yield b"a" * (max(least, 0) + more)
        elif H[t] == L.T_DFA:
            for wanted in (max(least, 0), 0, max(least, 0) + 1, max(least, 0) + 2):
                text = self._ways_at(t, True).text(s, wanted)
                if text is not None:
                    yield text
        else:
            strings = self._c._specs[tid][1]
            yield from self._rests(t, s, sorted(strings))

    def _rests(self, t: int, node: int, names: Any) -> Iterator[bytes]:
        """Of the names below a node of a trie what is left of each, short ones first. names: by label (a tuple) or in
        order (a list)."""
        H = self._c.H
        if node >= H[t + L.TT_NODES]:
            return
        lo, hi = (int(H[t + int(H[t + field]) + node]) for field in (L.TT_LO, L.TT_HI))
        perm = H[t + int(H[t + L.TT_PERM]) :]
        depth = self._depth(t)[node]
        listed = [names[i] if isinstance(names, list) else names[int(perm[i])] for i in range(lo, hi)]
        rests = [spelled(name[depth:], True) for name in listed]
        yield from sorted(rests, key=len)[:MOST_NAMES]

    def _depth(self, t: int) -> list[int]:
        """Characters before each node of a trie."""
        made = self._depths.get(t)
        if made is None:
            H = self._c.H
            nodes = int(H[t + L.TT_NODES])
            made = self._depths[t] = [0] * nodes
            edges = H[t + int(H[t + L.TT_EDGE0]) :][: nodes + 1].tolist()
            for i in range(nodes):
                for edge in range(edges[i], edges[i + 1]):
                    made[edge + 1] = made[i] + 1
        return made

    def _key(self, off: int, s: int) -> Iterator[bytes]:
        """The rest of a key, the closing quote included."""
        H = self._c.H
        tid = int(H[off + L.O_TERM])
        t = int(H[H[L.TERMS] + tid])
        if H[t] == L.T_ANY:
            yield from (b'"', b'a"', b'0"')
            return
        if H[t] == L.T_DFA:
            text = self._ways_at(t, True).text(s)
            if text is not None:
                yield text + b'"'
            return
        names = tuple(self._c._specs[tid][1][0])
        free = int(H[t + L.TT_FREE])
        node, q = s, -1
        if free:
            node, q = s % (int(H[t + L.TT_NODES]) + 1), s // (int(H[t + L.TT_NODES]) + 1)
        for rest in self._rests(t, node, names):
            yield rest + b'"'
        if free and q < H[free + L.TD_STATES]:
            for least in range(3):
                text = self._ways_at(free, True).text(q, least)
                if text is not None:
                    yield text + b'"'
        yield from (b'"', b'a"', b'0"')

    # -- objects and arrays -------------------------------------------------------------------------------------------

    def _spaces(self, n: int, level: int) -> bytes:
        """What a line break of pretty whitespace still needs after n characters of it, in front of this level."""
        return (b"\n" + b"  " * level)[n:] if self._c.H[L.WS_MODE] != 0 else b""

    def _object(self, nid: int, off: int, ph: int, s: int, n: int, st: int) -> Iterator[bytes]:
        H = self._c.H
        level = int(H[st + L.S_LEVEL])
        if ph == L.PH_KEY:
            yield from self._key(off, s)
        elif ph == L.PH_COLON:
            yield b":"
        elif ph == L.PH_VALUE:
            space = b" " if H[L.WS_MODE] != 0 and n == 0 else b""
            for value in self._values(nid, s):
                text = self.texts.of(value)
                if text is not None:
                    yield space + text
            for begin in (b"{", b"[", b'"'):
                yield space + begin
        elif ph == L.PH_COMMA:
            yield from self._member(nid, off, st, self._spaces(n, level))
        else:
            if ph == L.PH_OPEN:
                yield b"}"
                yield from self._member(nid, off, st, self._spaces(n, level))
            else:
                yield self._spaces(n, level - 1) + b"}"
                yield b","

    def _values(self, nid: int, label: int) -> list[int]:
        """Nodes of the values of a member; those that meet most demands first."""
        node: Any = self._c.grammar.nodes[nid - 1]
        if node.demands:
            return [v for v, _ in sorted(node.options[label], key=lambda option: -option[1].bit_count())]
        return [node.values[label] if label < len(node.values) else node.free[label - len(node.values)][1]]

    def _member(self, nid: int, off: int, st: int, space: bytes) -> Iterator[bytes]:
        """A whole member, or its key: required ones first, then cheap ones."""
        H = self._c.H
        node: Any = self._c.grammar.nodes[nid - 1]
        colon = b":" if H[L.WS_MODE] == 0 else b": "
        declared = range(len(node.names))
        if node.ordered:
            declared = range(int(H[st + L.S_REG]), len(node.names))
        needed = [j for j in declared if node.required[j]]
        lengths = {j: len(self.texts.of(node.values[j]) or b"") for j in declared}
        others = sorted((j for j in declared if not node.required[j]), key=lengths.__getitem__)[:MOST_NAMES]
        if node.demands:
            others.sort(key=lambda j: -max((bits.bit_count() for _, bits in node.options[j]), default=0))
        for j in (*needed, *others):
            key = space + b'"' + spelled(node.names[j], True) + b'"'
            text = None if node.demands else self.texts.of(node.values[j])
            if text is not None:
                yield key + colon + text
            yield key
        for language, value in node.free:
            if language is not None and value >= 0:
                name = self.texts.ways(language, True).text(0)
                if name is not None:
                    yield space + b'"' + name + b'"'
        for some in (b'""', b'"a"', b'"0"'):
            yield space + some
        yield space + b'"'

    def _array(self, off: int, ph: int, n: int, st: int) -> Iterator[bytes]:
        H = self._c.H
        level = int(H[st + L.S_LEVEL])
        if ph == L.PH_AFTER:
            yield self._spaces(n, level - 1) + b"]"
            yield b","
            return
        if ph == L.PH_OPEN:
            yield b"]"
        space = self._spaces(n, level)
        for item in self._next_items(off, st):
            text = self.texts.of(item)
            if text:
                yield space + text
        if H[off] == L.OP_ITEMS and H[off + 4] != 0:
            for i in range(MOST_NAMES):
                yield space + b"%d" % i
            for i in range(MOST_NAMES):
                yield space + b'"%c"' % (0x30 + i) if i + 0x30 != 0x5C else space + b'""'
        for begin in (b"{", b"[", b'"'):
            yield space + begin

    def _next_items(self, off: int, st: int) -> list[int]:
        """Nodes of the next item, those nearest to an end first."""
        H = self._c.H
        if H[off] == L.OP_ARRAY:
            i = int(H[st + L.S_CNT])
            return [int(H[off + 6 + i] if i < H[off + 1] else H[off + 2]) - 1]
        q = int(H[st + L.S_REG])
        if H[off + 4] != 0:  # the items must differ: the state stands in a list of them
            q = int(H[q + 4]) if q else 0
        a = off + 5 + 3 * q
        steps = H[off + int(H[a + 2]) : off + int(H[a + 5])].reshape(-1, 2)
        nearest = np.argsort(H[off + 5 + 3 * steps[:, 1]], kind="stable")
        return [int(item) - 1 for item in steps[nearest, 0]]
