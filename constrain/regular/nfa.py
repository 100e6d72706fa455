"""From a program (the flat form of a regular expression) to NFA code with counted repeats written out.

A program is a sequence of int32 words in reading order:

    -1 - c               one character of set c
    ALT n                n alternatives follow, each ended by NEXT
    REPEAT lo hi         (hi -1: without end) a body follows, ended by END
    LEAF i               the language of automaton i
    MATCH label          the end of a regular expression

NFA code has one row (op, x, y) for an instruction; offsets are relative, so a copy of a body is a copy of its rows.
"""

from __future__ import annotations

import numpy as np

from constrain.jit import typed_device
from constrain.regular.arrays import grown, grown_rows
from constrain.regular.layout import (
    ALT,
    END,
    L_CLASSES,
    L_SETS,
    L_STATES,
    L_TABLE,
    LEAF,
    NEXT,
    OK,
    REPEAT,
    TOO_MUCH_WORK,
    Ints,
    Rows,
)

SPLIT, JUMP, ACCEPT, FAIL = -1, -2, -3, -4  # op; op >= 0: a character of that set


@typed_device
def _repeat(code: Rows, n: int, first: int, lo: int, hi: int, limit: int) -> tuple[int, Ints, int]:
    """Write out a repeat whose body is rows first..n (with a split in front of it when lo is 0)."""
    body = first + 1 if lo == 0 else first
    length = n - body
    copies = max(lo, 1) if hi < 0 else hi
    total = first + copies * (length + 1) + 1
    if total > limit:
        return TOO_MUCH_WORK, code, n
    while total + 8 > code.shape[0]:
        code = grown_rows(code)
    for copy in range(1, copies):
        if copy >= lo:  # this copy may be left out, and with it all after it
            code[n, 0] = SPLIT
            n += 1
        for i in range(length):
            for j in range(3):
                code[n + i, j] = code[body + i, j]
        n += length
    if hi < 0:
        code[n, 0] = SPLIT
        code[n, 1] = -length
        code[n, 2] = 1
        n += 1
    step = length + 1
    if lo == 0:
        code[first, 1] = 1
        code[first, 2] = n - first
    if hi > 0:
        begin = first if lo == 0 else body + lo * length
        for at in range(begin, n, step):
            code[at, 1] = 1
            code[at, 2] = n - at
    return OK, code, n


@typed_device
def _leaf(code: Rows, n: int, leaves: Rows, leaf: int, data: Ints, moves: Ints, limit: int) -> tuple[int, Ints, int]:
    """Write an automaton as code: for every state a block of alternatives, one for each move and one for acceptance."""
    states, classes, sets = int(leaves[leaf, L_STATES]), int(leaves[leaf, L_CLASSES]), int(leaves[leaf, L_SETS])
    if states == 0:
        code[n, 0] = FAIL
        return OK, code, n + 1
    table = int(leaves[leaf, L_TABLE])
    accept = table + states * classes
    begins = np.empty(states + 1, np.int32)  # of the block of each state
    size = 0
    for s in range(states):
        begins[s] = size
        for c in range(classes):
            if data[table + s * classes + c] >= 0:
                move = moves[sets + c]
                size += 3 * (move & 1) + (move >> 1)
        size += 2 if data[accept + s] >= 0 else 1
    begins[states] = size
    if n + size > limit:
        return TOO_MUCH_WORK, code, n
    while n + size + 8 > code.shape[0]:
        code = grown_rows(code)
    base = n
    for s in range(states):
        for c in range(classes):
            target = data[table + s * classes + c]
            if target < 0:
                continue
            move = moves[sets + c]
            if move & 1:
                code[n, 0] = SPLIT
                code[n, 1] = 1
                code[n, 2] = 3
                code[n + 1, 0] = sets + c
                code[n + 2, 0] = JUMP
                code[n + 2, 1] = base + begins[target] - (n + 2)
                n += 3
            if move & 2:
                code[n, 0] = SPLIT
                code[n, 1] = base + begins[target] - n
                code[n, 2] = 1
                n += 1
        if data[accept + s] >= 0:
            code[n, 0] = JUMP
            code[n, 1] = base + size - n
            n += 1
        code[n, 0] = FAIL
        n += 1
    return OK, code, n


