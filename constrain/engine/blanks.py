"""Entries for what comes between a line end and the next line: spaces, blank lines, comments.

None of it depends on the parser, and a blank line may always follow. So a token that is such text alone is always
allowed, and an entry names the nodes of a trie below which a line begins, with the column that it has there:

  entry   [gid, BLANKS, 0, v, 0, suffix key, usable, row or -1, ids offset, their number, lines; lines..., ids...]
  line    [node, 1: columns are added to the one that the text before the token led to, column]
"""

from __future__ import annotations

import numpy as np

from constrain.engine.entries import add_run, find_entry, wider, write_row
from constrain.engine.frames import F_CFG, M_LINE, head_frame
from constrain.engine.layout import (
    CFG, COLUMNS, D_BODY, E_USABLE, NEED_SCRATCH, NEED_STORE, R_AFTER, R_BLANK, R_INDENT, R_LEXER, R_TAB, SCRATCH_END,
    STATUS, S_CNT, S_NODE, S_PARENT, TN, X_BUMP, X_CAP, X_ECOUNT, X_ESIZE, X_MAXLEN, X_ROWCAP, X_ROWS,
)  # fmt: skip
from constrain.engine.lexeme_entries import add_entry, suffix_key
from constrain.engine.lexer import label_of, raw_step
from constrain.engine.lr import COLUMN, has_bit, looked
from constrain.engine.records import add_ids, add_ref, add_row
from constrain.engine.rules import at_line, before_line, begins_blank
from constrain.jit import engine_device as device

BLANKS = -1  # in place of the lexer's state
K_ROW, K_IDS, K_COUNT, K_LINES, K_HEAD = 7, 8, 9, 10, 11
MOST = 4  # columns, and states of the lexer, that a text may lead to at once


@device
def use_blanks(H, X, B, c, off, tb, ib, v, top, frame):
    """Add the tokens below node v of a trie that are blank text, for a configuration at c between lines.

    Frames for the lines that begin in other tokens are put at `frame`, on top of `top`. Returns the new top, or -1 when
    the configuration has to be walked.
    """
    n, st = H[c + 3], H[c + 4]
    if H[c + 1] != 0 or n + X[X_MAXLEN] * max(H[off + R_TAB], 1) >= COLUMN:
        return -1
    key = suffix_key(X, tb)
    e = find_entry(X, H[H[off + R_LEXER] + 1], BLANKS, 0, v, 0, key)
    if e == 0:
        e = build_blanks(H, X, B, off, tb, ib, v)
        if e == 0:
            if H[STATUS] == 0:
                H[STATUS] = NEED_STORE
            return -1
    if X[e + E_USABLE] == 0:
        return -1
    if X[e + K_ROW] >= 0:
        add_row(H, B, X[e + K_ROW])
    elif key == 0:
        add_ref(H, X, X[e + K_IDS], X[e + K_COUNT])
    else:
        add_ids(H, X, X[e + K_IDS], X[e + K_IDS] + X[e + K_COUNT])
    if X[e + K_LINES] == 0:
        return top
    looked(H, st)
    H[COLUMNS] = 1
    here = H[st + S_CNT] & COLUMN
    deeper = True
    for i in range(X[e + K_LINES]):
        at = e + K_HEAD + 3 * i
        column = X[at + 2] + (n if X[at + 1] != 0 else 0)
        if (column > here and not deeper) or (column < here and not column_open(H, st, column)):
            continue
        if frame + F_CFG + CFG * 64 > H[SCRATCH_END]:
            H[STATUS] = NEED_SCRATCH
            return -1
        m = at_line(H, H[c] >> 4, off, column, st, frame + F_CFG)
        if H[STATUS] != 0:
            return -1
        if m > 0:
            head_frame(H, X, top, frame, M_LINE, tb, ib, X[at], m)
            top = frame
            frame += F_CFG + CFG * m
        elif column > here:  # no block can begin
            deeper = False
    return top


@device
def column_open(H, st, column):
    """Is there a block at this column, less than that of the innermost?"""
    nid = H[st + S_NODE]
    while st != 0 and H[st + S_NODE] == nid and H[st + S_CNT] & COLUMN > column:
        st = H[st + S_PARENT]
    looked(H, st)
    return st != 0 and H[st + S_NODE] == nid and H[st + S_CNT] & COLUMN == column


@device
def begins_line(H, X, off, tb, v):
    """Is there a child of a trie's node v with a byte by which a line can begin?"""
    end = X[tb + TN * v + 1]
    child = v + 1
    while child < end:
        b = X[tb + TN * child]
        if has_bit(H, off + H[off + R_AFTER] + 8 * H[off + R_INDENT], b) and not before_line(H, off, b):
            return True
        child = X[tb + TN * child + 1]
    return False


