"""``summary``: prints a network's layers."""

from __future__ import annotations

import argparse

from ..nn.summary import summary
from .network import input_size, open_network

__all__ = ["run"]


def run(args: argparse.Namespace) -> None:
    """Prints the table of :func:`minicnn.nn.summary`."""
    network = open_network(args, with_weights=False)
    print(summary(network.net.to("cpu"), (args.batch_size, *input_size(network.description))))
