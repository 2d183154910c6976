"""The filters of a convolution as small pictures."""

from __future__ import annotations

import numpy as np

from ..autograd import no_grad
from ..nn import Module
from ..tensor import Tensor
from .arrays import to_array
from .figures import INK, PathLike, new_figure, save_figure
from .grid import make_grid
from .layers import convolutions, find_layer, name_of

__all__ = ["filter_images", "plot_filters"]

_COLUMNS = 16  # of the grid


@no_grad()
def filter_images(net: Module, layer: Module | str | None = None) -> Tensor:
    """The filters of a convolution as pictures from 0 (smallest weight) to 1 (largest weight).

    Args:
        net: a network.
        layer: a convolution of it, or its dotted name; None for the first ``Conv2d``.

    Returns:
        (filters, channels, kernel height, kernel width). Each filter has its own scale; one with
        equal weights is 0.

    Raises:
        ValueError: for a layer that does not exist or has no 4-d weight.
    """
    module = convolutions(net)[0] if layer is None else find_layer(net, layer)
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        raise ValueError(f"the layer must be a 2-d convolution, got {type(module).__name__}")
    low, high = weight.amin((1, 2, 3), keepdim=True), weight.amax((1, 2, 3), keepdim=True)
    spread = high - low
    return (weight - low) / spread.where(spread > 0, 1)


def plot_filters(
    net: Module,
    path: PathLike,
    layer: Module | str | None = None,
    count: int = 96,
    title: str = "",
) -> None:
    """Shows the filters of a convolution, each with its own scale.

    Filters of three channels are shown in colour, those of one in grey. Of others the first 16 channels
    are grey pictures, in a row for each filter.

    Args:
        net: a network.
        path: the PNG file to write.
        layer: a convolution of it, or its dotted name; None for the first ``Conv2d``.
        count: the most pictures to show.
        title: a line above them.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: for a layer that does not exist or has no 4-d weight.
    """
    filters = filter_images(net, layer)
    total, channels, height, width = filters.array.shape
    columns = _COLUMNS
    if channels not in (1, 3):
        columns = min(columns, channels)
        filters = filters[: -(-count // columns), :columns].flatten(0, 1).unsqueeze(1)
    grid = to_array(make_grid(filters[:count], columns, padding=1, pad_value=1.0))
    inches = 0.5 / (width + 1)  # of a pixel
    figure = new_figure(
        max(inches * grid.shape[2], 4), inches * grid.shape[1] + 0.6 + (0.4 if title else 0)
    )
    axes = figure.add_subplot()
    axes.imshow(np.clip(grid.transpose(1, 2, 0), 0, 1), interpolation="nearest")
    module = convolutions(net)[0] if layer is None else find_layer(net, layer)
    axes.set_title(
        f"{name_of(net, module)}: {total} filters, {channels}×{height}×{width}", color=INK
    )
    axes.axis("off")
    save_figure(figure, path, title)
