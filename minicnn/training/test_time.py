"""Test-time augmentation: predictions averaged over flipped copies of the images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..nn import Module
from ..nn.functional import log_softmax
from ..ops.shape import stack
from ..tensor import Tensor

__all__ = ["TestTimeFlips"]

_SIDEWAYS = ((), (-1,))  # the dimensions along which each copy is flipped
_BOTH_WAYS = ((), (-1,), (-2,), (-2, -1))


class TestTimeFlips(Module):
    """A network whose probabilities in evaluation mode are the mean over mirrored images.

    It returns the logarithms of these probabilities: their ``softmax`` is the mean, their
    ``cross_entropy`` its loss, and their ``argmax`` the class, so they take the place of the logits.
    (The mean of logits is another answer: a copy that is very sure counts more in it.) A score map is
    flipped back before it is averaged. In training mode the network runs as it is.

    Args:
        net: returns logits (N, classes), scores (N, classes, H, W), or a dict of these. Classes are
            along dimension 1 and exclude each other.
        vertical: also flip the images upside down, which takes four runs instead of two.
    """

    __test__ = False  # for pytest, which collects classes that are named so

    def __init__(self, net: Module, vertical: bool = False) -> None:
        super().__init__()
        self.net = net
        self.vertical = vertical

    def forward(self, images: Tensor) -> Tensor | Mapping[str, Tensor]:
        """The network's output for images (N, C, H, W), with log-probabilities for logits."""
        if self.training:
            return self.net(images)
        flips = _BOTH_WAYS if self.vertical else _SIDEWAYS
        outputs = [_flipped(self.net(_flipped(images, dims)), dims) for dims in flips]
        if isinstance(outputs[0], Mapping):
            return {name: _log_of_mean([out[name] for out in outputs]) for name in outputs[0]}
        return _log_of_mean(outputs)


def _flipped(output: Any, dims: tuple[int, ...]) -> Any:
    """Images or score maps, mirrored along some dimensions; what has no height and width stays."""
    if isinstance(output, Mapping):
        return {name: _flipped(scores, dims) for name, scores in output.items()}
    return output.flip(dims) if dims and output.ndim == 4 else output


def _log_of_mean(outputs: list[Tensor]) -> Tensor:
    """log(mean of the probabilities), computed from logits without leaving the logarithms."""
    logs = stack([log_softmax(logits, dim=1) for logits in outputs])
    return logs.logsumexp(0) - math.log(len(outputs))
