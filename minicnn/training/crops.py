"""Crops of decoded pictures as samples: as numbers for a kernel that cuts them out, or as pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..cuda import Stream, current_stream, stream
from ..data import Dataset, default_collate
from ..data.decoded import DecodedPictures
from ..devices import Device, pinned_copy, to_device
from ..tensor import Tensor
from ..typing import DeviceLike
from .cut import Cut

__all__ = ["CropNumbers", "CropPixels", "Upload", "packed"]

_PACKED_AT_ONCE = 1 << 26  # bytes


class _Crops(Dataset[tuple[Any, int]]):
    """What both kinds share. A loader takes a whole batch of samples at a time.

    So what is drawn depends on the loader's seed, the epoch and the position of the batch.
    """

    def __init__(self, decoded: DecodedPictures, cut: Cut) -> None:
        self.decoded, self.dataset = decoded, decoded.dataset
        self._cut = cut

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Any, int]]:
        for index in indices:
            self.decoded.check(index)
        crops = self._crops(indices, *self._cut.draw(self.decoded.sizes[indices]))
        return list(zip(crops, self.decoded.labels[indices].tolist(), strict=True))

    def _crops(
        self, indices: list[int], tops: np.ndarray, lefts: np.ndarray, flips: np.ndarray
    ) -> Iterable[Any]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.decoded)

    def describe(self, index: int) -> str:
        return self.decoded.describe(index)


class CropNumbers(_Crops):
    """Where crops lie in one buffer of pixels, and their labels.

    Args:
        decoded: the pictures. Their pixels are not needed here, and may be gone.
        cut: how crops are drawn.
        starts: the first byte of each picture in the buffer, (N,) of int64.

    A sample is (numbers, label); the numbers are a row of ``crops`` of
    :func:`~minicnn.ops.images.normalize_crops`, (3,) of int64.
    """

    def __init__(self, decoded: DecodedPictures, cut: Cut, starts: np.ndarray) -> None:
        super().__init__(decoded, cut)
        self._starts = starts

    def _crops(
        self, indices: list[int], tops: np.ndarray, lefts: np.ndarray, flips: np.ndarray
    ) -> np.ndarray:
        lines = 3 * self.decoded.sizes[indices, 1]  # bytes
        first = self._starts[indices] + tops * lines + 3 * lefts
        return np.stack([first, lines, flips], axis=1)


class CropPixels(_Crops):
    """The same crops as of :class:`CropNumbers`, cut out: uint8, (3, height, width)."""

    def _crops(
        self, indices: list[int], tops: np.ndarray, lefts: np.ndarray, flips: np.ndarray
    ) -> list[Tensor]:
        drawn = zip(indices, tops.tolist(), lefts.tolist(), flips.tolist(), strict=True)
        return [self._crop(self.decoded.pictures[index], *where) for index, *where in drawn]

    def _crop(self, pixels: np.ndarray, top: int, left: int, is_mirrored: int) -> Tensor:
        """A view if it is not mirrored: the loader copies it into its batch."""
        height, width = self._cut.size
        crop = pixels[top : top + height, left : left + width]
        return Tensor.of((mirrored(crop) if is_mirrored else crop).transpose(2, 0, 1))


def mirrored(picture: np.ndarray) -> np.ndarray:
    """A copy of a picture (H, W, C) that is mirrored left to right."""
    out = np.empty_like(picture)
    for channel in range(picture.shape[2]):  # all at once takes eight times as long
        out[..., channel] = picture[:, ::-1, channel]
    return out


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
    """Joins samples to a batch on the GPU, over page-locked memory and a stream of its own.

    It is a loader's ``collate_fn``. Its worker, which has to be a thread, waits until the pixels are
    there, while the GPU computes and the program goes on.

    Args:
        device: a GPU.
    """

    def __init__(self, device: DeviceLike) -> None:
        self._device = Device(device)
        self._copies, self._computing = Stream(), current_stream()

    def __call__(self, samples: list[Any]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(samples)  # type: ignore[misc]
        source = pinned_copy(images.array.transpose(0, 2, 3, 1))  # type: ignore[union-attr]
        with stream(self._copies):
            pixels = self._device.xp.empty(source.shape, source.dtype)
            # The memory may be that of an earlier batch, which the GPU is still to read. Not before
            # it was taken is it certain that nobody will be given more work with that batch.
            self._copies.wait_stream(self._computing)
            pixels.set(source, self._copies.stream)
        self._copies.synchronize()
        return Tensor.of(pixels.transpose(0, 3, 1, 2)), labels  # type: ignore[return-value]
