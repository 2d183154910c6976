"""What a network answers for some pictures, and the network left as it was found.

The functions that explain a network take its output in all of these forms:

======================  ==========================================================================
(N, classes)            Scores before the softmax, one row for each picture.
(N, 1) or (N,)          The logit of the second of two classes.
(N, classes, H, W)      Scores of every pixel, as FCN gives them. A class's score is its mean over
                        the pixels, and so is its probability.
a dict, a tuple         Its entry ``"out"``, or the first one.
======================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..nn import Module
from ..nn import functional as F
from ..ops.shape import cat
from ..random import fork_rng
from ..tensor import Tensor
from .arrays import to_array

__all__ = ["Target", "check_images", "class_scores", "probabilities", "target_classes", "unchanged"]

Target = int | Sequence[int] | np.ndarray | Tensor | None


@contextmanager
def unchanged(net: Module) -> Iterator[None]:
    """Evaluation mode in a ``with`` block; the modes and the random generators are reset after it.

    Raises:
        TypeError: for anything but a module.
    """
    if not isinstance(net, Module):
        raise TypeError(f"the network must be a Module, got {type(net).__name__}")
    modes = {module: module.training for module in net.modules()}
    with fork_rng():
        try:
            net.eval()
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode


def check_images(images: Any, caller: str) -> None:
    """Checks that images are a tensor (N, C, H, W) with at least one pixel.

    Raises:
        TypeError: if they are no tensor.
        ValueError: for another shape.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"{caller} expects a tensor of images, got {type(images).__name__}")
    if images.ndim != 4 or 0 in images.array.shape:
        raise ValueError(f"{caller} expects images (N, C, H, W), got {tuple(images.shape)}")


def class_scores(output: Any, count: int) -> Tensor:
    """(N, classes): the scores of the classes from what a network returned for ``count`` pictures."""
    scores = _logits(output, count)
    return scores.flatten(2).mean(2) if scores.ndim > 2 else scores


def probabilities(output: Any, count: int) -> Tensor:
    """(N, classes): the probabilities of the classes from what a network returned for N pictures."""
    shares = F.softmax(_logits(output, count), 1)
    return shares.flatten(2).mean(2) if shares.ndim > 2 else shares


def _logits(output: Any, count: int) -> Tensor:
    """(N, classes, …): a network's output without its other parts, with at least two classes.

    Raises:
        TypeError: if there is no tensor in it.
        ValueError: for a tensor that has not one row for each picture.
    """
    if isinstance(output, Mapping) and output:
        output = output["out"] if "out" in output else next(iter(output.values()))
    elif isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise TypeError(f"the network must return class scores, got {type(output).__name__}")
    if count == 1 and output.ndim < 2:  # squeeze() removes the dimension of a single picture, too
        output = output.reshape(1, -1)
    if output.ndim == 0 or output.array.shape[0] != count:
        raise ValueError(
            f"the network must return scores (N, classes) for {count} pictures, got shape "
            f"{tuple(output.shape)}"
        )
    logits = output.unsqueeze(1) if output.ndim == 1 else output
    # softmax of (-z/2, z/2) is (1 - sigmoid(z), sigmoid(z))
    return cat([-logits / 2, logits / 2], 1) if logits.shape[1] == 1 else logits


def target_classes(target: Target, scores: Tensor) -> Tensor:
    """(N, 1): the class to explain in each picture.

    Args:
        target: one for each picture, one for all, or None for those with the highest scores.
        scores: (N, classes).

    Raises:
        ValueError: for what is no class, or another number of them.
    """
    count, classes = scores.array.shape
    if target is None:
        return scores.detach().argmax(1, keepdim=True)
    given = to_array(target)
    if (
        given.dtype.kind not in "iu"
        or given.shape not in ((), (count,))
        or not ((given >= 0) & (given < classes)).all()
    ):
        raise ValueError(
            f"target must be None, a class from 0 to {classes - 1}, or one for each of {count} "
            f"pictures, got {target!r}"
        )
    chosen = np.broadcast_to(given, (count,)).astype(np.int64)
    return Tensor.of(chosen[:, None]).to(device=scores.device)
