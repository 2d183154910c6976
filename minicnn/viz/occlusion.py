"""Occlusion maps: how much a class loses if a square of the picture is covered."""

from __future__ import annotations

from ..autograd import no_grad
from ..creation import zeros, zeros_like
from ..nn import Module
from ..ops.shape import cat
from ..tensor import Tensor
from .answers import Target, check_images, class_scores, probabilities, target_classes, unchanged

__all__ = ["occlusion"]


@no_grad()
def occlusion(
    net: Module,
    images: Tensor,
    size: int,
    stride: int | None = None,
    value: float = 0.0,
    target: Target = None,
    batch_size: int = 32,
) -> Tensor:
    """The drop of a class's probability when a square slides over the picture.

    A pixel gets the mean drop of the squares that cover it. The last square of a row or a column
    ends at the edge of the picture, even if that is less than ``stride`` further. The network is run
    in evaluation mode and does not change.

    Args:
        net: a network that returns the scores of classes, in one of the forms in
            :mod:`minicnn.viz.answers`.
        images: (N, C, H, W), prepared as the network expects them.
        size: the side of the square, in pixels.
        stride: pixels between squares, at most ``size``; by default half of it.
        value: of the covered pixels; 0 is the mean colour in pictures that are normalised.
        target: a class, or one for each picture; None for the most probable class.
        batch_size: covered pictures that the network gets at once, which bounds the memory.

    Returns:
        (N, H, W) from -1 to 1, below 0 where the class gains.

    Raises:
        TypeError: if ``images`` is no tensor, or the network returns none.
        ValueError: for images or a target that do not fit, a square larger than the pictures, and
            a stride that leaves pixels uncovered.

    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks".
    """
    check_images(images, "occlusion")
    height, width = images.array.shape[2:]
    stride = max(size // 2, 1) if stride is None else stride
    if not (1 <= size <= min(height, width) and 1 <= stride <= size and batch_size >= 1):
        raise ValueError(
            f"occlusion expects 1 <= stride <= size <= {min(height, width)}, the smaller side of the "
            f"images, and batch_size >= 1, got stride {stride}, size {size}, batch_size {batch_size}"
        )
    squares = [
        (number, slice(top, top + size), slice(left, left + size))
        for number in range(len(images))
        for top in _starts(height, size, stride)
        for left in _starts(width, size, stride)
    ]
    with unchanged(net):
        before, classes = _answers(net, images, target, batch_size)
        heat = zeros((len(images), height, width), dtype=before.dtype, device=before.device)
        count = zeros_like(heat)
        for start in range(0, len(squares), batch_size):
            covered = squares[start : start + batch_size]
            numbers = [number for number, _, _ in covered]
            pictures = images[numbers]
            for picture, (_, rows, columns) in enumerate(covered):
                pictures[picture, :, rows, columns] = value
            after = probabilities(net(pictures), len(covered)).gather(1, classes[numbers])
            drops = (before[numbers] - after).squeeze(1)
            for picture, square in enumerate(covered):
                heat[square] += drops[picture]
                count[square] += 1
    return heat / count


def _answers(net: Module, images: Tensor, target: Target, batch_size: int) -> tuple[Tensor, Tensor]:
    """(N, 1) and (N, 1): the probabilities of the classes to explain, and the classes."""
    outputs = [(net(part.clone()), len(part)) for part in images.split(batch_size)]
    classes = target_classes(target, cat([class_scores(*output) for output in outputs]))
    return cat([probabilities(*output) for output in outputs]).gather(1, classes), classes


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Where squares begin along a side, so that they reach its end."""
    return [*range(0, length - size, stride), length - size]
