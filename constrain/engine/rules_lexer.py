"""The lexer of rules in an arena: its records, which tokens prove that one should have been longer, what can follow."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from constrain.engine import layout as L
from constrain.engine.terminals import dfa_record
from constrain.errors import GrammarError, LimitExceeded
from constrain.grammar.lookaheads import closure, integers
from constrain.sorted_arrays import distinct, joined, ranked
from constrain.vocabulary.special import FOREIGN

if TYPE_CHECKING:
    from constrain.grammar.cfg import Cfg
    from constrain.grammar.lalr import Tables
    from constrain.grammar.lexing import Lexer

ALIKE = 32  # ASCII characters that lead to one state
MOST_UNLIKE = 6  # ASCII characters by which states that are alike may differ
MOST_WATCHES = 0x7FFF  # two are packed into one number
Ints = npt.NDArray[np.int32]
Array = npt.NDArray[Any]


class Table(NamedTuple):
    """What `dfa_record` reads of an automaton."""

    bounds: Ints
    classes: Ints
    table: Ints
    accept: Ints


class Followed(NamedTuple):
    """The watches of a lexer. dfa: label 0 proves that the token should have been longer, 1 that it should where the
    text ends there. start: per lexer state with a label the state of `dfa` that follows it; -1: nothing longer comes.
    """

    dfa: Table
    start: Ints


def followed(lex: Lexer) -> Followed:
    """The minimal automaton of all watches. Before any character a watch proves nothing."""
    n = len(lex.table)
    wanted = distinct(lex.watch[lex.watch >= 0])
    rows = np.concatenate([lex.table, lex.table[wanted]])
    if not len(wanted):
        row = np.full((1, lex.classes.max() + 1), -1, np.int32)
        nothing = Table(lex.bounds, lex.classes, row, np.full(1, -1, np.int32))
        return Followed(nothing, np.full(n, -1, np.int32))
    rows[:n][lex.kill == 1] = -1
    good = np.concatenate([(lex.kill == 1) | (lex.kill_end == 1), np.zeros(len(wanted), bool)])
    source, target = edges(rows)
    while True:  # what can still prove something
        more = source[good[target] & ~good[source]]
        if not len(more):
            break
        good[more] = True
    rows[~good] = -1
    rows[(rows >= 0) & ~good[np.maximum(rows, 0)]] = -1
    # 1: proves it, 2: proves it where the text ends
    proof = np.concatenate([np.where(lex.kill == 1, 1, 2 * lex.kill_end), np.zeros(len(wanted), np.int64)])
    state = joined(proof, rows)
    first = ranked(state).first
    table = np.where(rows[first] >= 0, state[np.maximum(rows[first], 0)], -1).astype(np.int32)
    accept = proof[first].astype(np.int32) - 1
    start = np.full(n, -1, np.int32)
    watched = lex.watch >= 0
    at = n + np.searchsorted(wanted, lex.watch[watched])
    start[watched] = np.where(good[at], state[at], -1)
    return Followed(Table(lex.bounds, lex.classes, table, accept), start)


def edges(rows: Ints) -> tuple[Array, Array]:
    """Sources and targets of all moves of a table, without repeats, in the order of the sources."""
    n = len(rows)
    source, column = np.nonzero(rows >= 0)
    pairs = distinct(source * n + rows[source, column])
    return pairs // n, pairs % n


def reachable_labels(lex: Lexer, words: int) -> Ints:
    """int32[n_states, words]: the set of terminals that can still come out of each state."""
    out = np.zeros((len(lex.table), words), np.uint32)
    ends = np.flatnonzero(lex.label >= 0)
    out[ends, lex.label[ends] >> 5] = np.uint32(1) << (lex.label[ends] & 31).astype(np.uint32)
    return closure(np.stack(edges(lex.table)), out.view(np.int32))


def unread(cfg: Cfg, lr: Tables, lex: Lexer, reach: Ints) -> dict[int, set[int]]:
    """Of each state where a token is read the terminals that can be, where the state has actions for more."""
    n = len(cfg.terminals)
    sets = integers(reach)
    outside = {i for i, t in enumerate(cfg.terminals) if t.node >= 0 or t.language is None}
    fewer: dict[int, set[int]] = {}
    for c in distinct(lr.context[lr.shifted == 1]).tolist():
        context, start = set(lr.contexts[c]) - {n}, int(lex.start[c])
        there = {t for t in context if t in outside or (start >= 0 and sets[start] >> t & 1)}
        if there != context:
            fewer[c] = there
    if not fewer:
        return {}
    states = np.flatnonzero(lr.shifted == 1).tolist()
    return {r: fewer[int(lr.context[r])] for r in states if int(lr.context[r]) in fewer}


def bytes_after(cfg: Cfg, lr: Tables, lex: Lexer) -> Ints:
    """int32[terminals, 8]: bits of the bytes (a superset) with which the next token can begin after each terminal.

    Special tokens are left aside: nothing is looked up behind an exit for them. Bit FOREIGN: another node may follow.
    With indentation two rows say something else: that of the terminal that begins a block, with which bytes a line can
    begin; that of the one that ends it, which bytes may come before a line.
    """
    n = len(cfg.terminals)
    out = np.full((n, 256), True)
    found = np.zeros((n, 256), bool)
    starts = distinct(lex.start[lex.start >= 0])
    first = np.zeros((len(starts), 256), bool)
    if len(starts):
        ascii_classes = lex.classes[np.searchsorted(lex.bounds, np.arange(128), side="right") - 1]
        first[:, :128] = lex.table[starts][:, ascii_classes] >= 0
        beyond = distinct(lex.classes[max(int(np.searchsorted(lex.bounds, 128, side="right")) - 1, 0) :])
        wide: Array = np.asarray((lex.table[starts][:, beyond] >= 0).any(axis=1))
        first[:, 128:] = wide[:, None]
    _, terminal, action = lr.entries()
    begins = lex.start[lr.context[np.maximum(action - 1, 0)]]
    shifts = (action > 0) & (terminal < n) & (begins >= 0)
    pairs = distinct(terminal[shifts] * (len(lex.table) + 1) + begins[shifts])
    for t, start in zip((pairs // (len(lex.table) + 1)).tolist(), (pairs % (len(lex.table) + 1)).tolist(), strict=True):
        found[t] |= first[np.searchsorted(starts, start)]
    special = set(cfg.ignore) | {i for i, t in enumerate(cfg.terminals) if t.node >= 0 or t.language is None}
    if cfg.indentation:
        special.add(cfg.indentation.newline)
    plain = np.array([t not in special for t in range(n)], bool)
    nodes = {i for i, t in enumerate(cfg.terminals) if t.node >= 0 and not t.special}
    if nodes:
        awaits = np.array([not nodes.isdisjoint(context) for context in lr.contexts], bool)
        shifted = (action > 0) & (terminal < n)
        plain[terminal[shifted][awaits[lr.context[action[shifted] - 1]]]] = False
        found[:, FOREIGN:] = False
    out[plain] = found[plain]
    if cfg.indentation:
        lines = cfg.indentation
        out[lines.indent] = found[[lines.newline, lines.indent, lines.dedent]].any(axis=0)
        out[lines.dedent] = False
        out[lines.dedent, [9, 32]] = True
        out[lines.dedent, :128] |= lex.table[lex.blank, ascii_columns(lex)] >= 0
    bits = np.packbits(out, axis=1, bitorder="little")
    return bits.view(np.int32)


def ascii_columns(lex: Lexer) -> Array:
    """The column of the lexer's table for each ASCII character."""
    columns: Array = lex.classes[np.searchsorted(lex.bounds, np.arange(128), side="right") - 1]
    return columns


