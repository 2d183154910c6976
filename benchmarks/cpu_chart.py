"""The bar chart of the CPU suite: how many times the others' speed each network reaches.

Needs matplotlib (in a clone: ``pip install -e ".[viz]"``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minicnn.viz import BLUES, WRONG
from minicnn.viz.figures import FAINT, INK

NAMES = {
    "alexnet": "AlexNet, 227 px",
    "alexnet_torchvision": "AlexNet, torchvision",
    "vgg16": "VGG16",
    "resnet34": "ResNet-34",
    "googlenet": "GoogLeNet",
    "mobilenet_blocks": "MobileNetV2's blocks",
}
PANELS = {  # by rival and case
    ("torch", "training"): "Training step: times PyTorch's speed",
    ("torch", "inference"): "Inference with mc.compile: times PyTorch's speed",
    ("onnxruntime", "inference"): "Inference with mc.compile: times ONNX Runtime's speed",
}
GROUP = 0.8  # the width of a network's bars together; networks are 1 apart

Cell = Mapping[str, Any]  # what train_step.py writes


def draw(cells: Sequence[Cell], path: Path) -> None:
    """Draws the ratios of ``train_step.py`` results as a PNG file.

    There is a panel for training and one for inference against each rival. Each network has a group
    of bars, with a shade for each batch size. A line shows where both are equally fast. In inference
    the bars are ``mc.compile``, and the dots are the network without it.
    """
    networks = list(dict.fromkeys(cell["model"] for cell in cells))
    shown = {key: title for key, title in PANELS.items() if key[0] in cells[0]["ratios"]}
    size = max(7, 1 + 2.1 * len(networks)), 0.6 + 2.7 * len(shown)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(shown), 1)
    for axes, ((rival, case), title) in zip(panels, shown.items(), strict=True):
        _draw_panel(axes, cells, networks, rival, case)
        axes.set_title(title, loc="left", color=INK, fontweight="bold")
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper right",
        ncols=len(labels),
        frameon=False,
        labelcolor=INK,
    )
    figure.savefig(path, dpi=130, facecolor="white")


def _draw_panel(
    axes: Axes, cells: Sequence[Cell], networks: Sequence[str], rival: str, case: str
) -> None:
    """The ratios of a case to a rival, and in inference those without ``mc.compile``."""
    batches = sorted({cell["batch"] for cell in cells})
    colours = LinearSegmentedColormap.from_list("batches", BLUES)
    width = GROUP / len(batches)
    places, eager = [], []
    for number, batch in enumerate(batches):
        mine = [cell for cell in cells if cell["batch"] == batch]
        offset = (number - (len(batches) - 1) / 2) * width
        xs = [networks.index(cell["model"]) + offset for cell in mine]
        heights = [cell["ratios"][rival][case]["ratio"] for cell in mine]
        shade = colours((number + 1) / len(batches))
        _bars(axes, xs, heights, width, color=shade, label=f"batch {batch}")
        if case == "inference":
            places += xs
            eager += [cell["ratios"][rival]["eager inference"]["ratio"] for cell in mine]
    if eager:
        style = {"color": WRONG, "edgecolor": "white", "zorder": 4}
        axes.scatter(places, eager, s=36, label="without mc.compile", **style)
    axes.set_xticks(range(len(networks)), [NAMES.get(name, name) for name in networks])
    highest = max(patch.get_height() for patch in axes.patches)
    axes.set_ylim(0, 1.15 * max(1.0, highest, *eager))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    _quiet(axes)


def _bars(
    axes: Axes, xs: Sequence[float], heights: Sequence[float], width: float, **style: Any
) -> None:
    """Bars with their heights as numbers."""
    drawn = axes.bar(xs, heights, width=0.92 * width, **style)
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
