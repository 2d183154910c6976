"""Command-line options that all training scripts have, their defaults, and what they may be."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .. import launch
from ..data.cache import CachedDataset, PictureCache
from ..devices import cuda_is_available
from .folder import refuse_inside
from .output import give_up_closed_output, print_any_text

__all__ = [
    "MAY_DIFFER",
    "ArgumentParser",
    "add_arguments",
    "at_least",
    "cached",
    "fill_in",
    "fraction",
    "positive",
]

# Settings that may change when a run is resumed; the others would change its result.
MAY_DIFFER = (
    "out", "device", "workers", "resume", "epochs", "cache", "cache_gb", "tensorboard",
)  # fmt: skip


class ArgumentParser(argparse.ArgumentParser):
    """argparse's, which tells a mistake in one line and prints ``description`` as it stands.

    It prints any text in any encoding, and once if ``mpiexec`` started several processes.
    """

    def __init__(self, description: str | None) -> None:
        print_any_text()
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def _print_message(self, message: str, file: Any = None) -> None:
        if launch.environment().get("RANK", "0") == "0":
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Prints the mistake and exits with status 2."""
        self.exit(2, f"error: {message}\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """As argparse's, also where the help could not be written."""
        give_up_closed_output()
        super().exit(status, message)


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that takes an integer from ``least`` on."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(
                f"must be an integer of at least {least}, got {text}"
            ) from None
        return number

    return parse


def positive(text: str) -> float:
    """The type of an option that takes a finite number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return number


def fraction(text: str) -> float:
    """The type of an option that takes a number between 0 and 1."""
    number = _number(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, got {text}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


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


def cached(args: argparse.Namespace, *pictures: Any) -> tuple[Any, ...]:
    """The datasets as they are, or with ``--cache`` with their decoded pictures kept in one cache.

    Raises:
        ValueError: if its file would lie among the results, which the next run sets aside.
        ValueError, OSError: as :class:`~minicnn.data.PictureCache`.
    """
    if args.cache is None:
        return pictures
    if args.cache != "memory":
        refuse_inside([args.cache], args.out, "--cache")
    cache = PictureCache(args.cache, args.cache_gb * 1e9)
    return tuple(CachedDataset(dataset, cache) for dataset in pictures)
