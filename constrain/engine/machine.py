"""The pushdown machine: configurations, and the step of a set of them over one byte.

`step` reads configurations at `src` and appends those that follow to `dst`; work that consumes nothing (entering an
alternative, going on after a finished node) passes through the pending list. Every configuration that is emitted can
still be completed.
"""

from __future__ import annotations

from constrain.engine.becoming import beginning_so, can_differ, must_repeat
from constrain.engine.configurations import after, emit, node_at, pend, terminal_at
from constrain.engine.distinct import end_number, end_object
from constrain.engine.fresh import keep_fresh
from constrain.engine.interning import push, push_text
from constrain.engine.items import list_with
from constrain.engine.layout import (
    ARG, CFG, D_BODY, LIMIT_WORK, OP_ALT, OP_ARRAY, OP_FORWARD, OP_ITEMS, OP_LITERAL, OP_OBJECT, OP_RULES, OP_SEQ,
    OP_STRING, OP_TEXT, O_DEMANDS, O_OPTIONS, O_TERM, O_VALUES, PENDING, PH_AFTER, PH_COLON, PH_COMMA, PH_DONE, PH_IN,
    PH_KEY, PH_OPEN, PH_START, PH_VALUE, STATUS, S_CNT, S_LEVEL, S_PARENT, S_REG, S_UNIQ, WORK, WORK_LIMIT, WS_MAX,
    WS_MODE,
)  # fmt: skip
from constrain.engine.lexer import char_of, label_of, raw_step, string_step
from constrain.engine.objects import close_ok, demands_live, demands_met, key_ok, label_ok, take_label, take_option
from constrain.engine.rules import UNKNOWN, moves, step_rules
from constrain.engine.texts import ARRAY, END, KEY, NUMBER, OBJECT, STRING, WORD, note, text_with
from constrain.grammar.ir import MOST_COUNTED
from constrain.jit import engine_device as device


@device
def is_space(b):
    return b == 32 or b == 10 or b == 13 or b == 9


@device
def space_step(H, ph, n, level, b):
    """The whitespace count after whitespace byte b in phase ph, or -1 where it may not come."""
    if H[WS_MODE] == 0:
        return n + 1 if n < H[WS_MAX] else -1
    if ph == PH_COLON:
        return -1
    if ph == PH_VALUE:
        return 1 if n == 0 and b == 32 else -1
    if n == 0:
        return 1 if b == 10 else -1
    indent = level - 1 if ph == PH_AFTER else level
    return n + 1 if b == 32 and n < 1 + 2 * indent else -1


@device
def space_done(H, ph, n, level, closing):
    """May the next token (a closing bracket, if `closing`) come after n whitespace characters in phase ph?"""
    if H[WS_MODE] == 0:
        return True
    if ph == PH_COLON:
        return n == 0
    if ph == PH_VALUE:
        return n == 1
    if ph == PH_AFTER:
        return n == 1 + 2 * (level - 1) if closing else n == 0
    if closing:
        return n == 0
    return n == 1 + 2 * level


@device
def array_item(H, off, i):
    """Node id of item i of the array node at off, or -1."""
    if i < H[off + 1]:
        return H[off + 6 + i]
    return H[off + 2]


@device
def enter_options(H, off, j, st, p):
    """Put the values that a member with label j may have on the pending list, for an object with demands."""
    met = demands_met(H, off, H[st + S_REG])
    a = off + H[off + H[off + O_OPTIONS] + j]
    z = off + H[off + H[off + O_OPTIONS] + j + 1]
    for i in range(a, z, 2):
        gained = H[i + 1]
        # the first holds all others: one that meets no more adds no text
        if (i == a or met | gained != met | H[a + 1]) and demands_live(H, off, st, -1, met | gained):
            p = pend(H, p, H[i] << 4 | PH_START, 0, 0, 0, take_option(H, off, st, gained))
    return p


