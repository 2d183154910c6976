"""What the random calls are made of: shapes and torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
DTYPES = (*FLOATS, torch.int64, torch.int32, torch.uint8, torch.bool)
SPECIAL = (0.0, -0.0, 0.5, 1.0, -2.0, 3.0, 1e-10, 1e10, np.nan, np.inf, -np.inf)


def shapes(min_dims: int = 0, max_dims: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with small sides, some of them 0 or 1."""
    sides = st.sampled_from((1, 2, 3, 4, 5, 0))
    return st.lists(sides, min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts with ``shape``: without leading dimensions, or with sides of 1."""
    kept = shape[draw(st.integers(0, len(shape))) :]
    return tuple(draw(st.sampled_from((n, 1))) for n in kept)


@st.composite
def tensors(
    draw: Any,
    shape: tuple[int, ...],
    dtypes: tuple[torch.dtype, ...] = DTYPES,
    special: bool = True,
    requires_grad: bool | None = None,
) -> torch.Tensor:
    """A tensor of a shape, in some dtype and layout; with NaN, infinity and the like if ``special``."""
    dtype = draw(st.sampled_from(dtypes))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    numbers = rng.standard_normal(shape) * 3
    if special and draw(st.booleans()) and numbers.size:
        chosen = rng.integers(0, 4, shape) == 0
        numbers = np.where(chosen, rng.choice(SPECIAL, shape), numbers)
    if not dtype.is_floating_point:
        numbers = np.abs(np.nan_to_num(numbers, posinf=100, neginf=-100)).clip(0, 100)
        if dtype in (torch.int64, torch.int32):
            numbers = numbers * rng.choice((-1, 1), shape)
    tensor = laid_out(
        torch.from_numpy(np.asarray(numbers)).to(dtype), draw(st.sampled_from(LAYOUTS))
    )
    wanted = draw(st.booleans()) if requires_grad is None else requires_grad
    return tensor.requires_grad_(wanted and dtype.is_floating_point)


LAYOUTS = ("contiguous", "transposed", "with gaps", "offset", "channels last")


def laid_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """The same numbers, in memory another way."""
    if tensor.ndim == 0 or tensor.numel() == 0:
        return tensor
    if layout == "transposed":
        return tensor.movedim(-1, 0).contiguous().movedim(0, -1)
    if layout == "with gaps":
        wide = tensor.new_zeros((*tensor.shape[:-1], 2 * tensor.shape[-1]))
        wide[..., ::2] = tensor
        return wide[..., ::2]
    if layout == "offset":
        return torch.cat((tensor[:1], tensor))[1:]
    if layout == "channels last" and tensor.ndim == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor
