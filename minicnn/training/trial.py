"""Tries a network before a run begins, which sets an earlier one aside."""

from __future__ import annotations

import argparse
import copy

from ..autograd import no_grad
from ..creation import zeros
from ..nn import Module

__all__ = ["try_network"]


def try_network(net: Module, args: argparse.Namespace) -> None:
    """Lets a network see one black image, as it will in the validation and, in batches of one, in training.

    Args:
        net: on the device of the run; it stays as it is, but in evaluation mode.
        args: with ``size``, ``batch_size`` and ``device``.

    Raises:
        ValueError: if it cannot take images of this size, or batch norm cannot take batches of one.
    """
    image = zeros(1, 3, args.size, args.size, device=args.device)
    with no_grad():
        net.eval()(image)
        if args.batch_size > 1:
            return
        try:
            copy.deepcopy(net).train()(image)  # a copy, as batch norm's statistics change
        except ValueError as error:
            raise ValueError(
                f"--batch-size must be at least 2 at {args.size} px, got 1: {error}"
            ) from error
