"""Kernels that put a bitmask over rows of logits: one pass, from one array into another, by bit patterns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from constrain.jit import compile_all

UNTOUCHED = 0  # every allowed logit went through as it was
RAISED = 1  # every allowed logit was -inf; they were set to the floor
EMPTY = 2  # the mask allows no token that has a logit


def _mask_rows(
    scores: npt.NDArray[np.uint32],
    masks: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
    status: npt.NDArray[np.int8],
    minus_infinity: np.uint32,
    floor: np.uint32,
) -> None:
    """out[b, t] = scores[b, t] where bit t of masks[b] is set, else -inf; logits past the mask are -inf.

    scores, out: [B, V] bit patterns of floats; masks: [B, words]; status: int8[B], one of the constants above.
    Where all allowed logits of a row are -inf already, they become `floor`.
    """
    rows, width = scores.shape
    words = min(masks.shape[1], (width + 31) // 32)
    for b in range(rows):
        allowed = False
        alive = False
        source = scores[b]
        target = out[b]
        for w in range(words):
            word = masks[b, w]
            first = w * 32
            last = min(first + 32, width)
            if word == 0:
                for t in range(first, last):
                    target[t] = minus_infinity
                continue
            for t in range(first, last):
                value = source[t]
                inside = (word >> np.uint32(t - first)) & np.uint32(1) != 0
                target[t] = value if inside else minus_infinity
                allowed |= inside
                alive |= inside and value != minus_infinity
        for t in range(words * 32, width):
            target[t] = minus_infinity
        status[b] = UNTOUCHED if alive else (RAISED if allowed else EMPTY)
        if allowed and not alive:
            for t in range(min(words * 32, width)):
                if (masks[b, t // 32] >> np.uint32(t % 32)) & np.uint32(1) != 0:
                    target[t] = floor


_rows = "void({0}[:, ::1], uint32[:, ::1], {0}[:, ::1], int8[::1], {0}, {0})"
mask_rows_32, mask_rows_16 = compile_all(
    "decoding", [(_mask_rows, _rows.format("uint32")), (_mask_rows, _rows.format("uint16"))], [__file__]
)