@device
def step_object(H, nid, off, ph, s, d, n, st, b, dst, k, p):
    """A configuration between the parts of an object. Returns (length of dst, length of pending)."""
    if ph == PH_KEY:
        t = terminal_at(H, H[off + O_TERM])
        if t == 0:
            return k, p
        if b == 34 and d == D_BODY:
            j = label_of(H, t, s)
            if j >= 0 and label_ok(H, off, st, j):
                k = emit(H, dst, k, nid << 4 | PH_COLON, j, 0, 0, take_label(H, off, st, j))
            return k, p
        s2, d2, c = string_step(H, t, s, d, b, -1, off, st)
        if s2 >= 0:
            if c > 0 and H[st + S_UNIQ] != 0:
                st = note(H, st, char_of(d, b))
            k = emit(H, dst, k, nid << 4 | PH_KEY, s2, d2, 0, st)
        return k, p
    level = H[st + S_LEVEL]
    if is_space(b):
        if H[WS_MODE] != 0 and n == 0:
            # a line break after `{` promises a key, one after a member promises the end
            if ph == PH_OPEN and not key_ok(H, off, st):
                return k, p
            if ph == PH_AFTER and not close_ok(H, off, st):
                return k, p
        n2 = space_step(H, ph, n, level, b)
        if n2 >= 0:
            k = emit(H, dst, k, nid << 4 | ph, s, d, n2, st)
        return k, p
    if ph == PH_COLON:
        if b == 58 and space_done(H, ph, n, level, False):
            k = emit(H, dst, k, nid << 4 | PH_VALUE, s, 0, 0, st)
        return k, p
    if ph == PH_VALUE:
        if space_done(H, ph, n, level, False):
            if H[off + O_DEMANDS] == 0:
                p = pend(H, p, H[off + H[off + O_VALUES] + s] << 4 | PH_START, 0, 0, 0, st)
            else:
                p = enter_options(H, off, s, st, p)
        return k, p
    if b == 125:
        if ph != PH_COMMA and space_done(H, ph, n, level, True) and close_ok(H, off, st):
            pos, st2 = after(H, end_object(H, H[st + S_PARENT]))
            k = emit(H, dst, k, pos, 0, 0, 0, st2)
        return k, p
    if ph == PH_AFTER:
        if b == 44 and space_done(H, ph, n, level, False) and key_ok(H, off, st):
            k = emit(H, dst, k, nid << 4 | PH_COMMA, 0, 0, 0, st)
        return k, p
    if b == 34 and space_done(H, ph, n, level, False) and key_ok(H, off, st):
        k = emit(H, dst, k, nid << 4 | PH_KEY, 0, D_BODY, 0, note(H, st, KEY))
    return k, p


@device
def items_state(H, off, st):
    """The state of an array's automaton (the array's frame is st)."""
    if H[off + 4] == 0:
        return H[st + S_REG]
    return H[H[st + S_REG] + 4] if H[st + S_REG] != 0 else 0


@device
def step_lives(H, off, st, q):
    """May an item lead to state q of the automaton now?"""
    a = off + 5 + 3 * q
    cnt = H[st + S_CNT] + 1
    if H[off + 3] >= 0 and cnt + H[a] > H[off + 3]:
        return False
    return H[a] < MOST_COUNTED and (H[a + 1] < 0 or cnt + H[a + 1] >= H[off + 2])


@device
def more_items(H, off, st):
    """May another item come?"""
    cnt = H[st + S_CNT]
    if H[off] == OP_ARRAY:
        return (H[off + 4] < 0 or cnt < H[off + 4]) and array_item(H, off, cnt) >= 0
    a = off + 5 + 3 * items_state(H, off, st)
    for i in range(off + H[a + 2], off + H[a + 5], 2):  # noqa: SIM110 (kernels have no generators)
        if step_lives(H, off, st, H[i + 1]):
            return True
    return False


@device
def may_end(H, off, st):
    """May the array end?"""
    if H[off] == OP_ARRAY:
        return H[st + S_CNT] >= H[off + 3]
    return H[off + 5 + 3 * items_state(H, off, st)] == 0 and H[st + S_CNT] >= H[off + 2]


@device
def enter_items(H, nid, off, st, p):
    """Put what the next item may be on the pending list, for an array with an automaton."""
    cnt = H[st + S_CNT] + 1
    a = off + 5 + 3 * items_state(H, off, st)
    if H[off + 3] < 0:
        cnt = min(cnt, H[off + 2])
    for i in range(off + H[a + 2], off + H[a + 5], 2):
        q = H[i + 1]
        if step_lives(H, off, st, q):
            if H[off + 4] == 0:
                st2 = push(H, nid, q, cnt, H[st + S_PARENT], 1)
            elif H[off + 4] == 2 and q >= H[off + 1] // 2:
                st2 = push(H, nid, list_with(H, 0, 0, q), cnt, H[st + S_PARENT], 1)
            else:
                values = list_with(H, H[st + S_REG], 0, q)
                st2 = push_text(H, nid, values, cnt, H[st + S_PARENT], 3, text_with(H, 0, 0))
            p = pend(H, p, H[i] << 4 | PH_START, 0, 0, 0, st2)
    return p


