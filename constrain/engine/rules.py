"""Rules in the machine: what a configuration of a context-free grammar does without reading a byte, and with one.

Between tokens of a lexing grammar nothing is stored: a configuration stands inside a token (`PH_IN`), whose end is
decided when the next byte is known. A token ends only where no longer one is found: while one may still be found, the
configuration has a *watch*, the state of an automaton that follows the same characters; the configuration is dropped
when the longer token is complete there. There are at most two at once, packed into n: w + 1, and of the other << 15.
"""

from __future__ import annotations

from constrain.engine.configurations import after, emit, node_at, pend
from constrain.engine.interning import push
from constrain.engine.layout import (
    ARG, CFG, COLUMNS, D_BODY, LIMIT_DEPTH, LIMIT_LOOKAHEAD, LOOKAHEAD, LR_WORK_END, OP_LITERAL, OP_RULES, PENDING,
    PH_AFTER, PH_BLANK, PH_DONE, PH_IN, PH_INDENT, PH_START, PH_TAKE, R_BLANK, R_DEDENT, R_EMPTIES, R_EXITS, R_INDENT,
    R_LEXER, R_LEXER_START, R_NESTED, R_NEWLINE, R_NODES, R_NODE_OF, R_REDUCES, R_START, R_TAB, R_TERMINALS, R_WATCH,
    R_WORDS, SCRATCH_END, STATUS, S_CNT, S_PARENT, S_REG, TD_BOUNDS, TD_NINT, WORK,
)  # fmt: skip
from constrain.engine.lexer import dfa_step, label_of, raw_step, rules_step
from constrain.engine.lr import (
    COLUMN, dropped, has_bit, looked, may_take, outer_column, reduced, reduced_far, shift_of, shifted, token_lives,
    viable,
)  # fmt: skip
from constrain.engine.watches import char_range, joined, next_bound, watch_byte, watch_char, watch_ends
from constrain.jit import engine_device as device
from constrain.vocabulary.special import FOREIGN

UNKNOWN = -1  # the next byte is not known, a superset of what may come is wanted
ANY_BYTE = -2  # the next byte is not known, watches are kept
MOST_AHEAD = LOOKAHEAD // 3  # pairs of states looked at to see that a token may end although a longer one has begun


@device
def boundary(H, nid, off, end, n, st, p):
    """Pend what may come between two tokens; returns the length of the pending list.

    end: 1 at the end of the text, else 0. n: the watches.
    """
    looked(H, st)
    if end != 0:
        if H[off + R_NEWLINE] >= 0:
            H[COLUMNS] = 1
        if H[off + R_NEWLINE] >= 0 and H[st + S_CNT] & COLUMN > 0:
            return pend(H, p, nid << 4 | PH_TAKE, H[off + R_DEDENT], 1, 0, st)
        empties = off + H[off + R_EMPTIES]
        for i in range(H[empties]):
            if may_take(H, off, st, H[empties + 1 + i]):
                p = pend(H, p, nid << 4 | PH_TAKE, H[empties + 1 + i], 0, 0, st)
        return pend(H, p, nid << 4 | PH_TAKE, H[off + R_TERMINALS], 1, 0, st)
    if H[off + R_LEXER] != 0:
        s = H[off + H[off + R_LEXER_START] + H[st + S_REG]]
        if s >= 0:
            p = pend(H, p, nid << 4 | PH_IN, s, D_BODY, n, st)
    nodes = off + H[off + R_NODES]
    if H[nodes] > 0:
        set_ = viable(H, off, st)
        if set_ == 0:
            return p
        for i in range(H[nodes]):
            if has_bit(H, set_, H[nodes + 1 + i]):
                p = pend(H, p, nid << 4 | PH_TAKE, H[nodes + 1 + i], 0, n, st)
    return p


@device
def settle(H, nid, off, end, column, st, deeper, p):
    """After a line end, or the end of a block: begin a block (if `deeper`), end one, or go on in the open one."""
    looked(H, st)
    H[COLUMNS] = 1
    here = H[st + S_CNT] & COLUMN
    if column < here:
        return pend(H, p, nid << 4 | PH_TAKE, H[off + R_DEDENT], end, column, st)
    if column > here:
        if deeper != 0:
            return pend(H, p, nid << 4 | PH_TAKE, H[off + R_INDENT], end, column, st)
        return p
    return boundary(H, nid, off, end, 0, st, p)


