"""Decodes all pictures of a dataset, to find the broken ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from ..output import printable

__all__ = ["broken_pictures"]

_CHUNK = 64  # pictures of a task, as a million tasks would take a gigabyte


def broken_pictures(
    load: Callable[[int], object], describe: Callable[[int], str], count: int, num_workers: int
) -> list[tuple[str, str]]:
    """Loads ``count`` pictures in threads, with a progress bar.

    Args:
        load: called with the number of a picture, raises an OSError, such as
            :class:`~minicnn.data.BrokenPicture`, for a broken one.
        describe: called with its number, returns its path.
        count: pictures.
        num_workers: threads.

    Returns:
        The path and the reason of each broken one.
    """

    def check(start: int) -> list[tuple[str, str]]:
        found = []
        for i in range(start, min(start + _CHUNK, count)):
            try:
                load(i)
            except OSError as error:
                path = describe(i)
                found.append((path, str(error).removeprefix(printable(path) + ": ")))
        return found

    with (
        ThreadPoolExecutor(num_workers) as pool,
        tqdm(total=count, desc="verifying", unit="picture", disable=None, leave=False) as bar,
    ):
        broken = []
        for start, found in zip(
            range(0, count, _CHUNK), pool.map(check, range(0, count, _CHUNK)), strict=True
        ):
            broken += found
            bar.update(min(_CHUNK, count - start))
    return broken
