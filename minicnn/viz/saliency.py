"""Saliency maps: how much the score of a class changes with each pixel."""

from __future__ import annotations

from ..autograd import enable_grad, grad
from ..nn import Module
from ..tensor import Tensor
from .answers import Target, check_images, class_scores, target_classes, unchanged

__all__ = ["saliency"]


def saliency(net: Module, images: Tensor, target: Target = None) -> Tensor:
    """The absolute gradient of a class's score by each pixel, the largest of its channels.

    The network is run in evaluation mode and does not change.

    Args:
        net: a network that returns the scores of classes, in one of the forms in
            :mod:`minicnn.viz.answers`.
        images: (N, C, H, W) of floats, prepared as the network expects them.
        target: a class, or one for each picture; None for the class with the highest score.

    Returns:
        (N, H, W) of 0 and above, in the units of the score and of ``images``.

    Raises:
        TypeError: if ``images`` is no tensor of floats, or the network returns none.
        ValueError: for images or a target that do not fit, or if the score does not depend on the
            images.

    Simonyan et al. 2013, "Deep Inside Convolutional Networks: Visualising Image Classification
    Models and Saliency Maps".
    """
    check_images(images, "saliency")
    if not images.is_floating_point():
        raise TypeError(f"saliency expects images of floats, got {images.dtype}")
    pixels = images.detach().clone().requires_grad_()
    with unchanged(net), enable_grad():
        output = net(pixels.clone())  # a copy, in which the network may work in place
        scores = class_scores(output, len(images))
        score = scores.gather(1, target_classes(target, scores)).sum()
        (gradient,) = grad(score, pixels, allow_unused=True) if score.requires_grad else (None,)
    if gradient is None:
        raise ValueError("the score must depend on the images, but no gradient reached them")
    return gradient.abs().amax(1)
