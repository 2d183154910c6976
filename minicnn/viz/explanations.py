"""Pictures beside the heat maps that explain what a network saw in them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import no_grad
from ..nn import Module
from ..output import printable
from ..tensor import Tensor
from .answers import Target, check_images, class_scores, probabilities, target_classes, unchanged
from .arrays import to_array
from .figures import INK, PLAIN, PathLike, new_figure, remove_frame, save_figure
from .grad_cam import grad_cam
from .heat_map import blend
from .pixels import Numbers, to_picture
from .plots import caption_text, check_texts, describe_prediction
from .saliency import saliency

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_explanations"]

OPACITY = 0.7  # of heat maps, which have their picture beside them


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
        heat_maps: by their names, heat maps (N, H, W) to lay over the pictures, each from 0 to its
            largest value, or (N, 1, H, W) to show beside them in grey, white for the highest
            percent; None for Grad-CAM and saliency.
        target: the class to explain, as :func:`grad_cam`'s, if there are no ``heat_maps``.
        mean, std: what the images were normalised with, to be undone.
        captions: a small line above each picture, such as its file name.
        truth: the true class of each picture, if known. Right predictions are then green, wrong
            ones red.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        TypeError, ValueError: as :func:`grad_cam`, for heat maps of another shape, and for too few
            names, captions or true classes. A network without a ``Conv2d`` needs ``heat_maps``.
    """
    check_images(images, "plot_explanations")
    with unchanged(net), no_grad():
        output = net(images.clone())
    shares = to_array(probabilities(output, len(images)))
    check_texts(shares, class_names, captions, truth)
    explained = [""] * len(images)
    if heat_maps is None:
        classes = target_classes(target, class_scores(output, len(images))).squeeze(1)
        explained = [f": {class_names[label]}" for label in to_array(classes)]
        heat_maps = {
            "Grad-CAM": grad_cam(net, images, target=classes),
            "saliency": saliency(net, images, target=classes).unsqueeze(1),
        }
    heats = {name: to_array(heat).astype(np.float64) for name, heat in heat_maps.items()}
    N, (H, W) = len(images), images.array.shape[2:]
    for name, heat in heats.items():
        if heat.shape not in ((N, H, W), (N, 1, H, W)):
            raise ValueError(
                f"the heat maps {name!r} must be {(N, H, W)} or {(N, 1, H, W)}, got {heat.shape}"
            )
    columns = 1 + len(heats)
    answers = [
        describe_prediction(share, class_names, None if truth is None else truth[row])
        for row, share in enumerate(shares)
    ]
    lines = 1 + max(text.count("\n") for text, _ in answers) + bool(captions)
    figure = new_figure(2.5 * columns, (2.5 * H / W + 0.2 * lines) * N + (0.4 if title else 0))
    panels = figure.subplots(N, columns, squeeze=False)
    for row, (first, *others) in enumerate(panels):
        picture = np.asarray(to_picture(images[row], mean, std)) / 255
        answer, colour = answers[row]
        _show(first, picture, answer, color=colour, fontweight="bold")
        if captions:
            first.set_title(caption_text(captions[row]), fontsize=8, color=INK, pad=3, **PLAIN)
        for axes, (name, heat) in zip(others, heats.items(), strict=True):
            _show(axes, _heat_picture(picture, heat[row]), name + explained[row], color=INK)
    save_figure(figure, path, title)


def _heat_picture(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map (H, W) over its picture (H, W, 3), or a map (1, H, W) in grey."""
    if heat.ndim == 2:
        return blend(picture, heat / (heat.max() if heat.max() > 0 else 1), OPACITY)
    highest = np.percentile(heat, 99)
    grey = (heat[0] / (highest if highest > 0 else 1)).clip(0, 1)
    return np.stack([grey] * 3, -1)


def _show(axes: Axes, picture: np.ndarray, label: str, **style: Any) -> None:
    """A picture with a line below it."""
    axes.imshow(picture)
    axes.set_xlabel(textwrap.fill(printable(label), 28), **style, **PLAIN)
    axes.set_xticks([])
    axes.set_yticks([])
    remove_frame(axes)
