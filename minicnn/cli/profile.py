"""``profile``: prints where a network's time goes."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .. import profiler
from ..autograd import no_grad
from ..creation import randint, randn
from ..nn import functional as F
from ..optim import SGD
from ..tensor import Tensor
from .files import check_folders
from .network import Network, input_size, open_network

__all__ = ["run"]


def run(args: argparse.Namespace) -> None:
    """Prints the profiler's table of one call, after another one that is not measured."""
    check_folders(args.trace)
    network = open_network(args, with_weights=False)
    images = randn(args.batch_size, *input_size(network.description), device=network.device)
    call = _training_step(network, images) if args.train else _inference(network, images)
    call()
    with profiler.profile() as profile:
        call()
    work = "a training step" if args.train else "inference"
    print(f"{network}, {work} with {args.batch_size} images:")
    print(profile.table(row_limit=args.rows))
    print(f"{args.batch_size / profile.seconds:.1f} images/s")
    if args.trace is not None:
        profile.export_chrome_trace(args.trace)


def _inference(network: Network, images: Tensor) -> Callable[[], None]:
    def call() -> None:
        with no_grad():
            network.net(images)

    return call


def _training_step(network: Network, images: Tensor) -> Callable[[], None]:
    classes, (H, W) = len(network.classes), images.shape[2:]
    size = (len(images), H, W) if network.description.segments else (len(images),)
    labels = randint(0, classes, size, device=network.device)
    net = network.net.train()
    optimizer = SGD(net.parameters(), lr=1e-6, momentum=0.9)

    def call() -> None:
        scores = net(images)
        scores = (
            scores["out"] if network.description.segments else getattr(scores, "logits", scores)
        )
        optimizer.zero_grad()
        F.cross_entropy(scores, labels).backward()
        optimizer.step()

    return call
