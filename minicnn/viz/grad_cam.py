"""Grad-CAM: which places of a layer speak for a class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ..autograd import enable_grad, grad, no_grad
from ..dtypes import float32, float64
from ..nn import Conv2d, Module
from ..nn import functional as F
from ..tensor import Tensor
from .answers import Target, check_images, class_scores, target_classes, unchanged
from .layers import check_maps, convolutions, find_layer

__all__ = ["grad_cam"]


def grad_cam(
    net: Module, images: Tensor, layer: Module | str | None = None, target: Target = None
) -> Tensor:
    """Heat maps of where a network sees a class: ReLU(sum over k of mean(dy/dA_k) * A_k).

    y is the class's score and A_k is channel k of the layer's output. The sum is resized to the
    picture's size bilinearly and divided by its maximum; it is 0 everywhere if nothing speaks for
    the class. The network is run in evaluation mode and does not change.

    Args:
        net: a network that returns the scores of classes, in one of the forms in
            :mod:`minicnn.viz.answers`.
        images: (N, C, H, W), prepared as the network expects them.
        layer: a module of the network that returns (N, channels, h, w), or its dotted name. None
            for the last ``Conv2d`` that runs, with what works on its result until h or w changes:
            the last module with a result of that size, such as the ReLU after the convolution,
            ``layer4`` in ResNet or ``inception5b`` in GoogLeNet. Functions such as ``F.relu`` are not
            seen, and a convolution of single pixels is passed over. Of a layer that runs several
            times, the last call counts. In a vision transformer, the last convolution is the one
            that makes the patches, before all attention: :func:`saliency` tells more there.
        target: a class, or one for each picture; None for the class with the highest score.

    Returns:
        (N, H, W) from 0 to 1.

    Raises:
        TypeError: if ``images`` is no tensor, or the network returns none.
        ValueError: for images, a layer or a target that do not exist or do not fit, or if the score
            does not depend on the layer.

    Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization".
    """
    check_images(images, "grad_cam")
    with unchanged(net), enable_grad(), _cut_after(net, layer) as outputs:
        scores = class_scores(net(images.detach().clone()), len(images))
        score = scores.gather(1, target_classes(target, scores)).sum()
        gradients = grad(score, outputs, allow_unused=True) if score.requires_grad else ()
    pairs = [
        (output, gradient) for output, gradient in zip(outputs, gradients) if gradient is not None
    ]
    if not pairs:
        raise ValueError(
            f"the score must depend on {layer or 'a Conv2d'}, but no gradient reached it: it did not "
            "run, or under no_grad"
        )
    return _heat(*pairs[-1], size=images.array.shape[2:])


@contextmanager
def _cut_after(net: Module, layer: Module | str | None) -> Iterator[list[Tensor]]:
    """Collects the outputs of a layer, or of all that may be the last one, and cuts the graph there.

    The graph starts again with each of them. So gradients reach frozen layers, what runs before the
    layer is not kept, and only what nothing else comes after gets a gradient.
    """
    outputs: list[Tensor] = []

    def cut(module: Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        if layer is None and not _may_be_last(module, output, outputs):
            return None
        check_maps(output)
        outputs.append(output.detach().requires_grad_())
        with enable_grad():  # even if the network runs this part under no_grad
            return outputs[-1].clone()  # a ReLU may work in place on it

    if layer is None:
        convolutions(net)
        watched = [module for module in net.modules() if module is not net]
    else:
        watched = [find_layer(net, layer)]
    with ExitStack() as stack:
        for module in watched:
            stack.enter_context(module.register_forward_hook(cut))
        yield outputs


def _may_be_last(module: Module, output: Any, outputs: list[Tensor]) -> bool:
    """Whether a module is a convolution, or returns maps of the size of the outputs before it."""
    if not isinstance(output, Tensor) or output.ndim != 4:
        return False
    size = output.array.shape[2:]
    if isinstance(module, Conv2d):
        return size != (1, 1)
    return bool(outputs) and size == outputs[-1].array.shape[2:]


@no_grad()
def _heat(activations: Tensor, gradients: Tensor, size: tuple[int, ...]) -> Tensor:
    """(N, H, W) from a layer's output (N, channels, h, w) and the gradient of the score by it."""
    if activations.dtype != float64:  # half precision is too coarse
        activations, gradients = activations.to(dtype=float32), gradients.to(dtype=float32)
    weights = gradients.mean((2, 3), keepdim=True)
    heat = (weights * activations).sum(1, keepdim=True).relu()
    heat = F.interpolate(heat, size, mode="bilinear", align_corners=False).squeeze(1)
    highest = heat.amax((1, 2), keepdim=True)
    return heat / highest.where(highest > 0, 1)
