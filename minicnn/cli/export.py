"""``export``: writes a network as ONNX."""

from __future__ import annotations

import argparse

from .. import onnx
from ..creation import zeros
from .files import check_folders
from .network import input_size, open_network

__all__ = ["run"]


def run(args: argparse.Namespace) -> None:
    """Writes the file and prints its size."""
    check_folders(args.out)
    if args.out.suffix != ".onnx":
        raise ValueError(f"the name of the file must end in .onnx, got {args.out}")
    network = open_network(args)
    shape = input_size(network.description)
    onnx.export(
        network.net.to("cpu"),
        zeros(1, *shape),
        args.out,
        dynamic_batch=not args.fixed_batch,
        opset_version=args.opset,
        labels=list(network.classes),
        mean=list(network.description.mean),
        std=list(network.description.std),
        resize=network.description.resize,
        interpolation=network.description.interpolation,
    )
    size = args.out.stat().st_size / 1e6
    images = "1" if args.fixed_batch else "N"
    print(
        f"wrote {args.out}: {network.description.model} for images ({images}, "
        f"{', '.join(map(str, shape))}), {len(network.classes)} classes, {size:.1f} MB"
    )
