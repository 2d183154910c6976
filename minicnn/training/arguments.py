"""Command-line options that all training scripts have, and their defaults."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..devices import cuda_is_available

__all__ = ["MAY_DIFFER", "add_arguments", "fill_in"]

# Settings that may change when a run is resumed; the others would change its result.
MAY_DIFFER = ("out", "device", "workers", "resume")


def add_arguments(
    parser: argparse.ArgumentParser, out: str, photos: Mapping[str, Any], drawn: Mapping[str, Any]
) -> None:
    """Adds the options of a training run to a script's parser.

    Args:
        parser: the script's parser, which has ``--data`` already.
        out: default folder of the results.
        photos: options whose default depends on the data, with their defaults for photographs.
        drawn: the same options, with their defaults for drawn pictures.
    """
    add = parser.add_argument
    for name, value in photos.items():
        help_text = f"{value}; for drawn pictures {drawn[name]}"
        add("--" + name.replace("_", "-"), type=type(value), help=help_text)
    add("--out", type=Path, default=Path(out), help="folder for the results (%(default)s)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--workers", type=int, default=2, help="threads that load pictures (%(default)s)")
    add("--seed", type=int, default=0, help="of all random numbers (%(default)s)")
    add("--resume", action="store_true", help="go on from last.ckpt in --out")


def fill_in(args: argparse.Namespace, defaults: Mapping[str, Any]) -> None:
    """Sets options that were left out to ``defaults``, and replaces the device ``auto``."""
    for name, value in defaults.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.device == "auto":
        args.device = "cuda" if cuda_is_available() else "cpu"
