"""The old names of ``interpolate``."""

from __future__ import annotations

from collections.abc import Sequence

from ..tensor import Tensor
from ..warn import warn
from .resize import interpolate

Size = int | Sequence[int] | None
Factor = float | Sequence[float] | None


def upsample(
    input: Tensor,
    size: Size = None,
    scale_factor: Factor = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """:func:`interpolate`, with a warning, as ``torch.nn.functional.upsample``."""
    _warn("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Size = None, scale_factor: Factor = None) -> Tensor:
    """:func:`interpolate` with ``mode="nearest"``, and a warning.

    As ``torch.nn.functional.upsample_nearest``.
    """
    _warn("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Size = None, scale_factor: Factor = None) -> Tensor:
    """:func:`interpolate` with ``mode="bilinear"`` and aligned corners, and a warning.

    As ``torch.nn.functional.upsample_bilinear``.
    """
    _warn("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _warn(name: str) -> None:
    warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.")