@device
def step_array(H, nid, off, ph, n, st, b, dst, k, p):
    """A configuration between the items of an array. Returns (length of dst, length of pending)."""
    level = H[st + S_LEVEL]
    more = more_items(H, off, st)
    if is_space(b):
        if H[WS_MODE] != 0 and n == 0:
            if ph == PH_OPEN and not more:
                return k, p
            if ph == PH_AFTER and not may_end(H, off, st):
                return k, p
        n2 = space_step(H, ph, n, level, b)
        if n2 >= 0:
            k = emit(H, dst, k, nid << 4 | ph, 0, 0, n2, st)
        return k, p
    if b == 93:
        if ph != PH_COMMA and may_end(H, off, st) and space_done(H, ph, n, level, True):
            pos, st2 = after(H, note(H, H[st + S_PARENT], END))
            k = emit(H, dst, k, pos, 0, 0, 0, st2)
            return k, p
    if ph == PH_AFTER:
        if b == 44 and more and space_done(H, ph, n, level, False):
            k = emit(H, dst, k, nid << 4 | PH_COMMA, 0, 0, 0, st)
        return k, p
    if more and b != 93 and space_done(H, ph, n, level, False):
        if H[off] == OP_ITEMS:
            return k, enter_items(H, nid, off, st, p)
        cnt = H[st + S_CNT]
        c2 = cnt + 1
        if H[off + 4] < 0:
            c2 = min(c2, H[off + 5])
        p = pend(H, p, array_item(H, off, cnt) << 4 | PH_START, 0, 0, 0, push(H, nid, 0, c2, H[st + S_PARENT], 1))
    return k, p


@device
def step_string(H, nid, off, s, d, n, st, b, dst, k):
    """A configuration inside a JSON string. Returns the length of dst."""
    t = terminal_at(H, H[off + 1])
    if t == 0:
        return k
    lo, hi = H[off + 2], H[off + 3]
    if b == 34 and d == D_BODY:
        if n >= lo and label_of(H, t, s) >= 0:
            pos, st2 = after(H, st)
            k = emit(H, dst, k, pos, 0, 0, 0, st2)
        return k
    s2, d2, c = string_step(H, t, s, d, b, hi - n if hi >= 0 else -1, 0, 0)
    if s2 >= 0:
        n2 = n + c
        if hi < 0:
            n2 = min(n2, lo)
        if st != 0 and H[st + S_UNIQ] != 0:
            if c > 0:
                st = note(H, st, char_of(d, b))
            if not can_differ(H, st, t, s2, d2, max(lo - n2, 0), hi - n2 if hi >= 0 else -1):
                return k
        k = emit(H, dst, k, nid << 4 | PH_IN, s2, d2, n2, st)
    return k


@device
def begin_string(H, nid, off, st, dst, k):
    """The opening quote of a JSON string. Returns the length of dst."""
    if st != 0 and H[st + S_UNIQ] != 0:
        t = terminal_at(H, H[off + 1])
        st = note(H, st, STRING)
        if t == 0 or not can_differ(H, st, t, 0, D_BODY, H[off + 2], H[off + 3]):
            return k
    return emit(H, dst, k, nid << 4 | PH_IN, 0, D_BODY, 0, st)


@device
def enter_sequence(H, nid, off, st, p):
    """Put the start of a sequence on the pending list; returns its length."""
    if H[off + 1] == 0:
        pos, st2 = after(H, st)
        return pend(H, p, pos, 0, 0, 0, st2)
    if H[off + 1] == 1:
        return pend(H, p, H[off + 2] << 4 | PH_START, 0, 0, 0, st)
    return pend(H, p, H[off + 2] << 4 | PH_START, 0, 0, 0, push(H, nid, 0, 0, st, 0))


@device
def may_begin(H, nid, b):
    """False when it shows at once that no text of the node begins with byte b."""
    off = node_at(H, nid)
    if off == 0:
        return True
    op = H[off]
    if op == OP_STRING:
        return b == 34
    if op == OP_OBJECT:
        return b == 123
    if op in (OP_ARRAY, OP_ITEMS):
        return b == 91
    if op == OP_LITERAL:
        return H[off + 2] == b
    return True


