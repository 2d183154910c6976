"""Command-line options that all training scripts have, their defaults, and what they may be."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..command_line import ArgumentParser, at_least, fraction, positive
from ..data.cache import CachedDataset, PictureCache
from ..data.store import LEAST
from ..devices import cuda_is_available
from .folder import refuse_inside

__all__ = [
    "MAY_DIFFER",
    "ArgumentParser",
    "add_arguments",
    "at_least",
    "cached",
    "fill_in",
    "fraction",
    "positive",
    "refuse_out_inside",
]

# Settings that may change when a run is resumed; the others would change its result.
MAY_DIFFER = (
    "out", "device", "workers", "resume", "epochs", "cache", "cache_gb", "gpu_gb", "tensorboard",
)  # fmt: skip


_TYPES: dict[str, Callable[[str], Any]] = {
    "epochs": at_least(1),
    "batch_size": at_least(1),
    "lr": positive,
    "size": at_least(1),
    "val_fraction": fraction,
}


def add_arguments(
    parser: argparse.ArgumentParser, out: str, photos: Mapping[str, Any], drawn: Mapping[str, Any]
) -> None:
    """Adds the options of a training run to a script's parser.

    Args:
        parser: the script's parser, which has ``--data`` already.
        out: default folder of the results.
        photos: options whose default depends on the data, with their defaults for photographs:
            some of ``epochs``, ``batch_size``, ``lr``, ``size`` and ``val_fraction``.
        drawn: the same options, with their defaults for drawn pictures.
    """
    add = parser.add_argument
    for name, value in photos.items():
        help_text = f"{value}; for drawn pictures {drawn[name]}"
        add("--" + name.replace("_", "-"), type=_TYPES[name], help=help_text)
    add("--out", type=Path, default=Path(out), help="folder for the results (%(default)s)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    precision = "of the layers' numbers; weights stay fp32 (bf16 on a GPU, fp32 on the CPU)"
    add("--precision", choices=("bf16", "fp32"), help=precision)
    workers = "threads that load pictures (%(default)s)"
    add("--workers", type=at_least(0), default=2, metavar="N", help=workers)
    cache = "keep decoded pictures for later epochs: in 'memory', or in a file, also for later runs"
    add("--cache", metavar="memory|FILE", help=cache)
    budget = "the most that --cache takes; 20,000 pictures of 200x200 take 2.5 (%(default)s)"
    add("--cache-gb", type=positive, default=4.0, metavar="GB", help=budget)
    board = "write the numbers of each epoch for TensorBoard, too: tensorboard --logdir OUT"
    add("--tensorboard", action="store_true", help=board)
    seed = "of all random numbers (%(default)s)"
    add("--seed", type=at_least(0), default=0, metavar="N", help=seed)
    resume = "go on from last.ckpt in --out; another --epochs makes the run longer or shorter"
    add("--resume", action="store_true", help=resume)


def fill_in(args: argparse.Namespace, defaults: Mapping[str, Any]) -> None:
    """Sets options that were left out to ``defaults``, and replaces the device ``auto``.

    With ``--resume`` the epochs stay None: :func:`open_run` takes those of the run.
    """
    for name, value in defaults.items():
        if getattr(args, name) is None and not (name == "epochs" and args.resume):
            setattr(args, name, value)
    if args.device == "auto":
        args.device = "cuda" if cuda_is_available() else "cpu"


def refuse_out_inside(
    parser: argparse.ArgumentParser, out: Path, folders: Iterable[str | Path]
) -> None:
    """Ends the script if its results would lie in a folder whose pictures are all used.

    The next run would take the pictures that it finds among the results for some of them.
    """
    for folder in folders:
        if out.resolve().is_relative_to(Path(folder).resolve()):
            told = f"got {out} in {folder}"
            parser.error(f"--out must not lie inside --data, whose pictures are all used: {told}")


def cached(args: argparse.Namespace, *pictures: Any) -> tuple[Any, ...]:
    """The datasets as they are, or with ``--cache`` with their decoded pictures kept in one cache.

    Raises:
        ValueError: if its file would lie among the results, which the next run sets aside, and for
            less than a cache's bookkeeping takes.
        ValueError, OSError: as :class:`~minicnn.data.PictureCache`.
    """
    if args.cache is None:
        return pictures
    if args.cache != "memory":
        refuse_inside([args.cache], args.out, "--cache")
    if args.cache_gb * 1e9 < LEAST:
        raise ValueError(f"--cache-gb must be at least {LEAST / 1e9}, got {args.cache_gb}")
    cache = PictureCache(args.cache, args.cache_gb * 1e9)
    return tuple(CachedDataset(dataset, cache) for dataset in pictures)