@device
def is_special(H, node):
    """Is the node a special token? Where one comes, no text goes on."""
    at = node_at(H, node)
    return at != 0 and H[at] == OP_LITERAL and H[at + 2] >= FOREIGN


@device
def take(H, nid, off, t, end, n, st, p):
    """Pend what follows from taking terminal t on stack st; returns the length of the pending list.

    n: the watches; for line ends and the ends and beginnings of blocks the column of the next line.
    """
    st = reduced_far(H, off, st, t)
    target = shift_of(H, off, st, t)
    if target >= 0:
        if t == H[off + R_TERMINALS]:
            pos, st2 = after(H, H[H[st + S_PARENT] + S_PARENT])
            p = pend(H, p, pos, 0, 0, 0, st2)
        elif H[off + H[off + R_NODE_OF] + t] != 0:
            node = H[off + H[off + R_NODE_OF] + t]
            special = n > 0 and is_special(H, node)
            if n > 0 and not special and H[STATUS] == 0:
                H[STATUS] = LIMIT_LOOKAHEAD
            if not (special and watch_ends(H, H[off + R_WATCH], n)):
                st2 = shifted(H, off, st, t, target, -1)
                p = pend(H, p, node << 4 | PH_START, 0, 0, 0, st2)
        elif t == H[off + R_INDENT]:
            p = boundary(H, nid, off, end, 0, shifted(H, off, st, t, target, n), p)
        elif t == H[off + R_DEDENT]:
            p = settle(H, nid, off, end, n, shifted(H, off, st, t, target, outer_column(H, st)), 0, p)
        elif t == H[off + R_NEWLINE]:
            p = settle(H, nid, off, end, n, shifted(H, off, st, t, target, -1), 1, p)
        else:
            p = boundary(H, nid, off, end, n, shifted(H, off, st, t, target, -1), p)
    at = off + H[off + H[off + R_REDUCES] + H[st + S_REG]]
    size = 1 + H[off + R_WORDS]
    for i in range(H[at]):
        rule = at + 1 + i * size
        if has_bit(H, rule + 1, t):
            p = pend(H, p, nid << 4 | PH_TAKE, t, end, n, reduced(H, off, st, H[rule]))
    return p


@device
def leave(H, nid, off, x, end, n, st, p):
    """Pend what follows when a token ends with exit x. n: the watches."""
    label = H[off + H[off + R_EXITS] + 2 * x]
    if dropped(H, off, st, label):
        return boundary(H, nid, off, end, n, st, p)
    if label == H[off + R_NEWLINE]:
        if end == 0:
            return pend(H, p, nid << 4 | PH_INDENT, 0, 0, 0, st)
        return pend(H, p, nid << 4 | PH_TAKE, label, 1, 0, st)
    return pend(H, p, nid << 4 | PH_TAKE, label, end, n, st)


@device
def end_token(H, nid, off, s, n, st, b, end, p):
    """Pend what follows when the token that the lexer's state s stands in ends here, before byte b."""
    x = label_of(H, H[off + R_LEXER], s)
    if x < 0:
        return p
    watch = H[off + R_WATCH]
    if end != 0:
        return p if watch_ends(H, watch, n) else leave(H, nid, off, x, end, 0, st, p)
    if b >= FOREIGN:  # a special token: no text comes, as at the end
        return p if watch_ends(H, watch, n) else leave(H, nid, off, x, end, 0, st, p)
    if b == UNKNOWN:
        return leave(H, nid, off, x, end, 0, st, p)
    n2 = H[off + H[off + R_EXITS] + 2 * x + 1] + 1
    if 0 <= b < 128:
        # what this byte settles is not kept
        if n2 != 0:
            after_b = watch_char(H, watch, n2, b)
            if after_b < 0:
                return p
            if after_b == 0:
                n2 = 0
        if n != 0:
            after_b = watch_char(H, watch, n, b)
            if after_b < 0:
                return p
            if after_b == 0:
                n = 0
    if n != 0 and n2 != 0 and n > 0x7FFF and n2 != n & 0x7FFF and n2 != n >> 15:
        if H[STATUS] == 0:
            H[STATUS] = LIMIT_LOOKAHEAD
        return p
    if n <= 0x7FFF:
        n2 = joined(n, n2)
    else:
        n2 = n
    return leave(H, nid, off, x, end, n2, st, p)


