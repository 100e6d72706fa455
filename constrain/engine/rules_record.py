"""From a context-free grammar to the record of its node in an arena (layout.py, R_*): LALR tables and a lexer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from constrain.engine import layout as L
from constrain.engine import ready
from constrain.grammar import kept
from constrain.grammar.cfg import Cfg, Rule
from constrain.grammar.ir import Alt, Lazy, NodeId, Rules, Seq, Text, Token
from constrain.grammar.kept import Made
from constrain.grammar.lalr import ACCEPT
from constrain.grammar.lr_joined import alone, covered, most_brackets
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast
from constrain.sorted_arrays import ranked

if TYPE_CHECKING:
    from constrain.grammar.ir import Grammar, Node
    from constrain.grammar.lalr import Tables

KEPT_FROM = 40  # rules from which on what is made of a grammar is kept on disk
Ints = npt.NDArray[np.int32]
Array = npt.NDArray[Any]


def set_words(n_terminals: int) -> int:
    """Ints of a set of terminals and the end of the text."""
    return n_terminals // 32 + 1


def set_of(members: Sequence[int], words: int) -> list[int]:
    """A set as ints of 32 bits, signed."""
    total = sum(1 << t for t in members)
    return [((total >> 32 * w & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 for w in range(words)]


def parser_parts(tables: Tables) -> list[int]:
    """The beginning of a record: its head and what the parser does."""
    n, states = tables.n_terminals, tables.n_states
    words = set_words(n)
    out = [0] * L.R_HEAD
    out[0], out[L.R_TERMINALS], out[L.R_WORDS], out[L.R_START] = L.OP_RULES, n, words, tables.start_state
    state, terminal, action = tables.entries()

    def table(field: int, owner: Array, rows: Array) -> None:
        """A list of rows for each state, given in the order of their states."""
        at = out[field] = len(out)
        counts = np.bincount(owner, minlength=states)
        sizes = 1 + rows.shape[1] * counts
        heads = np.cumsum(sizes) - sizes
        body = np.empty(int(sizes.sum()), np.int32)
        inside = np.ones(len(body), bool)
        inside[heads] = False
        body[heads] = counts
        body[inside] = rows.ravel()
        out.extend((at + states + heads).tolist())
        out.extend(body.tolist())

    shifts = (action > 0) | (action == ACCEPT)  # the latter: the text is complete
    targets = np.where(action > 0, action - 1, 0)
    table(L.R_SHIFTS, state[shifts], np.stack([terminal[shifts], targets[shifts]], axis=1))
    owner, symbol = np.nonzero(tables.goto >= 0)
    table(L.R_GOTOS, owner, np.stack([symbol, tables.goto[owner, symbol]], axis=1))
    rules = len(tables.rule_left)
    owner, rule, at = state[~shifts], -action[~shifts] - 1, terminal[~shifts]
    first, group = ranked(owner.astype(np.int64) * rules + rule)
    order = np.argsort(first)  # of a state's rules that first whose terminal comes first
    named = np.empty_like(order)
    named[order] = np.arange(len(order))
    sets = packed_sets(named[group], at, len(first), words)
    first = first[order]
    table(L.R_REDUCES, owner[first], np.concatenate([rule[first, None], sets], axis=1))
    out[L.R_SHIFT_SETS] = len(out)
    out += packed_sets(state[shifts], terminal[shifts], states, words).ravel().tolist()
    out[L.R_RULES] = len(out)
    out += np.stack([tables.rule_left, tables.rule_length], axis=1).ravel().tolist()
    return out


def packed_sets(owner: Array, member: Array, count: int, words: int) -> Ints:
    """int32[count, words]: the sets, as bits, of which these are members."""
    cells = np.zeros((count, 32 * words), bool)
    cells[owner, member] = True
    return np.packbits(cells, axis=1, bitorder="little").view(np.int32).reshape(count, words)


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
    plain = sum(not isinstance(grammar.nodes[nodes[i] - 1], Token) for i in listed)
    more = [plain, len(listed), *listed, len(empties), *empties, *nodes, 0]
    record = np.concatenate([record, np.array(more, np.int32)])
    record[L.R_NODES], record[L.R_EMPTIES] = at + 1, at + 2 + len(listed)
    record[L.R_NODE_OF] = at + 3 + len(listed) + len(empties)
    return Prepared(record, tuple(nodes), arrays.get("lexer"), arrays.get("watch"), bytes.fromhex(meta["key"]))


def tables_of(cfg: Cfg, limits: Limits) -> Made:
    """The record of rules but for their nodes, and the records of lexer and watch."""
    from constrain.engine.rules_lexer import reachable_labels, reading, unread, with_lexer
    from constrain.grammar.dead_ends import without_dead_ends
    from constrain.grammar.lalr import tables
    from constrain.grammar.lexing import lexer
    from constrain.grammar.lr_joined import with_joined_states

    lr = tables(cfg, limits)
    if not cfg.lexing:
        small, first = with_joined_states(lr, np.zeros(lr.n_states, np.int32))
        return {"record": np.array(_rules_parts(cfg, small, first), np.int32)}, {"key": ""}
    lex = lexer(cfg, lr, limits, waiting=True)
    reach = reachable_labels(lex, set_words(len(cfg.terminals)))
    live = without_dead_ends(cfg, lr, unread(cfg, lr, lex, reach), limits)
    read = reading(cfg, lr, lex, reach)
    start = read.lex.start[lr.context]
    small, first = with_joined_states(live, start)
    arrays, key = with_lexer(_rules_parts(cfg, small, first), start[first], read, reach)
    return arrays, {"key": key.hex()}


def _rules_parts(cfg: Cfg, lr: Tables, first: Ints) -> list[int]:
    """The record but for the lexer and the nodes. first: of each state its number before states were joined."""
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
    out[L.R_COVERED] = len(out)
    out += covered(lr).tolist()
    out[L.R_OPEN] = most_brackets(lr, brackets)
    out[L.R_FIRST] = len(out)
    out += first.tolist()
    out[L.R_ALONE] = len(out)
    out += alone(lr).tolist()
    return out
