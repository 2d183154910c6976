"""What the channels of a layer answer to one picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import no_grad
from ..nn import Module
from ..tensor import Tensor
from .answers import unchanged
from .arrays import to_array
from .figures import INK, PathLike, new_figure, save_figure
from .layers import check_maps, convolutions, find_layer, name_of
from .pixels import Numbers, to_picture

__all__ = ["feature_maps", "plot_feature_maps"]

_COLUMNS = 6


@no_grad()
def feature_maps(net: Module, image: Tensor, layer: Module | str | None = None) -> Tensor:
    """The output of a layer for one picture. The network runs in evaluation mode and does not change.

    Args:
        net: a network.
        image: (C, H, W), prepared as the network expects it.
        layer: a module of the network that returns (N, channels, h, w), or its dotted name; None
            for the first ``Conv2d``. Of a layer that runs several times, the last call counts.

    Returns:
        (channels, h, w).

    Raises:
        TypeError: if ``image`` is no tensor.
        ValueError: for an image or a layer that does not fit, and if the layer did not run.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"feature_maps expects a tensor, got {type(image).__name__}")
    if image.ndim != 3:
        raise ValueError(f"feature_maps expects an image (C, H, W), got {tuple(image.shape)}")
    module = convolutions(net)[0] if layer is None else find_layer(net, layer)
    outputs: list[Tensor] = []

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        check_maps(output)
        outputs.append(output.clone())  # a ReLU may work in place on it

    with unchanged(net), module.register_forward_hook(note):
        net(image.unsqueeze(0).clone())
    if not outputs:
        raise ValueError(f"the layer {name_of(net, module)} did not run")
    return outputs[-1].detach()[0]


def plot_feature_maps(
    net: Module,
    image: Tensor,
    path: PathLike,
    layer: Module | str | None = None,
    count: int = 17,
    mean: Numbers = None,
    std: Numbers = None,
    title: str = "",
) -> None:
    """Shows a picture and the channels of a layer that answer it most, bright where they do.

    Each channel has its own scale, from its smallest to its largest value.

    Args:
        net: a network.
        image: (C, H, W), prepared as the network expects it.
        path: the PNG file to write.
        layer: as :func:`feature_maps`'s.
        count: the most channels to show: those with the largest values, in the order of their
            numbers.
        mean, std: what the image was normalised with, to be undone.
        title: a line above all.

    Raises:
        ImportError: if matplotlib is not installed.
        TypeError, ValueError: as :func:`feature_maps`.
    """
    maps = to_array(feature_maps(net, image, layer))
    strongest = np.sort(np.argsort(-maps.max((1, 2)), kind="stable")[:count])
    rows = -(-(1 + len(strongest)) // _COLUMNS)
    H, W = image.array.shape[1:]
    height = (max(1.5 * H / W, 0.3) + 0.3) * rows + (0.4 if title else 0)
    figure = new_figure(1.6 * _COLUMNS, height)
    first, *others = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    first.imshow(to_picture(image, mean, std))
    module = convolutions(net)[0] if layer is None else find_layer(net, layer)
    first.set_title(name_of(net, module), fontsize=8, color=INK)
    for axes, channel in zip(others, strongest, strict=False):
        axes.imshow(maps[channel], cmap="viridis", interpolation="nearest")
        axes.set_title(f"channel {channel}", fontsize=8, color=INK)
    for axes in (first, *others):
        axes.axis("off")
    save_figure(figure, path, title)
