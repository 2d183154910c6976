"""DropBlock: dropout of whole squares of a feature map."""

from __future__ import annotations

from ..creation import empty
from ..nn import Module
from ..nn import functional as F
from ..tensor import Tensor

__all__ = ["DropBlock2d", "drop_block2d"]


def drop_block2d(
    input: Tensor,
    p: float,
    block_size: int,
    inplace: bool = False,
    eps: float = 1e-06,
    training: bool = True,
) -> Tensor:
    """Sets squares of feature maps to 0, and scales the rest so that the mean stays.

    Args:
        input: (N, C, H, W).
        p: the share of pixels to drop.
        block_size: the side of a square, odd; at most H and W.
        inplace: whether the result overwrites ``input``.
        eps: added to the number of pixels that are left.
        training: if not, ``input`` is returned as it is.

    Raises:
        ValueError: for other dimensions, an even ``block_size``, or a ``p`` outside [0, 1].

    Source: Ghiasi et al. 2018; as ``torchvision.ops.drop_block2d``, with its random numbers.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p must be a probability in [0, 1], got {p}")
    if input.ndim != 4:
        raise ValueError(f"drop_block2d expects (N, C, H, W), got {tuple(input.shape)}")
    if not training or p == 0.0:
        return input
    N, C, H, W = input.shape
    size = min(block_size, H, W)
    if size % 2 == 0:
        raise ValueError(f"block_size must be odd, got {size} for {tuple(input.shape)}")
    # where squares may begin, and with what probability one does
    rows, columns = H - size + 1, W - size + 1
    probability = p * H * W / (size**2 * rows * columns)
    starts = empty(N, C, rows, columns, dtype=input.dtype, device=input.device)
    starts.bernoulli_(probability)
    around = size // 2
    kept = 1 - F.max_pool2d(F.pad(starts, [around] * 4), size, stride=1, padding=around)
    scale = kept.numel() / (eps + kept.sum())
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


class DropBlock2d(Module):
    """:func:`drop_block2d` as a layer, which does nothing in evaluation.

    Args:
        p, block_size, inplace, eps: as for :func:`drop_block2d`.

    As ``torchvision.ops.DropBlock2d``.
    """

    def __init__(
        self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06
    ) -> None:
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps

    def forward(self, input: Tensor) -> Tensor:
        options = self.p, self.block_size, self.inplace, self.eps
        return drop_block2d(input, *options, training=self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"
