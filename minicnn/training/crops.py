"""Crops of decoded pictures as samples: as numbers for a kernel that cuts them out, or as pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..cuda import Stream, current_stream, stream
from ..data import Dataset, default_collate
from ..data.decoded import DecodedPictures
from ..devices import Device, to_device
from ..tensor import Tensor
from ..typing import DeviceLike
from .cut import Cut

__all__ = ["CropNumbers", "CropPixels", "Upload", "packed"]

_PACKED_AT_ONCE = 1 << 26  # bytes


class CropNumbers(Dataset[tuple[np.ndarray, int]]):
    """Where crops lie in one buffer of pixels, and their labels.

    A loader takes a whole batch at a time, whose numbers depend on its seed, the epoch and the
    position of the batch.

    Args:
        decoded: the pictures. Their pixels are not needed here, and may be gone.
        cut: how crops are drawn.
        starts: the first byte of each picture in the buffer, (N,) of int64.

    A sample is (numbers, label); the numbers are a row of ``crops`` of
    :func:`~minicnn.ops.images.normalize_crops`, (3,) of int64.
    """

    def __init__(self, decoded: DecodedPictures, cut: Cut, starts: np.ndarray) -> None:
        self.decoded, self.dataset = decoded, decoded.dataset
        self._cut, self._starts, self._sizes = cut, starts, decoded.sizes

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[np.ndarray, int]]:
        for index in indices:
            self.decoded.check(index)
        sizes = self._sizes[indices]
        tops, lefts, mirrored = self._cut.draw(sizes)
        lines = 3 * sizes[:, 1]  # bytes
        first = self._starts[indices] + tops * lines + 3 * lefts
        numbers = np.stack([first, lines, mirrored], axis=1)
        return list(zip(numbers, self.decoded.labels[indices].tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._sizes)

    def describe(self, index: int) -> str:
        return self.decoded.describe(index)


class CropPixels(Dataset[tuple[Tensor, int]]):
    """The same crops as of :class:`CropNumbers`, cut out: uint8, (3, height, width)."""

    def __init__(self, decoded: DecodedPictures, cut: Cut) -> None:
        self.decoded, self.dataset = decoded, decoded.dataset
        self._cut, self._sizes = cut, decoded.sizes

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        samples = [self.decoded[index] for index in indices]
        cuts = np.stack(self._cut.draw(self._sizes[indices]), axis=1).tolist()
        return [
            (self._crop(pixels, *where), label)
            for (pixels, label), where in zip(samples, cuts, strict=True)
        ]

    def _crop(self, pixels: np.ndarray, top: int, left: int, mirrored: int) -> Tensor:
        height, width = self._cut.size
        crop = pixels[top : top + height, left : left + width]
        return Tensor.of((crop[:, ::-1] if mirrored else crop).copy().transpose(2, 0, 1))

    def __len__(self) -> int:
        return len(self._sizes)

    def describe(self, index: int) -> str:
        return self.decoded.describe(index)


def packed(pictures: Iterable[np.ndarray], device: DeviceLike) -> tuple[Tensor, np.ndarray]:
    """Pictures one after the other in one buffer on a device.

    Args:
        pictures: arrays of uint8.
        device: of the buffer.

    Returns:
        The buffer, (bytes,) of uint8, and where each picture begins, (N,) of int64.
    """
    flat = [picture.reshape(-1) for picture in pictures]
    ends = np.cumsum([each.size for each in flat], dtype=np.int64)
    starts = ends - [each.size for each in flat]
    pixels = Device(device).xp.empty(int(ends[-1]), np.uint8)
    first = 0
    while first < len(flat):
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _PACKED_AT_ONCE)))
        piece = np.concatenate(flat[first:last])
        pixels[starts[first] : ends[last - 1]] = to_device(piece, Device(device))
        first = last
    return Tensor.of(pixels), starts


class Upload:
    """Joins samples to a batch on the GPU, on a stream of its own: a loader's ``collate_fn``.

    A loader's worker waits until the pixels are there, while the GPU computes and the program goes
    on. It has to be a thread.

    Args:
        device: a GPU.
    """

    def __init__(self, device: DeviceLike) -> None:
        self._device = Device(device)
        self._copies, self._computing = Stream(), current_stream()

    def __call__(self, samples: list[Any]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(samples)  # type: ignore[misc]
        # The memory may be that of an earlier batch, which the GPU is still to read.
        self._copies.wait_stream(self._computing)
        with stream(self._copies):
            batch = images.to(self._device), labels  # type: ignore[union-attr]
        self._copies.synchronize()
        return batch  # type: ignore[return-value]