@device
def step(H, src, m, b, dst):
    """Step the m configurations at src over byte b; write what follows to dst and return how many they are."""
    k = 0
    pending = H[PENDING]
    for i in range(m):
        for j in range(CFG):
            H[pending + j] = H[src + CFG * i + j]
        p = 1
        while p > 0:
            p -= 1
            H[WORK] += 1
            if H[STATUS] != 0:
                return 0
            if H[WORK] > H[WORK_LIMIT]:
                H[STATUS] = LIMIT_WORK
                H[ARG] = H[WORK_LIMIT]
                return 0
            c = pending + CFG * p
            pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
            ph = pos & 15
            if ph == PH_DONE:
                continue
            nid = pos >> 4
            off = node_at(H, nid)
            if off == 0:
                return 0
            op = H[off]
            if op == OP_OBJECT:
                if ph != PH_START:
                    k, p = step_object(H, nid, off, ph, s, d, n, st, b, dst, k, p)
                elif b == 123:
                    k = emit(H, dst, k, nid << 4 | PH_OPEN, 0, 0, 0, push(H, nid, 0, 0, note(H, st, OBJECT), 1))
            elif op == OP_STRING:
                if ph != PH_START:
                    k = step_string(H, nid, off, s, d, n, st, b, dst, k)
                elif b == 34:
                    k = begin_string(H, nid, off, st, dst, k)
            elif op in (OP_ARRAY, OP_ITEMS):
                if ph != PH_START:
                    k, p = step_array(H, nid, off, ph, n, st, b, dst, k, p)
                elif b == 91:
                    k = emit(H, dst, k, nid << 4 | PH_OPEN, 0, 0, 0, push(H, nid, 0, 0, note(H, st, ARRAY), 1))
            elif op == OP_LITERAL:
                at = 0 if ph == PH_START else s
                if H[off + 2 + at] == b:
                    if st != 0 and H[st + S_UNIQ] != 0:
                        st = note(H, note(H, st, WORD) if at == 0 else st, b)
                        if H[st + S_UNIQ] == st and not must_repeat(H, st) and beginning_so(H, st) > 0:
                            continue
                    if at + 1 < H[off + 1]:
                        k = emit(H, dst, k, nid << 4 | PH_IN, at + 1, 0, 0, st)
                    else:
                        pos2, st2 = after(H, st)
                        k = emit(H, dst, k, pos2, 0, 0, 0, st2)
            elif op == OP_TEXT:
                t = terminal_at(H, H[off + 1])
                if t == 0:
                    return 0
                if d == D_BODY and label_of(H, t, s) >= 0:
                    pos2, st2 = after(H, end_number(H, st))
                    p = pend(H, p, pos2, 0, 0, 0, st2)
                s2, d2 = raw_step(H, t, s, d, b)
                if s2 >= 0:
                    if st != 0 and H[st + S_UNIQ] != 0:
                        st = note(H, note(H, st, NUMBER) if ph == PH_START else st, b)
                        if not can_differ(H, st, t, s2, D_BODY, 0, -1):
                            continue
                    k = emit(H, dst, k, nid << 4 | PH_IN, s2, d2, 0, st)
            elif op == OP_ALT:
                for j in range(H[off + 1]):
                    if may_begin(H, H[off + 2 + j], b):
                        p = pend(H, p, H[off + 2 + j] << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_SEQ:
                p = enter_sequence(H, nid, off, st, p)
            elif op == OP_RULES:
                k, p = step_rules(H, nid, off, ph, s, d, n, st, b, dst, k, p)
            elif op == OP_FORWARD:
                p = pend(H, p, H[off + 1] << 4 | PH_START, 0, 0, 0, st)
    if H[STATUS] != 0:
        return 0
    return keep_fresh(H, dst, k)


@device
def accepts(H, src, m):
    """Is the whole text complete in one of the m configurations at src?"""
    pending = H[PENDING]
    for i in range(m):
        for j in range(CFG):
            H[pending + j] = H[src + CFG * i + j]
        p = 1
        while p > 0:
            p -= 1
            H[WORK] += 1
            if H[STATUS] != 0:
                return False
            if H[WORK] > H[WORK_LIMIT]:
                H[STATUS] = LIMIT_WORK
                H[ARG] = H[WORK_LIMIT]
                return False
            c = pending + CFG * p
            pos, s, d, n, st = H[c], H[c + 1], H[c + 2], H[c + 3], H[c + 4]
            ph = pos & 15
            if ph == PH_DONE:
                return True
            off = node_at(H, pos >> 4)
            if off == 0:
                return False
            op = H[off]
            if op == OP_RULES:
                p = moves(H, pos >> 4, off, ph, s, d, n, st, UNKNOWN, 1, p)
            if ph != PH_START and ph != PH_IN:
                continue
            if op == OP_TEXT:
                t = terminal_at(H, H[off + 1])
                if t == 0:
                    return False
                if d == D_BODY and label_of(H, t, s) >= 0:
                    pos2, st2 = after(H, st)
                    p = pend(H, p, pos2, 0, 0, 0, st2)
            elif op == OP_ALT:
                for j in range(H[off + 1]):
                    p = pend(H, p, H[off + 2 + j] << 4 | PH_START, 0, 0, 0, st)
            elif op == OP_SEQ:
                p = enter_sequence(H, pos >> 4, off, st, p)
            elif op == OP_FORWARD:
                p = pend(H, p, H[off + 1] << 4 | PH_START, 0, 0, 0, st)
    return False
