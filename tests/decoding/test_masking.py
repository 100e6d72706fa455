"""Masks over logits: the kernel, the device's operations and a plain loop give the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from constrain.decoding.masking import MaskBuffer, _apply_on_device, apply_masks, floor_of  # noqa: E402
from constrain.errors import ConstraintError  # noqa: E402

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


def naive(scores: Any, masks: np.ndarray) -> Any:
    out = scores.clone()
    for b in range(scores.shape[0]):
        inside = [
            t // 32 < masks.shape[1] and bool(masks[b, t // 32] >> np.uint32(t % 32) & np.uint32(1))
            for t in range(scores.shape[1])
        ]
        lost = all(scores[b, t] == -torch.inf for t, i in enumerate(inside) if i)
        for t, i in enumerate(inside):
            out[b, t] = (floor_of(scores.dtype) if lost else scores[b, t]) if i else -torch.inf
    return out


def random_case(rows: int, width: int, words: int, dtype: Any, seed: int) -> tuple[Any, MaskBuffer]:
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(rng.normal(size=(rows, width))).to(dtype)
    scores[torch.from_numpy(rng.random((rows, width)) < 0.3)] = -torch.inf
    scores[0, 0] = torch.nan
    buffer = MaskBuffer(rows, words, torch.device("cpu"))
    kinds = [rng.integers(0, 1 << 32, (rows, words), np.uint32), np.zeros((rows, words), np.uint32)]
    kinds.append(np.full((rows, words), 0xFFFFFFFF, np.uint32))
    which = rng.integers(0, 3, (rows, words))
    buffer.host[:] = np.choose(which, kinds)
    buffer.host[:, 0] |= np.uint32(2)
    return scores, buffer


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width, words", [(1, 1), (31, 1), (32, 1), (33, 2), (100, 4), (100, 2), (70, 4), (257, 9)])
def test_masks_against_a_plain_loop(width: int, words: int, dtype: Any) -> None:
    for seed in range(3):
        scores, buffer = random_case(4, width, words, dtype, seed)
        buffer.host[:, 0] |= np.uint32(1)
        expected = naive(scores, buffer.host)
        for out in (apply_masks(scores, buffer), _apply_on_device(scores, buffer)[0]):
            assert out.dtype == dtype and out.shape == scores.shape
            assert torch.equal(out.nan_to_num(5.0, 1e5, -1e5), expected.nan_to_num(5.0, 1e5, -1e5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_is_never_minus_infinity_throughout(dtype: Any) -> None:
    scores = torch.full((2, 64), -torch.inf, dtype=dtype)
    scores[1, 3] = 1.0
    buffer = MaskBuffer(2, 2, torch.device("cpu"))
    buffer.host[:] = [[8, 0], [8, 1]]
    for out in (apply_masks(scores, buffer), _apply_on_device(scores, buffer)[0]):
        assert out[0].isfinite().nonzero()[:, 0].tolist() == [3]
        assert float(out[0, 3]) == pytest.approx(floor_of(dtype), rel=0.01)
        assert out[1].isfinite().nonzero()[:, 0].tolist() == [3] and out[1, 3] == 1
        assert (out[0] / 0.6).softmax(-1)[3] == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mask_that_allows_nothing_is_an_error(dtype: Any) -> None:
    buffer = MaskBuffer(2, 2, torch.device("cpu"))
    buffer.host[:] = [[1, 0], [0, 1 << 9]]
    apply_masks(torch.zeros(2, 42, dtype=dtype), buffer)
    with pytest.raises(ConstraintError, match="row 1 allows no token at all among the 41"):
        apply_masks(torch.zeros(2, 41, dtype=dtype), buffer)


def test_rows_of_a_larger_tensor() -> None:
    """Assisted generation passes slices of [B, positions, V]."""
    scores, buffer = random_case(2, 100, 4, torch.float32, 5)
    larger = torch.zeros(2, 3, 100)
    larger[:, 1] = scores
    assert torch.equal(apply_masks(larger[:, 1], buffer).nan_to_num(), apply_masks(scores, buffer).nan_to_num())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES)
def test_masks_on_a_gpu(dtype: Any) -> None:
    scores, buffer = random_case(4, 1000, 30, dtype, 1)
    there = MaskBuffer(4, 30, torch.device("cuda"))
    there.host[:] = buffer.host
    out = apply_masks(scores.cuda(), there).cpu()
    assert torch.equal(out.nan_to_num(), apply_masks(scores, buffer).nan_to_num())
