"""Kernels that put a bitmask over rows of logits: one pass, from one array into another, by bit patterns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from constrain.jit import compile_all, device

UNTOUCHED = 0  # every allowed logit went through as it was
RAISED = 1  # every allowed logit was -inf; they were set to the floor
EMPTY = 2  # the mask allows no token that has a logit

ONE = np.uint32(1)

Patterns = npt.NDArray[np.uint32]  # floats as the integers that have their bits
Masks = npt.NDArray[np.uint32]


@device
def _is_set(masks: Masks, b: int, t: int) -> bool:
    """Is token t allowed in row b? Tokens past the mask are not."""
    return bool(t // 32 < masks.shape[1] and (masks[b, t // 32] >> np.uint32(t % 32)) & ONE)


@device
def _status(scores: Patterns, masks: Masks, b: int, minus_infinity: np.uint32) -> int:
    """Which of the constants above row b is. Mostly the first allowed logit tells."""
    status = EMPTY
    width = scores.shape[1]
    for w in range(min(masks.shape[1], (width + 31) // 32)):
        if masks[b, w] == 0:
            continue
        for t in range(w * 32, min(w * 32 + 32, width)):
            if _is_set(masks, b, t):
                if scores[b, t] != minus_infinity:
                    return UNTOUCHED
                status = RAISED
    return status


def _mask_rows(
    scores: Patterns,
    masks: Masks,
    out: Patterns,
    status: npt.NDArray[np.int8],
    minus_infinity: np.uint32,
    floor: np.uint32,
) -> None:
    """out[b, t] = scores[b, t] where bit t % 32 of masks[b, t // 32] is set, else -inf; past the mask -inf.

    scores, out: [B, V]; masks: [B, words]; status: int8[B], one of the constants above. Where all allowed logits of a
    row are -inf, they become `floor`.
    """
    rows, width = scores.shape
    whole = min(masks.shape[1], width // 32)  # words with all of their 32 logits
    for b in range(rows):
        source = scores[b]
        target = out[b]
        for w in range(whole):
            word = masks[b, w]
            first = w * 32
            # Loops of 32 with no condition inside: the compiler makes a few vector instructions of each.
            if word == 0:
                for k in range(32):
                    target[first + k] = minus_infinity
            else:
                for k in range(32):
                    inside = (word >> np.uint32(k)) & ONE
                    target[first + k] = source[first + k] if inside else minus_infinity
        for t in range(whole * 32, width):
            target[t] = source[t] if _is_set(masks, b, t) else minus_infinity
        status[b] = _status(scores, masks, b, minus_infinity)
        if status[b] == RAISED:
            for t in range(width):
                if _is_set(masks, b, t):
                    target[t] = floor


(mask_rows,) = compile_all(
    "decoding",
    [(_mask_rows, "void(uint32[:, ::1], uint32[:, ::1], uint32[:, ::1], int8[::1], uint32, uint32)")],
    [__file__],
)
