"""Images (N, H, W, C) in blocks that stay in the cache, on all threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .threads import for_each_slice, num_threads
from .windows import even_slices

__all__ = ["MIN_THREADED_BYTES", "for_each_band", "for_each_image_block", "images_per_block"]

_IMAGE_BYTES = 1 << 21  # of the images in a block

# Of what is read or written for a band. Passes over a band run in the cache that cores share; with
# smaller bands the passes are so short that threads wait for the interpreter lock.
_BAND_BYTES = 3 << 20
MIN_THREADED_BYTES = 1 << 21  # with less work, threads cost more than they save


def images_per_block(images: np.ndarray) -> int:
    """How many images :func:`for_each_image_block` puts in a block."""
    return max(1, _IMAGE_BYTES // max(1, images[:1].nbytes))


def for_each_image_block(images: np.ndarray, work: Callable[[slice], None]) -> None:
    """Call ``work(block)`` for slices of some images each, on all threads if it pays."""
    per_block = images_per_block(images)

    def run(start: int, stop: int) -> None:
        for first in range(start, stop, per_block):
            work(slice(first, min(first + per_block, stop)))

    if images.nbytes < MIN_THREADED_BYTES:
        run(0, len(images))
    else:
        for_each_slice(len(images), run)


def for_each_band(images: np.ndarray, nbytes: int, work: Callable[[slice, slice], None]) -> None:
    """Call ``work(block, rows)`` for slices of the images and of their rows, on all threads.

    Args:
        images: (N, H, ...).
        nbytes: how much is read or written for all of them.
        work: called with slices that leave no image and no row out.
    """
    N, H = images.shape[:2]
    threads = num_threads() if nbytes >= MIN_THREADED_BYTES else 1
    count = threads * -(-nbytes // (threads * _BAND_BYTES))
    bands = [
        (block, rows)
        for block in even_slices(N, count)
        for rows in even_slices(H, -(-count // max(1, N)))
    ]

    def run(start: int, stop: int) -> None:
        for block, rows in bands[start:stop]:
            work(block, rows)

    for_each_slice(len(bands), run, per_thread=len(bands))