def alike(lex: Lexer) -> Array:
    """Per state of the lexer another one that goes on as it does, but for few ASCII characters; -1: none."""
    rows = lex.table[:, ascii_columns(lex)]
    ordered = np.sort(rows, axis=1)
    often = (ordered[:, : 1 - ALIKE] == ordered[:, ALIKE - 1 :]) & (ordered[:, : 1 - ALIKE] >= 0)
    states = np.arange(len(rows))
    other = np.where(often.any(axis=1), ordered[states, often.argmax(axis=1)], states)
    beyond = lex.classes[max(int(np.searchsorted(lex.bounds, 128, side="right")) - 1, 0) :]
    same = (lex.table[:, beyond] == lex.table[other][:, beyond]).all(axis=1)
    same &= ((rows != rows[other]).sum(axis=1) <= MOST_UNLIKE) & (other != states)
    return np.where(same, other, -1)


def never_read(cfg: Cfg, lr: Tables, lex: Lexer, watches: Followed, reach: Ints) -> list[tuple[int, int]]:
    """Pairs of terminals of which the second must come after the first (or one like it), but the lexer can't give it
    there: it takes every text of it for another terminal, or for more of the first."""
    n = len(cfg.terminals)
    sets = integers(reach)
    labels, starts = lex.label.tolist(), watches.start.tolist()
    proofs = watches.dfa.accept.tolist()
    width = len(watches.dfa.table)
    exits: dict[int, set[int]] = {}  # terminal -> watches under which the next token begins
    for s in np.flatnonzero((lex.label >= 0) & (lex.label < n)).tolist():
        exits.setdefault(labels[s], set()).add(starts[s])
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
            if w < 0:
                found |= sets[s]
                continue
            if (s, w) != (start, watch) and labels[s] >= 0:
                found |= 1 << labels[s]
            row, following = lex.table[s], watches.dfa.table[w]
            alive = row >= 0
            for s2 in set(row[alive & (following < 0)].tolist()):
                found |= sets[s2]
            both = alive & (following >= 0)
            for pair in set((row[both] * width + following[both]).tolist()):
                s2, w2 = divmod(pair, width)
                if proofs[w2] != 0 and (s2, w2) not in seen:
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
    _, terminal, action = lr.entries()
    shifts = (action > 0) & (terminal < n)
    arrives[action[shifts] - 1] = terminal[shifts]
    out = []
    outside = sum(1 << i for i, t in enumerate(cfg.terminals) if t.node >= 0 or t.language is None)
    context_of, start_of, came = lr.context.tolist(), lex.start.tolist(), arrives.tolist()
    checked: dict[tuple[int, int], int] = {}  # context, terminal before it -> how often something is missing
    for r in np.flatnonzero((lr.shifted == 1) & (lr.action[:, n] == 0)).tolist():
        c, before = context_of[r], came[r]
        wanted = sum([1 << t for t in lr.contexts[c]])
        if start_of[c] < 0 or wanted & outside or not wanted:
            continue
        if (c, before) not in checked:
            watching = exits.get(before, {-1})
            checked[c, before] = sum([not wanted & given(start_of[c], w, wanted) for w in watching])
        out += [(before, (wanted & -wanted).bit_length() - 1)] * checked[c, before]
    return out