@device
def column_after(H, off, n, b):
    """The column after byte b at column n before a line, or -1 when b belongs to the line."""
    if b == 32:
        n += 1
    elif b == 9:
        n += H[off + R_TAB]
    else:
        return -1
    if n >= COLUMN and H[STATUS] == 0:
        H[STATUS] = LIMIT_DEPTH
        H[ARG] = COLUMN
    return n


@device
def begins_blank(H, off, b):
    """Does a byte after a line end and spaces belong to a blank line?"""
    return b < 128 and dfa_step(H, H[off + R_LEXER], H[off + R_BLANK], b) >= 0


@device
def before_line(H, off, b):
    """May byte b come between a line end and the line that follows?"""
    return b == 32 or b == 9 or begins_blank(H, off, b)


@device
def moves(H, nid, off, ph, s, d, n, st, b, end, p):
    """Pend all that a configuration of rules does without reading: b is the byte that follows (see UNKNOWN)."""
    if ph == PH_TAKE:
        return take(H, nid, off, s, d, n, st, p)
    if ph == PH_IN:
        return end_token(H, nid, off, s, n, st, b, end, p) if d == D_BODY else p
    if ph == PH_AFTER:
        return boundary(H, nid, off, end, 0, st, p)
    if ph == PH_START:
        bottom = push(H, nid, H[off + R_START], 0, st, 0)
        if end == 0 and H[off + R_NEWLINE] >= 0:
            return pend(H, p, nid << 4 | PH_INDENT, 1, 0, 0, bottom)
        return boundary(H, nid, off, end, 0, bottom, p)
    lexer = H[off + R_LEXER]
    if ph == PH_INDENT:
        if end == 0:
            if column_after(H, off, n, b) >= 0:
                return p
            blank = b < 0 or begins_blank(H, off, b)
            if s != 0:  # the first line: no spaces before it, but for a blank one
                return boundary(H, nid, off, 0, 0, st, p) if n == 0 or blank else p
            if blank:
                p = pend(H, p, nid << 4 | PH_BLANK, H[off + R_BLANK], D_BODY, 0, st)
                if b >= 0:
                    return p
        elif s != 0:
            return boundary(H, nid, off, end, 0, st, p)
        return pend(H, p, nid << 4 | PH_TAKE, H[off + R_NEWLINE], end, 0 if end != 0 else n, st)
    if d == D_BODY:  # PH_BLANK
        if end != 0:
            s2 = dfa_step(H, lexer, s, 10)  # the end of the text ends the line
            if label_of(H, lexer, s) >= 0 or (s2 >= 0 and label_of(H, lexer, s2) >= 0):
                p = end_blank(H, nid, off, n, st, p)
        elif label_of(H, lexer, s) >= 0:
            p = pend(H, p, nid << 4 | PH_INDENT, n, 0, 0, st)
    return p


@device
def end_blank(H, nid, off, first, st, p):
    """Pend what follows where the text ends with a blank line. first: 1 before the first line."""
    if first != 0:
        return boundary(H, nid, off, 1, 0, st, p)
    return pend(H, p, nid << 4 | PH_TAKE, H[off + R_NEWLINE], 1, 0, st)


@device
def all_moves(H, nid, off, ph, s, d, n, st, b, p):
    """`moves`, and where other nodes may follow also those at the end of what the rules describe: any split counts."""
    p = moves(H, nid, off, ph, s, d, n, st, b, 0, p)
    if H[off + R_NESTED] != 0 and ph != PH_TAKE:
        p = moves(H, nid, off, ph, s, d, n, st, b, 1, p)
    return p


