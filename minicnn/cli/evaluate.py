"""``evaluate``: measures a network on labelled pictures."""

from __future__ import annotations

import argparse

import numpy as np

from .. import viz
from ..output import say_last
from ..training import confusion_matrix
from .labelled import open_labelled
from .masks import evaluate_masks
from .measure import log_loss, measure
from .network import Network, open_network
from .pictures import loader_of

__all__ = ["run"]

SHOWN_CLASSES = 100  # of which precision and recall are printed
TOP = 5


def run(args: argparse.Namespace) -> int:
    """Prints the results, and returns 1 if a picture could not be read."""
    network = open_network(args)
    measure_it = evaluate_masks if network.description.segments else evaluate_classes
    text, left_out = measure_it(network, args)
    print(f"{network}: {text}")
    if left_out:
        say_last(f"left out {left_out} picture{'' if left_out == 1 else 's'} that cannot be read")
    return 1 if left_out else 0


def evaluate_classes(network: Network, args: argparse.Namespace) -> tuple[str, int]:
    """Accuracy, log loss, and precision and recall of each class, as text, and pictures left out."""
    pictures, what = open_labelled(network, args.run_folder, args.data)
    loader = loader_of(pictures, args)
    measured = measure(network, loader, "evaluating")
    order = np.argsort(-measured.probabilities, axis=1, kind="stable")
    hits = order == measured.labels[:, None]  # N x classes
    lines = [what, f"accuracy  {100 * hits[:, 0].mean():7.3f} %"]
    if len(network.classes) > TOP:
        lines.append(f"top {TOP}     {100 * hits[:, :TOP].any(1).mean():7.3f} %")
    lines.append(f"log loss  {log_loss(measured):7.4f}")
    if len(network.classes) <= SHOWN_CLASSES:
        confusion = confusion_matrix(measured.labels, order[:, 0], len(network.classes))
        lines += ["", viz.precision_recall(confusion).table(network.classes)]
    return "\n".join(lines), measured.left_out
