"""Tries a network before a run begins, which sets an earlier one aside."""

from __future__ import annotations

import argparse
import copy

from ..autograd import no_grad
from ..creation import zeros
from ..nn import Module
from ..random import fork_rng

__all__ = ["try_network"]


def try_network(net: Module, args: argparse.Namespace) -> None:
    """Lets a network see black images, as it will in the validation and in training.

    Args:
        net: on the device of the run; it stays as it is, but in evaluation mode.
        args: with ``size``, ``batch_size`` and ``device``.

    Raises:
        ValueError: if it cannot take images of this size, or batch norm cannot take batches of one.
    """
    images = zeros(2, 3, args.size, args.size, device=args.device)
    with no_grad(), fork_rng():  # dropout draws nothing of the run's numbers
        net.eval()(images[:1])
        trained = copy.deepcopy(net).train()  # a copy, as batch norm's statistics change
        trained(images)
        if args.batch_size > 1:
            return
        try:
            trained(images[:1])
        except ValueError as error:
            raise ValueError(
                f"--batch-size must be at least 2 at {args.size} px, got 1: {error}"
            ) from error
