"""Lists of configurations, and the records that they refer to."""

from __future__ import annotations

from constrain.engine.distinct import end_item
from constrain.engine.interning import push
from constrain.engine.layout import (
    ARG, CFG, LIMIT_LIVE, LIVE_LIMIT, NEED_NODE, NEED_PENDING, NEED_SCRATCH, NEED_TERM, NODES, OP_ITEMS, OP_SEQ,
    PENDING, PENDING_END, PH_AFTER, PH_DEAD, PH_DONE, PH_START, SCRATCH_END, STATUS, S_CNT, S_NODE, S_PARENT, S_TEXT,
    TERMS,
)  # fmt: skip
from constrain.jit import engine_device as device


@device
def node_at(H, nid):
    """Offset of a node's record; 0 with a status when it has not been emitted."""
    off = H[H[NODES] + nid]
    if off == 0 and H[STATUS] == 0:
        H[STATUS] = NEED_NODE
        H[ARG] = nid
    return off


@device
def terminal_at(H, tid):
    """Offset of a terminal's record; 0 with a status when it has not been emitted."""
    off = H[H[TERMS] + tid]
    if off == 0 and H[STATUS] == 0:
        H[STATUS] = NEED_TERM
        H[ARG] = tid
    return off


@device
def emit(H, dst, k, pos, s, d, n, st):
    """Append a configuration to the list of k at dst unless it is there; returns the new length."""
    if pos == PH_DEAD:
        return k
    for i in range(k):
        c = dst + CFG * i
        if H[c] == pos and H[c + 1] == s and H[c + 2] == d and H[c + 3] == n and H[c + 4] == st:
            return k
    c = dst + CFG * k
    if c + CFG > H[SCRATCH_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_SCRATCH
        return k
    if k >= H[LIVE_LIMIT]:
        if H[STATUS] == 0:
            H[STATUS] = LIMIT_LIVE
            H[ARG] = H[LIVE_LIMIT]
        return k
    H[c] = pos
    H[c + 1] = s
    H[c + 2] = d
    H[c + 3] = n
    H[c + 4] = st
    return k + 1


@device
def pend(H, k, pos, s, d, n, st):
    """Append a configuration to the pending list of k; returns the new length."""
    if pos == PH_DEAD:
        return k
    c = H[PENDING] + CFG * k
    if c + CFG > H[PENDING_END]:
        if H[STATUS] == 0:
            H[STATUS] = NEED_PENDING
        return k
    H[c] = pos
    H[c + 1] = s
    H[c + 2] = d
    H[c + 3] = n
    H[c + 4] = st
    return k + 1


@device
def after(H, st):
    """Where to go on when the node above stack st is finished. Returns (pos, stack)."""
    if st == 0:
        return PH_DONE, 0
    nid = H[st + S_NODE]
    off = node_at(H, nid)
    if off == 0:
        return PH_DONE, 0
    if H[off] == OP_ITEMS and H[st + S_TEXT] != 0:
        made = end_item(H, off, st) if H[STATUS] == 0 else -1
        if made < 0:
            return PH_DEAD, 0
        return nid << 4 | PH_AFTER, made
    if H[off] != OP_SEQ:
        return nid << 4 | PH_AFTER, st
    i = H[st + S_CNT] + 1
    if i + 1 >= H[off + 1]:  # the last part needs no frame: right recursion takes no stack
        return H[off + 2 + i] << 4 | PH_START, H[st + S_PARENT]
    return H[off + 2 + i] << 4 | PH_START, push(H, nid, 0, i, H[st + S_PARENT], 0)
