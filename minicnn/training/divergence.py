"""Notices a loss that is NaN or infinite."""

from __future__ import annotations

import math

from ..autograd import no_grad
from ..nn import Module
from ..tensor import Tensor

__all__ = ["DivergenceWatch"]

EVERY = 20  # steps between two looks at losses on a GPU: each look waits for the GPU


class DivergenceWatch:
    """Looks at the loss of each step, and at the weights where it is not finite.

    Args:
        net: the network that is trained.
    """

    def __init__(self, net: Module) -> None:
        self.net = net
        self._losses: list[tuple[str, Tensor]] = []

    def update(self, loss: Tensor, place: str) -> str | None:
        """Adds a step and returns a warning if it is due.

        Args:
            loss: a scalar.
            place: of the step, such as ``epoch 1, step 3``.

        Raises:
            ValueError: if a weight is NaN or infinite, too: no further step would help.
        """
        self._losses.append((place, loss.detach()))
        if loss.device.type == "cpu" or len(self._losses) == EVERY:
            return self.check()
        return None

    def check(self) -> str | None:
        """As :meth:`update`, for the steps that were not looked at yet."""
        losses, self._losses = self._losses, []
        return next(filter(None, (self.judge(loss.item(), place) for place, loss in losses)), None)

    def judge(self, loss: float, place: str) -> str | None:
        """As :meth:`update`, for any loss, such as a validation loss."""
        if math.isfinite(loss):
            return None
        if not self._weights_are_finite():
            raise ValueError(
                f"the loss is {loss} in {place}, and the weights are not finite any more: the "
                "training has diverged; try a smaller learning rate"
            )
        return f"the loss is {loss} in {place}; the weights are still finite"

    def _weights_are_finite(self) -> bool:
        with no_grad():
            return all(
                math.isfinite(p.abs().max().item()) for p in self.net.parameters() if p.numel()
            )
