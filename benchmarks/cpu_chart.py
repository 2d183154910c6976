"""The bar chart of the CPU suite: how many times PyTorch's speed each network reaches.

Needs matplotlib (in a clone: ``pip install -e ".[viz]"``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from minicnn.viz import BLUES
from minicnn.viz.plots import FAINT, INK

NAMES = {
    "alexnet": "AlexNet, 227 px",
    "alexnet_torchvision": "AlexNet, torchvision",
    "vgg16": "VGG16",
    "resnet34": "ResNet-34",
    "googlenet": "GoogLeNet",
}
PANELS = {"Training step": "ratio", "Inference": "inference_ratio"}
GROUP = 0.8  # the width of a network's bars together; networks are 1 apart


def draw(cells: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws the ratios of ``train_step.py`` results as a PNG file.

    A panel for training and one for inference, in each a group of bars for each network, whose
    shades are the batch sizes, with a line where both frameworks are equally fast.
    """
    batches = sorted({cell["batch"] for cell in cells})
    networks = list(dict.fromkeys(cell["model"] for cell in cells))
    colours = LinearSegmentedColormap.from_list("batches", BLUES)
    shades = [colours((i + 1) / len(batches)) for i in range(len(batches))]
    figure = Figure(figsize=(max(5, 1 + 1.7 * len(networks)), 6), layout="constrained")
    panels = figure.subplots(len(PANELS), 1, sharey=True)
    for axes, (title, ratio) in zip(panels, PANELS.items(), strict=True):
        values = {(cell["model"], cell["batch"]): cell[ratio] for cell in cells}
        for number, batch in enumerate(batches):
            bars = [(x, values[n, batch]) for x, n in enumerate(networks) if (n, batch) in values]
            _bars(axes, bars, number, len(batches), shades[number])
        axes.set_title(f"{title}: times PyTorch's speed", loc="left", color=INK, fontweight="bold")
        axes.set_xticks(range(len(networks)), [NAMES.get(n, n) for n in networks])
        _quiet(axes)
    panels[0].yaxis.set_major_locator(MultipleLocator(0.5))
    panels[0].set_ylim(0, 1.12 * max(1.0, *(cell[r] for cell in cells for r in PANELS.values())))
    handles = panels[0].containers
    labels = [f"batch {batch}" for batch in batches]
    figure.legend(
        handles,
        labels,
        loc="outside upper right",
        ncols=len(batches),
        frameon=False,
        labelcolor=INK,
    )
    figure.savefig(path, dpi=130, facecolor="white")


def _bars(
    axes: Axes, bars: Sequence[tuple[int, float]], number: int, count: int, shade: Any
) -> None:
    """Bars at (network, ratio): number ``number`` of ``count`` in each network's group."""
    width = GROUP / count
    xs = [x + (number - (count - 1) / 2) * width for x, _ in bars]
    heights = [height for _, height in bars]
    drawn = axes.bar(xs, heights, width=0.92 * width, color=shade)
    labels = axes.bar_label(drawn, fmt="%.2f", padding=3, fontsize=9, color=INK)
    for label in labels:  # before the line at 1
        label.set(zorder=3, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})


def _quiet(axes: Axes) -> None:
    """No frame and no ticks, a grid behind the bars and the line at 1 before them."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=INK)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=FAINT)
    axes.axhline(1, color=INK, lw=1.2, ls=(0, (4, 3)))
