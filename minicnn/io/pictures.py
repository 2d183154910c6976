"""Pictures as tensors (C, H, W), read and written through Pillow, as ``torchvision.io``."""

from __future__ import annotations

import enum
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from ..tensor import Tensor
from .atomic import replacing

__all__ = [
    "ImageReadMode",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]

PathLike = str | os.PathLike[str]


class ImageReadMode(enum.Enum):
    """Which channels a picture is converted to; strings such as ``"RGB"`` name them as well."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGBA: "RGBA",
}


def read_file(path: PathLike) -> Tensor:
    """The bytes of a file, (N,) of uint8."""
    return Tensor.of(np.frombuffer(bytearray(Path(path).read_bytes()), np.uint8))


def write_file(filename: PathLike, data: Tensor) -> None:
    """Writes bytes, (N,) of uint8, to a file."""
    with replacing(filename) as file:
        file.write(_bytes(data))


def decode_image(
    input: Tensor | PathLike,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """A picture as a tensor.

    Args:
        input: a path, or the bytes of a file, (N,) of uint8.
        mode: which channels to convert the picture to; by default it keeps its own, where palettes
            are looked up.
        apply_exif_orientation: whether to turn the picture upright.

    Returns:
        (C, H, W) of uint8; of a GIF with several frames (N, C, H, W).

    Raises:
        RuntimeError: if it is no picture, damaged or cut off.

    As ``torchvision.io.decode_image``, for every format that Pillow reads. Grey of 16 bits becomes
    int32, as there is no uint16 here. Grey made of colours may differ by 1 from torchvision's,
    except in JPEGs.
    """
    mode = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    name = "the picture" if isinstance(input, Tensor) else repr(os.fspath(input))
    data = _bytes(input) if isinstance(input, Tensor) else Path(input).read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if mode is ImageReadMode.GRAY:
                picture.draft("L", picture.size)  # of a JPEG, the brightness that it holds
            if getattr(picture, "n_frames", 1) > 1 and picture.format == "GIF":
                frames = ImageSequence.Iterator(picture)
                return Tensor.of(np.stack([_array(frame.convert("RGB"), mode) for frame in frames]))
            upright = ImageOps.exif_transpose(picture) if apply_exif_orientation else picture
            return Tensor.of(_array(upright, mode))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RuntimeError(f"cannot decode {name}: {error}") from error


def read_image(
    path: PathLike,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """The picture in a file, see :func:`decode_image`."""
    return decode_image(path, mode, apply_exif_orientation)


def decode_png(
    input: Tensor,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """The picture in the bytes of a PNG, see :func:`decode_image`."""
    return decode_image(input, mode, apply_exif_orientation)


def decode_jpeg(
    input: Tensor | Sequence[Tensor],
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    device: Any = "cpu",
    apply_exif_orientation: bool = False,
) -> Tensor | list[Tensor]:
    """The picture in the bytes of a JPEG, or a list of them, see :func:`decode_image`.

    Args:
        input, mode, apply_exif_orientation: as :func:`decode_image`'s.
        device: where the result goes; the CPU decodes.
    """
    if not isinstance(input, Tensor):
        return [decode_image(x, mode, apply_exif_orientation).to(device) for x in input]
    return decode_image(input, mode, apply_exif_orientation).to(device)


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """The bytes of a PNG file.

    Args:
        input: (1 or 3, H, W) of uint8.
        compression_level: 0 (fast) to 9 (small).

    Returns:
        (N,) of uint8.

    Raises:
        RuntimeError: for another dtype or shape, or a level out of range.
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"compression_level must be between 0 and 9, got {compression_level}")
    return _encoded(input, "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor | Sequence[Tensor], quality: int = 75) -> Tensor | list[Tensor]:
    """The bytes of a JPEG file, or of several.

    Args:
        input: (1 or 3, H, W) of uint8, or a list of such tensors.
        quality: 1 to 100.

    Returns:
        (N,) of uint8, or a list.

    Raises:
        RuntimeError: for another dtype or shape.
        ValueError: for a quality out of range.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be between 1 and 100, got {quality}")
    if not isinstance(input, Tensor):
        return [_encoded(image, "JPEG", quality=quality) for image in input]
    return _encoded(input, "JPEG", quality=quality)


def write_png(input: Tensor, filename: PathLike, compression_level: int = 6) -> None:
    """Writes a picture to a PNG file, see :func:`encode_png`."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: PathLike, quality: int = 75) -> None:
    """Writes a picture to a JPEG file, see :func:`encode_jpeg`."""
    encoded = encode_jpeg(input, quality)
    assert isinstance(encoded, Tensor)  # one picture gives one file
    write_file(filename, encoded)


def _array(picture: Image.Image, mode: ImageReadMode) -> np.ndarray:
    """A picture as (C, H, W), with the channels of ``mode``."""
    wanted = _MODES.get(mode)
    if wanted is None:
        wanted = picture.mode
        if wanted == "P":  # with a palette
            wanted = "RGBA" if "transparency" in picture.info else "RGB"
        elif wanted == "1":
            wanted = "L"
    array = np.array(picture if picture.mode == wanted else picture.convert(wanted))
    array = array.astype(np.int32) if array.dtype.itemsize > 1 else array
    return array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)


def _bytes(data: Tensor) -> bytes:
    if data.dtype != np.uint8 or data.ndim != 1:
        raise RuntimeError(
            f"the bytes of a file must be (N,) of uint8, got {tuple(data.shape)} of {data.dtype}"
        )
    return data.cpu().numpy().tobytes()


def _encoded(image: Tensor, format: str, **options: int) -> Tensor:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] not in (1, 3):
        raise RuntimeError(
            f"a picture to encode must be (1 or 3, H, W) of uint8, got {tuple(image.shape)} of "
            f"{image.dtype}"
        )
    pixels = np.ascontiguousarray(image.cpu().numpy().transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(
        buffer, format, **options
    )
    return Tensor.of(np.frombuffer(bytearray(buffer.getvalue()), np.uint8))
