"""From a context-free grammar to the record of its node in an arena (layout.py, R_*): LALR tables and a lexer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from constrain.engine import layout as L
from constrain.engine import ready
from constrain.engine.terminals import dfa_record
from constrain.errors import GrammarError, LimitExceeded
from constrain.grammar import kept
from constrain.grammar.cfg import Cfg, Rule
from constrain.grammar.ir import Alt, Lazy, NodeId, Rules, Seq, Text
from constrain.grammar.kept import Made
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast

if TYPE_CHECKING:
    from constrain.grammar.ir import Grammar, Node
    from constrain.grammar.lalr import Tables
    from constrain.grammar.lexing import Lexer

KEPT_FROM = 40  # rules from which on what is made of a grammar is kept on disk
MOST_WATCHES = 0x7FFF  # two are packed into one number
Ints = npt.NDArray[np.int32]


def set_words(n_terminals: int) -> int:
    """Ints of a set of terminals and the end of the text."""
    return n_terminals // 32 + 1


def set_of(members: Sequence[int], words: int) -> list[int]:
    """A set as ints of 32 bits, signed."""
    total = sum(1 << t for t in members)
    return [((total >> 32 * w & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 for w in range(words)]


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


def without_empty(cfg: Cfg, nodes: Sequence[Node]) -> Cfg:
    """The same language with terminals of which none is empty (scannerless): those that were have rules for that."""
    base = len(cfg.terminals)
    symbols, names, rules = list(cfg.terminals), list(cfg.nonterminals), list(cfg.rules)
    instead: dict[int, int] = {}
    for i, terminal in enumerate(cfg.terminals):
        language = terminal.language
        if language is None:
            node = nodes[terminal.node] if terminal.node >= 0 else None
            language = node.language if isinstance(node, Text) else None
        if language is None or not language.nullable or (cfg.lexing and terminal.node < 0):
            continue
        rest = ast.difference(language, ast.EPSILON)
        left = instead[i] = base + len(names)
        names.append(terminal.name)
        rules.append(Rule(left, ()))
        symbols[i] = terminal._replace(language=rest, node=-1)
        rules.append(Rule(left, (i,)))
    if not instead:
        return cfg
    kept = len(cfg.rules)
    rules[:kept] = [Rule(r.left, tuple(instead.get(s, s) for s in r.right)) for r in cfg.rules]
    start = instead.get(cfg.start, cfg.start)
    return cfg._replace(terminals=tuple(symbols), nonterminals=tuple(names), rules=tuple(rules), start=start)


def node_terminals(cfg: Cfg, grammar: Grammar) -> list[NodeId]:
    """For each terminal the id of its node + 1 (made where it has none and is not the lexer's), 0 for the lexer's."""
    out = []
    blocks = (cfg.indentation.indent, cfg.indentation.dedent) if cfg.indentation else ()
    for i, terminal in enumerate(cfg.terminals):
        if terminal.node >= 0:
            out.append(terminal.node + 1)
        elif cfg.lexing or i in blocks or terminal.language is None:
            out.append(0)
        else:
            out.append(grammar.add(Text(terminal.language)) + 1)
    return out


class Prepared(NamedTuple):
    """Rules ready for any arena. nodes: per terminal the id of its node + 1, or 0.

    record: all but the absolute offsets (lexer, watch) and whether other nodes follow. lexer, watch: records of
    terminals, without their global ids. key: of what the lexer is.
    """

    record: Ints
    nodes: tuple[int, ...]
    lexer: Ints | None
    watch: Ints | None
    key: bytes


def prepared(rules: Rules, grammar: Grammar, limits: Limits = DEFAULT_LIMITS) -> Prepared:
    """Prepare rules of a grammar; their terminals' nodes are added to it. What is made of larger ones is kept on disk.

    Raises what `lalr.tables` and `lexing.lexer` raise, and GrammarError (see `never_read`).
    """
    made: Made | None
    if rules.source is None:
        cfg = without_empty(rules.cfg, grammar.nodes)
        if len(cfg.rules) < KEPT_FROM:
            made = tables_of(cfg, limits)
        else:
            key = kept.key_of("record", [ready.sources(), *kept.content_of(cfg)], limits)
            made = kept.kept(key, lambda: tables_of(cfg, limits))
        nodes = node_terminals(cfg, grammar)
    else:
        made = rules.ready[1] if rules.ready and rules.ready[0] == limits else ready.found(rules.source, limits)
        if made is None:
            made = tables_of(without_empty(rules.cfg, grammar.nodes), limits)
            ready.keep(rules.source, limits, made)
        if "lexer" in made[0]:
            nodes = [0] * int(made[0]["record"][L.R_TERMINALS])  # rules that are kept have no nodes
        else:
            nodes = node_terminals(without_empty(rules.cfg, grammar.nodes), grammar)
    arrays, meta = made
    record = arrays["record"]
    at = len(record)
    listed = [i for i, node in enumerate(nodes) if node]
    empties = [i for i in listed if isinstance(grammar.nodes[nodes[i] - 1], Alt | Seq | Lazy | Rules)]
    more = [len(listed), *listed, len(empties), *empties, *nodes, 0]
    record = np.concatenate([record, np.array(more, np.int32)])
    record[L.R_NODES], record[L.R_EMPTIES] = at, at + 1 + len(listed)
    record[L.R_NODE_OF] = at + 2 + len(listed) + len(empties)
    return Prepared(record, tuple(nodes), arrays.get("lexer"), arrays.get("watch"), bytes.fromhex(meta["key"]))


def tables_of(cfg: Cfg, limits: Limits) -> Made:
    """The record of rules but for their nodes, and the records of lexer and watch."""
    from constrain.grammar.lalr import tables
    from constrain.grammar.lexing import lexer

    lr = tables(cfg, limits)
    out = parser_parts(lr)
    n = len(cfg.terminals)
    words = set_words(n)
    brackets = [0] * (n + 1)
    out[L.R_NEWLINE] = out[L.R_INDENT] = out[L.R_DEDENT] = -1
    if cfg.indentation:
        lines = cfg.indentation
        out[L.R_NEWLINE], out[L.R_INDENT], out[L.R_DEDENT] = lines.newline, lines.indent, lines.dedent
        out[L.R_TAB] = lines.tab
        for t in lines.opening:
            brackets[t] = 1
        for t in lines.closing:
            brackets[t] = -1
    out[L.R_BRACKETS] = len(out)
    out += brackets
    out[L.R_IGNORED] = len(out)
    out += set_of(sorted(cfg.ignore), words)
    if not cfg.lexing:
        return {"record": np.array(out, np.int32)}, {"key": ""}
    arrays, key = with_lexer(out, cfg, lr, lexer(cfg, lr, limits, waiting=True))
    return arrays, {"key": key.hex()}


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
    part = proof.astype(np.int64)
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


def with_lexer(out: list[int], cfg: Cfg, lr: Tables, lex: Lexer) -> tuple[dict[str, Ints], bytes]:
    """Finish a record that has a lexer: it and those of the lexer and its watch, and a key of what these are."""
    from constrain.grammar.lexer_starts import shared_starts

    watches = followed(lex)
    reach = reachable_labels(lex, out[L.R_WORDS])
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
    exits: dict[tuple[int, int], int] = {}
    accept = np.full(len(lex.table), -1, np.int32)
    for s in np.flatnonzero(lex.label >= 0).tolist():
        accept[s] = exits.setdefault((int(lex.label[s]), int(watches.start[s])), len(exits))
    out[L.R_EXITS] = len(out)
    for pair in exits:
        out += pair
    out[L.R_LEXER_START] = len(out)
    out += lex.start[lr.context].tolist()
    out[L.R_BLANK] = lex.blank
    proves = watches.dfa.table[np.maximum(watches.start, 0)]
    proves = (proves >= 0) & (watches.dfa.accept[np.maximum(proves, 0)] == 0) & (watches.start >= 0)[:, None]
    stays = lex.table == np.arange(len(lex.table))[:, None]
    out[L.R_KEEPS] = len(out)
    out += (proves | ~stays).all(axis=1).astype(np.int32).tolist()
    out[L.R_AFTER] = len(out)
    out += following.ravel().tolist()
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
