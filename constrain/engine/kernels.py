"""The entry points of the compiled code. Importing this module compiles the kernels, or loads them from the cache.

All take the arena H and the store X (see layout.py), B the store's rows of bits [rows, words], and return a value
>= 0, or -1 when H[STATUS] says what Python has to do first (emit a node, build an entry, grow the arena, raise).
`accept` and `fill` are called at every token and take handles of the arrays (`jit.handle`).
"""

from __future__ import annotations

from pathlib import Path

from constrain import jit
from constrain.engine import (
    becoming, blanks, bytesets, configurations, differing, distinct, entries, exits, filters, frames, fresh, interning,
    items, keeping, layout, lexeme_entries, lexemes, lexer, lr, machine, masks, memo, objects, records, rules, splices,
    summaries, texts, tries, watches,
)  # fmt: skip
from constrain.engine.interning import intern_state, push_text, seen_with
from constrain.engine.items import list_with
from constrain.engine.keeping import carry
from constrain.engine.layout import (
    ARG, ASKED, BUMP, CAP, CFG, K_Y, NEED_ANSWER, NEED_SCRATCH, NEED_SPACE, NEW_MASK, PH_START, PLACE, PLACE_BYTES,
    RESERVE, SCRATCH, SCRATCH_END, STATE_HEAD, STATUS, TABLE_COUNT, TABLE_SIZE, WORK, X_DATA, X_OFFSETS,
)  # fmt: skip
from constrain.engine.machine import accepts, step
from constrain.engine.masks import make_mask
from constrain.engine.records import apply_record
from constrain.engine.rules import stay_inside
from constrain.engine.texts import text_with
from constrain.engine.tries import build_trie

_MODULES = (
    becoming, blanks, bytesets, configurations, differing, distinct, entries, exits, filters, frames, fresh, interning,
    items, keeping, layout, lexeme_entries, lexemes, lexer, lr, machine, masks, memo, objects, records, rules, splices,
    summaries, texts, tries, watches,
)  # fmt: skip


@jit.engine_device
def begin(H):
    """Before anything is done."""
    H[STATUS] = 0
    H[WORK] = 0
    H[PLACE] = 0
    while H[ASKED] != 0:  # nobody needs the answers any more
        asked = H[ASKED]
        before = H[asked + K_Y]
        H[asked + K_Y] = 0
        H[ASKED] = before if before != asked else 0


@jit.engine_device
def interrupted(H):
    """Has Python to do something first? What was done since depends on it."""
    if H[STATUS] == 0 and H[ASKED] != 0:
        H[STATUS] = NEED_ANSWER
    return H[STATUS] != 0


@jit.engine_device
def finish_state(H, src, m):
    accepting = 1 if accepts(H, src, m) else 0
    if H[STATUS] != 0:
        return -1
    state = intern_state(H, src, m, accepting)
    return -1 if H[STATUS] != 0 else state


@jit.engine_device
def advance(H, X, state, token):
    """The state after a token; 0: not allowed, or a token without bytes."""
    begin(H)
    a = X[X[X_OFFSETS] + token]
    z = X[X[X_OFFSETS] + token + 1]
    if a == z:
        return 0
    src = state + STATE_HEAD
    m = H[state + 4]
    at = H[SCRATCH]
    i, z = X[X_DATA] + a, X[X_DATA] + z
    while i < z:
        k = 1
        j = stay_inside(H, X, src, i, z, at) if m == 1 else i
        if j == i:
            k = step(H, src, m, X[i], at)
            j = i + 1
        if H[STATUS] != 0:
            return -1
        if k == 0 or j < 0:
            return 0
        i = j
        src, m = at, k
        at += CFG * k
    return -1 if interrupted(H) else finish_state(H, src, m)


@jit.engine_device
def write_mask(H, X, B, mask, state):
    if H[state + 2] != 0:
        apply_record(H, X, B, mask, H[state + 2])
        return 1
    H[STATUS] = NEW_MASK
    return -1


@jit.engine_device
def new_mask(H, X, B, mask, state):
    """`write_mask` for a state that has no mask yet; it may add entries to the store, so the store's lock is held."""
    begin(H)
    make_mask(H, X, B, mask, state)
    return -1 if interrupted(H) else 1


@jit.engine_device
def fill_rows(H, X, B, mask, data, n, first):
    """Fill row data[n + i] of the flat `mask` for state data[i], first <= i < n. Returns how many are done."""
    words = B.shape[1]
    for i in range(first, n):
        row = data[n + i] * words
        if write_mask(H, X, B, mask[row : row + words], data[i]) < 0:
            return i
    return n