@typed_device
def expand(program: Ints, leaves: Rows, data: Ints, moves: Ints, limit: int) -> tuple[int, Ints, int]:
    """NFA code of a program: (status, code[n, 3], n).

    leaves[i]: header of automaton i, data: their arrays (bounds, classes, table, accept, one after the other).
    moves[s]: what a column of a leaf (its set s) stands for: 1 characters, 2 markers to be erased, 3 both, 0 none.
    limit: instructions.
    """
    code = np.empty((64 + 4 * program.shape[0], 3), np.int32)
    n = 0
    # A frame for every open ALT (row of the split, alternatives left, last jump) or REPEAT (first row, lo, hi).
    frames = np.empty((16, 3), np.int32)
    depth = 0
    at = 0
    while at < program.shape[0]:
        word = program[at]
        at += 1
        while n + 8 > code.shape[0]:
            code = grown_rows(code)
        if word < 0:
            code[n, 0] = -1 - word
            n += 1
        elif word == ALT:
            if depth == frames.shape[0]:
                frames = grown_rows(frames)
            frames[depth, 0] = n
            frames[depth, 1] = program[at]
            frames[depth, 2] = -1
            depth += 1
            at += 1
            if frames[depth - 1, 1] > 1:
                code[n, 0] = SPLIT
                n += 1
        elif word == NEXT:
            top = depth - 1
            frames[top, 1] -= 1
            first = frames[top, 0]
            if frames[top, 1] > 0:
                code[n, 0] = JUMP  # to the end of all alternatives; until that is known, to the jump before it
                code[n, 1] = frames[top, 2]
                frames[top, 2] = n
                n += 1
                code[first, 1] = 1
                code[first, 2] = n - first
                frames[top, 0] = n
                if frames[top, 1] > 1:
                    code[n, 0] = SPLIT
                    n += 1
            else:
                jump = frames[top, 2]
                while jump >= 0:
                    before = code[jump, 1]
                    code[jump, 1] = n - jump
                    jump = before
                depth -= 1
        elif word == REPEAT:
            if depth == frames.shape[0]:
                frames = grown_rows(frames)
            frames[depth, 0] = n
            frames[depth, 1] = program[at]
            frames[depth, 2] = program[at + 1]
            depth += 1
            at += 2
            if frames[depth - 1, 1] == 0:
                code[n, 0] = SPLIT
                n += 1
        elif word == END:
            depth -= 1
            first, lo, hi = int(frames[depth, 0]), int(frames[depth, 1]), int(frames[depth, 2])
            status, code, n = _repeat(code, n, first, lo, hi, limit)
            if status != OK:
                return status, code, n
        elif word == LEAF:
            status, code, n = _leaf(code, n, leaves, int(program[at]), data, moves, limit)
            at += 1
            if status != OK:
                return status, code, n
        else:
            code[n, 0] = ACCEPT
            code[n, 1] = program[at]
            at += 1
            n += 1
        if n > limit:
            return TOO_MUCH_WORK, code, n
    return OK, code, n


@typed_device
def closure(code: Rows, seed: int, mark: Ints, now: int, stack: Ints, out: Ints, n: int) -> tuple[int, int, Ints]:
    """Append to `out` the instructions that read a character or accept, reached from `seed` without reading.

    mark[i] == now: already visited. Returns the new length of `out`, the number of visits, and `out` (it may grow).
    """
    visits = 0
    top = 0
    if mark[seed] != now:
        mark[seed] = now
        stack[0] = seed
        top = 1
    while top > 0:
        top -= 1
        at = stack[top]
        visits += 1
        op = code[at, 0]
        if op >= 0 or op == ACCEPT:
            if n == out.shape[0]:
                out = grown(out)
            out[n] = at
            n += 1
        elif op != FAIL:
            target = at + code[at, 1]
            if mark[target] != now:
                mark[target] = now
                stack[top] = target
                top += 1
            if op == SPLIT:
                target = at + code[at, 2]
                if mark[target] != now:
                    mark[target] = now
                    stack[top] = target
                    top += 1
    return n, visits, out