@device
def escapes(H, nid, off, s, n, st, p):
    """Can a configuration with watches n still be completed: is there a text on which the longer tokens fail first?

    Looks ahead through the pairs of states that both can reach. Where that does not settle it the status says so.
    """
    lexer, watch = H[off + R_LEXER], H[off + R_WATCH]
    pairs = H[LR_WORK_END]  # arena.py leaves room there
    H[pairs], H[pairs + 1], H[pairs + 2] = s, n, st
    size, at = 1, 0
    while at < size:
        s, n, st2 = H[pairs + 3 * at], H[pairs + 3 * at + 1], H[pairs + 3 * at + 2]
        at += 1
        if label_of(H, lexer, s) >= 0:
            # the token may end: then the next one begins under the same watch, or the text ends
            base = p
            q = end_token(H, nid, off, s, n, st2, UNKNOWN, 1, base)
            found = False
            while q > base:
                q -= 1
                c = H[PENDING] + CFG * q
                pos = H[c]
                if pos >> 4 != nid or pos & 15 != PH_TAKE:
                    found = True
                    break
                q = take(H, nid, off, H[c + 1], H[c + 2], 0, H[c + 4], q)
            if found:
                return True
            q = end_token(H, nid, off, s, n, st2, ANY_BYTE, 0, base)
            while q > base:
                q -= 1
                c = H[PENDING] + CFG * q
                pos = H[c]
                if pos >> 4 == nid and pos & 15 == PH_TAKE:
                    q = take(H, nid, off, H[c + 1], H[c + 2], H[c + 3], H[c + 4], q)
                elif pos >> 4 != nid or pos & 15 != PH_IN:
                    return True
                elif size < MOST_AHEAD:
                    H[pairs + 3 * size], H[pairs + 3 * size + 1], H[pairs + 3 * size + 2] = H[c + 1], H[c + 3], H[c + 4]
                    size += 1
        for i in range(H[lexer + TD_NINT]):
            char = H[lexer + H[lexer + TD_BOUNDS] + i]
            if 0xD800 <= char <= 0xDFFF:
                continue
            s2 = dfa_step(H, lexer, s, char)
            if s2 < 0 or not token_lives(H, off, st2, s2):
                continue
            n2 = watch_char(H, watch, n, char)
            if n2 == 0:
                return True
            if n2 < 0:
                continue
            known = False
            for j in range(size):
                if H[pairs + 3 * j] == s2 and H[pairs + 3 * j + 1] == n2 and H[pairs + 3 * j + 2] == st2:
                    known = True
                    break
            if known:
                continue
            if size == MOST_AHEAD:
                H[STATUS] = LIMIT_LOOKAHEAD
                return True
            H[pairs + 3 * size], H[pairs + 3 * size + 1], H[pairs + 3 * size + 2] = s2, n2, st2
            size += 1
        if H[STATUS] != 0:
            return True
    return False


@device
def begun_escapes(H, nid, off, s, d, n, st, p):
    """`escapes` inside a character, of which the decoder's state d knows the first bytes."""
    lexer, watch = H[off + R_LEXER], H[off + R_WATCH]
    c, hi = char_range(d)
    while c <= hi:
        if not 0xD800 <= c <= 0xDFFF:
            s2 = dfa_step(H, lexer, s, c)
            n2 = watch_char(H, watch, n, c) if s2 >= 0 and token_lives(H, off, st, s2) else -1
            if n2 == 0 or (n2 > 0 and escapes(H, nid, off, s2, n2, st, p)):
                return True
        c = min(next_bound(H, lexer, c), next_bound(H, watch, c))
    return False


