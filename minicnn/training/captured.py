"""A step of training or validation, which on a GPU runs in bfloat16 and as one CUDA graph."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..amp import autocast
from ..cuda import graph
from ..distributed import get_world_size
from ..tensor import Tensor
from .arguments import positive

__all__ = ["add_gpu_arguments", "captured", "mixed_precision"]


def add_gpu_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--gpu-gb``, for :func:`picture_loaders`, to the options of :func:`add_arguments`."""
    budget = (
        "the most that decoded pictures take of a GPU's memory; more stay in that of the computer "
        "(half of what is free)"
    )
    parser.add_argument("--gpu-gb", type=positive, metavar="GB", help=budget)


def mixed_precision(args: argparse.Namespace) -> autocast:
    """The context for the network's forward pass, which can be entered again and again.

    Args:
        args: with ``precision`` and ``device``.
    """
    precision = args.precision or ("bf16" if args.device == "cuda" else "fp32")
    return autocast(enabled=precision == "bf16")


def captured(
    function: Callable[..., Any], args: argparse.Namespace
) -> Callable[..., tuple[Tensor, ...] | Tensor]:
    """``function``, which gets its tensors on the device of a run; on a GPU it becomes a CUDA graph.

    Batches that are smaller than the others, such as the last one, run without the graph, and so does
    everything where several processes train together. The results stay as they are in later calls.

    Args:
        function: takes the tensors of a batch, returns a tensor or a tuple of them.
        args: with ``device`` and ``batch_size``.

    Returns:
        A function of the same tensors, on any device.

    Raises:
        RuntimeError: from a call, if the step cannot be captured; see :func:`minicnn.cuda.graph`.
    """

    def eager(*tensors: Tensor) -> Any:
        return function(*(tensor.to(args.device) for tensor in tensors))

    if args.device != "cuda" or get_world_size() > 1:
        return eager
    graphed = graph(function)

    def run(*tensors: Tensor) -> Any:
        if len(tensors[0]) < args.batch_size:
            return eager(*tensors)
        results = graphed(*tensors)
        if isinstance(results, Tensor):
            return results.detach().clone()
        return tuple(result.detach().clone() for result in results)

    return run
