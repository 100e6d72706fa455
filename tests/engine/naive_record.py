"""What the engine makes of tables and lexers, step by step and without haste: twins of rules_record and rules_lexer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from constrain.engine import layout as L
from constrain.engine.rules_lexer import Followed, Table
from constrain.engine.rules_record import set_of, set_words
from constrain.grammar.cfg import Cfg
from constrain.grammar.lalr import Tables
from constrain.grammar.lexing import Lexer

Ints = npt.NDArray[np.int32]


def parser_parts(tables: Tables) -> list[int]:
    """The beginning of a record: its head and what the parser does."""
    n = tables.n_terminals
    words = set_words(n)
    out = [0] * L.R_HEAD
    out[0], out[L.R_TERMINALS], out[L.R_WORDS], out[L.R_START] = L.OP_RULES, n, words, tables.start_state
    shifts: list[list[int]] = []
    reduces: list[dict[int, int]] = []
    actions = tables.actions.tolist()
    for row in tables.action:
        pairs: list[int] = []
        by_rule: dict[int, int] = {}
        for t in np.flatnonzero(row).tolist():
            k = int(row[t])
            for action in actions[k + 1 : k + 1 + actions[k]]:
                if action > 0:
                    pairs += (t, action - 1)
                elif action == -1:
                    pairs += (t, 0)  # the text is complete
                else:
                    by_rule[-action - 1] = by_rule.get(-action - 1, 0) | 1 << t
        shifts.append(pairs)
        reduces.append(by_rule)

    def table(field: int, rows: Sequence[Sequence[int]], width: int) -> None:
        at = out[field] = len(out)
        out.extend([0] * len(rows))
        for i, row in enumerate(rows):
            out[at + i] = len(out)
            out.append(len(row) // width)
            out.extend(row)

    table(L.R_SHIFTS, shifts, 2)
    gotos = []
    for row in tables.goto:
        there = np.flatnonzero(row >= 0)
        gotos.append(np.stack([there, row[there]], axis=1).ravel().tolist())
    table(L.R_GOTOS, gotos, 2)
    rows = []
    for by_rule in reduces:
        flat: list[int] = []
        for rule, mask in by_rule.items():
            flat.append(rule)
            flat += [((mask >> 32 * w & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 for w in range(words)]
        rows.append(flat)
    table(L.R_REDUCES, rows, 1 + words)
    out[L.R_SHIFT_SETS] = len(out)
    for pairs in shifts:
        out += set_of(pairs[::2], words)
    out[L.R_RULES] = len(out)
    for left, length in zip(tables.rule_left.tolist(), tables.rule_length.tolist(), strict=True):
        out += (left, length)
    return out


def followed(lex: Lexer) -> Followed:
    """The minimal automaton of all watches. Before any character a watch proves nothing."""
    n = len(lex.table)
    wanted = np.unique(lex.watch[lex.watch >= 0])
    rows = np.concatenate([lex.table, lex.table[wanted]])
    if not len(wanted):
        row = np.full((1, lex.classes.max() + 1), -1, np.int32)
        nothing = Table(lex.bounds, lex.classes, row, np.full(1, -1, np.int32))
        return Followed(nothing, np.full(n, -1, np.int32))
    rows[:n][lex.kill == 1] = -1
    good = np.concatenate([(lex.kill == 1) | (lex.kill_end == 1), np.zeros(len(wanted), bool)])
    while True:  # what can still prove something
        more = good | (good[np.maximum(rows, 0)] & (rows >= 0)).any(axis=1)
        if (more == good).all():
            break
        good = more
    rows[~good] = -1
    rows[(rows >= 0) & ~good[np.maximum(rows, 0)]] = -1
    # 1: proves it, 2: proves it where the text ends
    proof = np.concatenate([np.where(lex.kill == 1, 1, 2 * lex.kill_end), np.zeros(len(wanted), np.int64)])
    part = np.unique(proof, return_inverse=True)[1].reshape(-1)
    while True:
        key = np.concatenate([part[:, None], np.where(rows >= 0, part[np.maximum(rows, 0)], -1)], axis=1)
        finer = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == part.max():
            break
        part = finer
    _, first, state = np.unique(finer, return_index=True, return_inverse=True)
    state = state.reshape(-1)
    table = np.where(rows[first] >= 0, state[np.maximum(rows[first], 0)], -1).astype(np.int32)
    accept = proof[first].astype(np.int32) - 1
    start = np.full(n, -1, np.int32)
    watched = lex.watch >= 0
    at = n + np.searchsorted(wanted, lex.watch[watched])
    start[watched] = np.where(good[at], state[at], -1)
    return Followed(Table(lex.bounds, lex.classes, table, accept), start)


def reachable_labels(lex: Lexer, words: int) -> Ints:
    """int32[n_states, words]: the set of terminals that can still come out of each state."""
    n = len(lex.table)
    out = np.zeros((n, words), np.uint32)
    ends = np.flatnonzero(lex.label >= 0)
    out[ends, lex.label[ends] >> 5] = np.uint32(1) << (lex.label[ends] & 31).astype(np.uint32)
    source, column = np.nonzero(lex.table >= 0)
    pairs = np.unique(source * n + lex.table[source, column])
    source, target = pairs // n, pairs % n
    first = np.flatnonzero(np.r_[True, source[1:] != source[:-1]]) if len(source) else source
    while len(first):
        more = out.copy()
        more[source[first]] |= np.bitwise_or.reduceat(out[target], first, axis=0)
        if (more == out).all():
            break
        out = more
    return out.view(np.int32)


def bytes_after(cfg: Cfg, lr: Tables, lex: Lexer) -> Ints:
    """int32[terminals, 8]: bits of the bytes (a superset) with which the next token can begin after each terminal."""
    n = len(cfg.terminals)
    out = np.full((n, 256), True)
    found = np.zeros((n, 256), bool)
    ascii_classes = lex.classes[np.searchsorted(lex.bounds, np.arange(128), side="right") - 1]
    first = np.zeros((lr.n_states, 256), bool)  # per LR state
    for state in range(lr.n_states):
        start = int(lex.start[lr.context[state]])
        if start >= 0:
            first[state, :128] = lex.table[start, ascii_classes] >= 0
            beyond = lex.classes[max(int(np.searchsorted(lex.bounds, 128, side="right")) - 1, 0) :]
            first[state, 128:] = (lex.table[start, beyond] >= 0).any()
    states, terminals = np.nonzero(lr.action[:, :n])
    at = lr.action[states, terminals]
    counts = lr.actions[at]
    each = np.repeat(at + 1 - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    taken, terminals = lr.actions[each], np.repeat(terminals, counts)
    shifts = np.unique(np.stack([terminals, taken - 1], axis=1)[taken > 0], axis=0)
    for t, target in shifts.tolist():
        found[t] |= first[target]
    special = set(cfg.ignore) | {i for i, t in enumerate(cfg.terminals) if t.node >= 0 or t.language is None}
    if cfg.indentation:
        special.add(cfg.indentation.newline)
    if not any(t.node >= 0 for t in cfg.terminals):
        plain = [t for t in range(n) if t not in special]
        out[plain] = found[plain]
    if cfg.indentation:
        newline, indent, dedent = cfg.indentation.newline, cfg.indentation.indent, cfg.indentation.dedent
        for b in range(256):
            out[indent, b] = found[newline, b] or found[indent, b] or found[dedent, b]
            blank = b < 128 and lex.table[lex.blank, ascii_classes[b]] >= 0
            out[dedent, b] = b in (9, 32) or blank
    bits = np.packbits(out, axis=1, bitorder="little")
    return bits.view(np.int32)


def never_read(cfg: Cfg, lr: Tables, lex: Lexer, watches: Followed, reach: Ints) -> list[tuple[int, int]]:
    """Pairs of terminals of which the second must come after the first (or one like it), but the lexer can't give it
    there: it takes every text of it for another terminal, or for more of the first."""
    n = len(cfg.terminals)
    sets = reach.view(np.uint32)
    exits: dict[int, set[int]] = {}  # terminal -> watches under which the next token begins
    for s in np.flatnonzero((lex.label >= 0) & (lex.label < n)).tolist():
        exits.setdefault(int(lex.label[s]), set()).add(int(watches.start[s]))
    ignored = [t for t in cfg.ignore if t in exits]
    if cfg.indentation:
        ignored.append(cfg.indentation.newline)  # between brackets
        exits.setdefault(cfg.indentation.newline, set()).add(-1)
    known: dict[tuple[int, int], int] = {}

    def one(start: int, watch: int) -> int:
        """The terminals that can come out of the lexer's state, as bits, when a watch is on."""
        found = 0
        seen = {(start, watch)}
        todo = [(start, watch)]
        while todo:
            s, w = todo.pop()
            row = lex.table[s]
            if w < 0:
                found |= int.from_bytes(sets[s].tobytes(), "little")
                continue
            if (s, w) != (start, watch) and lex.label[s] >= 0:
                found |= 1 << int(lex.label[s])
            following = watches.dfa.table[w]
            free = np.unique(row[(row >= 0) & (following < 0)])
            for s2 in free.tolist():
                found |= int.from_bytes(sets[s2].tobytes(), "little")
            both = np.flatnonzero((row >= 0) & (following >= 0))
            for s2, w2 in np.unique(np.stack([row[both], following[both]], 1), axis=0).tolist():
                if watches.dfa.accept[w2] != 0 and (s2, w2) not in seen:
                    seen.add((s2, w2))
                    todo.append((s2, w2))
        return found

    def given(start: int, watch: int, wanted: int) -> int:
        """`one`, ignored terminals first; once something wanted is among them, no more are looked for."""
        total = 0
        seen = {watch}
        todo = [watch]
        while todo:
            w = todo.pop()
            if (start, w) not in known:
                known[start, w] = one(start, w)
            total |= known[start, w]
            if total & wanted:
                break
            for t in ignored:
                if known[start, w] >> t & 1:
                    more = exits[t] - seen
                    seen |= more
                    todo += more
        return total

    arrives = np.full(lr.n_states, -1)  # a state is entered over one symbol
    for state in range(lr.n_states):
        for t in np.flatnonzero(lr.action[state, :n]).tolist():
            for action in lr.actions_of(state, t):
                if action > 0:
                    arrives[action - 1] = t
    out = []
    outside = sum(1 << i for i, t in enumerate(cfg.terminals) if t.node >= 0 or t.language is None)
    for r in np.flatnonzero(lr.shifted == 1).tolist():
        start = int(lex.start[lr.context[r]])
        wanted = sum(1 << t for t in lr.contexts[lr.context[r]])
        if start < 0 or wanted & outside or lr.action[r, n]:
            continue
        for w in exits.get(int(arrives[r]), {-1}):
            if wanted and not wanted & given(start, w, wanted):
                out.append((int(arrives[r]), (wanted & -wanted).bit_length() - 1))
    return out
