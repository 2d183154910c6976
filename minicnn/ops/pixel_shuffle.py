"""Moving numbers between channels, and from channels to pixels and back."""

from __future__ import annotations

from ..no_tensor import takes_tensors
from ..tensor import Tensor
from .shape import permute, reshape


@takes_tensors
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Turns r * r channels into r x r pixels: (*, C r^2, H, W) to (*, C, H r, W r).

    Args:
        input: at least 3 dimensions.
        upscale_factor: r.

    Raises:
        RuntimeError: for fewer dimensions, an r below 1, or channels that r^2 does not divide.

    As ``torch.nn.functional.pixel_shuffle`` (Shi et al., 2016).
    """
    r = upscale_factor
    *N, channels, H, W = _image_shape("pixel_shuffle", input, r)
    if channels % r**2:
        raise RuntimeError(
            f"pixel_shuffle by {r} expects channels divisible by {r**2}, got {channels}"
        )
    C, n = channels // r**2, len(N)
    blocks = reshape(input, (*N, C, r, r, H, W))
    rows_and_columns = permute(blocks, (*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return reshape(rows_and_columns, (*N, C, H * r, W * r))


@takes_tensors
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Turns r x r pixels into r * r channels: (*, C, H r, W r) to (*, C r^2, H, W).

    Args:
        input: at least 3 dimensions.
        downscale_factor: r.

    Raises:
        RuntimeError: for fewer dimensions, an r below 1, or sizes that r does not divide.

    As ``torch.nn.functional.pixel_unshuffle``.
    """
    r = downscale_factor
    *N, C, height, width = _image_shape("pixel_unshuffle", input, r)
    if height % r or width % r:
        raise RuntimeError(
            f"pixel_unshuffle by {r} expects sizes divisible by {r}, got {height} x {width}"
        )
    H, W, n = height // r, width // r, len(N)
    rows_and_columns = reshape(input, (*N, C, H, r, W, r))
    blocks = permute(rows_and_columns, (*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return reshape(blocks, (*N, C * r**2, H, W))


def _image_shape(name: str, x: Tensor, factor: int) -> tuple[int, ...]:
    if x.ndim < 3:
        raise RuntimeError(f"{name} expects an input (*, C, H, W), got shape {tuple(x.shape)}")
    if factor < 1:
        raise RuntimeError(f"{name} expects a factor of at least 1, got {factor}")
    return x.shape


@takes_tensors
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deals the channels of each group out to all: channel i of group g becomes i * groups + g.

    Args:
        input: (N, C, *), at least 3 dimensions.
        groups: must divide C.

    Raises:
        RuntimeError: for fewer dimensions, or groups that do not divide the channels.

    As ``torch.nn.functional.channel_shuffle`` (Zhang et al., 2018).
    """
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects an input (N, C, *), got shape {tuple(input.shape)}"
        )
    N, C, *rest = input.shape
    if groups < 1 or C % groups:
        raise RuntimeError(f"channel_shuffle: groups must divide the {C} channels, got {groups}")
    grouped = reshape(input, (N, groups, C // groups, *rest))
    dealt = permute(grouped, (0, 2, 1, *range(3, grouped.ndim)))
    return reshape(dealt, input.shape)
