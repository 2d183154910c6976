"""Pictures beside the heat maps that explain what a network saw in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..nn import Module
from ..tensor import Tensor
from .answers import Target, check_images, probabilities, unchanged
from .arrays import to_array
from .grad_cam import grad_cam
from .heat_map import heat_colours
from .pixels import Numbers, to_picture
from .plots import INK, PLAIN, PathLike, _answer, _figure, _plain, _save
from .saliency import saliency

__all__ = ["plot_explanations"]


def plot_explanations(
    net: Module,
    images: Tensor,
    class_names: Sequence[str],
    path: PathLike,
    heat_maps: Mapping[str, Any] | None = None,
    target: Target = None,
    mean: Numbers = None,
    std: Numbers = None,
    captions: Sequence[str] | None = None,
    truth: Sequence[int] | None = None,
    title: str = "",
) -> None:
    """Shows a row for each picture: the picture with its class and probability, and its heat maps.

    Args:
        net: a network that returns the scores of classes, in one of the forms in
            :mod:`minicnn.viz.answers`.
        images: (N, C, H, W) of floats, prepared as the network expects them.
        class_names: one name for each class.
        path: the PNG file to write.
        heat_maps: heat maps (N, H, W) by their names; None for Grad-CAM of the last convolution and
            saliency. Each map is shown from 0 to its largest value.
        target: the class to explain, as :func:`grad_cam`'s; without effect on given ``heat_maps``.
        mean, std: what the images were normalised with, to be undone.
        captions: a small line above each picture, such as its file name.
        truth: the true class of each picture, if known. Right predictions are then green, wrong
            ones red.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        TypeError, ValueError: as :func:`grad_cam`, and for heat maps of another shape.
    """
    check_images(images, "plot_explanations")
    if heat_maps is None:
        heat_maps = {
            "Grad-CAM": grad_cam(net, images, target=target),
            "saliency": saliency(net, images, target=target),
        }
    heats = {name: to_array(heat).astype(np.float64) for name, heat in heat_maps.items()}
    expected = (len(images), *images.array.shape[2:])
    for name, heat in heats.items():
        if heat.shape != expected:
            raise ValueError(f"heat map {name!r} must be (N, H, W) {expected}, got {heat.shape}")
    with unchanged(net), no_grad():
        shares = to_array(probabilities(net(images.clone())))
    rows, columns = len(images), 1 + len(heats)
    figure = _figure(2.5 * columns, 2.8 * rows + (0.4 if title else 0))
    for row in range(rows):
        picture = to_picture(images[row], mean, std)
        axes = figure.add_subplot(rows, columns, row * columns + 1)
        axes.imshow(picture)
        true_class = None if truth is None else truth[row]
        answer, colour = _answer(shares[row], class_names, true_class)
        axes.set_xlabel(_plain(answer), color=colour, fontweight="bold", **PLAIN)
        if captions:
            axes.set_title(_plain(captions[row]), fontsize=8, color=INK, pad=3, **PLAIN)
        _leave_the_label_alone(axes)
        for column, (name, heat) in enumerate(heats.items()):
            axes = figure.add_subplot(rows, columns, row * columns + column + 2)
            axes.imshow(_overlay(np.asarray(picture) / 255, heat[row]))
            axes.set_xlabel(_plain(name), color=INK, **PLAIN)
            _leave_the_label_alone(axes)
    _save(figure, path, title)


def _overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    heat = heat.clip(0) / (heat.max() if heat.max() > 0 else 1)
    return 0.5 * picture + 0.5 * heat_colours(heat)


def _leave_the_label_alone(axes: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
