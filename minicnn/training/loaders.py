"""Loaders of a classifier's pictures, and what makes the network's input of their batches.

On the CPU, the loader's workers decode and transform each picture in each epoch. For a GPU that is
too slow: a core decodes some 400 pictures a second, and a large GPU can train AlexNet on tens of
thousands. So pictures are decoded once, and stay in the GPU's memory as bytes, 260 KB each at 256
pixels. The loader gives three numbers for each sample, and one kernel cuts out, mirrors, normalises and
casts. If there are too many, they stay in the memory of the computer: the workers cut them out, and
batches go to the GPU on a stream of their own, while it computes.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..amp import get_autocast_dtype, is_autocast_enabled
from ..cuda import mem_get_info
from ..data import DataLoader, TransformDataset, set_image_backend
from ..data.decoded import DecodedPictures
from ..distributed import get_world_size
from ..kernels.cpu.runtime.threads import num_threads
from ..ops.images import normalize_crops, normalize_images
from ..tensor import Tensor
from ..transforms import NormalizeImages
from .crops import CropNumbers, CropPixels, Upload, packed
from .cut import Cut

__all__ = ["PictureLoaders", "picture_loaders"]

_SHARE = 0.5  # of the GPU's free memory


class PictureLoaders(NamedTuple):
    """What :func:`picture_loaders` returns.

    Attributes:
        train, val: give (batch, labels), the training pictures in random order.
        images: makes of such a batch the network's input (N, C, H, W), on the batch's device.
    """

    train: DataLoader
    val: DataLoader
    images: Callable[[Tensor], Tensor]


def picture_loaders(
    args: argparse.Namespace,
    train: tuple[Any, Any],
    val: tuple[Any, Any],
    normalize: NormalizeImages,
) -> PictureLoaders:
    """Loaders for the device of a run; on a GPU, all pictures are decoded now.

    Pixels are equal on both devices, bit for bit, but crops are drawn one by one on the CPU and for a
    whole batch on a GPU. Several processes load as on the CPU. On a GPU the decoded pictures must all
    fit into the computer's memory, if not into the GPU's.

    Args:
        args: with ``device``, ``batch_size``, ``workers`` and ``gpu_gb``.
        train, val: a dataset of (picture, label) each and its transform, which returns bytes.
        normalize: for whole batches.

    Raises:
        ValueError: on a GPU, for other transforms than :class:`.Cut` knows, or crops of two sizes.
    """
    if args.device != "cuda" or get_world_size() > 1:
        datasets = [TransformDataset(*part) for part in (train, val)]
        return _loaders(args, datasets, normalize)
    cuts = [Cut.of(transform) for _, transform in (train, val)]
    if cuts[0].size != cuts[1].size:
        raise ValueError(
            f"all crops must have one size, got {cuts[0].size} to train and {cuts[1].size} to validate"
        )
    decoded = _decode(args, train[0], val[0], cuts)
    if decoded[0].nbytes + decoded[1].nbytes > budget(args):
        return _from_memory(args, decoded, cuts, normalize)
    return _on_gpu(args, decoded, cuts, normalize)


def budget(args: argparse.Namespace) -> float:
    """The most bytes that pictures may take of the GPU's memory."""
    return _SHARE * mem_get_info()[0] if args.gpu_gb is None else args.gpu_gb * 1e9


def _decode(
    args: argparse.Namespace, train: Any, val: Any, cuts: list[Cut]
) -> list[DecodedPictures]:
    with contextlib.suppress(ModuleNotFoundError):  # the pixels are the same
        set_image_backend("simplejpeg")
    start, workers = time.perf_counter(), max(args.workers, num_threads())  # one for each core
    decoded = [
        DecodedPictures(dataset, cut.resize, workers)
        for dataset, cut in zip((train, val), cuts, strict=True)
    ]
    count, size = sum(map(len, decoded)), sum(each.nbytes for each in decoded)
    seconds = time.perf_counter() - start
    print(f"decoded {count} pictures in {seconds:.1f} s: {size / 1e9:.3g} GB", flush=True)
    return decoded


def _on_gpu(
    args: argparse.Namespace,
    decoded: list[DecodedPictures],
    cuts: list[Cut],
    normalize: NormalizeImages,
) -> PictureLoaders:
    pictures = [picture for part in decoded for picture in part.take_pictures()]
    pixels, starts = packed(pictures, args.device)
    starts_of_each = np.split(starts, [len(decoded[0])])
    datasets = [CropNumbers(*part) for part in zip(decoded, cuts, starts_of_each, strict=True)]

    def images(crops: Tensor) -> Tensor:
        size, mean, std = cuts[0].size, normalize.mean, normalize.std
        return normalize_crops(pixels, crops, size, mean, std, _dtype(normalize))

    return _loaders(args, datasets, images)


def _from_memory(
    args: argparse.Namespace,
    decoded: list[DecodedPictures],
    cuts: list[Cut],
    normalize: NormalizeImages,
) -> PictureLoaders:
    def images(pixels: Tensor) -> Tensor:
        return normalize_images(pixels, normalize.mean, normalize.std, _dtype(normalize))

    datasets = [CropPixels(part, cut) for part, cut in zip(decoded, cuts, strict=True)]
    return _loaders(args, datasets, images, Upload(args.device))


def _dtype(normalize: NormalizeImages) -> np.dtype:
    """What the first layer would cast the images to."""
    return get_autocast_dtype() if is_autocast_enabled() else normalize.dtype


def _loaders(
    args: argparse.Namespace,
    datasets: list[Any],
    images: Callable[[Tensor], Tensor],
    collate: Callable[[list[Any]], Any] | None = None,
) -> PictureLoaders:
    options: dict[str, Any] = {
        "batch_size": args.batch_size,
        "num_workers": args.workers,
        "collate_fn": collate,
    }
    train, val = datasets
    return PictureLoaders(
        DataLoader(train, shuffle=True, **options), DataLoader(val, **options), images
    )
