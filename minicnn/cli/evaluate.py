"""``evaluate``: measures a network on labelled pictures."""

from __future__ import annotations

import argparse

import numpy as np

from .. import viz
from ..data import DataLoader
from ..output import say_last
from ..training import confusion_matrix
from .labelled import open_labelled
from .measure import log_loss, measure
from .network import open_network, refuse_segmenter

__all__ = ["run"]

SHOWN_CLASSES = 100  # of which precision and recall are printed
TOP = 5


def run(args: argparse.Namespace) -> int:
    """Prints accuracy, log loss and each class, and returns 1 if a picture could not be read."""
    network = open_network(args)
    refuse_segmenter(network, "evaluate")
    pictures, what = open_labelled(network, args.run_folder, args.data)
    print(f"{network}: {what}", flush=True)
    loader = DataLoader(pictures, batch_size=args.batch_size, num_workers=args.workers)
    measured = measure(network, loader, "evaluating")
    order = np.argsort(-measured.probabilities, axis=1, kind="stable")
    hits = order == measured.labels[:, None]  # N x classes
    print(f"accuracy  {100 * hits[:, 0].mean():7.3f} %")
    if len(network.classes) > TOP:
        print(f"top {TOP}     {100 * hits[:, :TOP].any(1).mean():7.3f} %")
    print(f"log loss  {log_loss(measured):7.4f}")
    if len(network.classes) <= SHOWN_CLASSES:
        confusion = confusion_matrix(measured.labels, order[:, 0], len(network.classes))
        print(f"\n{viz.precision_recall(confusion).table(network.classes)}")
    if measured.left_out:
        say_last(f"{measured.left_out} of {len(pictures)} pictures left out: they cannot be read")
    return 1 if measured.left_out else 0