class Reading(NamedTuple):
    """How the parser's tokens are read. lex: with fewer starts. following: see `bytes_after`."""

    lex: Lexer
    watches: Followed
    following: Ints


def reading(cfg: Cfg, lr: Tables, lex: Lexer, reach: Ints) -> Reading:
    """Make ready what follows the tokens of a lexer. reach: see `reachable_labels`.

    Raises GrammarError where what must come next is never read, LimitExceeded (`lookahead`).
    """
    from constrain.grammar.lexer_starts import shared_starts

    watches = followed(lex)
    for first, then in never_read(cfg, lr, lex, watches, reach)[:1]:
        where = f"after {cfg.terminals[first].name}" if first >= 0 else "at the beginning"
        raise GrammarError(
            f"{where} the grammar wants {cfg.terminals[then].name}, but the lexer never reads that there: "
            "it takes its text for another terminal, or for more of the one before",
            hint="Change priorities, let something stand between the two, or use scannerless=True",
        )
    always = cfg.ignore | ({cfg.indentation.newline} if cfg.indentation else set())
    contexts = [always.union(c) for c in lr.contexts]
    following = bytes_after(cfg, lr, lex)
    lex = lex._replace(start=shared_starts(lex, contexts, watches.start, reach))
    if len(watches.dfa.table) >= MOST_WATCHES:
        raise LimitExceeded("tokens of the grammar begin with one another in too many ways", keyword="lookahead")
    return Reading(lex, watches, following)


def with_lexer(out: list[int], start: Ints, read: Reading, reach: Ints) -> tuple[dict[str, Ints], bytes]:
    """Finish a record that has a lexer: it and those of the lexer and its watch, and a key of what these are.

    start: per LR state the lexer's where a token begins. reach: see `reachable_labels`.
    """
    lex, watches, following = read
    exits: dict[tuple[int, int], int] = {}
    accept = np.full(len(lex.table), -1, np.int32)
    for s in np.flatnonzero(lex.label >= 0).tolist():
        accept[s] = exits.setdefault((int(lex.label[s]), int(watches.start[s])), len(exits))
    out[L.R_EXITS] = len(out)
    for pair in exits:
        out += pair
    out[L.R_LEXER_START] = len(out)
    out += start.tolist()
    out[L.R_BLANK] = lex.blank
    proves = watches.dfa.table[np.maximum(watches.start, 0)]
    proves = (proves >= 0) & (watches.dfa.accept[np.maximum(proves, 0)] == 0) & (watches.start >= 0)[:, None]
    stays = lex.table == np.arange(len(lex.table))[:, None]
    out[L.R_KEEPS] = len(out)
    out += (proves | ~stays).all(axis=1).astype(np.int32).tolist()
    out[L.R_AFTER] = len(out)
    out += following.ravel().tolist()
    begins = np.zeros(len(lex.table), bool)
    begins[distinct(start[start >= 0])] = True
    begins[lex.table[lex.table >= 0]] = False
    if lex.blank >= 0:
        begins[lex.blank] = False  # what follows there is another line
    out[L.R_BEGINS] = len(out)
    out += begins.astype(np.int32).tolist()
    like = alike(lex)
    out[L.R_LIKE] = len(out)
    out += np.where(begins | begins[np.maximum(like, 0)], -1, like).tolist()
    out[L.R_LIVE] = len(out)
    live = np.packbits(lex.table[:, ascii_columns(lex)] >= 0, axis=1, bitorder="little")
    out += np.ascontiguousarray(live).view(np.int32).ravel().tolist()
    out[L.R_REACH] = len(out)
    out += reach.ravel().tolist()
    table = lex.table
    if not len(table):
        table, accept = np.full((1, lex.classes.max() + 1), -1, np.int32), np.full(1, -1, np.int32)
    own = Table(lex.bounds, lex.classes, table, accept)
    lexer_record, watch_record = dfa_record(own, 0), dfa_record(watches.dfa, 0)
    rest = np.array(out[out[L.R_EXITS] :], np.int32)
    key = hashlib.sha256(lexer_record.tobytes() + watch_record.tobytes() + rest.tobytes())
    return {"record": np.array(out, np.int32), "lexer": lexer_record, "watch": watch_record}, key.digest()
