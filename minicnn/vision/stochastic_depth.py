"""Stochastic depth: whole branches of a residual network are dropped while it is trained."""

from __future__ import annotations

from .. import nn
from ..creation import empty
from ..tensor import Tensor

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """``input``, in which whole images are 0 with probability ``p`` and the others scaled by 1/(1-p).

    Args:
        input: (N, …), the result of a branch that is added to its input.
        p: the probability of dropping it.
        mode: ``"row"`` draws for each of the N images, ``"batch"`` once for all.
        training: if not, ``input`` is returned as it is.

    Raises:
        ValueError: for another mode, and for a probability outside [0, 1].

    Source: Huang et al. 2016, Deep Networks with Stochastic Depth; as
    ``torchvision.ops.stochastic_depth``, with its random numbers.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p must be a probability in [0, 1], got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode must be 'batch' or 'row', got {mode!r}")
    if not training or p == 0.0:
        return input
    survival_rate = 1.0 - p
    shape = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    noise = empty(*shape, dtype=input.dtype, device=input.device).bernoulli_(survival_rate)
    return input * (noise / survival_rate if survival_rate > 0.0 else noise)


class StochasticDepth(nn.Module):
    """:func:`stochastic_depth` as a layer, which does nothing in evaluation.

    Args:
        p: the probability of dropping an image.
        mode: ``"row"`` or ``"batch"``.

    As ``torchvision.ops.StochasticDepth``.
    """

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
