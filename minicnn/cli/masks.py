"""Pictures with masks to measure a network for segmentation on, and its intersection over union."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from ..autograd import no_grad
from ..data import BrokenPicture, CocoSegmentation, DataLoader, VOCSegmentation
from ..data.drawn import DrawnShapes
from ..training import SegmentationMeter
from ..transforms import JointTransform, PILToTensor, Resize
from ..transforms.joint import VOID
from .network import Network
from .pictures import batches
from .table import table

__all__ = ["evaluate_masks"]


def evaluate_masks(network: Network, args: argparse.Namespace) -> tuple[str, int]:
    """Measures a network on the validation part of Pascal VOC, of COCO, or of drawn shapes.

    Returns:
        The results as text, and how many pictures could not be read.

    Raises:
        BrokenPicture: if none can be read.
        OSError, ValueError: if the pictures are not there.
    """
    pictures = _open(network, args.data)
    loader: DataLoader[Any] = DataLoader(
        pictures, batch_size=1, num_workers=args.workers
    )  # they differ in size
    meter = SegmentationMeter(len(network.classes), VOID)
    for images, masks in batches(loader, "evaluating"):
        with no_grad():
            scores = network.net(network.prepare(images))["out"]
        meter.update(scores, masks.to(network.device))
    left_out = len(loader.skipped)
    if left_out == len(pictures):
        raise BrokenPicture("none of the pictures can be read")
    accuracy, mean_iou = meter.compute()
    rows = [
        (name, f"{100 * iou:.1f}")
        for name, iou in zip(network.classes, meter.iou().tolist(), strict=True)
        if not math.isnan(iou)  # no pixel has or is given this class
    ]
    text = (
        f"{len(pictures)} validation pictures\npixels right  {100 * accuracy:6.2f} %\n"
        f"mean IoU      {100 * mean_iou:6.2f} %\n\n{table(('class', 'IoU in %'), rows, (1,))}"
    )
    return text, left_out


def _open(network: Network, data: list[str] | None) -> Any:
    resize = network.description.resize
    steps = JointTransform([] if resize is None else [Resize(resize)], [PILToTensor()])
    settings = network.metrics.get("settings", {})
    place = data[0] if data else settings.get("data")
    if place is None:  # as train_segmentation.py draws them
        count = max(settings["limit"] // 5, 1)
        return DrawnShapes(count, settings["size"], settings["seed"] + 1, steps)
    if not place.startswith("coco:"):
        return VOCSegmentation(place, image_set="val", transforms=steps, on_error="warn")
    folder, classes = Path(place.partition(":")[2]), list(network.classes[1:])
    lists = folder / "annotations" / "instances_val2017.json"
    return CocoSegmentation(
        folder / "val2017", lists, transforms=steps, classes=classes, on_error="warn"
    )
