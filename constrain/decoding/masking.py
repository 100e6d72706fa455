"""Bitmasks over torch logits: a numba pass on the CPU, a few element-wise operations on any other device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from constrain.decoding.kernels import EMPTY, mask_rows
from constrain.errors import ConstraintError

# What an allowed token gets where another processor gave -inf to every allowed one. Far below any logit, and yet a
# temperature or a beam's sum leaves it finite.
FLOOR = -1e9
FLOOR_16 = -3e4  # the same for float16, whose numbers end at 65504
_ON_CPU = (torch.float32, torch.bfloat16, torch.float16)

Masks = npt.NDArray[np.uint32]


class MaskBuffer:
    """Room for the bitmasks of a batch: `host` is filled by matchers, `tensor` is what a device reads.

    For an accelerator the host's side is pinned, so that the copy runs beside other work. It may be filled again as
    soon as that copy is done: the processor reads the sampled tokens back before, which waits for it.
    """

    def __init__(self, rows: int, words: int, device: torch.device) -> None:
        self.device = device
        self.shape = (rows, words)
        self._host = torch.zeros(rows, words, dtype=torch.int32, pin_memory=device.type == "cuda")
        self.host: Masks = self._host.numpy().view(np.uint32)

    def tensor(self) -> torch.Tensor:
        """int32 [rows, words] on the device."""
        return self._host.to(self.device, non_blocking=True)


def apply_masks(scores: torch.Tensor, buffer: MaskBuffer) -> torch.Tensor:
    """A new [B, V] tensor: the scores of allowed tokens, and -inf for all others and for ids past the mask.

    A row whose allowed scores are all -inf gets FLOOR there, so that no row is -inf throughout and a token that the
    language forbids is never the largest. ConstraintError where a mask allows no token that has a score.
    """
    if scores.device.type == "cpu" and scores.dtype in _ON_CPU:
        out, empty = _apply_on_cpu(scores, buffer.host)
    else:
        out, empty = _apply_on_device(scores, buffer)
    if empty.any():
        raise ConstraintError(
            f"row {int(empty.argmax())} allows no token at all among the {scores.shape[1]} that have a logit",
            hint="Do the tokenizer and the model belong together?",
        )
    return out


def floor_of(dtype: torch.dtype) -> float:
    """The lowest score that a token gets which is not forbidden."""
    return FLOOR_16 if dtype == torch.float16 else FLOOR


def _apply_on_cpu(scores: torch.Tensor, masks: Masks) -> tuple[torch.Tensor, npt.NDArray[np.bool_]]:
    source = scores.detach().to(torch.float32).contiguous()  # `generate` passes nothing else
    out = torch.empty_like(source)
    status = np.empty(len(source), np.int8)
    given, taken = (x.numpy().view(np.uint32) for x in (source, out))
    mask_rows(given, masks, taken, status, _pattern(-np.inf), _pattern(floor_of(scores.dtype)))
    return out.to(scores.dtype), status == EMPTY


def _pattern(value: float) -> np.uint32:
    """The bits of a float32."""
    return np.float32(value).view(np.uint32)


def _apply_on_device(scores: torch.Tensor, buffer: MaskBuffer) -> tuple[torch.Tensor, npt.NDArray[np.bool_]]:
    rows, width = scores.shape
    masks = buffer.tensor()
    bits = torch.tensor([1 << i if i < 31 else -(1 << 31) for i in range(32)], dtype=torch.int32).to(masks.device)
    allowed = (masks[:, :, None] & bits).ne(0).view(rows, -1)[:, :width]
    if allowed.shape[1] < width:
        allowed = torch.nn.functional.pad(allowed, (0, width - allowed.shape[1]))
    out = scores.masked_fill(~allowed, -torch.inf)
    lost = out.amax(dim=1, keepdim=True).eq(-torch.inf)
    out = out.masked_fill(lost & allowed, floor_of(scores.dtype))
    host = buffer.host[:, : (width + 31) // 32].copy()
    if width < host.shape[1] * 32:
        host[:, -1] &= np.uint32((1 << width % 32) - 1)
    return out, np.logical_not(host.any(axis=1))