@device
def step_rules(H, nid, off, ph, s, d, n, st, b, dst, k, p):
    """A configuration of rules and the byte b. Returns (length of dst, length of pending)."""
    p = all_moves(H, nid, off, ph, s, d, n, st, b, p)
    if ph == PH_IN:
        s2, d2 = rules_step(H, H[off + R_LEXER], s, d, b, off, st)
        if s2 >= 0:
            n2 = 0
            if n > 0:
                n2 = watch_byte(H, H[off + R_WATCH], n, d, b)
                if n2 > 0 and d2 == D_BODY and not escapes(H, nid, off, s2, n2, st, p):
                    return k, p
                if n2 < 0 or (n2 > 0 and d2 != D_BODY and not begun_escapes(H, nid, off, s2, d2, n2, st, p)):
                    return k, p
            k = emit(H, dst, k, nid << 4 | PH_IN, s2, d2, n2, st)
    elif ph == PH_INDENT:
        n = column_after(H, off, n, b)
        if n >= 0:
            k = emit(H, dst, k, nid << 4 | PH_INDENT, s, 0, n, st)
    elif ph == PH_BLANK:
        s2, d2 = raw_step(H, H[off + R_LEXER], s, d, b)
        if s2 >= 0:
            k = emit(H, dst, k, nid << 4 | PH_BLANK, s2, d2, n, st)
    return k, p


@device
def stay_inside(H, X, c, i, z, dst):
    """Follow the bytes X[i:z] from the configuration at c while they stay in a token that can't end before any of them.

    The configuration after them goes to dst. Returns where they end, i where there are none; -1: no token comes of it.
    """
    pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
    if pos & 15 != PH_IN or d != D_BODY or n != 0 or dst + CFG > H[SCRATCH_END]:
        return i
    off = node_at(H, pos >> 4)
    if off == 0 or H[off] != OP_RULES or H[off + R_LEXER] == 0 or H[off + R_NESTED] != 0:
        return i
    t, exits, first = H[off + R_LEXER], off + H[off + R_EXITS], i
    while i < z and X[i] < 128:
        s2 = dfa_step(H, t, s, X[i])
        x = label_of(H, t, s)
        if s2 < 0:
            break
        if x >= 0:
            w = H[exits + 2 * x + 1]
            if w < 0 or watch_char(H, H[off + R_WATCH], w + 1, X[i]) >= 0:
                break
        s = s2
        i += 1
    if i == first:
        return i
    H[WORK] += i - first
    H[dst], H[dst + 1], H[dst + 2], H[dst + 3], H[dst + 4] = pos, s, d, n, st
    return i if i < z or token_lives(H, off, st, s) else -1


@device
def after_exit(H, nid, off, ph, x, n, st, dst):
    """Write to dst the configurations after the token that ends with exit x, before the next byte; returns how many."""
    nested = H[off + R_NESTED] != 0
    if ph == PH_BLANK:
        p = pend(H, 0, nid << 4 | PH_INDENT, n, 0, 0, st)
        if nested:
            p = end_blank(H, nid, off, n, st, p)
        return settled(H, p, dst)
    p = leave(H, nid, off, x, 0, H[off + H[off + R_EXITS] + 2 * x + 1] + 1, st, 0)
    if nested:
        p = leave(H, nid, off, x, 1, 0, st, p)
    return settled(H, p, dst)


@device
def at_line(H, nid, off, column, st, dst):
    """Write to dst the configurations where a line begins at a column, before its first byte; returns how many."""
    return settled(H, pend(H, 0, nid << 4 | PH_TAKE, H[off + R_NEWLINE], 0, column, st), dst)


@device
def settled(H, p, dst):
    """Write to dst what the pending list of p leads to without the next byte, special tokens apart; returns how many.

    (A special token is the whole of the next one, so whoever walks a trie here looks at these once, at its root.)
    """
    k = 0
    while p > 0 and H[STATUS] == 0:
        p -= 1
        c = H[PENDING] + CFG * p
        pos, s, d, m, st2 = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
        if pos & 15 == PH_DONE:
            continue
        there = pos >> 4
        off2 = node_at(H, there)
        if off2 == 0:
            return 0
        ph2 = pos & 15
        if H[off2] == OP_RULES and ph2 in (PH_TAKE, PH_AFTER):
            p = all_moves(H, there, off2, ph2, s, d, m, st2, ANY_BYTE, p)
        elif ph2 != PH_START or not is_special(H, there):
            k = emit(H, dst, k, pos, s, d, m, st2)
    return k