@device
def add_column(table32, n, column, relative):
    """Add a column to the n in the last row of a table, if it is new. Returns how many there are, at most MOST + 1."""
    last = table32.shape[0] - 1
    for i in range(n):
        if table32[last, 2 * i] == column and table32[last, 2 * i + 1] == relative:
            return n
    if n < MOST:
        table32[last, 2 * n], table32[last, 2 * n + 1] = column, relative
    return n + 1


@device
def build_blanks(H, X, B, off, tb, ib, v):
    """Append the entry for node v of a trie. Returns its offset; 0: no room is left."""
    t, tab = H[off + R_LEXER], H[off + R_TAB]
    gid, key = H[t + 1], suffix_key(X, tb)
    # per level, and in the last row for the node that is looked at: what the text so far leads to
    levels = X[X_MAXLEN] + 2
    columns = np.empty((levels + 1, 2 * MOST), np.int32)
    states = np.empty((levels + 1, 2 * MOST), np.int32)
    counts = np.zeros((levels, 3), np.int32)  # columns, states, end of the children
    runs = np.empty((64, 2), np.int32)
    lines = np.empty((64, 3), np.int32)
    nruns, nlines, total = 0, 0, 0
    columns[0, 0], columns[0, 1] = 0, 1
    counts[0, 0], counts[0, 2] = 1, X[tb + TN * v + 1]
    if begins_line(H, X, off, tb, v):
        lines[0, 0], lines[0, 1], lines[0, 2] = v, 1, 0
        nlines = 1
    depth, usable = 0, 1
    node = v + 1
    while depth >= 0 and usable != 0:
        if node >= counts[depth, 2]:
            depth -= 1
            continue
        b, end = X[tb + TN * node], X[tb + TN * node + 1]
        nc, ns = 0, 0
        blank = begins_blank(H, off, b)
        for i in range(counts[depth, 0]):
            if b == 32 or b == 9:
                nc = add_column(columns, nc, columns[depth, 2 * i] + (1 if b == 32 else tab), columns[depth, 2 * i + 1])
        if blank and counts[depth, 0] > 0 and b != 32 and b != 9:
            s2, d2 = raw_step(H, t, H[off + R_BLANK], D_BODY, b)
            ns = add_column(states, ns, s2, d2)
        for i in range(counts[depth, 1]):
            s2, d2 = raw_step(H, t, states[depth, 2 * i], states[depth, 2 * i + 1], b)
            if s2 >= 0:
                ns = add_column(states, ns, s2, d2)
        if nc == 0 and ns == 0:
            node = end
            continue
        last = levels
        for i in range(min(ns, MOST)):  # where a blank line may end, the next one begins
            if states[last, 2 * i + 1] == D_BODY and label_of(H, t, states[last, 2 * i]) >= 0:
                nc = add_column(columns, nc, 0, 0)
        if nc > MOST or ns > MOST:
            usable = 0
            break
        a, z = X[tb + TN * node + 2], X[tb + TN * (node + 1) + 2]
        runs, nruns = add_run(runs, nruns, a, z)
        total += z - a
        if nc > 0 and begins_line(H, X, off, tb, node):
            for i in range(nc):
                if nlines == lines.shape[0]:
                    lines = wider(lines)
                lines[nlines, 0], lines[nlines, 1] = node, columns[last, 2 * i + 1]
                lines[nlines, 2] = columns[last, 2 * i]
                nlines += 1
        if end > node + 1:
            depth += 1
            counts[depth, 0], counts[depth, 1], counts[depth, 2] = nc, ns, end
            for i in range(2 * MOST):
                columns[depth, i], states[depth, i] = columns[last, i], states[last, i]
        node += 1
    row = usable != 0 and key == 0 and total >= B.shape[1] >> 2
    size = K_HEAD + (3 * nlines + (0 if row else total) if usable != 0 else 0)
    if X[X_BUMP] + size + 64 > X[X_CAP] or X[X_ROWS] + 1 > X[X_ROWCAP] or 4 * X[X_ECOUNT] > 3 * X[X_ESIZE]:
        return 0
    e = X[X_BUMP]
    X[e], X[e + 1], X[e + 2], X[e + 3], X[e + 4], X[e + 5], X[e + E_USABLE] = gid, BLANKS, 0, v, 0, key, usable
    X[e + K_ROW], X[e + K_IDS], X[e + K_COUNT], X[e + K_LINES] = -1, e + K_HEAD + 3 * nlines, total, nlines
    if usable != 0:
        for i in range(nlines):
            for j in range(3):
                X[e + K_HEAD + 3 * i + j] = lines[i, j]
        if row:
            X[e + K_ROW] = X[X_ROWS]
            write_row(X, B, X[X_ROWS], np.empty(1, np.int32), total, runs, nruns)
            X[X_ROWS] += 1
        else:
            at = X[e + K_IDS]
            for i in range(nruns):
                for k in range(runs[i, 0], runs[i, 1]):
                    X[at] = X[ib + k]
                    at += 1
    X[X_BUMP] = e + size
    add_entry(X, e)
    return e
