"""``segment``: colours the pixels of pictures by their classes."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import viz
from ..autograd import no_grad
from ..data import BrokenPicture, DataLoader
from ..output import say_last
from ..viz.pixels import to_picture
from .files import write_picture
from .network import open_network
from .pictures import Pictures, batches
from .table import table

__all__ = ["run"]

SHOWN = 5  # classes in a line
SMALLEST = 400  # pixels of a result's shorter side: small pictures are hard to see


def run(args: argparse.Namespace) -> int:
    """Writes the pictures, prints what is in them, and returns 1 if one could not be read."""
    network = open_network(args)
    if not network.description.segments:
        raise ValueError(
            f"segment needs a network for segmentation, such as fcn_resnet50, got "
            f"{network.description.model}, which classifies whole pictures"
        )
    pictures = Pictures(args.pictures, network.description.preset().cut)
    places = _places(pictures, args.pictures, args.out)
    loader: DataLoader[Any] = DataLoader(pictures, batch_size=1)  # whole pictures differ in size
    rows = []
    for images, numbers in batches(loader, "segmenting"):
        try:
            with no_grad():
                scores = network.net(network.prepare(images))["out"][0]  # classes x H x W
        except ValueError as error:  # it is too small
            say_last(f"warning: left out {pictures.describe(int(numbers[0]))}: {error}")
            continue
        labels = scores.argmax(0).cpu().numpy()
        picture = to_picture(images[0])
        scale = -(-SMALLEST // min(picture.size))
        place = places[int(numbers[0])]
        overlay = viz.overlay_segmap(picture, labels, network.classes, scale=scale)
        write_picture(overlay, place)
        rows.append((place, _found(labels, network.classes)))
    if not rows:
        raise BrokenPicture("none of the pictures can be segmented")
    print(table(("wrote", "found"), [(str(place), found) for place, found in rows]))
    if left_out := len(pictures) - len(rows):
        say_last(f"{left_out} of {len(pictures)} pictures left out")
    return 1 if left_out else 0


def _places(pictures: Pictures, paths: Sequence[Path], out: Path | None) -> list[Path]:
    """Where the result of each picture is written."""
    names = [Path(pictures.describe(i)) for i in range(len(pictures))]
    if out is None:
        # written beside them, the results of a folder would be among its pictures the next time
        if several := [path for path in paths if path.is_dir() or path.suffix.lower() == ".zip"]:
            raise ValueError(
                f"{several[0]} has many pictures: give a folder for the results, --out"
            )
        places = [name.with_name(f"{name.stem}-segmented.png") for name in names]
    else:
        if out.exists() and not out.is_dir():
            raise ValueError(f"--out names the folder for the results, and {out} is a file")
        out.mkdir(parents=True, exist_ok=True)
        places = [out / f"{name.stem}-segmented.png" for name in names]
    twice = [place for place, count in Counter(places).items() if count > 1]
    if twice:
        same = [str(name) for name, place in zip(names, places, strict=True) if place == twice[0]]
        raise ValueError(f"{' and '.join(same[:2])} would both be written to {twice[0]}")
    return places


def _found(labels: np.ndarray, classes: Sequence[str]) -> str:
    """The classes in a picture and their shares of it, the largest first."""
    counts = np.bincount(labels.ravel(), minlength=len(classes))
    present = [label for label in np.argsort(-counts, kind="stable") if label and counts[label]]
    shares = [f"{classes[label]} {100 * counts[label] / labels.size:.1f} %" for label in present]
    more = [f"{len(shares) - SHOWN} more"] if len(shares) > SHOWN else []
    return ", ".join(shares[:SHOWN] + more) or "nothing"
