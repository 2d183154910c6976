"""Pictures on the CPU: from bytes to normalised floats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .runtime.layout import channels_last_empty
from .runtime.rows import as_rows, for_each_row_block, tile_channels
from .runtime.threads import scratch

__all__ = ["normalize_images"]

_FLOAT = np.dtype(np.float32)


def normalize_images(
    images: np.ndarray, mean: Sequence[float], std: Sequence[float], dtype: np.dtype
) -> np.ndarray:
    """(images / 255 - mean) / std by channel, computed in float32.

    Args:
        images: (N, C, H, W) of uint8.
        mean, std: C numbers each.
        dtype: of the result.

    Returns:
        (N, C, H, W), channels-last in memory.
    """
    rows = as_rows(images)
    out = channels_last_empty(images.shape, dtype)
    normalized = as_rows(out)  # a view
    wide_mean, wide_std = (tile_channels(np.array(each), rows, _FLOAT) for each in (mean, std))

    def work(at: slice) -> None:
        values = scratch("normalize_images", rows[at].shape, _FLOAT)
        np.divide(rows[at], _FLOAT.type(255), out=values, dtype=_FLOAT)
        values -= wide_mean
        np.divide(values, wide_std, out=normalized[at], casting="same_kind")

    for_each_row_block(normalized, work)
    return out
