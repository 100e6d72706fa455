"""Pieces of text for the configurations of context-free rules: what a stack of LR states still lacks.

A stack is a frame of the arena, or a pair (LR state, stack below) that stands above one. What completes it is found
from the items that its top state begins with: the rest of a rule is read, the rule's nonterminal replaces what was read
of it, and so on down to the start rule; the cheapest way counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from constrain.engine import layout as L
from constrain.engine.rules_record import without_empty
from constrain.grammar.cfg import Cfg
from constrain.grammar.lalr import Writer
from constrain.grammar.lr_states import Automaton
from constrain.grammar.simplify import simplified
from constrain.limits import Limits

if TYPE_CHECKING:
    from constrain.engine.shortest import ShortTexts, Ways

COLUMN = 0xFFFF
MOST_STACKS = 2_000  # that one search looks at
MOST_LABELS = 24  # terminals that are tried from inside a token
WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
Terminals = tuple[int, ...]


class ShortRules:
    """Of a grammar's rules the automaton, and of each symbol the terminals of a short text."""

    def __init__(self, cfg: Cfg, texts: ShortTexts, limits: Limits) -> None:
        cfg = without_empty(cfg, texts.grammar.nodes)
        self.cfg = cfg
        self.automaton = Automaton(simplified(cfg, limits), limits)
        self.writer = Writer(self.automaton, [], True)
        self.old = sorted(self.writer.reached())
        self.number = {old: new for new, old in enumerate(self.old)}
        self.texts: list[bytes | None] = []
        for i, terminal in enumerate(cfg.terminals):
            if cfg.indentation and i in (cfg.indentation.indent, cfg.indentation.dedent):
                self.texts.append(b"")
            elif cfg.indentation and i == cfg.indentation.newline:
                self.texts.append(b"\n")
            elif terminal.language is not None:
                self.texts.append(texts.ways(terminal.language, False).text(0))
            else:
                self.texts.append(texts.of(terminal.node) if terminal.node >= 0 else None)
        n = self.automaton.n_terminals
        self.short: dict[int, tuple[int, Terminals]] = {
            i: (len(text) + 1, (i,)) for i, text in enumerate(self.texts) if text is not None
        }
        rules = list(zip(self.automaton.lefts, self.automaton.rights, strict=True))
        changed = True
        while changed:
            changed = False
            for left, right in rules:
                if left < n or any(s not in self.short for s in right):
                    continue
                cost = sum(self.short[s][0] for s in right)
                if left not in self.short or cost < self.short[left][0]:
                    self.short[left] = cost, tuple(t for s in right for t in self.short[s][1])
                    changed = True

    def whole(self) -> bytes | None:
        """A short text of the whole grammar."""
        found = self.short.get(self.automaton.rights[0][0])
        if found is None:
            return None
        return next(spellings([t for t in (self.texts[i] for i in found[1]) if t is not None]), b"")


class RulesPieces:
    """Pieces for the configurations of one node of rules in one arena."""

    def __init__(self, rules: ShortRules, compiled: Any) -> None:
        self._rules = rules
        self._c = compiled
        self._known: dict[Any, Terminals | None] = {}
        self._labels: dict[int, list[tuple[int, bytes]]] = {}

    # -- stacks -------------------------------------------------------------------------------------------------------

    def _top(self, stack: Any) -> int:
        if isinstance(stack, tuple):
            return int(stack[0])
        H = self._c.H
        off = int(H[int(H[L.NODES]) + int(H[stack + L.S_NODE])])
        return int(H[off + int(H[off + L.R_FIRST]) + int(H[stack + L.S_REG])])

    def _below(self, stack: Any) -> Any:
        return stack[1] if isinstance(stack, tuple) else int(self._c.H[stack + L.S_PARENT])

    def _replaced(self, stack: Any, length: int, left: int) -> Any:
        """The stack with a nonterminal in place of its last symbols; None where it has no way on."""
        a = self._rules.automaton
        for _ in range(length):
            stack = self._below(stack)
        old = self._rules.old[self._top(stack)]
        if left not in a.moves[old]:
            return None
        return self._rules.number[self._rules.writer.after(old, left)], stack

    def completion(self, stack: Any) -> Terminals | None:
        """Terminals that complete the text of the rules on this stack."""
        if stack not in self._known:
            self._known[stack] = self._complete(stack)
        return self._known[stack]

    def _complete(self, start: Any) -> Terminals | None:
        a, short = self._rules.automaton, self._rules.short
        order = count()
        heap: list[tuple[int, int, Any, Terminals]] = [(0, next(order), start, ())]
        done: set[Any] = set()
        while heap and len(done) < MOST_STACKS:
            spent, _, stack, terminals = heapq.heappop(heap)
            if stack is None:
                return terminals
            if stack in done:
                continue
            done.add(stack)
            for item in a.kernels[self._rules.old[self._top(stack)]]:
                r = a.rule_at[item]
                at = item - a.first[r]
                rest = a.rights[r][at:]
                if any(s not in short for s in rest):
                    continue
                new = None if r == 0 else self._replaced(stack, at, a.lefts[r])
                if r != 0 and new is None:
                    continue
                more = tuple(t for s in rest for t in short[s][1])
                cost = spent + sum(short[s][0] for s in rest)
                heapq.heappush(heap, (cost, next(order), new, terminals + more))
        return None

    def _taken(self, stack: Any, terminal: int) -> list[Any]:
        """Stacks after a terminal (look-aheads are not looked at: some may be impossible)."""
        a = self._rules.automaton
        out, seen, todo = [], {stack}, [stack]
        while todo:
            stack = todo.pop()
            old = self._rules.old[self._top(stack)]
            if terminal in a.moves[old]:
                out.append((self._rules.number[self._rules.writer.after(old, terminal)], stack))
            for r in a.complete[old]:
                new = self._replaced(stack, len(a.rights[r]), a.lefts[r]) if r else None
                if new is not None and new not in seen and len(seen) < MOST_LABELS:
                    seen.add(new)
                    todo.append(new)
        return out

    # -- pieces -------------------------------------------------------------------------------------------------------

    def of(self, off: int, ph: int, s: int, n: int, st: int, ways: Ways | None) -> Iterator[bytes]:
        """Pieces for a configuration between or inside tokens. An empty one: nothing is lacking."""
        H = self._c.H
        if ph == L.PH_BLANK:
            yield b"\n"
        elif ph == L.PH_INDENT:
            here = int(H[st + L.S_CNT]) & COLUMN
            newline = int(H[off + L.R_NEWLINE])
            for stack in [st] if s else self._taken(st, newline):
                found = self.completion(stack)
                if found is not None:
                    deeper = bool(found) and found[0] == H[off + L.R_INDENT]
                    yield from self._spelled(b" " * (here + deeper - n), found, st)
            yield b"\n"
        elif ph == L.PH_TAKE:
            for stack in self._taken(st, s):
                yield from self._spelled(b"", self.completion(stack), st)
        elif ph == L.PH_AFTER:
            yield from self._spelled(b"", self.completion(st), st)
        elif ph == L.PH_IN and ways is not None:
            yield from self._inside(off, s, st, ways)

    def _inside(self, off: int, s: int, st: int, ways: Ways) -> Iterator[bytes]:
        """Pieces from inside a token: its rest, and what completes the text behind it."""
        H = self._c.H
        found: list[tuple[int, bytes, Terminals]] = []
        if s == H[off + int(H[off + L.R_LEXER_START]) + int(H[st + L.S_REG])]:
            terminals = self.completion(st)
            if terminals is not None:
                found.append((self._cost(terminals), b"", terminals))
        for x, rest in self._ends(s, ways):
            terminal = int(H[off + int(H[off + L.R_EXITS]) + 2 * x])
            if terminal in self._rules.cfg.ignore:
                stacks: list[Any] = [st]
            else:
                stacks = self._taken(st, terminal)
            for stack in stacks:
                terminals = self.completion(stack)
                if terminals is not None:
                    found.append((len(rest) + self._cost(terminals), rest, terminals))
        found.sort()
        for _, rest, terminals in found:
            yield from self._spelled(rest, terminals, st)

    def _cost(self, terminals: Terminals) -> int:
        return sum(self._rules.short[t][0] for t in terminals)

    def _ends(self, s: int, ways: Ways) -> list[tuple[int, bytes]]:
        """The labels that a token in state s of the lexer can end with, each with the rest of the token."""
        known = self._labels.get(s)
        if known is not None:
            return known
        rests = {s: b""}
        labels: dict[int, bytes] = {}
        level = [s]
        while level and len(labels) < MOST_LABELS:
            following = []
            for state in level:
                if ways.accept[state] >= 0:
                    labels.setdefault(int(ways.accept[state]), rests[state])
                row = ways.table[state]
                for column in np.flatnonzero(row >= 0).tolist():
                    char, after = ways.chars[column], int(row[column])
                    if char is not None and after not in rests:
                        rests[after] = rests[state] + char
                        following.append(after)
            level = following
        self._labels[s] = list(labels.items())[:MOST_LABELS]
        return self._labels[s]

    def _spelled(self, begin: bytes, terminals: Terminals | None, st: int) -> Iterator[bytes]:
        """Ways to write what was begun, and some terminals behind it."""
        if terminals is None:
            return
        lines = self._rules.cfg.indentation
        column = int(self._c.H[st + L.S_CNT]) & COLUMN
        words = [begin] if begin else []
        fresh = False
        for t in terminals:
            if lines and t == lines.indent:
                column += 1
            elif lines and t != lines.dedent:
                words.append((b" " * column if fresh else b"") + (self._rules.texts[t] or b""))
            if lines:
                fresh = t in (lines.newline, lines.indent, lines.dedent)
            elif self._rules.texts[t]:
                words.append(self._rules.texts[t] or b"")
        yield from spellings(words)


def spellings(words: Sequence[bytes]) -> Iterator[bytes]:
    """The words joined: with spaces where two would run together, with none, with spaces or line ends everywhere."""
    careful = b""
    for word in words:
        if careful and word and careful[-1] in WORDS and word[0] in WORDS:
            careful += b" "
        careful += word
    yield from dict.fromkeys((careful, b"".join(words), b" ".join(words), b"\n".join(words), b" ".join(words) + b" "))