@jit.engine_device
def keep_place(H, src, m, n):
    """Note in PLACE the state that n bytes have led to, so that a long text need not be read from its beginning."""
    status, arg, cap = H[STATUS], H[ARG], H[CAP]
    if status == NEED_SPACE:  # what is in reserve serves, as long as the table does not grow
        if 4 * (H[TABLE_COUNT] + RESERVE // 4) > 3 * H[TABLE_SIZE]:
            return
        H[CAP] = H[BUMP] + RESERVE + 4 * H[TABLE_SIZE]
    H[STATUS] = 0
    place = finish_state(H, src, m)
    H[CAP] = cap
    if H[STATUS] == 0:
        H[PLACE], H[PLACE_BYTES] = place, n
    H[STATUS], H[ARG] = status, arg


@jit.engine_device
def run_bytes(H, state, data, limit, forced):
    """forced 0: the state after the `limit` bytes in data; where they lead nowhere, 0, and the bytes taken in H[ARG].
    Where the text was interrupted, PLACE says where to go on.

    forced 1: write to data the bytes that are forced from the state on, at most `limit`; returns how many.
    """
    begin(H)
    src, m, at = state + STATE_HEAD, H[state + 4], H[SCRATCH]
    n = 0
    while n < limit:
        k = 0
        if forced == 0:
            k = step(H, src, m, data[n], at)
        else:
            if accepts(H, src, m):
                break
            found = -1
            for b in range(256):
                if step(H, src, m, b, at) > 0:
                    if found >= 0:
                        found = -2
                        break
                    found = b
                if interrupted(H):
                    return -1
            if found < 0:
                break
            data[n] = found
            k = step(H, src, m, found, at)
        if interrupted(H):
            if forced == 0:
                keep_place(H, src, m, n)
            return -1
        if k == 0:
            break
        n += 1
        # the configurations move to the front of scratch, so that a long text needs no more of it
        if src != H[SCRATCH] and at != H[SCRATCH]:
            for i in range(CFG * k):
                H[H[SCRATCH] + i] = H[at + i]
            at = H[SCRATCH]
        src, m = at, k
        at = src + CFG * k
        H[WORK] = 0
    H[ARG] = n
    if forced != 0:
        return n
    if n < limit:
        return 0
    return finish_state(H, src, m)


@jit.engine_device
def start_state(H, node):
    """The state before the text of a node."""
    begin(H)
    src = H[SCRATCH]
    for i in range(CFG):
        H[src + i] = 0
    H[src] = node << 4 | PH_START
    return finish_state(H, src, 1)


@jit.engine_device
def copy_state(H, data, n):
    """Intern the state that `data` describes (see `exporting.exported`): frames, then configurations."""
    begin(H)
    frames, m, texts, lists = data[0], data[1], data[2], data[3]
    at = 4
    known = H[SCRATCH]
    src = known + frames + 1
    told = src + CFG * m
    listed = told + texts + 1
    if listed + lists + 1 > H[SCRATCH_END]:
        H[STATUS] = NEED_SCRATCH
        return -1
    H[known], H[told], H[listed] = 0, 0, 0
    for i in range(texts):
        H[told + i + 1] = text_with(H, H[told + data[at]], data[at + 1])
        at += 2
    for i in range(lists):
        H[listed + i + 1] = list_with(H, H[listed + data[at]], H[told + data[at + 1]], data[at + 2])
        at += 3
    for i in range(frames):
        node, cnt, parent, container = data[at], data[at + 1], data[at + 2], data[at + 3]
        reg, text, words = data[at + 4], data[at + 5], data[at + 6]
        at += 7
        if container > 1:  # of an array with distinct items: 3 with an open item, else 5
            reg, text = H[listed + reg], H[told + text]
        if words > 0:
            reg = 0
            for j in range(32 * words):
                if (data[at + (j >> 5)] >> (j & 31)) & 1:
                    reg = seen_with(H, reg, words, j)
            at += words
        H[known + i + 1] = push_text(H, node, reg, cnt, H[known + parent], container, text)
    for i in range(m):
        for j in range(CFG):
            H[src + CFG * i + j] = data[at + j]
        H[src + CFG * i + CFG - 1] = H[known + data[at + CFG - 1]]
        at += CFG
    if H[STATUS] != 0:
        return -1
    return finish_state(H, src, m)


def _accept(h, x, state, token):
    """The state after a token; 0: not allowed, or a token without bytes."""
    return advance(jit.ints_at(h), jit.ints_at(x), state, token)


def _fill(h, x, b, mask, words, state, new):
    """Write the mask of a state to `mask`. -1: it has none yet; with new = 1 it is made (see `new_mask`)."""
    H, X, B, row = jit.ints_at(h), jit.ints_at(x), jit.rows_at(b, words), jit.words_at(mask, words)
    if new != 0:
        return new_mask(H, X, B, row, state)
    return write_mask(H, X, B, row, state)


def _run(H, X, B, mask, data, op, a, b):
    """Everything else; see OP_*. `mask` is flat: rows of B.shape[1] words."""
    if op == RUN_FILL_ROWS:
        return fill_rows(H, X, B, mask, data, a, b)
    if op == RUN_BYTES:
        return run_bytes(H, a, data, b, 0)
    if op == RUN_FORCED:
        return run_bytes(H, a, data, b, 1)
    if op == RUN_START:
        return start_state(H, a)
    if op == RUN_COPY:
        return copy_state(H, data, a)
    if op == RUN_CARRY:
        return carry(H, X, data, a, b)
    return build_trie(H, data, a, b)


RUN_FILL_ROWS, RUN_BYTES, RUN_FORCED, RUN_START, RUN_COPY, RUN_CARRY, RUN_TRIE = range(7)

accept, fill, run = jit.compile_all(
    "engine",
    [
        (_accept, "int64(int64, int64, int64, int64)"),
        (_fill, "int64(int64, int64, int64, int64, int64, int64, int64)"),
        (_run, "int64(int32[::1], int32[::1], uint32[:, ::1], uint32[::1], int64[::1], int64, int64, int64)"),
    ],
    [str(Path(str(m.__file__))) for m in _MODULES]
    + [__file__],
)
